//! From the root through all groups: which objects there are, under which names, in which order.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use harmony_model::granule::join;
use harmony_model::{Granule, GroupId, NamedType, ReadError};

use super::bytes::Bad;
use super::dataset::{Dataset, group_attrs};
use super::datatype;
use super::file::File;
use super::header::{Header, kind};
use super::links::{self, Link, ObjectKind, Target, object_kind};

/// A dataset under one of its names.
pub(super) struct Named {
    pub(super) group: GroupId,
    pub(super) name: String,
    pub(super) dataset: Rc<Dataset>,
}

/// Everything found.
pub(super) struct Contents {
    /// In creation order within each group.
    pub(super) datasets: Vec<Named>,
}

/// A group whose members are still to be read.
struct Pending {
    parent: Option<GroupId>,
    name: String,
    header: Header,
}

struct Walk<'a> {
    file: &'a File,
    granule: &'a mut Granule,
    /// Groups already entered: a link back to one would be a cycle.
    groups: HashSet<u64>,
    /// Datasets by address: further hard links give further variables of the same dataset.
    known: HashMap<u64, Rc<Dataset>>,
    found: Vec<Found>,
}

/// A member that is, or by a soft link becomes, a variable.
struct Found {
    group: GroupId,
    name: String,
    what: What,
}

enum What {
    Dataset(Rc<Dataset>),
    /// Full path that a soft link leads to.
    Soft(String),
}

/// Longer paths are refused: with names of any length, nesting would take memory without end.
const MAX_PATH: usize = 4096;
/// Soft links to soft links are followed this far.
const MAX_SOFT_LINKS: usize = 16;

/// Reads all objects below the group at `root` into `granule` (groups, attributes, types) and the list of datasets.
pub(super) fn walk(file: &File, root: u64, granule: &mut Granule) -> Result<Contents, ReadError> {
    let at = |bad: Bad| bad.at(file.name(), "the root group");
    let header = Header::read(file, root).map_err(at)?;
    let mut walk =
        Walk { file, granule, groups: HashSet::from([root]), known: HashMap::new(), found: Vec::new() };
    let mut todo = vec![Pending { parent: None, name: String::new(), header }];
    // Depth first with a stack of our own: groups may be nested deeper than ours is.
    while let Some(pending) = todo.pop() {
        let first = todo.len();
        walk.group(pending, &mut todo)?;
        todo[first..].reverse();
    }
    walk.finish()
}

impl Walk<'_> {
    fn group(&mut self, pending: Pending, todo: &mut Vec<Pending>) -> Result<(), ReadError> {
        let group = match pending.parent {
            Some(parent) => self.granule.add_group(parent, &pending.name),
            None => Granule::ROOT,
        };
        let path = self.granule.group(group).path.clone();
        let object = if path == "/" { "the root group".to_owned() } else { format!("group '{path}'") };
        let at = |bad: Bad| bad.at(self.file.name(), &object);
        self.granule.groups[group.0].attrs = group_attrs(self.file, &pending.header).map_err(at)?;
        for link in links::of_group(self.file, &pending.header).map_err(at)? {
            self.member(group, link, todo)?;
        }
        Ok(())
    }

    fn member(&mut self, group: GroupId, link: Link, todo: &mut Vec<Pending>) -> Result<(), ReadError> {
        let Link { name, target, .. } = link;
        let path = join(&self.granule.group(group).path, &name);
        let at = |bad: Bad| bad.at(self.file.name(), &format!("'{path}'"));
        if path.len() > MAX_PATH {
            return Err(at(Bad::Unsupported(format!("its path has more than {MAX_PATH} bytes; rename it"))));
        }
        let addr = match target {
            Target::Hard(addr) => addr,
            Target::Soft(target) => {
                self.file.spend(target.len() as u64).map_err(at)?;
                let what = What::Soft(absolute(&self.granule.group(group).path, &target));
                self.found.push(Found { group, name, what });
                return Ok(());
            }
            // Another file is not part of this granule.
            Target::Elsewhere => return Ok(()),
        };
        if let Some(dataset) = self.known.get(&addr) {
            // Another variable of the same dataset takes memory again.
            self.file.spend(dataset.weight).map_err(at)?;
            self.found.push(Found { group, name, what: What::Dataset(dataset.clone()) });
            return Ok(());
        }
        if self.groups.contains(&addr) {
            return Ok(());
        }
        let header = Header::read(self.file, addr).map_err(at)?;
        match object_kind(&header).map_err(at)? {
            ObjectKind::Group => {
                self.groups.insert(addr);
                todo.push(Pending { parent: Some(group), name, header });
            }
            ObjectKind::Dataset => {
                let dataset = Rc::new(Dataset::parse(self.file, addr, &header).map_err(at)?);
                self.known.insert(addr, dataset.clone());
                self.found.push(Found { group, name, what: What::Dataset(dataset) });
            }
            ObjectKind::Datatype => {
                let body = header.resolved(self.file, kind::DATATYPE).map_err(at)?.unwrap_or_default();
                let dtype = datatype::parse_variable(&body, self.file.sizes).map_err(at)?.dtype;
                self.granule.types.push(NamedType { group, name, dtype });
            }
        }
        Ok(())
    }

    /// Follows soft links to datasets; those that lead nowhere, or to a group, name no variable.
    fn finish(self) -> Result<Contents, ReadError> {
        let paths: HashMap<String, usize> = self
            .found
            .iter()
            .enumerate()
            .map(|(i, f)| (join(&self.granule.group(f.group).path, &f.name), i))
            .collect();
        let follow = |found: &Found| {
            let mut what = &found.what;
            for _ in 0..=MAX_SOFT_LINKS {
                match what {
                    What::Dataset(dataset) => return Some(dataset.clone()),
                    What::Soft(path) => what = &self.found[*paths.get(path)?].what,
                }
            }
            None
        };
        let resolved: Vec<_> = self.found.iter().map(follow).collect();
        let mut datasets = Vec::with_capacity(resolved.len());
        for (found, dataset) in self.found.into_iter().zip(resolved) {
            let Some(dataset) = dataset else { continue };
            if let What::Soft(path) = &found.what {
                let at = |bad: Bad| bad.at(self.file.name(), &format!("'{path}'"));
                self.file.spend(dataset.weight).map_err(at)?;
            }
            datasets.push(Named { group: found.group, name: found.name, dataset });
        }
        Ok(Contents { datasets })
    }
}

/// The full path of a soft link's target as seen from the group at `base`.
fn absolute(base: &str, target: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    if !target.starts_with('/') {
        parts.extend(base.split('/').filter(|p| !p.is_empty()));
    }
    // HDF5 paths know "." and not "..".
    parts.extend(target.split('/').filter(|p| !p.is_empty() && *p != "."));
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::absolute;

    #[test]
    fn a_relative_soft_link_starts_in_its_group() {
        assert_eq!(absolute("/a/b", "c/./d"), "/a/b/c/d");
        assert_eq!(absolute("/a/b", "/c/"), "/c");
        assert_eq!(absolute("/", "c"), "/c");
    }
}
