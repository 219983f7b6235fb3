//! Finding collections, variables and granules: one trait, so that the embedded catalogue and a CMR (the Common
//! Metadata Repository of NASA's Earthdata) are interchangeable.

pub mod cmr;
pub mod embedded;
pub mod geo;
pub mod naming;
pub mod scan;
pub mod sources;
pub mod umm;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// Where requests find what they are about.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// Collections that match, in CMR's order; with short names the most recently revised first.
    ///
    /// # Errors
    /// [`CatalogError`].
    async fn collections(&self, query: &CollectionQuery) -> Result<Vec<Collection>, CatalogError>;

    /// Variables by concept id, in the order of `ids`; unknown ones are left out.
    ///
    /// # Errors
    /// [`CatalogError`].
    async fn variables(&self, ids: &[String]) -> Result<Vec<Variable>, CatalogError>;

    /// Grids of that name.
    ///
    /// # Errors
    /// [`CatalogError`].
    async fn grids(&self, name: &str) -> Result<Vec<Grid>, CatalogError>;

    /// Granules that match, a page at a time, by provider, start time and concept number.
    ///
    /// # Errors
    /// [`CatalogError`].
    async fn granules(&self, query: &GranuleQuery, page: &Page) -> Result<GranulePage, CatalogError>;

    /// The granule with that concept id, where this server gives its file itself.
    ///
    /// # Errors
    /// [`CatalogError`].
    async fn granule(&self, _id: &str) -> Result<Option<Granule>, CatalogError> {
        Ok(None)
    }

    /// Whether everybody may read all of these collections.
    ///
    /// # Errors
    /// [`CatalogError`].
    async fn guests_may_read(&self, collections: &[String]) -> Result<bool, CatalogError>;

    /// Whether it answers.
    ///
    /// # Errors
    /// [`CatalogError`] saying why not.
    async fn health(&self) -> Result<(), CatalogError>;

    /// Address of the CMR whose `/concepts/<id>` and `/search/concepts/<id>` are shown as links; empty: this server.
    fn root(&self) -> &str;

    /// The catalogue itself when it is the one of this server, which is then also served in CMR's dialect.
    fn embedded(&self) -> Option<&embedded::Embedded> {
        None
    }
}

/// Why the catalogue gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The question was wrong, or not allowed: its own status and words are passed on.
    #[error("{message}")]
    Rejected { status: u16, message: String },
    /// It is there but doesn't answer as it should.
    #[error("Service unavailable")]
    Unavailable { detail: String },
    /// It can't be reached or its store fails.
    #[error("Failed to query the CMR")]
    Failed { detail: String },
}

impl CatalogError {
    /// What is wrong, for operators and logs.
    pub fn into_detail(self) -> String {
        match self {
            CatalogError::Rejected { message, .. } => message,
            CatalogError::Unavailable { detail } | CatalogError::Failed { detail } => detail,
        }
    }
}

/// Which collections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CollectionQuery {
    /// By concept ids.
    Ids(Vec<String>),
    ShortName(String),
    /// All that this server has of its own; a CMR has too many and gives none.
    All,
}

/// A collection as services see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Collection {
    /// Concept id, `C<digits>-<PROVIDER>`.
    pub id: String,
    pub short_name: String,
    pub version: String,
    pub title: String,
    pub summary: String,
    pub provider: String,
    pub data_center: String,
    pub archive_center: Option<String>,
    /// west, south, east, north.
    pub boxes: Vec<[f64; 4]>,
    /// RFC 3339.
    pub time_start: Option<String>,
    pub time_end: Option<String>,
    /// Concept ids of its variables, in catalogue order.
    pub variables: Vec<String>,
    /// Concept ids of the UMM-S records it is associated with.
    pub services: Vec<String>,
    pub visualizations: Vec<String>,
    /// Format of its files in UMM's words, for example `netCDF-4`.
    pub native_format: Option<String>,
    pub eula_identifiers: Vec<String>,
    /// Tag `harmony.has-eula`.
    pub has_eula: Option<bool>,
    /// When its record was last changed, RFC 3339.
    pub revised: String,
    /// Granules that one request may be about, where `collections.toml` limits them.
    pub granule_limit: Option<u64>,
}

/// A UMM variable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Variable {
    /// Concept id, `V<digits>-<PROVIDER>`.
    pub id: String,
    /// Full path in the file, without the leading slash for variables of the root group.
    pub name: String,
    pub long_name: Option<String>,
    pub units: Option<String>,
    /// `SCIENCE_VARIABLE`, `COORDINATE`, …
    pub kind: Option<String>,
    pub subkind: Option<String>,
    pub related_urls: Vec<serde_json::Value>,
    pub science_keywords: Vec<serde_json::Value>,
    /// Element type and dimensions in UMM's words.
    pub data_type: Option<String>,
    pub dimensions: Vec<serde_json::Value>,
}

/// A UMM grid.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    pub name: String,
    /// CRS as `EPSG:<code>` or PROJ text.
    pub crs: String,
    /// Smallest and largest x, smallest and largest y.
    pub x: [f64; 2],
    pub y: [f64; 2],
    /// Cell size along x and y.
    pub resolution: [f64; 2],
    pub width: u64,
    pub height: u64,
}

/// Which granules of one collection; what is empty or `None` doesn't restrict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GranuleQuery {
    /// Concept id of the collection.
    pub collection: String,
    /// Concept ids of granules.
    pub ids: Vec<String>,
    /// Names or producer ids; `*` and `?` are wildcards.
    pub names: Vec<String>,
    /// RFC 3339; overlap, ends included.
    pub start: Option<String>,
    pub end: Option<String>,
    /// west, south, east, north; west > east crosses the antimeridian.
    pub bbox: Option<[f64; 4]>,
    /// lon, lat.
    pub point: Option<[f64; 2]>,
    /// A GeoJSON text; its features are alternatives.
    pub shape: Option<String>,
}

/// A page of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Granules wanted; 0: only their number.
    pub size: u64,
    /// [`GranulePage::after`] of the page before.
    pub after: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct GranulePage {
    /// All that match, on whatever page.
    pub hits: u64,
    pub granules: Vec<Granule>,
    /// Where the next page begins; `None` after the last.
    pub after: Option<String>,
}

/// One granule of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Granule {
    /// Concept id, `G<digits>-<PROVIDER>`.
    pub id: String,
    /// Concept id of its collection.
    pub collection: String,
    /// GranuleUR.
    pub name: String,
    /// west, south, east, north of the smallest box around it; west > east crosses the antimeridian.
    pub bbox: Option<[f64; 4]>,
    /// Outer rings of its footprint, lon, lat; empty: the box.
    pub polygons: Vec<Vec<[f64; 2]>>,
    /// Lines of its footprint (tracks), lon, lat.
    pub lines: Vec<Vec<[f64; 2]>>,
    /// RFC 3339.
    pub start: Option<String>,
    pub end: Option<String>,
    pub size_bytes: Option<u64>,
    pub links: Vec<GranuleLink>,
    /// Name that its producer gave it, where that is another one.
    pub producer_id: Option<String>,
    /// When its record was last changed, RFC 3339.
    pub revised: String,
    /// What [`crate::store::expand_inputs`] takes to open it: a path of this machine or an address. Never shown.
    pub location: String,
}

/// A way to a granule that users may know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GranuleLink {
    /// Absolute, or beginning with `/` for this server.
    pub href: String,
    pub rel: LinkRel,
    pub title: Option<String>,
    pub media_type: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkRel {
    #[default]
    Data,
    Service,
    Browse,
    Metadata,
    S3,
}
