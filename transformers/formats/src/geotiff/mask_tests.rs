//! Masks of rasters that tell themselves which cells have a source.

use std::sync::Arc;

use harmony_model::{ArraySource, Attribute, Covered, DType, Granule, MemoryArray, Window};

use super::tags;
use crate::registry::find_output;
use crate::write::WriteOptions;

/// A granule of bytes of which the western half has no source.
fn half(rows: u64, columns: u64) -> Granule {
    let mut g = Granule::new("half.nc", "netcdf4");
    let lat = g.add_dim(Granule::ROOT, "lat", rows);
    let lon = g.add_dim(Granule::ROOT, "lon", columns);
    for (dim, units, first, step) in [(lat, "degrees_north", 40.0, -0.25), (lon, "degrees_east", 10.0, 0.25)]
    {
        let (name, n) = (g.dim(dim).name.clone(), g.dim(dim).len);
        let axis: Vec<f64> = (0..n).map(|i| first + step * i as f64).collect();
        let id =
            g.add_var(Granule::ROOT, &name, DType::F64, vec![dim], Arc::new(MemoryArray::of(&[n], &axis)));
        g.vars[id.0].set_attr(Attribute::text("units", units));
    }
    let shape = [rows, columns];
    let covered: Vec<u8> = (0..rows * columns).map(|i| u8::from(i % columns >= columns / 2)).collect();
    let values: Vec<u8> = covered.iter().map(|c| c * 200).collect();
    let data = Covered {
        data: Arc::new(MemoryArray::of(&shape, &values)),
        coverage: Arc::new(MemoryArray::of(&shape, &covered)),
    };
    g.add_var(Granule::ROOT, "v", DType::U8, vec![lat, lon], Arc::new(data));
    g
}

/// The directories of a classic little-endian file: for each its tags with their (first) value or place.
fn directories(bytes: &[u8]) -> Vec<Vec<(u16, u32)>> {
    let short = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap());
    let long = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut out = Vec::new();
    let mut at = long(4) as usize;
    while at != 0 {
        let n = usize::from(short(at));
        let entry = |i: usize| at + 2 + 12 * i;
        out.push((0..n).map(|i| (short(entry(i)), long(entry(i) + 8))).collect());
        at = long(entry(n)) as usize;
    }
    out
}

fn written(g: &Granule, format: &str, compression: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut options = WriteOptions::default();
    options.encoding.compression = Some(compression.into());
    let format = find_output(format).unwrap();
    let parts = format.parts(g.clone(), &options).unwrap();
    let target = folder.path().join("a.tif");
    format.write(&parts[0], &target, &options).unwrap();
    std::fs::read(target).unwrap()
}

#[test]
fn every_level_of_a_cog_is_followed_by_its_mask() {
    let bytes = written(&half(700, 900), "cog", "deflate");
    let kinds: Vec<(u32, u32)> = directories(&bytes)
        .iter()
        .map(|d| {
            let value = |tag| d.iter().find(|(t, _)| *t == tag).map_or(0, |(_, v)| *v);
            (value(tags::NEW_SUBFILE_TYPE), value(tags::IMAGE_WIDTH))
        })
        .collect();
    assert_eq!(kinds, [(0, 900), (4, 900), (1, 450), (5, 450)]);
}

#[test]
fn a_mask_has_a_bit_for_each_cell_and_statistics_leave_out_what_it_hides() {
    let bytes = written(&half(2, 20), "geotiff", "none");
    let all = directories(&bytes);
    assert_eq!(all.len(), 2);
    let offset = all[1].iter().find(|(t, _)| *t == tags::STRIP_OFFSETS).unwrap().1 as usize;
    // 20 cells are three bytes: ten hidden ones, ten that count, four bits of padding.
    assert_eq!(bytes[offset..offset + 6], [0, 0b0011_1111, 0b1111_0000, 0, 0b0011_1111, 0b1111_0000]);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains("STATISTICS_MINIMUM\" sample=\"0\">200<") && text.contains(">50<"), "{text}");
}

/// What our reader makes of a file: its only variable.
fn read_back(bytes: Vec<u8>) -> (tempfile::TempDir, Granule) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    std::fs::write(&path, bytes).unwrap();
    let source = crate::io::open_local(&path).unwrap();
    let granule = crate::open(source, &crate::OpenOptions::default()).unwrap();
    (folder, granule)
}

#[test]
fn a_mask_is_read_as_coverage() {
    for (format, compression) in
        [("geotiff", "none"), ("geotiff", "deflate"), ("cog", "zstd"), ("cog", "lzw")]
    {
        let (_folder, g) = read_back(written(&half(70, 90), format, compression));
        let band = g.vars.iter().find(|v| v.dims.len() == 2).unwrap();
        let coverage = band.data.coverage().unwrap();
        let mut covered = vec![9; 70 * 90];
        coverage.read(&Window::all(&[70, 90]), &mut covered).unwrap();
        assert!((0..70 * 90).all(|i| covered[i] == u8::from(i % 90 >= 45)), "{format} {compression}");
        // Runs that begin and end within bytes.
        let columns = harmony_model::Runs::from_indices([3, 43, 44, 45, 46, 89]);
        let window = Window(vec![harmony_model::Runs::range(5, 2), columns]);
        let mut part = vec![9; 12];
        coverage.read(&window, &mut part).unwrap();
        assert_eq!(part, [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1], "{format} {compression}");
    }
}

#[test]
fn overviews_have_masks_of_their_own() {
    let (_folder, g) = read_back(written(&half(700, 900), "cog", "deflate"));
    let band = g.vars.iter().find(|v| v.dims.len() == 2).unwrap();
    let overviews = band.data.overviews().unwrap();
    assert_eq!(overviews.iter().map(|o| o.shape.clone()).collect::<Vec<_>>(), [[350, 450]]);
    let one = |data: &Arc<dyn ArraySource>| {
        let mut cells = vec![9; 450];
        let row = Window::block(&[100, 0], &[1, 450]);
        data.read(&row, &mut cells).unwrap();
        cells
    };
    let covered = one(&overviews[0].data.coverage().unwrap());
    assert_eq!((covered[224], covered[225], covered[449]), (0, 1, 1));
    assert_eq!(one(&overviews[0].data)[300], 200);
}

#[test]
fn files_without_a_mask_tell_nothing() {
    let mut g = half(20, 30);
    let last = g.vars.len() - 1;
    g.vars[last].data = Arc::new(MemoryArray::of(&[20, 30], &[7u8; 600]));
    let (_folder, g) = read_back(written(&g, "geotiff", "deflate"));
    let band = g.vars.iter().find(|v| v.dims.len() == 2).unwrap();
    assert!(band.data.coverage().is_none() && band.data.overviews().unwrap().is_empty());
}
