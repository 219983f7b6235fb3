//! Stored chunks of granules that may be closed meanwhile.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use harmony_model::source::check_range;
use harmony_model::{ByteSource, Granule, ReadError, Storage, StoredChunk, Variable};

use super::pool::{Pool, changed};

/// Chunks of one variable that are looked up in advance.
const MAX_CHUNKS: u64 = 1 << 16;

/// The bytes of a granule, wherever they can be had again without keeping the granule open.
pub struct ReopenedSource {
    name: String,
    len: u64,
    way: Way,
}

enum Way {
    /// Costs nothing to keep: a remote object.
    Held(Arc<dyn ByteSource>),
    File {
        path: PathBuf,
        pool: Arc<Pool>,
    },
    /// Through the granule: the source of that chunk.
    Granule {
        pool: Arc<Pool>,
        member: usize,
        var: usize,
        path: String,
        origin: Vec<u64>,
        shape: Vec<u64>,
    },
}

/// Which chunk a source was found with.
pub struct Probe<'a> {
    pub pool: &'a Arc<Pool>,
    pub member: usize,
    pub var: usize,
    pub path: &'a str,
    pub origin: &'a [u64],
    pub shape: &'a [u64],
}

impl ReopenedSource {
    /// For the source of the chunk that `probe` names.
    pub fn new(source: &Arc<dyn ByteSource>, probe: &Probe) -> Self {
        let pool = probe.pool.clone();
        let way = match source.local_path() {
            Some(path) => Way::File { path: path.to_owned(), pool },
            None if source.is_remote() => Way::Held(source.clone()),
            None => Way::Granule {
                pool,
                member: probe.member,
                var: probe.var,
                path: probe.path.to_owned(),
                origin: probe.origin.to_vec(),
                shape: probe.shape.to_vec(),
            },
        };
        ReopenedSource { name: source.name().to_owned(), len: source.len(), way }
    }

    /// Whether it stands for the same bytes.
    fn is_of(&self, source: &Arc<dyn ByteSource>) -> bool {
        self.len == source.len() && self.name == source.name()
    }

    fn again(&self) -> Result<Option<Arc<dyn ByteSource>>, ReadError> {
        let Way::Granule { pool, member, var, path, origin, shape } = &self.way else { return Ok(None) };
        let (granule, var) = pool.variable(*member, *var, path)?;
        match granule.vars[var].data.stored_chunk(origin, shape)? {
            Some(StoredChunk::At { source, .. }) if self.is_of(&source) => Ok(Some(source)),
            _ => Err(changed(pool.name(*member), path)),
        }
    }
}

impl ByteSource for ReopenedSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), ReadError> {
        check_range(&self.name, self.len, offset, out.len() as u64)?;
        match &self.way {
            Way::Held(source) => source.read_at(offset, out),
            Way::File { path, pool } => {
                let file = pool.file(path)?;
                read_exact_at(&file, offset, out).map_err(|e| ReadError::Io {
                    source_name: self.name.clone(),
                    offset,
                    len: out.len() as u64,
                    detail: e.to_string(),
                })
            }
            Way::Granule { .. } => match self.again()? {
                Some(source) => source.read_at(offset, out),
                None => Ok(()),
            },
        }
    }

    fn read_ranges(&self, ranges: &[(u64, u64)]) -> Result<Vec<Vec<u8>>, ReadError> {
        if let Way::Held(source) = &self.way {
            return source.read_ranges(ranges);
        }
        let one = |&(offset, len): &(u64, u64)| {
            check_range(&self.name, self.len, offset, len)?;
            let mut out = vec![0; len as usize];
            self.read_at(offset, &mut out).map(|()| out)
        };
        ranges.iter().map(one).collect()
    }

    fn local_path(&self) -> Option<&Path> {
        match &self.way {
            Way::File { path, .. } => Some(path),
            _ => None,
        }
    }

    fn is_remote(&self) -> bool {
        matches!(self.way, Way::Held(_))
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut offset: u64, mut out: &mut [u8]) -> std::io::Result<()> {
    while !out.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_read(file, out, offset)?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        (offset, out) = (offset + n as u64, &mut out[n..]);
    }
    Ok(())
}

/// Where one chunk is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// Not as a stored chunk.
    Nowhere,
    NeverWritten,
    At {
        offset: u64,
        len: u64,
        filter_mask: u32,
    },
}

/// The stored chunks of one variable of one granule.
pub struct ChunkTable {
    shape: Vec<u64>,
    counts: Vec<u64>,
    places: Vec<Place>,
    source: Option<Arc<ReopenedSource>>,
}

/// What was found out about the stored chunks of a variable.
#[derive(Clone)]
pub enum Chunks {
    /// There are none that could be copied.
    None,
    /// Too many to look up in advance, or in several objects.
    Ask,
    All(Arc<ChunkTable>),
}

impl ChunkTable {
    /// Looks up all chunks. `sources` are those of the granule found so far.
    ///
    /// # Errors
    /// When the chunk index can't be read.
    pub fn of(
        pool: &Arc<Pool>,
        member: usize,
        granule: &Granule,
        var: usize,
        sources: &mut Vec<Arc<ReopenedSource>>,
    ) -> Result<Chunks, ReadError> {
        let variable = &granule.vars[var];
        let extents = granule.shape(harmony_model::VarId(var));
        let Some((shape, counts)) = chunk_grid(variable, &extents) else { return Ok(Chunks::None) };
        let total = counts.iter().try_fold(1u64, |n, &c| n.checked_mul(c));
        if total.is_none_or(|n| n > MAX_CHUNKS) {
            return Ok(Chunks::Ask);
        }
        let mut table = ChunkTable { shape, counts, places: Vec::new(), source: None };
        let mut any = false;
        for index in 0..table.counts.iter().product::<u64>() {
            let origin = table.origin(index);
            let found = variable.data.stored_chunk(&origin, &table.shape)?;
            any |= found.is_some();
            let place = match found {
                None => Place::Nowhere,
                Some(StoredChunk::Missing) => Place::NeverWritten,
                Some(StoredChunk::At { source, offset, len, filter_mask }) => {
                    let known = sources.iter().find(|s| s.is_of(&source)).cloned();
                    let this = known.unwrap_or_else(|| {
                        let (path, shape) = (variable.path.as_str(), &table.shape);
                        let probe = Probe { pool, member, var, path, origin: &origin, shape };
                        let new = Arc::new(ReopenedSource::new(&source, &probe));
                        sources.push(new.clone());
                        new
                    });
                    if table.source.as_ref().is_some_and(|s| !Arc::ptr_eq(s, &this)) {
                        return Ok(Chunks::Ask);
                    }
                    table.source = Some(this);
                    Place::At { offset, len, filter_mask }
                }
            };
            table.places.push(place);
        }
        Ok(if any { Chunks::All(Arc::new(table)) } else { Chunks::None })
    }

    fn origin(&self, mut index: u64) -> Vec<u64> {
        let mut origin = vec![0; self.counts.len()];
        for axis in (0..self.counts.len()).rev() {
            origin[axis] = index % self.counts[axis] * self.shape[axis];
            index /= self.counts[axis];
        }
        origin
    }

    /// The stored chunk at `origin`, when it is a chunk of that shape.
    pub fn find(&self, origin: &[u64], shape: &[u64]) -> Option<StoredChunk> {
        if shape != self.shape || origin.len() != shape.len() {
            return None;
        }
        let mut index = 0;
        for ((o, n), count) in origin.iter().zip(shape).zip(&self.counts) {
            if !o.is_multiple_of(*n) || o / n >= *count {
                return None;
            }
            index = index * count + o / n;
        }
        match self.places.get(index as usize)? {
            Place::Nowhere => None,
            Place::NeverWritten => Some(StoredChunk::Missing),
            Place::At { offset, len, filter_mask } => Some(StoredChunk::At {
                source: self.source.clone()?,
                offset: *offset,
                len: *len,
                filter_mask: *filter_mask,
            }),
        }
    }

    /// Whether all chunks are stored, as many and as long as those of `other`: what two variables with the same values
    /// from the same program are.
    pub fn looks_like(&self, other: &ChunkTable) -> bool {
        let len = |p: &Place| match p {
            Place::At { len, filter_mask, .. } => Some((*len, *filter_mask)),
            Place::NeverWritten => Some((0, 0)),
            Place::Nowhere => None,
        };
        self.shape == other.shape
            && self.counts == other.counts
            && self.places.iter().zip(&other.places).all(|(a, b)| len(a).is_some() && len(a) == len(b))
    }

    /// Whether the stored bytes are those of `other`.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn same_bytes(&self, other: &ChunkTable) -> Result<bool, ReadError> {
        let (Some(a), Some(b)) = (&self.source, &other.source) else { return Ok(true) };
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for pair in self.places.iter().zip(&other.places) {
            let (Place::At { offset: x, len, .. }, Place::At { offset: y, .. }) = pair else { continue };
            check_range(a.name(), a.len(), *x, *len)?;
            left.resize(*len as usize, 0);
            right.resize(*len as usize, 0);
            a.read_at(*x, &mut left)?;
            b.read_at(*y, &mut right)?;
            if left != right {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Shape of the chunks and how many there are along each axis.
fn chunk_grid(variable: &Variable, extents: &[u64]) -> Option<(Vec<u64>, Vec<u64>)> {
    let Storage::Chunked { shape, .. } = &variable.storage else { return None };
    if variable.dtype.has_slots() || shape.len() != extents.len() || shape.contains(&0) {
        return None;
    }
    let counts: Vec<u64> = extents.iter().zip(shape).map(|(n, c)| n.div_ceil(*c)).collect();
    (!counts.contains(&0)).then(|| (shape.clone(), counts))
}
