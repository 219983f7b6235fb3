//! The acceptance tables of the contract of concatenation (§6), row by row: on the shared granules that are those of a
//! row or like them, else on granules made here.
//!
//! Rows of a service's catalogue (the STAC item of C6, E14, B4) are asked for what a run without one has of them.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::PathBuf;
use std::sync::Arc;

use common::build::{granule, number, var};
use common::{Run, Saved, find, join, near, open, physical, save, testdata, transform, try_join};
use harmony_model::dtype::Number;
use harmony_model::{Attribute, DType, Granule, MemoryArray};
use harmony_ops::batch::{Rules, batches};

const ASCAT: [&str; 2] = [
    "ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc",
    "ascat_20150702_102400_metopa_45146_eps_o_250_2300_ovw.l2.nc",
];
const GRIDS: [&str; 5] = [
    "2020_01_01_7f00ff_global.nc",
    "2020_01_02_3200ff_global.nc",
    "2020_01_03_0019ff_global.nc",
    "2020_01_04_0065ff_global.nc",
    "2020_01_05_00b2ff_global.nc",
];
const ALTIMETRY: [&str; 2] = [
    "S6A_P4_2__HR_RED__NR_014_191_20210403T004056_20210403T005056_F00.nc",
    "S6A_P4_2__HR_RED__NR_014_192_20210403T005056_20210403T010056_F00.nc",
];

/// Shared granules; `None` where they are not here.
fn all(names: &[&str]) -> Option<Vec<PathBuf>> {
    names.iter().map(|n| common::shared(n)).collect()
}

fn paths(saved: &[Saved]) -> Vec<PathBuf> {
    saved.iter().map(|s| s.path.clone()).collect()
}

fn stack(saved: &[Saved]) -> Run {
    join(&paths(saved), &["--concatenate"])
}

fn extend(saved: &[Saved], dim: &str) -> Run {
    join(&paths(saved), &[&format!("--extend={dim}")])
}

/// Sum of the stored numbers of one slab.
fn slab_sum(run: &Run, path: &str, slab: usize) -> f64 {
    let stored = run.stored(path);
    let n = stored.len() / run.shape(path)[0] as usize;
    stored[slab * n..(slab + 1) * n].iter().sum()
}

fn texts(g: &Granule, path: &str) -> Vec<String> {
    g.read_texts(find(g, path)).unwrap()
}

fn dims(g: &Granule, path: &str) -> Vec<String> {
    g.var(find(g, path)).dims.iter().map(|d| g.dim(*d).name.clone()).collect()
}

/// Variables along one dimension.
fn plain<T: Number>(name: &str, variables: &[(&str, &[T])], attrs: &[Attribute]) -> Granule {
    let mut g = granule(name, "made for a test");
    let x = g.add_dim(Granule::ROOT, "x", variables[0].1.len() as u64);
    for (v, values) in variables {
        let id = var(&mut g, Granule::ROOT, v, &[x], values, &[]);
        attrs.iter().for_each(|a| g.vars[id.0].set_attr(a.clone()));
    }
    g
}

fn series(name: &str, units: &str, times: &[i32]) -> Saved {
    let mut g = granule(name, "a series");
    let time = g.add_dim(Granule::ROOT, "time", times.len() as u64);
    g.dims[time.0].unlimited = true;
    var(&mut g, Granule::ROOT, "time", &[time], times, &[("units", units), ("standard_name", "time")]);
    let values: Vec<f32> = times.iter().map(|&t| t as f32 + 0.5).collect();
    let v = var(&mut g, Granule::ROOT, "v", &[time], &values, &[("units", "K")]);
    number(&mut g, v, "_FillValue", &[-9f32]);
    save(&g)
}

// ---- 6.1 stacking ----------------------------------------------------------------------------------------------

/// Two orbits, the second without its last rows, as those of the row.
fn orbits() -> Option<(PathBuf, Run)> {
    let both = all(&ASCAT)?;
    let shorter = transform(&both[1], &["--subset=NUMROWS[0:1583]", "--format=netcdf3"]);
    Some((both[0].clone(), shorter))
}

#[test]
fn c1_c3_orbits_of_different_length() {
    let Some((first, second)) = orbits() else { return };
    let run = join(&[first.clone(), second.written.output.clone()], &["--concatenate"]);
    assert_eq!(run.shape("/wind_speed"), [2, 1632, 42]);
    let speed = run.output.var(find(&run.output, "/wind_speed"));
    assert_eq!((speed.dtype.clone(), speed.attr_f64("_FillValue")), (DType::I16, Some(-32767.0)));
    let stored = run.stored("/wind_speed");
    let slab = 1632 * 42;
    let one = open(&first);
    assert_eq!(stored[..slab], one.read_stored(find(&one, "/wind_speed")).unwrap());
    assert_eq!(stored[slab..slab + 1584 * 42], second.stored("/wind_speed"));
    assert!(stored[slab + 1584 * 42..].iter().all(|v| *v == -32767.0));
    let names = one.vars.iter().filter(|v| !v.dims.is_empty()).count();
    assert!(one.vars.len() >= names && run.has("/subset_files"));
    let compat = join(&[first, second.written.output.clone()], &["--concatenate", "--compat=concise"]);
    for name in ["orbit_number", "equator_crossing_time", "start_time", "granule_name", "creation_time"] {
        assert!(compat.text(name).is_none() && compat.output.groups[0].attr(name).is_none(), "{name}");
    }
    assert!(compat.text("history_json").is_some());
}

#[test]
fn c2_the_reverse_order() {
    let Some(both) = all(&ASCAT) else { return };
    let run = join(&both, &["--concatenate"]);
    let turned = join(&[both[1].clone(), both[0].clone()], &["--concatenate"]);
    assert_eq!(texts(&turned.output, "/subset_files"), [ASCAT[1], ASCAT[0]]);
    assert_eq!(slab_sum(&turned, "/wind_speed", 0), slab_sum(&run, "/wind_speed", 1));
}

#[test]
fn c4_subsets_of_a_box() {
    let Some(both) = all(&ASCAT) else { return };
    let cut: Vec<Run> =
        both.iter().map(|p| transform(p, &["--bbox=-180,-90,0,0", "--compat=l2ss-py"])).collect();
    let run = join(&[&cut[0].written.output, &cut[1].written.output], &["--concatenate"]);
    assert_eq!(run.shape("/lat"), [2, 709, 42]);
    let lat = run.physical("/lat");
    let valid = |part: &[f64]| part.iter().filter(|v| !v.is_nan()).count();
    let slab = 709 * 42;
    assert_eq!((valid(&lat[..slab]), valid(&lat[slab..])), (21_999, 19_474));
    assert!(lat[slab + 523 * 42..].iter().all(|v| v.is_nan()));
    let records: Vec<serde_json::Value> = serde_json::from_str(&run.text("history_json").unwrap()).unwrap();
    assert_eq!(records.len(), 3, "{records:?}");
    // The same in one command: nothing is written in between.
    let fused = join(&both, &["--concatenate", "--bbox=-180,-90,0,0", "--compat=l2ss-py"]);
    assert_eq!(fused.shape("/lat"), [2, 709, 42]);
}

#[test]
fn c5_five_grids() {
    let Some(five) = all(&GRIDS) else { return };
    let run = join(&five, &["--concatenate"]);
    assert_eq!(run.shape("/red_var"), [5, 1, 1800, 3600]);
    let sums = [265_323_062.0, 151_541_920.0, 77_425_726.0, 77_425_726.0, 77_425_726.0];
    for (slab, sum) in sums.iter().enumerate() {
        assert_eq!(slab_sum(&run, "/red_var", slab), *sum);
        assert_eq!(slab_sum(&run, "/alpha_var", slab), 556_868_745.0);
    }
    assert_eq!((run.shape("/lat"), run.shape("/lon"), run.shape("/crs")), (vec![1800], vec![3600], vec![]));
    let compat = join(&five, &["--concatenate", "--compat=concise", "--variable=red_var"]);
    assert_eq!((compat.shape("/lat"), compat.shape("/lon")), (vec![5, 1800], vec![5, 3600]));
}

fn days() -> Vec<PathBuf> {
    ["01", "02", "03"].iter().map(|d| testdata(&format!("2020_01_{d}_global.nc"))).collect()
}

#[test]
fn c6_the_name_says_the_first_granule_and_the_end() {
    let run = join(&days(), &["--concatenate", "--short-name=C1-PROV"]);
    let name = run.written.output.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("2020_01_01_global_20200103T"), "{name}");
    assert!(name.ends_with("Z_C1-PROV_merged.nc4"), "{name}");
}

#[test]
fn c7_groups() {
    let Some(both) = all(&ALTIMETRY) else { return };
    let run = join(&both, &["--concatenate"]);
    assert_eq!(run.shape("/data_01/time"), [2, 600]);
    let times = run.stored("/data_01/time");
    assert_eq!((times[0].floor(), times[600].floor()), (670_725_657.0, 670_726_257.0));
    let sums = [0, 1].map(|slab| slab_sum(&run, "/data_01/ku/range_ocean", slab));
    assert_eq!(sums, [339_048_647_368.0, 475_097_963_311.0]);
    assert_eq!(open(&both[0]).vars.len(), 111);
    let compat = join(&both, &["--concatenate", "--compat=concise"]);
    assert_eq!(compat.output.vars.len(), 112);
    // Besides the line of `history` that each of our results has.
    let own = compat.output.groups[0].attrs.iter().filter(|a| a.name != "history").count();
    assert_eq!(own, 52);
}

/// A strip of an orbit of `rows` rows.
fn strip(name: &str, rows: usize) -> Saved {
    let mut g = granule(name, "an orbit");
    let (y, x) = (g.add_dim(Granule::ROOT, "NUMROWS", rows as u64), g.add_dim(Granule::ROOT, "NUMCELLS", 3));
    let values: Vec<i16> = (0..3 * rows as i16).collect();
    let v = var(&mut g, Granule::ROOT, "wind_speed", &[y, x], &values, &[("units", "m s-1")]);
    number(&mut g, v, "_FillValue", &[-32767i16]);
    save(&g)
}

#[test]
fn c8_a_granule_without_rows_is_left_out() {
    let run = stack(&[strip("full.nc4", 4), strip("none.nc4", 0)]);
    assert_eq!(run.shape("/wind_speed"), [1, 4, 3]);
    assert_eq!(texts(&run.output, "/subset_files"), ["full.nc4"]);
    assert!(run.written.notices.iter().any(|n| n.contains("none.nc4")), "{:?}", run.written.notices);
}

#[test]
fn c9_nothing_but_granules_without_rows() {
    let saved = [strip("none.nc4", 0)];
    let error = try_join(&paths(&saved), &["--concatenate"]).map(|_| ()).unwrap_err();
    assert!(error.starts_with("no data"), "{error}");
}

#[test]
fn c10_one_granule_has_the_schema_of_many() {
    let run = stack(&[strip("one.nc4", 4)]);
    assert_eq!(dims(&run.output, "/wind_speed"), ["subset_index", "NUMROWS", "NUMCELLS"]);
}

#[test]
fn c11_epochs_and_lengths() {
    let saved = [
        series("a.nc4", "seconds since 2020-01-01", &[0, 1, 2]),
        series("b.nc4", "seconds since 2020-01-02", &[0, 1]),
    ];
    let run = stack(&saved);
    let time = run.output.var(find(&run.output, "/time"));
    assert_eq!(time.attr_text("units").as_deref(), Some("seconds since 2020-01-01"));
    assert_eq!(run.stored("/time")[..5], [0.0, 1.0, 2.0, 86_400.0, 86_401.0]);
    assert!(run.physical("/time")[5].is_nan());
}

#[test]
fn c12_packings() {
    let packed = |name: &str, stored: &[i16], scale: f64| {
        let attrs =
            [Attribute::numbers("scale_factor", &[scale]), Attribute::numbers("_FillValue", &[-1i16])];
        save(&plain(name, &[("p", stored)], &attrs))
    };
    let run = stack(&[packed("a.nc4", &[10, 20], 0.1), packed("b.nc4", &[10, -1], 0.2)]);
    let values = run.physical("/p");
    assert!([1.0, 2.0, 2.0].iter().zip(&values).all(|(a, b)| near(*a, *b, 1e-9)), "{values:?}");
    assert!(values[3].is_nan());
    assert!(run.output.var(find(&run.output, "/p")).attr("scale_factor").is_some());
}

#[test]
fn c13_a_variable_in_the_first_granule_only() {
    let fill = [Attribute::numbers("_FillValue", &[-1i32])];
    let a = save(&plain("a.nc4", &[("d", &[1i32, 2, 3]), ("e", &[7, 7, 7])], &fill));
    let b = save(&plain("b.nc4", &[("d", &[4i32, 5, 6])], &fill));
    assert_eq!(stack(&[a, b]).stored("/e"), [7.0, 7.0, 7.0, -1.0, -1.0, -1.0]);
}

#[test]
fn c14_texts() {
    let of = |name: &str, words: [&str; 2]| {
        let mut g = plain(name, &[("d", &[1i32, 2])], &[]);
        let words = words.iter().map(|w| w.as_bytes().to_vec()).collect();
        let dims = g.vars[0].dims.clone();
        g.add_var(Granule::ROOT, "s", DType::String, dims, Arc::new(MemoryArray::of_texts(&[2], words)));
        save(&g)
    };
    let run = stack(&[of("a.nc4", ["one", ""]), of("b.nc4", ["three", "four"])]);
    assert_eq!(texts(&run.output, "/s"), ["one", "", "three", "four"]);
    assert_eq!(dims(&run.output, "/s"), ["subset_index", "x"]);
}

#[test]
fn c15_types_are_promoted() {
    let a = save(&plain("a.nc4", &[("d", &[1i16, 2])], &[]));
    let b = save(&plain("b.nc4", &[("d", &[70_000i32, 2])], &[]));
    let run = stack(&[a, b]);
    assert_eq!(run.output.var(find(&run.output, "/d")).dtype, DType::I32);
    assert_eq!(run.stored("/d"), [1.0, 2.0, 70_000.0, 2.0]);
    assert!(run.written.notices.iter().any(|n| n.contains("int32")), "{:?}", run.written.notices);
}

/// A variable in each of the groups.
fn grouped(name: &str, groups: &[&str]) -> Saved {
    let mut g = granule(name, "groups");
    for (i, group) in groups.iter().enumerate() {
        let id = g.add_group(Granule::ROOT, group);
        let n = if *group == "empty" { 0 } else { 1 };
        let x = g.add_dim(id, "x", n);
        let v = var(&mut g, id, "v", &[x], &vec![i as i32 + 1; n as usize], &[]);
        number(&mut g, v, "_FillValue", &[-9i32]);
    }
    save(&g)
}

#[test]
fn c16_data_in_the_second_group_only() {
    let run = stack(&[grouped("a.nc4", &["empty", "two"]), grouped("b.nc4", &["empty", "two"])]);
    assert_eq!(run.stored("/two/v"), [2.0, 2.0]);
}

// ---- 6.2 extending ---------------------------------------------------------------------------------------------

const COLUMNS: usize = 8;

/// A granule of a scan of TEMPO: `rows` mirror steps from `first`, made at `second` of the day.
fn scan(number_of: usize, first: i32, rows: usize, second: f64) -> Granule {
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

// ---- 6.3 batching ----------------------------------------------------------------------------------------------

/// Number of the batch of every name.
fn numbers(names: &[String]) -> Vec<usize> {
    let mut out = vec![usize::MAX; names.len()];
    for (number, batch) in batches(names, Rules::built_in()).into_iter().enumerate() {
        batch.into_iter().for_each(|i| out[i] = number);
    }
    out
}

fn no2(ends: &[&str]) -> Vec<String> {
    ends.iter().map(|e| format!("TEMPO_NO2_L2_V03_{e}.nc")).collect()
}

fn b1() -> Vec<String> {
    no2(&[
        "20240731T235252Z_S016G04",
        "20240731T235929Z_S016G05",
        "20240801T000606Z_S016G06",
        "20240801T001302Z_S017G01",
        "20240801T001942Z_S017G02",
        "20240801T002619Z_S017G03",
        "20240801T233313Z_S016G01",
        "20240801T233953Z_S016G02",
        "20240801T234630Z_S016G03",
    ])
}

#[test]
fn b1_scans_past_midnight() {
    assert_eq!(numbers(&b1()), [0, 0, 0, 1, 1, 1, 2, 2, 2]);
    // As a run: names decide the batches, which are then stacked.
    let of = |end: &str, first: i32| {
        let mut g = scan(1, first, 2, 1.4e9 + 3.0 * f64::from(first));
        g.name = format!("TEMPO_NO2_L2_V03_{end}.nc");
        save(&g)
    };
    let saved = [
        of("20240731T235252Z_S016G04", 0),
        of("20240801T000606Z_S016G06", 2),
        of("20240801T001302Z_S017G01", 10),
    ];
    let run = join(&paths(&saved), &["--extend=mirror_step", "--concatenate"]);
    assert_eq!(run.shape("/product/vertical_column"), [2, 4, COLUMNS as u64]);
}

fn day(name: &str) -> String {
    Rules::built_in().key(name).unwrap().pop().unwrap()
}

#[test]
fn b2_days_of_chicago() {
    let days: Vec<String> = b1().iter().map(|n| day(n)).collect();
    assert_eq!(
        (&days[..6], &days[6..]),
        (&vec!["20240731".to_owned(); 6][..], &vec!["20240801".to_owned(); 3][..])
    );
}

#[test]
fn b3_near_real_time() {
    let names: Vec<String> = [
        "20250711T183227Z_S010G04",
        "20250711T183904Z_S010G05",
        "20250711T184541Z_S010G06",
        "20250711T185856Z_S010G08",
        "20250712T000606Z_S016G03",
        "20250712T001927Z_S016G05",
        "20250712T161248Z_S008G01",
        "20250712T162608Z_S008G03",
        "20250712T170552Z_S008G09",
    ]
    .iter()
    .map(|e| format!("TEMPO_NO2_L2_NRT_V02_{e}.nc"))
    .collect();
    assert_eq!(numbers(&names), [0, 0, 0, 0, 1, 1, 2, 2, 2]);
}

#[test]
fn b4_three_scans_of_two_granules() {
    let names = no2(&[
        "20240601T210934Z_S012G01",
        "20240601T211614Z_S012G02",
        "20240601T220934Z_S013G01",
        "20240601T221614Z_S013G02",
        "20240601T230934Z_S014G01",
        "20240601T231614Z_S014G02",
    ]);
    assert_eq!(numbers(&names), [0, 0, 1, 1, 2, 2]);
}

#[test]
fn b5_b6_the_day_ends_at_six_in_winter_and_at_five_in_summer() {
    for (ends, days) in [
        (["20241201T055959Z_S001G01", "20241201T060000Z_S001G02"], ["20241130", "20241201"]),
        (["20240701T045959Z_S001G01", "20240701T050000Z_S001G02"], ["20240630", "20240701"]),
    ] {
        let names = no2(&ends);
        assert_eq!(numbers(&names), [0, 1]);
        assert_eq!([day(&names[0]), day(&names[1])], days);
    }
}

#[test]
fn b7_the_first_that_is_listed_is_batch_0() {
    assert_eq!(numbers(&no2(&["20240801T001302Z_S017G01", "20240731T235252Z_S016G04"])), [0, 1]);
}

#[test]
fn b8_b9_products_and_versions_are_apart() {
    let names =
        ["NO2_L2_V03", "HCHO_L2_V03", "NO2_L2_V04"].map(|p| format!("TEMPO_{p}_20240731T235252Z_S016G04.nc"));
    assert_eq!(numbers(&names), [0, 1, 2]);
}

#[test]
fn b10_a_name_of_another_kind() {
    let mut names = no2(&["20240731T235252Z_S016G04", "20240731T235929Z_S016G05"]);
    names.insert(1, "something_else.nc".into());
    assert_eq!(numbers(&names), [0, 1, 0]);
}

#[test]
fn b11_addresses() {
    let names = [
        "TEMPO_NO2_L2_V03_20240731T235252Z_S016G04.nc".to_owned(),
        "https://host/path/TEMPO_NO2_L2_V03_20240731T235929Z_S016G05_subsetted.nc4?a=TEMPO_x".to_owned(),
    ];
    assert_eq!(numbers(&names), [0, 0]);
}

#[test]
fn b12_proxies() {
    let key = Rules::built_in().key("TEMPO_O3PROF-PROXY_L2_V01_20130831T222959Z_S014G06.nc");
    assert!(key.is_some_and(|k| k.contains(&"O3PROF-PROXY".to_owned())));
}

#[test]
fn b13_no_names() {
    assert!(numbers(&[]).is_empty());
}
