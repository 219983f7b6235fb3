//! The grid that data are on, read from their coordinates.

use harmony_model::crs::Crs;
use harmony_model::geolocation::{GridAxis, ProjectedAxis, ProjectedAxisSource};
use harmony_model::{DType, DimId, Geolocation, GridSpec};

use super::axis::{Axis, Reading};
use crate::error::OpError;
use crate::scene::Scene;

/// A grid whose axes may be irregular, ascending or descending.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceGrid {
    pub crs: Crs,
    pub y: Axis,
    pub x: Axis,
    /// Columns that make a full turn, for geographic grids.
    pub turn: Option<f64>,
}

/// A source grid and the dimensions that are its rows and columns.
#[derive(Clone, Debug)]
pub struct LocatedGrid {
    pub grid: SourceGrid,
    pub row: DimId,
    pub col: DimId,
}

impl SourceGrid {
    /// From axes.
    pub fn new(crs: Crs, y: Axis, x: Axis) -> Self {
        let turn = match &x {
            Axis::Regular { step, .. } if crs.is_geographic() => Some(360.0 / step.abs()),
            Axis::Irregular { .. } if crs.is_geographic() => Some(360.0 / x.cell()),
            _ => None,
        };
        SourceGrid { crs, y, x, turn }
    }

    /// From a regular grid.
    pub fn of(grid: &GridSpec) -> Self {
        let axis = |start, step, n: u64| Axis::Regular { start, step, len: n as usize };
        SourceGrid::new(grid.crs.clone(), axis(grid.y0, grid.dy, grid.ny), axis(grid.x0, grid.dx, grid.nx))
    }

    /// Rows and columns.
    pub fn shape(&self) -> [usize; 2] {
        [self.y.len(), self.x.len()]
    }

    /// xmin, ymin, xmax, ymax: outer edges.
    pub fn extent(&self) -> [f64; 4] {
        let ((x0, x1), (y0, y1)) = (self.x.extent(), self.y.extent());
        [x0, y0, x1, y1]
    }

    /// Columns after which the first one comes again: only when the axis goes round the Earth.
    pub fn wraps_at(&self) -> Option<usize> {
        let turn = self.turn?;
        let n = self.x.len() as f64;
        let is_regular = matches!(self.x, Axis::Regular { .. });
        (is_regular && n + 0.5 >= turn && (turn - turn.round()).abs() < 0.01).then_some(turn.round() as usize)
    }

    /// The same place as a regular north-up grid, with the mean cell of irregular axes.
    pub fn spec(&self) -> GridSpec {
        let [x0, y0, x1, y1] = self.extent();
        match (&self.x, &self.y) {
            (Axis::Regular { step: dx, len: nx, .. }, Axis::Regular { step: dy, len: ny, .. }) => GridSpec {
                crs: self.crs.clone(),
                x0,
                y0: y1,
                dx: dx.abs(),
                dy: -dy.abs(),
                nx: *nx as u64,
                ny: *ny as u64,
            },
            _ => GridSpec::filling(
                self.crs.clone(),
                [x0, y0, x1, y1],
                self.x.len() as u64,
                self.y.len() as u64,
            ),
        }
    }
}

/// The grid of a geolocation; `None` when it is no grid.
///
/// # Errors
/// When its coordinates can't be read or are none, naming them.
pub fn located_grid(scene: &Scene, geolocation: &Geolocation) -> Result<Option<LocatedGrid>, OpError> {
    match geolocation {
        Geolocation::Grid { lat, lon } => {
            let x = geographic(scene, lon, true, None)?;
            let y = geographic(scene, lat, false, Some(x.cell()))?;
            let grid = SourceGrid::new(Crs::wgs84(), poles(y), x);
            Ok(Some(LocatedGrid { grid, row: lat.dim, col: lon.dim }))
        }
        Geolocation::ProjectedGrid { y, x, crs } => {
            let periodic = crs.is_geographic();
            let cols = projected(scene, x, periodic, None)?;
            let rows = projected(scene, y, false, Some(cols.cell()))?;
            let grid = SourceGrid::new(crs.clone(), rows, cols);
            Ok(Some(LocatedGrid { grid, row: y.dim, col: x.dim }))
        }
        Geolocation::Swath { .. } | Geolocation::Trajectory { .. } | Geolocation::Segmented(_) => Ok(None),
    }
}

fn geographic(scene: &Scene, axis: &GridAxis, periodic: bool, single: Option<f64>) -> Result<Axis, OpError> {
    let granule = &scene.granule;
    let values = granule.read_all_physical(axis.var)?;
    let bounds = axis.bounds.map(|b| granule.read_all_physical(b)).transpose()?;
    let var = granule.var(axis.var);
    let reading = Reading { lower_edges: axis.edges, periodic, single, ..Reading::of(&var.dtype, &values) };
    Axis::new(&values, reading, bounds.as_deref()).map_err(|why| bad_axis(scene, &var.path, &why))
}

fn projected(
    scene: &Scene,
    axis: &ProjectedAxis,
    periodic: bool,
    single: Option<f64>,
) -> Result<Axis, OpError> {
    let granule = &scene.granule;
    match &axis.source {
        ProjectedAxisSource::Regular { first, step } => {
            let len = granule.dim(axis.dim).len as usize;
            Ok(Axis::Regular { start: first - step / 2.0, step: *step, len })
        }
        ProjectedAxisSource::Variable { var, to_crs_units } => {
            let stored = granule.read_all_physical(*var)?;
            let dtype: &DType = &granule.var(*var).dtype;
            let reading = Reading { periodic, single, ..Reading::of(dtype, &stored) };
            let values: Vec<f64> = stored.iter().map(|v| v * to_crs_units).collect();
            Axis::new(&values, reading, None).map_err(|why| bad_axis(scene, &granule.var(*var).path, &why))
        }
    }
}

/// Rows of a geographic grid that reach beyond a pole are cut there (points on the poles).
fn poles(y: Axis) -> Axis {
    match y {
        Axis::Irregular { centres, mut edges } => {
            edges.iter_mut().for_each(|e| *e = e.clamp(-90.0, 90.0));
            // A centre on the pole keeps half a cell, so that positions stay defined.
            let n = centres.len();
            for (edge, centre, inner) in [(0, 0, 1), (n, n - 1, n - 2)] {
                if edges[edge] == centres[centre] {
                    edges[edge] = centres[centre] + (centres[centre] - centres[inner]) / 2.0;
                }
            }
            Axis::Irregular { centres, edges }
        }
        regular => regular,
    }
}

fn bad_axis(scene: &Scene, path: &str, why: &str) -> OpError {
    scene.refuse(super::NAME, format!("'{path}' is not the axis of a grid: {why}"))
}
