//! Projected systems without an EPSG code: method, parameters and figure.

use harmony_model::Attribute;
use harmony_model::crs::Crs;

use super::geokeys::{Keys, USER_DEFINED, find, find_text, geodetic, key, linear_units};

/// A parameter: GeoKey, CF attribute, value where CF leaves it out.
type Parameter = (u16, &'static str, Option<f64>);

const FALSE_ORIGIN: [Parameter; 2] =
    [(key::FALSE_EASTING, "false_easting", Some(0.0)), (key::FALSE_NORTHING, "false_northing", Some(0.0))];
const LAT: &str = "latitude_of_projection_origin";
const LON: &str = "longitude_of_projection_origin";
const MERIDIAN: &str = "longitude_of_central_meridian";
const SCALE: &str = "scale_factor_at_projection_origin";

/// Projection methods that are plain lists of parameters: CF name, method, parameters besides the false origin.
const METHODS: &[(&str, u16, &[Parameter])] = &[
    (
        "transverse_mercator",
        1,
        &[
            (key::NATURAL_LAT, LAT, Some(0.0)),
            (key::NATURAL_LON, MERIDIAN, Some(0.0)),
            (key::SCALE, "scale_factor_at_central_meridian", Some(1.0)),
        ],
    ),
    (
        "lambert_azimuthal_equal_area",
        10,
        &[(key::CENTRE_LAT, LAT, Some(0.0)), (key::CENTRE_LON, LON, Some(0.0))],
    ),
    ("azimuthal_equidistant", 12, &[(key::CENTRE_LAT, LAT, Some(0.0)), (key::CENTRE_LON, LON, Some(0.0))]),
    (
        "stereographic",
        14,
        &[
            (key::CENTRE_LAT, LAT, Some(0.0)),
            (key::CENTRE_LON, LON, Some(0.0)),
            (key::SCALE, SCALE, Some(1.0)),
        ],
    ),
    ("orthographic", 21, &[(key::CENTRE_LAT, LAT, Some(0.0)), (key::CENTRE_LON, LON, Some(0.0))]),
    ("sinusoidal", 24, &[(key::CENTRE_LON, MERIDIAN, Some(0.0))]),
];

/// Keys of a projected CRS without EPSG code.
///
/// # Errors
/// What it is that GeoTIFF has no words for.
pub fn user_defined(crs: &Crs, keys: &mut Keys) -> Result<(), String> {
    let attrs = crs.to_cf_attributes();
    let name = crs.name().unwrap_or_else(|| "unnamed".into());
    keys.text(key::CITATION, &name);
    keys.short(key::PROJECTED_CRS, USER_DEFINED);
    keys.short(key::PROJECTION, USER_DEFINED);
    linear_units(crs, keys);
    geodetic(crs, &attrs, keys);
    let mapping = find_text(&attrs, "grid_mapping_name").unwrap_or_default();
    let parallels =
        attrs.iter().find(|a| a.name == "standard_parallel").and_then(Attribute::as_f64s).unwrap_or_default();
    if let Some((_, method, parameters)) = METHODS.iter().find(|(cf, _, _)| *cf == mapping) {
        keys.short(key::METHOD, *method);
        put(keys, &attrs, parameters);
        put(keys, &attrs, &FALSE_ORIGIN);
        return Ok(());
    }
    match (mapping.as_str(), parallels.as_slice()) {
        ("lambert_conformal_conic", parallels) => conformal_conic(keys, &attrs, parallels),
        ("albers_conical_equal_area", &[first, ..]) => {
            keys.short(key::METHOD, 11);
            keys.double(key::PARALLEL_1, first);
            keys.double(key::PARALLEL_2, *parallels.last().unwrap_or(&first));
            put(keys, &attrs, &[(key::NATURAL_LAT, LAT, Some(0.0)), (key::NATURAL_LON, MERIDIAN, Some(0.0))]);
            put(keys, &attrs, &FALSE_ORIGIN);
        }
        ("polar_stereographic", parallels) => polar(keys, &attrs, parallels),
        ("lambert_cylindrical_equal_area", parallels) => {
            keys.short(key::METHOD, 28);
            keys.double(key::PARALLEL_1, parallels.first().copied().unwrap_or(0.0));
            put(keys, &attrs, &[(key::NATURAL_LON, MERIDIAN, Some(0.0))]);
            put(keys, &attrs, &FALSE_ORIGIN);
        }
        ("mercator", parallels) => {
            keys.short(key::METHOD, 7);
            put(keys, &attrs, &[(key::NATURAL_LAT, LAT, Some(0.0)), (key::NATURAL_LON, LON, Some(0.0))]);
            match parallels.first() {
                Some(&parallel) => keys.double(key::PARALLEL_1, parallel),
                None => put(keys, &attrs, &[(key::SCALE, SCALE, Some(1.0))]),
            }
            put(keys, &attrs, &FALSE_ORIGIN);
        }
        _ => return other(crs, keys),
    }
    Ok(())
}

fn put(keys: &mut Keys, attrs: &[Attribute], parameters: &[Parameter]) {
    for &(key, name, default) in parameters {
        if let Some(value) = find(attrs, name).or(default) {
            keys.double(key, value);
        }
    }
}

fn conformal_conic(keys: &mut Keys, attrs: &[Attribute], parallels: &[f64]) {
    match parallels {
        &[first, second] => {
            keys.short(key::METHOD, 8);
            keys.double(key::PARALLEL_1, first);
            keys.double(key::PARALLEL_2, second);
            put(
                keys,
                attrs,
                &[
                    (key::FALSE_ORIGIN_LAT, LAT, Some(0.0)),
                    (key::FALSE_ORIGIN_LON, MERIDIAN, Some(0.0)),
                    (key::FALSE_ORIGIN_EASTING, "false_easting", Some(0.0)),
                    (key::FALSE_ORIGIN_NORTHING, "false_northing", Some(0.0)),
                ],
            );
        }
        one => {
            keys.short(key::METHOD, 9);
            let lat = one.first().copied().or_else(|| find(attrs, LAT)).unwrap_or(0.0);
            keys.double(key::NATURAL_LAT, lat);
            put(keys, attrs, &[(key::NATURAL_LON, MERIDIAN, Some(0.0)), (key::SCALE, SCALE, Some(1.0))]);
            put(keys, attrs, &FALSE_ORIGIN);
        }
    }
}

/// With a standard parallel the natural origin is that (variant B), else the pole (variant A).
fn polar(keys: &mut Keys, attrs: &[Attribute], parallels: &[f64]) {
    keys.short(key::METHOD, 15);
    let lat = parallels.first().copied().or_else(|| find(attrs, LAT)).unwrap_or(90.0);
    keys.double(key::NATURAL_LAT, lat);
    let lon =
        find(attrs, "straight_vertical_longitude_from_pole").or_else(|| find(attrs, LON)).unwrap_or(0.0);
    keys.double(key::STRAIGHT_LON, lon);
    let scale = if parallels.is_empty() { find(attrs, SCALE).unwrap_or(1.0) } else { 1.0 };
    keys.double(key::SCALE, scale);
    put(keys, attrs, &FALSE_ORIGIN);
}

/// Keys of GeoTIFF and the parameters of PROJ that they hold.
type Parameters = &'static [(u16, &'static str)];

/// Projections that CF has no name for, by PROJ's: method, then key and PROJ parameter.
const PROJ_METHODS: &[(&str, u16, Parameters)] = &[
    ("eqc", 17, &[(key::CENTRE_LAT, "lat_0"), (key::CENTRE_LON, "lon_0"), (key::PARALLEL_1, "lat_ts")]),
    ("aeqd", 12, &[(key::CENTRE_LAT, "lat_0"), (key::CENTRE_LON, "lon_0")]),
    ("poly", 22, &[(key::NATURAL_LAT, "lat_0"), (key::NATURAL_LON, "lon_0")]),
    ("robin", 23, &[(key::CENTRE_LON, "lon_0")]),
];

/// By PROJ's parameters. What GeoTIFF has no method for goes as WKT into the citation, where GDAL and ArcGIS look for
/// it.
fn other(crs: &Crs, keys: &mut Keys) -> Result<(), String> {
    let proj = crs.proj_string().unwrap_or_default();
    let get = |name: &str| {
        proj.split_whitespace().find_map(|w| w.strip_prefix('+')?.strip_prefix(name)?.strip_prefix('='))
    };
    let number = |name: &str| get(name).and_then(|v| v.parse::<f64>().ok()).unwrap_or(0.0);
    if let Some((_, method, parameters)) = PROJ_METHODS.iter().find(|(name, _, _)| get("proj") == Some(name))
    {
        keys.short(key::METHOD, *method);
        parameters.iter().for_each(|(key, name)| keys.double(*key, number(name)));
        let unit = crs.units_to_metre().unwrap_or(1.0);
        keys.double(key::FALSE_EASTING, number("x_0") / unit);
        keys.double(key::FALSE_NORTHING, number("y_0") / unit);
        return Ok(());
    }
    let Some(wkt) = crs.wkt1_gdal() else {
        return Err(format!(
            "GeoTIFF has no words for its reference system '{}'; choose another one with --crs",
            crs.name().unwrap_or_else(|| crs.definition.clone())
        ));
    };
    for key in [key::MODEL_TYPE, key::PROJECTED_CRS, key::PROJECTION] {
        keys.remove(key);
    }
    keys.short(key::MODEL_TYPE, USER_DEFINED);
    keys.text(key::PROJECTED_CITATION, &format!("ESRI PE String = {wkt}"));
    Ok(())
}
