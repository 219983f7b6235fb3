//! A grid as a swath of its cell centres.

use harmony_model::crs::{Crs, Transform};
use harmony_model::geolocation::{GridAxis, ProjectedAxis, ProjectedAxisSource};
use harmony_model::{DimId, Geolocation, Granule, VarId};
use rayon::prelude::*;

use crate::error::OpError;
use crate::project_swath::Positions;

/// Cells that one call transforms.
const PART: usize = 1 << 14;

/// The axes of a source grid.
pub struct SourceGrid {
    pub crs: Crs,
    pub geographic: bool,
    pub y: SourceAxis,
    pub x: SourceAxis,
}

pub struct SourceAxis {
    pub dim: DimId,
    /// Its coordinate variable, when it has one.
    pub var: Option<VarId>,
    pub bounds: Option<VarId>,
    /// Cell centres in units of the CRS.
    pub centres: Vec<f64>,
}

impl SourceAxis {
    /// Mean step from one centre to the next; negative when they descend.
    pub fn step(&self) -> f64 {
        let n = self.centres.len();
        (self.centres[n - 1] - self.centres[0]) / (n - 1).max(1) as f64
    }
}

impl SourceGrid {
    /// The grid of a geolocation; `None` when it is none.
    ///
    /// # Errors
    /// When an axis can't be read, or has fewer than two values or a value missing.
    pub fn read(granule: &Granule, geolocation: &Geolocation) -> Result<Option<Self>, OpError> {
        let grid = match geolocation {
            Geolocation::Grid { lat, lon } => SourceGrid {
                crs: Crs::wgs84(),
                geographic: true,
                y: geographic(granule, lat)?,
                x: geographic(granule, lon)?,
            },
            Geolocation::ProjectedGrid { y, x, crs } => SourceGrid {
                geographic: crs.is_geographic(),
                crs: crs.clone(),
                y: projected(granule, y)?,
                x: projected(granule, x)?,
            },
            _ => return Ok(None),
        };
        for axis in [&grid.y, &grid.x] {
            if axis.centres.len() < 2 || axis.centres.iter().any(|c| !c.is_finite()) {
                let name = &granule.dim(axis.dim).name;
                return Err(OpError::NotApplicable {
                    granule: granule.name.clone(),
                    operation: super::NAME,
                    reason: format!(
                        "axis '{name}' must have two values or more, all of them numbers: it has {}",
                        axis.centres.len()
                    ),
                });
            }
        }
        Ok(Some(grid))
    }

    /// Size of a cell along x in metres.
    pub fn cell_metres(&self) -> f64 {
        let unit = self.crs.units_to_metre().unwrap_or(super::implicit::METRES_PER_DEGREE);
        self.x.step().abs() * unit
    }

    /// Longitudes and latitudes of places `xs` × `ys` in the CRS of the grid, row-major; NaN or infinite where there is
    /// no place on Earth.
    ///
    /// # Errors
    /// When there is no way from the CRS of the grid to longitudes and latitudes.
    pub fn lon_lats(&self, xs: &[f64], ys: &[f64]) -> Result<(Vec<f64>, Vec<f64>), OpError> {
        let way = if self.geographic { None } else { Some(Transform::new(&self.crs, &Crs::wgs84())?) };
        let mut lons: Vec<f64> = ys.iter().flat_map(|_| xs.iter().copied()).collect();
        let mut lats: Vec<f64> = ys.iter().flat_map(|y| xs.iter().map(move |_| *y)).collect();
        if let Some(way) = way {
            let parts = lons.par_chunks_mut(PART).zip(lats.par_chunks_mut(PART));
            parts.for_each(|(lons, lats)| way.points(lons, lats));
        }
        Ok((lons, lats))
    }

    /// The centres as a swath.
    ///
    /// # Errors
    /// As [`SourceGrid::lon_lats`].
    pub fn swath(&self) -> Result<Positions, OpError> {
        let (lons, lats) = self.lon_lats(&self.x.centres, &self.y.centres)?;
        let shape = [self.y.centres.len(), self.x.centres.len()];
        Ok(Positions::of(&lons, &lats, shape, [Some(self.y.dim), Some(self.x.dim)]))
    }
}

fn geographic(granule: &Granule, axis: &GridAxis) -> Result<SourceAxis, OpError> {
    let mut centres = granule.read_all_physical(axis.var)?;
    if axis.edges && centres.len() > 1 {
        let half = (centres[centres.len() - 1] - centres[0]) / (centres.len() - 1) as f64 * 0.5;
        centres.iter_mut().for_each(|c| *c += half);
    }
    Ok(SourceAxis { dim: axis.dim, var: Some(axis.var), bounds: axis.bounds, centres })
}

fn projected(granule: &Granule, axis: &ProjectedAxis) -> Result<SourceAxis, OpError> {
    let (var, centres) = match axis.source {
        ProjectedAxisSource::Variable { var, to_crs_units } => {
            let values = granule.read_all_physical(var)?;
            (Some(var), values.into_iter().map(|v| v * to_crs_units).collect())
        }
        ProjectedAxisSource::Regular { first, step } => {
            let n = granule.dim(axis.dim).len;
            (granule.dim_coordinate(axis.dim), (0..n).map(|i| first + i as f64 * step).collect())
        }
    };
    let bounds = var.and_then(|v| {
        let name = granule.var(v).attr_text("bounds")?;
        granule.resolve_var(granule.var(v).group, name.trim())
    });
    Ok(SourceAxis { dim: axis.dim, var, bounds, centres })
}
