//! What is asked for, in neutral terms: every door (command line, Coverages, EDR, WMS) fills in one [`Request`].

use std::sync::Arc;

use crate::geometry::{Bbox, Shape};
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
    /// Search radius of swath projection in metres.
    pub search_radius_m: Option<f64>,
    pub compat: Option<Compat>,
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

/// A reference program whose answer is wanted where ours is deliberately different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compat {
    L2ss,
    Hoss,
    Trajectory,
    /// ncks and cdo: cells whose centres lie in the box.
    Nco,
}

impl Compat {
    /// From the program's name as users and `produced_by` in golden cases write it.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if name.starts_with("l2ss") {
            Some(Compat::L2ss)
        } else if name.starts_with("hoss") || name.contains("opendap-subsetter") {
            Some(Compat::Hoss)
        } else if name.contains("trajectory") {
            Some(Compat::Trajectory)
        } else if name.starts_with("nco") || name.starts_with("ncks") || name.starts_with("cdo") {
            Some(Compat::Nco)
        } else {
            None
        }
    }
}
