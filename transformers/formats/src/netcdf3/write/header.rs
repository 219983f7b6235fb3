//! The header and the offsets in it ("NetCDF Classic Format Specification"; PnetCDF's "CDF-5 file format").

use harmony_model::DType;

use super::convert::{Stored, type_code};
use super::flatten::{Flat, FlatVar};

/// Largest size of a variable (of one record of it) that 32 bits can say, and of extents.
const MOST_32: u64 = 0xffff_fffc;
const MOST_LEN: u64 = i32::MAX as u64;

/// Version of the format, by its number in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Classic = 1,
    Offset64 = 2,
    Data64 = 5,
}

/// Where everything is.
pub(super) struct Layout {
    pub header: Vec<u8>,
    /// First byte of each variable (of its part of the first record).
    pub begins: Vec<u64>,
    /// Bytes of each variable (of its part of one record), without padding.
    pub slabs: Vec<u64>,
    pub record_size: u64,
    /// Size of the file.
    pub len: u64,
}

/// Lays out the file in the oldest version that can hold it. `None`: sizes overflow.
pub(super) fn layout(flat: &Flat, wide: bool) -> Option<Layout> {
    let slabs: Vec<u64> = flat.vars.iter().map(|v| slab(flat, v)).collect::<Option<_>>()?;
    let large = slabs.iter().any(|&s| s > MOST_32) || flat.dims.iter().any(|d| d.len > MOST_LEN);
    let needs_64 = wide || large;
    let versions = [Version::Classic, Version::Offset64, Version::Data64];
    for version in versions.into_iter().filter(|v| !needs_64 || *v == Version::Data64) {
        let layout = place(flat, version, &slabs)?;
        if version != Version::Classic || layout.len <= MOST_LEN {
            return Some(layout);
        }
    }
    None
}

/// Bytes of a variable, or of its part of one record.
fn slab(flat: &Flat, var: &FlatVar) -> Option<u64> {
    let lens = var.dims.iter().map(|&d| flat.dims[d].len).skip(usize::from(var.record));
    lens.into_iter().try_fold(var.dtype.size() as u64, u64::checked_mul).filter(|&n| n < i64::MAX as u64 / 2)
}

fn pad4(n: u64) -> u64 {
    n.next_multiple_of(4)
}

fn place(flat: &Flat, version: Version, slabs: &[u64]) -> Option<Layout> {
    let mut begins = vec![0; slabs.len()];
    // Offsets have a fixed width, so the header is as long with zeros in their place.
    let header_len = encode(flat, version, &begins, slabs).len() as u64;
    let mut at = header_len;
    for i in (0..slabs.len()).filter(|&i| !flat.vars[i].record) {
        begins[i] = at;
        at = at.checked_add(pad4(slabs[i]))?;
    }
    let records: Vec<usize> = (0..slabs.len()).filter(|&i| flat.vars[i].record).collect();
    let alone = records.len() == 1;
    let mut record_size = 0u64;
    for &i in &records {
        begins[i] = at.checked_add(record_size)?;
        record_size = record_size.checked_add(if alone { slabs[i] } else { pad4(slabs[i]) })?;
    }
    let len = at.checked_add(record_size.checked_mul(flat.records)?)?;
    // A lone record variable of small items has no padding between records; the file still ends on a word.
    let len = if alone { pad4(len) } else { len };
    (len < i64::MAX as u64).then(|| Layout {
        header: encode(flat, version, &begins, slabs),
        begins,
        slabs: slabs.to_vec(),
        record_size,
        len,
    })
}

struct Bytes {
    out: Vec<u8>,
    wide_counts: bool,
    wide_offsets: bool,
}

impl Bytes {
    fn u32(&mut self, v: u32) {
        self.out.extend(v.to_be_bytes());
    }

    fn count(&mut self, v: u64) {
        match self.wide_counts {
            true => self.out.extend(v.to_be_bytes()),
            // Larger sizes are said by all ones, by design of the format.
            false => self.u32(u32::try_from(v).unwrap_or(u32::MAX)),
        }
    }

    fn offset(&mut self, v: u64) {
        match self.wide_offsets {
            true => self.out.extend(v.to_be_bytes()),
            false => self.u32(u32::try_from(v).unwrap_or(u32::MAX)),
        }
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.out.resize(self.out.len().next_multiple_of(4), 0);
    }

    fn name(&mut self, name: &str) {
        self.count(name.len() as u64);
        self.padded(name.as_bytes());
    }

    /// The tag and length of a list; an empty one is zeros.
    fn list(&mut self, tag: u32, len: usize) {
        self.u32(if len == 0 { 0 } else { tag });
        self.count(len as u64);
    }

    fn attributes(&mut self, attrs: &[(String, Stored)]) {
        self.list(0x0c, attrs.len());
        for (name, value) in attrs {
            self.name(name);
            self.u32(value.code);
            self.count(value.count);
            self.padded(&value.bytes);
        }
    }
}

fn encode(flat: &Flat, version: Version, begins: &[u64], slabs: &[u64]) -> Vec<u8> {
    let (wide_counts, wide_offsets) = (version == Version::Data64, version != Version::Classic);
    let mut b = Bytes { out: vec![b'C', b'D', b'F', version as u8], wide_counts, wide_offsets };
    b.count(flat.records);
    b.list(0x0a, flat.dims.len());
    for dim in &flat.dims {
        b.name(&dim.name);
        b.count(if dim.record { 0 } else { dim.len });
    }
    b.attributes(&flat.attrs);
    b.list(0x0b, flat.vars.len());
    for ((var, &begin), &slab) in flat.vars.iter().zip(begins).zip(slabs) {
        b.name(&var.name);
        b.count(var.dims.len() as u64);
        var.dims.iter().for_each(|&d| b.count(d as u64));
        b.attributes(&var.attrs);
        b.u32(type_code(&var.dtype).unwrap_or(type_code(&DType::I8).unwrap_or(1)));
        b.count(pad4(slab));
        b.offset(begin);
    }
    b.out
}
