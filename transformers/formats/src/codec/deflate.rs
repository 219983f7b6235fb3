//! Deflate in a zlib (RFC 1950) or gzip (RFC 1952) container, through libdeflate.

use std::cell::RefCell;

use libdeflater::{CompressionLvl, Compressor, DecompressionError, Decompressor};

use super::{Bound, CodecError, room};

/// Deflate can't shrink more than this: 258 bytes out of 2 bits.
const MAX_RATIO: usize = 1032;
/// Default effort: on geophysical fields as dense as zlib's own level 4 to 6, at more than twice its speed.
const MAX_DEFAULT_LEVEL: u32 = 4;

thread_local! {
    static DECOMPRESSOR: RefCell<Decompressor> = RefCell::new(Decompressor::new());
    static COMPRESSOR: RefCell<Option<(i32, Compressor)>> = const { RefCell::new(None) };
}

pub(super) fn decode_zlib(input: &[u8], bound: Bound, out: &mut Vec<u8>) -> Result<(), CodecError> {
    inflate("deflate", input, bound, out, |d, i, o| d.zlib_decompress(i, o))
}

pub(super) fn decode_gzip(input: &[u8], bound: Bound, out: &mut Vec<u8>) -> Result<(), CodecError> {
    inflate("gzip", input, bound, out, |d, i, o| d.gzip_decompress(i, o))
}

fn inflate(
    name: &'static str,
    input: &[u8],
    bound: Bound,
    out: &mut Vec<u8>,
    run: impl FnOnce(&mut Decompressor, &[u8], &mut [u8]) -> Result<usize, DecompressionError>,
) -> Result<(), CodecError> {
    let reachable = input.len().saturating_mul(MAX_RATIO);
    if bound.exact && bound.max > reachable {
        return Err(CodecError::corrupt(
            name,
            format!("{} bytes can't hold a chunk of {} bytes", input.len(), bound.max),
        ));
    }
    let target = room(out, bound.max.min(reachable));
    let n = DECOMPRESSOR.with_borrow_mut(|d| run(d, input, target)).map_err(|e| match e {
        DecompressionError::BadData => CodecError::corrupt(name, "the stream is damaged"),
        DecompressionError::InsufficientSpace => {
            CodecError::corrupt(name, format!("the stream holds more than {} bytes", bound.max))
        }
    })?;
    out.truncate(n);
    Ok(())
}

pub(super) fn encode_zlib(
    params: &[u32],
    level: Option<u8>,
    input: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    with_compressor(params, level, |c| {
        let bound = c.zlib_compress_bound(input.len());
        c.zlib_compress(input, room(out, bound))
    })
    .map(|n| out.truncate(n))
}

pub(super) fn encode_gzip(
    params: &[u32],
    level: Option<u8>,
    input: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    with_compressor(params, level, |c| {
        let bound = c.gzip_compress_bound(input.len());
        c.gzip_compress(input, room(out, bound))
    })
    .map(|n| out.truncate(n))
}

/// Runs with this thread's compressor: making one clears several hundred KiB.
fn with_compressor(
    params: &[u32],
    level: Option<u8>,
    run: impl FnOnce(&mut Compressor) -> Result<usize, libdeflater::CompressionError>,
) -> Result<usize, CodecError> {
    let default = params.first().copied().unwrap_or(4).min(MAX_DEFAULT_LEVEL) as i32;
    let level = level.map_or(default, |l| i32::from(l).min(12));
    let valid = CompressionLvl::new(level).unwrap_or_default();
    COMPRESSOR.with_borrow_mut(|slot| {
        if slot.as_ref().is_none_or(|(l, _)| *l != level) {
            *slot = Some((level, Compressor::new(valid)));
        }
        let (_, compressor) = slot.as_mut().expect("was set above");
        run(compressor).map_err(|e| CodecError::corrupt("deflate", e.to_string()))
    })
}
