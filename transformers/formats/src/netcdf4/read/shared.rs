//! The table of shared object header messages: one copy of a message that many objects have.

use super::bytes::{Bad, Cursor, Res};
use super::checksum::verified;
use super::file::File;
use super::fractal_heap::FractalHeap;

/// Heaps of shared messages, by the message types they hold.
pub(super) struct SharedTable {
    /// `(bit n: holds messages of type n, heap)`.
    heaps: Vec<(u16, FractalHeap)>,
}

impl SharedTable {
    /// `body`: the message in the superblock extension that says where the table is.
    pub(super) fn read(file: &File, body: &[u8]) -> Res<SharedTable> {
        let mut c = Cursor::new(body, file.sizes, "shared message table");
        c.version(0)?;
        let addr = c.defined_addr()?;
        let count = c.u8()? as usize;
        let entry = 14 + 2 * file.sizes.offset;
        let bytes = file.read(addr, (4 + count * entry + 4) as u64, "shared message table")?;
        let mut c = Cursor::new(
            verified(&bytes, "shared message table", file.verify)?,
            file.sizes,
            "shared message table",
        );
        c.tag(b"SMTB")?;
        let mut heaps = Vec::new();
        for _ in 0..count {
            c.skip(2)?;
            let types = c.u16()?;
            c.skip(10)?;
            c.addr()?;
            if let Some(heap) = c.addr()? {
                heaps.push((types, FractalHeap::read(file, heap)?));
            }
        }
        Ok(SharedTable { heaps })
    }

    /// The message of type `kind` that the heap id names.
    pub(super) fn message(&self, file: &File, kind: u16, id: &[u8]) -> Res<Vec<u8>> {
        let heap = self.heaps.iter().find(|(types, _)| kind < 16 && types >> kind & 1 == 1);
        let (_, heap) = heap.ok_or_else(|| Bad::Corrupt("a shared message is in no table".into()))?;
        heap.object(file, id)
    }
}
