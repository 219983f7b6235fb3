//! A table as a scale of at most 255 colours: what a palette image can hold besides missing data.

use super::{Rgba, Table};

/// Colours of an image besides the one of missing data.
pub const MOST: usize = 255;

/// Colours with the lowest value of each: a value takes the colour of the last level that is not above it; values
/// below the first level take the first colour.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scale {
    /// Ascending.
    pub levels: Vec<f64>,
    /// As many.
    pub colours: Vec<Rgba>,
    /// Colours were left out because there were too many.
    pub thinned: bool,
}

impl Scale {
    /// The scale of a table; `range` is that of the data, where the table has percentages, or what its first and last
    /// value shall mean.
    pub fn of(table: &Table, range: Option<(f64, f64)>) -> Scale {
        let mut scale = Scale::default();
        if let Some(below) = table.below {
            scale.push(f64::NEG_INFINITY, below);
        }
        let running = table.segments.iter().filter(|s| s.from != s.to).count();
        let fixed = table.segments.len() - running + 2;
        let steps = MOST.saturating_sub(fixed).checked_div(running).unwrap_or(1).max(1);
        for segment in &table.segments {
            let n = if segment.from == segment.to { 1 } else { steps };
            for i in 0..n {
                let low = segment.low + (segment.high - segment.low) * i as f64 / n as f64;
                let colour = if n == 1 { segment.from } else { segment.at((i as f64 + 0.5) / n as f64) };
                scale.push(low, colour);
            }
        }
        if let (Some(above), Some(last)) = (table.above, table.segments.last()) {
            scale.push(last.high.next_up(), above);
        }
        scale.thin();
        if let Some((low, high)) = range {
            scale.stretch(table, low, high);
        }
        scale
    }

    fn push(&mut self, level: f64, colour: Rgba) {
        self.levels.push(level);
        self.colours.push(colour);
    }

    /// Joins neighbours of the same colour, then keeps 255 evenly spread over the list.
    fn thin(&mut self) {
        if self.levels.len() <= MOST {
            return;
        }
        let mut kept: Vec<usize> =
            (0..self.levels.len()).filter(|&i| i == 0 || self.colours[i] != self.colours[i - 1]).collect();
        if kept.len() > MOST {
            self.thinned = true;
            kept = (0..MOST).map(|i| kept[i * (kept.len() - 1) / (MOST - 1)]).collect();
        }
        self.levels = kept.iter().map(|&i| self.levels[i]).collect();
        self.colours = kept.iter().map(|&i| self.colours[i]).collect();
    }

    /// Moves the levels so that the ends of the table, or 0 and 100 %, mean `low` and `high`.
    fn stretch(&mut self, table: &Table, low: f64, high: f64) {
        let (Some(first), Some(last)) = (table.segments.first(), table.segments.last()) else { return };
        let (a, b) = if table.percent { (0.0, 100.0) } else { (first.low, last.high) };
        if b <= a || !(high - low).is_finite() {
            return;
        }
        self.levels.iter_mut().for_each(|v| *v = low + (*v - a) / (b - a) * (high - low));
    }

    /// First and last finite level.
    pub fn ends(&self) -> Option<(f64, f64)> {
        let mut finite = self.levels.iter().copied().filter(|v| v.is_finite());
        let first = finite.next()?;
        Some((first, finite.next_back().unwrap_or(first)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{cpt, gdal_text};
    use super::*;

    #[test]
    fn classes_keep_their_values_and_colours() {
        let table = gdal_text::parse("0 0 0 0\n60 1 1 1\n120 2 2 2\n", true).unwrap();
        let scale = Scale::of(&table, None);
        assert_eq!(scale.levels, [0.0, 60.0, 120.0]);
        assert_eq!(scale.colours[2], [2, 2, 2, 255]);
        assert_eq!(Scale::of(&table, Some((10.0, 22.0))).levels, [10.0, 16.0, 22.0]);
    }

    #[test]
    fn running_colours_are_cut_into_many_steps() {
        let table = gdal_text::parse("0 0 0 0\n1 255 255 255\n100 255 0 0\n", false).unwrap();
        let scale = Scale::of(&table, None);
        assert!(scale.levels.len() <= MOST && scale.levels.len() > 240, "{}", scale.levels.len());
        assert!(scale.levels.is_sorted());
        assert_eq!(*scale.colours.last().unwrap(), [255, 0, 0, 255]);
    }

    #[test]
    fn percentages_follow_the_data() {
        let table = gdal_text::parse("0% black\n50% red\n100% white\n", true).unwrap();
        assert_eq!(Scale::of(&table, Some((-10.0, 10.0))).levels, [-10.0, 0.0, 10.0]);
    }

    #[test]
    fn what_is_below_and_above_has_its_own_colours() {
        let table = cpt::parse("0 red 1 red\nB blue\nF white\n").unwrap();
        let scale = Scale::of(&table, None);
        assert_eq!(scale.levels[..2], [f64::NEG_INFINITY, 0.0]);
        assert!(scale.levels[2] > 1.0 && scale.levels[2] < 1.0000001);
    }

    #[test]
    fn too_many_colours_are_thinned_and_told() {
        let text: String = (0..1000).map(|i| format!("{i} {} {} 0\n", i % 256, i / 4)).collect();
        let scale = Scale::of(&gdal_text::parse(&text, true).unwrap(), None);
        assert_eq!((scale.levels.len(), scale.thinned), (MOST, true));
        assert_eq!((scale.levels[0], scale.levels[254]), (0.0, 999.0));
    }
}
