//! C.6 other formats.

use crate::common::{context, near, open, testdata, transform, unzipped};
use crate::{AFRICA, MERRA, common, shared};
use harmony_formats::registry::find_output;
use harmony_model::Granule;

fn format_name(text: &str) -> Option<&'static str> {
    find_output(text).map(|f| f.card().name)
}

#[test]
fn f1_names_of_netcdf4() {
    for text in [
        "application/netcdf",
        "application/x-netcdf",
        "application/x-netcdf4",
        "application/netcdf4",
        "NETCDF-4",
        "netcdf-4",
    ] {
        assert_eq!(format_name(text), Some("netcdf4"), "{text}");
    }
}

#[test]
fn f2_addresses_of_opendap_are_another_format() {
    // A format of its own, which we do not write: it must not become netCDF-4 in silence.
    assert_eq!(format_name("Application/X-NetCDF4; profile=\"opendap_url\""), None);
}

#[test]
fn f3_names_of_geotiff() {
    for text in ["GeoTIFF", "geotiff", "image/tiff"] {
        assert!(matches!(format_name(text), Some("geotiff" | "cog")), "{text}: {:?}", format_name(text));
        assert_eq!(format_name(text), format_name("geotiff"), "{text}");
    }
}

#[test]
fn f4_unsigned_bytes_in_the_classic_format() {
    let global = testdata("2020_01_01_global.nc");
    for path in common::shared(AFRICA).into_iter().chain([global]) {
        let run = transform(&path, &["--format=netcdf-3"]);
        let bytes = std::fs::read(&run.written.output).unwrap();
        assert_eq!(&bytes[..4], b"CDF\x01");
        let red = run.output.var(common::find(&run.output, "/red_var"));
        assert_eq!(red.dtype, harmony_model::DType::I8);
        assert_eq!(red.attr_text("_Unsigned").as_deref(), Some("true"));
        let same = |a: &f64, b: &f64| a == b || (a.is_nan() && b.is_nan());
        let (old, new) = (common::physical(&open(&path), "/red_var"), run.physical("/red_var"));
        assert!(old.iter().zip(&new).all(|(a, b)| same(a, b)));
    }
}

#[test]
fn f5_groups_are_flattened() {
    for path in common::shared("SPL3FTP_subsetted.nc4").into_iter().chain([testdata("altimetry_groups.nc4")])
    {
        let run = transform(&path, &["--format=netcdf-3"]);
        assert_eq!(run.output.groups.len(), 1);
        let grouped: Vec<_> = run.output.vars.iter().filter_map(|v| v.attr_text("group_path")).collect();
        assert!(!grouped.is_empty());
    }
}

#[test]
fn f6_an_ascii_grid_from_the_north() {
    let run = transform(
        &shared!(MERRA),
        &["--format=ascii", "--variable=PS", "--time=2021-01-10T01:00:00Z/2021-01-10T02:00:00Z"],
    );
    let grid = std::fs::read_to_string(&run.written.output).unwrap();
    let head: Vec<&str> = grid.lines().take(2).collect();
    let number = |l: &str| l.split_whitespace().last().unwrap().parse::<f64>().unwrap();
    assert_eq!((number(head[0]), number(head[1])), (17.0, 21.0));
    let rows: Vec<&str> = grid.lines().rev().take(21).collect();
    let first = number(rows[20]);
    // The easternmost cell of the northernmost row.
    let stored = common::physical(&open(&shared!(MERRA)), "/PS");
    assert!(near(first, stored[20 * 17 + 16], 0.01), "{first}");
}

#[test]
fn f7_the_structure_of_hdf_eos_follows_the_window() {
    let tile = shared!("MOD09GA.A2008296.h14v17.006.2015181011753.hdf");
    let run = transform(&tile, &["--bbox=-180,-81,-170,-80", "--format=application/x-hdf"]);
    let text = harmony_formats::hdfeos::struct_metadata(&run.output).unwrap();
    let structure = harmony_formats::hdfeos::Structure::parse(&text);
    for grid in &structure.grids {
        let axes = harmony_formats::hdfeos::grid_axes(grid).unwrap();
        let x = run.physical(&format!("/{}/XDim", grid.name));
        let y = run.physical(&format!("/{}/YDim", grid.name));
        assert_eq!((axes.x.len(), axes.y.len()), (x.len(), y.len()), "{}", grid.name);
        assert!(near(axes.x[0], x[0], 1e-2) && near(axes.y[0], y[0], 1e-2), "{}", grid.name);
    }
    assert!(structure.grids.iter().any(|g| g.y_size < 1200));
}

#[test]
fn f8_a_picture_for_google_earth() {
    let run = transform(&shared!(MERRA), &["--format=kml"]);
    let members = unzipped(&run.written.output);
    let (_, document) = members.iter().find(|(n, _)| n == "doc.kml").unwrap();
    let document = String::from_utf8_lossy(document);
    for part in ["<north>-19.75<", "<south>-30.25<", "<east>50.3125<", "<west>39.6875<"] {
        assert!(document.contains(part), "{part} in {document}");
    }
}

#[test]
fn f9_a_shapefile_has_five_members() {
    // A vector collection is not among our inputs; points of a trajectory are.
    let run = transform(&testdata("trajectory_classic.nc"), &["--format=application/shapefile+zip"]);
    let members = unzipped(&run.written.output);
    let ends: Vec<&str> = members.iter().map(|(n, _)| n.rsplit('.').next().unwrap()).collect();
    assert!(["shp", "shx", "dbf", "prj", "cpg"].iter().all(|e| ends.contains(e)), "{ends:?}");
    let (_, prj) = members.iter().find(|(n, _)| n.ends_with(".prj")).unwrap();
    assert!(String::from_utf8_lossy(prj).contains("WGS_1984"));
}

#[test]
fn f10_points_of_an_orbit() {
    for (path, name) in common::shared("ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc")
        .into_iter()
        .chain([testdata("swath_antimeridian.nc4")])
        .map(|p| (p, "wind_speed"))
    {
        let run = transform(&path, &["--format=geojson", "--variable=wind_speed"]);
        let document: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&run.written.output).unwrap()).unwrap();
        let features = document["features"].as_array().unwrap();
        let granule = open(&path);
        let [values, lat] = [name, "lat"].map(|n| common::physical(&granule, &format!("/{n}")));
        let placed = values.iter().zip(&lat).filter(|(v, y)| !v.is_nan() && !y.is_nan()).count();
        assert_eq!(features.len(), placed);
        let lons = features.iter().map(|f| f["geometry"]["coordinates"][0].as_f64().unwrap());
        assert!(lons.into_iter().all(|x| (-180.0..=180.0).contains(&x)));
    }
}

#[test]
fn f11_the_other_name_of_jpeg() {
    assert_eq!(format_name("image/jpg"), Some("jpeg"));
}

#[test]
fn f12_selected_groups_of_hdf5_stay_as_they_are() {
    for path in common::shared("ATL03_gt1l.h5").into_iter().chain([testdata("atl03_like.h5")]) {
        let run = transform(&path, &["--variable=/gt1l", "--format=application/x-hdf"]);
        let input = open(&path);
        let below = |g: &Granule| {
            let mut all: Vec<String> =
                g.vars.iter().map(|v| v.path.clone()).filter(|p| p.starts_with("/gt1l/")).collect();
            all.sort();
            all
        };
        assert_eq!(below(&run.output), below(&input));
        assert_eq!(context(&["--format=application/x-hdf"]).format.card().name, "hdf5");
        assert!(run.written.output.to_string_lossy().ends_with(".h5"));
    }
}
