//! Thinned reads and physical values: what maps and statistics of large rasters need.

use harmony_model::dtype::{Number, number_bytes};
use harmony_model::{Granule, ReadError, Runs, with_numeric};

use super::Raster;

/// Evenly spaced indices of an axis: `first`, `first + step`, … (`count` of them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    pub first: u64,
    /// At least 1.
    pub step: u64,
    pub count: u64,
}

impl Steps {
    /// Whether all of them lie on an axis of `n` indices.
    fn fit(self, n: u64) -> bool {
        let Some(back) = self.count.checked_sub(1) else { return true };
        let last = back.checked_mul(self.step).and_then(|d| d.checked_add(self.first));
        self.step > 0 && last.is_some_and(|l| l < n)
    }

    /// The indices.
    pub fn indices(self) -> impl Iterator<Item = u64> {
        (0..self.count).map(move |i| self.first + i * self.step)
    }
}

impl Raster {
    /// Every `step`-th element of one band, north-up and from west to east, as [`Raster::read`] gives them. Stored
    /// chunks that hold none of them are not fetched.
    ///
    /// # Errors
    /// What the source says; [`ReadError::Unsupported`] when the indices leave the raster.
    pub fn read_every(
        &self,
        granule: &Granule,
        band: usize,
        rows: Steps,
        columns: Steps,
    ) -> Result<Vec<u8>, ReadError> {
        if rows.step == 1 && columns.step == 1 {
            let end = |s: Steps| s.first.saturating_add(s.count);
            return self.read(granule, band, rows.first..end(rows), columns.first..end(columns));
        }
        if self.bands.get(band).is_none() || !rows.fit(self.grid.ny) || !columns.fit(self.grid.nx) {
            let detail = format!("band {band}, rows {rows:?}, columns {columns:?} are not in the raster");
            return Err(ReadError::unsupported(&granule.name, format!("variable '{}'", self.path), detail));
        }
        let stored_rows = self.layout.row_order().runs(rows);
        let stored_columns = self.layout.column_order().runs(columns);
        self.read_runs(granule, band, stored_rows, stored_columns)
    }

    /// For each element of [`Raster::read_every`] 0 where it has no source; `None`: all have one.
    ///
    /// # Errors
    /// What the source says.
    pub fn covered_every(
        &self,
        granule: &Granule,
        band: usize,
        rows: Steps,
        columns: Steps,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let (rows, columns) = (self.layout.row_order().runs(rows), self.layout.column_order().runs(columns));
        self.covered_runs(granule, band, rows, columns)
    }

    /// Physical values of elements that [`Raster::read`] gave, NaN where there is none, appended to `out`. Single
    /// precision is enough for colours.
    pub fn physical(&self, bytes: &[u8], out: &mut Vec<f32>) {
        let (scale, offset) = (self.packing.scale, self.packing.offset);
        let plain = scale == 1.0 && offset == 0.0;
        with_numeric!(&self.dtype, T => {
            let missing = self.nodata.and_then(|v| number_bytes(&self.dtype, v)).map(|b| T::from_ne(&b));
            let elements = bytes.chunks_exact(std::mem::size_of::<T>()).map(T::from_ne);
            let value = |e: T| if plain { e.as_f64() as f32 } else { (e.as_f64() * scale + offset) as f32 };
            match missing {
                None => out.extend(elements.map(value)),
                Some(m) => out.extend(elements.map(|e| if e == m { f32::NAN } else { value(e) })),
            }
        }, else => ());
    }
}

/// How stored indices follow from those of the grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub n: u64,
    pub roll: u64,
    pub flip: bool,
}

impl Order {
    fn stored(self, index: u64) -> u64 {
        let at = (index + self.roll) % self.n.max(1);
        if self.flip { self.n - 1 - at } else { at }
    }

    /// In the order in which the elements are read, which is turned afterwards where the axis runs the other way.
    pub(super) fn runs(self, steps: Steps) -> Runs {
        let mut indices: Vec<u64> = steps.indices().map(|i| self.stored(i)).collect();
        if self.flip {
            indices.reverse();
        }
        Runs::from_indices(indices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_rolled_and_turned_axes() {
        let steps = Steps { first: 1, step: 3, count: 3 };
        let runs = |flip, roll| Order { n: 10, roll, flip }.runs(steps).indices().collect::<Vec<_>>();
        assert_eq!(runs(false, 0), [1, 4, 7]);
        assert_eq!(runs(false, 5), [6, 9, 2]);
        // 1, 4, 7 from the end are 8, 5, 2; read upwards.
        assert_eq!(runs(true, 0), [2, 5, 8]);
        assert!(steps.fit(8) && !steps.fit(7));
    }
}
