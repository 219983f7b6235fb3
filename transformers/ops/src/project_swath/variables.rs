//! The variables of a swath, wrapped to be read on the target.

use std::sync::Arc;

use harmony_model::{ArraySource, DType, VarId, Variable};

use super::options::Options;
use super::swath::Swath;
use super::widened::Widened;
use super::{NAME, is_position};
use crate::error::OpError;
use crate::project::array::Source;
use crate::project::output::Parts;
use crate::project::{Element, Projected, ResampledArray, Resampler, StripCache, is_told_apart};
use crate::scene::Scene;

/// Adds all variables that a geolocation places to `parts`; those that can't be projected are left out with a notice.
///
/// # Errors
/// When the request names a variable that can't be projected.
#[allow(clippy::too_many_arguments)]
pub fn add(
    scene: &Scene,
    options: &Options,
    located: usize,
    place: usize,
    swath: &Swath,
    resamplers: &[Resampler; 2],
    cache: &Arc<StripCache>,
    parts: &mut Parts,
    notices: &mut Vec<String>,
) -> Result<(), OpError> {
    for v in scene.granule.var_ids() {
        if scene.table.of_var[v.0] != Some(located) || is_position(scene, v) {
            continue;
        }
        match projected(scene, options, place, v, swath, &resamplers[usize::from(is_float(scene, v))], cache)
        {
            Ok(p) => parts.projected.push(p),
            Err(why) => {
                let path = &scene.granule.var(v).path;
                if is_named(scene, path) {
                    return Err(scene.refuse(NAME, format!("variable '{path}' was asked for, but {why}")));
                }
                parts.dropped.insert(v);
                notices.push(format!("{path} is left out: {why}"));
            }
        }
    }
    Ok(())
}

fn is_float(scene: &Scene, v: VarId) -> bool {
    scene.granule.var(v).dtype.is_float()
}

/// Whether the request names this very variable (not a group, not all of them).
fn is_named(scene: &Scene, path: &str) -> bool {
    let bare = path.rsplit('/').next().unwrap_or(path);
    scene
        .request
        .variables
        .iter()
        .any(|n| n.trim_start_matches('/') == path.trim_start_matches('/') || n == bare)
}

fn projected(
    scene: &Scene,
    options: &Options,
    place: usize,
    v: VarId,
    swath: &Swath,
    resampler: &Resampler,
    cache: &Arc<StripCache>,
) -> Result<Projected, String> {
    let var = scene.granule.var(v);
    let mut element = element(options, var, resampler)?;
    let axis = |d| var.dims.iter().position(|o| *o == d);
    let row_axis = swath.dims[0].and_then(axis).ok_or("it does not lie on the rows of the swath")?;
    let mut shape = scene.granule.shape(v);
    let mut data: Arc<dyn ArraySource> = var.data.clone();
    let col_axis = match swath.dims[1] {
        Some(d) => axis(d).ok_or("it does not lie on the columns of the swath")?,
        None => {
            data = Arc::new(Widened(data));
            shape.push(1);
            shape.len() - 1
        }
    };
    let leading: Vec<_> = var
        .dims
        .iter()
        .copied()
        .enumerate()
        .filter(|(a, _)| *a != row_axis && *a != col_axis)
        .map(|(_, d)| d)
        .collect();
    let chunk = |axis: usize| var.storage.chunk_shape().and_then(|c| c.get(axis)).copied().unwrap_or(1);
    let (chunk_rows, chunk_cols) = (chunk(row_axis), chunk(col_axis));
    let told_apart = !options.compat && is_told_apart(var, &element);
    if told_apart {
        element = element.with_zero_outside();
    }
    let tells = element.declares_fill() || told_apart;
    let attrs = if tells { Vec::new() } else { element.fill_attribute(&var.dtype).into_iter().collect() };
    let source =
        Source { data, shape, row_axis, col_axis, element, chunk_rows, chunk_cols, transposed: false };
    let data = ResampledArray::new(source, resampler.clone(), cache.clone());
    let data = Arc::new(if told_apart { data.with_coverage() } else { data });
    Ok(Projected { var: v, place, leading, transposed: false, data, attrs })
}

/// How the elements of a variable are resampled, or why they can't be.
fn element(options: &Options, var: &Variable, resampler: &Resampler) -> Result<Element, String> {
    if var.dtype.is_text() || var.dtype.has_slots() || matches!(var.dtype, DType::ObjectRef) {
        return Err(format!("it holds {}, which can't be put on a grid", var.dtype.name()));
    }
    let element = Element::of(var);
    let blends = matches!(resampler, Resampler::Blend(_));
    if blends && !element.is_numeric() {
        return Err(format!("it holds {}, which only near can put on a grid", var.dtype.name()));
    }
    // The swath projector masks fill values of doubles only.
    let masks = !options.compat || var.dtype == DType::F64;
    Ok(if masks { element } else { element.with_fill_as_number() })
}
