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

/// Blosc 1 leaves a block alone whose number of elements is not a multiple of eight.
fn unshuffle_bits(size: usize, block: &[u8], target: &mut [u8]) {
    let elements = block.len() / size;
    if elements.is_multiple_of(8) {
        bitshuffle::unshuffle_block(size, block, target);
    } else {
        target.copy_from_slice(block);
    }
}
