//! What is kept of a granule after its header was read once: its schema, in pieces that equal granules share.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use harmony_model::{Attribute, DType, Granule, Storage, Variable};

use super::stored::Chunks;
use crate::extend::OrderKey;

/// A granule without its values.
pub struct Digest {
    /// Number in the pool.
    pub member: usize,
    pub format: &'static str,
    pub groups: Vec<GroupDigest>,
    pub dims: Vec<Arc<DimDigest>>,
    /// Extents of `dims`.
    pub lens: Vec<u64>,
    /// Stored values of the coordinate variables of `dims`, where they are numbers, not times, and not very many.
    pub labels: Vec<Option<Arc<Vec<f64>>>>,
    pub vars: Vec<VarDigest>,
    pub types: Vec<Arc<TypeDigest>>,
    /// It holds no value at all.
    pub is_empty: bool,
    pub order: OrderKey,
}

#[derive(Clone)]
pub struct GroupDigest {
    pub path: Arc<str>,
    pub attrs: Vec<Arc<Attribute>>,
}

#[derive(PartialEq)]
pub struct DimDigest {
    /// Path of its group.
    pub group: Arc<str>,
    pub name: String,
    pub unlimited: bool,
    pub anonymous: bool,
}

#[derive(PartialEq)]
pub struct TypeDigest {
    pub group: Arc<str>,
    pub name: String,
    pub dtype: DType,
}

/// One variable of one granule.
pub struct VarDigest {
    pub schema: Arc<VarSchema>,
    pub chunks: Chunks,
    /// Stored bytes of the whole variable.
    pub cost: u64,
    /// Digest of its values, for small variables that may be the same in all granules.
    pub content: Option<[u64; 2]>,
    /// May be kept once when it is the same in all granules.
    pub may_be_constant: bool,
    /// A mask tells which of its elements have a source.
    pub is_masked: bool,
}

/// What is known of a variable but its extents.
pub struct VarSchema {
    pub group: Arc<str>,
    pub name: String,
    pub path: Arc<str>,
    pub dtype: DType,
    pub big_endian: bool,
    /// Numbers in [`Digest::dims`].
    pub dims: Vec<usize>,
    pub attrs: Vec<Arc<Attribute>>,
    pub fill: Option<Vec<u8>>,
    pub storage: Storage,
}

impl VarSchema {
    pub fn attr(&self, name: &str) -> Option<&Attribute> {
        self.attrs.iter().find(|a| a.name == name).map(|a| &**a)
    }

    pub fn attr_text(&self, name: &str) -> Option<String> {
        self.attr(name)?.as_text()
    }

    pub fn attr_f64(&self, name: &str) -> Option<f64> {
        self.attr(name)?.as_f64()
    }
}

impl PartialEq for VarSchema {
    fn eq(&self, other: &Self) -> bool {
        // Attributes are shared: equal ones are the same one.
        let same_attrs = self.attrs.len() == other.attrs.len()
            && self.attrs.iter().zip(&other.attrs).all(|(a, b)| Arc::ptr_eq(a, b));
        same_attrs
            && self.path == other.path
            && self.dtype == other.dtype
            && self.big_endian == other.big_endian
            && self.dims == other.dims
            && self.fill == other.fill
            && self.storage == other.storage
    }
}

/// Values of which equal ones are kept once.
pub struct Shared<T>(Mutex<HashMap<u64, Vec<Arc<T>>>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Shared(Mutex::default())
    }
}

impl<T: PartialEq> Shared<T> {
    /// The kept value that equals `value`; `key` is equal for equal values.
    pub fn keep(&self, key: impl Hash, value: T) -> Arc<T> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = kept.entry(hasher.finish()).or_default();
        if let Some(found) = bucket.iter().find(|v| ***v == value) {
            return found.clone();
        }
        bucket.push(Arc::new(value));
        bucket[bucket.len() - 1].clone()
    }
}

/// Everything that the digests of one aggregation share.
#[derive(Default)]
pub struct Interner {
    attrs: Shared<Attribute>,
    dims: Shared<DimDigest>,
    types: Shared<TypeDigest>,
    schemas: Shared<VarSchema>,
    labels: Shared<Vec<f64>>,
    texts: Mutex<HashMap<String, Arc<str>>>,
}

impl Interner {
    pub fn attr(&self, attr: &Attribute) -> Arc<Attribute> {
        self.attrs.keep((&attr.name, &attr.bytes, &attr.items), attr.clone())
    }

    pub fn attrs(&self, attrs: &[Attribute]) -> Vec<Arc<Attribute>> {
        attrs.iter().map(|a| self.attr(a)).collect()
    }

    pub fn text(&self, text: &str) -> Arc<str> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.entry(text.to_owned()).or_insert_with(|| text.into()).clone()
    }

    pub fn labels(&self, values: Vec<f64>) -> Arc<Vec<f64>> {
        let bits: Vec<u64> = values.iter().map(|v| v.to_bits()).collect();
        self.labels.keep(bits, values)
    }

    pub fn groups(&self, granule: &Granule) -> Vec<GroupDigest> {
        let one =
            |g: &harmony_model::Group| GroupDigest { path: self.text(&g.path), attrs: self.attrs(&g.attrs) };
        granule.groups.iter().map(one).collect()
    }

    pub fn dims(&self, granule: &Granule) -> Vec<Arc<DimDigest>> {
        let one = |d: &harmony_model::Dimension| {
            let group = self.text(&granule.group(d.group).path);
            let (name, unlimited, anonymous) = (d.name.clone(), d.unlimited, d.anonymous);
            let key = (group.clone(), name.clone(), unlimited);
            self.dims.keep(key, DimDigest { group, name, unlimited, anonymous })
        };
        granule.dims.iter().map(one).collect()
    }

    pub fn types(&self, granule: &Granule) -> Vec<Arc<TypeDigest>> {
        let one = |t: &harmony_model::NamedType| {
            let group = self.text(&granule.group(t.group).path);
            let key = (group.clone(), t.name.clone());
            self.types.keep(key, TypeDigest { group, name: t.name.clone(), dtype: t.dtype.clone() })
        };
        granule.types.iter().map(one).collect()
    }

    pub fn schema(&self, granule: &Granule, var: &Variable) -> Arc<VarSchema> {
        let schema = VarSchema {
            group: self.text(&granule.group(var.group).path),
            name: var.name.clone(),
            path: self.text(&var.path),
            dtype: var.dtype.clone(),
            big_endian: var.big_endian,
            dims: var.dims.iter().map(|d| d.0).collect(),
            attrs: self.attrs(&var.attrs),
            fill: var.fill.clone(),
            storage: var.storage.clone(),
        };
        let attrs: Vec<usize> = schema.attrs.iter().map(|a| Arc::as_ptr(a) as usize).collect();
        self.schemas.keep((schema.path.clone(), schema.dims.clone(), attrs), schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_granules_share_their_schema() {
        let mut g = Granule::new("a", "netcdf4");
        let x = g.add_dim(Granule::ROOT, "x", 2);
        let data = Arc::new(harmony_model::MemoryArray::of(&[2], &[1i32, 2]));
        let v = g.add_var(Granule::ROOT, "v", DType::I32, vec![x], data);
        g.vars[v.0].attrs = vec![Attribute::text("units", "m")];
        let interner = Interner::default();
        let (a, b) = (interner.schema(&g, &g.vars[0]), interner.schema(&g, &g.vars[0]));
        assert!(Arc::ptr_eq(&a, &b));
        g.vars[0].attrs[0] = Attribute::text("units", "km");
        assert!(!Arc::ptr_eq(&a, &interner.schema(&g, &g.vars[0])));
    }
}
