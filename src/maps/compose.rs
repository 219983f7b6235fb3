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

/// A picture that is painted strip by strip, from the top.
pub(super) struct Canvas {
    width: u32,
    height: u32,
    background: [u8; 3],
    transparent: bool,
    content: Content,
}

/// What is on a canvas so far. Colours are those that are seen in the end.
enum Content {
    /// So many pixels without anything.
    Blank(usize),
    /// All strips have the same palette.
    Indexed {
        palette: Vec<Rgba>,
        indices: Vec<u8>,
    },
    Coloured(Vec<u8>),
}

impl Canvas {
    pub fn new(view: &View, background: [u8; 3], transparent: bool) -> Self {
        let content = Content::Blank(0);
        Canvas { width: view.width, height: view.height, background, transparent, content }
    }

    /// Adds the next `pixels` pixels: layers over each other and over the background.
    pub fn add(&mut self, mut layers: Vec<Painted>, pixels: usize) {
        let seen = |l: &Painted| match l {
            Painted::Indexed { indices, palette } => indices.iter().any(|&i| palette[usize::from(i)][3] > 0),
            Painted::Coloured(rgba) => rgba.iter().skip(3).step_by(4).any(|&a| a > 0),
        };
        layers.retain(seen);
        match (layers.pop(), layers.is_empty()) {
            (None, _) => self.add_blank(pixels),
            (Some(Painted::Indexed { palette, indices }), true) => {
                self.add_indexed(palette.into_iter().map(|c| self.finished(c)).collect(), indices);
            }
            (Some(top), _) => {
                layers.push(top);
                let mut rgba = together(&layers, pixels);
                rgba.iter_mut().for_each(|p| *p = self.finished(*p));
                self.add_coloured(rgba.into_iter());
            }
        }
    }

    fn add_blank(&mut self, pixels: usize) {
        let nothing = self.finished([0; 4]);
        match &mut self.content {
            Content::Blank(n) => *n += pixels,
            // The first entry is for missing values.
            Content::Indexed { palette, indices } if palette.first() == Some(&nothing) => {
                indices.resize(indices.len() + pixels, 0);
            }
            _ => self.add_coloured(std::iter::repeat_n(nothing, pixels)),
        }
    }

    fn add_indexed(&mut self, own: Vec<Rgba>, strip: Vec<u8>) {
        let (all, nothing) = (self.pixels(), self.finished([0; 4]));
        match &mut self.content {
            Content::Blank(n) if *n == 0 || own.first() == Some(&nothing) => {
                let mut indices = Vec::with_capacity(all);
                indices.resize(*n, 0);
                indices.extend_from_slice(&strip);
                self.content = Content::Indexed { palette: own, indices };
            }
            Content::Indexed { palette, indices } if *palette == own => indices.extend_from_slice(&strip),
            _ => self.add_coloured(strip.into_iter().map(|i| own[usize::from(i)])),
        }
    }

    /// Goes on in colours of pixels instead of a palette.
    fn add_coloured(&mut self, pixels: impl Iterator<Item = Rgba>) {
        let before = std::mem::replace(&mut self.content, Content::Blank(0));
        let mut rgba = match before {
            Content::Coloured(rgba) => rgba,
            Content::Blank(n) => {
                let mut rgba = Vec::with_capacity(self.pixels() * 4);
                rgba.extend(std::iter::repeat_n(self.finished([0; 4]), n).flatten());
                rgba
            }
            Content::Indexed { palette, indices } => {
                let mut rgba = Vec::with_capacity(self.pixels() * 4);
                rgba.extend(indices.into_iter().flat_map(|i| palette[usize::from(i)]));
                rgba
            }
        };
        rgba.extend(pixels.flatten());
        self.content = Content::Coloured(rgba);
    }

    fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// What of a colour is seen on the background; nothing is behind a transparent one.
    fn finished(&self, colour: Rgba) -> Rgba {
        let [r, g, b] = self.background;
        if !self.transparent {
            over(colour, [r, g, b, 255])
        } else if colour[3] == 0 {
            // The colour of what is not seen is that of the background, for viewers without opacity.
            [r, g, b, 0]
        } else {
            colour
        }
    }

    /// The picture when all strips were added.
    pub fn finish(self, notes: Vec<String>) -> Picture {
        let (width, height) = (self.width, self.height);
        let (ink, pixels) = match self.content {
            Content::Blank(_) => {
                return Picture { notes, ..Picture::blank(width, height, self.background, self.transparent) };
            }
            Content::Indexed { palette, indices } => (Ink::Palette(palette), indices),
            Content::Coloured(rgba) => match indexed(&rgba) {
                Some((palette, indices)) => (Ink::Palette(palette), indices),
                None if self.transparent => (Ink::Rgba, rgba),
                None => {
                    let opaque = |&[r, g, b, _]: &[u8; 4]| [r, g, b];
                    (Ink::Rgb, rgba.as_chunks::<4>().0.iter().flat_map(opaque).collect())
                }
            },
        };
        Picture { ink, width, height, pixels, empty: false, notes }
    }
}

fn together(layers: &[Painted], pixels: usize) -> Vec<Rgba> {
    let mut out = vec![[0; 4]; pixels];
    for layer in layers {
        match layer {
            Painted::Indexed { palette, indices } => {
                for (below, &i) in out.iter_mut().zip(indices) {
                    *below = over(palette[usize::from(i)], *below);
                }
            }
            Painted::Coloured(rgba) => {
                for (below, &above) in out.iter_mut().zip(rgba.as_chunks::<4>().0) {
                    *below = over(above, *below);
                }
            }
        }
    }
    out
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

    fn lay(layers: Vec<Painted>, view: &View, background: [u8; 3], transparent: bool) -> Picture {
        let mut canvas = Canvas::new(view, background, transparent);
        canvas.add(layers, view.pixels());
        canvas.finish(Vec::new())
    }

    fn view(width: u32) -> View {
        View { crs: Crs::wgs84(), extent: [0.0, 0.0, 1.0, 1.0], width, height: 1 }
    }

    #[test]
    fn one_layer_keeps_its_palette_and_gets_the_background() {
        let layer = || Painted::Indexed {
            palette: vec![[0; 4], [10, 20, 30, 255], [200, 0, 0, 128]],
            indices: vec![0, 1, 2],
        };
        let opaque = lay(vec![layer()], &view(3), [255, 255, 255], false);
        assert_eq!(
            [0, 1, 2].map(|x| opaque.at(x, 0)),
            [[255, 255, 255, 255], [10, 20, 30, 255], [227, 127, 127, 255]]
        );
        let clear = lay(vec![layer()], &view(3), [255, 255, 255], true);
        assert_eq!(clear.at(0, 0), [255, 255, 255, 0]);
        assert_eq!(clear.at(2, 0), [200, 0, 0, 128]);
    }

    #[test]
    fn layers_lie_over_each_other_in_order() {
        let bottom = Painted::Coloured(vec![255, 0, 0, 255, 255, 0, 0, 255, 0, 0, 0, 0]);
        let top = Painted::Indexed { palette: vec![[0; 4], [0, 255, 0, 255]], indices: vec![0, 1, 0] };
        let picture = lay(vec![bottom, top], &view(3), [1, 2, 3], false);
        assert!(matches!(&picture.ink, Ink::Palette(p) if p.len() == 3));
        assert_eq!([0, 1, 2].map(|x| picture.at(x, 0)), [[255, 0, 0, 255], [0, 255, 0, 255], [1, 2, 3, 255]]);
    }

    #[test]
    fn nothing_drawn_is_said_to_be_empty() {
        let layer = Painted::Indexed { palette: vec![[0; 4], [1; 4]], indices: vec![0, 0] };
        let picture = lay(vec![layer], &view(2), [9, 9, 9], true);
        assert!(picture.empty);
        assert_eq!(picture.at(1, 0), [9, 9, 9, 0]);
    }

    #[test]
    fn many_colours_stay_true() {
        let rgba: Vec<u8> = (0..300u32).flat_map(|i| [(i % 256) as u8, (i / 256) as u8, 7, 255]).collect();
        assert!(indexed(&rgba).is_none());
        assert!(indexed(&rgba[..1024]).is_some());
    }

    #[test]
    fn strips_are_one_picture() {
        let first = || Painted::Indexed { palette: vec![[0; 4], [9, 9, 9, 255]], indices: vec![1, 0] };
        let other = || Painted::Indexed { palette: vec![[0; 4], [7, 7, 7, 255]], indices: vec![0, 1] };
        let grey = |v: u8| [v, v, v, 255];
        let white = [255, 255, 255, 255];
        let strips = |all: Vec<Vec<Painted>>| {
            let view = View { height: all.len() as u32, ..view(2) };
            let mut canvas = Canvas::new(&view, [255; 3], false);
            all.into_iter().for_each(|layers| canvas.add(layers, 2));
            canvas.finish(Vec::new())
        };
        let colours = |p: &Picture| (0..p.height).flat_map(|y| [p.at(0, y), p.at(1, y)]).collect::<Vec<_>>();
        let same = strips(vec![vec![], vec![first()], vec![first()], vec![]]);
        assert!(matches!(&same.ink, Ink::Palette(p) if p.len() == 2));
        assert_eq!(colours(&same), [white, white, grey(9), white, grey(9), white, white, white]);
        let mixed = strips(vec![vec![], vec![first()], vec![other()], vec![first(), other()]]);
        assert_eq!(colours(&mixed), [white, white, grey(9), white, white, grey(7), grey(9), grey(7)]);
        assert!(matches!(&mixed.ink, Ink::Palette(p) if p.len() == 3));
        let opaque = Painted::Indexed { palette: vec![grey(1)], indices: vec![0, 0] };
        assert_eq!(colours(&strips(vec![vec![], vec![opaque]])), [white, white, grey(1), grey(1)]);
        assert!(strips(vec![vec![], vec![]]).empty);
    }
}
