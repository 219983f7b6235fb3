//! Files with 64-bit offsets (BigTIFF): the switch is tried with a limit of a few bytes instead of four gigabytes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use harmony_model::{Attribute, DType, Granule, MemoryArray, Window};

use super::{read, write};
use crate::io::open_local;
use crate::raster;
use crate::write::WriteOptions;

const ROWS: u64 = 700;
const COLUMNS: u64 = 900;

fn grid() -> Granule {
    let mut g = Granule::new("grid.nc", "netcdf4");
    let lat = g.add_dim(Granule::ROOT, "lat", ROWS);
    let lon = g.add_dim(Granule::ROOT, "lon", COLUMNS);
    for (dim, units, first, step) in [(lat, "degrees_north", 40.0, -0.05), (lon, "degrees_east", 10.0, 0.05)]
    {
        let (name, n) = (g.dim(dim).name.clone(), g.dim(dim).len);
        let axis: Vec<f64> = (0..n).map(|i| first + step * i as f64).collect();
        let id =
            g.add_var(Granule::ROOT, &name, DType::F64, vec![dim], Arc::new(MemoryArray::of(&[n], &axis)));
        g.vars[id.0].set_attr(Attribute::text("units", units));
    }
    let values: Vec<i16> = (0..ROWS * COLUMNS).map(|i| (i * i % 30_011) as i16).collect();
    let data = Arc::new(MemoryArray::of(&[ROWS, COLUMNS], &values));
    g.add_var(Granule::ROOT, "v", DType::I16, vec![lat, lon], data);
    g
}

/// A file with 64-bit offsets from `classic` bytes on.
fn written(folder: &Path, classic: u64, cog: bool, compression: &str) -> PathBuf {
    let g = grid();
    let mut options = WriteOptions::default();
    options.encoding.compression = Some(compression.into());
    let rasters = raster::survey(&g, &options).unwrap().rasters;
    let target = folder.join(format!("{classic}_{cog}_{compression}.tif"));
    write::write_within(classic, &g, &rasters, cog, &target, &options).unwrap();
    target
}

fn values(path: &Path) -> (Vec<u8>, Vec<Vec<u64>>) {
    let g = read::open(&open_local(path).unwrap(), &[]).unwrap();
    let band = g.vars.iter().position(|v| v.dims.len() == 2).unwrap();
    let bytes = g.read(harmony_model::VarId(band), &Window::all(&[ROWS, COLUMNS])).unwrap();
    let overviews = g.vars[band].data.overviews().unwrap();
    (bytes, overviews.into_iter().map(|o| o.shape).collect())
}

#[test]
fn beyond_the_limit_files_have_wide_offsets_and_the_same_values() {
    let folder = tempfile::tempdir().unwrap();
    for (cog, compression) in [(false, "none"), (false, "deflate"), (true, "none"), (true, "zstd")] {
        let small = written(folder.path(), u64::from(u32::MAX), cog, compression);
        let large = written(folder.path(), 1000, cog, compression);
        assert_eq!(&std::fs::read(&small).unwrap()[..4], b"II*\0");
        // Version 43, offsets of eight bytes.
        assert_eq!(&std::fs::read(&large).unwrap()[..8], b"II+\0\x08\0\0\0");
        assert!(values(&small) == values(&large), "cog {cog}, {compression}");
        assert_eq!(values(&large).1.len(), usize::from(cog));
        if let Ok(g) = crate::gdal::open(&open_local(&large).unwrap(), &Default::default()) {
            let id = g.var_ids().find(|v| g.var(*v).dims.len() == 2).unwrap();
            assert!(g.read(id, &Window::all(&[ROWS, COLUMNS])).unwrap() == values(&large).0);
        }
    }
}
