//! Where a granule is.

use harmony_ops::metadata::LongitudeSpan;

use super::{Outline, unwrap_box};

/// Polygons and lines where there are any, else the box.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Footprint {
    /// west, south, east, north; west > east crosses the antimeridian.
    pub bbox: Option<[f64; 4]>,
    /// Outer rings.
    pub polygons: Vec<Vec<[f64; 2]>>,
    pub lines: Vec<Vec<[f64; 2]>>,
}

/// Units per degree of stored positions: about a centimetre, and decimal fractions stay what they are.
const UNITS: f64 = 1e7;

impl Footprint {
    /// What the footprint covers.
    pub fn outlines(&self) -> Vec<Outline> {
        let rings = self.polygons.iter().filter_map(|r| Outline::ring(r));
        let all: Vec<Outline> = rings.chain(self.lines.iter().filter_map(|l| Outline::line(l))).collect();
        if all.is_empty() { self.bbox.and_then(Outline::of_box).into_iter().collect() } else { all }
    }

    /// The box, unwrapped; of the outlines where no box is given.
    pub fn bounds(&self) -> Option<[f64; 4]> {
        self.bbox.or_else(|| smallest_box(&self.outlines())).map(unwrap_box)
    }

    /// Packed polygons and lines: kind and number of points, then the points in units of 1e-7 degrees.
    pub fn pack(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (kind, list) in [(0u32, &self.polygons), (1, &self.lines)] {
            for points in list {
                let count = u32::try_from(points.len()).unwrap_or(u32::MAX) & 0x7fff_ffff;
                out.extend((count << 1 | kind).to_le_bytes());
                for v in points.iter().take(count as usize).flatten() {
                    // Saturates; longitudes beyond 214 degrees are not written by anything that makes footprints.
                    out.extend(((v * UNITS).round() as i32).to_le_bytes());
                }
            }
        }
        out
    }

    /// The reverse of [`Footprint::pack`]; what is cut short is left out.
    pub fn unpack(bbox: Option<[f64; 4]>, bytes: &[u8]) -> Self {
        let mut footprint = Footprint { bbox, ..Footprint::default() };
        let mut words = bytes.chunks_exact(4).map(|w| i32::from_le_bytes([w[0], w[1], w[2], w[3]]));
        while let Some(head) = words.next() {
            let head = head.cast_unsigned();
            let mut points = Vec::new();
            for _ in 0..head >> 1 {
                let (Some(x), Some(y)) = (words.next(), words.next()) else { break };
                points.push([f64::from(x) / UNITS, f64::from(y) / UNITS]);
            }
            if head & 1 == 0 { footprint.polygons.push(points) } else { footprint.lines.push(points) }
        }
        footprint
    }
}

/// The smallest box around outlines, the shorter way across the antimeridian.
pub fn smallest_box(outlines: &[Outline]) -> Option<[f64; 4]> {
    let mut span = LongitudeSpan::default();
    let (mut south, mut north, mut widest) = (f64::INFINITY, f64::NEG_INFINITY, 0.0f64);
    for outline in outlines {
        let [w, s, e, n] = outline.bounds();
        (south, north, widest) = (south.min(s), north.max(n), widest.max(e - w));
        // Every half degree between, so that no gap is seen where the outline is.
        let steps = ((e - w) / 0.5).ceil().clamp(1.0, 1440.0) as u32;
        for i in 0..=steps {
            span.add(w + (e - w) * f64::from(i) / f64::from(steps));
        }
    }
    if south > north {
        return None;
    }
    // One outline is exact: bins of a span turn 180 into -180.
    if let [one] = outlines {
        let [w, _, e, _] = one.bounds();
        let (w, e) =
            if e - w >= 360.0 { (-180.0, 180.0) } else { (w, if e > 180.0 { e - 360.0 } else { e }) };
        return Some([w, south, e, north]);
    }
    let (w, e) = span.span()?;
    let whole = (e - w).rem_euclid(360.0) >= 359.0 || widest >= 360.0;
    Some(if whole { [-180.0, south, 180.0, north] } else { [w, south, e, north] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_decimals() {
        let f = Footprint {
            bbox: Some([0.1, 0.2, 0.3, 0.4]),
            polygons: vec![vec![[0.1, 0.2], [179.123_456_7, -89.9], [-180.0, 90.0]]],
            lines: vec![vec![[1.0, 2.0]]],
        };
        assert_eq!(Footprint::unpack(f.bbox, &f.pack()), f);
        assert!(Footprint::unpack(None, &[9, 0, 0, 0, 1]).polygons.is_empty());
    }

    #[test]
    fn the_smallest_box_goes_the_short_way() {
        let of = |b: [f64; 4]| Outline::of_box(b).unwrap();
        assert_eq!(smallest_box(&[of([170.0, 0.0, -175.0, 5.0])]), Some([170.0, 0.0, -175.0, 5.0]));
        let two = smallest_box(&[of([170.0, 0.0, 175.0, 5.0]), of([-178.0, -1.0, -170.0, 2.0])]);
        assert_eq!(two, Some([170.0, -1.0, -170.0, 5.0]));
        assert_eq!(smallest_box(&[]), None);
        let halves = [of([-180.0, -90.0, 0.0, 90.0]), of([0.0, -90.0, 180.0, 90.0])];
        assert_eq!(smallest_box(&halves), Some([-180.0, -90.0, 180.0, 90.0]));
    }
}
