//! The operation on small granules made by hand, and the warp against exact transformations.

use std::sync::Arc;

use harmony_model::crs::Crs;
use harmony_model::dtype::Number;
use harmony_model::request::TargetRequest;
use harmony_model::{
    Attribute, DType, Granule, GridSpec, Interpolation, MemoryArray, Request, VarId, Window,
};

use super::warp::{At, TOLERANCE, Trust, Warp};
use super::*;
use crate::project::SourceKind;
use crate::project::target;

/// A granule with axes `lat`, `lon` and one variable `v` on them.
fn granule<T: Number>(lat: &[f64], lon: &[f64], values: &[T], attrs: Vec<Attribute>) -> Granule {
    let mut g = Granule::new("test.nc", "test");
    let y = g.add_dim(Granule::ROOT, "lat", lat.len() as u64);
    let x = g.add_dim(Granule::ROOT, "lon", lon.len() as u64);
    for (name, dim, values, units) in [("lat", y, lat, "degrees_north"), ("lon", x, lon, "degrees_east")] {
        let stored: Vec<f32> = values.iter().map(|v| *v as f32).collect();
        let data = Arc::new(MemoryArray::of(&[values.len() as u64], &stored));
        let id = g.add_var(Granule::ROOT, name, DType::F32, vec![dim], data);
        g.vars[id.0].attrs = vec![Attribute::text("units", units)];
    }
    let data = Arc::new(MemoryArray::of(&[lat.len() as u64, lon.len() as u64], values));
    let id = g.add_var(Granule::ROOT, "v", T::DTYPE, vec![y, x], data);
    g.vars[id.0].attrs = attrs;
    g
}

fn axis(first: f64, step: f64, n: usize) -> Vec<f64> {
    (0..n).map(|i| first + step * i as f64).collect()
}

fn global(ny: usize, nx: usize) -> (Vec<f64>, Vec<f64>) {
    let (dy, dx) = (180.0 / ny as f64, 360.0 / nx as f64);
    (axis(-90.0 + dy / 2.0, dy, ny), axis(-180.0 + dx / 2.0, dx, nx))
}

fn apply(g: Granule, target: TargetRequest) -> Result<Transformed, OpError> {
    let request = Arc::new(Request { target, ..Request::default() });
    let scene = Scene::new(Arc::new(g), request)?;
    assert!(ReprojectGrid.select(&scene)?.is_some(), "selected");
    ReprojectGrid.apply(&scene)
}

fn physical(g: &Granule, name: &str) -> Vec<f64> {
    let id = g.find_var(name).unwrap();
    g.read_all_physical(id).unwrap()
}

fn crs(text: &str) -> Option<Crs> {
    Some(Crs::parse(text).unwrap())
}

fn geographic(extent: [f64; 4], nx: u64, ny: u64) -> GridSpec {
    GridSpec::filling(Crs::wgs84(), extent, nx, ny)
}

const WORLD: [f64; 4] = [-180.0, -90.0, 180.0, 90.0];

#[test]
fn a_width_alone_resizes_a_south_up_grid_and_turns_it_north_up() {
    let (lat, lon) = global(18, 36);
    let values: Vec<f32> = (0..18 * 36).map(|i| (i / 36) as f32).collect();
    let out = apply(
        granule(&lat, &lon, &values, Vec::new()),
        TargetRequest { width: Some(72), interpolation: Some(Interpolation::Nearest), ..Default::default() },
    )
    .unwrap();
    let lat = physical(&out.granule, "lat");
    assert_eq!((lat.len(), lat[0], lat[35]), (36, 87.5, -87.5));
    assert_eq!(physical(&out.granule, "lon")[..2], [-177.5, -172.5]);
    let v = physical(&out.granule, "v");
    assert_eq!((v[0], v[2 * 72], v[35 * 72]), (17.0, 16.0, 0.0));
    let var = out.granule.var(out.granule.find_var("v").unwrap());
    assert_eq!(var.attr_text("grid_mapping").unwrap(), "crs");
    assert!(var.attr("_FillValue").is_none(), "nothing lies outside");
    let crs = out.granule.var(out.granule.find_var("crs").unwrap());
    assert_eq!(crs.attr_text("GeoTransform").unwrap(), "-180.0 5.0 0.0 90.0 0.0 -5.0");
    assert!(crs.attr("crs_wkt").is_some() && crs.dims.is_empty());
}

#[test]
fn the_grid_a_granule_is_on_is_left_alone() {
    let (lat, lon) = global(18, 36);
    let g = granule(&lat, &lon, &vec![0f32; 18 * 36], Vec::new());
    let target = TargetRequest { crs: crs("EPSG:4326"), ..Default::default() };
    let scene = Scene::new(Arc::new(g), Arc::new(Request { target, ..Request::default() })).unwrap();
    assert_eq!(ReprojectGrid.select(&scene).unwrap(), None);
}

#[test]
fn there_is_no_seam_where_longitudes_come_round() {
    let (lat, _) = global(18, 36);
    let lon = axis(5.0, 10.0, 36);
    let wave = |lon: f64| lon.to_radians().cos();
    let values: Vec<f64> = (0..18 * 36).map(|i| wave(lon[i % 36])).collect();
    let out = apply(
        granule(&lat, &lon, &values, Vec::new()),
        TargetRequest {
            extent: Some(WORLD),
            cell_size: Some([2.0, 2.0]),
            interpolation: Some(Interpolation::Bilinear),
            ..Default::default()
        },
    )
    .unwrap();
    let (lon, v) = (physical(&out.granule, "lon"), physical(&out.granule, "v"));
    assert_eq!(lon[0], -179.0);
    for (i, v) in v.iter().enumerate() {
        assert!((v - wave(lon[i % 180])).abs() < 0.005, "{i} {v}");
    }
}

#[test]
fn packed_values_keep_packing_and_fill() {
    let (lat, lon) = global(18, 36);
    let values: Vec<i16> = (0..18 * 36).map(|i| if i % 36 < 4 { -1 } else { 100 }).collect();
    let attrs = vec![
        Attribute::numbers("_FillValue", &[-1i16]),
        Attribute::numbers("scale_factor", &[0.1]),
        Attribute::numbers("add_offset", &[273.0]),
        Attribute::text("coordinates", "lat lon"),
    ];
    let out = apply(
        granule(&lat, &lon, &values, attrs),
        TargetRequest { crs: crs("EPSG:3857"), ..Default::default() },
    )
    .unwrap();
    let var = out.granule.var(out.granule.find_var("v").unwrap());
    assert_eq!((&var.dtype, var.attr_f64("scale_factor")), (&DType::I16, Some(0.1)));
    assert!(var.attr("coordinates").is_none() && out.granule.find_var("lat").is_none());
    let v = physical(&out.granule, "v");
    assert!(v.iter().any(|v| v.is_nan()) && v.iter().all(|v| v.is_nan() || (v - 283.0).abs() < 1e-9));
}

#[test]
fn codes_are_never_averaged_and_texts_are_left_out_with_notice() {
    let (lat, lon) = global(18, 36);
    let values: Vec<u8> = (0..18 * 36).map(|i| if i % 2 == 0 { 1 } else { 7 }).collect();
    let mut g = granule(&lat, &lon, &values, vec![Attribute::text("flag_meanings", "land sea")]);
    let dims = g.var(VarId(2)).dims.clone();
    let texts = Arc::new(MemoryArray::of_texts(&[18, 36], vec![b"a".to_vec(); 18 * 36]));
    g.add_var(Granule::ROOT, "name", DType::String, dims, texts);
    let target = TargetRequest {
        crs: crs("EPSG:6933"),
        interpolation: Some(Interpolation::Average),
        ..Default::default()
    };
    let out = apply(g.clone(), target.clone()).unwrap();
    assert!(physical(&out.granule, "v").iter().all(|v| v.is_nan() || *v == 1.0 || *v == 7.0));
    let text = out.notices.join("\n");
    assert!(text.contains("'mode' instead of 'average'") && text.contains("'/name' was left out"), "{text}");
    let request = Request { target, variables: vec!["name".into()], ..Request::default() };
    let scene = Scene::new(Arc::new(g), Arc::new(request)).unwrap();
    assert!(ReprojectGrid.apply(&scene).is_err());
}

#[test]
fn conservative_remapping_keeps_the_mean_over_the_earth() {
    let (lat, lon) = global(90, 180);
    let values: Vec<f64> = (0..90 * 180).map(|i| 280.0 + ((i * 7919) % 101) as f64).collect();
    let mean = |lat: &[f64], v: &[f64]| {
        let nx = v.len() / lat.len();
        let half = 90.0 / lat.len() as f64;
        let w = |i: usize| (lat[i / nx] + half).to_radians().sin() - (lat[i / nx] - half).to_radians().sin();
        (0..v.len()).map(|i| w(i) * v[i]).sum::<f64>() / (0..v.len()).map(w).sum::<f64>()
    };
    let before = mean(&lat, &values);
    let out = apply(
        granule(&lat, &lon, &values, Vec::new()),
        TargetRequest { extent: Some(WORLD), width: Some(50), height: Some(23), ..Default::default() },
    )
    .unwrap();
    let after = mean(&physical(&out.granule, "lat"), &physical(&out.granule, "v"));
    assert!((before - after).abs() < 1e-9 * before, "{before} {after}");
    let var = out.granule.var(out.granule.find_var("v").unwrap());
    assert_eq!(var.attr_text("cell_methods").unwrap(), "area: mean");
}

#[test]
fn conservative_remapping_to_a_polar_map_keeps_constants_and_bounds() {
    let (lat, lon) = global(180, 360);
    let values = vec![5f32; 180 * 360];
    let out = apply(
        granule(&lat, &lon, &values, Vec::new()),
        TargetRequest { grid: Some("EASE2_N36km".into()), ..Default::default() },
    );
    let out = out.unwrap();
    let v = physical(&out.granule, "v");
    assert_eq!(v.len(), 500 * 500);
    assert!(v.iter().all(|v| v.is_nan() || (v - 5.0).abs() < 1e-6));
    assert!((v[250 * 500 + 250] - 5.0).abs() < 1e-6, "the pole has data");
}

#[test]
fn a_block_is_what_the_whole_array_has_there() {
    let (lat, lon) = global(90, 180);
    let values: Vec<f32> = (0..90 * 180).map(|i| ((i * 31) % 97) as f32).collect();
    for method in ["near", "bilinear", "lanczos", "average", "mode", "conservative"] {
        let target = TargetRequest {
            crs: crs("EPSG:3413"),
            interpolation: Some(Interpolation::parse(method).unwrap()),
            cell_size: Some([150_000.0, 150_000.0]),
            ..Default::default()
        };
        let out = apply(granule(&lat, &lon, &values, Vec::new()), target).unwrap().granule;
        let id = out.find_var("v").unwrap();
        let shape = out.shape(id);
        let whole = out.read(id, &Window::all(&shape)).unwrap();
        let (r, c, h, w) = (37u64, 51u64, 40u64, 33u64);
        let part = out.read(id, &Window::block(&[r, c], &[h, w])).unwrap();
        for i in 0..h {
            let from = ((r + i) * shape[1] + c) as usize * 4;
            let row = &part[(i * w) as usize * 4..((i + 1) * w) as usize * 4];
            assert_eq!(row, &whole[from..from + w as usize * 4], "{method} row {i}");
        }
    }
}

#[test]
fn interpolated_positions_stay_within_the_tolerance() {
    let source = SourceGrid::of(&geographic(WORLD, 720, 360));
    let polar = [-4_194_304.0, -4_194_304.0, 4_194_304.0, 4_194_304.0];
    for (code, extent) in
        [("EPSG:3413", polar), ("EPSG:32633", [0.0, 0.0, 1e6, 9e6]), ("ESRI:54009", [-18e6, -9e6, 18e6, 9e6])]
    {
        let target = GridSpec::filling(Crs::parse(code).unwrap(), extent, 300, 310);
        let warp = Warp::new(&source, &target, Trust::Checked).unwrap();
        assert!(warp.separable().is_none());
        let (mut xs, mut ys) = (vec![0.0; 300], vec![0.0; 300]);
        let turn = |d: f64| d - 720.0 * (d / 720.0).round();
        for row in 0..310 {
            warp.row(row, 0, At::Centres, &mut xs, &mut ys);
            let mut x: Vec<f64> = (0..300).map(|c| f64::from(c) + 0.5).collect();
            let mut y = vec![row as f64 + 0.5; 300];
            warp.exact(&mut x, &mut y);
            for c in (0..300).filter(|&c| xs[c].is_finite()) {
                let off = turn(xs[c] - x[c]).abs().max((ys[c] - y[c]).abs());
                assert!(off <= TOLERANCE, "{code} {row} {c}: {off}");
            }
        }
    }
}

#[test]
fn cylindrical_targets_are_separable_and_exact() {
    let source = SourceGrid::of(&geographic(WORLD, 720, 360));
    for code in ["EPSG:6933", "EPSG:3857", "EPSG:4326"] {
        let wide = if code == "EPSG:4326" { 150.0 } else { 16e6 };
        let extent = [-wide, -wide / 2.5, wide, wide / 2.5];
        let target = GridSpec::filling(Crs::parse(code).unwrap(), extent, 100, 50);
        assert!(Warp::new(&source, &target, Trust::Checked).unwrap().separable().is_some(), "{code}");
    }
}

fn suggested(source: &GridSpec, code: &str) -> (GridSpec, Option<String>) {
    let crs = Crs::parse(code).unwrap();
    let s = suggest(&SourceGrid::of(source), &crs, Trust::Checked).unwrap();
    let grid = target::resolve(&TargetRequest::default(), crs, SourceKind::Grid, || Ok(s.grid)).unwrap();
    (grid, s.notice)
}

#[test]
fn global_grids_are_cut_to_the_domain_of_a_map() {
    let source = geographic(WORLD, 3600, 1800);
    let (ease, notice) = suggested(&source, "EPSG:6933");
    assert!(
        (ease.nx as f64 / 3707.0 - 1.0).abs() < 0.01 && (ease.dx / 9369.5 - 1.0).abs() < 0.01,
        "{ease:?}"
    );
    assert!(ease.extent()[3] <= 7_314_540.84 && ease.extent()[1] >= -7_314_540.84, "{ease:?}");
    assert!(notice.unwrap().contains("latitudes"));
    let cea = "+proj=cea +lon_0=0 +lat_ts=30 +x_0=0 +y_0=0 +ellps=WGS84 +units=m +no_defs";
    let (same, _) = suggested(&source, cea);
    assert_eq!((same.nx, same.ny), (ease.nx, ease.ny));
    let (web, _) = suggested(&source, "EPSG:3857");
    assert!(
        web.extent()[3] <= 20_048_966.2 && web.dx == -web.dy && (web.dx / 11_132.0 - 1.0).abs() < 0.02,
        "{web:?}"
    );
    let (polar, notice) = suggested(&source, "EPSG:3413");
    assert!(polar.dx < 20_000.0 && polar.nx < 4000 && notice.unwrap().contains("northern"), "{polar:?}");
}

#[test]
fn a_tile_across_the_antimeridian_stays_in_one_piece() {
    let crs = Crs::parse("EPSG:32701").unwrap();
    let tile = GridSpec::filling(crs, [99_960.0, 8_190_220.0, 209_760.0, 8_300_020.0], 732, 732);
    let (grid, notice) = suggested(&tile, "EPSG:4326");
    let [west, _, east, _] = grid.extent();
    assert!(west > 170.0 && east > 180.0 && east - west < 1.2 && notice.is_none(), "{grid:?}");
}

#[test]
fn a_polar_grid_that_holds_the_pole_goes_round_the_earth() {
    let crs = Crs::parse("EPSG:3413").unwrap();
    let polar = GridSpec::filling(crs, [-4e6, -4e6, 4e6, 4e6], 400, 400);
    let (grid, _) = suggested(&polar, "EPSG:4326");
    let [west, south, east, north] = grid.extent();
    assert!((west + 180.0).abs() < 1e-9 && (north - 90.0).abs() < 1e-9, "{grid:?}");
    assert!((east - 180.0).abs() <= grid.dx && south > 30.0, "{grid:?}");
}
