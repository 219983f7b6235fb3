//! Swath projection of real granules (contract §8.2).

use harmony_model::request::Compat;
use harmony_ops::project_swath::ProjectSwath;

use crate::support::{apply, count_mean, granule, request, values};

/// Rows, columns, first centres and steps of the axes `y`, `x`.
fn axes(g: &harmony_model::Granule, y: &str, x: &str) -> (usize, usize, [f64; 4]) {
    let (ys, xs) = (values(g, y), values(g, x));
    (ys.len(), xs.len(), [xs[0], ys[0], xs[1] - xs[0], ys[1] - ys[0]])
}

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs()
}

#[test]
fn grids_inferred_as_the_swath_projector_does() {
    let Some(input) = granule("africa.nc") else { return };
    let table: [(&str, usize, usize); 3] = [
        ("+proj=longlat +ellps=WGS84", 573, 627),
        ("EPSG:6933", 624, 572),
        ("+proj=lcc +lat_1=43 +lat_2=62 +lat_0=30 +lon_0=10 +ellps=intl", 598, 661),
    ];
    for (crs, rows, cols) in table {
        let mut r = request(crs, "near");
        r.compat = Some(Compat::SwathProjector);
        let (out, _) = apply(&ProjectSwath, &input, &r).unwrap();
        let names = if crs.contains("longlat") { ("/lat", "/lon") } else { ("/y", "/x") };
        let (ny, nx, first) = axes(&out, names.0, names.1);
        assert_eq!((ny, nx), (rows, cols), "{crs}");
        if crs.contains("longlat") {
            let want = [-30.27902143, 47.29500795, 0.15542760, -0.15539882];
            assert!(first.iter().zip(want).all(|(a, b)| near(*a, b, 1e-6)), "{first:?}");
        }
    }
    for (extent, rows, cols) in [([-20.0, 10.0, 60.0, 35.0], 161, 515), ([42.0, -27.0, 52.0, -10.0], 109, 64)]
    {
        let mut r = request("EPSG:4326", "ewa-nn");
        r.compat = Some(Compat::SwathProjector);
        r.target.extent = Some(extent);
        let (out, _) = apply(&ProjectSwath, &input, &r).unwrap();
        let (ny, nx, _) = axes(&out, "/lat", "/lon");
        assert_eq!((ny, nx), (rows, cols));
    }
}

#[test]
fn valid_cells_by_method() {
    let Some(input) = granule("africa.nc") else { return };
    for (method, valid, mean) in [("near", 70_407, 217.5), ("ewa-nn", 75_333, 212.3)] {
        let mut r = request("EPSG:4326", method);
        r.target.extent = Some([-20.0, 10.0, 60.0, 35.0]);
        r.compat = Some(Compat::SwathProjector);
        let (out, _) = apply(&ProjectSwath, &input, &r).unwrap();
        let (count, m) = count_mean(&values(&out, "/alpha_var"));
        assert!(near(count as f64, f64::from(valid), 0.01) && near(m, mean, 0.01), "{method} {count} {m}");
    }
    let mut r = request("EPSG:4326", "near");
    r.target.extent = Some([42.0, -27.0, 52.0, -10.0]);
    let (out, notices) = apply(&ProjectSwath, &input, &r).unwrap();
    assert_eq!(notices, Vec::<String>::new());
    assert_eq!(count_mean(&values(&out, "/red_var")).0, 0);
    let mut names: Vec<&str> = out.vars.iter().map(|v| v.path.as_str()).collect();
    names.sort_unstable();
    let all =
        ["/alpha_var", "/blue_var", "/green_var", "/lat", "/latitude_longitude", "/lon", "/red_var", "/time"];
    assert_eq!(names, all);
    let green = out.var(out.find_var("/green_var").unwrap());
    assert_eq!((green.dtype.name(), green.attr_f64("scale_factor")), ("uint8".into(), Some(2.0)));
    assert!(green.attr("coordinates").is_none());
}

#[test]
fn an_orbit_gets_cells_of_its_own_size_and_stays_on_its_hemisphere() {
    let Some(input) = granule("ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc") else { return };
    let (out, _) = apply(&ProjectSwath, &input, &request("EPSG:4326", "near")).unwrap();
    let (_, _, [.., dx, dy]) = axes(&out, "/lat", "/lon");
    assert!((0.20..0.26).contains(&dx) && (0.20..0.26).contains(&-dy), "{dx} {dy}");
    let stored = count_mean(&values(&input, "/wind_speed"));
    let got = count_mean(&values(&out, "/wind_speed"));
    assert!(near(got.1, stored.1, 0.05), "{got:?} {stored:?}");

    let (polar, _) = apply(&ProjectSwath, &input, &request("EPSG:3413", "near")).unwrap();
    let (ny, nx, first) = axes(&polar, "/y", "/x");
    assert!(ny < 1500 && nx < 1500 && first.iter().all(|v| v.abs() < 1.3e7), "{ny} {nx} {first:?}");

    let mut r = request("EPSG:4326", "near");
    r.compat = Some(Compat::SwathProjector);
    let (compat, _) = apply(&ProjectSwath, &input, &r).unwrap();
    let (ny, nx, _) = axes(&compat, "/lat", "/lon");
    assert_eq!((ny, nx), (273, 549));
}

#[test]
fn grids_that_do_not_fit_name_the_missing_side() {
    let Some(input) = granule("africa.nc") else { return };
    let mut r = request("EPSG:4326", "near");
    r.target.width = Some(1000);
    let text = apply(&ProjectSwath, &input, &r).map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("height"), "{text}");
    r.target.extent = Some([-20.0, 10.0, 60.0, 35.0]);
    r.target.cell_size = Some([1.0, 1.0]);
    (r.target.width, r.target.height) = (Some(80), Some(25));
    assert!(apply(&ProjectSwath, &input, &r).is_ok());
    r.target.width = Some(81);
    assert!(apply(&ProjectSwath, &input, &r).is_err());
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let Some(input) = granule("africa.nc") else { return };
    for method in ["near", "bilinear", "ewa", "ewa-nn"] {
        let mut r = request("EPSG:6933", method);
        (r.target.width, r.target.height) = (Some(300), Some(200));
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| values(&apply(&ProjectSwath, &input, &r).unwrap().0, "/green_var"))
        };
        let (one, three) = (on(1), on(3));
        assert!(one.iter().zip(&three).all(|(a, b)| a.to_bits() == b.to_bits()), "{method}");
    }
}
