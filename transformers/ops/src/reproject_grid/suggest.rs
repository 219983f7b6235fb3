//! The target grid that a source grid suggests when the request gives a CRS only (contract §3.1).

use harmony_model::ModelError;
use harmony_model::crs::{Crs, Transform};

use super::domain::{self, Domain};
use super::source::SourceGrid;
use super::warp::Trust;
use crate::project::Suggestion;

/// Intervals on each edge of the source that are followed, as GDAL does it: one for every 50 cells of the shorter side,
/// within these bounds.
const CELLS_OF_STEP: usize = 50;
const STEPS: [usize; 2] = [20, 100];
/// The same where an edge goes round the Earth or the source is cut.
const DENSE_STEPS: usize = 360;
/// Points along a side of the lattice where edges alone do not tell.
const LATTICE: usize = 101;
/// There and back again must agree to this part of a source cell.
const ROUND_TRIP: f64 = 0.1;

/// A suggestion and what was left out for it.
#[derive(Clone, Debug)]
pub struct Suggested {
    pub grid: Suggestion,
    pub notice: Option<String>,
}

/// Square cells that keep the number of pixels along the diagonal, around the image of the source in `crs`.
///
/// # Errors
/// When there is no way between the systems, or nothing of the source lies on the map.
pub fn suggest(source: &SourceGrid, crs: &Crs, trust: Trust) -> Result<Suggested, ModelError> {
    if source.crs.same_as(crs) {
        return Ok(Suggested { grid: Suggestion::of(&source.spec()), notice: None });
    }
    let view = View::new(source, crs, trust)?;
    let domain = domain::of(crs, view.degrees()).filter(|_| trust == Trust::Checked);
    let part = Part::of(&view, domain.as_ref());
    let nothing = || {
        let area = domain.as_ref().map_or_else(String::new, |d| format!(" ({})", d.text));
        ModelError::Invalid(format!(
            "nothing of the grid lies on the map of '{}'{area}; choose another CRS",
            crs.authority_code().unwrap_or_else(|| crs.definition.clone())
        ))
    };
    let image = view.image(&part).ok_or_else(nothing)?;
    let cell = view.cell(&part, &image).ok_or_else(nothing)?;
    let notice =
        part.cut.then(|| domain.map(|d| format!("the target grid is limited to {}", d.text))).flatten();
    let (extent, cell) =
        if part.cut { inside(image.extent, cell) } else { (whole_cells(image.extent, cell), cell) };
    Ok(Suggested { grid: Suggestion { extent, cell: [cell, cell] }, notice })
}

/// An extent of whole cells from the north-west on.
fn whole_cells([xmin, ymin, xmax, ymax]: [f64; 4], cell: f64) -> [f64; 4] {
    let fitting = |range: f64| (range / cell + 0.5).floor().max(1.0) * cell;
    [xmin, ymax - fitting(ymax - ymin), xmin + fitting(xmax - xmin), ymax]
}

/// Cells that divide the width of a map, and no row beyond it.
fn inside([xmin, ymin, xmax, ymax]: [f64; 4], cell: f64) -> ([f64; 4], f64) {
    let cell = (xmax - xmin) / ((xmax - xmin) / cell).round().max(1.0);
    let rows = ((ymax - ymin) / cell + 1e-6).floor().max(1.0);
    ([xmin, ymax - rows * cell, xmax, ymax], cell)
}

/// A source seen from a target system.
struct View<'a> {
    source: &'a SourceGrid,
    target: &'a Crs,
    forward: Transform,
    degrees: Transform,
    trust: Trust,
}

/// The part of a source that lies in the domain of the target.
struct Part {
    /// xmin, ymin, xmax, ymax in the source's units.
    extent: [f64; 4],
    /// Columns and rows of it.
    size: [f64; 2],
    /// Something was left out.
    cut: bool,
    /// Points beyond this are not looked at (sources that are not geographic).
    domain: Option<Domain>,
}

/// Where the source comes to lie.
struct Image {
    extent: [f64; 4],
    /// From the first to the last corner, when both have an image.
    diagonal: Option<[f64; 2]>,
}

impl Part {
    fn of(view: &View, domain: Option<&Domain>) -> Self {
        let extent = view.source.extent();
        let [rows, cols] = view.source.shape();
        let whole = Part { extent, size: [cols as f64, rows as f64], cut: false, domain: None };
        let Some(domain) = domain else { return whole };
        if !view.source.crs.is_geographic() {
            return Part { cut: true, domain: Some(domain.clone()), ..whole };
        }
        let [mut west, south, mut east, north] = extent;
        let (south, north) = (south.max(domain.south), north.min(domain.north));
        if let Some([w, e]) = domain.longitudes {
            // The turn on which the domain lies next to the source's middle.
            let shift = 360.0 * ((f64::midpoint(west, east) - f64::midpoint(w, e)) / 360.0).round();
            let round = view.source.wraps_at().is_some();
            west = if round { w + shift } else { west.max(w + shift) };
            east = if round { e + shift } else { east.min(e + shift) };
        }
        let cut = [west, south, east, north];
        // Maps end somewhere near the poles; a part of the longitudes is another thing: then only its cells count.
        let share = |a: f64, b: f64, c: f64, d: f64| ((b - a) / (d - c)).clamp(0.0, 1.0);
        let size = match domain.longitudes {
            None => [cols as f64, rows as f64],
            Some(_) => [
                cols as f64 * share(west, east, extent[0], extent[2]),
                rows as f64 * share(south, north, extent[1], extent[3]),
            ],
        };
        Part { extent: cut, size, cut: true, domain: None }
    }
}

impl<'a> View<'a> {
    fn new(source: &'a SourceGrid, target: &'a Crs, trust: Trust) -> Result<Self, ModelError> {
        let forward = Transform::new(&source.crs, target)?;
        let degrees = Transform::new(&source.crs, &Crs::wgs84())?;
        Ok(View { source, target, forward, degrees, trust })
    }

    /// Longitudes and latitudes of the source: west, south, east, north; a turn wide when it holds a pole.
    fn degrees(&self) -> [f64; 4] {
        if self.source.crs.is_geographic() {
            return self.source.extent();
        }
        let whole = Part { extent: self.source.extent(), size: [1.0, 1.0], cut: false, domain: None };
        let (mut xs, mut ys) = ring(whole.extent, DENSE_STEPS);
        self.degrees.points(&mut xs, &mut ys);
        unwrap(&mut xs);
        let (mut west, mut east) = range(&xs);
        let (mut south, mut north) = range(&ys);
        for pole in [-90.0, 90.0] {
            if self.holds_pole(pole) {
                (west, east) = (-180.0, 180.0);
                (south, north) = (south.min(pole), north.max(pole));
            }
        }
        [west, south, east, north]
    }

    /// Whether a pole lies inside the source.
    fn holds_pole(&self, latitude: f64) -> bool {
        let [xmin, ymin, xmax, ymax] = self.source.extent();
        let (mut x, mut y) = ([0.0, 90.0], [latitude; 2]);
        self.degrees.inverse_points(&mut x, &mut y);
        let inside = |i: usize| x[i] > xmin && x[i] < xmax && y[i] > ymin && y[i] < ymax;
        // A projection that makes a line of the pole has no pole inside.
        let tolerance = 1e-6 * (xmax - xmin);
        inside(0) && inside(1) && (x[0] - x[1]).abs() < tolerance && (y[0] - y[1]).abs() < tolerance
    }

    /// Images of source points; NaN for those that do not come back.
    fn project(&self, xs: &mut [f64], ys: &mut [f64]) -> usize {
        let (asked_x, asked_y) = (xs.to_vec(), ys.to_vec());
        self.forward.points(xs, ys);
        if self.trust == Trust::Blind {
            return xs.iter().zip(&*ys).filter(|(x, y)| !(x.is_finite() && y.is_finite())).count();
        }
        let (mut back_x, mut back_y) = (xs.to_vec(), ys.to_vec());
        self.forward.inverse_points(&mut back_x, &mut back_y);
        let turn = if self.source.crs.is_geographic() { 360.0 } else { f64::INFINITY };
        let (tx, ty) = (ROUND_TRIP * self.source.x.cell(), ROUND_TRIP * self.source.y.cell());
        let mut failed = 0;
        for i in 0..xs.len() {
            let mut dx = (back_x[i] - asked_x[i]).abs();
            let pole = turn.is_finite() && asked_y[i].abs() > 89.999_999;
            if turn.is_finite() {
                dx = (dx - turn * (dx / turn).round()).abs();
            }
            let fine = (pole || dx <= tx) && (back_y[i] - asked_y[i]).abs() <= ty;
            if !(fine && xs[i].is_finite() && ys[i].is_finite()) {
                (xs[i], ys[i]) = (f64::NAN, f64::NAN);
                failed += 1;
            }
        }
        failed
    }

    fn image(&self, part: &Part) -> Option<Image> {
        let [xmin, ymin, xmax, ymax] = part.extent;
        if !(xmin < xmax && ymin < ymax) {
            return None;
        }
        if let Some(domain) = &part.domain {
            return self.image_in_domain(part, domain);
        }
        let steps =
            if part.cut || self.source.wraps_at().is_some() { DENSE_STEPS } else { edge_steps(self.source) };
        let (mut xs, mut ys) = ring(part.extent, steps);
        let failed = self.project(&mut xs, &mut ys);
        let diagonal = |xs: &[f64], ys: &[f64]| {
            // The ring starts in the north-west; half of it later is the south-east.
            let d = [xs[2 * steps] - xs[0], ys[2 * steps] - ys[0]];
            d.iter().all(|v| v.is_finite() && *v != 0.0).then_some(d)
        };
        if failed > 0 {
            let (more_x, more_y) = lattice(part.extent);
            return self.image_of_some(more_x, more_y, xs, ys);
        }
        if self.target.is_geographic() {
            unwrap(&mut xs);
        }
        let mut image = Image { extent: extent_of(&xs, &ys), diagonal: diagonal(&xs, &ys) };
        self.add_poles(&mut image);
        Some(image)
    }

    /// Extent of those points that have an image.
    fn image_of_some(
        &self,
        mut xs: Vec<f64>,
        mut ys: Vec<f64>,
        edge_x: Vec<f64>,
        edge_y: Vec<f64>,
    ) -> Option<Image> {
        self.project(&mut xs, &mut ys);
        xs.extend(edge_x);
        ys.extend(edge_y);
        self.around(xs, ys)
    }

    fn around(&self, xs: Vec<f64>, ys: Vec<f64>) -> Option<Image> {
        let points = xs.into_iter().zip(ys).filter(|(x, y)| x.is_finite() && y.is_finite());
        let (mut xs, ys): (Vec<f64>, Vec<f64>) = points.unzip();
        if xs.len() < 3 {
            return None;
        }
        if self.target.is_geographic() {
            narrowest(&mut xs);
        }
        let mut image = Image { extent: extent_of(&xs, &ys), diagonal: None };
        self.add_poles(&mut image);
        Some(image)
    }

    /// Points of the source in the domain, and points on the domain's border that lie on the source.
    fn image_in_domain(&self, part: &Part, domain: &Domain) -> Option<Image> {
        let (mut xs, mut ys) = lattice(part.extent);
        let (rx, ry) = ring(part.extent, DENSE_STEPS);
        xs.extend(rx);
        ys.extend(ry);
        let (mut lon, mut lat) = (xs.clone(), ys.clone());
        self.degrees.points(&mut lon, &mut lat);
        let inside = (0..xs.len()).filter(|&i| domain.contains(lon[i], lat[i]));
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = inside.map(|i| (xs[i], ys[i])).unzip();
        let (mut bx, mut by) = domain.border(DENSE_STEPS);
        self.degrees.inverse_points(&mut bx, &mut by);
        let [xmin, ymin, xmax, ymax] = part.extent;
        for (x, y) in bx.into_iter().zip(by) {
            if x >= xmin && x <= xmax && y >= ymin && y <= ymax {
                xs.push(x);
                ys.push(y);
            }
        }
        self.project(&mut xs, &mut ys);
        self.around(xs, ys)
    }

    /// A geographic image that holds a pole goes round the Earth and up to it.
    fn add_poles(&self, image: &mut Image) {
        if !self.target.is_geographic() {
            return;
        }
        let e = &mut image.extent;
        for pole in [-90.0, 90.0] {
            if !self.source.crs.is_geographic() && self.holds_pole(pole) {
                (e[0], e[2]) = (-180.0, 180.0);
                (e[1], e[3]) = (e[1].min(pole), e[3].max(pole));
                image.diagonal = None;
            }
        }
        if e[2] - e[0] > 360.0 {
            (e[0], e[2]) = (-180.0, 180.0);
        }
        (e[1], e[3]) = (e[1].max(-90.0), e[3].min(90.0));
        let shift = 360.0 * (f64::midpoint(e[0], e[2]) / 360.0).round();
        (e[0], e[2]) = (e[0] - shift, e[2] - shift);
    }

    /// Side of a square cell.
    fn cell(&self, part: &Part, image: &Image) -> Option<f64> {
        let [xmin, ymin, xmax, ymax] = image.extent;
        let across = image.diagonal.filter(|_| !part.cut).unwrap_or([xmax - xmin, ymax - ymin]);
        let mut cell = across[0].hypot(across[1]) / part.size[0].hypot(part.size[1]);
        if part.cut {
            // Cells of cut maps are never coarser than the one in the middle.
            if let Some(central) = self.central_cell(part) {
                cell = cell.min(central);
            }
        }
        (cell.is_finite() && cell > 0.0).then_some(cell)
    }

    fn central_cell(&self, part: &Part) -> Option<f64> {
        let [xmin, ymin, xmax, ymax] = part.extent;
        let (x, y) = (f64::midpoint(xmin, xmax), f64::midpoint(ymin, ymax));
        let (dx, dy) = (self.source.x.cell() / 2.0, self.source.y.cell() / 2.0);
        let (mut xs, mut ys) = ([x - dx, x + dx], [y + dy, y - dy]);
        (self.project(&mut xs, &mut ys) == 0)
            .then(|| (xs[1] - xs[0]).hypot(ys[1] - ys[0]) / std::f64::consts::SQRT_2)
    }
}

fn edge_steps(source: &SourceGrid) -> usize {
    let shorter = source.shape().into_iter().min().unwrap_or(0);
    ((shorter + CELLS_OF_STEP / 2) / CELLS_OF_STEP).clamp(STEPS[0], STEPS[1])
}

/// Points around a rectangle from its north-western corner eastwards, the first one again at the end.
fn ring([xmin, ymin, xmax, ymax]: [f64; 4], steps: usize) -> (Vec<f64>, Vec<f64>) {
    let at = |a: f64, b: f64, i: usize| if i == steps { b } else { a + (b - a) * i as f64 / steps as f64 };
    let east = (0..steps).map(|i| (at(xmin, xmax, i), ymax));
    let south = (0..steps).map(|i| (xmax, at(ymax, ymin, i)));
    let west = (0..steps).map(|i| (at(xmax, xmin, i), ymin));
    let north = (0..=steps).map(|i| (xmin, at(ymin, ymax, i)));
    east.chain(south).chain(west).chain(north).unzip()
}

fn lattice([xmin, ymin, xmax, ymax]: [f64; 4]) -> (Vec<f64>, Vec<f64>) {
    let at = |a: f64, b: f64, i: usize| a + (b - a) * i as f64 / (LATTICE - 1) as f64;
    (0..LATTICE * LATTICE).map(|i| (at(xmin, xmax, i % LATTICE), at(ymin, ymax, i / LATTICE))).unzip()
}

/// Longitudes along a line without jumps.
fn unwrap(xs: &mut [f64]) {
    for i in 1..xs.len() {
        let turns = ((xs[i - 1] - xs[i]) / 360.0).round();
        if turns.is_finite() {
            xs[i] += 360.0 * turns;
        }
    }
}

/// Longitudes in any order, moved to the narrowest interval that holds them all.
fn narrowest(xs: &mut [f64]) {
    xs.iter_mut().for_each(|x| *x -= 360.0 * (*x / 360.0).floor());
    let mut sorted = xs.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(&first), Some(&last)) = (sorted.first(), sorted.last()) else { return };
    let gaps = sorted.windows(2).map(|w| (w[1] - w[0], w[1]));
    let widest = gaps.fold((first + 360.0 - last, first), |best, g| if g.0 > best.0 { g } else { best });
    xs.iter_mut().filter(|x| **x < widest.1).for_each(|x| *x += 360.0);
}

fn range(values: &[f64]) -> (f64, f64) {
    let finite = values.iter().filter(|v| v.is_finite());
    finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)))
}

fn extent_of(xs: &[f64], ys: &[f64]) -> [f64; 4] {
    let ((x0, x1), (y0, y1)) = (range(xs), range(ys));
    [x0, y0, x1, y1]
}
