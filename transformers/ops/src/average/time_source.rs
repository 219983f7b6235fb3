//! The lazy array of a mean over one axis.

use std::sync::Arc;

use harmony_model::dtype::Number;
use harmony_model::{ArraySource, ReadError, Runs, Window, with_numeric};
use rayon::prelude::*;

use super::kernel::{Cells, Missing, add_step};
use super::stored::{Mean, Stored};

/// Stored bytes read at once: enough for parallel decoding, little enough to stay near the cache.
const SLAB: u64 = 16 << 20;
/// Cells accumulated at once (24 bytes each); larger windows are split.
const MAX_CELLS: u64 = 4 << 20;
/// Cells a thread works on at once.
const TASK: usize = 16 << 10;

/// Means over `axis` of `inner`; the axis stays with length one.
pub struct TimeMean {
    pub inner: Arc<dyn ArraySource>,
    /// Extents of `inner`.
    pub shape: Vec<u64>,
    pub axis: usize,
    /// Length of stored chunks along the axis: slabs hold whole ones.
    pub chunk: u64,
    /// One for each step of the axis.
    pub weights: Arc<[f64]>,
    pub stored: Stored,
    pub mean: Mean,
}

impl TimeMean {
    /// `window` of the result with `steps` of the axis.
    fn inner_window(&self, window: &Window, steps: Runs) -> Window {
        let mut inner = window.clone();
        inner.0[self.axis] = steps;
        inner
    }

    /// Where to cut a window that is too large to accumulate at once: axis and half of its length.
    fn split(&self, shape: &[u64], cells: u64) -> Option<(usize, u64)> {
        let chunk = self.chunk.min(self.shape[self.axis]).max(1);
        let bytes = cells.saturating_mul(chunk).saturating_mul(self.stored.size() as u64);
        // Cutting the slowest axis leaves both parts contiguous in the result.
        let axis = shape.iter().position(|&n| n > 1)?;
        (cells > MAX_CELLS || bytes > 4 * SLAB).then_some((axis, shape[axis] / 2))
    }

    /// Steps read at once: whole chunks.
    fn slab_steps(&self, cells: u64) -> u64 {
        let chunk = self.chunk.max(1);
        let fit = SLAB / cells.saturating_mul(self.stored.size() as u64).max(1);
        (fit / chunk).max(1) * chunk
    }

    fn read_typed<T: Number>(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let shape = window.shape();
        let inner_len: usize = shape[self.axis + 1..].iter().product::<u64>() as usize;
        let cells = window.count() as usize;
        let fills: Vec<T> = self.stored.packing.fills();
        let missing = Missing::new(&fills);
        let (mut value, mut lost, mut total) = (vec![0.0; cells], vec![0.0; cells], vec![0.0; cells]);
        let (steps, slab) = (self.shape[self.axis], self.slab_steps(cells as u64));
        let mut buffer = Vec::new();
        let mut at = 0;
        while at < steps {
            let n = slab.min(steps - at);
            let part = self.inner_window(window, Runs::range(at, n));
            buffer.resize(cells * n as usize * self.stored.size(), 0);
            self.inner.read(&part, &mut buffer)?;
            let slab =
                Slab { bytes: &buffer, weights: &self.weights[at as usize..(at + n) as usize], inner_len };
            let tasks = value.par_chunks_mut(TASK).zip(lost.par_chunks_mut(TASK));
            let tasks = tasks.zip(total.par_chunks_mut(TASK)).enumerate();
            tasks.for_each(|(i, ((value, lost), weight))| {
                slab.add(i * TASK, missing, Cells { value, lost, weight });
            });
            at += n;
        }
        let results = value.iter().zip(&lost).zip(&total);
        for (((value, lost), total), o) in results.zip(out.chunks_exact_mut(self.mean.dtype.size())) {
            let mean = if *total > 0.0 { self.stored.physical((value - lost) / total) } else { f64::NAN };
            self.mean.put(mean, o);
        }
        Ok(())
    }
}

/// Some steps in memory: [outer][step][inner].
struct Slab<'a> {
    bytes: &'a [u8],
    weights: &'a [f64],
    inner_len: usize,
}

impl Slab<'_> {
    /// Adds all steps to the cells from `first` on, step by step.
    fn add<T: Number>(&self, first: usize, missing: Missing<T>, cells: Cells) {
        let size = std::mem::size_of::<T>();
        let mut done = 0;
        while done < cells.value.len() {
            let (outer, inner) = ((first + done) / self.inner_len, (first + done) % self.inner_len);
            let run = (self.inner_len - inner).min(cells.value.len() - done);
            let mut part = Cells {
                value: &mut cells.value[done..done + run],
                lost: &mut cells.lost[done..done + run],
                weight: &mut cells.weight[done..done + run],
            };
            for (step, &weight) in self.weights.iter().enumerate() {
                let from = ((outer * self.weights.len() + step) * self.inner_len + inner) * size;
                add_step(&self.bytes[from..from + run * size], missing, weight, &mut part);
            }
            done += run;
        }
    }
}

impl ArraySource for TimeMean {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let cells = window.count();
        if cells == 0 {
            return Ok(());
        }
        let shape = window.shape();
        if let Some((axis, half)) = self.split(&shape, cells) {
            let (mut low, mut high) = (window.clone(), window.clone());
            low.0[axis] = window.0[axis].slice(0, half);
            high.0[axis] = window.0[axis].slice(half, shape[axis] - half);
            let (a, b) = out.split_at_mut(low.count() as usize * self.mean.dtype.size());
            self.read(&low, a)?;
            return self.read(&high, b);
        }
        with_numeric!(&self.stored.dtype, T => self.read_typed::<T>(window, out), else => Ok(()))
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.inner.cost(&self.inner_window(window, Runs::all(self.shape[self.axis])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harmony_model::{Granule, MemoryArray};

    /// Means over `axis` of values counted up, with 1 missing.
    fn mean_of(shape: &[u64], axis: usize, weights: &[f64]) -> (TimeMean, Vec<f64>) {
        let n = shape.iter().product::<u64>() as i16;
        let values: Vec<i16> = (0..n).map(|i| i * i % 97).collect();
        let mut granule = Granule::new("x", "test");
        let dims = shape.iter().map(|&n| granule.add_dim(Granule::ROOT, "d", n)).collect();
        let data = Arc::new(MemoryArray::of(shape, &values));
        let id = granule.add_var(Granule::ROOT, "v", harmony_model::DType::I16, dims, data);
        granule.vars[id.0].set_attr(harmony_model::Attribute::numbers("_FillValue", &[1i16]));
        granule.vars[id.0].set_attr(harmony_model::Attribute::numbers("scale_factor", &[0.5f64]));
        let stored = Stored::of(granule.var(id)).unwrap();
        let mean = Mean::of(&stored);
        let source = TimeMean {
            inner: granule.var(id).data.clone(),
            shape: shape.into(),
            axis,
            chunk: 1,
            weights: weights.into(),
            stored,
            mean,
        };
        (source, granule.read_all_physical(id).unwrap())
    }

    #[test]
    fn means_over_any_axis_leave_out_missing_values_and_weigh_the_rest() {
        let shape = [3u64, 4, 5];
        for axis in 0..3 {
            let weights: Vec<f64> = (0..shape[axis]).map(|i| 1.0 + i as f64).collect();
            let (source, values) = mean_of(&shape, axis, &weights);
            let mut result = shape;
            result[axis] = 1;
            let window = Window::all(&result);
            let mut out = vec![0; window.count() as usize * 4];
            source.read(&window, &mut out).unwrap();
            let means = harmony_model::dtype::to_f64s(&harmony_model::DType::F32, &out).unwrap();
            let inner: usize = shape[axis + 1..].iter().product::<u64>() as usize;
            for (i, mean) in means.iter().enumerate() {
                let (o, x) = (i / inner, i % inner);
                let at = |t: usize| values[(o * shape[axis] as usize + t) * inner + x];
                let valid = (0..weights.len()).filter(|&t| !at(t).is_nan());
                let (s, w) = valid.fold((0.0, 0.0), |(s, w), t| (s + at(t) * weights[t], w + weights[t]));
                assert!((mean - s / w).abs() < 1e-5, "axis {axis}, cell {i}: {mean}, not {}", s / w);
            }
        }
    }
}
