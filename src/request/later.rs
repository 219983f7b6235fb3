//! Options of operations that are not built yet: accepted by the parser, answered with the operation's name.

use clap::Args;

use super::cli::UsageError;
use super::url::DoorRequest;

/// Options of reprojection, averaging, joining and images.
#[derive(Args, Debug, Clone, Default)]
pub struct Later {
    /// Target coordinate reference system
    #[arg(long, value_name = "CRS", hide = true)]
    pub crs: Option<String>,
    #[arg(long, value_name = "NAME", hide = true)]
    pub interpolation: Option<String>,
    #[arg(long, value_name = "XMIN,YMIN,XMAX,YMAX", allow_hyphen_values = true, hide = true)]
    pub scale_extent: Option<String>,
    #[arg(long, value_name = "DX,DY", hide = true)]
    pub scale_size: Option<String>,
    #[arg(long, value_name = "N", hide = true)]
    pub width: Option<u64>,
    #[arg(long, value_name = "N", hide = true)]
    pub height: Option<u64>,
    #[arg(long, value_name = "NAME", hide = true)]
    pub grid: Option<String>,
    #[arg(long, value_name = "time|area", hide = true)]
    pub average: Option<String>,
    #[arg(long, hide = true)]
    pub concatenate: bool,
    #[arg(long, value_name = "DIM", hide = true)]
    pub extend: Option<String>,
    #[arg(long, value_name = "FILE", hide = true)]
    pub style: Option<String>,
    #[arg(long, hide = true)]
    pub browse: bool,
}

fn refusal(option: &str, operation: &str) -> UsageError {
    UsageError(format!("{option}: {operation} is not supported yet; leave the option out to subset only"))
}

/// Refuses options whose operation is not built yet.
///
/// # Errors
/// [`UsageError`] naming the operation.
pub fn refuse(later: &Later) -> Result<(), UsageError> {
    let asked = [
        ("--crs", "reprojection", later.crs.is_some()),
        ("--interpolation", "reprojection", later.interpolation.is_some()),
        ("--scale-extent", "reprojection to a given extent", later.scale_extent.is_some()),
        ("--scale-size", "reprojection to a given resolution", later.scale_size.is_some()),
        ("--width", "resizing", later.width.is_some()),
        ("--height", "resizing", later.height.is_some()),
        ("--grid", "regridding", later.grid.is_some()),
        ("--average", "averaging", later.average.is_some()),
        ("--concatenate", "concatenation", later.concatenate),
        ("--extend", "concatenation along an existing dimension", later.extend.is_some()),
        ("--style", "rendering images", later.style.is_some()),
        ("--browse", "rendering browse images", later.browse),
    ];
    match asked.iter().find(|(.., given)| *given) {
        Some((option, operation, _)) => Err(refusal(option, operation)),
        None => Ok(()),
    }
}

/// The same for a Harmony URL.
///
/// # Errors
/// [`UsageError`] naming the operation.
pub fn refuse_door(door: &DoorRequest) -> Result<(), UsageError> {
    let asked = [
        ("outputCrs", "reprojection", door.crs.is_some()),
        ("interpolation", "reprojection", door.interpolation.is_some()),
        ("scaleExtent", "reprojection to a given extent", door.scale_extent.is_some()),
        ("scaleSize", "reprojection to a given resolution", door.scale_size.is_some()),
        ("width", "resizing", door.width.is_some()),
        ("height", "resizing", door.height.is_some()),
        ("concatenate", "concatenation", door.concatenate == Some(true)),
        ("grid", "regridding", door.grid.is_some()),
        ("average", "averaging", door.average.is_some()),
        ("extend", "concatenation along an existing dimension", !door.extend.is_empty()),
    ];
    match asked.iter().find(|(.., given)| *given) {
        Some((option, operation, _)) => Err(refusal(&format!("--request: {option}"), operation)),
        None => Ok(()),
    }
}
