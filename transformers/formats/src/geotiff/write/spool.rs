//! Encoded blocks until their place in the file is known: in memory, above a limit in a file beside the target.

use std::path::Path;

use crate::write::{PendingFile, WriteError};

/// An encoded block.
pub enum Stored {
    Memory(Vec<u8>),
    Spooled {
        offset: u64,
        len: usize,
    },
    /// Already in its place in the file.
    Placed {
        offset: u64,
        len: usize,
    },
}

impl Stored {
    pub fn len(&self) -> usize {
        match self {
            Stored::Memory(bytes) => bytes.len(),
            Stored::Spooled { len, .. } | Stored::Placed { len, .. } => *len,
        }
    }
}

/// Where blocks wait.
pub struct Spool<'a> {
    target: &'a Path,
    limit: u64,
    held: u64,
    file: Option<PendingFile>,
    file_len: u64,
}

impl<'a> Spool<'a> {
    pub fn new(target: &'a Path, limit: u64) -> Self {
        Spool { target, limit, held: 0, file: None, file_len: 0 }
    }

    /// # Errors
    /// What writing says.
    pub fn put(&mut self, bytes: Vec<u8>) -> Result<Stored, WriteError> {
        let len = bytes.len();
        if self.held + len as u64 <= self.limit {
            self.held += len as u64;
            return Ok(Stored::Memory(bytes));
        }
        if self.file.is_none() {
            let mut name = self.target.file_name().unwrap_or_default().to_os_string();
            name.push(".blocks");
            // Never finished, so it is gone when the spool is.
            self.file = Some(PendingFile::create(&self.target.with_file_name(name))?);
        }
        let file = self.file.as_ref().expect("was made above");
        let offset = self.file_len;
        file.write_at(offset, &bytes)?;
        self.file_len += len as u64;
        Ok(Stored::Spooled { offset, len })
    }

    /// Appends the bytes of a block to `out`.
    ///
    /// # Errors
    /// What reading them back says.
    pub fn append(&self, block: &Stored, out: &mut Vec<u8>) -> Result<(), WriteError> {
        match (block, &self.file) {
            (Stored::Memory(bytes), _) => out.extend_from_slice(bytes),
            (Stored::Spooled { offset, len }, Some(file)) => {
                let start = out.len();
                out.resize(start + len, 0);
                file.read_at(*offset, &mut out[start..])?;
            }
            (Stored::Spooled { .. }, None) => unreachable!("only a spool with a file gives spooled blocks"),
            (Stored::Placed { .. }, _) => unreachable!("files with placed blocks are not put together"),
        }
        Ok(())
    }
}
