//! The sample nearest to a place.

use harmony_model::{DimId, VarId};

use super::samples::{positions, unset_bits};
use crate::error::OpError;
use crate::mask::Bits;
use crate::scene::Scene;

/// Marks the sample of a swath or trajectory nearest to `(lon, lat)`, if the place lies within the data: not further
/// away than the sample's own spacing.
///
/// # Errors
/// When coordinates can't be read.
pub fn nearest_sample(
    scene: &Scene,
    lat: VarId,
    lon: VarId,
    dims: &[DimId],
    place: (f64, f64),
) -> Result<Bits, OpError> {
    let rows = scene.granule.dim(dims[0]).len;
    let cols = dims.get(1).map_or(1, |&d| scene.granule.dim(d).len);
    let mut bits = unset_bits(scene, rows, cols)?;
    let lats = positions(scene, lat, dims, (0, rows))?;
    let lons = positions(scene, lon, dims, (0, rows))?;
    let here = unit(place.0, place.1);
    let chord = |i: usize| squared(here, unit(lons[i], lats[i]));
    let best = (0..lats.len())
        .map(|i| (chord(i), i))
        .filter(|(d, _)| d.is_finite())
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let Some((distance, at)) = best else { return Ok(bits) };
    let (row, col) = (at as u64 / cols, at as u64 % cols);
    // The largest step to a direct neighbour is the local spacing.
    let around = [(-1i64, 0i64), (1, 0), (0, -1), (0, 1)];
    let spacing = around
        .iter()
        .filter_map(|(dr, dc)| {
            let r = row.checked_add_signed(*dr).filter(|&r| r < rows)?;
            let c = col.checked_add_signed(*dc).filter(|&c| c < cols)?;
            let j = (r * cols + c) as usize;
            Some(squared(unit(lons[at], lats[at]), unit(lons[j], lats[j])))
        })
        .filter(|d| d.is_finite())
        .fold(0.0, f64::max);
    if distance <= spacing {
        bits.set(row, col);
    }
    Ok(bits)
}

fn unit(lon_deg: f64, lat_deg: f64) -> [f64; 3] {
    let (sin_lon, cos_lon) = lon_deg.to_radians().sin_cos();
    let (sin_lat, cos_lat) = lat_deg.to_radians().sin_cos();
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

fn squared(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
