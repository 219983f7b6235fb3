//! Granules on a new dimension.

use super::*;

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
fn units_are_converted() {
    let a = plain("a", &[("d", &[280f32, 290.0])], &[units("K")]);
    let b = plain("b", &[("d", &[0f32, 10.0])], &[units("degC")]);
    let g = stack(vec![a, b]).unwrap().granule;
    let all = values(&g, "/d");
    assert!((all[2] - 273.15).abs() < 1e-3 && (all[1] - 290.0).abs() < 1e-9);
    assert_eq!(g.var(find(&g, "/d")).attr_text("units").unwrap(), "K");
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
