//! Granules of a realistic size for the benches.

use std::path::Path;
use std::sync::Arc;

use harmony_formats::write::WriteOptions;
use harmony_model::{ArraySource, DType, Filter, Granule, ReadError, Storage, Window};

use crate::build::{axis, granule, var};
use crate::{Outcome, save, trajectories};

/// A smooth field with some noise in the low bits and a land-sea mask of fill: compresses about threefold, as
/// geophysical float32 does. Values depend on the index alone, so any block can be made on its own.
struct Field {
    seed: u64,
    cols: u64,
}

impl ArraySource for Field {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let cols: Vec<u64> = window.0[1].indices().collect();
        let mut at = 0;
        for row in window.0[0].indices() {
            for &col in &cols {
                out[at..at + 4].copy_from_slice(&self.value(row, col).to_ne_bytes());
                at += 4;
            }
        }
        Ok(())
    }

    fn cost(&self, _: &Window) -> Result<u64, ReadError> {
        Ok(0)
    }
}

impl Field {
    fn value(&self, row: u64, col: u64) -> f32 {
        let (y, x) = (row as f32 / 500.0, col as f32 / 500.0);
        if (x * 0.7).sin() * (y * 0.9).cos() > 0.55 {
            return -9999.0;
        }
        let mut z = (row * self.cols + col + self.seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let noise = ((z >> 40) & 0x3f) as f32 * 0.001;
        // Rounded to a thousandth, as instruments do.
        ((288.0 + 12.0 * (y + self.seed as f32).sin() + 5.0 * (x * 1.7).cos() + noise) * 1000.0).round()
            / 1000.0
    }
}

fn grid(name: &str, variables: usize, rows: u64, cols: u64, chunk: [u64; 2]) -> Granule {
    let mut g = granule(name, "Synthetic field, seed 7");
    let lat = g.add_dim(Granule::ROOT, "lat", rows);
    let lon = g.add_dim(Granule::ROOT, "lon", cols);
    let step = |extent: f64, n: u64| extent / n as f64;
    let lats = axis(-90.0 + step(180.0, rows) / 2.0, step(180.0, rows), rows as usize);
    let lons = axis(-180.0 + step(360.0, cols) / 2.0, step(360.0, cols), cols as usize);
    var(
        &mut g,
        Granule::ROOT,
        "lat",
        &[lat],
        &lats,
        &[("units", "degrees_north"), ("standard_name", "latitude")],
    );
    var(
        &mut g,
        Granule::ROOT,
        "lon",
        &[lon],
        &lons,
        &[("units", "degrees_east"), ("standard_name", "longitude")],
    );
    for k in 0..variables {
        let data = Arc::new(Field { seed: 7 + k as u64, cols });
        let id = g.add_var(Granule::ROOT, &format!("v{k:02}"), DType::F32, vec![lat, lon], data);
        let v = &mut g.vars[id.0];
        v.attrs = vec![
            harmony_model::Attribute::numbers("_FillValue", &[-9999.0f32]),
            harmony_model::Attribute::text("units", "K"),
            harmony_model::Attribute::text("long_name", "synthetic temperature"),
        ];
        v.storage =
            Storage::Chunked { shape: chunk.to_vec(), filters: vec![Filter::shuffle(4), Filter::deflate(4)] };
    }
    g
}

/// Writes what is missing of the bench granules.
pub fn write(folder: &Path) -> Outcome {
    std::fs::create_dir_all(folder)?;
    let options = WriteOptions::default();
    let wanted: [(&str, &dyn Fn() -> Granule); 4] = [
        ("grid.nc", &|| grid("grid.nc", 2, 4000, 8000, [500, 500])),
        ("grid60.nc", &|| grid("grid60.nc", 60, 1000, 2000, [250, 500])),
        ("atl03.h5", &|| trajectories::photon_granule("atl03.h5", 333_000, 20, 7)),
        ("large.nc", &|| grid("large.nc", 2, 16_001, 33_555, [1000, 1000])),
    ];
    for (name, make) in wanted {
        if !folder.join(name).exists() {
            save(folder, &make(), &options)?;
        }
    }
    Ok(())
}
