//! Painted layers over each other.

use std::collections::HashMap;

use harmony_formats::image::{Ink, Rgba, Sheet};

use super::View;

/// A layer in colours.
pub(super) enum Painted {
    /// Index 0 is for missing values.
    Indexed { palette: Vec<Rgba>, indices: Vec<u8> },
    /// Red, green, blue, opacity.
    Coloured(Vec<u8>),
}

/// A picture in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub ink: Ink,
    pub width: u32,
    pub height: u32,
    pub pixels: Vec<u8>,
    /// No layer shows anything.
    pub empty: bool,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

impl Picture {
    /// One colour everywhere.
    pub fn blank(width: u32, height: u32, background: [u8; 3], transparent: bool) -> Self {
        let [r, g, b] = background;
        let colour = if transparent { [r, g, b, 0] } else { [r, g, b, 255] };
        let pixels = vec![0; width as usize * height as usize];
        Picture { ink: Ink::Palette(vec![colour]), width, height, pixels, empty: true, notes: Vec::new() }
    }

    pub(super) fn of_sheet(sheet: Sheet) -> Self {
        let (width, height) = (sheet.width as u32, sheet.height() as u32);
        let notes = Vec::new();
        Picture { ink: sheet.ink, width, height, pixels: sheet.pixels, empty: false, notes }
    }

    /// Colour and opacity of a pixel.
    pub fn at(&self, x: u32, y: u32) -> Rgba {
        let at = y as usize * self.width as usize + x as usize;
        match &self.ink {
            Ink::Palette(palette) => palette[usize::from(self.pixels[at])],
            Ink::Rgb => [self.pixels[3 * at], self.pixels[3 * at + 1], self.pixels[3 * at + 2], 255],
            Ink::Rgba => std::array::from_fn(|i| self.pixels[4 * at + i]),
        }
    }

    /// Red, green, blue and opacity of all pixels.
    pub fn rgba(&self) -> Vec<u8> {
        match &self.ink {
            Ink::Palette(palette) => self.pixels.iter().flat_map(|&i| palette[usize::from(i)]).collect(),
            Ink::Rgb => self.pixels.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect(),
            Ink::Rgba => self.pixels.clone(),
        }
    }
}

/// Puts layers over each other and over the background.
pub(super) fn lay(
    mut layers: Vec<Painted>,
    view: &View,
    background: [u8; 3],
    transparent: bool,
    notes: Vec<String>,
) -> Picture {
    let seen = |l: &Painted| match l {
        Painted::Indexed { indices, palette } => indices.iter().any(|&i| palette[usize::from(i)][3] > 0),
        Painted::Coloured(rgba) => rgba.iter().skip(3).step_by(4).any(|&a| a > 0),
    };
    layers.retain(seen);
    let (width, height) = (view.width, view.height);
    let mut picture = match layers.pop() {
        None => Picture::blank(width, height, background, transparent),
        Some(Painted::Indexed { palette, indices }) if layers.is_empty() => {
            let palette = palette.into_iter().map(|c| finished(c, background, transparent)).collect();
            Picture {
                ink: Ink::Palette(palette),
                width,
                height,
                pixels: indices,
                empty: false,
                notes: vec![],
            }
        }
        Some(top) => {
            layers.push(top);
            let rgba = together(&layers, view.pixels());
            coloured(rgba, view, background, transparent)
        }
    };
    picture.notes = notes;
    picture
}

fn together(layers: &[Painted], pixels: usize) -> Vec<u8> {
    let mut out = vec![0; pixels * 4];
    for layer in layers {
        match layer {
            Painted::Indexed { palette, indices } => {
                for (below, &i) in out.as_chunks_mut::<4>().0.iter_mut().zip(indices) {
                    *below = over(palette[usize::from(i)], *below);
                }
            }
            Painted::Coloured(rgba) => {
                for (below, &above) in out.as_chunks_mut::<4>().0.iter_mut().zip(rgba.as_chunks::<4>().0) {
                    *below = over(above, *below);
                }
            }
        }
    }
    out
}

fn coloured(mut rgba: Vec<u8>, view: &View, background: [u8; 3], transparent: bool) -> Picture {
    for pixel in rgba.as_chunks_mut::<4>().0 {
        *pixel = finished(*pixel, background, transparent);
    }
    let (width, height) = (view.width, view.height);
    let (ink, pixels) = match indexed(&rgba) {
        Some((palette, indices)) => (Ink::Palette(palette), indices),
        None if transparent => (Ink::Rgba, rgba),
        None => (Ink::Rgb, rgba.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect()),
    };
    Picture { ink, width, height, pixels, empty: false, notes: Vec::new() }
}

/// A colour over another one (Porter and Duff 1984, not premultiplied).
#[inline]
fn over(above: Rgba, below: Rgba) -> Rgba {
    match (above[3], below[3]) {
        (255, _) | (_, 0) => above,
        (0, _) => below,
        (a, b) => {
            let (a, b) = (u32::from(a), u32::from(b));
            let rest = b * (255 - a);
            let full = a * 255 + rest;
            let mix = |i: usize| {
                ((u32::from(above[i]) * a * 255 + u32::from(below[i]) * rest + full / 2) / full) as u8
            };
            [mix(0), mix(1), mix(2), ((full + 127) / 255) as u8]
        }
    }
}

/// What of a colour is seen on the background; nothing is behind a transparent one.
fn finished(colour: Rgba, [r, g, b]: [u8; 3], transparent: bool) -> Rgba {
    if !transparent {
        over(colour, [r, g, b, 255])
    } else if colour[3] == 0 {
        // The colour of what is not seen is that of the background, for viewers without opacity.
        [r, g, b, 0]
    } else {
        colour
    }
}

/// The picture in at most 256 colours, if it has no more.
fn indexed(rgba: &[u8]) -> Option<(Vec<Rgba>, Vec<u8>)> {
    let mut palette: Vec<Rgba> = Vec::new();
    let mut numbers: HashMap<Rgba, u8> = HashMap::new();
    let mut out = Vec::with_capacity(rgba.len() / 4);
    let (mut last, mut number) = (None, 0u8);
    for &colour in rgba.as_chunks::<4>().0 {
        if last != Some(colour) {
            number = match numbers.get(&colour) {
                Some(&n) => n,
                None => {
                    let n = u8::try_from(palette.len()).ok()?;
                    palette.push(colour);
                    numbers.insert(colour, n);
                    n
                }
            };
            last = Some(colour);
        }
        out.push(number);
    }
    Some((palette, out))
}

#[cfg(test)]
mod tests {
    use harmony_model::crs::Crs;

    use super::*;

    fn view(width: u32) -> View {
        View { crs: Crs::wgs84(), extent: [0.0, 0.0, 1.0, 1.0], width, height: 1 }
    }

    #[test]
    fn one_layer_keeps_its_palette_and_gets_the_background() {
        let layer = || Painted::Indexed {
            palette: vec![[0; 4], [10, 20, 30, 255], [200, 0, 0, 128]],
            indices: vec![0, 1, 2],
        };
        let opaque = lay(vec![layer()], &view(3), [255, 255, 255], false, Vec::new());
        assert_eq!(
            [0, 1, 2].map(|x| opaque.at(x, 0)),
            [[255, 255, 255, 255], [10, 20, 30, 255], [227, 127, 127, 255]]
        );
        let clear = lay(vec![layer()], &view(3), [255, 255, 255], true, Vec::new());
        assert_eq!(clear.at(0, 0), [255, 255, 255, 0]);
        assert_eq!(clear.at(2, 0), [200, 0, 0, 128]);
    }

    #[test]
    fn layers_lie_over_each_other_in_order() {
        let bottom = Painted::Coloured(vec![255, 0, 0, 255, 255, 0, 0, 255, 0, 0, 0, 0]);
        let top = Painted::Indexed { palette: vec![[0; 4], [0, 255, 0, 255]], indices: vec![0, 1, 0] };
        let picture = lay(vec![bottom, top], &view(3), [1, 2, 3], false, Vec::new());
        assert!(matches!(&picture.ink, Ink::Palette(p) if p.len() == 3));
        assert_eq!([0, 1, 2].map(|x| picture.at(x, 0)), [[255, 0, 0, 255], [0, 255, 0, 255], [1, 2, 3, 255]]);
    }

    #[test]
    fn nothing_drawn_is_said_to_be_empty() {
        let layer = Painted::Indexed { palette: vec![[0; 4], [1; 4]], indices: vec![0, 0] };
        let picture = lay(vec![layer], &view(2), [9, 9, 9], true, Vec::new());
        assert!(picture.empty);
        assert_eq!(picture.at(1, 0), [9, 9, 9, 0]);
    }

    #[test]
    fn many_colours_stay_true() {
        let rgba: Vec<u8> = (0..300u32).flat_map(|i| [(i % 256) as u8, (i / 256) as u8, 7, 255]).collect();
        assert!(indexed(&rgba).is_none());
        assert!(indexed(&rgba[..1024]).is_some());
    }
}
