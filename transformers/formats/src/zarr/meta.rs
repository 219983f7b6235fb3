//! The metadata of one array, the same for both versions.

use harmony_model::ReadError;
use serde_json::{Map, Value};

use super::codecs::{self, Codecs, Context};
use super::dtype::Element;
use super::fill::{self, Fill};

/// More axes than any array has: a guard for metadata from outside.
const RANK_LIMIT: usize = 32;

/// What an array's metadata document says.
pub(super) struct ArrayMeta {
    pub shape: Vec<u64>,
    /// Shape of the chunks that are stored under one key (shards, if there are any).
    pub chunk: Vec<u64>,
    pub keys: KeyEncoding,
    /// Names of the axes; `None` where one has none.
    pub dim_names: Vec<Option<String>>,
    pub attrs: Map<String, Value>,
    /// How to read it, or why we can't: the other arrays of the store are not affected.
    pub values: Result<Values, String>,
}

/// How the elements are stored.
pub(super) struct Values {
    pub element: Element,
    pub codecs: Codecs,
    pub fill: Fill,
}

/// How the indices of a chunk become its key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct KeyEncoding {
    /// Keys begin with `c` (v3's default).
    pub prefixed: bool,
    pub separator: char,
}

impl KeyEncoding {
    /// Key of a chunk, relative to the array.
    pub(super) fn key(&self, coords: &[u64]) -> String {
        let mut out = String::from(if self.prefixed { "c" } else { "" });
        for (i, c) in coords.iter().enumerate() {
            if i > 0 || self.prefixed {
                out.push(self.separator);
            }
            out.push_str(&c.to_string());
        }
        // The one chunk of a scalar.
        if out.is_empty() { "0".into() } else { out }
    }
}

/// Reads the metadata of an array; `attrs` are those of v2's `.zattrs`.
///
/// # Errors
/// [`ReadError::Corrupt`] naming the array when its shape or chunks make no sense.
pub(super) fn from_v2(
    store: &str,
    path: &str,
    meta: &Value,
    attrs: Map<String, Value>,
) -> Result<ArrayMeta, ReadError> {
    let corrupt = |detail: String| ReadError::corrupt(store, format!("array '/{path}'"), detail);
    let shape = extents(&meta["shape"], "shape").map_err(corrupt)?;
    let chunk = chunk_extents(&meta["chunks"], &shape).map_err(corrupt)?;
    let separator = separator(&meta["dimension_separator"], '.').map_err(corrupt)?;
    let values = Element::from_v2(&meta["dtype"]).and_then(|element| {
        let context = Context { element_size: element.stored_size(), shape: &chunk };
        let codecs = codecs::from_v2(meta, &context)?;
        Values::new(element, codecs, &meta["fill_value"])
    });
    let names = attrs.get("_ARRAY_DIMENSIONS").cloned().unwrap_or_default();
    let dim_names = dim_names(&names, shape.len());
    Ok(ArrayMeta { shape, chunk, keys: KeyEncoding { prefixed: false, separator }, dim_names, attrs, values })
}

/// Reads the metadata of an array from its `zarr.json`.
///
/// # Errors
/// As [`from_v2`].
pub(super) fn from_v3(store: &str, path: &str, meta: &Value) -> Result<ArrayMeta, ReadError> {
    let corrupt = |detail: String| ReadError::corrupt(store, format!("array '/{path}'"), detail);
    let shape = extents(&meta["shape"], "shape").map_err(corrupt)?;
    let grid = &meta["chunk_grid"];
    if grid["name"].as_str() != Some("regular") {
        let detail = format!("chunk grid {} is not supported", grid["name"]);
        return Err(ReadError::unsupported(store, format!("array '/{path}'"), detail));
    }
    let chunk = chunk_extents(&grid["configuration"]["chunk_shape"], &shape).map_err(corrupt)?;
    let keys = v3_keys(&meta["chunk_key_encoding"]).map_err(corrupt)?;
    let values = Element::from_v3(&meta["data_type"]).and_then(|element| {
        if meta["storage_transformers"].as_array().is_some_and(|t| !t.is_empty()) {
            return Err("storage transformers are not supported".into());
        }
        let context = Context { element_size: element.stored_size(), shape: &chunk };
        let codecs = codecs::from_v3(&meta["codecs"], &context)?;
        if let Some(shard) = &codecs.shard
            && shard.shape.iter().zip(&chunk).any(|(inner, outer)| outer % inner != 0)
        {
            return Err(format!("inner chunks {:?} do not divide the shards {chunk:?}", shard.shape));
        }
        Values::new(element, codecs, &meta["fill_value"])
    });
    let attrs = meta["attributes"].as_object().cloned().unwrap_or_default();
    // xarray wrote v3 stores without `dimension_names` for a while.
    let names = [&meta["dimension_names"], &meta["attributes"]["_ARRAY_DIMENSIONS"]];
    let names = names.into_iter().find(|n| n.is_array()).unwrap_or(&Value::Null);
    let dim_names = dim_names(names, shape.len());
    Ok(ArrayMeta { shape, chunk, keys, dim_names, attrs, values })
}

impl Values {
    fn new(mut element: Element, codecs: Codecs, fill: &Value) -> Result<Self, String> {
        if codecs.counted != (element.encoding == super::dtype::Encoding::Counted) {
            return Err("its data type and its codecs do not go together".into());
        }
        if let Some(big_endian) = codecs.big_endian {
            element.big_endian = big_endian;
            element.order_members(big_endian);
        }
        let fill = fill::parse(fill, &element)?;
        Ok(Values { element, codecs, fill })
    }
}

fn extents(value: &Value, what: &str) -> Result<Vec<u64>, String> {
    let list = value.as_array().and_then(|a| a.iter().map(Value::as_u64).collect::<Option<Vec<u64>>>());
    let list = list.ok_or_else(|| format!("its {what} {value} is not a list of extents"))?;
    let total = list.iter().try_fold(1u64, |n, &d| n.checked_mul(d.max(1)));
    if list.len() > RANK_LIMIT || total.is_none_or(|n| n > i64::MAX as u64) {
        return Err(format!("its {what} {value} is too large"));
    }
    Ok(list)
}

fn chunk_extents(value: &Value, shape: &[u64]) -> Result<Vec<u64>, String> {
    let mut chunk = extents(value, "chunk shape")?;
    if chunk.len() != shape.len() {
        return Err(format!("its chunks have {} axes, the array has {}", chunk.len(), shape.len()));
    }
    for (c, &n) in chunk.iter_mut().zip(shape) {
        match (*c, n) {
            (0, 0) => *c = 1,
            (0, _) => return Err("a chunk has the extent 0".into()),
            _ => {}
        }
    }
    Ok(chunk)
}

fn separator(value: &Value, default: char) -> Result<char, String> {
    match value.as_str() {
        None => Ok(default),
        Some(".") => Ok('.'),
        Some("/") => Ok('/'),
        Some(other) => Err(format!("the separator '{other}' of chunk keys is neither . nor /")),
    }
}

fn v3_keys(encoding: &Value) -> Result<KeyEncoding, String> {
    let name = encoding.as_str().or_else(|| encoding["name"].as_str()).unwrap_or("default");
    let value = &encoding["configuration"]["separator"];
    match name {
        "default" => Ok(KeyEncoding { prefixed: true, separator: separator(value, '/')? }),
        "v2" => Ok(KeyEncoding { prefixed: false, separator: separator(value, '.')? }),
        other => Err(format!("the chunk key encoding '{other}' is not supported")),
    }
}

/// One name per axis; no names at all when the list does not fit the array.
fn dim_names(value: &Value, rank: usize) -> Vec<Option<String>> {
    let name = |v: &Value| v.as_str().filter(|s| !s.is_empty()).map(str::to_owned);
    let names: Vec<_> = value.as_array().into_iter().flatten().map(name).collect();
    if names.len() == rank { names } else { vec![None; rank] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_of_chunks() {
        let key = |prefixed, separator, coords: &[u64]| KeyEncoding { prefixed, separator }.key(coords);
        assert_eq!(key(true, '/', &[1, 20]), "c/1/20");
        assert_eq!(key(true, '.', &[1]), "c.1");
        assert_eq!(key(true, '/', &[]), "c");
        assert_eq!(key(false, '.', &[3, 0]), "3.0");
        assert_eq!(key(false, '.', &[]), "0");
    }

    #[test]
    fn shapes_that_make_no_sense_are_refused() {
        let meta = |shape: Value, chunks: Value| json!({"shape": shape, "chunks": chunks, "dtype": "<i4"});
        let open = |m: Value| from_v2("s", "x", &m, Map::new());
        assert!(open(meta(json!([4, 4]), json!([2]))).is_err());
        assert!(open(meta(json!([4]), json!([0]))).is_err());
        assert!(open(meta(json!([-4]), json!([1]))).is_err());
        assert!(open(meta(json!([u64::MAX, u64::MAX]), json!([1, 1]))).is_err());
        assert!(open(meta(json!(vec![1; 40]), json!(vec![1; 40]))).is_err());
        assert!(open(meta(json!([0]), json!([0]))).is_ok());
    }
}
