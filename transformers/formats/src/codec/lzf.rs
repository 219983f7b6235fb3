//! LZF as h5py stores it (filter 32000): a bare LibLZF stream.

use super::{Bound, CodecError};

const NAME: &str = "lzf";
/// One stored triple gives at most 264 bytes.
const MAX_RATIO: usize = 88;

/// Control byte below 32: that many literals and one more follow. Otherwise a copy: length in the upper three bits
/// (7: one more byte is added) plus 2, distance in the lower five and the next byte plus 1.
pub(super) fn decode(input: &[u8], bound: Bound, out: &mut Vec<u8>) -> Result<(), CodecError> {
    out.clear();
    out.reserve(bound.max.min(input.len().saturating_mul(MAX_RATIO)));
    let mut rest = input;
    while let Some((&control, after)) = rest.split_first() {
        rest = after;
        if control < 32 {
            let (literals, after) =
                rest.split_at_checked(control as usize + 1).ok_or(CodecError::truncated(NAME))?;
            out.extend_from_slice(literals);
            rest = after;
        } else {
            let mut len = (control >> 5) as usize + 2;
            if control >> 5 == 7 {
                len += take(&mut rest)? as usize;
            }
            let distance = ((control & 31) as usize) << 8 | take(&mut rest)? as usize;
            copy_back(NAME, out, distance + 1, len)?;
        }
        if out.len() > bound.max {
            return Err(CodecError::corrupt(NAME, format!("the stream holds more than {} bytes", bound.max)));
        }
    }
    Ok(())
}

fn take(rest: &mut &[u8]) -> Result<u8, CodecError> {
    let (&byte, after) = rest.split_first().ok_or(CodecError::truncated(NAME))?;
    *rest = after;
    Ok(byte)
}

/// Appends `len` bytes from `distance` before the end; the two may overlap, which repeats a pattern.
pub(super) fn copy_back(
    name: &'static str,
    out: &mut Vec<u8>,
    distance: usize,
    len: usize,
) -> Result<(), CodecError> {
    let mut from = match out.len().checked_sub(distance) {
        Some(from) if distance > 0 => from,
        _ => return Err(CodecError::corrupt(name, "a copy reaches before the start")),
    };
    let mut left = len;
    while left > 0 {
        // What is there already doubles with each round.
        let n = left.min(out.len() - from);
        out.extend_from_within(from..from + n);
        from += n;
        left -= n;
    }
    Ok(())
}
