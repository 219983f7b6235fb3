//! Interval arithmetic on the cells of one axis.

use harmony_model::Runs;

/// The cells of an axis as intervals, ascending or descending as stored.
///
/// `lower[i] <= upper[i]`; NaN where the axis has no value.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells {
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    /// Overlaps up to this much of an axis unit are a shared edge, not an overlap: coordinates are often float32.
    pub tolerance: f64,
}

/// How cell edges follow from coordinate values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellRule {
    /// Values are centres; edges lie halfway between neighbours.
    Centres,
    /// Values are the lower edges; the last cell is one median step wide (ATL16).
    LowerEdges,
    /// Values are points without extent.
    Points,
}

impl Cells {
    /// Those from index `from` to before `to`.
    #[must_use]
    pub fn slice(&self, from: u64, to: u64) -> Self {
        let range = from as usize..to as usize;
        Cells {
            lower: self.lower[range.clone()].to_vec(),
            upper: self.upper[range].to_vec(),
            tolerance: self.tolerance,
        }
    }

    /// Cells around `values`. Axes that turn back (or single values) are points.
    ///
    /// `rounding`: relative precision of the stored values (2⁻²³ for float32).
    pub fn new(values: &[f64], rule: CellRule, rounding: f64) -> Self {
        let monotonic = is_monotonic(values);
        let rule = if values.len() < 2 || !monotonic { CellRule::Points } else { rule };
        let n = values.len();
        let (first, last) = match rule {
            CellRule::Points => {
                return Cells {
                    lower: values.into(),
                    upper: values.into(),
                    tolerance: precision(values, rounding),
                };
            }
            CellRule::Centres => (values.to_vec(), values.to_vec()),
            CellRule::LowerEdges => {
                let mut ends = values[1..].to_vec();
                ends.push(values[n - 1] + median_step(values));
                (values.to_vec(), ends)
            }
        };
        let (a, b) = if rule == CellRule::Centres {
            let middle = |i: usize| f64::midpoint(values[i - 1], values[i]);
            let edge = |i: usize| match i {
                0 => values[0] - (values[1] - values[0]) / 2.0,
                i if i == n => values[n - 1] + (values[n - 1] - values[n - 2]) / 2.0,
                i => middle(i),
            };
            ((0..n).map(edge).collect(), (1..=n).map(edge).collect())
        } else {
            (first, last)
        };
        Cells::from_edges(&a, &b, rounding)
    }

    /// Cells between two lists of edges, in either order.
    pub fn from_edges(a: &[f64], b: &[f64], rounding: f64) -> Self {
        let lower: Vec<f64> = a.iter().zip(b).map(|(a, b)| a.min(*b)).collect();
        let upper: Vec<f64> = a.iter().zip(b).map(|(a, b)| a.max(*b)).collect();
        let width =
            lower.iter().zip(&upper).map(|(l, u)| u - l).filter(|w| *w > 0.0).fold(f64::INFINITY, f64::min);
        let slack = if width.is_finite() { width * 1e-4 } else { 0.0 };
        let tolerance =
            precision(&upper, rounding).min(if width.is_finite() { width * 0.25 } else { f64::MAX });
        Cells { lower, upper, tolerance: slack.max(tolerance) }
    }

    /// Cells whose edges the file itself gives (CF `bounds`): taken as they are.
    pub fn from_bounds(a: &[f64], b: &[f64]) -> Self {
        Cells { tolerance: 0.0, ..Cells::from_edges(a, b, 0.0) }
    }

    /// Whether cell `i` overlaps `min..max` with positive extent; an interval without extent hits the cells that
    /// contain it, both neighbours when it is their edge. Cells without extent are in when inside, ends included.
    pub fn overlaps(&self, i: usize, min: f64, max: f64) -> bool {
        let (lo, hi) = (self.lower[i], self.upper[i]);
        if lo == hi {
            return lo >= min - self.tolerance && lo <= max + self.tolerance;
        }
        if max - min <= self.tolerance {
            return hi >= min - self.tolerance && lo <= max + self.tolerance;
        }
        hi > min + self.tolerance && lo < max - self.tolerance
    }

    /// Whether the centre of cell `i` lies in `min..max`, ends included.
    pub fn centre_inside(&self, i: usize, min: f64, max: f64) -> bool {
        let c = f64::midpoint(self.lower[i], self.upper[i]);
        c >= min && c <= max
    }

    /// Cells that overlap `min..max`.
    pub fn within(&self, min: f64, max: f64) -> Runs {
        let hit = |i: &usize| self.overlaps(*i, min, max);
        Runs::from_indices((0..self.lower.len()).filter(hit).map(|i| i as u64))
    }

    /// The one of the cells `hits` that holds the value `at`: of two that share an edge, the one above it. Values
    /// come round after `period`.
    pub fn only(&self, hits: &Runs, at: f64, period: Option<f64>) -> Runs {
        let above = |i: u64| {
            let offset = at - self.lower[i as usize];
            match period {
                // A value on the edge may be a rounding error below it.
                Some(period) => (offset + self.tolerance).rem_euclid(period),
                None => offset,
            }
        };
        let nearest = hits.indices().min_by(|&a, &b| above(a).total_cmp(&above(b)));
        nearest.map_or_else(Runs::default, |i| Runs::range(i, 1))
    }

    /// Middles of the cells.
    pub fn centres(&self) -> Vec<f64> {
        self.lower.iter().zip(&self.upper).map(|(a, b)| f64::midpoint(*a, *b)).collect()
    }

    /// The `n + 1` edges in the order of the axis (gaps between cells are closed halfway).
    pub fn edges(&self) -> Vec<f64> {
        let n = self.len();
        let rising = n < 2 || self.lower[1] >= self.lower[0];
        let (near, far) = if rising { (&self.lower, &self.upper) } else { (&self.upper, &self.lower) };
        let mut out = Vec::with_capacity(n + 1);
        out.extend(near.first());
        out.extend((1..n).map(|i| f64::midpoint(far[i - 1], near[i])));
        out.extend(far.last());
        out
    }

    pub fn len(&self) -> usize {
        self.lower.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lower.is_empty()
    }

    /// Total extent of the axis.
    pub fn extent(&self) -> f64 {
        let max = self.upper.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        max - self.lower.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// What a longitude interval selects on a longitude axis.
#[derive(Clone, Debug, PartialEq)]
pub struct LongitudeHits {
    /// In output order: across the seam of a global axis the part at the end comes first.
    pub runs: Runs,
    /// To be added to each selected longitude so that they ascend (or descend) without a jump; empty: nothing.
    pub shift: Vec<f64>,
}

/// Cells of a longitude axis (any convention, degrees) that overlap `west..east` (`east >= west`, at most 360 apart).
pub fn longitude_hits(cells: &Cells, west: f64, east: f64) -> LongitudeHits {
    let n = cells.len();
    // The turn that brings cell i into the interval, if one does.
    let turn = |i: usize| -> Option<f64> {
        let (lo, hi) = (cells.lower[i], cells.upper[i]);
        if !lo.is_finite() || !hi.is_finite() {
            return None;
        }
        let first = ((west - hi - cells.tolerance) / 360.0).ceil();
        [first, first + 1.0].into_iter().map(|k| k * 360.0).find(|k| cells.overlaps(i, west - k, east - k))
    };
    let turns: Vec<Option<f64>> = (0..n).map(turn).collect();
    let hits = Runs::from_indices((0..n as u64).filter(|&i| turns[i as usize].is_some()));
    let split = match hits.runs() {
        [a, b] if a.start == 0 && b.end() == n as u64 && cells.extent() > 359.0 => Some((*a, *b)),
        _ => None,
    };
    let Some((head, tail)) = split else { return LongitudeHits { runs: hits, shift: Vec::new() } };
    let mut runs = Runs::range(tail.start, tail.len);
    runs.push(head.start, head.len);
    LongitudeHits { shift: seam_shift(cells, &runs), runs }
}

/// Multiples of 360 that make the longitudes of a selection across the seam monotonic, in −180…180 when they fit,
/// else starting in the axis' own convention.
fn seam_shift(cells: &Cells, runs: &Runs) -> Vec<f64> {
    let centre = |i: u64| f64::midpoint(cells.lower[i as usize], cells.upper[i as usize]);
    let values: Vec<f64> = runs.indices().map(centre).collect();
    // From the whole axis: the part before the seam may be a single cell.
    let rising = cells.lower.last() >= cells.lower.first();
    let mut shift = Vec::with_capacity(values.len());
    let mut turn = 0.0;
    for (i, v) in values.iter().enumerate() {
        if i > 0 {
            let before: f64 = values[i - 1] + turn;
            if rising && v + turn < before {
                turn += 360.0;
            } else if !rising && v + turn > before {
                turn -= 360.0;
            }
        }
        shift.push(turn);
    }
    let extremes = |turns: f64| {
        let shifted = values.iter().zip(&shift).map(|(v, s)| v + s + turns);
        shifted.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
    };
    for turns in [0.0, -360.0, 360.0] {
        let (lo, hi) = extremes(turns);
        if lo >= -180.0 && hi <= 180.0 {
            shift.iter_mut().for_each(|s| *s += turns);
            return shift;
        }
    }
    shift
}

fn precision(values: &[f64], rounding: f64) -> f64 {
    values.iter().filter(|v| v.is_finite()).fold(0.0f64, |m, v| m.max(v.abs())) * rounding
}

fn is_monotonic(values: &[f64]) -> bool {
    let steps = || values.windows(2).map(|w| w[1] - w[0]);
    values.iter().all(|v| v.is_finite()) && (steps().all(|s| s > 0.0) || steps().all(|s| s < 0.0))
}

fn median_step(values: &[f64]) -> f64 {
    let mut steps: Vec<f64> = values.windows(2).map(|w| w[1] - w[0]).collect();
    steps.sort_by(f64::total_cmp);
    steps[steps.len() / 2]
}

/// GDAL's window has as many cells as the box is cells long, rounded, from the one that holds the box's western or
/// northern edge on, although a box that lies between the cells touches one more.
pub fn rounded(runs: &Runs, length: f64, cells: &Cells, from_greatest: bool) -> Runs {
    let [Some(&first), Some(&last)] = [cells.lower.first(), cells.lower.last()] else { return runs.clone() };
    let size = (last - first).abs() / (cells.lower.len().max(2) - 1) as f64;
    let wanted = (length / size + 0.5).floor().max(1.0);
    let keep = if wanted < runs.len() as f64 { wanted as usize } else { return runs.clone() };
    let over = runs.len() as usize - keep;
    let at_end = (first < last) != from_greatest;
    Runs::from_indices(runs.indices().skip(if at_end { 0 } else { over }).take(keep))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(first: f64, step: f64, n: usize) -> Vec<f64> {
        (0..n).map(|i| first + step * i as f64).collect()
    }

    fn indices(runs: &Runs) -> Vec<u64> {
        runs.indices().collect()
    }

    #[test]
    fn a_cell_that_only_touches_the_interval_is_not_in() {
        let cells = Cells::new(&axis(0.125, 0.25, 1440), CellRule::Centres, 0.0);
        let hits = cells.within(45.0, 60.0);
        assert_eq!((hits.runs()[0].start, hits.len()), (180, 60));
    }

    #[test]
    fn a_point_on_an_edge_hits_both_neighbours_and_inside_hits_one() {
        let cells = Cells::new(&axis(0.5, 1.0, 10), CellRule::Centres, 0.0);
        assert_eq!(indices(&cells.within(3.0, 3.0)), [2, 3]);
        assert_eq!(indices(&cells.within(3.2, 3.2)), [3]);
    }

    #[test]
    fn a_place_on_an_edge_is_in_the_cell_above_it() {
        let rising = Cells::new(&axis(0.5, 1.0, 10), CellRule::Centres, 0.0);
        assert_eq!(indices(&rising.only(&rising.within(3.0, 3.0), 3.0, None)), [3]);
        assert_eq!(indices(&rising.only(&rising.within(10.0, 10.0), 10.0, None)), [9]);
        let falling = Cells::new(&axis(9.5, -1.0, 10), CellRule::Centres, 0.0);
        assert_eq!(indices(&falling.only(&falling.within(3.0, 3.0), 3.0, None)), [6]);
        let globe = Cells::new(&axis(-179.5, 1.0, 360), CellRule::Centres, 0.0);
        let seam = longitude_hits(&globe, 180.0, 180.0).runs;
        assert_eq!(indices(&globe.only(&seam, 180.0, Some(360.0))), [0]);
    }

    #[test]
    fn descending_axes_work_the_same() {
        let cells = Cells::new(&axis(9.5, -1.0, 10), CellRule::Centres, 0.0);
        assert_eq!(indices(&cells.within(1.0, 3.0)), [7, 8]);
        assert_eq!(cells.within(-90.0, 90.0).len(), 10);
    }

    #[test]
    fn a_box_across_greenwich_on_0_360_data_is_one_contiguous_piece_in_180() {
        let cells = Cells::new(&axis(0.125, 0.25, 1440), CellRule::Centres, 0.0);
        let hits = longitude_hits(&cells, -20.0, 20.0);
        assert_eq!(hits.runs.runs()[0].start, 1360);
        assert_eq!(hits.runs.len(), 160);
        let first = 0.125 + 0.25 * 1360.0 + hits.shift[0];
        assert_eq!(first, -19.875);
        assert_eq!(hits.shift[80], 0.0);
    }

    #[test]
    fn a_single_cell_before_the_seam_is_turned_too() {
        let cells = Cells::new(&axis(1.5, 3.0, 120), CellRule::Centres, 0.0);
        assert_eq!(longitude_hits(&cells, -3.0, 5.0).shift, [-360.0, 0.0, 0.0]);
        let falling = Cells::new(&axis(358.5, -3.0, 120), CellRule::Centres, 0.0);
        let hits = longitude_hits(&falling, -3.0, 5.0);
        let first = 358.5 - 3.0 * hits.runs.runs()[0].start as f64 + hits.shift[0];
        assert_eq!((first, hits.shift.last()), (4.5, Some(&-360.0)));
    }

    #[test]
    fn a_box_across_the_antimeridian_on_180_data_starts_in_the_west_part() {
        let cells = Cells::new(&axis(-179.5, 1.0, 360), CellRule::Centres, 0.0);
        let hits = longitude_hits(&cells, 170.0, 190.0);
        assert_eq!(hits.runs.runs()[0].start, 350);
        assert_eq!((hits.shift[0], hits.shift[10]), (0.0, 360.0));
    }

    #[test]
    fn merra_keeps_the_cell_around_the_antimeridian() {
        let cells = Cells::new(&axis(-180.0, 0.625, 576), CellRule::Centres, 0.0);
        assert_eq!(indices(&longitude_hits(&cells, 179.8, 180.1).runs), [0]);
    }

    #[test]
    fn the_outer_half_of_the_last_cell_belongs_to_it() {
        let cells = Cells::new(&axis(0.125, 0.25, 1440), CellRule::Centres, 0.0);
        assert_eq!(indices(&longitude_hits(&cells, 359.95, 359.95).runs), [1439]);
        assert_eq!(indices(&longitude_hits(&cells, -0.05, -0.05).runs), [1439]);
    }
}
