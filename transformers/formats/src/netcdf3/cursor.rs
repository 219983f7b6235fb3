//! A forward reader of header fields that fetches the file piece by piece.

use harmony_model::{ByteSource, ReadError};

/// First piece: most headers fit, and a remote file costs one request.
const FIRST_PIECE: u64 = 64 * 1024;
/// No netCDF header comes near this; a file that claims more is refused before memory is.
const HEADER_LIMIT: u64 = 256 * 1024 * 1024;

/// Reads header fields in order; the part read so far stays in memory.
pub(super) struct Cursor<'a> {
    source: &'a dyn ByteSource,
    bytes: Vec<u8>,
    at: usize,
    /// Counts and extents are 64-bit (CDF-5).
    wide_counts: bool,
    /// Offsets are 64-bit (CDF-2 and CDF-5).
    wide_offsets: bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(source: &'a dyn ByteSource) -> Self {
        Cursor { source, bytes: Vec::new(), at: 0, wide_counts: false, wide_offsets: false }
    }

    /// Says how wide counts and offsets are from here on.
    pub(super) fn set_version(&mut self, version: u8) {
        self.wide_counts = version == 5;
        self.wide_offsets = version != 1;
    }

    /// An error about `object` of this file.
    pub(super) fn corrupt(&self, object: impl Into<String>, detail: impl Into<String>) -> ReadError {
        ReadError::corrupt(self.source.name(), object, detail)
    }

    /// Bytes of the file that have not been read.
    fn left(&self) -> u64 {
        self.source.len().saturating_sub(self.at as u64)
    }

    /// The next `n` bytes; `what` names them in the error.
    pub(super) fn take(&mut self, n: u64, what: &str) -> Result<&[u8], ReadError> {
        if n > self.left() {
            let detail = format!("{what} needs {n} bytes at byte {}, {} are left", self.at, self.left());
            return Err(self.corrupt("header", detail));
        }
        let end = self.at as u64 + n;
        if end > HEADER_LIMIT {
            return Err(ReadError::TooLarge {
                source_name: self.source.name().into(),
                object: format!("the header ({what})"),
                claimed: end,
                limit: HEADER_LIMIT,
            });
        }
        self.fetch(end)?;
        let start = self.at;
        self.at = end as usize;
        Ok(&self.bytes[start..self.at])
    }

    /// Makes sure the first `end` bytes of the file are in memory.
    fn fetch(&mut self, end: u64) -> Result<(), ReadError> {
        let have = self.bytes.len() as u64;
        if end > have {
            let goal = end.max(have * 2).max(FIRST_PIECE).min(self.source.len());
            self.bytes.resize(goal as usize, 0);
            self.source.read_at(have, &mut self.bytes[have as usize..])?;
        }
        Ok(())
    }

    /// A big-endian 32-bit number.
    pub(super) fn u32(&mut self, what: &str) -> Result<u32, ReadError> {
        let bytes = self.take(4, what)?;
        Ok(bytes.iter().fold(0, |n, &b| n << 8 | u32::from(b)))
    }

    fn u64(&mut self, what: &str) -> Result<u64, ReadError> {
        let bytes = self.take(8, what)?;
        Ok(bytes.iter().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    /// A count or extent.
    pub(super) fn count(&mut self, what: &str) -> Result<u64, ReadError> {
        if self.wide_counts { self.u64(what) } else { self.u32(what).map(u64::from) }
    }

    /// A file offset.
    pub(super) fn offset(&mut self, what: &str) -> Result<u64, ReadError> {
        if self.wide_offsets { self.u64(what) } else { self.u32(what).map(u64::from) }
    }

    /// Bytes of one count.
    pub(super) fn count_width(&self) -> u64 {
        if self.wide_counts { 8 } else { 4 }
    }

    /// The number of elements of a list whose elements take at least `least` bytes each.
    pub(super) fn list_len(&mut self, least: u64, what: &str) -> Result<u64, ReadError> {
        let n = self.count(what)?;
        if n > self.left() / least.max(1) {
            let detail = format!("{what} claims {n} entries, {} bytes are left in the file", self.left());
            return Err(self.corrupt("header", detail));
        }
        Ok(n)
    }

    /// `n` bytes and the zeros that pad them to a multiple of four.
    pub(super) fn padded(&mut self, n: u64, what: &str) -> Result<Vec<u8>, ReadError> {
        let value = self.take(n, what)?.to_vec();
        // A header that ends the file may lack the last padding.
        let pad = (n.wrapping_neg() & 3).min(self.left());
        self.take(pad, what)?;
        Ok(value)
    }

    /// A name: UTF-8, counted, padded.
    pub(super) fn name(&mut self, what: &str) -> Result<String, ReadError> {
        let n = self.list_len(1, what)?;
        let bytes = self.padded(n, what)?;
        String::from_utf8(bytes).map_err(|e| {
            let shown = String::from_utf8_lossy(e.as_bytes()).into_owned();
            self.corrupt(format!("{what} '{shown}'"), "the name is not UTF-8")
        })
    }
}
