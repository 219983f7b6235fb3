//! Comparisons of times, in seconds, rounded to the microsecond.

use harmony_model::Runs;

/// Microseconds: f64 seconds of our century are good to a quarter of one.
fn micros(seconds: f64) -> f64 {
    (seconds * 1e6).round()
}

/// Indices of the instants inside `range`, ends included; NaN never is.
pub fn instants(values: &[f64], range: (f64, f64)) -> Runs {
    let (start, end) = (micros(range.0), micros(range.1));
    let inside = |v: f64| micros(v) >= start && micros(v) <= end;
    Runs::from_indices((0..values.len()).filter(|&i| inside(values[i])).map(|i| i as u64))
}

/// Indices of the steps that overlap `range` with positive extent; a range without extent hits the steps that
/// contain it.
pub fn steps(bounds: &[[f64; 2]], range: (f64, f64)) -> Runs {
    let (start, end) = (micros(range.0), micros(range.1));
    let inside = |b: &[f64; 2]| {
        let (lo, hi) = (micros(b[0].min(b[1])), micros(b[0].max(b[1])));
        if start == end || lo == hi { hi >= start && lo <= end } else { hi > start && lo < end }
    };
    Runs::from_indices((0..bounds.len()).filter(|&i| inside(&bounds[i])).map(|i| i as u64))
}

/// Instants inside `range`; if there is none and the range lies within one step of a regular axis (steps centred on
/// the instants), that step.
pub fn nearest_or_instants(values: &[f64], range: (f64, f64)) -> Runs {
    let hits = instants(values, range);
    if !hits.is_empty() || values.len() < 2 {
        return hits;
    }
    let half = (values[1] - values[0]).abs() / 2.0;
    let holds = |v: &f64| range.0 >= v - half && range.1 <= v + half;
    values.iter().position(holds).map_or_else(Runs::default, |i| Runs::range(i as u64, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_hour_inside_an_hourly_step_gives_that_step() {
        let hours: Vec<f64> = (0..24).map(|h| 1800.0 + 3600.0 * f64::from(h)).collect();
        let late = (23.75 * 3600.0, 86_399.0);
        assert_eq!(nearest_or_instants(&hours, late).indices().collect::<Vec<_>>(), [23]);
    }

    #[test]
    fn steps_that_only_touch_the_range_are_out() {
        let bounds = [[0.0, 10.0], [10.0, 20.0], [20.0, 30.0]];
        assert_eq!(steps(&bounds, (10.0, 20.0)).indices().collect::<Vec<_>>(), [1]);
        assert_eq!(steps(&bounds, (10.0, 10.0)).indices().collect::<Vec<_>>(), [0, 1]);
    }
}
