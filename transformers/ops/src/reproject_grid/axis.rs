//! One axis of a source grid: from coordinate values to fractional cell numbers.

use harmony_model::DType;

/// Cells of an axis. Positions are fractional cell numbers: cell *i* reaches from *i* to *i* + 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Axis {
    /// The outer edge of cell 0 and the step, in coordinate units; either sign.
    Regular { start: f64, step: f64, len: usize },
    /// Centres, strictly ascending or descending, and edges (one more) around them.
    Irregular { centres: Vec<f64>, edges: Vec<f64> },
}

/// How coordinate values are to be read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Relative precision of the stored values.
    pub precision: f64,
    /// Values are the lower edges of cells.
    pub lower_edges: bool,
    /// Longitudes: a step of about a turn is none.
    pub periodic: bool,
    /// The width of the only cell.
    pub single: Option<f64>,
}

impl Reading {
    /// For values stored as `dtype`.
    pub fn of(dtype: &DType, values: &[f64]) -> Self {
        // Doubles that once were single precision are no better than those.
        let single =
            values.iter().all(|&v| f64::from(v as f32) == v) && values.iter().any(|v| v.fract() != 0.0);
        let coarse = matches!(dtype, DType::F32) || single;
        let precision = if coarse { f64::from(f32::EPSILON) } else { f64::EPSILON * 4.0 };
        Reading { precision, lower_edges: false, periodic: false, single: None }
    }
}

/// Residuals up to this part of a cell are noise of a regular axis.
const REGULAR: f64 = 1e-3;

impl Axis {
    /// From centres (or lower edges), with `bounds` when the file gives them for an irregular axis.
    ///
    /// # Errors
    /// What is wrong with the values.
    pub fn new(values: &[f64], reading: Reading, bounds: Option<&[f64]>) -> Result<Self, String> {
        if values.is_empty() {
            return Err("it has no values".into());
        }
        if let Some(i) = values.iter().position(|v| !v.is_finite()) {
            return Err(format!("value {i} is missing"));
        }
        let values = if reading.periodic { unwrapped(values) } else { values.to_vec() };
        let n = values.len();
        if n == 1 {
            let from_bounds =
                bounds.and_then(|b| (b.len() == 2).then(|| (b[0].min(b[1]), (b[1] - b[0]).abs())));
            let (start, step) = match (from_bounds, reading.single) {
                (Some((start, width)), _) if width > 0.0 => (start, width),
                (_, Some(width)) => (values[0] - width / 2.0, width),
                _ => return Err("it has a single value and no bounds, so its cell has no size".into()),
            };
            return Ok(Axis::Regular { start, step, len: 1 });
        }
        let ascending = values[1] > values[0];
        if let Some(i) = values.windows(2).position(|w| (w[1] > w[0]) != ascending || w[0] == w[1]) {
            return Err(format!("values {i} ({}) and {} ({}) turn back", values[i], i + 1, values[i + 1]));
        }
        let step = (values[n - 1] - values[0]) / (n - 1) as f64;
        let magnitude = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let noise = magnitude * reading.precision;
        let worst = (0..n).map(|i| (values[i] - values[0] - step * i as f64).abs()).fold(0.0, f64::max);
        if worst > (REGULAR * step.abs()).max(2.0 * noise) {
            return Ok(irregular(values, reading, bounds));
        }
        let step = snap_step(step, 2.0 * noise / (n - 1) as f64);
        let shift = if reading.lower_edges { 0.0 } else { 0.5 };
        // The middle of the axis is where noise of the ends matters least.
        let middle = (values[0] + values[n - 1]) / 2.0;
        let start = middle - step * ((n - 1) as f64 / 2.0 + shift);
        Ok(Axis::Regular { start: snap_edge(start, step, 2.0 * noise), step, len: n })
    }

    /// Whether it has no cells.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        match self {
            Axis::Regular { len, .. } => *len,
            Axis::Irregular { centres, .. } => centres.len(),
        }
    }

    /// Edge `i` (0 to the number of cells) in coordinate units.
    pub fn edge(&self, i: usize) -> f64 {
        match self {
            Axis::Regular { start, step, .. } => start + step * i as f64,
            Axis::Irregular { edges, .. } => edges[i],
        }
    }

    /// Coordinate of a fractional cell number.
    pub fn value(&self, at: f64) -> f64 {
        match self {
            Axis::Regular { start, step, .. } => start + step * at,
            Axis::Irregular { centres, edges } => {
                let n = centres.len();
                if at <= 0.5 {
                    return edges[0] + (centres[0] - edges[0]) * at * 2.0;
                }
                if at >= n as f64 - 0.5 {
                    return centres[n - 1] + (edges[n] - centres[n - 1]) * (at - n as f64 + 0.5) * 2.0;
                }
                let i = ((at - 0.5) as usize).min(n - 2);
                centres[i] + (centres[i + 1] - centres[i]) * (at - 0.5 - i as f64)
            }
        }
    }

    /// Fractional cell number of a coordinate; linear between centres, so halfway between two is their common edge.
    pub fn position(&self, value: f64) -> f64 {
        match self {
            Axis::Regular { start, step, .. } => (value - start) / step,
            Axis::Irregular { centres, edges } => {
                let n = centres.len();
                let ascending = centres[1] > centres[0];
                let beyond = |c: &f64| if ascending { *c <= value } else { *c >= value };
                let i = centres.partition_point(beyond);
                match i {
                    _ if value.is_nan() => f64::NAN,
                    0 => 0.5 * (value - edges[0]) / (centres[0] - edges[0]),
                    i if i == n => {
                        n as f64 - 0.5 + 0.5 * (value - centres[n - 1]) / (edges[n] - centres[n - 1])
                    }
                    i => i as f64 - 0.5 + (value - centres[i - 1]) / (centres[i] - centres[i - 1]),
                }
            }
        }
    }

    /// First and last edge in ascending order.
    pub fn extent(&self) -> (f64, f64) {
        let (a, b) = (self.edge(0), self.edge(self.len()));
        (a.min(b), a.max(b))
    }

    /// Typical size of a cell.
    pub fn cell(&self) -> f64 {
        let (a, b) = self.extent();
        (b - a) / self.len() as f64
    }

    /// Whether values grow with cell numbers.
    pub fn ascends(&self) -> bool {
        self.edge(self.len()) > self.edge(0)
    }
}

/// Longitudes without jumps of a turn.
fn unwrapped(values: &[f64]) -> Vec<f64> {
    let mut turn = 0.0;
    let mut out = Vec::with_capacity(values.len());
    for (i, &v) in values.iter().enumerate() {
        if i > 0 {
            let jump: f64 = v - values[i - 1];
            if jump.abs() > 180.0 {
                turn -= 360.0 * jump.signum();
            }
        }
        out.push(v + turn);
    }
    out
}

fn irregular(values: Vec<f64>, reading: Reading, bounds: Option<&[f64]>) -> Axis {
    let n = values.len();
    if reading.lower_edges {
        let mut edges = values;
        edges.push(2.0 * edges[n - 1] - edges[n - 2]);
        let centres = edges.windows(2).map(|w| f64::midpoint(w[0], w[1])).collect();
        return Axis::Irregular { centres, edges };
    }
    let ascending = values[1] > values[0];
    let edges = bounds.and_then(|b| contiguous(b, n, ascending, &values)).unwrap_or_else(|| {
        let middle = values.windows(2).map(|w| f64::midpoint(w[0], w[1]));
        let first = values[0] - (values[1] - values[0]) / 2.0;
        let last = values[n - 1] + (values[n - 1] - values[n - 2]) / 2.0;
        std::iter::once(first).chain(middle).chain([last]).collect()
    });
    Axis::Irregular { centres: values, edges }
}

/// Edges from CF bounds, when they follow each other around the centres.
fn contiguous(bounds: &[f64], n: usize, ascending: bool, centres: &[f64]) -> Option<Vec<f64>> {
    if bounds.len() != 2 * n {
        return None;
    }
    let ordered = bounds.chunks_exact(2).map(|b| {
        let (low, high) = (b[0].min(b[1]), b[0].max(b[1]));
        if ascending { (low, high) } else { (high, low) }
    });
    let cells: Vec<(f64, f64)> = ordered.collect();
    let width = (cells[0].1 - cells[0].0).abs();
    let follow = cells.windows(2).all(|w| (w[0].1 - w[1].0).abs() <= 1e-3 * width);
    let around = cells.iter().zip(centres).all(|(c, v)| (c.0 - v) * (v - c.1) > 0.0);
    (follow && around).then(|| cells.iter().map(|c| c.0).chain([cells[n - 1].1]).collect())
}

/// A step within `noise` of a short decimal fraction or of one over an integer is that number.
fn snap_step(step: f64, noise: f64) -> f64 {
    let size = step.abs();
    for decimals in 0..=6 {
        let unit = 10f64.powi(decimals);
        let near = (size * unit).round() / unit;
        // Where the noise spans several such numbers, being near one means nothing.
        if near > 0.0 && (near - size).abs() <= noise && noise * unit < 0.1 {
            return near * step.signum();
        }
    }
    let inverse = (1.0 / size).round();
    if (1.0..=100_000.0).contains(&inverse)
        && (1.0 / inverse - size).abs() <= noise
        && noise * inverse * inverse < 0.1
    {
        return step.signum() / inverse;
    }
    step
}

/// An edge within `noise` of a whole number of half cells, or of a short decimal fraction, is there.
fn snap_edge(edge: f64, step: f64, noise: f64) -> f64 {
    let half = step.abs() / 2.0;
    let near = (edge / half).round() * half;
    if (near - edge).abs() <= noise && noise < 0.1 * half {
        return near;
    }
    for decimals in 0..=4 {
        let unit = 10f64.powi(decimals);
        let near = (edge * unit).round() / unit;
        if (near - edge).abs() <= noise && noise * unit < 0.1 {
            return near;
        }
    }
    edge
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(dtype: &DType, values: &[f64]) -> Reading {
        Reading::of(dtype, values)
    }

    #[test]
    fn single_precision_axes_are_snapped_to_the_grid_they_mean() {
        let lon: Vec<f64> = (0..3600).map(|i| f64::from((-179.95 + 0.1 * f64::from(i)) as f32)).collect();
        let axis = Axis::new(&lon, reading(&DType::F32, &lon), None).unwrap();
        assert_eq!(axis, Axis::Regular { start: -180.0, step: 0.1, len: 3600 });
        let lat: Vec<f64> = (0..1800).map(|i| f64::from((-89.95 + 0.1 * f64::from(i)) as f32)).collect();
        let axis = Axis::new(&lat, reading(&DType::F64, &lat), None).unwrap();
        assert_eq!(axis, Axis::Regular { start: -90.0, step: 0.1, len: 1800 });
        let third: Vec<f64> =
            (0..1080).map(|i| f64::from((-180.0 + (f64::from(i) + 0.5) / 3.0) as f32)).collect();
        let Axis::Regular { start, step, .. } =
            Axis::new(&third, reading(&DType::F32, &third), None).unwrap()
        else {
            panic!("regular")
        };
        assert_eq!((start, step), (-180.0, 1.0 / 3.0));
    }

    #[test]
    fn descending_and_irregular_axes_go_both_ways() {
        let values = [80.0, 75.0, 60.0, 50.0];
        let axis = Axis::new(&values, reading(&DType::F64, &values), None).unwrap();
        assert!(matches!(axis, Axis::Irregular { .. }) && !axis.ascends());
        for (at, value) in [(0.5, 80.0), (1.0, 77.5), (2.5, 60.0), (3.0, 55.0), (0.0, 82.5), (4.0, 45.0)] {
            assert!((axis.position(value) - at).abs() < 1e-12, "{value}");
            assert!((axis.value(at) - value).abs() < 1e-12, "{at}");
        }
    }

    #[test]
    fn longitudes_that_wrap_are_one_axis() {
        let values = [350.0, 355.0, 0.0, 5.0];
        let axis =
            Axis::new(&values, Reading { periodic: true, ..reading(&DType::F64, &values) }, None).unwrap();
        assert_eq!(axis, Axis::Regular { start: 347.5, step: 5.0, len: 4 });
    }

    #[test]
    fn lower_edges_start_the_axis() {
        let values = [-90.0, -85.0, -80.0];
        let axis =
            Axis::new(&values, Reading { lower_edges: true, ..reading(&DType::F64, &values) }, None).unwrap();
        assert_eq!(axis, Axis::Regular { start: -90.0, step: 5.0, len: 3 });
    }

    #[test]
    fn axes_that_turn_back_are_refused() {
        let values = [1.0, 2.0, 1.5];
        assert!(Axis::new(&values, reading(&DType::F64, &values), None).unwrap_err().contains("turn back"));
    }
}
