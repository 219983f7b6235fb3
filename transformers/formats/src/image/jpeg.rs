//! JPEG (ISO/IEC 10918-1, JFIF) at quality 85, row by row.

use std::cell::RefCell;
use std::io;
use std::sync::mpsc;

use jpeg_encoder::{Encoder, EncodingError, ImageBuffer, JpegColorType, SamplingFactor, rgb_to_ycbcr};

use super::canvas::{self, Area, Canvas, Ink};
use super::output::Sink;
use super::style::Rgba;
use crate::write::{WriteError, WriteOptions};

/// What web maps use.
const QUALITY: u8 = 85;
/// The width and height that the format can say.
const MAX_SIDE: u64 = 65_535;
/// Bytes from the start of the file to the end of the JFIF segment: comments go behind it.
const JFIF_END: usize = 20;
/// Columns and rows that are encoded together when colours are kept at half the resolution.
const BLOCK: usize = 16;

/// Writes an area of a canvas as a JPEG with a comment. Opacity is dropped.
///
/// # Errors
/// What painting and the sink say; [`WriteError::Unsupported`] for a size that the format can't hold.
pub fn write(
    canvas: &dyn Canvas,
    area: &Area,
    comment: &str,
    options: &WriteOptions,
    sink: &mut (dyn Sink + Send),
) -> Result<(), WriteError> {
    let side = |n: u64| u16::try_from(n).ok().filter(|&n| n > 0);
    let (Some(width), Some(height)) = (side(area.width()), side(area.height())) else {
        return Err(WriteError::Unsupported {
            target: "JPEG".into(),
            object: format!("{} x {} pixels", area.width(), area.height()),
            detail: format!("a side has 1 to {MAX_SIDE}; choose png, or another --width and --height"),
        });
    };
    let line = canvas::line_bytes(canvas, area)?;
    // One slab is encoded while the next one is painted.
    let (give, take) = mpsc::sync_channel::<Vec<u8>>(1);
    let rows = Rows { width, height, line, ink: canvas.ink(), take: RefCell::new(Taken::new(take)) };
    std::thread::scope(|scope| {
        let encoding = scope.spawn(move || encode(rows, comment, sink));
        let painted = canvas::slabs(canvas, area, 1, options, |slab| {
            // The other side is gone only after an error of its own.
            give.send(slab.to_vec()).map_err(|_| WriteError::Cancelled)
        });
        drop(give);
        let encoded = encoding.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (painted, encoded) {
            // An error of the sink stops the painting, an error of painting cuts the picture short.
            (Err(WriteError::Cancelled), Err(e)) if !options.is_cancelled() => Err(e),
            (Err(e), _) | (Ok(()), Err(e)) => Err(e),
            (Ok(()), Ok(())) => Ok(()),
        }
    })
}

fn encode(rows: Rows, comment: &str, sink: &mut dyn Sink) -> Result<(), WriteError> {
    let mut error = None;
    let writer = Commented { sink, error: &mut error, comment, seen: 0 };
    let mut encoder = Encoder::new(writer, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    let result = encoder.encode_image(rows);
    match (error, result) {
        (Some(error), _) => Err(error),
        (None, Ok(())) => Ok(()),
        (None, Err(e)) => Err(encoding_error(&e)),
    }
}

fn encoding_error(error: &EncodingError) -> WriteError {
    WriteError::Unsupported { target: "JPEG".into(), object: "the picture".into(), detail: error.to_string() }
}

/// Slabs as they arrive.
struct Taken {
    from: mpsc::Receiver<Vec<u8>>,
    slab: Vec<u8>,
    at: usize,
}

impl Taken {
    fn new(from: mpsc::Receiver<Vec<u8>>) -> Self {
        Taken { from, slab: Vec::new(), at: 0 }
    }

    /// The next row; `None` when painting was given up.
    fn next(&mut self, line: usize) -> Option<&[u8]> {
        if self.at >= self.slab.len() {
            self.slab = self.from.recv().ok()?;
            self.at = 0;
        }
        let start = self.at;
        self.at += line;
        self.slab.get(start..start + line)
    }
}

struct Rows<'a> {
    width: u16,
    height: u16,
    line: usize,
    ink: &'a Ink,
    take: RefCell<Taken>,
}

impl ImageBuffer for Rows<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    /// The encoder asks for rows in order; below the last one it asks for that one again, as it does for what is
    /// missing when painting was given up.
    fn fill_buffers(&self, _: u16, buffers: &mut [Vec<u8>; 4]) {
        let width = usize::from(self.width);
        let mut taken = self.take.borrow_mut();
        match taken.next(self.line) {
            Some(row) => match self.ink {
                Ink::Palette(palette) => row.iter().for_each(|&i| push(palette_colour(palette, i), buffers)),
                ink => row.chunks_exact(ink.bytes()).for_each(|p| push([p[0], p[1], p[2], 255], buffers)),
            },
            None => {
                for buffer in &mut buffers[..3] {
                    // Each row before it was padded by the encoder to whole blocks.
                    match buffer.len().checked_sub(width.next_multiple_of(BLOCK)) {
                        Some(from) => buffer.extend_from_within(from..from + width),
                        None => buffer.extend(std::iter::repeat_n(128, width)),
                    }
                }
            }
        }
    }
}

#[inline]
fn push([r, g, b, _]: Rgba, buffers: &mut [Vec<u8>; 4]) {
    let (y, cb, cr) = rgb_to_ycbcr(r, g, b);
    buffers[0].push(y);
    buffers[1].push(cb);
    buffers[2].push(cr);
}

/// Without opacity, what is not to be seen is black unless its colour says otherwise.
fn palette_colour(palette: &[Rgba], index: u8) -> Rgba {
    palette.get(usize::from(index)).copied().unwrap_or_default()
}

/// Puts the comment behind the first segment of what the encoder writes.
struct Commented<'a> {
    sink: &'a mut dyn Sink,
    error: &'a mut Option<WriteError>,
    comment: &'a str,
    seen: usize,
}

impl Commented<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let before = JFIF_END.saturating_sub(self.seen).min(bytes.len());
        self.sink.put(&bytes[..before])?;
        if self.seen < JFIF_END && self.seen + before == JFIF_END {
            self.sink.put(&comment_segment(self.comment))?;
        }
        self.seen += bytes.len();
        self.sink.put(&bytes[before..])
    }
}

fn comment_segment(comment: &str) -> Vec<u8> {
    let mut end = comment.len().min(65_000);
    while !comment.is_char_boundary(end) {
        end -= 1;
    }
    if end == 0 {
        return Vec::new();
    }
    let mut out = vec![0xff, 0xfe];
    out.extend_from_slice(&(end as u16 + 2).to_be_bytes());
    out.extend_from_slice(&comment.as_bytes()[..end]);
    out
}

impl io::Write for Commented<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.put(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                let text = error.to_string();
                *self.error = Some(error);
                Err(io::Error::other(text))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::canvas::Sheet;
    use super::*;

    fn encoded(sheet: &Sheet, comment: &str) -> Result<Vec<u8>, WriteError> {
        let mut out: Vec<u8> = Vec::new();
        let area = Area::whole(sheet.height(), sheet.width);
        write(sheet, &area, comment, &WriteOptions::default(), &mut out).map(|()| out)
    }

    #[test]
    fn the_file_begins_with_its_header_and_the_comment() {
        for (width, height) in [(1, 1), (17, 33), (16, 16)] {
            let pixels = (0..width * height * 3).map(|i| (i % 256) as u8).collect();
            let file = encoded(&Sheet { ink: Ink::Rgb, width, pixels }, "why").unwrap();
            assert_eq!(file[..4], [0xff, 0xd8, 0xff, 0xe0]);
            assert_eq!(file[6..10], *b"JFIF");
            assert_eq!(file[20..27], [0xff, 0xfe, 0, 5, b'w', b'h', b'y']);
            assert_eq!(file[file.len() - 2..], [0xff, 0xd9]);
        }
    }

    #[test]
    fn a_size_beyond_the_format_is_refused() {
        let sheet = Sheet { ink: Ink::Palette(vec![[0; 4]]), width: 65_536, pixels: vec![0; 65_536] };
        let error = encoded(&sheet, "").unwrap_err().to_string();
        assert!(error.contains("65536 x 1") && error.contains("png"), "{error}");
    }

    struct Broken;

    impl Sink for Broken {
        fn put(&mut self, _: &[u8]) -> Result<(), WriteError> {
            Err(WriteError::Full { target: "here".into() })
        }
    }

    #[test]
    fn an_error_of_the_file_is_the_one_that_is_told() {
        let sheet = Sheet { ink: Ink::Rgb, width: 900, pixels: vec![7; 900 * 3 * 700] };
        let options = WriteOptions { memory: 1 << 12, ..WriteOptions::default() };
        let error = write(&sheet, &Area::whole(700, 900), "", &options, &mut Broken).unwrap_err();
        assert!(matches!(error, WriteError::Full { .. }), "{error}");
    }
}
