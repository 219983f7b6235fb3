//! The outline of a swath: the outermost valid cells of its rows and columns.

use harmony_model::ReadError;
use rayon::prelude::*;

use super::cells::Cells;
use super::sphere;
use super::swath::Swath;
use crate::project::Block;

/// Something that is found part by part.
pub trait Join {
    /// Adds what another part has.
    fn join(&mut self, other: Self);
}

/// A cell and its position in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Number in the swath.
    pub cell: usize,
    pub lon: f64,
    pub lat: f64,
}

/// The valid cells at both ends of a row or column.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Ends {
    /// The outermost one and the next one further in.
    first: [Option<Place>; 2],
    last: [Option<Place>; 2],
}

impl Ends {
    fn of(line: impl DoubleEndedIterator<Item = Place> + Clone) -> Self {
        let valid = |p: &Place| sphere::is_position(p.lon, p.lat);
        let (mut forward, mut backward) = (line.clone().filter(valid), line.rev().filter(valid));
        Ends { first: [forward.next(), forward.next()], last: [backward.next(), backward.next()] }
    }

    /// Goes on with what follows on the same line.
    fn join(&mut self, next: Ends) {
        let two = |a: [Option<Place>; 2], b: [Option<Place>; 2]| {
            let mut all = a.into_iter().chain(b).flatten();
            [all.next(), all.next()]
        };
        self.first = two(self.first, next.first);
        self.last = two(next.last, self.last);
    }
}

/// The outermost valid cells of all rows and all columns.
pub struct Outline {
    rows: Vec<Ends>,
    cols: Vec<Ends>,
}

/// The outline of a swath, and what `each` finds in its parts.
///
/// # Errors
/// When positions can't be read.
pub fn of<T: Join + Send>(
    swath: &Swath,
    each: impl Fn(&Cells) -> T + Sync,
) -> Result<(Outline, T), ReadError> {
    let mut outline =
        Outline { rows: vec![Ends::default(); swath.shape[0]], cols: vec![Ends::default(); swath.shape[1]] };
    let nothing = Cells { block: Block { rows: 0..0, cols: 0..0 }, lons: Vec::new(), lats: Vec::new() };
    let mut found = each(&nothing);
    let pages: Vec<Block> = swath.cuts.pages().collect();
    // Some at a time: what is found in them waits until those before are joined.
    for part in pages.chunks(4 * rayon::current_num_threads()) {
        let look = |page: &Block| {
            let cells = swath.read(page)?;
            let (rows, cols) = ends(&cells, swath.shape[1]);
            Ok((rows, cols, each(&cells)))
        };
        let parts: Vec<_> = part.par_iter().map(look).collect::<Result<_, ReadError>>()?;
        for (page, (rows, cols, other)) in part.iter().zip(parts) {
            page.rows.clone().zip(rows).for_each(|(r, ends)| outline.rows[r].join(ends));
            page.cols.clone().zip(cols).for_each(|(c, ends)| outline.cols[c].join(ends));
            found.join(other);
        }
    }
    Ok((outline, found))
}

/// Ends of the rows and of the columns of a block of a swath of `width` columns.
fn ends(cells: &Cells, width: usize) -> (Vec<Ends>, Vec<Ends>) {
    let block = &cells.block;
    let place = |row: usize, col: usize| {
        let (lon, lat) = cells.at(row, col);
        Place { cell: row * width + col, lon, lat }
    };
    let along = |row: usize| Ends::of(block.cols.clone().map(move |col| place(row, col)));
    let down = |col: usize| Ends::of(block.rows.clone().map(move |row| place(row, col)));
    (block.rows.clone().map(along).collect(), block.cols.clone().map(down).collect())
}

impl Outline {
    /// First and last valid cells of every row and every column, and the valid ones beside them further in.
    pub fn cells(&self) -> impl Iterator<Item = (Place, Option<Place>)> {
        let both =
            |e: &Ends| [e.first, e.last].into_iter().filter_map(|[outer, inner]| Some((outer?, inner)));
        self.rows.iter().chain(&self.cols).flat_map(both)
    }

    /// Longitudes and latitudes of the outer edges of the outermost cells: half a step further out than their centres.
    pub fn edges(&self) -> impl Iterator<Item = (f64, f64)> {
        self.cells().map(|(outermost, inner)| {
            let centre = (outermost.lon, outermost.lat);
            let Some(inner) = inner else { return centre };
            let outer = sphere::unit(outermost.lon, outermost.lat);
            let inner = sphere::unit(inner.lon, inner.lat);
            // A gap is not a cell's width: no step is longer than some 200 km.
            if sphere::chord(outer, inner) > 0.03 {
                return centre;
            }
            let half = |k: usize| outer[k] + 0.5 * (outer[k] - inner[k]);
            sphere::lon_lat([half(0), half(1), half(2)])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_parts_are_those_of_the_line() {
        let place = |cell: usize| Place {
            cell,
            lon: if [0, 3, 4, 8].contains(&cell) { f64::NAN } else { cell as f64 },
            lat: 0.0,
        };
        let whole = Ends::of((0..9).map(place));
        assert_eq!(whole.first.map(|p| p.map(|p| p.cell)), [Some(1), Some(2)]);
        assert_eq!(whole.last.map(|p| p.map(|p| p.cell)), [Some(7), Some(6)]);
        for cut in 0..9 {
            let mut ends = Ends::of((0..cut).map(place));
            ends.join(Ends::of((cut..9).map(place)));
            assert_eq!(ends, whole, "{cut}");
        }
    }
}
