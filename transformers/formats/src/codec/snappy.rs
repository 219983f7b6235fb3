//! Snappy blocks (inside Blosc).

use super::CodecError;
use super::lzf::copy_back;

const NAME: &str = "blosc (snappy)";

/// Decodes one block of exactly `expected` bytes into the cleared `out`.
pub(super) fn decode(input: &[u8], expected: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let mut rest = input;
    if read_varint(&mut rest)? != expected as u64 {
        return Err(CodecError::corrupt(NAME, "a block has the wrong length"));
    }
    out.clear();
    while let Some((&tag, after)) = rest.split_first() {
        rest = after;
        match tag & 3 {
            0 => {
                let len = match tag >> 2 {
                    short @ 0..60 => short as usize,
                    long => little_endian(&mut rest, long as usize - 59)?,
                };
                let (literals, after) =
                    rest.split_at_checked(len.saturating_add(1)).ok_or(CodecError::truncated(NAME))?;
                out.extend_from_slice(literals);
                rest = after;
            }
            1 => {
                let distance = ((tag >> 5) as usize) << 8 | little_endian(&mut rest, 1)?;
                copy_back(NAME, out, distance, (tag >> 2 & 7) as usize + 4)?;
            }
            kind => {
                let distance = little_endian(&mut rest, if kind == 2 { 2 } else { 4 })?;
                copy_back(NAME, out, distance, (tag >> 2) as usize + 1)?;
            }
        }
        if out.len() > expected {
            return Err(CodecError::corrupt(NAME, "a block is too long"));
        }
    }
    Ok(())
}

fn little_endian(rest: &mut &[u8], n: usize) -> Result<usize, CodecError> {
    let (bytes, after) = rest.split_at_checked(n).ok_or(CodecError::truncated(NAME))?;
    *rest = after;
    Ok(bytes.iter().rev().fold(0, |v, &b| v << 8 | b as usize))
}

fn read_varint(rest: &mut &[u8]) -> Result<u64, CodecError> {
    let mut value = 0u64;
    for shift in (0..35).step_by(7) {
        let byte = little_endian(rest, 1)? as u64;
        value |= (byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(CodecError::corrupt(NAME, "a block length does not end"))
}
