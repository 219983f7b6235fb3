//! From the nodes of a hierarchy to a granule.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use harmony_model::{ArraySource, Attribute, DType, DimId, Dimension, Granule, GroupId, ReadError, Storage};
use serde_json::{Map, Value};

use crate::chunked::{ChunkedArray, ChunkedSpec};

use super::convert::{HalfArray, RefusedArray, TransposedArray, Utf32Array};
use super::dtype::{Element, Encoding};
use super::hierarchy::Hierarchy;
use super::json;
use super::locator::{Locator, Shards};
use super::meta::{ArrayMeta, Values};
use super::store::Store;
use super::texts::{Kept, TextArray, Texts};

/// Attributes that belong to the container, not to the data.
const CONTAINER_ATTRIBUTES: [&str; 7] = [
    "_ARRAY_DIMENSIONS",
    "_NCZARR_ATTR",
    "_NCZARR_ARRAY",
    "_NCZARR_GROUP",
    "_nczarr_attrs",
    "_nczarr_array",
    "_nczarr_group",
];

/// Attributes whose values have the type of the variable (CF 1.11 §2.5.1, §3.5).
const TYPED_ATTRIBUTES: [&str; 7] =
    ["_FillValue", "missing_value", "valid_min", "valid_max", "valid_range", "flag_values", "flag_masks"];

/// Builds the granule.
pub(super) fn build(store: &Arc<dyn Store>, nodes: Hierarchy) -> Result<Granule, ReadError> {
    let name = store.name().trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let format = if nodes.version == 2 { "zarr2" } else { "zarr" };
    let granule = Granule::new(&name, format);
    let mut builder = Builder { store, version: nodes.version, granule, dims: HashMap::new(), anonymous: 0 };
    let mut by_group: BTreeMap<String, Vec<(String, ArrayMeta)>> = BTreeMap::new();
    for (path, meta) in nodes.arrays {
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        by_group.entry(parent.to_owned()).or_default().push((path, meta));
    }
    let mut ids: HashMap<String, GroupId> = HashMap::new();
    for (path, attrs) in nodes.groups {
        let id = if path.is_empty() {
            Granule::ROOT
        } else {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
            let parent = ids.get(parent).copied().unwrap_or(Granule::ROOT);
            builder.granule.add_group(parent, name)
        };
        builder.granule.groups[id.0].attrs = attributes(&attrs, None);
        for (path, meta) in by_group.remove(&path).unwrap_or_default() {
            builder.add_array(id, &path, meta);
        }
        ids.insert(path, id);
    }
    Ok(builder.granule)
}

/// JSON attributes as the model's, without the container's own.
fn attributes(attrs: &Map<String, Value>, dtype: Option<&DType>) -> Vec<Attribute> {
    let own = attrs.iter().filter(|(name, _)| !CONTAINER_ATTRIBUTES.contains(&name.as_str()));
    own.map(|(name, value)| {
        let typed = dtype.filter(|_| TYPED_ATTRIBUTES.contains(&name.as_str()));
        typed
            .and_then(|d| json::typed_attribute(name, value, d))
            .unwrap_or_else(|| json::attribute(name, value))
    })
    .collect()
}

struct Builder<'a> {
    store: &'a Arc<dyn Store>,
    version: u8,
    granule: Granule,
    dims: HashMap<(GroupId, String), DimId>,
    anonymous: usize,
}

impl Builder<'_> {
    fn add_array(&mut self, group: GroupId, path: &str, meta: ArrayMeta) {
        // An array that is the whole store has the name of the store.
        let stem =
            || self.granule.name.split('.').next().filter(|s| !s.is_empty()).unwrap_or("data").to_owned();
        let name = path.rsplit('/').next().filter(|n| !n.is_empty()).map_or_else(stem, str::to_owned);
        let axes = meta.dim_names.iter().zip(&meta.shape);
        let dims: Vec<DimId> = axes.map(|(name, &len)| self.axis(group, name.as_deref(), len)).collect();
        let made = match &meta.values {
            Ok(values) => values_source(self.store, path, &meta, values),
            Err(detail) => Made::refused(ReadError::unsupported(self.store.name(), object(path), detail)),
        };
        let dtype = made.dtype;
        let id = self.granule.add_var(group, &name, dtype, dims, made.data);
        let var = &mut self.granule.vars[id.0];
        var.storage = made.storage;
        var.attrs = attributes(&meta.attrs, Some(&var.dtype));
        if let Ok(values) = meta.values {
            var.big_endian = values.element.big_endian && var.dtype.swap_width() > 1;
            var.fill = values.fill.native;
            mark_element(&values.element, &mut var.attrs);
            // xarray's convention: v2's fill value is `_FillValue`; v3 always has one, so it is no statement there.
            let said = var.attr("_FillValue").is_some() || self.version != 2;
            let plain = var.dtype.is_numeric() && values.element.encoding != Encoding::Bool;
            if let (false, true, Some(bytes)) = (said, plain, var.fill.clone()) {
                let shape = harmony_model::attribute::AttrShape::Simple(vec![1]);
                let (name, dtype, items) = ("_FillValue".into(), var.dtype.clone(), Vec::new());
                var.attrs.push(Attribute { name, dtype, shape, bytes, items });
            }
        }
    }

    /// The dimension of an axis: that of this name in the group, or the nearest ancestor's when its extent agrees.
    fn axis(&mut self, group: GroupId, name: Option<&str>, len: u64) -> DimId {
        let Some(name) = name else { return self.nameless(group, len) };
        if let Some(&own) = self.dims.get(&(group, name.to_owned())) {
            // Two extents under one name in one group: the second is no axis that others can share.
            return if self.granule.dim(own).len == len { own } else { self.nameless(group, len) };
        }
        let mut above = self.granule.group(group).parent;
        while let Some(ancestor) = above {
            if let Some(&dim) = self.dims.get(&(ancestor, name.to_owned())) {
                if self.granule.dim(dim).len == len {
                    return dim;
                }
                break;
            }
            above = self.granule.group(ancestor).parent;
        }
        let dim = self.granule.add_dim(group, name, len);
        self.dims.insert((group, name.to_owned()), dim);
        dim
    }

    fn nameless(&mut self, group: GroupId, len: u64) -> DimId {
        let name = format!("phony_dim_{}", self.anonymous);
        self.anonymous += 1;
        self.granule.dims.push(Dimension { group, name, len, unlimited: false, anonymous: true });
        DimId(self.granule.dims.len() - 1)
    }
}

/// Says in attributes what the model's type does not.
fn mark_element(element: &Element, attrs: &mut Vec<Attribute>) {
    let mut add = |name: &str, value: &str| {
        if !attrs.iter().any(|a| a.name == name) {
            attrs.push(Attribute::text(name, value));
        }
    };
    if element.encoding == Encoding::Bool {
        add("dtype", "bool");
    }
    if let Some(units) = &element.time_units {
        add("units", units);
        if units.contains(" since ") {
            add("calendar", "proleptic_gregorian");
        }
    }
}

fn object(path: &str) -> String {
    format!("variable '/{path}'")
}

/// What a variable gets.
struct Made {
    dtype: DType,
    storage: Storage,
    data: Arc<dyn ArraySource>,
}

impl Made {
    fn refused(error: ReadError) -> Self {
        let dtype = DType::Opaque { size: 1, tag: String::new() };
        Made { dtype, storage: Storage::Contiguous, data: Arc::new(RefusedArray(error)) }
    }
}

fn values_source(store: &Arc<dyn Store>, path: &str, meta: &ArrayMeta, values: &Values) -> Made {
    let (codecs, element) = (&values.codecs, &values.element);
    let chunk = codecs.shard.as_ref().map_or(&meta.chunk, |s| &s.shape).clone();
    let order = codecs.transpose.as_ref();
    let permuted =
        |v: &[u64]| order.map_or(v.to_vec(), |o| o.iter().map(|&axis| v[axis]).collect::<Vec<_>>());
    let (stored_shape, stored_chunk) = (permuted(&meta.shape), permuted(&chunk));
    let shards = match &codecs.shard {
        None => None,
        Some(sharding) => match Shards::new(sharding, &meta.chunk) {
            Some(shards) => Some(shards),
            None => {
                return Made::refused(ReadError::corrupt(
                    store.name(),
                    object(path),
                    "its shards are too large",
                ));
            }
        },
    };
    let locator = Locator {
        store: store.clone(),
        path: path.into(),
        keys: meta.keys.clone(),
        grid: stored_shape.iter().zip(&stored_chunk).map(|(n, c)| n.div_ceil(*c)).collect(),
        order: order.cloned(),
        shards,
    };
    let (shape, chunk_shape) = (stored_shape, stored_chunk);
    let (object, source_name) = (object(path), store.name().to_owned());
    let mut data: Arc<dyn ArraySource> = if element.encoding == Encoding::Counted {
        let (filters, fill, kept) =
            (codecs.filters.clone(), values.fill.text.clone(), Mutex::<Kept>::default());
        let texts = Texts { object, source_name, shape, chunk: chunk_shape, filters, fill, locator, kept };
        Arc::new(TextArray(Arc::new(texts)))
    } else {
        let swapped = element.big_endian != cfg!(target_endian = "big");
        Arc::new(ChunkedArray::new(ChunkedSpec {
            object,
            source_name,
            shape,
            chunk_shape,
            element_size: element.stored_size(),
            swap_width: if swapped { element.stored_swap_width() } else { 1 },
            filters: codecs.filters.clone(),
            fill: values.fill.stored.clone(),
            locator: Arc::new(locator),
            heap: None,
        }))
    };
    if let Some(order) = order {
        let size = element.stored_size();
        data = Arc::new(TransposedArray { inner: data, order: order.clone(), size });
    }
    match element.encoding {
        Encoding::Half => data = Arc::new(HalfArray { inner: data }),
        Encoding::Utf32 => data = Arc::new(Utf32Array { inner: data, size: element.stored_size() }),
        Encoding::Plain | Encoding::Bool | Encoding::Counted => {}
    }
    let storage = Storage::Chunked { shape: chunk, filters: codecs.filters.clone() };
    Made { dtype: element.dtype.clone(), storage, data }
}
