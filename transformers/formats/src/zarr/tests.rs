//! Hierarchies of the reference software, and hierarchies that lie.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use harmony_model::{DType, Granule, ReadError, Runs, Storage, StoredChunk, VarId, Window};

use super::{MemoryStore, Store, exercise, is_hierarchy, open, open_directory};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn var(granule: &Granule, path: &str) -> VarId {
    granule.find_var(path).unwrap_or_else(|| panic!("{path} is missing"))
}

/// The 7 × 5 array that counts.
fn counts() -> Vec<f64> {
    (0..35).map(f64::from).collect()
}

fn assert_counts(granule: &Granule, path: &str) {
    let id = var(granule, path);
    assert_eq!(granule.read_stored(id).unwrap(), counts(), "{path}");
    // Rows 5, 2, columns 1, 2, 4: across chunks, backwards.
    let window = Window(vec![Runs::from_indices([5, 2]), Runs::from_indices([1, 2, 4])]);
    let bytes = granule.read(id, &window).unwrap();
    let got = harmony_model::dtype::to_f64s(&granule.var(id).dtype, &bytes).unwrap();
    assert_eq!(got, [26.0, 27.0, 29.0, 11.0, 12.0, 14.0], "{path}");
}

#[test]
fn version_2_of_the_reference_software() {
    assert!(is_hierarchy(&fixture("v2.zarr")) && !is_hierarchy(&fixture(".")));
    let granule = open_directory(&fixture("v2.zarr")).unwrap();
    assert_eq!((granule.name.as_str(), granule.format), ("v2.zarr", "zarr2"));
    for name in ["zlib", "gzip", "zstd", "lz4", "blosc", "blosc_bits", "shuffled", "fortran", "raw"] {
        assert_counts(&granule, name);
    }
    for name in ["bz2", "delta"] {
        let error = granule.read(var(&granule, name), &Window::all(&[7, 5])).unwrap_err();
        let named = error.to_string().contains(&format!("'/{name}': the codec '{name}'"));
        assert!(matches!(error, ReadError::Unsupported { .. }) && named, "{error}");
    }
    let fortran = granule.var(var(&granule, "fortran"));
    assert!(fortran.big_endian && fortran.dtype == DType::I16);
    assert_eq!(fortran.storage.chunk_shape(), Some(&[4, 5][..]));
    let rows =
        |prefix: &str| (0..2).flat_map(|_| (0..5).map(move |i| format!("{prefix}{i}"))).collect::<Vec<_>>();
    assert_eq!(granule.read_texts(var(&granule, "unicode")).unwrap(), rows("é"));
    assert_eq!(granule.read_texts(var(&granule, "bytes")).unwrap(), rows("n"));
    assert_eq!(granule.read_texts(var(&granule, "text")).unwrap(), ["one", "zwölf", ""]);
}

#[test]
fn fill_values_and_attributes_of_version_2() {
    let granule = open_directory(&fixture("v2.zarr")).unwrap();
    let part = var(&granule, "sub/part");
    let mut wanted = counts();
    wanted[..20].fill(-7.0);
    assert_eq!(granule.read_stored(part).unwrap(), wanted);
    let attr = |name: &str| granule.var(part).attr(name).unwrap().clone();
    assert_eq!((attr("_FillValue").dtype, attr("_FillValue").as_f64()), (DType::I16, Some(-7.0)));
    assert_eq!((attr("flag_values").dtype, attr("valid_max").dtype), (DType::I16, DType::F64));
    assert!(granule.var(part).attr("_ARRAY_DIMENSIONS").is_none());
    assert!(granule.var(var(&granule, "gzip")).attr_f64("_FillValue").unwrap().is_nan());
    assert!(granule.var(var(&granule, "raw")).attr("_FillValue").is_none());
    let root = &granule.groups[0];
    assert_eq!(root.attr_text("title").unwrap(), "tést");
    assert_eq!(root.attr("level").unwrap().dtype, DType::I64);
    assert!(root.attr("nan").unwrap().as_f64().unwrap().is_nan());
    assert_eq!(root.attr("names").unwrap().as_texts().unwrap(), ["a", "b"]);
    assert_eq!(root.attr_text("nested").unwrap(), r#"{"a":1}"#);
}

#[test]
fn dimensions_are_shared_by_name_within_a_group_and_inherited_when_the_extent_agrees() {
    let granule = open_directory(&fixture("v2.zarr")).unwrap();
    let dims = |path: &str| granule.var(var(&granule, path)).dims.clone();
    assert_eq!(dims("zlib"), dims("raw"));
    assert_eq!(dims("zlib"), dims("sub/part"));
    // `x` of `sub/short` has 3 elements: another axis, of its own group.
    assert_ne!(dims("sub/short")[0], dims("zlib")[1]);
    assert_eq!(granule.group(granule.dim(dims("sub/short")[0]).group).path, "/sub");
}

#[test]
fn version_3_of_the_reference_software() {
    let granule = open_directory(&fixture("v3.zarr")).unwrap();
    assert_eq!(granule.format, "zarr");
    let arrays = [
        "raw",
        "zstd",
        "gzip_crc",
        "blosc",
        "big",
        "transposed",
        "half",
        "shard_start",
        "shard_end",
        "deep/er/sub",
    ];
    for name in arrays {
        assert_counts(&granule, name);
    }
    assert_eq!(granule.read_texts(var(&granule, "text")).unwrap(), ["one", "zwölf", ""]);
    let holes = var(&granule, "holes");
    let mut wanted = vec![-9.0; 48];
    wanted[3..6].copy_from_slice(&[0.0, 1.0, 2.0]);
    wanted[9..12].copy_from_slice(&[3.0, 4.0, 5.0]);
    assert_eq!(granule.read_stored(holes).unwrap(), wanted);
    let dims = &granule.var(holes).dims;
    assert!(granule.dim(dims[0]).anonymous && granule.dim(dims[1]).name == "z");
    // xarray's base64.
    assert!(granule.var(var(&granule, "raw")).attr_f64("_FillValue").unwrap().is_nan());
    assert!(granule.var(var(&granule, "zstd")).attr("_FillValue").is_none());
    assert_eq!(
        granule.groups.iter().map(|g| g.path.as_str()).collect::<Vec<_>>(),
        ["/", "/deep", "/deep/er"]
    );
}

#[test]
fn stored_chunks_are_ranges_of_their_shard() {
    let granule = open_directory(&fixture("v3.zarr")).unwrap();
    let holes = granule.var(var(&granule, "holes"));
    assert!(matches!(&holes.storage, Storage::Chunked { shape, .. } if shape == &[2, 3]));
    let chunk = holes.data.stored_chunk(&[0, 3], &[2, 3]).unwrap().unwrap();
    assert!(matches!(chunk, StoredChunk::At { len, .. } if len > 0));
    let chunk = holes.data.stored_chunk(&[2, 3], &[2, 3]).unwrap().unwrap();
    assert!(matches!(chunk, StoredChunk::Missing));
    // The stored bytes of a transposed array are in another order: they can't be passed on.
    let transposed = granule.var(var(&granule, "transposed"));
    assert!(transposed.data.stored_chunk(&[0, 0], &[4, 5]).unwrap().is_none());
}

const ARRAY: &str = r#"{"zarr_format": 2, "shape": [4], "chunks": [2], "dtype": "<i2", "fill_value": 9, "order": "C",
    "filters": null, "compressor": null}"#;

#[test]
fn an_array_may_be_the_whole_store() {
    let mut store = MemoryStore::default();
    store.put(".zarray", ARRAY);
    store.put("1", [1, 0, 2, 0]);
    let granule = open(Arc::new(store)).unwrap();
    assert_eq!(granule.read_stored(var(&granule, "memory")).unwrap(), [9.0, 9.0, 1.0, 2.0]);
}

#[test]
fn what_is_no_hierarchy_is_said_to_be_none() {
    let error = open(Arc::new(MemoryStore::default())).err().unwrap().to_string();
    assert!(error.contains("not a Zarr store"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    assert!(open_directory(dir.path()).is_err());
    assert!(open_directory(&dir.path().join("absent")).is_err());
}

#[test]
fn a_root_document_that_is_no_object_is_an_error() {
    for root in ["3", "[]", "null", r#"{"consolidated_metadata": 3}"#] {
        let mut store = MemoryStore::default();
        store.put("zarr.json", root);
        assert!(open(Arc::new(store)).is_err(), "{root}");
    }
}

#[test]
fn consolidated_metadata_can_not_point_out_of_the_store() {
    for path in ["../outside", "a/../../b", "/etc", "a//b", "."] {
        let mut store = MemoryStore::default();
        store.put(".zmetadata", format!(r#"{{"metadata": {{"{path}/.zarray": {ARRAY}}}}}"#));
        assert!(open(Arc::new(store)).is_err(), "{path}");
    }
    let dir = tempfile::tempdir().unwrap();
    let store = super::DirectoryStore::new(dir.path());
    assert!(store.get("../x").is_err() && store.open("/etc/hostname").is_err());
}

#[test]
fn links_that_form_a_cycle_end() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".zgroup"), r#"{"zarr_format": 2}"#).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(dir.path(), dir.path().join("again")).unwrap();
        let error = open_directory(dir.path()).err().unwrap().to_string();
        assert!(error.contains("too deep"), "{error}");
    }
}

#[test]
fn short_and_damaged_chunks_are_errors_that_name_the_array() {
    let mut store = MemoryStore::default();
    store.put(".zgroup", "{}");
    store.put("x/.zarray", ARRAY.replace("null}", r#"{"id": "zlib"}}"#));
    store.put("x/0", [1, 2, 3]);
    let granule = open(Arc::new(store)).unwrap();
    let error = granule.read_stored(var(&granule, "x")).unwrap_err().to_string();
    assert!(error.contains("variable '/x'"), "{error}");
}

#[test]
fn damaged_documents_are_errors_and_nothing_else() {
    for (root, path, chunk) in [
        ("v2.zarr/.zgroup", "v2.zarr/shuffled/.zarray", "v2.zarr/shuffled/0.0"),
        ("v2.zarr/.zgroup", "v2.zarr/text/.zarray", "v2.zarr/text/0"),
        ("v3.zarr/deep/zarr.json", "v3.zarr/shard_end/zarr.json", "v3.zarr/shard_end/c/0/0"),
        ("v3.zarr/deep/zarr.json", "v3.zarr/text/zarr.json", "v3.zarr/text/c/0"),
    ] {
        let read = |name: &str| std::fs::read(fixture(name)).unwrap();
        let (root, document, chunk) = (read(root), read(path), read(chunk));
        let mut state = 7u64;
        for round in 0..1500 {
            let (mut document, mut chunk) = (document.clone(), chunk.clone());
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let digit = (state >> 13) as u8 % 10 + b'0';
            let target = if round % 2 == 0 { &mut document } else { &mut chunk };
            let at = (state >> 33) as usize % target.len();
            target[at] = if round % 4 == 0 { digit } else { (state >> 25) as u8 };
            exercise(&[root.as_slice(), &[0], &document, &[0], &chunk].concat());
        }
    }
}
