//! Regridding of real granules by elliptical weighted averaging (contract §8.3).

use harmony_model::request::Compat;
use harmony_ops::Transform;
use harmony_ops::regrid::Regrid;

use crate::support::{apply, count_mean, granule, request, values};

#[test]
fn projected_grids_get_geographic_ones_of_their_own() {
    let Some(input) = granule("SPL3FTP_subsetted.nc4") else { return };
    let mut r = request("EPSG:4326", "ewa");
    r.compat = Some(Compat::Regridder);
    let (out, _) = apply(&Regrid, &input, &r).unwrap();
    for (group, rows, cols) in [("Global", 78, 187), ("Polar", 124, 265)] {
        let path = |name: &str| format!("/Freeze_Thaw_Retrieval_Data_{group}/{name}");
        let id = out.find_var(&path("altitude_dem")).unwrap();
        assert_eq!(out.shape(id), [2, rows, cols]);
        let names: Vec<&str> = out.var(id).dims.iter().map(|d| out.dim(*d).name.as_str()).collect();
        assert_eq!(names, ["am_pm", "y", "x"]);
        assert_eq!(out.var(id).attr_text("grid_mapping"), Some(path("crs")));
        let lats = values(&out, &path("y"));
        assert!(lats.windows(2).all(|w| w[1] < w[0]));
        let coded = out.find_var(&path("transition_direction")).unwrap();
        assert_eq!(out.var(coded).dtype.name(), "uint8");
        assert!(
            values(&out, &path("transition_direction")).iter().all(|v| v.is_nan() || *v == 0.0 || *v == 1.0)
        );
    }
    assert!(!out.vars.iter().any(|v| v.name.starts_with("EASE2_")));
    // On its own terms: usual names, and no averaged longitudes.
    r.compat = None;
    let (out, _) = apply(&Regrid, &input, &r).unwrap();
    assert!(out.find_var("/Freeze_Thaw_Retrieval_Data_Polar/lat").is_some());
    assert!(out.find_var("/Freeze_Thaw_Retrieval_Data_Polar/longitude").is_none());
}

#[test]
fn axes_keep_their_order_and_bounds_follow() {
    let Some(input) = granule("GPM_3IMERGHH_bounds.nc4") else { return };
    let mut r = request("EPSG:4326", "ewa");
    r.target.extent = Some([-30.0, 30.0, -15.0, 45.0]);
    r.target.cell_size = Some([0.5, 0.5]);
    let (out, _) = apply(&Regrid, &input, &r).unwrap();
    let id = out.find_var("/Grid/precipitationCal").unwrap();
    let names: Vec<&str> = out.var(id).dims.iter().map(|d| out.dim(*d).name.as_str()).collect();
    assert_eq!((names, out.shape(id)), (vec!["time", "lon", "lat"], vec![1, 30, 30]));
    assert_eq!(values(&out, "/Grid/lat_bnds")[..4], [45.0, 44.5, 44.5, 44.0]);
    assert_eq!(values(&out, "/Grid/lon_bnds")[..2], [-30.0, -29.5]);
    let (count, mean) = count_mean(&values(&out, "/Grid/precipitationCal"));
    assert!(count > 880 && (mean - 0.165).abs() < 0.02, "{count} {mean}");
}

#[test]
fn longitudes_from_0_to_360_fill_a_grid_around_greenwich() {
    let Some(input) = granule("SMALL_total_column_co2.nc") else { return };
    let mut r = request("EPSG:4326", "ewa");
    r.target.extent = Some([-180.0, -90.0, 180.0, 90.0]);
    (r.target.width, r.target.height) = (Some(180), Some(90));
    let (out, _) = apply(&Regrid, &input, &r).unwrap();
    let (count, _) = count_mean(&values(&out, "/tcco2"));
    assert_eq!(count, 31 * 180 * 90);
}

#[test]
fn a_geographic_grid_without_a_new_one_is_left_alone() {
    let Some(input) = granule("M2T1NXSLV_temporal.nc4") else { return };
    let r = request("EPSG:4326", "ewa");
    let scene = harmony_ops::Scene::new(input, std::sync::Arc::new(r)).unwrap();
    assert!(Regrid.select(&scene).unwrap().is_none());
}
