//! Tests the positions of a swath or trajectory against a region, streaming.

use harmony_model::{DimId, ReadError, Runs, VarId, Window};
use rayon::prelude::*;

use super::Region;
use crate::error::OpError;
use crate::mask::Bits;
use crate::scene::Scene;

/// Samples tested per step: two such blocks of doubles are 16 MiB.
const BLOCK: u64 = 1 << 20;

/// Positions of the samples in rows `start..start + count` of `dims`, degrees; axes of the coordinate variables that
/// are not among `dims` (a time of length one) are taken at index 0.
pub fn positions(scene: &Scene, var: VarId, dims: &[DimId], rows: (u64, u64)) -> Result<Vec<f64>, OpError> {
    let granule = &scene.granule;
    let window = Window(
        granule
            .var(var)
            .dims
            .iter()
            .map(|d| match dims.iter().position(|x| x == d) {
                Some(0) => Runs::range(rows.0, rows.1),
                Some(_) => Runs::all(granule.dim(*d).len),
                None => Runs::range(0, 1),
            })
            .collect(),
    );
    Ok(granule.read_physical(var, &window)?)
}

/// Largest bitmap, in bytes: a file may claim any number of samples.
const BITS_LIMIT: u64 = 2 << 30;

/// A bitmap of `rows` × `cols` samples of the granule, all unset.
///
/// # Errors
/// [`ReadError::TooLarge`] when no memory could hold it.
pub fn unset_bits(scene: &Scene, rows: u64, cols: u64) -> Result<Bits, OpError> {
    let claimed = cols.div_ceil(64).saturating_mul(rows).saturating_mul(8);
    if claimed > BITS_LIMIT {
        let object = format!("a selection of {rows} × {cols} samples");
        let source_name = scene.granule.name.clone();
        return Err(ReadError::TooLarge { source_name, object, claimed, limit: BITS_LIMIT }.into());
    }
    Ok(Bits::new([0, 0], rows, cols))
}

/// Hits over the whole of `dims` (one axis: a single column).
///
/// # Errors
/// When coordinates can't be read.
pub fn sample_bits(
    scene: &Scene,
    lat: VarId,
    lon: VarId,
    dims: &[DimId],
    region: &dyn Region,
) -> Result<Bits, OpError> {
    let rows = scene.granule.dim(dims[0]).len;
    let cols = dims.get(1).map_or(1, |&d| scene.granule.dim(d).len);
    let mut bits = unset_bits(scene, rows, cols)?;
    let step = (BLOCK / cols.max(1)).max(1);
    let mut start = 0;
    while start < rows {
        let count = step.min(rows - start);
        let lats = positions(scene, lat, dims, (start, count))?;
        let lons = positions(scene, lon, dims, (start, count))?;
        let mut inside = vec![false; lats.len()];
        let part = (1 << 14).min(lats.len().max(1));
        inside
            .par_chunks_mut(part)
            .zip(lons.par_chunks(part).zip(lats.par_chunks(part)))
            .for_each(|(out, (lon, lat))| region.contains_many(lon, lat, out));
        for (i, _) in inside.iter().enumerate().filter(|(_, hit)| **hit) {
            bits.set(start + i as u64 / cols, i as u64 % cols);
        }
        start += count;
    }
    Ok(bits)
}
