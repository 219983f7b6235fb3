//! What bbox, point and shape have in common: testing samples, and turning hits into a selection.

mod nearest;
mod samples;

use std::sync::Arc;

use harmony_model::geolocation::Geolocation;
use harmony_model::request::Compat;
use harmony_model::{DimId, Runs};

use crate::mask::Bits;
use crate::scene::Scene;
use crate::selection::{Crop, Mask, Selection};

pub use nearest::nearest_sample;
pub use samples::{sample_bits, unset_bits};

/// A region on Earth that samples can be tested against, in degrees; any longitude convention.
pub trait Region: Sync {
    /// Whether each place lies inside, edges included. Missing positions (NaN) never do.
    fn contains_many(&self, lon: &[f64], lat: &[f64], out: &mut [bool]);
}

/// Index runs of a trajectory from hits along it.
pub fn limit_trajectory(scene: &Scene, selection: &mut Selection, dim: DimId, bits: &Bits, why: &str) {
    let hits = Runs::from_indices((0..bits.rows).filter(|&i| bits.get(i, 0)));
    selection.limit(&scene.granule, dim, &hits, why);
}

/// A swath's mask from hits on its two axes.
pub fn mask_swath(scene: &Scene, selection: &mut Selection, dims: [DimId; 2], bits: Bits, why: &str) {
    let request = &scene.request;
    let l2ss = request.compat == Some(Compat::L2ss);
    if bits.count() == 0 {
        selection.limit(&scene.granule, dims[0], &Runs::default(), why);
        return;
    }
    selection.masks.push(Mask {
        dims: dims.to_vec(),
        source: Arc::new(bits),
        crop: Crop::Lists { keep_columns: request.no_cut },
        coordinates_too: l2ss,
        only_with_fill: l2ss,
    });
    selection.glued.extend(dims);
}

/// Geolocations that the kept variables use, each once, by index into the table.
pub fn used_geolocations(scene: &Scene, selection: &Selection) -> Vec<usize> {
    let table = &scene.table;
    let used = |i: usize| {
        let mut users = scene.granule.var_ids().filter(|v| table.of_var[v.0] == Some(i));
        // Without data, the positions themselves are what is wanted.
        users.any(|v| selection.keeps(v))
            || table.located[i].geolocation.variables().into_iter().any(|v| selection.keeps(v))
    };
    (0..table.located.len()).filter(|&i| used(i)).collect()
}

/// Words for a geolocation in messages.
pub fn describe(scene: &Scene, geolocation: &Geolocation) -> String {
    let granule = &scene.granule;
    let name = |d: &DimId| granule.dim(*d).name.clone();
    let dims: Vec<String> = geolocation.dims().iter().map(name).collect();
    format!("{} on ({})", geolocation.kind(), dims.join(", "))
}
