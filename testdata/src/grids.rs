//! Grids: global, packed 0–360 with several times, EASE-2 and polar stereographic.

use harmony_model::{Attribute, Granule};

use crate::build::{Noise, axis, chunked, f32s, granule, number, var};
use crate::land::continents;

const DEGREES_NORTH: &[(&str, &str)] =
    &[("long_name", "latitude"), ("standard_name", "latitude"), ("units", "degrees_north"), ("axis", "Y")];
const DEGREES_EAST: &[(&str, &str)] =
    &[("long_name", "longitude"), ("standard_name", "longitude"), ("units", "degrees_east"), ("axis", "X")];

/// A global 0.5° grid of four bytes per cell: continents over a tinted sea.
pub fn example(day: u8, tint: [u8; 3]) -> Granule {
    let (rows, cols) = (360, 720);
    let mut g = granule(&format!("2020_01_0{day}_global.nc"), "Continents in red, green, blue and alpha");
    let time = g.add_dim(Granule::ROOT, "time", 1);
    g.dims[time.0].unlimited = true;
    let lat = g.add_dim(Granule::ROOT, "lat", rows as u64);
    let lon = g.add_dim(Granule::ROOT, "lon", cols as u64);
    let lats = axis(89.75, -0.5, rows);
    let lons = axis(-179.75, 0.5, cols);
    let hours = [f64::from(day - 1) * 24.0];
    let when =
        [("units", "hours since 2020-01-01T00:00:00Z"), ("standard_name", "time"), ("calendar", "gregorian")];
    let t = var(&mut g, Granule::ROOT, "time", &[time], &hours, &when);
    chunked(&mut g, t, &[1], 4);
    var(&mut g, Granule::ROOT, "lat", &[lat], &f32s(&lats), DEGREES_NORTH);
    var(&mut g, Granule::ROOT, "lon", &[lon], &f32s(&lons), DEGREES_EAST);
    let land = continents().mask_centres(&lons, &lats);
    let mut noise = Noise(u64::from(day));
    let mut bands: [Vec<u8>; 4] = std::array::from_fn(|_| Vec::with_capacity(rows * cols));
    for (row, lat) in lats.iter().enumerate() {
        for col in 0..cols {
            let shade = (40.0 * (1.0 - lat.abs() / 90.0) + 4.0 * noise.next()) as u8;
            let dry = land.get(row, col);
            let pixel = if dry { [120 + shade, 140 + shade / 2, 60 + shade / 4] } else { tint };
            bands.iter_mut().zip(pixel).for_each(|(b, v)| b.push(v));
            bands[3].push(if dry { 255 } else { 200 });
        }
    }
    for (name, values) in ["red_var", "green_var", "blue_var", "alpha_var"].iter().zip(&bands) {
        let text = [("long_name", *name), ("coordinates", "time lat lon")];
        let v = var(&mut g, Granule::ROOT, name, &[time, lat, lon], values, &text);
        chunked(&mut g, v, &[1, 180, 360], 6);
    }
    for (name, value) in [("geospatial_lat_min", -90.0), ("geospatial_lat_max", 90.0)] {
        g.groups[0].attrs.push(Attribute::numbers(name, &[value]));
    }
    g
}

/// Four months of packed temperature, longitudes 0–360, latitudes descending, with bounds and levels.
pub fn packed_0_360() -> Granule {
    let (times, levels, rows, cols) = (4usize, 3usize, 60usize, 120usize);
    let mut g = granule("packed_0_360.nc4", "Monthly temperature on levels, packed");
    let time = g.add_dim(Granule::ROOT, "time", times as u64);
    g.dims[time.0].unlimited = true;
    let level = g.add_dim(Granule::ROOT, "level", levels as u64);
    let lat = g.add_dim(Granule::ROOT, "latitude", rows as u64);
    let lon = g.add_dim(Granule::ROOT, "longitude", cols as u64);
    let two = g.add_dim(Granule::ROOT, "bnds", 2);
    let (lats, lons) = (axis(88.5, -3.0, rows), axis(1.5, 3.0, cols));
    let starts = [0.0, 31.0, 60.0, 91.0, 121.0];
    let text = [
        ("units", "days since 2020-01-01"),
        ("calendar", "standard"),
        ("bounds", "time_bnds"),
        ("axis", "T"),
    ];
    let t = var(&mut g, Granule::ROOT, "time", &[time], &[15.5, 45.5, 75.5, 106.0], &text);
    chunked(&mut g, t, &[4], 4);
    let text = [("units", "hPa"), ("positive", "down"), ("standard_name", "air_pressure")];
    var(&mut g, Granule::ROOT, "level", &[level], &[1000.0f32, 850.0, 500.0], &text);
    let with_bounds = |base: &[(&'static str, &'static str)], b: &'static str| {
        let mut all = base.to_vec();
        all.push(("bounds", b));
        all
    };
    var(&mut g, Granule::ROOT, "latitude", &[lat], &lats, &with_bounds(DEGREES_NORTH, "lat_bnds"));
    var(&mut g, Granule::ROOT, "longitude", &[lon], &lons, &with_bounds(DEGREES_EAST, "lon_bnds"));
    let edges = |v: &[f64]| v.iter().flat_map(|c| [c - 1.5, c + 1.5]).collect::<Vec<f64>>();
    let steps: Vec<f64> = starts.windows(2).flat_map(|w| [w[0], w[1]]).collect();
    let b = var(&mut g, Granule::ROOT, "time_bnds", &[time, two], &steps, &[]);
    chunked(&mut g, b, &[4, 2], 4);
    var(&mut g, Granule::ROOT, "lat_bnds", &[lat, two], &edges(&lats), &[]);
    var(&mut g, Granule::ROOT, "lon_bnds", &[lon, two], &edges(&lons), &[]);
    let mut noise = Noise(7);
    let mut packed = Vec::with_capacity(times * levels * rows * cols);
    for t in 0..times {
        for l in 0..levels {
            for lat in &lats {
                for lon in &lons {
                    let kelvin =
                        300.0 - 0.6 * lat.abs() - 15.0 * l as f64 + 3.0 * (lon / 57.0 + t as f64).sin();
                    let missing = noise.next() < 0.05;
                    packed.push(if missing { -32767i16 } else { ((kelvin - 273.15) / 0.01).round() as i16 });
                }
            }
        }
    }
    let text = [("units", "K"), ("standard_name", "air_temperature"), ("cell_methods", "time: mean")];
    let v = var(&mut g, Granule::ROOT, "temperature", &[time, level, lat, lon], &packed, &text);
    number(&mut g, v, "_FillValue", &[-32767i16]);
    number(&mut g, v, "scale_factor", &[0.01f64]);
    number(&mut g, v, "add_offset", &[273.15f64]);
    chunked(&mut g, v, &[1, 1, 30, 60], 4);
    g
}

/// Grid mapping, axes and one field on a square projected grid.
fn projected(
    name: &str,
    title: &str,
    n: usize,
    cell: f64,
    mapping: &[(&str, &str)],
    numbers: &[(&str, f64)],
) -> Granule {
    let mut g = granule(name, title);
    let y = g.add_dim(Granule::ROOT, "y", n as u64);
    let x = g.add_dim(Granule::ROOT, "x", n as u64);
    let half = cell * n as f64 / 2.0;
    let text =
        |axis: &'static str, name: &'static str| [("units", "m"), ("axis", axis), ("standard_name", name)];
    let ys = axis(half - cell / 2.0, -cell, n);
    let xs = axis(cell / 2.0 - half, cell, n);
    var(&mut g, Granule::ROOT, "y", &[y], &ys, &text("Y", "projection_y_coordinate"));
    var(&mut g, Granule::ROOT, "x", &[x], &xs, &text("X", "projection_x_coordinate"));
    let crs = var(&mut g, Granule::ROOT, "crs", &[], &[0i32], mapping);
    for (k, v) in numbers {
        number(&mut g, crs, k, &[*v]);
    }
    let field: Vec<f32> = ys
        .iter()
        .flat_map(|y| xs.iter().map(move |x| (x.hypot(*y) / 1e5) as f32))
        .map(|v| if v > 80.0 { -9999.0 } else { v })
        .collect();
    let text = [("units", "1"), ("grid_mapping", "crs"), ("long_name", "distance from the pole in 100 km")];
    let v = var(&mut g, Granule::ROOT, "distance", &[y, x], &field, &text);
    number(&mut g, v, "_FillValue", &[-9999.0f32]);
    chunked(&mut g, v, &[50, 50], 4);
    g
}

/// EASE-Grid 2.0 North, 90 km.
pub fn ease2_north() -> Granule {
    let mapping = [("grid_mapping_name", "lambert_azimuthal_equal_area")];
    let numbers = [
        ("latitude_of_projection_origin", 90.0),
        ("longitude_of_projection_origin", 0.0),
        ("false_easting", 0.0),
        ("false_northing", 0.0),
        ("semi_major_axis", 6_378_137.0),
        ("inverse_flattening", 298.257_223_563),
    ];
    projected("ease2_north.nc4", "EASE-Grid 2.0 North", 200, 90_000.0, &mapping, &numbers)
}

/// South polar stereographic (EPSG:3031), 50 km.
pub fn polar_stereographic() -> Granule {
    let mapping = [("grid_mapping_name", "polar_stereographic")];
    let numbers = [
        ("latitude_of_projection_origin", -90.0),
        ("straight_vertical_longitude_from_pole", 0.0),
        ("standard_parallel", -71.0),
        ("false_easting", 0.0),
        ("false_northing", 0.0),
        ("semi_major_axis", 6_378_137.0),
        ("inverse_flattening", 298.257_223_563),
    ];
    projected("polar_south.nc4", "Antarctic polar stereographic", 160, 50_000.0, &mapping, &numbers)
}
