//! The outline of a swath: polygons around stretches of it, short enough to have a plain form on a map.

/// Positions across one row, from edge to edge, lon and lat.
pub type Row = [[f64; 2]; 5];

/// Along the track, in degrees of arc: distance of corners, length of a polygon, and what is a gap.
const CORNER: f64 = 4.0;
const LENGTH: f64 = 30.0;
const GAP: f64 = 12.0;

/// Rows that reach further round than this belong to a grid over the whole Earth.
const ROUND: f64 = 300.0;

/// Outer rings, counter-clockwise; none when rows go round the Earth or there are none.
pub fn outline(rows: &[Row]) -> Vec<Vec<[f64; 2]>> {
    if rows.iter().any(|r| across(r) >= ROUND) {
        return Vec::new();
    }
    let mut rings = Vec::new();
    let mut piece: Vec<&Row> = Vec::new();
    let (mut since_corner, mut length) = (0.0, 0.0);
    let mut before: Option<&Row> = None;
    for row in rows {
        let way = before.map_or(0.0, |b| arc(b[2], row[2]));
        if way > GAP {
            // The last row before a gap is a corner too.
            close(&mut piece, before, &mut rings);
            piece.push(row);
            (since_corner, length) = (0.0, 0.0);
        } else {
            (since_corner, length) = (since_corner + way, length + way);
            if before.is_none() || since_corner >= CORNER {
                piece.push(row);
                since_corner = 0.0;
            }
            if length >= LENGTH {
                close(&mut piece, Some(row), &mut rings);
                piece.push(row);
                (since_corner, length) = (0.0, 0.0);
            }
        }
        before = Some(row);
    }
    if length > 0.0 || rings.is_empty() {
        close(&mut piece, before, &mut rings);
    }
    rings
}

/// Ends a polygon at `last`.
fn close(piece: &mut Vec<&Row>, last: Option<&Row>, rings: &mut Vec<Vec<[f64; 2]>>) {
    let mut rows = std::mem::take(piece);
    let Some(last) = last else { return };
    if rows.last().is_none_or(|r| **r != *last) {
        rows.push(last);
    }
    let first = rows[0];
    let inner = rows.get(1..rows.len() - 1).unwrap_or_default();
    let mut ring: Vec<[f64; 2]> = first.to_vec();
    ring.extend(inner.iter().map(|r| r[4]));
    if rows.len() > 1 {
        ring.extend(last.iter().rev());
    }
    ring.extend(inner.iter().rev().map(|r| r[0]));
    ring.dedup();
    wind(&mut ring);
    rings.push(ring);
}

/// Makes a ring counter-clockwise as seen from outside the Earth.
pub fn wind(ring: &mut [[f64; 2]]) {
    let Some(outline) = crate::catalog::geo::Outline::ring(ring) else { return };
    if outline.area() < 0.0 {
        ring.reverse();
    }
}

/// Degrees of longitude from one end of a row to the other.
fn across(row: &Row) -> f64 {
    let step = |pair: &[[f64; 2]]| {
        let direct = pair[1][0] - pair[0][0];
        direct - 360.0 * (direct / 360.0).round()
    };
    row.windows(2).map(step).sum::<f64>().abs()
}

/// Degrees of arc between two places (haversine formula).
pub fn arc(a: [f64; 2], b: [f64; 2]) -> f64 {
    let (lat0, lat1) = (a[1].to_radians(), b[1].to_radians());
    let (dlat, dlon) = (lat1 - lat0, (b[0] - a[0]).to_radians());
    let h = (dlat / 2.0).sin().powi(2) + lat0.cos() * lat1.cos() * (dlon / 2.0).sin().powi(2);
    2.0 * h.clamp(0.0, 1.0).sqrt().asin().to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::geo::{Footprint, Region};

    fn row(lon: f64, lat: f64, half: f64) -> Row {
        let wrap = |x: f64| if x > 180.0 { x - 360.0 } else { x };
        [-1.0, -0.5, 0.0, 0.5, 1.0].map(|f| [wrap(lon + f * half), lat])
    }

    #[test]
    fn a_short_swath_is_one_ring_wound_counter_clockwise() {
        let rows: Vec<Row> = (0..=20).rev().map(|i| row(10.0, f64::from(i) * 0.5, 5.0)).collect();
        let rings = outline(&rows);
        assert_eq!(rings.len(), 1);
        assert_eq!(rings[0].len(), 14, "{rings:?}");
        let mut again = rings[0].clone();
        wind(&mut again);
        assert_eq!(again, rings[0]);
    }

    #[test]
    fn a_long_swath_across_the_antimeridian_is_pieces_that_touch() {
        let rows: Vec<Row> = (-140..=140).map(|i| row(179.0, f64::from(i) * 0.5, 5.0)).collect();
        let polygons = outline(&rows);
        assert!(polygons.len() >= 4, "{}", polygons.len());
        let footprint = Footprint { polygons, ..Footprint::default() };
        for lat in -69..69 {
            for lon in [175.0, 179.9, -177.0] {
                assert!(Region::of_point([lon, f64::from(lat)]).touches(&footprint), "{lon} {lat}");
            }
            assert!(!Region::of_point([0.0, f64::from(lat)]).touches(&footprint));
            assert!(!Region::of_point([-170.0, f64::from(lat)]).touches(&footprint));
        }
    }

    #[test]
    fn rows_round_the_earth_make_no_ring_and_gaps_end_one() {
        let round: Row = [[-180.0, 0.0], [-90.0, 0.0], [0.0, 0.0], [90.0, 0.0], [179.0, 0.0]];
        assert!(outline(&[round, round]).is_empty());
        let rows: Vec<Row> = [0.0, 1.0, 2.0, 40.0, 41.0].iter().map(|&lat| row(0.0, lat, 2.0)).collect();
        assert_eq!(outline(&rows).len(), 2);
        assert!(outline(&[]).is_empty());
        // One row is a line there and back.
        assert_eq!(outline(&rows[..1]).len(), 1);
    }
}
