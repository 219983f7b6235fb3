//! From values to colours.

use std::sync::Arc;

use harmony_formats::image::{
    self, Colours, Index, Legend, Levels, Rgba, Rule, Scale, named_colours, short_number, style_names,
};

use super::categories::Categories;
use super::opened::Meta;
use super::stretch::Stretch;
use super::{MapError, Maps};

/// What a request says about the style of a layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StyleSpec {
    /// A colour map, a style of the operator, `categories`; `None`: the default of the variable.
    pub name: Option<String>,
    /// Values of the first and last colour.
    pub range: Option<(f64, f64)>,
    pub bilinear: bool,
    /// Colours run with the logarithm of the values.
    pub log: bool,
}

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
/// The map of variables that say nothing else.
const DEFAULT: &str = "viridis";

impl StyleSpec {
    /// Reads `NAME[:MIN:MAX][:log][:bilinear]`; nothing and `default` are the default.
    ///
    /// # Errors
    /// The part that is not understood.
    pub fn parse(text: &str) -> Result<Self, MapError> {
        let mut out = StyleSpec::default();
        let mut numbers = Vec::new();
        for (i, part) in text.split(':').map(str::trim).enumerate() {
            match part {
                "bilinear" | "linear" => out.bilinear = true,
                "nearest" | "near" => out.bilinear = false,
                "log" => out.log = true,
                "" | "default" if i == 0 => {}
                _ if i == 0 && part.parse::<f64>().is_err() => out.name = Some(part.to_owned()),
                _ => match part.parse::<f64>() {
                    Ok(v) if v.is_finite() => numbers.push(v),
                    _ => return Err(MapError::Style(unknown_part(text, part))),
                },
            }
        }
        out.range = match numbers[..] {
            [] => None,
            [a, b] if a < b => Some((a, b)),
            _ => return Err(MapError::Style(unknown_part(text, "range"))),
        };
        Ok(out)
    }
}

fn unknown_part(text: &str, part: &str) -> String {
    let text: String = text.chars().take(80).collect();
    let part: String = part.chars().take(80).collect();
    format!(
        "style '{text}': '{part}' is not understood; write NAME, NAME:MIN:MAX, and :log or :bilinear behind it"
    )
}

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

    fn even(title: &str, map: &[Rgba], low: f64, high: f64) -> Self {
        let colours = spread(map);
        let legend = Key::Bar(Legend::even(title, colours.clone(), low, high));
        Paint { palette: behind_missing(colours), rule: PaintRule::Even(Ramp::new(low, high)), legend }
    }

    /// Colours evenly over the logarithms between two positive values.
    fn log(title: &str, map: &[Rgba], low: f64, high: f64) -> Self {
        let colours = spread(map);
        let (low, high) = (low.log10(), high.log10());
        let at = |v: f64| if high > low { (v.log10() - low) / (high - low) } else { 0.5 };
        let ticks = decades(low, high).into_iter().map(|v| (at(v), short_number(v))).collect();
        let legend = Key::Bar(Legend { title: title.into(), colours: colours.clone(), ticks });
        Paint { palette: behind_missing(colours), rule: PaintRule::Log(Ramp::new(low, high)), legend }
    }

    fn scaled(title: &str, scale: &Scale, missing: Option<Rgba>) -> Self {
        let legend = Key::Bar(Legend::levels(title, scale));
        let mut palette = behind_missing(scale.colours.clone());
        palette[0] = missing.unwrap_or(TRANSPARENT);
        Paint { palette, rule: ruled(Rule::Levels(Levels::new(scale))), legend }
    }

    fn classes(title: &str, classes: &Categories) -> Self {
        let colours = classes.all.iter().map(|c| c.colour).collect();
        let entries = classes.all.iter().map(|c| (c.colour, c.meaning.clone())).collect();
        Paint {
            palette: behind_missing(colours),
            rule: PaintRule::Classes(classes.clone()),
            legend: Key::Classes { title: title.into(), entries },
        }
    }

    /// Values are numbers of colours of the file.
    fn stored(title: &str, colours: &[Rgba]) -> Self {
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

impl Maps {
    /// The colours of a variable in a style; `stretch` is asked when the style leaves the range to the data.
    ///
    /// # Errors
    /// [`MapError::Style`]; what `stretch` says.
    pub(super) fn paint(
        &self,
        meta: &Meta,
        collection: &str,
        spec: &StyleSpec,
        stretch: impl Fn() -> Result<Arc<Stretch>, MapError>,
    ) -> Result<Paint, MapError> {
        let by_name = |name: &String| self.styles.iter().find(|s| s.name == *name);
        let own = match &spec.name {
            Some(name) => by_name(name),
            None => self.styles.iter().find(|s| s.is_default_of(collection, &meta.path)),
        };
        let asked_range = spec.range.or_else(|| own.and_then(|s| s.range.map(|[a, b]| (a, b))));
        let range = || match asked_range {
            Some(range) => Ok(range),
            None => stretch().map(|s| (s.low, s.high)),
        };
        let log = spec.log || own.is_some_and(|s| s.log);
        let even = |map: &[Rgba]| match log {
            false => range().map(|(low, high)| Paint::even(&meta.title, map, low, high)),
            true => {
                let (low, high) = match asked_range {
                    Some(range) => range,
                    None => stretch()?.positive(),
                };
                if low <= 0.0 {
                    let message =
                        format!("a logarithmic style begins above 0, not at {low}; give another range");
                    return Err(MapError::Style(message));
                }
                Ok(Paint::log(&meta.title, map, low, high))
            }
        };
        let title = &meta.title;
        if let Some(own) = own {
            return match own.colours().map_err(MapError::Style)? {
                Colours::Map(map) => even(&map),
                Colours::Table(table) => {
                    let range = if table.percent { Some(range()?) } else { asked_range };
                    Ok(Paint::scaled(title, &Scale::of(&table, range), table.missing))
                }
            };
        }
        let plain = spec.name.is_none() && spec.range.is_none() && !spec.log;
        let wants_classes = plain || spec.name.as_deref() == Some("categories");
        match (&meta.categories, &meta.colours) {
            (_, Some(colours)) if plain => return Ok(Paint::stored(title, colours)),
            (Some(classes), _) if wants_classes => return Ok(Paint::classes(title, classes)),
            _ => {}
        }
        let name = spec.name.as_deref().unwrap_or(DEFAULT);
        let Some(map) = named_colours(name) else { return Err(MapError::Style(self.unknown_style(name))) };
        even(&map)
    }

    fn unknown_style(&self, name: &str) -> String {
        let name: String = name.chars().take(80).collect();
        format!("style '{name}' is not known; choose one of {}", self.style_names().join(", "))
    }

    /// Names of all styles that continuous variables may have.
    pub fn style_names(&self) -> Vec<String> {
        let own = self.styles.iter().map(|s| s.name.clone());
        std::iter::once("default".to_owned()).chain(own).chain(style_names().map(str::to_owned)).collect()
    }

    /// Whether there is a style of that name.
    pub fn knows_style(&self, spec: &StyleSpec) -> bool {
        let Some(name) = &spec.name else { return true };
        name == "categories" || self.styles.iter().any(|s| s.name == *name) || named_colours(name).is_some()
    }

    /// Refuses a style that is not known.
    ///
    /// # Errors
    /// [`MapError::Style`] with the ones that are.
    pub fn check_style(&self, spec: &StyleSpec) -> Result<(), MapError> {
        match &spec.name {
            Some(name) if !self.knows_style(spec) => Err(MapError::Style(self.unknown_style(name))),
            _ => Ok(()),
        }
    }
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
    fn styles_are_names_with_ranges() {
        let parse = |t: &str| StyleSpec::parse(t).unwrap();
        assert_eq!(parse(""), StyleSpec::default());
        assert!(parse("default:bilinear").bilinear);
        let full = parse("turbo:-1.5:3e2:bilinear");
        assert_eq!(
            (full.name.as_deref(), full.range, full.bilinear),
            (Some("turbo"), Some((-1.5, 300.0)), true)
        );
        assert_eq!(parse("0:1").range, Some((0.0, 1.0)));
        assert!(parse("turbo:log").log && parse("default:0.1:10:log:bilinear").log && !parse("turbo").log);
        for wrong in ["turbo:1", "turbo:3:1", "turbo:a:b", "turbo:nan:1"] {
            assert!(StyleSpec::parse(wrong).is_err(), "{wrong}");
        }
    }

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
