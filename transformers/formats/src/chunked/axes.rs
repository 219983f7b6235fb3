//! Which chunks a window touches, and which parts of them go where.

use harmony_model::{Runs, Window};

/// Chunks that one window may touch, along one axis and in all: with more, a header claims an array that no one stored.
const MAX_TOUCHED: u64 = 1 << 24;

/// `len` indices from `from` in a chunk, which are those from `to` on in the output axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub from: usize,
    pub to: usize,
    pub len: usize,
}

/// One axis of a window, cut at chunk borders and grouped by chunk.
pub(super) struct AxisPlan {
    /// Index in the chunk grid of each touched chunk, ascending, and where its segments start.
    chunks: Vec<(u64, usize)>,
    segments: Vec<Segment>,
    /// Extent of the output.
    out_len: usize,
    /// Extent of a chunk.
    chunk_len: usize,
}

impl AxisPlan {
    /// `chunk_len` is not zero.
    fn new(runs: &Runs, chunk_len: u64) -> Self {
        let mut cut: Vec<(u64, Segment)> = Vec::new();
        let mut to = 0;
        for run in runs.runs() {
            let mut at = run.start;
            while at < run.end() {
                let chunk = at / chunk_len;
                let end = run.end().min((chunk + 1).saturating_mul(chunk_len));
                let len = (end - at) as usize;
                cut.push((chunk, Segment { from: (at - chunk * chunk_len) as usize, to, len }));
                to += len;
                at = end;
            }
        }
        // Stable: segments of a chunk stay in output order. Usually nothing moves.
        cut.sort_by_key(|(chunk, _)| *chunk);
        let mut chunks: Vec<(u64, usize)> = Vec::new();
        for (i, (chunk, _)) in cut.iter().enumerate() {
            if chunks.last().is_none_or(|(last, _)| last != chunk) {
                chunks.push((*chunk, i));
            }
        }
        let segments = cut.into_iter().map(|(_, segment)| segment).collect();
        AxisPlan { chunks, segments, out_len: to, chunk_len: chunk_len as usize }
    }

    fn segments(&self, i: usize) -> &[Segment] {
        let end = self.chunks.get(i + 1).map_or(self.segments.len(), |next| next.1);
        &self.segments[self.chunks[i].1..end]
    }
}

/// All chunks a window touches: the outer product of those along each axis, numbered row-major.
pub(super) struct Touched {
    axes: Vec<AxisPlan>,
    /// Chunks of the grid per step along each axis.
    grid_strides: Vec<u64>,
    element_size: usize,
    count: usize,
}

impl Touched {
    /// `None` when sizes overflow or there are absurdly many chunks. The caller has checked rank, bounds and that no chunk extent is zero.
    pub(super) fn new(window: &Window, shape: &[u64], chunk: &[u64], element_size: usize) -> Option<Self> {
        let mut grid_strides = vec![1u64; shape.len()];
        for d in (1..shape.len()).rev() {
            grid_strides[d - 1] = grid_strides[d].checked_mul(shape[d].div_ceil(chunk[d]))?;
        }
        if let Some(first) = shape.first() {
            grid_strides[0].checked_mul(first.div_ceil(chunk[0]))?;
        }
        // An empty window touches nothing, however many chunks its other axes would cross.
        if window.0.iter().any(Runs::is_empty) {
            return Some(Touched { axes: Vec::new(), grid_strides, element_size, count: 0 });
        }
        // At most this many pieces, counted before any of them is made.
        let cuts = |(runs, &n): (&Runs, &u64)| {
            runs.runs().iter().map(|r| r.len / n + 2).fold(0, u64::saturating_add)
        };
        if window.0.iter().zip(chunk).any(|axis| cuts(axis) > MAX_TOUCHED) {
            return None;
        }
        let axes: Vec<_> = window.0.iter().zip(chunk).map(|(runs, &n)| AxisPlan::new(runs, n)).collect();
        let count = axes.iter().try_fold(1usize, |n, axis| n.checked_mul(axis.chunks.len()))?;
        if count as u64 > MAX_TOUCHED {
            return None;
        }
        Some(Touched { axes, grid_strides, element_size, count })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Position along each axis (among the touched chunks) of touched chunk `task`.
    fn positions(&self, mut task: usize) -> Vec<usize> {
        let mut at = vec![0; self.axes.len()];
        for (slot, axis) in at.iter_mut().zip(&self.axes).rev() {
            *slot = task % axis.chunks.len();
            task /= axis.chunks.len();
        }
        at
    }

    /// Index in the chunk grid of touched chunk `task`.
    pub(super) fn grid_index(&self, task: usize) -> Vec<u64> {
        self.positions(task).iter().zip(&self.axes).map(|(&i, axis)| axis.chunks[i].0).collect()
    }

    /// Row-major number in the chunk grid of touched chunk `task`.
    pub(super) fn number(&self, task: usize) -> u64 {
        self.grid_index(task).iter().zip(&self.grid_strides).map(|(c, s)| c * s).sum()
    }

    /// What of touched chunk `task` goes where.
    pub(super) fn pieces(&self, task: usize) -> Pieces<'_> {
        let positions = self.positions(task);
        let (mut chunk_stride, mut out_stride) = (self.element_size, self.element_size);
        let mut axes = Vec::with_capacity(self.axes.len());
        for (axis, &i) in self.axes.iter().zip(&positions).rev() {
            axes.push(PieceAxis { segments: axis.segments(i), chunk_stride, out_stride });
            chunk_stride *= axis.chunk_len;
            out_stride *= axis.out_len;
        }
        // Trailing axes taken whole are one piece of memory on both sides.
        let whole = |(axis, plan): (&PieceAxis, &AxisPlan)| {
            let all = Segment { from: 0, to: 0, len: plan.chunk_len };
            plan.chunk_len == plan.out_len && axis.segments == [all]
        };
        let merged = axes.iter().zip(self.axes.iter().rev()).take_while(|&(a, p)| whole((a, p))).count();
        let unit = axes[..merged].last().map_or(self.element_size, |a| a.chunk_stride * a.segments[0].len);
        axes.drain(..merged);
        axes.reverse();
        Pieces { axes, unit }
    }
}

struct PieceAxis<'a> {
    segments: &'a [Segment],
    /// Bytes per index in the chunk and in the output.
    chunk_stride: usize,
    out_stride: usize,
}

/// Contiguous pieces of one chunk with their place in the output.
pub(super) struct Pieces<'a> {
    axes: Vec<PieceAxis<'a>>,
    /// Bytes that are contiguous on both sides whatever the axes say.
    unit: usize,
}

impl Pieces<'_> {
    /// The first byte of the chunk that is needed and the one after the last.
    pub(super) fn span(&self) -> (usize, usize) {
        let (mut first, mut last) = (0, self.unit);
        for axis in &self.axes {
            let low = axis.segments.iter().map(|s| s.from).min().unwrap_or(0);
            let high = axis.segments.iter().map(|s| s.from + s.len - 1).max().unwrap_or(0);
            first += low * axis.chunk_stride;
            last += high * axis.chunk_stride;
        }
        (first, last)
    }

    /// `(offset in the chunk, offset in the output, bytes)` when all of it is one piece.
    pub(super) fn single(&self) -> Option<(usize, usize, usize)> {
        match self.axes.as_slice() {
            [] => Some((0, 0, self.unit)),
            [axis @ PieceAxis { segments: [s], .. }] => {
                Some((s.from * axis.chunk_stride, s.to * axis.out_stride, s.len * self.unit))
            }
            _ => None,
        }
    }

    /// Calls `f(offset in the chunk, offset in the output, bytes)` for every piece.
    pub(super) fn for_each(&self, mut f: impl FnMut(usize, usize, usize)) {
        walk(&self.axes, self.unit, 0, 0, &mut f);
    }
}

fn walk<F: FnMut(usize, usize, usize)>(axes: &[PieceAxis], unit: usize, from: usize, to: usize, f: &mut F) {
    match axes {
        [] => f(from, to, unit),
        // The strides of the last axis left are `unit` on both sides.
        [axis] => {
            axis.segments.iter().for_each(|s| f(from + s.from * unit, to + s.to * unit, s.len * unit));
        }
        [axis, rest @ ..] => {
            for s in axis.segments {
                for k in 0..s.len {
                    let from = from + (s.from + k) * axis.chunk_stride;
                    walk(rest, unit, from, to + (s.to + k) * axis.out_stride, f);
                }
            }
        }
    }
}
