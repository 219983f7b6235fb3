//! Classes: variables whose numbers stand for words (CF 1.10 §3.5: `flag_values`, `flag_masks` and `flag_meanings`).

use harmony_formats::image::Rgba;
use harmony_model::Variable;

/// What the numbers of a variable stand for.
#[derive(Clone, Debug, PartialEq)]
pub struct Categories {
    /// Ascending values; with masks in the order of the file, the first one that holds is shown.
    pub all: Vec<Category>,
    masked: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Category {
    pub value: f32,
    /// Bits of the number that must be those of the value; `None`: any of the bits of the value will do.
    mask: Option<i64>,
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

/// Whole numbers from here on are not all exact in single precision, which maps compute in.
const INEXACT: f64 = 16_777_216.0;
/// The colour of numbers of which no flag is set.
const NO_FLAG: Rgba = [224, 224, 224, 255];

impl Categories {
    /// The classes of a variable, if it has any.
    pub fn of(var: &Variable) -> Option<Self> {
        let numbers = |name: &str| var.attr(name).and_then(|a| a.as_f64s()).filter(|n| !n.is_empty());
        let (values, masks) = (numbers("flag_values"), numbers("flag_masks"));
        let given = values.as_ref().or(masks.as_ref())?;
        // One more stands for no flag at all.
        let fits = masks.as_ref().is_none_or(|m| {
            m.len() == given.len() && m.iter().chain(given).all(|v| v.abs() < INEXACT && v.fract() == 0.0)
        });
        if given.len() >= MOST || !fits {
            return None;
        }
        let meanings = var.attr_text("flag_meanings").unwrap_or_default();
        let words: Vec<&str> = meanings.split_whitespace().collect();
        let colours = said_colours(var, given.len());
        let one = |(i, &v): (usize, &f64)| Category {
            value: v as f32,
            mask: values.as_ref().and(masks.as_ref()).and_then(|m| m.get(i)).map(|m| *m as i64),
            meaning: words.get(i).map_or_else(|| v.to_string(), |w| w.replace('_', " ")),
            colour: colours.get(i).copied().unwrap_or_else(|| colour(i)),
        };
        let mut all: Vec<Category> = given.iter().enumerate().map(one).collect();
        match &masks {
            None => {
                all.sort_by(|a, b| a.value.total_cmp(&b.value));
                all.dedup_by(|a, b| a.value == b.value);
            }
            Some(masks) if values.is_none() => {
                let any = masks.iter().fold(0, |bits, m| bits | *m as i64);
                let meaning = "no flag".to_owned();
                all.push(Category { value: 0.0, mask: Some(any), meaning, colour: NO_FLAG });
            }
            Some(_) => {}
        }
        Some(Categories { all, masked: masks.is_some() })
    }

    /// Number of the class of a value.
    #[inline]
    pub fn find(&self, value: f32) -> Option<usize> {
        match self.masked {
            false => self.all.binary_search_by(|c| c.value.total_cmp(&value)).ok(),
            true => self.all.iter().position(|c| c.holds(value)),
        }
    }

    /// What a value stands for, in words; several where flags are independent of each other.
    pub fn meaning(&self, value: f32) -> Option<String> {
        let words: Vec<&str> = match self.masked {
            false => self.find(value).map(|i| self.all[i].meaning.as_str()).into_iter().collect(),
            true => self.all.iter().filter(|c| c.holds(value)).map(|c| c.meaning.as_str()).collect(),
        };
        (!words.is_empty()).then(|| words.join(", "))
    }
}

impl Category {
    /// Whether the bits of a number are those of the class.
    fn holds(&self, value: f32) -> bool {
        let (bits, own) = (value as i64, self.value as i64);
        !value.is_nan() && self.mask.map_or(bits & own != 0, |mask| bits & mask == own)
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

    fn variable(attributes: Vec<Attribute>) -> Variable {
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
        for attribute in attributes {
            granule.vars[id.0].set_attr(attribute);
        }
        granule.vars[id.0].clone()
    }

    #[test]
    fn flags_have_words_and_colours() {
        assert_eq!(Categories::of(&variable(Vec::new())), None);
        let values = Attribute::numbers("flag_values", &[2.0f64, 0.0]);
        let words = Attribute::text("flag_meanings", "not_good good");
        let classes = Categories::of(&variable(vec![values, words])).unwrap();
        assert_eq!(classes.all[0].meaning, "good");
        assert_eq!(classes.find(2.0), Some(1));
        assert_eq!(classes.meaning(2.0).unwrap(), "not good");
        assert_eq!((classes.find(1.0), classes.meaning(1.0)), (None, None));
        assert_ne!(colour(0), colour(7));
    }

    #[test]
    fn independent_flags_are_bits() {
        let masks = Attribute::numbers("flag_masks", &[1u8, 2, 4]);
        let words = Attribute::text("flag_meanings", "land cloud ice");
        let classes = Categories::of(&variable(vec![masks, words])).unwrap();
        assert_eq!([0.0, 1.0, 2.0, 6.0, 12.0].map(|v| classes.find(v)), [3, 0, 1, 1, 2].map(Some));
        assert_eq!(classes.meaning(6.0).unwrap(), "cloud, ice");
        assert_eq!(classes.meaning(0.0).unwrap(), "no flag");
        assert_eq!((classes.find(f32::NAN), classes.meaning(f32::NAN)), (None, None));
    }

    #[test]
    fn values_under_masks_are_compared_with_their_bits_only() {
        // CF 1.10, example 3.5: one Boolean and two groups of values.
        let masks = Attribute::numbers("flag_masks", &[1u8, 2, 12, 12, 12]);
        let values = Attribute::numbers("flag_values", &[1u8, 2, 4, 8, 12]);
        let words =
            Attribute::text("flag_meanings", "low_battery hardware_fault offline calibration maintenance");
        let classes = Categories::of(&variable(vec![masks, values, words])).unwrap();
        assert_eq!(classes.meaning(13.0).unwrap(), "low battery, maintenance");
        assert_eq!(classes.meaning(8.0).unwrap(), "calibration");
        assert_eq!(classes.meaning(0.0), None);
    }

    #[test]
    fn bits_that_single_precision_loses_are_no_classes() {
        let masks = Attribute::numbers("flag_masks", &[1i32, 1 << 30]);
        assert_eq!(Categories::of(&variable(vec![masks])), None);
    }
}
