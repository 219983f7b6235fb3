//! Elements of a raster: windows of the stored array, turned north-up.

use std::ops::Range;

use harmony_model::dtype::number_bytes;
use harmony_model::{DType, Granule, ReadError, Runs, Variable, Window};

use super::Raster;
use super::affine::Placed;
use super::sample::Order;

/// How the stored array of a raster lies on its grid.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    rank: usize,
    y_axis: usize,
    x_axis: usize,
    rows: u64,
    columns: u64,
    flip_y: bool,
    flip_x: bool,
    roll: u64,
    /// Stored numbers to be replaced, and the one that replaces them; native bytes.
    replace: Vec<Vec<u8>>,
    nodata: Vec<u8>,
}

impl Layout {
    /// `None` when the variable does not have both axes of the grid.
    pub fn new(var: &Variable, placed: &Placed, dtype: &DType, fills: &[f64]) -> Option<Self> {
        let axis = |dim| var.dims.iter().position(|&d| d == dim);
        let (y_axis, x_axis) = (axis(placed.y)?, axis(placed.x)?);
        let bytes: Vec<Vec<u8>> = fills.iter().filter_map(|&f| number_bytes(dtype, f)).collect();
        let (nodata, replace) = match bytes.split_first() {
            Some((first, rest)) => (first.clone(), rest.to_vec()),
            None => (Vec::new(), Vec::new()),
        };
        (y_axis != x_axis).then_some(Layout {
            rank: var.dims.len(),
            y_axis,
            x_axis,
            rows: placed.grid.ny,
            columns: placed.grid.nx,
            flip_y: placed.flip_y,
            flip_x: placed.flip_x,
            roll: placed.roll,
            replace,
            nodata,
        })
    }

    /// Stored rows, ascending.
    fn stored_rows(&self, rows: &Range<u64>) -> Runs {
        let start = if self.flip_y { self.rows - rows.end } else { rows.start };
        Runs::range(start, rows.end - rows.start)
    }

    /// Stored columns in grid order, or from last to first when they run the other way.
    fn stored_columns(&self, columns: &Range<u64>) -> Runs {
        let n = self.columns;
        let mut runs = Runs::default();
        let mut pieces = Vec::new();
        let mut at = columns.start;
        while at < columns.end {
            let west = (at + self.roll) % n;
            let len = (n - west).min(columns.end - at);
            pieces.push((west, len));
            at += len;
        }
        if self.flip_x {
            pieces.iter().rev().for_each(|&(west, len)| runs.push(n - west - len, len));
        } else {
            pieces.iter().for_each(|&(west, len)| runs.push(west, len));
        }
        runs
    }

    fn is_transposed(&self) -> bool {
        self.x_axis < self.y_axis
    }

    /// For a version of the array with other extents.
    pub(super) fn resize(&mut self, rows: u64, columns: u64) {
        (self.rows, self.columns) = (rows, columns);
    }

    pub(super) fn row_order(&self) -> Order {
        Order { n: self.rows, roll: 0, flip: self.flip_y }
    }

    pub(super) fn column_order(&self) -> Order {
        Order { n: self.columns, roll: self.roll, flip: self.flip_x }
    }
}

impl Raster {
    /// Elements of a window of one band, row by row, north-up and from west to east, in native byte order.
    ///
    /// # Errors
    /// What the source says; [`ReadError::Unsupported`] when the window leaves the raster.
    pub fn read(
        &self,
        granule: &Granule,
        band: usize,
        rows: Range<u64>,
        columns: Range<u64>,
    ) -> Result<Vec<u8>, ReadError> {
        let mut out = Vec::new();
        self.read_to(granule, band, &rows, &columns, &mut out)?;
        Ok(out)
    }

    /// [`Raster::read`] into a buffer that is used again: what was in it is gone.
    ///
    /// # Errors
    /// As [`Raster::read`].
    pub fn read_to(
        &self,
        granule: &Granule,
        band: usize,
        rows: &Range<u64>,
        columns: &Range<u64>,
        out: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        let window = self.run_window(granule, band, 1, rows, columns)?;
        self.read_window(granule, &window, sides(rows, columns), out)
    }

    /// Where the planes of `count` bands lie that follow each other in the stored array.
    fn run_window(
        &self,
        granule: &Granule,
        band: usize,
        count: u64,
        rows: &Range<u64>,
        columns: &Range<u64>,
    ) -> Result<Window, ReadError> {
        let layout = &self.layout;
        let inside = rows.start <= rows.end
            && rows.end <= layout.rows
            && columns.start <= columns.end
            && columns.end <= layout.columns;
        let Some(band) = self.bands.get(band).filter(|_| inside) else {
            let detail = format!("band {band}, rows {rows:?}, columns {columns:?} are not in the raster");
            return Err(ReadError::unsupported(&granule.name, format!("variable '{}'", self.path), detail));
        };
        Ok(self.window(band, count, layout.stored_rows(rows), layout.stored_columns(columns)))
    }

    /// One band at stored rows and columns, which are those of the grid, turned where the axes are.
    pub(super) fn read_runs(
        &self,
        granule: &Granule,
        band: usize,
        rows: Runs,
        columns: Runs,
    ) -> Result<Vec<u8>, ReadError> {
        let sides = (rows.len() as usize, columns.len() as usize);
        let window = self.window(&self.bands[band], 1, rows, columns);
        let mut out = Vec::new();
        self.read_window(granule, &window, sides, &mut out)?;
        Ok(out)
    }

    /// Reads planes of that height and width and turns them north-up; what other bands leave out has one value then.
    fn read_window(
        &self,
        granule: &Granule,
        window: &Window,
        sides: (usize, usize),
        out: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        granule.read_to(self.var, window, out)?;
        self.turn(out, sides, self.dtype.size());
        for other in &self.layout.replace {
            replace(out, other, &self.layout.nodata);
        }
        Ok(())
    }

    /// Whether the data themselves tell which cells lie outside of their source ([`Raster::covered`]).
    pub fn tells_coverage(&self, granule: &Granule) -> bool {
        granule.var(self.var).data.coverage().is_some()
    }

    /// For each cell of a window of one band, as [`Raster::read`] gives them, 0 where it lies outside of what the data
    /// are made of; `None`: none does.
    ///
    /// # Errors
    /// What the source says.
    pub fn covered(
        &self,
        granule: &Granule,
        band: usize,
        rows: &Range<u64>,
        columns: &Range<u64>,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let layout = &self.layout;
        self.covered_runs(granule, band, layout.stored_rows(rows), layout.stored_columns(columns))
    }

    /// The same for stored rows and columns, which are those of the grid, turned where the axes are.
    pub(super) fn covered_runs(
        &self,
        granule: &Granule,
        band: usize,
        rows: Runs,
        columns: Runs,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(coverage) = granule.var(self.var).data.coverage() else { return Ok(None) };
        let Some(band) = self.bands.get(band) else { return Ok(None) };
        let sides = (rows.len() as usize, columns.len() as usize);
        let window = self.window(band, 1, rows, columns);
        let mut cells = vec![0; usize::try_from(window.count()).unwrap_or(usize::MAX)];
        coverage.read(&window, &mut cells)?;
        self.turn(&mut cells, sides, 1);
        Ok(Some(cells))
    }

    /// Turns stored planes of elements of `size` bytes north-up.
    fn turn(&self, bytes: &mut [u8], (height, width): (usize, usize), size: usize) {
        let layout = &self.layout;
        let plane = height * width * size;
        if plane == 0 {
            return;
        }
        for plane in bytes.chunks_exact_mut(plane) {
            if layout.is_transposed() {
                let turned = transposed(plane, width, height, size);
                plane.copy_from_slice(&turned);
            }
            if layout.flip_y {
                flip_rows(plane, width * size);
            }
            if layout.flip_x {
                plane.chunks_exact_mut(width * size).for_each(|row| reverse_elements(row, size));
            }
        }
    }

    /// The same window of several bands, one after the other; bands of the same chunks are read at once.
    ///
    /// # Errors
    /// As [`Raster::read`].
    pub fn read_bands(
        &self,
        granule: &Granule,
        bands: Range<usize>,
        rows: Range<u64>,
        columns: Range<u64>,
    ) -> Result<Vec<u8>, ReadError> {
        let mut out = Vec::new();
        let mut at = bands.start;
        while at < bands.end {
            let run = if self.planes_first() && at < self.bands.len() { self.run_from(at) } else { 1 };
            let count = run.min(bands.end - at);
            let window = self.run_window(granule, at, count as u64, &rows, &columns)?;
            let mut planes = Vec::new();
            self.read_window(granule, &window, sides(&rows, &columns), &mut planes)?;
            if out.is_empty() {
                out = planes;
            } else {
                out.extend_from_slice(&planes);
            }
            at += count;
        }
        Ok(out)
    }

    /// Whether the axes of the grid come last, so that a window of several bands is plane after plane.
    fn planes_first(&self) -> bool {
        self.layout.y_axis.min(self.layout.x_axis) + 2 == self.layout.rank
    }

    fn window(&self, band: &super::Band, count: u64, rows: Runs, columns: Runs) -> Window {
        let (mut rows, mut columns) = (Some(rows), Some(columns));
        let layout = &self.layout;
        let last = band.index.len().saturating_sub(1);
        let mut leading = band.index.iter().enumerate();
        let axes = (0..layout.rank).map(|axis| {
            if axis == layout.y_axis {
                rows.take().unwrap_or_default()
            } else if axis == layout.x_axis {
                columns.take().unwrap_or_default()
            } else {
                let (number, start) = leading.next().map_or((0, 0), |(i, &at)| (i, at));
                Runs::range(start, if number == last { count } else { 1 })
            }
        });
        Window(axes.collect())
    }

    /// Rows of a stored chunk: 1 when there are none. Reads of whole chunks decode none twice.
    pub fn rows_per_chunk(&self, granule: &Granule) -> u64 {
        let chunk = granule.var(self.var).storage.chunk_shape();
        chunk.and_then(|c| c.get(self.layout.y_axis)).copied().unwrap_or(1).clamp(1, self.layout.rows.max(1))
    }

    /// Whether rows are read one by one, byte for byte: the chunks of a variable may only say how it is best written.
    pub fn has_single_rows(&self, granule: &Granule) -> bool {
        let Some(band) = self.bands.first().filter(|_| self.layout.rows >= 2) else { return false };
        let cost = |rows| {
            let window = self.window(band, 1, Runs::range(0, rows), Runs::all(self.layout.columns));
            granule.var(self.var).data.cost(&window).unwrap_or(0)
        };
        let row = self.layout.columns.saturating_mul(self.dtype.size() as u64);
        row > 0 && cost(1) == row && cost(2) == row.saturating_mul(2)
    }

    /// Bands from `band` on that share its stored chunks.
    pub fn bands_per_chunk(&self, granule: &Granule, band: usize) -> usize {
        let Some(axis) = self.run_axis() else { return 1 };
        let chunk = granule.var(self.var).storage.chunk_shape();
        let chunk = chunk.and_then(|c| c.get(self.stored_axis(axis))).copied().unwrap_or(1).max(1);
        let Some(at) = self.bands.get(band).map(|b| b.index[axis]) else { return 1 };
        let left = (chunk - at % chunk) as usize;
        self.run_from(band).min(left)
    }

    /// Whether elements lie in the file as the raster gives them: neither turned nor moved around the Earth.
    pub fn is_as_stored(&self) -> bool {
        let layout = &self.layout;
        !(layout.flip_y || layout.flip_x || layout.is_transposed()) && layout.roll == 0
    }

    /// Whether the first row of the raster is the last stored one.
    pub fn is_flipped(&self) -> bool {
        self.layout.flip_y
    }

    /// The last leading axis: bands that differ along it only follow each other.
    fn run_axis(&self) -> Option<usize> {
        self.layout.rank.checked_sub(3)
    }

    /// Number of an axis of the variable by its number among the leading ones.
    fn stored_axis(&self, leading: usize) -> usize {
        let is_grid = |a: &usize| *a == self.layout.y_axis || *a == self.layout.x_axis;
        (0..self.layout.rank).filter(|a| !is_grid(a)).nth(leading).unwrap_or(0)
    }

    /// Bands from `band` on whose indices differ along the last leading axis only.
    fn run_from(&self, band: usize) -> usize {
        let Some(axis) = self.run_axis() else { return 1 };
        let first = &self.bands[band].index;
        self.bands[band..].iter().take_while(|b| b.index[..axis] == first[..axis]).count()
    }

    /// Positions of the axes of rows and columns among those of the variable.
    pub fn grid_axes(&self) -> [usize; 2] {
        [self.layout.y_axis, self.layout.x_axis]
    }

    /// Whether rows are better read all at once: they are not what is contiguous in the file.
    pub fn is_transposed(&self) -> bool {
        self.layout.is_transposed()
    }
}

/// Blocks of this many elements square are moved at a time, so that both sides stay in the cache.
const BLOCK: usize = 32;

/// Height and width of a window.
fn sides(rows: &Range<u64>, columns: &Range<u64>) -> (usize, usize) {
    ((rows.end - rows.start) as usize, (columns.end - columns.start) as usize)
}

/// The transpose of a row-major array of `rows` × `columns` elements.
fn transposed(input: &[u8], rows: usize, columns: usize, size: usize) -> Vec<u8> {
    match size {
        1 => transposed_as::<1>(input, rows, columns),
        2 => transposed_as::<2>(input, rows, columns),
        4 => transposed_as::<4>(input, rows, columns),
        _ => transposed_as::<8>(input, rows, columns),
    }
}

fn transposed_as<const N: usize>(input: &[u8], rows: usize, columns: usize) -> Vec<u8> {
    let mut out = vec![0; input.len()];
    let (from, _) = input.as_chunks::<N>();
    let (to, _) = out.as_chunks_mut::<N>();
    for r0 in (0..rows).step_by(BLOCK) {
        for c0 in (0..columns).step_by(BLOCK) {
            for c in c0..(c0 + BLOCK).min(columns) {
                for r in r0..(r0 + BLOCK).min(rows) {
                    to[c * rows + r] = from[r * columns + c];
                }
            }
        }
    }
    out
}

fn flip_rows(bytes: &mut [u8], line: usize) {
    if line == 0 {
        return;
    }
    let rows = bytes.len() / line;
    for r in 0..rows / 2 {
        let (top, bottom) = bytes.split_at_mut((rows - 1 - r) * line);
        top[r * line..(r + 1) * line].swap_with_slice(&mut bottom[..line]);
    }
}

/// Reverses the order of elements; their bytes stay as they are.
fn reverse_elements(row: &mut [u8], size: usize) {
    match size {
        1 => row.reverse(),
        2 => row.as_chunks_mut::<2>().0.reverse(),
        4 => row.as_chunks_mut::<4>().0.reverse(),
        _ => row.as_chunks_mut::<8>().0.reverse(),
    }
}

/// Puts `new` where `old` stands; any NaN is meant by one.
fn replace(bytes: &mut [u8], old: &[u8], new: &[u8]) {
    for element in bytes.chunks_exact_mut(old.len()) {
        if element == old {
            element.copy_from_slice(new);
        }
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn turning_and_flipping_move_whole_elements() {
        let a: Vec<u8> = (0u16..6).flat_map(u16::to_ne_bytes).collect();
        let t = transposed(&a, 2, 3, 2);
        let want: Vec<u8> = [0u16, 3, 1, 4, 2, 5].into_iter().flat_map(u16::to_ne_bytes).collect();
        assert_eq!(t, want);
        let mut rows = vec![1, 2, 3, 4, 5, 6];
        flip_rows(&mut rows, 2);
        assert_eq!(rows, [5, 6, 3, 4, 1, 2]);
        reverse_elements(&mut rows, 2);
        assert_eq!(rows, [1, 2, 3, 4, 5, 6]);
    }
}
