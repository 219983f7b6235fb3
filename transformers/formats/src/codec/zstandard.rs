//! Zstandard (RFC 8878): HDF5 filter 32015 and Zarr's `zstd` store plain frames.

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};

use super::{Bound, CodecError, room};

const NAME: &str = "zstd";
/// What Zstandard itself takes when no level is given.
const DEFAULT_LEVEL: i32 = 3;

thread_local! {
    static COMPRESSOR: RefCell<Option<(i32, Compressor<'static>)>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

pub(super) fn decode(input: &[u8], bound: Bound, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let n = decode_into(NAME, input, room(out, bound.max))?;
    out.truncate(n);
    Ok(())
}

/// Bytes written to `out`, which must be large enough.
pub(super) fn decode_into(name: &'static str, input: &[u8], out: &mut [u8]) -> Result<usize, CodecError> {
    let damaged = |e: std::io::Error| CodecError::corrupt(name, format!("damaged frame: {e}"));
    DECOMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Some(Decompressor::new().map_err(damaged)?);
        }
        let decompressor = slot.as_mut().expect("was set above");
        decompressor.decompress_to_buffer(input, out).map_err(damaged)
    })
}

/// `params`: level (two's complement for the fast negative ones), then optionally 1 for a checksum in the frame.
pub(super) fn encode(
    params: &[u32],
    level: Option<u8>,
    input: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let failed = |e: std::io::Error| CodecError::corrupt(NAME, e.to_string());
    let level = match level {
        Some(level) => i32::from(level),
        None => params.first().map_or(DEFAULT_LEVEL, |&l| l as i32),
    };
    let target = room(out, bound(input.len()));
    let n = if params.get(1) == Some(&1) {
        let mut compressor = Compressor::new(level.min(22)).map_err(failed)?;
        compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true)).map_err(failed)?;
        compressor.compress_to_buffer(input, target).map_err(failed)?
    } else {
        encode_into(level.min(22), input, target)?
    };
    out.truncate(n);
    Ok(())
}

/// Largest size of the frame of `len` bytes.
pub(super) fn bound(len: usize) -> usize {
    zstd::zstd_safe::compress_bound(len)
}

/// One frame into `out`, which has room for [`bound`]; gives its length. Uses this thread's compressor: making one
/// clears a megabyte.
pub(super) fn encode_into(level: i32, input: &[u8], out: &mut [u8]) -> Result<usize, CodecError> {
    let failed = |e: std::io::Error| CodecError::corrupt(NAME, e.to_string());
    COMPRESSOR.with_borrow_mut(|slot| {
        if slot.as_ref().is_none_or(|(l, _)| *l != level) {
            *slot = Some((level, Compressor::new(level).map_err(failed)?));
        }
        let (_, compressor) = slot.as_mut().expect("was set above");
        compressor.compress_to_buffer(input, out).map_err(failed)
    })
}
