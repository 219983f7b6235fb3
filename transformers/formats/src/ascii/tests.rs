//! ASCII grids and tables of small granules made by hand.

use std::sync::Arc;

use harmony_model::{Attribute, DType, Granule, MemoryArray};

use super::Ascii;
use crate::registry::Format;
use crate::write::WriteOptions;

/// Two planes of two ascending latitudes and three longitudes, packed, with a hole.
fn grid() -> Granule {
    let mut g = Granule::new("grid.nc", "test");
    let mut dims = vec![g.add_dim(Granule::ROOT, "level", 2)];
    for (name, units, values) in
        [("lat", "degrees_north", vec![0.0f64, 1.0]), ("lon", "degrees_east", vec![10.0, 12.0, 14.0])]
    {
        let n = values.len() as u64;
        let dim = g.add_dim(Granule::ROOT, name, n);
        let id =
            g.add_var(Granule::ROOT, name, DType::F64, vec![dim], Arc::new(MemoryArray::of(&[n], &values)));
        g.vars[id.0].set_attr(Attribute::text("units", units));
        dims.push(dim);
    }
    let values: Vec<i16> = (0..12).collect();
    let id = g.add_var(Granule::ROOT, "v", DType::I16, dims, Arc::new(MemoryArray::of(&[2, 2, 3], &values)));
    g.vars[id.0].set_attr(Attribute::numbers("_FillValue", &[7i16]));
    g.vars[id.0].set_attr(Attribute::numbers("scale_factor", &[0.5f64]));
    g
}

fn written(g: Granule) -> Vec<(Option<String>, &'static str, String)> {
    let dir = tempfile::tempdir().unwrap();
    let options = WriteOptions::default();
    let target = dir.path().join("out");
    let write = |part: &crate::registry::Part| {
        Ascii.write(part, &target, &options).unwrap();
        (part.label.clone(), part.extension, std::fs::read_to_string(&target).unwrap())
    };
    Ascii.parts(g, &options).unwrap().iter().map(write).collect()
}

#[test]
fn every_plane_is_a_grid_with_the_northern_row_first() {
    let files = written(grid());
    assert_eq!(files.len(), 2);
    let expected = "ncols 3\nnrows 2\nxllcorner 9.0\nyllcorner -0.5\ndx 2.0\ndy 1.0\nNODATA_value -9999\n\
                    4.5 5 5.5\n3 -9999 4\n";
    assert_eq!(files[1], (Some("v_2".into()), "asc", expected.into()));
    assert!(files[0].2.ends_with("1.5 2 2.5\n0 0.5 1\n"), "{}", files[0].2);
}

#[test]
fn what_is_no_grid_is_a_table_with_tabs() {
    let files = written(crate::table::tests::granule());
    assert_eq!(files.len(), 2);
    assert_eq!(files[0].1, "txt");
    assert!(files[0].2.starts_with("time\tx\tlat\tlon\t/product/v\t/product/w\n2020-01-01T00:00:00Z\t0\t"));
}
