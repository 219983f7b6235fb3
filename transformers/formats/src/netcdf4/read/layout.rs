//! Data layout and fill value messages.

use harmony_model::dtype::{DType, SLOT};

use super::bytes::{Cursor, Res, Sizes, corrupt, unsupported};
use super::header::{Header, kind};

/// Where the elements of a dataset are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Layout {
    /// In the header itself.
    Compact(Vec<u8>),
    /// In one piece; `None`: never written.
    Contiguous(Option<u64>),
    Chunked(Chunked),
    /// Somewhere we don't go; says why.
    Elsewhere(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chunked {
    /// Extents of a chunk, without the element size that the message has as last dimension.
    pub(super) shape: Vec<u64>,
    pub(super) element_size: u64,
    pub(super) index: IndexKind,
    /// Where the index is; `None`: nothing was written.
    pub(super) addr: Option<u64>,
    /// Chunks that hang over the edge are stored without filters.
    pub(super) raw_edges: bool,
}

/// How chunks are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IndexKind {
    BTree1,
    /// One chunk; stored length and filter mask when filtered.
    Single(Option<(u64, u32)>),
    /// All chunks in order, one behind the other.
    Implicit,
    FixedArray,
    ExtensibleArray,
    BTree2,
}

impl Layout {
    pub(super) fn parse(body: &[u8], sizes: Sizes) -> Res<Layout> {
        let mut c = Cursor::new(body, sizes, "data layout");
        match c.u8()? {
            1 | 2 => old(&mut c),
            version @ 3..=5 => match c.u8()? {
                0 => {
                    let len = c.u16()? as usize;
                    Ok(Layout::Compact(c.take(len)?.to_vec()))
                }
                1 => Ok(Layout::Contiguous(c.addr()?)),
                2 if version == 3 => chunked_v3(&mut c),
                2 => chunked_v4(&mut c, version),
                3 => Ok(Layout::Elsewhere(
                    "it is a virtual dataset, put together from other files; run h5repack on it".into(),
                )),
                class => unsupported(format!("its data layout is of the unknown class {class}")),
            },
            v => unsupported(format!("its data layout has version {v}, which is unknown")),
        }
    }
}

/// Versions 1 and 2 have the address before the extents, for every class.
fn old(c: &mut Cursor) -> Res<Layout> {
    let rank = c.u8()? as usize;
    let class = c.u8()?;
    c.skip(5)?;
    let addr = if class == 0 { None } else { c.addr()? };
    match class {
        0 => {
            c.skip(4 * rank)?;
            let len = c.u32()? as usize;
            Ok(Layout::Compact(c.take(len)?.to_vec()))
        }
        1 => Ok(Layout::Contiguous(addr)),
        2 => chunk_dims(c, rank, 4, IndexKind::BTree1, addr),
        _ => unsupported(format!("its data layout is of the unknown class {class}")),
    }
}

fn chunked_v3(c: &mut Cursor) -> Res<Layout> {
    let rank = c.u8()? as usize;
    let addr = c.addr()?;
    chunk_dims(c, rank, 4, IndexKind::BTree1, addr)
}

fn chunk_dims(c: &mut Cursor, rank: usize, width: usize, index: IndexKind, addr: Option<u64>) -> Res<Layout> {
    // HDF5 allows 32 dimensions, and the element size counts as one more.
    if !(2..=33).contains(&rank) {
        return corrupt(format!("its chunks have {rank} dimensions"));
    }
    let mut shape = (0..rank).map(|_| c.uint(width)).collect::<Res<Vec<_>>>()?;
    let element_size = shape.pop().unwrap_or(0);
    if shape.contains(&0) || element_size == 0 {
        return corrupt("its chunks are empty");
    }
    Ok(Layout::Chunked(Chunked { shape, element_size, index, addr, raw_edges: false }))
}

fn chunked_v4(c: &mut Cursor, version: u8) -> Res<Layout> {
    let flags = c.u8()?;
    let rank = c.u8()? as usize;
    let width = c.u8()? as usize;
    let Layout::Chunked(mut chunked) = chunk_dims(c, rank, width, IndexKind::Implicit, None)? else {
        return corrupt("its chunks are empty");
    };
    chunked.index = match c.u8()? {
        1 if flags & 2 != 0 => IndexKind::Single(Some((c.length()?, c.u32()?))),
        1 => IndexKind::Single(None),
        2 => IndexKind::Implicit,
        3 => {
            c.skip(1)?;
            IndexKind::FixedArray
        }
        4 => {
            c.skip(5)?;
            IndexKind::ExtensibleArray
        }
        5 => {
            c.skip(6)?;
            IndexKind::BTree2
        }
        kind => {
            return unsupported(format!("its chunk index (layout {version}) is of the unknown kind {kind}"));
        }
    };
    chunked.addr = c.addr()?;
    chunked.raw_edges = flags & 1 != 0;
    Ok(Layout::Chunked(chunked))
}

/// The fill value that a user set, as stored; `None` for the library's default of zeros.
pub(super) fn fill_value(file: &super::file::File, header: &Header) -> Res<Option<Vec<u8>>> {
    if let Some(body) = header.resolved(file, kind::FILL)? {
        let mut c = Cursor::new(&body, file.sizes, "fill value");
        let version = c.u8()?;
        let has_size = match version {
            1 | 2 => {
                c.skip(2)?;
                let defined = c.u8()? != 0;
                version == 1 || defined
            }
            3 => c.u8()? & 0x20 != 0,
            v => return unsupported(format!("its fill value has version {v}, which is unknown")),
        };
        if has_size && c.remaining() >= 4 {
            return sized(&mut c);
        }
        return Ok(None);
    }
    match header.resolved(file, kind::FILL_OLD)? {
        Some(body) => sized(&mut Cursor::new(&body, file.sizes, "fill value")),
        None => Ok(None),
    }
}

fn sized(c: &mut Cursor) -> Res<Option<Vec<u8>>> {
    match c.u32()? as i32 {
        n if n > 0 => c.take(n as usize).map(|b| Some(b.to_vec())),
        _ => Ok(None),
    }
}

/// A stored fill value as an element in native order; `None` when it has another size than the element.
pub(super) fn native_fill(fill: Vec<u8>, stored: &super::datatype::Stored, sizes: Sizes) -> Option<Vec<u8>> {
    let mut fill = fill;
    if matches!(stored.dtype, DType::String | DType::VLen(_)) && fill.len() == stored.size {
        let mut c = Cursor::new(&fill, sizes, "fill value");
        fill = super::global_heap::Slot::parse(&mut c).ok()?.to_bytes().to_vec();
        debug_assert_eq!(fill.len(), SLOT);
    }
    if fill.len() != stored.dtype.size() {
        return None;
    }
    if stored.big_endian {
        harmony_model::dtype::swap_bytes(&mut fill, swap_width(&stored.dtype));
    }
    Some(fill)
}

/// Bytes that change place in an element; those of an array's numbers too.
pub(super) fn swap_width(dtype: &DType) -> usize {
    match dtype {
        DType::Array { base, .. } => swap_width(base),
        other => other.swap_width(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { offset: 8, length: 8 };

    #[test]
    fn the_last_dimension_of_a_chunk_is_the_element_size() {
        let mut body = vec![3, 2, 3];
        body.extend(0x1234u64.to_le_bytes());
        [5u32, 7, 4].iter().for_each(|n| body.extend(n.to_le_bytes()));
        let Layout::Chunked(chunked) = Layout::parse(&body, SIZES).unwrap() else { panic!() };
        assert_eq!((chunked.shape, chunked.element_size), (vec![5, 7], 4));
        assert_eq!((chunked.index, chunked.addr), (IndexKind::BTree1, Some(0x1234)));
    }

    #[test]
    fn chunks_of_no_extent_are_refused() {
        let mut body = vec![3, 2, 2];
        body.extend(0u64.to_le_bytes());
        body.extend([0; 8]);
        assert!(Layout::parse(&body, SIZES).is_err());
    }
}
