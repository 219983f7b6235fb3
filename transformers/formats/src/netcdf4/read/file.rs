//! The open file: addressed reads, what the superblock says, and the caches that objects share.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use harmony_model::ByteSource;

use super::bytes::{Bad, Cursor, Res, Sizes, corrupt, unsupported};
use super::global_heap::Collections;
use super::header::{Header, kind};
use super::shared::SharedTable;
use super::superblock::Superblock;

/// An HDF5 file. Addresses are relative to the base address (the end of a user block).
pub(super) struct File {
    /// Where chunks are read from.
    pub(super) source: Arc<dyn ByteSource>,
    /// The same bytes through a block cache, for metadata.
    meta: Arc<dyn ByteSource>,
    pub(super) base: u64,
    pub(super) sizes: Sizes,
    /// Whether checksums are compared; only fuzzing does without, to get past them.
    pub(super) verify: bool,
    /// Metadata bytes fetched so far, against structures that refer to each other over and over.
    spent: AtomicU64,
    budget: u64,
    shared: Option<SharedTable>,
    committed: Mutex<HashMap<u64, Arc<Vec<u8>>>>,
    pub(super) collections: Collections,
}

impl File {
    /// Reads the superblock and gives the address of the root group's header with the file.
    pub(super) fn open(
        source: Arc<dyn ByteSource>,
        meta: Arc<dyn ByteSource>,
        verify: bool,
    ) -> Res<(File, Superblock)> {
        let superblock = Superblock::find(meta.as_ref(), verify)?;
        let total = source.len();
        if superblock.end > total {
            return corrupt(format!("it has {total} bytes of the {} that it says it has", superblock.end));
        }
        let mut file = File {
            source,
            meta,
            base: superblock.base,
            sizes: superblock.sizes,
            verify,
            spent: AtomicU64::new(0),
            budget: total.saturating_mul(32).saturating_add(256 << 20),
            shared: None,
            committed: Mutex::default(),
            collections: Collections::default(),
        };
        if let Some(extension) = superblock.extension {
            file.read_extension(extension)?;
        }
        Ok((file, superblock))
    }

    fn read_extension(&mut self, addr: u64) -> Res<()> {
        let header = Header::read(self, addr)?;
        if let Some(message) = header.first(kind::CACHE_IMAGE) {
            let mut c = Cursor::new(header.body(message), self.sizes, "metadata cache image");
            c.version(0)?;
            c.skip(1)?;
            if c.addr()?.is_some() {
                return unsupported("it holds a metadata cache image; run h5repack on it");
            }
        }
        if let Some(message) = header.first(kind::SHARED_TABLE) {
            self.shared = Some(SharedTable::read(self, header.body(message))?);
        }
        Ok(())
    }

    pub(super) fn name(&self) -> &str {
        self.source.name()
    }

    /// Length of what addresses can reach.
    pub(super) fn len(&self) -> u64 {
        self.source.len() - self.base
    }

    /// Whether `len` bytes from `addr` are inside the file.
    pub(super) fn holds(&self, addr: u64, len: u64) -> bool {
        addr.checked_add(len).is_some_and(|end| end <= self.len())
    }

    /// `len` bytes of metadata at `addr`. Nothing is allocated for a range that leaves the file.
    pub(super) fn read(&self, addr: u64, len: u64, what: &str) -> Res<Vec<u8>> {
        self.spend(len)?;
        self.read_uncounted(addr, len, what)
    }

    /// Counts `len` bytes taken out of the file's metadata. A structure that is used twice is counted twice, so that
    /// a small file can't unfold into one that fills the memory.
    pub(super) fn spend(&self, len: u64) -> Res<()> {
        match self.spent.fetch_add(len.saturating_add(64), Ordering::Relaxed) > self.budget {
            true => corrupt("its metadata refers to itself over and over"),
            false => Ok(()),
        }
    }

    /// As [`File::read`], for what may rightly be fetched again and again.
    pub(super) fn read_uncounted(&self, addr: u64, len: u64, what: &str) -> Res<Vec<u8>> {
        if !self.holds(addr, len) {
            return corrupt(format!("its {what} at {addr} lies outside the file"));
        }
        let mut out = vec![0; usize::try_from(len).map_err(|_| too_long(what))?];
        self.meta.read_at(self.base + addr, &mut out)?;
        Ok(out)
    }

    /// Up to `len` bytes at `addr`: less at the end of the file.
    pub(super) fn read_up_to(&self, addr: u64, len: u64, what: &str) -> Res<Vec<u8>> {
        if addr >= self.len() {
            return corrupt(format!("its {what} at {addr} lies outside the file"));
        }
        self.read(addr, len.min(self.len() - addr), what)
    }

    /// The body of a message, wherever it is kept: here, in a committed datatype, in the shared message heap.
    pub(super) fn resolve<'a>(&self, message_kind: u16, shared: bool, body: &'a [u8]) -> Res<Cow<'a, [u8]>> {
        if !shared {
            return Ok(Cow::Borrowed(body));
        }
        let mut c = Cursor::new(body, self.sizes, "shared message");
        let version = c.u8()?;
        let place = c.u8()?;
        match version {
            1 => c.skip(6 + self.sizes.length)?,
            2 | 3 => {}
            v => return unsupported(format!("a shared message has version {v}, which is unknown")),
        }
        if version == 3 && place == 1 {
            return self.shared_message(message_kind, c.take(8)?).map(Cow::Owned);
        }
        let addr = c.defined_addr()?;
        self.committed(message_kind, addr).map(|body| Cow::Owned(body.to_vec()))
    }

    /// A message in the heap of shared messages.
    pub(super) fn shared_message(&self, message_kind: u16, id: &[u8]) -> Res<Vec<u8>> {
        match &self.shared {
            Some(table) => table.message(self, message_kind, id),
            None => corrupt("the table of shared messages is missing"),
        }
    }

    /// The message of that kind in the header at `addr` (a committed datatype); kept for the next use.
    fn committed(&self, message_kind: u16, addr: u64) -> Res<Arc<Vec<u8>>> {
        let lock = || self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        if message_kind == kind::DATATYPE
            && let Some(body) = lock().get(&addr)
        {
            return Ok(body.clone());
        }
        let header = Header::read(self, addr)?;
        let Some(message) = header.first(message_kind).filter(|m| !m.is_shared()) else {
            return corrupt(format!("the shared message at {addr} is missing"));
        };
        let body = Arc::new(header.body(message).to_vec());
        if message_kind == kind::DATATYPE {
            lock().insert(addr, body.clone());
        }
        Ok(body)
    }
}

/// More bytes than this machine can address.
pub(super) fn too_long(what: &str) -> Bad {
    Bad::Corrupt(format!("its {what} is longer than memory can be"))
}
