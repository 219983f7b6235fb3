//! Fractal heaps: where dense links and attributes and shared messages are kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use harmony_model::Filter;

use super::btree2::Tree;
use super::bytes::{Bad, Cursor, Res, corrupt, unsupported, width_for};
use super::checksum::{lookup3, verified};
use super::file::File;
use super::filters;

/// The header of a heap.
pub(super) struct FractalHeap {
    id_len: usize,
    checksummed: bool,
    huge_tree: Option<u64>,
    width: u64,
    start_size: u64,
    max_direct: u64,
    /// Bits of an offset in the heap.
    offset_bits: u32,
    /// Bytes of the length in the id of a managed object.
    length_width: usize,
    root: Option<u64>,
    /// Rows of the root indirect block; 0: the root is a direct block.
    root_rows: u64,
    filters: Vec<Filter>,
    /// Stored size and filter mask of a filtered root direct block.
    root_filtered: (u64, u32),
    /// Verified blocks by address: objects come in the order of their names' hashes, all over the heap.
    blocks: Mutex<HashMap<u64, Arc<Vec<u8>>>>,
}

/// Blocks kept of one heap.
const KEEP_BLOCKS: usize = 256;

/// A block of the heap: where it is and which part of the heap's offsets it holds.
struct Block {
    addr: u64,
    start: u64,
    size: u64,
    /// Stored size and filter mask when the heap is filtered.
    filtered: (u64, u32),
}

/// Longest header but for its filters.
const HEADER: u64 = 22 + 12 * 8 + 3 * 8 + 12;

impl FractalHeap {
    pub(super) fn read(file: &File, addr: u64) -> Res<FractalHeap> {
        const WHAT: &str = "fractal heap header";
        let head = file.read_up_to(addr, HEADER + 1024, WHAT)?;
        let mut c = Cursor::new(&head, file.sizes, WHAT);
        c.tag(b"FRHP")?;
        c.version(0)?;
        let id_len = c.u16()? as usize;
        let filter_len = c.u16()? as usize;
        let flags = c.u8()?;
        let max_managed = u64::from(c.u32()?);
        c.length()?;
        let huge_tree = c.addr()?;
        c.length()?;
        c.addr()?;
        c.skip(8 * file.sizes.length)?;
        let width = u64::from(c.u16()?);
        let start_size = c.length()?;
        let max_direct = c.length()?;
        let offset_bits = u32::from(c.u16()?);
        c.skip(2)?;
        let root = c.addr()?;
        let root_rows = u64::from(c.u16()?);
        let mut root_filtered = (0, 0);
        let mut filters = Vec::new();
        if filter_len > 0 {
            root_filtered = (c.length()?, c.u32()?);
            filters = filters::parse(c.take(filter_len)?, file.sizes)?;
        }
        let end = c.position() + 4;
        verified(head.get(..end).unwrap_or(&head), WHAT, file.verify)?;
        let powers = start_size.is_power_of_two() && max_direct.is_power_of_two() && width.is_power_of_two();
        if !powers || max_direct < start_size || !(1..=64).contains(&offset_bits) || id_len == 0 {
            return corrupt("a fractal heap has impossible measures");
        }
        let direct_width = max_direct.ilog2().div_ceil(8) as usize;
        Ok(FractalHeap {
            id_len,
            checksummed: flags & 2 != 0,
            huge_tree,
            width,
            start_size,
            max_direct,
            offset_bits,
            length_width: direct_width.min(width_for(max_managed)),
            root,
            root_rows,
            filters,
            root_filtered,
            blocks: Mutex::default(),
        })
    }

    /// The object that `id` names.
    pub(super) fn object(&self, file: &File, id: &[u8]) -> Res<Vec<u8>> {
        let mut c = Cursor::new(id, file.sizes, "heap id");
        let first = c.u8()?;
        if first >> 6 != 0 {
            return unsupported("a heap id has an unknown version");
        }
        match first >> 4 & 3 {
            0 => {
                let offset = c.uint(self.offset_bits.div_ceil(8) as usize)?;
                let len = c.uint(self.length_width)?;
                self.managed(file, offset, len)
            }
            1 => self.huge(file, c),
            2 => {
                // Ids too long for four bits of length have twelve.
                let low = usize::from(first & 0x0f);
                let len = if self.id_len > 18 { low << 8 | usize::from(c.u8()?) } else { low };
                Ok(c.take(len + 1)?.to_vec())
            }
            _ => corrupt("a heap id has an unknown type"),
        }
    }

    fn managed(&self, file: &File, offset: u64, len: u64) -> Res<Vec<u8>> {
        let block = self.find(file, offset)?;
        let within = offset - block.start;
        if within.checked_add(len).is_none_or(|end| end > block.size) {
            return corrupt("a heap object leaves its block");
        }
        if self.filters.is_empty() && !(self.checksummed && file.verify) {
            return file.read(block.addr.saturating_add(within), len, "heap object");
        }
        file.spend(len)?;
        let bytes = self.kept(block.addr, || self.direct_block(file, &block))?;
        match bytes.get(within as usize..(within + len) as usize) {
            Some(object) => Ok(object.to_vec()),
            None => corrupt("a heap object leaves its block"),
        }
    }

    fn kept(&self, addr: u64, read: impl FnOnce() -> Res<Vec<u8>>) -> Res<Arc<Vec<u8>>> {
        let lock = || self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().get(&addr) {
            return Ok(found.clone());
        }
        let bytes = Arc::new(read()?);
        let mut blocks = lock();
        if blocks.len() >= KEEP_BLOCKS {
            blocks.clear();
        }
        blocks.insert(addr, bytes.clone());
        Ok(bytes)
    }

    /// A whole direct block, unfiltered, its checksum compared.
    fn direct_block(&self, file: &File, block: &Block) -> Res<Vec<u8>> {
        let mut bytes = if self.filters.is_empty() {
            file.read(block.addr, block.size, "heap block")?
        } else {
            let (stored, mask) = block.filtered;
            let stored = file.read(block.addr, stored, "heap block")?;
            filters::decode(&self.filters, mask, &stored, block.size)?
        };
        let at = 5 + file.sizes.offset + self.offset_bits.div_ceil(8) as usize;
        if self.checksummed
            && file.verify
            && let Some(field) = bytes.get_mut(at..at + 4)
        {
            // The checksum is taken with its own field zero.
            let stored = u32::from_le_bytes([field[0], field[1], field[2], field[3]]);
            field.fill(0);
            if lookup3(&bytes) != stored {
                return corrupt("the checksum of a heap block is wrong");
            }
        }
        Ok(bytes)
    }

    /// The direct block that holds `offset`.
    fn find(&self, file: &File, offset: u64) -> Res<Block> {
        let nowhere = || Bad::Corrupt("a heap object lies outside its heap".into());
        let mut addr = self.root.ok_or_else(nowhere)?;
        if self.root_rows == 0 {
            return Ok(Block { addr, start: 0, size: self.start_size, filtered: self.root_filtered });
        }
        let (mut start, mut rows) = (0u64, self.root_rows);
        let direct_rows = u64::from(self.max_direct.ilog2() - self.start_size.ilog2()) + 2;
        // Each step goes to a smaller block, so this ends.
        loop {
            let relative = offset.checked_sub(start).ok_or_else(nowhere)?;
            let first_row = self.start_size.checked_mul(self.width).ok_or_else(nowhere)?;
            let row = (relative / first_row).checked_ilog2().map_or(0, |r| u64::from(r) + 1);
            if row >= rows {
                return Err(nowhere());
            }
            let above = if row == 0 { 0 } else { first_row.checked_shl(row as u32 - 1).unwrap_or(0) };
            let size = if row == 0 { self.start_size } else { self.start_size << (row - 1) };
            let column = (relative - above) / size;
            start += above + column * size;
            let direct = row < direct_rows;
            let entry = Entry { row, column, direct, rows: rows.min(direct_rows) };
            let (child, filtered) = self.entry(file, addr, rows, &entry)?;
            addr = child.ok_or_else(nowhere)?;
            if direct {
                return Ok(Block { addr, start, size, filtered });
            }
            // Rows of an indirect block that spans `size` offsets.
            rows = u64::from((size / first_row).checked_ilog2().ok_or_else(nowhere)?) + 1;
        }
    }

    /// Address (and filtered size and mask) of one child of the indirect block at `addr`.
    fn entry(&self, file: &File, addr: u64, rows: u64, at: &Entry) -> Res<(Option<u64>, (u64, u32))> {
        const WHAT: &str = "heap indirect block";
        let sizes = file.sizes;
        let direct_size = match self.filters.is_empty() {
            true => sizes.offset as u64,
            false => (sizes.offset + sizes.length + 4) as u64,
        };
        let prefix = (5 + sizes.offset) as u64 + u64::from(self.offset_bits.div_ceil(8));
        let direct_bytes = at.rows * self.width * direct_size;
        let indirect_bytes = (rows - at.rows) * self.width * sizes.offset as u64;
        let bytes = self.kept(addr, || {
            let bytes = file.read(addr, prefix + direct_bytes + indirect_bytes + 4, WHAT)?;
            verified(&bytes, WHAT, file.verify)?;
            Ok(bytes)
        })?;
        let mut c = Cursor::new(&bytes, sizes, WHAT);
        c.tag(b"FHIB")?;
        let index = at.row * self.width + at.column;
        let skip = match at.direct {
            true => index * direct_size,
            false => direct_bytes + (index - at.rows * self.width) * sizes.offset as u64,
        };
        c.skip((prefix - 4 + skip) as usize)?;
        let child = c.addr()?;
        let filtered = match at.direct && !self.filters.is_empty() {
            true => (c.length()?, c.u32()?),
            false => (0, 0),
        };
        Ok((child, filtered))
    }

    /// An object too large for the blocks: its id says where it is, or is a key of a B-tree that does.
    fn huge(&self, file: &File, mut c: Cursor) -> Res<Vec<u8>> {
        let sizes = file.sizes;
        let filtered = !self.filters.is_empty();
        let direct = sizes.offset + sizes.length + if filtered { 4 + sizes.length } else { 0 };
        if self.id_len > direct {
            return self.huge_at(file, &mut c);
        }
        let id = c.uint((self.id_len - 1).min(8))?;
        let tree = self.huge_tree.ok_or_else(|| Bad::Corrupt("a huge heap object is missing".into()))?;
        let tree = Tree::read(file, tree)?;
        let mut found = None;
        tree.for_each(file, |record| {
            let mut c = Cursor::new(record, sizes, "huge heap object");
            c.skip(direct)?;
            if c.length()? == id {
                found = Some(record.to_vec());
            }
            Ok(())
        })?;
        let record = found.ok_or_else(|| Bad::Corrupt("a huge heap object is missing".into()))?;
        self.huge_at(file, &mut Cursor::new(&record, sizes, "huge heap object"))
    }

    fn huge_at(&self, file: &File, c: &mut Cursor) -> Res<Vec<u8>> {
        let (addr, len) = (c.defined_addr()?, c.length()?);
        let stored = file.read(addr, len, "huge heap object")?;
        if self.filters.is_empty() {
            return Ok(stored);
        }
        let (mask, size) = (c.u32()?, c.length()?);
        filters::decode(&self.filters, mask, &stored, size)
    }
}

/// One child of an indirect block of which the first `rows` rows are direct blocks.
struct Entry {
    row: u64,
    column: u64,
    direct: bool,
    rows: u64,
}
