//! Where a palette keeps the colour of missing data.

use super::style::{Rgba, TRANSPARENT};

/// Entries of a palette at most.
const MOST: usize = 256;

/// A palette with a place for missing data.
#[derive(Clone, Debug, PartialEq)]
pub struct Slots {
    pub palette: Vec<Rgba>,
    /// Index of the first colour.
    pub first: u8,
    /// Index of missing data.
    pub missing: u8,
    /// How many of the levels count; values above take the colour of the last one that does.
    pub levels: usize,
}

impl Slots {
    /// A colour equal to that of missing data shares its entry, a new one comes in front; where none is said it is
    /// transparent, in front.
    pub fn new(colours: &[Rgba], missing: Option<Rgba>) -> Self {
        let levels = colours.len();
        if let Some(at) = missing.and_then(|m| colours.iter().position(|c| *c == m)) {
            return Slots { palette: colours.to_vec(), first: 0, missing: at as u8, levels };
        }
        let palette =
            std::iter::once(missing.unwrap_or(TRANSPARENT)).chain(colours.iter().copied()).collect();
        Slots { palette, first: 1, missing: 0, levels }
    }

    /// What the reference's browse generator makes of it: colours end before an entry that missing data share; when
    /// that is the first one, all values take the colour behind their own. Where no colour is said, a transparent one
    /// comes last, in place of the 256th.
    pub fn of_reference(colours: &[Rgba], missing: Option<Rgba>) -> Self {
        let Some(colour) = missing else {
            let levels = colours.len().min(MOST - 1);
            let palette = colours.iter().copied().take(levels).chain([TRANSPARENT]).collect();
            return Slots { palette, first: 0, missing: levels as u8, levels };
        };
        match colours.iter().position(|c| *c == colour) {
            Some(0) => {
                Slots { palette: colours.to_vec(), first: 1, missing: 0, levels: colours.len().max(2) - 1 }
            }
            Some(at) => Slots { palette: colours.to_vec(), first: 0, missing: at as u8, levels: at },
            None => {
                let levels = colours.len().min(MOST - 1);
                let palette = std::iter::once(colour).chain(colours.iter().copied().take(levels)).collect();
                Slots { palette, first: 1, missing: 0, levels }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Rgba = [255, 0, 0, 255];
    const BLUE: Rgba = [0, 0, 255, 255];
    const BLACK: Rgba = [0, 0, 0, 255];

    #[test]
    fn missing_data_share_an_equal_colour() {
        let slots = Slots::new(&[RED, BLUE], Some(BLUE));
        assert_eq!((slots.palette, slots.first, slots.missing, slots.levels), (vec![RED, BLUE], 0, 1, 2));
        let slots = Slots::new(&[RED, BLUE], None);
        assert_eq!((slots.palette, slots.first, slots.missing), (vec![TRANSPARENT, RED, BLUE], 1, 0));
    }

    #[test]
    fn the_reference_moves_or_ends_colours_where_missing_data_are() {
        let colours = [RED, BLUE, BLACK];
        let of = |missing| {
            let slots = Slots::of_reference(&colours, missing);
            (slots.palette.len(), slots.first, slots.missing, slots.levels)
        };
        assert_eq!(of(Some(RED)), (3, 1, 0, 2));
        assert_eq!(of(Some(BLACK)), (3, 0, 2, 2));
        assert_eq!(of(Some([9; 4])), (4, 1, 0, 3));
        assert_eq!(of(None), (4, 0, 3, 3));
        let full = Slots::of_reference(&[RED; 256], None);
        assert_eq!((full.palette.len(), full.missing, full.levels), (256, 255, 255));
    }
}
