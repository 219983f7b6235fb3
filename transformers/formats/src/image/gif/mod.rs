//! GIF (89a): at most 256 colours, one of them transparent.

mod quantise;

use weezl::{BitOrder, LzwStatus, encode::Encoder};

use super::canvas::{self, Area, Canvas, Ink};
use super::output::Sink;
use super::style::Rgba;
use crate::write::{WriteError, WriteOptions};
use quantise::Reduced;

/// The width and height that the format can say.
const MAX_SIDE: u64 = 65_535;
/// Pixels less opaque than this are not shown.
const VISIBLE: u8 = 128;

/// Writes an area of a canvas as a GIF with a comment. Other pictures than those of a palette get one that fits their
/// colours.
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
            target: "GIF".into(),
            object: format!("{} x {} pixels", area.width(), area.height()),
            detail: format!("a side has 1 to {MAX_SIDE}; choose png, or another --width and --height"),
        });
    };
    let colours = Colours::of(canvas, area, options)?;
    head(&colours, [width, height], comment, sink)?;
    pixels(canvas, area, &colours, options, sink)?;
    sink.put(&[0x3b])
}

/// The palette of the file and how pixels find their index.
struct Colours {
    palette: Vec<Rgba>,
    transparent: Option<u8>,
    find: Find,
}

enum Find {
    /// By the index in the picture.
    Index(Box<[u8; 256]>),
    Colour(Box<Reduced>),
}

impl Colours {
    fn of(canvas: &dyn Canvas, area: &Area, options: &WriteOptions) -> Result<Self, WriteError> {
        match canvas.ink() {
            Ink::Palette(palette) => Ok(Self::of_palette(palette)),
            ink => {
                let reduced = quantise::reduce(canvas, area, ink.bytes(), options)?;
                Ok(Colours {
                    palette: reduced.palette.clone(),
                    transparent: Some(quantise::TRANSPARENT),
                    find: Find::Colour(Box::new(reduced)),
                })
            }
        }
    }

    /// One entry is transparent; further ones become the same.
    fn of_palette(palette: &[Rgba]) -> Self {
        let hidden = |c: &Rgba| c[3] < VISIBLE;
        let first = palette.iter().position(hidden).map(|i| i as u8);
        let mut index = std::array::from_fn(|i| i as u8);
        for (i, colour) in palette.iter().enumerate().take(256) {
            if let (true, Some(first)) = (hidden(colour), first) {
                index[i] = first;
            }
        }
        Colours {
            palette: palette.iter().copied().take(256).collect(),
            transparent: first,
            find: Find::Index(Box::new(index)),
        }
    }
}

/// Bits of a palette index, 2 to 8; the format has no fewer in its codes.
fn bits(colours: usize) -> u8 {
    (1..8).find(|&b| colours <= 1 << b).unwrap_or(8)
}

fn head(colours: &Colours, size: [u16; 2], comment: &str, sink: &mut dyn Sink) -> Result<(), WriteError> {
    let bits = bits(colours.palette.len());
    let mut out = b"GIF89a".to_vec();
    size.iter().for_each(|n| out.extend_from_slice(&n.to_le_bytes()));
    out.extend_from_slice(&[0x80 | 0x70 | (bits - 1), 0, 0]);
    let mut table: Vec<u8> = colours.palette.iter().flat_map(|c| [c[0], c[1], c[2]]).collect();
    table.resize(3 << bits, 0);
    out.extend_from_slice(&table);
    if !comment.is_empty() {
        out.extend_from_slice(&[0x21, 0xfe]);
        let ascii: Vec<u8> = comment.chars().map(|c| if c.is_ascii() { c as u8 } else { b'?' }).collect();
        ascii.chunks(255).for_each(|block| {
            out.push(block.len() as u8);
            out.extend_from_slice(block);
        });
        out.push(0);
    }
    if let Some(index) = colours.transparent {
        out.extend_from_slice(&[0x21, 0xf9, 4, 1, 0, 0, index, 0]);
    }
    out.extend_from_slice(&[0x2c, 0, 0, 0, 0]);
    size.iter().for_each(|n| out.extend_from_slice(&n.to_le_bytes()));
    out.push(0);
    sink.put(&out)
}

fn pixels(
    canvas: &dyn Canvas,
    area: &Area,
    colours: &Colours,
    options: &WriteOptions,
    sink: &mut dyn Sink,
) -> Result<(), WriteError> {
    let code_size = bits(colours.palette.len()).max(2);
    sink.put(&[code_size])?;
    let mut lzw = Encoder::new(BitOrder::Lsb, code_size);
    let mut blocks = Blocks { sink, waiting: Vec::with_capacity(256) };
    let bytes = canvas.ink().bytes();
    let mut left = area.height();
    let line = canvas::line_bytes(canvas, area)? as u64;
    canvas::slabs(canvas, area, 1, options, |slab| {
        left -= slab.len() as u64 / line;
        let indices: Vec<u8> = match &colours.find {
            Find::Index(index) => slab.iter().map(|&i| index[usize::from(i)]).collect(),
            Find::Colour(reduced) => slab.chunks_exact(bytes).map(|p| reduced.index(p)).collect(),
        };
        if left == 0 {
            lzw.finish();
        }
        encode(&mut lzw, &indices, left == 0, &mut blocks)
    })?;
    blocks.end()
}

fn encode(lzw: &mut Encoder, mut indices: &[u8], last: bool, blocks: &mut Blocks) -> Result<(), WriteError> {
    let mut out = [0; 1 << 14];
    loop {
        let result = lzw.encode_bytes(indices, &mut out);
        blocks.put(&out[..result.consumed_out])?;
        indices = &indices[result.consumed_in..];
        match result.status {
            Ok(LzwStatus::Done) => return Ok(()),
            Ok(_) if !last && indices.is_empty() => return Ok(()),
            Ok(LzwStatus::NoProgress) | Err(_) => {
                return Err(WriteError::Unsupported {
                    target: "GIF".into(),
                    object: "the picture".into(),
                    detail: "a pixel is not in its palette".into(),
                });
            }
            Ok(LzwStatus::Ok) => {}
        }
    }
}

/// Data come in blocks of at most 255 bytes.
struct Blocks<'a> {
    sink: &'a mut dyn Sink,
    waiting: Vec<u8>,
}

impl Blocks<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.waiting.extend_from_slice(bytes);
        let whole = self.waiting.len() / 255 * 255;
        for block in self.waiting[..whole].chunks_exact(255) {
            self.sink.put(&[255])?;
            self.sink.put(block)?;
        }
        self.waiting.drain(..whole);
        Ok(())
    }

    fn end(self) -> Result<(), WriteError> {
        if !self.waiting.is_empty() {
            self.sink.put(&[self.waiting.len() as u8])?;
            self.sink.put(&self.waiting)?;
        }
        self.sink.put(&[0])
    }
}

#[cfg(test)]
mod tests {
    use super::super::canvas::Sheet;
    use super::*;

    fn encoded(sheet: &Sheet, memory: u64) -> Vec<u8> {
        let mut out: Vec<u8> = Vec::new();
        let options = WriteOptions { memory, ..WriteOptions::default() };
        write(sheet, &Area::whole(sheet.height(), sheet.width), "note", &options, &mut out).unwrap();
        out
    }

    /// Palette and indices of a file as written here.
    fn decoded(file: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let colours = 2usize << (file[10] & 7);
        let palette = file[13..13 + 3 * colours].to_vec();
        let mut at = 13 + 3 * colours;
        while file[at] == 0x21 {
            at += 2;
            while file[at] != 0 {
                at += 1 + usize::from(file[at]);
            }
            at += 1;
        }
        assert_eq!(file[at], 0x2c);
        let code_size = file[at + 10];
        at += 11;
        let mut data = Vec::new();
        while file[at] != 0 {
            let n = usize::from(file[at]);
            data.extend_from_slice(&file[at + 1..at + 1 + n]);
            at += 1 + n;
        }
        assert_eq!(file[at + 1..], [0x3b]);
        (palette, weezl::decode::Decoder::new(BitOrder::Lsb, code_size).decode(&data).unwrap())
    }

    #[test]
    fn indices_come_back_and_hidden_colours_are_one() {
        let palette = vec![[9, 9, 9, 255], [0, 0, 0, 0], [5, 5, 5, 10], [1, 2, 3, 255]];
        let sheet = Sheet {
            ink: Ink::Palette(palette),
            width: 200,
            pixels: (0..60_000).map(|i| (i % 7 % 4) as u8).collect(),
        };
        let file = encoded(&sheet, 1 << 27);
        let (_, got) = decoded(&file);
        let expected: Vec<u8> = sheet.pixels.iter().map(|&i| if i == 2 { 1 } else { i }).collect();
        assert_eq!(got, expected);
        assert_eq!(encoded(&sheet, 1), file);
    }

    #[test]
    fn a_full_palette_and_a_tiny_one_fit_their_codes() {
        for n in [1usize, 2, 3, 255, 256] {
            let palette = (0..n).map(|i| [i as u8, 0, 0, 255]).collect();
            let pixels: Vec<u8> = (0..5000).map(|i| (i * 7 % n) as u8).collect();
            let sheet = Sheet { ink: Ink::Palette(palette), width: 50, pixels };
            assert_eq!(decoded(&encoded(&sheet, 1 << 20)).1, sheet.pixels, "{n} colours");
        }
    }

    #[test]
    fn true_colours_find_near_ones() {
        let pixels: Vec<u8> = (0..64 * 64u32)
            .flat_map(|i| [(i % 64 * 4) as u8, (i / 64 * 4) as u8, 128, if i == 0 { 0 } else { 255 }])
            .collect();
        let sheet = Sheet { ink: Ink::Rgba, width: 64, pixels };
        let file = encoded(&sheet, 1 << 20);
        let (palette, got) = decoded(&file);
        let worst = got.iter().zip(sheet.pixels.chunks_exact(4)).skip(1).map(|(&i, p)| {
            let c = &palette[3 * usize::from(i)..];
            (0..3).map(|k| c[k].abs_diff(p[k])).max().unwrap()
        });
        assert!(worst.max().unwrap() <= 16);
        assert!(got[1..].iter().all(|&i| i != got[0]));
    }
}
