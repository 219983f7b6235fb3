//! Real files, where the shared granules and GDAL are at hand.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use harmony_model::{ByteSource, Granule, ReadError, Runs, Window};

use super::*;

/// A file read whole, that knows its path.
struct FileSource {
    path: PathBuf,
    name: String,
    bytes: Vec<u8>,
}

impl ByteSource for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), ReadError> {
        harmony_model::source::check_range(&self.name, self.len(), offset, out.len() as u64)?;
        out.copy_from_slice(&self.bytes[offset as usize..offset as usize + out.len()]);
        Ok(())
    }

    fn local_path(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

fn shared() -> Option<PathBuf> {
    let dir = std::env::var_os("HARMONY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from)
        .join("granules");
    if !dir.is_dir() {
        println!("skipped: no shared granules");
        return None;
    }
    Some(dir)
}

fn open_file(path: &Path, bands: &[u32]) -> Result<Granule, ReadError> {
    let bytes = std::fs::read(path).unwrap();
    let name = path.to_string_lossy().into_owned();
    let source: Arc<dyn ByteSource> = Arc::new(FileSource { path: path.into(), name, bytes });
    open(&source, &ExternalOptions { bands: bands.into() })
}

/// The granule, or `None` (with a note) when there is nothing to test with.
fn granule(name: &str, bands: &[u32]) -> Option<Granule> {
    let path = shared()?.join(name);
    match open_file(&path, bands) {
        Ok(granule) => Some(granule),
        Err(e) if e.to_string().contains("not installed") => {
            println!("skipped: {e}");
            None
        }
        Err(e) => panic!("{e}"),
    }
}

fn value(g: &Granule, path: &str, at: &[u64]) -> f64 {
    let id = g.find_var(path).unwrap_or_else(|| panic!("{path}"));
    let window = Window(at.iter().map(|&i| Runs::range(i, 1)).collect());
    g.read_physical(id, &window).unwrap()[0]
}

fn dim_names(g: &Granule, path: &str) -> Vec<String> {
    let id = g.find_var(path).unwrap_or_else(|| panic!("{path}"));
    g.var(id).dims.iter().map(|&d| g.dim(d).name.clone()).collect()
}

/// Prints what every external granule holds: `cargo nextest run describe --no-capture`.
#[test]
fn describe_all_shared_granules() {
    let Some(dir) = shared() else { return };
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let wanted = ["hdf", "HDF", "tif", "grib", "grib2"];
    let mut opened = 0;
    for path in files.iter().filter(|p| p.extension().is_some_and(|e| wanted.iter().any(|w| e == *w))) {
        println!("## {}", path.display());
        let g = match open_file(path, &[]) {
            Ok(g) => g,
            Err(e) if e.to_string().contains("not installed") => continue,
            Err(e) => panic!("{e}"),
        };
        opened += 1;
        for id in g.var_ids() {
            let var = g.var(id);
            let dims: Vec<String> =
                var.dims.iter().map(|&d| format!("{}={}", g.dim(d).name, g.dim(d).len)).collect();
            let values = g.read_stored(id).unwrap_or_default();
            let (n, sum) = (values.len() as f64, values.iter().filter(|v| v.is_finite()).sum::<f64>());
            let min = values.iter().copied().fold(f64::INFINITY, f64::min);
            let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let mean = sum / n;
            println!("{} {} {dims:?} min {min} max {max} mean {mean}", var.path, var.dtype.name());
            assert!(g.shape(id).iter().product::<u64>() == 0 || !values.is_empty() || var.dtype.is_text());
        }
    }
    assert!(opened == 0 || opened >= 9);
}

#[test]
fn grid_fields_of_hdf_eos2_are_found_under_their_grid() {
    let Some(g) = granule("GridFile.hdf", &[]) else { return };
    assert_eq!(dim_names(&g, "/UTMGrid/Vegetation"), ["YDim", "XDim"]);
    assert_eq!(dim_names(&g, "/UTMGrid/Pollution"), ["Time", "YDim", "XDim"]);
    assert_eq!(value(&g, "/UTMGrid/Vegetation", &[8, 40]), 18.0);
    assert_eq!(value(&g, "/UTMGrid/Vegetation", &[191, 80]), 201.0);
    // never written: all fill
    assert!(value(&g, "/UTMGrid/Pollution", &[0, 0, 0]).is_nan());
    let x = g.read_stored(g.find_var("/UTMGrid/XDim").unwrap()).unwrap();
    assert!((x[0] - (210_584.500_41 + 0.5 * 5_027.888_409_833_334)).abs() < 1e-6);
    let mapping = g.var(g.find_var("/UTMGrid/crs").unwrap());
    assert_eq!(mapping.attr_text("grid_mapping_name").unwrap(), "transverse_mercator");
    assert_eq!(mapping.attr_f64("longitude_of_central_meridian"), Some(57.0));
    assert!(g.find_var("/PolarGrid/Pressure").is_some());
    let lat = g.read_stored(g.find_var("/GEOGrid/YDim").unwrap()).unwrap();
    assert_eq!((lat[0], lat.len()), (29.875, 40));
}

#[test]
fn modis_land_tiles_keep_their_types_and_values() {
    let Some(g) = granule("MOD09GA.A2008296.h14v17.006.2015181011753.hdf", &[]) else { return };
    let path = "/MODIS_Grid_500m_2D/sur_refl_b01_1";
    let var = g.var(g.find_var(path).unwrap());
    assert_eq!(var.dtype, harmony_model::DType::I16);
    assert_eq!(var.attr_f64("_FillValue"), Some(-28672.0));
    let stored = g.read_stored(g.find_var(path).unwrap()).unwrap();
    assert_eq!(stored[2 * 2400 + 2123], 9659.0);
    assert_eq!(stored[77 * 2400 + 2365], 8077.0);
    assert_eq!(stored.iter().filter(|v| **v != -28672.0).count(), 14643);
    // Fields that HDF4 calls INT8 are signed: GDAL's multidimensional reader makes them unsigned.
    let counts = g.var(g.find_var("/MODIS_Grid_1km_2D/num_observations_1km").unwrap());
    assert_eq!((counts.dtype.clone(), counts.attr_f64("_FillValue")), (harmony_model::DType::I8, Some(-1.0)));
}

#[test]
fn a_swath_of_two_resolutions_keeps_its_dimension_map() {
    let Some(g) = granule("MOD05_L2.A2019336.2315.061.2019337071952.hdf", &[]) else { return };
    assert_eq!(dim_names(&g, "/mod05/Latitude"), ["Cell_Along_Swath_5km", "Cell_Across_Swath_5km"]);
    assert_eq!(dim_names(&g, "/mod05/Cloud_Mask_QA"), ["Cell_Along_Swath_1km", "Cell_Across_Swath_1km"]);
    let group = g.group(g.find_group("/mod05").unwrap());
    let maps = group.attr("dimension_maps").unwrap().as_texts().unwrap();
    assert_eq!(maps[1], "Cell_Along_Swath_5km, Cell_Along_Swath_1km, 2, 5");
    let infrared = g.var(g.find_var("/mod05/Water_Vapor_Infrared").unwrap());
    assert_eq!(infrared.attr_text("coordinates").unwrap(), "Longitude Latitude");
    let fine = g.var(g.find_var("/mod05/Water_Vapor_Near_Infrared").unwrap());
    assert!(fine.attr("coordinates").is_none());
}

#[test]
fn an_era5_file_is_one_series_in_kelvin() {
    let Some(g) = granule("era5-2mt-2019-03-uk.grib", &[]) else { return };
    assert_eq!(dim_names(&g, "/2t"), ["time", "lat", "lon"]);
    assert_eq!(g.shape(g.find_var("/2t").unwrap()), [744, 33, 49]);
    assert_eq!(value(&g, "/2t", &[0, 6, 29]), 278.874_023_437_5);
    assert_eq!(value(&g, "/2t", &[3, 26, 19]), 282.691_894_531_25);
    let var = g.var(g.find_var("/2t").unwrap());
    assert_eq!(var.attr_text("units").unwrap(), "K");
    assert_eq!(var.attr_text("long_name").unwrap(), "2 metre temperature");
    assert_eq!((value(&g, "/lat", &[0]), value(&g, "/lon", &[0])), (58.0, -10.0));
    assert_eq!(value(&g, "/time", &[1]), 1_551_402_000.0);
}

#[test]
fn chosen_messages_keep_their_order() {
    let Some(g) = granule("era5-2mt-2019-03-uk.grib", &[100, 1]) else { return };
    assert_eq!(g.shape(g.find_var("/2t").unwrap()), [2, 33, 49]);
    assert!(value(&g, "/time", &[0]) > value(&g, "/time", &[1]));
}

#[test]
fn a_colour_table_and_odd_columns_of_a_cog_are_read() {
    let Some(g) = granule("cog_cmap.tif", &[]) else { return };
    let id = g.find_var("/Band1").unwrap();
    let colors = g.var(id).attr("color_table").unwrap().as_f64s().unwrap();
    assert_eq!((colors.len(), &colors[4..8]), (1024, [0.0, 197.0, 255.0, 255.0].as_slice()));
    let all = g.read_stored(id).unwrap();
    let width = g.shape(id)[1] as usize;
    let columns = Runs::from_indices([3000, 1500, 1501]);
    let window = Window(vec![Runs::from_indices([1300, 1200]), columns]);
    let part =
        harmony_model::dtype::to_f64s(&harmony_model::DType::U8, &g.read(id, &window).unwrap()).unwrap();
    let want: Vec<f64> =
        [1300, 1200].iter().flat_map(|r| [3000, 1500, 1501].map(|c| all[r * width + c])).collect();
    assert_eq!(part, want);
}

#[test]
fn an_image_without_crs_has_no_coordinates() {
    let Some(g) = granule("LC08_CU_002010_20130416_20170727_C01_V01_SRB2.tif", &[]) else { return };
    assert_eq!(dim_names(&g, "/Band1"), ["y", "x"]);
    assert!(g.find_var("/x").is_none() && g.find_var("/crs").is_none());
}

#[test]
fn a_missing_band_and_a_text_file_are_refused() {
    if let Some(dir) = shared() {
        if let Err(e) = open_file(&dir.join("TCI.tif"), &[9]) {
            let text = e.to_string();
            assert!(text.contains("band 9") || text.contains("not installed"), "{text}");
        }
        assert!(open_file(&dir.join("README.md"), &[]).is_err());
    }
}
