use harmony_model::{Granule, MemoryArray, Request};

use super::*;

/// A granule like SPL2SMP: four samples, two of them in one cell, and a variable of three layers.
fn granule() -> Granule {
    let mut g = Granule::new("SMAP_L2_SM_P.h5", "test");
    g.groups[0].attrs.push(Attribute::text("short_name", "SPL2SMP"));
    let group = g.add_group(Granule::ROOT, "Soil_Moisture_Retrieval_Data");
    let n = g.add_dim(group, "samples", 4);
    let layers = g.add_dim(group, "layers", 3);
    let mut floats = |name: &str, values: &[f32]| {
        let id = g.add_var(group, name, DType::F32, vec![n], Arc::new(MemoryArray::of(&[4], values)));
        g.vars[id.0].attrs.push(Attribute::numbers("_FillValue", &[-9999f32]));
        id
    };
    let lat = floats("latitude", &[84.0, 10.0, 10.0, 0.0]);
    let lon = floats("longitude", &[-179.0, 20.0, 20.0, 90.0]);
    floats("soil_moisture", &[0.1, 0.2, 0.3, 0.4]);
    g.vars[lat.0].attrs.push(Attribute::text("units", "degrees_north"));
    g.vars[lon.0].attrs.push(Attribute::text("units", "degrees_east"));
    for (name, values) in
        [("EASE_row_index", [0u16, 160, 160, 203]), ("EASE_column_index", [2, 535, 535, 723])]
    {
        g.add_var(group, name, DType::U16, vec![n], Arc::new(MemoryArray::of(&[4], &values)));
    }
    let values: Vec<i16> = (0..12).collect();
    g.add_var(group, "landcover", DType::I16, vec![n, layers], Arc::new(MemoryArray::of(&[4, 3], &values)));
    let texts = Arc::new(MemoryArray::of_texts(&[4], vec![b"a".to_vec(); 4]));
    g.add_var(group, "tb_time_utc", DType::String, vec![n], texts);
    g
}

fn apply(edit: impl FnOnce(&mut Request)) -> Option<Transformed> {
    let mut request = Request::default();
    edit(&mut request);
    let scene = Scene::new(Arc::new(granule()), Arc::new(request)).unwrap();
    GridIndexed.select(&scene).unwrap()?;
    Some(GridIndexed.apply(&scene).unwrap())
}

#[test]
fn samples_go_into_their_cells() {
    let done = apply(|r| r.target.crs = Some(Crs::wgs84())).unwrap();
    let g = &done.granule;
    let path = |name: &str| format!("/Soil_Moisture_Retrieval_Data/{name}");
    let id = g.find_var(&path("soil_moisture")).unwrap();
    assert_eq!(g.shape(id), [406, 964]);
    let values = g.read_all_physical(id).unwrap();
    assert_eq!(values.iter().filter(|v| !v.is_nan()).count(), 3);
    assert_eq!((values[2], values[160 * 964 + 535]), (f64::from(0.1f32), f64::from(0.3f32)));
    let layered = g.find_var(&path("landcover")).unwrap();
    assert_eq!(g.shape(layered), [3, 406, 964]);
    assert_eq!(g.var(layered).attr_f64("_FillValue"), Some(f64::from(i16::MAX)));
    assert_eq!(g.read_all_physical(layered).unwrap()[406 * 964 + 203 * 964 + 723], 10.0);
    let x = g.read_all_physical(g.find_var(&path("x-dim")).unwrap()).unwrap();
    assert!((x[0] - (-17_367_530.445_161_5 + 36_032.220_840_584 / 2.0)).abs() < 1e-6);
    let crs = g.var(g.find_var(&path("crs")).unwrap());
    assert!(crs.attr_text("proj").is_some_and(|p| p.contains("cea")));
    assert!(g.find_var(&path("tb_time_utc")).is_none());
    assert!(done.notices.iter().any(|n| n.contains("1 samples share a cell")), "{:?}", done.notices);
    assert!(done.notices.iter().any(|n| n.contains("tb_time_utc")));
}

#[test]
fn other_grids_are_left_to_others() {
    assert!(apply(|r| r.target.crs = Some(Crs::parse("EPSG:3413").unwrap())).is_none());
    assert!(apply(|r| r.target.width = Some(10)).is_none());
    assert!(apply(|_| {}).is_none());
    assert!(apply(|r| r.target.grid = Some("EASE2_M36km".into())).is_some());
    assert!(apply(|r| r.target.grid = Some("EASE2_M09km".into())).is_none());
    assert!(apply(|r| r.target.crs = Some(Crs::parse("EPSG:6933").unwrap())).is_some());
}
