//! Which byte ranges of an array in one piece a window needs, and which of them are better read together.

use harmony_model::{Run, Window};

/// Bytes of one read at most: pieces of it are read in parallel.
pub(super) const PIECE: u64 = 8 << 20;
/// Bytes that are read along sooner than asking again: about what one call costs in time.
const GAP: u64 = 4096;

/// Byte geometry of a window in an array of a fixed layout.
pub(super) struct Layout {
    axes: Vec<Axis>,
    /// Needed bytes of everything below axis `d`; element `rank` is one element.
    need: Vec<u64>,
    /// First needed byte and the one after the last, below axis `d`, from the start of that part.
    low: Vec<u64>,
    high: Vec<u64>,
    /// Everything below axis `d` is wanted and lies in one piece.
    whole: Vec<bool>,
}

struct Axis {
    runs: Vec<Run>,
    stride: u64,
}

/// One read.
pub(super) struct Piece {
    /// First byte, from the start of the array.
    pub start: u64,
    pub len: u64,
    /// Where its first wanted byte goes.
    pub to: usize,
    pub part: Part,
}

/// What of the bytes read is wanted.
pub(super) enum Part {
    /// All of them, in order.
    All,
    /// The `runs` along `axis` of the part that begins at `base`, and below it what the window says.
    Some { axis: usize, base: u64, runs: Vec<Run> },
}

impl Layout {
    /// `record_stride`: bytes from one index of the first axis to the next when records of several variables are
    /// interleaved. `None` when sizes overflow.
    pub(super) fn new(
        window: &Window,
        shape: &[u64],
        element_size: usize,
        record_stride: Option<u64>,
    ) -> Option<Self> {
        let rank = shape.len();
        let size = element_size as u64;
        let mut packed = size;
        let mut axes = Vec::with_capacity(rank);
        let (mut need, mut low, mut high, mut whole) =
            (vec![size; rank + 1], vec![0; rank + 1], vec![size; rank + 1], vec![true; rank + 1]);
        for d in (0..rank).rev() {
            let runs = &window.0[d];
            let stride = match record_stride {
                Some(stride) if d == 0 => stride,
                _ => packed,
            };
            need[d] = need[d + 1].checked_mul(runs.len())?;
            let first = runs.runs().iter().map(|r| r.start).min().unwrap_or(0);
            low[d] = first.checked_mul(stride)?.checked_add(low[d + 1])?;
            high[d] = runs.upper().saturating_sub(1).checked_mul(stride)?.checked_add(high[d + 1])?;
            whole[d] = whole[d + 1] && runs.is_all(shape[d]) && stride == packed;
            packed = packed.checked_mul(shape[d])?;
            axes.push(Axis { runs: runs.runs().to_vec(), stride });
        }
        axes.reverse();
        Some(Layout { axes, need, low, high, whole })
    }

    /// The byte after the last needed one.
    pub(super) fn end(&self) -> u64 {
        self.high[0]
    }

    /// Calls `f` for every read, in output order as far as that goes.
    pub(super) fn pieces<E>(&self, f: &mut impl FnMut(Piece) -> Result<(), E>) -> Result<(), E> {
        if self.need[0] == 0 { Ok(()) } else { self.visit(0, 0, 0, f) }
    }

    /// The reads of the part below axis `d` that begins at `base`.
    fn visit<E>(
        &self,
        d: usize,
        base: u64,
        to: usize,
        f: &mut impl FnMut(Piece) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.whole[d] {
            return direct(base, self.need[d], to, f);
        }
        let axis = &self.axes[d];
        let rows = self.contiguous_rows(d);
        let dense = rows || worth_it(axis.stride.max(self.need[d + 1]), self.need[d + 1], 1);
        let mut to = to;
        if !dense {
            for i in axis.runs.iter().flat_map(|r| r.start..r.end()) {
                self.visit(d + 1, base + i * axis.stride, to, f)?;
                to += self.need[d + 1] as usize;
            }
            return Ok(());
        }
        let mut group = Group::default();
        for run in self.bounded_runs(d) {
            if !group.joins(run, axis.stride, self.need[d + 1], rows) {
                self.emit(d, base, &mut to, std::mem::take(&mut group), f)?;
            }
            group.push(run);
        }
        self.emit(d, base, &mut to, group, f)
    }

    /// Whether consecutive indices of axis `d` are consecutive bytes.
    fn contiguous_rows(&self, d: usize) -> bool {
        self.whole[d + 1] && self.need[d + 1] == self.axes[d].stride
    }

    /// The runs of axis `d`, cut so that none spans more than a piece.
    fn bounded_runs(&self, d: usize) -> impl Iterator<Item = Run> + '_ {
        let axis = &self.axes[d];
        let most = (PIECE / axis.stride.max(1)).max(1);
        axis.runs.iter().flat_map(move |run| {
            (0..run.len.div_ceil(most))
                .map(move |k| Run { start: run.start + k * most, len: most.min(run.len - k * most) })
        })
    }

    fn emit<E>(
        &self,
        d: usize,
        base: u64,
        to: &mut usize,
        group: Group,
        f: &mut impl FnMut(Piece) -> Result<(), E>,
    ) -> Result<(), E> {
        let at = *to;
        *to += (group.rows * self.need[d + 1]) as usize;
        let stride = self.axes[d].stride;
        match group.runs.as_slice() {
            [] => Ok(()),
            [run] if self.contiguous_rows(d) => direct(base + run.start * stride, run.len * stride, at, f),
            // Below it there may still be gaps that are better left out.
            [run] if run.len == 1 => self.visit(d + 1, base + run.start * stride, at, f),
            _ => {
                let start = base + group.first * stride + self.low[d + 1];
                let len = base + (group.end - 1) * stride + self.high[d + 1] - start;
                f(Piece { start, len, to: at, part: Part::Some { axis: d, base, runs: group.runs } })
            }
        }
    }

    /// Calls `f(offset in the bytes read, offset in the output, bytes)` for all that is wanted of a piece.
    pub(super) fn scatter(&self, piece: &Piece, mut f: impl FnMut(usize, usize, usize)) {
        match &piece.part {
            Part::All => f(0, piece.to, piece.len as usize),
            Part::Some { axis, base, runs } => {
                let mut to = piece.to;
                self.walk(*axis, runs, *base, piece.start, &mut to, &mut f);
            }
        }
    }

    fn walk<F: FnMut(usize, usize, usize)>(
        &self,
        d: usize,
        runs: &[Run],
        base: u64,
        start: u64,
        to: &mut usize,
        f: &mut F,
    ) {
        let stride = self.axes[d].stride;
        let rows = self.contiguous_rows(d);
        for run in runs {
            if rows {
                let len = (run.len * stride) as usize;
                f((base + run.start * stride - start) as usize, *to, len);
                *to += len;
                continue;
            }
            for i in run.start..run.end() {
                let from = base + i * stride;
                if self.whole[d + 1] {
                    let len = self.need[d + 1] as usize;
                    f((from - start) as usize, *to, len);
                    *to += len;
                } else {
                    self.walk(d + 1, &self.axes[d + 1].runs, from, start, to, f);
                }
            }
        }
    }
}

/// A contiguous range, cut into pieces.
fn direct<E>(start: u64, len: u64, to: usize, f: &mut impl FnMut(Piece) -> Result<(), E>) -> Result<(), E> {
    let mut done = 0;
    while done < len {
        let n = PIECE.min(len - done);
        f(Piece { start: start + done, len: n, to: to + done as usize, part: Part::All })?;
        done += n;
    }
    Ok(())
}

/// Whether reading `span` bytes at once is better than `reads` reads of `need` bytes in all.
fn worth_it(span: u64, need: u64, reads: u64) -> bool {
    need.saturating_mul(4) >= span || span - need <= reads.saturating_mul(GAP)
}

/// Runs along one axis that are read together.
#[derive(Default)]
struct Group {
    runs: Vec<Run>,
    rows: u64,
    first: u64,
    end: u64,
}

impl Group {
    /// Whether `run` is better read together with this group. `rows`: each run is one contiguous range.
    fn joins(&self, run: Run, stride: u64, need: u64, rows: bool) -> bool {
        if self.runs.is_empty() {
            return true;
        }
        let indices = self.end.max(run.end()) - self.first.min(run.start);
        let span = indices.saturating_mul(stride);
        let wanted = (self.rows + run.len).saturating_mul(need);
        let reads = if rows { self.runs.len() as u64 } else { self.rows };
        span <= PIECE && (wanted >= span || worth_it(span, wanted, reads))
    }

    fn push(&mut self, run: Run) {
        let empty = self.runs.is_empty();
        self.first = if empty { run.start } else { self.first.min(run.start) };
        self.end = self.end.max(run.end());
        self.rows += run.len;
        self.runs.push(run);
    }
}
