//! A swath that crosses the antimeridian, with fill and a time per scan line.

use harmony_model::{Filter, Granule};

use crate::build::{Noise, chunked, f32s, granule, number, var};

/// 300 scan lines of 80 cells going north from −30° to 30°, centred on longitude 180°.
pub fn antimeridian() -> Granule {
    let (rows, cells) = (300usize, 80usize);
    let mut g = granule("swath_antimeridian.nc4", "A swath across the antimeridian");
    let row = g.add_dim(Granule::ROOT, "scan_line", rows as u64);
    let cell = g.add_dim(Granule::ROOT, "cell", cells as u64);
    let mut noise = Noise(11);
    let (mut lat, mut lon, mut wind, mut flag) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for r in 0..rows {
        for c in 0..cells {
            let along = -30.0 + 60.0 * r as f64 / (rows - 1) as f64;
            let across = c as f64 - (cells - 1) as f64 / 2.0;
            let missing = r % 97 == 13 && c < 6;
            lat.push(if missing { -9999.0 } else { along + 0.05 * across });
            let x = 180.0 + 0.25 * across - 0.1 * along;
            lon.push(if missing { -9999.0 } else { (x + 180.0).rem_euclid(360.0) - 180.0 });
            let quality = (noise.next() * 4.0) as u8;
            wind.push(if quality == 3 {
                -32768i16
            } else {
                (100.0 * (8.0 + 5.0 * (along / 9.0).sin())) as i16
            });
            flag.push(quality);
        }
    }
    let seconds: Vec<f64> = (0..rows).map(|r| 0.5 * r as f64).collect();
    let text = [("units", "seconds since 2020-06-01T10:00:00Z"), ("standard_name", "time")];
    var(&mut g, Granule::ROOT, "time", &[row], &seconds, &text);
    for (name, values, units) in [("lat", &lat, "degrees_north"), ("lon", &lon, "degrees_east")] {
        let v = var(&mut g, Granule::ROOT, name, &[row, cell], &f32s(values), &[("units", units)]);
        number(&mut g, v, "_FillValue", &[-9999.0f32]);
        chunked(&mut g, v, &[100, 80], 4);
    }
    let text = [("units", "m s-1"), ("standard_name", "wind_speed"), ("coordinates", "lat lon")];
    let v = var(&mut g, Granule::ROOT, "wind_speed", &[row, cell], &wind, &text);
    number(&mut g, v, "_FillValue", &[-32768i16]);
    number(&mut g, v, "scale_factor", &[0.01f32]);
    chunked(&mut g, v, &[100, 80], 4);
    let text =
        [("long_name", "quality"), ("coordinates", "lat lon"), ("flag_meanings", "good fair poor missing")];
    let v = var(&mut g, Granule::ROOT, "quality_flag", &[row, cell], &flag, &text);
    number(&mut g, v, "flag_values", &[0u8, 1, 2, 3]);
    chunked(&mut g, v, &[100, 80], 4);
    if let harmony_model::Storage::Chunked { filters, .. } = &mut g.vars[v.0].storage {
        filters.push(Filter::new(harmony_model::filter::FLETCHER32, &[]));
    }
    g
}
