//! B-trees version 2: the records of indexes over names, creation order, huge heap objects and chunks.

use super::bytes::{Cursor, Res, corrupt, width_for};
use super::checksum::verified;
use super::file::File;

/// What the tree's header says.
pub(super) struct Tree {
    /// What kind of records it holds.
    pub(super) kind: u8,
    pub(super) record_size: usize,
    node_size: u64,
    depth: u16,
    root: Option<(u64, u64)>,
    /// Bytes of a record count in a child pointer.
    count_width: usize,
    /// Per level: bytes of the count of all records below, and the most records of a node.
    levels: Vec<Level>,
}

#[derive(Clone, Copy)]
struct Level {
    most: u64,
    /// Most records of a whole subtree.
    most_below: u64,
    /// Bytes of a number up to `most_below`; 0 for leaves, whose parents do not keep it.
    below_width: usize,
}

/// Signature, version, type and checksum of a node.
const NODE_OVERHEAD: u64 = 10;
/// Deeper trees would hold more records than a file has bytes.
const MAX_DEPTH: u16 = 32;

impl Tree {
    pub(super) fn read(file: &File, addr: u64) -> Res<Tree> {
        let sizes = file.sizes;
        let len = 16 + sizes.offset + 2 + sizes.length + 4;
        let bytes = file.read(addr, len as u64, "B-tree header")?;
        let mut c = Cursor::new(verified(&bytes, "B-tree header", file.verify)?, sizes, "B-tree header");
        c.tag(b"BTHD")?;
        c.version(0)?;
        let kind = c.u8()?;
        let node_size = u64::from(c.u32()?);
        let record_size = c.u16()? as usize;
        let depth = c.u16()?;
        c.skip(2)?;
        let root = c.addr()?;
        let root_records = u64::from(c.u16()?);
        if record_size == 0 || depth > MAX_DEPTH || node_size <= NODE_OVERHEAD {
            return corrupt("a B-tree has impossible measures");
        }
        let mut tree = Tree {
            kind,
            record_size,
            node_size,
            depth,
            root: root.filter(|_| root_records > 0).map(|root| (root, root_records)),
            count_width: 0,
            levels: Vec::new(),
        };
        tree.measure(sizes.offset as u64);
        Ok(tree)
    }

    /// How many records a node of each level holds: the widths of counts follow from it.
    fn measure(&mut self, offset: u64) {
        let record = self.record_size as u64;
        let most = (self.node_size - NODE_OVERHEAD) / record;
        self.count_width = width_for(most);
        self.levels.push(Level { most, most_below: most, below_width: 0 });
        for _ in 0..self.depth {
            let child = self.levels[self.levels.len() - 1];
            let pointer = offset + self.count_width as u64 + child.below_width as u64;
            let most = self.node_size.saturating_sub(NODE_OVERHEAD + pointer) / (record + pointer);
            let most_below = (most + 1).saturating_mul(child.most_below).saturating_add(most);
            self.levels.push(Level { most, most_below, below_width: width_for(most_below) });
        }
    }

    /// Hands every record, in order, to `each`.
    pub(super) fn for_each(&self, file: &File, mut each: impl FnMut(&[u8]) -> Res<()>) -> Res<()> {
        match self.root {
            Some((addr, records)) => self.node(file, addr, records, self.depth as usize, &mut each),
            None => Ok(()),
        }
    }

    fn node(
        &self,
        file: &File,
        addr: u64,
        records: u64,
        level: usize,
        each: &mut dyn FnMut(&[u8]) -> Res<()>,
    ) -> Res<()> {
        if records > self.levels[level].most {
            return corrupt("a B-tree node claims more records than it has room for");
        }
        let records = records as usize;
        let below_width = if level > 1 { self.levels[level - 1].below_width } else { 0 };
        let pointer = file.sizes.offset + self.count_width + below_width;
        let pointers = if level > 0 { (records + 1) * pointer } else { 0 };
        let used = 6 + records * self.record_size + pointers + 4;
        let bytes = file.read(addr, used as u64, "B-tree node")?;
        let body = verified(&bytes, "B-tree node", file.verify)?;
        let mut c = Cursor::new(body, file.sizes, "B-tree node");
        c.tag(if level == 0 { b"BTLF" } else { b"BTIN" })?;
        c.version(0)?;
        if c.u8()? != self.kind {
            return corrupt("a B-tree node belongs to another tree");
        }
        let keys = c.take(records * self.record_size)?;
        let mut keys = keys.chunks_exact(self.record_size);
        if level == 0 {
            return keys.try_for_each(each);
        }
        for _ in 0..=records {
            let child = c.defined_addr()?;
            let count = c.uint(self.count_width)?;
            c.skip(below_width)?;
            self.node(file, child, count, level - 1, each)?;
            if let Some(key) = keys.next() {
                each(key)?;
            }
        }
        Ok(())
    }
}
