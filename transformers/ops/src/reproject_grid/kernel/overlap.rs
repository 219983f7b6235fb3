//! Areas of overlap of quadrilaterals and unit cells.

type Point = [f64; 2];

/// A convex polygon; a quadrilateral clipped four times has eight corners at most.
#[derive(Clone, Copy)]
pub struct Polygon {
    points: [Point; 12],
    len: usize,
}

impl Polygon {
    pub fn of(quad: &[Point; 4]) -> Self {
        let mut points = [[0.0; 2]; 12];
        points[..4].copy_from_slice(quad);
        Polygon { points, len: 4 }
    }

    fn points(&self) -> &[Point] {
        &self.points[..self.len]
    }

    fn push(&mut self, p: Point) {
        if self.len < self.points.len() {
            self.points[self.len] = p;
            self.len += 1;
        }
    }

    /// Area, whatever the sense of rotation (shoelace formula).
    pub fn area(&self) -> f64 {
        let p = self.points();
        // Relative to the first corner, so that large cell numbers cost no digits.
        let cross = |i: usize| {
            let (a, b) = (p[i], p[(i + 1) % p.len()]);
            (a[0] - p[0][0]) * (b[1] - p[0][1]) - (b[0] - p[0][0]) * (a[1] - p[0][1])
        };
        ((0..p.len()).map(cross).sum::<f64>() / 2.0).abs()
    }

    /// Smallest and largest coordinate on an axis (0: columns, 1: rows).
    pub fn range(&self, axis: usize) -> [f64; 2] {
        let values = self.points().iter().map(|p| p[axis]);
        values.fold([f64::INFINITY, f64::NEG_INFINITY], |r, v| [r[0].min(v), r[1].max(v)])
    }

    /// The part between `low` and `high` on an axis.
    pub fn between(&self, axis: usize, low: f64, high: f64) -> Polygon {
        self.half(axis, low, 1.0).half(axis, high, -1.0)
    }

    /// The part where (coordinate − `at`) × `sign` is not negative (Sutherland and Hodgman).
    fn half(&self, axis: usize, at: f64, sign: f64) -> Polygon {
        let mut out = Polygon { points: [[0.0; 2]; 12], len: 0 };
        let p = self.points();
        for i in 0..p.len() {
            let (a, b) = (p[i], p[(i + 1) % p.len()]);
            let (da, db) = ((a[axis] - at) * sign, (b[axis] - at) * sign);
            if da >= 0.0 {
                out.push(a);
            }
            if (da >= 0.0) != (db >= 0.0) {
                let t = da / (da - db);
                let mut cut = [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
                cut[axis] = at;
                out.push(cut);
            }
        }
        out
    }
}

/// Calls `each` with row, column and overlapping area of every unit cell that a quadrilateral touches.
pub fn overlaps(quad: &Polygon, rows: std::ops::Range<i64>, mut each: impl FnMut(i64, i64, f64)) {
    let [y0, y1] = quad.range(1);
    let (first, end) = ((y0.floor() as i64).max(rows.start), (y1.ceil() as i64).min(rows.end));
    for row in first..end {
        let strip = quad.between(1, row as f64, row as f64 + 1.0);
        if strip.len < 3 {
            continue;
        }
        let [x0, x1] = strip.range(0);
        for col in x0.floor() as i64..x1.ceil() as i64 {
            let area = strip.between(0, col as f64, col as f64 + 1.0).area();
            if area > 0.0 {
                each(row, col, area);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_add_up_to_the_area() {
        let quad = Polygon::of(&[[0.3, 0.2], [4.1, 1.1], [3.7, 5.3], [-0.4, 4.0]]);
        let mut sum = 0.0;
        overlaps(&quad, -10..10, |_, _, area| {
            assert!(area <= 1.0 + 1e-12);
            sum += area;
        });
        assert!((sum - quad.area()).abs() < 1e-12, "{sum} {}", quad.area());
    }
}
