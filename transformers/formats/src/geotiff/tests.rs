//! What is written is read back, by our reader and by GDAL where it is installed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use harmony_model::dtype::{Number, number_bytes};
use harmony_model::{Attribute, ByteSource, DType, Granule, MemoryArray, Window, with_numeric};

use super::read;
use crate::io::open_local;
use crate::registry::{Format, OpenOptions, find_output};
use crate::write::{WriteError, WriteOptions};

/// A geographic grid of 1/4 degree with one variable of `values`.
fn grid<T: Number>(rows: u64, columns: u64, values: &[T]) -> Granule {
    let mut g = Granule::new("grid.nc", "netcdf4");
    let lat = g.add_dim(Granule::ROOT, "lat", rows);
    let lon = g.add_dim(Granule::ROOT, "lon", columns);
    let axis =
        |n: u64, first: f64, step: f64| -> Vec<f64> { (0..n).map(|i| first + step * i as f64).collect() };
    for (dim, units, first, step) in [(lat, "degrees_north", 40.0, -0.25), (lon, "degrees_east", 10.0, 0.25)]
    {
        let (name, n) = (g.dim(dim).name.clone(), g.dim(dim).len);
        let data = Arc::new(MemoryArray::of(&[n], &axis(n, first, step)));
        let id = g.add_var(Granule::ROOT, &name, DType::F64, vec![dim], data);
        g.vars[id.0].set_attr(Attribute::text("units", units));
    }
    let data = Arc::new(MemoryArray::of(&[rows, columns], values));
    g.add_var(Granule::ROOT, "v", T::DTYPE, vec![lat, lon], data);
    g
}

fn write_as(
    g: &Granule,
    format: &str,
    target: &Path,
    options: &WriteOptions,
) -> Result<crate::write::WriteReport, WriteError> {
    let format: &dyn Format = find_output(format).unwrap();
    let parts = format.parts(g.clone(), options)?;
    assert_eq!(parts.len(), 1);
    format.write(&parts[0], target, options)
}

fn open_own(path: &Path) -> Granule {
    read::open(&open_local(path).unwrap(), &[]).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Through GDAL; `None` where it is not installed.
fn open_gdal(path: &Path) -> Option<Granule> {
    match crate::gdal::open(&open_local(path).unwrap(), &crate::gdal::ExternalOptions::default()) {
        Ok(g) => Some(g),
        Err(e) if e.to_string().contains("not installed") => None,
        Err(e) => panic!("{}: {e}", path.display()),
    }
}

fn all(g: &Granule, path: &str) -> Vec<u8> {
    let id = g.find_var(path).unwrap_or_else(|| panic!("no {path}"));
    g.read(id, &Window::all(&g.shape(id))).unwrap()
}

/// Both granules say the same.
fn assert_same(own: &Granule, gdal: &Granule, what: &str) {
    // GDAL and PROJ of another release write the same system in other words; its parameters are compared.
    let worded = ["crs_wkt", "spatial_ref"];
    let attrs = |a: &[Attribute]| {
        let mut out: Vec<String> = a
            .iter()
            .filter(|a| !worded.contains(&a.name.as_str()))
            .map(|a| match a.as_text() {
                Some(t) => format!("{}={t}", a.name),
                None => format!("{}={:?} {:?}", a.name, a.dtype, a.as_f64s()),
            })
            .collect();
        out.sort();
        out
    };
    assert_eq!(attrs(&own.groups[0].attrs), attrs(&gdal.groups[0].attrs), "{what}");
    let dims = |g: &Granule| g.dims.iter().map(|d| (d.name.clone(), d.len)).collect::<Vec<_>>();
    assert_eq!(dims(own), dims(gdal), "{what}");
    let names = |g: &Granule| g.vars.iter().map(|v| v.path.clone()).collect::<Vec<_>>();
    assert_eq!(names(own), names(gdal), "{what}");
    for (a, b) in own.vars.iter().zip(&gdal.vars) {
        assert_eq!(attrs(&a.attrs), attrs(&b.attrs), "{what} {}", a.path);
        assert_eq!((&a.dtype, &a.dims, &a.fill), (&b.dtype, &b.dims, &b.fill), "{what} {}", a.path);
        assert!(all(own, &a.path) == all(gdal, &b.path), "{what} {}: values", a.path);
    }
}

fn noise(n: usize) -> Vec<f64> {
    let mut state = 7u32;
    (0..n)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 28) + (i / 50 % 100) as f64
        })
        .collect()
}

#[test]
fn every_type_and_compression_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let types = [DType::U8, DType::I16, DType::U16, DType::I32, DType::U32, DType::F32, DType::F64];
    for dtype in &types {
        for compression in ["deflate", "zstd", "lzw", "none"] {
            for format in ["geotiff", "cog"] {
                let (rows, columns) = (530, 700);
                let values = noise(rows * columns);
                let g = with_numeric!(dtype, T => {
                    let typed: Vec<T> = values.iter().map(|&v| T::from_f64(v)).collect();
                    grid(rows as u64, columns as u64, &typed)
                }, else => unreachable!());
                let mut options = WriteOptions::default();
                options.encoding.compression = Some(compression.into());
                let target = dir.path().join(format!("{}-{compression}-{format}.tif", dtype.name()));
                write_as(&g, format, &target, &options).unwrap();
                let own = open_own(&target);
                assert!(all(&own, "/v") == all(&g, "/v"), "{}", target.display());
                assert_eq!(all(&own, "/lat"), all(&g, "/lat"));
                if compression == "zstd" && open_gdal_knows_no_zstd() {
                    continue;
                }
                if let Some(gdal) = open_gdal(&target) {
                    assert_same(&own, &gdal, &target.display().to_string());
                }
            }
        }
    }
}

/// Debian's libtiff has Zstandard, other builds may not.
fn open_gdal_knows_no_zstd() -> bool {
    !cfg!(target_os = "linux")
}

#[test]
fn small_images_have_strips_of_which_the_last_is_short() {
    let dir = tempfile::tempdir().unwrap();
    let values: Vec<f32> = noise(300 * 401).into_iter().map(|v| v as f32).collect();
    let g = grid(401, 300, &values);
    for compression in ["deflate", "lzw", "none"] {
        let mut options = WriteOptions::default();
        options.encoding.compression = Some(compression.into());
        let target = dir.path().join(format!("{compression}.tif"));
        write_as(&g, "geotiff", &target, &options).unwrap();
        let own = open_own(&target);
        assert!(all(&own, "/v") == all(&g, "/v"), "{compression}");
        if let Some(gdal) = open_gdal(&target) {
            assert_same(&own, &gdal, compression);
        }
    }
}

#[test]
fn neither_memory_nor_threads_change_the_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let values: Vec<f32> = noise(1500 * 1300).into_iter().map(|v| v as f32).collect();
    let wide = grid(1500, 1300, &values);
    let mut planes = grid(300, 1300, &values[..300 * 1300]);
    let z = planes.add_dim(Granule::ROOT, "z", 5);
    let var = planes.vars.last_mut().unwrap();
    var.dims.insert(0, z);
    var.data = Arc::new(MemoryArray::of(&[5, 300, 1300], &values));
    for (g, format, compression) in [
        (&wide, "cog", "deflate"),
        (&wide, "geotiff", "deflate"),
        (&wide, "geotiff", "none"),
        (&planes, "geotiff", "deflate"),
        (&planes, "geotiff", "none"),
    ] {
        let mut seen: Option<Vec<u8>> = None;
        for (memory, threads) in [(128 << 20, 2), (1 << 20, 1), (8 << 20, 3)] {
            let target = dir.path().join("a.tif");
            let mut options = WriteOptions { memory, ..WriteOptions::default() };
            options.encoding.compression = Some(compression.into());
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| write_as(g, format, &target, &options)).unwrap();
            let bytes = std::fs::read(&target).unwrap();
            assert!(seen.get_or_insert_with(|| bytes.clone()) == &bytes, "{format} {compression} {memory}");
        }
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn planes_fill_values_packing_and_metadata_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut g = grid::<i16>(4, 6, &[5; 24]);
    let t = g.add_dim(Granule::ROOT, "z", 6);
    let dims = [vec![t], g.vars.last().unwrap().dims.clone()].concat();
    let values: Vec<i16> = (0..144).map(|i| if i % 7 == 0 { -99 } else { i }).collect();
    let data = Arc::new(MemoryArray::of(&[6, 4, 6], &values));
    g.vars.pop();
    let id = g.add_var(Granule::ROOT, "v", DType::I16, dims, data);
    for attr in [
        Attribute::numbers("_FillValue", &[-99i16]),
        Attribute::numbers("scale_factor", &[0.25f64]),
        Attribute::numbers("add_offset", &[1.0f64]),
        Attribute::text("units", "K"),
        Attribute::text("long_name", "a <long> name"),
    ] {
        g.vars[id.0].set_attr(attr);
    }
    let target = dir.path().join("planes.tif");
    let report = write_as(&g, "cog", &target, &WriteOptions::default()).unwrap();
    assert_eq!(report.chunks_encoded, 6);
    let own = open_own(&target);
    let var = own.var(own.find_var("/Band2").unwrap());
    assert_eq!(var.attr_text("long_name").as_deref(), Some("v z=1"));
    assert_eq!((var.attr_f64("scale_factor"), var.attr_f64("add_offset")), (Some(0.25), Some(1.0)));
    assert_eq!((var.attr_f64("_FillValue"), var.attr_text("units").as_deref()), (Some(-99.0), Some("K")));
    let want: Vec<u8> = values[24..48].iter().flat_map(|v| v.to_ne_bytes()).collect();
    assert_eq!(all(&own, "/Band2"), want);
    assert_eq!(own.groups[0].attr_text("long_name").as_deref(), Some("a <long> name"));
    if let Some(gdal) = open_gdal(&target) {
        assert_same(&own, &gdal, "planes");
    }
}

#[test]
fn integers_of_64_bits_are_exact_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("a.tif");
    let g = grid::<i64>(2, 2, &[1, -2, 1 << 53, 4]);
    write_as(&g, "geotiff", &target, &WriteOptions::default()).unwrap();
    let own = open_own(&target);
    let want: Vec<u8> =
        [1.0, -2.0, 9_007_199_254_740_992.0, 4.0f64].iter().flat_map(|v| v.to_ne_bytes()).collect();
    assert_eq!(all(&own, "/v"), want);
    let g = grid::<i64>(2, 2, &[1, 2, (1 << 53) + 1, 4]);
    let text = write_as(&g, "geotiff", &target, &WriteOptions::default()).unwrap_err().to_string();
    assert!(text.contains("9007199254740993") && text.contains("'/v'"), "{text}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    let g = grid::<i8>(2, 2, &[1, -2, 127, -128]);
    write_as(&g, "geotiff", &target, &WriteOptions::default()).unwrap();
    let want: Vec<u8> = [1i16, -2, 127, -128].iter().flat_map(|v| v.to_ne_bytes()).collect();
    assert_eq!(all(&open_own(&target), "/v"), want);
}

#[test]
fn variables_of_one_grid_are_stacked_when_asked_and_fill_values_made_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut g = grid::<u8>(2, 2, &[1, 2, 3, 0]);
    let dims = g.vars.last().unwrap().dims.clone();
    g.vars.last_mut().unwrap().set_attr(Attribute::numbers("_FillValue", &[0u8]));
    let id =
        g.add_var(Granule::ROOT, "w", DType::U8, dims, Arc::new(MemoryArray::of(&[2, 2], &[9u8, 255, 8, 7])));
    g.vars[id.0].set_attr(Attribute::numbers("_FillValue", &[255u8]));
    let mut options = WriteOptions::default();
    assert_eq!(find_output("cog").unwrap().parts(g.clone(), &options).unwrap().len(), 2);
    options.encoding.stack = true;
    let target = dir.path().join("s.tif");
    write_as(&g, "cog", &target, &options).unwrap();
    let own = open_own(&target);
    assert_eq!((all(&own, "/v"), all(&own, "/w")), (vec![1, 2, 3, 0], vec![9, 0, 8, 7]));
    g.vars.pop();
    let dims = g.vars.last().unwrap().dims.clone();
    let id =
        g.add_var(Granule::ROOT, "w", DType::U8, dims, Arc::new(MemoryArray::of(&[2, 2], &[0u8, 255, 8, 7])));
    g.vars[id.0].set_attr(Attribute::numbers("_FillValue", &[255u8]));
    let text = write_as(&g, "cog", &target, &options).unwrap_err().to_string();
    assert!(text.contains("'/w'") && text.contains("fill value"), "{text}");
}

#[test]
fn not_a_number_becomes_the_fill_value_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let g = grid::<f32>(2, 2, &[1.0, f32::NAN, 3.0, 4.0]);
    let target = dir.path().join("n.tif");
    write_as(&g, "geotiff", &target, &WriteOptions::default()).unwrap();
    let own = open_own(&target);
    let var = own.var(own.find_var("/v").unwrap());
    assert!(var.attr_f64("_FillValue").unwrap().is_nan());
    assert_eq!(number_bytes(&DType::F32, 3.0).unwrap(), all(&own, "/v")[8..12]);
}

#[test]
fn a_stopped_write_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let g = grid::<u8>(600, 600, &vec![1; 360_000]);
    let options = WriteOptions { cancel: Some(Arc::new(AtomicBool::new(true))), ..WriteOptions::default() };
    let error = write_as(&g, "cog", &dir.path().join("c.tif"), &options).unwrap_err();
    assert!(matches!(error, WriteError::Cancelled));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn an_unknown_compression_is_named() {
    let g = grid::<u8>(2, 2, &[1; 4]);
    let mut options = WriteOptions::default();
    options.encoding.compression = Some("jpeg2000".into());
    let text = write_as(&g, "cog", Path::new("/nowhere/x.tif"), &options).unwrap_err().to_string();
    assert!(text.contains("jpeg2000") && text.contains("zstd"), "{text}");
}

#[test]
fn damaged_files_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let g = grid::<f32>(20, 30, &noise(600).into_iter().map(|v| v as f32).collect::<Vec<_>>());
    let target = dir.path().join("d.tif");
    write_as(&g, "cog", &target, &WriteOptions::default()).unwrap();
    let good = std::fs::read(&target).unwrap();
    let mut state = 3u32;
    for round in 0..300 {
        let mut bad = good.clone();
        for _ in 0..1 + round % 4 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = state as usize % bad.len().min(1200);
            bad[at] = (state >> 13) as u8;
        }
        if round % 5 == 0 {
            bad.truncate(state as usize % good.len());
        }
        let source: Arc<dyn ByteSource> = Arc::new(harmony_model::MemorySource::new("bad.tif", bad));
        if let Ok(g) = read::open(&source, &[]) {
            for id in g.var_ids() {
                let shape = g.shape(id);
                if shape.iter().product::<u64>() < 1 << 20 {
                    let _ = g.read(id, &Window::all(&shape));
                }
            }
        }
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

#[test]
fn real_files_are_read_as_gdal_reads_them() {
    let Some(dir) = shared() else { return };
    let mut count = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "tif") {
            continue;
        }
        let Some(gdal) = open_gdal(&path) else { return };
        assert_same(&open_own(&path), &gdal, &path.display().to_string());
        count += 1;
    }
    assert!(count >= 7);
}

#[test]
fn a_raster_goes_through_unchanged() {
    let Some(dir) = shared() else { return };
    let out = tempfile::tempdir().unwrap();
    for name in ["cog_cmap.tif", "RGB.byte.small.tif", "split-dateline-sample.tif"] {
        let source = open_local(dir.join(name)).unwrap();
        let g = crate::registry::open(source, &OpenOptions::default()).unwrap();
        let target = out.path().join(name);
        write_as(&g, "cog", &target, &WriteOptions::default()).unwrap();
        let back = open_own(&target);
        for var in &g.vars {
            assert!(all(&g, &var.path) == all(&back, &var.path), "{name} {}", var.path);
            let id = back.find_var(&var.path).unwrap();
            for attr in ["color_table", "color_interpretation", "_FillValue"] {
                assert_eq!(var.attr(attr), back.var(id).attr(attr), "{name} {} {attr}", var.path);
            }
        }
    }
}
