//! The positions of a swath, read once.

use std::sync::Arc;

use harmony_model::{DimId, Geolocation, Granule, ReadError, Runs, VarId, Window};
use rayon::prelude::*;

use super::bilinear::Mesh;
use super::sphere;
use crate::error::OpError;

/// Cells at most: their numbers are kept in 32 bits.
const MAX_CELLS: u64 = u32::MAX as u64 - 1;

/// Centres of the cells of a swath or trajectory, row-major; NaN where a position is missing.
pub struct Swath {
    pub lons: Vec<f64>,
    pub lats: Vec<f64>,
    /// Rows and columns; a trajectory has one column.
    pub shape: [usize; 2],
    /// Axes of rows and columns; a trajectory has none of columns.
    pub dims: [Option<DimId>; 2],
}

impl Swath {
    /// Reads the positions of a geolocation; `None` when it is neither swath nor trajectory.
    ///
    /// # Errors
    /// When positions can't be read, are not numbers, or have a shape that does not make a swath.
    pub fn read(granule: &Granule, geolocation: &Geolocation) -> Result<Option<Arc<Self>>, OpError> {
        let (lat, lon, dims) = match geolocation {
            Geolocation::Swath { lat, lon, dims } => (*lat, *lon, [Some(dims[0]), Some(dims[1])]),
            Geolocation::Trajectory { lat, lon, dim } => (*lat, *lon, [Some(*dim), None]),
            _ => return Ok(None),
        };
        let len = |d: Option<DimId>| d.map_or(1, |d| granule.dim(d).len);
        let cells = len(dims[0]).checked_mul(len(dims[1])).filter(|n| *n <= MAX_CELLS);
        let Some(cells) = cells else {
            let detail = format!(
                "the swath of '{}' has more than {MAX_CELLS} cells; subset it first",
                granule.var(lat).path
            );
            return Err(harmony_model::ModelError::Shape { file: granule.name.clone(), detail }.into());
        };
        let shape = [len(dims[0]) as usize, len(dims[1]) as usize];
        let mut lats = positions(granule, lat, dims)?;
        let mut lons = positions(granule, lon, dims)?;
        debug_assert!(lats.len() as u64 == cells && lons.len() as u64 == cells);
        // One without the other is no position; nor is what no place on Earth has.
        lons.par_iter_mut().zip(lats.par_iter_mut()).with_min_len(1 << 14).for_each(|(lon, lat)| {
            if !sphere::is_position(*lon, *lat) {
                (*lon, *lat) = (f64::NAN, f64::NAN);
            }
        });
        Ok(Some(Arc::new(Swath { lons, lats, shape, dims })))
    }

    pub fn mesh(&self) -> Mesh<'_> {
        Mesh { lons: &self.lons, lats: &self.lats, cols: self.shape[1] }
    }

    /// Whether it has one axis only.
    pub fn is_line(&self) -> bool {
        self.dims[1].is_none()
    }
}

/// Physical values of a coordinate variable on rows and columns; of further axes the first index counts.
fn positions(granule: &Granule, id: VarId, dims: [Option<DimId>; 2]) -> Result<Vec<f64>, ReadError> {
    let var = granule.var(id);
    let axis = |d: Option<DimId>| d.and_then(|d| var.dims.iter().position(|o| *o == d));
    let (row, col) = (axis(dims[0]), axis(dims[1]));
    let shape = granule.shape(id);
    if row.is_none() || (dims[1].is_some() && col.is_none()) {
        let object = format!("variable '{}'", var.path);
        return Err(ReadError::unsupported(
            &granule.name,
            object,
            "it does not lie on the axes of the swath",
        ));
    }
    let window = Window(
        shape
            .iter()
            .enumerate()
            .map(
                |(a, &n)| {
                    if Some(a) == row || Some(a) == col { Runs::all(n) } else { Runs::range(0, n.min(1)) }
                },
            )
            .collect(),
    );
    let values = granule.read_physical(id, &window)?;
    let (rows, cols) = (dims[0].map_or(1, |d| granule.dim(d).len), dims[1].map_or(1, |d| granule.dim(d).len));
    if values.len() as u64 != rows * cols {
        let object = format!("variable '{}'", var.path);
        return Err(ReadError::unsupported(
            &granule.name,
            object,
            "an axis beside those of the swath is empty",
        ));
    }
    if col.is_some_and(|c| row.is_some_and(|r| c < r)) {
        return Ok(transposed(&values, cols as usize, rows as usize));
    }
    Ok(values)
}

/// Columns for rows.
fn transposed(values: &[f64], rows: usize, cols: usize) -> Vec<f64> {
    (0..cols).flat_map(|c| (0..rows).map(move |r| values[r * cols + c])).collect()
}

#[cfg(test)]
mod tests {
    use harmony_model::{DType, MemoryArray};

    use super::*;

    #[test]
    fn axes_may_stand_in_any_order_and_further_ones_are_looked_at_once() {
        let mut g = Granule::new("g", "test");
        let [y, x, t] = [("y", 2), ("x", 3), ("t", 1)].map(|(n, len)| g.add_dim(Granule::ROOT, n, len));
        let lat = Arc::new(MemoryArray::of(&[1, 2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 95.0]));
        let lon = Arc::new(MemoryArray::of(&[3, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]));
        let lat = g.add_var(Granule::ROOT, "lat", DType::F64, vec![t, y, x], lat);
        let lon = g.add_var(Granule::ROOT, "lon", DType::F64, vec![x, y], lon);
        let swath = Swath::read(&g, &Geolocation::Swath { lat, lon, dims: [y, x] }).unwrap().unwrap();
        assert_eq!(swath.shape, [2, 3]);
        assert_eq!(swath.lons[..5], [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert!(swath.lats[5].is_nan() && swath.lons[5].is_nan());
    }
}
