//! Files are written and read back with our own reader.

use std::path::Path;
use std::sync::Arc;

use harmony_model::dtype::to_f64s;
use harmony_model::{Attribute, DType, Granule, GroupId, MemoryArray, Window};

use super::{plan, write};
use crate::io::open_local;
use crate::netcdf3::open;
use crate::write::WriteOptions;

fn granule() -> Granule {
    let mut g = Granule::new("a.nc", "netcdf4");
    g.groups[0].attrs.push(Attribute::numbers("orbit", &[12i64]));
    let time = g.add_dim(Granule::ROOT, "time", 5);
    g.dims[time.0].unlimited = true;
    let x = g.add_dim(Granule::ROOT, "x", 3);
    let values = MemoryArray::of(&[5], &[0i64, 1, 2, 3, 4]);
    g.add_var(Granule::ROOT, "time", DType::I64, vec![time], Arc::new(values));
    let bytes: Vec<u8> = (0..15).map(|i| i * 17).collect();
    let u =
        g.add_var(Granule::ROOT, "u", DType::U8, vec![time, x], Arc::new(MemoryArray::of(&[5, 3], &bytes)));
    g.vars[u.0].set_attr(Attribute::numbers("_FillValue", &[255u8]));
    g.add_var(Granule::ROOT, "w", DType::U16, vec![x], Arc::new(MemoryArray::of(&[3], &[1u16, 2, 65535])));
    let group = g.add_group(Granule::ROOT, "a b");
    let y = g.add_dim(group, "y", 2);
    g.add_var(group, "y", DType::F32, vec![y], Arc::new(MemoryArray::of(&[2], &[1.5f32, 2.5])));
    let v = g.add_var(group, "v (K)", DType::F64, vec![y], Arc::new(MemoryArray::of(&[2], &[7.0, 8.0])));
    g.vars[v.0].set_attr(Attribute::text("coordinates", "y"));
    let texts = MemoryArray::of_texts(&[2], vec![b"abc".to_vec(), b"de".to_vec()]);
    g.add_var(GroupId(0), "s", DType::String, vec![y], Arc::new(texts));
    g
}

fn read(path: &Path) -> Granule {
    open(open_local(path).unwrap()).unwrap()
}

fn numbers(g: &Granule, name: &str) -> (DType, Vec<f64>) {
    let id = g.find_var(name).unwrap_or_else(|| panic!("{name} is missing"));
    let bytes = g.read(id, &Window::all(&g.shape(id))).unwrap();
    (g.var(id).dtype.clone(), to_f64s(&g.var(id).dtype, &bytes).unwrap())
}

#[test]
fn a_tree_becomes_flat_and_types_classic() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("a.nc");
    let planned = plan(&granule(), &WriteOptions::default()).unwrap();
    let report = write(&granule(), &target, &WriteOptions::default()).unwrap();
    assert_eq!(report.bytes_read, planned.bytes_read);
    assert_eq!(std::fs::metadata(&target).unwrap().len(), planned.output_bytes);
    assert_eq!(&std::fs::read(&target).unwrap()[..4], b"CDF\x01");
    let g = read(&target);
    assert_eq!(numbers(&g, "/time"), (DType::F64, vec![0.0, 1.0, 2.0, 3.0, 4.0]));
    assert_eq!(numbers(&g, "/w"), (DType::I32, vec![1.0, 2.0, 65535.0]));
    assert_eq!(numbers(&g, "/a_b__y"), (DType::F32, vec![1.5, 2.5]));
    assert_eq!(numbers(&g, "/a_b__v__K_"), (DType::F64, vec![7.0, 8.0]));
    let (dtype, values) = numbers(&g, "/u");
    assert_eq!((dtype, values[1], values[14]), (DType::I8, 17.0, -18.0));
    let u = g.var(g.find_var("/u").unwrap());
    assert_eq!((u.attr_text("_Unsigned").unwrap(), u.attr_f64("_FillValue")), ("true".into(), Some(-1.0)));
    let v = g.var(g.find_var("/a_b__v__K_").unwrap());
    assert_eq!(v.attr_text("coordinates").unwrap(), "a_b__y");
    assert_eq!(v.attr_text("group_path").unwrap(), "/a b");
    assert_eq!(v.attr_text("original_name").unwrap(), "v (K)");
    assert_eq!(g.read_texts(g.find_var("/s").unwrap()).unwrap(), ["abc", "de"]);
    let dims: Vec<(&str, u64, bool)> = g.dims.iter().map(|d| (d.name.as_str(), d.len, d.unlimited)).collect();
    assert_eq!(dims, [("time", 5, true), ("x", 3, false), ("a_b__y", 2, false), ("string3", 3, false)]);
}

#[test]
fn the_same_file_whatever_the_memory() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = |memory: u64| {
        let target = dir.path().join("a.nc");
        write(&granule(), &target, &WriteOptions { memory, ..WriteOptions::default() }).unwrap();
        std::fs::read(target).unwrap()
    };
    assert_eq!(bytes(1), bytes(1 << 30));
}

#[test]
fn a_number_that_has_no_double_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("a.nc");
    let mut g = granule();
    let x = g.vars[2].dims.clone();
    let values = MemoryArray::of(&[3], &[1i64, (1 << 60) + 1, 3]);
    g.add_var(Granule::ROOT, "big", DType::I64, x, Arc::new(values));
    let error = write(&g, &target, &WriteOptions::default()).unwrap_err().to_string();
    assert!(error.contains("'/big'") && error.contains("1152921504606846977"), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let mut options = WriteOptions::default();
    options.encoding.compression = Some("cdf5".into());
    write(&g, &target, &options).unwrap();
    assert_eq!(&std::fs::read(&target).unwrap()[..4], b"CDF\x05");
    let g = read(&target);
    assert_eq!((numbers(&g, "/u").0, numbers(&g, "/big").0), (DType::U8, DType::I64));
}

#[test]
fn one_small_record_variable_is_not_padded() {
    let dir = tempfile::tempdir().unwrap();
    let mut g = Granule::new("a.nc", "netcdf4");
    let time = g.add_dim(Granule::ROOT, "time", 5);
    g.dims[time.0].unlimited = true;
    let values = [1i8, 2, 3, 4, 5];
    g.add_var(Granule::ROOT, "b", DType::I8, vec![time], Arc::new(MemoryArray::of(&[5], &values)));
    let target = dir.path().join("a.nc");
    write(&g, &target, &WriteOptions::default()).unwrap();
    assert_eq!(numbers(&read(&target), "/b").1, [1.0, 2.0, 3.0, 4.0, 5.0]);
}

#[test]
fn what_netcdf3_can_not_hold_is_left_out_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut g = granule();
    let opaque = DType::Opaque { size: 3, tag: String::new() };
    g.add_var(Granule::ROOT, "o", opaque.clone(), vec![], Arc::new(MemoryArray::new(&[], 3, vec![1; 3])));
    let report = write(&g, &dir.path().join("a.nc"), &WriteOptions::default()).unwrap();
    assert!(report.notices[0].contains("'/o'"), "{:?}", report.notices);
    let mut alone = Granule::new("b.nc", "netcdf4");
    alone.add_var(Granule::ROOT, "o", opaque, vec![], Arc::new(MemoryArray::new(&[], 3, vec![1; 3])));
    assert!(plan(&alone, &WriteOptions::default()).is_err());
}
