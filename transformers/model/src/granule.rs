//! Granule, groups, dimensions and variables.
//!
//! Everything lives in flat lists; groups, dimensions and variables are named by index ([`GroupId`], [`DimId`],
//! [`VarId`]). Two axes are the same axis when their [`DimId`] is the same: equal length means nothing.

use std::sync::Arc;

use crate::array::{ArraySource, Window};
use crate::attribute::Attribute;
use crate::dtype::{DType, to_f64s};
use crate::error::ReadError;
use crate::packing::Packing;
use crate::storage::Storage;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub usize);
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DimId(pub usize);
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VarId(pub usize);

/// One granule: a tree of groups. `groups[0]` is the root.
#[derive(Clone)]
pub struct Granule {
    /// File name without folders, as messages and outputs use it.
    pub name: String,
    /// Registered name of the format it was read with (`netcdf4`, `netcdf3`, …).
    pub format: &'static str,
    /// In creation order; a parent comes before its children.
    pub groups: Vec<Group>,
    pub dims: Vec<Dimension>,
    /// In creation order within each group.
    pub vars: Vec<Variable>,
    /// Named (committed) user types.
    pub types: Vec<NamedType>,
}

#[derive(Clone, Debug)]
pub struct Group {
    pub parent: Option<GroupId>,
    /// Last part of the path; empty for the root.
    pub name: String,
    /// Full path: `/` for the root, else `/a/b`.
    pub path: String,
    pub attrs: Vec<Attribute>,
}

/// An axis, owned by the group that declares it.
#[derive(Clone, Debug)]
pub struct Dimension {
    pub group: GroupId,
    pub name: String,
    pub len: u64,
    pub unlimited: bool,
    /// The file gives it no name (HDF5 without dimension scales); `name` is made up (`phony_dim_N`).
    pub anonymous: bool,
}

/// A named user type, declared by a group.
#[derive(Clone, Debug)]
pub struct NamedType {
    pub group: GroupId,
    pub name: String,
    pub dtype: DType,
}

/// A variable: metadata here, values behind `data`.
#[derive(Clone)]
pub struct Variable {
    pub group: GroupId,
    pub name: String,
    /// Full path, `/group/name`.
    pub path: String,
    pub dtype: DType,
    /// Stored byte order; values are handed out in native order all the same.
    pub big_endian: bool,
    pub dims: Vec<DimId>,
    pub attrs: Vec<Attribute>,
    /// What stands where nothing was written: one element in native order, if the file says so.
    pub fill: Option<Vec<u8>>,
    /// How it is stored, and how a copy of it wants to be stored.
    pub storage: Storage,
    pub data: Arc<dyn ArraySource>,
}

impl Variable {
    /// The attribute of that exact name.
    pub fn attr(&self, name: &str) -> Option<&Attribute> {
        self.attrs.iter().find(|a| a.name == name)
    }

    /// Text of an attribute.
    pub fn attr_text(&self, name: &str) -> Option<String> {
        self.attr(name)?.as_text()
    }

    /// First number of an attribute.
    pub fn attr_f64(&self, name: &str) -> Option<f64> {
        self.attr(name)?.as_f64()
    }

    /// Replaces or adds an attribute, keeping its place.
    pub fn set_attr(&mut self, attr: Attribute) {
        set_attr(&mut self.attrs, attr);
    }
}

impl Group {
    /// The attribute of that exact name.
    pub fn attr(&self, name: &str) -> Option<&Attribute> {
        self.attrs.iter().find(|a| a.name == name)
    }

    /// Text of an attribute.
    pub fn attr_text(&self, name: &str) -> Option<String> {
        self.attr(name)?.as_text()
    }
}

/// Replaces the attribute of the same name in `attrs`, or adds it at the end.
pub fn set_attr(attrs: &mut Vec<Attribute>, attr: Attribute) {
    match attrs.iter_mut().find(|a| a.name == attr.name) {
        Some(old) => *old = attr,
        None => attrs.push(attr),
    }
}

impl Granule {
    /// An empty granule with a root group.
    pub fn new(name: &str, format: &'static str) -> Self {
        let root = Group { parent: None, name: String::new(), path: "/".into(), attrs: Vec::new() };
        Granule {
            name: name.into(),
            format,
            groups: vec![root],
            dims: Vec::new(),
            vars: Vec::new(),
            types: Vec::new(),
        }
    }

    pub const ROOT: GroupId = GroupId(0);

    /// Adds a child group and gives its id.
    pub fn add_group(&mut self, parent: GroupId, name: &str) -> GroupId {
        let path = join(&self.groups[parent.0].path, name);
        self.groups.push(Group { parent: Some(parent), name: name.into(), path, attrs: Vec::new() });
        GroupId(self.groups.len() - 1)
    }

    /// Adds a named dimension and gives its id.
    pub fn add_dim(&mut self, group: GroupId, name: &str, len: u64) -> DimId {
        self.dims.push(Dimension { group, name: name.into(), len, unlimited: false, anonymous: false });
        DimId(self.dims.len() - 1)
    }

    /// Adds a variable with contiguous storage and no attributes; `path` is derived.
    pub fn add_var(
        &mut self,
        group: GroupId,
        name: &str,
        dtype: DType,
        dims: Vec<DimId>,
        data: Arc<dyn ArraySource>,
    ) -> VarId {
        let path = join(&self.groups[group.0].path, name);
        self.vars.push(Variable {
            group,
            name: name.into(),
            path,
            dtype,
            big_endian: false,
            dims,
            attrs: Vec::new(),
            fill: None,
            storage: Storage::Contiguous,
            data,
        });
        VarId(self.vars.len() - 1)
    }

    pub fn var(&self, id: VarId) -> &Variable {
        &self.vars[id.0]
    }

    pub fn dim(&self, id: DimId) -> &Dimension {
        &self.dims[id.0]
    }

    pub fn group(&self, id: GroupId) -> &Group {
        &self.groups[id.0]
    }

    pub fn var_ids(&self) -> impl Iterator<Item = VarId> + use<> {
        (0..self.vars.len()).map(VarId)
    }

    /// Extents of a variable, slowest axis first.
    pub fn shape(&self, id: VarId) -> Vec<u64> {
        self.var(id).dims.iter().map(|&d| self.dim(d).len).collect()
    }

    /// The variable at a full path (`/group/name`; the leading `/` may be missing).
    pub fn find_var(&self, path: &str) -> Option<VarId> {
        let path = path.trim_start_matches('/');
        self.var_ids().find(|&v| self.var(v).path[1..] == *path)
    }

    /// The group at a full path.
    pub fn find_group(&self, path: &str) -> Option<GroupId> {
        let path = path.trim_matches('/');
        (0..self.groups.len()).map(GroupId).find(|g| self.group(*g).path[1..] == *path)
    }

    /// The variable that `reference` means when it stands in `group`: absolute, relative (`../x`, `a/x`), or a bare
    /// name searched in the group, then its ancestors, then (CF 1.8 §2.7 "search by proximity") the nearest group
    /// below an ancestor that holds it.
    pub fn resolve_var(&self, group: GroupId, reference: &str) -> Option<VarId> {
        if reference.starts_with('/') {
            return self.find_var(reference);
        }
        let mut at = group;
        let mut rest = reference;
        if rest.starts_with("./") || rest.starts_with("../") {
            loop {
                if let Some(r) = rest.strip_prefix("../") {
                    at = self.group(at).parent?;
                    rest = r;
                } else if let Some(r) = rest.strip_prefix("./") {
                    rest = r;
                } else {
                    return self.find_var(&join(&self.group(at).path, rest));
                }
            }
        }
        let mut here = Some(group);
        while let Some(g) = here {
            if let Some(v) = self.find_var(&join(&self.group(g).path, rest)) {
                return Some(v);
            }
            here = self.group(g).parent;
        }
        if rest.contains('/') {
            return None;
        }
        let mut here = Some(group);
        while let Some(g) = here {
            let prefix = join(&self.group(g).path, "");
            let mut below = self.var_ids().filter(|&v| {
                let var = self.var(v);
                var.name == rest && var.path.starts_with(&prefix)
            });
            // One match is a reference; several at the same distance would be a guess.
            if let Some(v) = below.next() {
                return below.next().is_none().then_some(v);
            }
            here = self.group(g).parent;
        }
        None
    }

    /// The variable that gives a dimension its coordinates: 1-D, named like it, in the dimension's group.
    pub fn dim_coordinate(&self, dim: DimId) -> Option<VarId> {
        let d = self.dim(dim);
        self.var_ids().find(|&v| {
            let var = self.var(v);
            var.group == d.group && var.name == d.name && var.dims == [dim]
        })
    }

    /// Whether `group` is `ancestor` or lies below it.
    pub fn is_within(&self, group: GroupId, ancestor: GroupId) -> bool {
        let mut here = Some(group);
        while let Some(g) = here {
            if g == ancestor {
                return true;
            }
            here = self.group(g).parent;
        }
        false
    }

    /// Elements of `window` in native byte order, row-major.
    ///
    /// # Errors
    /// What the source of the variable says.
    pub fn read(&self, id: VarId, window: &Window) -> Result<Vec<u8>, ReadError> {
        let mut out = Vec::new();
        self.read_to(id, window, &mut out)?;
        Ok(out)
    }

    /// [`Granule::read`] into a buffer that is used again: what was in it is gone.
    ///
    /// # Errors
    /// As [`Granule::read`].
    pub fn read_to(&self, id: VarId, window: &Window, out: &mut Vec<u8>) -> Result<(), ReadError> {
        let var = self.var(id);
        let size = window.count().checked_mul(var.dtype.size() as u64).filter(|&n| n < isize::MAX as u64);
        let size = size.ok_or_else(|| {
            ReadError::corrupt(&self.name, format!("variable '{}'", var.path), "its size overflows")
        })?;
        // A file may claim any size: a refusal of memory must be an error, not the end of the program.
        if size > PROBED && Vec::<u8>::new().try_reserve_exact(size as usize).is_err() {
            return Err(ReadError::TooLarge {
                source_name: self.name.clone(),
                object: format!("variable '{}'", var.path),
                claimed: size,
                limit: PROBED,
            });
        }
        if out.capacity() == 0 {
            // Fresh memory is zero already.
            *out = vec![0; size as usize];
        } else {
            out.resize(size as usize, 0);
        }
        var.data.read(window, out)
    }

    /// Physical values of `window`: fill values and what the data have no source for are NaN, `scale_factor` and `add_offset` applied.
    ///
    /// # Errors
    /// What the source of the variable says; [`ReadError::Unsupported`] when it is not numeric.
    pub fn read_physical(&self, id: VarId, window: &Window) -> Result<Vec<f64>, ReadError> {
        let var = self.var(id);
        let bytes = self.read(id, window)?;
        let mut values = Packing::of(var).unpack(&var.dtype, &bytes).ok_or_else(|| {
            ReadError::unsupported(
                &self.name,
                format!("variable '{}'", var.path),
                format!("it holds {}, not numbers", var.dtype.name()),
            )
        })?;
        if let Some(coverage) = var.data.coverage() {
            let mut covered = vec![0; values.len()];
            coverage.read(window, &mut covered)?;
            values.iter_mut().zip(&covered).filter(|(_, c)| **c == 0).for_each(|(v, _)| *v = f64::NAN);
        }
        Ok(values)
    }

    /// Stored numbers of the whole variable as doubles: neither fill nor packing is looked at.
    ///
    /// # Errors
    /// As [`Granule::read_physical`].
    pub fn read_stored(&self, id: VarId) -> Result<Vec<f64>, ReadError> {
        let var = self.var(id);
        let bytes = self.read(id, &Window::all(&self.shape(id)))?;
        to_f64s(&var.dtype, &bytes).ok_or_else(|| {
            ReadError::unsupported(&self.name, format!("variable '{}'", var.path), "it does not hold numbers")
        })
    }

    /// Physical values of the whole variable.
    ///
    /// # Errors
    /// As [`Granule::read_physical`].
    pub fn read_all_physical(&self, id: VarId) -> Result<Vec<f64>, ReadError> {
        self.read_physical(id, &Window::all(&self.shape(id)))
    }

    /// Texts of the whole variable; a `Char` array is one text per row of its last axis.
    ///
    /// # Errors
    /// What the source says; [`ReadError::Unsupported`] when it is not text.
    pub fn read_texts(&self, id: VarId) -> Result<Vec<String>, ReadError> {
        let var = self.var(id);
        let shape = self.shape(id);
        let bytes = self.read(id, &Window::all(&shape))?;
        let clean = |b: &[u8]| {
            let end = b.iter().position(|&c| c == 0).unwrap_or(b.len());
            String::from_utf8_lossy(&b[..end]).trim_end().to_owned()
        };
        match &var.dtype {
            DType::Char => {
                let width = shape.last().copied().unwrap_or(1).max(1) as usize;
                Ok(bytes.chunks(width).map(clean).collect())
            }
            DType::FixedString { len, .. } => Ok(bytes.chunks((*len).max(1)).map(clean).collect()),
            DType::String => {
                let heap = var.data.heap().ok_or_else(|| {
                    ReadError::corrupt(
                        &self.name,
                        format!("variable '{}'", var.path),
                        "its texts are missing",
                    )
                })?;
                bytes
                    .chunks_exact(crate::dtype::SLOT)
                    .map(|slot| heap.get(slot, 1).map(|b| clean(&b)))
                    .collect()
            }
            _ => {
                Err(ReadError::unsupported(&self.name, format!("variable '{}'", var.path), "it is not text"))
            }
        }
    }
}

/// Sizes above this are asked for before they are allocated.
const PROBED: u64 = 1 << 30;

/// Path of `name` below the group at `path`.
pub fn join(path: &str, name: &str) -> String {
    if path == "/" { format!("/{name}") } else { format!("{path}/{name}") }
}
