//! What is written is what is read: by our own reader here; libhdf5 and libnetcdf judge in the integration tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use harmony_model::dtype::{SLOT, StringPad};
use harmony_model::{
    ArraySource, AttrShape, Attribute, DType, Field, Filter, Granule, Heap, MemoryArray, NamedType,
    ReadError, Storage, StoredChunk, VarId, Window, filter,
};

use super::write;
use crate::io::LocalFile;
use crate::netcdf4::read;
use crate::write::WriteOptions;

/// Hides stored chunks, so that everything is decoded and encoded.
struct Decoded(Arc<dyn ArraySource>);

impl ArraySource for Decoded {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        self.0.read(window, out)
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.0.cost(window)
    }

    fn heap(&self) -> Option<Arc<dyn Heap>> {
        self.0.heap()
    }
}

fn written(g: &Granule, target: &Path, options: &WriteOptions) -> Granule {
    write(g, target, options).unwrap();
    read::open(Arc::new(LocalFile::open(target).unwrap())).unwrap()
}

/// Replaces slots by what they point to, so that values of two files can be compared.
fn resolve(dtype: &DType, bytes: &[u8], heap: &dyn Heap, out: &mut Vec<u8>) {
    match dtype {
        DType::String | DType::VLen(_) => {
            let base = match dtype {
                DType::VLen(base) => (**base).clone(),
                _ => DType::Char,
            };
            for slot in bytes.chunks_exact(SLOT) {
                let content = heap.get(slot, base.size()).unwrap();
                out.extend_from_slice(&(content.len() as u64).to_le_bytes());
                resolve(&base, &content, heap, out);
            }
        }
        DType::Compound { size, fields } if dtype.has_slots() => {
            for record in bytes.chunks_exact(*size) {
                for f in fields {
                    resolve(&f.dtype, &record[f.offset..f.offset + f.dtype.size()], heap, out);
                }
            }
        }
        DType::Array { base, .. } if base.has_slots() => resolve(base, bytes, heap, out),
        _ => out.extend_from_slice(bytes),
    }
}

fn values(g: &Granule, id: VarId) -> Result<Vec<u8>, ReadError> {
    let v = g.var(id);
    let bytes = g.read(id, &Window::all(&g.shape(id)))?;
    match v.data.heap() {
        Some(heap) if v.dtype.has_slots() => {
            let mut out = Vec::new();
            resolve(&v.dtype, &bytes, &*heap, &mut out);
            Ok(out)
        }
        _ => Ok(bytes),
    }
}

/// Attributes as they come back: `NC_CHAR` is a text in HDF5.
fn expected_attrs(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs
        .iter()
        .map(|a| match a.dtype {
            DType::Char => Attribute {
                dtype: DType::FixedString {
                    len: a.bytes.len(),
                    pad: StringPad::NullTerminated,
                    utf8: !a.bytes.is_ascii(),
                },
                shape: AttrShape::Scalar,
                ..a.clone()
            },
            _ => a.clone(),
        })
        .collect()
}

fn assert_same(a: &Granule, b: &Granule, same_storage: bool) {
    let dims = |g: &Granule| -> Vec<_> {
        let named = g.dims.iter().filter(|d| !d.anonymous);
        named.map(|d| (g.group(d.group).path.clone(), d.name.clone(), d.len, d.unlimited)).collect()
    };
    assert_eq!(dims(a), dims(b));
    assert_eq!(a.vars.len(), b.vars.len());
    let types =
        |g: &Granule| -> Vec<_> { g.types.iter().map(|t| (t.name.clone(), t.dtype.clone())).collect() };
    assert_eq!(types(a), types(b));
    for group in &a.groups {
        let other = b.group(b.find_group(&group.path).unwrap());
        assert_eq!(expected_attrs(&group.attrs), other.attrs, "{}", group.path);
    }
    for id in a.var_ids() {
        let v = a.var(id);
        let other = b.find_var(&v.path).unwrap_or_else(|| panic!("{} is missing", v.path));
        let w = b.var(other);
        assert_eq!((&v.dtype, v.big_endian), (&w.dtype, w.big_endian), "{}", v.path);
        assert_eq!(expected_attrs(&v.attrs), w.attrs, "{}", v.path);
        assert_eq!(a.shape(id), b.shape(other), "{}", v.path);
        let names = |g: &Granule, id: VarId| -> Vec<Option<String>> {
            let dims = g.var(id).dims.iter().map(|d| g.dim(*d));
            dims.map(|d| (!d.anonymous).then(|| d.name.clone())).collect()
        };
        assert_eq!(names(a, id), names(b, other), "{}", v.path);
        if v.fill.is_some() && !v.dtype.has_slots() {
            assert_eq!(v.fill, w.fill, "{}", v.path);
        }
        if same_storage && !matches!(v.storage, Storage::Contiguous) {
            assert_eq!(v.storage.chunk_shape(), w.storage.chunk_shape(), "{}", v.path);
            // The names of HDF5's own filters are not always written.
            let plain = |s: &Storage| -> Vec<_> {
                s.filters().iter().map(|f| (f.id, f.optional, f.params.clone())).collect()
            };
            assert_eq!(plain(&v.storage), plain(&w.storage), "{}", v.path);
        }
        match values(a, id) {
            Ok(values_of_a) => assert!(values_of_a == values(b, other).unwrap(), "{}: values", v.path),
            Err(e) => panic!("{}: {e}", v.path),
        }
    }
}

fn array(shape: &[u64], size: usize) -> Arc<dyn ArraySource> {
    let n = shape.iter().product::<u64>() as usize * size;
    Arc::new(MemoryArray::new(shape, size, (0..n).map(|i| (i * 31 % 253) as u8).collect()))
}

fn field(name: &str, offset: usize, dtype: DType, big_endian: bool) -> Field {
    Field { name: name.into(), offset, dtype, big_endian }
}

fn user_types() -> Vec<(&'static str, DType)> {
    let fields = vec![
        field("a", 0, DType::I32, true),
        field("b", 8, DType::F64, false),
        field("c", 4, DType::Array { base: Box::new(DType::U16), dims: vec![2] }, false),
    ];
    let members = vec![("no".into(), 0), ("yes".into(), 1), ("neg".into(), -5)];
    vec![
        ("record", DType::Compound { size: 16, fields }),
        ("choice", DType::Enum { base: Box::new(DType::I16), members }),
        ("blob", DType::Opaque { size: 5, tag: "five bytes".into() }),
    ]
}

fn every_type() -> Granule {
    let mut g = Granule::new("types.nc", "netcdf4");
    let x = g.add_dim(Granule::ROOT, "x", 6);
    let mut types: Vec<(&str, DType)> = vec![
        ("i8", DType::I8),
        ("u8", DType::U8),
        ("i16", DType::I16),
        ("u16", DType::U16),
        ("i32", DType::I32),
        ("u32", DType::U32),
        ("i64", DType::I64),
        ("u64", DType::U64),
        ("f32", DType::F32),
        ("f64", DType::F64),
        ("char", DType::Char),
        ("fixed", DType::FixedString { len: 7, pad: StringPad::SpacePadded, utf8: true }),
    ];
    for (name, dtype) in user_types() {
        g.types.push(NamedType { group: Granule::ROOT, name: format!("{name}_t"), dtype: dtype.clone() });
        types.push((name, dtype));
    }
    for (name, dtype) in types {
        for big_endian in [false, true] {
            if big_endian && dtype.swap_width() == 1 {
                continue;
            }
            let name = format!("{name}_{}", if big_endian { "be" } else { "le" });
            let v = g.add_var(Granule::ROOT, &name, dtype.clone(), vec![x], array(&[6], dtype.size()));
            g.vars[v.0].big_endian = big_endian;
            g.vars[v.0].fill = Some((1..=dtype.size() as u8).collect());
        }
    }
    g
}

fn add_texts(g: &mut Granule) {
    let x = g.dims.iter().position(|d| d.name == "x").map(harmony_model::DimId).unwrap();
    let texts = ["", "a", "é", "long enough", "", "z"].map(|t| t.as_bytes().to_vec()).to_vec();
    g.add_var(Granule::ROOT, "texts", DType::String, vec![x], Arc::new(MemoryArray::of_texts(&[6], texts)));
    let sequences = (0..6).map(|n| vec![n; 2 * usize::from(n)]).collect();
    let dtype = DType::VLen(Box::new(DType::I16));
    g.add_var(Granule::ROOT, "sequences", dtype, vec![x], Arc::new(MemoryArray::of_texts(&[6], sequences)));
}

fn add_attributes(g: &mut Granule) {
    let (_, choice) = user_types().swap_remove(1);
    let attr = |name: &str, dtype: DType, shape, bytes: &[u8], items: &[&[u8]]| Attribute {
        name: name.into(),
        dtype,
        shape,
        bytes: bytes.into(),
        items: items.iter().map(|i| i.to_vec()).collect(),
    };
    g.groups[0].attrs = vec![
        Attribute::text("zulu", "first in order, last in the alphabet"),
        Attribute::text("títle", "grüße"),
        Attribute::numbers::<f64>("numbers", &[1.5, -2.5]),
        Attribute::strings("texts", &["a", "", "ccc"]),
        attr("null", DType::F32, AttrShape::Null, &[], &[]),
        attr("none", DType::F32, AttrShape::Simple(vec![0]), &[], &[]),
        attr("chars", DType::Char, AttrShape::Simple(vec![2]), b"ab", &[]),
        attr("scalar", DType::I64, AttrShape::Scalar, &[1, 2, 3, 4, 5, 6, 7, 8], &[]),
        attr("choice", choice, AttrShape::Simple(vec![1]), &[1, 0], &[]),
        attr("seq", DType::VLen(Box::new(DType::U8)), AttrShape::Simple(vec![2]), &[], &[b"xyz", b""]),
    ];
}

#[test]
fn every_type_and_attribute_comes_back() {
    let mut g = every_type();
    add_texts(&mut g);
    add_attributes(&mut g);
    let dir = tempfile::tempdir().unwrap();
    assert_same(&g, &written(&g, &dir.path().join("a.nc"), &WriteOptions::default()), true);
    for v in &mut g.vars {
        v.storage = Storage::Chunked { shape: vec![4], filters: vec![Filter::deflate(1)] };
    }
    assert_same(&g, &written(&g, &dir.path().join("b.nc"), &WriteOptions::default()), true);
}

#[test]
fn attributes_longer_than_a_message_come_back() {
    let mut g = every_type();
    add_attributes(&mut g);
    g.groups[0].attrs.push(Attribute::text("long", &"x".repeat(200_000)));
    g.vars[0].attrs.push(Attribute::numbers::<f64>("many", &vec![0.5; 9000]));
    g.vars[1].attrs = (0..2000).map(|i| Attribute::text(&format!("a{i}"), "value")).collect();
    let dir = tempfile::tempdir().unwrap();
    assert_same(&g, &written(&g, &dir.path().join("a.nc"), &WriteOptions::default()), true);
}

#[test]
fn groups_dimensions_and_coordinates_come_back() {
    let mut g = Granule::new("dims.nc", "netcdf4");
    let t = g.add_dim(Granule::ROOT, "t", 3);
    g.dims[t.0].unlimited = true;
    let u = g.add_dim(Granule::ROOT, "u", 0);
    g.dims[u.0].unlimited = true;
    let y = g.add_dim(Granule::ROOT, "y", 4);
    let a = g.add_group(Granule::ROOT, "a");
    let b = g.add_group(a, "b");
    let x = g.add_dim(b, "x", 5);
    let n = g.add_dim(b, "phony_dim_4", 2);
    g.dims[n.0].anonymous = true;
    let c = g.add_group(Granule::ROOT, "c");
    for (group, name, dims) in [
        (Granule::ROOT, "v", vec![t, y]),
        (Granule::ROOT, "t", vec![t]),
        (Granule::ROOT, "y", vec![y, t]),
        (Granule::ROOT, "u", vec![]),
        (b, "x", vec![y, x]),
        (b, "w", vec![y, x, n]),
        (b, "none", vec![n]),
        (c, "elsewhere", vec![x]),
        (c, "empty", vec![u, y]),
    ] {
        let shape: Vec<u64> = dims.iter().map(|d| g.dim(*d).len).collect();
        g.add_var(group, name, DType::I32, dims, array(&shape, 4));
    }
    let dir = tempfile::tempdir().unwrap();
    assert_same(&g, &written(&g, &dir.path().join("a.nc"), &WriteOptions::default()), true);
}

#[test]
fn trees_of_several_levels_lead_to_every_chunk() {
    for (shape, chunk) in [(vec![65], 1), (vec![20_000], 3)] {
        let mut g = Granule::new("tree.nc", "netcdf4");
        let x = g.add_dim(Granule::ROOT, "x", shape[0]);
        let y = g.add_dim(Granule::ROOT, "y", 2);
        let v = g.add_var(Granule::ROOT, "v", DType::I16, vec![x, y], array(&[shape[0], 2], 2));
        g.vars[v.0].storage = Storage::Chunked { shape: vec![chunk, 1], filters: Vec::new() };
        let dir = tempfile::tempdir().unwrap();
        assert_same(&g, &written(&g, &dir.path().join("a.nc"), &WriteOptions::default()), true);
    }
}

/// Copies with a filter mask, chunks that were never written, and an edge that must be encoded again.
#[test]
fn copied_missing_and_encoded_chunks_stand_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let mut g = Granule::new("first.nc", "netcdf4");
    let y = g.add_dim(Granule::ROOT, "y", 50);
    let x = g.add_dim(Granule::ROOT, "x", 33);
    let v = g.add_var(Granule::ROOT, "v", DType::I32, vec![y, x], array(&[50, 33], 4));
    let filters = vec![Filter::shuffle(4), Filter::deflate(1), Filter::new(filter::FLETCHER32, &[])];
    g.vars[v.0].storage = Storage::Chunked { shape: vec![8, 8], filters };
    g.vars[v.0].fill = Some(7i32.to_ne_bytes().into());
    let mut first = written(&g, &dir.path().join("first.nc"), &WriteOptions::default());
    let inner = first.vars[0].data.clone();
    // Chunks of the first row are missing, those of the second one must be encoded.
    struct Mixed(Arc<dyn ArraySource>);
    impl ArraySource for Mixed {
        fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
            self.0.read(window, out)?;
            if window.0[0].runs()[0].start < 8 {
                out.chunks_exact_mut(4).for_each(|o| o.copy_from_slice(&7i32.to_ne_bytes()));
            }
            Ok(())
        }
        fn cost(&self, window: &Window) -> Result<u64, ReadError> {
            self.0.cost(window)
        }
        fn stored_chunk(&self, origin: &[u64], shape: &[u64]) -> Result<Option<StoredChunk>, ReadError> {
            match origin[0] {
                0 => Ok(Some(StoredChunk::Missing)),
                8 => Ok(None),
                _ => self.0.stored_chunk(origin, shape),
            }
        }
    }
    first.vars[0].data = Arc::new(Mixed(inner));
    let target = dir.path().join("second.nc");
    let report = write(&first, &target, &WriteOptions::default()).unwrap();
    assert_eq!((report.chunks_copied, report.chunks_encoded), (5 * 5, 5));
    let second = read::open(Arc::new(LocalFile::open(&target).unwrap())).unwrap();
    let top = first.read(VarId(0), &Window::block(&[0, 0], &[8, 33])).unwrap();
    assert!(second.read(VarId(0), &Window::block(&[0, 0], &[8, 33])).unwrap() == top);
    let rest = Window::block(&[8, 0], &[42, 33]);
    assert!(second.read(VarId(0), &rest).unwrap() == first.read(VarId(0), &rest).unwrap());
    let missing = second.vars[0].data.stored_chunk(&[0, 0], &[8, 8]).unwrap();
    assert!(matches!(missing, Some(StoredChunk::Missing)));
}

#[test]
fn real_granules_come_back() {
    let shared = std::env::var_os("HARMONY_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let Ok(entries) = std::fs::read_dir(shared.join("granules")) else {
        eprintln!("skipped: no shared granules");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mut count = 0;
    for path in entries.map(|e| e.unwrap().path()).filter(|p| p.is_file()) {
        let source = Arc::new(LocalFile::open(&path).unwrap());
        if !read::is_hdf5(&*source).unwrap() {
            continue;
        }
        let mut g = read::open(source).unwrap();
        let keep = WriteOptions { compress_contiguous: false, ..WriteOptions::default() };
        let target = dir.path().join("a.nc");
        assert_same(&g, &written(&g, &target, &keep), true);
        for v in &mut g.vars {
            v.data = Arc::new(Decoded(v.data.clone()));
        }
        assert_same(&g, &written(&g, &target, &WriteOptions::default()), false);
        count += 1;
    }
    assert!(count > 20, "only {count} granules");
}
