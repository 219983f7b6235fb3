//! One interface for bytes: local file, memory, http(s), object store.

use std::path::Path;

use crate::error::ReadError;

/// Random access to the bytes of one object. Implementors are safe to read from several threads at once.
pub trait ByteSource: Send + Sync {
    /// What messages call it: a path or URL without credentials.
    fn name(&self) -> &str;

    /// Length in bytes.
    fn len(&self) -> u64;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `out` from `offset`.
    ///
    /// # Errors
    /// [`ReadError::Io`] when the range is outside the object or can't be read.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), ReadError>;

    /// Several ranges `(offset, len)`; remote sources join neighbours and fetch in parallel.
    ///
    /// # Errors
    /// As [`ByteSource::read_at`].
    fn read_ranges(&self, ranges: &[(u64, u64)]) -> Result<Vec<Vec<u8>>, ReadError> {
        ranges
            .iter()
            .map(|&(offset, len)| {
                check_range(self.name(), self.len(), offset, len)?;
                let mut out = vec![0; len as usize];
                self.read_at(offset, &mut out).map(|()| out)
            })
            .collect()
    }

    /// The local file, if it is one: external readers need a path.
    fn local_path(&self) -> Option<&Path> {
        None
    }

    /// Whether a request costs much more than its bytes (network): such sources want few large reads.
    fn is_remote(&self) -> bool {
        false
    }
}

/// Refuses a range that leaves the object, before anything is allocated for it.
///
/// # Errors
/// [`ReadError::Io`] naming the range.
pub fn check_range(name: &str, total: u64, offset: u64, len: u64) -> Result<(), ReadError> {
    match offset.checked_add(len) {
        Some(end) if end <= total => Ok(()),
        _ => Err(ReadError::Io {
            source_name: name.into(),
            offset,
            len: len.min(u64::MAX - offset),
            detail: format!("the file ends at byte {total}"),
        }),
    }
}

/// Bytes in memory.
pub struct MemorySource {
    name: String,
    bytes: Vec<u8>,
}

impl MemorySource {
    pub fn new(name: &str, bytes: Vec<u8>) -> Self {
        MemorySource { name: name.into(), bytes }
    }
}

impl ByteSource for MemorySource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), ReadError> {
        check_range(&self.name, self.len(), offset, out.len() as u64)?;
        out.copy_from_slice(&self.bytes[offset as usize..offset as usize + out.len()]);
        Ok(())
    }
}
