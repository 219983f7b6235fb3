//! Averages of small granules made by hand.

use std::sync::Arc;

use harmony_model::geometry::Bbox;
use harmony_model::request::{Average as Over, Compat};
use harmony_model::{Attribute, DType, DimId, Granule, MemoryArray, Request, VarId};

use crate::compute;

fn text(granule: &mut Granule, id: VarId, attrs: &[(&str, &str)]) {
    attrs.iter().for_each(|(n, v)| granule.vars[id.0].set_attr(Attribute::text(n, v)));
}

fn axis(granule: &mut Granule, name: &str, values: &[f64], units: &str) -> DimId {
    let n = values.len() as u64;
    let dim = granule.add_dim(Granule::ROOT, name, n);
    let data = Arc::new(MemoryArray::of(&[n], values));
    let id = granule.add_var(Granule::ROOT, name, DType::F64, vec![dim], data);
    text(granule, id, &[("units", units)]);
    dim
}

/// Two times (of one and three hours when `bounds`), latitudes 0 and 60, longitudes 0, 1, 2; `v` is packed with 0.5 and
/// has one missing value. Axes of `v` in the order given, of time, lat, lon.
fn grid(order: [usize; 3], bounds: bool) -> Granule {
    let mut g = Granule::new("grid.nc", "test");
    let time = axis(&mut g, "time", &[0.5, 2.5], "hours since 2020-01-01");
    let lat = axis(&mut g, "lat", &[0.0, 60.0], "degrees_north");
    let lon = axis(&mut g, "lon", &[0.0, 1.0, 2.0], "degrees_east");
    if bounds {
        let two = g.add_dim(Granule::ROOT, "nv", 2);
        let data = Arc::new(MemoryArray::of(&[2, 2], &[0.0f64, 1.0, 1.0, 4.0]));
        g.add_var(Granule::ROOT, "time_bnds", DType::F64, vec![time, two], data);
        let id = g.find_var("time").unwrap();
        text(&mut g, id, &[("bounds", "time_bnds")]);
    }
    let (dims, lens) = ([time, lat, lon], [2u64, 2, 3]);
    let value = |t: usize, y: usize, x: usize| {
        if (t, y, x) == (1, 0, 0) { -99 } else { (100 * t + 10 * y + x) as i16 }
    };
    let shape = order.map(|a| lens[a]);
    let mut values = Vec::new();
    for i in 0..12u64 {
        let index = [i / (shape[1] * shape[2]), i / shape[2] % shape[1], i % shape[2]];
        let mut place = [0; 3];
        order.iter().zip(index).for_each(|(&a, i)| place[a] = i as usize);
        values.push(value(place[0], place[1], place[2]));
    }
    let data = Arc::new(MemoryArray::of(&shape, &values));
    let v = g.add_var(Granule::ROOT, "v", DType::I16, order.map(|a| dims[a]).to_vec(), data);
    g.vars[v.0].set_attr(Attribute::numbers("_FillValue", &[-99i16]));
    g.vars[v.0].set_attr(Attribute::numbers("scale_factor", &[0.5f64]));
    text(&mut g, v, &[("units", "K"), ("cell_methods", "height: point"), ("coordinates", "time lat lon")]);
    g
}

fn run(granule: Granule, request: Request) -> crate::Computed {
    compute(granule, &Arc::new(request)).unwrap()
}

fn over(average: Over) -> Request {
    Request { average: Some(average), ..Request::default() }
}

fn values(granule: &Granule, name: &str) -> Vec<f64> {
    granule.read_all_physical(granule.find_var(name).unwrap()).unwrap()
}

#[test]
fn a_mean_over_time_leaves_one_time_amid_its_bounds() {
    let done = run(grid([0, 1, 2], false), over(Over::Time));
    let g = &done.granule;
    let v = g.var(g.find_var("v").unwrap());
    assert_eq!(values(g, "v"), [0.0, 25.5, 26.0, 30.0, 30.5, 31.0]);
    assert_eq!((v.dtype.clone(), g.shape(g.find_var("v").unwrap())), (DType::F32, vec![1, 2, 3]));
    assert!(v.attr("scale_factor").is_none());
    assert_eq!(v.attr_f64("_FillValue"), Some(-99.0));
    assert_eq!(v.attr_text("cell_methods").unwrap(), "height: point time: mean");
    assert_eq!((values(g, "time"), values(g, "time_bnds")), (vec![1.5], vec![0.5, 2.5]));
    assert_eq!(g.group(Granule::ROOT).attr_text("userstartdate").unwrap(), "2020-01-01T00:30:00.000Z");
    assert_eq!(done.steps[0].operation, "average");
}

#[test]
fn steps_of_unequal_length_weigh_by_it_but_not_for_cdo() {
    let g = run(grid([0, 1, 2], true), over(Over::Time)).granule;
    assert_eq!(values(&g, "v")[1..3], [(0.5 + 3.0 * 50.5) / 4.0, (1.0 + 3.0 * 51.0) / 4.0]);
    assert_eq!((values(&g, "time"), values(&g, "time_bnds")), (vec![2.0], vec![0.0, 4.0]));
    let g = run(grid([0, 1, 2], true), Request { compat: Some(Compat::Nco), ..over(Over::Time) }).granule;
    assert_eq!(values(&g, "v")[1..3], [25.5, 26.0]);
}

#[test]
fn a_mean_over_area_weighs_by_the_cells_and_drops_the_axes() {
    // Bands -30…30 and 30…90: sines 1 and 0.5.
    let expected = [(3.0 * 0.5 + 0.5 * 3.0 * 5.5) / 4.5, (50.5 + 51.0 + 0.5 * 3.0 * 55.5) / 3.5];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 1, 0], [2, 0, 1]] {
        let g = run(grid(order, false), over(Over::Area)).granule;
        let id = g.find_var("v").unwrap();
        assert_eq!(g.shape(id), [2], "{order:?}");
        for (a, b) in values(&g, "v").iter().zip(expected) {
            assert!((a - b).abs() < 1e-5, "{order:?}: {a}, not {b}");
        }
        assert_eq!(g.var(id).attr_text("cell_methods").unwrap(), "height: point area: mean");
        assert_eq!(g.var(id).attr_text("coordinates").unwrap(), "time");
        assert!(g.find_var("lat").is_none() && g.find_var("time").is_some() && g.dims.len() == 1);
        assert_eq!(g.group(Granule::ROOT).attr_text("userbbox").unwrap(), "-0.5, -30, 2.5, 90");
    }
}

#[test]
fn cells_at_the_edge_of_a_box_count_by_the_part_inside() {
    let bbox = vec![Bbox::new(0.0, -30.0, 1.5, 30.0).unwrap()];
    let g = run(grid([0, 1, 2], false), Request { bbox, ..over(Over::Area) }).granule;
    let mean = values(&g, "v");
    assert!((mean[0] - (0.5 * 0.0 + 1.0 * 0.5) / 1.5).abs() < 1e-6, "{mean:?}");
    assert!((mean[1] - 50.5).abs() < 1e-6, "{mean:?}");
}

#[test]
fn statistics_stand_beside_the_mean() {
    let g = run(grid([1, 0, 2], false), Request { statistics: true, ..over(Over::Area) }).granule;
    assert_eq!((values(&g, "v_min"), values(&g, "v_max")), (vec![0.0, 50.5], vec![6.0, 56.0]));
    assert_eq!(values(&g, "v_count"), [6.0, 5.0]);
    let mean = values(&g, "v")[0];
    let squares: f64 = [0.0, 0.5, 1.0].iter().map(|v| (v - mean) * (v - mean)).sum::<f64>()
        + 0.5 * [5.0, 5.5, 6.0].iter().map(|v| (v - mean) * (v - mean)).sum::<f64>();
    assert!((values(&g, "v_stddev")[0] - (squares / 4.5).sqrt()).abs() < 1e-6);
}

#[test]
fn where_all_is_missing_the_mean_is_missing() {
    let mut g = grid([0, 1, 2], false);
    let id = g.find_var("v").unwrap();
    g.vars[id.0].data = Arc::new(MemoryArray::of(&[2, 2, 3], &[-99i16; 12]));
    let out = run(g, over(Over::Area)).granule;
    let id = out.find_var("v").unwrap();
    assert!(values(&out, "v").iter().all(|v| v.is_nan()));
    assert_eq!(out.read_stored(id).unwrap(), [-99.0, -99.0]);
}

#[test]
fn what_has_no_mean_is_left_out_with_a_notice_or_refused_by_name() {
    let with_flag = || {
        let mut g = grid([0, 1, 2], false);
        let dims = g.vars[g.find_var("v").unwrap().0].dims.clone();
        let data = Arc::new(MemoryArray::of_texts(&[2, 2, 3], vec![b"x".to_vec(); 12]));
        g.add_var(Granule::ROOT, "label", DType::String, dims, data);
        g
    };
    for average in [Over::Time, Over::Area] {
        let done = run(with_flag(), over(average));
        assert!(done.granule.find_var("label").is_none() && done.granule.find_var("v").is_some());
        assert!(done.notices[0].contains("'/label'"), "{:?}", done.notices);
        let request = Request { variables: vec!["label".into()], ..over(average) };
        let error = compute(with_flag(), &Arc::new(request)).err().unwrap().to_string();
        assert!(error.contains("'/label' does not hold numbers"), "{error}");
    }
}

#[test]
fn nothing_to_average_over_is_an_error_that_says_what_to_do() {
    let mut g = Granule::new("track.nc", "test");
    let time = axis(&mut g, "time", &[0.0, 1.0], "seconds since 2020-01-01");
    for (name, units) in [("lat", "degrees_north"), ("lon", "degrees_east"), ("v", "1")] {
        let data = Arc::new(MemoryArray::of(&[2], &[1.0f64, 2.0]));
        let id = g.add_var(Granule::ROOT, name, DType::F64, vec![time], data);
        text(&mut g, id, &[("units", units)]);
        if name == "v" {
            text(&mut g, id, &[("coordinates", "lat lon time")]);
        }
    }
    let error = |average| compute(g.clone(), &Arc::new(over(average))).err().unwrap().to_string();
    assert!(error(Over::Time).contains("along the track"), "{}", error(Over::Time));
    assert!(error(Over::Area).contains("a trajectory has no area"), "{}", error(Over::Area));
}

#[test]
fn samples_of_a_swath_count_by_the_distance_of_their_neighbours() {
    let mut g = Granule::new("swath.nc", "test");
    let dims = vec![g.add_dim(Granule::ROOT, "row", 2), g.add_dim(Granule::ROOT, "col", 3)];
    let add = |g: &mut Granule, name: &str, values: [f32; 6], units: &str| {
        let data = Arc::new(MemoryArray::of(&[2, 3], &values));
        let id = g.add_var(Granule::ROOT, name, DType::F32, dims.clone(), data);
        text(g, id, &[("units", units)]);
        id
    };
    add(&mut g, "lat", [0.0, 0.0, 0.0, 1.0, 1.0, 1.0], "degrees_north");
    // The last column lies three times as far away.
    add(&mut g, "lon", [0.0, 1.0, 4.0, 0.0, 1.0, 4.0], "degrees_east");
    let v = add(&mut g, "v", [1.0, 2.0, 3.0, 1.0, 2.0, 3.0], "K");
    text(&mut g, v, &[("coordinates", "lat lon")]);
    let out = run(g, over(Over::Area)).granule;
    assert_eq!(out.shape(out.find_var("v").unwrap()), Vec::<u64>::new());
    let mean = values(&out, "v")[0];
    assert!((mean - (1.0 + 2.0 * 2.0 + 3.0 * 3.0) / 6.0).abs() < 1e-3, "{mean}");
}

#[test]
fn results_do_not_depend_on_the_window_that_is_asked_for() {
    use harmony_model::Window;
    let g = run(grid([1, 0, 2], false), over(Over::Area)).granule;
    let id = g.find_var("v").unwrap();
    let whole = g.read(id, &Window::all(&[2])).unwrap();
    let parts = [0, 1].map(|i| g.read(id, &Window::block(&[i], &[1])).unwrap()).concat();
    assert_eq!(whole, parts);
}
