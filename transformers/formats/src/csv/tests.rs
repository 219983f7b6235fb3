//! CSV files of small granules made by hand.

use std::io::Read;
use std::sync::Arc;

use harmony_model::{Attribute, DType, Granule, MemoryArray};

use super::Csv;
use crate::registry::Format;
use crate::write::WriteOptions;

fn add(g: &mut Granule, name: &str, values: &[f32], dims: Vec<harmony_model::DimId>, attrs: &[(&str, &str)]) {
    let shape: Vec<u64> = dims.iter().map(|&d| g.dim(d).len).collect();
    let id = g.add_var(Granule::ROOT, name, DType::F32, dims, Arc::new(MemoryArray::of(&shape, values)));
    attrs.iter().for_each(|(n, v)| g.vars[id.0].set_attr(Attribute::text(n, v)));
}

/// What `average` leaves of IMERG's precipitation.
fn series() -> Granule {
    let mut g = Granule::new("imerg.nc4", "test");
    let time = g.add_dim(Granule::ROOT, "time", 3);
    add(&mut g, "time", &[0.0, 0.5, 1.0], vec![time], &[("units", "hours since 2021-08-29 07:30")]);
    let attrs = [("cell_methods", "time: mean area: mean")];
    add(&mut g, "precipitation", &[0.461_005_18, -9999.9, 0.394_190_16], vec![time], &attrs);
    g.vars[1].set_attr(Attribute::numbers("_FillValue", &[-9999.9f32]));
    for (name, value) in [
        ("ShortName", "GPM_3IMERGHH"),
        ("VersionID", "07"),
        ("userstartdate", "2021-08-29T07:30:00.000Z"),
        ("userenddate", "2021-08-29T09:30:00.000Z"),
        ("userbbox", "-110, 25, -78, 35"),
    ] {
        g.groups[0].attrs.push(Attribute::text(name, value));
    }
    g
}

fn written(g: Granule) -> (Vec<u8>, Option<String>, &'static str) {
    let dir = tempfile::tempdir().unwrap();
    let options = WriteOptions::default();
    let parts = Csv.parts(g, &options).unwrap();
    let target = dir.path().join("out");
    let report = Csv.write(&parts[0], &target, &options).unwrap();
    let bytes = std::fs::read(&target).unwrap();
    assert_eq!(report.bytes_written, bytes.len() as u64);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    (bytes, parts[0].stem.clone(), parts[0].extension)
}

#[test]
fn the_mean_over_area_of_one_variable_has_the_layout_of_giovanni() {
    let (bytes, stem, extension) = written(series());
    let expected = "User Start Date:,2021-08-29T07:30:00.000Z\n\
                    User End Date:,2021-08-29T09:30:00.000Z\n\
                    User Bounding Box:,\"-110, 25, -78, 35\"\n\
                    Fill Value:,-9999.900390625\n\
                    ,\n\
                    time,mean_GPM_3IMERGHH_07_precipitation\n\
                    2021-08-29T07:30:00,0.46100518\n\
                    2021-08-29T08:00:00,-9999.9\n\
                    2021-08-29T08:30:00,0.39419016";
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    let name = "GIOVANNI-areaAvgTimeSeries.precipitation.20210829-20210829.110W_25N_78W_35N";
    assert_eq!((stem.as_deref(), extension), (Some(name), "csv"));
}

#[test]
fn several_tables_are_an_archive_that_says_what_it_holds() {
    let (bytes, stem, extension) = written(crate::table::tests::granule());
    assert_eq!((stem, extension), (None, "zip"));
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let names: Vec<String> = archive.file_names().map(|n| n.unwrap().into_owned()).collect();
    let expected = ["made.nc-0_reformatted.csv", "made.nc-1_reformatted.csv", "Readme.md", "Readme.json"];
    assert_eq!(names, expected);
    let mut text = String::new();
    archive.by_name("Readme.json").unwrap().read_to_string(&mut text).unwrap();
    let readme: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(readme["tables"][0]["dimensions"]["time"], 2);
    assert_eq!(readme["tables"][0]["variables"][1]["path"], "/product/w");
}

#[test]
fn too_many_rows_are_refused_with_their_number() {
    let mut g = Granule::new("big.nc", "test");
    let dims = vec![g.add_dim(Granule::ROOT, "y", 100_000), g.add_dim(Granule::ROOT, "x", 100_000)];
    g.add_var(Granule::ROOT, "v", DType::F32, dims, Arc::new(MemoryArray::of::<f32>(&[0], &[])));
    let error = Csv.parts(g, &WriteOptions::default()).err().unwrap().to_string();
    assert!(error.contains("10000000000 rows") && error.contains("--bbox"), "{error}");
}

#[test]
fn the_same_granule_gives_the_same_bytes() {
    assert_eq!(written(crate::table::tests::granule()).0, written(crate::table::tests::granule()).0);
}
