//! Longitudes of a selection across the seam of a grid, turned so that they stay monotonic.

use std::sync::Arc;

use harmony_model::dtype::{number_bytes, to_f64s};
use harmony_model::geolocation::Geolocation;
use harmony_model::{DimId, MemoryArray, Packing, VarId};

use crate::error::OpError;
use crate::scene::Scene;
use crate::selection::{Replacement, Selection};

/// Computes the turned values of longitude axes and their bounds.
///
/// # Errors
/// When the axis can't be read.
pub fn turn(scene: &Scene, selection: &mut Selection) -> Result<(), OpError> {
    for (dim, by_index) in selection.longitude_shift.clone() {
        let runs = selection.runs(&scene.granule, dim);
        let shift: Vec<f64> = runs.indices().map(|i| by_index.get(&i).copied().unwrap_or(0.0)).collect();
        if shift.iter().all(|s| *s == 0.0) {
            continue;
        }
        for var in axis_variables(scene, dim) {
            if let Some(replacement) = turned(scene, selection, var, &shift)? {
                selection.replacements.insert(var, replacement);
            }
        }
    }
    Ok(())
}

/// The coordinate variable of a longitude axis and its bounds.
fn axis_variables(scene: &Scene, dim: DimId) -> Vec<VarId> {
    let axis = scene.table.located.iter().find_map(|l| match &l.geolocation {
        Geolocation::Grid { lon, .. } if lon.dim == dim => Some(lon),
        _ => None,
    });
    axis.map(|a| std::iter::once(a.var).chain(a.bounds).collect()).unwrap_or_default()
}

/// New stored values; `None` when the stored type can't hold them (then the axis keeps its jump).
fn turned(
    scene: &Scene,
    selection: &Selection,
    var: VarId,
    shift: &[f64],
) -> Result<Option<Replacement>, OpError> {
    let granule = &scene.granule;
    let variable = granule.var(var);
    let window = selection.window(granule, var);
    let bytes = granule.read(var, &window)?;
    let Some(stored) = to_f64s(&variable.dtype, &bytes) else { return Ok(None) };
    let scale = Packing::of(variable).scale;
    let per_index = stored.len() / shift.len().max(1);
    let mut out = Vec::with_capacity(bytes.len());
    for (i, v) in stored.iter().enumerate() {
        let value = v + shift[i / per_index.max(1)] / scale;
        let Some(new) = number_bytes(&variable.dtype, value) else { return Ok(None) };
        let back = to_f64s(&variable.dtype, &new).and_then(|b| b.first().copied()).unwrap_or(f64::NAN);
        if (back - value).abs() > value.abs() * 1e-6 + 0.5 * f64::from(variable.dtype.is_integer()) {
            return Ok(None);
        }
        out.extend(new);
    }
    let data = MemoryArray::new(&window.shape(), variable.dtype.size(), out);
    Ok(Some(Replacement { data: Arc::new(data) }))
}
