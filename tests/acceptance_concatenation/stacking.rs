//! 6.1 stacking.

use std::path::PathBuf;
use std::sync::Arc;

use crate::common::build::{granule, number, var};
use crate::common::{Run, Saved, find, join, near, open, save, transform, try_join};
use crate::{ALTIMETRY, ASCAT, GRIDS, all, days, dims, paths, plain, series, slab_sum, stack, texts};
use harmony_model::{Attribute, DType, Granule, MemoryArray};

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
