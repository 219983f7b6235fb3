//! PNG (W3C Portable Network Graphics, third edition; ISO/IEC 15948): written in pieces that several threads filter and
//! compress. Not interlaced, no gamma, no time: the same pixels give the same bytes.

mod effort;
mod filter;
mod splice;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use libdeflater::{CompressionLvl, Compressor, Crc, adler32};
use rayon::prelude::*;

use super::canvas::{self, Area, Canvas, Ink};
use super::output::Sink;
use super::style::Rgba;
use crate::write::{WriteError, WriteOptions};
use effort::Effort;
use filter::Filter;

/// Filtered bytes that are compressed at a time. Pieces know nothing of each other: smaller ones cost size (0.6 % at
/// 256 KiB), larger ones leave threads idle at the end.
const PIECE: usize = 256 << 10;
/// Pieces that wait to be written at most.
const MOST_PIECES: u64 = 256;
/// The width and height that the format can say.
const MAX_SIDE: u64 = i32::MAX as u64;
/// Effort unless asked otherwise or found to be too much: the least that gives files of the size of zlib's default; see
/// `examples/png.rs` for times and sizes.
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
    let piece = piece(pixels, line, ink, Effort::usual(ink, Some(level)), true);
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
    is_last: bool,
}

fn pixels(
    canvas: &dyn Canvas,
    area: &Area,
    options: &WriteOptions,
    sink: &mut dyn Sink,
) -> Result<(), WriteError> {
    let line = canvas::line_bytes(canvas, area)?;
    let step = (PIECE / (line + 1)).max(1);
    let level = options.encoding.level.or(options.deflate_level).map(|l| l.min(12) as i32);
    let effort = Effort::of(canvas, area, level)?;
    let mut stream = Stream { checksum: 1, is_first: true, sink };
    if canvas.rows_together() <= step as u64 {
        return in_pieces(canvas, area, step as u64, effort, options, &mut stream);
    }
    let mut left = area.height() as usize;
    canvas::slabs(canvas, area, step as u64, options, |rows| {
        left -= rows.len() / line;
        let count = rows.len().div_ceil(step * line);
        let compress =
            |(i, rows): (usize, &[u8])| piece(rows, line, canvas.ink(), effort, left == 0 && i + 1 == count);
        // Collected in order: the bytes do not depend on the threads.
        let pieces: Vec<Piece> = rows.par_chunks(step * line).enumerate().map(compress).collect();
        pieces.iter().try_for_each(|piece| stream.put(piece))
    })
}

/// Where rows can be painted one by one, a thread paints what it compresses: pixels stay in its cache. What is ready is
/// written while others go on.
fn in_pieces(
    canvas: &dyn Canvas,
    area: &Area,
    step: u64,
    effort: Effort,
    options: &WriteOptions,
    stream: &mut Stream,
) -> Result<(), WriteError> {
    let line = canvas::line_bytes(canvas, area)?;
    let count = area.height().div_ceil(step);
    // Groups keep what is compressed but not yet written within bounds.
    let group =
        (options.memory / (2 * PIECE as u64)).min(MOST_PIECES).max(rayon::current_num_threads() as u64);
    let piece = |i: u64| {
        if options.is_cancelled() {
            return Err(WriteError::Cancelled);
        }
        let rows = area.rows.start + i * step..(area.rows.start + (i + 1) * step).min(area.rows.end);
        // Painting may hand parts to other threads and take up one of their pieces: nothing is borrowed meanwhile.
        let mut pixels = PIXELS.take();
        pixels.resize(line * (rows.end - rows.start) as usize, 0);
        canvas.paint(rows, area.columns.clone(), &mut pixels)?;
        let piece = piece(&pixels, line, canvas.ink(), effort, i + 1 == count);
        PIXELS.set(pixels);
        Ok(piece)
    };
    for start in (0..count).step_by(usize::try_from(group).unwrap_or(usize::MAX)) {
        let end = (start + group).min(count);
        let next = AtomicU64::new(start);
        let failed = AtomicBool::new(false);
        let queue = Mutex::new(Queue { next: start, waiting: BTreeMap::new(), stream: &mut *stream });
        // Each thread takes the piece that is due: they come in about the order in which they are written.
        let work = |_| -> Result<(), WriteError> {
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= end || failed.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let done = piece(i)
                    .and_then(|piece| queue.lock().unwrap_or_else(PoisonError::into_inner).put(i, piece));
                done.inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            }
        };
        (0..rayon::current_num_threads()).into_par_iter().try_for_each(work)?;
    }
    Ok(())
}

/// Pieces that are ready before the ones in front of them.
struct Queue<'a, 'b> {
    next: u64,
    waiting: BTreeMap<u64, Piece>,
    stream: &'a mut Stream<'b>,
}

impl Queue<'_, '_> {
    /// Takes piece `number`, and writes all that are due: the order of the bytes does not depend on that of the threads.
    fn put(&mut self, number: u64, piece: Piece) -> Result<(), WriteError> {
        self.waiting.insert(number, piece);
        while let Some(piece) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.stream.put(&piece)?;
        }
        Ok(())
    }
}

/// The zlib stream, one chunk of the file for each piece.
struct Stream<'a> {
    checksum: u32,
    is_first: bool,
    sink: &'a mut dyn Sink,
}

impl Stream<'_> {
    fn put(&mut self, piece: &Piece) -> Result<(), WriteError> {
        self.checksum = join_checksums(self.checksum, piece.adler, piece.filtered);
        let begin: &[u8] = if self.is_first { &[0x78, 0x5e] } else { &[] };
        let sum = self.checksum.to_be_bytes();
        let end: &[u8] = if piece.is_last { &sum } else { &[] };
        self.is_first = false;
        chunk(self.sink, b"IDAT", &[begin, &piece.stream, end])
    }
}

fn piece(rows: &[u8], line: usize, ink: &Ink, effort: Effort, last: bool) -> Piece {
    let bytes = filtered(rows, line, ink.bytes(), effort.filter, FILTERED.take());
    let stream = deflate(&bytes, effort.level, last);
    let piece = Piece { stream, adler: adler32(&bytes), filtered: bytes.len(), is_last: last };
    FILTERED.set(bytes);
    piece
}

/// Whole rows of `line` bytes, `pixel` bytes each pixel, as a filter leaves them, in `out`.
fn filtered(rows: &[u8], line: usize, pixel: usize, filter: Filter, mut out: Vec<u8>) -> Vec<u8> {
    out.clear();
    out.reserve(rows.len() + rows.len() / line);
    let mut rest = filter::Scratch::default();
    let mut above = None;
    for row in rows.chunks_exact(line) {
        filter.append(row, above, pixel, &mut rest, &mut out);
        above = Some(row);
    }
    out
}

thread_local! {
    /// By level.
    static COMPRESSORS: RefCell<[Option<Compressor>; 13]> = const { RefCell::new([const { None }; 13]) };
    // First touch of fresh memory takes longer than what is done with it: threads keep their buffers.
    static PIXELS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static FILTERED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static COMPRESSED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn deflate(bytes: &[u8], level: i32, last: bool) -> Vec<u8> {
    let open = |mut stream: Vec<u8>| {
        if last { Some(stream) } else { splice::open_end(&mut stream).map(|()| stream) }
    };
    compressed(bytes, level).and_then(open).unwrap_or_else(|| splice::stored(bytes, last))
}

/// A complete deflate stream.
fn compressed(bytes: &[u8], level: i32) -> Option<Vec<u8>> {
    COMPRESSORS.with_borrow_mut(|all| {
        let slot = all.get_mut(usize::try_from(level).ok()?)?;
        let compressor =
            slot.get_or_insert_with(|| Compressor::new(CompressionLvl::new(level).unwrap_or_default()));
        COMPRESSED.with_borrow_mut(|out| {
            out.resize(out.len().max(compressor.deflate_compress_bound(bytes.len())), 0);
            let n = compressor.deflate_compress(bytes, out).ok()?;
            Some(out[..n].to_vec())
        })
    })
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
