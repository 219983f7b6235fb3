//! Granules one after the other.

use super::*;

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
