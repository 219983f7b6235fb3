//! N-bit (HDF5 filter 5): only the significant bits of each number, packed without gaps.

use super::bits::BitReader;
use super::{Bound, CodecError, room};

const NAME: &str = "nbit";
/// Members and arrays may nest; real types do so once or twice.
const MAX_DEPTH: usize = 16;
/// HDF5 numbers are at most a 16-byte `long double`.
const MAX_NUMBER: usize = 16;

/// The packed type, as the parameters describe it.
enum Packed {
    Number {
        size: usize,
        big_endian: bool,
        precision: u32,
        offset: u32,
    },
    Array {
        size: usize,
        base: Box<Packed>,
    },
    Compound {
        size: usize,
        members: Vec<(usize, Packed)>,
    },
    /// Whole bytes.
    Bytes {
        size: usize,
    },
}

impl Packed {
    fn size(&self) -> usize {
        match self {
            Packed::Number { size, .. }
            | Packed::Array { size, .. }
            | Packed::Compound { size, .. }
            | Packed::Bytes { size } => *size,
        }
    }
}

/// `params`: their number, 1 if nothing was packed, elements of the chunk, then the type: a class (1 number, 2 array,
/// 3 compound, 4 whole bytes), its size, and what the class needs.
pub(super) fn decode(
    params: &[u32],
    input: &[u8],
    bound: Bound,
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let bad = || CodecError::corrupt(NAME, "the parameters are damaged");
    let (&unpacked, &elements) = params.get(1).zip(params.get(2)).ok_or_else(bad)?;
    if unpacked != 0 {
        let total = bound.check(NAME, input.len() as u64)?;
        room(out, total).copy_from_slice(input);
        return Ok(());
    }
    let mut rest = params.get(3..).ok_or_else(bad)?;
    let packed = parse(&mut rest, bound.max, 0).ok_or_else(bad)?;
    let total = bound.check(NAME, u64::from(elements) * packed.size() as u64)?;
    let target = room(out, total);
    // Bits that are not stored are zero.
    target.fill(0);
    let mut bits = BitReader::new(input);
    for element in target.chunks_exact_mut(packed.size()) {
        unpack(&packed, &mut bits, element);
        if bits.overran() {
            return Err(CodecError::truncated(NAME));
        }
    }
    Ok(())
}

/// `limit`: bytes of what it is part of.
fn parse(rest: &mut &[u32], limit: usize, depth: usize) -> Option<Packed> {
    let mut take = || {
        let (&first, after) = rest.split_first()?;
        *rest = after;
        Some(first)
    };
    let (class, size) = (take()?, take()? as usize);
    if size == 0 || size > limit || depth > MAX_DEPTH {
        return None;
    }
    match class {
        1 => {
            let (order, precision, offset) = (take()?, take()?, take()?);
            let fits = precision.checked_add(offset)? as usize <= size.checked_mul(8)?;
            (fits && precision > 0 && size <= MAX_NUMBER).then_some(Packed::Number {
                size,
                big_endian: order == 1,
                precision,
                offset,
            })
        }
        2 => {
            let base = parse(rest, size, depth + 1)?;
            size.is_multiple_of(base.size()).then_some(Packed::Array { size, base: Box::new(base) })
        }
        3 => {
            let count = take()?;
            let mut members = Vec::new();
            for _ in 0..count {
                let (&offset, after) = rest.split_first()?;
                *rest = after;
                let room = size.checked_sub(offset as usize)?;
                members.push((offset as usize, parse(rest, room, depth + 1)?));
            }
            Some(Packed::Compound { size, members })
        }
        4 => Some(Packed::Bytes { size }),
        _ => None,
    }
}

fn unpack(packed: &Packed, bits: &mut BitReader, out: &mut [u8]) {
    match packed {
        Packed::Number { size, big_endian, precision, offset } => {
            let value = bits.read_wide(*precision) << offset;
            if *big_endian {
                out[..*size].copy_from_slice(&value.to_be_bytes()[MAX_NUMBER - size..]);
            } else {
                out[..*size].copy_from_slice(&value.to_le_bytes()[..*size]);
            }
        }
        Packed::Array { size, base } => {
            out[..*size].chunks_exact_mut(base.size()).for_each(|item| unpack(base, bits, item));
        }
        Packed::Compound { members, .. } => {
            members.iter().for_each(|(at, member)| unpack(member, bits, &mut out[*at..]));
        }
        Packed::Bytes { size } => out[..*size].iter_mut().for_each(|b| *b = bits.read(8) as u8),
    }
}
