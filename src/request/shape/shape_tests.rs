use std::path::PathBuf;

use harmony_model::geometry::BitMask;
use proptest::prelude::*;

use super::*;

/// The directory of shared shapes, when there is one.
fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("HARMONY_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let shapes = root.join("granules/shapes");
    if !shapes.is_dir() {
        println!("skipped: {} is not there", shapes.display());
        return None;
    }
    Some(shapes)
}

fn geojson(geometry: &str) -> Result<Shape, ModelError> {
    from_bytes("test.geojson", geometry.as_bytes())
}

/// A record of a shapefile: type 5 with these rings.
fn shp(polygons: &[&[&[(f64, f64)]]]) -> Vec<u8> {
    let mut records = Vec::new();
    for (i, rings) in polygons.iter().enumerate() {
        let mut content = 5u32.to_le_bytes().to_vec();
        content.extend([0; 32]);
        content.extend((rings.len() as u32).to_le_bytes());
        content.extend((rings.iter().map(|r| r.len()).sum::<usize>() as u32).to_le_bytes());
        let mut start = 0u32;
        for ring in *rings {
            content.extend(start.to_le_bytes());
            start += ring.len() as u32;
        }
        for (x, y) in rings.iter().flat_map(|r| r.iter()) {
            content.extend(x.to_le_bytes());
            content.extend(y.to_le_bytes());
        }
        records.extend((i as u32 + 1).to_be_bytes());
        records.extend((content.len() as u32 / 2).to_be_bytes());
        records.extend(content);
    }
    let mut file = vec![0, 0, 0x27, 0x0a];
    file.extend([0; 20]);
    file.extend(((100 + records.len()) as u32 / 2).to_be_bytes());
    file.extend(1000u32.to_le_bytes());
    file.extend(5u32.to_le_bytes());
    file.extend([0; 64]);
    file.extend(records);
    file
}

const KML: &str = r#"<?xml version="1.0"?><k:kml xmlns:k="urn:any"><k:Placemark><k:MultiGeometry><k:Polygon>
<k:outerBoundaryIs><k:LinearRing><k:coordinates>0,0,5 10,0,5 <!-- east --> 10,10,5 0,10,5 0,0,5</k:coordinates></k:LinearRing></k:outerBoundaryIs>
<k:innerBoundaryIs><k:LinearRing><k:coordinates>2,2 4,2 4,4 2,4 2,2</k:coordinates></k:LinearRing></k:innerBoundaryIs>
</k:Polygon><k:Point><k:coordinates> 20,20 </k:coordinates></k:Point><k:Polygon/></k:MultiGeometry></k:Placemark></k:kml>"#;

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn places(shape: &Shape, places: &[(f64, f64, bool)]) {
    for &(lon, lat, inside) in places {
        assert_eq!(shape.contains(lon, lat), inside, "{lon} {lat}");
    }
}

#[test]
fn geojson_of_every_kind() {
    let square = "[[0,0],[10,0],[10,10],[0,10],[0,0]]";
    let hole = "[[2,2],[4,2],[4,4],[2,4],[2,2]]";
    let s = geojson(&format!(r#"{{"coordinates":[{square},{hole}],"type":"Polygon","bbox":[1,2,3,4]}}"#))
        .unwrap();
    places(&s, &[(1.0, 1.0, true), (3.0, 3.0, false), (2.0, 3.0, true), (11.0, 1.0, false)]);
    let s = geojson(&format!(
        r#"{{"type":"FeatureCollection","features":[
            {{"type":"Feature","geometry":null,"properties":null}},
            {{"type":"Feature","properties":{{"radius":"1000"}},"geometry":{{"type":"Point","coordinates":[50,0,12.5]}}}},
            {{"type":"Feature","properties":{{}},"geometry":{{"type":"GeometryCollection","geometries":[
                {{"type":"MultiPolygon","coordinates":[[{square}]]}},{{"type":"MultiPoint","coordinates":[[70,1]]}},
                {{"type":"LineString","coordinates":[[80,0],[90,0]]}},{{"type":"Polygon","coordinates":[]}}]}}}}]}}"#
    ))
    .unwrap();
    places(
        &s,
        &[(5.0, 5.0, true), (50.008, 0.0, true), (50.01, 0.0, false), (70.0, 1.0, true), (85.0, 0.0, true)],
    );
}

#[test]
fn wrong_geojson_names_the_place() {
    for (text, words) in [
        ("{\n\"type\":\"Polygon\",\n\"coordinates\":[[[0,0],[1,x]]]}", "line 3 column"),
        (r#"{"type":"Polygon"}"#, "a Polygon has no 'coordinates'"),
        (r#"{"type":"Circle","coordinates":[]}"#, "'Circle' is not a GeoJSON type"),
        (r#"{"type":"Topology"}"#, "'Topology' is not a GeoJSON type"),
        (r#"{"features":[]}"#, "missing field `type`"),
        (r#"{"type":"FeatureCollection"}"#, "no 'features'"),
        (r#"{"type":"FeatureCollection","features":[]}"#, "no geometry"),
        (r#"{"type":"Polygon","coordinates":[[0,0],[1,1]]}"#, "nested wrongly"),
        (r#"{"type":"Polygon","coordinates":[[[0],[1,1]]]}"#, "two numbers"),
        (r#"{"type":"Polygon","coordinates":[[[0,0],[1,95],[2,2]]]}"#, "latitude outside"),
        (r#"{"type":"Point","coordinates":[0,1e999]}"#, "number out of range"),
        (
            r#"{"type":"Feature","properties":{"radius":[1]},"geometry":{"type":"Point","coordinates":[0,1]}}"#,
            "radius",
        ),
        (
            r#"{"type":"Point","coordinates":[0,1],"crs":{"type":"name","properties":{"name":"EPSG:3857"}}}"#,
            "EPSG:3857",
        ),
        ("", "empty"),
        ("hello", "none of GeoJSON"),
    ] {
        let message = geojson(text).unwrap_err().to_string();
        assert!(message.contains(words) && message.starts_with("test.geojson: "), "{message}");
    }
    let deep = format!(r#"{{"type":"Polygon","coordinates":{}"#, "[".repeat(100_000));
    assert!(geojson(&deep).unwrap_err().to_string().contains("recursion limit"));
}

#[test]
fn a_shapefile_with_a_hole_and_an_overlap() {
    // Clockwise exteriors, a counter-clockwise hole.
    let bytes = shp(&[
        &[
            &[(0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0), (0.0, 0.0)],
            &[(2.0, 2.0), (4.0, 2.0), (4.0, 4.0), (2.0, 4.0), (2.0, 2.0)],
        ],
        &[&[(8.0, 8.0), (8.0, 12.0), (12.0, 12.0), (12.0, 8.0)]],
    ]);
    let inside =
        [(1.0, 1.0, true), (3.0, 3.0, false), (9.0, 9.0, true), (11.0, 11.0, true), (13.0, 9.0, false)];
    places(&from_bytes("a.shp", &bytes).unwrap(), &inside);
    let prj = br#"GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],UNIT["degree",0.0174]]"#;
    let archive = zipped(&[
        ("deep/folder/a.SHP", &bytes),
        ("deep/folder/a.PRJ", prj),
        ("__MACOSX/._a.shp", b"x"),
        ("readme.txt", b""),
    ]);
    places(&from_bytes("a.zip", &archive).unwrap(), &inside);
    let other = zipped(&[("a.shp", &bytes), ("a.prj", br#"PROJCS["Web_Mercator",GEOGCS["WGS_1984"]]"#)]);
    assert!(from_bytes("a.zip", &other).unwrap_err().to_string().contains("Web_Mercator"));
    let two = zipped(&[("a.shp", &bytes), ("b.shp", &bytes)]);
    assert!(from_bytes("a.zip", &two).unwrap_err().to_string().contains("2 shapes (a.shp, b.shp)"));
    assert!(from_bytes("a.zip", &zipped(&[("a.txt", b"")])).unwrap_err().to_string().contains("no .shp"));
    let cut = from_bytes("a.shp", &bytes[..bytes.len() - 4]).unwrap_err().to_string();
    assert!(cut.contains("cut short"), "{cut}");
}

#[test]
fn a_plain_shapefile_uses_the_prj_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("b.shp");
    std::fs::write(&path, shp(&[&[&[(0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0)]]])).unwrap();
    places(&read_shape(&path).unwrap(), &[(5.0, 5.0, true)]);
    std::fs::write(dir.path().join("b.prj"), r#"PROJCS["UTM",GEOGCS["WGS_1984"]]"#).unwrap();
    assert!(read_shape(&path).unwrap_err().to_string().contains("'UTM'"));
    assert!(read_shape(&dir.path().join("none.kml")).unwrap_err().to_string().contains("can't be read"));
}

#[test]
fn an_entry_that_unpacks_to_too_much_is_refused() {
    let bomb = zipped(&[("a.shp", &shp(&[])), ("a.prj", &vec![b' '; 3 << 20])]);
    assert!(bomb.len() < 10_000);
    let message = from_bytes("bomb.zip", &bomb).unwrap_err().to_string();
    assert!(
        message.contains("a.prj in the archive unpacks to more than 1048576 bytes, the limit"),
        "{message}"
    );
}

#[test]
fn kml_in_any_namespace_and_kmz() {
    let inside = [(1.0, 1.0, true), (3.0, 3.0, false), (20.0, 20.0, true), (20.0, 21.0, false)];
    places(&from_bytes("a.kml", KML.as_bytes()).unwrap(), &inside);
    let archive = zipped(&[("doc.kml", KML.as_bytes()), ("files/other.kml", b"<kml/>")]);
    places(&from_bytes("a.kmz", &archive).unwrap(), &inside);
    for (text, words) in [
        ("<kml><Point><coordinates>1;2</coordinates></Point></kml>", "line 1: '1;2' is not a position"),
        ("<kml><Point>", "not valid KML"),
        ("<html/>", "<html>"),
        ("<kml/>", "no geometry"),
        ("<!DOCTYPE x [<!ENTITY a \"b\">]><kml>&a;</kml>", "not valid KML"),
    ] {
        let message = from_bytes("a.kml", text.as_bytes()).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    let deep = "<a>".repeat(200_000);
    assert!(from_bytes("a.kml", deep.as_bytes()).is_err());
}

/// Expected of each shared shape: bounds (to 0.01°) and places inside or outside, read off the files by hand.
type Expected = (&'static str, [f64; 4], &'static [(f64, f64, bool)]);

const EXPECTED: [Expected; 22] = [
    ("EasternUS.kml", [-93.34, 30.32, -77.02, 44.47], &[(-80.0, 40.0, true), (-94.0, 40.0, false)]),
    (
        "France_simple.geojson",
        [-5.11, 42.08, 8.21, 51.28],
        &[(2.0, 47.0, true), (359.0, 47.0, true), (-5.0, 43.0, false)],
    ),
    (
        "NorthPoleSmall.geojson",
        [59.17, 82.98, 66.18, 83.64],
        &[(62.5, 83.3, true), (60.0, 83.2, false), (0.0, 90.0, false)],
    ),
    (
        "Ross_Sea_positive_lon_only.geojson",
        [161.87, -78.54, 172.84, -71.36],
        &[(166.0, -76.0, true), (180.0, -76.0, false)],
    ),
    (
        "antimeridian.geojson",
        [175.06, 0.71, -174.19, 48.6],
        &[
            (180.0, 20.0, true),
            (-179.0, 20.0, true),
            (182.0, 20.0, true),
            (174.0, 20.0, false),
            (0.0, 20.0, false),
        ],
    ),
    ("antimeridian.kml", [175.06, 0.71, -174.19, 48.6], &[(180.0, 20.0, true), (0.0, 20.0, false)]),
    ("box.geojson", [-77.87, 37.05, -75.42, 39.37], &[(-77.0, 38.5, true), (-75.5, 37.5, false)]),
    (
        "complex_multipoly.geojson",
        [-57.84, -40.62, 58.43, 71.97],
        &[(15.0, 0.0, false), (55.0, 13.4, true), (-20.0, 40.0, true), (-5.0, 33.0, true)],
    ),
    (
        "complex_multipoly.kml",
        [-57.84, -40.62, 58.43, 71.97],
        &[(15.0, 0.0, false), (55.0, 13.4, true), (-20.0, 40.0, true)],
    ),
    (
        "complex_multipoly.zip",
        [-57.84, -40.62, 58.43, 71.97],
        &[(15.0, 0.0, false), (55.0, 13.4, true), (-20.0, 40.0, true)],
    ),
    (
        "multi_feature.geojson",
        [-77.62, 37.43, -76.88, 39.0],
        &[(-77.0, 38.9, true), (-77.4, 37.5, true), (-77.2, 38.2, false)],
    ),
    (
        "multi_poly.geojson",
        [-77.62, 37.43, -76.88, 39.0],
        &[(-77.0, 38.9, true), (-77.4, 37.5, true), (-77.2, 38.2, false)],
    ),
    (
        "np_poly.geojson",
        [-180.0, 76.95, 180.0, 90.0],
        &[
            (0.0, 90.0, true),
            (110.0, 85.0, true),
            (58.0, 76.0, false),
            (200.0, 84.0, true),
            (-70.0, 80.0, false),
        ],
    ),
    (
        "pointWithRadius.geojson",
        [-119.77, 32.8, -116.8, 35.27],
        &[(-118.28, 34.03, true), (-118.28, 35.2, true), (-118.28, 35.3, false)],
    ),
    (
        "polygon_with_hole.geojson",
        [-77.87, 37.05, -75.42, 39.37],
        &[(-77.03, 38.9, false), (-77.2, 38.5, true)],
    ),
    ("polygon_with_hole.kml", [-80.95, 36.51, -75.46, 40.23], &[(-77.0, 39.0, false), (-79.0, 38.0, true)]),
    (
        "south_america.geojson",
        [-81.72, -57.14, -33.21, 13.62],
        &[(-60.0, -10.0, true), (-35.0, -30.0, false)],
    ),
    (
        "south_atlantic_ring.geojson",
        [-20.0, -22.0, 12.0, 12.0],
        &[(-5.0, -5.0, false), (5.0, 5.0, true), (355.0, -5.0, false), (345.0, -15.0, true)],
    ),
    ("southern_africa.zip", [-2.79, -36.19, 53.93, 15.35], &[(25.0, -10.0, true), (0.0, -10.0, false)]),
    ("test.shp", [60.0, 55.0, 180.0, 83.0], &[]),
    ("test_in-polygon.shp.zip", [-180.0, -90.0, 180.0, 90.0], &[]),
    (
        "usa-mainland.geojson",
        [-124.84, 25.02, -67.04, 49.25],
        &[(-100.0, 40.0, true), (260.0, 40.0, true), (-124.0, 30.0, false)],
    ),
];

#[test]
fn every_shared_shape_is_understood() {
    let Some(shapes) = shared() else { return };
    for (name, bounds, expected) in EXPECTED {
        let shape = read_shape(&shapes.join(name)).unwrap();
        let b = shape.bounds().unwrap();
        println!("{name}: {b:?}");
        if !expected.is_empty() {
            for (a, e) in [b.west, b.south, b.east, b.north].iter().zip(bounds) {
                assert!((a - e).abs() < 0.011, "{name}: {b:?}");
            }
        }
        for &(lon, lat, inside) in expected {
            assert_eq!(shape.contains(lon, lat), inside, "{name} {lon} {lat}");
        }
    }
    let message = read_shape(&shapes.join("corrupt_file.geojson")).unwrap_err().to_string();
    assert!(
        message.contains("corrupt_file.geojson: not valid GeoJSON") && message.contains("line 30"),
        "{message}"
    );
}

#[test]
fn the_same_shape_in_three_formats_selects_the_same() {
    let Some(shapes) = shared() else { return };
    let masks: Vec<_> = ["complex_multipoly.geojson", "complex_multipoly.kml", "complex_multipoly.zip"]
        .iter()
        .map(|name| {
            let (lons, lats): (Vec<f64>, Vec<f64>) =
                ((0..360).map(f64::from).collect(), (0..180).map(|i| f64::from(i) - 89.5).collect());
            read_shape(&shapes.join(name)).unwrap().mask_centres(&lons, &lats)
        })
        .collect();
    // GDAL 3.10 (rasterio.features.rasterize, feature by feature) sets as many.
    assert_eq!(masks.iter().map(BitMask::count).collect::<Vec<_>>(), [3153; 3]);
    assert!(masks[0] == masks[1] && masks[1] == masks[2]);
}

/// Damages bytes: flips, cuts, repeats.
fn damaged(bytes: &[u8], edits: &[(usize, u8, u8)]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for &(at, kind, value) in edits {
        if out.is_empty() {
            break;
        }
        let at = at % out.len();
        match kind % 4 {
            0 => out[at] = value,
            1 => out.truncate(at),
            2 => out.insert(at, value),
            _ => {
                let piece: Vec<u8> = out[at..(at + value as usize).min(out.len())].to_vec();
                out.extend(piece);
            }
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn damaged_files_never_panic(edits in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..6)) {
        let shp = shp(&[&[&[(0.0, 0.0), (0.0, 10.0), (10.0, 10.0)], &[(1.0, 2.0), (1.0, 3.0), (2.0, 3.0)]]]);
        let json = br#"{"type":"Feature","properties":{"radius":5},"geometry":{"type":"MultiPolygon","coordinates":[[[[170,0],[-170,0],[180,80],[170,0]]]]}}"#;
        for bytes in [&shp[..], json, KML.as_bytes(), &zipped(&[("a/a.shp", &shp), ("a/a.prj", b"GEOGCS")])] {
            if let Ok(shape) = from_bytes("damaged", &damaged(bytes, &edits)) {
                let _ = (shape.contains(0.0, 0.0), shape.bounds(), shape.mask_centres(&[0.0, 1.0], &[0.0, 1.0]));
            }
        }
    }
}
