//! Granules with the geometry of granules that are not shared.

use harmony_model::crs::Crs;
use harmony_model::dtype::Number;
use harmony_model::{Attribute, Granule};

use super::build::{axis, granule, number, var};

/// A grid with one variable `v`: outer corner, cell size (dy negative: north-up), columns and rows.
pub struct Grid<'a> {
    pub name: &'a str,
    pub crs: &'a str,
    pub corner: [f64; 2],
    pub cell: [f64; 2],
    pub size: [usize; 2],
}

impl Grid<'_> {
    /// The granule with a value for each row and column.
    pub fn of<T: Number>(&self, value: impl Fn(usize, usize) -> T) -> Granule {
        let [columns, rows] = self.size;
        let mut g = granule(self.name, "made for a test");
        let crs = Crs::parse(self.crs).unwrap();
        let geographic = crs.is_geographic();
        let names = if geographic { ["lat", "lon"] } else { ["y", "x"] };
        let y = g.add_dim(Granule::ROOT, names[0], rows as u64);
        let x = g.add_dim(Granule::ROOT, names[1], columns as u64);
        let centres = |k: usize, n: usize| axis(self.corner[k] + self.cell[k] / 2.0, self.cell[k], n);
        let text = |geo: &'static str, flat: &'static str| match geographic {
            true => [
                ("units", geo),
                ("standard_name", if geo.ends_with("north") { "latitude" } else { "longitude" }),
            ],
            false => [("units", "m"), ("standard_name", flat)],
        };
        let north = text("degrees_north", "projection_y_coordinate");
        let east = text("degrees_east", "projection_x_coordinate");
        var(&mut g, Granule::ROOT, names[0], &[y], &centres(1, rows), &north);
        var(&mut g, Granule::ROOT, names[1], &[x], &centres(0, columns), &east);
        let wkt = crs.wkt2().unwrap();
        var(&mut g, Granule::ROOT, "crs", &[], &[0i32], &[("crs_wkt", &wkt)]);
        let values: Vec<T> = (0..rows * columns).map(|i| value(i / columns, i % columns)).collect();
        var(&mut g, Granule::ROOT, "v", &[y, x], &values, &[("grid_mapping", "crs")]);
        g
    }

    /// The granule of bytes with 0 for no data.
    pub fn bytes(&self) -> Granule {
        let mut g = self.of(|r, c| ((r + c) % 250 + 1) as u8);
        let v = g.find_var("/v").unwrap();
        number(&mut g, v, "_FillValue", &[0u8]);
        g
    }
}

/// The geometry of `RGB.byte.tif`: 791 x 718 cells in UTM zone 18N.
pub fn utm_18n() -> Granule {
    let cell = [237_330.0 / 791.0, -215_430.0 / 718.0];
    let corner = [101_985.0, 2_826_915.0];
    Grid { name: "utm18.nc", crs: "EPSG:32618", corner, cell, size: [791, 718] }.bytes()
}

/// Samples with rows and columns of an EASE-Grid 2.0, as SMAP Level 2 has them.
pub struct Samples<'a> {
    pub group: &'a str,
    pub rows: &'a [u16],
    pub columns: &'a [u16],
}

/// A granule of a SMAP product: a float, a layered integer without fill and a text for each sample.
pub fn smap(product: &str, groups: &[Samples]) -> Granule {
    let mut g = granule(&format!("{product}.h5"), "made for a test");
    g.groups[0].attrs.push(Attribute::text("short_name", product));
    for s in groups {
        let group = g.add_group(Granule::ROOT, s.group);
        let n = s.rows.len();
        let dim = g.add_dim(group, "samples", n as u64);
        let layers = g.add_dim(group, "layers", 3);
        let at = |i: usize| i as f32;
        let lat: Vec<f32> = (0..n).map(|i| 50.0 - at(i)).collect();
        let lon: Vec<f32> = (0..n).map(|i| 10.0 + at(i)).collect();
        var(&mut g, group, "latitude", &[dim], &lat, &[("units", "degrees_north")]);
        var(&mut g, group, "longitude", &[dim], &lon, &[("units", "degrees_east")]);
        let values: Vec<f32> = (0..n).map(|i| at(i) + 0.5).collect();
        let v = var(&mut g, group, "sigma0_hh_mean", &[dim], &values, &[]);
        number(&mut g, v, "_FillValue", &[-9999f32]);
        var(&mut g, group, "EASE_row_index", &[dim], s.rows, &[]);
        var(&mut g, group, "EASE_column_index", &[dim], s.columns, &[]);
        let classes: Vec<i16> = (0..3 * n as i16).collect();
        var(&mut g, group, "landcover", &[dim, layers], &classes, &[]);
        let texts =
            std::sync::Arc::new(harmony_model::MemoryArray::of_texts(&[n as u64], vec![b"a".to_vec(); n]));
        g.add_var(group, "spacecraft_overpass_time_utc", harmony_model::DType::String, vec![dim], texts);
    }
    g
}

/// A GeoTIFF of 8 x 8 bytes in UTM zone 18N that is turned by 30 degrees.
pub fn rotated_tiff() -> Vec<u8> {
    let (sin, cos) = 30f64.to_radians().sin_cos();
    let mut matrix = [0f64; 16];
    matrix[..4].copy_from_slice(&[100.0 * cos, 100.0 * sin, 0.0, 500_000.0]);
    matrix[4..8].copy_from_slice(&[100.0 * sin, -100.0 * cos, 0.0, 4_500_000.0]);
    matrix[15] = 1.0;
    let keys: [u16; 16] = [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32618];
    const ENTRIES: usize = 11;
    let after = 8 + 2 + 12 * ENTRIES + 4;
    let (keys_at, matrix_at, pixels_at) = (after, after + 32, after + 32 + 128);
    let entries: [(u16, u16, u32, u32); ENTRIES] = [
        (256, 3, 1, 8),
        (257, 3, 1, 8),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, pixels_at as u32),
        (277, 3, 1, 1),
        (278, 3, 1, 8),
        (279, 4, 1, 64),
        (34264, 12, 16, matrix_at as u32),
        (34735, 3, 16, keys_at as u32),
    ];
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    out.extend((ENTRIES as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend([0; 4]);
    keys.iter().for_each(|k| out.extend(k.to_le_bytes()));
    matrix.iter().for_each(|m| out.extend(m.to_le_bytes()));
    out.extend(1..=64u8);
    out
}
