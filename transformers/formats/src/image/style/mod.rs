//! Colours: named maps, tables from files, and what becomes of them for an image of at most 256 colours.

pub mod cpt;
pub mod gdal_text;
pub mod named;
pub mod scale;
pub mod words;

use crate::write::Style;

pub use scale::Scale;

/// Red, green, blue, opacity.
pub type Rgba = [u8; 4];

/// What stands where there are no data, unless a table says otherwise.
pub const TRANSPARENT: Rgba = [0; 4];

/// Colour tables have a few hundred lines; more than this is not one.
const MAX_LINES: usize = 100_000;

/// Colours by value, as a style says them.
#[derive(Clone, Debug, PartialEq)]
pub enum Colours {
    /// Equally spaced between two values that the data or the user decide.
    Map(Vec<Rgba>),
    Table(Table),
}

/// Colours with their values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What messages call it.
    pub name: String,
    /// Ascending; at least one.
    pub segments: Vec<Segment>,
    /// Colour of what is below the first and above the last segment; the first and last colour when it is not said.
    pub below: Option<Rgba>,
    pub above: Option<Rgba>,
    /// Colour of missing data.
    pub missing: Option<Rgba>,
    /// Values are percentages of the range of the data.
    pub percent: bool,
}

/// Colours from a value up to another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    pub low: f64,
    pub high: f64,
    pub from: Rgba,
    pub to: Rgba,
    /// Hue, saturation and value run evenly, not the channels.
    pub hsv: bool,
}

impl Segment {
    /// The colour at `t`, from 0 to 1.
    pub fn at(&self, t: f64) -> Rgba {
        if !self.hsv {
            return mix(self.from, self.to, t);
        }
        let (a, b) = (words::to_hsv(self.from), words::to_hsv(self.to));
        words::from_hsv([0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * t))
    }
}

/// A colour between two, channel by channel.
pub fn mix(from: Rgba, to: Rgba, t: f64) -> Rgba {
    let t = t.clamp(0.0, 1.0);
    std::array::from_fn(|i| {
        let (a, b) = (f64::from(from[i]), f64::from(to[i]));
        (a + (b - a) * t).round() as u8
    })
}

/// What a style means. With `steps`, the values of a text table are the lower ends of classes of one colour; else
/// colours run evenly from one to the next.
///
/// # Errors
/// Words for the user: an unknown name with the known ones, or the line of the table that is not understood.
pub fn colours(style: &Style, steps: bool) -> Result<Colours, String> {
    match style {
        Style::Named(name) => named::find(name).map(Colours::Map).ok_or_else(|| {
            let known: Vec<&str> = named::names().collect();
            format!(
                "style '{name}' is not known; choose one of {} (with _r turned round) or name a colour table file",
                known.join(", ")
            )
        }),
        Style::Table { name, text } => {
            let table = if is_cpt(name, text) { cpt::parse(text) } else { gdal_text::parse(text, steps) };
            let mut table = table.map_err(|why| format!("colour table '{name}': {why}"))?;
            table.name.clone_from(name);
            Ok(Colours::Table(table))
        }
    }
}

fn is_cpt(name: &str, text: &str) -> bool {
    let marks = |line: &str| {
        let first = line.split_whitespace().next().unwrap_or_default();
        matches!(first, "B" | "F" | "N") || line.to_ascii_uppercase().contains("COLOR_MODEL")
    };
    name.to_ascii_lowercase().ends_with(".cpt") || text.lines().take(MAX_LINES).any(marks)
}

/// Lines with their numbers from 1, without comments and empty ones.
fn lines(text: &str) -> Result<Vec<(usize, &str)>, String> {
    let all: Vec<&str> = text.lines().take(MAX_LINES + 1).collect();
    if all.len() > MAX_LINES {
        return Err(format!("it has more than {MAX_LINES} lines; is it a colour table?"));
    }
    let numbered = all.into_iter().enumerate().map(|(i, line)| (i + 1, line.trim()));
    Ok(numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect())
}
