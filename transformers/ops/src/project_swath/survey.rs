//! Where the tiles of a swath are: what a search has to look at, found in one pass over the positions.

use harmony_model::ReadError;
use rayon::prelude::*;

use super::index::Slots;
use super::sphere::{self, Vec3};
use super::swath::Swath;

/// A part of the Earth between two latitudes and two longitudes, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zone {
    pub south: f64,
    pub north: f64,
    /// Western edge and width eastwards, 0 … 360.
    pub west: f64,
    pub span: f64,
}

impl Zone {
    /// Around positions; `None` when none of them is a place on Earth. It need not be the narrowest one.
    pub fn around(lons: &[f64], lats: &[f64]) -> Option<Zone> {
        let places = || lons.iter().zip(lats).filter(|(lon, lat)| sphere::is_position(**lon, **lat));
        let (&first, _) = places().next()?;
        let (mut south, mut north, mut back, mut on) = (f64::INFINITY, f64::NEG_INFINITY, 0.0f64, 0.0f64);
        for (&lon, &lat) in places() {
            (south, north) = (south.min(lat), north.max(lat));
            let east = sphere::wrap_180(lon - first);
            (back, on) = (back.min(east), on.max(east));
        }
        Some(Zone { south, north, west: first + back, span: on - back })
    }

    /// With all that lies up to `angle` degrees from it.
    pub fn widened(&self, angle: f64) -> Zone {
        /// Room for rounding, degrees.
        const SPARE: f64 = 1e-6;
        let angle = angle + SPARE;
        let (south, north) = (self.south - angle, self.north + angle);
        let farthest = self.south.abs().max(self.north.abs());
        let sine = angle.min(90.0).to_radians().sin() / farthest.to_radians().cos();
        // Around a pole, all longitudes are near.
        if angle + farthest >= 90.0 || sine >= 1.0 {
            return Zone { south, north, west: -180.0, span: 360.0 };
        }
        let across = sine.asin().to_degrees() + SPARE;
        Zone { south, north, west: self.west - across, span: (self.span + 2.0 * across).min(360.0) }
    }

    /// Whether it holds a position.
    #[inline]
    pub fn holds(&self, lon: f64, lat: f64) -> bool {
        self.south <= lat && lat <= self.north && self.eastwards(lon) <= self.span
    }

    /// Degrees from the western edge, 0 … 360.
    #[inline]
    pub fn eastwards(&self, lon: f64) -> f64 {
        let east = lon - self.west;
        if (0.0..360.0).contains(&east) { east } else { east.rem_euclid(360.0) }
    }

    /// Whether they have something in common.
    pub fn meets(&self, other: &Zone) -> bool {
        let beside = self.south <= other.north && other.south <= self.north;
        beside && (self.eastwards(other.west) <= self.span || other.eastwards(self.west) <= other.span)
    }
}

/// What one pass over the positions of a swath finds.
pub struct Survey {
    /// Where each tile is; `None` for tiles without a position.
    zones: Vec<Option<Zone>>,
    /// Where the swath is, longitudes to a twentieth of a degree; `None` when no cell has a position.
    pub zone: Option<Zone>,
    /// Cells that have a position.
    pub valid: usize,
}

impl Survey {
    /// # Errors
    /// What the file says.
    pub fn of(swath: &Swath) -> Result<Self, ReadError> {
        let pages: Vec<_> = swath.cuts.pages().collect();
        let page = |block: &crate::project::Block| {
            let cells = swath.read(block)?;
            let mut slots = Slots::none();
            let valid = slots.take(&cells.lons, &cells.lats);
            let zones = tiles_of(swath, &cells);
            Ok((slots, valid, zones))
        };
        let mut zones = vec![None; swath.cuts.tiles()];
        let (mut slots, mut valid) = (Slots::none(), 0);
        for part in pages.chunks(4 * rayon::current_num_threads()) {
            let found: Vec<_> = part.par_iter().map(page).collect::<Result<_, ReadError>>()?;
            for (taken, n, tiles) in found {
                slots.join(&taken);
                valid += n;
                tiles.into_iter().for_each(|(tile, zone)| zones[tile] = zone);
            }
        }
        let (south, north) = zones
            .iter()
            .flatten()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(s, n), z: &Zone| (z.south.min(s), z.north.max(n)));
        let zone = slots.narrowest().map(|(west, span)| Zone { south, north, west, span });
        Ok(Survey { zones, zone, valid })
    }

    /// Numbers of the tiles that have to do with a zone.
    pub fn tiles_in(&self, zone: &Zone) -> impl Iterator<Item = usize> {
        let meets = |(i, z): (usize, &Option<Zone>)| z.is_some_and(|z| z.meets(zone)).then_some(i);
        self.zones.iter().enumerate().filter_map(meets)
    }

    /// What positions are relative to where single precision has to do: the middle of the swath.
    pub fn origin(&self) -> Vec3 {
        self.zone.map_or([0.0; 3], |z| sphere::unit(z.west + z.span * 0.5, (z.south + z.north) * 0.5))
    }
}

/// Where the tiles of a page are.
fn tiles_of(swath: &Swath, page: &super::cells::Cells) -> Vec<(usize, Option<Zone>)> {
    let (cuts, block) = (&swath.cuts, &page.block);
    let mut out = Vec::new();
    let (mut lons, mut lats) = (Vec::new(), Vec::new());
    let mut row = block.rows.start;
    while row < block.rows.end {
        let mut col = block.cols.start;
        while col < block.cols.end {
            let number = cuts.tile_of(row, col);
            let tile = cuts.tile(number);
            lons.clear();
            lats.clear();
            for r in tile.rows.clone() {
                let from = (r - block.rows.start) * block.width() + tile.cols.start - block.cols.start;
                lons.extend_from_slice(&page.lons[from..from + tile.width()]);
                lats.extend_from_slice(&page.lats[from..from + tile.width()]);
            }
            out.push((number, Zone::around(&lons, &lats)));
            col = tile.cols.end;
        }
        row = cuts.rows.tile(cuts.rows.tile_of(row)).end;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_cross_the_antimeridian_and_reach_around_poles() {
        let zone = Zone::around(&[179.0, -179.5, f64::NAN, 178.0], &[1.0, 2.0, 0.0, 95.0]).unwrap();
        assert_eq!(zone, Zone { south: 1.0, north: 2.0, west: 179.0, span: 1.5 });
        assert!(zone.holds(-180.0, 1.5) && zone.holds(180.2, 1.0) && !zone.holds(178.9, 1.5));
        let wide = zone.widened(1.0);
        assert!(wide.holds(178.0, 0.5) && !wide.holds(177.9, 0.5) && wide.meets(&zone));
        assert_eq!(Zone { north: 89.5, ..zone }.widened(1.0).span, 360.0);
        assert!(!zone.meets(&Zone { west: 0.0, span: 178.9, ..zone }));
        assert!(zone.meets(&Zone { west: -179.6, span: 0.0, ..zone }));
        assert!(Zone::around(&[f64::NAN], &[0.0]).is_none());
    }

    #[test]
    fn every_cell_lies_in_the_zone_of_its_tile() {
        let place = |i: usize| (170.0 + (i % 150) as f64 * 0.2, -10.0 + (i / 150) as f64 * 0.4);
        let (lons, lats): (Vec<f64>, Vec<f64>) = (0..15_000).map(place).unzip();
        let swath = Swath::of(&lons, &lats, [100, 150], [None, None]);
        let survey = swath.survey().unwrap();
        assert_eq!(survey.valid, 15_000);
        assert_eq!(survey.zone.map(|z| (z.south, z.north)), Some((-10.0, 29.6)));
        for cell in (0..15_000).step_by(7) {
            let (lon, lat) = place(cell);
            let here = Zone { south: lat, north: lat, west: lon, span: 0.0 }.widened(0.0);
            let tile = swath.cuts.tile_of(cell / 150, cell % 150);
            assert!(survey.tiles_in(&here).any(|t| t == tile));
        }
    }
}
