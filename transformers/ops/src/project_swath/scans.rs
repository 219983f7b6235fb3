//! How many rows of a swath an instrument sees at a time: neighbouring rows of different scans may overlap.

use super::sphere;

/// The scans of a swath.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scans {
    /// All rows follow each other smoothly.
    Whole,
    /// Scans of `rows` rows; a new one begins at row `first` (less than `rows`), the one before it may be cut.
    Of { rows: usize, first: usize },
}

impl Scans {
    /// Scans of `rows` rows from the first row on.
    pub fn of_rows(rows: usize) -> Self {
        if rows == 0 { Scans::Whole } else { Scans::Of { rows, first: 0 } }
    }

    /// What the swath projector and the regridder take for the scans of a source of `rows` rows: the least divisor
    /// from two on.
    pub fn least_divisor(rows: usize) -> Self {
        let divisor = (2..).take_while(|d| d * d <= rows).find(|d| rows.is_multiple_of(*d));
        Scans::of_rows(divisor.unwrap_or(rows))
    }

    /// First and end row of the scan that a row belongs to, of `total` rows.
    pub fn around(self, row: usize, total: usize) -> (usize, usize) {
        match self {
            Scans::Whole => (0, total),
            Scans::Of { first, .. } if row < first => (0, first.min(total)),
            Scans::Of { rows, first } => {
                let top = row - (row - first) % rows;
                (top, (top + rows).min(total))
            }
        }
    }

    /// Number of the scan that a row belongs to.
    pub fn number(self, row: usize) -> usize {
        match self {
            Scans::Whole => 0,
            Scans::Of { first, .. } if row < first => 0,
            Scans::Of { rows, first } => (row - first) / rows + usize::from(first > 0),
        }
    }

    /// First and end row of every scan.
    pub fn all(self, total: usize) -> impl Iterator<Item = (usize, usize)> {
        let mut at = 0;
        std::iter::from_fn(move || {
            (at < total).then(|| {
                let scan = self.around(at, total);
                at = scan.1;
                scan
            })
        })
    }

    /// From the positions themselves: where scans overlap, the way from the last row of one to the first row of the
    /// next leads backwards near the edges of the swath. Steps backwards at regular distances are scans; otherwise the
    /// swath is one.
    /// `lines`: longitudes and latitudes down the columns that [`Scans::looked_at`] names.
    pub fn detect(lines: &[&[(f64, f64)]]) -> Self {
        let rows = lines.iter().map(|line| line.len()).min().unwrap_or(0);
        let mut votes = vec![0u8; rows];
        for line in lines {
            let place = |row: usize| {
                let (lon, lat) = line[row];
                sphere::is_position(lon, lat).then(|| sphere::unit(lon, lat))
            };
            backward_steps(rows, place).into_iter().for_each(|row| votes[row] += 1);
        }
        let starts: Vec<usize> = (0..rows).filter(|r| votes[*r] > 0).collect();
        regular(&starts).unwrap_or(Scans::Whole)
    }

    /// Columns near the edges of a swath of so many rows and columns; none when it is too small to tell.
    pub fn looked_at([rows, cols]: [usize; 2]) -> Vec<usize> {
        if rows < 6 || cols < 2 {
            return Vec::new();
        }
        let edge = (cols / 50).min(cols - 1);
        vec![edge, cols - 1 - edge]
    }
}

/// Rows whose way from the row before leads against the general direction.
fn backward_steps(rows: usize, at: impl Fn(usize) -> Option<sphere::Vec3>) -> Vec<usize> {
    /// Rows over which the general direction is taken: more than any instrument's scan.
    const WIDE: usize = 48;
    let mut out = Vec::new();
    for row in 1..rows {
        let (from, to) = (row.saturating_sub(WIDE), (row + WIDE).min(rows - 1));
        let (Some(a), Some(b), Some(p), Some(q)) = (at(from), at(to), at(row - 1), at(row)) else { continue };
        if sphere::dot(sphere::sub(q, p), sphere::sub(b, a)) < 0.0 {
            out.push(row);
        }
    }
    out
}

/// Scans that begin at `starts`, if these are regular.
fn regular(starts: &[usize]) -> Option<Scans> {
    if starts.len() < 3 {
        return None;
    }
    let mut gaps: Vec<usize> = starts.windows(2).map(|w| w[1] - w[0]).collect();
    gaps.sort_unstable();
    let rows = gaps[gaps.len() / 2];
    let first = starts[0] % rows.max(1);
    let fitting = starts.iter().filter(|s| *s % rows.max(1) == first).count();
    (rows >= 2 && fitting * 10 >= starts.len() * 9).then_some(Scans::Of { rows, first })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_cut_the_rows_without_a_gap() {
        for scans in [Scans::Whole, Scans::Of { rows: 10, first: 3 }, Scans::of_rows(7)] {
            let all: Vec<_> = scans.all(34).collect();
            assert_eq!(all[0].0, 0);
            assert_eq!(all.last().unwrap().1, 34);
            assert!(all.windows(2).all(|w| w[0].1 == w[1].0));
            for (n, (top, bottom)) in all.iter().enumerate() {
                assert!(
                    (*top..*bottom).all(|r| scans.number(r) == n && scans.around(r, 34) == (*top, *bottom))
                );
            }
        }
    }

    #[test]
    fn least_divisors() {
        let rows = |n| Scans::least_divisor(n);
        assert_eq!(rows(501), Scans::of_rows(3));
        assert_eq!(rows(1632), Scans::of_rows(2));
        assert_eq!(rows(361), Scans::of_rows(19));
        assert_eq!(rows(161), Scans::of_rows(7));
        assert_eq!(rows(13), Scans::of_rows(13));
    }

    #[test]
    fn overlapping_scans_are_found_and_smooth_swaths_have_none() {
        let detected = |overlap: f64| {
            let place = |i: usize, j: usize| {
                let across = j as f64 - 20.0;
                // Scans of 10 rows, the first one cut to 4; rows spread towards the edges.
                let (scan, line) = ((i + 6) / 10, (i + 6) % 10);
                let spread = 1.0 + overlap * (across / 20.0).powi(2);
                (0.1 * across, 40.0 + 0.1 * (10.0 * scan as f64 + (line as f64 - 4.5) * spread))
            };
            let line = |col: usize| -> Vec<(f64, f64)> { (0..94).map(|row| place(row, col)).collect() };
            let lines: Vec<_> = Scans::looked_at([94, 41]).into_iter().map(line).collect();
            Scans::detect(&lines.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        assert_eq!(detected(0.8), Scans::Of { rows: 10, first: 4 });
        assert_eq!(detected(0.0), Scans::Whole);
        assert_eq!(Scans::detect(&[]), Scans::Whole);
    }
}
