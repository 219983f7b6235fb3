//! Chunk filter pipelines: what HDF5 and Zarr do to the bytes of a chunk before they store it.
//!
//! A pipeline is a list of [`Filter`]s in the order of writing. [`decode`] undoes them from last to first, [`encode`]
//! applies them. Every codec is a file of its own; none allocates more than the chunk's declared size allows.

mod any_length;
mod bits;
mod bitshuffle;
mod blosc;
mod blosclz;
mod checksum;
mod deflate;
mod ffi;
mod lz4;
mod lzf;
mod nbit;
mod pool;
mod scale_offset;
mod shuffle;
mod snappy;
mod szip;
mod tiff;
mod zstandard;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

use harmony_model::{Filter, filter};

pub(crate) use any_length::decode_any_length;
pub(crate) use pool::Pooled;

/// Why the bytes of a chunk can't be decoded or encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    #[error("{filter}: {detail}")]
    Corrupt { filter: &'static str, detail: String },
    #[error("{filter}: stored checksum {stored:08x} does not match the data ({computed:08x})")]
    Checksum { filter: &'static str, stored: u32, computed: u32 },
    #[error(
        "filter {id}{name} is not built in; rewrite the file with one that is, for example h5repack -f GZIP=4"
    )]
    Unknown { id: u16, name: String },
    #[error("{filter}: {detail}")]
    Unsupported { filter: &'static str, detail: String },
    #[error("the chunk decodes to {actual} bytes instead of {expected}")]
    Length { actual: usize, expected: usize },
}

impl CodecError {
    /// Whether the data may be right and only we can't decode it.
    pub fn is_unsupported(&self) -> bool {
        matches!(self, CodecError::Unknown { .. } | CodecError::Unsupported { .. })
    }

    fn corrupt(filter: &'static str, detail: impl Into<String>) -> Self {
        CodecError::Corrupt { filter, detail: detail.into() }
    }

    fn truncated(filter: &'static str) -> Self {
        CodecError::corrupt(filter, "the stored bytes end too early")
    }

    fn unsupported(filter: &'static str, detail: impl Into<String>) -> Self {
        CodecError::Unsupported { filter, detail: detail.into() }
    }

    fn unknown(filter: &Filter) -> Self {
        let name = match filter.name.trim_end_matches('\0') {
            "" => String::new(),
            name => format!(" ({})", name.chars().take(80).collect::<String>()),
        };
        CodecError::Unknown { id: filter.id, name }
    }
}

/// What is known about the length of a decoder's output before it runs.
#[derive(Clone, Copy, Debug)]
struct Bound {
    /// Largest length that can be right.
    max: usize,
    /// Whether `max` is the only right length.
    exact: bool,
}

impl Bound {
    /// Refuses a length the stored bytes themselves declare, before anything is allocated for it.
    fn check(self, filter: &'static str, claimed: u64) -> Result<usize, CodecError> {
        let claimed_len = usize::try_from(claimed).unwrap_or(usize::MAX);
        if claimed_len > self.max || (self.exact && claimed_len != self.max) {
            let want = if self.exact { "" } else { "at most " };
            let detail = format!("claims {claimed} bytes where the chunk has {want}{}", self.max);
            return Err(CodecError::corrupt(filter, detail));
        }
        Ok(claimed_len)
    }

    /// Length of the output of the filter that comes after (in the order of writing).
    fn after(self, filter: &Filter) -> Bound {
        match filter.id {
            filter::SHUFFLE => self,
            // The last strip of an image is shorter.
            filter::TIFF_ROWS => Bound { exact: false, ..self },
            filter::FLETCHER32 | filter::CRC32C => Bound { max: self.max.saturating_add(4), ..self },
            // Compressors that meet incompressible bytes add a little.
            _ => Bound { max: self.max.saturating_add(self.max / 8).saturating_add(1 << 16), exact: false },
        }
    }
}

/// Length `n` without clearing what was there: every decoder overwrites all of it.
fn room(out: &mut Vec<u8>, n: usize) -> &mut [u8] {
    out.resize(n, 0);
    out
}

/// Whether [`decode`] knows the filter.
pub fn can_decode(filter: &Filter) -> bool {
    use filter::*;
    matches!(
        filter.id,
        DEFLATE
            | SHUFFLE
            | FLETCHER32
            | SZIP
            | NBIT
            | SCALE_OFFSET
            | LZF
            | BLOSC
            | LZ4
            | BITSHUFFLE
            | ZSTD
            | GZIP
            | NUMCODECS_LZ4
            | CRC32C
            | TIFF_LZW
            | PACKBITS
            | TIFF_ROWS
    )
}

/// Whether [`encode`] knows the filter; a writer replaces the others (by shuffle and deflate). Blosc is written with
/// Zstandard inside, which [`encode`] does only where a Zarr store asks for it: HDF5 readers need a plug-in.
pub fn can_encode(filter: &Filter) -> bool {
    use filter::*;
    matches!(filter.id, DEFLATE | SHUFFLE | FLETCHER32 | ZSTD | GZIP | CRC32C | LZ4 | NUMCODECS_LZ4)
}

/// Undoes `filters` (listed in the order of writing), except those whose bit *n* is set in `filter_mask`.
///
/// `stored`: the bytes as they are in the file. `out` is replaced by the `expected_len` bytes of the chunk; its
/// capacity is reused, so hand in the same buffer again and again.
///
/// # Errors
/// [`CodecError`] when a filter is not built in, the bytes are damaged, or the result is not `expected_len` long.
pub fn decode(
    filters: &[Filter],
    filter_mask: u32,
    stored: &[u8],
    expected_len: usize,
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let active = active_filters(filters, filter_mask, expected_len)?;
    // The last step that produces new bytes writes to `out`; after it only checksums are left, which shorten it.
    let last = active.iter().position(|(f, _)| !is_trailer(f));
    let (mut current, mut next) = (Pooled::take(), Pooled::take());
    let (mut len, mut at) = (stored.len(), At::Stored);
    for (i, (filter, bound)) in active.iter().enumerate().rev() {
        if is_trailer(filter) {
            len = verify_trailer(filter, &at.bytes(stored, &current, out)[..len])?;
            continue;
        }
        let input = if at == At::Stored { &stored[..len] } else { &current[..len] };
        if last == Some(i) {
            decode_one(filter, input, *bound, out)?;
            (len, at) = (out.len(), At::Out);
        } else {
            decode_one(filter, input, *bound, &mut next)?;
            (len, at) = (next.len(), At::Scratch);
            std::mem::swap(&mut current, &mut next);
        }
    }
    if len != expected_len {
        return Err(CodecError::Length { actual: len, expected: expected_len });
    }
    match at {
        At::Out => out.truncate(len),
        _ => room(out, len).copy_from_slice(&stored[..len]),
    }
    Ok(())
}

/// Where the bytes of a chunk are between two steps.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Stored,
    Scratch,
    Out,
}

impl At {
    fn bytes<'a>(self, stored: &'a [u8], scratch: &'a [u8], out: &'a [u8]) -> &'a [u8] {
        match self {
            At::Stored => stored,
            At::Scratch => scratch,
            At::Out => out,
        }
    }
}

/// The filters that were applied, each with what is known of the length it was given when written.
fn active_filters(filters: &[Filter], mask: u32, len: usize) -> Result<Vec<(&Filter, Bound)>, CodecError> {
    let mut bound = Bound { max: len, exact: true };
    let mut active = Vec::with_capacity(filters.len());
    for (i, filter) in filters.iter().enumerate() {
        if i < 32 && mask >> i & 1 == 1 {
            continue;
        }
        if !can_decode(filter) {
            return Err(CodecError::unknown(filter));
        }
        active.push((filter, bound));
        bound = bound.after(filter);
    }
    Ok(active)
}

/// Whether a filter only appends a checksum.
fn is_trailer(filter: &Filter) -> bool {
    matches!(filter.id, filter::FLETCHER32 | filter::CRC32C)
}

/// Length of `input` without its checksum, which must be right.
fn verify_trailer(filter: &Filter, input: &[u8]) -> Result<usize, CodecError> {
    match filter.id {
        filter::FLETCHER32 => checksum::verify_fletcher32(input),
        _ => checksum::verify_crc32c(input),
    }
}

fn decode_one(filter: &Filter, input: &[u8], bound: Bound, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let params = &filter.params;
    match filter.id {
        filter::DEFLATE => deflate::decode_zlib(input, bound, out),
        filter::GZIP => deflate::decode_gzip(input, bound, out),
        filter::SHUFFLE => shuffle::decode(params, input, out),
        filter::SZIP => szip::decode(params, input, bound, out),
        filter::NBIT => nbit::decode(params, input, bound, out),
        filter::SCALE_OFFSET => scale_offset::decode(params, input, bound, out),
        filter::LZF => lzf::decode(input, bound, out),
        filter::BLOSC => blosc::decode(input, bound, out),
        filter::LZ4 => lz4::decode_hdf5(input, bound, out),
        filter::NUMCODECS_LZ4 => lz4::decode_numcodecs(input, bound, out),
        filter::BITSHUFFLE => bitshuffle::decode(params, input, bound, out),
        filter::ZSTD => zstandard::decode(input, bound, out),
        filter::TIFF_LZW => tiff::decode_lzw(input, bound, out),
        filter::PACKBITS => tiff::decode_packbits(input, bound, out),
        filter::TIFF_ROWS => tiff::decode_rows(params, input, bound, out),
        _ => Err(CodecError::unknown(filter)),
    }
}

/// Applies `filters` in order to the bytes of one chunk. Returns the bytes to store and the filter mask.
///
/// An *optional* HDF5 compressor that does not make the chunk smaller is skipped and its bit set in the mask, as HDF5
/// does; a container without masks (Zarr) marks its filters as not optional. `level_override` replaces the level of
/// deflate, gzip and Zstandard; without it deflate and gzip stop at level 4, where libdeflate is about as dense as zlib at 4 to 6.
///
/// # Errors
/// [`CodecError::Unknown`] for a filter of which [`can_encode`] is false, [`CodecError::Corrupt`] when it lacks
/// parameters.
pub fn encode(
    filters: &[Filter],
    raw: &[u8],
    level_override: Option<u8>,
) -> Result<(Vec<u8>, u32), CodecError> {
    let mut mask = 0;
    let (mut current, mut next) = (Pooled::take(), Pooled::take());
    let mut untouched = true;
    for (i, filter) in filters.iter().enumerate() {
        let input: &[u8] = if untouched { raw } else { &current };
        encode_one(filter, input, level_override, &mut next)?;
        let skippable = filter.optional && i < 32 && is_hdf5_compressor(filter.id);
        if skippable && next.len() >= input.len() {
            mask |= 1 << i;
            continue;
        }
        std::mem::swap(&mut current, &mut next);
        untouched = false;
    }
    if untouched {
        return Ok((raw.to_vec(), mask));
    }
    // An exact copy: the buffers are as large as the worst case and stay in the pool. Twice a large one is too much.
    if current.len() <= COPIED {
        return Ok((current.to_vec(), mask));
    }
    let mut large = std::mem::take(&mut *current);
    large.shrink_to_fit();
    Ok((large, mask))
}

/// Bytes up to which a result is copied out of the buffer that it was made in.
const COPIED: usize = 4 << 20;

fn is_hdf5_compressor(id: u16) -> bool {
    matches!(id, filter::DEFLATE | filter::ZSTD | filter::LZ4)
}

fn encode_one(filter: &Filter, input: &[u8], level: Option<u8>, out: &mut Vec<u8>) -> Result<(), CodecError> {
    match filter.id {
        filter::DEFLATE => deflate::encode_zlib(&filter.params, level, input, out),
        filter::GZIP => deflate::encode_gzip(&filter.params, level, input, out),
        filter::SHUFFLE => shuffle::encode(&filter.params, input, out),
        filter::FLETCHER32 => {
            checksum::append_fletcher32(input, out);
            Ok(())
        }
        filter::CRC32C => {
            checksum::append_crc32c(input, out);
            Ok(())
        }
        filter::ZSTD => zstandard::encode(&filter.params, level, input, out),
        filter::LZ4 => lz4::encode_hdf5(&filter.params, input, out),
        filter::BLOSC => blosc::encode(&filter.params, level, input, out),
        filter::NUMCODECS_LZ4 => lz4::encode_numcodecs(input, out),
        _ => Err(CodecError::unknown(filter)),
    }
}
