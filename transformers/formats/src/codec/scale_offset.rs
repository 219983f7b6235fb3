//! Scale-offset (HDF5 filter 6): integers minus their minimum, or decimally rounded floating point, in as few bits as
//! the chunk needs.

use super::bits::BitReader;
use super::{Bound, CodecError, room};

const NAME: &str = "scaleoffset";
/// Bits per value (4 bytes), size of the minimum (1), the minimum (8), unused (8).
const HEADER: usize = 21;

/// The filter's parameters, in the order of the file.
struct Params {
    float: bool,
    /// Decimal digits kept after the point (floating point).
    digits: i32,
    elements: usize,
    size: usize,
    big_endian: bool,
    fill: Option<u64>,
}

fn parse(params: &[u32]) -> Result<Params, CodecError> {
    let bad = || CodecError::corrupt(NAME, "the parameters are damaged");
    let [scale_type, digits, elements, class, size, _sign, order, has_fill, fill @ ..] = params else {
        return Err(bad());
    };
    let float = *class == 1;
    if !matches!(size, 1 | 2 | 4 | 8) || *class > 1 || (float && *size < 4) {
        return Err(bad());
    }
    if float && *scale_type != 0 {
        return Err(CodecError::unsupported(NAME, "exponent scaling is not defined by HDF5"));
    }
    // The fill value is stored in words of 32 bits, the lowest first.
    let word = |i: usize| fill.get(i).copied().map(u64::from);
    let fill = match (*has_fill, *size) {
        (0, _) => None,
        (_, 8) => Some(word(0).ok_or_else(bad)? | word(1).ok_or_else(bad)? << 32),
        (_, n) => Some(word(0).ok_or_else(bad)? & ones(n * 8)),
    };
    let (digits, size) = (*digits as i32, *size as usize);
    Ok(Params { float, digits, elements: *elements as usize, size, big_endian: *order == 1, fill })
}

/// The lowest `n` bits set, `n` ≤ 64.
fn ones(n: u32) -> u64 {
    if n >= 64 { u64::MAX } else { (1 << n) - 1 }
}

pub(super) fn decode(
    params: &[u32],
    input: &[u8],
    bound: Bound,
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let p = parse(params)?;
    let total = bound.check(NAME, p.elements as u64 * p.size as u64)?;
    let header = input.get(..HEADER).ok_or(CodecError::truncated(NAME))?;
    let bits = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    let width = p.size as u32 * 8;
    let minimum = match header[4] {
        n @ 1..=8 => header[5..5 + n as usize].iter().rev().fold(0, |v, &b| v << 8 | u64::from(b)),
        n => return Err(CodecError::corrupt(NAME, format!("a minimum of {n} bytes"))),
    };
    if bits > width {
        return Err(CodecError::corrupt(NAME, format!("{bits} bits for values of {width}")));
    }
    let data = &input[HEADER..];
    let target = room(out, total);
    if bits == width {
        // Nothing was gained: the values are stored as they were, in little-endian order.
        target.copy_from_slice(data.get(..total).ok_or(CodecError::truncated(NAME))?);
    } else {
        if ((data.len() as u64) * 8) / u64::from(bits.max(1)) < p.elements as u64 && bits > 0 {
            return Err(CodecError::truncated(NAME));
        }
        let values = Values { bits, reader: BitReader::new(data), fill: p.fill };
        unpack(&p, values, minimum, target);
    }
    if p.big_endian {
        target.chunks_exact_mut(p.size).for_each(<[u8]>::reverse);
    }
    Ok(())
}

/// The packed numbers of a chunk.
struct Values<'a> {
    bits: u32,
    reader: BitReader<'a>,
    fill: Option<u64>,
}

impl Values<'_> {
    /// The next number, or the fill value, which all bits set stand for.
    fn next(&mut self) -> Result<u64, u64> {
        let value = self.reader.read_wide(self.bits) as u64;
        match self.fill {
            Some(fill) if value == ones(self.bits) => Err(fill),
            _ => Ok(value),
        }
    }
}

fn unpack(p: &Params, mut values: Values, minimum: u64, out: &mut [u8]) {
    let scale = 10f64.powi(p.digits.clamp(-400, 400));
    for element in out.chunks_exact_mut(p.size) {
        let bits = match values.next() {
            Err(fill) => fill,
            Ok(value) if !p.float => value.wrapping_add(minimum),
            // HDF5 computes in the type of the data and takes the packed number as signed.
            Ok(value) if p.size == 4 => {
                let v = value as i32 as f32 / scale as f32 + f32::from_bits(minimum as u32);
                u64::from(v.to_bits())
            }
            Ok(value) => (value as i64 as f64 / scale + f64::from_bits(minimum)).to_bits(),
        };
        element.copy_from_slice(&bits.to_le_bytes()[..p.size]);
    }
}
