//! The same raster in fewer, larger cells.

use harmony_model::{Granule, Overview, ReadError, Storage};

use super::Raster;

impl Raster {
    /// Smaller versions that the file of a granule holds, from the largest to the smallest: each in a granule of its own
    /// that has nothing but its values. None of rasters whose stored columns begin elsewhere than the grid: they may not
    /// be cut at a border of the larger cells.
    ///
    /// # Errors
    /// When the file's list of them is damaged.
    pub fn overviews(&self, granule: &Granule) -> Result<Vec<(Granule, Raster)>, ReadError> {
        let [y, x] = self.grid_axes();
        if self.layout.row_order().roll != 0 || self.layout.column_order().roll != 0 {
            return Ok(Vec::new());
        }
        let own = granule.shape(self.var);
        let found = granule.var(self.var).data.overviews()?;
        let is_same = |o: &Overview| {
            let leading = |axis: &usize| *axis != y && *axis != x;
            o.shape.len() == own.len()
                && (0..own.len()).filter(leading).all(|axis| o.shape[axis] == own[axis])
        };
        Ok(found.into_iter().filter(is_same).map(|o| self.reduced(granule, o, [y, x])).collect())
    }

    fn reduced(&self, granule: &Granule, overview: Overview, [y, x]: [usize; 2]) -> (Granule, Raster) {
        let var = granule.var(self.var);
        let mut smaller = Granule::new(&granule.name, granule.format);
        let names = (0..overview.shape.len()).map(|axis| format!("axis {axis}"));
        let dims =
            names.zip(&overview.shape).map(|(name, &n)| smaller.add_dim(Granule::ROOT, &name, n)).collect();
        let id = smaller.add_var(Granule::ROOT, &var.name, var.dtype.clone(), dims, overview.data);
        if let Some(shape) = overview.chunk {
            smaller.vars[0].storage = Storage::Chunked { shape, filters: Vec::new() };
        }
        let mut raster = Raster { var: id, ..self.clone() };
        let (ny, nx) = (overview.shape[y], overview.shape[x]);
        raster.grid.dx *= raster.grid.nx as f64 / nx as f64;
        raster.grid.dy *= raster.grid.ny as f64 / ny as f64;
        (raster.grid.nx, raster.grid.ny) = (nx, ny);
        raster.layout.resize(ny, nx);
        (smaller, raster)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use harmony_model::{ArraySource, Attribute, DType, MemoryArray, Window};

    use super::*;
    use crate::write::WriteOptions;

    /// Four rows of eight cells, south to north, with one overview.
    struct Pyramid;

    impl ArraySource for Pyramid {
        fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
            MemoryArray::of(&[4, 8], &(0..32).collect::<Vec<u8>>()).read(window, out)
        }

        fn cost(&self, _: &Window) -> Result<u64, ReadError> {
            Ok(0)
        }

        fn overviews(&self) -> Result<Vec<Overview>, ReadError> {
            let data = Arc::new(MemoryArray::of(&[2, 4], &(100..108).collect::<Vec<u8>>()));
            Ok(vec![Overview { shape: vec![2, 4], chunk: Some(vec![1, 4]), data }])
        }
    }

    #[test]
    fn an_overview_lies_where_the_raster_does() {
        let mut g = Granule::new("g", "test");
        let mut dims = Vec::new();
        for (name, units, n, first) in
            [("lat", "degrees_north", 4usize, -15.0), ("lon", "degrees_east", 8, -35.0)]
        {
            let dim = g.add_dim(Granule::ROOT, name, n as u64);
            let values: Vec<f64> = (0..n).map(|i| first + 10.0 * i as f64).collect();
            let data = Arc::new(MemoryArray::of(&[n as u64], &values));
            let id = g.add_var(Granule::ROOT, name, DType::F64, vec![dim], data);
            g.vars[id.0].set_attr(Attribute::text("units", units));
            dims.push(dim);
        }
        g.add_var(Granule::ROOT, "v", DType::U8, dims, Arc::new(Pyramid));
        let raster = crate::raster::rasters(&g, &WriteOptions::default()).unwrap().remove(0);
        let smaller = raster.overviews(&g).unwrap();
        let [(granule, half)] = &smaller[..] else { panic!("{}", smaller.len()) };
        let grid = &half.grid;
        assert_eq!((grid.x0, grid.y0, grid.dx, grid.dy), (-40.0, 20.0, 20.0, -20.0));
        assert_eq!((grid.nx, grid.ny, half.rows_per_chunk(granule)), (4, 2, 1));
        // North is up in both.
        assert_eq!(raster.read(&g, 0, 0..1, 0..8).unwrap(), (24..32).collect::<Vec<u8>>());
        assert_eq!(half.read(granule, 0, 0..1, 0..4).unwrap(), [104, 105, 106, 107]);
    }
}
