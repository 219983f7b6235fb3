//! Granules of a collection in memory: what searches look at, in catalogue order.
//!
//! A hundred thousand entries are some tens of megabytes and are looked through in a millisecond or two; blocks of
//! entries whose times or boxes are elsewhere are skipped whole.

use std::sync::Arc;

use crate::catalog::geo::{Footprint, unwrap_box};

/// What is searched of one granule.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Row of its body.
    pub key: i64,
    /// Number of its concept id.
    pub number: u64,
    pub name: Box<str>,
    pub producer_id: Option<Box<str>>,
    /// Microseconds since 1970; [`NO_TIME`] when it has none.
    pub start: i64,
    pub end: i64,
    /// west, south, east, north, unwrapped; NaN when it has none.
    pub bounds: [f64; 4],
    /// Packed outlines ([`Footprint::pack`]).
    pub outline: Box<[u8]>,
    pub revised_ms: i64,
    pub size_bytes: Option<u64>,
}

/// Sorts after all times.
pub const NO_TIME: i64 = i64::MAX;

impl Entry {
    /// Milliseconds of the start, by which the catalogue sorts.
    pub fn start_ms(&self) -> i64 {
        if self.start == NO_TIME { NO_TIME } else { self.start.div_euclid(1000) }
    }

    pub fn order(&self) -> (i64, u64) {
        (self.start_ms(), self.number)
    }

    pub fn has_time(&self) -> bool {
        self.start != NO_TIME
    }

    pub fn has_place(&self) -> bool {
        !self.bounds[0].is_nan()
    }

    /// Where it is, for exact tests.
    pub fn footprint(&self) -> Footprint {
        let [w, s, e, n] = self.bounds;
        let east = if e > 180.0 && e - w < 360.0 { e - 360.0 } else { e };
        Footprint::unpack(self.has_place().then_some([w, s, east, n]), &self.outline)
    }

    /// Bounds of a box as entries have them.
    pub fn bounds_of(bbox: Option<[f64; 4]>) -> [f64; 4] {
        bbox.map_or([f64::NAN; 4], unwrap_box)
    }
}

/// Entries per block.
const BLOCK: usize = 256;

/// What all entries of a block have in common.
#[derive(Clone, Copy, Debug)]
pub struct Zone {
    pub start: i64,
    pub end: i64,
    /// Around all boxes; None when one has none.
    pub south: f64,
    pub north: f64,
}

/// Granules of one collection.
#[derive(Clone, Debug, Default)]
pub struct GranuleIndex {
    entries: Vec<Arc<Entry>>,
    zones: Vec<Zone>,
}

/// What became of a granule.
pub enum Change {
    Put(Arc<Entry>),
    Gone(i64),
}

impl GranuleIndex {
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// Blocks with what they have in common.
    pub fn blocks(&self) -> impl Iterator<Item = (&Zone, &[Arc<Entry>])> {
        self.zones.iter().zip(self.entries.chunks(BLOCK))
    }

    /// Takes changes over and restores the order.
    pub fn apply(&mut self, changes: Vec<Change>) {
        let touched: std::collections::HashSet<i64> = changes
            .iter()
            .map(|c| match c {
                Change::Put(e) => e.key,
                Change::Gone(key) => *key,
            })
            .collect();
        if !self.entries.is_empty() {
            self.entries.retain(|e| !touched.contains(&e.key));
        }
        self.entries.extend(changes.into_iter().filter_map(|c| match c {
            Change::Put(e) => Some(e),
            Change::Gone(_) => None,
        }));
        self.entries.sort_by_key(|e| e.order());
        self.zones = self.entries.chunks(BLOCK).map(zone).collect();
    }

    /// Box around all footprints, and first and last time in microseconds.
    pub fn extent(&self) -> (Option<[f64; 4]>, Option<(i64, i64)>) {
        let mut span = harmony_ops::metadata::LongitudeSpan::default();
        let (mut south, mut north) = (f64::INFINITY, f64::NEG_INFINITY);
        let (mut whole, mut times) = (false, None);
        for e in &self.entries {
            if e.has_place() {
                let [w, s, east, n] = e.bounds;
                (south, north) = (south.min(s), north.max(n));
                whole |= east - w >= 359.0;
                let steps = ((east - w) / 0.5).ceil().clamp(1.0, 720.0) as u32;
                // A world-wide granule settles it; no need to follow the others.
                for i in 0..=if whole { 0 } else { steps } {
                    span.add(w + (east - w) * f64::from(i) / f64::from(steps));
                }
            }
            if e.has_time() {
                times =
                    Some(times.map_or((e.start, e.end), |(a, b): (i64, i64)| (a.min(e.start), b.max(e.end))));
            }
        }
        let bbox = span.span().filter(|_| south <= north).map(|(w, e)| {
            let whole = whole || (e - w).rem_euclid(360.0) >= 359.0;
            if whole { [-180.0, south, 180.0, north] } else { [w, south, e, north] }
        });
        (bbox, times)
    }
}

fn zone(entries: &[Arc<Entry>]) -> Zone {
    let mut zone = Zone { start: i64::MAX, end: i64::MIN, south: f64::INFINITY, north: f64::NEG_INFINITY };
    for e in entries {
        if e.has_time() {
            (zone.start, zone.end) = (zone.start.min(e.start), zone.end.max(e.end));
        }
        if e.has_place() {
            (zone.south, zone.north) = (zone.south.min(e.bounds[1]), zone.north.max(e.bounds[3]));
        }
    }
    zone
}
