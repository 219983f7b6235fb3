//! Files made by hand, and the shared granules.

use std::sync::Arc;

use harmony_model::{ByteSource, Granule, MemorySource, Runs, Window};

use super::*;

/// Data descriptors and their bytes, in one directory block.
fn file(elements: &[(u16, u16, Vec<u8>)]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend((elements.len() as u16).to_be_bytes());
    out.extend(0u32.to_be_bytes());
    let mut offset = (4 + 6 + 12 * elements.len()) as u32;
    for (tag, reference, bytes) in elements {
        out.extend(tag.to_be_bytes());
        out.extend(reference.to_be_bytes());
        out.extend(offset.to_be_bytes());
        out.extend((bytes.len() as u32).to_be_bytes());
        offset += bytes.len() as u32;
    }
    elements.iter().for_each(|e| out.extend(&e.2));
    out
}

fn text(value: &str) -> Vec<u8> {
    [&(value.len() as u16).to_be_bytes(), value.as_bytes()].concat()
}

fn be16(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_be_bytes()).collect()
}

fn be32(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_be_bytes()).collect()
}

fn vgroup(name: &str, class: &str, members: &[(u16, u16)]) -> Vec<u8> {
    let tags: Vec<u16> = members.iter().map(|m| m.0).collect();
    let refs: Vec<u16> = members.iter().map(|m| m.1).collect();
    let parts =
        [be16(&[members.len() as u16]), be16(&tags), be16(&refs), text(name), text(class), vec![0; 9]];
    parts.concat()
}

fn vdata(name: &str, class: &str, records: u32, fields: &[(&str, u16, u16, u16)]) -> Vec<u8> {
    let record: u16 = fields.iter().map(|f| f.2 * f.3).sum();
    let mut offset = 0;
    let mut offsets = Vec::new();
    for f in fields {
        offsets.push(offset);
        offset += f.2 * f.3;
    }
    let column = |pick: fn(&(&str, u16, u16, u16)) -> u16| be16(&fields.iter().map(pick).collect::<Vec<_>>());
    let mut out = [be16(&[0]), be32(&[records]), be16(&[record, fields.len() as u16])].concat();
    out.extend(column(|f| f.1));
    out.extend(column(|f| f.2 * f.3));
    out.extend(be16(&offsets));
    out.extend(column(|f| f.3));
    fields.iter().for_each(|f| out.extend(text(f.0)));
    out.extend(text(name));
    out.extend(text(class));
    out
}

fn open_bytes(bytes: Vec<u8>) -> Result<Granule, harmony_model::ReadError> {
    let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new("dir/test.hdf", bytes));
    open(&source)
}

/// One data set `v`: int16, 3 × 2, in chunks of 2 × 2, the first one deflated, the second plain.
fn chunked() -> Vec<u8> {
    chunked_as([3, 2], [2, 2])
}

/// As [`chunked`], with other extents in its header.
fn chunked_as(shape: [u32; 2], chunk: [u32; 2]) -> Vec<u8> {
    let mut deflated = vec![0; 100];
    let n = libdeflater::Compressor::new(libdeflater::CompressionLvl::default())
        .zlib_compress(&be16(&[1, 2, 3, 4]), &mut deflated)
        .unwrap();
    deflated.truncate(n);
    let special = [
        be16(&[5]),
        be32(&[0]),
        vec![0],
        be32(&[3, 6, 4, 2]),
        be16(&[1962, 9, 1, 0]),
        be32(&[2, 1, shape[0], chunk[0], 1, shape[1], chunk[1]]),
        be32(&[2]),
        be16(&[0xfff9]),
        be16(&[3]),
        be32(&[6]),
        be16(&[0, 4, 6]),
    ]
    .concat();
    let table = [be32(&[0, 0]), be16(&[61, 1]), be32(&[1, 0]), be16(&[61, 2])].concat();
    file(&[
        (702 | 0x4000, 3, special),
        (1962, 9, vdata("_HDF_CHK_TBL", "_HDF_CHK_TBL_0", 2, &[("origin", 24, 4, 2), ("tag", 23, 2, 2)])),
        (1963, 9, table),
        (61 | 0x4000, 1, [be16(&[3, 0]), be32(&[8]), be16(&[1, 0, 4, 6])].concat()),
        (40, 1, deflated),
        (61, 2, be16(&[5, 6, 7, 8])),
        (106, 4, vec![1, 22, 16, 1]),
        (701, 4, [be16(&[2]), be32(&shape), be16(&[106, 4, 106, 4, 106, 4])].concat()),
        (1965, 5, vgroup("y", "Dim0.0", &[])),
        (1965, 6, vgroup("x", "Dim0.0", &[])),
        (1962, 7, vdata("_FillValue", "Attr0.0", 1, &[("VALUES", 5, 4, 1)])),
        (1963, 7, (-7f32).to_be_bytes().to_vec()),
        (
            1965,
            8,
            vgroup("v", "Var0.0", &[(1965, 5), (1965, 6), (1962, 7), (702, 3), (106, 4), (701, 4), (720, 2)]),
        ),
        (1965, 10, vgroup("test", "CDF0.0", &[(1965, 8)])),
        (1962, 11, vdata("table", "Mine", 2, &[("a", 20, 1, 1), ("b", 22, 2, 2)])),
        (1963, 11, vec![0xff, 0, 1, 0, 2, 5, 0, 3, 0, 4]),
    ])
}

#[test]
fn a_chunked_data_set_is_a_variable() {
    let g = open_bytes(chunked()).unwrap();
    assert_eq!(g.name, "test.hdf");
    let id = g.find_var("/v").unwrap();
    assert_eq!(g.shape(id), [3, 2]);
    assert_eq!(g.read_stored(id).unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let fill = g.var(id).attr("_FillValue").unwrap();
    assert_eq!((fill.dtype.clone(), fill.as_f64()), (harmony_model::DType::I16, Some(-7.0)));
    let window = Window(vec![Runs::from_indices([2, 0]), Runs::range(1, 1)]);
    assert_eq!(g.read_physical(id, &window).unwrap(), [6.0, 2.0]);
    assert!(g.var(id).data.stored_chunk(&[0, 0], &[2, 2]).unwrap().is_some());
    assert!(g.var(id).data.stored_chunk(&[2, 0], &[2, 2]).unwrap().is_none());
}

#[test]
fn a_table_is_a_group_of_columns() {
    let g = open_bytes(chunked()).unwrap();
    assert_eq!(g.read_stored(g.find_var("/table/a").unwrap()).unwrap(), [-1.0, 5.0]);
    assert_eq!(g.read_stored(g.find_var("/table/b").unwrap()).unwrap(), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn a_cut_or_spoilt_file_gives_errors_and_never_panics() {
    let good = chunked();
    for cut in 0..good.len() {
        let _ = open_bytes(good[..cut].to_vec()).map(|g| read_everything(&g));
    }
    for at in 0..good.len() {
        for value in [0, 0x7f, 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            let _ = open_bytes(bad).map(|g| read_everything(&g));
        }
    }
}

fn read_everything(g: &Granule) {
    for id in g.var_ids() {
        let count = g.shape(id).iter().product::<u64>();
        if count < 1 << 20 {
            let _ = g.read(id, &Window::all(&g.shape(id)));
        }
    }
}

#[test]
fn a_chunk_larger_than_its_bytes_can_be_is_refused_before_memory_is_taken() {
    let g = open_bytes(chunked_as([3, 2], [1 << 20, 1 << 9])).unwrap();
    let error = g.read_stored(g.find_var("/v").unwrap()).unwrap_err().to_string();
    assert!(error.contains("can't hold"), "{error}");
}

#[test]
fn an_empty_array_has_no_chunks_however_long_its_other_axis_is() {
    let g = open_bytes(chunked_as([1 << 30, 0], [1 << 11, 2])).unwrap();
    let id = g.find_var("/v").unwrap();
    let window = Window::all(&g.shape(id));
    assert!(g.read(id, &window).unwrap().is_empty());
    assert_eq!(g.var(id).data.cost(&window).unwrap(), 0);
}

#[test]
fn a_shape_of_more_chunks_than_hdf4_can_number_is_refused() {
    // The dimension record says so, the chunk header does not.
    let mut bytes = chunked();
    let at = bytes.windows(10).position(|w| w == [0, 2, 0, 0, 0, 3, 0, 0, 0, 2]).unwrap();
    bytes[at + 2..at + 6].copy_from_slice(&(1u32 << 29).to_be_bytes());
    assert!(open_bytes(bytes).is_err());
}

#[test]
fn a_directory_that_bites_its_tail_is_refused() {
    let mut bytes = file(&[(30, 1, vec![0; 4])]);
    bytes[6..10].copy_from_slice(&4u32.to_be_bytes());
    assert!(open_bytes(bytes).is_err());
}
