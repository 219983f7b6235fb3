//! Metadata documents: groups, arrays, and all of them once more in one place ("consolidated").

use harmony_model::crs::Crs;
use harmony_model::{Granule, GroupId};
use serde_json::{Map, Value, json};

use super::array::ZarrArray;
use super::element::Kind;
use super::json::{attributes, numbers, packed_float};
use super::{Version, codec};

/// The documents of a store: key and content, those of the root last.
pub(super) struct Documents {
    pub files: Vec<(String, Vec<u8>)>,
    pub notices: Vec<String>,
}

/// Makes the documents of either version.
pub(super) fn build(granule: &Granule, arrays: &[ZarrArray], version: Version) -> Documents {
    let mut nodes = Vec::new();
    let mut notices = Vec::new();
    let mut names = Names::default();
    for (i, group) in granule.groups.iter().enumerate() {
        let attrs = checked(&group.attrs, &format!("group '{}'", group.path), &mut notices);
        nodes.push(Node { path: key_of(&group.path), attrs, array: None });
        let id = GroupId(i);
        for array in arrays.iter().filter(|a| granule.var(a.id).group == id) {
            let dims = names.of(granule, array);
            let attrs = array_attributes(granule, array, &dims, version, &mut notices);
            let meta = match version {
                Version::V2 => array_v2(array),
                Version::V3 => array_v3(array, &dims),
            };
            nodes.push(Node { path: key_of(&array.element.var.path), attrs, array: Some(meta) });
        }
    }
    // zarr-python's order: by depth, then by name.
    nodes.sort_by_cached_key(|n| (depth(&n.path), n.path.clone()));
    let files = match version {
        Version::V2 => v2(nodes),
        Version::V3 => v3(nodes),
    };
    Documents { files, notices }
}

struct Node {
    /// Without a leading `/`; empty for the root.
    path: String,
    attrs: Map<String, Value>,
    array: Option<Map<String, Value>>,
}

/// The key of a node: what Zarr forbids in names (a part that is `.`, `..` or begins with `__`) gets another beginning.
pub(super) fn key_of(path: &str) -> String {
    let parts = path.split('/').filter(|p| !p.is_empty()).map(|part| {
        let reserved = part.chars().all(|c| c == '.') || part.starts_with("__") || part == "zarr.json";
        if reserved || part.starts_with(".z") {
            format!("_{}", part.trim_start_matches(['_', '.']))
        } else {
            part.into()
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

fn depth(path: &str) -> usize {
    if path.is_empty() { 0 } else { 1 + path.matches('/').count() }
}

fn checked(attrs: &[harmony_model::Attribute], owner: &str, notices: &mut Vec<String>) -> Map<String, Value> {
    let (map, lost) = attributes(attrs);
    for name in lost {
        notices.push(format!("attribute '{name}' of {owner} was left out: JSON has no value for it"));
    }
    map
}

fn array_attributes(
    granule: &Granule,
    array: &ZarrArray,
    dims: &[String],
    version: Version,
    notices: &mut Vec<String>,
) -> Map<String, Value> {
    let var = &array.element.var;
    let mut attrs = checked(&var.attrs, &format!("variable '{}'", var.path), notices);
    // The container's own attributes of an input that was itself Zarr or netCDF in Zarr.
    attrs.retain(|name, _| name != "_ARRAY_DIMENSIONS" && name != "_CRS" && !name.starts_with("_NCZARR"));
    match version {
        Version::V2 => {
            attrs.insert("_ARRAY_DIMENSIONS".into(), dims.into());
            if let Some(crs) = crs(granule, array) {
                attrs.insert("_CRS".into(), crs);
            }
        }
        Version::V3 => {
            let fill = var.attr("_FillValue").and_then(harmony_model::Attribute::as_f64);
            if let (true, Some(v)) = (var.dtype.is_float(), fill) {
                attrs.insert("_FillValue".into(), packed_float(v).into());
            }
        }
    }
    attrs
}

/// GDAL's attribute for the CRS of an array, from its grid mapping.
fn crs(granule: &Granule, array: &ZarrArray) -> Option<Value> {
    let var = granule.var(array.id);
    let mapping = var.attr_text("grid_mapping")?;
    // `crs: x y` in CF's extended form.
    let name = mapping.split_whitespace().next()?.trim_end_matches(':');
    let mapping = granule.resolve_var(var.group, name)?;
    let crs = Crs::from_cf_attributes(&granule.var(mapping).attrs).ok()?;
    Some(json!({"wkt": crs.wkt2().or_else(|| crs.wkt1_gdal())?}))
}

/// Names of axes. Zarr has no dimensions: readers take equal names in a group for the same axis.
#[derive(Default)]
struct Names {
    lens: std::collections::HashMap<(GroupId, String), u64>,
}

impl Names {
    fn of(&mut self, granule: &Granule, array: &ZarrArray) -> Vec<String> {
        let group = granule.var(array.id).group;
        let mut out: Vec<String> = Vec::new();
        for &id in &array.element.dims {
            let dim = granule.dim(id);
            // An axis twice in one array can't be opened by xarray, as an axis with two lengths can't.
            let fits = |name: &String, out: &[String], lens: &std::collections::HashMap<_, u64>| {
                !out.contains(name) && lens.get(&(group, name.clone())).is_none_or(|&len| len == dim.len)
            };
            let mut name = dim.name.clone();
            let mut number = 2;
            while !fits(&name, &out, &self.lens) {
                name = format!("{}_{number}", dim.name);
                number += 1;
            }
            self.lens.insert((group, name.clone()), dim.len);
            out.push(name);
        }
        out
    }
}

fn fill_value(array: &ZarrArray) -> Value {
    match (&array.fill, array.element.kind) {
        (None, _) => Value::Null,
        (Some(_), Kind::Text | Kind::Unicode) => "".into(),
        (Some(bytes), Kind::Number) => {
            let values = numbers(&array.element.var.dtype, bytes);
            values.and_then(|mut v| v.pop()).unwrap_or(Value::Null)
        }
    }
}

fn array_v2(array: &ZarrArray) -> Map<String, Value> {
    let dtype = &array.element.var.dtype;
    let (mut filters, compressor) = codec::v2(&array.storage.filters);
    let type_string = match array.element.kind {
        Kind::Text => {
            let mut list = vec![json!({"id": "vlen-utf8"})];
            list.extend(filters.as_array().into_iter().flatten().cloned());
            filters = list.into();
            "|O".to_owned()
        }
        Kind::Unicode => format!("<U{}", dtype.size() / 4),
        Kind::Number => {
            let kind = if dtype.is_float() {
                'f'
            } else if dtype.name().starts_with('u') {
                'u'
            } else {
                'i'
            };
            let order = if dtype.size() == 1 { '|' } else { '<' };
            format!("{order}{kind}{}", dtype.size())
        }
    };
    object(json!({
        "zarr_format": 2,
        "shape": array.storage.shape,
        "chunks": array.storage.piece_shape,
        "dtype": type_string,
        "compressor": compressor,
        "fill_value": fill_value(array),
        "order": "C",
        "filters": filters,
        "dimension_separator": ".",
    }))
}

fn array_v3(array: &ZarrArray, dims: &[String]) -> Map<String, Value> {
    let (data_type, serialiser) = match array.element.kind {
        Kind::Text => ("string".to_owned(), json!({"name": "vlen-utf8", "configuration": {}})),
        _ if array.element.var.dtype.size() == 1 => {
            (array.element.var.dtype.name(), json!({"name": "bytes"}))
        }
        _ => {
            let little = json!({"name": "bytes", "configuration": {"endian": "little"}});
            (array.element.var.dtype.name(), little)
        }
    };
    let mut codecs = vec![serialiser];
    codecs.extend(codec::v3(&array.storage.filters));
    if array.shard.is_some() {
        let index = json!([{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]);
        codecs = vec![json!({"name": "sharding_indexed", "configuration": {
            "chunk_shape": array.storage.piece_shape, "codecs": codecs, "index_codecs": index,
            "index_location": "end"}})];
    }
    let chunk = array.shard.as_ref().unwrap_or(&array.storage.piece_shape);
    let mut meta = object(json!({
        "shape": array.storage.shape,
        "data_type": data_type,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill_value(array),
        "codecs": codecs,
        "attributes": {},
    }));
    if !dims.is_empty() {
        meta.insert("dimension_names".into(), dims.into());
    }
    meta.extend(object(json!({"zarr_format": 3, "node_type": "array", "storage_transformers": []})));
    meta
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn v2(nodes: Vec<Node>) -> Vec<(String, Vec<u8>)> {
    let mut all = Map::new();
    let mut files = Vec::new();
    for node in nodes {
        let key = |name: &str| match node.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}/{name}"),
        };
        let (name, meta) = match node.array {
            Some(meta) => (".zarray", meta),
            None => (".zgroup", object(json!({"zarr_format": 2}))),
        };
        for (name, meta) in [(name, meta), (".zattrs", node.attrs)] {
            files.push((key(name), text(&meta)));
            all.insert(key(name), meta.into());
        }
    }
    let consolidated = object(json!({"metadata": all, "zarr_consolidated_format": 1}));
    files.push((".zmetadata".into(), text(&consolidated)));
    files
}

fn v3(nodes: Vec<Node>) -> Vec<(String, Vec<u8>)> {
    let mut all = Map::new();
    let mut files = Vec::new();
    let mut root = Map::new();
    for node in nodes {
        if let Some(mut meta) = node.array {
            meta.insert("attributes".into(), node.attrs.into());
            files.push((format!("{}/zarr.json", node.path), text(&meta)));
            all.insert(node.path, meta.into());
            continue;
        }
        if node.path.is_empty() {
            root = node.attrs;
            continue;
        }
        let meta = json!({"attributes": node.attrs, "zarr_format": 3, "node_type": "group"});
        files.push((format!("{}/zarr.json", node.path), text(&object(meta))));
        let consolidated = json!({"kind": "inline", "must_understand": false, "metadata": {}});
        let listed = json!({"attributes": node.attrs, "zarr_format": 3, "consolidated_metadata": consolidated,
            "node_type": "group"});
        all.insert(node.path, listed);
    }
    let consolidated = json!({"kind": "inline", "must_understand": false, "metadata": all});
    let meta = json!({"attributes": root, "zarr_format": 3, "consolidated_metadata": consolidated,
        "node_type": "group"});
    files.push(("zarr.json".into(), text(&object(meta))));
    files
}

fn text(meta: &Map<String, Value>) -> Vec<u8> {
    serde_json::to_vec_pretty(meta).expect("texts and numbers are always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_keys_get_another_beginning() {
        assert_eq!(key_of("/a/b c"), "a/b c");
        assert_eq!(key_of("/"), "");
        assert_eq!(key_of("/../.zattrs/__x"), "_/_zattrs/_x");
    }
}
