//! Exact positions: every one transformed.

use super::{ROUND_TRIP, Trust, Warp};

impl Warp {
    /// Exact source positions of target positions, in place: columns in `xs`, rows in `ys`. Columns of geographic
    /// sources are continuous near the middle of the source grid, not folded into it.
    pub fn exact(&self, xs: &mut [f64], ys: &mut [f64]) {
        let grid = &self.target;
        for (x, y) in xs.iter_mut().zip(ys.iter_mut()) {
            (*x, *y) = (grid.x0 + *x * grid.dx, grid.y0 + *y * grid.dy);
        }
        self.transform.points(xs, ys);
        self.to_cells(xs, ys);
    }

    /// As [`Warp::exact`], but NaN for what does not come back: places outside the maps of the two CRS.
    pub(super) fn checked(&self, xs: &mut [f64], ys: &mut [f64]) {
        if self.transform.is_identity() || self.trust == Trust::Blind {
            return self.exact(xs, ys);
        }
        let grid = &self.target;
        let (asked_x, asked_y) = (xs.to_vec(), ys.to_vec());
        for (x, y) in xs.iter_mut().zip(ys.iter_mut()) {
            (*x, *y) = (grid.x0 + *x * grid.dx, grid.y0 + *y * grid.dy);
        }
        self.transform.points(xs, ys);
        let (mut back_x, mut back_y) = (xs.to_vec(), ys.to_vec());
        self.transform.inverse_points(&mut back_x, &mut back_y);
        let turn = if grid.crs.is_geographic() { 360.0 } else { 0.0 };
        for i in 0..xs.len() {
            let mut off_x = back_x[i] - (grid.x0 + asked_x[i] * grid.dx);
            if turn > 0.0 {
                off_x -= turn * (off_x / turn).round();
            }
            let latitude = grid.y0 + asked_y[i] * grid.dy;
            // On a pole all longitudes are the same place.
            if turn > 0.0 && latitude.abs() > 89.999_999 {
                off_x = 0.0;
            }
            let off_y = back_y[i] - latitude;
            let close = off_x.abs() <= ROUND_TRIP * grid.dx && off_y.abs() <= ROUND_TRIP * grid.dy.abs();
            let on_earth = turn == 0.0 || latitude.abs() <= 90.0 + 1e-9;
            if !(close && on_earth) {
                (xs[i], ys[i]) = (f64::NAN, f64::NAN);
            }
        }
        self.to_cells(xs, ys);
    }

    pub(super) fn to_cells(&self, xs: &mut [f64], ys: &mut [f64]) {
        for (x, y) in xs.iter_mut().zip(ys.iter_mut()) {
            let (col, row) = (self.column(*x), self.source.y.position(*y));
            let fine = col.is_finite() && row.is_finite();
            (*x, *y) = if fine { (col, row) } else { (f64::NAN, f64::NAN) };
        }
    }

    /// Column of an x; a longitude is taken on the turn on which it lies nearest to the middle of the grid.
    pub(super) fn column(&self, x: f64) -> f64 {
        if self.source.turn.is_none() {
            return self.source.x.position(x);
        }
        let (west, east) = self.source.x.extent();
        let middle = f64::midpoint(west, east);
        self.source.x.position(x - 360.0 * ((x - middle) / 360.0).round())
    }

    /// Folds columns to the turn whose middle is that of the grid.
    pub(super) fn fold(&self, xs: &mut [f64]) {
        let Some(turn) = self.source.turn else { return };
        let middle = self.source.x.len() as f64 / 2.0;
        let (low, high) = (middle - turn / 2.0, middle + turn / 2.0);
        // Once is enough for positions that lie less than two turns apart; comparisons with NaN leave it alone.
        for _ in 0..4 {
            // Without a way out of the loop it is vector code.
            if !xs.iter().fold(false, |any, x| any | (*x < low) | (*x > high)) {
                return;
            }
            for x in &mut *xs {
                let up = if *x < low { turn } else { 0.0 };
                let down = if *x > high { turn } else { 0.0 };
                *x += up - down;
            }
        }
    }
}

/// Removes jumps of a turn from a row of columns.
pub(super) fn unwrap(xs: &mut [f64], turn: Option<f64>) {
    let Some(turn) = turn else { return };
    for i in 1..xs.len() {
        let jump = ((xs[i - 1] - xs[i]) / turn).round();
        if jump.is_finite() {
            xs[i] += turn * jump;
        }
    }
}
