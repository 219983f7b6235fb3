//! Header and directories of a TIFF file, classic or BigTIFF, in either byte order.

use std::collections::HashMap;

use harmony_model::{ByteSource, ReadError};

use super::super::tags::{ASCII, field_size};

/// Entries of a directory that are believed.
const MAX_ENTRIES: u64 = 4096;
/// Bytes of one tag: block tables of the largest files stay below.
const MAX_TAG_BYTES: u64 = 512 << 20;

/// One entry: where its values are.
struct Entry {
    kind: u16,
    count: u64,
    offset: u64,
}

/// One directory of a file.
pub struct Directory<'a> {
    source: &'a dyn ByteSource,
    pub big_endian: bool,
    /// BigTIFF.
    big: bool,
    entries: HashMap<u16, Entry>,
    /// Where the next one is; 0: there is none.
    next: u64,
}

/// Bytes of the file in its own order.
struct Cursor<'a> {
    source: &'a dyn ByteSource,
    big_endian: bool,
}

impl Cursor<'_> {
    fn bytes<const N: usize>(&self, at: u64) -> Result<[u8; N], ReadError> {
        let mut out = [0; N];
        self.source.read_at(at, &mut out)?;
        Ok(out)
    }

    fn u16(&self, at: u64) -> Result<u16, ReadError> {
        let b = self.bytes(at)?;
        Ok(if self.big_endian { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) })
    }

    fn u32(&self, at: u64) -> Result<u64, ReadError> {
        let b = self.bytes(at)?;
        Ok(u64::from(if self.big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) }))
    }

    fn u64(&self, at: u64) -> Result<u64, ReadError> {
        let b = self.bytes(at)?;
        Ok(if self.big_endian { u64::from_be_bytes(b) } else { u64::from_le_bytes(b) })
    }
}

impl<'a> Directory<'a> {
    /// # Errors
    /// [`ReadError`] naming what is wrong.
    pub fn first(source: &'a dyn ByteSource) -> Result<Self, ReadError> {
        let corrupt = |detail: String| ReadError::corrupt(source.name(), "TIFF header", detail);
        let mut head = [0; 4];
        source.read_at(0, &mut head)?;
        let big_endian = match &head[..2] {
            b"II" => false,
            b"MM" => true,
            _ => return Err(corrupt("it does not begin with II or MM".into())),
        };
        let cursor = Cursor { source, big_endian };
        let (big, at) = match cursor.u16(2)? {
            42 => (false, cursor.u32(4)?),
            43 => (true, cursor.u64(8)?),
            other => return Err(corrupt(format!("version {other} instead of 42 or 43"))),
        };
        Directory::at(source, big_endian, big, at)
    }

    /// The one behind this one.
    ///
    /// # Errors
    /// As [`Directory::first`].
    pub fn following(&self) -> Result<Option<Self>, ReadError> {
        match self.next {
            0 => Ok(None),
            at => Directory::at(self.source, self.big_endian, self.big, at).map(Some),
        }
    }

    fn at(source: &'a dyn ByteSource, big_endian: bool, big: bool, at: u64) -> Result<Self, ReadError> {
        let corrupt = |detail: String| ReadError::corrupt(source.name(), "TIFF header", detail);
        let cursor = Cursor { source, big_endian };
        let (count, mut entry_at) = match big {
            true => (cursor.u64(at)?, at.saturating_add(8)),
            false => (u64::from(cursor.u16(at)?), at.saturating_add(2)),
        };
        if count == 0 || count > MAX_ENTRIES {
            return Err(corrupt(format!("the directory at {at} has {count} entries")));
        }
        let mut entries = HashMap::new();
        for _ in 0..count {
            let (tag, kind) = (cursor.u16(entry_at)?, cursor.u16(entry_at + 2)?);
            let (count, inline, field) = match big {
                true => (cursor.u64(entry_at + 4)?, 8, entry_at + 12),
                false => (cursor.u32(entry_at + 4)?, 4, entry_at + 8),
            };
            entry_at = field + inline;
            // Unknown types are skipped, as TIFF 6.0 asks.
            let Some(size) = field_size(kind).and_then(|s| s.checked_mul(count)) else { continue };
            let offset = match (size <= inline, big) {
                (true, _) => field,
                (false, true) => cursor.u64(field)?,
                (false, false) => cursor.u32(field)?,
            };
            entries.entry(tag).or_insert(Entry { kind, count, offset });
        }
        // A file that ends here has no further directory, whatever it should say.
        let next = if big { cursor.u64(entry_at) } else { cursor.u32(entry_at) }.unwrap_or(0);
        Ok(Directory { source, big_endian, big, entries, next })
    }

    pub fn has(&self, tag: u16) -> bool {
        self.entries.contains_key(&tag)
    }

    fn raw(&self, tag: u16) -> Result<Option<(&Entry, Vec<u8>)>, ReadError> {
        let Some(entry) = self.entries.get(&tag) else { return Ok(None) };
        let size = field_size(entry.kind).and_then(|s| s.checked_mul(entry.count)).unwrap_or(u64::MAX);
        if size > MAX_TAG_BYTES.min(self.source.len()) {
            return Err(ReadError::TooLarge {
                source_name: self.source.name().into(),
                object: format!("TIFF tag {tag}"),
                claimed: size,
                limit: MAX_TAG_BYTES.min(self.source.len()),
            });
        }
        let mut bytes = vec![0; size as usize];
        self.source.read_at(entry.offset, &mut bytes)?;
        Ok(Some((entry, bytes)))
    }

    /// Unsigned numbers; `None` when the tag is missing or holds none.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn numbers(&self, tag: u16) -> Result<Option<Vec<u64>>, ReadError> {
        let Some((entry, bytes)) = self.raw(tag)? else { return Ok(None) };
        let big = self.big_endian;
        let (halves, words, longs) =
            (bytes.as_chunks::<2>().0, bytes.as_chunks::<4>().0, bytes.as_chunks::<8>().0);
        Ok(match entry.kind {
            1 => Some(bytes.iter().map(|&b| u64::from(b)).collect()),
            3 => Some(
                halves
                    .iter()
                    .map(|&b| u64::from(if big { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) }))
                    .collect(),
            ),
            4 | 13 => Some(
                words
                    .iter()
                    .map(|&b| u64::from(if big { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) }))
                    .collect(),
            ),
            16 | 18 => Some(
                longs
                    .iter()
                    .map(|&b| if big { u64::from_be_bytes(b) } else { u64::from_le_bytes(b) })
                    .collect(),
            ),
            _ => None,
        })
    }

    /// The first number of a tag, `default` when it is missing.
    ///
    /// # Errors
    /// As [`Directory::numbers`].
    pub fn number(&self, tag: u16, default: u64) -> Result<u64, ReadError> {
        Ok(self.numbers(tag)?.and_then(|v| v.first().copied()).unwrap_or(default))
    }

    /// Double-precision numbers; `None` when the tag is missing or holds none.
    ///
    /// # Errors
    /// As [`Directory::numbers`].
    pub fn doubles(&self, tag: u16) -> Result<Option<Vec<f64>>, ReadError> {
        let Some((entry, bytes)) = self.raw(tag)? else { return Ok(None) };
        let big = self.big_endian;
        let (words, longs) = (bytes.as_chunks::<4>().0, bytes.as_chunks::<8>().0);
        Ok(match entry.kind {
            12 => Some(
                longs
                    .iter()
                    .map(|&b| if big { f64::from_be_bytes(b) } else { f64::from_le_bytes(b) })
                    .collect(),
            ),
            11 => Some(
                words
                    .iter()
                    .map(|&b| f64::from(if big { f32::from_be_bytes(b) } else { f32::from_le_bytes(b) }))
                    .collect(),
            ),
            // Rational: numerator and denominator.
            5 => Some(
                longs
                    .iter()
                    .map(|b| {
                        let word = |i: usize| {
                            let w = [b[i], b[i + 1], b[i + 2], b[i + 3]];
                            f64::from(if big { u32::from_be_bytes(w) } else { u32::from_le_bytes(w) })
                        };
                        word(0) / word(4)
                    })
                    .collect(),
            ),
            _ => None,
        })
    }

    /// Text up to its first NUL; `None` when the tag is missing or holds none.
    ///
    /// # Errors
    /// As [`Directory::numbers`].
    pub fn text(&self, tag: u16) -> Result<Option<String>, ReadError> {
        let Some((entry, bytes)) = self.raw(tag)? else { return Ok(None) };
        if entry.kind != ASCII && entry.kind != 1 {
            return Ok(None);
        }
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        Ok(Some(String::from_utf8_lossy(&bytes[..end]).into_owned()))
    }
}
