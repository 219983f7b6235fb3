use serde_json::Value;

use proptest::prelude::*;

use super::*;

fn geometry(place: Place) -> Value {
    let Place::Shape(text) = place else { panic!("not a shape") };
    serde_json::from_str::<Value>(&text).unwrap()["features"][0]["geometry"].clone()
}

#[test]
fn points_lines_and_areas() {
    assert_eq!(place(EdrQuery::Position, "POINT(-40 10)", 1.0).unwrap(), Place::Point([-40.0, 10.0]));
    let g = geometry(place(EdrQuery::Position, "MULTIPOINT ((30 10), (40 40))", 1.0).unwrap());
    assert_eq!(g["coordinates"][0][0][0], serde_json::json!([29.5, 9.5]));
    let g = geometry(place(EdrQuery::Trajectory, "LINESTRING (-40 10, 30 10)", 0.0001).unwrap());
    assert_eq!(
        (g["type"].as_str(), g["coordinates"][0].as_array().map(Vec::len)),
        (Some("Polygon"), Some(5))
    );
    let rectangles = segments(&[vec![[-40.0, 10.0], [30.0, 10.0], [40.0, 20.0]]], |_| [0.00005, 0.00005]);
    assert_eq!(rectangles[0][0][0], [-40.0, 10.00005]);
    assert!((rectangles[1][0][0][0] - 29.999964644660942).abs() < 1e-12);
    assert!((rectangles[1][0][0][1] - 10.00003535533906).abs() < 1e-12);
    let g = geometry(place(EdrQuery::Area, "polygon((10 10, 30 10, 20 20, 10 10))", 1.0).unwrap());
    assert_eq!(g["coordinates"][0][1], serde_json::json!([30.0, 10.0]));
}

#[test]
fn messages_about_geometries() {
    for (query, wkt, message) in [
        (EdrQuery::Position, "POINT 30 10", "Invalid WKT string: POINT 30 10"),
        (EdrQuery::Position, "point (30 10)", "invalid WKT format: point (30 10)"),
        (EdrQuery::Position, "POINT (1 2 3)", "invalid WKT POINT format: POINT (1 2 3)"),
        (EdrQuery::Position, "MULTIPOINT (1 2, 3 4)", "invalid WKT MULTIPOINT format: MULTIPOINT (1 2, 3 4)"),
        (EdrQuery::Trajectory, "LINESTRING (1 2)", "invalid WKT LINESTRING format: LINESTRING (1 2)"),
        (EdrQuery::Area, "POINT(10 20)", "Unsupported WKT type Point."),
        (EdrQuery::Area, "POLYGON((0 0,1 0", "Unable to parse WKT string POLYGON((0 0,1 0."),
    ] {
        let e = place(query, wkt, 0.0001).unwrap_err().to_string();
        assert_eq!(e, format!("query parameter \"coords\" {message}"));
    }
}

#[test]
fn distances_become_shapes() {
    let g = geometry(radius("POINT (0 60)", "100", "km").unwrap());
    let north =
        g["coordinates"][0].as_array().unwrap().iter().map(|p| p[1].as_f64().unwrap()).fold(0.0, f64::max);
    assert!((north - 60.898).abs() < 0.01, "{north}");
    let g = geometry(corridor("LINESTRING (0 60, 10 60)", "20", "km").unwrap());
    let south =
        g["coordinates"][0].as_array().unwrap().iter().map(|p| p[1].as_f64().unwrap()).fold(90.0, f64::min);
    assert!((south - 59.91).abs() < 0.01, "{g}");
    let g = geometry(corridor("LINESTRING (0 0, 10 0, 10 10)", "20", "km").unwrap());
    assert_eq!(g["coordinates"].as_array().map(Vec::len), Some(3));
    assert!(radius("POINT (0 0)", "-1", "km").is_err() && radius("POINT (0 0)", "1", "parsecs").is_err());
}

#[test]
fn boxes_times_and_heights() {
    assert_eq!(bbox("10,20,30,40,50,60").unwrap(), Some([10.0, 20.0, 40.0, 50.0]));
    assert_eq!(bbox("10,20,30").unwrap_err().to_string(), "Parameter \"bbox\" can only have 4 or 6 numbers.");
    assert_eq!(bbox(" ").unwrap(), None);
    assert!(bbox("1,2,3,nan").is_err());
    let t = datetime("../2018-03-18T12:31:12Z").unwrap().unwrap();
    assert_eq!((t.start, t.end.as_deref()), (None, Some("2018-03-18T12:31:12Z")));
    assert!(datetime("x").is_err() && datetime("../..").unwrap().is_none());
    let ends = |text: &str| heights(text, None).unwrap().map(|d| (d.min, d.max));
    assert_eq!(ends("500"), Some((Some(500.0), Some(500.0))));
    assert_eq!(ends("850,500"), Some((Some(500.0), Some(850.0))));
    assert_eq!(ends("../500"), Some((None, Some(500.0))));
    assert_eq!(ends("R3/10/5"), Some((Some(10.0), Some(20.0))));
    assert_eq!(heights("10", Some(4.0)).unwrap().unwrap().min, Some(8.0));
    assert!(heights("surface", None).is_err());
}

proptest! {
    #[test]
    fn any_text_gives_an_answer(
        wkt in "(POINT|MULTIPOINT|LINESTRING|MULTILINESTRING|POLYGON|)[ ()0-9,.eé-]{0,60}",
        other in "[R0-9./,é-]{0,12}",
    ) {
        for query in EdrQuery::ALL {
            let _ = place(query, &wkt, 0.0001);
        }
        let _ = (radius(&wkt, &other, "km"), corridor(&wkt, &other, "deg"));
        let _ = (bbox(&other), datetime(&other), heights(&other, Some(1.0)));
    }

    #[test]
    fn shapes_stay_on_the_map(
        points in proptest::collection::vec((-400.0..400.0f64, -90.0..90.0f64), 1..12),
    ) {
        let ring: Vec<[f64; 2]> = points.iter().map(|(x, y)| [*x, *y]).collect();
        let text = geojson::text(vec![Cover::Polygons(vec![vec![ring.clone()]]), Cover::Lines(vec![ring])]);
        let value: Value = serde_json::from_str(&text).unwrap();
        let mut stack = vec![&value["features"]];
        while let Some(v) = stack.pop() {
            match v {
                Value::Array(items) if items.len() == 2 && items[0].is_number() => {
                    prop_assert!(items[0].as_f64().unwrap().abs() <= 180.0, "{}", text);
                }
                Value::Array(items) => stack.extend(items),
                Value::Object(members) => stack.extend(members.values()),
                _ => {}
            }
        }
    }
}
