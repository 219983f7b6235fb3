//! SZIP (HDF5 filter 4): the adaptive entropy coder of CCSDS 121.0-B, in the layout of the szip library.
//!
//! Samples are coded in blocks; a group of blocks (a scan line) starts with a reference sample when the
//! nearest-neighbour preprocessor is on. Numbers of 32 or 64 bits are cut into planes of bytes, each coded as 8-bit
//! samples.

use super::bits::BitReader;
use super::{Bound, CodecError, Pooled, room, shuffle};

const NAME: &str = "szip";
const MSB: u32 = 16;
const NEAREST_NEIGHBOUR: u32 = 32;
/// The zero-block count that means "up to the end of the segment".
const REST_OF_SEGMENT: u64 = 5;
const SEGMENT_BLOCKS: usize = 64;
/// Largest sum of a pair in the second extension option.
const MAX_PAIR_SUM: u64 = 12;

struct Coding {
    sample_bits: u32,
    /// Bytes that hold one sample.
    sample_size: usize,
    id_bits: u32,
    block: usize,
    /// Samples of a scan line as coded: whole blocks.
    coded_line: usize,
    /// Samples of a scan line that are wanted.
    line: usize,
    preprocess: bool,
    big_endian: bool,
    /// Byte planes that the data were cut into; 1: none.
    planes: usize,
}

/// `params`: options, samples per block, bits per sample, samples per scan line.
fn parse(params: &[u32]) -> Result<Coding, CodecError> {
    let [options, block, bits, line, ..] = *params else {
        return Err(CodecError::corrupt(NAME, "the parameters are missing"));
    };
    let valid = (2..=64).contains(&block) && block % 2 == 0 && (1..=1 << 24).contains(&line);
    if !valid || !(matches!(bits, 1..=32) || bits == 64) {
        let detail = format!("{block} samples per block, {bits} bits, {line} samples per line");
        return Err(CodecError::corrupt(NAME, detail));
    }
    let planes = if bits == 32 || bits == 64 { bits as usize / 8 } else { 1 };
    let sample_bits = if planes > 1 { 8 } else { bits };
    let (sample_size, id_bits) = match sample_bits {
        0..=8 => (1, 3),
        9..=16 => (2, 4),
        _ => (4, 5),
    };
    let (block, line) = (block as usize, line as usize);
    Ok(Coding {
        sample_bits,
        sample_size,
        id_bits,
        block,
        coded_line: line.div_ceil(block) * block,
        line,
        preprocess: options & NEAREST_NEIGHBOUR != 0,
        big_endian: options & MSB != 0,
        planes,
    })
}

/// The stream follows the decoded size, which HDF5 puts in front (4 bytes, little-endian).
pub(super) fn decode(
    params: &[u32],
    input: &[u8],
    bound: Bound,
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let coding = parse(params)?;
    let (total, stream) = input.split_first_chunk::<4>().ok_or(CodecError::truncated(NAME))?;
    let total = bound.check(NAME, u64::from(u32::from_le_bytes(*total)))?;
    if coding.planes == 1 {
        return decode_samples(&coding, stream, room(out, total));
    }
    let mut planes = Pooled::take();
    let planes = planes.slice(total);
    decode_samples(&coding, stream, planes)?;
    shuffle::unshuffle(coding.planes, planes, room(out, total));
    Ok(())
}

fn decode_samples(coding: &Coding, stream: &[u8], out: &mut [u8]) -> Result<(), CodecError> {
    if !out.len().is_multiple_of(coding.sample_size) {
        return Err(CodecError::corrupt(NAME, "the chunk does not hold whole samples"));
    }
    let mut bits = BitReader::new(stream);
    let mut samples = vec![0u32; coding.coded_line];
    for target in out.chunks_mut(coding.line * coding.sample_size) {
        let wanted = target.len() / coding.sample_size;
        decode_line(coding, &mut bits, wanted, &mut samples)?;
        if coding.preprocess {
            undo_prediction(coding.sample_bits, &mut samples[..wanted]);
        }
        write_samples(coding, &samples[..wanted], target);
    }
    Ok(())
}

/// One group of blocks, as many of them as the `wanted` samples need.
fn decode_line(
    coding: &Coding,
    bits: &mut BitReader,
    wanted: usize,
    samples: &mut [u32],
) -> Result<(), CodecError> {
    let n = coding.block;
    let raw_id = (1u64 << coding.id_bits) - 1;
    let mut at = 0;
    while at < wanted {
        let reference = usize::from(coding.preprocess && at == 0);
        let id = bits.read(coding.id_bits);
        if id == raw_id {
            samples[at..at + n].fill_with(|| bits.read(coding.sample_bits) as u32);
            at += n;
        } else if id == 0 {
            at = decode_low_entropy(coding, bits, at, reference, samples)?;
        } else {
            let block = &mut samples[at..at + n];
            if reference == 1 {
                block[0] = bits.read(coding.sample_bits) as u32;
            }
            decode_split(bits, id as u32 - 1, &mut block[reference..]);
            at += n;
        }
        if bits.overran() {
            return Err(CodecError::truncated(NAME));
        }
    }
    Ok(())
}

/// Sample splitting: the upper parts of all samples in unary, then the lower `k` bits of all.
fn decode_split(bits: &mut BitReader, k: u32, samples: &mut [u32]) {
    samples.fill_with(|| (bits.unary() as u32).wrapping_shl(k));
    if k > 0 {
        samples.iter_mut().for_each(|s| *s |= bits.read(k) as u32);
    }
}

/// A block of pairs of small numbers, or a number of blocks that are all zero. Returns the next position.
fn decode_low_entropy(
    coding: &Coding,
    bits: &mut BitReader,
    at: usize,
    reference: usize,
    samples: &mut [u32],
) -> Result<usize, CodecError> {
    let second_extension = bits.read(1) == 1;
    if reference == 1 {
        samples[at] = bits.read(coding.sample_bits) as u32;
    }
    let end = if second_extension {
        decode_pairs(bits, reference, &mut samples[at..at + coding.block])?;
        return Ok(at + coding.block);
    } else {
        zero_blocks(coding, bits, at)?
    };
    samples[at + reference..end].fill(0);
    Ok(end)
}

/// Second extension: one unary number stands for a pair, numbered along the diagonals of equal sum.
fn decode_pairs(bits: &mut BitReader, reference: usize, block: &mut [u32]) -> Result<(), CodecError> {
    let mut i = reference;
    while i < block.len() {
        let code = bits.unary();
        let mut sum = 0;
        while (sum + 1) * (sum + 2) / 2 <= code {
            sum += 1;
            if sum > MAX_PAIR_SUM {
                return Err(CodecError::corrupt(NAME, "a pair of samples is out of range"));
            }
        }
        let second = code - sum * (sum + 1) / 2;
        // The reference sample takes the place of the first number of the first pair.
        if i.is_multiple_of(2) {
            block[i] = (sum - second) as u32;
            i += 1;
        }
        block[i] = second as u32;
        i += 1;
    }
    Ok(())
}

/// Position after the zero blocks that start at `at`.
fn zero_blocks(coding: &Coding, bits: &mut BitReader, at: usize) -> Result<usize, CodecError> {
    let (done, all) = (at / coding.block, coding.coded_line / coding.block);
    let count = match bits.unary() + 1 {
        REST_OF_SEGMENT => (all - done).min(SEGMENT_BLOCKS - done % SEGMENT_BLOCKS),
        n if n > REST_OF_SEGMENT => usize::try_from(n - 1).unwrap_or(usize::MAX),
        n => n as usize,
    };
    if count > all - done {
        return Err(CodecError::corrupt(NAME, "a run of zero blocks leaves its line"));
    }
    Ok(at + count * coding.block)
}

/// Undoes the unit-delay predictor with its mapping of signed differences to unsigned numbers (CCSDS 121.0-B §4.3):
/// near the ends of the range, where one sign can't occur, the other takes all numbers.
fn undo_prediction(sample_bits: u32, samples: &mut [u32]) {
    let max = (u32::MAX) >> (32 - sample_bits);
    let Some((&mut first, rest)) = samples.split_first_mut() else { return };
    let mut value = first;
    for sample in rest {
        let (mapped, theta) = (*sample, value.min(max - value.min(max)));
        value = if u64::from(mapped) <= 2 * u64::from(theta) {
            let half = mapped / 2 + mapped % 2;
            if mapped % 2 == 0 { value.wrapping_add(half) } else { value.wrapping_sub(half) }
        } else if value == theta {
            mapped
        } else {
            max.wrapping_sub(mapped)
        } & max;
        *sample = value;
    }
}

fn write_samples(coding: &Coding, samples: &[u32], out: &mut [u8]) {
    let elements = out.chunks_exact_mut(coding.sample_size).zip(samples);
    match (coding.sample_size, coding.big_endian) {
        (1, _) => elements.for_each(|(o, &s)| o[0] = s as u8),
        (2, false) => elements.for_each(|(o, &s)| o.copy_from_slice(&(s as u16).to_le_bytes())),
        (2, true) => elements.for_each(|(o, &s)| o.copy_from_slice(&(s as u16).to_be_bytes())),
        (_, false) => elements.for_each(|(o, &s)| o.copy_from_slice(&s.to_le_bytes())),
        (_, true) => elements.for_each(|(o, &s)| o.copy_from_slice(&s.to_be_bytes())),
    }
}
