//! The filter pipeline message.

use harmony_model::Filter;

use super::bytes::{Cursor, Res, Sizes, corrupt, unsupported};
use crate::codec;

/// HDF5 allows this many filters in a pipeline.
const MAX_FILTERS: u8 = 32;
/// Filters below this number are HDF5's own and nameless in version 2.
const FIRST_REGISTERED: u16 = 256;

/// Parses a filter pipeline message, version 1 or 2.
pub(super) fn parse(body: &[u8], sizes: Sizes) -> Res<Vec<Filter>> {
    let mut c = Cursor::new(body, sizes, "filter pipeline");
    let version = c.u8()?;
    let count = c.u8()?;
    match version {
        1 => c.skip(6)?,
        2 => {}
        v => return unsupported(format!("its filter pipeline has version {v}, which is unknown")),
    }
    if count > MAX_FILTERS {
        return corrupt(format!("it claims {count} filters"));
    }
    (0..count).map(|_| filter(&mut c, version)).collect()
}

fn filter(c: &mut Cursor, version: u8) -> Res<Filter> {
    let id = c.u16()?;
    let name_len = if version == 1 || id >= FIRST_REGISTERED { c.u16()? as usize } else { 0 };
    let optional = c.u16()? & 1 == 1;
    let count = c.u16()? as usize;
    let name = c.take(if version == 1 { name_len.next_multiple_of(8) } else { name_len })?;
    let name = name.split(|&b| b == 0).next().unwrap_or_default();
    let values = c.take(count * 4)?.chunks_exact(4);
    let params = values.map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    if version == 1 && count % 2 == 1 {
        // The padding of the last filter may be cut off.
        c.skip(4.min(c.remaining()))?;
    }
    Ok(Filter { id, name: String::from_utf8_lossy(name).into_owned(), optional, params })
}

/// Packed bytes unpack to at most this many times as many; deflate, the densest, stays below 1033.
const MAX_RATIO: u64 = 2048;

/// Undoes the filters of a heap block that unpacks to `size` bytes.
pub(super) fn decode(filters: &[Filter], mask: u32, stored: &[u8], size: u64) -> Res<Vec<u8>> {
    if size > (stored.len() as u64).saturating_mul(MAX_RATIO) {
        return corrupt(format!("{} packed bytes of a heap claim to be {size}", stored.len()));
    }
    let mut out = Vec::new();
    match codec::decode(filters, mask, stored, size as usize, &mut out) {
        Ok(()) => Ok(out),
        Err(error) if error.is_unsupported() => unsupported(format!("a heap is packed: {error}")),
        Err(error) => corrupt(format!("a heap is packed: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_2_names_only_registered_filters() {
        let sizes = Sizes { offset: 8, length: 8 };
        let body = [2, 2, 1, 0, 1, 0, 1, 0, 4, 0, 0, 0, 0, 125, 4, 0, 0, 0, 0, 0, b'l', b'z', b'f', 0];
        let filters = parse(&body, sizes).unwrap();
        assert_eq!(filters[0], Filter { optional: true, ..Filter::new(1, &[4]) });
        assert_eq!((filters[1].id, filters[1].name.as_str()), (32000, "lzf"));
        assert!(parse(&body[..20], sizes).is_err());
    }
}
