//! From values to colours.

use std::sync::Arc;

use harmony_formats::image::{
    self, Colours, Even, Index, Legend, Levels, Rgba, Rule, Scale, named_colours, style_names,
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
}

/// Colours of a layer: a palette whose first entry is for missing values.
pub(super) struct Paint {
    pub palette: Vec<Rgba>,
    pub rule: PaintRule,
    pub legend: Key,
}

pub(super) enum PaintRule {
    Index(Index),
    Classes(Categories),
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
    /// Reads `NAME[:MIN:MAX][:bilinear]`; nothing and `default` are the default.
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
    format!("style '{text}': '{part}' is not understood; write NAME, NAME:MIN:MAX or NAME:MIN:MAX:bilinear")
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
        let last = map.len().saturating_sub(1);
        let colours: Vec<Rgba> =
            (0..COLOURS).map(|i| map[(i * last + (COLOURS - 1) / 2) / (COLOURS - 1)]).collect();
        let legend = Key::Bar(Legend::even(title, colours.clone(), low, high));
        let rule = Rule::Even(Even::new(low, high, COLOURS));
        Paint { palette: behind_missing(colours), rule: ruled(rule), legend }
    }

    fn scaled(title: &str, scale: &Scale, missing: Option<Rgba>) -> Self {
        let legend = Key::Bar(Legend::levels(title, scale));
        let mut palette = behind_missing(scale.colours.clone());
        palette[0] = missing.unwrap_or(TRANSPARENT);
        Paint { palette, rule: ruled(Rule::Levels(Levels::new(scale))), legend }
    }

    fn classes(title: &str, classes: &Categories) -> Self {
        let colours = classes.0.iter().map(|c| c.colour).collect();
        let entries = classes.0.iter().map(|c| (c.colour, c.meaning.clone())).collect();
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
        let title = &meta.title;
        if let Some(own) = own {
            return match own.colours().map_err(MapError::Style)? {
                Colours::Map(map) => range().map(|(low, high)| Paint::even(title, &map, low, high)),
                Colours::Table(table) => {
                    let range = if table.percent { Some(range()?) } else { asked_range };
                    Ok(Paint::scaled(title, &Scale::of(&table, range), table.missing))
                }
            };
        }
        let plain = spec.name.is_none() && spec.range.is_none();
        let wants_classes = plain || spec.name.as_deref() == Some("categories");
        match (&meta.categories, &meta.colours) {
            (_, Some(colours)) if plain => return Ok(Paint::stored(title, colours)),
            (Some(classes), _) if wants_classes => return Ok(Paint::classes(title, classes)),
            _ => {}
        }
        let name = spec.name.as_deref().unwrap_or(DEFAULT);
        let Some(map) = named_colours(name) else { return Err(MapError::Style(self.unknown_style(name))) };
        range().map(|(low, high)| Paint::even(title, &map, low, high))
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
        for wrong in ["turbo:1", "turbo:3:1", "turbo:a:b", "turbo:nan:1"] {
            assert!(StyleSpec::parse(wrong).is_err(), "{wrong}");
        }
    }
}
