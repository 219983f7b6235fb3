//! The ellipse of a source cell on the target, and how far it reaches.

use std::ops::Range;

use crate::project::Block;

/// An ellipse reaches at most so many target cells from its centre, along either axis.
const REACH_MAX: f32 = 10.0;
/// Below this a squared area counts as none.
const EPSILON: f32 = 1e-8;
/// The quadratic form `a·du² + b·du·dv + c·dv²` that is 1 on the edge of a source cell, and how far that edge reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ellipse {
    pub a: f32,
    pub b: f32,
    pub c: f32,
    pub reach_u: f32,
    pub reach_v: f32,
}

/// Reach of some neighbouring cells in target columns and rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    pub u: [f32; 2],
    pub v: [f32; 2],
}

impl Ellipse {
    /// Weight 1 within one cell: what is left when a cell has no neighbours.
    pub const POINT: Ellipse = Ellipse { a: 0.0, b: 0.0, c: 0.0, reach_u: 1.0, reach_v: 1.0 };

    /// From the steps to the next column and the next row of the source, in target columns and rows.
    pub fn of(along: [f32; 2], down: [f32; 2]) -> Self {
        let ([ux, vx], [uy, vy]) = (along, down);
        if [ux, vx, uy, vy].iter().any(|d| d.is_nan()) {
            return Ellipse::POINT;
        }
        let area = ux * vy - uy * vx;
        let scale = 1.0 / (area * area).max(EPSILON);
        let a = (vx * vx + vy * vy) * scale;
        let b = -2.0 * (ux * vx + uy * vy) * scale;
        let c = (ux * ux + uy * uy) * scale;
        let d = 4.0 / (4.0 * a * c - b * b).max(EPSILON);
        let reach = |x: f32| (x * d).sqrt().min(REACH_MAX);
        Ellipse { a, b, c, reach_u: reach(c), reach_v: reach(a) }
    }
}

impl Reach {
    pub const NOTHING: Reach =
        Reach { u: [f32::INFINITY, f32::NEG_INFINITY], v: [f32::INFINITY, f32::NEG_INFINITY] };

    pub fn add(&mut self, u: f32, v: f32, e: &Ellipse) {
        if !(u.is_nan() || v.is_nan()) {
            self.u = [self.u[0].min(u - e.reach_u), self.u[1].max(u + e.reach_u)];
            self.v = [self.v[0].min(v - e.reach_v), self.v[1].max(v + e.reach_v)];
        }
    }

    pub fn meets(&self, t: &Block, turn: f32) -> bool {
        let meets =
            |r: [f32; 2], cells: &Range<usize>| r[0] < cells.end as f32 && r[1] >= cells.start as f32 - 1.0;
        meets([self.u[0] + turn, self.u[1] + turn], &t.cols) && meets(self.v, &t.rows)
    }

    /// Reaches as far as both do.
    pub fn join(&mut self, other: &Reach) {
        self.u = [self.u[0].min(other.u[0]), self.u[1].max(other.u[1])];
        self.v = [self.v[0].min(other.v[0]), self.v[1].max(other.v[1])];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_of_a_cell_is_where_its_neighbours_are() {
        let e = Ellipse::of([2.0, 0.5], [-0.3, 1.0]);
        for [u, v] in [[2.0f32, 0.5], [-0.3, 1.0]] {
            let q = e.a * u * u + e.b * u * v + e.c * v * v;
            assert!((q - 1.0).abs() < 1e-5, "{q}");
        }
        assert!(e.reach_u >= 2.0 && e.reach_v >= 1.0 && e.reach_u < 2.1);
        assert_eq!(Ellipse::of([f32::NAN, 0.0], [1.0, 1.0]), Ellipse::POINT);
        assert_eq!(Ellipse::of([500.0, 0.0], [0.0, 500.0]).reach_u, 10.0);
    }
}
