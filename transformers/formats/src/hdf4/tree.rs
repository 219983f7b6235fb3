//! Vgroups that users see: HDF-EOS2 grids and swaths, and the attributes and tables outside the SD interface.

use std::collections::{HashMap, HashSet};

use harmony_model::{Attribute, ReadError};

use super::file::{Hdf4, Key, tag};
use super::tables::Vgroup;

/// A grid, swath or point of HDF-EOS2.
pub struct EosGroup {
    pub name: String,
    /// Fields: references of numeric data groups (data sets) and Vdatas (1-D fields).
    pub fields: Vec<Key>,
    pub attrs: Vec<Attribute>,
}

/// What the Vgroups outside the SD interface say.
#[derive(Default)]
pub struct Tree {
    pub eos: Vec<EosGroup>,
    /// Attributes of plain Vgroups that hold data sets (TRMM's `GridHeader`).
    pub attrs: Vec<Attribute>,
    /// Vdatas that are tables of the user.
    pub tables: Vec<u16>,
}

impl Tree {
    /// Reads it.
    ///
    /// # Errors
    /// [`ReadError`] when the structure is damaged.
    pub fn read(file: &Hdf4) -> Result<Self, ReadError> {
        let mut groups = HashMap::new();
        let mut order = Vec::new();
        for reference in file.refs(tag::VGROUP) {
            groups.insert(reference, file.vgroup(reference)?);
            order.push(reference);
        }
        let mut tree = Tree::default();
        let mut taken = HashSet::new();
        for group in order.iter().map(|r| &groups[r]) {
            match group.class.as_str() {
                "GRID" | "SWATH" | "POINT" => {
                    let eos = eos_group(file, group, &groups)?;
                    taken.extend(eos.fields.iter().copied());
                    tree.eos.push(eos);
                }
                class if is_internal(class) || class.ends_with(" Vgroup") => {}
                _ => {
                    for &(tag, reference) in group.members.iter().chain(&group.attrs) {
                        if tag == tag::VDATA_HEADER {
                            tree.attrs.extend(file.attribute(reference)?);
                        }
                    }
                }
            }
        }
        for reference in file.refs(tag::VDATA_HEADER) {
            let table = file.vdata(reference)?;
            if !taken.contains(&(tag::VDATA_HEADER, reference))
                && !is_internal(&table.class)
                && table.records > 0
            {
                tree.tables.push(reference);
            }
        }
        Ok(tree)
    }
}

/// Classes that the libraries use for their own bookkeeping.
fn is_internal(class: &str) -> bool {
    const PREFIXES: [&str; 14] = [
        "CDF0.", "Var0.", "Dim0.", "UDim0.", "DimVal0.", "Attr0.", "SDSVar", "CoordVar", "_HDF_", "RIG0.",
        "RI0.", "RIATTR0.", "DATA0.", "GR0.",
    ];
    PREFIXES.iter().any(|p| class.starts_with(p))
}

fn eos_group(file: &Hdf4, group: &Vgroup, groups: &HashMap<u16, Vgroup>) -> Result<EosGroup, ReadError> {
    let mut out = EosGroup { name: group.name.clone(), fields: Vec::new(), attrs: Vec::new() };
    let children = group.members.iter().filter(|m| m.0 == tag::VGROUP).filter_map(|m| groups.get(&m.1));
    for child in children {
        if child.name.ends_with(" Attributes") {
            for &(tag, reference) in &child.members {
                if tag == tag::VDATA_HEADER
                    && let Some(attr) = file.attribute(reference)?
                    // Fill values of fields: the fields have them as `_FillValue`.
                    && !attr.name.starts_with("_FV_")
                    && !attr.name.starts_with("_BLKSZ:")
                {
                    out.attrs.push(attr);
                }
            }
        } else {
            out.fields.extend(&child.members);
        }
    }
    Ok(out)
}
