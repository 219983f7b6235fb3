//! Positions as GDAL's approximating transformer gives them, for comparison: along a row of the target the ends and the
//! middle are transformed; where a straight line between the ends misses the middle by no more than an eighth of a
//! source cell (both axes added) it stands for all that is between, else either half is looked at in the same way.

use super::{TOLERANCE, Warp};

/// Points that are not worth an approximation.
const FEW: usize = 5;
/// Kernels are told to expect positions near those of the tiles: what lies further away is not taken.
const FURTHEST: f64 = 0.75;

impl Warp {
    /// Replaces positions of the centres of cells `col..col + xs.len()` of a row by the approximate ones.
    pub(super) fn approximate(&self, row: usize, col: usize, xs: &mut [f64], ys: &mut [f64]) {
        let width = self.target_shape()[1];
        let (mut cols, mut rows) = (vec![f64::NAN; width], vec![f64::NAN; width]);
        self.scan(row as f64 + 0.5, 0, &mut cols, &mut rows);
        for (i, (x, y)) in xs.iter_mut().zip(ys).enumerate() {
            let (near_x, near_y) = (cols[col + i], rows[col + i]);
            // Comparisons with NaN keep what there is.
            if (near_x - *x).abs() <= FURTHEST && (near_y - *y).abs() <= FURTHEST {
                (*x, *y) = (near_x, near_y);
            }
        }
    }

    fn scan(&self, y: f64, first: usize, xs: &mut [f64], ys: &mut [f64]) {
        let n = xs.len();
        let middle = n.saturating_sub(1) / 2;
        let centre = |i: usize| (first + i) as f64 + 0.5;
        let (mut ax, mut ay) = ([centre(0), centre(middle), centre(n.max(1) - 1)], [y; 3]);
        let is_short = n <= FEW;
        if !is_short {
            self.checked(&mut ax, &mut ay);
        }
        if is_short || ax.iter().chain(&ay).any(|v| !v.is_finite()) {
            xs.iter_mut().enumerate().for_each(|(i, x)| *x = centre(i));
            ys.fill(y);
            self.checked(xs, ys);
            return;
        }
        let step = [(ax[2] - ax[0]) / (n - 1) as f64, (ay[2] - ay[0]) / (n - 1) as f64];
        let miss = |i: usize, a: &[f64; 3]| (a[0] + step[i] * middle as f64 - a[1]).abs();
        if miss(0, &ax) + miss(1, &ay) > TOLERANCE {
            let (left_x, right_x) = xs.split_at_mut(middle);
            let (left_y, right_y) = ys.split_at_mut(middle);
            self.scan(y, first, left_x, left_y);
            self.scan(y, first + middle, right_x, right_y);
            return;
        }
        for (i, (x, y)) in xs.iter_mut().zip(ys).enumerate() {
            (*x, *y) = (ax[0] + step[0] * i as f64, ay[0] + step[1] * i as f64);
        }
    }
}
