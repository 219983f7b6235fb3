//! Fixed and extensible arrays: the chunk indexes of HDF5 1.10 for datasets with at most one unlimited axis.

use super::bytes::{Cursor, Res, corrupt};
use super::checksum::verified;
use super::chunk_table::{Entry, Grid, Unroll};
use super::file::File;

/// What the pages and blocks of one array have in common.
struct Array<'a> {
    file: &'a File,
    unroll: Unroll<'a>,
    element: usize,
    filtered: bool,
    page_elements: u64,
}

impl Array<'_> {
    fn take(&self, bytes: &[u8], first: u64, out: &mut Vec<Entry>) -> Res<()> {
        self.unroll.elements(self.file, bytes, self.element, self.filtered, first, out)
    }

    /// Bytes of `count` elements; an error where no file could hold them.
    fn bytes_of(&self, count: u64) -> Res<u64> {
        match count.checked_mul(self.element as u64).filter(|&n| n <= self.file.len()) {
            Some(n) => Ok(n),
            None => corrupt(format!("its chunk index claims {count} chunks")),
        }
    }

    /// Pages of `count` elements from `addr` on; `written` tells which hold something.
    fn pages(
        &self,
        addr: u64,
        count: u64,
        first: u64,
        written: impl Fn(u64) -> bool,
        out: &mut Vec<Entry>,
    ) -> Res<()> {
        let page_bytes = self.bytes_of(self.page_elements)? + 4;
        for page in 0..count.div_ceil(self.page_elements) {
            if !written(page) {
                continue;
            }
            let before = page * self.page_elements;
            let here = self.page_elements.min(count - before);
            let at = addr.saturating_add(page * page_bytes);
            let bytes = self.file.read(at, self.bytes_of(here)? + 4, "chunk index page")?;
            let body = verified(&bytes, "chunk index page", self.file.verify)?;
            self.take(body, first.saturating_add(before), out)?;
        }
        Ok(())
    }
}

/// Bit `n`, counted from the most significant bit of the first byte.
fn bit(bits: &[u8], n: u64) -> bool {
    bits.get((n / 8) as usize).is_some_and(|b| b >> (7 - n % 8) & 1 == 1)
}

/// Chunks of a fixed array.
pub(super) fn fixed(file: &File, grid: &Grid, addr: u64, filtered: bool, out: &mut Vec<Entry>) -> Res<()> {
    const WHAT: &str = "fixed array";
    let sizes = file.sizes;
    let bytes = file.read(addr, (8 + sizes.length + sizes.offset + 4) as u64, WHAT)?;
    let mut c = Cursor::new(verified(&bytes, WHAT, file.verify)?, sizes, WHAT);
    c.tag(b"FAHD")?;
    c.version(0)?;
    c.skip(1)?;
    let element = c.u8()? as usize;
    let page_bits = u32::from(c.u8()?);
    let count = c.length()?;
    let Some(block) = c.addr()? else { return Ok(()) };
    if page_bits > 62 {
        return corrupt("its fixed array has impossible measures");
    }
    let array = Array { file, unroll: grid.unroll(), element, filtered, page_elements: 1 << page_bits };
    let prefix = 6 + sizes.offset as u64;
    let head = file.read(block, prefix, WHAT)?;
    Cursor::new(&head, sizes, WHAT).tag(b"FADB")?;
    if count <= array.page_elements {
        let bytes = file.read(block, prefix + array.bytes_of(count)? + 4, WHAT)?;
        let body = verified(&bytes, WHAT, file.verify)?;
        return array.take(&body[prefix as usize..], 0, out);
    }
    array.bytes_of(count)?;
    let bitmap = count.div_ceil(array.page_elements).div_ceil(8);
    let bytes = file.read(block, prefix + bitmap + 4, WHAT)?;
    let body = verified(&bytes, WHAT, file.verify)?;
    let bits = &body[prefix as usize..];
    array.pages(block + prefix + bitmap + 4, count, 0, |page| bit(bits, page), out)
}

/// Measures of an extensible array.
struct Extensible {
    index_elements: u64,
    least_elements: u64,
    least_pointers: u64,
    /// Bytes of a block's position in the array.
    offset_width: u64,
    /// Number of super blocks, those that the index block stands in for included.
    super_blocks: u32,
}

/// Chunks of an extensible array.
pub(super) fn extensible(
    file: &File,
    grid: &Grid,
    addr: u64,
    filtered: bool,
    out: &mut Vec<Entry>,
) -> Res<()> {
    const WHAT: &str = "extensible array";
    let sizes = file.sizes;
    let bytes = file.read(addr, (12 + 6 * sizes.length + sizes.offset + 4) as u64, WHAT)?;
    let mut c = Cursor::new(verified(&bytes, WHAT, file.verify)?, sizes, WHAT);
    c.tag(b"EAHD")?;
    c.version(0)?;
    c.skip(1)?;
    let element = c.u8()? as usize;
    let max_bits = u32::from(c.u8()?);
    let (index_elements, least_elements) = (u64::from(c.u8()?), u64::from(c.u8()?));
    let least_pointers = u64::from(c.u8()?);
    let page_bits = u32::from(c.u8()?);
    c.skip(6 * sizes.length)?;
    let Some(index) = c.addr()? else { return Ok(()) };
    let powers = least_elements.is_power_of_two() && least_pointers.is_power_of_two();
    if !powers || page_bits > 62 || max_bits > 64 || max_bits < least_elements.ilog2() {
        return corrupt("its extensible array has impossible measures");
    }
    let measures = Extensible {
        index_elements,
        least_elements,
        least_pointers,
        offset_width: u64::from(max_bits.div_ceil(8)),
        super_blocks: 1 + max_bits - least_elements.ilog2(),
    };
    let array = Array { file, unroll: grid.unroll(), element, filtered, page_elements: 1 << page_bits };
    measures.index_block(&array, index, out)
}

impl Extensible {
    /// Data blocks of super block `n` and the elements of each.
    fn super_block(&self, n: u32) -> (u64, u64) {
        (1 << (n / 2), self.least_elements.saturating_mul(1 << n.div_ceil(2)))
    }

    fn index_block(&self, array: &Array, addr: u64, out: &mut Vec<Entry>) -> Res<()> {
        const WHAT: &str = "extensible array";
        let file = array.file;
        let sizes = file.sizes;
        // The first super blocks are not stored: the index block has the addresses of their data blocks.
        let inlined = (2 * self.least_pointers.ilog2()).min(self.super_blocks);
        let data_blocks: u64 = (0..inlined).map(|n| self.super_block(n).0).sum();
        let stored = u64::from(self.super_blocks - inlined);
        let prefix = 6 + sizes.offset as u64;
        let elements = array.bytes_of(self.index_elements)?;
        let pointers = (data_blocks + stored) * sizes.offset as u64;
        let bytes = file.read(addr, prefix + elements + pointers + 4, WHAT)?;
        let mut c = Cursor::new(verified(&bytes, WHAT, file.verify)?, sizes, WHAT);
        c.tag(b"EAIB")?;
        c.skip(prefix as usize - 4)?;
        array.take(c.take(elements as usize)?, 0, out)?;
        let mut first = self.index_elements;
        for n in 0..self.super_blocks {
            let (blocks, each) = self.super_block(n);
            if n < inlined {
                for block in 0..blocks {
                    if let Some(addr) = c.addr()? {
                        let at = first.saturating_add(block.saturating_mul(each));
                        self.data_block(array, addr, each, at, |_| true, out)?;
                    }
                }
            } else if let Some(addr) = c.addr()? {
                self.stored_super_block(array, addr, n, first, out)?;
            }
            first = first.saturating_add(blocks.saturating_mul(each));
        }
        Ok(())
    }

    fn stored_super_block(
        &self,
        array: &Array,
        addr: u64,
        n: u32,
        first: u64,
        out: &mut Vec<Entry>,
    ) -> Res<()> {
        const WHAT: &str = "extensible array super block";
        let file = array.file;
        let (blocks, each) = self.super_block(n);
        let pages = if each > array.page_elements { each / array.page_elements } else { 0 };
        let prefix = 6 + file.sizes.offset as u64 + self.offset_width;
        let bitmap = blocks.saturating_mul(pages.div_ceil(8));
        let pointers = blocks.saturating_mul(file.sizes.offset as u64);
        let len = prefix.saturating_add(bitmap).saturating_add(pointers).saturating_add(4);
        let bytes = file.read(addr, len, WHAT)?;
        let mut c = Cursor::new(verified(&bytes, WHAT, file.verify)?, file.sizes, WHAT);
        c.tag(b"EASB")?;
        c.skip(prefix as usize - 4)?;
        let bits = c.take(bitmap as usize)?;
        for block in 0..blocks {
            let Some(addr) = c.addr()? else { continue };
            let at = first.saturating_add(block.saturating_mul(each));
            let written = |page| bit(bits, block * pages + page);
            self.data_block(array, addr, each, at, written, out)?;
        }
        Ok(())
    }

    fn data_block(
        &self,
        array: &Array,
        addr: u64,
        count: u64,
        first: u64,
        written: impl Fn(u64) -> bool,
        out: &mut Vec<Entry>,
    ) -> Res<()> {
        const WHAT: &str = "extensible array data block";
        let file = array.file;
        let prefix = 6 + file.sizes.offset as u64 + self.offset_width;
        if count > array.page_elements {
            let head = file.read(addr, prefix + 4, WHAT)?;
            let body = verified(&head, WHAT, file.verify)?;
            Cursor::new(body, file.sizes, WHAT).tag(b"EADB")?;
            return array.pages(addr + prefix + 4, count, first, written, out);
        }
        let bytes = file.read(addr, prefix + array.bytes_of(count)? + 4, WHAT)?;
        let body = verified(&bytes, WHAT, file.verify)?;
        Cursor::new(body, file.sizes, WHAT).tag(b"EADB")?;
        array.take(&body[prefix as usize..], first, out)
    }
}
