//! Extents from masks: the smallest index box (grids) or the rows and columns with a hit (swaths).

use harmony_model::{DimId, Runs};

use crate::mask::Bits;
use crate::scene::Scene;
use crate::selection::{Crop, Selection};

/// Narrows dimensions to where their masks have hits. Masks over the same axes count together.
pub fn crop_to_masks(scene: &Scene, selection: &mut Selection) {
    let mut done: Vec<Vec<DimId>> = Vec::new();
    for i in 0..selection.masks.len() {
        let dims = selection.masks[i].dims.clone();
        if selection.masks[i].crop == Crop::No || dims.len() != 2 || done.contains(&dims) {
            continue;
        }
        crop(scene, selection, i, &dims);
        done.push(dims);
    }
}

fn crop(scene: &Scene, selection: &mut Selection, first: usize, dims: &[DimId]) {
    let granule = &scene.granule;
    let same = selection.masks.iter().filter(|m| m.dims == dims && m.crop != Crop::No);
    let mut together: Option<Bits> = None;
    for bits in same.filter_map(|m| m.source.bits()) {
        match &mut together {
            None => together = Some(bits.clone()),
            Some(t) => t.intersect(bits),
        }
    }
    let Some(bits) = together else { return };
    let (rows, cols) = (selection.runs(granule, dims[0]), selection.runs(granule, dims[1]));
    let (hit_rows, hit_cols) = bits.hits(&rows, &cols);
    let why = "nothing lies in the region and the other limits together";
    let (new_rows, new_cols) = match selection.masks[first].crop {
        Crop::Box => (enclosing(&rows, &hit_rows), enclosing(&cols, &hit_cols)),
        Crop::Lists { keep_columns: true } => (hit_rows, cols),
        _ => (hit_rows, hit_cols),
    };
    selection.narrow(dims[0], new_rows, why);
    selection.narrow(dims[1], new_cols, why);
}

/// The stretch of `runs` from the first to the last index that is among `hits`.
fn enclosing(runs: &Runs, hits: &Runs) -> Runs {
    let mut wanted: Vec<u64> = hits.indices().collect();
    wanted.sort_unstable();
    let positions: Vec<u64> = runs
        .indices()
        .zip(0u64..)
        .filter(|(i, _)| wanted.binary_search(i).is_ok())
        .map(|(_, position)| position)
        .collect();
    match (positions.first(), positions.last()) {
        (Some(&a), Some(&b)) => runs.slice(a, b - a + 1),
        _ => Runs::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_enclosing_stretch_keeps_the_order_across_a_seam() {
        let mut seam = Runs::range(6, 4);
        seam.push(0, 4);
        let stretch = enclosing(&seam, &Runs::from_indices([1, 8]));
        assert_eq!(stretch.indices().collect::<Vec<_>>(), [8, 9, 0, 1]);
    }
}
