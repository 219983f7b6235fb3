//! The rules of joining on small granules made by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use harmony_model::dtype::{Number, to_f64s};
use harmony_model::request::{Aggregate, Compat};
use harmony_model::{Attribute, DType, DimId, Granule, GroupId, MemoryArray, Runs, VarId, Window};

use super::{Joined, Member, join};
use crate::error::OpError;

const ROOT: GroupId = Granule::ROOT;

pub fn member(granule: Granule) -> Member {
    let granule = Arc::new(granule);
    let (name, source) = (granule.name.clone(), format!("/data/{}", granule.name));
    Member { name, source, open: Arc::new(move || Ok(granule.clone())) }
}

fn add<T: Number>(
    g: &mut Granule,
    group: GroupId,
    name: &str,
    dims: &[DimId],
    values: &[T],
    attrs: &[Attribute],
) {
    let shape: Vec<u64> = dims.iter().map(|d| g.dim(*d).len).collect();
    let id = g.add_var(group, name, T::DTYPE, dims.into(), Arc::new(MemoryArray::of(&shape, values)));
    g.vars[id.0].attrs = attrs.to_vec();
}

fn units(text: &str) -> Attribute {
    Attribute::text("units", text)
}

/// One time axis and a variable of it.
fn series(name: &str, unit: &str, times: &[i32], values: &[f32]) -> Granule {
    let mut g = Granule::new(name, "netcdf4");
    let t = g.add_dim(ROOT, "time", times.len() as u64);
    add(&mut g, ROOT, "time", &[t], times, &[units(unit)]);
    add(&mut g, ROOT, "v", &[t], values, &[units("K")]);
    g
}

fn stack(granules: Vec<Granule>) -> Result<Joined, OpError> {
    join(granules.into_iter().map(member).collect(), &Aggregate::Stack, None)
}

fn extend(granules: Vec<Granule>, dim: &str) -> Result<Joined, OpError> {
    let aggregate = Aggregate::Extend { dims: vec![dim.into()], stack: false };
    join(granules.into_iter().map(member).collect(), &aggregate, None)
}

fn find(g: &Granule, path: &str) -> VarId {
    g.find_var(path).unwrap_or_else(|| panic!("{path} is missing"))
}

/// Stored numbers, shape and dimension names.
fn values(g: &Granule, path: &str) -> Vec<f64> {
    g.read_stored(find(g, path)).unwrap()
}

fn dims(g: &Granule, path: &str) -> Vec<String> {
    g.var(find(g, path)).dims.iter().map(|d| g.dim(*d).name.clone()).collect()
}

fn fill(g: &Granule, path: &str) -> Option<f64> {
    g.var(find(g, path)).attr_f64("_FillValue")
}

#[test]
fn shorter_granules_are_filled_and_epochs_unified() {
    // C11
    let a = series("a", "seconds since 2020-01-01", &[0, 1, 2], &[1.0, 2.0, 3.0]);
    let b = series("b", "seconds since 2020-01-02", &[0, 1], &[4.0, 5.0]);
    let joined = stack(vec![a, b]).unwrap();
    let g = &joined.granule;
    let none = fill(g, "/time").unwrap();
    assert_eq!(values(g, "/time"), [0.0, 1.0, 2.0, 86_400.0, 86_401.0, none]);
    assert_eq!(g.var(find(g, "/time")).attr_text("units").unwrap(), "seconds since 2020-01-01");
    assert_eq!(g.var(find(g, "/time")).dtype, DType::I32);
    assert_eq!(dims(g, "/v"), ["subset_index", "time"]);
    assert_eq!(values(g, "/v")[5], fill(g, "/v").unwrap());
    assert_eq!(g.read_texts(find(g, "/subset_files")).unwrap(), ["a", "b"]);
    assert_eq!(joined.derived_from, ["/data/a", "/data/b"]);
    let long_name = g.var(find(g, "/subset_files")).attr_text("long_name").unwrap();
    assert_eq!(long_name, "List of subsetted files used to create this merge product.");
}

#[test]
fn the_order_of_a_stack_is_that_of_the_request_and_the_earliest_epoch_counts() {
    let a = series("a", "hours since 2020-01-02", &[0], &[1.0]);
    let b = series("b", "hours since 2020-01-01", &[5], &[2.0]);
    let g = stack(vec![a, b]).unwrap().granule;
    assert_eq!(g.read_texts(find(&g, "/subset_files")).unwrap(), ["a", "b"]);
    assert_eq!(values(&g, "/time"), [24.0, 5.0]);
    assert_eq!(values(&g, "/v"), [1.0, 2.0]);
}

fn packed(name: &str, stored: &[i16], scale: f64, offset: f64) -> Granule {
    let mut g = Granule::new(name, "netcdf4");
    let x = g.add_dim(ROOT, "x", stored.len() as u64);
    let attrs = [
        Attribute::numbers("_FillValue", &[-1i16]),
        Attribute::numbers("scale_factor", &[scale]),
        Attribute::numbers("add_offset", &[offset]),
    ];
    add(&mut g, ROOT, "p", &[x], stored, &attrs);
    g
}

#[test]
fn packings_are_unified_exactly_where_that_is_possible() {
    // C12
    let g = stack(vec![packed("a", &[10, -1], 0.2, 0.0), packed("b", &[10, 3], 0.1, 0.0)]).unwrap().granule;
    let v = g.var(find(&g, "/p"));
    assert_eq!((v.dtype.clone(), v.attr_f64("scale_factor")), (DType::I16, Some(0.1)));
    assert_eq!(values(&g, "/p"), [20.0, -1.0, 10.0, 3.0]);
    // Too large for 16 bits.
    let g =
        stack(vec![packed("a", &[30_000, -1], 0.2, 0.0), packed("b", &[10, 3], 0.1, 0.0)]).unwrap().granule;
    assert_eq!(g.var(find(&g, "/p")).dtype, DType::I32);
    assert_eq!(values(&g, "/p")[..2], [60_000.0, -1.0]);
    // No common step.
    let g = stack(vec![packed("a", &[10, -1], 0.2, 0.0), packed("b", &[10, 3], 0.3, 1.0)]).unwrap().granule;
    let v = g.var(find(&g, "/p"));
    assert!(v.dtype == DType::F32 && v.attr("scale_factor").is_none() && v.attr("add_offset").is_none());
    let physical = g.read_all_physical(find(&g, "/p")).unwrap();
    assert!((physical[0] - 2.0).abs() < 1e-6 && physical[1].is_nan() && (physical[2] - 4.0).abs() < 1e-6);
}

fn plain<T: Number>(name: &str, variables: &[(&str, &[T])], attrs: &[Attribute]) -> Granule {
    let mut g = Granule::new(name, "netcdf4");
    let x = g.add_dim(ROOT, "x", variables[0].1.len() as u64);
    for (v, values) in variables {
        add(&mut g, ROOT, v, &[x], values, attrs);
    }
    g
}

#[test]
fn a_missing_variable_is_filled() {
    // C13
    let fill7 = [Attribute::numbers("_FillValue", &[-1i32])];
    let a = plain("a", &[("d", &[1i32, 2, 3]), ("e", &[7, 7, 7])], &fill7);
    let b = plain("b", &[("d", &[4i32, 5, 6])], &fill7);
    let g = stack(vec![a, b]).unwrap().granule;
    assert_eq!(values(&g, "/e"), [7.0, 7.0, 7.0, -1.0, -1.0, -1.0]);
    assert_eq!(dims(&g, "/e"), ["subset_index", "x"]);
}

#[test]
fn texts_are_stacked() {
    // C14
    let granule = |name: &str, texts: &[&str]| {
        let mut g = plain(name, &[("d", &[1i32; 2])], &[]);
        let data = MemoryArray::of_texts(&[2], texts.iter().map(|t| t.as_bytes().to_vec()).collect());
        g.add_var(ROOT, "s", DType::String, vec![DimId(0)], Arc::new(data));
        g
    };
    let g = stack(vec![granule("a", &["one", ""]), granule("b", &["three", "four"])]).unwrap().granule;
    assert_eq!(g.read_texts(find(&g, "/s")).unwrap(), ["one", "", "three", "four"]);
    assert_eq!(dims(&g, "/s"), ["subset_index", "x"]);
    let again = stack(vec![g.clone(), g]).unwrap().granule;
    let texts = again.read_texts(find(&again, "/s")).unwrap();
    assert_eq!(texts[..4], texts[4..]);
    assert_eq!(texts[2], "three");
}

#[test]
fn types_are_promoted_with_a_notice() {
    // C15
    let a = plain("a", &[("d", &[1i16, 2])], &[]);
    let b = plain("b", &[("d", &[70_000i32, 2])], &[]);
    let joined = stack(vec![a, b]).unwrap();
    assert_eq!(joined.granule.var(find(&joined.granule, "/d")).dtype, DType::I32);
    assert_eq!(values(&joined.granule, "/d"), [1.0, 2.0, 70_000.0, 2.0]);
    assert!(joined.notices.iter().any(|n| n.contains("'/d'") && n.contains("int32")), "{:?}", joined.notices);
}

#[test]
fn data_in_a_second_group_count() {
    // C16, E12
    let granule = |name: &str, groups: &[&str]| {
        let mut g = Granule::new(name, "netcdf4");
        let none = g.add_dim(ROOT, "none", 0);
        g.add_var(ROOT, "z", DType::I32, vec![none], Arc::new(MemoryArray::of::<i32>(&[0], &[])));
        for (i, group) in groups.iter().enumerate() {
            let id = g.add_group(ROOT, group);
            let x = g.add_dim(id, "x", 1);
            add(&mut g, id, "v", &[x], &[i as i32 + 1], &[Attribute::numbers("_FillValue", &[-9i32])]);
        }
        g
    };
    let g = stack(vec![granule("a", &["one", "two"]), granule("b", &["two"])]).unwrap().granule;
    assert_eq!(values(&g, "/one/v"), [1.0, -9.0]);
    assert_eq!(values(&g, "/two/v"), [2.0, 1.0]);
}

#[test]
fn empty_granules_are_dropped_and_all_empty_is_no_data() {
    // C8, C9, E6
    let fills = [Attribute::numbers("_FillValue", &[-9f32])];
    let full = || plain("full", &[("d", &[1f32, 2.0])], &fills);
    let joined = stack(vec![plain::<f32>("none", &[("d", &[])], &fills), full()]).unwrap();
    assert_eq!((joined.used.as_slice(), values(&joined.granule, "/d").len()), ([1].as_slice(), 2));
    assert!(joined.notices[0].contains("none"));
    assert!(stack(vec![plain("a", &[("d", &[-9f32, f32::NAN])], &fills)]).err().unwrap().is_no_data());
    assert!(extend(vec![plain("a", &[("d", &[-9f32])], &fills)], "x").err().unwrap().is_no_data());
    assert!(stack(Vec::new()).err().unwrap().is_no_data());
    let members = vec![member(plain("a", &[("d", &[-9f32])], &fills)), member(full())];
    let as_concise = join(members, &Aggregate::Stack, Some(Compat::Concise)).unwrap();
    assert_eq!(as_concise.used, [0, 1]);
}

fn gridded(name: &str, lats: &[f32], orbit: i32, value: f32) -> Granule {
    let mut g = Granule::new(name, "netcdf4");
    let y = g.add_dim(ROOT, "lat", lats.len() as u64);
    add(&mut g, ROOT, "lat", &[y], lats, &[units("degrees_north")]);
    add(&mut g, ROOT, "crs", &[], &[0i32], &[]);
    add(&mut g, ROOT, "d", &[y], &vec![value; lats.len()], &[Attribute::text("grid_mapping", "crs")]);
    g.groups[0].attrs = vec![
        Attribute::text("title", "t"),
        Attribute::numbers("orbit", &[orbit]),
        Attribute::numbers("geospatial_lat_max", &[f64::from(lats[lats.len() - 1])]),
    ];
    g
}

#[test]
fn equal_coordinates_are_kept_once_unless_concise_is_asked_for() {
    // C5, C10
    let two = || vec![gridded("a", &[1.0, 2.0], 1, 5.0), gridded("b", &[1.0, 2.0], 2, 5.0)];
    let g = stack(two()).unwrap().granule;
    assert_eq!((dims(&g, "/lat"), dims(&g, "/crs").len()), (vec!["lat".to_owned()], 0));
    // Data get the dimension even when they happen to be equal.
    assert_eq!(dims(&g, "/d"), ["subset_index", "lat"]);
    assert_eq!(g.read_texts(find(&g, "/granules/orbit")).unwrap(), ["1", "2"]);
    assert!(g.groups[0].attr("orbit").is_none() && g.groups[0].attr("title").is_some());
    let one = stack(two()[..1].to_vec()).unwrap().granule;
    assert_eq!((dims(&one, "/lat"), dims(&one, "/d")), (dims(&g, "/lat"), dims(&g, "/d")));
    let members = two().into_iter().map(member).collect();
    let g = join(members, &Aggregate::Stack, Some(Compat::Concise)).unwrap().granule;
    assert_eq!(dims(&g, "/lat"), ["subset_index", "lat"]);
    assert_eq!(dims(&g, "/crs"), ["subset_index"]);
    assert!(g.groups[0].attr("orbit").is_none() && g.find_group("granules").is_none());
}

#[test]
fn parts_of_one_grid_meet_by_their_labels() {
    // E13 for a stack
    let joined = stack(vec![gridded("a", &[1.0, 2.0], 1, 5.0), gridded("b", &[2.0, 3.0], 1, 6.0)]).unwrap();
    let g = &joined.granule;
    assert_eq!(values(g, "/lat"), [1.0, 2.0, 3.0]);
    assert_eq!(g.var(find(g, "/lat")).dtype, DType::F32);
    let none = fill(g, "/d").unwrap();
    assert_eq!(values(g, "/d"), [5.0, 5.0, none, none, 6.0, 6.0]);
    assert_eq!(g.groups[0].attr("geospatial_lat_max").unwrap().as_f64(), Some(3.0));
}

#[test]
fn extending_sorts_by_time_in_one_epoch() {
    // E9, Z10, E2
    let one = || series("one", "seconds since 2020-01-01", &[5, 6, 7], &[1.0, 2.0, 3.0]);
    let two = || series("two", "seconds since 2020-01-02", &[0, 1, 2], &[4.0, 5.0, 6.0]);
    for order in [vec![one(), two()], vec![two(), one()]] {
        let joined = extend(order, "time").unwrap();
        let g = &joined.granule;
        assert_eq!(values(g, "/time"), [5.0, 6.0, 7.0, 86_400.0, 86_401.0, 86_402.0]);
        assert_eq!(g.var(find(g, "/time")).attr_text("units").unwrap(), "seconds since 2020-01-01");
        assert_eq!(values(g, "/v"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(joined.derived_from, ["/data/one", "/data/two"]);
    }
}

#[test]
fn equal_times_are_all_kept_in_the_order_of_the_request() {
    // E15, Z4
    let unit = "hours since 2001-01-01";
    let joined =
        extend(vec![series("b", unit, &[9], &[1.0]), series("a", unit, &[9], &[2.0])], "time").unwrap();
    assert_eq!(values(&joined.granule, "/v"), [1.0, 2.0]);
    assert!(joined.notices.iter().any(|n| n.contains("same time")), "{:?}", joined.notices);
}

fn strip(name: &str, first: i32, orbit: Option<i32>, extra: bool) -> Granule {
    let mut g = Granule::new(name, "netcdf4");
    let y = g.add_dim(ROOT, "row", 2);
    let x = g.add_dim(ROOT, "col", 2);
    g.dims[y.0].unlimited = true;
    add(&mut g, ROOT, "row", &[y], &[first, first + 1], &[]);
    add(&mut g, ROOT, "d", &[x, y], &[first; 4], &[Attribute::numbers("_FillValue", &[-1i32])]);
    add(&mut g, ROOT, "fixed", &[x], &[1i32, 2], &[]);
    if let Some(orbit) = orbit {
        add(&mut g, ROOT, "orbit", &[], &[orbit], &[]);
    }
    if extra {
        add(&mut g, ROOT, "e", &[y], &[7i16, 7], &[Attribute::numbers("_FillValue", &[-3i16])]);
    }
    g
}

#[test]
fn a_scalar_that_differs_and_a_missing_variable_are_no_failure() {
    // E10, E11
    let g = extend(vec![strip("b", 2, Some(8), true), strip("a", 0, Some(7), false)], "row").unwrap().granule;
    assert_eq!(values(&g, "/row"), [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(
        (values(&g, "/orbit"), dims(&g, "/orbit")),
        (vec![7.0, 7.0, 8.0, 8.0], vec!["row".to_owned()])
    );
    assert_eq!(values(&g, "/e"), [-3.0, -3.0, 7.0, 7.0]);
    assert_eq!(g.var(find(&g, "/e")).dtype, DType::I16);
    // Along an axis that is not the first.
    assert_eq!(values(&g, "/d"), [0.0, 0.0, 2.0, 2.0, 0.0, 0.0, 2.0, 2.0]);
    assert_eq!((values(&g, "/fixed"), dims(&g, "/fixed").len()), (vec![1.0, 2.0], 1));
    assert!(g.dim(DimId(0)).unlimited && g.dim(DimId(0)).len == 4);
}

#[test]
fn one_granule_is_extended_to_itself() {
    // E8, E7
    let joined = extend(vec![strip("a", 0, Some(1), true)], "row").unwrap();
    assert_eq!((joined.granule.vars.len(), values(&joined.granule, "/row")), (5, vec![0.0, 1.0]));
}

#[test]
fn an_unknown_dimension_is_named_with_those_there_are() {
    // E16
    let message =
        |d: &str| extend(vec![strip("a", 0, None, true), strip("b", 2, None, true)], d).err().unwrap();
    let text = message("rows").to_string();
    assert!(text.contains("'rows'") && text.contains("row, col"), "{text}");
    let mut lacks = Granule::new("c", "netcdf4");
    let col = lacks.add_dim(ROOT, "col", 1);
    add(&mut lacks, ROOT, "fixed", &[col], &[1i32], &[]);
    let text = extend(vec![strip("a", 0, None, true), lacks], "row").err().unwrap().to_string();
    assert!(text.starts_with("c:") && text.contains("unlike in a"), "{text}");
}

#[test]
fn the_default_dimension_is_the_unlimited_one() {
    for name in ["true", "/row"] {
        let g = extend(vec![strip("a", 0, None, true), strip("b", 2, None, true)], name).unwrap().granule;
        assert_eq!(values(&g, "/row").len(), 4);
    }
    let unit = "days since 2000-01-01";
    let g = extend(vec![series("a", unit, &[0], &[1.0]), series("b", unit, &[1], &[1.0])], "true")
        .unwrap()
        .granule;
    assert_eq!(values(&g, "/time"), [0.0, 1.0]);
}

#[test]
fn what_does_not_go_together_is_named() {
    // Z11
    let a = series("a", "days since 2000-01-01", &[0], &[1.0]);
    let b = series("b", "1", &[1], &[1.0]);
    let text = extend(vec![a, b], "time").err().unwrap().to_string();
    assert!(text.contains("mixed input types, both temporal and non-temporal"), "{text}");
    assert!(text.contains("'/time'") && text.contains("b:") && text.contains("of a"), "{text}");
    let text = stack(vec![
        plain("a", &[("d", &[1f32])], &[units("m")]),
        plain("b", &[("d", &[1f32])], &[units("kg")]),
    ]);
    assert!(text.err().unwrap().to_string().contains("'m' and 'kg'"));
    let mut turned = strip("t", 4, None, false);
    turned.vars[1].dims.reverse();
    let text = extend(vec![strip("a", 0, None, false), turned], "row").err().unwrap().to_string();
    assert!(text.contains("(row, col) there and (col, row) in a"), "{text}");
}

#[test]
fn units_are_converted() {
    let a = plain("a", &[("d", &[280f32, 290.0])], &[units("K")]);
    let b = plain("b", &[("d", &[0f32, 10.0])], &[units("degC")]);
    let g = stack(vec![a, b]).unwrap().granule;
    let all = values(&g, "/d");
    assert!((all[2] - 273.15).abs() < 1e-3 && (all[1] - 290.0).abs() < 1e-9);
    assert_eq!(g.var(find(&g, "/d")).attr_text("units").unwrap(), "K");
}

#[test]
fn batches_are_extended_and_then_stacked() {
    let name = |g: &str| format!("TEMPO_NO2_L2_V03_20240731T{g}.nc");
    let all = [("215252Z_S016G04", 2), ("225252Z_S017G04", 10), ("205252Z_S016G03", 0)];
    let members = all.map(|(g, first)| member(strip(&name(g), first, None, true))).to_vec();
    let aggregate = Aggregate::Extend { dims: vec!["row".into()], stack: true };
    let joined = join(members, &aggregate, None).unwrap();
    let g = &joined.granule;
    assert_eq!(joined.used, [2, 0, 1]);
    assert_eq!(dims(g, "/d"), ["subset_index", "col", "row"]);
    let none = -1.0;
    assert_eq!(values(g, "/d")[..4], [0.0, 0.0, 2.0, 2.0]);
    assert_eq!(values(g, "/d")[8..], [10.0, 10.0, none, none, 10.0, 10.0, none, none]);
}

#[test]
fn any_window_is_that_of_the_whole() {
    let all = vec![strip("a", 0, Some(7), true), strip("b", 2, Some(8), true), strip("c", 4, Some(9), false)];
    let g = extend(all, "row").unwrap().granule;
    for id in g.var_ids() {
        let shape = g.shape(id);
        let whole = g.read(id, &Window::all(&shape)).unwrap();
        let array = MemoryArray::new(&shape, g.var(id).dtype.size(), whole);
        let picks = [vec![0], vec![3, 1], vec![0, 2, 3], vec![5, 4, 0], vec![1]];
        for (i, pick) in picks.iter().enumerate() {
            let runs = |(axis, n): (usize, &u64)| {
                let own = &picks[(i + axis) % picks.len()];
                Runs::from_indices(own.iter().chain(pick).copied().filter(|p| p < n))
            };
            let window = Window(shape.iter().enumerate().map(runs).collect());
            let mut expected = vec![0; window.count() as usize * g.var(id).dtype.size()];
            harmony_model::ArraySource::read(&array, &window, &mut expected).unwrap();
            assert_eq!(g.read(id, &window).unwrap(), expected, "{}", g.var(id).path);
        }
    }
}

#[test]
fn many_granules_are_open_a_few_at_a_time() {
    static OPEN: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    /// Counts itself as long as it lives: what an open file is.
    struct Handle(MemoryArray);
    impl Drop for Handle {
        fn drop(&mut self) {
            OPEN.fetch_sub(1, Ordering::SeqCst);
        }
    }
    impl harmony_model::ArraySource for Handle {
        fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), harmony_model::ReadError> {
            self.0.read(window, out)
        }
        fn cost(&self, _: &Window) -> Result<u64, harmony_model::ReadError> {
            Ok(8)
        }
    }
    let open = |i: i32| -> Member {
        let open = move || {
            MOST.fetch_max(OPEN.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let mut g = Granule::new(&format!("{i}.nc"), "netcdf4");
            let t = g.add_dim(ROOT, "time", 1);
            add(&mut g, ROOT, "time", &[t], &[i], &[units("days since 2000-01-01")]);
            let handle = Handle(MemoryArray::of(&[1], &[f64::from(i)]));
            g.add_var(ROOT, "v", DType::F64, vec![t], Arc::new(handle));
            Ok(Arc::new(g))
        };
        Member { name: format!("{i}.nc"), source: String::new(), open: Arc::new(open) }
    };
    let aggregate = Aggregate::Extend { dims: vec!["time".into()], stack: false };
    let joined = join((0..300).rev().map(open).collect(), &aggregate, None).unwrap();
    let expected: Vec<f64> = (0..300).map(f64::from).collect();
    assert_eq!(values(&joined.granule, "/v"), expected);
    assert_eq!(values(&joined.granule, "/time"), expected);
    let bound = 96 + 4 * (rayon::current_num_threads() + 4);
    assert!(MOST.load(Ordering::SeqCst) <= bound, "{} of {bound}", MOST.load(Ordering::SeqCst));
}

#[test]
fn numbers_survive_as_they_are() {
    let a = plain("a", &[("d", &[u64::MAX, 1])], &[]);
    let b = plain("b", &[("d", &[3u64, 4])], &[]);
    let g = stack(vec![a, b]).unwrap().granule;
    let bytes = g.read(find(&g, "/d"), &Window::all(&[2, 2])).unwrap();
    assert_eq!(bytes[..8], u64::MAX.to_ne_bytes());
    assert_eq!(to_f64s(&DType::U64, &bytes).unwrap()[3], 4.0);
}
