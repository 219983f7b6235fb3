//! Classes: variables whose numbers stand for words (CF 1.10 §3.5, `flag_values` and `flag_meanings`).

use harmony_formats::image::Rgba;
use harmony_model::Variable;

/// Values with their meanings and colours, ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct Categories(pub Vec<Category>);

#[derive(Clone, Debug, PartialEq)]
pub struct Category {
    pub value: f32,
    pub meaning: String,
    pub colour: Rgba,
}

/// Colours that people with any colour vision tell apart (Okabe and Ito 2008), without black.
const COLOURS: [[u8; 3]; 7] = [
    [0, 114, 178],
    [230, 159, 0],
    [0, 158, 115],
    [213, 94, 0],
    [86, 180, 233],
    [204, 121, 167],
    [240, 228, 66],
];

/// Classes that have a colour of their own: what a palette holds besides missing data.
const MOST: usize = 255;

impl Categories {
    /// The classes of a variable, if it has any.
    pub fn of(var: &Variable) -> Option<Self> {
        let values = var.attr("flag_values")?.as_f64s()?;
        let meanings = var.attr_text("flag_meanings").unwrap_or_default();
        let words: Vec<&str> = meanings.split_whitespace().collect();
        if values.is_empty() || values.len() > MOST {
            return None;
        }
        let colours = said_colours(var, values.len());
        let mut all: Vec<Category> = values
            .iter()
            .enumerate()
            .map(|(i, &v)| Category {
                value: v as f32,
                meaning: words.get(i).map_or_else(|| v.to_string(), |w| w.replace('_', " ")),
                colour: colours.get(i).copied().unwrap_or_else(|| colour(i)),
            })
            .collect();
        all.sort_by(|a, b| a.value.total_cmp(&b.value));
        all.dedup_by(|a, b| a.value == b.value);
        Some(Categories(all))
    }

    /// Number of the class of a value.
    #[inline]
    pub fn find(&self, value: f32) -> Option<usize> {
        self.0.binary_search_by(|c| c.value.total_cmp(&value)).ok()
    }
}

/// `flag_colors`: hexadecimal colours, as the ESA CCI products give them.
fn said_colours(var: &Variable, count: usize) -> Vec<Rgba> {
    let text = var.attr_text("flag_colors").unwrap_or_default();
    let one = |word: &str| -> Option<Rgba> {
        let digits = word.strip_prefix('#')?;
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 6)?;
        let [_, r, g, b] = number.to_be_bytes();
        Some([r, g, b, 255])
    };
    let all: Vec<Rgba> = text.split_whitespace().map_while(one).collect();
    if all.len() == count { all } else { Vec::new() }
}

/// The colour of the class with that number: the seven, then darker and lighter ones.
fn colour(number: usize) -> Rgba {
    let [r, g, b] = COLOURS[number % COLOURS.len()];
    let turn = (number / COLOURS.len()) as u32;
    // 100 %, 60 %, 36 %, … of the colour, every second time towards white.
    let weight = 0.6f64.powi(turn as i32);
    let towards = if turn % 2 == 1 { 255.0 } else { 0.0 };
    let mix = |c: u8| (f64::from(c) * weight + towards * (1.0 - weight)).round() as u8;
    [mix(r), mix(g), mix(b), 255]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use harmony_model::{Attribute, DType, Granule};

    use super::*;

    #[test]
    fn flags_have_words_and_colours() {
        struct Nothing;
        impl harmony_model::ArraySource for Nothing {
            fn read(&self, _: &harmony_model::Window, _: &mut [u8]) -> Result<(), harmony_model::ReadError> {
                Ok(())
            }
            fn cost(&self, _: &harmony_model::Window) -> Result<u64, harmony_model::ReadError> {
                Ok(0)
            }
        }
        let mut granule = Granule::new("g", "test");
        let id = granule.add_var(Granule::ROOT, "flag", DType::U8, Vec::new(), Arc::new(Nothing));
        let var = &mut granule.vars[id.0];
        assert_eq!(Categories::of(var), None);
        var.set_attr(Attribute::numbers("flag_values", &[2.0f64, 0.0]));
        var.set_attr(Attribute::text("flag_meanings", "not_good good"));
        let classes = Categories::of(var).unwrap();
        assert_eq!(classes.0[0].meaning, "good");
        assert_eq!(classes.find(2.0), Some(1));
        assert_eq!(classes.0[1].meaning, "not good");
        assert_eq!(classes.find(1.0), None);
        assert_ne!(colour(0), colour(7));
    }
}
