//! The data operation: what a request to the public API asks for, in the words of the message that transformers of the
//! reference system get (data-operation schema 0.22.0). Doors fill it in, selection and jobs read it, and
//! jobs turn it into a request of the engine.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Version of the message's schema.
pub const VERSION: &str = "0.22.0";

/// One operation, of one request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataOperation {
    pub sources: Vec<Source>,
    pub format: Format,
    pub subset: Subset,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temporal: Option<Temporal>,
    pub concatenate: bool,
    /// Dimensions to extend along; empty: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extend_dimensions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average: Option<Average>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixel_subset: Option<bool>,
    pub is_synchronous: bool,
    pub user: String,
    pub client: String,
    /// Encrypted; empty without login.
    pub access_token: String,
    pub version: String,
    /// The job's id.
    pub request_id: String,
    /// Where results go, ending in `/`.
    pub staging_location: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra_args: Map<String, Value>,
}

/// One collection of the request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Source {
    /// Concept id.
    pub collection: String,
    pub short_name: String,
    pub version_id: String,
    /// `None`: all variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<Vec<Variable>>,
    pub coordinate_variables: Vec<Variable>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Variable {
    /// Concept id; `unknown` when it was not looked up.
    pub id: String,
    pub name: String,
    pub full_path: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(rename = "subtype", skip_serializing_if = "Option::is_none")]
    pub subkind: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related_urls: Vec<Value>,
}

/// The form of the result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Format {
    /// PROJ text; as the client wrote it where it could not be read (WMS only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crs: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub srs: Option<Srs>,
    /// Media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpi: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_transparent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpolation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_extent: Option<ScaleExtent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_size: Option<ScaleSize>,
}

/// A CRS in three spellings; `wkt` and `epsg` are empty when unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Srs {
    pub proj4: String,
    pub wkt: String,
    pub epsg: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScaleExtent {
    pub x: Range,
    pub y: Range,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Range {
    pub min: f64,
    pub max: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScaleSize {
    pub x: f64,
    pub y: f64,
}

/// The part of the data that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subset {
    /// west, south, east, north; west > east crosses the antimeridian.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bbox: Option<[f64; 4]>,
    /// lon, lat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<Vec<Dimension>>,
}

/// An uploaded shape is kept beside the job, one of EDR travels in the message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Shape {
    File {
        href: String,
        #[serde(rename = "type")]
        media_type: String,
    },
    /// A GeoJSON text.
    Text(String),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dimension {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// RFC 3339, both ends inclusive; `None` is open.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Temporal {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Average {
    Time,
    Area,
}
