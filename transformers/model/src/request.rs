//! What is asked for, in neutral terms: every door (command line, Coverages, EDR, WMS) fills in one [`Request`].

use std::sync::Arc;

use crate::crs::Crs;
use crate::geometry::{Bbox, Shape};
use crate::interpolation::Interpolation;
use crate::time::DateTime;

/// One request. Everything that is set restricts or transforms; nothing is silently ignored.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Names, full paths, group names or concept-style paths; empty: all.
    pub variables: Vec<String>,
    /// Boxes; a place is in when it is in any of them. Empty: no limit.
    pub bbox: Vec<Bbox>,
    /// `(lon, lat)` in degrees: the cells or samples at that place.
    pub point: Option<(f64, f64)>,
    pub shape: Option<Arc<Shape>>,
    pub shape_rule: ShapeRule,
    pub time: Option<TimeRange>,
    pub dimensions: Vec<DimensionRange>,
    pub filters: Vec<FilterRule>,
    /// Keep whole scan lines of a swath.
    pub no_cut: bool,
    /// Crop to the smallest index box without masking what lies outside the region.
    pub pixel_subset: bool,
    /// Bands of a raster or messages of a GRIB file, from 1; empty: all.
    pub bands: Vec<u32>,
    /// Product name for the product table when the file does not say.
    pub short_name: Option<String>,
    /// The grid that results are wanted on; nothing set: the one they are on.
    pub target: TargetRequest,
    pub average: Option<Average>,
    /// Beside an area mean also smallest and largest value, standard deviation and count of the cells.
    pub statistics: bool,
    /// Granules become one file.
    pub aggregate: Option<Aggregate>,
    /// Images on the grids of the Global Imagery Browse Services.
    pub browse: bool,
    pub compat: Option<Compat>,
    /// Bytes that operations may keep of a granule; `None`: what suits a machine of its own.
    pub memory: Option<u64>,
}

impl Request {
    /// Whether the answer of that reference program is asked for.
    pub fn compat_is(&self, program: Compat) -> bool {
        self.compat == Some(program)
    }
}

/// A target grid as far as the request says it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetRequest {
    pub crs: Option<Crs>,
    /// `None`: by the kind of data.
    pub interpolation: Option<Interpolation>,
    /// xmin, ymin, xmax, ymax: outer edges in units of the target CRS.
    pub extent: Option<[f64; 4]>,
    /// Cell size along x and y in units of the target CRS, both positive.
    pub cell_size: Option<[f64; 2]>,
    /// Columns.
    pub width: Option<u64>,
    /// Rows.
    pub height: Option<u64>,
    /// Name of a known grid.
    pub grid: Option<String>,
    /// Search radius of swath projection in metres.
    pub search_radius_m: Option<f64>,
}

impl TargetRequest {
    /// Whether it asks for another grid than the one the data are on.
    pub fn is_set(&self) -> bool {
        self.crs.is_some()
            || self.grid.is_some()
            || self.extent.is_some()
            || self.cell_size.is_some()
            || self.width.is_some()
            || self.height.is_some()
    }
}

/// What an average is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    Time,
    Area,
}

/// How granules are joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// On a new leading dimension.
    Stack,
    /// Along existing dimensions; with `stack` the batches are then stacked.
    Extend { dims: Vec<String>, stack: bool },
}

/// Which cells of a grid a shape selects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShapeRule {
    /// Those whose centre lies inside.
    #[default]
    Centre,
    /// Those the shape touches at all.
    Touched,
}

/// A time range; both ends inclusive, either may be open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeRange {
    pub start: Option<DateTime>,
    pub end: Option<DateTime>,
}

/// A range along a named dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct DimensionRange {
    /// Dimension or coordinate variable, with or without path.
    pub name: String,
    pub extent: DimensionExtent,
}

#[derive(Clone, Debug, PartialEq)]
pub enum DimensionExtent {
    /// `AXIS(MIN:MAX)`: coordinate values, inclusive; an open end is `None`.
    Values { min: Option<f64>, max: Option<f64> },
    /// `AXIS[FIRST:LAST]`: indices from 0, inclusive.
    Indices { first: Option<u64>, last: Option<u64> },
}

/// A threshold on a variable: samples for which it does not hold are masked.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterRule {
    pub variable: String,
    pub comparison: Comparison,
    /// In physical units.
    pub value: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

impl Comparison {
    /// Whether `left` stands so to `right`; NaN never does.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right && !left.is_nan(),
            Comparison::GreaterOrEqual => left >= right,
            Comparison::Greater => left > right,
        }
    }
}

/// Attribute by which the transformers tell image writers, under [`Compat::Hybig`], between which values of its source
/// the grey levels of a variable run: two numbers.
pub const BROWSE_RANGE: &str = "browse_range";

/// A reference program whose answer is wanted where ours is deliberately different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compat {
    L2ss,
    Hoss,
    Trajectory,
    /// ncks and cdo: cells whose centres lie in the box.
    Nco,
    SwathProjector,
    Regridder,
    Concise,
    Stitchee,
    NetcdfToZarr,
    Net2cog,
    Hybig,
    GdalAdapter,
    ServiceExample,
    Gdal,
    Pyresample,
}

/// Reference programs by the beginning of their names, lower case; the first match counts.
const PROGRAMS: [(&str, Compat); 21] = [
    ("l2ss-py", Compat::L2ss),
    ("l2ss", Compat::L2ss),
    ("hoss", Compat::Hoss),
    ("harmony-opendap-subsetter", Compat::Hoss),
    ("opendap-subsetter", Compat::Hoss),
    ("harmony-trajectory-subsetter", Compat::Trajectory),
    ("trajectory", Compat::Trajectory),
    ("nco", Compat::Nco),
    ("ncks", Compat::Nco),
    ("cdo", Compat::Nco),
    ("harmony-swath-projector", Compat::SwathProjector),
    ("harmony-regridding-service", Compat::Regridder),
    ("concise", Compat::Concise),
    ("stitchee", Compat::Stitchee),
    ("harmony-netcdf-to-zarr", Compat::NetcdfToZarr),
    ("net2cog", Compat::Net2cog),
    ("harmony-browse-image-generator", Compat::Hybig),
    ("harmony-gdal-adapter", Compat::GdalAdapter),
    ("harmony-service-example", Compat::ServiceExample),
    ("gdal", Compat::Gdal),
    ("pyresample", Compat::Pyresample),
];

impl Compat {
    /// From the program's name as users and `produced_by` in golden cases write it.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        PROGRAMS.iter().find(|(start, _)| name.starts_with(start)).map(|(_, program)| *program)
    }

    /// Names that [`Compat::parse`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PROGRAMS.iter().map(|(name, _)| *name)
    }
}
