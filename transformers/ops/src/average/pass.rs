//! One pass over a variable: the lazy array of its mean over area, and of what goes with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use harmony_model::{ArraySource, ReadError, Runs, Window};
use rayon::prelude::*;

use super::areas::Areas;
use super::kernel::Tally;
use super::rows::{Shape, merge_block, tally_block};
use super::stored::{Mean, Stored};

/// Stored bytes of a block; more when chunks are larger.
const BLOCK: u64 = 4 << 20;
/// Stored bytes of all blocks in flight.
const IN_FLIGHT: u64 = 64 << 20;
/// Results made in one pass over their part of the input; larger windows are split.
const MAX_RESULTS: u64 = 1 << 16;
/// Results that are remembered for the other outputs of the same pass.
const REMEMBERED: usize = 1 << 18;

/// A variable to be averaged over two of its axes.
pub struct Pass {
    pub inner: Arc<dyn ArraySource>,
    /// Extents of `inner`.
    pub shape: Vec<u64>,
    /// Axes of rows and columns, ascending.
    pub axes: [usize; 2],
    /// Stored chunks: blocks hold whole ones.
    pub chunks: Option<Vec<u64>>,
    pub areas: Arc<Areas>,
    pub stored: Stored,
    /// Whether more than the mean is wanted.
    pub full: bool,
    pub done: Mutex<HashMap<u64, Tally>>,
}

/// What of a tally an output shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    Mean,
    Minimum,
    Maximum,
    Deviation,
    Count,
}

/// One output of a pass.
pub struct AreaOutput {
    pub pass: Arc<Pass>,
    pub statistic: Statistic,
    pub mean: Mean,
}

impl Pass {
    /// The other axes.
    fn kept(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.shape.len()).filter(|a| !self.axes.contains(a))
    }

    /// `window` of the result with all of the horizontal axes.
    fn inner_window(&self, window: &Window) -> Window {
        let mut runs = window.0.iter();
        let axis = |(a, &n): (usize, &u64)| match self.axes.contains(&a) {
            true => Runs::all(n),
            false => runs.next().cloned().unwrap_or_else(|| Runs::all(n)),
        };
        Window(self.shape.iter().enumerate().map(axis).collect())
    }

    /// Numbers of the results in a window, row-major.
    fn results(&self, window: &Window) -> Vec<u64> {
        let lens: Vec<u64> = self.kept().map(|a| self.shape[a]).collect();
        let mut out = vec![0];
        for (runs, len) in window.0.iter().zip(lens) {
            out = out.iter().flat_map(|base| runs.indices().map(move |i| base * len + i)).collect();
        }
        out
    }

    /// Extents of a block of `whole`: cut along the slowest axes, in whole chunks, never along columns.
    fn block(&self, whole: &[u64]) -> Vec<u64> {
        let mut block = whole.to_vec();
        for axis in (0..block.len()).filter(|a| *a != self.axes[1]) {
            let bytes = block.iter().product::<u64>().saturating_mul(self.stored.size() as u64);
            if bytes <= BLOCK {
                break;
            }
            let others = (bytes / block[axis].max(1)).max(1);
            let chunk = self.chunks.as_ref().and_then(|c| c.get(axis).copied()).unwrap_or(1).max(1);
            block[axis] = ((BLOCK / others).div_ceil(chunk).max(1) * chunk).min(whole[axis]);
        }
        block
    }

    /// Tallies of all results in a window.
    fn run(&self, window: &Window) -> Result<Vec<Tally>, ReadError> {
        let inner = self.inner_window(window);
        let whole = inner.shape();
        let mut out = vec![Tally::default(); window.count() as usize];
        if whole.contains(&0) {
            return Ok(out);
        }
        let extents = self.block(&whole);
        let blocks = origins(&whole, &extents);
        let bytes = extents.iter().product::<u64>() * self.stored.size() as u64;
        let batch = (IN_FLIGHT / bytes.max(1)).clamp(1, 4 * rayon::current_num_threads() as u64);
        for blocks in blocks.chunks(batch as usize) {
            let tallies: Vec<_> = blocks
                .par_iter()
                .map(|origin| self.tally(&inner, origin, &extents))
                .collect::<Result<_, ReadError>>()?;
            for (origin, (shape, lens, tallies)) in blocks.iter().zip(tallies) {
                let place = Place::new(self, &whole, origin, &lens);
                merge_block(&tallies, shape, |i| place.of(i), &mut out);
            }
        }
        Ok(out)
    }

    /// Reads one block.
    fn tally(
        &self,
        inner: &Window,
        origin: &[u64],
        extents: &[u64],
    ) -> Result<(Shape, Vec<u64>, Vec<Tally>), ReadError> {
        let part = |((runs, &o), &n): ((&Runs, &u64), &u64)| runs.slice(o, n);
        let window = Window(inner.0.iter().zip(origin).zip(extents).map(part).collect());
        let lens = window.shape();
        let shape = Shape::of(&lens, self.axes);
        let mut bytes = vec![0; window.count() as usize * self.stored.size()];
        self.inner.read(&window, &mut bytes)?;
        let weights = self.areas.rows(origin[self.axes[0]] as usize, shape.rows)?;
        let tallies = tally_block(&bytes, shape, &weights, &self.stored, self.full);
        Ok((shape, lens, tallies))
    }

    /// Tallies of a window, remembered ones first.
    fn tallies(&self, window: &Window) -> Result<Vec<Tally>, ReadError> {
        let numbers = self.results(window);
        if let Ok(done) = self.done.lock() {
            let known: Option<Vec<Tally>> = numbers.iter().map(|n| done.get(n).copied()).collect();
            if let Some(known) = known {
                return Ok(known);
            }
        }
        let tallies = self.run(window)?;
        if let Ok(mut done) = self.done.lock()
            && done.len() + tallies.len() <= REMEMBERED
        {
            done.extend(numbers.into_iter().zip(tallies.iter().copied()));
        }
        Ok(tallies)
    }
}

/// Origins of the blocks of a box, row-major.
fn origins(whole: &[u64], extents: &[u64]) -> Vec<Vec<u64>> {
    let mut out = vec![Vec::new()];
    for (&n, &step) in whole.iter().zip(extents) {
        let starts = || (0..n).step_by(step.max(1) as usize);
        let longer = |base: &Vec<u64>| {
            starts().map(|s| base.iter().copied().chain([s]).collect()).collect::<Vec<Vec<u64>>>()
        };
        out = out.iter().flat_map(longer).collect();
    }
    out
}

/// Where the results of a block are among those of its window.
struct Place {
    /// Extents of the block, origin of the block and stride in the results, along each of the other axes.
    axes: Vec<(usize, usize, usize)>,
}

impl Place {
    fn new(pass: &Pass, whole: &[u64], origin: &[u64], lens: &[u64]) -> Self {
        let mut stride = 1;
        let mut axes: Vec<_> = pass.kept().collect();
        axes.reverse();
        let axis = |a: usize| {
            let own = stride;
            stride *= whole[a] as usize;
            (lens[a] as usize, origin[a] as usize, own)
        };
        Place { axes: axes.into_iter().map(axis).collect() }
    }

    /// Of result `i` of the block, row-major.
    fn of(&self, mut i: usize) -> usize {
        let mut at = 0;
        for (len, origin, stride) in &self.axes {
            at += (origin + i % len) * stride;
            i /= len;
        }
        at
    }
}

impl AreaOutput {
    fn value(&self, tally: &Tally) -> f64 {
        let stored = &self.pass.stored;
        let valid = tally.weight.total() > 0.0;
        let physical = |v: f64| if valid { stored.physical(v) } else { f64::NAN };
        let falls = stored.packing.scale < 0.0;
        match self.statistic {
            Statistic::Mean => physical(tally.mean()),
            Statistic::Minimum => physical(if falls { tally.max } else { tally.min }),
            Statistic::Maximum => physical(if falls { tally.min } else { tally.max }),
            Statistic::Deviation => tally.variance().sqrt() * stored.packing.scale.abs(),
            Statistic::Count => tally.count as f64,
        }
    }
}

impl ArraySource for AreaOutput {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let (size, shape) = (self.mean.dtype.size(), window.shape());
        let split = shape.iter().position(|&n| n > 1).filter(|_| window.count() > MAX_RESULTS);
        if let Some(axis) = split {
            let half = shape[axis] / 2;
            let (mut low, mut high) = (window.clone(), window.clone());
            low.0[axis] = window.0[axis].slice(0, half);
            high.0[axis] = window.0[axis].slice(half, shape[axis] - half);
            let (a, b) = out.split_at_mut(low.count() as usize * size);
            self.read(&low, a)?;
            return self.read(&high, b);
        }
        let tallies = self.pass.tallies(window)?;
        for (tally, o) in tallies.iter().zip(out.chunks_exact_mut(size)) {
            self.mean.put(self.value(tally), o);
        }
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        match self.statistic {
            // The other outputs come out of the same pass.
            Statistic::Mean => self.pass.inner.cost(&self.pass.inner_window(window)),
            _ => Ok(0),
        }
    }
}
