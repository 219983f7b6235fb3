//! LZ4 blocks in the framing of HDF5's filter 32004 and in that of numcodecs.

use super::{Bound, CodecError, room};

const HDF5: &str = "lz4";
const NUMCODECS: &str = "numcodecs lz4";
/// Largest block the HDF5 filter writes by default (1 GiB); the block size is a signed 32-bit number.
const DEFAULT_BLOCK: usize = 1 << 30;

/// Total size (8 bytes, big-endian), block size (4 bytes), then for each block its stored size (4 bytes) and bytes;
/// a block that is stored at its full size is not compressed.
pub(super) fn decode_hdf5(input: &[u8], bound: Bound, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let truncated = || CodecError::truncated(HDF5);
    let (total, rest) = input.split_first_chunk::<8>().ok_or_else(truncated)?;
    let (block, mut rest) = rest.split_first_chunk::<4>().ok_or_else(truncated)?;
    let total = bound.check(HDF5, u64::from_be_bytes(*total))?;
    let block = u32::from_be_bytes(*block) as usize;
    if block == 0 && total > 0 {
        return Err(CodecError::corrupt(HDF5, "the block size is zero"));
    }
    for target in room(out, total).chunks_mut(block.max(1)) {
        let (size, after) = rest.split_first_chunk::<4>().ok_or_else(truncated)?;
        let size = u32::from_be_bytes(*size) as usize;
        let (stored, after) = after.split_at_checked(size).ok_or_else(truncated)?;
        if size == target.len() {
            target.copy_from_slice(stored);
        } else {
            decode_block(HDF5, stored, target)?;
        }
        rest = after;
    }
    Ok(())
}

/// Length (4 bytes, little-endian), then one block.
pub(super) fn decode_numcodecs(input: &[u8], bound: Bound, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let (total, block) = input.split_first_chunk::<4>().ok_or(CodecError::truncated(NUMCODECS))?;
    let total = bound.check(NUMCODECS, u64::from(u32::from_le_bytes(*total)))?;
    decode_block(NUMCODECS, block, room(out, total))
}

/// One raw LZ4 block that fills `out` exactly.
pub(super) fn decode_block(name: &'static str, input: &[u8], out: &mut [u8]) -> Result<(), CodecError> {
    let n = lz4_flex::block::decompress_into(input, out)
        .map_err(|e| CodecError::corrupt(name, format!("damaged block: {e}")))?;
    if n != out.len() {
        return Err(CodecError::corrupt(name, format!("a block holds {n} bytes instead of {}", out.len())));
    }
    Ok(())
}

pub(super) fn encode_hdf5(params: &[u32], input: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
    let block = match params.first() {
        None | Some(0) => DEFAULT_BLOCK,
        Some(&n) => (n as usize).min(DEFAULT_BLOCK),
    };
    let block = block.min(input.len()).max(1);
    let mut packed = super::Pooled::take();
    out.clear();
    out.extend_from_slice(&(input.len() as u64).to_be_bytes());
    out.extend_from_slice(&(block as u32).to_be_bytes());
    for piece in input.chunks(block) {
        let n = compress(HDF5, piece, &mut packed)?;
        let stored = if n < piece.len() { &packed[..n] } else { piece };
        out.extend_from_slice(&(stored.len() as u32).to_be_bytes());
        out.extend_from_slice(stored);
    }
    Ok(())
}

pub(super) fn encode_numcodecs(input: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
    let len = u32::try_from(input.len()).map_err(|_| {
        CodecError::unsupported(NUMCODECS, "a chunk of 4 GiB or more does not fit this codec")
    })?;
    let mut packed = super::Pooled::take();
    let n = compress(NUMCODECS, input, &mut packed)?;
    out.clear();
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&packed[..n]);
    Ok(())
}

fn compress(name: &'static str, input: &[u8], packed: &mut super::Pooled) -> Result<usize, CodecError> {
    let bound = lz4_flex::block::get_maximum_output_size(input.len());
    lz4_flex::block::compress_into(input, packed.slice(bound))
        .map_err(|e| CodecError::corrupt(name, e.to_string()))
}
