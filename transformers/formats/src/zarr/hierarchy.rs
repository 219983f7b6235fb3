//! The tree of groups and arrays, found through consolidated metadata or by listing.

use std::collections::BTreeMap;
use std::sync::Arc;

use harmony_model::ReadError;
use serde_json::{Map, Value};

use super::json;
use super::meta::{self, ArrayMeta};
use super::store::{Store, is_safe_key};

/// Deeper than any real hierarchy: stops at links that form a cycle.
const DEPTH_LIMIT: usize = 32;
/// More nodes than any real hierarchy has.
const NODE_LIMIT: usize = 200_000;

/// Groups and arrays by path (no leading `/`, the root is empty), sorted: a parent comes before its children.
#[derive(Default)]
pub(super) struct Hierarchy {
    pub groups: BTreeMap<String, Map<String, Value>>,
    pub arrays: BTreeMap<String, ArrayMeta>,
    /// 2 or 3.
    pub version: u8,
}

/// Finds all nodes of a store.
///
/// # Errors
/// [`ReadError::Corrupt`] naming the document that is wrong; [`ReadError::Unsupported`] when it is no Zarr store, or a
/// store that can't be listed has no consolidated metadata.
pub(super) fn discover(store: &Arc<dyn Store>) -> Result<Hierarchy, ReadError> {
    let mut found = Finder { store: store.as_ref(), nodes: Hierarchy::default(), visited: 0 };
    if let Some(root) = found.document("zarr.json")? {
        found.nodes.version = 3;
        found.discover_v3(root)?;
    } else {
        found.nodes.version = 2;
        found.discover_v2()?;
    }
    found.add_missing_groups();
    Ok(found.nodes)
}

struct Finder<'a> {
    store: &'a dyn Store,
    nodes: Hierarchy,
    visited: usize,
}

/// `name` below `path`.
fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}/{name}") }
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

impl Finder<'_> {
    fn document(&self, key: &str) -> Result<Option<Value>, ReadError> {
        let Some(bytes) = self.store.get(key)? else { return Ok(None) };
        json::parse(self.store.name(), key, &bytes).map(Some)
    }

    fn count_node(&mut self, path: &str) -> Result<(), ReadError> {
        self.visited += 1;
        if self.visited > NODE_LIMIT || path.split('/').count() > DEPTH_LIMIT {
            let detail = "the hierarchy is too deep or too large; does a link lead back to an ancestor?";
            return Err(ReadError::corrupt(self.store.name(), format!("group '/{path}'"), detail));
        }
        if !path.is_empty() && !is_safe_key(path) {
            return Err(ReadError::corrupt(
                self.store.name(),
                format!("node '{path}'"),
                "it is not a valid path",
            ));
        }
        Ok(())
    }

    fn discover_v3(&mut self, mut root: Value) -> Result<(), ReadError> {
        let inline = root.pointer_mut("/consolidated_metadata/metadata").map(Value::take);
        let is_group = root["node_type"].as_str() == Some("group");
        self.add_v3("", root)?;
        match inline {
            Some(Value::Object(nodes)) => {
                for (path, node) in nodes {
                    self.count_node(&path)?;
                    self.add_v3(&path, node)?;
                }
                Ok(())
            }
            _ if is_group => self.walk("", 3),
            _ => Ok(()),
        }
    }

    fn add_v3(&mut self, path: &str, mut node: Value) -> Result<(), ReadError> {
        match node["node_type"].as_str() {
            Some("array") => {
                let meta = meta::from_v3(self.store.name(), path, &node)?;
                self.nodes.arrays.insert(path.into(), meta);
            }
            Some("group") => {
                let attrs = object(node.get_mut("attributes").map(Value::take));
                self.nodes.groups.insert(path.into(), attrs);
            }
            _ => {
                let detail = "it is neither a group nor an array (node_type)";
                return Err(ReadError::corrupt(self.store.name(), format!("node '/{path}'"), detail));
            }
        }
        Ok(())
    }

    fn discover_v2(&mut self) -> Result<(), ReadError> {
        if let Some(mut all) = self.document(".zmetadata")? {
            return self.add_consolidated_v2(object(all.get_mut("metadata").map(Value::take)));
        }
        if !self.add_v2("")? {
            return Err(ReadError::unsupported(
                self.store.name(),
                "store",
                "it has none of zarr.json, .zmetadata, .zgroup and .zarray: it is not a Zarr store",
            ));
        }
        if self.nodes.groups.contains_key("") { self.walk("", 2) } else { Ok(()) }
    }

    fn add_consolidated_v2(&mut self, mut documents: Map<String, Value>) -> Result<(), ReadError> {
        let keys: Vec<String> = documents.keys().cloned().collect();
        for key in keys {
            let (path, name) = key.rsplit_once('/').unwrap_or(("", &key));
            if !matches!(name, ".zarray" | ".zgroup") {
                continue;
            }
            self.count_node(path)?;
            let attrs = object(documents.get_mut(&below(path, ".zattrs")).map(Value::take));
            if name == ".zgroup" {
                self.nodes.groups.insert(path.into(), attrs);
            } else {
                let node = documents.get(&key).cloned().unwrap_or_default();
                let meta = meta::from_v2(self.store.name(), path, &node, attrs)?;
                self.nodes.arrays.insert(path.into(), meta);
            }
        }
        Ok(())
    }

    /// Adds the v2 node at `path`; whether there is one.
    fn add_v2(&mut self, path: &str) -> Result<bool, ReadError> {
        if let Some(node) = self.document(&below(path, ".zarray"))? {
            let attrs = object(self.document(&below(path, ".zattrs"))?);
            let meta = meta::from_v2(self.store.name(), path, &node, attrs)?;
            self.nodes.arrays.insert(path.into(), meta);
            return Ok(true);
        }
        if self.document(&below(path, ".zgroup"))?.is_none() {
            return Ok(false);
        }
        let attrs = object(self.document(&below(path, ".zattrs"))?);
        self.nodes.groups.insert(path.into(), attrs);
        Ok(true)
    }

    /// Adds what lies below a group, by listing.
    fn walk(&mut self, group: &str, version: u8) -> Result<(), ReadError> {
        let Some(mut names) = self.store.list(group)? else {
            return Err(ReadError::unsupported(
                self.store.name(),
                format!("group '/{group}'"),
                "the store can't be listed and has no consolidated metadata; consolidate it \
                 (zarr.consolidate_metadata) or copy it to a local directory",
            ));
        };
        names.sort();
        for name in names {
            let path = below(group, &name);
            self.count_node(&path)?;
            let there = match version {
                2 => self.add_v2(&path)?,
                _ => match self.document(&below(&path, "zarr.json"))? {
                    Some(node) => self.add_v3(&path, node).map(|()| true)?,
                    None => false,
                },
            };
            if there && self.nodes.groups.contains_key(&path) {
                self.walk(&path, version)?;
            }
        }
        Ok(())
    }

    /// Groups that only their members speak of.
    fn add_missing_groups(&mut self) {
        let mut paths: Vec<String> =
            self.nodes.arrays.keys().chain(self.nodes.groups.keys()).cloned().collect();
        while let Some(path) = paths.pop() {
            let Some((parent, _)) = path.rsplit_once('/').or((!path.is_empty()).then_some(("", ""))) else {
                continue;
            };
            if !self.nodes.groups.contains_key(parent) {
                self.nodes.groups.insert(parent.into(), Map::new());
                paths.push(parent.into());
            }
        }
        self.nodes.groups.entry(String::new()).or_default();
    }
}
