//! The geographic grid that a projected grid suggests (contract §6.2): the extent of its cells, at the size of its cells.

use super::source::SourceGrid;
use crate::error::OpError;
use crate::project::Suggestion;
use crate::project_swath::index::narrowest;
use crate::project_swath::sphere::is_position;

/// Length of a degree that cell sizes are turned into degrees with.
pub const METRES_PER_DEGREE: f64 = 111_320.0;

/// Extent of all centres and corners, to 1e-7 degrees, and the cell size in degrees, lessened so that a whole number of
/// cells fills the extent. `None` when no cell has a place.
///
/// # Errors
/// As [`SourceGrid::lon_lats`].
pub fn suggest(grid: &SourceGrid) -> Result<Option<Suggestion>, OpError> {
    let corners = |centres: &[f64], step: f64| -> Vec<f64> {
        centres.iter().map(|c| c - step * 0.5).chain(centres.last().map(|c| c + step * 0.5)).collect()
    };
    let (mut lons, mut lats) = grid.lon_lats(&grid.x.centres, &grid.y.centres)?;
    let (more_lons, more_lats) =
        grid.lon_lats(&corners(&grid.x.centres, grid.x.step()), &corners(&grid.y.centres, grid.y.step()))?;
    lons.extend(more_lons);
    lats.extend(more_lats);
    let size = grid.cell_metres() / METRES_PER_DEGREE;
    Ok(extent(&lons, &lats, size).map(|extent| {
        let filling = |range: f64| range / (range / size).ceil().max(1.0);
        Suggestion { extent, cell: [filling(extent[2] - extent[0]), filling(extent[3] - extent[1])] }
    }))
}

/// The narrowest extent around positions, longitudes within −180 … 180 unless it crosses the antimeridian.
fn extent(lons: &[f64], lats: &[f64], size: f64) -> Option<[f64; 4]> {
    let (west, span) = narrowest(lons, lats)?;
    let around = span > 360.0 - 2.0 * size;
    let cut = if around { -180.0 } else { west - (360.0 - span) * 0.5 };
    let mut e = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    for (&lon, &lat) in lons.iter().zip(lats).filter(|(lon, lat)| is_position(**lon, **lat)) {
        let lon = if around && lon.abs() <= 180.0 { lon } else { cut + (lon - cut).rem_euclid(360.0) };
        e = [e[0].min(lon), e[1].min(lat), e[2].max(lon), e[3].max(lat)];
    }
    let turn = if e[0] >= 180.0 {
        -360.0
    } else if e[2] <= -180.0 {
        360.0
    } else {
        0.0
    };
    let rounded = |v: f64| (v * 1e7).round_ties_even() / 1e7;
    let e = [rounded(e[0] + turn), rounded(e[1]), rounded(e[2] + turn), rounded(e[3])];
    (e[0] < e[2] && e[1] < e[3]).then_some(e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_cross_the_antimeridian_or_lie_within_it() {
        assert_eq!(extent(&[179.0, -178.0], &[1.0, 2.0], 0.1), Some([179.0, 1.0, 182.0, 2.0]));
        assert_eq!(extent(&[200.0, 210.0], &[1.0, 2.0], 0.1), Some([-160.0, 1.0, -150.0, 2.0]));
        assert_eq!(extent(&[-70.20746891, -9.0], &[1.0, 2.0], 0.1), Some([-70.2074689, 1.0, -9.0, 2.0]));
        assert_eq!(extent(&[f64::NAN], &[1.0], 0.1), None);
    }
}
