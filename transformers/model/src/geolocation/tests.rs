use std::sync::Arc;

use super::*;
use crate::attribute::Attribute;
use crate::dtype::DType;
use crate::granule::{DimId, Granule, GroupId, VarId};
use crate::memory::MemoryArray;

/// Builds granules of small arrays of doubles.
struct Build {
    g: Granule,
}

impl Build {
    fn new(name: &str) -> Self {
        Build { g: Granule::new(name, "netcdf4") }
    }

    fn group(&mut self, path: &str) -> GroupId {
        let mut at = Granule::ROOT;
        for name in path.split('/').filter(|n| !n.is_empty()) {
            let child = crate::granule::join(&self.g.group(at).path, name);
            at = match self.g.find_group(&child) {
                Some(g) => g,
                None => self.g.add_group(at, name),
            };
        }
        at
    }

    fn dim(&mut self, group: &str, name: &str, len: u64) -> DimId {
        let group = self.group(group);
        self.g.add_dim(group, name, len)
    }

    fn anonymous(&mut self, group: &str, name: &str, len: u64) -> DimId {
        let d = self.dim(group, name, len);
        self.g.dims[d.0].anonymous = true;
        d
    }

    fn var(&mut self, path: &str, dims: &[DimId], attrs: &[(&str, &str)]) -> VarId {
        let n: u64 = dims.iter().map(|&d| self.g.dim(d).len).product();
        self.values(path, dims, attrs, &vec![0.0; n as usize])
    }

    fn values(&mut self, path: &str, dims: &[DimId], attrs: &[(&str, &str)], values: &[f64]) -> VarId {
        let (group, name) = path.rsplit_once('/').unwrap();
        let group = self.group(group);
        let shape: Vec<u64> = dims.iter().map(|&d| self.g.dim(d).len).collect();
        let data = Arc::new(MemoryArray::of(&shape, values));
        let v = self.g.add_var(group, name, DType::F64, dims.into(), data);
        for (name, text) in attrs {
            self.g.vars[v.0].attrs.push(Attribute::text(name, text));
        }
        v
    }

    /// A complete CF grid mapping, so that it is understood whatever reads it.
    fn mapping(&mut self, path: &str, name: &str, numbers: &[(&str, f64)]) -> VarId {
        let v = self.var(path, &[], &[("grid_mapping_name", name)]);
        let ellipsoid = [("semi_major_axis", 6_378_137.0), ("inverse_flattening", 298.257_223_563)];
        for (name, number) in numbers.iter().chain(&ellipsoid) {
            self.g.vars[v.0].attrs.push(Attribute::numbers(name, &[*number]));
        }
        v
    }

    fn attr(&mut self, group: &str, name: &str, text: &str) {
        let g = self.group(group);
        self.g.groups[g.0].attrs.push(Attribute::text(name, text));
    }

    fn find(&self) -> GeolocationTable {
        discover(&self.g, &Hints::default()).unwrap()
    }

    fn product(&self, short_name: &str) -> GeolocationTable {
        discover(&self.g, &Hints { short_name: Some(short_name.into()), ..Hints::default() }).unwrap()
    }
}

const NORTH: (&str, &str) = ("units", "degrees_north");
const EAST: (&str, &str) = ("units", "degrees_east");

fn kind_and_rule(table: &GeolocationTable, v: VarId) -> (&'static str, Rule) {
    let located = table.of(v).expect("located");
    (located.geolocation.kind(), located.rule)
}

#[test]
fn dimension_coordinates_make_a_grid_in_either_order() {
    let mut b = Build::new("imerg.nc");
    let (t, lon, lat, two) = (
        b.dim("/Grid", "time", 1),
        b.dim("/Grid", "lon", 4),
        b.dim("/Grid", "lat", 3),
        b.dim("/Grid", "nv", 2),
    );
    let lat_v = b.var("/Grid/lat", &[lat], &[NORTH, ("bounds", "lat_bnds")]);
    let lon_v = b.var("/Grid/lon", &[lon], &[EAST]);
    let bounds = b.var("/Grid/lat_bnds", &[lat, two], &[NORTH]);
    let rain = b.var("/Grid/rain", &[t, lon, lat], &[]);
    let table = b.find();
    assert_eq!(kind_and_rule(&table, rain), ("grid", Rule::DimensionCoordinates));
    let Geolocation::Grid { lat: y, lon: x } = &table.of(rain).unwrap().geolocation else { panic!() };
    assert_eq!((y.dim, y.var, y.bounds, y.edges), (lat, lat_v, Some(bounds), false));
    assert_eq!((x.dim, x.var, x.bounds), (lon, lon_v, None));
    assert!(table.is_coordinate(bounds) && table.is_coordinate(lat_v) && !table.is_coordinate(rain));
    assert!(table.of(lat_v).is_none());
}

#[test]
fn cf_coordinates_are_searched_in_the_neighbourhood() {
    let mut b = Build::new("tempo_like.nc");
    let (row, col, w) = (b.dim("/", "row", 3), b.dim("/", "col", 2), b.dim("/", "w", 5));
    let lat = b.var("/geo/latitude", &[row, col], &[NORTH]);
    let lon = b.var("/geo/longitude", &[row, col], &[EAST]);
    let v = b.var("/data/no2", &[row, col, w], &[("coordinates", "time latitude longitude")]);
    let only_row = b.var("/data/line", &[row], &[]);
    let table = b.find();
    assert_eq!(kind_and_rule(&table, v), ("swath", Rule::CfCoordinates));
    let Geolocation::Swath { lat: a, lon: o, dims } = &table.of(v).unwrap().geolocation else { panic!() };
    assert_eq!((*a, *o, *dims), (lat, lon, [row, col]));
    assert!(table.of(only_row).is_none());
}

#[test]
fn each_weaker_rule_is_used_when_the_stronger_ones_are_silent() {
    type Attrs<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Attrs, Attrs, &str, &str, Rule); 5] = [
        (&[("standard_name", "latitude")], &[("standard_name", "longitude")], "a", "b", Rule::StandardName),
        (&[("units", "degreeN")], &[("units", "degrees_E")], "geo_lat", "geo_lon", Rule::Units),
        (&[], &[], "nav_lat", "nav_lon", Rule::Names),
        (&[("Units", "deg")], &[("Units", "deg")], "Latitude", "Longitude", Rule::Names),
        (&[("long_name", "latitude")], &[("long_name", "longitude")], "WVC_Lat", "WVC_Lon", Rule::Names),
    ];
    // (The last one is NSCAT's.)
    for (lat_attrs, lon_attrs, lat, lon, rule) in cases {
        let mut b = Build::new("x.nc");
        let (r, c) = (b.dim("/", "r", 3), b.dim("/", "c", 2));
        b.var(&format!("/{lat}"), &[r, c], lat_attrs);
        b.var(&format!("/{lon}"), &[r, c], lon_attrs);
        let v = b.var("/v", &[r, c], &[]);
        assert_eq!(kind_and_rule(&b.find(), v), ("swath", rule), "{lat}");
    }
    let mut b = Build::new("x.nc");
    let (r, c) = (b.dim("/", "rows", 3), b.dim("/", "cols", 2));
    b.var("/northing_angle", &[r], &[("axis", "Y"), ("units", "degrees")]);
    b.var("/easting_angle", &[c], &[("axis", "X"), ("units", "degrees")]);
    let v = b.var("/v", &[r, c], &[]);
    // Their names make no pair, but they are the only ones.
    assert_eq!(kind_and_rule(&b.find(), v), ("grid", Rule::Axis));
}

#[test]
fn y_and_x_are_positions_only_in_degrees() {
    for (units, expected) in [("degrees", true), ("count", false)] {
        let mut b = Build::new("x.nc");
        let (y, x) = (b.dim("/", "y", 3), b.dim("/", "x", 2));
        b.var("/y", &[y], &[("units", units)]);
        b.var("/x", &[x], &[("units", units)]);
        let v = b.var("/v", &[y, x], &[]);
        assert_eq!(b.find().of(v).is_some(), expected);
    }
}

#[test]
fn the_catalogue_goes_first_and_missing_names_are_an_error() {
    let mut b = Build::new("x.nc");
    let (r, c) = (b.dim("/", "r", 3), b.dim("/", "c", 2));
    b.var("/lat", &[r, c], &[NORTH]);
    b.var("/lon", &[r, c], &[EAST]);
    let lat = b.var("/geo/yy", &[r, c], &[]);
    b.var("/geo/xx", &[r, c], &[]);
    let v = b.var("/v", &[r, c], &[("coordinates", "lat lon")]);
    let mut hints =
        Hints { latitude: vec!["geo__yy".into()], longitude: vec!["/geo/xx".into()], ..Hints::default() };
    let table = discover(&b.g, &hints).unwrap();
    assert_eq!(kind_and_rule(&table, v), ("swath", Rule::Catalogue));
    let Geolocation::Swath { lat: found, .. } = &table.of(v).unwrap().geolocation else { panic!() };
    assert_eq!(*found, lat);
    hints.longitude = vec!["nope".into()];
    assert!(discover(&b.g, &hints).unwrap_err().to_string().contains("nope"));
}

#[test]
fn one_axis_for_both_is_a_trajectory() {
    let mut b = Build::new("JA1_GPN_x.nc");
    let (t, hz) = (b.dim("/", "time", 5), b.dim("/", "meas_ind", 20));
    let lat = b.var("/lat", &[t], &[NORTH, ("standard_name", "latitude")]);
    b.var("/lon", &[t], &[EAST, ("standard_name", "longitude")]);
    let lat20 = b.var("/lat_20hz", &[t, hz], &[NORTH]);
    b.var("/lon_20hz", &[t, hz], &[EAST]);
    let v = b.var("/swh", &[t, hz], &[("coordinates", "lon_20hz lat_20hz")]);
    for table in [b.find(), b.product("unknown")] {
        for var in [v, lat20] {
            let Geolocation::Trajectory { lat: found, dim, .. } = &table.of(var).unwrap().geolocation else {
                panic!()
            };
            assert_eq!((*found, *dim), (lat, t));
        }
        assert_eq!(table.located.len(), 1);
    }
    assert_eq!(kind_and_rule(&b.find(), v).1, Rule::ProductTable);
}

#[test]
fn positions_of_the_spacecraft_do_not_compete_with_those_of_the_samples() {
    let mut b = Build::new("cygnss_like.nc");
    let (s, d) = (b.dim("/", "sample", 5), b.dim("/", "ddm", 4));
    let sc = b.var("/sc_lat", &[s], &[NORTH]);
    b.var("/sc_lon", &[s], &[EAST]);
    b.var("/sp_lat", &[s, d], &[NORTH]);
    b.var("/sp_lon", &[s, d], &[EAST]);
    let v = b.var("/wind", &[s, d], &[("coordinates", "sample_time sp_lat sp_lon")]);
    let line = b.var("/quality", &[s], &[]);
    let table = b.find();
    assert_eq!(kind_and_rule(&table, v).0, "swath");
    assert_eq!(table.located.len(), 1);
    assert!(table.of(line).is_none() && table.of(sc).is_none());
}

#[test]
fn equal_length_counts_only_for_anonymous_axes_and_only_when_it_is_unique() {
    let build = |anonymous: bool, levels: u64| {
        let mut b = Build::new("MLS.he5");
        let geo = "/HDFEOS/SWATHS/A/Geolocation Fields";
        let data = "/HDFEOS/SWATHS/A/Data Fields";
        let dim = if anonymous { Build::anonymous } else { Build::dim };
        let (n, m) = (dim(&mut b, data, "phony_dim_0", 7), dim(&mut b, data, "phony_dim_1", levels));
        let k = dim(&mut b, geo, "phony_dim_2", 7);
        b.var(&format!("{geo}/Latitude"), &[k], &[("Units", "deg")]);
        b.var(&format!("{geo}/Longitude"), &[k], &[("Units", "deg")]);
        let v = b.var(&format!("{data}/O3"), &[n, m], &[]);
        (b, v, n, k)
    };
    let (b, v, n, k) = build(true, 3);
    let table = b.find();
    assert_eq!(kind_and_rule(&table, v), ("trajectory", Rule::Names));
    assert_eq!(table.same_index, [SameIndex { dim: n, follows: k }]);
    assert_eq!(table.leading_dim(n), k);
    assert!(table.of(v).unwrap().detail.contains("equal length"));
    let (b, v, ..) = build(true, 7);
    assert!(b.find().of(v).is_none(), "two axes have that length");
    let (b, v, ..) = build(false, 3);
    assert!(b.find().of(v).is_none(), "named axes are different axes");
}

#[test]
fn two_swaths_of_one_length_keep_their_own_positions() {
    let mut b = Build::new("x.he5");
    let mut vars = Vec::new();
    for swath in ["UV-1", "UV-2"] {
        let (geo, data) = (
            format!("/HDFEOS/SWATHS/{swath}/Geolocation Fields"),
            format!("/HDFEOS/SWATHS/{swath}/Data Fields"),
        );
        let k = b.anonymous(&geo, "p0", 7);
        let lat = b.var(&format!("{geo}/Latitude"), &[k], &[]);
        b.var(&format!("{geo}/Longitude"), &[k], &[]);
        let n = b.anonymous(&data, "p1", 7);
        vars.push((b.var(&format!("{data}/x"), &[n], &[]), lat));
    }
    let table = b.find();
    for (v, lat) in vars {
        let Geolocation::Trajectory { lat: found, .. } = table.of(v).unwrap().geolocation else { panic!() };
        assert_eq!(found, lat);
    }
}

#[test]
fn a_sibling_group_serves_by_shared_axes() {
    let mut b = Build::new("OMPS-x.h5");
    let (r, c) = (b.dim("/", "DimAlongTrack", 4), b.dim("/", "DimCrossTrack", 3));
    b.var("/GeolocationData/Latitude", &[r, c], &[("units", "degrees_North")]);
    b.var("/GeolocationData/Longitude", &[r, c], &[("units", "degrees_East")]);
    let v = b.var("/ScienceData/NO2", &[r, c], &[]);
    assert_eq!(kind_and_rule(&b.find(), v), ("swath", Rule::Units));
}

fn polar(b: &mut Build, units: &str, mapping: bool) -> (VarId, VarId) {
    let (y, x) = (b.dim("/", "y", 3), b.dim("/", "x", 4));
    b.var("/y", &[y], &[("standard_name", "projection_y_coordinate"), ("units", units)]);
    b.var("/x", &[x], &[("standard_name", "projection_x_coordinate"), ("units", units)]);
    let lat = b.var("/lat", &[y, x], &[NORTH]);
    b.var("/lon", &[y, x], &[EAST]);
    if mapping {
        let polar = [("latitude_of_projection_origin", 90.0), ("longitude_of_projection_origin", 0.0)];
        b.mapping("/crs", "lambert_azimuthal_equal_area", &polar);
    }
    (b.var("/NEE", &[y, x], &[("grid_mapping", "crs"), ("coordinates", "lat lon")]), lat)
}

#[test]
fn projected_axes_go_before_latitude_and_longitude() {
    for (units, factor) in [("m", 1.0), ("km", 1000.0)] {
        let mut b = Build::new("x.nc");
        let (v, lat) = polar(&mut b, units, true);
        let table = b.find();
        assert_eq!(kind_and_rule(&table, v), ("projected grid", Rule::DimensionCoordinates));
        let Geolocation::ProjectedGrid { y, crs, .. } = &table.of(v).unwrap().geolocation else { panic!() };
        assert!(
            matches!(y.source, ProjectedAxisSource::Variable { to_crs_units, .. } if to_crs_units == factor)
        );
        assert!(!crs.definition.is_empty());
        // The positions themselves lie on the grid too: the mapping of the variables on their axes.
        assert_eq!(table.of_var[lat.0], table.of_var[v.0]);
        assert!(table.problems.is_empty());
    }
}

#[test]
fn a_missing_grid_mapping_is_named_when_someone_asks() {
    let mut b = Build::new("x.nc");
    let (v, _) = polar(&mut b, "m", false);
    let table = b.find();
    assert!(table.of(v).is_none());
    let why = table.problem_of(v).unwrap();
    assert!(why.contains("grid mapping 'crs' is missing"), "{why}");
}

#[test]
fn geostationary_angles_become_metres() {
    let mut b = Build::new("goes.nc");
    let (y, x) = (b.dim("/", "y", 3), b.dim("/", "x", 4));
    b.var("/y", &[y], &[("standard_name", "projection_y_coordinate"), ("units", "rad")]);
    b.var("/x", &[x], &[("standard_name", "projection_x_angular_coordinate"), ("units", "rad")]);
    let height = 35_786_023.0;
    let view = [
        ("perspective_point_height", height),
        ("longitude_of_projection_origin", -75.0),
        ("latitude_of_projection_origin", 0.0),
    ];
    let m = b.mapping("/goes", "geostationary", &view);
    b.g.vars[m.0].attrs.push(Attribute::text("sweep_angle_axis", "x"));
    let v = b.var("/CMI", &[y, x], &[("grid_mapping", "other: lat lon goes: x y")]);
    b.mapping("/other", "latitude_longitude", &[]);
    let table = b.find();
    let Geolocation::ProjectedGrid { x, .. } = &table.of(v).unwrap().geolocation else { panic!() };
    assert!(matches!(x.source, ProjectedAxisSource::Variable { to_crs_units, .. } if to_crs_units == height));
    assert!(table.of(v).unwrap().detail.contains("'goes'"));
}

#[test]
fn a_curvilinear_ocean_grid_is_a_swath() {
    let mut b = Build::new("tos.nc");
    let (t, y, x, nv) = (b.dim("/", "time", 2), b.dim("/", "y", 3), b.dim("/", "x", 4), b.dim("/", "nv4", 4));
    b.var("/lat", &[y, x], &[NORTH, ("bounds", "lat_bnds")]);
    b.var("/lon", &[y, x], &[EAST]);
    let bounds = b.var("/lat_bnds", &[y, x, nv], &[]);
    let v = b.var("/tos", &[t, y, x], &[("coordinates", "lon lat")]);
    let table = b.find();
    assert_eq!(kind_and_rule(&table, v).0, "swath");
    assert!(table.is_coordinate(bounds));
}

#[test]
fn a_geotransform_places_axes_without_coordinates() {
    let mut b = Build::new("gdal.nc");
    let (y, x) = (b.dim("/", "y", 3), b.dim("/", "x", 4));
    let zone = [
        ("latitude_of_projection_origin", 0.0),
        ("longitude_of_central_meridian", 9.0),
        ("scale_factor_at_central_meridian", 0.9996),
        ("false_easting", 500_000.0),
        ("false_northing", 0.0),
    ];
    let m = b.mapping("/crs", "transverse_mercator", &zone);
    b.g.vars[m.0].attrs.push(Attribute::text("GeoTransform", "100 10 0 500 0 -20 "));
    let v = b.var("/Band1", &[y, x], &[("grid_mapping", "crs")]);
    let table = b.find();
    assert_eq!(kind_and_rule(&table, v), ("projected grid", Rule::GridDefinition));
    let Geolocation::ProjectedGrid { y, x, .. } = &table.of(v).unwrap().geolocation else { panic!() };
    assert_eq!(y.source, ProjectedAxisSource::Regular { first: 490.0, step: -20.0 });
    assert_eq!(x.source, ProjectedAxisSource::Regular { first: 105.0, step: 10.0 });
}

#[test]
fn a_grid_header_places_axes_in_either_order() {
    let mut b = Build::new("3A11.HDF");
    let header = "LatitudeResolution=5;LongitudeResolution=5;NorthBoundingCoordinate=40;SouthBoundingCoordinate=-40;\
                  EastBoundingCoordinate=180;WestBoundingCoordinate=-180;Origin=SOUTHWEST;";
    b.attr("/", "GridHeader", header);
    let (lon, lat) = (b.dim("/", "nlon", 72), b.dim("/", "nlat", 16));
    let v = b.var("/monthRain", &[lon, lat], &[]);
    let table = b.find();
    assert_eq!(kind_and_rule(&table, v), ("projected grid", Rule::GridDefinition));
    let Geolocation::ProjectedGrid { y, x, crs } = &table.of(v).unwrap().geolocation else { panic!() };
    assert_eq!((y.dim, x.dim, crs.definition.as_str()), (lat, lon, "OGC:CRS84"));
    assert_eq!(y.source, ProjectedAxisSource::Regular { first: -37.5, step: 5.0 });
}

#[test]
fn smap_variables_lie_on_the_ease_grid_of_their_size() {
    let mut b = Build::new("SC_SPL3FTP_004_prefetch.nc4");
    let g = "/Freeze_Thaw_Retrieval_Data_Global";
    let (ap, r, c) = (b.dim("/", "dim0", 2), b.dim("/", "dim1", 406), b.dim("/", "dim2", 964));
    let lat = b.var(&format!("{g}/latitude"), &[ap, r, c], &[NORTH]);
    b.var(&format!("{g}/longitude"), &[ap, r, c], &[EAST]);
    let flag = b.var(&format!("{g}/flag"), &[r, c], &[]);
    let classes = b.dim("/", "k", 3);
    let yxz = b.var(&format!("{g}/landcover"), &[r, c, classes], &[]);
    let table = b.find();
    for v in [lat, flag, yxz] {
        assert_eq!(kind_and_rule(&table, v), ("projected grid", Rule::ProductTable));
    }
    let Geolocation::ProjectedGrid { y, x, crs } = &table.of(lat).unwrap().geolocation else { panic!() };
    assert_eq!((y.dim, x.dim, crs.definition.as_str()), (r, c, "EPSG:6933"));
    let ProjectedAxisSource::Regular { first, step } = x.source else { panic!() };
    // Centre of column 0: half a cell right of the corner.
    assert!((first - (-17_367_530.4451615 + 18_016.110420292)).abs() < 1e-6 && step > 0.0);
}

#[test]
fn a_part_of_an_ease_grid_is_found_by_its_positions() {
    // Centres of rows 265… and columns 170… of EASE2_N36km: inverse of the polar equal-area projection is exact on
    // the sphere only, so the positions are those of the 36 km polar grid as stored in SMAP files (float32).
    let mut b = Build::new("SPL3FTP_part.nc4");
    let (r, c) = (b.dim("/", "y", 2), b.dim("/", "x", 2));
    let (mut lat, mut lon) = (Vec::new(), Vec::new());
    for row in [265.0, 266.0] {
        for col in [170.0, 171.0] {
            let (x, y) = (-9e6 + (col + 0.5) * 36e3, 9e6 - (row + 0.5) * 36e3);
            let (a, o) = inverse_north(x, y);
            lat.push(a);
            lon.push(o);
        }
    }
    b.values("/g/latitude", &[r, c], &[NORTH], &lat);
    b.values("/g/longitude", &[r, c], &[EAST], &lon);
    let v = b.var("/g/flag", &[r, c], &[]);
    let table = b.find();
    assert_eq!(kind_and_rule(&table, v), ("projected grid", Rule::ProductTable));
    let Geolocation::ProjectedGrid { y, x, crs } = &table.of(v).unwrap().geolocation else { panic!() };
    assert_eq!(crs.definition, "EPSG:6931");
    assert_eq!(x.source, ProjectedAxisSource::Regular { first: -9e6 + 170.5 * 36e3, step: 36e3 });
    assert_eq!(y.source, ProjectedAxisSource::Regular { first: 9e6 - 265.5 * 36e3, step: -36e3 });
}

/// Inverse of EPSG:6931 by bisection: latitude and longitude in degrees.
fn inverse_north(x: f64, y: f64) -> (f64, f64) {
    let rho = x.hypot(y);
    let e2 = 0.006_694_379_990_141_316_f64;
    let e = e2.sqrt();
    let q = |s: f64| (1.0 - e2) * (s / (1.0 - e2 * s * s) - ((1.0 - e * s) / (1.0 + e * s)).ln() / (2.0 * e));
    let (mut low, mut high) = (-90.0_f64, 90.0_f64);
    for _ in 0..80 {
        let mid = (low + high) / 2.0;
        let r = 6_378_137.0 * (q(1.0) - q(mid.to_radians().sin())).max(0.0).sqrt();
        if r > rho { low = mid } else { high = mid }
    }
    (low, x.atan2(-y).to_degrees())
}

#[test]
fn atl16_axes_are_cell_edges_and_all_three_grids_are_found() {
    let mut b = Build::new("ATL16_variables.nc4");
    let mut dims = Vec::new();
    for name in ["npolar_grid", "global_grid"] {
        let (y, x) = (b.dim("/", &format!("{name}_lat"), 3), b.dim("/", &format!("{name}_lon"), 4));
        b.var(&format!("/{name}_lat"), &[y], &[NORTH]);
        b.var(&format!("/{name}_lon"), &[x], &[EAST]);
        dims = vec![y, x];
    }
    let mapping = "crs_latlon: global_grid_lat crs_latlon: global_grid_lon";
    let coordinates = "global_grid_lat global_grid_lon";
    let v = b.var("/global_asr", &dims, &[("coordinates", coordinates), ("grid_mapping", mapping)]);
    let table = b.find();
    let Geolocation::Grid { lat, lon } = &table.of(v).unwrap().geolocation else { panic!() };
    assert!(lat.edges && lon.edges);
    assert_eq!(table.located.len(), 2);
}

/// One beam of an ATL03: 3 segments, 6 photons.
fn atl03() -> (Build, [DimId; 4]) {
    let mut b = Build::new("ATL03_x.h5");
    b.attr("/", "short_name", "ATL03");
    b.group("/METADATA/Lineage");
    b.group("/ancillary_data");
    let time = ("units", "seconds since 2018-01-01");
    let seg = b.dim("/gt1l/geolocation", "delta_time", 3);
    let cf = [("coordinates", "delta_time reference_photon_lat reference_photon_lon")];
    b.var("/gt1l/geolocation/delta_time", &[seg], &[time]);
    b.var("/gt1l/geolocation/reference_photon_lat", &[seg], &[NORTH]);
    b.var("/gt1l/geolocation/reference_photon_lon", &[seg], &[EAST]);
    b.var("/gt1l/geolocation/ph_index_beg", &[seg], &cf);
    b.var("/gt1l/geolocation/segment_ph_cnt", &[seg], &cf);
    let five = b.dim("/gt1l/geolocation", "ds_surf_type", 5);
    b.var("/gt1l/geolocation/surf_type", &[seg, five], &cf);
    let geo = b.dim("/gt1l/geophys_corr", "delta_time", 3);
    b.var("/gt1l/geophys_corr/delta_time", &[geo], &[time]);
    b.var("/gt1l/geophys_corr/dac", &[geo], &[("coordinates", "delta_time")]);
    let ph = b.dim("/gt1l/heights", "delta_time", 6);
    b.var("/gt1l/heights/delta_time", &[ph], &[time]);
    b.var("/gt1l/heights/lat_ph", &[ph], &[NORTH]);
    b.var("/gt1l/heights/lon_ph", &[ph], &[EAST]);
    b.var("/gt1l/heights/h_ph", &[ph], &[("coordinates", "delta_time lat_ph lon_ph")]);
    let bck = b.dim("/gt1l/bckgrd_atlas", "delta_time", 9);
    b.var("/gt1l/bckgrd_atlas/delta_time", &[bck], &[time]);
    b.var("/gt1l/bckgrd_atlas/bckgrd_rate", &[bck], &[("coordinates", "delta_time")]);
    b.var("/ancillary_data/start_delta_time", &[], &[time]);
    (b, [seg, geo, ph, bck])
}

#[test]
fn atl03_photons_are_addressed_by_segments() {
    let (b, [seg, geo, ph, bck]) = atl03();
    let table = b.find();
    let at = |path: &str| b.g.find_var(path).unwrap();
    let Geolocation::Segmented(s) = &table.of(at("/gt1l/heights/h_ph")).unwrap().geolocation else {
        panic!()
    };
    assert_eq!((s.dim, s.segment_dim), (ph, seg));
    assert_eq!(s.begin, at("/gt1l/geolocation/ph_index_beg"));
    assert_eq!(s.count, Some(at("/gt1l/geolocation/segment_ph_cnt")));
    assert_eq!(s.lat, Some(at("/gt1l/geolocation/reference_photon_lat")));
    let track = table.of_var[at("/gt1l/geolocation/surf_type").0];
    assert_eq!(table.of(at("/gt1l/geolocation/surf_type")).unwrap().geolocation.kind(), "trajectory");
    assert_eq!(table.of_var[at("/gt1l/geophys_corr/dac").0], track);
    assert_eq!(table.same_index, [SameIndex { dim: geo, follows: seg }]);
    let times = at("/gt1l/bckgrd_atlas/delta_time");
    assert_eq!(table.time_only, [TimeOnly { dim: bck, time: times, follows: track }]);
    assert!(table.of(at("/gt1l/bckgrd_atlas/bckgrd_rate")).is_none());
    assert!(table.is_never_subset(&b.g, b.g.find_group("/METADATA/Lineage").unwrap()));
    assert!(table.is_never_subset(&b.g, b.g.find_group("/ancillary_data").unwrap()));
    assert!(!table.is_never_subset(&b.g, b.g.find_group("/gt1l/heights").unwrap()));
    assert!(table.is_coordinate(at("/gt1l/heights/lat_ph")) && table.is_coordinate(s.begin));
}

#[test]
fn a_photon_variable_brings_what_its_segments_need() {
    let (b, _) = atl03();
    let table = b.find();
    let wanted = find_variables(&b.g, "/gt1l/heights/h_ph").unwrap();
    let kept: Vec<&str> = closure(&b.g, &wanted, &table).iter().map(|&v| b.g.var(v).path.as_str()).collect();
    let expected = [
        "/gt1l/geolocation/delta_time",
        "/gt1l/geolocation/reference_photon_lat",
        "/gt1l/geolocation/reference_photon_lon",
        "/gt1l/geolocation/ph_index_beg",
        "/gt1l/geolocation/segment_ph_cnt",
        "/gt1l/heights/delta_time",
        "/gt1l/heights/lat_ph",
        "/gt1l/heights/lon_ph",
        "/gt1l/heights/h_ph",
    ];
    assert_eq!(kept, expected);
}

#[test]
fn gedi_waveforms_follow_shots_in_another_group() {
    let mut b = Build::new("GEDI01_B_x.h5");
    let beam = "/BEAM0000";
    let geo = b.anonymous(&format!("{beam}/geolocation"), "p0", 4);
    b.var(&format!("{beam}/geolocation/latitude_bin0"), &[geo], &[("units", "degrees")]);
    b.var(&format!("{beam}/geolocation/longitude_bin0"), &[geo], &[("units", "degrees")]);
    let (shots, n) = (b.anonymous(beam, "p1", 4), b.anonymous(beam, "p2", 50));
    let start = b.var(&format!("{beam}/rx_sample_start_index"), &[shots], &[]);
    b.var(&format!("{beam}/rx_sample_count"), &[shots], &[]);
    let number = b.var(&format!("{beam}/shot_number"), &[shots], &[]);
    let wave = b.var(&format!("{beam}/rxwaveform"), &[n], &[]);
    let table = b.find();
    let Geolocation::Segmented(s) = &table.of(wave).unwrap().geolocation else { panic!() };
    assert_eq!((s.dim, s.segment_dim, s.begin), (n, shots, start));
    assert_eq!(s.lat, b.g.find_var("/BEAM0000/geolocation/latitude_bin0"));
    assert_eq!(table.of(start).unwrap().geolocation.kind(), "trajectory");
    assert_eq!(table.leading_dim(shots), geo);
    assert!(closure(&b.g, &[wave], &table).contains(&number));
}

#[test]
fn atl10_children_know_their_parents() {
    let mut b = Build::new("ATL10-01_x.h5");
    let section = b.dim("/gt1l/reference_surface_section", "n", 3);
    b.var("/gt1l/reference_surface_section/latitude", &[section], &[NORTH]);
    b.var("/gt1l/reference_surface_section/longitude", &[section], &[EAST]);
    b.var("/gt1l/reference_surface_section/beam_lead_ndx", &[section], &[]);
    b.var("/gt1l/reference_surface_section/beam_lead_n", &[section], &[]);
    let leads = b.dim("/gt1l/leads", "n", 2);
    let lead = b.var("/gt1l/leads/latitude", &[leads], &[NORTH]);
    b.var("/gt1l/leads/longitude", &[leads], &[EAST]);
    let free = b.dim("/gt1l/freeboard_segment", "n", 9);
    let index = b.var("/gt1l/freeboard_segment/beam_refsurf_ndx", &[free], &[]);
    let table = b.find();
    assert_eq!(table.of(lead).unwrap().geolocation.kind(), "segmented trajectory");
    assert_eq!(table.reverse, [ReverseIndex { dim: free, parent_dim: section, index }]);
}

#[test]
fn closure_follows_references_of_references() {
    let mut b = Build::new("x.nc");
    let (t, y, x, nv) =
        (b.dim("/", "time", 2), b.dim("/", "lat", 3), b.dim("/", "lon", 4), b.dim("/", "nv", 2));
    b.var("/time", &[t], &[("units", "days since 2000-01-01"), ("bounds", "time_bnds")]);
    b.var("/time_bnds", &[t, nv], &[]);
    b.var("/lat", &[y], &[NORTH]);
    b.var("/lon", &[x], &[EAST]);
    b.var("/crs", &[], &[("grid_mapping_name", "latitude_longitude")]);
    b.var("/g/flag", &[t, y, x], &[]);
    b.var("/other", &[t, y, x], &[]);
    let attrs = [("grid_mapping", "crs: lat lon"), ("ancillary_variables", "flag,missing ../FakeDim0")];
    let v = b.var("/g/v", &[t, y, x], &attrs);
    let table = b.find();
    let names: Vec<&str> = closure(&b.g, &[v], &table).iter().map(|&v| b.g.var(v).path.as_str()).collect();
    assert_eq!(names, ["/time", "/time_bnds", "/lat", "/lon", "/crs", "/g/flag", "/g/v"]);
}

#[test]
fn names_are_found_as_users_write_them() {
    let mut b = Build::new("x.nc");
    let d = b.dim("/", "n", 1);
    for path in ["/sst", "/a/wind_speed", "/b/wind_speed", "/Data Fields/O3", "/a/deep/q"] {
        b.var(path, &[d], &[]);
    }
    let find = |name: &str| {
        let found = find_variables(&b.g, name)?;
        Ok::<_, NotFound>(found.iter().map(|&v| b.g.var(v).path.clone()).collect::<Vec<_>>())
    };
    assert_eq!(find("sst").unwrap(), ["/sst"]);
    assert_eq!(find("a__wind_speed").unwrap(), ["/a/wind_speed"]);
    assert_eq!(find("/a/wind_speed").unwrap(), ["/a/wind_speed"]);
    assert_eq!(find("wind_speed").unwrap(), ["/a/wind_speed", "/b/wind_speed"]);
    assert_eq!(find("Wind Speed").unwrap(), ["/a/wind_speed", "/b/wind_speed"]);
    assert_eq!(find("datafields/o3").unwrap(), ["/Data Fields/O3"]);
    assert_eq!(find("/a").unwrap(), ["/a/wind_speed", "/a/deep/q"]);
    assert_eq!(find("deep/q").unwrap(), ["/a/deep/q"]);
    let missing = find("wind_sped").unwrap_err();
    assert_eq!(missing.nearest.as_deref(), Some("wind_speed"));
    assert_eq!(missing.to_string(), "no variable 'wind_sped'; the nearest name is 'wind_speed'");
    assert_eq!(find("quite_different").unwrap_err().nearest, None);
    assert!(find("").is_err());
}

#[test]
fn a_summary_says_kind_rule_and_variables() {
    let (b, _) = atl03();
    let summary = summary(&b.g, &b.find());
    let photons = summary.iter().find(|s| s.kind == "segmented trajectory").unwrap();
    assert_eq!(photons.rule, "product table");
    assert_eq!(photons.axes, [("delta_time".to_owned(), 6)]);
    assert_eq!(photons.positions[0], "/gt1l/geolocation/ph_index_beg");
    assert_eq!(photons.variables.len(), 4);
}

#[test]
fn times_come_along_once() {
    // One 2-D time for all samples (ASCAT).
    let mut b = Build::new("ascat.nc");
    let (r, c) = (b.dim("/", "rows", 3), b.dim("/", "cells", 2));
    let time = b.var("/time", &[r, c], &[("units", "seconds since 1990-01-01"), ("coordinates", "lat lon")]);
    let lat = b.var("/lat", &[r, c], &[NORTH]);
    let lon = b.var("/lon", &[r, c], &[EAST]);
    let v = b.var("/wind_speed", &[r, c], &[("coordinates", "lat lon")]);
    b.var("/wind_dir", &[r, c], &[("coordinates", "lat lon")]);
    let table = b.find();
    assert_eq!(closure(&b.g, &[v], &table), [time, lat, lon, v]);
    assert_eq!(table.times, [time]);
    // The time coordinate itself is enough (Sentinel-6 has TAI beside it).
    let mut b = Build::new("S6A_x.nc");
    let t = b.dim("/data_01", "time", 3);
    let units = ("units", "seconds since 2000-01-01");
    let time = b.var("/data_01/time", &[t], &[units]);
    let tai = b.var("/data_01/time_tai", &[t], &[units]);
    let lat = b.var("/data_01/latitude", &[t], &[NORTH]);
    let lon = b.var("/data_01/longitude", &[t], &[EAST]);
    let v = b.var("/data_01/ku/swh", &[t], &[]);
    let table = b.find();
    assert_eq!(closure(&b.g, &[v], &table), [time, lat, lon, v]);
    assert_eq!(table.times, [time]);
    assert!(table.is_coordinate(tai));
}

#[test]
fn offsets_with_all_axes_of_the_data_are_data() {
    let mut b = Build::new("x-L2P-v1.nc");
    let (t, r, c) = (b.dim("/", "time", 1), b.dim("/", "nj", 3), b.dim("/", "ni", 2));
    let time = b.var("/time", &[t], &[("units", "seconds since 1981-01-01")]);
    b.var("/lat", &[r, c], &[NORTH]);
    b.var("/lon", &[r, c], &[EAST]);
    let offset = b.var("/sst_dtime", &[t, r, c], &[("units", "second")]);
    let table = b.find();
    assert_eq!(table.product.as_ref().unwrap().name, "GHRSST L2P");
    assert_eq!(table.times, [time]);
    assert!(!table.is_coordinate(offset) && table.of(offset).is_some());
}

#[test]
fn scales_that_an_attribute_gives_to_two_axes_make_no_track() {
    let mut b = Build::new("h4toh5.h5");
    let n = b.anonymous("/HDF4_DIMGROUP", "phony_dim_0", 4);
    b.var("/HDF4_DIMGROUP/lat", &[n], &[NORTH]);
    b.var("/HDF4_DIMGROUP/lon", &[n], &[EAST]);
    let (r, c) = (b.anonymous("/", "phony_dim_1", 4), b.anonymous("/", "phony_dim_2", 4));
    let v = b.var("/band", &[r, c], &[]);
    let scales = Attribute::strings("DIMENSION_NAMELIST", &["/HDF4_DIMGROUP/lat", "/HDF4_DIMGROUP/lon"]);
    b.g.vars[v.0].attrs.push(scales);
    assert!(b.find().located.is_empty());
}

#[test]
fn a_user_table_goes_before_the_built_in_one() {
    let text = "[[product]]\nname = \"mine\"\nshort_names = [\"ATL03\"]\n";
    let mut user = products::Table::parse(text).unwrap();
    user.append(&products::table());
    let g = Granule::new("x", "netcdf4");
    let find =
        |name: &str| user.find(&g, &Hints { short_name: Some(name.into()), ..Hints::default() }).unwrap();
    assert_eq!(find("ATL03").name, "mine");
    assert_eq!(find("ATL08").name, "ATL08");
}
