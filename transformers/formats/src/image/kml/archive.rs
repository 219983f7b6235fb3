//! A zip archive (PKWARE APPNOTE 6.3) whose members are known whole before they are written; always the same bytes for
//! the same members.

use libdeflater::crc32;

use super::super::output::Sink;
use crate::write::WriteError;

/// Members and bytes that the format counts without its 64-bit extension.
const MAX_MEMBERS: usize = 65_535;
const MAX_BYTES: u64 = u32::MAX as u64;
/// 1 January 1980, the first day of the format.
const DATE: u16 = 0x21;

pub struct Archive<'a> {
    sink: &'a mut dyn Sink,
    at: u64,
    members: usize,
    directory: Vec<u8>,
}

impl<'a> Archive<'a> {
    pub fn new(sink: &'a mut dyn Sink) -> Self {
        Archive { sink, at: 0, members: 0, directory: Vec::new() }
    }

    /// Adds a member as it is: pictures are compressed already.
    ///
    /// # Errors
    /// What the sink says; [`WriteError::Unsupported`] when the archive grows beyond 4 GiB or 65 535 members.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let size = bytes.len() as u64;
        if self.members >= MAX_MEMBERS || self.at + size > MAX_BYTES - (1 << 24) {
            return Err(super::super::unsupported(
                "the archive",
                "it grows beyond 4 GiB or 65535 members; ask for a smaller area or fewer --width and --height",
            ));
        }
        let mut common = Vec::with_capacity(26);
        // Version 2.0, names in UTF-8, stored.
        [20u16, 1 << 11, 0, 0, DATE].iter().for_each(|v| common.extend_from_slice(&v.to_le_bytes()));
        [crc32(bytes), size as u32, size as u32]
            .iter()
            .for_each(|v| common.extend_from_slice(&v.to_le_bytes()));
        common.extend_from_slice(&(name.len() as u16).to_le_bytes());
        common.extend_from_slice(&[0, 0]);
        self.directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        self.directory.extend_from_slice(&common);
        // No comment, first disk, no attributes.
        self.directory.extend_from_slice(&[0; 10]);
        self.directory.extend_from_slice(&(self.at as u32).to_le_bytes());
        self.directory.extend_from_slice(name.as_bytes());
        self.put(b"PK\x03\x04")?;
        self.put(&common)?;
        self.put(name.as_bytes())?;
        self.put(bytes)?;
        self.members += 1;
        Ok(())
    }

    /// Writes the directory.
    ///
    /// # Errors
    /// What the sink says.
    pub fn finish(mut self) -> Result<(), WriteError> {
        let (start, directory) = (self.at as u32, std::mem::take(&mut self.directory));
        self.put(&directory)?;
        let members = (self.members as u16).to_le_bytes();
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        end.extend_from_slice(&members);
        end.extend_from_slice(&members);
        end.extend_from_slice(&(directory.len() as u32).to_le_bytes());
        end.extend_from_slice(&start.to_le_bytes());
        end.extend_from_slice(&[0, 0]);
        self.put(&end)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.at += bytes.len() as u64;
        self.sink.put(bytes)
    }
}
