//! Small granules through the whole of the image formats.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use harmony_model::crs::Crs;
use harmony_model::dtype::Number;
use harmony_model::request::Compat;
use harmony_model::{Attribute, Granule, MemoryArray, VarId};

use super::{Gif, Jpeg, Kml, Png};
use crate::registry::{Format, Part};
use crate::write::{Encoding, Style, WriteError, WriteOptions, WriteReport};

const ROWS: u64 = 3;
const COLUMNS: u64 = 4;

/// A granule with axes: rows from 10.5 N to the south, columns from 20.5 E, cells of one degree.
fn granule(format: &'static str) -> Granule {
    let mut g = Granule::new("test.nc", format);
    let lat = g.add_dim(Granule::ROOT, "lat", ROWS);
    let lon = g.add_dim(Granule::ROOT, "lon", COLUMNS);
    let axis = |n: u64, first: f64, step: f64| (0..n).map(|i| first + step * i as f64).collect::<Vec<f64>>();
    for (name, dim, n, first, step, units) in
        [("lat", lat, ROWS, 10.5, -1.0, "degrees_north"), ("lon", lon, COLUMNS, 20.5, 1.0, "degrees_east")]
    {
        let data = Arc::new(MemoryArray::of(&[n], &axis(n, first, step)));
        let id = g.add_var(Granule::ROOT, name, harmony_model::DType::F64, vec![dim], data);
        g.vars[id.0].set_attr(Attribute::text("units", units));
    }
    g
}

fn add<T: Number>(g: &mut Granule, name: &str, values: &[T], fill: Option<T>) -> VarId {
    let dims = vec![harmony_model::DimId(0), harmony_model::DimId(1)];
    let data = Arc::new(MemoryArray::of(&[ROWS, COLUMNS], values));
    let id = g.add_var(Granule::ROOT, name, T::DTYPE, dims, data);
    if let Some(fill) = fill {
        g.vars[id.0].set_attr(Attribute::numbers("_FillValue", &[fill]));
    }
    id
}

fn options(encoding: Encoding) -> WriteOptions {
    WriteOptions { encoding, ..WriteOptions::default() }
}

fn write(format: &dyn Format, part: &Part, dir: &Path, o: &WriteOptions) -> Result<WriteReport, WriteError> {
    let target = dir.join(format!("out.{}", part.extension));
    let plan = format.plan(part, o)?;
    let report = format.write(part, &target, o)?;
    assert_eq!(report.bytes_read, plan.bytes_read);
    assert!(report.files.iter().all(|f| f.exists()));
    assert_eq!(std::fs::read_dir(dir).unwrap().count(), report.files.len(), "nothing else is left");
    Ok(report)
}

/// Pixels of a PNG as RGBA.
fn rgba(path: &Path) -> Vec<[u8; 4]> {
    let mut decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path).unwrap()));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::ALPHA);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let n = reader.next_frame(&mut pixels).unwrap().buffer_size();
    pixels[..n].chunks_exact(4).map(|p| [p[0], p[1], p[2], p[3]]).collect()
}

fn single<T: Number>(values: &[T], fill: Option<T>, o: &WriteOptions) -> Vec<[u8; 4]> {
    let mut g = granule("netcdf4");
    add(&mut g, "v", values, fill);
    let parts = Png.parts(g, o).unwrap();
    let dir = tempfile::tempdir().unwrap();
    write(&Png, &parts[0], dir.path(), o).unwrap();
    rgba(&dir.path().join("out.png"))
}

fn grey(levels: &[[u8; 4]]) -> Vec<Option<u8>> {
    levels.iter().map(|c| (c[3] > 0).then_some(c[0])).collect()
}

fn table(text: &str) -> Encoding {
    Encoding { style: Some(Style::Table { name: "t.txt".into(), text: text.into() }), ..Encoding::default() }
}

#[test]
fn missing_values_are_transparent_and_the_range_is_asked() {
    let values: Vec<f32> = vec![0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., -9999.];
    let o = options(Encoding { range: Some((0.0, 10.0)), ..Encoding::default() });
    let got = grey(&single(&values, Some(-9999.0), &o));
    assert_eq!((got[0], got[10], got[11]), (Some(0), Some(255), None));
    assert!(got[5].unwrap().abs_diff(128) <= 1);
}

#[test]
fn an_image_of_one_value_is_mid_grey() {
    let got = grey(&single(&[5i16; 12], None, &options(Encoding::default())));
    assert!(got.iter().all(|g| g.unwrap().abs_diff(128) <= 1), "{got:?}");
}

#[test]
fn small_integers_and_floats_get_the_same_colours() {
    let text = "0 1 1 1\n60 2 2 2\n120 3 3 3\nnv 9 9 9 0\n";
    let o = options(Encoding { browse: true, ..table(text) });
    let whole: Vec<u8> = vec![0, 59, 60, 119, 120, 255, 7, 7, 7, 7, 7, 200];
    let float: Vec<f32> = whole.iter().map(|&v| f32::from(v)).collect();
    let got = single(&whole, Some(200), &o);
    assert_eq!(got, single(&float, Some(200.0), &o));
    let reds: Vec<u8> = got.iter().map(|c| c[0]).collect();
    assert_eq!(reds[..6], [1, 1, 2, 2, 3, 3]);
    assert_eq!(got[11], [9, 9, 9, 0]);
}

#[test]
fn a_named_style_colours_and_an_unknown_one_is_refused() {
    let values: Vec<f64> = (0..12).map(f64::from).collect();
    let named =
        |name: &str| options(Encoding { style: Some(Style::Named(name.into())), ..Encoding::default() });
    let o = options(Encoding { range: Some((0.0, 11.0)), ..named("turbo").encoding });
    let got = single(&values, None, &o);
    assert_eq!((got[0], got[11]), ([48, 18, 59, 255], [122, 4, 3, 255]));
    let mut g = granule("netcdf4");
    add(&mut g, "v", &values, None);
    let parts = Png.parts(g, &named("nothing")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let error = write(&Png, &parts[0], dir.path(), &named("nothing")).unwrap_err().to_string();
    assert!(error.contains("'nothing'") && error.contains("viridis"), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn the_colour_table_of_the_file_is_used() {
    let mut g = granule("geotiff");
    let id = add(&mut g, "Band1", &[0u8, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 255], Some(255));
    let colours: Vec<i16> = (0..256).flat_map(|i| [i, 0, 255 - i, 255]).collect();
    g.vars[id.0].set_attr(Attribute::numbers("color_table", &colours));
    let o = options(Encoding::default());
    let parts = Png.parts(g, &o).unwrap();
    assert_eq!((parts.len(), parts[0].label.as_deref()), (1, None));
    let dir = tempfile::tempdir().unwrap();
    write(&Png, &parts[0], dir.path(), &o).unwrap();
    let got = rgba(&dir.path().join("out.png"));
    assert_eq!(got[2], [2, 0, 253, 255]);
    assert_eq!(got[11][3], 0);
}

fn colours(format: &'static str, names: &[&str]) -> Granule {
    let mut g = granule(format);
    for (k, name) in names.iter().enumerate() {
        let values: Vec<u8> = (0..12).map(|i| (i * 10 + k) as u8).collect();
        add(&mut g, name, &values, Some(255));
    }
    g
}

#[test]
fn red_green_blue_and_alpha_are_one_picture_whatever_their_order() {
    let o = options(Encoding::default());
    let parts =
        Png.parts(colours("netcdf4", &["alpha_var", "blue_var", "red_var", "green_var"]), &o).unwrap();
    assert_eq!((parts.len(), parts[0].label.as_deref()), (1, None));
    let dir = tempfile::tempdir().unwrap();
    write(&Png, &parts[0], dir.path(), &o).unwrap();
    assert_eq!(rgba(&dir.path().join("out.png"))[3], [32, 33, 31, 30]);
}

#[test]
fn three_bands_of_a_raster_file_are_one_picture_and_three_variables_are_three() {
    let o = options(Encoding::default());
    assert_eq!(Png.parts(colours("geotiff", &["Band1", "Band2", "Band3"]), &o).unwrap().len(), 1);
    let parts = Png.parts(colours("netcdf4", &["a", "b", "c"]), &o).unwrap();
    let labels: Vec<_> = parts.iter().map(|p| p.label.clone().unwrap()).collect();
    assert_eq!(labels, ["a", "b", "c"]);
    let browse = options(Encoding { browse: true, ..Encoding::default() });
    let two = Png.parts(colours("geotiff", &["Band1", "Band2"]), &browse).err().unwrap().to_string();
    assert!(two.contains("incorrect number of bands for image: 2"), "{two}");
}

#[test]
fn planes_of_a_variable_are_pictures_of_their_own() {
    let mut g = granule("netcdf4");
    let level = g.add_dim(Granule::ROOT, "level", 2);
    let values: Vec<f32> = (0..24).map(|i| i as f32).collect();
    let dims = vec![level, harmony_model::DimId(0), harmony_model::DimId(1)];
    let data = Arc::new(MemoryArray::of(&[2, ROWS, COLUMNS], &values));
    g.add_var(Granule::ROOT, "t", harmony_model::DType::F32, dims, data);
    let o = options(Encoding { range: Some((0.0, 23.0)), ..Encoding::default() });
    let parts = Png.parts(g, &o).unwrap();
    let labels: Vec<_> = parts.iter().map(|p| p.label.clone().unwrap()).collect();
    assert_eq!(labels, ["t_level0", "t_level1"]);
    let dir = tempfile::tempdir().unwrap();
    write(&Png, &parts[1], dir.path(), &o).unwrap();
    assert_eq!(grey(&rgba(&dir.path().join("out.png")))[11], Some(255));
}

#[test]
fn fractions_are_stretched_bytes_are_not_and_missing_ones_are_transparent() {
    let picture = |values: &[f32], compat| {
        let mut g = granule("geotiff");
        ["Band1", "Band2", "Band3"].iter().for_each(|n| {
            add(&mut g, n, values, Some(-1.0));
        });
        let o = options(Encoding { compat, ..Encoding::default() });
        let parts = Png.parts(g, &o).unwrap();
        let dir = tempfile::tempdir().unwrap();
        write(&Png, &parts[0], dir.path(), &o).unwrap();
        rgba(&dir.path().join("out.png"))
    };
    let reflectance = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, -1.0];
    let got = picture(&reflectance, None);
    assert_eq!((got[0], got[10], got[11]), ([0, 0, 0, 255], [255, 255, 255, 255], [0, 0, 0, 0]));
    let dark = picture(&reflectance, Some(Compat::Hybig));
    assert_eq!((dark[9][0], dark[10][0]), (0, 1));
    let bytes: Vec<f32> = (0..12).map(|i| i as f32 * 20.0).collect();
    assert_eq!(picture(&bytes, None)[7], [140, 140, 140, 255]);
}

#[test]
fn opacity_of_sixteen_bits_stays_full() {
    let mut g = granule("geotiff");
    for name in ["Band1", "Band2", "Band3"] {
        add(&mut g, name, &(0..12).map(|i| i * 5000).collect::<Vec<u16>>(), None);
    }
    add(&mut g, "Band4", &[65_535u16; 12], None);
    let o = options(Encoding::default());
    let parts = Png.parts(g, &o).unwrap();
    let dir = tempfile::tempdir().unwrap();
    write(&Png, &parts[0], dir.path(), &o).unwrap();
    let got = rgba(&dir.path().join("out.png"));
    assert!(got.iter().all(|p| p[3] == 255));
    assert_eq!((got[0][0], got[11][0]), (0, 255));
}

#[test]
fn a_picture_says_where_it_is() {
    let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
    for (format, image, world) in [
        (&Png as &dyn Format, "out.png", "out.pgw"),
        (&Jpeg, "out.jpg", "out.jgw"),
        (&Gif, "out.gif", "out.gfw"),
    ] {
        let mut g = granule("netcdf4");
        add(&mut g, "v", &values, None);
        let o = options(Encoding { legend: true, ..Encoding::default() });
        let parts = format.parts(g, &o).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let report = write(format, &parts[0], dir.path(), &o).unwrap();
        let names: Vec<PathBuf> =
            [image, world, &format!("{image}.aux.xml"), "out.legend.png"].map(|n| dir.path().join(n)).into();
        assert_eq!(report.files, names);
        let text = std::fs::read_to_string(dir.path().join(world)).unwrap();
        assert_eq!(text, "1.0\n0.0\n0.0\n-1.0\n20.5\n10.5\n");
        assert!(report.notices.iter().any(|n| n.contains("2 to 98 %")), "{:?}", report.notices);
    }
}

#[test]
fn a_browse_image_without_anything_to_see_is_no_file() {
    let mut g = granule("netcdf4");
    add(&mut g, "v", &[-1i16; 12], Some(-1));
    let o = options(Encoding { browse: true, ..Encoding::default() });
    let parts = Png.parts(g, &o).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let report = write(&Png, &parts[0], dir.path(), &o).unwrap();
    assert!(report.files.is_empty() && report.bytes_written == 0);
    assert!(report.notices.iter().any(|n| n.contains("no image")), "{:?}", report.notices);
}

#[test]
fn the_reference_leaves_its_last_index_to_missing_values() {
    let o = options(Encoding { compat: Some(Compat::Hybig), ..Encoding::default() });
    let values: Vec<f32> = vec![0., 254., 127., 1., 0., 0., 0., 0., 0., 0., 0., -1.];
    let got = grey(&single(&values, Some(-1.0), &o));
    assert_eq!(got[..4], [Some(0), Some(254), Some(127), Some(1)]);
    assert_eq!(got[11], None);
}

#[test]
fn what_is_no_raster_is_told_with_a_way_out() {
    let mut g = Granule::new("line.nc", "netcdf4");
    let dim = g.add_dim(Granule::ROOT, "obs", 3);
    let data = Arc::new(MemoryArray::of(&[3], &[1.0f32, 2.0, 3.0]));
    g.add_var(Granule::ROOT, "height", harmony_model::DType::F32, vec![dim], data);
    let error = Png.parts(g, &options(Encoding::default())).err().unwrap().to_string();
    assert!(error.contains("height") && error.contains("csv"), "{error}");
}

#[test]
fn an_overlay_has_its_box_and_needs_degrees() {
    let mut g = granule("netcdf4");
    add(&mut g, "v", &[1i16; 12], None);
    let o = options(Encoding::default());
    let parts = Kml.parts(g, &o).unwrap();
    let dir = tempfile::tempdir().unwrap();
    write(&Kml, &parts[0], dir.path(), &o).unwrap();
    let bytes = std::fs::read(dir.path().join("out.kmz")).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(
        text.contains(
            "<LatLonBox><north>11</north><south>8</south><east>24</east><west>20</west></LatLonBox>"
        )
    );
    assert!(text.contains("<href>images/0.png</href>"));
}

#[test]
fn longitude_and_latitude_stay_epsg_4326_in_the_auxiliary_file() {
    let grid = harmony_model::GridSpec::filling(Crs::wgs84(), [0.0, 0.0, 1.0, 1.0], 1, 1);
    let text = super::sidecar::auxiliary(&grid, super::Kind::Png, 1);
    if harmony_model::crs::proj_available().is_ok() {
        assert!(text.contains("dataAxisToSRSAxisMapping=\"2,1\"") && text.contains("GEOGCS"), "{text}");
    }
}
