//! Bins of swath cells on the sphere: latitude bands, cut into cells of about the same width.
//!
//! The cells of a band that lie in a range of longitudes are one piece of memory, so a search reads a few short runs.

use rayon::prelude::*;

use super::cells::Cells;
use super::sphere::{self, Vec3};
use super::survey::Zone;

/// "No cell" among cell numbers.
pub const NONE: u32 = u32::MAX;

/// A swath cell: position relative to the index's origin on the unit sphere, and its number in the swath.
///
/// Relative positions keep single precision good to centimetres for a granule, half a metre for a whole orbit. All
/// indexes of a swath share its origin, so that distances don't depend on which one a cell is in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Point {
    pub x: f32,
    pub y: f32,
    pub z: f32,
    pub cell: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    /// Number of its first bin.
    pub first: u32,
    pub bins: u32,
    /// Bins per degree of longitude.
    pub scale: f64,
    /// One over the least cosine of a latitude in it.
    pub inverse_cos: f64,
}

/// Some cells of a swath, sorted by bin.
pub struct SwathIndex {
    pub(super) origin: Vec3,
    pub(super) points: Vec<Point>,
    /// Where each bin begins in `points`; one more than there are bins.
    pub(super) starts: Vec<u32>,
    pub(super) bands: Vec<Band>,
    /// Southern edge of the first band and height of all of them, degrees.
    pub(super) south: f64,
    pub(super) height: f64,
    /// One over the height.
    pub(super) per_height: f64,
    /// Western edge of all bands and their width, degrees eastwards.
    pub(super) west: f64,
    pub(super) span: f64,
}

/// Cells of a bin, where they fill their box of latitudes and longitudes.
const CELLS_PER_BIN: f64 = 2.0;
/// Cells that one task looks at.
const CHUNK: usize = 1 << 16;

/// Cells that an index is to be made of.
#[derive(Default)]
pub struct Gathered {
    lons: Vec<f64>,
    lats: Vec<f64>,
    cells: Vec<u32>,
}

impl Gathered {
    /// Adds those cells of a block that lie in a zone. `width`: columns of the swath.
    pub fn add(&mut self, cells: &Cells, zone: &Zone, width: usize) {
        let block = &cells.block;
        for (i, row) in block.rows.clone().enumerate() {
            let line = i * block.width()..(i + 1) * block.width();
            let places = cells.lons[line.clone()].iter().zip(&cells.lats[line]);
            // Numbers of cells fit: no swath has more.
            for (cell, (&lon, &lat)) in ((row * width + block.cols.start) as u32..).zip(places) {
                if zone.holds(lon, lat) {
                    self.lons.push(lon);
                    self.lats.push(lat);
                    self.cells.push(cell);
                }
            }
        }
    }

    pub fn len(&self) -> usize {
        self.cells.len()
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    pub fn clear(&mut self) {
        self.lons.clear();
        self.lats.clear();
        self.cells.clear();
    }
}

impl SwathIndex {
    /// Of gathered cells, relative to the origin of their swath. Returns `None` when there are none.
    pub fn build(gathered: &Gathered, origin: Vec3) -> Option<Self> {
        let around = Zone::around(&gathered.lons, &gathered.lats)?;
        // Rounding must not put the westernmost cell beyond the eastern end.
        let zone = Zone { west: around.west - 1e-9, span: (around.span + 2e-9).min(360.0), ..around };
        let mut index = Self::layout(&zone, gathered.len(), origin);
        index.sort(gathered);
        Some(index)
    }

    /// Of all cells of a swath that have a position. Returns `None` when there are none.
    pub fn of(cells: &Cells) -> Option<Self> {
        let (west, span) = narrowest(&cells.lons, &cells.lats)?;
        let around = Zone::around(&cells.lons, &cells.lats)?;
        let middle = sphere::unit(west + span * 0.5, (around.south + around.north) * 0.5);
        let mut gathered = Gathered::default();
        let everywhere = Zone { south: -90.0, north: 90.0, west: -180.0, span: 360.0 };
        gathered.add(cells, &everywhere, cells.block.width());
        Self::build(&gathered, middle)
    }

    /// Bands, and bins about as wide as they are high.
    fn layout(zone: &Zone, cells: usize, origin: Vec3) -> Self {
        // A single longitude still has a width.
        let span = zone.span.max(1e-6);
        let (sin_s, sin_n) = (sphere::sin_cos_deg(zone.south).0, sphere::sin_cos_deg(zone.north).0);
        let square_degrees = (span * (sin_n - sin_s).to_degrees()).max(1e-12);
        let high = zone.north - zone.south;
        let bins = cells.max(16) as f64;
        // Neither more bands than cells, nor bins so small that single precision could not tell them apart.
        let height = (CELLS_PER_BIN * square_degrees / bins).sqrt().max(high / bins).max(1e-5);
        let count = (high / height).floor() as usize + 1;
        let mut bands = Vec::with_capacity(count);
        let mut first = 0u32;
        for b in 0..count {
            let (lo, hi) = (zone.south + b as f64 * height, zone.south + (b + 1) as f64 * height);
            let widest = if lo <= 0.0 && hi >= 0.0 { 0.0 } else { lo.abs().min(hi.abs()).min(90.0) };
            let wide = (span * sphere::sin_cos_deg(widest).1 / height).clamp(1.0, 4.0 * bins);
            let n = wide.floor() as u32;
            let cos = sphere::sin_cos_deg(lo.abs().max(hi.abs()).min(90.0)).1;
            bands.push(Band {
                first,
                bins: n,
                scale: f64::from(n) / span,
                inverse_cos: 1.0 / cos.max(1e-12),
            });
            first += n;
        }
        SwathIndex {
            origin,
            points: vec![Point::default(); cells],
            starts: vec![0; first as usize + 1],
            bands,
            south: zone.south,
            height,
            per_height: 1.0 / height,
            west: zone.west,
            span,
        }
    }

    /// Number of the bin that holds a position.
    #[inline]
    fn bin(&self, lon: f64, lat: f64) -> u32 {
        let b = ((lat - self.south) * self.per_height) as usize;
        let band = &self.bands[b.min(self.bands.len() - 1)];
        band.first + band.column(self.eastwards(lon))
    }

    /// Degrees from the western edge, 0 … 360.
    #[inline]
    pub(super) fn eastwards(&self, lon: f64) -> f64 {
        let e = lon - self.west;
        if (0.0..360.0).contains(&e) { e } else { e.rem_euclid(360.0) }
    }

    /// Counting sort.
    fn sort(&mut self, gathered: &Gathered) {
        let places = || gathered.lons.iter().zip(&gathered.lats);
        let ids: Vec<u32> = places().map(|(&lon, &lat)| self.bin(lon, lat)).collect();
        for &id in &ids {
            self.starts[id as usize + 1] += 1;
        }
        let mut total = 0;
        for start in &mut self.starts {
            total += *start;
            *start = total;
        }
        let mut next = self.starts.clone();
        for ((&id, (&lon, &lat)), &cell) in ids.iter().zip(places()).zip(&gathered.cells) {
            let slot = &mut next[id as usize];
            self.points[*slot as usize] = point(self.origin, lon, lat, cell);
            *slot += 1;
        }
    }
}

impl Band {
    /// Column of a position `east` degrees from the western edge; beyond the eastern edge the last one.
    #[inline]
    pub(super) fn column(&self, east: f64) -> u32 {
        ((east * self.scale) as u32).min(self.bins - 1)
    }
}

#[inline]
fn point(origin: Vec3, lon: f64, lat: f64, cell: u32) -> Point {
    let v = sphere::sub(sphere::unit(lon, lat), origin);
    Point { x: v[0] as f32, y: v[1] as f32, z: v[2] as f32, cell }
}

/// Slots of a turn that occupancy is looked at in.
const SLOTS: usize = 7200;

/// Which longitudes are taken, to a twentieth of a degree.
pub struct Slots(Vec<bool>);

impl Slots {
    /// None are taken.
    pub fn none() -> Self {
        Slots(vec![false; SLOTS])
    }

    /// Takes the longitudes of all places on Earth; gives their number.
    pub fn take(&mut self, lons: &[f64], lats: &[f64]) -> usize {
        let width = 360.0 / SLOTS as f64;
        let mut count = 0;
        for (&lon, &lat) in lons.iter().zip(lats) {
            if sphere::is_position(lon, lat) {
                let lon = if (0.0..360.0).contains(&lon) { lon } else { lon.rem_euclid(360.0) };
                self.0[((lon / width) as usize).min(SLOTS - 1)] = true;
                count += 1;
            }
        }
        count
    }

    /// Takes what another one has taken.
    pub fn join(&mut self, other: &Slots) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    /// Western end and width in degrees of the narrowest interval around all that is taken; `None` when nothing is.
    pub fn narrowest(&self) -> Option<(f64, f64)> {
        let taken = &self.0;
        let width = 360.0 / SLOTS as f64;
        let first = taken.iter().position(|t| *t)?;
        // The longest run of empty slots, beginning after a taken one.
        let (mut run, mut longest, mut after) = (0, 0, first);
        for i in 1..=SLOTS {
            let at = (first + i) % SLOTS;
            if taken[at] {
                if run > longest {
                    (longest, after) = (run, at);
                }
                run = 0;
            } else {
                run += 1;
            }
        }
        let west = after as f64 * width;
        let span = (SLOTS - longest) as f64 * width;
        let west = if west + span > 360.0 || west >= 180.0 { west - 360.0 } else { west };
        Some((west, span))
    }
}

/// The narrowest interval of longitudes that holds all cells, to a twentieth of a degree: its western end and width
/// in degrees. `None` without a valid cell.
pub fn narrowest(lons: &[f64], lats: &[f64]) -> Option<(f64, f64)> {
    let part = |(lons, lats): (&[f64], &[f64])| {
        let mut slots = Slots::none();
        slots.take(lons, lats);
        slots
    };
    let parts = lons.par_chunks(CHUNK).zip(lats.par_chunks(CHUNK)).map(part);
    let joined = parts.reduce(Slots::none, |mut a, b| {
        a.join(&b);
        a
    });
    joined.narrowest()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_interval_may_cross_the_antimeridian() {
        let lons = [179.97, -179.97, 178.97, f64::NAN];
        let (west, span) = narrowest(&lons, &[0.0, 0.0, 0.0, 0.0]).unwrap();
        assert!((west - 178.95).abs() < 1e-9 && (span - 1.10).abs() < 1e-9, "{west} {span}");
        assert!(narrowest(&[f64::NAN], &[0.0]).is_none());
    }

    #[test]
    fn every_valid_cell_is_in_the_bin_of_its_position() {
        let lons: Vec<f64> = (0..5000).map(|i| 170.0 + f64::from(i % 100) * 0.2).collect();
        let mut lats: Vec<f64> = (0..5000).map(|i| -10.0 + f64::from(i / 100) * 0.4).collect();
        lats[17] = f64::NAN;
        let block = crate::project::Block::all([50, 100]);
        let index = SwathIndex::of(&Cells { block, lons: lons.clone(), lats: lats.clone() }).unwrap();
        assert_eq!(index.points.len(), 4999);
        let mut seen = vec![false; 5000];
        for (bin, range) in index.starts.windows(2).enumerate() {
            for p in &index.points[range[0] as usize..range[1] as usize] {
                assert_eq!(index.bin(lons[p.cell as usize], lats[p.cell as usize]) as usize, bin);
                seen[p.cell as usize] = true;
            }
        }
        assert_eq!(seen.iter().filter(|s| **s).count(), 4999);
        assert!(!seen[17]);
    }
}
