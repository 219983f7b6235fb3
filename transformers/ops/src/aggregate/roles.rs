//! What becomes of each variable: kept once, appended, or given the dimension of the granules.

use std::sync::Arc;

use harmony_model::dtype::number_bytes;
use harmony_model::{MemoryArray, ReadError, Runs, VarId, Window};

use super::Job;
use super::array::fill_with;
use super::axes::{Mapped, scatter};
use super::content;
use super::layout::Layout;
use super::stored::Chunks;
use super::unify::Target;
use super::union::{Union, UnionVar};

/// Coordinates that are put together from parts are kept in memory; at most this much each.
const MAX_MERGED: u64 = 16 << 20;
/// Bytes looked at for that, over all granules.
const MAX_LOOKED_AT: u64 = 1 << 30;
/// Larger variables are not repeated for every index of an extended dimension.
const MAX_REPEATED: u64 = 256 << 20;

pub enum Role {
    /// It has a dimension that granules are appended along: the position of that axis.
    Along(usize),
    /// The same everywhere (or taken from one granule): the slot that it is read from.
    Once(usize),
    /// In memory, put together from parts that agree.
    Whole(Arc<MemoryArray>),
    /// Different: it gets a first axis.
    Each,
    /// As `Once`, because it would be too large otherwise.
    FirstOnly(usize),
}

impl Role {
    /// Decides for one variable of the result.
    ///
    /// # Errors
    /// When values can't be read.
    pub fn of(
        job: &Job,
        union: &Union,
        layout: &Layout,
        var: &UnionVar,
        target: &Target,
    ) -> Result<Role, ReadError> {
        if let Some(axis) = var.dims.iter().position(|&d| layout.dims[d].starts.is_some()) {
            return Ok(Role::Along(axis));
        }
        if let Some(labels) = labels(union, layout, var) {
            let bytes: Option<Vec<Vec<u8>>> =
                labels.iter().map(|&v| number_bytes(&target.dtype, v)).collect();
            if let Some(bytes) = bytes {
                let array = MemoryArray::new(&[labels.len() as u64], target.dtype.size(), bytes.concat());
                return Ok(Role::Whole(Arc::new(array)));
            }
        }
        let checker = Checker { job, layout, var, target };
        if !checker.candidate() {
            return Ok(Role::Each);
        }
        if checker.same_everywhere()? {
            return Ok(Role::Once(var.slots().next().unwrap_or(0)));
        }
        if let Some(array) = checker.put_together()? {
            return Ok(Role::Whole(Arc::new(array)));
        }
        Ok(checker.each_or_first())
    }
}

/// The values of a coordinate variable whose dimension is a union of labels.
fn labels<'a>(union: &Union, layout: &'a Layout, var: &UnionVar) -> Option<&'a [f64]> {
    let [dim] = var.dims.as_slice() else { return None };
    let d = &union.dims[*dim];
    let is_its_coordinate = var.first().name == d.name && var.first().group == d.group;
    layout.dims[*dim].labels.as_deref().filter(|_| is_its_coordinate)
}

struct Checker<'a> {
    job: &'a Job,
    layout: &'a Layout,
    var: &'a UnionVar,
    target: &'a Target,
}

impl Checker<'_> {
    fn digest(&self, slot: usize) -> Option<&super::digest::VarDigest> {
        self.var.of[slot].map(|i| &self.job.digests[slot].vars[i])
    }

    fn candidate(&self) -> bool {
        let may = |slot| self.digest(slot).is_some_and(|v| v.may_be_constant);
        self.target.converts.iter().all(Option::is_none) && self.var.slots().all(may)
    }

    fn same_everywhere(&self) -> Result<bool, ReadError> {
        if !self.var.slots().all(|slot| self.layout.covers(slot, &self.var.dims)) {
            return Ok(false);
        }
        let mut slots = self.var.slots();
        let Some(first) = slots.next() else { return Ok(false) };
        let mut whole = None;
        for slot in slots {
            if !self.same(first, slot, &mut whole)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether two granules have the same values; `whole`: the digest of the first one's, once it was needed.
    fn same(&self, first: usize, slot: usize, whole: &mut Option<[u64; 2]>) -> Result<bool, ReadError> {
        let (Some(a), Some(b)) = (self.digest(first), self.digest(slot)) else { return Ok(false) };
        if let (Some(a), Some(b)) = (a.content, b.content) {
            return Ok(a == b);
        }
        if let (Chunks::All(x), Chunks::All(y)) = (&a.chunks, &b.chunks)
            && a.schema.storage == b.schema.storage
            && a.schema.big_endian == b.schema.big_endian
        {
            if x.looks_like(y) && x.same_bytes(y)? {
                return Ok(true);
            }
            // Programs compress the same values to the same bytes: coordinates that don't look the same are not worth
            // decoding. What lacks the dimension of an extension is looked at in any case.
            if self.job.stacked {
                return Ok(false);
            }
        }
        let of_first = match whole {
            Some(known) => *known,
            None => *whole.insert(self.content(first)?),
        };
        Ok(of_first == self.content(slot)?)
    }

    fn content(&self, slot: usize) -> Result<[u64; 2], ReadError> {
        let number = self.var.of[slot].unwrap_or(0);
        let (granule, var) =
            self.job.pool.variable(self.job.digests[slot].member, number, &self.var.first().path)?;
        content::content(&granule, VarId(var))
    }

    fn bytes(&self) -> u64 {
        let shape = self.layout.shape(&self.var.dims);
        shape.iter().fold(self.target.dtype.size() as u64, |n, &d| n.saturating_mul(d))
    }

    /// A coordinate along a union of labels of which every granule has a part, when the parts agree.
    fn put_together(&self) -> Result<Option<MemoryArray>, ReadError> {
        let labelled = self.var.dims.iter().any(|&d| self.layout.dims[d].labels.is_some());
        let slots = self.var.slots().count() as u64;
        let bytes = self.bytes();
        if !labelled
            || self.target.dtype.has_slots()
            || bytes > MAX_MERGED
            || bytes.saturating_mul(slots) > MAX_LOOKED_AT
        {
            return Ok(None);
        }
        let size = self.target.dtype.size();
        let shape = self.layout.shape(&self.var.dims);
        let mut out = vec![0; bytes as usize];
        let default = || self.target.dtype.default_fill();
        fill_with(&self.target.fill.clone().unwrap_or_else(default), &mut out);
        let mut known = vec![0u8; bytes as usize / size.max(1)];
        for slot in self.var.slots() {
            let number = self.var.of[slot].unwrap_or(0);
            let member = self.job.digests[slot].member;
            let (granule, var) = self.job.pool.variable(member, number, &self.var.first().path)?;
            let own = granule.read(VarId(var), &Window::all(&granule.shape(VarId(var))))?;
            let axes: Vec<Mapped> = self
                .var
                .dims
                .iter()
                .zip(&shape)
                .map(|(&d, &n)| self.layout.dims[d].maps[slot].map(&Runs::all(n)))
                .collect();
            // A granule may have its labels in another order than the result.
            let own = reordered(&own, &granule.shape(VarId(var)), size, &axes);
            let (mut values, mut mask) = (out.clone(), vec![0u8; known.len()]);
            scatter(&own, &mut values, &axes, size);
            scatter(&vec![1; own.len() / size.max(1)], &mut mask, &axes, 1);
            let pairs = values.chunks_exact(size.max(1)).zip(out.chunks_exact(size.max(1)));
            if pairs.zip(mask.iter().zip(&known)).any(|((new, old), (m, k))| *m == 1 && *k == 1 && new != old)
            {
                return Ok(None);
            }
            out = values;
            known.iter_mut().zip(&mask).for_each(|(k, m)| *k |= m);
        }
        if self.target.fill.is_none() && known.contains(&0) {
            return Ok(None);
        }
        Ok(Some(MemoryArray::new(&shape, size, out)))
    }

    fn each_or_first(&self) -> Role {
        let first = self.var.slots().next().unwrap_or(0);
        if self.job.stacked {
            return Role::Each;
        }
        let starts = self.layout.dims.iter().find_map(|d| d.starts.as_ref());
        let repeated = starts.is_some_and(|s| s.windows(2).any(|w| w[1] - w[0] > 1));
        let total = starts.and_then(|s| s.last().copied()).unwrap_or(1);
        if repeated && self.bytes().saturating_mul(total) > MAX_REPEATED {
            return Role::FirstOnly(first);
        }
        Role::Each
    }
}

/// Elements in the order in which `axes` takes them.
fn reordered(input: &[u8], shape: &[u64], size: usize, axes: &[Mapped]) -> Vec<u8> {
    let window = Window(axes.iter().map(|a| a.input.clone()).collect());
    let mut out = vec![0; window.count() as usize * size];
    harmony_model::memory::copy_window(input, shape, size, &window, &mut out);
    out
}
