//! Small grids in every order.

use std::sync::Arc;

use harmony_model::{Attribute, DType, DimId, Granule, MemoryArray};

use super::*;
use crate::write::WriteOptions;

fn axis(g: &mut Granule, name: &str, units: &str, values: &[f32]) -> DimId {
    let dim = g.add_dim(Granule::ROOT, name, values.len() as u64);
    let data = Arc::new(MemoryArray::of(&[values.len() as u64], values));
    let id = g.add_var(Granule::ROOT, name, DType::F32, vec![dim], data);
    g.vars[id.0].set_attr(Attribute::text("units", units));
    dim
}

fn data(g: &mut Granule, name: &str, dims: &[DimId], values: &[i16]) {
    let shape: Vec<u64> = dims.iter().map(|&d| g.dim(d).len).collect();
    g.add_var(Granule::ROOT, name, DType::I16, dims.to_vec(), Arc::new(MemoryArray::of(&shape, values)));
}

fn values(g: &Granule, r: &Raster, band: usize) -> Vec<i16> {
    let (ny, nx) = r.shape();
    let bytes = r.read(g, band, 0..ny, 0..nx).unwrap();
    bytes.chunks(2).map(|b| i16::from_ne_bytes([b[0], b[1]])).collect()
}

#[test]
fn a_south_up_grid_from_0_to_360_is_turned() {
    let mut g = Granule::new("t.nc", "netcdf4");
    let lat = axis(&mut g, "lat", "degrees_north", &[-45.0, 45.0]);
    let lon = axis(&mut g, "lon", "degrees_east", &[45.0, 135.0, 225.0, 315.0]);
    data(&mut g, "v", &[lat, lon], &[1, 2, 3, 4, 5, 6, 7, 8]);
    let found = rasters(&g, &WriteOptions::default()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].geo_transform(), [-180.0, 90.0, 0.0, 90.0, 0.0, -90.0]);
    assert_eq!(values(&g, &found[0], 0), [7, 8, 5, 6, 3, 4, 1, 2]);
    let part = found[0].read(&g, 0, 1..2, 1..3).unwrap();
    assert_eq!(part, [4i16, 1].iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<_>>());
    let mut kept = WriteOptions::default();
    kept.encoding.keep_longitudes = true;
    let found = rasters(&g, &kept).unwrap();
    assert_eq!(found[0].grid.x0, 0.0);
    assert_eq!(values(&g, &found[0], 0), [5, 6, 7, 8, 1, 2, 3, 4]);
}

#[test]
fn axes_in_another_order_are_transposed_and_times_are_named() {
    let mut g = Granule::new("t.nc", "netcdf4");
    let time = axis(&mut g, "time", "hours since 2020-01-01", &[0.0, 6.5]);
    let lon = axis(&mut g, "lon", "degrees_east", &[10.0, 11.0, 12.0]);
    let lat = axis(&mut g, "lat", "degrees_north", &[50.0, 49.0]);
    data(&mut g, "v", &[time, lon, lat], &[1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16]);
    let found = rasters(&g, &WriteOptions::default()).unwrap();
    let r = &found[0];
    assert_eq!(r.grid.extent(), [9.5, 48.5, 12.5, 50.5]);
    assert_eq!(values(&g, r, 1), [11, 13, 15, 12, 14, 16]);
    assert_eq!(r.bands[1].description, "v time=2020-01-01T06:30:00Z");
    assert_eq!(r.bands[1].index, [1]);
}

#[test]
fn a_second_fill_value_becomes_the_first() {
    let mut g = Granule::new("t.nc", "netcdf4");
    let lat = axis(&mut g, "lat", "degrees_north", &[1.0, 0.0]);
    let lon = axis(&mut g, "lon", "degrees_east", &[0.0, 1.0]);
    data(&mut g, "v", &[lat, lon], &[1, -1, -2, 4]);
    let var = g.vars.last_mut().unwrap();
    var.set_attr(Attribute::numbers("_FillValue", &[-1i16]));
    var.set_attr(Attribute::numbers("missing_value", &[-2i16]));
    let found = rasters(&g, &WriteOptions::default()).unwrap();
    assert_eq!(found[0].nodata, Some(-1.0));
    assert_eq!(values(&g, &found[0], 0), [1, -1, -1, 4]);
}

#[test]
fn what_is_no_raster_is_named_with_a_remedy() {
    let mut g = Granule::new("t.nc", "netcdf4");
    let lat = axis(&mut g, "lat", "degrees_north", &[1.0, 3.0, 4.0]);
    let lon = axis(&mut g, "lon", "degrees_east", &[0.0, 1.0]);
    data(&mut g, "v", &[lat, lon], &[0; 6]);
    let text = rasters(&g, &WriteOptions::default()).unwrap_err().to_string();
    assert!(text.contains("'/v'") && text.contains("'/lat'") && text.contains("--crs"), "{text}");
}

#[test]
fn more_planes_than_a_tiff_can_hold_are_refused_with_their_sizes() {
    let mut g = Granule::new("t.nc", "netcdf4");
    let a = g.add_dim(Granule::ROOT, "a", 300);
    let b = g.add_dim(Granule::ROOT, "b", 300);
    let lat = axis(&mut g, "lat", "degrees_north", &[1.0, 0.0]);
    let lon = axis(&mut g, "lon", "degrees_east", &[0.0, 1.0]);
    data(&mut g, "v", &[a, b, lat, lon], &vec![0; 360_000]);
    let text = rasters(&g, &WriteOptions::default()).unwrap_err().to_string();
    assert!(text.contains("a=300, b=300") && text.contains("90000"), "{text}");
}
