//! Shrinking from a smaller version of the data that their file holds.
//!
//! GDAL starts from the coarsest overview that is still finer than the target. We do where GDAL's answer is asked for;
//! else every cell counts that the target is made of: no file tells by which kernel its overviews were made (often by
//! taking one cell of four), whether fill values were left out, or whether they are older than the data.

use std::sync::Arc;

use harmony_model::{ArraySource, DimId, GridSpec, VarId, Variable};

use super::axis::Axis;
use super::source::{LocatedGrid, SourceGrid};
use crate::error::OpError;
use crate::scene::Scene;

/// Values of a variable in larger cells than those of its grid.
pub struct Reduced {
    pub source: LocatedGrid,
    pub data: Arc<dyn ArraySource>,
    pub shape: Vec<u64>,
}

/// What of a variable is resampled.
pub struct Origin {
    pub var: VarId,
    pub data: Arc<dyn ArraySource>,
    pub shape: Vec<u64>,
}

impl Origin {
    pub fn of(scene: &Scene, var: VarId, reduced: Option<Reduced>) -> Self {
        match reduced {
            Some(reduced) => Origin { var, data: reduced.data, shape: reduced.shape },
            None => {
                Origin { var, data: scene.granule.var(var).data.clone(), shape: scene.granule.shape(var) }
            }
        }
    }
}

/// The coarsest overview of `var` with smaller cells than `target`; `None` without any.
///
/// # Errors
/// When the file's list of overviews is damaged.
pub fn coarsest_finer(
    var: &Variable,
    source: &LocatedGrid,
    target: &GridSpec,
) -> Result<Option<Reduced>, OpError> {
    if !source.grid.crs.same_as(&target.crs) {
        return Ok(None);
    }
    let wanted = (target.dx.abs() / source.grid.x.cell()).min(target.dy.abs() / source.grid.y.cell());
    let axis = |dim: DimId| var.dims.iter().position(|d| *d == dim);
    let (Some(row), Some(col)) = (axis(source.row), axis(source.col)) else { return Ok(None) };
    let mut best = None;
    // From the finest to the coarsest: the last one that fits is the one.
    for overview in var.data.overviews()? {
        let Some(grid) = reduced(&source.grid, overview.shape[row], overview.shape[col]) else { continue };
        let [rows, cols] = source.grid.shape();
        let factor = (cols as f64 / grid.x.len() as f64).min(rows as f64 / grid.y.len() as f64);
        if factor < wanted {
            let source = LocatedGrid { grid, ..source.clone() };
            best = Some(Reduced { source, data: overview.data, shape: overview.shape });
        }
    }
    Ok(best)
}

/// The same extent in fewer cells; `None` for axes without one cell size.
fn reduced(grid: &SourceGrid, rows: u64, cols: u64) -> Option<SourceGrid> {
    let fewer = |axis: &Axis, len: u64| match axis {
        Axis::Regular { start, step, len: own } => {
            let len = usize::try_from(len).ok().filter(|n| *n > 0)?;
            Some(Axis::Regular { start: *start, step: step * *own as f64 / len as f64, len })
        }
        Axis::Irregular { .. } => None,
    };
    Some(SourceGrid::new(grid.crs.clone(), fewer(&grid.y, rows)?, fewer(&grid.x, cols)?))
}

#[cfg(test)]
mod tests {
    use harmony_model::crs::Crs;
    use harmony_model::{DType, Granule, MemoryArray, Overview, ReadError, Window};

    use super::*;

    /// Sixteen cells with overviews of half and a quarter.
    struct Pyramid;

    impl ArraySource for Pyramid {
        fn read(&self, _: &Window, out: &mut [u8]) -> Result<(), ReadError> {
            out.fill(1);
            Ok(())
        }

        fn cost(&self, _: &Window) -> Result<u64, ReadError> {
            Ok(0)
        }

        fn overviews(&self) -> Result<Vec<Overview>, ReadError> {
            let level = |n: u64| {
                let cells = vec![2u8; (n * n) as usize];
                let data = Arc::new(MemoryArray::of(&[n, n], &cells));
                Overview { shape: vec![n, n], chunk: None, data }
            };
            Ok(vec![level(8), level(4)])
        }
    }

    #[test]
    fn the_coarsest_one_that_is_finer_than_the_target() {
        let mut g = Granule::new("g", "test");
        let (row, col) = (g.add_dim(Granule::ROOT, "y", 16), g.add_dim(Granule::ROOT, "x", 16));
        g.add_var(Granule::ROOT, "v", DType::U8, vec![row, col], Arc::new(Pyramid));
        let grid = |n: u64| {
            let cell = 16.0 / n as f64;
            GridSpec { crs: Crs::wgs84(), x0: 0.0, y0: 16.0, dx: cell, dy: -cell, nx: n, ny: n }
        };
        let source = LocatedGrid { grid: SourceGrid::of(&grid(16)), row, col };
        let picked = |n: u64| coarsest_finer(&g.vars[0], &source, &grid(n)).unwrap().map(|r| r.shape[0]);
        assert_eq!(
            [16, 10, 8, 5, 4, 3, 1].map(picked),
            [None, None, None, Some(8), Some(8), Some(4), Some(4)]
        );
    }
}
