//! Header messages other than datatypes (HDF5 file format §IV.A.2).

use harmony_model::{AttrShape, Filter};

use super::put::{Put, UNDEFINED};
use crate::netcdf4::read::checksum::lookup3;

/// Message numbers.
pub mod kind {
    pub const DATASPACE: u8 = 0x01;
    pub const LINK_INFO: u8 = 0x02;
    pub const DATATYPE: u8 = 0x03;
    pub const FILL_VALUE: u8 = 0x05;
    pub const LINK: u8 = 0x06;
    pub const LAYOUT: u8 = 0x08;
    pub const GROUP_INFO: u8 = 0x0a;
    pub const PIPELINE: u8 = 0x0b;
    pub const ATTRIBUTE: u8 = 0x0c;
    pub const ATTRIBUTE_INFO: u8 = 0x15;
    pub const REFERENCE_COUNT: u8 = 0x16;
}

/// Message flags: never changes; stands in another object's header; may not be shared.
pub const CONSTANT: u8 = 0x01;
pub const SHARED: u8 = 0x02;
pub const DONT_SHARE: u8 = 0x04;

/// Longest body of a message: its length has 16 bits.
pub const MAX_MESSAGE: usize = u16::MAX as usize;

/// An object header under construction (version 2, attribute creation order tracked and indexed).
#[derive(Default)]
pub struct Header {
    messages: Vec<u8>,
}

impl Header {
    /// Adds a message; `order` counts attributes and is 0 for everything else.
    ///
    /// # Errors
    /// When it is longer than a message can be.
    pub fn add(&mut self, kind: u8, flags: u8, order: u16, body: &[u8]) -> Result<(), String> {
        let len = u16::try_from(body.len())
            .map_err(|_| format!("its description needs {} bytes, HDF5 allows 65535", body.len()))?;
        self.messages.u8(kind);
        self.messages.u16(len);
        self.messages.u8(flags);
        self.messages.u16(order);
        self.messages.extend_from_slice(body);
        Ok(())
    }

    /// Appends the finished header to `out`. One chunk holds all messages: it may be of any length.
    ///
    /// # Errors
    /// When libhdf5 would not load it.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), String> {
        // libhdf5's metadata cache takes entries up to 32 MiB.
        if self.messages.len() > 31 << 20 {
            return Err("it has too many members or attributes for one HDF5 object".into());
        }
        let start = out.len();
        out.extend_from_slice(b"OHDR");
        out.u8(2);
        out.u8(0x02 | 0x04 | 0x08); // 4-byte chunk size; attribute creation order tracked, indexed
        out.u32(self.messages.len() as u32);
        out.extend_from_slice(&self.messages);
        out.checksum(start);
        Ok(())
    }
}

/// Dataspace of an array; an unlimited axis has no maximum.
pub fn dataspace(shape: &[u64], unlimited: &[bool]) -> Vec<u8> {
    let with_max = unlimited.contains(&true);
    let kind = u8::from(!shape.is_empty());
    let mut out = vec![2, shape.len() as u8, u8::from(with_max), kind];
    shape.iter().for_each(|&n| out.u64(n));
    if with_max {
        shape.iter().zip(unlimited).for_each(|(&n, &open)| out.u64(if open { UNDEFINED } else { n }));
    }
    out
}

/// Dataspace of an attribute.
pub fn attribute_space(shape: &AttrShape) -> Vec<u8> {
    match shape {
        AttrShape::Null => vec![2, 0, 0, 2],
        AttrShape::Scalar => dataspace(&[], &[]),
        AttrShape::Simple(shape) => dataspace(shape, &[]),
    }
}

/// Fill value message version 3: written if set; chunks are allocated one by one, a contiguous array when written.
pub fn fill_value(value: Option<&[u8]>, chunked: bool) -> Vec<u8> {
    const WRITE_IF_SET: u8 = 2 << 2;
    const DEFINED: u8 = 1 << 5;
    let allocate = if chunked { 3 } else { 2 };
    let mut out = vec![3, allocate | WRITE_IF_SET];
    if let Some(value) = value {
        out[1] |= DEFINED;
        out.u32(value.len() as u32);
        out.extend_from_slice(value);
    }
    out
}

/// Layout version 3 of one piece of `len` bytes.
pub fn contiguous_layout(address: u64, len: u64) -> Vec<u8> {
    let mut out = vec![3, 1];
    out.u64(address);
    out.u64(len);
    out
}

/// Layout version 3 of chunks that a version 1 B-tree finds.
pub fn chunked_layout(tree: u64, chunk_shape: &[u64], element_size: usize) -> Vec<u8> {
    let mut out = vec![3, 2, chunk_shape.len() as u8 + 1];
    out.u64(tree);
    chunk_shape.iter().for_each(|&n| out.u32(n as u32));
    out.u32(element_size as u32);
    out
}

/// Filter pipeline version 2.
pub fn pipeline(filters: &[Filter]) -> Vec<u8> {
    let mut out = vec![2, filters.len() as u8];
    for filter in filters {
        out.u16(filter.id);
        let name = filter.name.trim_end_matches('\0');
        // Numbers below 256 are HDF5's own: their names are known.
        if filter.id >= 256 {
            out.u16(if name.is_empty() { 0 } else { name.len() as u16 + 1 });
        }
        out.u16(u16::from(filter.optional));
        out.u16(filter.params.len() as u16);
        if filter.id >= 256 && !name.is_empty() {
            out.c_str(name);
        }
        filter.params.iter().for_each(|&p| out.u32(p));
    }
    out
}

/// Link info: creation order tracked and indexed, links stored in the header itself.
pub fn link_info(count: usize) -> Vec<u8> {
    let mut out = vec![0, 0x03];
    out.u64(count as u64);
    (0..3).for_each(|_| out.u64(UNDEFINED));
    out
}

/// Hard link number `order` of a group.
pub fn link(name: &str, order: usize, address: u64) -> Vec<u8> {
    const ORDER_PRESENT: u8 = 0x04;
    const CHARSET_PRESENT: u8 = 0x10;
    let (width_bits, width) = match name.len() {
        0..=0xff => (0, 1),
        _ => (1, 2),
    };
    let charset = if name.is_ascii() { 0 } else { CHARSET_PRESENT };
    let mut out = vec![1, ORDER_PRESENT | charset | width_bits];
    out.u64(order as u64);
    if charset != 0 {
        out.u8(1); // UTF-8
    }
    out.uint(name.len() as u64, width);
    out.extend_from_slice(name.as_bytes());
    out.u64(address);
    out
}

/// Attribute info: `count` attributes; `dense` are the addresses of heap, name index and order index.
pub fn attribute_info(count: usize, dense: Option<[u64; 3]>) -> Vec<u8> {
    let mut out = vec![0, 0x03];
    out.u16(count as u16);
    dense.unwrap_or([UNDEFINED; 3]).iter().for_each(|&a| out.u64(a));
    out
}

/// A datatype that stands in the header of a committed type.
pub fn shared_datatype(address: u64) -> Vec<u8> {
    let mut out = vec![3, 2];
    out.u64(address);
    out
}

/// The parts of an attribute message (version 3).
pub struct AttributeParts<'a> {
    pub name: &'a str,
    pub datatype: &'a [u8],
    pub shared_datatype: bool,
    pub space: &'a [u8],
    pub data: &'a [u8],
}

/// Attribute message. May be longer than a header message can be: it then needs dense storage.
///
/// # Errors
/// When name or type are too long for any storage.
pub fn attribute(parts: &AttributeParts<'_>) -> Result<Vec<u8>, String> {
    let name_len = u16::try_from(parts.name.len() + 1).map_err(|_| "its name is too long".to_owned())?;
    let type_len = u16::try_from(parts.datatype.len())
        .map_err(|_| "the description of its type is too long".to_owned())?;
    let mut out = vec![3, u8::from(parts.shared_datatype)];
    out.u16(name_len);
    out.u16(type_len);
    out.u16(parts.space.len() as u16);
    out.u8(u8::from(!parts.name.is_ascii())); // 1: UTF-8
    out.c_str(parts.name);
    out.extend_from_slice(parts.datatype);
    out.extend_from_slice(parts.space);
    out.extend_from_slice(parts.data);
    Ok(out)
}

/// Superblock version 2 (48 bytes at the start of the file).
pub fn superblock(end_of_file: u64, root: u64) -> Vec<u8> {
    let mut out = b"\x89HDF\r\n\x1a\n".to_vec();
    out.extend_from_slice(&[2, 8, 8, 0]); // version, sizes of offsets and lengths, flags
    out.u64(0);
    out.u64(UNDEFINED);
    out.u64(end_of_file);
    out.u64(root);
    let sum = lookup3(&out);
    out.u32(sum);
    out
}

/// Length of [`superblock`].
pub const SUPERBLOCK: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_superblock_has_48_bytes_and_its_checksum() {
        let bytes = superblock(4096, 48);
        assert_eq!(bytes.len(), SUPERBLOCK);
        assert_eq!(bytes[44..], lookup3(&bytes[..44]).to_le_bytes());
    }

    #[test]
    fn a_header_counts_only_its_messages() {
        let mut header = Header::default();
        header.add(kind::GROUP_INFO, 0, 0, &[0, 0]).unwrap();
        let mut out = Vec::new();
        header.finish(&mut out).unwrap();
        assert_eq!(out[..10], [b'O', b'H', b'D', b'R', 2, 0x0e, 8, 0, 0, 0]);
        assert_eq!(out.len(), 10 + 8 + 4);
    }

    #[test]
    fn a_message_that_is_too_long_is_an_error() {
        assert!(Header::default().add(kind::FILL_VALUE, 0, 0, &vec![0; 70_000]).is_err());
    }

    #[test]
    fn a_filter_of_hdf5_has_no_name() {
        let bytes = pipeline(&[Filter::deflate(4)]);
        assert_eq!(bytes, [2, 1, 1, 0, 1, 0, 1, 0, 4, 0, 0, 0]);
        let mut zstd = Filter::new(32015, &[3]);
        zstd.name = "zstd".into();
        assert_eq!(pipeline(&[zstd])[2..15], [0x0f, 0x7d, 5, 0, 0, 0, 1, 0, b'z', b's', b't', b'd', 0]);
    }

    #[test]
    fn an_unlimited_axis_has_no_maximum() {
        let bytes = dataspace(&[2, 3], &[true, false]);
        assert_eq!(bytes[..4], [2, 2, 1, 1]);
        assert_eq!(bytes[20..28], [0xff; 8]);
        assert_eq!(bytes[28..36], 3u64.to_le_bytes());
    }
}
