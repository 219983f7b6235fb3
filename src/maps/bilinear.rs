//! Values between cells.

use super::MapError;
use super::plane::Part;
use super::sample::{Loaded, Sampler};

impl Sampler<'_> {
    /// Weighted means of the four cells around each pixel, of those that have a value. A pixel whose own cell has none
    /// stays without.
    pub(super) fn bilinear(&self, out: &mut Part) -> Result<bool, MapError> {
        let positions = self.positions(out);
        let (down, across) = (self.grating.block_rows as usize, self.grating.block_cols as usize);
        let corners: Vec<Option<Corners>> = positions.iter().map(|&p| self.corners(p)).collect();
        let mut wanted: Vec<(u32, u32)> = Vec::new();
        for c in corners.iter().flatten() {
            for r in c.rows {
                let blocks = c.cols.map(|col| ((r / down) as u32, (col / across) as u32));
                if wanted.last() != Some(&blocks[1]) {
                    wanted.extend(blocks);
                }
            }
        }
        let Some(loaded) = self.load(wanted, out)? else { return Ok(false) };
        let line = |(row, line): (usize, &mut [f32])| {
            let corners = &corners[row * line.len()..][..line.len()];
            for (o, c) in line.iter_mut().zip(corners) {
                if let (true, Some(c)) = (o.is_nan(), c) {
                    *o = c.mean(&loaded);
                }
            }
        };
        self.each_row(out, line);
        Ok(true)
    }

    fn corners(&self, [x, y]: [f64; 2]) -> Option<Corners> {
        if x.is_nan() {
            return None;
        }
        let size = f64::from(1u32 << self.grating.level);
        let axis = |at: f64, n: u64, period: Option<usize>| {
            let at = at / size - 0.5;
            let first = at.floor();
            let cell = |i: f64| match period {
                Some(p) => (i as i64).rem_euclid(p as i64) as usize,
                None => i.clamp(0.0, n.saturating_sub(1) as f64) as usize,
            };
            ([cell(first), cell(first + 1.0)], (at - first) as f32)
        };
        let period = self.turns.then_some(self.grating.cols as usize);
        let (cols, right) = axis(x * self.scale[0], self.grating.cols, period);
        let (rows, below) = axis(y * self.scale[1], self.grating.rows, None);
        Some(Corners { rows, cols, right, below })
    }
}

/// Four cells and how far a pixel is from the first of them.
struct Corners {
    rows: [usize; 2],
    cols: [usize; 2],
    right: f32,
    below: f32,
}

impl Corners {
    fn mean(&self, loaded: &Loaded) -> f32 {
        let own = loaded
            .value(self.rows[usize::from(self.below >= 0.5)], self.cols[usize::from(self.right >= 0.5)]);
        if own.is_nan() {
            return own;
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for (i, wy) in [1.0 - self.below, self.below].into_iter().enumerate() {
            for (j, wx) in [1.0 - self.right, self.right].into_iter().enumerate() {
                let v = loaded.value(self.rows[i], self.cols[j]);
                if !v.is_nan() {
                    sum += v * wx * wy;
                    weights += wx * wy;
                }
            }
        }
        sum / weights
    }
}
