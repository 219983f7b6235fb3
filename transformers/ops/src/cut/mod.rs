//! Turns a finished selection into a lazy granule: what is left, under the same names, types and attributes.

mod build;
mod crop;
mod l2ss_times;
mod longitude;

use crate::error::OpError;
use crate::scene::Scene;
use crate::selection::Selection;
use harmony_model::Granule;
use harmony_model::request::Compat;

/// The subset of the scene's granule; its variables read through the input's.
///
/// # Errors
/// [`OpError::NoData`] with the reason when nothing is left.
pub fn cut(scene: &Scene, mut selection: Selection) -> Result<Cut, OpError> {
    let no_data = |reason: String| OpError::NoData { granule: scene.granule.name.clone(), reason };
    if let Some(why) = selection.refused.take() {
        return Err(no_data(why));
    }
    crop::crop_to_masks(scene, &mut selection);
    if let Some(why) = nothing_left(scene, &selection) {
        return Err(no_data(why));
    }
    longitude::turn(scene, &mut selection)?;
    let mut granule = build::build(scene, &selection)?;
    if scene.request.compat == Some(Compat::L2ss) && scene.request.time.is_some() {
        l2ss_times::encode_again(scene, &mut granule)?;
    }
    Ok(Cut { granule, selection })
}

/// A lazy subset and the selection it came from (metadata is refreshed from it).
pub struct Cut {
    pub granule: Granule,
    pub selection: Selection,
}

/// The reason when every variable that the selection limits has lost an axis.
fn nothing_left(scene: &Scene, selection: &Selection) -> Option<String> {
    let granule = &scene.granule;
    let why = || {
        let mut reasons: Vec<&str> = selection.emptied.values().map(String::as_str).collect();
        reasons.dedup();
        reasons.join("; ")
    };
    let empty = |d: &harmony_model::DimId| selection.dims.get(d).is_some_and(harmony_model::Runs::is_empty);
    let limited =
        |v: &harmony_model::VarId| granule.var(*v).dims.iter().any(|d| selection.dims.contains_key(d));
    let limited_data =
        granule.var_ids().filter(|&v| selection.keeps(v) && !scene.table.is_coordinate(v)).filter(limited);
    // Background measured beside a track is nothing without a part of the track.
    let beside = |v: &harmony_model::VarId| {
        scene.table.time_only.iter().any(|t| granule.var(*v).dims.contains(&t.dim))
    };
    let (background, leading): (Vec<_>, Vec<_>) = limited_data.partition(beside);
    let science = if leading.is_empty() { background } else { leading };
    let lost = |v: harmony_model::VarId| granule.var(v).dims.iter().any(empty);
    if science.is_empty() {
        return selection.dims.values().any(harmony_model::Runs::is_empty).then(why);
    }
    science.into_iter().all(lost).then(why)
}
