//! Dimension names of HDF-EOS5 files: they stand in `StructMetadata.0`, not in HDF5 dimension scales.

use std::collections::HashMap;

use harmony_model::{DimId, Dimension, Granule, GroupId, VarId};

use super::axes;
use super::structure::{StructDim, StructField, Structure};

/// The structure of an HDF-EOS5 granule; `None` when it is none.
///
/// The text lies in `/HDFEOS INFORMATION/StructMetadata.0`, `.1`, … as datasets, in old files as attributes.
pub fn structure_of(granule: &Granule) -> Option<Structure> {
    let text = struct_metadata(granule)?;
    let structure = Structure::parse(&text);
    (!structure.is_empty()).then_some(structure)
}

/// The text of `StructMetadata.0`, `.1`, …, joined. HDF-EOS2 readers leave it as an attribute of the root.
pub fn struct_metadata(granule: &Granule) -> Option<String> {
    let mut text = String::new();
    for part in 0..1000 {
        let name = format!("StructMetadata.{part}");
        let attribute = |g: GroupId| granule.group(g).attr_text(&name);
        let piece = granule
            .find_var(&format!("/HDFEOS INFORMATION/{name}"))
            .and_then(|v| granule.read_texts(v).ok())
            .map(|texts| texts.concat())
            .or_else(|| granule.find_group("/HDFEOS INFORMATION").and_then(attribute))
            .or_else(|| attribute(Granule::ROOT));
        match piece {
            Some(piece) => text.push_str(&piece),
            None => break,
        }
    }
    (!text.is_empty()).then_some(text)
}

/// Gives the anonymous dimensions of an HDF-EOS5 granule the names of its `StructMetadata.0`, each in the scope of
/// its swath or grid: two swaths may have an `nXtrack` of different length. Dimensions with a name keep it.
///
/// Returns whether the granule is HDF-EOS5.
pub fn name_dimensions(granule: &mut Granule) -> bool {
    let Some(structure) = granule.find_group("/HDFEOS").and_then(|_| structure_of(granule)) else {
        return false;
    };
    for swath in &structure.swaths {
        if let Some(group) = granule.find_group(&format!("/HDFEOS/SWATHS/{}", swath.name)) {
            let mut scope = Scope::new(granule, group, &swath.dims);
            scope.name_fields("Geolocation Fields", &swath.geo_fields);
            scope.name_fields("Data Fields", &swath.data_fields);
            scope.name_fields("Profile Fields", &swath.data_fields);
        }
    }
    for grid in &structure.grids {
        if let Some(group) = granule.find_group(&format!("/HDFEOS/GRIDS/{}", grid.name)) {
            let mut dims = grid.dims.clone();
            dims.push(StructDim { name: "XDim".into(), size: Some(grid.x_size) });
            dims.push(StructDim { name: "YDim".into(), size: Some(grid.y_size) });
            Scope::new(granule, group, &dims).name_fields("Data Fields", &grid.data_fields);
        }
    }
    remove_unused(granule);
    true
}

/// Gives the grids of an HDF-EOS5 granule (its dimensions named) coordinate variables and grid mappings.
///
/// Returns the number of grids that got them.
pub fn add_grid_axes(granule: &mut Granule) -> usize {
    let Some(structure) = structure_of(granule) else { return 0 };
    let mut done = 0;
    for grid in &structure.grids {
        let Some(group) = granule.find_group(&format!("/HDFEOS/GRIDS/{}", grid.name)) else { continue };
        let dim = |name: &str| {
            let within = |d: &Dimension| d.name == name && granule.is_within(d.group, group);
            granule.dims.iter().position(within).map(DimId)
        };
        if let (Some(x), Some(y)) = (dim("XDim"), dim("YDim")) {
            let owner = granule.dim(x).group;
            done += usize::from(axes::attach(granule, owner, grid, x, y));
        }
    }
    done
}

/// The dimensions of one swath or grid.
struct Scope<'a> {
    granule: &'a mut Granule,
    group: GroupId,
    sizes: HashMap<String, Option<u64>>,
    made: HashMap<String, DimId>,
}

impl<'a> Scope<'a> {
    fn new(granule: &'a mut Granule, group: GroupId, dims: &[StructDim]) -> Self {
        let sizes = dims.iter().map(|d| (d.name.clone(), d.size)).collect();
        let made = granule.dims.iter().enumerate();
        let made = made.filter(|(_, d)| d.group == group && !d.anonymous);
        let made = made.map(|(i, d)| (d.name.clone(), DimId(i))).collect();
        Scope { granule, group, sizes, made }
    }

    fn name_fields(&mut self, section: &str, fields: &[StructField]) {
        let base = self.granule.group(self.group).path.clone();
        for field in fields {
            let path = format!("{base}/{section}/{}", field.name);
            let Some(id) = self.granule.find_var(&path) else { continue };
            if self.granule.var(id).dims.len() == field.dims.len() {
                self.name_field(id, field);
            }
        }
    }

    fn name_field(&mut self, id: VarId, field: &StructField) {
        for (axis, name) in field.dims.iter().enumerate() {
            let old = self.granule.var(id).dims[axis];
            let (anonymous, len) = (self.granule.dim(old).anonymous, self.granule.dim(old).len);
            if !anonymous {
                continue;
            }
            let unlimited = self.granule.dim(old).unlimited
                || self.sizes.get(name) == Some(&None)
                || field.max_dims.get(axis).is_some_and(|m| m.eq_ignore_ascii_case("unlim"));
            if let Some(new) = self.dim(name, len, unlimited) {
                self.granule.vars[id.0].dims[axis] = new;
            }
        }
    }

    /// The dimension of that name and length; made when missing. `None` when the name is taken with another length:
    /// the field then contradicts the structure, and keeps its made-up name.
    fn dim(&mut self, name: &str, len: u64, unlimited: bool) -> Option<DimId> {
        let name = name.replace('/', "_");
        if let Some(&id) = self.made.get(&name) {
            return (self.granule.dim(id).len == len).then_some(id);
        }
        let id = self.granule.add_dim(self.group, &name, len);
        self.granule.dims[id.0].unlimited = unlimited;
        self.made.insert(name, id);
        Some(id)
    }
}

/// Drops the anonymous dimensions that no variable has any more.
fn remove_unused(granule: &mut Granule) {
    let mut used: Vec<bool> = granule.dims.iter().map(|d| !d.anonymous).collect();
    granule.vars.iter().flat_map(|v| &v.dims).for_each(|d| used[d.0] = true);
    let mut new_index = Vec::with_capacity(used.len());
    let mut next = 0;
    for &keep in &used {
        new_index.push(next);
        next += usize::from(keep);
    }
    let mut keep = used.iter();
    granule.dims.retain(|_| *keep.next().expect("one flag for each dimension"));
    for dim in granule.vars.iter_mut().flat_map(|v| &mut v.dims) {
        *dim = DimId(new_index[dim.0]);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use harmony_model::{Attribute, DType, MemoryArray};

    use super::*;

    /// Two swaths with an `nXtrack` each, a grid, and the structure text split over two attributes.
    fn granule() -> Granule {
        let field = |section: &str, key: &str, name: &str, dims: &str| {
            format!(
                "GROUP={section}\nOBJECT=o\n{key}=\"{name}\"\nDimList=({dims})\nEND_OBJECT=o\nEND_GROUP={section}\n"
            )
        };
        let mut text = String::from("GROUP=SwathStructure\n");
        for name in ["UV-1", "UV-2"] {
            text += &format!("GROUP=SWATH_1\nSwathName=\"{name}\"\n");
            text += &field("GeoField", "GeoFieldName", "Latitude", "\"nTimes\",\"nXtrack\"");
            text += &field("DataField", "DataFieldName", "O3", "\"nTimes\",\"nXtrack\"");
            text += "END_GROUP=SWATH_1\n";
        }
        text += "END_GROUP=SwathStructure\nGROUP=GridStructure\nGROUP=GRID_1\nGridName=\"G\"\nXDim=3\nYDim=2\n\
                 UpperLeftPointMtrs=(0.0,2000000.0)\nLowerRightMtrs=(3000000.0,0.0)\nProjection=HE5_GCTP_GEO\n";
        text += &field("DataField", "DataFieldName", "T", "\"YDim\",\"XDim\"");
        text += "END_GROUP=GRID_1\nEND_GROUP=GridStructure\nEND\n";
        let mut g = Granule::new("x.he5", "netcdf4");
        let info = g.add_group(Granule::ROOT, "HDFEOS INFORMATION");
        let (first, second) = text.split_at(200);
        g.groups[info.0].attrs.push(Attribute::text("StructMetadata.0", first));
        g.groups[info.0].attrs.push(Attribute::text("StructMetadata.1", second));
        let eos = g.add_group(Granule::ROOT, "HDFEOS");
        let swaths = g.add_group(eos, "SWATHS");
        for (name, width) in [("UV-1", 3), ("UV-2", 5)] {
            let swath = g.add_group(swaths, name);
            for (section, field) in [("Geolocation Fields", "Latitude"), ("Data Fields", "O3")] {
                let group = g.add_group(swath, section);
                add(&mut g, group, field, &[4, width]);
            }
        }
        let grids = g.add_group(eos, "GRIDS");
        let grid = g.add_group(grids, "G");
        let fields = g.add_group(grid, "Data Fields");
        add(&mut g, fields, "T", &[2, 3]);
        g
    }

    fn add(g: &mut Granule, group: GroupId, name: &str, shape: &[u64]) {
        let dims = shape
            .iter()
            .enumerate()
            .map(|(i, &n)| {
                let id = g.add_dim(group, &format!("phony_dim_{i}"), n);
                g.dims[id.0].anonymous = true;
                id
            })
            .collect();
        let values = vec![0f32; shape.iter().product::<u64>() as usize];
        g.add_var(group, name, DType::F32, dims, Arc::new(MemoryArray::of(shape, &values)));
    }

    fn dims(g: &Granule, path: &str) -> Vec<(String, u64, String)> {
        let var = g.var(g.find_var(path).unwrap());
        let of = |d: &DimId| (g.dim(*d).name.clone(), g.dim(*d).len, g.group(g.dim(*d).group).path.clone());
        var.dims.iter().map(of).collect()
    }

    #[test]
    fn each_swath_has_its_own_dimensions() {
        let mut g = granule();
        assert!(name_dimensions(&mut g));
        let of = |s: &str| dims(&g, &format!("/HDFEOS/SWATHS/{s}/Data Fields/O3"))[1].clone();
        assert_eq!(of("UV-1"), ("nXtrack".into(), 3, "/HDFEOS/SWATHS/UV-1".into()));
        assert_eq!(of("UV-2"), ("nXtrack".into(), 5, "/HDFEOS/SWATHS/UV-2".into()));
        let lat = g.var(g.find_var("/HDFEOS/SWATHS/UV-1/Geolocation Fields/Latitude").unwrap());
        let o3 = g.var(g.find_var("/HDFEOS/SWATHS/UV-1/Data Fields/O3").unwrap());
        assert_eq!(lat.dims, o3.dims);
        assert!(g.dims.iter().all(|d| !d.anonymous));
    }

    #[test]
    fn a_grid_gets_its_axes() {
        let mut g = granule();
        name_dimensions(&mut g);
        assert_eq!(add_grid_axes(&mut g), 1);
        let x = g.find_var("/HDFEOS/GRIDS/G/XDim").unwrap();
        assert_eq!(g.read_stored(x).unwrap(), [0.5, 1.5, 2.5]);
        let field = g.var(g.find_var("/HDFEOS/GRIDS/G/Data Fields/T").unwrap());
        assert_eq!(field.attr_text("grid_mapping").unwrap(), "/HDFEOS/GRIDS/G/crs");
    }
}
