//! One variable of the result: role, encoding, storage, source.

use std::sync::Arc;

use harmony_model::request::Compat;
use harmony_model::{
    ArraySource, Covered, DType, DimId, Filter, Granule, GroupId, ReadError, Storage, VarId, Variable, filter,
};

use super::array::{JoinAxis, JoinedArray, Part};
use super::attrs;
use super::content;
use super::encoding::fill_attribute;
use super::heap::{JoinedHeap, Slots, slot_positions};
use super::layout::Layout;
use super::roles::Role;
use super::stored::Chunks;
use super::unify::{Target, UnifyError, unify};
use super::union::{Union, UnionVar};
use super::{Job, refuse};
use crate::error::OpError;

/// What all variables of a result are made with.
pub struct Maker<'a> {
    pub job: &'a Job,
    pub union: &'a Union,
    pub layout: &'a Arc<Layout>,
    /// Dimensions of the result for those of the union.
    pub dims: &'a [DimId],
    /// The new dimension of stacked granules.
    pub stack_dim: Option<DimId>,
}

impl Maker<'_> {
    /// Makes one variable; `group` is its group in the result.
    ///
    /// # Errors
    /// When granules don't go together or can't be read.
    pub fn make(
        &self,
        var: &UnionVar,
        group: GroupId,
        notices: &mut Vec<String>,
    ) -> Result<Variable, OpError> {
        let mut target = self.target(var)?;
        let role = Role::of(self.job, self.union, self.layout, var, &target)?;
        notices.append(&mut target.notices);
        let like = &var.schemas[target.like];
        let mut out = Variable {
            group,
            name: like.name.clone(),
            path: like.path.to_string(),
            dtype: target.dtype.clone(),
            big_endian: like.big_endian,
            dims: var.dims.iter().map(|&d| self.dims[d]).collect(),
            attrs: attrs::of_variable(var, &target, self.job.compat, notices),
            fill: target
                .fill
                .clone()
                .or_else(|| like.fill.clone())
                .filter(|f| f.len() == target.dtype.size()),
            storage: self.storage(var, &target),
            data: Arc::new(harmony_model::MemoryArray::new(&[0], target.dtype.size(), Vec::new())),
        };
        match role {
            Role::Whole(array) => {
                out.storage = Storage::Contiguous;
                out.data = array;
            }
            Role::Once(slot) => out.data = self.once(var, slot),
            Role::FirstOnly(slot) => {
                let what = "differs between the granules and is too large to be repeated";
                notices.push(format!("'{}' {what}; it is that of {}", out.path, self.job.name(slot)));
                out.data = self.once(var, slot);
            }
            Role::Along(axis) => {
                let starts = self.layout.dims[var.dims[axis]].starts.clone();
                let join = JoinAxis::Own(axis, starts.unwrap_or_else(|| Arc::from([0])));
                out.data = self.joined(var, &target, join, &mut out, notices)?;
            }
            Role::Each => {
                let (dim, starts) = self.leading(var);
                out.dims.insert(0, dim);
                if let Storage::Chunked { shape, .. } = &mut out.storage {
                    shape.insert(0, 1);
                }
                out.data = self.joined(var, &target, JoinAxis::New(starts), &mut out, notices)?;
            }
        }
        Ok(out)
    }

    /// The first axis of what differs between granules, and where each granule has its place along it.
    fn leading(&self, var: &UnionVar) -> (DimId, Arc<[u64]>) {
        if let Some(dim) = self.stack_dim {
            return (dim, (0..=self.job.digests.len() as u64).collect());
        }
        let appended = |d: &usize| self.layout.dims[*d].starts.is_some();
        let above = |d: &usize| {
            let (own, group) = (&*var.first().group, &*self.union.dims[*d].group);
            group == "/" || own == group || own.starts_with(&format!("{group}/"))
        };
        let all = || (0..self.union.dims.len()).filter(appended);
        let dim = all().find(above).or_else(|| all().next()).unwrap_or(0);
        (self.dims[dim], self.layout.dims[dim].starts.clone().unwrap_or_else(|| Arc::from([0])))
    }

    fn target(&self, var: &UnionVar) -> Result<Target, OpError> {
        let schemas: Vec<_> = var.schemas.iter().map(|s| &**s).collect();
        let range = |schema: usize| -> Result<Option<(f64, f64)>, ReadError> {
            let mut all: Option<(f64, f64)> = None;
            for slot in var.slots().filter(|&s| var.schema_of[s] == schema) {
                let (granule, id) = self.open(var, slot)?;
                let fills = harmony_model::Packing::of(granule.var(id)).fill;
                if let Some((a, b)) = content::stored_range(&granule, id, &fills)? {
                    all = Some(all.map_or((a, b), |(x, y)| (a.min(x), b.max(y))));
                }
            }
            Ok(all)
        };
        unify(&var.first().path, &schemas, &range).map_err(|error| match error {
            UnifyError::Read(e) => e.into(),
            UnifyError::Misfit((schema, why)) => {
                let with = |schema: usize| var.slots().find(|&s| var.schema_of[s] == schema).unwrap_or(0);
                let reason = format!(
                    "'{}' of this granule and of {}: {why}; leave the variable out or join granules of one kind",
                    var.first().path,
                    self.job.name(with(0))
                );
                refuse(self.job.name(with(schema)), self.job.operation, reason)
            }
        })
    }

    fn open(&self, var: &UnionVar, slot: usize) -> Result<(Arc<Granule>, VarId), ReadError> {
        let number = var.of[slot].unwrap_or(0);
        let (granule, at) =
            self.job.pool.variable(self.job.digests[slot].member, number, &var.first().path)?;
        Ok((granule, VarId(at)))
    }

    /// The variable of one granule, whole.
    fn once(&self, var: &UnionVar, slot: usize) -> Arc<dyn ArraySource> {
        let digest = &self.job.digests[slot].vars[var.of[slot].unwrap_or(0)];
        let part = Part {
            member: self.job.digests[slot].member,
            var: var.of[slot].unwrap_or(0),
            cost: digest.cost,
            convert: None,
            chunks: digest.chunks.clone(),
            copyable: true,
            same_fill: true,
        };
        Arc::new(super::member::MemberArray {
            pool: self.job.pool.clone(),
            path: var.first().path.to_string(),
            has_slots: digest.schema.dtype.has_slots(),
            part,
        })
    }

    fn joined(
        &self,
        var: &UnionVar,
        target: &Target,
        join: JoinAxis,
        out: &mut Variable,
        notices: &mut Vec<String>,
    ) -> Result<Arc<dyn ArraySource>, OpError> {
        let holes = (0..self.job.digests.len()).any(|slot| match var.of[slot] {
            Some(_) => !self.layout.covers(slot, &var.dims),
            // A granule without places has nothing to fill.
            None => true,
        });
        let fill = match self.job.compat {
            // concise leaves zeros where a variable has no fill value.
            Some(Compat::Concise) if target.fill.is_none() => vec![0; out.dtype.size()],
            _ => fill_element(out, holes, notices),
        };
        let heap = self.heap(var, &out.dtype)?;
        let parts: Vec<Option<Part>> =
            (0..self.job.digests.len()).map(|slot| self.part(var, target, slot, out, &join)).collect();
        self.expect(&parts, out, &join);
        let coverage = self.coverage(var, &parts, &join);
        let data = JoinedArray {
            pool: self.job.pool.clone(),
            path: var.first().path.to_string(),
            size: out.dtype.size(),
            layout: self.layout.clone(),
            dims: var.dims.clone(),
            join,
            parts,
            declares_fill: out.fill.as_ref() == Some(&fill),
            fill,
            of_coverage: false,
            heap,
        };
        Ok(match coverage {
            Some(coverage) => Arc::new(Covered { data: Arc::new(data), coverage: Arc::new(coverage) }),
            None => Arc::new(data),
        })
    }

    /// The masks of the granules' variables, joined as these are; `None` when there is none.
    fn coverage(&self, var: &UnionVar, parts: &[Option<Part>], join: &JoinAxis) -> Option<JoinedArray> {
        let masked =
            |slot: usize| var.of[slot].is_some_and(|number| self.job.digests[slot].vars[number].is_masked);
        if !var.slots().any(masked) {
            return None;
        }
        let part = |p: &Part| Part {
            member: p.member,
            var: p.var,
            cost: p.cost,
            convert: None,
            chunks: Chunks::None,
            copyable: false,
            same_fill: false,
        };
        Some(JoinedArray {
            pool: self.job.pool.clone(),
            path: var.first().path.to_string(),
            size: 1,
            layout: self.layout.clone(),
            dims: var.dims.clone(),
            join: join.clone(),
            parts: parts.iter().map(|p| p.as_ref().map(part)).collect(),
            fill: vec![0],
            declares_fill: false,
            of_coverage: true,
            heap: None,
        })
    }

    /// Tells the pool which granules' variables will be decoded.
    fn expect(&self, parts: &[Option<Part>], out: &Variable, join: &JoinAxis) {
        if out.dtype.has_slots() {
            return;
        }
        let chunk = |axis: usize| out.storage.chunk_shape().and_then(|c| c.get(axis).copied()).unwrap_or(1);
        let aligned = match join {
            JoinAxis::New(_) => true,
            JoinAxis::Own(axis, starts) => {
                starts[..starts.len().saturating_sub(1)].iter().all(|s| s.is_multiple_of(chunk(*axis).max(1)))
            }
        };
        for part in parts.iter().flatten() {
            if !(aligned && part.copyable && !matches!(part.chunks, Chunks::None)) {
                self.job.pool.expect(part.member, part.var);
            }
        }
    }

    fn heap(&self, var: &UnionVar, dtype: &DType) -> Result<Option<Slots>, OpError> {
        if !dtype.has_slots() {
            return Ok(None);
        }
        let positions = slot_positions(dtype).ok_or_else(|| {
            let why = format!("'{}' holds sequences of sequences; leave the variable out", var.first().path);
            refuse(self.job.name(0), self.job.operation, why)
        })?;
        let owner = |(slot, of): (usize, &Option<usize>)| of.map(|v| (self.job.digests[slot].member, v));
        let owners = var.of.iter().enumerate().map(owner).collect();
        Ok(Some((Arc::new(JoinedHeap::new(self.job.pool.clone(), &var.first().path, owners)), positions)))
    }

    fn part(
        &self,
        var: &UnionVar,
        target: &Target,
        slot: usize,
        out: &Variable,
        join: &JoinAxis,
    ) -> Option<Part> {
        let number = var.of[slot]?;
        let digest = &self.job.digests[slot].vars[number];
        let schema = &digest.schema;
        let convert = target.converts[var.schema_of[slot]].clone().map(Arc::new);
        let own_chunk = match join {
            JoinAxis::New(_) => out.storage.chunk_shape().map(|c| &c[1..]),
            JoinAxis::Own(..) => out.storage.chunk_shape(),
        };
        let copyable = convert.is_none()
            && schema.big_endian == out.big_endian
            && own_chunk.is_some()
            && schema.storage.chunk_shape() == own_chunk
            && schema.storage.filters() == out.storage.filters();
        Some(Part {
            member: self.job.digests[slot].member,
            var: number,
            cost: digest.cost,
            convert,
            chunks: digest.chunks.clone(),
            copyable,
            same_fill: schema.fill == out.fill,
        })
    }

    /// The storage most granules have, so that most chunks can be copied.
    fn storage(&self, var: &UnionVar, target: &Target) -> Storage {
        let mut votes = vec![0usize; var.schemas.len()];
        for slot in var.slots() {
            let storage = &var.schema(slot).storage;
            let first = var.schemas.iter().position(|s| s.storage == *storage).unwrap_or(0);
            votes[first] += 1;
        }
        let most = (0..votes.len()).max_by_key(|&i| (votes[i], usize::MAX - i)).unwrap_or(0);
        let from = &var.schemas[most];
        match &from.storage {
            Storage::Chunked { shape, filters } if from.dtype != target.dtype => {
                let simple =
                    |f: &Filter| matches!(f.id, filter::SHUFFLE | filter::DEFLATE | filter::FLETCHER32);
                if !filters.iter().all(simple) {
                    return Storage::Contiguous;
                }
                let mut filters = filters.clone();
                let shuffles = filters.iter_mut().filter(|f| f.id == filter::SHUFFLE);
                shuffles.for_each(|f| f.params = vec![target.dtype.size() as u32]);
                Storage::Chunked { shape: shape.clone(), filters }
            }
            storage => storage.clone(),
        }
    }
}

/// One element for what no granule has. Declared in the result when it is needed there.
fn fill_element(out: &mut Variable, needed: bool, notices: &mut Vec<String>) -> Vec<u8> {
    let size = out.dtype.size();
    let declared = out.attr("_FillValue").filter(|a| a.dtype == out.dtype && a.bytes.len() == size);
    if let Some(attr) = declared {
        return attr.bytes.clone();
    }
    if !needed {
        return out.fill.clone().unwrap_or_else(|| out.dtype.default_fill());
    }
    let missing =
        out.attr_f64("missing_value").and_then(|v| harmony_model::dtype::number_bytes(&out.dtype, v));
    let fill = missing.unwrap_or_else(|| out.dtype.default_fill());
    if out.dtype.is_numeric() {
        out.attrs.insert(0, fill_attribute("_FillValue", &out.dtype, fill.clone()));
        out.fill = Some(fill.clone());
        if size == 1 {
            let value = harmony_model::dtype::to_f64s(&out.dtype, &fill).unwrap_or_default();
            notices.push(format!("'{}': what no granule holds is filled with {value:?}", out.path));
        }
    }
    fill
}
