//! Neighbours as pykdtree finds them with a tolerance of one half, for comparison with the swath projector: the answer
//! may be half as far again as the nearest cell. Which one it is depends on how the tree is cut, so it is cut alike.
//!
//! A node is cut at the middle of the longest side of its box; where one side would be empty the cut slides to the
//! nearest point. The engine itself uses [`super::nearest`].

use super::index::NONE;
use super::sphere::{self, Vec3};

/// Points of a leaf at most.
const LEAF: usize = 16;
/// A branch is looked into when it may hold something nearer than this share of the best squared distance: 1/(1 + ε)²
/// with ε = 0.5.
const SHARE: f64 = 1.0 / (1.5 * 1.5);
/// The sphere that distances are measured on, metres.
const RADIUS_M: f64 = 6_370_997.0;

enum Node {
    Leaf { first: usize, end: usize },
    Cut { axis: usize, at: f64, low: f64, high: f64, left: usize, right: usize },
}

/// A tree of swath cells.
pub struct Tree {
    points: Vec<(Vec3, u32)>,
    nodes: Vec<Node>,
    bounds: [[f64; 2]; 3],
}

fn place(lon: f64, lat: f64) -> Vec3 {
    sphere::unit(lon, lat).map(|c| c * RADIUS_M)
}

impl Tree {
    /// Of the cells that have a position; `None` without any.
    pub fn build(lons: &[f64], lats: &[f64]) -> Option<Self> {
        let positions = lons.iter().zip(lats).enumerate();
        let valid = positions.filter(|(_, (lon, lat))| sphere::is_position(**lon, **lat));
        let mut points: Vec<(Vec3, u32)> =
            valid.filter_map(|(i, (&lon, &lat))| Some((place(lon, lat), u32::try_from(i).ok()?))).collect();
        if points.is_empty() {
            return None;
        }
        let bounds = [0, 1, 2].map(|k| {
            let along = || points.iter().map(|p| p.0[k]);
            [along().fold(f64::INFINITY, f64::min), along().fold(f64::NEG_INFINITY, f64::max)]
        });
        let mut nodes = Vec::new();
        let count = points.len();
        grow(&mut points, 0, count, bounds, &mut nodes);
        Some(Tree { points, nodes, bounds })
    }

    /// A cell near to a position, within a radius; [`NONE`] without one.
    pub fn find(&self, lon: f64, lat: f64, radius_m: f64) -> u32 {
        if !sphere::is_position(lon, lat) {
            return NONE;
        }
        let target = place(lon, lat);
        let outside = |k: usize| {
            let [low, high] = self.bounds[k];
            (low - target[k]).max(target[k] - high).max(0.0)
        };
        let start = (0..3).map(|k| outside(k).powi(2)).sum();
        let mut search =
            Search { tree: self, target, limit: radius_m * radius_m, best: f64::INFINITY, cell: NONE };
        search.visit(0, start);
        if search.best <= search.limit { search.cell } else { NONE }
    }
}

struct Search<'a> {
    tree: &'a Tree,
    target: Vec3,
    limit: f64,
    /// Squared distance of `cell`.
    best: f64,
    cell: u32,
}

impl Search<'_> {
    /// `least`: squared distance to the box of the node.
    fn visit(&mut self, node: usize, least: f64) {
        if least > self.limit {
            return;
        }
        match self.tree.nodes[node] {
            Node::Leaf { first, end } => {
                for (p, cell) in &self.tree.points[first..end] {
                    let d = sphere::sub(*p, self.target);
                    let d2 = sphere::dot(d, d);
                    if d2 < self.best {
                        (self.best, self.cell) = (d2, *cell);
                    }
                }
            }
            Node::Cut { axis, at, low, high, left, right } => {
                let here = self.target[axis];
                let beyond = here - at;
                // What the box already is away along this axis is replaced by the way to the cut.
                let (near, far, before) =
                    if beyond < 0.0 { (left, right, low - here) } else { (right, left, here - high) };
                if least < self.best * SHARE {
                    self.visit(near, least);
                }
                let across = least - before.max(0.0).powi(2) + beyond * beyond;
                if across < self.best * SHARE {
                    self.visit(far, across);
                }
            }
        }
    }
}

/// Adds the node of `points[first..end]` and those below it; gives its number.
fn grow(
    points: &mut [(Vec3, u32)],
    first: usize,
    end: usize,
    bounds: [[f64; 2]; 3],
    nodes: &mut Vec<Node>,
) -> usize {
    let number = nodes.len();
    nodes.push(Node::Leaf { first, end });
    let size = |k: usize| bounds[k][1] - bounds[k][0];
    let axis = (1..3).fold(0, |best, k| if size(k) > size(best) { k } else { best });
    if end - first <= LEAF || size(axis) <= 0.0 {
        return number;
    }
    let (at, middle) = cut(&mut points[first..end], axis, 0.5 * (bounds[axis][0] + bounds[axis][1]));
    let [low, high] = bounds[axis];
    let (mut below, mut above) = (bounds, bounds);
    below[axis][1] = at;
    above[axis][0] = at;
    let left = grow(points, first, first + middle, below, nodes);
    let right = grow(points, first + middle, end, above, nodes);
    nodes[number] = Node::Cut { axis, at, low, high, left, right };
    number
}

/// Puts points below `at` first; gives the cut, moved where one side would be empty, and how many lie below it.
fn cut(points: &mut [(Vec3, u32)], axis: usize, at: f64) -> (f64, usize) {
    let (mut p, mut q) = (0, points.len());
    while p < q {
        if points[p].0[axis] < at {
            p += 1;
        } else if points[q - 1].0[axis] >= at {
            q -= 1;
        } else {
            points.swap(p, q - 1);
            p += 1;
            q -= 1;
        }
    }
    let last = points.len() - 1;
    if p == 0 {
        let least = (1..=last).fold(0, |m, i| if points[i].0[axis] < points[m].0[axis] { i } else { m });
        points.swap(0, least);
        (points[0].0[axis], 1)
    } else if p > last {
        let most = (1..=last).fold(0, |m, i| if points[i].0[axis] > points[m].0[axis] { i } else { m });
        points.swap(last, most);
        (points[last].0[axis], last)
    } else {
        (at, p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_is_at_most_half_as_far_again_as_the_nearest() {
        let cells = (0..40).flat_map(|i| (0..50).map(move |j| (i, j)));
        let (lons, lats): (Vec<f64>, Vec<f64>) =
            cells.map(|(i, j)| (f64::from(j) * 0.1 + f64::from(i) * 0.013, f64::from(i) * 0.12)).unzip();
        let tree = Tree::build(&lons, &lats).unwrap();
        for k in 0..500 {
            let (lon, lat) = (f64::from(k % 25) * 0.21, f64::from(k / 25) * 0.23);
            let distance = |i: usize| {
                let d = sphere::sub(place(lons[i], lats[i]), place(lon, lat));
                sphere::dot(d, d).sqrt()
            };
            let nearest = (0..lons.len()).map(distance).fold(f64::INFINITY, f64::min);
            let cell = tree.find(lon, lat, 50_000.0);
            if nearest <= 50_000.0 / 1.5 {
                assert!(distance(cell as usize) <= nearest * 1.5 + 1e-6);
            }
        }
        assert_eq!(tree.find(100.0, 0.0, 50_000.0), NONE);
        assert!(Tree::build(&[f64::NAN], &[0.0]).is_none());
    }

    #[test]
    fn many_cells_at_one_place_end_in_a_leaf() {
        let tree = Tree::build(&[7.0; 100], &[8.0; 100]).unwrap();
        assert_ne!(tree.find(7.0, 8.0, 1.0), NONE);
    }
}
