//! Coordinate reference systems: the one place that parses and transforms them.
//!
//! Inside the engine geographic positions are always (longitude, latitude) in degrees and projected ones (x, y),
//! whatever axis order an authority prescribes.

mod cf;
mod ffi;
mod info;
mod parse;
mod proj_text;
#[cfg(test)]
mod tests;
mod transform;
mod wgs84;
mod write;

use std::sync::Arc;

use crate::ModelError;
use crate::attribute::Attribute;
use info::Info;

pub use ffi::available as proj_available;
pub use transform::Transform;

/// A coordinate reference system. Two of them are equal when their definitions are written the same; whether they mean
/// the same is [`Crs::same_as`].
#[derive(Clone, Debug, PartialEq)]
pub struct Crs {
    /// What PROJ is given: an authority code, a PROJ string or WKT.
    pub definition: String,
}

impl Crs {
    /// From any form in which clients and files write one: `EPSG:3413`, `3413`, OGC URNs and URLs, `CRS:84`,
    /// `ESRI:102001`, PROJ strings, WKT 1 and 2, PROJJSON, names (`WGS84`, `EASE-Grid 2.0 North`,
    /// `WGS 84 / UTM zone 18N`).
    ///
    /// # Errors
    /// [`ModelError::Crs`] naming the text, what is wrong with it and what would be right.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        parse::parse(text)
    }

    /// From the attributes of a CF grid mapping variable: `crs_wkt` or `spatial_ref` where PROJ understands it, else
    /// the parameters of CF 1.11 Appendix F, else an EPSG code or PROJ string that the variable gives.
    ///
    /// # Errors
    /// [`ModelError::Crs`] naming the grid mapping and what it lacks.
    pub fn from_cf_attributes(attrs: &[Attribute]) -> Result<Self, ModelError> {
        cf::from_attributes(attrs)
    }

    /// WGS 84 in longitude and latitude.
    pub fn wgs84() -> Self {
        Crs { definition: "OGC:CRS84".into() }
    }

    fn info(&self) -> Option<Arc<Info>> {
        info::of(&self.definition)
    }

    /// Whether coordinates are longitudes and latitudes. Those of a rotated pole are not.
    pub fn is_geographic(&self) -> bool {
        match parse::known_geographic(&self.definition) {
            Some(answer) => answer,
            None => self.info().is_some_and(|i| i.geographic),
        }
    }

    /// The name PROJ knows it by.
    pub fn name(&self) -> Option<String> {
        self.info()?.name.clone()
    }

    /// Authority and code, `EPSG:3413`: those of the definition, else of an equivalent entry of the EPSG database.
    pub fn authority_code(&self) -> Option<String> {
        if parse::is_wgs84(&self.definition) && self.definition.contains(':') {
            return Some(self.definition.clone());
        }
        self.info()?.authority_code()
    }

    /// WKT 2 (2019) on one line.
    pub fn wkt2(&self) -> Option<String> {
        self.info()?.wkt2.clone()
    }

    /// WKT 1 as GDAL writes it, on one line; `None` when it can't be said so.
    pub fn wkt1_gdal(&self) -> Option<String> {
        self.info()?.wkt1_gdal.clone()
    }

    /// PROJ string; `None` when it can't be said so.
    pub fn proj_string(&self) -> Option<String> {
        self.info()?.proj_string.clone()
    }

    /// Longitude of the meridian that its map is centred on, in degrees; 0 where there is none.
    pub fn central_meridian(&self) -> f64 {
        let text = proj_text::ProjText::parse(&self.proj_string().unwrap_or_default());
        match text.number("zone") {
            Some(zone) => zone * 6.0 - 183.0,
            None => text.number("lon_0").unwrap_or(0.0),
        }
    }

    /// Metres in one unit of the projected axes; `None` for geographic systems.
    pub fn units_to_metre(&self) -> Option<f64> {
        if parse::known_geographic(&self.definition) == Some(true) {
            return None;
        }
        self.info()?.units_to_metre
    }

    /// Whether the authority puts latitude (northing) before longitude: WMS 1.3.0 and WFS follow it, the engine never
    /// does.
    pub fn authority_puts_north_first(&self) -> bool {
        match self.definition.as_str() {
            "EPSG:4326" => true,
            "OGC:CRS84" => false,
            _ => self.info().is_some_and(|i| i.north_first),
        }
    }

    /// Whether both mean the same coordinates, axis order of geographic systems aside.
    pub fn same_as(&self, other: &Crs) -> bool {
        let both_wgs84 = parse::is_wgs84(&self.definition) && parse::is_wgs84(&other.definition);
        self.definition == other.definition
            || both_wgs84
            || info::equivalent(&self.definition, &other.definition)
    }

    /// Where it may be used: west, south, east, north in degrees; `west > east` crosses the antimeridian.
    pub fn area_of_use(&self) -> Option<[f64; 4]> {
        if matches!(self.definition.as_str(), "EPSG:4326" | "OGC:CRS84") {
            return Some([-180.0, -90.0, 180.0, 90.0]);
        }
        self.info()?.area_of_use
    }

    /// Attributes of a CF grid mapping variable: `grid_mapping_name` and its parameters where CF has them, ellipsoid,
    /// `crs_wkt` (WKT 2) and `spatial_ref` (WKT 1).
    pub fn to_cf_attributes(&self) -> Vec<Attribute> {
        write::attributes(self)
    }
}
