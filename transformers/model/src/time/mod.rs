//! Time: request times, CF units and calendars, time scales, and where a granule keeps its times.

/// A point in time of a request (UTC, proleptic Gregorian).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct DateTime {
    /// Microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    pub micros: i64,
}
