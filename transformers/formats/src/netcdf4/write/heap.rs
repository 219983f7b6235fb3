//! Global heap collections: where texts and sequences of any length live (HDF5 file format §III.E).

use harmony_model::dtype::SLOT;
use harmony_model::{DType, Heap, ReadError};

use super::put::{Put, align8};

/// Smallest collection that libhdf5 accepts.
const MIN_COLLECTION: usize = 4096;
/// A collection is closed before it grows beyond this, unless a single object does.
const TARGET: usize = 64 << 10;
const COLLECTION_HEAD: usize = 16;
const OBJECT_HEAD: usize = 16;

/// Builds collections. Addresses are relative to its first byte until [`HeapBuilder::rebase`].
#[derive(Default)]
pub struct HeapBuilder {
    bytes: Vec<u8>,
    /// Start of the open collection.
    open: Option<usize>,
    /// Objects in the open collection.
    count: u16,
    /// Positions in `bytes` of addresses that point into this heap.
    inner: Vec<usize>,
}

impl HeapBuilder {
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds an object; gives the relative address of its collection, its number there and where its bytes stand.
    fn insert(&mut self, object: &[u8]) -> (u64, u32, usize) {
        let need = OBJECT_HEAD + align8(object.len() as u64) as usize;
        if let Some(start) = self.open
            && (self.bytes.len() - start + need > TARGET || self.count == u16::MAX)
        {
            self.close();
        }
        let start = match self.open {
            Some(start) => start,
            None => self.start(),
        };
        self.count += 1;
        self.bytes.u16(self.count);
        self.bytes.zeros(6); // reference count (libhdf5 leaves it at zero), reserved
        self.bytes.u64(object.len() as u64);
        let at = self.bytes.len();
        self.bytes.extend_from_slice(object);
        self.bytes.resize(at + need - OBJECT_HEAD, 0);
        (start as u64, u32::from(self.count), at)
    }

    fn start(&mut self) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(b"GCOL");
        self.bytes.u32(1); // version, reserved
        self.bytes.u64(0); // length: known when it is closed
        (self.open, self.count) = (Some(start), 0);
        start
    }

    fn close(&mut self) {
        let Some(start) = self.open.take() else { return };
        let free = MIN_COLLECTION.saturating_sub(self.bytes.len() - start);
        // Object 0 is the free space; less than a head is just left over.
        let at = self.bytes.len();
        self.bytes.zeros(free);
        if free >= OBJECT_HEAD {
            self.bytes[at + 8..at + 16].copy_from_slice(&(free as u64).to_le_bytes());
        }
        let len = (self.bytes.len() - start) as u64;
        self.bytes[start + 8..start + COLLECTION_HEAD].copy_from_slice(&len.to_le_bytes());
    }

    /// Closes the heap, puts it at `base` and gives its bytes.
    pub fn finish(mut self, base: u64) -> Vec<u8> {
        self.close();
        let inner = std::mem::take(&mut self.inner);
        rebase(&mut self.bytes, &inner, base);
        self.bytes
    }
}

fn fill_slot(slot: &mut [u8], count: u32, address: u64, number: u32) {
    slot[..4].copy_from_slice(&count.to_le_bytes());
    slot[4..12].copy_from_slice(&address.to_le_bytes());
    slot[12..16].copy_from_slice(&number.to_le_bytes());
}

/// Adds `base` to the addresses of the slots at `positions` of `bytes`.
pub fn rebase(bytes: &mut [u8], positions: &[usize], base: u64) {
    for &at in positions {
        let mut address = [0; 8];
        address.copy_from_slice(&bytes[at + 4..at + 12]);
        let moved = u64::from_le_bytes(address) + base;
        bytes[at + 4..at + 12].copy_from_slice(&moved.to_le_bytes());
    }
}

/// Moves what the slots in elements of `dtype` point to from `input` to `output` and rewrites the slots.
///
/// Returns the positions of the slots that now point into `output`, for [`rebase`].
///
/// # Errors
/// What `input` says of a slot; [`ReadError::TooLarge`] for a sequence of more than 2³² elements.
pub fn relocate(
    dtype: &DType,
    elements: &mut [u8],
    input: &dyn Heap,
    output: &mut HeapBuilder,
) -> Result<Vec<usize>, ReadError> {
    let mut slots = Vec::new();
    walk(dtype, elements, 0, &mut |at, base, slot| {
        let Some(moved) = move_slot(base, slot, input, output)? else {
            slot.fill(0);
            return Ok(());
        };
        slot.copy_from_slice(&moved);
        slots.push(at);
        Ok(())
    })?;
    Ok(slots)
}

/// The new slot of a value; `None` when there is none.
fn move_slot(
    base: Option<&DType>,
    slot: &[u8],
    input: &dyn Heap,
    output: &mut HeapBuilder,
) -> Result<Option<[u8; SLOT]>, ReadError> {
    let size = base.map_or(1, DType::size).max(1);
    let mut content = input.get(slot, size)?;
    let count = content.len() / size;
    content.truncate(count * size);
    // An empty text is a text (programs that use netCDF-C would meet a null pointer); an empty sequence is nothing.
    let is_null = slot.iter().all(|&b| b == 0);
    if content.is_empty() && (is_null || base.is_some()) {
        return Ok(None);
    }
    let count = u32::try_from(count).map_err(|_| ReadError::TooLarge {
        source_name: "output".into(),
        object: "a sequence of variable length".into(),
        claimed: content.len() as u64,
        limit: u64::from(u32::MAX),
    })?;
    let mut inner = Vec::new();
    if let Some(base) = base {
        super::datatype::clear_references(base, &mut content);
        if base.has_slots() {
            inner = relocate(base, &mut content, input, output)?;
        }
    }
    let (address, number, at) = output.insert(&content);
    output.inner.extend(inner.iter().map(|i| at + i));
    let mut moved = [0; SLOT];
    fill_slot(&mut moved, count, address, number);
    Ok(Some(moved))
}

type Visit<'v> = &'v mut dyn FnMut(usize, Option<&DType>, &mut [u8]) -> Result<(), ReadError>;

/// Calls `visit` with position, base type (`None`: text) and bytes of every slot in elements of `dtype`.
fn walk(dtype: &DType, elements: &mut [u8], at: usize, visit: Visit<'_>) -> Result<(), ReadError> {
    match dtype {
        DType::String | DType::VLen(_) => {
            let base = match dtype {
                DType::VLen(base) => Some(&**base),
                _ => None,
            };
            for (i, slot) in elements.chunks_exact_mut(SLOT).enumerate() {
                visit(at + i * SLOT, base, slot)?;
            }
        }
        DType::Array { base, .. } if base.has_slots() => walk(base, elements, at, visit)?,
        DType::Compound { size, fields } if *size > 0 && dtype.has_slots() => {
            for (i, record) in elements.chunks_exact_mut(*size).enumerate() {
                for field in fields.iter().filter(|f| f.dtype.has_slots()) {
                    let range = field.offset..field.offset.saturating_add(field.dtype.size());
                    if let Some(part) = record.get_mut(range) {
                        walk(&field.dtype, part, at + i * size + field.offset, visit)?;
                    }
                }
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slot bytes 0 and 1 are the position and length in the buffer.
    struct Flat(Vec<u8>);

    impl Heap for Flat {
        fn get(&self, slot: &[u8], size: usize) -> Result<Vec<u8>, ReadError> {
            let from = usize::from(slot[0]);
            Ok(self.0[from..from + usize::from(slot[1]) * size].to_vec())
        }
    }

    fn slot(from: u8, len: u8) -> Vec<u8> {
        let mut slot = vec![0; SLOT];
        (slot[0], slot[1]) = (from, len);
        slot
    }

    #[test]
    fn a_text_moves_to_a_collection_of_the_least_size() {
        let mut heap = HeapBuilder::default();
        let mut elements = [slot(1, 3), slot(0, 0), slot(1, 0)].concat();
        let at = relocate(&DType::String, &mut elements, &Flat(b"xabc".to_vec()), &mut heap).unwrap();
        assert_eq!(at, [0, 32]);
        rebase(&mut elements, &at, 640);
        assert_eq!(elements[..16], [3, 0, 0, 0, 128, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(elements[16..32], [0; 16], "no text");
        assert_eq!(elements[32..], [0, 0, 0, 0, 128, 2, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0], "an empty text");
        let bytes = heap.finish(640);
        assert_eq!((bytes.len(), &bytes[..5], &bytes[32..36]), (4096, &b"GCOL\x01"[..], &b"abc\0"[..]));
        // the free space object
        assert_eq!(bytes[56..72], [0, 0, 0, 0, 0, 0, 0, 0, 0xc8, 0x0f, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_sequence_of_texts_is_moved_from_the_inside_out() {
        let mut input = slot(16, 2);
        input.extend_from_slice(b"hi");
        let mut elements = slot(0, 1);
        let mut heap = HeapBuilder::default();
        let dtype = DType::VLen(Box::new(DType::String));
        let at = relocate(&dtype, &mut elements, &Flat(input), &mut heap).unwrap();
        assert_eq!(at, [0]);
        let bytes = heap.finish(4096);
        // object 1 is the text, object 2 the slot that points to it, by its final address
        assert_eq!(&bytes[32..34], b"hi");
        assert_eq!(bytes[56..72], [2, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    }

    #[test]
    fn a_large_object_gets_a_collection_of_its_size() {
        let mut heap = HeapBuilder::default();
        heap.insert(&[1; 10]);
        let (address, number, _) = heap.insert(&vec![2; 200_000]);
        assert_eq!((address, number), (4096, 1), "the first collection was closed at its least size");
        assert_eq!(heap.finish(0).len(), 4096 + 16 + 16 + 200_000);
    }
}
