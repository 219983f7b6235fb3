//! BloscLZ, Blosc's own compressor (a descendant of FastLZ).

use super::CodecError;
use super::lzf::copy_back;

const NAME: &str = "blosc (blosclz)";
/// Distances from here on are written with two more bytes.
const FAR: usize = 8191;

/// Decodes one stream of exactly `expected` bytes into the cleared `out`.
pub(super) fn decode(input: &[u8], expected: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    out.clear();
    let mut at = 0;
    let mut next = || {
        let byte = input.get(at).copied();
        at += 1;
        byte
    };
    // The first control byte is always a run of literals; its upper bits carry the format level.
    let mut control = next().ok_or(CodecError::truncated(NAME))? & 31;
    loop {
        if control < 32 {
            for _ in 0..=control {
                out.push(next().ok_or(CodecError::truncated(NAME))?);
            }
        } else {
            let mut len = (control >> 5) as usize + 2;
            let high = (control & 31) as usize;
            if len == 9 {
                loop {
                    let more = next().ok_or(CodecError::truncated(NAME))?;
                    len += more as usize;
                    if more != 255 {
                        break;
                    }
                    if len > expected {
                        return Err(CodecError::corrupt(NAME, "a copy is too long"));
                    }
                }
            }
            let low = next().ok_or(CodecError::truncated(NAME))? as usize;
            let distance = if low == 255 && high == 31 {
                let (a, b) = (next(), next());
                let (Some(a), Some(b)) = (a, b) else { return Err(CodecError::truncated(NAME)) };
                ((a as usize) << 8 | b as usize) + FAR
            } else {
                high << 8 | low
            };
            if len > expected - out.len().min(expected) {
                return Err(CodecError::corrupt(NAME, "a copy is too long"));
            }
            copy_back(NAME, out, distance + 1, len)?;
        }
        if out.len() > expected {
            return Err(CodecError::corrupt(NAME, "a stream is too long"));
        }
        match next() {
            Some(byte) => control = byte,
            None => return Ok(()),
        }
    }
}
