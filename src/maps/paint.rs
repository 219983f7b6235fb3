//! From values to colours.

use harmony_formats::image::{self, Index, Legend, Levels, Rgba, Rule, Scale, short_number};

use super::categories::Categories;

/// Colours of a layer: a palette whose first entry is for missing values.
pub(super) struct Paint {
    pub palette: Vec<Rgba>,
    pub rule: PaintRule,
    pub legend: Key,
}

pub(super) enum PaintRule {
    Index(Index),
    Even(Ramp),
    /// Of the decimal logarithm; zero and what is below it have the first colour.
    Log(Ramp),
    Classes(Categories),
}

/// [`COLOURS`] colours evenly between two values: what most maps are made of, hence a loop of its own.
#[derive(Clone, Copy)]
pub(super) struct Ramp {
    low: f64,
    factor: f64,
    start: f64,
}

/// Adding it leaves the nearest integer in the lowest bits of a number, ties to even.
const ROUND: f64 = 6_755_399_441_055_744.0;

impl Ramp {
    /// All values get the middle colour when there is no range.
    fn new(low: f64, high: f64) -> Self {
        let factor = (COLOURS - 1) as f64 / (high - low);
        match factor.is_finite() && factor > 0.0 {
            true => Ramp { low, factor, start: 0.0 },
            false => Ramp { low: 0.0, factor: 0.0, start: ((COLOURS - 1) / 2) as f64 },
        }
    }

    /// Palette index of a value that is not missing.
    #[inline]
    fn find(self, value: f64) -> u8 {
        let at = ((value - self.low) * self.factor + self.start).clamp(0.0, (COLOURS - 1) as f64);
        (at + ROUND).to_bits() as u8 + 1
    }

    fn fill(self, values: &[f32], out: &mut [u8]) {
        for (o, &v) in out.iter_mut().zip(values) {
            let index = self.find(f64::from(v));
            *o = if v.is_nan() { 0 } else { index };
        }
    }
}

/// What a legend shows.
pub(super) enum Key {
    Bar(Legend),
    Classes { title: String, entries: Vec<(Rgba, String)> },
}

/// Colours of a palette besides that of missing values.
const COLOURS: usize = 255;
const TRANSPARENT: Rgba = [0; 4];
impl Paint {
    /// Palette indices of values, 0 where there is none.
    pub fn indices(&self, values: &[f32], out: &mut [u8]) {
        match &self.rule {
            PaintRule::Index(index) => {
                for (o, &v) in out.iter_mut().zip(values) {
                    *o = index.find(f64::from(v));
                }
            }
            PaintRule::Even(ramp) => ramp.fill(values, out),
            PaintRule::Log(ramp) => {
                for (o, &v) in out.iter_mut().zip(values) {
                    // `max` would take NaN for zero.
                    *o = if v.is_nan() { 0 } else { ramp.find(f64::from(v).max(0.0).log10()) };
                }
            }
            PaintRule::Classes(classes) => {
                // Neighbours are mostly of one class.
                let (mut last, mut number) = (f32::NAN, 0);
                for (o, &v) in out.iter_mut().zip(values) {
                    if v != last {
                        last = v;
                        number = classes.find(v).map_or(0, |i| (i + 1) as u8);
                    }
                    *o = if v.is_nan() { 0 } else { number };
                }
            }
        }
    }

    pub fn even(title: &str, map: &[Rgba], low: f64, high: f64) -> Self {
        let colours = spread(map);
        let legend = Key::Bar(Legend::even(title, colours.clone(), low, high));
        Paint { palette: behind_missing(colours), rule: PaintRule::Even(Ramp::new(low, high)), legend }
    }

    /// Colours evenly over the logarithms between two positive values.
    pub fn log(title: &str, map: &[Rgba], low: f64, high: f64) -> Self {
        let colours = spread(map);
        let (low, high) = (low.log10(), high.log10());
        let at = |v: f64| if high > low { (v.log10() - low) / (high - low) } else { 0.5 };
        let ticks = decades(low, high).into_iter().map(|v| (at(v), short_number(v))).collect();
        let legend = Key::Bar(Legend { title: title.into(), colours: colours.clone(), ticks });
        Paint { palette: behind_missing(colours), rule: PaintRule::Log(Ramp::new(low, high)), legend }
    }

    pub fn scaled(title: &str, scale: &Scale, missing: Option<Rgba>) -> Self {
        let legend = Key::Bar(Legend::levels(title, scale));
        let mut palette = behind_missing(scale.colours.clone());
        palette[0] = missing.unwrap_or(TRANSPARENT);
        Paint { palette, rule: ruled(Rule::Levels(Levels::new(scale))), legend }
    }

    pub fn classes(title: &str, classes: &Categories) -> Self {
        let colours = classes.all.iter().map(|c| c.colour).collect();
        let entries = classes.all.iter().map(|c| (c.colour, c.meaning.clone())).collect();
        Paint {
            palette: behind_missing(colours),
            rule: PaintRule::Classes(classes.clone()),
            legend: Key::Classes { title: title.into(), entries },
        }
    }

    /// Values are numbers of colours of the file.
    pub fn stored(title: &str, colours: &[Rgba]) -> Self {
        let colours: Vec<Rgba> = colours.iter().take(COLOURS).copied().collect();
        let entries = colours.iter().enumerate().filter(|(_, c)| c[3] > 0).take(64);
        let entries = entries.map(|(i, c)| (*c, i.to_string())).collect();
        let rule = ruled(Rule::Stored(colours.len()));
        let legend = Key::Classes { title: title.into(), entries };
        Paint { palette: behind_missing(colours), rule, legend }
    }
}

/// A map as [`COLOURS`] colours.
fn spread(map: &[Rgba]) -> Vec<Rgba> {
    let last = map.len().saturating_sub(1);
    (0..COLOURS).map(|i| map[(i * last + (COLOURS - 1) / 2) / (COLOURS - 1)]).collect()
}

/// Values for the ticks between two decimal logarithms: powers of ten, with 2 and 5 times them where they are few.
fn decades(low: f64, high: f64) -> Vec<f64> {
    let powers = low.floor() as i32..=high.ceil() as i32;
    let step = (powers.clone().count() / 8 + 1) as i32;
    let parts: &[f64] = if high - low < 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let all = powers.filter(|p| p % step == 0).flat_map(|p| parts.iter().map(move |f| f * 10f64.powi(p)));
    all.filter(|v| (low - 1e-9..=high + 1e-9).contains(&v.log10())).collect()
}

fn behind_missing(mut colours: Vec<Rgba>) -> Vec<Rgba> {
    colours.insert(0, TRANSPARENT);
    colours
}

fn ruled(rule: Rule) -> PaintRule {
    PaintRule::Index(Index { missing: 0, first: 1, rule })
}

impl Key {
    /// The picture of the legend: red, green, blue.
    pub fn draw(&self) -> image::Sheet {
        match self {
            Key::Bar(legend) => legend.draw(),
            Key::Classes { title, entries } => Legend::draw_classes(title, entries),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_colours_are_those_of_images() {
        let values: Vec<f32> =
            (-50..1050).map(|i| i as f32 / 7.0).chain([f32::INFINITY, -1e30, 0.0]).collect();
        for (low, high) in [(0.0, 100.0), (-3.0, 7.5), (5.0, 5.0)] {
            let rule = Rule::Even(image::Even::new(low, high, COLOURS));
            let index = Index { missing: 0, first: 1, rule };
            let ramp = Ramp::new(low, high);
            for &v in values.iter().filter(|v| v.is_finite() || low < high) {
                assert_eq!(ramp.find(f64::from(v)), index.find(f64::from(v)), "{v} in {low}..{high}");
            }
        }
        let mut out = [9; 2];
        Ramp::new(0.0, 1.0).fill(&[f32::NAN, 0.5], &mut out);
        assert_eq!(out, [0, 128]);
    }

    #[test]
    fn logarithmic_colours_are_even_over_powers_of_ten() {
        let map: Vec<Rgba> = (0..=254u8).map(|i| [i, 0, 0, 255]).collect();
        let paint = Paint::log("x", &map, 0.01, 100.0);
        let values = [0.01, 0.1, 1.0, 10.0, 100.0, 1e6, 0.0, -5.0, f32::NAN];
        let mut indices = [0; 9];
        paint.indices(&values, &mut indices);
        assert_eq!(indices, [1, 65, 128, 191, 255, 255, 1, 1, 0]);
        let Key::Bar(legend) = &paint.legend else { panic!("no bar") };
        assert_eq!(legend.ticks.iter().map(|t| t.0).collect::<Vec<_>>(), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(decades(0.0, 1.0), [1.0, 2.0, 5.0, 10.0]);
        assert!(decades(-30.0, 30.0).len() < 12);
    }
}
