//! HDF4 file structure: the directory of data descriptors and how a data element is laid out.
//!
//! Source: HDF Specification and Developer's Guide, version 4.1r5 (data descriptors, chapter 2; special elements,
//! chapter 10). All structure is big-endian.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use harmony_model::{ByteSource, ReadError};

use super::bytes::Cursor;
use super::codec::Coder;

pub const MAGIC: [u8; 4] = [0x0e, 0x03, 0x13, 0x01];

/// Tags of data elements.
pub mod tag {
    pub const NULL: u16 = 1;
    pub const LINKED: u16 = 20;
    pub const COMPRESSED: u16 = 40;
    pub const NUMBER_TYPE: u16 = 106;
    pub const RASTER_IMAGE: u16 = 302;
    pub const SD_GROUP: u16 = 700;
    pub const SD_DIMENSIONS: u16 = 701;
    pub const SD_DATA: u16 = 702;
    pub const SD_LABELS: u16 = 704;
    pub const ND_GROUP: u16 = 720;
    pub const VDATA_HEADER: u16 = 1962;
    pub const VDATA: u16 = 1963;
    pub const VGROUP: u16 = 1965;
}

/// Bit of a tag that marks a special element.
const SPECIAL: u16 = 0x4000;

/// Metadata elements (tables, attributes) above this are not believed: HDF4 itself stops at 2 GiB.
const MAX_METADATA: u64 = 64 << 20;

/// Chunks of one element: their references have 16 bits, unwritten ones have none.
pub const MAX_CHUNKS: u64 = 1 << 20;

/// Tag and reference number: the name of a data element.
pub type Key = (u16, u16);

#[derive(Clone, Copy)]
struct Descriptor {
    offset: u64,
    len: u64,
    special: bool,
}

/// An open file: its directory.
pub struct Hdf4 {
    pub source: Arc<dyn ByteSource>,
    descriptors: HashMap<Key, Descriptor>,
    /// In file order.
    pub keys: Vec<Key>,
}

/// Bytes of an element that lie in one piece of the file; logical positions without an extent are holes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    pub start: u64,
    pub offset: u64,
    pub len: u64,
}

/// How an element is stored.
#[derive(Clone, Debug)]
pub enum Layout {
    /// Described but never written.
    Missing,
    Plain {
        extents: Vec<Extent>,
        len: u64,
    },
    /// `len` bytes when decoded.
    Coded {
        coder: Coder,
        len: u64,
        extents: Vec<Extent>,
        stored: u64,
    },
    Chunked(ChunkTable),
}

/// The chunks of a chunked element.
#[derive(Clone, Debug)]
pub struct ChunkTable {
    pub shape: Vec<u64>,
    pub chunk: Vec<u64>,
    pub element_size: u64,
    pub deflate: Option<u32>,
    /// Element of each chunk that was written, by its index along every axis.
    pub chunks: HashMap<Vec<u64>, Key>,
}

/// Chunks in an array of that shape; saturates. `chunk` has no zero.
pub fn chunk_count(shape: &[u64], chunk: &[u64]) -> u64 {
    let counts = shape.iter().zip(chunk).map(|(n, c)| n.div_ceil(*c));
    counts.fold(1, |all, n| all.saturating_mul(n.max(1)))
}

impl Hdf4 {
    /// Reads the directory.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] when the file is no HDF4 file or its directory leaves the file.
    pub fn open(source: Arc<dyn ByteSource>) -> Result<Self, ReadError> {
        let mut magic = [0; 4];
        source.read_at(0, &mut magic)?;
        if magic != MAGIC {
            return Err(ReadError::corrupt(source.name(), "signature", "it does not start as HDF4 files do"));
        }
        let mut file = Hdf4 { source, descriptors: HashMap::new(), keys: Vec::new() };
        let mut seen = HashSet::new();
        let mut at = 4u64;
        while at != 0 {
            if !seen.insert(at) {
                return Err(file.corrupt("directory", "its blocks form a cycle"));
            }
            at = file.read_block(at)?;
        }
        Ok(file)
    }

    fn read_block(&mut self, at: u64) -> Result<u64, ReadError> {
        let mut head = [0; 6];
        self.source.read_at(at, &mut head)?;
        let count = u64::from(u16::from_be_bytes([head[0], head[1]]));
        let next = u32::from_be_bytes([head[2], head[3], head[4], head[5]]);
        let mut bytes = vec![0; count as usize * 12];
        self.source.read_at(at + 6, &mut bytes)?;
        let mut cursor = Cursor::new(&bytes);
        while let (Some(tag), Some(reference), Some(offset), Some(len)) =
            (cursor.u16(), cursor.u16(), cursor.u32(), cursor.u32())
        {
            if tag == tag::NULL {
                continue;
            }
            let special = tag & SPECIAL != 0 && tag & 0x8000 == 0;
            let key = (if special { tag & !SPECIAL } else { tag }, reference);
            if !self.descriptors.contains_key(&key) {
                self.keys.push(key);
            }
            let (offset, len) = if offset == u32::MAX || len == u32::MAX { (0, 0) } else { (offset, len) };
            self.descriptors.insert(key, Descriptor { offset: offset.into(), len: len.into(), special });
        }
        Ok(u64::from(next))
    }

    pub fn corrupt(&self, object: &str, detail: &str) -> ReadError {
        ReadError::corrupt(self.source.name(), object, detail)
    }

    fn object(key: Key) -> String {
        format!("data element {}/{}", key.0, key.1)
    }

    /// All references of a tag, in file order.
    pub fn refs(&self, tag: u16) -> impl Iterator<Item = u16> + '_ {
        self.keys.iter().filter(move |k| k.0 == tag).map(|k| k.1)
    }

    /// Layout of an element.
    ///
    /// # Errors
    /// [`ReadError`] when its description is damaged or of a kind that is not read.
    pub fn layout(&self, key: Key) -> Result<Layout, ReadError> {
        let Some(&d) = self.descriptors.get(&key) else { return Ok(Layout::Missing) };
        if d.len == 0 {
            return Ok(Layout::Missing);
        }
        if !d.special {
            return Ok(Layout::Plain {
                extents: vec![Extent { start: 0, offset: d.offset, len: d.len }],
                len: d.len,
            });
        }
        let header = self.fetch(d.offset, d.len, &Self::object(key))?;
        let mut cursor = Cursor::new(&header);
        let damaged = || self.corrupt(&Self::object(key), "its special header is cut short");
        match cursor.u16().ok_or_else(damaged)? {
            1 => {
                let (extents, len) = self.linked(&mut cursor, key)?;
                Ok(Layout::Plain { extents, len })
            }
            3 => self.coded(&mut cursor, key),
            5 => self.chunked(&mut cursor).ok_or_else(damaged)?.map(Layout::Chunked),
            kind => Err(ReadError::unsupported(
                self.source.name(),
                Self::object(key),
                match kind {
                    2 => "its data lies in another file, which is not followed: copy it with hrepack first"
                        .into(),
                    _ => format!("special elements of kind {kind} are not read"),
                },
            )),
        }
    }

    fn fetch(&self, offset: u64, len: u64, object: &str) -> Result<Vec<u8>, ReadError> {
        if len > MAX_METADATA {
            return Err(ReadError::TooLarge {
                source_name: self.source.name().into(),
                object: object.into(),
                claimed: len,
                limit: MAX_METADATA,
            });
        }
        harmony_model::source::check_range(self.source.name(), self.source.len(), offset, len)?;
        let mut out = vec![0; len as usize];
        self.source.read_at(offset, &mut out)?;
        Ok(out)
    }

    /// Blocks of a linked-block element: tables of block references, chained.
    fn linked(&self, cursor: &mut Cursor, key: Key) -> Result<(Vec<Extent>, u64), ReadError> {
        let damaged = || self.corrupt(&Self::object(key), "its block table is damaged");
        let total = u64::from(cursor.u32().ok_or_else(damaged)?);
        let block_len = u64::from(cursor.u32().ok_or_else(damaged)?);
        let per_table = cursor.u32().ok_or_else(damaged)? as usize;
        let mut table = cursor.u16().ok_or_else(damaged)?;
        let (mut extents, mut start, mut first, mut seen) = (Vec::new(), 0u64, true, HashSet::new());
        while table != 0 && start < total {
            if !seen.insert(table) {
                return Err(damaged());
            }
            let d = *self.descriptors.get(&(tag::LINKED, table)).ok_or_else(damaged)?;
            let bytes = self.fetch(d.offset, d.len, &Self::object(key))?;
            let mut refs = Cursor::new(&bytes);
            let next = refs.u16().ok_or_else(damaged)?;
            for _ in 0..per_table {
                let Some(reference) = refs.u16() else { break };
                if start >= total {
                    break;
                }
                let block = self.descriptors.get(&(tag::LINKED, reference)).filter(|_| reference != 0);
                // The first block keeps the length the element had before it grew, which may be nothing.
                let span = match block {
                    Some(b) if first => b.len,
                    _ => block_len,
                };
                first = false;
                if let Some(b) = block {
                    let len = b.len.min(span).min(total - start);
                    if len > 0 {
                        extents.push(Extent { start, offset: b.offset, len });
                    }
                }
                start += span;
            }
            table = next;
        }
        Ok((extents, total))
    }

    fn coded(&self, cursor: &mut Cursor, key: Key) -> Result<Layout, ReadError> {
        let parse = |cursor: &mut Cursor| {
            let _version = cursor.u16()?;
            let len = cursor.u32()?;
            let reference = cursor.u16()?;
            Some((u64::from(len), reference, Coder::parse(cursor)?))
        };
        let (len, reference, coder) = parse(cursor)
            .ok_or_else(|| self.corrupt(&Self::object(key), "its compression header is cut short"))?;
        // The compressed bytes are an element of their own: plain or linked, never coded again.
        let stored = (tag::COMPRESSED, reference);
        let plain = match self.descriptors.get(&stored) {
            Some(_) => self.layout_plain(stored)?,
            None => None,
        };
        Ok(match plain {
            Some((extents, stored)) => Layout::Coded { coder, len, extents, stored },
            None => Layout::Missing,
        })
    }

    fn layout_plain(&self, key: Key) -> Result<Option<(Vec<Extent>, u64)>, ReadError> {
        let d = self.descriptors[&key];
        if d.len == 0 {
            return Ok(None);
        }
        if !d.special {
            return Ok(Some((vec![Extent { start: 0, offset: d.offset, len: d.len }], d.len)));
        }
        let header = self.fetch(d.offset, d.len, &Self::object(key))?;
        let mut cursor = Cursor::new(&header);
        match cursor.u16() {
            Some(1) => self.linked(&mut cursor, key).map(Some),
            _ => Err(self.corrupt(&Self::object(key), "its bytes are stored in an unexpected way")),
        }
    }

    /// Header of a chunked element and its table; the outer `Option` is about the header's length.
    fn chunked(&self, cursor: &mut Cursor) -> Option<Result<ChunkTable, ReadError>> {
        let (_header_len, _version, flags) = (cursor.u32()?, cursor.u8()?, cursor.u32()?);
        let (_elements, _chunk_elements) = (cursor.u32()?, cursor.u32()?);
        let element_size = u64::from(cursor.u32()?);
        let table = (cursor.u16()?, cursor.u16()?);
        let _special = (cursor.u16()?, cursor.u16()?);
        let rank = cursor.u32()? as usize;
        let (mut shape, mut chunk) = (Vec::new(), Vec::new());
        for _ in 0..rank {
            let (_distribution, len, chunk_len) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
            shape.push(u64::from(len));
            chunk.push(u64::from(chunk_len));
        }
        let fill_len = cursor.u32()? as usize;
        let _fill = cursor.take(fill_len)?;
        // The low byte of the flags says that chunks are compressed; a compression header follows.
        let deflate = (flags & 0xff == 3)
            .then(|| {
                let _ = (cursor.u16()?, cursor.u32()?);
                match Coder::parse(cursor)? {
                    Coder::Deflate(level) => Some(level),
                    _ => None,
                }
            })
            .flatten();
        if rank == 0 || rank > 32 || chunk.contains(&0) {
            return Some(Err(self.corrupt("chunked element", "its chunks have no extent")));
        }
        if chunk_count(&shape, &chunk) > MAX_CHUNKS {
            return Some(Err(self.corrupt("chunked element", "it claims more chunks than HDF4 can number")));
        }
        let chunks = self.chunk_table(table, rank);
        Some(chunks.map(|chunks| ChunkTable { shape, chunk, element_size, deflate, chunks }))
    }

    /// The table is a Vdata of records: index along every axis, tag and reference of the chunk.
    fn chunk_table(&self, table: Key, rank: usize) -> Result<HashMap<Vec<u64>, Key>, ReadError> {
        let bytes = self.metadata((tag::VDATA, table.1))?;
        let mut chunks = HashMap::new();
        for record in bytes.chunks_exact(rank * 4 + 4) {
            let mut cursor = Cursor::new(record);
            let index = (0..rank).filter_map(|_| cursor.u32()).map(u64::from).collect();
            if let (Some(tag), Some(reference)) = (cursor.u16(), cursor.u16())
                && tag != tag::NULL
            {
                chunks.insert(index, (tag, reference));
            }
        }
        Ok(chunks)
    }

    /// All bytes of a metadata element (not a coded or chunked one).
    ///
    /// # Errors
    /// [`ReadError`] when they can't be read.
    pub fn metadata(&self, key: Key) -> Result<Vec<u8>, ReadError> {
        match self.layout(key)? {
            Layout::Missing => Ok(Vec::new()),
            Layout::Plain { extents, len } => {
                if len > MAX_METADATA.min(self.source.len()) {
                    return Err(self.corrupt(&Self::object(key), "it claims more bytes than the file has"));
                }
                let mut out = vec![0; len as usize];
                self.gather(&extents, 0, &mut out)?;
                Ok(out)
            }
            _ => Err(self.corrupt(&Self::object(key), "a table is stored as if it were data")),
        }
    }

    /// Fills `out` with the logical bytes from `start`; holes stay as they are.
    ///
    /// # Errors
    /// [`ReadError::Io`].
    pub fn gather(&self, extents: &[Extent], start: u64, out: &mut [u8]) -> Result<(), ReadError> {
        let end = start + out.len() as u64;
        for e in extents {
            let (lo, hi) = (e.start.max(start), (e.start + e.len).min(end));
            if lo < hi {
                let part = &mut out[(lo - start) as usize..(hi - start) as usize];
                self.source.read_at(e.offset + (lo - e.start), part)?;
            }
        }
        Ok(())
    }
}
