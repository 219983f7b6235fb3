//! Stores are written and read back with our own reader.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use harmony_model::dtype::to_f64s;
use harmony_model::{Attribute, DType, Granule, MemoryArray, Window};

use super::{Version, plan, write};
use crate::write::{WriteError, WriteOptions};
use crate::zarr::open_directory;

/// A root with coordinates, a packed field without fill value that holds zeros, a scalar, texts; and a group.
fn granule() -> Granule {
    let mut g = Granule::new("a.nc", "netcdf4");
    g.groups[0].attrs.push(Attribute::text("title", "a test"));
    let (y, x) = (g.add_dim(Granule::ROOT, "y", 30), g.add_dim(Granule::ROOT, "x", 40));
    let n = g.add_dim(Granule::ROOT, "n", 4);
    let values: Vec<f64> = (0..40).map(f64::from).collect();
    g.add_var(Granule::ROOT, "x", DType::F64, vec![x], Arc::new(MemoryArray::of(&[40], &values)));
    let field: Vec<i16> = (0..1200).map(|i| (i % 7) as i16 - 3).collect();
    let v =
        g.add_var(Granule::ROOT, "v", DType::I16, vec![y, x], Arc::new(MemoryArray::of(&[30, 40], &field)));
    g.vars[v.0].set_attr(Attribute::numbers("scale_factor", &[0.1f32]));
    let f =
        g.add_var(Granule::ROOT, "f", DType::F32, vec![x], Arc::new(MemoryArray::of(&[40], &[f32::NAN; 40])));
    g.vars[f.0].set_attr(Attribute::numbers("_FillValue", &[f32::NAN]));
    let crs = g.add_var(Granule::ROOT, "crs", DType::I32, vec![], Arc::new(MemoryArray::of(&[], &[7i32])));
    g.vars[crs.0].set_attr(Attribute::strings("names", &["a", "b"]));
    let chars = Arc::new(MemoryArray::new(&[4], 1, b"ab\xc3\xa9".to_vec()));
    g.add_var(Granule::ROOT, "c", DType::Char, vec![n], chars);
    let group = g.add_group(Granule::ROOT, "sub");
    let texts = MemoryArray::of_texts(&[30], (0..30).map(|i| vec![b'z'; i % 3]).collect());
    g.add_var(group, "s", DType::String, vec![y], Arc::new(texts));
    g
}

fn options(chunks: &[(&str, u64)], compression: &str) -> WriteOptions {
    let mut options = WriteOptions::default();
    options.encoding.chunks = chunks.iter().map(|(n, len)| ((*n).to_owned(), *len)).collect();
    options.encoding.compression = (!compression.is_empty()).then(|| compression.into());
    options
}

fn numbers(g: &Granule, path: &str) -> Vec<f64> {
    let id = g.find_var(path).unwrap();
    to_f64s(&g.var(id).dtype, &g.read(id, &Window::all(&g.shape(id))).unwrap()).unwrap()
}

fn check(path: &Path, what: &str) {
    let (before, after) = (granule(), open_directory(path).unwrap());
    for name in ["/x", "/v", "/crs"] {
        assert_eq!(numbers(&before, name), numbers(&after, name), "{what}: {name}");
        let (b, a) = (before.find_var(name).unwrap(), after.find_var(name).unwrap());
        assert_eq!(before.var(b).dtype, after.var(a).dtype, "{what}: {name}");
        assert_eq!(before.shape(b), after.shape(a), "{what}: {name}");
    }
    assert!(numbers(&after, "/f").iter().all(|v| v.is_nan()));
    let f = after.var(after.find_var("/f").unwrap());
    assert!(f.attr_f64("_FillValue").unwrap().is_nan(), "{what}");
    assert!(after.var(after.find_var("/v").unwrap()).attr("_FillValue").is_none(), "{what}");
    let s = after.find_var("/sub/s").unwrap();
    assert_eq!(after.read_texts(s).unwrap()[..4], ["", "z", "zz", ""], "{what}");
    assert_eq!(after.dim(after.var(s).dims[0]).name, "y");
    assert_eq!(after.read_texts(after.find_var("/c").unwrap()).unwrap(), ["abé"], "{what}");
    assert_eq!(after.groups[0].attr_text("title").unwrap(), "a test");
}

#[test]
fn what_is_written_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    for version in [Version::V2, Version::V3] {
        for compression in ["", "zstd", "gzip", "none", "blosc"] {
            let target = dir.path().join(format!("{version}-{compression}.zarr"));
            let options = options(&[("y", 7), ("x", 16)], compression);
            let planned = plan(&granule(), &options, version).unwrap();
            let report = write(&granule(), &target, &options, version).unwrap();
            assert_eq!(report.bytes_read, planned.bytes_read);
            check(&target, &format!("{version} {compression}"));
        }
    }
}

#[test]
fn shards_hold_the_same_values() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("a.zarr");
    let mut options = options(&[("y", 7), ("x", 16)], "");
    options.encoding.sharded = true;
    write(&granule(), &target, &options, Version::V3).unwrap();
    check(&target, "sharded");
    assert!(target.join("v/c/0/0").is_file() && !target.join("v/c/0/1").exists());
}

#[test]
fn chunks_of_nothing_but_fill_are_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("a.zarr");
    write(&granule(), &target, &WriteOptions::default(), Version::V2).unwrap();
    assert!(target.join("v/0.0").is_file() && target.join("crs/0").is_file());
    assert!(!target.join("f/0").exists());
}

#[test]
fn the_same_store_whatever_the_memory() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = |memory: u64, name: &str| {
        let target = dir.path().join(name);
        let options = WriteOptions { memory, ..options(&[("y", 7), ("x", 16)], "") };
        write(&granule(), &target, &options, Version::V3).unwrap();
        std::fs::read(target).unwrap()
    };
    assert_eq!(bytes(1, "a.zarr.zip"), bytes(1 << 30, "b.zarr.zip"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn a_cancelled_or_failed_write_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("a.zarr");
    let cancel = Some(Arc::new(AtomicBool::new(true)));
    let options = WriteOptions { cancel, ..WriteOptions::default() };
    assert!(matches!(write(&granule(), &target, &options, Version::V2), Err(WriteError::Cancelled)));
    let odd = self::options(&[], "lzma");
    let error = write(&granule(), &target, &odd, Version::V2).unwrap_err().to_string();
    assert!(error.contains("'lzma'") && error.contains("zlib"), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_zarr_can_not_hold_is_left_out_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut g = granule();
    let opaque = DType::Opaque { size: 3, tag: String::new() };
    g.add_var(Granule::ROOT, "o", opaque.clone(), vec![], Arc::new(MemoryArray::new(&[], 3, vec![1; 3])));
    let report = write(&g, &dir.path().join("a.zarr"), &WriteOptions::default(), Version::V2).unwrap();
    assert!(report.notices[0].contains("'/o'"), "{:?}", report.notices);
    let mut alone = Granule::new("b.nc", "netcdf4");
    alone.add_var(Granule::ROOT, "o", opaque, vec![], Arc::new(MemoryArray::new(&[], 3, vec![1; 3])));
    let error = write(&alone, &dir.path().join("b.zarr"), &WriteOptions::default(), Version::V2).unwrap_err();
    assert!(error.to_string().contains("netCDF-4 instead"), "{error}");
}

#[test]
fn consolidated_metadata_lists_every_node() {
    let dir = tempfile::tempdir().unwrap();
    let read =
        |path: &Path| -> serde_json::Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let target = dir.path().join("2.zarr");
    write(&granule(), &target, &WriteOptions::default(), Version::V2).unwrap();
    let all = read(&target.join(".zmetadata"));
    assert_eq!(all["metadata"]["v/.zarray"], read(&target.join("v/.zarray")));
    assert_eq!(all["metadata"]["v/.zarray"]["fill_value"], serde_json::Value::Null);
    assert_eq!(all["metadata"]["f/.zarray"]["fill_value"], "NaN");
    assert_eq!(all["metadata"]["sub/s/.zattrs"]["_ARRAY_DIMENSIONS"], serde_json::json!(["y"]));
    let target = dir.path().join("3.zarr");
    write(&granule(), &target, &WriteOptions::default(), Version::V3).unwrap();
    let root = read(&target.join("zarr.json"));
    let listed = &root["consolidated_metadata"]["metadata"];
    assert_eq!(listed["sub/s"], read(&target.join("sub/s/zarr.json")));
    assert_eq!(listed["sub"]["node_type"], "group");
    assert_eq!(listed["f"]["attributes"]["_FillValue"], "AAAAAAAA+H8=");
}
