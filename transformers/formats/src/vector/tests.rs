//! Features of small granules made by hand.

use std::io::Read;

use harmony_model::Granule;

use super::{GeoJson, Shapefile};
use crate::registry::Format;
use crate::table::tests::granule;
use crate::write::WriteOptions;

/// A trajectory along x: lat and lon, one packed and one floating point variable, a text.
fn track() -> Granule {
    let mut g = granule();
    // Only what lies on x: the first variable of each kind would need time as well.
    g.vars.retain(|v| v.dims.len() == 1);
    g
}

fn written(format: &dyn Format, g: Granule) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let options = WriteOptions::default();
    let parts = format.parts(g, &options).unwrap();
    let target = dir.path().join("out");
    format.write(&parts[0], &target, &options).unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    std::fs::read(&target).unwrap()
}

#[test]
fn geojson_has_a_point_for_each_sample_with_a_value() {
    let json: serde_json::Value = serde_json::from_slice(&written(&GeoJson, granule())).unwrap();
    let features = json["features"].as_array().unwrap();
    assert_eq!(features.len(), 4);
    assert_eq!(features[0]["geometry"]["coordinates"], serde_json::json!([-0.5, 10.0]));
    assert_eq!(features[0]["properties"]["product/v"], 0.01);
    assert_eq!(features[0]["properties"]["time"], "2020-01-01T00:00:00Z");
    assert_eq!(features[1]["geometry"]["coordinates"], serde_json::json!([180.0, 30.0]));
}

#[test]
fn a_shapefile_is_complete_and_consistent() {
    let bytes = written(&Shapefile, granule());
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut member = |name: &str| {
        let mut out = Vec::new();
        archive.by_name(name).unwrap().read_to_end(&mut out).unwrap();
        out
    };
    let (shp, shx, dbf) = (member("made.shp"), member("made.shx"), member("made.dbf"));
    assert_eq!((shp.len(), shx.len()), (100 + 4 * 28, 100 + 4 * 8));
    assert_eq!(u32::from_be_bytes(shp[24..28].try_into().unwrap()) as usize * 2, shp.len());
    assert_eq!(f64::from_le_bytes(shp[112..120].try_into().unwrap()), -0.5);
    assert_eq!(u32::from_le_bytes(dbf[4..8].try_into().unwrap()), 4);
    let (header, record) = (u16::from_le_bytes([dbf[8], dbf[9]]), u16::from_le_bytes([dbf[10], dbf[11]]));
    assert_eq!(dbf.len(), usize::from(header) + 4 * usize::from(record) + 1);
    let text = String::from_utf8(member("fields.csv")).unwrap();
    assert!(text.contains("\nv,/product/v,,\n"), "{text}");
    assert_eq!(member("made.cpg"), b"UTF-8");
}

#[test]
fn gridded_data_name_an_alternative() {
    let mut g = Granule::new("grid.nc", "test");
    for (name, units) in [("lat", "degrees_north"), ("lon", "degrees_east")] {
        let dim = g.add_dim(Granule::ROOT, name, 2);
        let data = std::sync::Arc::new(harmony_model::MemoryArray::of(&[2], &[0.0f32, 1.0]));
        let id = g.add_var(Granule::ROOT, name, harmony_model::DType::F32, vec![dim], data);
        g.vars[id.0].set_attr(harmony_model::Attribute::text("units", units));
    }
    let dims = vec![harmony_model::DimId(0), harmony_model::DimId(1)];
    let data = std::sync::Arc::new(harmony_model::MemoryArray::of(&[2, 2], &[0.0f32; 4]));
    g.add_var(Granule::ROOT, "v", harmony_model::DType::F32, dims, data);
    let error = GeoJson.parts(g, &WriteOptions::default()).err().unwrap().to_string();
    assert!(error.contains("write geotiff, ascii or csv instead"), "{error}");
}

#[test]
fn texts_of_a_track_are_attributes() {
    let json: serde_json::Value = serde_json::from_slice(&written(&GeoJson, track())).unwrap();
    assert_eq!(json["features"][1]["properties"]["product/label"], "a \"quoted\", text");
}
