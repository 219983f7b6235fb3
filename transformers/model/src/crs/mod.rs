//! Coordinate reference systems: the one place that parses and transforms them.

/// A coordinate reference system.
#[derive(Clone, Debug, PartialEq)]
pub struct Crs {
    /// What PROJ is given: an authority code, a PROJ string or WKT.
    pub definition: String,
}
