//! C.4 CSV and averaging.

use std::path::{Path, PathBuf};

use crate::common::build::{number, var};
use crate::common::{extremes, join, lattice, near, save, transform, unzipped};
use crate::{AFRICA, GPM, MERRA, SSMIS, common, geographic, shared};
use harmony_model::{Attribute, Granule};

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// A grid in groups: weights at the root, columns of gas in a group.
fn tempo() -> Granule {
    let mut g = geographic("TEMPO_HCHO_L3.nc", [-87.0, 41.5], 0.02, [3, 2]).of(|r, c| (r * 3 + c) as f32);
    let v = g.find_var("/v").unwrap();
    (g.vars[v.0].name, g.vars[v.0].path) = ("weight".into(), "/weight".into());
    let [lat, lon] = g.vars[v.0].dims.clone()[..] else { panic!("two axes") };
    let time = g.add_dim(Granule::ROOT, "time", 1);
    let text = [("units", "seconds since 2024-06-01"), ("standard_name", "time")];
    var(&mut g, Granule::ROOT, "time", &[time], &[60.0f64], &text);
    let product = g.add_group(Granule::ROOT, "product");
    let values = [1.5f64, -1e30, 2.0, -1e30, 3.0, 4.0];
    let column = var(&mut g, product, "vertical_column", &[time, lat, lon], &values, &[]);
    number(&mut g, column, "_FillValue", &[-1e30f64]);
    g
}

#[test]
fn t1_t2_t4_a_table_for_each_list_of_dimensions() {
    let run = transform(&save(&tempo()).path, &["--format=text/csv"]);
    let members = unzipped(&run.written.output);
    let names: Vec<&str> = members.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(
        names,
        [
            "TEMPO_HCHO_L3.nc-0_reformatted.csv",
            "TEMPO_HCHO_L3.nc-1_reformatted.csv",
            "Readme.md",
            "Readme.json"
        ]
    );
    let table = |i: usize| String::from_utf8(members[i].1.clone()).unwrap();
    let first = table(0);
    let mut lines = first.lines();
    assert_eq!(lines.next(), Some("lat,lon,/weight"));
    assert_eq!(lines.next(), Some("41.49,-86.99,0.0"));
    // Rows in which all is missing are left out.
    let second = table(1);
    assert_eq!(second.lines().next(), Some("time,lat,lon,/product/vertical_column"));
    assert_eq!(second.lines().count(), 1 + 4);
}

#[test]
fn t3_a_swath_is_one_table_with_places() {
    let run = transform(&shared!(AFRICA), &["--format=text/csv"]);
    let table = text(&run.written.output);
    assert_eq!(table.lines().next(), Some("time,ni,nj,lat,lon,/red_var,/green_var,/blue_var,/alpha_var"));
}

/// Two half-hours of rain on 0.1 degrees, in single precision as GPM has it; one cell is missing.
fn imerg(name: &str, minute: i32, base: f32) -> Granule {
    let mut g = geographic(name, [-110.0, 35.0], 0.1, [320, 100]).of(|_, _| 0f32);
    let v = g.find_var("/v").unwrap();
    let [lat, lon] = g.vars[v.0].dims.clone()[..] else { panic!("two axes") };
    g.vars.remove(v.0);
    for (text, value) in [("product_short_name", "GPM_3IMERGHH"), ("product_version", "07")] {
        g.groups[0].attrs.push(Attribute::text(text, value));
    }
    let time = g.add_dim(Granule::ROOT, "time", 1);
    g.dims[time.0].unlimited = true;
    let text = [("units", "minutes since 2021-08-29T07:30:00Z"), ("standard_name", "time")];
    var(&mut g, Granule::ROOT, "time", &[time], &[minute], &text);
    let mut values: Vec<f32> = (0..32_000).map(|i| base + (i % 7) as f32).collect();
    values[0] = -9999.9;
    let text = [("units", "mm/hr"), ("long_name", "precipitation rate"), ("grid_mapping", "crs")];
    let p = var(&mut g, Granule::ROOT, "precipitation", &[time, lat, lon], &values, &text);
    number(&mut g, p, "_FillValue", &[-9999.9f32]);
    g
}

#[test]
fn t5_the_series_of_area_means_of_joined_granules() {
    let saved: Vec<common::Saved> =
        (0..5).map(|i| save(&imerg(&format!("imerg_{i}.nc"), 30 * i, i as f32))).collect();
    let paths: Vec<&PathBuf> = saved.iter().map(|s| &s.path).collect();
    let request = [
        "--average=area",
        "--extend=time",
        "--variable=precipitation",
        "--bbox=-110,25,-78,35",
        "--time=2021-08-29T07:30:00Z/2021-08-29T09:30:00Z",
        "--format=csv",
    ];
    let run = join(&paths, &request);
    let table = text(&run.written.output);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "User Start Date:,2021-08-29T07:30:00.000Z",
            "User End Date:,2021-08-29T09:30:00.000Z",
            "User Bounding Box:,\"-110, 25, -78, 35\"",
            "Fill Value:,-9999.900390625",
            ",",
            "time,mean_GPM_3IMERGHH_07_precipitation",
        ]
    );
    assert_eq!(lines.len(), 6 + 5);
    for (i, line) in lines[6..].iter().enumerate() {
        let (time, value) = line.split_once(',').unwrap();
        assert_eq!(
            time,
            ["07:30", "08:00", "08:30", "09:00", "09:30"].map(|t| format!("2021-08-29T{t}:00"))[i]
        );
        assert!(near(value.parse().unwrap(), i as f64 + 3.0, 0.01), "{line}");
    }
    let name = run.written.output.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(name, "GIOVANNI-areaAvgTimeSeries.precipitation.20210829-20210829.110W_25N_78W_35N.csv");
}

#[test]
fn t6_the_map_of_time_means_over_all_granules() {
    let saved: Vec<common::Saved> =
        (0..5).map(|i| save(&imerg(&format!("imerg_{i}.nc"), 30 * i, (i * i) as f32))).collect();
    let paths: Vec<&PathBuf> = saved.iter().map(|s| &s.path).collect();
    for joining in ["--concatenate", "--extend=time"] {
        let request =
            ["--average=time", joining, "--variable=precipitation", "--bbox=-110,25,-78,35", "--format=tiff"];
        let run = join(&paths, &request);
        let g = lattice(&run.output, "/lat", "/lon");
        assert_eq!((g.columns, g.rows), (320, 100));
        assert!(near(g.x, -110.0, 1e-8) && near(g.y, 35.0, 1e-8) && near(g.dx, 0.1, 1e-8), "{g:?}");
        let bands: Vec<_> = run.output.vars.iter().filter(|v| v.dims.len() == 2).collect();
        assert_eq!(bands.len(), 1, "{joining}: {:?}", run.names());
        assert!(near(bands[0].attr_f64("_FillValue").unwrap(), -9999.9, 1e-3));
        let root: Vec<_> = run.output.groups[0].attrs.iter().chain(&bands[0].attrs).collect();
        assert!(
            root.iter()
                .any(|a| a.name == "cell_methods" && a.as_text().is_some_and(|t| t.contains("time: mean")))
        );
        let values = run.physical(&bands[0].path);
        // The mean of 0, 1, 4, 9 and 16 is 6.
        assert!(values[0].is_nan());
        for i in [1usize, 5, 319, 31_999] {
            assert!(near(values[i], 6.0 + (i % 7) as f64, 1e-5), "{joining} {i}: {}", values[i]);
        }
    }
}

#[test]
fn t7_cells_count_by_their_area() {
    let run = transform(&shared!(GPM), &["--average=area", "--format=csv"]);
    let table = text(&run.written.output);
    let value: f64 = table.lines().last().unwrap().split(',').nth(1).unwrap().parse().unwrap();
    assert!(near(value, 0.165_289_5, 3e-6 * 0.165), "{value}");
}

#[test]
fn t8_area_means_of_two_steps() {
    let run = transform(&shared!(MERRA), &["--average=area", "--format=csv"]);
    let table = text(&run.written.output);
    let values: Vec<f64> =
        table.lines().skip(6).map(|l| l.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert!(near(values[0], 99_603.371, 0.01) && near(values[1], 99_681.440, 0.01), "{values:?}");
}

#[test]
fn t9_the_time_mean_of_two_steps() {
    let run = transform(&shared!(MERRA), &["--average=time"]);
    assert_eq!(run.shape("/PS"), [1, 21, 17]);
    let (low, high) = extremes(&run.physical("/PS"));
    assert!(near(low, 84_622.598, 0.01) && near(high, 101_442.598, 0.01), "{low} {high}");
}

#[test]
fn t10_another_average() {
    let error = harmony::request::url::parse_request("average=foo").unwrap_err().to_string();
    assert!(error.contains("query parameter \"average\""), "{error}");
    assert!(error.contains("must be either \"time\" or \"area\""), "{error}");
}

#[test]
fn t11_the_series_of_a_point() {
    // The place is on the edge of two cells of a quarter degree: it is in one.
    let run = transform(&shared!(SSMIS), &["--point=-118.25,34.05", "--variable=wind_speed", "--format=csv"]);
    let table = text(&run.written.output);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[1].starts_with("2020-01-02T01:00:00Z,") && lines[1].ends_with(",51"), "{table}");
}

#[test]
fn t12_missing_cells_do_not_count_and_nothing_is_fill() {
    let grid = geographic("holes.nc", [0.0, 1.0], 0.5, [2, 4]);
    let mut g = grid.of(|_, _| 0f32);
    let v = g.find_var("/v").unwrap();
    let dims = g.vars[v.0].dims.clone();
    g.vars.remove(v.0);
    let time = g.add_dim(Granule::ROOT, "time", 2);
    let when = [("units", "hours since 2020-01-01"), ("standard_name", "time")];
    var(&mut g, Granule::ROOT, "time", &[time], &[0i32, 1], &when);
    let mut values = [-999f32; 16];
    values[..4].copy_from_slice(&[5.0, 5.0, -999.0, 5.0]);
    let dims = [&[time], &dims[..]].concat();
    let v = var(&mut g, Granule::ROOT, "v", &dims, &values, &[("grid_mapping", "crs")]);
    number(&mut g, v, "_FillValue", &[-999f32]);
    let run = transform(&save(&g).path, &["--average=area", "--format=csv"]);
    let table = text(&run.written.output);
    assert!(table.ends_with("2020-01-01T00:00:00,5.0\n2020-01-01T01:00:00,-999.0"), "{table}");
}
