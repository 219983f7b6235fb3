//! Short words for building granules by hand.

use std::sync::Arc;

use harmony_model::dtype::Number;
use harmony_model::{Attribute, DimId, Filter, Granule, GroupId, MemoryArray, Storage, VarId};

/// A reproducible sequence of numbers in 0..1 (splitmix64).
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Adds a variable of numbers; `text` are text attributes.
pub fn var<T: Number>(
    g: &mut Granule,
    group: GroupId,
    name: &str,
    dims: &[DimId],
    values: &[T],
    text: &[(&str, &str)],
) -> VarId {
    let shape: Vec<u64> = dims.iter().map(|&d| g.dim(d).len).collect();
    let data = Arc::new(MemoryArray::of(&shape, values));
    let id = g.add_var(group, name, T::DTYPE, dims.to_vec(), data);
    g.vars[id.0].attrs = text.iter().map(|(k, v)| Attribute::text(k, v)).collect();
    id
}

/// Stores a variable in chunks with shuffle and deflate.
pub fn chunked(g: &mut Granule, id: VarId, chunk: &[u64], level: u32) {
    let size = g.vars[id.0].dtype.size() as u32;
    let filters = vec![Filter::shuffle(size), Filter::deflate(level)];
    g.vars[id.0].storage = Storage::Chunked { shape: chunk.to_vec(), filters };
}

/// Adds a numeric attribute of the variable's own kind or any other.
pub fn number<T: Number>(g: &mut Granule, id: VarId, name: &str, values: &[T]) {
    g.vars[id.0].set_attr(Attribute::numbers(name, values));
}

/// A granule with title and conventions.
pub fn granule(name: &str, title: &str) -> Granule {
    let mut g = Granule::new(name, "netcdf4");
    g.groups[0].attrs = vec![Attribute::text("Conventions", "CF-1.8"), Attribute::text("title", title)];
    g
}

/// `n` values from `first` in steps.
pub fn axis(first: f64, step: f64, n: usize) -> Vec<f64> {
    (0..n).map(|i| first + step * i as f64).collect()
}

pub fn f32s(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}
