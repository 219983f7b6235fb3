//! What is told of each granule: the attributes in which they differ, as texts in a group of their own.

use std::sync::Arc;

use harmony_model::{Attribute, DType, DimId, Granule, GroupId, MemoryArray};

use super::attrs::{Entry, text_of};

/// Group for what differs.
const GROUP: &str = "granules";
/// Dimension of the granules and the variable with their names, as concise calls them.
pub const INDEX: &str = "subset_index";
pub const FILES: &str = "subset_files";
const FILES_LONG_NAME: &str = "List of subsetted files used to create this merge product.";

/// A variable of file names along `dim`.
pub fn add_files(out: &mut Granule, group: GroupId, dim: DimId, names: &[String]) {
    let free = free_name(FILES, |n| out.vars.iter().any(|v| v.group == group && v.name == n));
    add_texts(out, group, dim, &free, names.to_vec());
    if let Some(var) = out.vars.last_mut() {
        var.attrs = vec![Attribute::text("long_name", FILES_LONG_NAME)];
    }
}

fn add_texts(out: &mut Granule, group: GroupId, dim: DimId, name: &str, texts: Vec<String>) {
    let len = texts.len() as u64;
    let data = MemoryArray::of_texts(&[len], texts.into_iter().map(String::into_bytes).collect());
    out.add_var(group, name, DType::String, vec![dim], Arc::new(data));
}

/// Adds the attributes that differ, by the path of their group. Extended granules have no dimension for it yet.
pub fn add(out: &mut Granule, differing: Vec<(String, Vec<Entry>)>, dim: Option<DimId>, names: &[String]) {
    if differing.iter().all(|(_, entries)| entries.is_empty()) {
        return;
    }
    let taken = |n: &str| out.groups.iter().any(|g| g.parent == Some(Granule::ROOT) && g.name == n);
    let free = free_name(GROUP, taken);
    let root = out.add_group(Granule::ROOT, &free);
    let dim = dim.unwrap_or_else(|| {
        let dim = out.add_dim(root, INDEX, names.len() as u64);
        add_files(out, root, dim, names);
        dim
    });
    for (path, entries) in differing {
        if entries.is_empty() {
            continue;
        }
        let mut group = root;
        for part in path.split('/').filter(|p| !p.is_empty()) {
            let known = (0..out.groups.len())
                .map(GroupId)
                .find(|&g| out.group(g).parent == Some(group) && out.group(g).name == part);
            group = known.unwrap_or_else(|| out.add_group(group, part));
        }
        for entry in entries {
            let name = entry.name.replace('/', "_");
            let is_taken = |n: &str| {
                out.vars.iter().any(|v| v.group == group && v.name == n)
                    || out.groups.iter().any(|g| g.parent == Some(group) && g.name == n)
                    || out.dims.iter().any(|d| d.group == group && d.name == n)
            };
            let name = free_name(&name, is_taken);
            let texts = entry.values.iter().map(|v| v.as_ref().map(|a| text_of(a)).unwrap_or_default());
            add_texts(out, group, dim, &name, texts.collect());
        }
    }
}

/// `name`, or with the first number that makes it free.
pub fn free_name(name: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(name) {
        return name.to_owned();
    }
    (1u32..).map(|i| format!("{name}_{i}")).find(|n| !taken(n)).unwrap_or_else(|| name.to_owned())
}
