//! Bins of swath cells on the sphere: latitude bands, cut into cells of about the same width.
//!
//! The cells of a band that lie in a range of longitudes are one piece of memory, so a search reads a few short runs.

use rayon::prelude::*;

use super::sphere::{self, Vec3};

/// "No cell" among cell numbers.
pub const NONE: u32 = u32::MAX;

/// A swath cell: position relative to the index's origin on the unit sphere, and its number in the swath.
///
/// Relative positions keep single precision good to centimetres for a granule, half a metre for a whole orbit.
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

/// The valid cells of a swath, sorted by bin.
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

/// Cells of a bin, where a swath fills its box of latitudes and longitudes.
const CELLS_PER_BIN: f64 = 2.0;
/// Cells that one task numbers at a time.
const CHUNK: usize = 1 << 16;

/// Latitudes and longitudes that the valid cells take.
struct Reach {
    south: f64,
    north: f64,
    west: f64,
    span: f64,
    valid: usize,
}

impl SwathIndex {
    /// Of cells at `lons`, `lats` in degrees, of equal length; cells without a position are left out.
    /// Returns `None` when no cell has one, or when there are more than a `u32` can number.
    pub fn build(lons: &[f64], lats: &[f64]) -> Option<Self> {
        if u32::try_from(lons.len()).ok()? == NONE || lons.len() != lats.len() {
            return None;
        }
        let reach = Reach::of(lons, lats)?;
        let mut index = Self::layout(&reach);
        let ids = index.number(lons, lats);
        index.sort(lons, lats, &ids);
        Some(index)
    }

    /// Number of valid cells.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Bands, and bins about as wide as they are high.
    fn layout(reach: &Reach) -> Self {
        let (sin_s, sin_n) = (sphere::sin_cos_deg(reach.south).0, sphere::sin_cos_deg(reach.north).0);
        let square_degrees = (reach.span * (sin_n - sin_s).to_degrees()).max(1e-12);
        let high = reach.north - reach.south;
        let bins = reach.valid.max(16) as f64;
        // Neither more bands than cells, nor bins so small that single precision could not tell them apart.
        let height = (CELLS_PER_BIN * square_degrees / bins).sqrt().max(high / bins).max(1e-5);
        let count = (high / height).floor() as usize + 1;
        let mut bands = Vec::with_capacity(count);
        let mut first = 0u32;
        for b in 0..count {
            let (lo, hi) = (reach.south + b as f64 * height, reach.south + (b + 1) as f64 * height);
            let widest = if lo <= 0.0 && hi >= 0.0 { 0.0 } else { lo.abs().min(hi.abs()).min(90.0) };
            let wide = (reach.span * sphere::sin_cos_deg(widest).1 / height).clamp(1.0, 4.0 * bins);
            let n = wide.floor() as u32;
            let cos = sphere::sin_cos_deg(lo.abs().max(hi.abs()).min(90.0)).1;
            bands.push(Band {
                first,
                bins: n,
                scale: f64::from(n) / reach.span,
                inverse_cos: 1.0 / cos.max(1e-12),
            });
            first += n;
        }
        let centre = sphere::unit(reach.west + reach.span * 0.5, (reach.south + reach.north) * 0.5);
        SwathIndex {
            origin: centre,
            points: vec![Point::default(); reach.valid],
            starts: vec![0; first as usize + 1],
            bands,
            south: reach.south,
            height,
            per_height: 1.0 / height,
            west: reach.west,
            span: reach.span,
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

    fn number(&self, lons: &[f64], lats: &[f64]) -> Vec<u32> {
        let mut ids = vec![NONE; lons.len()];
        let parts = ids.par_chunks_mut(CHUNK).zip(lons.par_chunks(CHUNK).zip(lats.par_chunks(CHUNK)));
        parts.for_each(|(ids, (lons, lats))| {
            for ((id, &lon), &lat) in ids.iter_mut().zip(lons).zip(lats) {
                if sphere::is_position(lon, lat) {
                    *id = self.bin(lon, lat);
                }
            }
        });
        ids
    }

    /// Counting sort. Each task owns a range of bins, counts and places the cells of that range in the order of the
    /// swath: the result does not depend on how many tasks there are.
    fn sort(&mut self, lons: &[f64], lats: &[f64], ids: &[u32]) {
        let ranges: Vec<(u32, u32)> = ids
            .par_chunks(CHUNK)
            .map(|part| {
                let valid = || part.iter().copied().filter(|&i| i != NONE);
                (valid().min().unwrap_or(NONE), valid().max().unwrap_or(0))
            })
            .collect();
        let bins = self.starts.len() - 1;
        let per_task = bins.div_ceil(2 * rayon::current_num_threads()).max(1024);
        // Chunks of the swath that have cells in a range of bins.
        let chunks = |lo: usize, hi: usize| {
            let meets = move |r: &(u32, u32)| (r.0 as usize) < hi && r.1 as usize >= lo;
            ranges.iter().enumerate().filter(move |(_, r)| meets(r)).map(|(c, _)| c * CHUNK)
        };
        self.starts[1..].par_chunks_mut(per_task).enumerate().for_each(|(task, counts)| {
            let lo = task * per_task;
            for at in chunks(lo, lo + counts.len()) {
                for &id in &ids[at..(at + CHUNK).min(ids.len())] {
                    if let Some(n) = counts.get_mut((id as usize).wrapping_sub(lo)) {
                        *n += 1;
                    }
                }
            }
        });
        let mut total = 0;
        for start in &mut self.starts {
            total += *start;
            *start = total;
        }
        let starts = &self.starts;
        let mut rest = self.points.as_mut_slice();
        let mut tasks = Vec::new();
        for lo in (0..bins).step_by(per_task) {
            let hi = (lo + per_task).min(bins);
            let (own, tail) = rest.split_at_mut((starts[hi] - starts[lo]) as usize);
            rest = tail;
            tasks.push((lo, hi, own));
        }
        let origin = self.origin;
        tasks.into_par_iter().for_each(|(lo, hi, own)| {
            let mut next: Vec<u32> = starts[lo..hi].iter().map(|s| s - starts[lo]).collect();
            for at in chunks(lo, hi) {
                for (i, &id) in ids[at..(at + CHUNK).min(ids.len())].iter().enumerate() {
                    let Some(slot) = next.get_mut((id as usize).wrapping_sub(lo)) else { continue };
                    let cell = at + i;
                    own[*slot as usize] = point(origin, lons[cell], lats[cell], cell as u32);
                    *slot += 1;
                }
            }
        });
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
pub(super) fn point(origin: Vec3, lon: f64, lat: f64, cell: u32) -> Point {
    let v = sphere::sub(sphere::unit(lon, lat), origin);
    Point { x: v[0] as f32, y: v[1] as f32, z: v[2] as f32, cell }
}

impl Reach {
    fn of(lons: &[f64], lats: &[f64]) -> Option<Self> {
        let (west, span) = narrowest(lons, lats)?;
        let part = |(lons, lats): (&[f64], &[f64])| {
            let mut reach = (f64::INFINITY, f64::NEG_INFINITY, 0usize);
            for (&lon, &lat) in lons.iter().zip(lats) {
                if sphere::is_position(lon, lat) {
                    reach = (reach.0.min(lat), reach.1.max(lat), reach.2 + 1);
                }
            }
            reach
        };
        let (south, north, valid) = lons
            .par_chunks(CHUNK)
            .zip(lats.par_chunks(CHUNK))
            .map(part)
            .reduce(|| (f64::INFINITY, f64::NEG_INFINITY, 0), |a, b| (a.0.min(b.0), a.1.max(b.1), a.2 + b.2));
        Some(Reach { south, north, west, span, valid })
    }
}

/// Slots of a turn that occupancy is looked at in.
const SLOTS: usize = 7200;

/// The narrowest interval of longitudes that holds all cells, to a twentieth of a degree: its western end and width
/// in degrees. `None` without a valid cell.
pub fn narrowest(lons: &[f64], lats: &[f64]) -> Option<(f64, f64)> {
    let width = 360.0 / SLOTS as f64;
    let taken = lons
        .par_chunks(CHUNK)
        .zip(lats.par_chunks(CHUNK))
        .map(|(lons, lats)| {
            let mut taken = vec![false; SLOTS];
            for (&lon, &lat) in lons.iter().zip(lats) {
                if sphere::is_position(lon, lat) {
                    let lon = if (0.0..360.0).contains(&lon) { lon } else { lon.rem_euclid(360.0) };
                    taken[((lon / width) as usize).min(SLOTS - 1)] = true;
                }
            }
            taken
        })
        .reduce(
            || vec![false; SLOTS],
            |mut a, b| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a |= b);
                a
            },
        );
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
        let index = SwathIndex::build(&lons, &lats).unwrap();
        assert_eq!(index.len(), 4999);
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
