//! Bitshuffle (HDF5 filter 32008): a bit matrix transposed in blocks, then perhaps LZ4 or Zstandard.

use super::{Bound, CodecError, Pooled, lz4, room, zstandard};

const NAME: &str = "bitshuffle";
/// Bytes of a block when the parameters leave its size open.
const TARGET_BLOCK: usize = 8192;
const MIN_BLOCK_ELEMENTS: usize = 128;

/// `params`: two version numbers, bytes per element, elements per block (0: default), compressor (0 none, 2 LZ4,
/// 3 Zstandard).
pub(super) fn decode(
    params: &[u32],
    input: &[u8],
    bound: Bound,
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let param = |i: usize| params.get(i).copied().unwrap_or(0) as usize;
    let (size, compressor) = (param(2), param(4));
    if size == 0 || size > bound.max.max(1) {
        return Err(CodecError::corrupt(NAME, format!("an element of {size} bytes")));
    }
    match compressor {
        0 => {
            let total = bound.check(NAME, input.len() as u64)?;
            let block = if param(3) == 0 { default_block(size) } else { param(3) };
            decode_plain(size, block, input, room(out, total))
        }
        2 | 3 => decode_packed(size, compressor == 3, input, bound, out),
        other => Err(CodecError::unsupported(NAME, format!("compressor number {other} is not known"))),
    }
}

fn default_block(size: usize) -> usize {
    (TARGET_BLOCK / size / 8 * 8).max(MIN_BLOCK_ELEMENTS)
}

/// Byte ranges of the blocks of `total` bytes: whole blocks, a last shorter one of a multiple of eight elements.
/// The few elements after it are not shuffled.
fn blocks(total: usize, size: usize, block: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let whole = total / size / 8 * 8 * size;
    let step = block.saturating_mul(size);
    (0..whole).step_by(step.max(1)).map(move |start| start..start.saturating_add(step).min(whole))
}

fn decode_plain(size: usize, block: usize, input: &[u8], out: &mut [u8]) -> Result<(), CodecError> {
    check_block(block)?;
    let mut end = 0;
    for range in blocks(out.len(), size, block) {
        unshuffle_block(size, &input[range.clone()], &mut out[range.clone()]);
        end = range.end;
    }
    out[end..].copy_from_slice(&input[end..]);
    Ok(())
}

fn check_block(elements: usize) -> Result<(), CodecError> {
    if elements == 0 || !elements.is_multiple_of(8) {
        return Err(CodecError::corrupt(NAME, format!("a block of {elements} elements")));
    }
    Ok(())
}

/// Total size (8 bytes, big-endian), bytes per block (4 bytes), then each block with its stored size (4 bytes).
fn decode_packed(
    size: usize,
    zstd: bool,
    input: &[u8],
    bound: Bound,
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let truncated = || CodecError::truncated(NAME);
    let (total, rest) = input.split_first_chunk::<8>().ok_or_else(truncated)?;
    let (block, mut rest) = rest.split_first_chunk::<4>().ok_or_else(truncated)?;
    let total = bound.check(NAME, u64::from_be_bytes(*total))?;
    let block = u32::from_be_bytes(*block) as usize / size;
    check_block(block)?;
    let out = room(out, total);
    let mut scratch = Pooled::take();
    let mut end = 0;
    for range in blocks(total, size, block) {
        let (len, after) = rest.split_first_chunk::<4>().ok_or_else(truncated)?;
        let (packed, after) =
            after.split_at_checked(u32::from_be_bytes(*len) as usize).ok_or_else(truncated)?;
        let bits = scratch.slice(range.len());
        if zstd {
            let actual = zstandard::decode_into(NAME, packed, bits)?;
            if actual != bits.len() {
                return Err(CodecError::Length { actual, expected: bits.len() });
            }
        } else {
            lz4::decode_block(NAME, packed, bits)?;
        }
        unshuffle_block(size, bits, &mut out[range.clone()]);
        (rest, end) = (after, range.end);
    }
    let left = out.len() - end;
    out[end..].copy_from_slice(rest.get(..left).ok_or_else(truncated)?);
    Ok(())
}

/// Undoes the bit transposition of one block of a multiple of eight elements; trailing bytes are copied.
///
/// Row `8 b + k` of the input holds bit `k` of byte `b` of every element, the first element in the lowest bit.
pub(super) fn unshuffle_block(size: usize, input: &[u8], out: &mut [u8]) {
    let elements = input.len() / size;
    let row = elements / 8;
    for byte in 0..size {
        let rows = &input[byte * 8 * row..(byte + 1) * 8 * row];
        for group in 0..row {
            let mut matrix = 0u64;
            for k in 0..8 {
                matrix |= u64::from(rows[k * row + group]) << (8 * k);
            }
            let columns = transpose8(matrix);
            let first = group * 8 * size + byte;
            for e in 0..8 {
                out[first + e * size] = (columns >> (8 * e)) as u8;
            }
        }
    }
    let done = elements * size;
    out[done..].copy_from_slice(&input[done..]);
}

/// Transposes an 8 × 8 bit matrix, one byte a row (Hacker's Delight §7-3: swap ever larger blocks).
fn transpose8(mut x: u64) -> u64 {
    for (shift, mask) in
        [(7, 0x00aa_00aa_00aa_00aa), (14, 0x0000_cccc_0000_cccc), (28, 0x0000_0000_f0f0_f0f0)]
    {
        let swap = (x ^ x >> shift) & mask;
        x ^= swap ^ swap << shift;
    }
    x
}
