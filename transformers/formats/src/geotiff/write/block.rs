//! One block: gathered from rows, run through the predictor, compressed.

use harmony_model::{DType, Filter, filter};

use super::super::predictor::{self, Rows};
use super::super::tags::Compression;
use super::super::{lzw, tags::Predictor};
use super::options::Scheme;
use crate::codec;

/// Rows of the bands that share blocks, native order; all have the same number of rows.
pub struct Strip<'a> {
    pub bands: Vec<&'a [u8]>,
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// The box of a block in a [`Strip`]; what hangs over is filled with the last row and column.
#[derive(Clone, Copy, Debug)]
pub struct Box {
    pub column: usize,
    pub row: usize,
    pub width: usize,
    pub height: usize,
}

/// Gathers and encodes a block.
pub fn encode(strip: &Strip, at: Box, dtype: &DType, scheme: Scheme) -> Vec<u8> {
    let size = dtype.size();
    let mut raw = gather(strip, at, size);
    let rows = Rows {
        stride: strip.bands.len(),
        size,
        line: at.width * strip.bands.len() * size,
        big_endian: cfg!(target_endian = "big"),
    };
    // The file is little-endian: the floating-point predictor brings its own order, the other one keeps it.
    predictor::encode(scheme.predictor, rows, &mut raw);
    if cfg!(target_endian = "big") && scheme.predictor != Predictor::FloatingPoint {
        crate::chunked::swap_bytes(&mut raw, size);
    }
    compress(raw, scheme)
}

/// Encodes a block of a mask with one byte for each cell as single bits, rows padded to whole bytes.
pub fn encode_mask(mask: &[u8], width: usize, at: Box, scheme: Scheme) -> Vec<u8> {
    let height = mask.len().checked_div(width).unwrap_or(0);
    let cells = gather(&Strip { bands: vec![mask], width, height }, at, 1);
    let bits = |eight: &[u8]| {
        eight.iter().enumerate().fold(0u8, |bits, (i, &m)| bits | (u8::from(m != 0) << (7 - i)))
    };
    let packed = cells.chunks(at.width.max(1)).flat_map(|row| row.chunks(8).map(bits)).collect();
    compress(packed, Scheme { predictor: Predictor::None, ..scheme })
}

fn compress(raw: Vec<u8>, scheme: Scheme) -> Vec<u8> {
    let id = match scheme.compression {
        Compression::None | Compression::PackBits => return raw,
        Compression::Lzw => return lzw::encode(&raw),
        Compression::Deflate => filter::DEFLATE,
        Compression::Zstd => filter::ZSTD,
    };
    let filter = Filter::new(id, &[u32::from(scheme.level)]);
    let (bytes, _) = codec::encode(&[filter], &raw, Some(scheme.level))
        .expect("deflate and Zstandard are built in and have room for the worst case");
    bytes
}

fn gather(strip: &Strip, at: Box, size: usize) -> Vec<u8> {
    let mut out = vec![0; at.width * at.height * strip.bands.len() * size];
    gather_into(strip, at, size, &mut out);
    out
}

/// Pixels of a block as the file has them without compression.
pub fn plain(strip: &Strip, at: Box, size: usize, out: &mut [u8]) {
    gather_into(strip, at, size, out);
    if cfg!(target_endian = "big") {
        crate::chunked::swap_bytes(out, size);
    }
}

fn gather_into(strip: &Strip, at: Box, size: usize, out: &mut [u8]) {
    let samples = strip.bands.len();
    let pixel = samples * size;
    let (line, width) = (strip.width * size, at.width.min(strip.width - at.column));
    for (y, to) in out.chunks_exact_mut(at.width * pixel).enumerate() {
        let row = (at.row + y).min(strip.height - 1);
        for (s, band) in strip.bands.iter().enumerate() {
            let from = &band[row * line + at.column * size..][..width * size];
            if samples == 1 {
                to[..from.len()].copy_from_slice(from);
            } else {
                for (pixel, sample) in to.chunks_exact_mut(pixel).zip(from.chunks_exact(size)) {
                    pixel[s * size..(s + 1) * size].copy_from_slice(sample);
                }
            }
        }
        let (inside, over) = to.split_at_mut(width * pixel);
        let last = &inside[inside.len() - pixel..];
        over.chunks_exact_mut(pixel).for_each(|p| p.copy_from_slice(last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_at_the_edge_repeat_the_last_pixels() {
        let (a, b): (Vec<u8>, Vec<u8>) = ((1..=6).collect(), (11..=16).collect());
        let strip = Strip { bands: vec![&a, &b], width: 3, height: 2 };
        let out = gather(&strip, Box { column: 2, row: 1, width: 2, height: 2 }, 1);
        assert_eq!(out, [6, 16, 6, 16, 6, 16, 6, 16]);
    }
}
