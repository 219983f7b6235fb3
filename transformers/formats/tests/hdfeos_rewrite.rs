//! Structure texts of real HDF-EOS granules after a cut.
#![allow(clippy::unwrap_used)] // a test fails by it

use std::path::PathBuf;
use std::sync::Arc;

use harmony_formats::hdfeos::{Structure, grid_axes, rewrite, struct_metadata};
use harmony_formats::{OpenOptions, io, open};
use harmony_model::{Granule, MemoryArray};

fn shared(name: &str) -> Option<Granule> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = std::env::var_os("HARMONY_SHARED").map_or_else(default, PathBuf::from);
    let path = root.join("granules").join(name);
    if !path.is_file() {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    }
    Some(open(io::open_local(&path).unwrap(), &OpenOptions::default()).unwrap())
}

/// Keeps `len` indices from `start` of an axis that has coordinates.
fn cut(granule: &mut Granule, coordinate: &str, start: usize, len: usize) {
    let id = granule.find_var(coordinate).unwrap();
    let dim = granule.var(id).dims[0];
    let values = granule.read_stored(id).unwrap()[start..start + len].to_vec();
    granule.dims[dim.0].len = len as u64;
    granule.vars[id.0].data = Arc::new(MemoryArray::of(&[len as u64], &values));
}

#[test]
fn corners_of_a_cut_modis_grid_match_its_window() {
    let Some(mut granule) = shared("MOD09GA.A2008296.h14v17.006.2015181011753.hdf") else { return };
    let before = Structure::parse(&struct_metadata(&granule).unwrap());
    let at = before.grids.iter().position(|g| g.name == "MODIS_Grid_500m_2D").unwrap();
    let axes = grid_axes(&before.grids[at]).unwrap();
    cut(&mut granule, "/MODIS_Grid_500m_2D/YDim", 1000, 300);
    cut(&mut granule, "/MODIS_Grid_500m_2D/XDim", 50, 200);
    assert!(rewrite(&mut granule).unwrap().is_empty());
    let after = Structure::parse(&struct_metadata(&granule).unwrap());
    let grid = &after.grids[at];
    assert_eq!((grid.x_size, grid.y_size), (200, 300));
    let cut_axes = grid_axes(grid).unwrap();
    let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-3);
    assert!(near(&cut_axes.x, &axes.x[50..250]) && near(&cut_axes.y, &axes.y[1000..1300]));
    assert_eq!(grid.data_fields, before.grids[at].data_fields);
    // The grid that was not cut has not changed.
    assert_eq!(after.grids[1 - at], before.grids[1 - at]);
}

#[test]
fn an_uncut_granule_keeps_its_text() {
    for name in ["MLS-Aura_L2GP-IWC_v02-21-c02_2007d210.he5", "MOD05_L2.A2019336.2315.061.2019337071952.hdf"]
    {
        let Some(mut granule) = shared(name) else { return };
        let before = struct_metadata(&granule).unwrap();
        assert!(rewrite(&mut granule).unwrap().is_empty(), "{name}");
        assert_eq!(struct_metadata(&granule).unwrap(), before, "{name}");
    }
}

#[test]
fn granules_without_structure_are_left_alone() {
    for name in [
        "OMPS-NPP_NMNO2-L2_2017m0101t000532_o26838_2017m0309t171152.h5",
        "SC_SPL3SMP_009_prefetch.nc4",
        "SC_SPL3FTP_004_prefetch.nc4",
    ] {
        let Some(mut granule) = shared(name) else { continue };
        assert!(rewrite(&mut granule).unwrap().is_empty(), "{name}");
    }
}
