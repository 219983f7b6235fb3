//! From a tree of groups to one flat list of dimensions, variables and attributes in classic types.

use std::sync::Arc;

use harmony_model::dtype::StringPad;
use harmony_model::{Attribute, DType, DimId, Granule, Heap, ReadError, VarId, Variable, Window};

use super::convert::{Conversion, Stored, attribute};
use super::names::{Taken, clean, flat, references};

/// A classic file before it has offsets.
#[derive(Default)]
pub(super) struct Flat {
    pub dims: Vec<FlatDim>,
    pub attrs: Vec<(String, Stored)>,
    pub vars: Vec<FlatVar>,
    /// Extent of the record dimension.
    pub records: u64,
    pub notices: Vec<String>,
    /// Stored bytes fetched to learn how long texts are.
    pub bytes_read: u64,
}

pub(super) struct FlatDim {
    pub name: String,
    pub len: u64,
    pub record: bool,
}

pub(super) struct FlatVar {
    pub id: VarId,
    pub name: String,
    /// Positions in [`Flat::dims`].
    pub dims: Vec<usize>,
    pub attrs: Vec<(String, Stored)>,
    pub dtype: DType,
    pub conversion: Conversion,
    /// Extents as the source has them: without the length of texts that are elements there.
    pub shape: Vec<u64>,
    /// The first axis is the record dimension.
    pub record: bool,
    /// Stored bytes of one element of the source.
    pub item: u64,
    /// The source, its values not yet converted.
    pub var: Variable,
}

/// Flattens a granule. `wide`: CDF-5.
///
/// # Errors
/// When texts can't be read.
pub(super) fn flatten(granule: &Granule, wide: bool) -> Result<Flat, ReadError> {
    let mut flat = Flat::default();
    let (kept, refused): (Vec<VarId>, Vec<VarId>) =
        granule.var_ids().partition(|&v| has_classic_type(&granule.var(v).dtype));
    for id in refused {
        let var = granule.var(id);
        let kind = var.dtype.name();
        flat.notices.push(format!(
            "variable '{}' was left out: netCDF-3 has no type for {kind}; netCDF-4 can hold it",
            var.path
        ));
    }
    let record = record_dimension(granule, &kept);
    flat.records = record.map_or(0, |d| granule.dim(d).len);
    let mut builder = Builder {
        granule,
        wide,
        record,
        dims: vec![None; granule.dims.len()],
        taken: Taken::default(),
        flat,
    };
    builder.global_attributes();
    let mut taken = Taken::default();
    let mut renamed = vec![None; granule.vars.len()];
    for &id in &kept {
        let var = granule.var(id);
        if builder.has_empty_axis(id) {
            let text =
                format!("variable '{}' was left out: netCDF-3 can't hold its empty dimension", var.path);
            builder.flat.notices.push(text);
            continue;
        }
        renamed[id.0] = Some(taken.give(super::names::flat(granule, var.group, &var.name)));
    }
    for id in kept {
        if let Some(name) = renamed[id.0].clone() {
            builder.add(id, name, &renamed)?;
        }
    }
    Ok(builder.flat)
}

fn has_classic_type(dtype: &DType) -> bool {
    match dtype {
        DType::Enum { base, .. } => base.is_numeric(),
        other => other.is_numeric() || other.is_text(),
    }
}

/// The dimension that becomes the record dimension: an unlimited or (there is no other way to say it) empty one that
/// is nothing but the first axis of its variables; of several the one that most of them have.
fn record_dimension(granule: &Granule, kept: &[VarId]) -> Option<DimId> {
    let uses = |d: DimId| {
        let axes = |v: &&VarId| granule.var(**v).dims.iter().position(|x| *x == d);
        let first_only = kept.iter().all(|v| granule.var(*v).dims.iter().skip(1).all(|x| *x != d));
        first_only.then(|| kept.iter().filter(|v| axes(v).is_some()).count()).filter(|&n| n > 0)
    };
    let candidates = (0..granule.dims.len()).map(DimId);
    let candidates = candidates.filter(|d| granule.dim(*d).unlimited || granule.dim(*d).len == 0);
    // The first of those with the most uses.
    candidates
        .filter_map(|d| Some((granule.dim(d).len == 0, uses(d)?, std::cmp::Reverse(d.0))))
        .max()
        .map(|(_, _, d)| DimId(d.0))
}

struct Builder<'a> {
    granule: &'a Granule,
    wide: bool,
    record: Option<DimId>,
    /// Where each dimension of the granule went.
    dims: Vec<Option<usize>>,
    taken: Taken,
    flat: Flat,
}

impl Builder<'_> {
    fn has_empty_axis(&self, id: VarId) -> bool {
        self.granule.var(id).dims.iter().any(|&d| self.granule.dim(d).len == 0 && Some(d) != self.record)
    }

    fn global_attributes(&mut self) {
        let mut taken = Taken::default();
        for group in 0..self.granule.groups.len() {
            let id = harmony_model::GroupId(group);
            for attr in &self.granule.group(id).attrs {
                let owner = format!("group '{}'", self.granule.group(id).path);
                if let Some(stored) = self.stored(attr, None, &owner) {
                    self.flat.attrs.push((taken.give(flat(self.granule, id, &attr.name)), stored));
                }
            }
        }
    }

    fn stored(
        &mut self,
        attr: &Attribute,
        var: Option<(&DType, &Conversion)>,
        owner: &str,
    ) -> Option<Stored> {
        let stored = attribute(attr, var, self.wide);
        if stored.is_none() {
            let text =
                format!("attribute '{}' of {owner} was left out: netCDF-3 has no type for it", attr.name);
            self.flat.notices.push(text);
        }
        stored
    }

    fn dim(&mut self, id: DimId) -> usize {
        if let Some(at) = self.dims[id.0] {
            return at;
        }
        let dim = self.granule.dim(id);
        let name = self.taken.give(flat(self.granule, dim.group, &dim.name));
        self.flat.dims.push(FlatDim { name, len: dim.len, record: self.record == Some(id) });
        self.dims[id.0] = Some(self.flat.dims.len() - 1);
        self.flat.dims.len() - 1
    }

    /// The dimension of the length of texts: one for each length.
    fn length(&mut self, width: u64) -> usize {
        let name = format!("string{width}");
        let same = |d: &FlatDim| d.len == width && !d.record && d.name == name;
        if let Some(at) = self.flat.dims.iter().position(same) {
            return at;
        }
        let name = self.taken.give(name);
        self.flat.dims.push(FlatDim { name, len: width, record: false });
        self.flat.dims.len() - 1
    }

    fn add(&mut self, id: VarId, name: String, renamed: &[Option<String>]) -> Result<(), ReadError> {
        let granule = self.granule;
        let mut var = granule.var(id).clone();
        if let DType::Enum { base, members } = &var.dtype {
            let (base, members) = ((**base).clone(), members.clone());
            crate::zarr::write::describe_enum(&mut var, &base, &members);
            var.dtype = base;
        }
        let shape = granule.shape(id);
        let mut dims: Vec<usize> = Vec::new();
        for &d in &granule.var(id).dims {
            dims.push(self.dim(d));
        }
        let (dtype, conversion) = match &var.dtype {
            DType::Char => (DType::Char, Conversion::Same { width: 1 }),
            DType::FixedString { len, .. } => {
                dims.push(self.length((*len).max(1) as u64));
                (DType::Char, Conversion::Texts { width: (*len).max(1) })
            }
            DType::String => {
                let width = self.longest(&var, &shape)?;
                dims.push(self.length(width as u64));
                (DType::Char, Conversion::Texts { width })
            }
            // What has no classic type was left out before.
            numeric => Conversion::of(numeric, var.attr("_FillValue"), self.wide)
                .unwrap_or((DType::I8, Conversion::Same { width: 1 })),
        };
        let attrs = self.attributes(&mut var, &dtype, &conversion, &name, renamed);
        let item = match &conversion {
            Conversion::Texts { width } => *width as u64,
            _ => dtype.size() as u64,
        };
        let record = dims.first().is_some_and(|&d| self.flat.dims[d].record);
        self.flat.vars.push(FlatVar { id, name, dims, attrs, dtype, conversion, shape, record, item, var });
        Ok(())
    }

    fn attributes(
        &mut self,
        var: &mut Variable,
        dtype: &DType,
        conversion: &Conversion,
        name: &str,
        renamed: &[Option<String>],
    ) -> Vec<(String, Stored)> {
        let granule = self.granule;
        if var.dtype == DType::U8 && *dtype == DType::I8 {
            var.set_attr(Attribute::text("_Unsigned", "true"));
        } else if dtype.size() > var.dtype.size() {
            // Widened: the sign is right without it.
            var.attrs.retain(|a| a.name != "_Unsigned");
        }
        let group = granule.group(var.group).path.clone();
        if group != "/" {
            var.set_attr(Attribute::text("group_path", &group));
        }
        if !name.ends_with(&var.name) {
            var.set_attr(Attribute::text("original_name", &var.name));
        }
        let owner = format!("variable '{}'", var.path);
        let mut taken = Taken::default();
        let mut out = Vec::new();
        for attr in &var.attrs {
            let text = attr.as_text();
            let new = text.and_then(|t| references(granule, var.group, &attr.name, &t, renamed));
            let attr = match new {
                Some(text) => &Attribute::text(&attr.name, &text),
                None => attr,
            };
            if *dtype == DType::Char && attr.name == "_FillValue" {
                // One character or nothing: readers refuse others.
                let Some(fill) = attr.as_text().filter(|t| t.len() == 1) else { continue };
                out.push((
                    taken.give("_FillValue".into()),
                    Stored { code: 2, count: 1, bytes: fill.into_bytes() },
                ));
                continue;
            }
            if let Some(stored) = self.stored(attr, Some((dtype, conversion)), &owner) {
                out.push((taken.give(clean(&attr.name)), stored));
            }
        }
        out
    }

    /// Bytes of the longest text.
    fn longest(&mut self, var: &Variable, shape: &[u64]) -> Result<usize, ReadError> {
        let mut longest = 1;
        for window in slabs(shape) {
            self.flat.bytes_read += var.data.cost(&window)?;
            let texts = texts(&self.granule.name, var, &window)?;
            longest = texts.iter().map(Vec::len).fold(longest, usize::max);
        }
        Ok(longest)
    }
}

/// Windows over all of an array, each of a bounded number of elements.
fn slabs(shape: &[u64]) -> Vec<Window> {
    const ELEMENTS: u64 = 1 << 16;
    let Some((&first, rest)) = shape.split_first() else { return vec![Window(Vec::new())] };
    let row = rest.iter().product::<u64>().max(1);
    let step = (ELEMENTS / row).max(1);
    let window = |start: u64| {
        let (mut origin, mut extent) = (vec![0; shape.len()], shape.to_vec());
        (origin[0], extent[0]) = (start, step.min(first - start));
        Window::block(&origin, &extent)
    };
    (0..first.div_ceil(step)).map(|i| window(i * step)).collect()
}

/// The texts of a window of a variable of texts.
///
/// # Errors
/// What the source says.
pub(super) fn texts(granule: &str, var: &Variable, window: &Window) -> Result<Vec<Vec<u8>>, ReadError> {
    let damaged =
        |what: &str| ReadError::corrupt(granule, format!("variable '{}'", var.path), what.to_owned());
    let size = var.dtype.size();
    let len = usize::try_from(window.count()).ok().and_then(|n| n.checked_mul(size));
    let mut bytes = vec![0; len.ok_or_else(|| damaged("its size overflows"))?];
    var.data.read(window, &mut bytes)?;
    if let DType::FixedString { pad, .. } = var.dtype {
        let end = |b: &[u8]| match pad {
            StringPad::NullTerminated => b.iter().position(|&c| c == 0).unwrap_or(b.len()),
            StringPad::NullPadded | StringPad::SpacePadded => b.len(),
        };
        return Ok(bytes.chunks_exact(size.max(1)).map(|b| b[..end(b)].to_vec()).collect());
    }
    let heap: Arc<dyn Heap> = var.data.heap().ok_or_else(|| damaged("its texts are missing"))?;
    bytes.chunks_exact(size).map(|slot| heap.get(slot, 1)).collect()
}
