//! Whole files: fixtures written by libhdf5 (`tests/data/hdf5/SOURCES.md`) and damaged copies of them.

use std::path::Path;
use std::sync::Arc;

use harmony_model::dtype::to_f64s;
use harmony_model::{
    AttrShape, ByteSource, DType, Granule, MemorySource, ReadError, Storage, StoredChunk, VarId, Window,
};

use super::{exercise, is_hdf5, open};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/data/hdf5/", $name))
    };
}

const OLD: &[u8] = fixture!("old.h5");
const NEW: &[u8] = fixture!("new.h5");
const PAGED: &[u8] = fixture!("paged.h5");
const SHARED: &[u8] = fixture!("shared.h5");
const SHORT: &[u8] = fixture!("short.h5");
const DIMS: &[u8] = fixture!("dims.nc");
const PHONY: &[u8] = fixture!("phony.h5");

fn source(bytes: &[u8]) -> Arc<dyn ByteSource> {
    Arc::new(MemorySource::new("dir/test.h5", bytes.to_vec()))
}

fn granule(bytes: &[u8]) -> Granule {
    open(source(bytes)).unwrap()
}

fn find(granule: &Granule, path: &str) -> VarId {
    granule.find_var(path).unwrap_or_else(|| panic!("no {path}"))
}

fn numbers(granule: &Granule, path: &str) -> Vec<f64> {
    granule.read_stored(find(granule, path)).unwrap()
}

fn dim_names(granule: &Granule, path: &str) -> Vec<String> {
    let var = granule.var(find(granule, path));
    var.dims.iter().map(|&d| granule.dim(d).name.clone()).collect()
}

fn range(n: usize) -> Vec<f64> {
    (0..n).map(|i| i as f64).collect()
}

#[test]
fn the_signature_may_follow_a_user_block() {
    assert!(is_hdf5(source(OLD).as_ref()).unwrap());
    assert!(OLD[..8].iter().all(|&b| b == 0));
    assert!(!is_hdf5(source(b"CDF\x01 and more").as_ref()).unwrap());
    assert!(matches!(open(source(b"nothing")), Err(ReadError::Corrupt { .. })));
}

#[test]
fn values_of_old_files_are_those_written() {
    let g = granule(OLD);
    assert_eq!(g.name, "test.h5");
    assert_eq!(numbers(&g, "/i2be"), range(6));
    assert!(g.var(find(&g, "/i2be")).big_endian);
    assert_eq!(numbers(&g, "/deflated"), range(100));
    let sparse: Vec<_> = (0..50).map(|i| if (20..23).contains(&i) { 7.0 } else { -1.5 }).collect();
    assert_eq!(numbers(&g, "/sparse"), sparse);
    assert_eq!(g.var(find(&g, "/sparse")).fill.as_deref(), Some(&(-1.5f64).to_ne_bytes()[..]));
    assert_eq!(g.read_texts(find(&g, "/texts")).unwrap(), ["x".into(), String::new(), "long".repeat(9)]);
    assert_eq!(g.var(find(&g, "/chars")).dtype, DType::Char);
    assert_eq!(g.read_texts(find(&g, "/chars")).unwrap(), ["abc"]);
    assert!(matches!(g.var(find(&g, "/half")).dtype, DType::Raw { size: 2, .. }));
}

#[test]
fn storage_names_chunks_and_filters() {
    let g = granule(OLD);
    let id = find(&g, "/deflated");
    let Storage::Chunked { shape, filters } = &g.var(id).storage else { panic!() };
    assert_eq!(*shape, [4, 3]);
    assert_eq!(filters.iter().map(|f| f.id).collect::<Vec<_>>(), [2, 1, 3]);
    let chunk = g.var(id).data.stored_chunk(&[8, 9], &[4, 3]).unwrap();
    assert!(matches!(chunk, Some(StoredChunk::At { filter_mask: 0, .. })));
    let missing = g.var(find(&g, "/sparse")).data.stored_chunk(&[5], &[5]).unwrap();
    assert!(matches!(missing, Some(StoredChunk::Missing)));
}

#[test]
fn sequences_are_handed_out_in_native_order() {
    let g = granule(OLD);
    let id = find(&g, "/sequences");
    let var = g.var(id);
    assert_eq!((&var.dtype, var.big_endian), (&DType::VLen(Box::new(DType::I32)), false));
    let slots = g.read(id, &Window::all(&[3])).unwrap();
    let heap = var.data.heap().unwrap();
    let last = heap.get(&slots[32..], 4).unwrap();
    assert_eq!(to_f64s(&DType::I32, &last).unwrap(), [0.0, 1.0]);
    assert!(heap.get(&slots[..16], 4).unwrap().is_empty());
}

#[test]
fn records_and_enumerations_keep_their_members() {
    let g = granule(OLD);
    let DType::Compound { size: 28, fields } = &g.var(find(&g, "/records")).dtype else { panic!() };
    let b = &fields[1];
    assert_eq!((b.name.as_str(), b.offset, &b.dtype, b.big_endian), ("b", 4, &DType::F64, true));
    assert_eq!(fields[2].dtype, DType::Array { base: Box::new(DType::F32), dims: vec![2, 2] });
    let bytes = g.read(find(&g, "/records"), &Window::block(&[2], &[1])).unwrap();
    assert_eq!(
        (bytes[..4].to_vec(), bytes[4..12].to_vec()),
        (vec![3, 0, 0, 0], 2.5f64.to_be_bytes().to_vec())
    );
    let DType::Enum { members, .. } = &g.var(find(&g, "/enum")).dtype else { panic!() };
    assert!(members.contains(&("neg".into(), -2)));
}

#[test]
fn attributes_have_their_exact_type() {
    let g = granule(OLD);
    let root = g.group(Granule::ROOT);
    assert_eq!(root.attr_text("title").unwrap(), "old");
    assert_eq!(root.attr("null").unwrap().shape, AttrShape::Null);
    assert_eq!(root.attr("texts").unwrap().as_texts().unwrap(), ["a", "bb", ""]);
    assert_eq!(root.attr("fixed").unwrap().as_texts().unwrap(), ["ab", "cd"]);
    let big = root.attr("big").unwrap();
    assert_eq!((&big.dtype, &big.shape), (&DType::I16, &AttrShape::Simple(vec![3])));
    assert_eq!(big.as_f64s().unwrap(), [0.0, 1.0, 2.0]);
}

#[test]
fn links_give_further_variables_and_cycles_end() {
    let g = granule(OLD);
    assert_eq!(numbers(&g, "/alias"), range(6));
    assert_eq!(numbers(&g, "/g/soft"), range(3));
    assert!(g.find_var("/never").is_none() && g.find_group("/g/up").is_none());
    assert_eq!(g.groups.iter().map(|g| g.path.as_str()).collect::<Vec<_>>(), ["/", "/g", "/g/sub"]);
}

#[test]
fn every_chunk_index_finds_its_chunks() {
    let g = granule(NEW);
    let names: Vec<_> = g.vars.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(names, ["single", "fixed", "extensible", "tree", "implicit", "dense"], "creation order");
    for (name, n) in [("single", 12), ("fixed", 35), ("extensible", 200), ("tree", 35), ("implicit", 35)] {
        assert_eq!(numbers(&g, name), range(n), "{name}");
    }
    let mut paged = vec![9.0; 3000];
    (paged[0], paged[2999]) = (1.0, 2.0);
    // A chunk is written as a whole.
    assert_eq!(numbers(&granule(PAGED), "/paged"), paged);
}

#[test]
fn dense_attributes_come_in_creation_order() {
    let g = granule(NEW);
    let attrs = &g.var(find(&g, "/dense")).attrs;
    let made: Vec<_> = (0..12).map(|i| format!("a{}", i * 7 % 12)).collect();
    assert_eq!(attrs.iter().map(|a| a.name.clone()).collect::<Vec<_>>(), made);
    assert!(attrs.iter().enumerate().all(|(i, a)| a.as_f64() == Some(i as f64)));
}

#[test]
fn shared_messages_and_packed_heaps_are_followed() {
    let g = granule(SHARED);
    for name in ["d0", "d1", "d2", "packed/link_to_a_dataset_19"] {
        assert_eq!(numbers(&g, name), range(4));
        let note = g.var(find(&g, name)).attr_text("note").unwrap();
        assert_eq!(note, "the same text on every dataset");
    }
    assert_eq!(g.vars.len(), 23);
}

#[test]
fn short_addresses_are_widened() {
    let g = granule(SHORT);
    assert_eq!(g.read_texts(find(&g, "/texts")).unwrap(), ["x", "yyy", ""]);
    assert_eq!(numbers(&g, "/c"), range(30));
    assert_eq!(dim_names(&g, "/c"), ["x"]);
    assert_eq!(g.group(Granule::ROOT).attr("texts").unwrap().as_texts().unwrap(), ["a", "bb"]);
}

#[test]
fn dimensions_are_those_of_the_netcdf_library() {
    let g = granule(DIMS);
    let root: Vec<_> = g.dims.iter().map(|d| (d.name.as_str(), d.len, d.unlimited)).collect();
    let all = [("time", 4, true), ("lat", 3, false), ("lon", 4, false), ("nv", 2, false), ("lat", 2, false)];
    assert_eq!(root, all, "in the order of their ids; time is as long as its longest variable");
    assert_eq!(dim_names(&g, "/temp"), ["time", "lat", "lon"]);
    assert_eq!(dim_names(&g, "/lon"), ["lat", "lon"], "a coordinate with two axes");
    assert_eq!(dim_names(&g, "/nv"), ["lat", "lat"], "named like a dimension that is not its own");
    assert_eq!(g.var(find(&g, "/g/v")).dims, [harmony_model::DimId(4), harmony_model::DimId(2)]);
    assert!(g.find_var("/lat").is_none(), "a dimension without values is no variable");
    assert!(g.vars.iter().flat_map(|v| &v.attrs).all(|a| !a.name.starts_with("_Netcdf4")));
    assert_eq!(g.types.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["kind"]);
}

#[test]
fn a_variable_shorter_than_its_unlimited_dimension_ends_in_fill() {
    let g = granule(DIMS);
    let mut temp = range(36);
    temp.resize(48, -9.0);
    assert_eq!(numbers(&g, "/temp"), temp);
    assert_eq!(numbers(&g, "/g/late"), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(g.shape(find(&g, "/time")), [4]);
}

#[test]
fn axes_without_scales_are_numbered_as_netcdf_does() {
    let g = granule(PHONY);
    assert_eq!(dim_names(&g, "/g/q"), ["phony_dim_0", "phony_dim_1"]);
    assert_eq!(dim_names(&g, "/a"), ["phony_dim_2", "phony_dim_3"]);
    assert_eq!(dim_names(&g, "/b"), ["phony_dim_3", "phony_dim_4"], "no dimension twice in a variable");
    assert!(g.dims.iter().all(|d| d.anonymous));
}

#[test]
fn a_truncated_file_says_so() {
    let error = open(source(&OLD[..OLD.len() - 1])).err().unwrap().to_string();
    assert!(error.contains("it has") && error.contains("fetch it again"), "{error}");
}

#[test]
fn a_wrong_checksum_is_noticed() {
    let mut bytes = NEW.to_vec();
    let header = bytes.windows(4).position(|w| w == b"OHDR").unwrap();
    bytes[header + 20] ^= 1;
    let error = open(source(&bytes)).err().unwrap().to_string();
    assert!(error.contains("checksum"), "{error}");
}

#[test]
fn a_name_that_is_not_utf8_is_refused_with_a_remedy() {
    let mut bytes = PHONY.to_vec();
    // The names "a" and "b" stand in the local heap of the root group.
    let heap = bytes.windows(4).position(|w| w == b"HEAP").unwrap();
    let at = heap + bytes[heap..].windows(9).position(|w| w == b"a\0\0\0\0\0\0\0b").unwrap();
    bytes[at] = 0xe9;
    let error = open(source(&bytes)).err().unwrap().to_string();
    assert!(error.contains("not UTF-8") && error.contains("ncrename"), "{error}");
}

/// Damaged files end in an error or in other values: never in a panic, a hang or a huge allocation.
#[test]
fn damaged_files_are_survived() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for fixture in [OLD, NEW, SHARED, SHORT, DIMS, PHONY] {
        for round in 0..500 {
            let mut bytes = fixture.to_vec();
            for _ in 0..1 + round % 4 {
                let at = random() as usize % bytes.len();
                bytes[at] = match random() % 4 {
                    0 => 0,
                    1 => 0xff,
                    2 => bytes[at] ^ 1 << (random() % 8),
                    _ => random() as u8,
                };
            }
            if round % 8 == 0 {
                bytes.truncate(random() as usize % bytes.len());
            }
            exercise(&bytes);
        }
    }
}

#[test]
fn real_granules_open_and_locate_every_chunk() {
    let shared = std::env::var_os("HARMONY_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        std::path::PathBuf::from,
    );
    let Ok(entries) = std::fs::read_dir(shared.join("granules")) else {
        println!("skipped: no granules in {}", shared.display());
        return;
    };
    for path in entries.map(|e| e.unwrap().path()).filter(|p| p.is_file()) {
        let source = crate::io::open_local(&path).unwrap();
        if !is_hdf5(source.as_ref()).unwrap() {
            continue;
        }
        let g = open(source).unwrap();
        assert!(!g.vars.is_empty(), "{}", path.display());
        for id in g.var_ids() {
            let stored = g.var(id).data.cost(&Window::all(&g.shape(id))).unwrap();
            assert!(stored <= std::fs::metadata(&path).unwrap().len(), "{}", g.var(id).path);
        }
    }
}
