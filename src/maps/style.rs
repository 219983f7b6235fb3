//! Styles by name: what a request, the operator and the variable say of colours.

use std::sync::Arc;

use harmony_formats::image::{Colours, Rgba, Scale, named_colours, style_names};

use super::opened::Meta;
use super::paint::Paint;
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
            [_, _] => return Err(MapError::Style(wrong_range(text))),
            _ => return Err(MapError::Style(unknown_part(text, "a single number"))),
        };
        Ok(out)
    }
}

fn wrong_range(text: &str) -> String {
    let text: String = text.chars().take(80).collect();
    format!("style '{text}': the first number of its range must be less than the second")
}

fn unknown_part(text: &str, part: &str) -> String {
    let text: String = text.chars().take(80).collect();
    let part: String = part.chars().take(80).collect();
    format!(
        "style '{text}': '{part}' is not understood; write NAME, NAME:MIN:MAX, and :log or :bilinear behind it"
    )
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
}
