//! Compression of the stores we write: what users may ask for, as filters and as Zarr's JSON.

use harmony_model::{Filter, filter};
use serde_json::{Value, json};

use super::Version;
use crate::write::WriteOptions;

/// Zstandard's own default, and that of zarr-python 3.
const ZSTD_LEVEL: u32 = 3;
/// Of deflate and gzip: where libdeflate is as dense as zlib at 4 to 6.
const DEFLATE_LEVEL: u32 = 4;
/// Blosc's level 2 is Zstandard's 3.
const BLOSC_LEVEL: u32 = 2;
/// Number of Zstandard among Blosc's compressors in HDF5's client data.
const BLOSC_ZSTD: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    None,
    Blosc,
    Zstd,
    Gzip,
    Zlib,
    Lz4,
}

/// The compression of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Compression {
    name: Name,
    pub level: u32,
    /// Somebody asked for it: stored chunks with another compression are not copied.
    asked: bool,
    /// Keep the input's chunks and their compression wherever Zarr can say it.
    pub keeps_input: bool,
}

impl Compression {
    /// What the options ask for. `Err` says what is possible.
    ///
    /// Without a wish version 2 gets Blosc (Zstandard after a byte shuffle), the compressor that version 2 readers have
    /// in common and, of those, the densest on geophysical fields; version 3 gets plain Zstandard.
    pub(super) fn of(options: &WriteOptions, version: Version) -> Result<Self, String> {
        let wish = options.encoding.compression.as_deref().map(str::to_ascii_lowercase);
        let name = match (wish.as_deref(), version) {
            (None, Version::V2) => Name::Blosc,
            (None, Version::V3) => Name::Zstd,
            (Some("input"), Version::V2) => Name::Blosc,
            (Some("input"), Version::V3) => Name::Zstd,
            (Some("none" | "raw"), _) => Name::None,
            (Some("blosc"), _) => Name::Blosc,
            (Some("zstd" | "zstandard"), _) => Name::Zstd,
            (Some("gzip"), _) | (Some("deflate" | "zlib"), Version::V3) => Name::Gzip,
            (Some("deflate" | "zlib"), Version::V2) => Name::Zlib,
            (Some("lz4"), Version::V2) => Name::Lz4,
            (Some(other), version) => {
                let known = match version {
                    Version::V2 => "blosc, zstd, zlib, gzip, lz4, none, input",
                    Version::V3 => "zstd, gzip, blosc, none, input",
                };
                return Err(format!(
                    "compression '{other}' is not one of Zarr {version}'s: take one of {known}"
                ));
            }
        };
        let (default, most) = match name {
            Name::None | Name::Lz4 => (0, 0),
            Name::Blosc => (BLOSC_LEVEL, 9),
            Name::Zstd => (ZSTD_LEVEL, 22),
            Name::Gzip | Name::Zlib => (options.deflate_level.unwrap_or(DEFLATE_LEVEL), 9),
        };
        let level = options.encoding.level.unwrap_or(default);
        if level > most && most > 0 {
            return Err(format!("compression level {level} is out of range: take 1 to {most}"));
        }
        let asked = wish.is_some() || options.encoding.level.is_some() || options.deflate_level.is_some();
        let keeps_input = wish.as_deref() == Some("input");
        Ok(Compression { name, level: level.min(most), asked: asked && !keeps_input, keeps_input })
    }

    /// The filters under which chunks stored with `filters` are kept as they are; `None` when they must be encoded
    /// again.
    ///
    /// A byte shuffle of its own is kept on request only: zarr-python knows it, GDAL (3.12) opens no such array.
    pub(super) fn kept(
        &self,
        filters: &[Filter],
        wanted: &[Filter],
        version: Version,
    ) -> Option<Vec<Filter>> {
        let idle = |f: &&Filter| f.id == filter::SHUFFLE && f.params.first().is_some_and(|&n| n <= 1);
        let filters: Vec<Filter> = filters.iter().filter(|f| !idle(f)).cloned().collect();
        let welcome = if self.asked { filters == wanted } else { !filters.is_empty() };
        let shuffled = filters.iter().any(|f| f.id == filter::SHUFFLE);
        (welcome && (!shuffled || self.keeps_input) && is_expressible(&filters, version)).then_some(filters)
    }

    /// Its filters for elements of `size` bytes that are (or are not) numbers.
    pub(super) fn filters(&self, size: usize, is_number: bool) -> Vec<Filter> {
        let shuffle = u32::from(is_number && size > 1);
        let size = u32::try_from(size).ok().filter(|&n| n <= 255).unwrap_or(1);
        match self.name {
            Name::None => Vec::new(),
            Name::Blosc => {
                vec![Filter::new(filter::BLOSC, &[2, 2, size, 0, self.level.max(1), shuffle, BLOSC_ZSTD])]
            }
            Name::Zstd => vec![Filter::new(filter::ZSTD, &[self.level])],
            Name::Gzip => vec![Filter::new(filter::GZIP, &[self.level])],
            Name::Zlib => vec![Filter::new(filter::DEFLATE, &[self.level])],
            Name::Lz4 => vec![Filter::new(filter::NUMCODECS_LZ4, &[])],
        }
    }
}

/// Whether chunks that went through `filters` can be stored as they are.
fn is_expressible(filters: &[Filter], version: Version) -> bool {
    let compressor = |f: &Filter| match version {
        Version::V2 => {
            matches!(
                f.id,
                filter::DEFLATE | filter::GZIP | filter::ZSTD | filter::NUMCODECS_LZ4 | filter::BLOSC
            )
        }
        Version::V3 => matches!(f.id, filter::GZIP | filter::ZSTD),
    };
    match filters {
        [] => true,
        [one] => compressor(one) && (one.id != filter::BLOSC || one.params.len() >= 7),
        [first, second] => {
            version == Version::V2
                && first.id == filter::SHUFFLE
                && !first.params.is_empty()
                && compressor(second)
        }
        _ => false,
    }
}

/// `filters` and `compressor` of a v2 array.
pub(super) fn v2(filters: &[Filter]) -> (Value, Value) {
    match filters.split_last() {
        None => (Value::Null, Value::Null),
        Some((last, [])) => (Value::Null, codec_v2(last)),
        Some((last, before)) => (before.iter().map(codec_v2).collect(), codec_v2(last)),
    }
}

fn codec_v2(f: &Filter) -> Value {
    let level = f.params.first().copied().unwrap_or(0);
    match f.id {
        filter::SHUFFLE => json!({"id": "shuffle", "elementsize": level}),
        filter::DEFLATE => json!({"id": "zlib", "level": level.min(9)}),
        filter::GZIP => json!({"id": "gzip", "level": level.min(9)}),
        filter::ZSTD => json!({"id": "zstd", "level": level as i32}),
        filter::NUMCODECS_LZ4 => json!({"id": "lz4", "acceleration": 1}),
        _ => {
            let (level, shuffle, name) = blosc(f);
            json!({"id": "blosc", "cname": name, "clevel": level, "shuffle": shuffle, "blocksize": 0})
        }
    }
}

/// The bytes → bytes codecs of a v3 array.
pub(super) fn v3(filters: &[Filter]) -> Vec<Value> {
    filters
        .iter()
        .map(|f| {
            let level = f.params.first().copied().unwrap_or(0);
            match f.id {
                filter::GZIP => json!({"name": "gzip", "configuration": {"level": level.min(9)}}),
                filter::ZSTD => json!({"name": "zstd", "configuration": {
                    "level": level as i32, "checksum": f.params.get(1) == Some(&1)}}),
                _ => {
                    let (level, shuffle, name) = blosc(f);
                    let shuffle = ["noshuffle", "shuffle", "bitshuffle"][shuffle.min(2) as usize];
                    let size = f.params.get(2).copied().unwrap_or(1).max(1);
                    json!({"name": "blosc", "configuration": {"typesize": size, "cname": name, "clevel": level,
                        "shuffle": shuffle, "blocksize": 0}})
                }
            }
        })
        .collect()
}

fn blosc(f: &Filter) -> (u32, u32, &'static str) {
    let param = |i: usize| f.params.get(i).copied().unwrap_or(0);
    let names = ["blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"];
    (param(4), param(5), names.get(param(6) as usize).copied().unwrap_or("zstd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(compression: &str, level: Option<u32>) -> WriteOptions {
        let mut options = WriteOptions::default();
        options.encoding.compression = (!compression.is_empty()).then(|| compression.into());
        options.encoding.level = level;
        options
    }

    #[test]
    fn wishes_and_defaults() {
        let of = |name: &str, version| Compression::of(&options(name, None), version);
        assert_eq!(of("", Version::V3).unwrap().filters(4, true)[0], Filter::new(filter::ZSTD, &[3]));
        let blosc = of("", Version::V2).unwrap().filters(4, true);
        assert_eq!(v2(&blosc).1["cname"], "zstd");
        assert_eq!(v2(&blosc).1["shuffle"], 1);
        assert_eq!(of("Deflate", Version::V3).unwrap().filters(4, true)[0].id, filter::GZIP);
        assert!(of("lz4", Version::V3).unwrap_err().contains("zstd, gzip"));
        assert!(Compression::of(&options("gzip", Some(12)), Version::V2).unwrap_err().contains("1 to 9"));
        assert!(of("none", Version::V2).unwrap().filters(4, true).is_empty());
    }

    #[test]
    fn what_hdf5_stores_can_be_said_in_version_2() {
        let hdf5 = [Filter::shuffle(4), Filter::deflate(4)];
        assert!(is_expressible(&hdf5, Version::V2) && !is_expressible(&hdf5, Version::V3));
        let (filters, compressor) = v2(&hdf5);
        assert_eq!(filters, json!([{"id": "shuffle", "elementsize": 4}]));
        assert_eq!(compressor, json!({"id": "zlib", "level": 4}));
        assert!(!is_expressible(&[Filter::deflate(4), Filter::new(filter::FLETCHER32, &[])], Version::V2));
        let kept = |name: &str| {
            Compression::of(&options(name, None), Version::V2).unwrap().kept(&hdf5, &[], Version::V2)
        };
        assert_eq!(kept("input").unwrap(), hdf5);
        assert_eq!((kept(""), kept("zlib")), (None, None));
        let bytes = [Filter::shuffle(1), Filter::deflate(4)];
        let default = Compression::of(&options("", None), Version::V2).unwrap();
        assert_eq!(default.kept(&bytes, &[], Version::V2).unwrap(), bytes[1..]);
    }
}
