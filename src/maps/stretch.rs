//! Between which values the colours of a variable run: found once, from some of the values, and kept, so that tiles and
//! maps of a variable match each other.

use std::sync::Arc;

use harmony_formats::raster::Steps;
use harmony_model::{Granule, Runs, Window};
use rayon::prelude::*;

use super::opened::{Field, Found, Meta, Opened, Stage};
use super::{MapError, Maps};

/// A variable of a collection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StretchKey {
    pub collection: String,
    /// Paths; several are stretched together.
    pub paths: Vec<String>,
}

/// The values that colours run between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Without the outermost hundredths on either side.
    pub low: f64,
    pub high: f64,
    pub max: f64,
    /// As `low` and `high`, of the values above zero; the same number twice when there is none.
    positive: (f64, f64),
    /// There was a value at all.
    pub known: bool,
}

/// Share of the values that is left out on either side.
const CUT: f64 = 0.02;
/// Values of a plane that are looked at, more or less.
const ENOUGH: u64 = 1 << 16;
/// Planes with more cells are looked at in places only.
const ALL_CELLS: u64 = 6 << 20;
/// Places a side, and cells along a side of each.
const PLACES: u64 = 5;
const PLACE: u64 = 64;

impl Stretch {
    fn of(mut values: Vec<f32>) -> Self {
        values.retain(|v| v.is_finite());
        if values.is_empty() {
            return Stretch { low: 0.0, high: 1.0, max: 1.0, positive: (1.0, 1.0), known: false };
        }
        values.sort_by(f32::total_cmp);
        let max = f64::from(values[values.len() - 1]);
        let (low, high) = middle(&values);
        let above = &values[values.partition_point(|v| *v <= 0.0)..];
        let positive = if above.is_empty() { (1.0, 1.0) } else { middle(above) };
        Stretch { low, high, max, positive, known: true }
    }

    /// The values that logarithmic colours run between, both above zero.
    pub fn positive(&self) -> (f64, f64) {
        self.positive
    }
}

/// Sorted values without the outermost ones; all of them when the others are the same.
fn middle(values: &[f32]) -> (f64, f64) {
    let at = |share: f64| f64::from(values[(share * (values.len() - 1) as f64).round() as usize]);
    let (low, high) = (at(CUT), at(1.0 - CUT));
    if low < high { (low, high) } else { (at(0.0), at(1.0)) }
}

impl Maps {
    /// The stretch of a variable over some granules of its collection (locations); granules without it are passed by.
    ///
    /// # Errors
    /// [`MapError::Read`] when none of them can be read.
    pub(super) fn stretch(&self, key: &StretchKey, granules: &[String]) -> Result<Arc<Stretch>, MapError> {
        self.stretches.get(key, |key| {
            let mut values = Vec::new();
            let mut failed = None;
            for location in granules {
                match self.open(location) {
                    Ok(opened) => {
                        for path in &key.paths {
                            look(&opened, path, &mut values);
                        }
                    }
                    Err(e) => failed = failed.or(Some(e)),
                }
            }
            match failed {
                Some(e) if values.is_empty() => Err(e),
                _ => Ok((Arc::new(Stretch::of(values)), 1)),
            }
        })
    }
}

/// Adds some of the values of a variable. What can't be read adds nothing: drawing it will say why.
fn look(opened: &Opened, path: &str, values: &mut Vec<f32>) {
    match opened.find(path) {
        Some(Found::Field(field)) => look_at_field(&field, values),
        Some(Found::Elsewhere(meta)) => look_at_samples(&opened.granule, &meta, values),
        None => {}
    }
}

fn look_at_field(field: &Field, values: &mut Vec<f32>) {
    let Some(stage) = field.stages.last() else { return };
    let count = stage.raster.bands.len();
    let mut bands = vec![0, count / 2, count.saturating_sub(1)];
    bands.dedup();
    for band in bands {
        let (ny, nx) = stage.raster.shape();
        if nx.saturating_mul(ny) <= ALL_CELLS {
            let step = ((nx * ny / ENOUGH) as f64).sqrt().ceil().max(1.0) as u64;
            let steps = |n: u64| {
                let first = (step / 2).min(n.saturating_sub(1));
                Steps { first, step, count: (n - first).div_ceil(step) }
            };
            read(stage, band, steps(ny), steps(nx), values);
        } else {
            let chunk = super::grating::chunk_sides(stage);
            let sides = chunk.unwrap_or([1; 2]);
            // Without chunks every row is a read of its own: few long ones.
            let cells = if chunk.is_some() { [PLACE; 2] } else { [PLACE / 8, PLACE * 8] };
            let place = |i: u64| {
                let mut found = Vec::new();
                let rows = place(ny, i / PLACES, sides[0], cells[0]);
                let cols = place(nx, i % PLACES, sides[1], cells[1]);
                read(stage, band, rows, cols, &mut found);
                found
            };
            let found: Vec<Vec<f32>> = (0..PLACES * PLACES).into_par_iter().map(place).collect();
            values.extend(found.into_iter().flatten());
        }
    }
}

/// `count` cells of the `k`-th place along an axis of `n` cells, in one chunk of `side` cells where they fit into one.
fn place(n: u64, k: u64, side: u64, count: u64) -> Steps {
    let first = (n * (2 * k + 1) / (2 * PLACES)).saturating_sub(count / 2);
    let last_of_chunk = (first / side.max(1) + 1).saturating_mul(side).saturating_sub(count);
    let first = if side >= count { first.min(last_of_chunk) } else { first };
    Steps { first, step: 1, count: count.min(n - first) }
}

fn read(stage: &Stage, band: usize, rows: Steps, cols: Steps, values: &mut Vec<f32>) {
    if let Ok(bytes) = stage.raster.read_every(&stage.granule, band, rows, cols) {
        stage.raster.physical(&bytes, values);
    }
}

/// Samples of a variable that is on no grid.
fn look_at_samples(granule: &Granule, meta: &Meta, values: &mut Vec<f32>) {
    let Some(var) = granule.find_var(&meta.path) else { return };
    let shape = granule.shape(var);
    let total: u64 = shape.iter().fold(1u64, |n, &s| n.saturating_mul(s));
    // The same thinning along each axis that is long.
    let long = shape.iter().filter(|n| **n > 16).count().max(1);
    let step = ((total / ENOUGH).max(1) as f64).powf(1.0 / long as f64).ceil() as u64;
    let axis = |n: u64| {
        let step = if n > 16 { step.max(1) } else { 1 };
        Runs::from_indices((0..n).step_by(step as usize))
    };
    let window = Window(shape.into_iter().map(axis).collect());
    if window.count() <= ENOUGH * 64
        && let Ok(read) = granule.read_physical(var, &window)
    {
        values.extend(read.into_iter().map(|v| v as f32));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lie_in_one_chunk() {
        for k in 0..PLACES {
            let at = place(16_384, k, 512, PLACE);
            assert_eq!((at.first / 512, at.count), ((at.first + PLACE - 1) / 512, PLACE));
            let small = place(40, k, 16, PLACE);
            assert_eq!(small.first + small.count, 40);
        }
    }

    #[test]
    fn outliers_do_not_count_and_nothing_is_said_to_be_nothing() {
        let mut values: Vec<f32> = (0..=100).map(|i| i as f32).collect();
        values.extend([f32::NAN, f32::INFINITY]);
        let s = Stretch::of(values);
        assert_eq!((s.low, s.high, s.max, s.known), (2.0, 98.0, 100.0, true));
        assert!(!Stretch::of(vec![f32::NAN]).known);
        let mixed = Stretch::of((-50..=100).map(|i| i as f32).collect());
        assert_eq!(mixed.positive(), (3.0, 98.0));
        assert_eq!(Stretch::of(vec![-1.0, 0.0]).positive(), (1.0, 1.0));
        let constant = Stretch::of(vec![3.0; 5]);
        assert_eq!((constant.low, constant.high), (3.0, 3.0));
    }
}
