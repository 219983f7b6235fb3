//! Blosc 1 buffers: HDF5 filter 32001 and Zarr's `blosc` store the same container.
//!
//! A 16-byte header, then either the plain bytes or, for each block, an offset and one or more compressed streams;
//! the bytes (or bits) of a block's elements are shuffled on their own.

use super::{Bound, CodecError, Pooled, bitshuffle, blosclz, deflate, lz4, room, shuffle, snappy, zstandard};

const NAME: &str = "blosc";
const HEADER: usize = 16;
/// Blocks of elements larger than this many bytes are one stream.
const MAX_SPLITS: usize = 16;
/// A stream of a split block has at least this many bytes.
const MIN_SPLIT: usize = 128;

struct Header<'a> {
    flags: u8,
    type_size: usize,
    total: usize,
    block: usize,
    /// The buffer from its first byte: offsets count from there.
    buffer: &'a [u8],
}

impl Header<'_> {
    const SHUFFLE: u8 = 1;
    const PLAIN: u8 = 2;
    const BITSHUFFLE: u8 = 4;
    const NO_SPLIT: u8 = 16;

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Streams of a block: one for each byte of an element where that paid when it was written.
    fn streams(&self, block_len: usize) -> usize {
        let size = self.type_size;
        let split = !self.has(Self::NO_SPLIT)
            && block_len == self.block
            && size <= MAX_SPLITS
            && self.block / size >= MIN_SPLIT;
        if split { size } else { 1 }
    }
}

pub(super) fn decode(input: &[u8], bound: Bound, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let header = read_header(input, bound)?;
    let target = room(out, header.total);
    if header.total == 0 {
        return Ok(());
    }
    if header.has(Header::PLAIN) {
        let plain = header.buffer.get(HEADER..HEADER + target.len()).ok_or(CodecError::truncated(NAME))?;
        target.copy_from_slice(plain);
        return Ok(());
    }
    let blocks = header.total.div_ceil(header.block);
    let offsets = header.buffer[HEADER..].get(..blocks * 4).ok_or(CodecError::truncated(NAME))?;
    let mut scratch = Pooled::take();
    let mut stream = Pooled::take();
    for (offset, target) in offsets.chunks_exact(4).zip(target.chunks_mut(header.block)) {
        let offset = le32(offset);
        let stored = header.buffer.get(offset..).ok_or(CodecError::truncated(NAME))?;
        let size = header.type_size;
        if header.has(Header::SHUFFLE) && size > 1 {
            let block = scratch.slice(target.len());
            decode_block(&header, stored, block, &mut stream)?;
            shuffle::unshuffle(size, block, target);
        } else if header.has(Header::BITSHUFFLE) && target.len() >= size {
            let block = scratch.slice(target.len());
            decode_block(&header, stored, block, &mut stream)?;
            unshuffle_bits(size, block, target);
        } else {
            decode_block(&header, stored, target, &mut stream)?;
        }
    }
    Ok(())
}

fn le32(bytes: &[u8]) -> usize {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize
}

fn read_header(input: &[u8], bound: Bound) -> Result<Header<'_>, CodecError> {
    let head = input.get(..HEADER).ok_or(CodecError::truncated(NAME))?;
    if head[0] > 2 {
        let detail = format!("container version {} is newer than Blosc 1", head[0]);
        return Err(CodecError::unsupported(NAME, detail));
    }
    let total = bound.check(NAME, le32(&head[4..]) as u64)?;
    let (block, stored) = (le32(&head[8..]), le32(&head[12..]));
    let buffer = input.get(..stored).ok_or(CodecError::truncated(NAME))?;
    if stored < HEADER || head[3] == 0 || (block == 0 && total > 0) {
        return Err(CodecError::corrupt(NAME, "the header is damaged"));
    }
    Ok(Header { flags: head[2], type_size: head[3] as usize, total, block: block.min(total.max(1)), buffer })
}

/// Each stream: its stored size (4 bytes, little-endian) and bytes; at full size it is not compressed.
fn decode_block(
    header: &Header,
    stored: &[u8],
    block: &mut [u8],
    stream: &mut Pooled,
) -> Result<(), CodecError> {
    let mut rest = stored;
    let streams = header.streams(block.len());
    let len = block.len() / streams;
    if len * streams != block.len() {
        return Err(CodecError::corrupt(NAME, "a block does not hold whole elements"));
    }
    for target in block.chunks_exact_mut(len) {
        let (size, after) = rest.split_first_chunk::<4>().ok_or(CodecError::truncated(NAME))?;
        let size = u32::from_le_bytes(*size) as usize;
        let (packed, after) = after.split_at_checked(size).ok_or(CodecError::truncated(NAME))?;
        if size == target.len() {
            target.copy_from_slice(packed);
        } else {
            decode_stream(header.flags >> 5, packed, target, stream)?;
        }
        rest = after;
    }
    Ok(())
}

fn decode_stream(
    format: u8,
    packed: &[u8],
    target: &mut [u8],
    stream: &mut Pooled,
) -> Result<(), CodecError> {
    match format {
        0 => blosclz::decode(packed, target.len(), stream)?,
        1 => return lz4::decode_block("blosc (lz4)", packed, target),
        2 => snappy::decode(packed, target.len(), stream)?,
        3 => deflate::decode_zlib(packed, Bound { max: target.len(), exact: true }, stream)?,
        4 => {
            let n = zstandard::decode_into("blosc (zstd)", packed, target)?;
            return whole(n, target.len());
        }
        other => {
            return Err(CodecError::unsupported(NAME, format!("compressor number {other} is not known")));
        }
    }
    whole(stream.len(), target.len())?;
    target.copy_from_slice(stream);
    Ok(())
}

fn whole(actual: usize, expected: usize) -> Result<(), CodecError> {
    if actual == expected { Ok(()) } else { Err(CodecError::Length { actual, expected }) }
}

/// Uncompressed bytes of a block: Zstandard must see several rows of a global grid to find that they repeat.
const ENCODED_BLOCK: usize = 1 << 20;
/// Number of Zstandard in the header.
const ZSTD: u8 = 4;
/// Largest element size that the header can hold; larger elements are taken as bytes, as c-blosc does.
const MAX_TYPE_SIZE: usize = 255;

/// `params` as HDF5's: two version numbers, element size, chunk bytes, level (1 to 9), shuffle (0 or 1), compressor.
/// Always Zstandard, at the level to which c-blosc maps its own: twice that less one.
pub(super) fn encode(
    params: &[u32],
    level: Option<u8>,
    input: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let total = u32::try_from(input.len()).ok().filter(|&n| n <= i32::MAX as u32 - HEADER as u32);
    let total = total.ok_or_else(|| CodecError::unsupported(NAME, "a chunk is larger than 2 GiB"))?;
    let size = params.get(2).map_or(1, |&n| n as usize).max(1);
    let size = if size > MAX_TYPE_SIZE { 1 } else { size };
    let level = level.map_or(params.get(4).copied().unwrap_or(5), u32::from).clamp(1, 9) as i32 * 2 - 1;
    let shuffled = params.get(5) == Some(&1) && size > 1;
    // Whole elements, so that only the last block can hold a part of one.
    let block = (ENCODED_BLOCK / size * size).max(size).min(input.len().max(1));
    let blocks = input.len().div_ceil(block);
    let flags = ZSTD << 5 | Header::NO_SPLIT | if shuffled { Header::SHUFFLE } else { 0 };
    out.clear();
    out.extend([2, 1, flags, size as u8]);
    out.extend(total.to_le_bytes());
    out.extend((block as u32).to_le_bytes());
    out.resize(HEADER + 4 * blocks, 0);
    let mut scratch = Pooled::take();
    for (i, plain) in input.chunks(block).enumerate() {
        let start = (out.len() as u32).to_le_bytes();
        out[HEADER + 4 * i..HEADER + 4 * i + 4].copy_from_slice(&start);
        let plain = if shuffled {
            let room = scratch.slice(plain.len());
            shuffle::shuffle(size, plain, room);
            room
        } else {
            plain
        };
        encode_stream(level, plain, out)?;
    }
    if out.len() >= input.len() + HEADER {
        out.truncate(HEADER);
        out[2] = flags | Header::PLAIN;
        out.extend_from_slice(input);
    }
    let stored = (out.len() as u32).to_le_bytes();
    out[12..HEADER].copy_from_slice(&stored);
    Ok(())
}

/// Appends the size and bytes of one stream; what does not shrink is kept as it is.
fn encode_stream(level: i32, plain: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
    let at = out.len();
    out.resize(at + 4 + zstandard::bound(plain.len()), 0);
    let packed = zstandard::encode_into(level, plain, &mut out[at + 4..])?;
    let packed = if packed < plain.len() {
        packed
    } else {
        out[at + 4..at + 4 + plain.len()].copy_from_slice(plain);
        plain.len()
    };
    out[at..at + 4].copy_from_slice(&(packed as u32).to_le_bytes());
    out.truncate(at + 4 + packed);
    Ok(())
}

/// Blosc 1 leaves a block alone whose number of elements is not a multiple of eight.
fn unshuffle_bits(size: usize, block: &[u8], target: &mut [u8]) {
    let elements = block.len() / size;
    if elements.is_multiple_of(8) {
        bitshuffle::unshuffle_block(size, block, target);
    } else {
        target.copy_from_slice(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(size: u32, shuffle: u32, input: &[u8]) -> usize {
        let mut packed = Vec::new();
        encode(&[2, 2, size, 0, 2, shuffle, 5], None, input, &mut packed).unwrap();
        let mut out = Vec::new();
        decode(&packed, Bound { max: input.len(), exact: true }, &mut out).unwrap();
        assert!(out == input, "{} bytes of {size}", input.len());
        packed.len()
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let ramp: Vec<u8> = (0..400_000u32).flat_map(|i| (i as f32 * 0.25).to_le_bytes()).collect();
        assert!(there_and_back(4, 1, &ramp) < ramp.len() / 4);
        there_and_back(4, 1, &ramp[..13]);
        there_and_back(8, 1, &ramp[..ENCODED_BLOCK + 20]);
        there_and_back(300, 1, &ramp);
        there_and_back(1, 0, &[]);
        let mut noise = 1u32;
        let noise: Vec<u8> = (0..70_000)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 24) as u8
            })
            .collect();
        assert_eq!(there_and_back(1, 0, &noise), noise.len() + HEADER);
    }
}
