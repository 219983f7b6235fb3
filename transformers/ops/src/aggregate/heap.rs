//! Texts and sequences of several granules behind one heap.
//!
//! A slot of a granule is passed on with the number of its granule in its last two bytes, which the heaps of files leave
//! zero: HDF5 counts the objects of a collection with 16 bits in a field of 32. A slot that needs them goes to a table.

use std::sync::{Arc, Mutex, PoisonError};

use harmony_model::dtype::SLOT;
use harmony_model::{DType, Heap, ReadError};

use super::pool::{Pool, changed};

const TAG: usize = SLOT - 2;
const TABLED: u16 = u16::MAX;

/// Member and variable number that a tag stands for; `None` for granules without the variable.
pub type Owner = Option<(usize, usize)>;

/// A heap and the positions of its slots in an element.
pub type Slots = (Arc<JoinedHeap>, Vec<usize>);

pub struct JoinedHeap {
    pool: Arc<Pool>,
    path: String,
    owners: Vec<Owner>,
    table: Mutex<Vec<(usize, [u8; SLOT])>>,
}

impl JoinedHeap {
    pub fn new(pool: Arc<Pool>, path: &str, owners: Vec<Owner>) -> Self {
        JoinedHeap { pool, path: path.into(), owners, table: Mutex::default() }
    }

    /// Marks the slots in `elements` (of `size` bytes, slots at `positions`) as those of granule `owner`.
    pub fn tag(&self, elements: &mut [u8], size: usize, positions: &[usize], owner: usize) {
        for element in elements.chunks_exact_mut(size.max(1)) {
            for &at in positions {
                self.tag_one(&mut element[at..at + SLOT], owner);
            }
        }
    }

    fn tag_one(&self, slot: &mut [u8], owner: usize) {
        if slot.iter().all(|&b| b == 0) {
            return;
        }
        let tag = u16::try_from(owner + 1).ok().filter(|&t| t != TABLED && slot[TAG..] == [0, 0]);
        let tag = tag.unwrap_or_else(|| {
            let mut own = [0; SLOT];
            own.copy_from_slice(slot);
            let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            table.push((owner, own));
            slot.fill(0);
            slot[..8].copy_from_slice(&(table.len() as u64).to_le_bytes());
            TABLED
        });
        slot[TAG..].copy_from_slice(&tag.to_le_bytes());
    }

    fn resolve(&self, slot: &[u8]) -> Option<(usize, [u8; SLOT])> {
        let mut own = [0; SLOT];
        own.copy_from_slice(slot.get(..SLOT)?);
        match u16::from_le_bytes([own[TAG], own[TAG + 1]]) {
            0 => None,
            TABLED => {
                let mut number = [0; 8];
                number.copy_from_slice(&own[..8]);
                let at = usize::try_from(u64::from_le_bytes(number)).ok()?.checked_sub(1)?;
                self.table.lock().unwrap_or_else(PoisonError::into_inner).get(at).copied()
            }
            tag => {
                own[TAG..].fill(0);
                Some((usize::from(tag) - 1, own))
            }
        }
    }
}

impl Heap for JoinedHeap {
    fn get(&self, slot: &[u8], element_size: usize) -> Result<Vec<u8>, ReadError> {
        let Some((owner, slot)) = self.resolve(slot) else { return Ok(Vec::new()) };
        let Some(Some((member, var))) = self.owners.get(owner) else { return Ok(Vec::new()) };
        let (granule, var) = self.pool.variable(*member, *var, &self.path)?;
        let heap =
            granule.vars[var].data.heap().ok_or_else(|| changed(self.pool.name(*member), &self.path))?;
        heap.get(&slot, element_size)
    }
}

/// Positions of the slots in one element. `None` when slots lie behind slots.
pub fn slot_positions(dtype: &DType) -> Option<Vec<usize>> {
    match dtype {
        DType::String => Some(vec![0]),
        DType::VLen(base) => (!base.has_slots()).then(|| vec![0]),
        DType::Array { base, .. } if base.has_slots() => {
            let inner = slot_positions(base)?;
            let count = dtype.size() / base.size().max(1);
            Some((0..count).flat_map(|i| inner.iter().map(move |p| i * base.size() + p)).collect())
        }
        DType::Compound { fields, .. } => {
            let mut all = Vec::new();
            for field in fields {
                all.extend(slot_positions(&field.dtype)?.into_iter().map(|p| field.offset + p));
            }
            Some(all)
        }
        _ => Some(Vec::new()),
    }
}
