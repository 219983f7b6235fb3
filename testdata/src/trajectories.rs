//! Trajectories: grouped altimetry, and a lidar whose photons are addressed by segments.

use harmony_model::{Attribute, Granule, GroupId};

use crate::build::{Noise, chunked, granule, number, var};

/// Altimetry in groups: 1 Hz with a 20 Hz second axis, and a sub-group that shares the time axis.
pub fn altimetry() -> Granule {
    let n = 500usize;
    let mut g = granule("altimetry_groups.nc4", "Sea surface height along a track");
    let data = g.add_group(Granule::ROOT, "data_01");
    let time = g.add_dim(data, "time", n as u64);
    let burst = g.add_dim(data, "measurement", 20);
    let at = |i: usize| i as f64 / n as f64;
    let seconds: Vec<f64> = (0..n).map(|i| 662_774_400.0 + i as f64).collect();
    let lat: Vec<i32> = (0..n).map(|i| (1e6 * (-66.0 + 132.0 * at(i))) as i32).collect();
    let lon: Vec<i32> = (0..n).map(|i| (1e6 * (140.0 + 90.0 * at(i))) as i32).collect();
    let text = [
        ("units", "seconds since 2000-01-01 00:00:00.0"),
        ("standard_name", "time"),
        ("calendar", "gregorian"),
    ];
    var(&mut g, data, "time", &[time], &seconds, &text);
    for (name, values, units) in [("latitude", &lat, "degrees_north"), ("longitude", &lon, "degrees_east")] {
        let v = var(&mut g, data, name, &[time], values, &[("units", units), ("standard_name", name)]);
        number(&mut g, v, "scale_factor", &[1e-6f64]);
        chunked(&mut g, v, &[128], 4);
    }
    let ku = g.add_group(data, "ku");
    let mut noise = Noise(5);
    let ssha: Vec<i16> = (0..n)
        .map(|_| if noise.next() < 0.1 { 32767 } else { (400.0 * (noise.next() - 0.5)) as i16 })
        .collect();
    let text =
        [("units", "m"), ("long_name", "sea surface height anomaly"), ("coordinates", "longitude latitude")];
    let v = var(&mut g, ku, "ssha", &[time], &ssha, &text);
    number(&mut g, v, "_FillValue", &[32767i16]);
    number(&mut g, v, "scale_factor", &[0.001f64]);
    chunked(&mut g, v, &[128], 4);
    let range: Vec<f32> = (0..n * 20).map(|i| 1_336_000.0 + (i % 97) as f32).collect();
    let v = var(&mut g, data, "range_20hz", &[time, burst], &range, &[("units", "m")]);
    chunked(&mut g, v, &[64, 20], 4);
    g
}

/// An ICESat-2-like granule: three beams of segments that own photons, and background rates on their own times.
pub fn photons() -> Granule {
    photon_granule("atl03_like.h5", 200, 25, 3)
}

/// `segments` segments per beam with about `mean` photons each, going south to north near 95° E.
pub fn photon_granule(name: &str, segments: usize, mean: usize, seed: u64) -> Granule {
    let mut g = granule(name, "Photon heights, segmented");
    g.groups[0].attrs.push(Attribute::text("short_name", "ATL03"));
    let mut noise = Noise(seed);
    for (k, beam) in ["gt1l", "gt2l", "gt3l"].iter().enumerate() {
        let group = g.add_group(Granule::ROOT, beam);
        add_beam(&mut g, group, segments, mean, 95.0 + 0.03 * k as f64, &mut noise);
    }
    let ancillary = g.add_group(Granule::ROOT, "ancillary_data");
    let one = g.add_dim(ancillary, "epoch", 1);
    let text = [("units", "seconds since 1980-01-06T00:00:00.000000Z")];
    var(&mut g, ancillary, "atlas_sdp_gps_epoch", &[one], &[1_198_800_018.0f64], &text);
    g
}

fn add_beam(g: &mut Granule, beam: GroupId, segments: usize, mean: usize, lon0: f64, noise: &mut Noise) {
    let geolocation = g.add_group(beam, "geolocation");
    let heights = g.add_group(beam, "heights");
    let background = g.add_group(beam, "bckgrd_atlas");
    let counts: Vec<i32> = (0..segments)
        .map(|_| if noise.next() < 0.05 { 0 } else { (2.0 * mean as f64 * noise.next()) as i32 + 1 })
        .collect();
    let mut next = 1i64;
    let begins: Vec<i64> = counts
        .iter()
        .map(|&c| {
            let begin = if c == 0 { 0 } else { next };
            next += i64::from(c);
            begin
        })
        .collect();
    let total = (next - 1) as usize;
    let step = 40.0 / segments as f64;
    let place = |i: f64| (lon0 - 0.02 * i * step, -8.0 + i * step);
    let second = |i: f64| 24_710_000.0 + 7.0 * i * step;
    let segment = g.add_dim(geolocation, "delta_time", segments as u64);
    let photon = g.add_dim(heights, "delta_time", total as u64);
    let rate = g.add_dim(background, "delta_time", (segments / 2) as u64);
    let axis = |n: usize, scale: f64| (0..n).map(|i| second(i as f64 * scale)).collect::<Vec<f64>>();
    let text = [("units", "seconds since 2018-01-01"), ("standard_name", "time")];
    let chunk = 10_000u64;
    let add = |g: &mut Granule, group, name: &str, dim, values: &[f64], text: &[(&str, &str)]| {
        let id = var(g, group, name, &[dim], values, text);
        chunked(g, id, &[chunk], 6);
    };
    add(g, geolocation, "delta_time", segment, &axis(segments, 1.0), &text);
    let (lon, lat): (Vec<f64>, Vec<f64>) = (0..segments).map(|i| place(i as f64)).unzip();
    let text_lat = [("units", "degrees_north"), ("standard_name", "latitude")];
    let text_lon = [("units", "degrees_east"), ("standard_name", "longitude")];
    add(g, geolocation, "reference_photon_lat", segment, &lat, &text_lat);
    add(g, geolocation, "reference_photon_lon", segment, &lon, &text_lon);
    let index =
        [("units", "counts"), ("coordinates", "delta_time reference_photon_lat reference_photon_lon")];
    let v = var(g, geolocation, "ph_index_beg", &[segment], &begins, &index);
    number(g, v, "_FillValue", &[0i64]);
    chunked(g, v, &[chunk], 6);
    let v = var(g, geolocation, "segment_ph_cnt", &[segment], &counts, &index);
    chunked(g, v, &[chunk], 6);
    let mut photons = (Vec::with_capacity(total), Vec::with_capacity(total), Vec::with_capacity(total));
    let (mut h, mut confidence) = (Vec::with_capacity(total), Vec::with_capacity(total));
    for (i, &count) in counts.iter().enumerate() {
        for k in 0..count {
            let at = i as f64 + f64::from(k) / f64::from(count);
            let (x, y) = place(at);
            photons.0.push(x);
            photons.1.push(y);
            photons.2.push(second(at));
            h.push((30.0 * (y / 3.0).sin() + 4.0 * noise.next()) as f32);
            confidence.push((noise.next() * 5.0) as i8);
        }
    }
    add(g, heights, "delta_time", photon, &photons.2, &text);
    add(g, heights, "lat_ph", photon, &photons.1, &text_lat);
    add(g, heights, "lon_ph", photon, &photons.0, &text_lon);
    let text_h = [("units", "meters"), ("coordinates", "delta_time lat_ph lon_ph")];
    let v = var(g, heights, "h_ph", &[photon], &h, &text_h);
    chunked(g, v, &[chunk], 6);
    let v = var(
        g,
        heights,
        "signal_conf_ph",
        &[photon],
        &confidence,
        &[("coordinates", "delta_time lat_ph lon_ph")],
    );
    chunked(g, v, &[chunk], 6);
    add(g, background, "delta_time", rate, &axis(segments / 2, 2.0), &text);
    let rates: Vec<f64> = (0..segments / 2).map(|i| 1e5 + i as f64).collect();
    add(g, background, "bckgrd_rate", rate, &rates, &[("units", "counts / second")]);
}
