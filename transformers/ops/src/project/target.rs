//! The target grid that a request means (contract §1.1, §3).

use harmony_model::crs::Crs;
use harmony_model::request::TargetRequest;
use harmony_model::{GridSpec, ModelError};

use super::named;
use crate::error::OpError;

/// Columns or rows of a grid at most: pixel coordinates are kept in 32 bits.
pub const MAX_SIDE: u64 = 1 << 24;
/// Cells of a grid at most: 2³⁶, a quarter of a terabyte of single precision.
pub const MAX_CELLS: u64 = 1 << 36;

/// How far a geographic extent may reach: cells may be centred on a pole.
const POLAR_CELL: f64 = 95.0;

/// What a size that does not divide an inferred extent changes, and whether one side may follow from the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// The cell size is kept and the grid anchored at its north-western corner; one of width and height is enough.
    Grid,
    /// The extent is kept; width and height go together.
    Swath,
}

/// The grid that data suggest where the request leaves it open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suggestion {
    /// xmin, ymin, xmax, ymax: outer edges in units of the target CRS.
    pub extent: [f64; 4],
    /// Size of a cell along x and y; it need not divide the extent.
    pub cell: [f64; 2],
}

impl Suggestion {
    /// What a grid itself is.
    pub fn of(grid: &GridSpec) -> Self {
        Suggestion { extent: grid.extent(), cell: [grid.dx.abs(), grid.dy.abs()] }
    }

    fn ranges(&self) -> [f64; 2] {
        let [xmin, ymin, xmax, ymax] = self.extent;
        [xmax - xmin, ymax - ymin]
    }
}

fn invalid(text: String) -> OpError {
    OpError::Model(ModelError::Invalid(text))
}

/// The CRS of the target: that of the request or of its named grid, else `source`'s.
///
/// # Errors
/// When the named grid is not known or stands beside parameters of its own.
pub fn crs(target: &TargetRequest, source: &Crs) -> Result<Crs, OpError> {
    match &target.grid {
        Some(_) => named_grid(target).map(|g| g.crs),
        None => Ok(target.crs.clone().unwrap_or_else(|| source.clone())),
    }
}

/// Whether the request alone fixes the grid, so that it is the same for every geolocation.
pub fn is_complete(target: &TargetRequest) -> bool {
    let size = target.cell_size.is_some() || (target.width.is_some() && target.height.is_some());
    target.grid.is_some() || (target.extent.is_some() && size)
}

/// The target grid in `crs` (see [`crs`]); `suggest` is asked when the request leaves something open.
///
/// # Errors
/// [`ModelError::Invalid`] naming the numbers that do not fit together and what would.
pub fn resolve(
    target: &TargetRequest,
    crs: Crs,
    kind: SourceKind,
    suggest: impl FnOnce() -> Result<Suggestion, OpError>,
) -> Result<GridSpec, OpError> {
    if target.grid.is_some() {
        return named_grid(target);
    }
    let asked = Asked::of(target, &crs)?;
    if kind == SourceKind::Swath && target.cell_size.is_none() {
        both_or_none(target)?;
    }
    let grid = match asked.extent {
        Some(extent) => asked.in_extent(crs, extent, suggest)?,
        None => asked.around(crs, kind, suggest()?)?,
    };
    bounded(grid)
}

fn named_grid(target: &TargetRequest) -> Result<GridSpec, OpError> {
    let name = target.grid.as_deref().unwrap_or_default();
    if (TargetRequest { grid: None, ..target.clone() }).is_set() {
        return Err(invalid(
            "When including a grid query parameter, the following parameters may not be provided: scaleExtent, \
             scaleSize, outputCrs, height, and width."
                .into(),
        ));
    }
    bounded(named::find(name).map_err(invalid)?)
}

fn both_or_none(target: &TargetRequest) -> Result<(), OpError> {
    let missing = match (target.width, target.height) {
        (Some(_), None) => "height",
        (None, Some(_)) => "width",
        _ => return Ok(()),
    };
    Err(invalid(format!(
        "Insufficient or invalid target grid parameters: {missing} is missing; give width and height together, or a \
         cell size"
    )))
}

/// The numbers of a request, each of them sensible in itself.
struct Asked {
    extent: Option<[f64; 4]>,
    cell: Option<[f64; 2]>,
    size: [Option<u64>; 2],
}

impl Asked {
    fn of(target: &TargetRequest, crs: &Crs) -> Result<Self, OpError> {
        if let Some(e) = target.extent {
            check_extent(e, crs)?;
        }
        if let Some(cell) = target.cell_size
            && !cell.iter().all(|c| c.is_finite() && *c > 0.0)
        {
            return Err(invalid(format!(
                "cell size {},{} must be positive in both directions",
                cell[0], cell[1]
            )));
        }
        for (name, n) in [("width", target.width), ("height", target.height)] {
            if n == Some(0) {
                return Err(invalid(format!("{name} 0 leaves no cell; ask for at least 1")));
            }
        }
        Ok(Asked { extent: target.extent, cell: target.cell_size, size: [target.width, target.height] })
    }

    /// The extent wins: cells fill it exactly.
    fn in_extent(
        &self,
        crs: Crs,
        extent: [f64; 4],
        suggest: impl FnOnce() -> Result<Suggestion, OpError>,
    ) -> Result<GridSpec, OpError> {
        let range = [extent[2] - extent[0], extent[3] - extent[1]];
        let counts = match (self.cell, self.size) {
            (Some(cell), _) => {
                let own = [count(range[0], cell[0], "x")?, count(range[1], cell[1], "y")?];
                for axis in 0..2 {
                    self.consistent(axis, range[axis], cell[axis])?;
                }
                [self.size[0].unwrap_or(own[0]), self.size[1].unwrap_or(own[1])]
            }
            (None, [Some(w), Some(h)]) => [w, h],
            (None, [Some(w), None]) => [w, count(range[1], range[0] / w as f64, "y")?.max(1)],
            (None, [None, Some(h)]) => [count(range[0], range[1] / h as f64, "x")?.max(1), h],
            (None, [None, None]) => {
                let cell = suggest()?.cell;
                // An extent smaller than a cell of the source still holds one.
                let n = |axis: usize| rounded(range[axis] / cell[axis]).max(1.0);
                [whole(n(0), "x")?, whole(n(1), "y")?]
            }
        };
        Ok(GridSpec::filling(crs, extent, counts[0], counts[1]))
    }

    /// Inside or around the extent that the data suggest.
    fn around(&self, crs: Crs, kind: SourceKind, s: Suggestion) -> Result<GridSpec, OpError> {
        let range = s.ranges();
        let cell = match (self.cell, self.size) {
            (Some(cell), _) => cell,
            (None, [None, None]) => s.cell,
            (None, [w, h]) => {
                // One side keeps the aspect of the extent.
                let along = [w.map(|w| range[0] / w as f64), h.map(|h| range[1] / h as f64)];
                let either = along[0].or(along[1]).unwrap_or(s.cell[0]);
                let n =
                    |axis: usize| self.size[axis].map_or_else(|| rounded(range[axis] / either), |n| n as f64);
                let counts = [whole(n(0).max(1.0), "x")?, whole(n(1).max(1.0), "y")?];
                return Ok(GridSpec::filling(crs, s.extent, counts[0], counts[1]));
            }
        };
        let fitting = |axis: usize, name| match self.size[axis] {
            Some(n) => Ok(n),
            None if self.cell.is_some() => count(range[axis], cell[axis], name),
            None => whole(half_up(range[axis] / cell[axis]).max(1.0), name),
        };
        let counts = [fitting(0, "x")?, fitting(1, "y")?];
        Ok(match kind {
            SourceKind::Swath if self.size == [None, None] => {
                GridSpec::filling(crs, s.extent, counts[0], counts[1])
            }
            _ => GridSpec {
                crs,
                x0: s.extent[0],
                y0: s.extent[3],
                dx: cell[0],
                dy: -cell[1],
                nx: counts[0],
                ny: counts[1],
            },
        })
    }

    /// A stated number of cells beside extent and cell size: relative mismatch up to 1e-6, or half a cell in total.
    fn consistent(&self, axis: usize, range: f64, cell: f64) -> Result<(), OpError> {
        let Some(n) = self.size[axis] else { return Ok(()) };
        let total = n as f64 * cell;
        let (name, other) = [("width", "x"), ("height", "y")][axis];
        if (total - range).abs() <= 0.5 * cell || (total / range - 1.0).abs() <= 1e-6 {
            return Ok(());
        }
        Err(invalid(format!(
            "Insufficient or invalid target grid parameters: {name} {n} × cell size {cell} along {other} is {total}, \
             but the extent is {range} wide; leave one of the three out, or ask for {name} {}",
            rounded(range / cell)
        )))
    }
}

fn check_extent(e: [f64; 4], crs: &Crs) -> Result<(), OpError> {
    let [xmin, ymin, xmax, ymax] = e;
    let shown = format!("extent {xmin},{ymin},{xmax},{ymax}");
    if !e.iter().all(|v| v.is_finite()) {
        return Err(invalid(format!("{shown} must be four numbers: xmin,ymin,xmax,ymax")));
    }
    if xmin >= xmax || ymin >= ymax {
        return Err(invalid(format!(
            "{shown} is reversed or empty; write xmin,ymin,xmax,ymax with xmin < xmax and ymin < ymax"
        )));
    }
    let outside = crs.is_geographic()
        && (xmin < -540.0
            || xmax > 540.0
            || xmax - xmin > 360.0 + 1e-9
            || ymin < -POLAR_CELL
            || ymax > POLAR_CELL);
    // No map of the Earth is wider than a few times its circumference.
    let metres = crs.units_to_metre().unwrap_or(1.0);
    let absurd = !crs.is_geographic() && e.iter().any(|v| (v * metres).abs() > 1e9);
    if outside || absurd {
        let area = match crs.area_of_use() {
            Some([w, s, e, n]) => format!("longitudes {w} to {e} and latitudes {s} to {n}"),
            None => "the whole Earth at most".into(),
        };
        return Err(invalid(format!(
            "{shown} lies outside '{}', which is used for {area}; extents are in units of the target CRS ({})",
            crs.authority_code().unwrap_or_else(|| crs.definition.clone()),
            if crs.is_geographic() { "degrees" } else { "its projected units, usually metres" }
        )));
    }
    Ok(())
}

/// Cells of `size` in `range`, rounded half to even; zero is an error.
fn count(range: f64, size: f64, axis: &str) -> Result<u64, OpError> {
    let n = rounded(range / size);
    if n < 1.0 {
        return Err(invalid(format!(
            "cell size {size} along {axis} is larger than the extent of {range}: no cell would be left; ask for at \
             most {range}"
        )));
    }
    whole(n, axis)
}

fn rounded(n: f64) -> f64 {
    n.round_ties_even()
}

fn half_up(n: f64) -> f64 {
    (n + 0.5).floor()
}

fn whole(n: f64, axis: &str) -> Result<u64, OpError> {
    if !(n.is_finite() && n <= MAX_SIDE as f64) {
        return Err(invalid(format!(
            "the target grid would have {n:.0} cells along {axis}, more than the limit of {MAX_SIDE}; ask for larger \
             cells or a smaller extent"
        )));
    }
    Ok(n as u64)
}

/// The grid, unless it is too large to be meant.
fn bounded(grid: GridSpec) -> Result<GridSpec, OpError> {
    whole(grid.nx as f64, "x")?;
    whole(grid.ny as f64, "y")?;
    match grid.nx.checked_mul(grid.ny) {
        Some(n) if n <= MAX_CELLS => Ok(grid),
        _ => {
            let factor = (grid.nx as f64 * grid.ny as f64 / MAX_CELLS as f64).sqrt();
            Err(invalid(format!(
                "the target grid of {} × {} cells is larger than the limit of {MAX_CELLS} cells; cells of {:.6} × \
                 {:.6} would fit",
                grid.nx,
                grid.ny,
                grid.dx.abs() * factor,
                grid.dy.abs() * factor
            )))
        }
    }
}
