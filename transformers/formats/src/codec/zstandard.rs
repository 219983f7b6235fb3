//! Zstandard (RFC 8878): HDF5 filter 32015 and Zarr's `zstd` store plain frames.

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};

use super::{Bound, CodecError, room};

const NAME: &str = "zstd";
/// What Zstandard itself takes when no level is given.
const DEFAULT_LEVEL: i32 = 3;

thread_local! {
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
    let mut compressor = Compressor::new(level.min(22)).map_err(failed)?;
    if params.get(1) == Some(&1) {
        compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true)).map_err(failed)?;
    }
    let bound = zstd::zstd_safe::compress_bound(input.len());
    let n = compressor.compress_to_buffer(input, room(out, bound)).map_err(failed)?;
    out.truncate(n);
    Ok(())
}
