//! 6.2 extending.

use std::path::PathBuf;
use std::sync::Arc;

use crate::common::build::{granule, number, var};
use crate::common::{Run, Saved, find, join, open, physical, save, transform, try_join};
use crate::{GRIDS, all, days, dims, extend, paths, series, slab_sum};
use harmony_model::{Attribute, DType, Granule, MemoryArray};

pub const COLUMNS: usize = 8;

/// A granule of a scan of TEMPO: `rows` mirror steps from `first`, made at `second` of the day.
pub fn scan(number_of: usize, first: i32, rows: usize, second: f64) -> Granule {
    let name = format!("TEMPO_NO2_L2_V03_20240601T21{:02}34Z_S012G{number_of:02}.nc4", 9 + 7 * number_of);
    let mut g = granule(&name, "a scan");
    let start = format!("2024-06-01T21:{:02}:00Z", 9 + 7 * number_of);
    let end = format!("2024-06-01T21:{:02}:00Z", 15 + 7 * number_of);
    g.groups[0].attrs.push(Attribute::text("time_coverage_start", &start));
    g.groups[0].attrs.push(Attribute::text("time_coverage_end", &end));
    let y = g.add_dim(Granule::ROOT, "mirror_step", rows as u64);
    let x = g.add_dim(Granule::ROOT, "xtrack", COLUMNS as u64);
    let steps: Vec<i32> = (first..first + rows as i32).collect();
    var(&mut g, Granule::ROOT, "mirror_step", &[y], &steps, &[]);
    var(&mut g, Granule::ROOT, "xtrack", &[x], &(0..COLUMNS as i32).collect::<Vec<_>>(), &[]);
    let geolocation = g.add_group(Granule::ROOT, "geolocation");
    let product = g.add_group(Granule::ROOT, "product");
    let times: Vec<f64> = (0..rows).map(|i| second + 3.0 * i as f64).collect();
    let text = [("units", "seconds since 1980-01-06T00:00:00Z"), ("standard_name", "time")];
    var(&mut g, geolocation, "time", &[y], &times, &text);
    let cells: Vec<(usize, usize)> = (0..rows * COLUMNS).map(|i| (i / COLUMNS, i % COLUMNS)).collect();
    let lat: Vec<f32> = cells.iter().map(|(_, c)| 20.0 + 5.0 * *c as f32).collect();
    let lon: Vec<f32> = cells.iter().map(|(r, _)| -70.0 - 0.1 * (first + *r as i32) as f32).collect();
    for (name, values, units) in [("latitude", &lat, "degrees_north"), ("longitude", &lon, "degrees_east")] {
        let v = var(&mut g, geolocation, name, &[y, x], values, &[("units", units)]);
        number(&mut g, v, "_FillValue", &[-1e30f32]);
    }
    let values: Vec<f64> =
        cells.iter().map(|(r, c)| f64::from(first) * 100.0 + (r * COLUMNS + c) as f64).collect();
    let v = var(&mut g, product, "vertical_column", &[y, x], &values, &[("units", "molecules/cm^2")]);
    number(&mut g, v, "_FillValue", &[-1e30f64]);
    g
}

const ROWS: [usize; 3] = [132, 132, 131];

/// G1, G2 and G3.
fn scans() -> Vec<Saved> {
    [(1, 0, ROWS[0], 0.0), (2, 132, ROWS[1], 396.0), (3, 264, ROWS[2], 792.0)]
        .map(|(n, first, rows, second)| save(&scan(n, first, rows, 1.4e9 + second)))
        .into()
}

#[test]
fn e1_three_granules_of_a_scan() {
    let run = extend(&scans(), "mirror_step");
    assert_eq!(run.shape("/product/vertical_column"), [395, COLUMNS as u64]);
    let steps = run.stored("/mirror_step");
    assert_eq!([0, 131, 132, 394].map(|i| steps[i]), [0.0, 131.0, 132.0, 394.0]);
    assert!(run.stored("/geolocation/time").windows(2).all(|w| w[1] > w[0]));
}

#[test]
fn e2_another_order_gives_the_same() {
    let saved = scans();
    let turned = join(&[&saved[2].path, &saved[0].path, &saved[1].path], &["--extend=mirror_step"]);
    let run = extend(&saved, "mirror_step");
    for name in run.names() {
        assert_eq!(run.stored(name), turned.stored(name), "{name}");
    }
}

#[test]
fn e3_slabs_are_the_granules_bit_for_bit() {
    let saved = scans();
    let run = extend(&saved, "mirror_step");
    let mut row = 0;
    for (saved, rows) in saved.iter().zip(ROWS) {
        let one = open(&saved.path);
        for v in one.vars.iter().filter(|v| dims(&one, &v.path)[0] == "mirror_step") {
            let kept = run.output.var(find(&run.output, &v.path));
            assert_eq!(kept.dtype, v.dtype, "{}", v.path);
            let (old, new) = (one.read_stored(find(&one, &v.path)).unwrap(), run.stored(&v.path));
            let width = old.len() / rows;
            let bits = |v: &[f64]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&new[row * width..(row + rows) * width]), bits(&old), "{}", v.path);
        }
        row += rows;
    }
}

#[test]
fn e4_attributes_of_all() {
    let run = extend(&scans(), "mirror_step");
    assert!(run.text("time_coverage_start").unwrap().starts_with("2024-06-01T21:16:00"));
    assert!(run.text("time_coverage_end").unwrap().starts_with("2024-06-01T21:36:00"));
}

#[test]
fn e5_history_of_all() {
    let saved = scans();
    let cut: Vec<Run> = saved.iter().map(|s| transform(&s.path, &["--variable=product"])).collect();
    let inputs: Vec<PathBuf> = cut.iter().map(|r| r.written.output.clone()).collect();
    let run = join(&inputs, &["--extend=mirror_step"]);
    let records: Vec<serde_json::Value> = serde_json::from_str(&run.text("history_json").unwrap()).unwrap();
    assert_eq!(records.len(), 4);
    assert_eq!(records[3]["derived_from"].as_array().map(Vec::len), Some(3));
}

/// A scan in which every value is missing.
fn singleton() -> Saved {
    let mut g = scan(3, 264, 1, 1.4e9);
    g.vars.retain(|v| v.path == "/product/vertical_column");
    g.vars[0].data = Arc::new(MemoryArray::of(&[1, COLUMNS as u64], &[-1e30f64; COLUMNS]));
    save(&g)
}

#[test]
fn e6_granules_without_a_value() {
    let saved = [singleton()];
    let error = try_join(&paths(&saved), &["--extend=mirror_step"]).map(|_| ()).unwrap_err();
    assert!(error.starts_with("no data"), "{error}");
}

#[test]
fn e7_e8_one_granule_with_values_stays_as_it_is() {
    let first = save(&scan(1, 0, 132, 1.4e9));
    let stored = open(&first.path).read_stored(find(&open(&first.path), "/product/vertical_column")).unwrap();
    for saved in [vec![save(&scan(1, 0, 132, 1.4e9)), singleton()], vec![first]] {
        let run = extend(&saved, "mirror_step");
        assert_eq!(run.stored("/product/vertical_column"), stored);
        let records: Vec<serde_json::Value> =
            serde_json::from_str(&run.text("history_json").unwrap()).unwrap();
        assert_eq!(records.len(), 1);
    }
}

#[test]
fn e9_epochs_and_order() {
    let saved = [
        series("b.nc4", "seconds since 2020-01-02", &[0, 1, 2]),
        series("a.nc4", "seconds since 2020-01-01", &[5, 6, 7]),
    ];
    let run = extend(&saved, "time");
    assert_eq!(run.stored("/time"), [5.0, 6.0, 7.0, 86_400.0, 86_401.0, 86_402.0]);
    assert_eq!(run.stored("/v"), [5.5, 6.5, 7.5, 0.5, 1.5, 2.5]);
}

/// A series with or without a scalar and a second variable.
fn pass(name: &str, first: i32, orbit: i32, extra: bool) -> Saved {
    let mut g = open(&series(name, "seconds since 2020-01-01", &[first, first + 1]).path);
    var(&mut g, Granule::ROOT, "orbit", &[], &[orbit], &[]);
    if extra {
        let dims = g.vars[g.find_var("/v").unwrap().0].dims.clone();
        let e = var(&mut g, Granule::ROOT, "e", &dims, &[7i16, 7], &[]);
        number(&mut g, e, "_FillValue", &[-3i16]);
    }
    save(&g)
}

#[test]
fn e10_a_scalar_that_differs() {
    let run = extend(&[pass("a.nc4", 0, 7, true), pass("b.nc4", 2, 8, true)], "time");
    assert_eq!(run.stored("/orbit"), [7.0, 7.0, 8.0, 8.0]);
    assert_eq!(dims(&run.output, "/orbit"), ["time"]);
}

#[test]
fn e11_a_variable_missing_in_the_first_granule() {
    let run = extend(&[pass("a.nc4", 0, 7, false), pass("b.nc4", 2, 8, true)], "time");
    assert_eq!(run.output.var(find(&run.output, "/e")).dtype, DType::I16);
    assert_eq!(run.stored("/e"), [-3.0, -3.0, 7.0, 7.0]);
}

#[test]
fn e12_the_union_of_groups() {
    let of = |name: &str, first: i32, group: &str| {
        let mut g = open(&series(name, "seconds since 2020-01-01", &[first]).path);
        let id = g.add_group(Granule::ROOT, group);
        let time = g.vars[g.find_var("/v").unwrap().0].dims.clone();
        let v = var(&mut g, id, "w", &time, &[first + 10], &[]);
        number(&mut g, v, "_FillValue", &[-9i32]);
        save(&g)
    };
    let run = extend(&[of("a.nc4", 0, "one"), of("b.nc4", 1, "two")], "time");
    assert_eq!((run.stored("/one/w"), run.stored("/two/w")), (vec![10.0, -9.0], vec![-9.0, 11.0]));
}

#[test]
fn e13_granules_that_were_cut_to_different_columns_meet_by_their_labels() {
    let saved = scans();
    // Latitudes of 20 to 55 degrees along the columns.
    let cut = ["--bbox=-180,29,0,60", "--bbox=-180,0,0,41", "--bbox=-180,0,0,41"];
    let parts: Vec<Run> = saved.iter().zip(cut).map(|(s, b)| transform(&s.path, &[b])).collect();
    let inputs: Vec<PathBuf> = parts.iter().map(|r| r.written.output.clone()).collect();
    let run = join(&inputs, &["--extend=mirror_step"]);
    assert_eq!(run.shape("/product/vertical_column"), [395, COLUMNS as u64]);
    assert_eq!(run.output.var(find(&run.output, "/xtrack")).dtype, DType::I32);
    assert_eq!(run.stored("/xtrack"), (0..COLUMNS).map(|i| i as f64).collect::<Vec<_>>());
    let valid: usize = parts.iter().map(|p| p.valid("/product/vertical_column")).sum();
    assert_eq!(run.valid("/product/vertical_column"), valid);
}

#[test]
fn e15_grids_of_one_time_are_five_steps() {
    let Some(five) = all(&GRIDS) else { return };
    let run = join(&five, &["--extend=time", "--variable=red_var"]);
    assert_eq!((run.shape("/red_var"), run.shape("/lat")), (vec![5, 1800, 3600], vec![1800]));
    assert_eq!(run.stored("/time"), [166_536.0; 5]);
    assert_eq!(
        (slab_sum(&run, "/red_var", 0), slab_sum(&run, "/red_var", 1)),
        (265_323_062.0, 151_541_920.0)
    );
}

#[test]
fn e15_grids_of_three_days_on_one_axis() {
    let run = join(&days(), &["--extend=time"]);
    assert_eq!((run.shape("/red_var"), run.shape("/lat")), (vec![3, 360, 720], vec![360]));
    assert_eq!(run.stored("/time"), [0.0, 24.0, 48.0]);
    let one = open(&days()[1]);
    let second = physical(&one, "/red_var");
    assert_eq!(run.physical("/red_var")[360 * 720..2 * 360 * 720], second);
}

#[test]
fn e16_an_unknown_dimension() {
    let error = try_join(&days(), &["--extend=row"]).map(|_| ()).unwrap_err();
    assert!(error.contains("'row'") && error.contains("lat, lon"), "{error}");
}
