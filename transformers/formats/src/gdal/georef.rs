//! Axes and grid mapping of a raster, from its geotransform and CRS.

use harmony_model::crs::Crs;
use harmony_model::{Attribute, DimId, Granule, GroupId};

use super::info::{CrsInfo, RasterInfo};
use crate::hdfeos::axes::{add_coordinate, add_grid_mapping, axis_attributes, centres};

/// Dimensions of a raster, and the grid mapping its variables refer to.
pub struct Place {
    pub y: DimId,
    pub x: DimId,
    pub grid_mapping: Option<&'static str>,
}

/// Adds dimensions, and for a raster with a CRS its coordinate variables (cell centres) and the variable `crs`.
///
/// A geographic raster has `lat` and `lon`, any other `y` and `x`. A rotated one gets no 1-D coordinates: its
/// `GeoTransform` says where it lies.
pub fn place(granule: &mut Granule, group: GroupId, info: &RasterInfo) -> Place {
    let located = info.crs.as_ref().zip(info.transform).filter(|(_, t)| t.iter().all(|v| v.is_finite()));
    let straight = located.filter(|(_, t)| t[2] == 0.0 && t[4] == 0.0 && t[1] != 0.0 && t[5] != 0.0);
    let geographic = straight.is_some_and(|(crs, _)| crs.geographic);
    let (y_name, x_name) = if geographic { ("lat", "lon") } else { ("y", "x") };
    let y = granule.add_dim(group, y_name, info.height);
    let x = granule.add_dim(group, x_name, info.width);
    if let Some((crs, t)) = straight {
        let unit = unit_name(crs);
        let attrs = |is_x| axis_attributes(geographic, is_x, &unit);
        add_coordinate(granule, group, y, &centres(t[3], t[5], info.height), attrs(false));
        add_coordinate(granule, group, x, &centres(t[0], t[1], info.width), attrs(true));
    }
    if let Some((crs, t)) = located {
        add_grid_mapping(granule, group, "crs", mapping_attributes(crs, t));
    }
    Place { y, x, grid_mapping: located.map(|_| "crs") }
}

/// Unit of a projected axis as UDUNITS writes it.
fn unit_name(crs: &CrsInfo) -> String {
    let (metres, name) = &crs.unit;
    if (*metres - 1.0).abs() < 1e-12 { "m".into() } else { name.replace(' ', "_") }
}

fn mapping_attributes(crs: &CrsInfo, t: [f64; 6]) -> Vec<Attribute> {
    let mut out = Vec::new();
    if crs.geographic {
        out.push(Attribute::text("grid_mapping_name", "latitude_longitude"));
    }
    if let (false, Ok(parsed)) = (crs.geographic, Crs::parse(&crs.wkt2)) {
        let texts = ["crs_wkt", "spatial_ref"];
        out.extend(parsed.to_cf_attributes().into_iter().filter(|a| !texts.contains(&a.name.as_str())));
    }
    out.push(Attribute::text("crs_wkt", &crs.wkt2));
    out.push(Attribute::text("spatial_ref", if crs.wkt1.is_empty() { &crs.wkt2 } else { &crs.wkt1 }));
    let numbers: Vec<String> = t.iter().map(f64::to_string).collect();
    out.push(Attribute::text("GeoTransform", &numbers.join(" ")));
    out
}
