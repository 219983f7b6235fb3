//! JPEG (ITU-T T.81, JFIF 1.02): baseline, colours at half the resolution. Every row of blocks is an interval that
//! begins anew, so several threads encode at once and damage stays where it is.

mod block;
mod huffman;
#[cfg(test)]
mod tests;

use rayon::prelude::*;

use super::canvas::{self, Area, Canvas, Ink};
use super::output::Sink;
use crate::write::{WriteError, WriteOptions};
use block::{EDGE, Tables};

/// What web maps use.
const QUALITY: u32 = 85;
/// What browse images have.
const BROWSE_QUALITY: u32 = 75;
/// The width and height that the format can say.
const MAX_SIDE: u64 = 65_535;

/// Writes an area of a canvas as a JPEG with a comment. Opacity is dropped.
///
/// # Errors
/// What painting and the sink say; [`WriteError::Unsupported`] for a size that the format can't hold.
pub fn write(
    canvas: &dyn Canvas,
    area: &Area,
    comment: &str,
    options: &WriteOptions,
    sink: &mut dyn Sink,
) -> Result<(), WriteError> {
    let side = |n: u64| u16::try_from(n).ok().filter(|&n| n > 0);
    let (Some(width), Some(height)) = (side(area.width()), side(area.height())) else {
        return Err(WriteError::Unsupported {
            target: "JPEG".into(),
            object: format!("{} x {} pixels", area.width(), area.height()),
            detail: format!("a side has 1 to {MAX_SIDE}; choose png, or another --width and --height"),
        });
    };
    let encoding = &options.encoding;
    let default = if encoding.browse { BROWSE_QUALITY } else { QUALITY };
    let tables = Tables::new(encoding.level.unwrap_or(default).clamp(1, 100));
    sink.put(&head(&tables, width, height, comment))?;
    intervals(canvas, area, &tables, options, sink)?;
    sink.put(&[0xff, 0xd9])
}

/// Everything before the entropy-coded data.
fn head(tables: &Tables, width: u16, height: u16, comment: &str) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    // JFIF 1.02, square pixels, no thumbnail.
    segment(&mut out, 0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0");
    if !comment.is_empty() {
        let mut end = comment.len().min(65_000);
        while !comment.is_char_boundary(end) {
            end -= 1;
        }
        segment(&mut out, 0xfe, &comment.as_bytes()[..end]);
    }
    for (id, table) in [&tables.luma, &tables.chroma].into_iter().enumerate() {
        let mut bytes = vec![id as u8];
        bytes.extend(block::ZIGZAG.iter().map(|&i| table.steps[i]));
        segment(&mut out, 0xdb, &bytes);
    }
    let [h, w] = [height.to_be_bytes(), width.to_be_bytes()];
    // Three components: brightness with 2 × 2 blocks, then two colours with one each.
    let frame = [8, h[0], h[1], w[0], w[1], 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];
    segment(&mut out, 0xc0, &frame);
    for (class_and_id, spec) in huffman::all() {
        let mut bytes = vec![class_and_id];
        bytes.extend_from_slice(&spec.counts);
        bytes.extend_from_slice(&spec.symbols);
        segment(&mut out, 0xc4, &bytes);
    }
    let per_row = width.div_ceil(EDGE as u16);
    segment(&mut out, 0xdd, &per_row.to_be_bytes());
    segment(&mut out, 0xda, &[3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0]);
    out
}

fn segment(out: &mut Vec<u8>, marker: u8, bytes: &[u8]) {
    out.extend_from_slice(&[0xff, marker]);
    out.extend_from_slice(&(bytes.len() as u16 + 2).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn intervals(
    canvas: &dyn Canvas,
    area: &Area,
    tables: &Tables,
    options: &WriteOptions,
    sink: &mut dyn Sink,
) -> Result<(), WriteError> {
    let line = canvas::line_bytes(canvas, area)?;
    let coder = huffman::Coder::new();
    let mut number = 0u64;
    canvas::slabs(canvas, area, EDGE as u64, options, |slab| {
        let strips: Vec<Vec<u8>> = slab
            .par_chunks(EDGE * line)
            .map(|rows| {
                let colours: Vec<[u8; 3]> = match canvas.ink() {
                    // Without opacity, what is not to be seen is black unless its colour says otherwise.
                    Ink::Palette(palette) => {
                        let colour =
                            |&i: &u8| palette.get(usize::from(i)).map_or([0; 3], |c| [c[0], c[1], c[2]]);
                        rows.iter().map(colour).collect()
                    }
                    ink => rows.chunks_exact(ink.bytes()).map(|p| [p[0], p[1], p[2]]).collect(),
                };
                block::encode_strip(&colours, area.width() as usize, tables, &coder)
            })
            .collect();
        for strip in &strips {
            if number > 0 {
                sink.put(&[0xff, 0xd0 + ((number - 1) % 8) as u8])?;
            }
            number += 1;
            sink.put(strip)?;
        }
        Ok(())
    })
}
