//! Expected coordinates are those of PROJ 9.5 by way of pyproj 3.7 (`always_xy`).

use super::*;

/// Says so and gives false where libproj is missing.
fn proj() -> bool {
    match proj_available() {
        Ok(()) => true,
        Err(why) => {
            println!("skipped: {why}");
            false
        }
    }
}

fn crs(text: &str) -> Crs {
    Crs::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn moved(from: &Crs, to: &Crs, x: f64, y: f64) -> (f64, f64) {
    let (mut xs, mut ys) = ([x], [y]);
    Transform::new(from, to).unwrap().points(&mut xs, &mut ys);
    (xs[0], ys[0])
}

fn assert_near(got: (f64, f64), want: (f64, f64), tolerance: f64) {
    assert!((got.0 - want.0).abs() < tolerance && (got.1 - want.1).abs() < tolerance, "{got:?} != {want:?}");
}

fn mapping(attrs: &[(&str, f64)], name: &str) -> Crs {
    let mut list = vec![Attribute::text("grid_mapping_name", name)];
    list.extend(attrs.iter().map(|(n, v)| number(n, *v)));
    Crs::from_cf_attributes(&list).unwrap()
}

fn number(name: &str, value: f64) -> Attribute {
    Attribute::numbers(name, &[value])
}

#[test]
fn wgs84_needs_no_proj_in_any_spelling() {
    for text in ["EPSG:4326", "epsg:4326", "EPSG : 4326", "4326", "WGS84", "WGS 84", "WGS_84", "EPSGA:4326"] {
        assert_eq!(crs(text).definition, "EPSG:4326", "{text}");
    }
    for text in [
        "urn:ogc:def:crs:EPSG::4326",
        "urn:ogc:def:crs:EPSG:9.8:4326",
        "http://www.opengis.net/def/crs/EPSG/0/4326",
        "https://www.opengis.net/def/crs/EPSG/9.8.5/4326",
        "http://www.opengis.net/gml/srs/epsg.xml#4326",
        "[EPSG:4326]",
        "+proj=longlat +datum=WGS84 +no_defs",
        "+init=epsg:4326",
    ] {
        assert_eq!(crs(text).definition, "EPSG:4326", "{text}");
    }
    for text in [
        "OGC:CRS84",
        "CRS84",
        "CRS:84",
        "urn:ogc:def:crs:OGC:1.3:CRS84",
        "urn:ogc:def:crs:OGC::CRS84",
        "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        "https://www.opengis.net/def/crs/OGC/0/CRS84",
    ] {
        assert_eq!(crs(text), Crs::wgs84(), "{text}");
    }
    let (a, b) = (crs("EPSG:4326"), Crs::wgs84());
    assert!(a.same_as(&b) && a.is_geographic() && a.units_to_metre().is_none());
    assert!(a.authority_puts_north_first() && !b.authority_puts_north_first());
    assert!(Transform::new(&a, &b).unwrap().is_identity());
    assert_eq!(moved(&a, &b, 190.0, f64::INFINITY), (190.0, f64::INFINITY));
}

#[test]
fn ease_grids_have_names() {
    for (text, code) in [
        ("EASE-Grid 2.0 North", "EPSG:6931"),
        ("EASE-Grid 2.0 South", "EPSG:6932"),
        ("EASE-Grid 2.0 Global", "EPSG:6933"),
        ("ease2_global", "EPSG:6933"),
        ("EASE-Grid North", "EPSG:3408"),
    ] {
        assert_eq!(crs(text).definition, code);
    }
    let error = Crs::parse("EASE-Grid 2.0").unwrap_err().to_string();
    assert!(error.contains("'EASE-Grid 2.0'") && error.contains("6931"), "{error}");
}

#[test]
fn what_is_no_crs_is_named_with_a_remedy() {
    if !proj() {
        return;
    }
    for text in [
        "",
        "EPSG:999999",
        "EPSG:abc",
        "not a crs",
        "+proj=nonsense",
        "+proj=pipeline +step +proj=merc",
        "PROJCS[\"x\"",
        "EPSG:5773",
        "EPSG:4978",
        "EPSG:9807",
        "urn:ogc:def:crs:EPSG::",
        "{}",
        "a\0b",
        "WGS 84 / UTM zone",
    ] {
        let error = Crs::parse(text).expect_err(text).to_string();
        assert!(error.contains(text.trim()) && error.contains("EPSG:3413"), "{error}");
    }
    let long = "PROJCS".repeat(1000);
    assert!(Crs::parse(&long).unwrap_err().to_string().len() < 400);
}

#[test]
fn coordinates_are_those_of_proj() {
    if !proj() {
        return;
    }
    let lonlat = Crs::wgs84();
    for (code, at, want) in [
        ("EPSG:6933", (-105.0, 40.0), (-10_131_059.426344, 4_707_084.171339)),
        ("EPSG:6931", (-60.0, 60.0), (-2_866_387.813126, -1_654_909.775510)),
        ("EPSG:3413", (-45.0, 75.0), (0.0, -1_633_879.497471)),
        ("EPSG:32618", (-77.0, 39.0), (326_809.099685, 4_318_679.292239)),
        ("EPSG:3857", (10.0, 50.0), (1_113_194.907933, 6_446_275.841017)),
        ("EPSG:3031", (30.0, -70.0), (1_097_247.123805, 1_900_487.766888)),
        ("http://www.opengis.net/def/crs/EPSG/0/3031", (30.0, -70.0), (1_097_247.123805, 1_900_487.766888)),
        ("WGS 84 / UTM zone 18N", (-77.0, 39.0), (326_809.099685, 4_318_679.292239)),
        ("+proj=utm +zone=18 +datum=WGS84", (-77.0, 39.0), (326_809.099685, 4_318_679.292239)),
    ] {
        let target = crs(code);
        for source in [&lonlat, &crs("EPSG:4326")] {
            let got = moved(source, &target, at.0, at.1);
            assert_near(got, want, 1e-5);
            // PROJ 9.1 finds latitudes of equal-area cylinders by a series good to 1e-8 degrees.
            assert_near(moved(&target, source, got.0, got.1), at, 1e-7);
        }
        let transform = Transform::new(&lonlat, &target).unwrap();
        let (mut xs, mut ys) = ([want.0], [want.1]);
        transform.inverse_points(&mut xs, &mut ys);
        assert_near((xs[0], ys[0]), at, 1e-7);
    }
}

#[test]
fn points_without_image_are_not_finite_and_spoil_no_others() {
    if !proj() {
        return;
    }
    let transform = Transform::new(&Crs::wgs84(), &crs("EPSG:3857")).unwrap();
    let (mut xs, mut ys) = ([10.0, f64::NAN, 10.0, 0.0, 10.0], [50.0, 50.0, 95.0, f64::INFINITY, 50.0]);
    transform.points(&mut xs, &mut ys);
    assert_eq!(xs.map(f64::is_finite), [true, false, false, false, true]);
    assert_eq!(ys.map(f64::is_finite), [true, false, false, false, true]);
    assert_eq!((xs[0], ys[0]), (xs[4], ys[4]));
    transform.points(&mut [], &mut []);
}

#[test]
fn threads_share_a_transform() {
    if !proj() {
        return;
    }
    use rayon::prelude::*;
    let transform = Transform::new(&Crs::wgs84(), &crs("EPSG:6931")).unwrap();
    let one = |lat: f64| {
        let (mut xs, mut ys) = (vec![-60.0; 500], vec![lat; 500]);
        transform.points(&mut xs, &mut ys);
        (xs[499], ys[499])
    };
    let lats: Vec<f64> = (0..200).map(|i| f64::from(i) * 0.4).collect();
    let together: Vec<_> = lats.par_iter().map(|&lat| one(lat)).collect();
    let alone: Vec<_> = lats.iter().map(|&lat| one(lat)).collect();
    assert_eq!(together, alone);
}

#[test]
fn what_proj_knows_of_a_crs() {
    if !proj() {
        return;
    }
    let polar = crs("EPSG:3413");
    assert_eq!(polar.name().as_deref(), Some("WGS 84 / NSIDC Sea Ice Polar Stereographic North"));
    assert_eq!((polar.is_geographic(), polar.units_to_metre()), (false, Some(1.0)));
    assert_eq!(polar.authority_code().as_deref(), Some("EPSG:3413"));
    let area = polar.area_of_use().unwrap();
    assert!(area[1] >= 50.0 && area[3] == 90.0, "{area:?}");
    assert!(!polar.authority_puts_north_first());
    assert!(polar.proj_string().unwrap().contains("+proj=stere"));
    for wkt in [polar.wkt2().unwrap(), polar.wkt1_gdal().unwrap()] {
        assert!(!wkt.contains('\n') && crs(&wkt).same_as(&polar), "{wkt}");
    }
    let ease = crs("+proj=cea +lat_ts=30 +lon_0=0 +x_0=0 +y_0=0 +datum=WGS84 +units=m");
    assert_eq!(ease.authority_code().as_deref(), Some("EPSG:6933"));
    assert!(ease.same_as(&crs("EPSG:6933")) && !ease.same_as(&polar));
    let feet = crs("EPSG:2263");
    assert!((feet.units_to_metre().unwrap() - 0.3048006096).abs() < 1e-9);
    let sphere = crs("+proj=sinu +R=6371007.181");
    assert_eq!(sphere.authority_code(), None);
    assert!(crs("EPSG:4269").is_geographic() && crs("EPSG:4269").authority_puts_north_first());
    assert!(crs("EPSG:2180").authority_puts_north_first());
    let json = crs(
        "{\"type\":\"GeographicCRS\",\"name\":\"x\",\"datum\":{\"type\":\"GeodeticReferenceFrame\",\"name\":\"x\",\"ellipsoid\":{\"name\":\"x\",\"semi_major_axis\":6378137,\"inverse_flattening\":298.257223563}},\"coordinate_system\":{\"subtype\":\"ellipsoidal\",\"axis\":[{\"name\":\"Longitude\",\"abbreviation\":\"lon\",\"direction\":\"east\",\"unit\":\"degree\"},{\"name\":\"Latitude\",\"abbreviation\":\"lat\",\"direction\":\"north\",\"unit\":\"degree\"}]}}",
    );
    assert!(json.is_geographic());
}

/// A grid mapping by name and parameters, a point in longitude and latitude, and its image.
type Case = (&'static str, &'static [(&'static str, f64)], (f64, f64), (f64, f64));

const CASES: &[Case] = &[
    (
        "geostationary",
        &[
            ("perspective_point_height", 35786023.0),
            ("longitude_of_projection_origin", -75.0),
            ("semi_major_axis", 6378137.0),
            ("semi_minor_axis", 6356752.31414),
        ],
        (-80.0, 30.0),
        // Sweep axis y, that of Meteosat; x (GOES) is in its own test.
        (-470_344.882974, 3_087_102.137163),
    ),
    (
        "sinusoidal",
        &[("earth_radius", 6371007.181), ("longitude_of_central_meridian", 0.0)],
        (100.0, 40.0),
        (8_518_035.166904, 4_447_802.079066),
    ),
    (
        "polar_stereographic",
        &[
            ("straight_vertical_longitude_from_pole", -45.0),
            ("standard_parallel", 70.0),
            ("semi_major_axis", 6378137.0),
            ("inverse_flattening", 298.257223563),
        ],
        (-40.0, 75.0),
        (142_401.981162, -1_627_662.092701),
    ),
    (
        "vertical_perspective",
        &[
            ("perspective_point_height", 3e6),
            ("longitude_of_projection_origin", 5.0),
            ("latitude_of_projection_origin", 45.0),
            ("earth_radius", 6371000.0),
        ],
        (8.0, 47.0),
        (226_788.637059, 225_945.869003),
    ),
    (
        "transverse_mercator",
        &[
            ("longitude_of_central_meridian", -2.0),
            ("latitude_of_projection_origin", 49.0),
            ("scale_factor_at_central_meridian", 0.9996012717),
            ("false_easting", 400000.0),
            ("false_northing", -100000.0),
            ("semi_major_axis", 6377563.396),
            ("inverse_flattening", 299.3249646),
        ],
        (-1.0, 52.0),
        (468_643.108144, 234_025.789933),
    ),
    (
        "oblique_mercator",
        &[
            ("azimuth_of_central_line", 30.0),
            ("longitude_of_projection_origin", -90.0),
            ("latitude_of_projection_origin", 40.0),
            ("scale_factor_at_projection_origin", 0.9996),
            ("semi_major_axis", 6378137.0),
            ("inverse_flattening", 298.257223563),
        ],
        (-88.0, 41.0),
        (168_195.130980, 112_914.976050),
    ),
    ("azimuthal_equidistant", CENTRE, (12.0, 52.0), (136_927.871723, 224_238.642138)),
    ("orthographic", CENTRE, (12.0, 52.0), (136_889.062026, 224_175.085803)),
    ("stereographic", CENTRE, (12.0, 52.0), (136_947.281522, 224_270.428414)),
    (
        "lambert_conformal_conic",
        &[
            ("standard_parallel", 25.0),
            ("longitude_of_central_meridian", 265.0),
            ("latitude_of_projection_origin", 25.0),
            ("earth_radius", 6371229.0),
        ],
        (-100.0, 40.0),
        (-441_546.879199, 1_696_174.144600),
    ),
    (
        "mercator",
        &[("standard_parallel", 20.0), ("longitude_of_projection_origin", 10.0), ("earth_radius", 6371229.0)],
        (20.0, 30.0),
        (1_044_928.078039, 3_288_694.170446),
    ),
];

const CENTRE: &[(&str, f64)] = &[
    ("longitude_of_projection_origin", 10.0),
    ("latitude_of_projection_origin", 50.0),
    ("earth_radius", 6371000.0),
];

#[test]
fn grid_mappings_of_cf() {
    if !proj() {
        return;
    }
    for (name, params, at, want) in CASES {
        let target = mapping(params, name);
        // The same figure of the Earth on both sides: no datum shift.
        let figure: Vec<_> = params
            .iter()
            .copied()
            .filter(|(n, _)| n.contains("axis") || n.contains("flat") || n.contains("radius"))
            .collect();
        let source = mapping(&figure, "latitude_longitude");
        assert_near(moved(&source, &target, at.0, at.1), *want, 1e-4);
    }
}

#[test]
fn what_is_written_reads_as_the_same() {
    if !proj() {
        return;
    }
    let mut systems: Vec<(Crs, (f64, f64))> =
        CASES.iter().map(|(name, params, at, _)| (mapping(params, name), *at)).collect();
    systems.extend(
        [
            ("EPSG:6931", (-60.0, 60.0)),
            ("EPSG:6933", (100.0, -30.0)),
            ("EPSG:3031", (30.0, -70.0)),
            ("EPSG:32718", (-75.0, -12.0)),
            ("EPSG:5070", (-90.0, 40.0)),
            ("EPSG:3035", (10.0, 50.0)),
            ("EPSG:4269", (-90.0, 40.0)),
            ("EPSG:2263", (-74.0, 40.7)),
        ]
        .map(|(code, at)| (crs(code), at)),
    );
    for (system, at) in &systems {
        let attrs = system.to_cf_attributes();
        let again = Crs::from_cf_attributes(&attrs).unwrap();
        assert!(again.same_as(system), "{}: {}", system.definition, again.definition);
        // Without WKT the parameters must lead to the same coordinates.
        let bare: Vec<Attribute> =
            attrs.iter().filter(|a| !matches!(a.name.as_str(), "crs_wkt" | "spatial_ref")).cloned().collect();
        let bare = Crs::from_cf_attributes(&bare).unwrap();
        if system.is_geographic() || system.definition == "EPSG:2263" {
            continue;
        }
        let back = moved(&Crs::wgs84(), &bare, at.0, at.1);
        // CF parameters have the ellipsoid but not the datum: NAD83 lies a metre off.
        let tolerance = if system.definition == "EPSG:5070" { 2.0 } else { 1e-3 };
        assert_near(back, moved(&Crs::wgs84(), system, at.0, at.1), tolerance);
    }
}

#[test]
fn the_names_cf_writes() {
    if !proj() {
        return;
    }
    let written = |code: &str| crs(code).to_cf_attributes();
    let text =
        |attrs: &[Attribute], name: &str| attrs.iter().find(|a| a.name == name).and_then(Attribute::as_text);
    let value =
        |attrs: &[Attribute], name: &str| attrs.iter().find(|a| a.name == name).and_then(Attribute::as_f64);
    for (code, name) in [
        ("EPSG:6931", "lambert_azimuthal_equal_area"),
        ("EPSG:6933", "lambert_cylindrical_equal_area"),
        ("EPSG:3413", "polar_stereographic"),
        ("EPSG:32618", "transverse_mercator"),
        ("EPSG:5070", "albers_conical_equal_area"),
        ("EPSG:3857", "mercator"),
        ("EPSG:4269", "latitude_longitude"),
        ("EPSG:4326", "latitude_longitude"),
    ] {
        let attrs = written(code);
        assert_eq!(text(&attrs, "grid_mapping_name").as_deref(), Some(name), "{code}");
        assert!(text(&attrs, "crs_wkt").is_some_and(|w| w.contains("CRS[")), "{code}");
        assert!(
            text(&attrs, "spatial_ref").is_some() && value(&attrs, "semi_major_axis") == Some(6_378_137.0)
        );
    }
    let polar = written("EPSG:3413");
    assert_eq!(value(&polar, "standard_parallel"), Some(70.0));
    assert_eq!(value(&polar, "straight_vertical_longitude_from_pole"), Some(-45.0));
    assert_eq!(value(&polar, "latitude_of_projection_origin"), Some(90.0));
    // The constants for WGS 84 are what PROJ takes them for.
    let attrs = written("EPSG:4326");
    for name in ["crs_wkt", "spatial_ref"] {
        let object = ffi::Object::create(&text(&attrs, name).unwrap()).unwrap();
        assert_eq!(object.id().as_deref(), Some("EPSG:4326"));
        assert!(object.is_equivalent(&ffi::Object::create("EPSG:4326").unwrap()), "{name}");
    }
}

#[test]
fn wkt_that_fails_falls_back_on_the_parameters() {
    let mut attrs = vec![
        Attribute::text("crs_wkt", "PROJCRS[\"broken"),
        Attribute::text("grid_mapping_name", "lambert_azimuthal_equal_area"),
        number("longitude_of_projection_origin", 0.0),
        number("latitude_of_projection_origin", 90.0),
        Attribute::text("horizontal_datum_name", "WGS84"),
    ];
    let fallen = Crs::from_cf_attributes(&attrs).unwrap();
    assert!(fallen.definition.starts_with("+proj=laea +lat_0=90 +lon_0=0"), "{}", fallen.definition);
    attrs.truncate(1);
    assert!(Crs::from_cf_attributes(&attrs).unwrap_err().to_string().contains("broken"));
    attrs[0] = Attribute::text("grid_mapping_name", "albers_conical_equal_area");
    let error = Crs::from_cf_attributes(&attrs).unwrap_err().to_string();
    assert!(error.contains("latitude_of_projection_origin") && error.contains("albers"), "{error}");
    attrs[0] = Attribute::text("grid_mapping_name", "peirce_quincuncial");
    assert!(Crs::from_cf_attributes(&attrs).unwrap_err().to_string().contains("peirce"));
    assert!(Crs::from_cf_attributes(&[]).unwrap_err().to_string().contains("grid_mapping_name"));
}

#[test]
fn codes_beside_parameters() {
    let longlat = mapping(
        &[("semi_major_axis", 6378137.0), ("inverse_flattening", 298.257223563)],
        "latitude_longitude",
    );
    assert!(longlat.is_geographic() && longlat.same_as(&Crs::wgs84()));
    let attrs = [Attribute::text("srid", "urn:ogc:def:crs:EPSG::4326")];
    assert_eq!(Crs::from_cf_attributes(&attrs).unwrap().definition, "EPSG:4326");
    let attrs = [Attribute::numbers("spatial_epsg", &[4326i32])];
    assert_eq!(Crs::from_cf_attributes(&attrs).unwrap().definition, "EPSG:4326");
}

#[test]
fn a_rotated_pole_is_not_geographic() {
    if !proj() {
        return;
    }
    let rotated = mapping(
        &[
            ("grid_north_pole_latitude", 39.25),
            ("grid_north_pole_longitude", -162.0),
            ("earth_radius", 6371229.0),
        ],
        "rotated_latitude_longitude",
    );
    let lonlat = mapping(&[("earth_radius", 6371229.0)], "latitude_longitude");
    assert!(!rotated.is_geographic() && lonlat.is_geographic());
    assert_near(moved(&lonlat, &rotated, 10.0, 50.0), (-5.132644800, -0.472428088), 1e-8);
    let attrs = rotated.to_cf_attributes();
    let pole = attrs.iter().find(|a| a.name == "grid_north_pole_longitude").and_then(Attribute::as_f64);
    assert_eq!(pole, Some(-162.0));
    assert!(crs(&rotated.wkt2().unwrap()).same_as(&rotated));
    assert!(!crs(&rotated.wkt2().unwrap()).is_geographic());
}

#[test]
fn goes_sweeps_along_x() {
    if !proj() {
        return;
    }
    let attrs = [
        Attribute::text("grid_mapping_name", "geostationary"),
        Attribute::text("sweep_angle_axis", "x"),
        number("perspective_point_height", 35786023.0),
        number("longitude_of_projection_origin", -75.0),
        number("semi_major_axis", 6378137.0),
        number("semi_minor_axis", 6356752.31414),
    ];
    let goes = Crs::from_cf_attributes(&attrs).unwrap();
    assert!(
        goes.definition.contains("+ellps=GRS80") && goes.definition.contains("+sweep=x"),
        "{}",
        goes.definition
    );
    assert_near(moved(&Crs::wgs84(), &goes, -80.0, 30.0), (-468_595.773155, 3_087_367.476236), 1e-3);
}

#[test]
fn grads_become_degrees() {
    if !proj() {
        return;
    }
    // NTF (Paris) counts grads from Paris (2.33722917 degrees east).
    let (lon, lat) = moved(&crs("EPSG:4807"), &crs("EPSG:4275"), 0.0, 45.0);
    assert_near((lon, lat), (2.337229166667, 45.0), 1e-8);
}
