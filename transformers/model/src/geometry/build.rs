//! From the parts of a shape to checked, cut and grouped edges.

use crate::error::ModelError;
use crate::geometry::bbox::{Bbox, wrap_lon};
use crate::geometry::circle::{LARGEST_RADIUS_M, circle};
use crate::geometry::classify::{Classified, classify};
use crate::geometry::planar::{Edge, Ring, RingKind};
use crate::geometry::ring::{Cutter, Pole, Unwrapped};
use crate::geometry::shape::Part;

/// Longitudes beyond this are a mistake (swapped or projected coordinates), not a convention.
const LARGEST_LON_DEG: f64 = 540.0;

/// What the parts of a shape come to.
pub(crate) struct Built {
    pub edges: Vec<Edge>,
    pub rings: Vec<Ring>,
    /// For each ring whether it goes round the north and the south pole.
    pub poles: Vec<(bool, bool)>,
    pub bounds: Option<Bbox>,
}

/// Collects the parts of a shape.
pub(crate) struct Builder<'a> {
    file: &'a str,
    limit: usize,
    vertices: usize,
    polygons: u32,
    edges: Vec<Edge>,
    rings: Vec<Ring>,
    poles: Vec<(bool, bool)>,
    /// What the exteriors span: west to east (continuous), south to north.
    extents: Vec<[f64; 4]>,
}

impl<'a> Builder<'a> {
    pub fn new(file: &'a str, limit: usize) -> Self {
        let (edges, rings, poles, extents) = Default::default();
        Builder { file, limit, vertices: 0, polygons: 0, edges, rings, poles, extents }
    }

    fn error(&self, detail: String) -> ModelError {
        ModelError::Shape { file: self.file.into(), detail }
    }

    /// Adds one part; `index` counts them for messages.
    pub fn add(&mut self, index: usize, part: &Part) -> Result<(), ModelError> {
        let name = |what: &str| format!("{what} (part {})", index + 1);
        match part {
            Part::Polygon(rings) => {
                let checked = self.checked_rings(&name("polygon"), rings)?;
                self.add_polygon(checked, None);
            }
            Part::WoundRings(rings) => {
                let checked = self.checked_rings(&name("polygon"), rings)?;
                match classify(checked) {
                    Classified::Polygons(polygons) => {
                        polygons.into_iter().for_each(|p| self.add_polygon(p, None));
                    }
                    Classified::EvenOdd(rings) => self.add_even_odd(&rings),
                }
            }
            Part::Line(points) => {
                let points = self.checked(&name("line"), points)?;
                self.add_line(points);
            }
            Part::Point(point) => {
                let points = self.checked(&name("point"), &[*point])?;
                self.add_line(points);
            }
            Part::Circle { centre, radius_m } => {
                self.add_circle(&name("point with radius"), *centre, *radius_m)?
            }
        }
        Ok(())
    }

    pub fn finish(self) -> Built {
        let bounds = smallest_box(&self.extents);
        Built { edges: self.edges, rings: self.rings, poles: self.poles, bounds }
    }

    /// Checks every vertex.
    fn checked(&mut self, name: &str, points: &[[f64; 2]]) -> Result<Vec<[f64; 2]>, ModelError> {
        self.vertices += points.len();
        if self.vertices > self.limit {
            return Err(self.error(format!(
                "it has more than {} vertices, the limit; simplify the shape (for example ogr2ogr -simplify 0.001)",
                self.limit
            )));
        }
        for (i, &[lon, lat]) in points.iter().enumerate() {
            let wrong = if !(lon.is_finite() && lat.is_finite()) {
                "is not finite"
            } else if lat.abs() > 90.0 {
                "has its latitude outside -90…90; positions are longitude, latitude in degrees"
            } else if lon.abs() > LARGEST_LON_DEG {
                "has its longitude far outside -180…180; positions are longitude, latitude in degrees"
            } else {
                continue;
            };
            return Err(self.error(format!("{name}: vertex {} ({lon}, {lat}) {wrong}", i + 1)));
        }
        Ok(points.to_vec())
    }

    fn checked_rings(&mut self, name: &str, rings: &[Vec<[f64; 2]>]) -> Result<Vec<Unwrapped>, ModelError> {
        let mut out = Vec::with_capacity(rings.len());
        for (i, ring) in rings.iter().enumerate() {
            let mut points = self.checked(name, ring)?;
            points.dedup();
            while points.len() > 1 && points.first() == points.last() {
                points.pop();
            }
            if !has_three_distinct(&points) {
                return Err(self.error(format!(
                    "{name}: ring {} has fewer than 3 distinct points; a polygon needs at least 3",
                    i + 1
                )));
            }
            out.push(Unwrapped::new(points));
        }
        Ok(out)
    }

    /// The first ring is the exterior; `pole`: the pole inside it when that is known better than its vertices tell.
    fn add_polygon(&mut self, rings: Vec<Unwrapped>, pole: Option<Pole>) {
        for (i, ring) in rings.iter().enumerate() {
            let kind = if i == 0 { RingKind::Exterior } else { RingKind::Hole };
            let poles = self.add_edges(ring, pole, i == 0);
            self.rings.push(Ring { polygon: self.polygons, kind });
            self.poles.push(poles);
        }
        self.polygons += 1;
    }

    /// Rings of which any place is inside that an odd number of them holds.
    fn add_even_odd(&mut self, rings: &[Unwrapped]) {
        let mut poles = (false, false);
        for ring in rings {
            let (north, south) = self.add_edges(ring, None, true);
            poles = (poles.0 ^ north, poles.1 ^ south);
        }
        self.rings.push(Ring { polygon: self.polygons, kind: RingKind::Exterior });
        self.poles.push(poles);
        self.polygons += 1;
    }

    /// Cuts a ring into edges of the ring that is being made; says round which poles it goes.
    fn add_edges(&mut self, ring: &Unwrapped, pole: Option<Pole>, exterior: bool) -> (bool, bool) {
        let pole = if ring.turn == 0.0 { None } else { pole.or(ring.pole()) };
        let (north, south) = (pole == Some(Pole::North), pole == Some(Pole::South));
        let mut cutter = Cutter::new(0.0, self.rings.len() as u32);
        ring.edges().for_each(|(a, b)| cutter.push(a, b, &mut self.edges));
        cutter.finish(north, south, &mut self.edges);
        if exterior {
            let (lon, lat) = (ring.lon_range(), ring.lat_range());
            let lon = if pole.is_some() { (-180.0, 180.0) } else { lon };
            let (low, high) = (if south { -90.0 } else { lat.0 }, if north { 90.0 } else { lat.1 });
            self.extents.push([lon.0, low, lon.1, high]);
        }
        (north, south)
    }

    fn add_line(&mut self, points: Vec<[f64; 2]>) {
        let Some(&first) = points.first() else { return };
        let open = Unwrapped::new(points.clone());
        // A line is not closed: its way back is left out, and with it a turn.
        let line = if points.len() > 1 { open.vertices } else { vec![first, first] };
        let mut cutter = Cutter::new(0.0, self.rings.len() as u32);
        line.windows(2).for_each(|pair| cutter.push(pair[0], pair[1], &mut self.edges));
        self.rings.push(Ring { polygon: self.polygons, kind: RingKind::Line });
        self.poles.push((false, false));
        self.polygons += 1;
        let shape = Unwrapped { vertices: line, turn: 0.0 };
        let (lon, lat) = (shape.lon_range(), shape.lat_range());
        self.extents.push([lon.0, lat.0, lon.1, lat.1]);
    }

    fn add_circle(&mut self, name: &str, centre: [f64; 2], radius_m: f64) -> Result<(), ModelError> {
        let points = self.checked(name, &[centre])?;
        if radius_m == 0.0 {
            self.add_line(points);
            return Ok(());
        }
        if !(radius_m > 0.0 && radius_m <= LARGEST_RADIUS_M) {
            return Err(self.error(format!(
                "{name}: its radius is {radius_m}; it is in metres and must be between 0 and {LARGEST_RADIUS_M}"
            )));
        }
        let (mut ring, pole) = circle(centre, radius_m);
        self.vertices += ring.len();
        ring.dedup();
        // Below a micrometre all vertices are one.
        if has_three_distinct(&ring) {
            self.add_polygon(vec![Unwrapped::new(ring)], pole);
        } else {
            self.add_line(points);
        }
        Ok(())
    }
}

fn has_three_distinct(points: &[[f64; 2]]) -> bool {
    let Some(first) = points.first() else { return false };
    let Some(second) = points.iter().find(|p| *p != first) else { return false };
    points.iter().any(|p| p != first && p != second)
}

/// The smallest box around continuous extents: the complement of the widest gap of longitude.
fn smallest_box(extents: &[[f64; 4]]) -> Option<Bbox> {
    let south = extents.iter().map(|e| e[1]).reduce(f64::min)?;
    let north = extents.iter().map(|e| e[3]).reduce(f64::max)?;
    let globe = Bbox { south, north, ..Bbox::GLOBE };
    if extents.iter().any(|e| e[2] - e[0] >= 360.0) {
        return Some(globe);
    }
    let mut spans: Vec<(f64, f64)> = extents
        .iter()
        .map(|e| {
            let west = wrap_lon(e[0]);
            // An end that is not moved keeps its bits.
            (west, if west == e[0] { e[2] } else { e[2] + (west - e[0]) })
        })
        .collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut merged: Vec<(f64, f64)> = Vec::new();
    for (west, east) in spans {
        match merged.last_mut() {
            Some(last) if west <= last.1 => last.1 = last.1.max(east),
            _ => merged.push((west, east)),
        }
    }
    let first = *merged.first()?;
    let last = *merged.last()?;
    // The gap over the antimeridian, unless the last span reaches round to the first.
    let reach = merged.iter().map(|m| m.1).fold(f64::NEG_INFINITY, f64::max);
    let mut widest = (first.0 + 360.0 - reach, first.0, last.1);
    for pair in merged.windows(2) {
        // What reaches over the antimeridian covers the beginning again.
        let east = pair[0].1.max(reach - 360.0);
        let gap = pair[1].0 - east;
        if gap > widest.0 {
            widest = (gap, pair[1].0, east);
        }
    }
    let (gap, west, east) = widest;
    if gap <= 0.0 {
        return Some(globe);
    }
    let (west, east) = (wrap_lon(west), wrap_lon(east));
    Some(Bbox { west, south, east: if east == -180.0 && west != -180.0 { 180.0 } else { east }, north })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lons(extents: &[(f64, f64)]) -> (f64, f64) {
        let extents: Vec<_> = extents.iter().map(|e| [e.0, 0.0, e.1, 1.0]).collect();
        let b = smallest_box(&extents).unwrap();
        (b.west, b.east)
    }

    #[test]
    fn the_smallest_box_goes_the_shorter_way_round() {
        assert_eq!(lons(&[(10.0, 20.0), (-30.0, 5.0)]), (-30.0, 20.0));
        assert_eq!(lons(&[(170.0, 180.0), (-180.0, -170.0)]), (170.0, -170.0));
        assert_eq!(lons(&[(175.0, 186.0)]), (175.0, -174.0));
        assert_eq!(lons(&[(170.0, 180.0)]), (170.0, 180.0));
        assert_eq!(lons(&[(-180.0, -170.0)]), (-180.0, -170.0));
        assert_eq!(lons(&[(350.0, 370.0)]), (-10.0, 10.0));
        assert_eq!(lons(&[(-180.0, 180.0), (3.0, 4.0)]), (-180.0, 180.0));
        assert_eq!(lons(&[(-100.0, 0.0), (0.0, 100.0), (100.0, 260.0)]), (-180.0, 180.0));
        assert_eq!(lons(&[(100.0, 250.0), (-175.0, -170.0), (-50.0, 0.0)]), (100.0, 0.0));
        assert_eq!(lons(&[(180.0, 180.0)]), (-180.0, -180.0));
        assert!(smallest_box(&[]).is_none());
    }
}
