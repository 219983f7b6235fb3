//! The lazy array of a variable on its new grid.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use harmony_model::covered::FilledWhere;
use harmony_model::{ArraySource, ReadError, Runs, Window};
use rayon::prelude::*;

use super::block::Block;
use super::cache::{Strip, StripCache};
use super::cut::Cuts;
use super::element::{Element, Real};
use super::gather::{byte_plane, fill_with, gather_any, pick, plane_of, transpose};
use super::pages::Pages;
use super::plane::Plane;
use super::resampler::{Blender, NOWHERE, Picker, Resampler};

/// Rows of a block that are computed together, whatever they need of the source.
const LEAST_ROWS: usize = 16;
/// Blocks that share what the cache keeps: strips that it drops while a block holds them would come on top.
const HOLDERS: usize = 4;
/// Bytes of a strip of the source.
const STRIP_BYTES: usize = 6 << 20;
/// Cells that one task computes.
const BAND_CELLS: usize = 1 << 15;
/// Rows of a task, and its cells at most, where cells are not computed row by row: what a task reads for one row it has
/// at hand for the next ones.
const TALL_BAND: usize = 64;
const TALL_CELLS: usize = 1 << 18;

/// One variable, resampled plane by plane: leading axes, then target rows and columns.
pub struct ResampledArray {
    pub(super) inner: Arc<dyn ArraySource>,
    pub(super) inner_shape: Vec<u64>,
    /// Which elements of `inner` have a source, where no fill value of theirs tells it.
    pub(super) inner_coverage: Option<Arc<dyn ArraySource>>,
    /// Axes of `inner` that are rows and columns of the source plane.
    pub(super) row_axis: usize,
    pub(super) col_axis: usize,
    /// The other axes, in order.
    leading: Vec<usize>,
    pub(super) resampler: Resampler,
    pub(super) element: Element,
    /// The target has columns before rows.
    pub(super) transposed: bool,
    /// What of the source plane the whole target needs.
    needed: Option<Block>,
    pub(super) strip_rows: usize,
    /// Rows of a stored chunk.
    pub(super) chunk_rows: usize,
    /// What scattered resamplers read through.
    pub(super) pages: Option<Pages>,
    pub(super) cache: Arc<StripCache>,
    pub(super) number: u64,
    costs: Mutex<HashMap<u64, u64>>,
    pub(super) coverage: Option<Arc<dyn ArraySource>>,
}

/// What a [`ResampledArray`] is made of.
pub struct Source {
    pub data: Arc<dyn ArraySource>,
    pub shape: Vec<u64>,
    /// Axes of `data` that are rows and columns of the source plane.
    pub row_axis: usize,
    pub col_axis: usize,
    pub element: Element,
    /// Rows of a stored chunk; strips are multiples of it.
    pub chunk_rows: u64,
    /// Columns of a stored chunk; 1 for data without chunks, as for rows.
    pub chunk_cols: u64,
    /// Give columns before rows.
    pub transposed: bool,
}

impl ResampledArray {
    /// `cache` is best shared by all variables of a granule.
    pub fn new(source: Source, resampler: Resampler, cache: Arc<StripCache>) -> Self {
        let (data, inner_coverage) = told_by_fill(source.data, &source.element);
        let footprint = resampler.footprint();
        let needed = footprint.window(&Block::all(footprint.target_shape()));
        let leading =
            (0..source.shape.len()).filter(|&a| a != source.row_axis && a != source.col_axis).collect();
        let width = needed.as_ref().map_or(1, Block::width).max(1);
        let worked = match &resampler {
            Resampler::Pick(_) => source.element.size(),
            Resampler::Blend(_) if source.element.is_small() => 4,
            Resampler::Blend(_) => 8,
        };
        let chunk = usize::try_from(source.chunk_rows).unwrap_or(1).max(1);
        // Several strips are in use at a time, and a strip too many must not double what is kept.
        let fitting = STRIP_BYTES.min(cache.budget() / 16) / (width * worked).max(1);
        // Whole chunks, so that none is decoded twice, unless that makes strips far too large.
        let strip_rows = match fitting / chunk {
            0 if chunk / 16 > fitting => (fitting * 16).max(1),
            0 => chunk,
            n => n * chunk,
        };
        let number = cache.register();
        let pages = footprint.is_scattered().then(|| {
            let chunk =
                [source.chunk_rows, source.chunk_cols].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
            Pages {
                data: data.clone(),
                axes: source.shape.len(),
                row_axis: source.row_axis,
                col_axis: Some(source.col_axis),
                size: source.element.size(),
                cuts: Cuts::new(footprint.source_shape(), (chunk != [1, 1]).then_some(chunk)),
                array: number,
                kept: Some(cache.pages().clone()),
            }
        });
        cache.pages().reserve(0, pages.as_ref().map_or(0, Pages::in_use));
        ResampledArray {
            inner: data,
            inner_shape: source.shape,
            inner_coverage,
            row_axis: source.row_axis,
            col_axis: source.col_axis,
            leading,
            resampler,
            element: source.element,
            transposed: source.transposed,
            needed,
            strip_rows,
            chunk_rows: chunk,
            number,
            pages,
            cache,
            costs: Mutex::default(),
            coverage: None,
        }
    }

    /// Number of a plane from its indices on the leading axes.
    pub(super) fn plane_number(&self, at: &[u64]) -> u64 {
        self.leading
            .iter()
            .zip(at)
            .fold(0u64, |n, (&a, &i)| n.wrapping_mul(self.inner_shape[a]).wrapping_add(i))
    }

    /// The window of `inner` that is `block` of the plane at `at`.
    pub(super) fn inner_window(&self, at: &[u64], block: &Block) -> Window {
        let mut axes = vec![Runs::default(); self.inner_shape.len()];
        for (&a, &i) in self.leading.iter().zip(at) {
            axes[a] = Runs::range(i, 1);
        }
        axes[self.row_axis] = Runs::range(block.rows.start as u64, block.height() as u64);
        axes[self.col_axis] = Runs::range(block.cols.start as u64, block.width() as u64);
        Window(axes)
    }

    /// The block of the target that a window's last two axes touch: rows and columns.
    fn plane_axes<'w>(&self, window: &'w Window) -> (&'w Runs, &'w Runs) {
        let n = window.0.len();
        if self.transposed {
            (&window.0[n - 1], &window.0[n - 2])
        } else {
            (&window.0[n - 2], &window.0[n - 1])
        }
    }

    pub(super) fn works_in_single(&self, blender: &dyn Blender) -> bool {
        self.element.is_small() && !blender.on_physical()
    }

    /// Computes `block` of the plane at `at`, row-major, into `out`.
    fn compute(&self, at: &[u64], block: &Block, out: &mut [u8]) -> Result<(), ReadError> {
        let footprint = self.resampler.footprint();
        if footprint.is_scattered() {
            return self.compute_parts(at, block, out);
        }
        let window = footprint.window(block);
        if let Some(failure) = footprint.failure() {
            return Err(failure);
        }
        let (Some(window), Some(needed)) = (window, &self.needed) else {
            fill_with(out, self.element.fill());
            return Ok(());
        };
        let window = window.intersection(needed);
        if window.is_empty() {
            fill_with(out, self.element.fill());
            return Ok(());
        }
        let width = needed.width() * self.element.size().max(4);
        // What a block holds shall be found in the cache, whoever else holds strips meanwhile.
        if window.height() * width > self.cache.budget() / HOLDERS && block.height() > LEAST_ROWS {
            let middle = block.rows.start + block.height() / 2;
            let (head, tail) =
                out.split_at_mut((middle - block.rows.start) * block.width() * self.element.size());
            self.compute(at, &Block { rows: block.rows.start..middle, cols: block.cols.clone() }, head)?;
            return self.compute(at, &Block { rows: middle..block.rows.end, cols: block.cols.clone() }, tail);
        }
        let (first, strips) = self.strips(at, needed, &window)?;
        let rows = first * self.strip_rows..(first + strips.len()) * self.strip_rows;
        let extent = Block { rows, cols: needed.cols.clone() }.intersection(needed);
        self.compute_from(&extent, &strips, block, out);
        footprint.failure().map_or(Ok(()), Err)
    }

    /// Computes `block` from strips that are the rows of `extent`.
    pub(super) fn compute_from(&self, extent: &Block, strips: &[Arc<Strip>], block: &Block, out: &mut [u8]) {
        match &self.resampler {
            Resampler::Pick(picker) => {
                let plane = byte_plane(extent, strips, self.element.size());
                self.in_bands(block, out, |band, part| self.pick(&**picker, &plane, band, part));
            }
            Resampler::Blend(b) if self.works_in_single(&**b) => {
                let plane = plane_of(extent, strips, |s| match s {
                    Strip::F32 { values, has_fill } => (values, *has_fill),
                    _ => (&[], true),
                });
                self.in_bands(block, out, |band, part| {
                    self.blend(false, band, part, |values| b.blend_f32(&plane, band, values));
                });
            }
            Resampler::Blend(b) => {
                let plane = plane_of(extent, strips, |s| match s {
                    Strip::F64 { values, has_fill } => (values, *has_fill),
                    _ => (&[], true),
                });
                self.in_bands(block, out, |band, part| {
                    self.blend(b.on_physical(), band, part, |values| b.blend_f64(&plane, band, values));
                });
            }
        }
    }

    /// Runs `work` over bands of rows, in parallel.
    fn in_bands(&self, block: &Block, out: &mut [u8], work: impl Fn(&Block, &mut [u8]) + Sync) {
        let rows = self.band_rows(block);
        let bytes = rows * block.width() * self.element.size();
        out.par_chunks_mut(bytes.max(1)).enumerate().for_each(|(i, part)| {
            let start = block.rows.start + i * rows;
            work(&Block { rows: start..(start + rows).min(block.rows.end), cols: block.cols.clone() }, part);
        });
    }

    fn band_rows(&self, block: &Block) -> usize {
        let fitting = |cells: usize| cells / block.width().max(1);
        let first = Block { rows: block.rows.start..block.rows.start + 1, cols: block.cols.clone() };
        if self.resampler.footprint().split(&first).len() < 2 {
            return fitting(BAND_CELLS).max(1);
        }
        // Nobody shall be without work.
        let shared = block.height() / (4 * rayon::current_num_threads()).max(1);
        fitting(TALL_CELLS).min(TALL_BAND).min(shared).max(fitting(BAND_CELLS)).max(1)
    }

    fn blend<R: Real>(&self, physical: bool, band: &Block, out: &mut [u8], kernel: impl FnOnce(&mut [R])) {
        let mut values = vec![R::NAN; band.count()];
        kernel(&mut values);
        self.element.encode(&values, physical, out);
    }

    fn pick(&self, picker: &dyn Picker, plane: &Plane<u8>, band: &Block, out: &mut [u8]) {
        let fill = self.element.fill();
        match self.element.size() {
            1 => pick::<1>(picker, plane, band, fill, out),
            2 => pick::<2>(picker, plane, band, fill, out),
            4 => pick::<4>(picker, plane, band, fill, out),
            8 => pick::<8>(picker, plane, band, fill, out),
            size => {
                let (mut rows, mut cols) = (vec![NOWHERE; band.count()], vec![NOWHERE; band.count()]);
                picker.pick(band, &mut rows, &mut cols);
                gather_any(plane, &rows, &cols, fill, size, out);
            }
        }
    }

    /// What reading the plane at `at` costs as a whole.
    fn plane_cost(&self, at: &[u64]) -> Result<u64, ReadError> {
        let Some(needed) = &self.needed else { return Ok(0) };
        let number = self.plane_number(at);
        let known = self.costs.lock().unwrap_or_else(PoisonError::into_inner).get(&number).copied();
        if let Some(cost) = known {
            return Ok(cost);
        }
        let cost = self.inner.cost(&self.inner_window(at, needed))?;
        self.costs.lock().unwrap_or_else(PoisonError::into_inner).insert(number, cost);
        Ok(cost)
    }

    /// Calls `each` with the indices of every plane of the window.
    fn each_plane(
        &self,
        window: &Window,
        mut each: impl FnMut(&[u64]) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let axes: Vec<Vec<u64>> =
            window.0[..self.leading.len()].iter().map(|r| r.indices().collect()).collect();
        let planes: usize = axes.iter().map(Vec::len).product();
        let mut at = vec![0; axes.len()];
        for p in 0..planes {
            let mut rest = p;
            for (i, axis) in axes.iter().enumerate().rev() {
                at[i] = axis[rest % axis.len()];
                rest /= axis.len();
            }
            each(&at)?;
        }
        Ok(())
    }

    /// Computes the outer product of runs of rows and columns of one plane.
    fn compute_runs(&self, at: &[u64], rows: &Runs, cols: &Runs, out: &mut [u8]) -> Result<(), ReadError> {
        let range = |r: &harmony_model::runs::Run| r.start as usize..r.end() as usize;
        if let ([r], [c]) = (rows.runs(), cols.runs()) {
            return self.compute(at, &Block { rows: range(r), cols: range(c) }, out);
        }
        let (size, stride) = (self.element.size(), cols.len() as usize * self.element.size());
        let mut top = 0;
        for r in rows.runs() {
            let mut left = 0;
            for c in cols.runs() {
                let mut part = vec![0; (r.len * c.len) as usize * size];
                self.compute(at, &Block { rows: range(r), cols: range(c) }, &mut part)?;
                let width = c.len as usize * size;
                for (i, row) in part.chunks_exact(width.max(1)).enumerate() {
                    let from = (top + i) * stride + left;
                    out[from..from + width].copy_from_slice(row);
                }
                left += width;
            }
            top += r.len as usize;
        }
        Ok(())
    }
}

/// Data of which the declared fill value tells what has no source, else with the coverage that does.
fn told_by_fill(
    data: Arc<dyn ArraySource>,
    element: &Element,
) -> (Arc<dyn ArraySource>, Option<Arc<dyn ArraySource>>) {
    match data.coverage() {
        Some(coverage) if element.declares_fill() || element.is_float() => {
            (Arc::new(FilledWhere { data, coverage, fill: element.fill().to_vec() }), None)
        }
        coverage => (data, coverage),
    }
}

impl ArraySource for ResampledArray {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let (rows, cols) = self.plane_axes(window);
        let size = self.element.size();
        let plane_bytes = (rows.len() * cols.len()) as usize * size;
        if plane_bytes == 0 {
            return Ok(());
        }
        let mut parts = out.chunks_exact_mut(plane_bytes);
        self.each_plane(window, |at| {
            let Some(part) = parts.next() else { return Ok(()) };
            if !self.transposed {
                return self.compute_runs(at, rows, cols, part);
            }
            let mut upright = vec![0; plane_bytes];
            self.compute_runs(at, rows, cols, &mut upright)?;
            part.copy_from_slice(&transpose(&upright, rows.len() as usize, cols.len() as usize, size));
            Ok(())
        })
    }

    /// Each block bears its share of reading the source plane once: strips are kept for its neighbours.
    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        let (rows, cols) = self.plane_axes(window);
        let [height, width] = self.resampler.footprint().target_shape();
        let (cells, all) = (rows.len() * cols.len(), (height as u64 * width as u64).max(1));
        let mut total = 0u64;
        self.each_plane(window, |at| {
            let share = u128::from(self.plane_cost(at)?) * u128::from(cells) / u128::from(all);
            total = total.saturating_add(u64::try_from(share).unwrap_or(u64::MAX));
            Ok(())
        })?;
        Ok(total)
    }

    fn coverage(&self) -> Option<Arc<dyn ArraySource>> {
        self.coverage.clone()
    }
}
