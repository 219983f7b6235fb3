//! Little-endian fields and the pieces that HDF5 structures share.

use crate::netcdf4::read::checksum::lookup3;

/// The address that means "nowhere".
pub const UNDEFINED: u64 = u64::MAX;

/// Appends fields to a structure.
pub trait Put {
    fn u8(&mut self, v: u8);
    fn u16(&mut self, v: u16);
    fn u32(&mut self, v: u32);
    fn u64(&mut self, v: u64);
    /// The low `width` bytes of `v`.
    fn uint(&mut self, v: u64, width: usize);
    fn zeros(&mut self, n: usize);
    /// Text with a closing zero byte.
    fn c_str(&mut self, text: &str);
    /// The checksum of everything since `from`.
    fn checksum(&mut self, from: usize);
}

impl Put for Vec<u8> {
    fn u8(&mut self, v: u8) {
        self.push(v);
    }

    fn u16(&mut self, v: u16) {
        self.extend_from_slice(&v.to_le_bytes());
    }

    fn u32(&mut self, v: u32) {
        self.extend_from_slice(&v.to_le_bytes());
    }

    fn u64(&mut self, v: u64) {
        self.extend_from_slice(&v.to_le_bytes());
    }

    fn uint(&mut self, v: u64, width: usize) {
        self.extend_from_slice(&v.to_le_bytes()[..width]);
    }

    fn zeros(&mut self, n: usize) {
        self.resize(self.len() + n, 0);
    }

    fn c_str(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
        self.push(0);
    }

    fn checksum(&mut self, from: usize) {
        let sum = lookup3(&self[from..]);
        self.u32(sum);
    }
}

/// Bytes that hold every value up to `limit` (HDF5's `H5VM_limit_enc_size`).
pub fn width_of(limit: u64) -> usize {
    limit.max(1).ilog2() as usize / 8 + 1
}

/// `n` rounded up to a multiple of 8.
pub fn align8(n: u64) -> u64 {
    n.next_multiple_of(8)
}
