//! Grids and projected grids to another grid: reprojection, resizing, remapping.
//!
//! Selected by any part of a target grid in the request ([`harmony_model::request::TargetRequest`]) where a granule has
//! variables on grids. EWA and the regridding service's own rules are those of the operation `regrid`.

mod axis;
mod choose;
mod domain;
mod kernel;
mod overviews;
mod plan;
mod source;
mod suggest;
#[cfg(test)]
mod tests;
mod warp;

pub use axis::{Axis, Reading};
pub use choose::is_categorical;
pub use kernel::{Support, resampler};
pub use source::{LocatedGrid, SourceGrid, located_grid};
pub use suggest::{Suggested, suggest};
pub use warp::{At, TOLERANCE, Tables, Trust, Warp};

use harmony_model::Interpolation;
use harmony_model::request::Compat;

use crate::error::OpError;
use crate::scene::Scene;
use crate::transform::{Transform, Transformed};

const NAME: &str = "reproject_grid";

/// Resamples gridded variables onto the requested grid.
pub struct ReprojectGrid;

impl Transform for ReprojectGrid {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "resample grids onto another grid or CRS: near, bilinear, cubic, lanczos, averages, conservative"
    }

    fn select(&self, scene: &Scene) -> Result<Option<String>, OpError> {
        if !concerns(scene) {
            return Ok(None);
        }
        let plan = plan::Plan::of(scene)?;
        Ok((!plan.grids.is_empty()).then(|| plan.words()))
    }

    fn apply(&self, scene: &Scene) -> Result<Transformed, OpError> {
        plan::Plan::of(scene)?.run(scene)
    }
}

/// GDAL transforms without looking back.
fn trust(request: &harmony_model::Request) -> Trust {
    let gdal =
        [Compat::Gdal, Compat::GdalAdapter, Compat::ServiceExample].iter().any(|c| request.compat_is(*c));
    if gdal { Trust::Blind } else { Trust::Checked }
}

fn concerns(scene: &Scene) -> bool {
    let request = &scene.request;
    let ewa = matches!(request.target.interpolation, Some(Interpolation::Ewa | Interpolation::EwaNearest));
    (request.target.is_set() || request.browse) && !ewa && !request.compat_is(Compat::Regridder)
}
