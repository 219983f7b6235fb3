//! Codecs: the encoding of a chunk, from the JSON of either version to the engine's filters.
//!
//! Zarr v3: array → array (`transpose`), array → bytes (`bytes`, `vlen-utf8`, `sharding_indexed`), bytes → bytes
//! (`gzip`, `zstd`, `blosc`, `crc32c`, and numcodecs' under their own names). Zarr v2: `filters`, then `compressor`.

use harmony_model::{Filter, filter};
use serde_json::Value;

/// How the bytes of one chunk become elements.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Codecs {
    /// Axis of the array that each axis of the stored chunk is; `None`: in order.
    pub transpose: Option<Vec<usize>>,
    /// `None`: as the element type says (v2).
    pub big_endian: Option<bool>,
    /// Elements are a counted list of counted byte strings.
    pub counted: bool,
    /// Bytes → bytes, in the order of writing.
    pub filters: Vec<Filter>,
    /// The chunk is a shard of inner chunks: their shape and where their index is.
    pub shard: Option<Sharding>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sharding {
    /// Shape of the inner chunks.
    pub shape: Vec<u64>,
    pub index_at_end: bool,
    pub index_big_endian: bool,
    /// The index ends in its CRC-32C.
    pub index_checksum: bool,
}

/// What a codec is given to know about the array.
pub(super) struct Context<'a> {
    /// Bytes of a stored element.
    pub element_size: usize,
    pub shape: &'a [u64],
}

/// From v2's `filters`, `compressor` and `order`. `Err` says what is not supported.
pub(super) fn from_v2(meta: &Value, context: &Context<'_>) -> Result<Codecs, String> {
    let mut codecs = Codecs::default();
    match meta["order"].as_str() {
        Some("C") | None => {}
        Some("F") => codecs.transpose = reversed(context.shape.len()),
        Some(other) => return Err(format!("order '{other}' is neither C nor F")),
    }
    for entry in meta["filters"].as_array().into_iter().flatten().chain([&meta["compressor"]]) {
        if entry.is_null() {
            continue;
        }
        let id = entry["id"].as_str().ok_or_else(|| format!("filter {entry} has no id"))?;
        match id {
            "vlen-utf8" | "vlen-bytes" => codecs.counted = true,
            _ => codecs.filters.push(bytes_codec(id, entry, context)?),
        }
    }
    Ok(codecs)
}

fn reversed(rank: usize) -> Option<Vec<usize>> {
    (rank > 1).then(|| (0..rank).rev().collect())
}

/// From v3's `codecs`. `Err` says what is not supported.
pub(super) fn from_v3(list: &Value, context: &Context<'_>) -> Result<Codecs, String> {
    chain(list, context, false)
}

fn chain(list: &Value, context: &Context<'_>, in_shard: bool) -> Result<Codecs, String> {
    let list = list.as_array().ok_or("the list of codecs is missing")?;
    let mut codecs = Codecs::default();
    let mut serialised = false;
    for (i, entry) in list.iter().enumerate() {
        let name = entry.as_str().or_else(|| entry["name"].as_str());
        let name = name.ok_or_else(|| format!("codec {entry} has no name"))?;
        let settings = &entry["configuration"];
        match name {
            "transpose" => {
                let order = permutation(&settings["order"], context.shape.len())?;
                codecs.transpose = compose(codecs.transpose.take(), order);
            }
            "bytes" | "endian" => {
                codecs.big_endian = Some(is_big(settings)?);
                serialised = true;
            }
            "vlen-utf8" | "vlen-bytes" => {
                codecs.counted = true;
                serialised = true;
            }
            "sharding_indexed" => {
                if in_shard || codecs.transpose.is_some() || i + 1 < list.len() {
                    return Err("a shard inside another codec is not supported".into());
                }
                return sharded(settings, context);
            }
            _ => codecs.filters.push(bytes_codec(name, settings, context)?),
        }
    }
    if serialised { Ok(codecs) } else { Err("no codec turns the array into bytes".into()) }
}

fn sharded(settings: &Value, context: &Context<'_>) -> Result<Codecs, String> {
    let shape: Option<Vec<u64>> =
        settings["chunk_shape"].as_array().and_then(|a| a.iter().map(Value::as_u64).collect());
    let shape = shape.filter(|s| s.len() == context.shape.len() && !s.contains(&0));
    let shape = shape.ok_or_else(|| format!("inner chunk shape {} is not valid", settings["chunk_shape"]))?;
    let inner = Context { element_size: context.element_size, shape: &shape };
    let mut codecs = chain(&settings["codecs"], &inner, true)?;
    let index = chain(&settings["index_codecs"], &Context { element_size: 8, shape: &[1] }, true)?;
    let ids: Vec<u16> = index.filters.iter().map(|f| f.id).collect();
    let index_checksum = match ids[..] {
        [] => false,
        [filter::CRC32C] => true,
        _ => return Err("a compressed shard index is not supported".into()),
    };
    let index_at_end = match settings["index_location"].as_str() {
        Some("end") | None => true,
        Some("start") => false,
        Some(other) => return Err(format!("index location '{other}' is neither start nor end")),
    };
    let index_big_endian = index.big_endian == Some(true);
    codecs.shard = Some(Sharding { shape, index_at_end, index_big_endian, index_checksum });
    Ok(codecs)
}

fn is_big(settings: &Value) -> Result<bool, String> {
    match settings["endian"].as_str() {
        Some("big") => Ok(true),
        Some("little") | None => Ok(false),
        Some(other) => Err(format!("byte order '{other}' is neither little nor big")),
    }
}

/// `order` of a `transpose` codec: a permutation, or (first drafts of v3) `C` or `F`.
fn permutation(order: &Value, rank: usize) -> Result<Vec<usize>, String> {
    let axes: Option<Vec<usize>> = match order {
        Value::String(s) if s == "C" => Some((0..rank).collect()),
        Value::String(s) if s == "F" => Some((0..rank).rev().collect()),
        Value::Array(a) => a.iter().map(|v| v.as_u64().and_then(|n| usize::try_from(n).ok())).collect(),
        _ => None,
    };
    let is_permutation = |axes: &Vec<usize>| axes.len() == rank && (0..rank).all(|i| axes.contains(&i));
    axes.filter(is_permutation)
        .ok_or_else(|| format!("transpose order {order} is not a permutation of the axes"))
}

/// One permutation after another; `None` when the result changes nothing.
fn compose(first: Option<Vec<usize>>, second: Vec<usize>) -> Option<Vec<usize>> {
    let both = match first {
        Some(first) => second.iter().map(|&i| first[i]).collect(),
        None => second,
    };
    (!both.iter().copied().eq(0..both.len())).then_some(both)
}

/// A bytes → bytes codec as a filter. Containers without filter masks have no optional filters.
fn bytes_codec(name: &str, settings: &Value, context: &Context<'_>) -> Result<Filter, String> {
    let level = |key: &str, default: u32| settings[key].as_u64().map_or(default, |n| n.min(22) as u32);
    let element_size = context.element_size as u32;
    let plain_name = name.strip_prefix("numcodecs.").unwrap_or(name);
    Ok(match plain_name {
        "zlib" => Filter::new(filter::DEFLATE, &[level("level", 1)]),
        "gzip" => Filter::new(filter::GZIP, &[level("level", 5)]),
        "zstd" => Filter::new(filter::ZSTD, &[level("level", 3)]),
        "lz4" => Filter::new(filter::NUMCODECS_LZ4, &[]),
        "blosc" => blosc(settings, element_size),
        "crc32c" if settings["location"].as_str() == Some("start") => {
            return Err("the codec 'crc32c' with its checksum at the start is not supported".into());
        }
        "crc32c" => Filter::new(filter::CRC32C, &[]),
        "fletcher32" => Filter::new(filter::FLETCHER32, &[]),
        "shuffle" => {
            let size = settings["elementsize"].as_u64().and_then(|n| u32::try_from(n).ok());
            Filter::new(filter::SHUFFLE, &[size.filter(|&n| n > 0).unwrap_or(element_size)])
        }
        _ => {
            return Err(format!(
                "the codec '{name}' is not supported; rewrite the store with one of zlib, gzip, zstd, lz4, blosc, \
                 shuffle, crc32c, fletcher32"
            ));
        }
    })
}

/// HDF5's client data of Blosc: two version numbers, element size, chunk bytes, level, shuffle, compressor. Decoding
/// needs none of it: Blosc's own header says everything.
fn blosc(settings: &Value, element_size: u32) -> Filter {
    let level = settings["clevel"].as_u64().map_or(5, |n| n.min(9) as u32);
    let shuffle = match &settings["shuffle"] {
        Value::String(s) if s == "noshuffle" => 0,
        Value::String(s) if s == "bitshuffle" => 2,
        Value::Number(n) if n.as_i64() == Some(0) => 0,
        Value::Number(n) if n.as_i64() == Some(2) => 2,
        _ => 1,
    };
    let compressor = ["blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"]
        .iter()
        .position(|c| settings["cname"].as_str() == Some(c))
        .unwrap_or(1);
    let size = settings["typesize"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(element_size);
    Filter::new(filter::BLOSC, &[2, 2, size, 0, level, shuffle, compressor as u32])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const CONTEXT: Context<'_> = Context { element_size: 4, shape: &[4, 6, 8] };

    #[test]
    fn a_shard_of_version_3() {
        let list = json!([{"name": "sharding_indexed", "configuration": {
            "chunk_shape": [2, 3, 4], "index_location": "start",
            "codecs": [{"name": "transpose", "configuration": {"order": [2, 0, 1]}},
                       {"name": "bytes", "configuration": {"endian": "big"}}, {"name": "zstd"}],
            "index_codecs": [{"name": "bytes"}, {"name": "crc32c"}]}}]);
        let codecs = from_v3(&list, &CONTEXT).unwrap();
        let shard = codecs.shard.unwrap();
        assert_eq!((shard.shape, shard.index_at_end, shard.index_checksum), (vec![2, 3, 4], false, true));
        assert_eq!((codecs.transpose, codecs.big_endian), (Some(vec![2, 0, 1]), Some(true)));
        assert_eq!(codecs.filters[0].id, filter::ZSTD);
    }

    #[test]
    fn an_unknown_filter_is_named() {
        let meta = json!({"order": "C", "filters": [{"id": "delta", "dtype": "<i4"}], "compressor": null});
        assert!(from_v2(&meta, &CONTEXT).unwrap_err().contains("'delta'"));
        let meta = json!({"compressor": {"id": "bz2", "level": 1}});
        assert!(from_v2(&meta, &CONTEXT).unwrap_err().contains("'bz2'"));
    }

    #[test]
    fn orders_are_permutations() {
        assert_eq!(from_v2(&json!({"order": "F"}), &CONTEXT).unwrap().transpose, Some(vec![2, 1, 0]));
        for bad in [json!([0, 1]), json!([0, 0, 1]), json!([0, 1, 3]), json!("K")] {
            let list = json!([{"name": "transpose", "configuration": {"order": bad}}, "bytes"]);
            assert!(from_v3(&list, &CONTEXT).is_err());
        }
        let twice = json!([{"name": "transpose", "configuration": {"order": [1, 2, 0]}},
            {"name": "transpose", "configuration": {"order": [2, 0, 1]}}, "bytes"]);
        assert_eq!(from_v3(&twice, &CONTEXT).unwrap().transpose, None);
    }
}
