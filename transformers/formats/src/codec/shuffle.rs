//! Byte shuffle: all first bytes of the elements, then all second ones, … (HDF5 filter 2).

use super::{CodecError, ffi, room};

/// Elements moved at once by the portable code: their bytes stay in the first-level cache.
const TILE: usize = 512;

fn element_size(params: &[u32], len: usize) -> Result<usize, CodecError> {
    let missing = || CodecError::corrupt("shuffle", "the element size is missing");
    Ok(match *params.first().ok_or_else(missing)? as usize {
        // HDF5 leaves such chunks alone.
        n if n <= 1 || n > len => 1,
        n => n,
    })
}

pub(super) fn decode(params: &[u32], input: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
    unshuffle(element_size(params, input.len())?, input, room(out, input.len()));
    Ok(())
}

pub(super) fn encode(params: &[u32], input: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
    shuffle(element_size(params, input.len())?, input, room(out, input.len()));
    Ok(())
}

/// Gathers the bytes of each element again. Both slices are equally long; bytes after the last whole element are
/// not shuffled.
pub(super) fn unshuffle(size: usize, input: &[u8], out: &mut [u8]) {
    let n = input.len() / size.max(1);
    let (done, whole) = match size {
        0 | 1 => (0, 0),
        2 => (ffi::unshuffle2(input, out, n), n * size),
        4 => (ffi::unshuffle4(input, out, n), n * size),
        8 => (ffi::unshuffle8(input, out, n), n * size),
        _ => (0, n * size),
    };
    for start in (done..n).step_by(TILE) {
        if size <= 1 {
            break;
        }
        let end = (start + TILE).min(n);
        for byte in 0..size {
            let plane = &input[byte * n + start..byte * n + end];
            let elements = out[start * size..end * size].chunks_exact_mut(size);
            plane.iter().zip(elements).for_each(|(&b, element)| element[byte] = b);
        }
    }
    out[whole..].copy_from_slice(&input[whole..]);
}

/// The inverse of [`unshuffle`].
pub(super) fn shuffle(size: usize, input: &[u8], out: &mut [u8]) {
    let n = input.len() / size.max(1);
    let (done, whole) = match size {
        0 | 1 => (0, 0),
        2 => (ffi::shuffle2(input, out, n), n * size),
        4 => (ffi::shuffle4(input, out, n), n * size),
        8 => (ffi::shuffle8(input, out, n), n * size),
        _ => (0, n * size),
    };
    for start in (done..n).step_by(TILE) {
        if size <= 1 {
            break;
        }
        let end = (start + TILE).min(n);
        for byte in 0..size {
            let plane = &mut out[byte * n + start..byte * n + end];
            let elements = input[start * size..end * size].chunks_exact(size);
            plane.iter_mut().zip(elements).for_each(|(b, element)| *b = element[byte]);
        }
    }
    out[whole..].copy_from_slice(&input[whole..]);
}
