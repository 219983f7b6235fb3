//! The target grid that the swath projector infers (contract §5.2, steps 1 to 6), for comparison with it.
//!
//! Extents are those of cell centres, and the resolution comes from a polygon whose corners are sorted by their angle
//! about their mean: right for compact granules only. The engine's own rule is [`super::footprint`].

use std::collections::BTreeSet;

use harmony_model::ReadError;
use harmony_model::crs::Transform;

use super::cells::Cells;
use super::footprint::Inferred;
use super::outline::{self, Join};
use super::swath::Swath;

/// Extent of projected centres and resolution. `None` when no cell has an image on the target. All positions are in
/// memory meanwhile: the reference takes the median of their longitudes.
///
/// # Errors
/// When positions can't be read.
pub fn infer(swath: &Swath, to_target: &Transform, geographic: bool) -> Result<Option<Inferred>, ReadError> {
    let mesh = swath.whole()?;
    let valid = |at: usize| mesh.lons[at].is_finite() && mesh.lats[at].is_finite();
    let count = (0..mesh.lons.len()).filter(|&at| valid(at)).count();
    let cells: Vec<usize> = if is_line(&mesh) {
        (0..mesh.lons.len()).filter(|&at| valid(at)).collect()
    } else {
        let (outline, Nothing) = outline::of(swath, |_| Nothing)?;
        let outer: BTreeSet<usize> = outline.cells().map(|(outermost, _)| outermost.cell).collect();
        outer.into_iter().collect()
    };
    Ok(around(&mesh, &cells, count, to_target, geographic))
}

/// Nothing is asked of the parts of the swath.
struct Nothing;

impl Join for Nothing {
    fn join(&mut self, _: Nothing) {}
}

/// The same from the `cells` of its perimeter and the number of valid ones.
fn around(
    mesh: &Cells,
    cells: &[usize],
    count: usize,
    to_target: &Transform,
    geographic: bool,
) -> Option<Inferred> {
    let shift = longitude_shift(mesh);
    let (mut xs, mut ys): (Vec<f64>, Vec<f64>) =
        cells.iter().map(|&at| (shift.apply(mesh.lons[at]), mesh.lats[at])).unzip();
    if !geographic {
        to_target.points(&mut xs, &mut ys);
    }
    let mut points: Vec<[f64; 2]> =
        xs.iter().zip(&ys).map(|(x, y)| [*x, *y]).filter(|p| p[0].is_finite() && p[1].is_finite()).collect();
    let (first, rest) = points.split_first()?;
    let extent = rest.iter().fold([first[0], first[1], first[0], first[1]], |e, p| {
        [e[0].min(p[0]), e[1].min(p[1]), e[2].max(p[0]), e[3].max(p[1])]
    });
    let resolution =
        if is_line(mesh) { median_step(&points)? } else { (area(&mut points) / count as f64).sqrt() };
    Some(Inferred { extent, resolution })
}

fn is_line(mesh: &Cells) -> bool {
    mesh.block.width() <= 1 || mesh.block.height() <= 1
}

/// How longitudes are brought to one side of the antimeridian.
enum Shift {
    None,
    PositivesDown,
    NegativesUp,
}

impl Shift {
    fn apply(&self, lon: f64) -> f64 {
        match self {
            Shift::PositivesDown if lon > 0.0 => lon - 360.0,
            Shift::NegativesUp if lon < 0.0 => lon + 360.0,
            _ => lon,
        }
    }
}

/// A jump of more than a quarter of a turn between neighbours is a crossing; the median tells the side.
fn longitude_shift(mesh: &Cells) -> Shift {
    let cols = mesh.block.width().max(1);
    let jumps = |a: f64, b: f64| (a - b).abs() > 90.0;
    let crosses = (0..mesh.lons.len()).any(|at| {
        let here = mesh.lons[at];
        let right = (at % cols + 1 < cols).then(|| mesh.lons[at + 1]);
        let below = mesh.lons.get(at + cols).copied();
        [right, below].into_iter().flatten().any(|other| jumps(here, other))
    });
    let mut finite: Vec<f64> = mesh.lons.iter().copied().filter(|v| v.is_finite()).collect();
    if !crosses || finite.is_empty() {
        return Shift::None;
    }
    let middle = finite.len() / 2;
    let median = *finite.select_nth_unstable_by(middle, f64::total_cmp).1;
    if median < 0.0 { Shift::PositivesDown } else { Shift::NegativesUp }
}

/// Area of the polygon of the points sorted by their angle about their mean.
fn area(points: &mut [[f64; 2]]) -> f64 {
    let n = points.len() as f64;
    let mean = points.iter().fold([0.0, 0.0], |m, p| [m[0] + p[0] / n, m[1] + p[1] / n]);
    let angle = |p: &[f64; 2]| (p[1] - mean[1]).atan2(p[0] - mean[0]);
    points.sort_by(|a, b| angle(b).total_cmp(&angle(a)));
    let next = points.iter().cycle().skip(1);
    // About the mean, to keep the digits.
    let cross = |p: &[f64; 2], q: &[f64; 2]| {
        (p[0] - mean[0]) * (q[1] - mean[1]) - (q[0] - mean[0]) * (p[1] - mean[1])
    };
    0.5 * points.iter().zip(next).map(|(p, q)| cross(p, q)).sum::<f64>().abs()
}

/// Median distance of consecutive points, without the last pair.
fn median_step(points: &[[f64; 2]]) -> Option<f64> {
    let mut steps: Vec<f64> =
        points.windows(2).map(|w| (w[1][0] - w[0][0]).hypot(w[1][1] - w[0][1])).collect();
    steps.pop();
    if steps.is_empty() {
        return None;
    }
    steps.sort_by(f64::total_cmp);
    let middle = steps.len() / 2;
    Some(if steps.len().is_multiple_of(2) {
        (steps[middle - 1] + steps[middle]) * 0.5
    } else {
        steps[middle]
    })
}

#[cfg(test)]
mod tests {
    use harmony_model::crs::Crs;

    use super::*;

    fn inferred(lons: &[f64], lats: &[f64], cols: usize) -> Inferred {
        let same = Transform::new(&Crs::wgs84(), &Crs::wgs84()).unwrap();
        let swath = Swath::of(lons, lats, [lons.len() / cols, cols], [None, None]);
        infer(&swath, &same, true).unwrap().unwrap()
    }

    #[test]
    fn a_square_swath_has_its_centres_as_extent() {
        let at = |i: i32, j: i32| (f64::from(j), f64::from(-i));
        let (lons, lats): (Vec<f64>, Vec<f64>) = (0..11).flat_map(|i| (0..11).map(move |j| at(i, j))).unzip();
        let got = inferred(&lons, &lats, 11);
        assert_eq!(got.extent, [0.0, -10.0, 10.0, 0.0]);
        // 100 square degrees over 121 cells
        assert!((got.resolution - (100f64 / 121.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn longitudes_go_to_the_side_of_their_median() {
        let (lons, lats) = (
            [179.0, -179.0, -178.0, -177.0, 179.5, -179.5, -178.5, -177.5],
            [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        );
        let got = inferred(&lons, &lats, 4);
        assert_eq!(got.extent, [-181.0, 0.0, -177.0, 1.0]);
    }

    #[test]
    fn the_last_step_of_a_trajectory_is_not_counted() {
        let got = inferred(&[0.0, 1.0, 3.0, 100.0], &[0.0; 4], 1);
        assert_eq!(got.resolution, 1.5);
    }
}
