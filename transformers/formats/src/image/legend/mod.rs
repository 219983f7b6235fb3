//! Legends: a bar of the colours of an image with its values.

mod font;

use super::canvas::{Ink, Sheet};
use super::style::{Rgba, Scale};

/// What a legend shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Legend {
    /// Name and units.
    pub title: String,
    /// From left to right, equally wide.
    pub colours: Vec<Rgba>,
    /// Place on the bar, 0 to 1, and value.
    pub ticks: Vec<(f64, String)>,
}

/// Ticks are not closer than this on average.
const TICKS: usize = 6;
/// Classes that all get a tick.
const CLASSES: usize = 12;

impl Legend {
    /// Colours evenly between two values.
    pub fn even(title: &str, colours: Vec<Rgba>, low: f64, high: f64) -> Self {
        let at = |v: f64| if high > low { (v - low) / (high - low) } else { 0.5 };
        let ticks = round_values(low, high).into_iter().map(|v| (at(v), number(v))).collect();
        Legend { title: title.into(), colours, ticks }
    }

    /// Classes, each as wide as the others, with their lower ends.
    pub fn levels(title: &str, scale: &Scale) -> Self {
        let n = scale.levels.len();
        let step = if n <= CLASSES { 1 } else { n.div_ceil(TICKS) };
        let tick = |i: usize| (i as f64 / n as f64, number(scale.levels[i]));
        let ticks = (0..n).step_by(step).filter(|&i| scale.levels[i].is_finite()).map(tick).collect();
        Legend { title: title.into(), colours: scale.colours.clone(), ticks }
    }

    /// The picture.
    pub fn draw(&self) -> Sheet {
        let mut page = Page::new();
        // A long title in small letters rather than without its end, where the units are.
        let zoom = if MARGIN + text_width(&self.title) <= WIDTH { ZOOM } else { 1 };
        page.text(&self.title, MARGIN, MARGIN, zoom);
        for x in 0..BAR {
            let colour = self.colours.get(x * self.colours.len() / BAR).copied().unwrap_or_default();
            let over = |c: u8| over_white(c, colour[3]);
            let paint = [over(colour[0]), over(colour[1]), over(colour[2])];
            (BAR_TOP..BAR_TOP + BAR_HEIGHT).for_each(|y| page.dot(MARGIN + x, y, paint));
        }
        page.frame();
        let mut free = 0;
        for (at, label) in &self.ticks {
            let x = MARGIN + (at.clamp(0.0, 1.0) * (BAR - 1) as f64).round() as usize;
            (0..TICK).for_each(|dy| page.dot(x, BAR_TOP + BAR_HEIGHT + dy, BLACK));
            let width = text_width(label);
            let left = x.saturating_sub(width / 2).clamp(2, WIDTH.saturating_sub(width + 2).max(2));
            // A label that would run into the one before is left out, its tick stays.
            if left >= free {
                page.text(label, left, BAR_TOP + BAR_HEIGHT + TICK + 3, ZOOM);
                free = left + width + ZOOM * font::ADVANCE;
            }
        }
        Sheet { ink: Ink::Rgb, width: WIDTH as u64, pixels: page.pixels }
    }
}

impl Legend {
    /// The picture of a legend of classes, one below the other, each with its words.
    pub fn draw_classes(title: &str, entries: &[(Rgba, String)]) -> Sheet {
        let shown = &entries[..entries.len().min(MOST_ENTRIES)];
        let height = MARGIN + ENTRY + shown.len() * ENTRY + MARGIN / 2;
        let mut page = Page::of_height(height);
        let zoom = if MARGIN + text_width(title) <= WIDTH { ZOOM } else { 1 };
        page.text(title, MARGIN, MARGIN / 2, zoom);
        for (i, (colour, label)) in shown.iter().enumerate() {
            let top = MARGIN + ENTRY / 2 + i * ENTRY;
            let over = |c: u8| over_white(c, colour[3]);
            let paint = [over(colour[0]), over(colour[1]), over(colour[2])];
            for y in top..top + BOX {
                for x in MARGIN..MARGIN + 2 * BOX {
                    let edge = y == top || y + 1 == top + BOX || x == MARGIN || x + 1 == MARGIN + 2 * BOX;
                    page.dot(x, y, if edge { BLACK } else { paint });
                }
            }
            page.text(label, MARGIN + 2 * BOX + 12, top + 2, ZOOM);
        }
        Sheet { ink: Ink::Rgb, width: WIDTH as u64, pixels: page.pixels }
    }
}

impl Legend {
    /// Words on a white page of a given size, broken where lines end.
    pub fn draw_words(paragraphs: &[String], width: u64, height: u64) -> Sheet {
        let (width, height) = (width.min(1 << 15) as usize, height.min(1 << 15) as usize);
        let mut page = Page { width, height, pixels: vec![255; 3 * width * height] };
        let per_line = (width.saturating_sub(2 * WORDS_MARGIN) / font::ADVANCE).max(1);
        let mut y = WORDS_MARGIN;
        for paragraph in paragraphs {
            let letters: Vec<char> = paragraph.chars().take(4000).collect();
            for line in letters.chunks(per_line) {
                page.text(&line.iter().collect::<String>(), WORDS_MARGIN, y, 1);
                y += font::HEIGHT + 3;
            }
            y += 3;
        }
        Sheet { ink: Ink::Rgb, width: width as u64, pixels: page.pixels }
    }
}

/// Around words.
const WORDS_MARGIN: usize = 4;

/// Opacity over white, as on a page.
fn over_white(c: u8, opacity: u8) -> u8 {
    ((u32::from(c) * u32::from(opacity) + 255 * (255 - u32::from(opacity)) + 127) / 255) as u8
}

/// Height of a class with the gap below it, and of its box.
const ENTRY: usize = 24;
const BOX: usize = 18;
/// A legend with more classes ends here.
const MOST_ENTRIES: usize = 200;
/// Pixels of a dot of a letter.
const ZOOM: usize = 2;
const MARGIN: usize = 24;
const BAR: usize = 510;
const WIDTH: usize = BAR + 2 * MARGIN;
const BAR_TOP: usize = MARGIN + ZOOM * font::HEIGHT + 8;
const BAR_HEIGHT: usize = 28;
const TICK: usize = 6;
const HEIGHT: usize = BAR_TOP + BAR_HEIGHT + TICK + 3 + ZOOM * font::HEIGHT + 12;
const BLACK: [u8; 3] = [0; 3];

fn text_width(text: &str) -> usize {
    ZOOM * font::ADVANCE * text.chars().count()
}

struct Page {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Page {
    fn new() -> Self {
        Page::of_height(HEIGHT)
    }

    fn of_height(height: usize) -> Self {
        Page { width: WIDTH, height, pixels: vec![255; 3 * WIDTH * height] }
    }

    fn dot(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        if x < self.width && y < self.height {
            let at = 3 * (y * self.width + x);
            self.pixels[at..at + 3].copy_from_slice(&colour);
        }
    }

    fn frame(&mut self) {
        for x in MARGIN - 1..=MARGIN + BAR {
            self.dot(x, BAR_TOP - 1, BLACK);
            self.dot(x, BAR_TOP + BAR_HEIGHT, BLACK);
        }
        for y in BAR_TOP - 1..=BAR_TOP + BAR_HEIGHT {
            self.dot(MARGIN - 1, y, BLACK);
            self.dot(MARGIN + BAR, y, BLACK);
        }
    }

    /// Text from `x` on as far as it fits, in letters whose dots are `zoom` pixels wide.
    fn text(&mut self, text: &str, x: usize, y: usize, zoom: usize) {
        let room = (self.width.saturating_sub(x)) / (zoom * font::ADVANCE);
        for (i, letter) in text.chars().take(room).enumerate() {
            let columns = font::glyph(letter);
            for (c, bits) in columns.iter().enumerate() {
                for r in (0..font::HEIGHT).filter(|r| bits >> r & 1 == 1) {
                    let (left, top) = (x + zoom * (i * font::ADVANCE + c), y + zoom * r);
                    (0..zoom * zoom).for_each(|d| self.dot(left + d % zoom, top + d / zoom, BLACK));
                }
            }
        }
    }
}

/// Multiples of 1, 2 or 5 times a power of ten between two values.
fn round_values(low: f64, high: f64) -> Vec<f64> {
    let range = high - low;
    if !(range > 0.0 && range.is_finite()) {
        return vec![low];
    }
    let rough = range / TICKS as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|&s| s >= rough).unwrap_or(rough);
    let first = (low / step).ceil();
    // Counting keeps the loop finite where a step is less than the precision of the values.
    let values = (0..2 * TICKS).map(|i| (first + i as f64) * step);
    values.take_while(|&v| v <= high + step * 1e-9).map(|v| if v == 0.0 { 0.0 } else { v }).collect()
}

/// A number of at most six digits, without zeros at its end.
pub fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let exponent = value.abs().log10().floor();
    if !exponent.is_finite() {
        return value.to_string();
    }
    if !(-4.0..6.0).contains(&exponent) {
        let text = format!("{value:.5e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{power}", trimmed(digits));
    }
    let decimals = (5.0 - exponent).max(0.0) as usize;
    trimmed(&format!("{value:.decimals$}")).to_owned()
}

fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let got = [0.0, 1.0, 273.15, -0.05, 1_234_567.0, 3e16, 0.000_012_3, 1e5, 99_999.96].map(number);
        assert_eq!(got, ["0", "1", "273.15", "-0.05", "1.23457e6", "3e16", "1.23e-5", "100000", "100000"]);
        assert_eq!(number(f64::NAN), "NaN");
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(round_values(0.0, 30.0), [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0]);
        assert_eq!(round_values(-0.13, 0.21), [-0.1, 0.0, 0.1, 0.2]);
        assert_eq!(round_values(7.0, 7.0), [7.0]);
        assert!(round_values(1e16, 1e16 + 4.0).len() <= 12);
    }

    #[test]
    fn a_legend_shows_its_colours_and_letters() {
        let legend = Legend::even("height (m)", vec![[255, 0, 0, 255], [0, 0, 255, 255]], 0.0, 10.0);
        let sheet = legend.draw();
        assert_eq!(sheet.height(), HEIGHT as u64);
        let at = |x: usize, y: usize| &sheet.pixels[3 * (y * WIDTH + x)..][..3];
        assert_eq!(at(MARGIN + 3, BAR_TOP + 3), [255, 0, 0]);
        assert_eq!(at(MARGIN + BAR - 3, BAR_TOP + 3), [0, 0, 255]);
        let dark = |from: usize, to: usize| (from..to).any(|y| (0..WIDTH).any(|x| at(x, y) == [0, 0, 0]));
        assert!(dark(MARGIN, BAR_TOP - 2) && dark(BAR_TOP + BAR_HEIGHT + TICK + 3, HEIGHT));
    }

    #[test]
    fn classes_have_a_line_each() {
        let sheet = Legend::draw_classes("q", &[([255, 0, 0, 255], "good".into()), ([0; 4], "bad".into())]);
        let at = |x: usize, y: usize| &sheet.pixels[3 * (y * WIDTH + x)..][..3];
        let top = MARGIN + ENTRY / 2;
        assert_eq!(at(MARGIN + 3, top + 3), [255, 0, 0]);
        assert_eq!(at(MARGIN + 3, top + ENTRY + 3), [255, 255, 255]);
        assert_eq!(at(MARGIN, top + ENTRY), [0, 0, 0]);
    }

    #[test]
    fn many_classes_get_a_few_ticks() {
        let n = 100;
        let levels = (0..n).map(f64::from).collect();
        let scale = Scale { levels, colours: vec![[1, 2, 3, 255]; n as usize], thinned: false };
        assert_eq!(Legend::levels("x", &scale).ticks.len(), 6);
    }
}
