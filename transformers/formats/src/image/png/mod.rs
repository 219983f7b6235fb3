//! PNG (W3C Portable Network Graphics, third edition; ISO/IEC 15948): written in pieces that several threads filter and
//! compress. Not interlaced, no gamma, no time: the same pixels give the same bytes.

mod filter;
mod splice;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use libdeflater::{CompressionLvl, Compressor, Crc, adler32};
use rayon::prelude::*;

use super::canvas::{self, Area, Canvas, Ink};
use super::output::Sink;
use super::style::Rgba;
use crate::write::{WriteError, WriteOptions};

/// Filtered bytes that are compressed at a time. Pieces know nothing of each other: smaller ones cost size (0.3 % at
/// 512 KiB), larger ones leave threads idle.
const PIECE: usize = 512 << 10;
/// The width and height that the format can say.
const MAX_SIDE: u64 = i32::MAX as u64;
/// Effort unless asked otherwise: the least that gives files of the size of zlib's default; see `examples/png.rs` for
/// times and sizes.
const LEVEL: i32 = 6;

/// Writes an area of a canvas as a PNG with `texts` (keyword, text) in front of the picture.
///
/// # Errors
/// What painting and the sink say; [`WriteError::Unsupported`] for a size that the format can't hold.
pub fn write(
    canvas: &dyn Canvas,
    area: &Area,
    texts: &[(String, String)],
    options: &WriteOptions,
    sink: &mut dyn Sink,
) -> Result<(), WriteError> {
    if area.width() > MAX_SIDE || area.height() > MAX_SIDE || area.width() == 0 || area.height() == 0 {
        return Err(WriteError::Unsupported {
            target: "PNG".into(),
            object: format!("{} x {} pixels", area.width(), area.height()),
            detail: format!("a side has 1 to {MAX_SIDE}; ask for another --width and --height"),
        });
    }
    head(canvas.ink(), area, texts, sink)?;
    pixels(canvas, area, options, sink)?;
    chunk(sink, b"IEND", &[&[]])
}

/// A small picture as a PNG, encoded on the calling thread: handing it to others would take longer. `level` is the
/// effort of compression, 0 to 12; `pixels` are whole rows of `width`.
///
/// # Errors
/// As [`write`].
pub fn encode(ink: &Ink, width: u64, pixels: &[u8], level: i32) -> Result<Vec<u8>, WriteError> {
    let line = (width as usize).saturating_mul(ink.bytes()).max(1);
    let area = Area::whole((pixels.len() / line) as u64, width);
    let mut out = Vec::with_capacity(pixels.len() / 4 + 2048);
    head(ink, &area, &[], &mut out)?;
    let piece = piece(pixels, line, ink, level, true);
    chunk(&mut out, b"IDAT", &[&[0x78, 0x5e], &piece.stream, &piece.adler.to_be_bytes()])?;
    chunk(&mut out, b"IEND", &[&[]])?;
    Ok(out)
}

fn head(ink: &Ink, area: &Area, texts: &[(String, String)], sink: &mut dyn Sink) -> Result<(), WriteError> {
    sink.put(b"\x89PNG\r\n\x1a\n")?;
    let colour_type = match ink {
        Ink::Palette(_) => 3,
        Ink::Rgb => 2,
        Ink::Rgba => 6,
    };
    let (width, height) = (area.width() as u32, area.height() as u32);
    chunk(sink, b"IHDR", &[&width.to_be_bytes(), &height.to_be_bytes(), &[8, colour_type, 0, 0, 0]])?;
    for (keyword, text) in texts {
        chunk(sink, b"tEXt", &[&latin1(keyword), &[0], &latin1(text)])?;
    }
    if let Ink::Palette(palette) = ink {
        palette_chunks(palette, sink)?;
    }
    Ok(())
}

fn palette_chunks(palette: &[Rgba], sink: &mut dyn Sink) -> Result<(), WriteError> {
    let palette = if palette.is_empty() { &[[0; 4]] } else { &palette[..palette.len().min(256)] };
    let colours: Vec<u8> = palette.iter().flat_map(|c| [c[0], c[1], c[2]]).collect();
    chunk(sink, b"PLTE", &[&colours])?;
    // Entries behind the last one that is not opaque are opaque without being said so.
    let needed = palette.iter().rposition(|c| c[3] < 255).map_or(0, |i| i + 1);
    if needed > 0 {
        let opacity: Vec<u8> = palette[..needed].iter().map(|c| c[3]).collect();
        chunk(sink, b"tRNS", &[&opacity])?;
    }
    Ok(())
}

/// Texts of the format are ISO 8859-1.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).filter(|&b| b != 0).collect()
}

fn chunk(sink: &mut dyn Sink, kind: &[u8; 4], parts: &[&[u8]]) -> Result<(), WriteError> {
    let len: usize = parts.iter().map(|p| p.len()).sum();
    sink.put(&(len as u32).to_be_bytes())?;
    let mut crc = Crc::new();
    for part in std::iter::once(&kind[..]).chain(parts.iter().copied()) {
        crc.update(part);
        sink.put(part)?;
    }
    sink.put(&crc.sum().to_be_bytes())
}

/// A compressed piece, and what the checksum of the whole needs of it.
struct Piece {
    stream: Vec<u8>,
    adler: u32,
    filtered: usize,
}

fn pixels(
    canvas: &dyn Canvas,
    area: &Area,
    options: &WriteOptions,
    sink: &mut dyn Sink,
) -> Result<(), WriteError> {
    let line = canvas::line_bytes(canvas, area)?;
    let step = (PIECE / (line + 1)).max(1);
    let level = options.encoding.level.or(options.deflate_level).map_or(LEVEL, |l| l.min(12) as i32);
    let mut checksum = 1;
    let mut left = area.height() as usize;
    let mut first = true;
    canvas::slabs(canvas, area, step as u64, options, |rows| {
        left -= rows.len() / line;
        let count = rows.len().div_ceil(step * line);
        let compress =
            |(i, rows): (usize, &[u8])| piece(rows, line, canvas.ink(), level, left == 0 && i + 1 == count);
        // Collected in order: the bytes do not depend on the threads.
        let pieces: Vec<Piece> = rows.par_chunks(step * line).enumerate().map(compress).collect();
        for (i, piece) in pieces.iter().enumerate() {
            checksum = join_checksums(checksum, piece.adler, piece.filtered);
            let begin: &[u8] = if first { &[0x78, 0x5e] } else { &[] };
            let sum = checksum.to_be_bytes();
            let end: &[u8] = if left == 0 && i + 1 == count { &sum } else { &[] };
            chunk(sink, b"IDAT", &[begin, &piece.stream, end])?;
            first = false;
        }
        Ok(())
    })
}

fn piece(rows: &[u8], line: usize, ink: &Ink, level: i32, last: bool) -> Piece {
    let mut filtered = Vec::with_capacity(rows.len() + rows.len() / line);
    match ink {
        // Neighbouring indices are not near each other in colour: differences help nothing.
        Ink::Palette(_) => rows.chunks_exact(line).for_each(|row| {
            filtered.push(0);
            filtered.extend_from_slice(row);
        }),
        _ => {
            let mut filter = filter::Filter::default();
            let mut above = None;
            for row in rows.chunks_exact(line) {
                filter.append(row, above, ink.bytes(), &mut filtered);
                above = Some(row);
            }
        }
    }
    Piece { stream: deflate(&filtered, level, last), adler: adler32(&filtered), filtered: filtered.len() }
}

thread_local! {
    static COMPRESSOR: RefCell<Option<(i32, Compressor)>> = const { RefCell::new(None) };
}

fn deflate(bytes: &[u8], level: i32, last: bool) -> Vec<u8> {
    let compressed = COMPRESSOR.with_borrow_mut(|slot| {
        if slot.as_ref().is_none_or(|(l, _)| *l != level) {
            *slot = Some((level, Compressor::new(CompressionLvl::new(level).unwrap_or_default())));
        }
        let (_, compressor) = slot.as_mut()?;
        let mut out = vec![0; compressor.deflate_compress_bound(bytes.len())];
        let n = compressor.deflate_compress(bytes, &mut out).ok()?;
        out.truncate(n);
        if !last {
            splice::open_end(&mut out)?;
        }
        Some(out)
    });
    compressed.unwrap_or_else(|| splice::stored(bytes, last))
}

/// Adler-32 of two parts one behind the other (RFC 1950 §8.2); `len` bytes are in the second.
fn join_checksums(first: u32, second: u32, len: usize) -> u32 {
    const BASE: u64 = 65_521;
    let split = |sum: u32| (u64::from(sum & 0xffff), u64::from(sum >> 16));
    let ((a1, b1), (a2, b2)) = (split(first), split(second));
    let a = (a1 + a2 + BASE - 1) % BASE;
    let b = (b1 + b2 + (len as u64 % BASE) * ((a1 + BASE - 1) % BASE)) % BASE;
    (b << 16 | a) as u32
}
