//! What TIFF does to a block: LZW and PackBits, and the predictor, which is also where short strips are made whole.

use super::{Bound, CodecError};
use crate::geotiff::{lzw, predictor, tags};

pub(super) fn decode_lzw(input: &[u8], bound: Bound, out: &mut Vec<u8>) -> Result<(), CodecError> {
    lzw::decode(input, bound.max, out).map_err(|e| CodecError::corrupt("LZW", e))
}

/// Run lengths of bytes (TIFF 6.0 section 9).
pub(super) fn decode_packbits(input: &[u8], bound: Bound, out: &mut Vec<u8>) -> Result<(), CodecError> {
    out.clear();
    let mut at = 0;
    while at < input.len() && out.len() < bound.max {
        let n = input[at] as i8;
        at += 1;
        match n {
            0.. => {
                let end = at + n as usize + 1;
                let run = input.get(at..end).ok_or_else(|| CodecError::truncated("PackBits"))?;
                out.extend_from_slice(run);
                at = end;
            }
            -128 => {}
            _ => {
                let &byte = input.get(at).ok_or_else(|| CodecError::truncated("PackBits"))?;
                out.resize(out.len() + 1 + usize::from(n.unsigned_abs()), byte);
                at += 1;
            }
        }
    }
    out.truncate(bound.max);
    Ok(())
}

/// `params`: code of the predictor, samples per pixel, bytes of a sample, bytes of a row, whether samples are
/// big-endian. Rows that are missing at the end are zero: strips at the lower edge have fewer.
pub(super) fn decode_rows(
    params: &[u32],
    input: &[u8],
    bound: Bound,
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    const NAME: &str = "TIFF predictor";
    let &[code, stride, size, line, big_endian] = params else {
        return Err(CodecError::corrupt(NAME, "its parameters are missing"));
    };
    let predictor = tags::Predictor::of_code(u64::from(code));
    let predictor = predictor.ok_or_else(|| CodecError::unsupported(NAME, format!("number {code}")))?;
    let (stride, size, line) = (stride.max(1) as usize, size as usize, line as usize);
    let rows = predictor::Rows { stride, size, line, big_endian: big_endian != 0 };
    out.clear();
    out.extend_from_slice(&input[..input.len().min(bound.max)]);
    predictor::decode(predictor, rows, out);
    out.resize(bound.max, 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_tiff_6_unpacks() {
        let packed =
            [0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0xFD, 0xAA, 0x03, 0x80, 0x00, 0x2A, 0x22, 0xF7, 0xAA];
        let mut out = Vec::new();
        decode_packbits(&packed, Bound { max: 24, exact: true }, &mut out).unwrap();
        let mut want =
            vec![0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0xAA, 0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0x22];
        want.extend([0xAA; 10]);
        assert_eq!(out, want);
        assert!(decode_packbits(&[5, 1], Bound { max: 24, exact: true }, &mut out).is_err());
    }

    #[test]
    fn a_short_strip_is_filled_up() {
        let mut out = Vec::new();
        decode_rows(&[2, 1, 1, 2, 0], &[1, 1, 5, 1], Bound { max: 6, exact: true }, &mut out).unwrap();
        assert_eq!(out, [1, 2, 5, 6, 0, 0]);
    }
}
