//! The global heap: values of variable length.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use harmony_model::dtype::{SLOT, swap_bytes};
use harmony_model::{Heap, ReadError};

use super::bytes::{Cursor, Res, corrupt};
use super::file::File;

/// One collection of objects.
pub(super) struct Collection {
    bytes: Vec<u8>,
    /// `(index, start, length)`, ascending by index.
    objects: Vec<(u32, usize, usize)>,
}

impl Collection {
    fn read(file: &File, addr: u64) -> Res<Collection> {
        const WHAT: &str = "global heap collection";
        // Heads of collections and objects are padded to eight bytes too, which shows with short lengths.
        let head_len = (8 + file.sizes.length).next_multiple_of(8);
        let prefix = head_len as u64;
        let head = file.read_uncounted(addr, prefix, WHAT)?;
        let mut c = Cursor::new(&head, file.sizes, WHAT);
        c.tag(b"GCOL")?;
        c.version(1)?;
        c.skip(3)?;
        let len = c.length()?;
        if len < prefix {
            return corrupt("a global heap collection is shorter than its head");
        }
        let bytes = file.read_uncounted(addr, len, WHAT)?;
        let mut c = Cursor::new(&bytes, file.sizes, WHAT);
        c.skip(head_len)?;
        let mut objects = Vec::new();
        while c.remaining() >= head_len {
            let head = c.position();
            let index = u32::from(c.u16()?);
            c.skip(6)?;
            let len = c.length()?;
            if index == 0 {
                break; // free space, always last
            }
            c.align8(head);
            let start = c.position();
            c.take(usize::try_from(len).unwrap_or(usize::MAX))?;
            objects.push((index, start, len as usize));
            c.align8(start);
        }
        objects.sort_unstable();
        Ok(Collection { bytes, objects })
    }

    fn object(&self, index: u32) -> Option<&[u8]> {
        let at = self.objects.binary_search_by_key(&index, |o| o.0).ok()?;
        let (_, start, len) = self.objects[at];
        self.bytes.get(start..start + len)
    }
}

/// Collections already read.
#[derive(Default)]
pub(super) struct Collections(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_addr: HashMap<u64, Arc<Collection>>,
    bytes: usize,
}

/// Above this much, the collections kept are let go: a scan over millions of texts must not keep them all.
const KEEP_BYTES: usize = 32 << 20;

impl File {
    fn collection(&self, addr: u64) -> Res<Arc<Collection>> {
        let lock = || self.collections.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().by_addr.get(&addr) {
            return Ok(found.clone());
        }
        let read = Arc::new(Collection::read(self, addr)?);
        let mut kept = lock();
        if kept.bytes > KEEP_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += read.bytes.len() + 24 * read.objects.len();
        kept.by_addr.insert(addr, read.clone());
        Ok(read)
    }

    /// The first `len` bytes of an object; empty for a slot that points nowhere.
    pub(super) fn heap_object(&self, slot: &Slot, element_size: usize) -> Res<Vec<u8>> {
        let undefined = u64::MAX >> (64 - 8 * self.sizes.offset);
        if slot.len == 0 || slot.addr == 0 || slot.addr == undefined {
            return Ok(Vec::new());
        }
        let collection = self.collection(slot.addr)?;
        let object = collection.object(slot.index);
        let len = (slot.len as usize).checked_mul(element_size);
        match object.and_then(|o| o.get(..len?)) {
            Some(bytes) => Ok(bytes.to_vec()),
            None => corrupt(format!("value {} of the global heap at {} is missing", slot.index, slot.addr)),
        }
    }
}

/// Where a value of variable length is: number of elements, collection, object.
pub(super) struct Slot {
    pub(super) len: u32,
    pub(super) addr: u64,
    pub(super) index: u32,
}

impl Slot {
    /// Bytes of a slot in the file.
    pub(super) fn stored_size(offset: usize) -> usize {
        8 + offset
    }

    /// A slot as the file has it.
    pub(super) fn parse(c: &mut Cursor) -> Res<Slot> {
        let len = c.u32()?;
        let addr = c.uint(c.sizes().offset)?;
        Ok(Slot { len, addr, index: c.u32()? })
    }

    /// The 16 bytes that travel through the engine: those of a file with 8-byte addresses.
    pub(super) fn to_bytes(&self) -> [u8; SLOT] {
        let mut out = [0; SLOT];
        out[..4].copy_from_slice(&self.len.to_le_bytes());
        out[4..12].copy_from_slice(&self.addr.to_le_bytes());
        out[12..].copy_from_slice(&self.index.to_le_bytes());
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Slot> {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let (addr, rest) = rest.split_first_chunk::<8>()?;
        let index = rest.first_chunk::<4>()?;
        Some(Slot {
            len: u32::from_le_bytes(*len),
            addr: u64::from_le_bytes(*addr),
            index: u32::from_le_bytes(*index),
        })
    }
}

/// The heap behind one variable.
pub(super) struct VariableHeap {
    pub(super) file: Arc<File>,
    pub(super) object: String,
    /// Width of the innermost elements when they are stored in the other byte order; else 1.
    pub(super) swap_width: usize,
}

impl Heap for VariableHeap {
    fn get(&self, slot: &[u8], element_size: usize) -> Result<Vec<u8>, ReadError> {
        let Some(slot) = Slot::from_bytes(slot) else {
            return Err(ReadError::corrupt(self.file.name(), &*self.object, "a slot has less than 16 bytes"));
        };
        let mut bytes = self
            .file
            .heap_object(&slot, element_size)
            .map_err(|bad| bad.at(self.file.name(), &self.object))?;
        // A sequence of sequences gives slots first: only the elements themselves are swapped.
        if element_size == self.swap_width {
            swap_bytes(&mut bytes, self.swap_width);
        }
        Ok(bytes)
    }
}
