//! Headers by hand, files of the reference software, and damage to both.

use std::path::Path;
use std::sync::Arc;

use harmony_model::dtype::to_f64s;
use harmony_model::{DType, Granule, MemorySource, ReadError, Runs, Window};

use super::{exercise, is_netcdf3, open};

/// Builds a CDF-1 header field by field.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn start(records: u32) -> Self {
        Bytes(b"CDF\x01".to_vec()).n(records)
    }

    fn n(mut self, v: u32) -> Self {
        self.0.extend(v.to_be_bytes());
        self
    }

    fn name(self, name: &[u8]) -> Self {
        let mut out = self.n(name.len() as u32);
        out.0.extend(name);
        out.0.resize(out.0.len().next_multiple_of(4), 0);
        out
    }

    /// A variable without attributes: name, dimensions, type, `vsize`, `begin`.
    fn var(self, name: &str, dims: &[u32], kind: u32, vsize: u32, begin: u32) -> Self {
        let out = self.name(name.as_bytes()).n(dims.len() as u32);
        dims.iter().fold(out, |out, &d| out.n(d)).n(0).n(0).n(kind).n(vsize).n(begin)
    }

    fn data(mut self, begin: usize, bytes: &[u8]) -> Vec<u8> {
        assert!(self.0.len() <= begin);
        self.0.resize(begin, 0xee);
        self.0.extend(bytes);
        self.0
    }

    fn open(self) -> Result<Granule, ReadError> {
        open_bytes(self.0)
    }
}

fn open_bytes(bytes: Vec<u8>) -> Result<Granule, ReadError> {
    open(Arc::new(MemorySource::new("folder/test.nc", bytes)))
}

fn values(granule: &Granule, name: &str) -> Vec<f64> {
    granule.read_stored(granule.find_var(name).unwrap()).unwrap()
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

/// Two dimensions (`t` of records, `x` of 3) and no attributes.
fn two_dims(records: u32) -> Bytes {
    Bytes::start(records).n(0x0a).n(2).name(b"t").n(0).name(b"x").n(3).n(0).n(0)
}

#[test]
fn a_single_record_variable_is_not_padded() {
    // Records of three bytes each, one after the other; `vsize` says four.
    let file = two_dims(2).n(0x0b).n(1).var("v", &[0, 1], 1, 4, 200).data(200, &[1, 2, 3, 4, 5, 6]);
    assert_eq!(values(&open_bytes(file).unwrap(), "v"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn records_of_several_variables_take_turns_and_are_padded() {
    let header = two_dims(2).n(0x0b).n(2).var("a", &[0, 1], 1, 4, 200).var("b", &[0], 3, 4, 204);
    let file = header.data(200, &[1, 2, 3, 0, 0, 9, 0, 0, 4, 5, 6, 0, 0, 8, 0, 0]);
    let granule = open_bytes(file).unwrap();
    assert_eq!(granule.name, "test.nc");
    assert_eq!(values(&granule, "a"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(values(&granule, "b"), [9.0, 8.0]);
    assert!(granule.dims[0].unlimited && !granule.dims[1].unlimited);
}

#[test]
fn an_unwritten_record_count_is_derived_from_the_file() {
    let header =
        |records| two_dims(records).n(0x0b).n(2).var("a", &[0, 1], 1, 4, 200).var("b", &[0], 3, 4, 204);
    // Two and a half records; the padding of the second is missing or there.
    let data = [1, 2, 3, 0, 0, 9, 0, 0, 4, 5, 6, 0, 0, 8, 0, 0, 7, 7];
    for (len, records) in [(18, 2), (16, 2), (14, 2), (13, 1), (8, 1), (0, 0)] {
        let granule = open_bytes(header(u32::MAX).data(200, &data[..len])).unwrap();
        assert_eq!(granule.dims[0].len, records, "{len}");
    }
    // A count that was written is believed: what is missing is noticed when it is read.
    assert_eq!(open_bytes(header(7).data(200, &data)).unwrap().dims[0].len, 7);
}

#[test]
fn sizes_in_the_header_that_lie_do_not_matter() {
    let file = two_dims(0).n(0x0b).n(1).var("v", &[1], 3, u32::MAX, 200).data(200, &[0, 1, 0, 2, 0, 3]);
    assert_eq!(values(&open_bytes(file).unwrap(), "v"), [1.0, 2.0, 3.0]);
}

#[test]
fn a_truncated_file_opens_and_the_error_names_the_variable() {
    let file = two_dims(0).n(0x0b).n(1).var("v", &[1], 3, 8, 200).data(200, &[0, 1, 0, 2]);
    let granule = open_bytes(file).unwrap();
    let var = granule.find_var("v").unwrap();
    assert_eq!(granule.read(var, &Window(vec![Runs::range(0, 2)])).unwrap().len(), 4);
    let error = granule.read(var, &Window::all(&[3])).unwrap_err();
    assert!(matches!(&error, ReadError::Io { detail, .. } if detail.contains("variable '/v'")), "{error}");
}

#[test]
fn what_can_not_be_is_refused_by_name() {
    let check = |result: Result<Granule, ReadError>, wanted: &str| {
        let Err(error) = result else { panic!("{wanted}") };
        assert!(error.to_string().contains(wanted), "{error}");
    };
    check(Bytes(b"CDF\x03".to_vec()).open(), "signature");
    check(Bytes(b"CD".to_vec()).open(), "signature");
    check(Bytes::start(0).n(0x0a).n(u32::MAX).open(), "4294967295 entries");
    check(Bytes::start(0).n(0x0c).n(1).n(0).n(0).n(0).n(0).n(0).open(), "tag");
    check(Bytes::start(0).n(0x0a).n(1).name(b"x\xff").n(3).open(), "'x\u{fffd}': the name is not UTF-8");
    let two = Bytes::start(0).n(0x0a).n(2).name(b"t").n(0).name(b"u").n(0);
    check(two.open(), "'u': it is a second record dimension");
    check(two_dims(0).n(0x0b).n(1).var("v", &[2], 3, 8, 0).open(), "uses dimension 2 of 2");
    check(
        two_dims(0).n(0x0b).n(1).var("v", &[1, 0], 3, 8, 0).open(),
        "the record dimension 't' is not its first",
    );
    check(two_dims(0).n(0x0b).n(1).var("v", &[1], 12, 8, 0).open(), "unknown type 12");
    let huge = Bytes::start(0).n(0x0a).n(1).name(b"x").n(u32::MAX).n(0).n(0).n(0x0b).n(1);
    check(huge.var("v", &[0, 0, 0], 6, 8, 0).open(), "variable 'v': its size overflows");
    let attr = Bytes::start(0).n(0).n(0).n(0x0c).n(1).name(b"a").n(6).n(1 << 30);
    check(attr.open(), "attribute 'a' of the file");
}

#[test]
fn files_of_the_reference_software() {
    for (name, version) in [("cdf1.nc", 1), ("cdf2.nc", 2), ("cdf5.nc", 5)] {
        let bytes = fixture(name);
        assert!(is_netcdf3(&bytes) && bytes[3] == version);
        let granule = open_bytes(bytes).unwrap();
        let root = &granule.groups[0];
        assert_eq!(root.attr_text("title").unwrap(), "tést");
        assert_eq!(
            (root.attr_text("empty").unwrap().as_str(), root.attr("level").unwrap().as_f64()),
            ("", Some(3.0))
        );
        assert_eq!(root.attr("pair").unwrap().dtype, DType::F32);
        let mut types = 0;
        for id in granule.var_ids() {
            let var = granule.var(id);
            let counts = |n: u32| (0..n).map(f64::from).collect::<Vec<_>>();
            if var.name.starts_with("fix_") {
                assert_eq!(granule.read_stored(id).unwrap(), counts(5), "{name} {}", var.name);
                assert_eq!(var.attr("flags").unwrap().dtype, var.dtype);
                types += 1;
            } else if var.name.starts_with("rec_") {
                assert_eq!(granule.read_stored(id).unwrap(), counts(15), "{name} {}", var.name);
                assert_eq!(to_f64s(&var.dtype, var.fill.as_ref().unwrap()).unwrap(), [100.0]);
                assert!(!var.big_endian, "the order is the format's, not the variable's");
            }
        }
        assert_eq!(types, if version == 5 { 10 } else { 5 });
        assert_eq!(granule.read_texts(granule.find_var("name").unwrap()).unwrap(), ["abcde"; 3]);
        assert_eq!(values(&granule, "scalar"), [2.5]);
    }
}

#[test]
fn damaged_headers_are_errors_and_nothing_else() {
    for name in ["cdf1.nc", "cdf2.nc", "cdf5.nc"] {
        let good = fixture(name);
        for at in 4..good.len().min(900) {
            for value in [0, 1, 0x7f, 0x80, 0xff, good[at].wrapping_add(1)] {
                let mut bad = good.clone();
                bad[at] = value;
                exercise(&bad);
            }
            exercise(&good[..at]);
        }
        // Whole fields of ones, and pairs of damages.
        let mut state = 1u64;
        for _ in 0..3000 {
            let mut bad = good.clone();
            for _ in 0..2 {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let at = 4 + (state >> 33) as usize % 600;
                let fill = if state >> 20 & 1 == 0 { 0xff } else { (state >> 24) as u8 };
                bad[at..at + 4].fill(fill);
            }
            exercise(&bad);
        }
    }
}

#[test]
fn real_granules_open_and_read() {
    let shared = std::env::var_os("HARMONY_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        std::path::PathBuf::from,
    );
    let Ok(entries) = std::fs::read_dir(shared.join("granules")) else {
        println!("skipped: no shared granules");
        return;
    };
    let mut seen = 0;
    for path in entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "nc")) {
        let bytes = std::fs::read(&path).unwrap();
        if !is_netcdf3(&bytes) {
            continue;
        }
        let granule = open_bytes(bytes).unwrap();
        for id in granule.var_ids() {
            let window = Window::all(&granule.shape(id));
            granule.read(id, &window).unwrap();
        }
        seen += 1;
    }
    assert!(seen >= 5, "{seen}");
}
