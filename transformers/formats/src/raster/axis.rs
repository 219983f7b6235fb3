//! Regular axes: outer edge and step of cell centres, freed from the rounding of the type they were stored in.

/// Largest deviation of a centre from its regular place, in cells: coordinates rounded to a few decimals stay below.
const TOLERANCE: f64 = 0.02;

/// Denominators of steps that are no decimal fractions: thirds, arc minutes and seconds.
const DENOMINATORS: [f64; 9] = [3.0, 6.0, 12.0, 24.0, 60.0, 120.0, 360.0, 1200.0, 3600.0];

/// A regular axis as stored: cell *i* covers `edge + i·step … edge + (i + 1)·step`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Regular {
    pub edge: f64,
    /// Negative when values descend.
    pub step: f64,
    pub n: u64,
}

/// What is known about how exact the values are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exactness {
    /// Values come from single precision.
    pub single: bool,
    /// Degrees: edges are multiples of half a step more often than not.
    pub geographic: bool,
}

impl Regular {
    /// From cell centres; `None` when they are not evenly spaced, or fewer than two.
    pub fn of_centres(centres: &[f64], exactness: Exactness) -> Option<Self> {
        let (&first, &last) = (centres.first()?, centres.last()?);
        let n = centres.len();
        let step = (last - first) / (n as f64 - 1.0);
        if n < 2 || !step.is_finite() || step == 0.0 {
            return None;
        }
        let off = |(i, v): (usize, &f64)| (v - (first + i as f64 * step)).abs();
        let limit = TOLERANCE * step.abs() + ulp(first.abs().max(last.abs()), exactness.single);
        if centres.iter().enumerate().any(|e| off(e) > limit || !e.1.is_finite()) {
            return None;
        }
        let raw = Regular { edge: first - step / 2.0, step, n: n as u64 };
        Some(raw.snapped(first, last, exactness))
    }

    /// The simplest axis within the rounding of the values: a decimal fraction or a fraction with a known
    /// denominator as step, and an edge that is a multiple of half of it.
    fn snapped(self, first: f64, last: f64, exactness: Exactness) -> Self {
        let noise = 2.0 * ulp(first.abs().max(last.abs()), exactness.single);
        let slack = noise / (self.n as f64 - 1.0);
        let Some((p, q)) = simple_fraction(self.step.abs(), slack, exactness.geographic) else { return self };
        // Edges in halves of a step, kept as a quotient of integers: 90, not 89.99999999999999.
        let halves = (self.edge * 2.0 * q / p).round();
        let edge = halves * p / (2.0 * q);
        let step = (p / q).copysign(self.step);
        if (edge - self.edge).abs() <= noise {
            Regular { edge, step, ..self }
        } else if exactness.single {
            // Centres that are not multiples: at least the decimals of the edge are cleaned.
            let scale = 1e6;
            let clean = (self.edge * scale).round() / scale;
            let edge = if (clean - self.edge).abs() <= noise { clean } else { self.edge };
            Regular { edge, step, ..self }
        } else {
            self
        }
    }

    /// From the affine `origin`, `step` of a whole grid that these centres are a part of, in either direction.
    pub fn within(self, origin: f64, step: f64, exactness: Exactness) -> Option<Self> {
        if !(origin.is_finite() && step.is_finite()) || step == 0.0 {
            return None;
        }
        let near = if exactness.single { 1e-3 } else { 1e-6 };
        let drift = (self.step.abs() - step.abs()).abs() * self.n as f64;
        let cells = (self.edge - origin) / step;
        let whole = cells.round();
        if drift > near * step.abs() || (cells - whole).abs() > near {
            return None;
        }
        let step_out = step.abs().copysign(self.step);
        Some(Regular { edge: origin + whole * step, step: step_out, n: self.n })
    }

    /// The same cells from the other end.
    pub fn reversed(self) -> Self {
        Regular { edge: self.edge + self.step * self.n as f64, step: -self.step, n: self.n }
    }

    /// Outer edge behind the last cell.
    pub fn end(self) -> f64 {
        self.edge + self.step * self.n as f64
    }
}

/// Distance between numbers of that size in their type.
fn ulp(size: f64, single: bool) -> f64 {
    if single { size * f64::from(f32::EPSILON) } else { size * 4.0 * f64::EPSILON }
}

/// `step` as a fraction of small integers within `slack`: decimal first, then the known denominators, then 1/m.
fn simple_fraction(step: f64, slack: f64, geographic: bool) -> Option<(f64, f64)> {
    // A slack as large as the step itself would accept anything.
    let slack = slack.min(step * 1e-4).max(step * 1e-15);
    let near = |p: f64, q: f64| p >= 1.0 && (p / q - step).abs() <= slack;
    let decimals = if geographic { 5 } else { 2 };
    for k in 0..=decimals {
        let q = 10f64.powi(k);
        let p = (step * q).round();
        if near(p, q) {
            return Some((p, q));
        }
    }
    if !geographic {
        return None;
    }
    let known = DENOMINATORS.into_iter().map(|q| ((step * q).round(), q));
    let inverse = std::iter::once((1.0, (1.0 / step).round()));
    known.chain(inverse).find(|&(p, q)| q >= 1.0 && near(p, q))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINGLE: Exactness = Exactness { single: true, geographic: true };
    const DOUBLE: Exactness = Exactness { single: false, geographic: true };

    #[test]
    fn single_precision_axes_get_their_exact_edges_back() {
        let lat: Vec<f64> = (0..1800).map(|i| f64::from(-89.95f32 + 0.1 * i as f32)).collect();
        // Adding in single precision is off by more than rounding; values made in double precision are not.
        let exact: Vec<f64> = (0..1800).map(|i| f64::from((-89.95 + 0.1 * f64::from(i)) as f32)).collect();
        assert!(Regular::of_centres(&lat, SINGLE).is_some());
        let axis = Regular::of_centres(&exact, SINGLE).unwrap();
        assert_eq!((axis.edge, axis.step, axis.end()), (-90.0, 0.1, 90.0));
        assert_eq!(axis.reversed().edge, 90.0);
    }

    #[test]
    fn arc_minutes_are_fractions() {
        let lon: Vec<f64> =
            (0..4320).map(|i| f64::from((-180.0 + (f64::from(i) + 0.5) / 12.0) as f32)).collect();
        let axis = Regular::of_centres(&lon, SINGLE).unwrap();
        assert_eq!((axis.edge, axis.step), (-180.0, 1.0 / 12.0));
    }

    #[test]
    fn centres_on_the_poles_have_edges_beyond() {
        let lat: Vec<f64> = (0..361).map(|i| -90.0 + 0.5 * f64::from(i)).collect();
        let axis = Regular::of_centres(&lat, DOUBLE).unwrap();
        assert_eq!((axis.edge, axis.step), (-90.25, 0.5));
    }

    #[test]
    fn uneven_axes_are_none() {
        assert!(Regular::of_centres(&[0.0, 1.0, 3.0], DOUBLE).is_none());
        assert!(Regular::of_centres(&[0.0, f64::NAN, 2.0], DOUBLE).is_none());
        assert!(Regular::of_centres(&[4.0], DOUBLE).is_none());
        assert!(Regular::of_centres(&[4.0, 4.0], DOUBLE).is_none());
    }

    #[test]
    fn a_part_of_a_known_grid_lies_on_its_cells() {
        let axis = Regular { edge: 10.000_000_1, step: 0.1, n: 50 };
        let part = axis.within(90.0, -0.1, SINGLE).unwrap();
        assert!((part.edge - 10.0).abs() < 1e-12 && part.step == 0.1, "{part:?}");
        assert!(axis.within(90.05, -0.1, SINGLE).is_none());
    }
}
