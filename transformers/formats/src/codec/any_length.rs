//! Decoding of chunks whose length is not known beforehand: lists of texts.

use harmony_model::Filter;

use super::{Bound, CodecError, can_decode, decode_one, is_trailer, verify_trailer};

/// Undoes `filters` like [`super::decode`], for a result of any length up to `limit`.
///
/// `expected`: the least length that makes sense. Decoders need room before they know the length, so it is tried with
/// more and more of it; what a small chunk may grow to is bounded by a ratio that no text reaches.
///
/// # Errors
/// As [`super::decode`].
pub(crate) fn decode_any_length(
    filters: &[Filter],
    filter_mask: u32,
    stored: &[u8],
    expected: usize,
    limit: usize,
) -> Result<Vec<u8>, CodecError> {
    let limit = limit.min(stored.len().saturating_mul(4096).max(16 << 20));
    let mut bytes = stored.to_vec();
    for (i, filter) in filters.iter().enumerate().rev() {
        if i < 32 && filter_mask >> i & 1 == 1 {
            continue;
        }
        if !can_decode(filter) {
            return Err(CodecError::unknown(filter));
        }
        if is_trailer(filter) {
            let len = verify_trailer(filter, &bytes)?;
            bytes.truncate(len);
            continue;
        }
        let mut room = bytes.len().saturating_mul(4).saturating_add(expected).max(64 << 10).min(limit);
        bytes = loop {
            let mut out = Vec::new();
            match decode_one(filter, &bytes, Bound { max: room, exact: false }, &mut out) {
                Ok(()) => break out,
                Err(e) if room >= limit => return Err(e),
                Err(_) => room = room.saturating_mul(4).min(limit),
            }
        };
    }
    Ok(bytes)
}
