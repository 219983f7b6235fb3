//! The positions of a swath: read in pages when they are asked for.

use std::sync::{Arc, OnceLock};

use harmony_model::{
    ArraySource, DType, DimId, Geolocation, Granule, MemoryArray, Packing, ReadError, VarId,
};
use rayon::prelude::*;

use super::cells::Cells;
use super::sphere;
use super::survey::Survey;
use crate::error::OpError;
use crate::project::{Block, Cuts, Pages, PlaneAt, StripCache};

/// Cells at most: their numbers are kept in 32 bits.
const MAX_CELLS: u64 = u32::MAX as u64 - 1;
/// Centres of the cells of a swath or trajectory.
pub struct Swath {
    /// Rows and columns; a trajectory has one column.
    pub shape: [usize; 2],
    /// Axes of rows and columns; a trajectory has none of columns.
    pub dims: [Option<DimId>; 2],
    pub cuts: Cuts,
    lon: Coordinate,
    lat: Coordinate,
    survey: OnceLock<Arc<Survey>>,
}

/// Longitudes or latitudes.
struct Coordinate {
    stored: Pages,
    dtype: DType,
    packing: Packing,
    /// Which elements have a source.
    coverage: Option<Pages>,
}

impl Swath {
    /// The positions of a geolocation, read through the pages of `cache`; `None` when it is neither swath nor
    /// trajectory.
    ///
    /// # Errors
    /// When positions are not numbers, or have a shape that does not make a swath.
    pub fn open(
        granule: &Granule,
        geolocation: &Geolocation,
        cache: &StripCache,
    ) -> Result<Option<Arc<Self>>, OpError> {
        let (lat, lon, dims) = match geolocation {
            Geolocation::Swath { lat, lon, dims } => (*lat, *lon, [Some(dims[0]), Some(dims[1])]),
            Geolocation::Trajectory { lat, lon, dim } => (*lat, *lon, [Some(*dim), None]),
            _ => return Ok(None),
        };
        let len = |d: Option<DimId>| d.map_or(1, |d| granule.dim(d).len);
        if len(dims[0]).checked_mul(len(dims[1])).is_none_or(|n| n > MAX_CELLS) {
            let detail = format!(
                "the swath of '{}' has more than {MAX_CELLS} cells; subset it first",
                granule.var(lat).path
            );
            return Err(harmony_model::ModelError::Shape { file: granule.name.clone(), detail }.into());
        }
        let shape = [len(dims[0]) as usize, len(dims[1]) as usize];
        let cuts = Cuts::new(shape, chunk(granule, lat, dims));
        let coordinate = |v| Coordinate::new(granule, v, dims, cuts, cache);
        let (lat, lon) = (coordinate(lat)?, coordinate(lon)?);
        Ok(Some(Arc::new(Swath { shape, dims, cuts, lon, lat, survey: OnceLock::new() })))
    }

    /// Of positions in memory, in degrees, row-major.
    pub fn of(lons: &[f64], lats: &[f64], shape: [usize; 2], dims: [Option<DimId>; 2]) -> Self {
        let cuts = Cuts::new(shape, None);
        let coordinate = |values: &[f64]| Coordinate {
            stored: Pages {
                data: Arc::new(MemoryArray::of(&shape.map(|n| n as u64), values)),
                axes: 2,
                row_axis: 0,
                col_axis: Some(1),
                size: 8,
                cuts,
                array: 0,
                kept: None,
            },
            dtype: DType::F64,
            packing: Packing { scale: 1.0, offset: 0.0, fill: Vec::new(), unsigned: false },
            coverage: None,
        };
        Swath { shape, dims, cuts, lon: coordinate(lons), lat: coordinate(lats), survey: OnceLock::new() }
    }

    /// Number of cells.
    pub fn count(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// Whether it has one axis only.
    pub fn is_line(&self) -> bool {
        self.dims[1].is_none()
    }

    /// The positions of a block; NaN in both where one is missing or no place on Earth has it.
    ///
    /// # Errors
    /// What the file says.
    pub fn read(&self, block: &Block) -> Result<Cells, ReadError> {
        let (mut lons, mut lats) = (self.lon.read(block)?, self.lat.read(block)?);
        for (lon, lat) in lons.iter_mut().zip(&mut lats) {
            if !sphere::is_position(*lon, *lat) {
                (*lon, *lat) = (f64::NAN, f64::NAN);
            }
        }
        Ok(Cells { block: block.clone(), lons, lats })
    }

    /// Where its tiles are.
    ///
    /// # Errors
    /// What the file says.
    pub fn survey(&self) -> Result<&Survey, ReadError> {
        if let Some(survey) = self.survey.get() {
            return Ok(survey);
        }
        // Reading uses the thread pool: whoever waits for it could be waiting for himself.
        let survey = Arc::new(Survey::of(self)?);
        Ok(self.survey.get_or_init(|| survey))
    }

    /// All positions at once, for what can't do with less.
    ///
    /// # Errors
    /// What the file says.
    pub fn whole(&self) -> Result<Cells, ReadError> {
        let mut whole = Cells {
            block: Block::all(self.shape),
            lons: vec![f64::NAN; self.count()],
            lats: vec![f64::NAN; self.count()],
        };
        for page in self.cuts.pages() {
            let cells = self.read(&page)?;
            for row in page.rows.clone() {
                let from = (row - page.rows.start) * page.width()..(row - page.rows.start + 1) * page.width();
                let to = row * self.shape[1] + page.cols.start..row * self.shape[1] + page.cols.end;
                whole.lons[to.clone()].copy_from_slice(&cells.lons[from.clone()]);
                whole.lats[to].copy_from_slice(&cells.lats[from]);
            }
        }
        Ok(whole)
    }

    /// The positions of single cells, given by their numbers, in that order.
    ///
    /// # Errors
    /// What the file says.
    pub fn gather(&self, cells: &[usize]) -> Result<Vec<(f64, f64)>, ReadError> {
        let width = self.shape[1].max(1);
        let place = |cell: usize| (cell / width, cell % width);
        // Page by page, so that none is read twice.
        let mut order: Vec<(usize, usize, usize)> = cells
            .iter()
            .enumerate()
            .map(|(i, &cell)| {
                let (row, col) = place(cell);
                (self.cuts.page_of(row, col), self.cuts.tile_of(row, col), i)
            })
            .collect();
        order.par_sort_unstable();
        let mut out = vec![(f64::NAN, f64::NAN); cells.len()];
        for group in order.chunk_by(|a, b| a.1 == b.1) {
            let tile = self.read(&self.cuts.tile(group[0].1))?;
            for &(_, _, i) in group {
                let (row, col) = place(cells[i]);
                out[i] = tile.at(row, col);
            }
        }
        Ok(out)
    }
}

impl Coordinate {
    fn new(
        granule: &Granule,
        id: VarId,
        dims: [Option<DimId>; 2],
        cuts: Cuts,
        cache: &StripCache,
    ) -> Result<Self, ReadError> {
        let var = granule.var(id);
        let refuse =
            |why: String| ReadError::unsupported(&granule.name, format!("variable '{}'", var.path), why);
        let axis = |d: Option<DimId>| d.and_then(|d| var.dims.iter().position(|o| *o == d));
        let (row, col_axis) = (axis(dims[0]), axis(dims[1]));
        let Some(row_axis) = row.filter(|_| dims[1].is_none() || col_axis.is_some()) else {
            return Err(refuse("it does not lie on the axes of the swath".into()));
        };
        let shape = granule.shape(id);
        let beside = |(a, n): (usize, &u64)| *n == 0 && a != row_axis && Some(a) != col_axis;
        if shape.iter().enumerate().any(beside) {
            return Err(refuse("an axis beside those of the swath is empty".into()));
        }
        let packing = Packing::of(var);
        if packing.unpack(&var.dtype, &[]).is_none() {
            return Err(refuse(format!("it holds {}, not numbers", var.dtype.name())));
        }
        let pages = |data: Arc<dyn ArraySource>, size| {
            let kept = Some(cache.pages().clone());
            let axes = shape.len();
            let pages = Pages { data, axes, row_axis, col_axis, size, cuts, array: cache.register(), kept };
            cache.pages().reserve(pages.in_use(), 0);
            pages
        };
        Ok(Coordinate {
            coverage: var.data.coverage().map(|c| pages(c, 1)),
            stored: pages(var.data.clone(), var.dtype.size()),
            dtype: var.dtype.clone(),
            packing,
        })
    }

    fn read(&self, block: &Block) -> Result<Vec<f64>, ReadError> {
        // Of axes beside rows and columns the first index counts.
        let leading = vec![0; self.stored.axes];
        let plane = PlaneAt { leading: &leading, number: 0 };
        let mut bytes = vec![0; block.count() * self.stored.size];
        self.stored.read(plane, block, &mut bytes)?;
        let mut values = self.unpack(&bytes);
        if let Some(coverage) = &self.coverage {
            let mut covered = vec![0; values.len()];
            coverage.read(plane, block, &mut covered)?;
            values.iter_mut().zip(&covered).filter(|(_, c)| **c == 0).for_each(|(v, _)| *v = f64::NAN);
        }
        Ok(values)
    }

    fn unpack(&self, bytes: &[u8]) -> Vec<f64> {
        let plain = self.packing.is_identity() && self.packing.fill.is_empty();
        match self.dtype {
            // Most positions: without a question to each of them.
            DType::F32 if plain => {
                bytes.as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_ne_bytes(*b))).collect()
            }
            _ => self.packing.unpack(&self.dtype, bytes).unwrap_or_default(),
        }
    }
}

/// Rows and columns of the stored chunks of a variable.
fn chunk(granule: &Granule, id: VarId, dims: [Option<DimId>; 2]) -> Option<[usize; 2]> {
    let var = granule.var(id);
    let chunk = var.storage.chunk_shape()?;
    let along = |d: Option<DimId>| match d {
        Some(d) => usize::try_from(*chunk.get(var.dims.iter().position(|o| *o == d)?)?).ok(),
        None => Some(1),
    };
    Some([along(dims[0])?, along(dims[1])?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_may_stand_in_any_order_and_further_ones_are_looked_at_once() {
        let mut g = Granule::new("g", "test");
        let [y, x, t] = [("y", 2), ("x", 3), ("t", 1)].map(|(n, len)| g.add_dim(Granule::ROOT, n, len));
        let lat = Arc::new(MemoryArray::of(&[1, 2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 95.0]));
        let lon = Arc::new(MemoryArray::of(&[3, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]));
        let lat = g.add_var(Granule::ROOT, "lat", DType::F64, vec![t, y, x], lat);
        let lon = g.add_var(Granule::ROOT, "lon", DType::F64, vec![x, y], lon);
        let swath = Swath::open(&g, &Geolocation::Swath { lat, lon, dims: [y, x] }, &StripCache::new(0))
            .unwrap()
            .unwrap();
        assert_eq!(swath.shape, [2, 3]);
        let cells = swath.whole().unwrap();
        assert_eq!(cells.lons[..5], [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert!(cells.lats[5].is_nan() && cells.lons[5].is_nan());
        assert_eq!(swath.gather(&[4, 0, 4]).unwrap(), [(4.0, 4.0), (0.0, 0.0), (4.0, 4.0)]);
    }
}
