//! The objects of the file, their links, and which dataset is the scale of which dimension.
//!
//! Conventions of netCDF-C (libhdf5/hdf5file, nc4hdf): a variable named like a dimension of its own group is that
//! dimension's scale when the dimension is its first one; when it is not, the dataset's name gets a secret prefix and
//! the dimension a dataset of its own.

use std::collections::{HashMap, HashSet};

use harmony_model::{DType, DimId, Granule, GroupId, ReadError, VarId};

/// Prefix of the dataset of a variable that is named like a dimension but is not its coordinate.
const NON_COORDINATE: &str = "_nc4_non_coord_";

/// What an object header describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    Group(GroupId),
    /// A committed type, by its number in the granule.
    Type(usize),
    /// The dataset of a dimension without coordinate variable.
    Dimension(DimId),
    Variable(VarId),
}

/// Number of an object in [`Structure::objects`].
pub type ObjectId = usize;

/// Objects and links in the order in which they are created.
pub struct Structure {
    pub objects: Vec<Object>,
    /// For each group of the granule: name and object of its members.
    pub links: Vec<Vec<(String, ObjectId)>>,
    /// For each dimension: its scale, unless it is anonymous.
    pub scales: Vec<Option<ObjectId>>,
    /// For each dimension that has a scale: its `_Netcdf4Dimid`.
    pub dim_numbers: Vec<i32>,
    /// For each object that is a scale: the variables that use it and along which axis.
    pub users: HashMap<ObjectId, Vec<(ObjectId, u32)>>,
    /// For each object that is a scale: the dimension.
    pub scale_dims: HashMap<ObjectId, DimId>,
    /// For each committed type: how often it is used.
    pub type_uses: Vec<u32>,
}

impl Structure {
    /// Lays out the members of every group.
    ///
    /// # Errors
    /// [`ReadError::Unsupported`] when two members of a group have the same name or a name can't be one.
    pub fn of(granule: &Granule) -> Result<Self, ReadError> {
        let mut s = Structure {
            objects: (0..granule.groups.len()).map(|g| Object::Group(GroupId(g))).collect(),
            links: vec![Vec::new(); granule.groups.len()],
            scales: vec![None; granule.dims.len()],
            dim_numbers: vec![-1; granule.dims.len()],
            users: HashMap::new(),
            scale_dims: HashMap::new(),
            type_uses: vec![0; granule.types.len()],
        };
        for (i, named) in granule.types.iter().enumerate() {
            s.link(named.group, named.name.clone(), Object::Type(i));
        }
        let coordinates = coordinates(granule);
        let named = granule.dims.iter().enumerate().filter(|(_, d)| !d.anonymous);
        for (number, (i, dim)) in (0..).zip(named) {
            s.dim_numbers[i] = number;
            if !coordinates.by_dim.contains_key(&DimId(i)) {
                let object = s.link(dim.group, dim.name.clone(), Object::Dimension(DimId(i)));
                s.make_scale(DimId(i), object);
            }
        }
        for (i, var) in granule.vars.iter().enumerate() {
            let name = match coordinates.hidden.contains(&VarId(i)) {
                true => format!("{NON_COORDINATE}{}", var.name),
                false => var.name.clone(),
            };
            let object = s.link(var.group, name, Object::Variable(VarId(i)));
            if let Some(&dim) = coordinates.by_var.get(&VarId(i)) {
                s.make_scale(dim, object);
            }
        }
        for (i, group) in granule.groups.iter().enumerate() {
            if let Some(parent) = group.parent.filter(|p| p.0 < i) {
                s.links[parent.0].push((group.name.clone(), i));
            }
        }
        s.find_users(granule);
        s.count_types(granule);
        s.check_names(granule)?;
        Ok(s)
    }

    fn link(&mut self, group: GroupId, name: String, object: Object) -> ObjectId {
        self.objects.push(object);
        self.links[group.0].push((name, self.objects.len() - 1));
        self.objects.len() - 1
    }

    fn make_scale(&mut self, dim: DimId, object: ObjectId) {
        self.scales[dim.0] = Some(object);
        self.scale_dims.insert(object, dim);
    }

    /// A scale can't have scales itself, so a coordinate variable is nobody's user.
    fn find_users(&mut self, granule: &Granule) {
        for (object, what) in self.objects.iter().enumerate() {
            let Object::Variable(var) = what else { continue };
            if self.scale_dims.contains_key(&object) {
                continue;
            }
            for (axis, dim) in granule.var(*var).dims.iter().enumerate() {
                if let Some(scale) = self.scales[dim.0] {
                    self.users.entry(scale).or_default().push((object, axis as u32));
                }
            }
        }
    }

    fn count_types(&mut self, granule: &Granule) {
        let vars = granule.vars.iter();
        let of_vars = vars.filter_map(|v| committed(granule, v.group, &v.dtype, v.big_endian));
        let of_var_attrs = granule
            .vars
            .iter()
            .flat_map(|v| v.attrs.iter().filter_map(|a| committed(granule, v.group, &a.dtype, false)));
        let of_group_attrs = granule.groups.iter().enumerate().flat_map(|(g, group)| {
            group.attrs.iter().filter_map(move |a| committed(granule, GroupId(g), &a.dtype, false))
        });
        for used in of_vars.chain(of_var_attrs).chain(of_group_attrs).collect::<Vec<_>>() {
            self.type_uses[used] += 1;
        }
    }

    fn check_names(&self, granule: &Granule) -> Result<(), ReadError> {
        for (group, links) in granule.groups.iter().zip(&self.links) {
            let mut seen = HashSet::new();
            for (name, _) in links {
                let problem = if !seen.insert(name.as_str()) {
                    "is the name of two members; rename one of them"
                } else if name.is_empty() || name == "." || name.contains('/') || name.contains('\0') {
                    "is not a name that HDF5 allows; rename it"
                } else if name.len() > usize::from(u16::MAX) / 2 {
                    "is too long a name; rename it"
                } else {
                    continue;
                };
                let shown: String = name.chars().take(100).collect();
                return Err(ReadError::unsupported(
                    &granule.name,
                    format!("group '{}'", group.path),
                    format!("'{shown}' {problem}"),
                ));
            }
        }
        Ok(())
    }

    /// Whether netCDF needs the dimension numbers of a variable beside its scales: a scale of several axes has no scales
    /// attached, and a dimension of a group that is not above the variable is not found through them.
    pub fn needs_dim_numbers(&self, granule: &Granule, object: ObjectId, var: VarId) -> bool {
        let v = granule.var(var);
        let named = v.dims.iter().all(|d| self.scales[d.0].is_some());
        let is_wide_scale = self.scale_dims.contains_key(&object) && v.dims.len() > 1;
        named && (is_wide_scale || v.dims.iter().any(|d| !granule.is_within(v.group, granule.dim(*d).group)))
    }
}

struct Coordinates {
    by_dim: HashMap<DimId, VarId>,
    by_var: HashMap<VarId, DimId>,
    /// Named like a dimension without being its coordinate.
    hidden: HashSet<VarId>,
}

fn coordinates(granule: &Granule) -> Coordinates {
    let named = granule.dims.iter().enumerate().filter(|(_, d)| !d.anonymous);
    let by_name: HashMap<(GroupId, &str), DimId> =
        named.map(|(i, d)| ((d.group, d.name.as_str()), DimId(i))).collect();
    let mut c = Coordinates { by_dim: HashMap::new(), by_var: HashMap::new(), hidden: HashSet::new() };
    for (i, var) in granule.vars.iter().enumerate() {
        let Some(&dim) = by_name.get(&(var.group, var.name.as_str())) else { continue };
        if var.dims.first() == Some(&dim) && !c.by_dim.contains_key(&dim) {
            c.by_dim.insert(dim, VarId(i));
            c.by_var.insert(VarId(i), dim);
        } else {
            c.hidden.insert(VarId(i));
        }
    }
    c
}

/// The committed type that stands for `dtype` in `group`: one of an enclosing group rather than of another.
pub fn committed(granule: &Granule, group: GroupId, dtype: &DType, big_endian: bool) -> Option<usize> {
    // Numbers and texts are nobody's user types even when a file commits one of that kind.
    let is_user_type = matches!(
        dtype,
        DType::Enum { .. }
            | DType::Compound { .. }
            | DType::Opaque { .. }
            | DType::VLen(_)
            | DType::Array { .. }
    );
    if !is_user_type || (big_endian && super::datatype::swap_width(dtype) > 1) {
        return None;
    }
    let same = |i: &usize| granule.types[*i].dtype == *dtype;
    let all = || (0..granule.types.len()).filter(same);
    all().find(|&i| granule.is_within(group, granule.types[i].group)).or_else(|| all().next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use harmony_model::MemoryArray;
    use std::sync::Arc;

    fn granule() -> (Granule, DimId, DimId) {
        let mut g = Granule::new("a", "netcdf4");
        let y = g.add_dim(Granule::ROOT, "y", 2);
        let x = g.add_dim(Granule::ROOT, "x", 3);
        (g, y, x)
    }

    fn add(g: &mut Granule, name: &str, dims: &[DimId]) {
        let shape: Vec<u64> = dims.iter().map(|d| g.dim(*d).len).collect();
        let n = shape.iter().product::<u64>() as usize;
        g.add_var(
            Granule::ROOT,
            name,
            DType::U8,
            dims.into(),
            Arc::new(MemoryArray::new(&shape, 1, vec![0; n])),
        );
    }

    #[test]
    fn a_coordinate_variable_is_the_scale_of_its_dimension() {
        let (mut g, y, x) = granule();
        add(&mut g, "v", &[y, x]);
        add(&mut g, "x", &[x]);
        let s = Structure::of(&g).unwrap();
        let names: Vec<&str> = s.links[0].iter().map(|l| l.0.as_str()).collect();
        assert_eq!(names, ["y", "v", "x"]);
        assert_eq!(s.objects[s.scales[x.0].unwrap()], Object::Variable(VarId(1)));
        assert_eq!(s.users[&s.scales[x.0].unwrap()], [(2, 1)]);
        assert_eq!(s.dim_numbers, [0, 1]);
    }

    #[test]
    fn a_variable_named_like_a_dimension_it_does_not_begin_with_is_hidden() {
        let (mut g, y, x) = granule();
        add(&mut g, "x", &[y, x]);
        let s = Structure::of(&g).unwrap();
        let names: Vec<&str> = s.links[0].iter().map(|l| l.0.as_str()).collect();
        assert_eq!(names, ["y", "x", "_nc4_non_coord_x"]);
        assert_eq!(s.objects[s.scales[x.0].unwrap()], Object::Dimension(x));
    }

    #[test]
    fn an_anonymous_dimension_has_no_scale() {
        let (mut g, y, _) = granule();
        g.dims[0].anonymous = true;
        add(&mut g, "v", &[y]);
        let s = Structure::of(&g).unwrap();
        assert_eq!(s.scales[0], None);
        assert_eq!(s.dim_numbers, [-1, 0]);
        assert!(s.users.is_empty());
    }

    #[test]
    fn two_members_of_one_name_are_refused() {
        let (mut g, y, _) = granule();
        add(&mut g, "v", &[y]);
        add(&mut g, "v", &[y]);
        assert!(Structure::of(&g).err().unwrap().to_string().contains("'v'"));
    }
}
