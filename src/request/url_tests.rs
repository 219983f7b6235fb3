use harmony_model::request::{DimensionExtent, DimensionRange};
use proptest::prelude::*;

use super::*;
use harmony_model::request::{Aggregate, Average};

const ROOT: &str = "https://harmony.example/C1233800302-EEDTEST/ogc-api-coverages/1.0.0";

fn at(text: &str) -> Option<DateTime> {
    Some(DateTime::parse(text).unwrap())
}

#[test]
fn a_coverage_request_with_everything() {
    let url = format!(
        "{ROOT}/collections/red_var,science%2Fgrids%2Fdata/coverage/rangeset?granuleId=G1&outputCrs=EPSG:4326\
         &subset=lat(0:10)&subset=lon(-20.1:20)&subset=time(%222020-01-02T00:00:00.000Z%22:%222020-01-02T01:00:00.000Z%22)\
         &interpolation=near&scaleExtent=0,2500000.3,1500000,3300000&scaleSize=1.1%2C2&height=500&width=1000.9\
         &format=image/png&skipPreview=true&subset=lev(100:*)&concatenate=TRUE&extend=a,b&average=Time"
    );
    let d = parse_request(&url).unwrap();
    assert_eq!((d.door, d.collections), (Door::Coverages, vec!["C1233800302-EEDTEST".to_owned()]));
    assert_eq!(d.request.variables, ["red_var", "science/grids/data"]);
    assert_eq!(d.request.bbox, [Bbox::new(-20.1, 0.0, 20.0, 10.0).unwrap()]);
    let range = d.request.time.unwrap();
    assert_eq!((range.start, range.end), (at("2020-01-02T00:00:00Z"), at("2020-01-02T01:00:00Z")));
    let lev = DimensionRange {
        name: "lev".into(),
        extent: DimensionExtent::Values { min: Some(100.0), max: None },
    };
    assert_eq!(d.request.dimensions, [lev]);
    let target = &d.request.target;
    assert_eq!(target.crs.as_ref().map(|c| c.definition.as_str()), Some("EPSG:4326"));
    assert_eq!(target.interpolation, Some(harmony_model::Interpolation::Nearest));
    assert_eq!(target.extent, Some([0.0, 2500000.3, 1500000.0, 3300000.0]));
    assert_eq!(target.cell_size, Some([1.1, 2.0]));
    assert_eq!((target.width, target.height), (Some(1000), Some(500)));
    assert_eq!((d.format.as_deref(), d.concatenate), (Some("image/png"), Some(true)));
    assert_eq!(d.request.average, Some(Average::Time));
    let joined = Aggregate::Extend { dims: vec!["a".into(), "b".into()], stack: true };
    assert_eq!(d.request.aggregate, Some(joined));
    assert_eq!(
        (d.extend, d.granule_ids, d.not_applied),
        (vec!["a".into(), "b".into()], vec!["G1".into()], vec!["skipPreview=true".to_owned()])
    );
    assert!(d.unknown.is_empty());
}

#[test]
fn variables_of_path_and_query() {
    let variables = |tail: &str| parse_request(&format!("{ROOT}/{tail}")).map(|d| d.request.variables);
    assert!(variables("collections/all/coverage/rangeset").unwrap().is_empty());
    assert_eq!(variables("a,b,a/coverage/rangeset/").unwrap(), ["a", "b"]);
    assert_eq!(
        variables("collections/parameter_vars/coverage/rangeset?variable=a,b&variable=c").unwrap(),
        ["a", "b", "c"]
    );
    for (tail, words) in [
        ("collections/all,b/coverage/rangeset", "\"all\" cannot"),
        ("collections/a/coverage/rangeset?variable=b", "parameter_vars"),
        ("collections/parameter_vars/coverage/rangeset", "no 'variable'"),
        ("collections/a/coverage/metadata", "only coverage/rangeset"),
        ("collections", "/collections/{variables}/coverage/rangeset"),
    ] {
        let message = variables(tail).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(parse_request("variable=a&f=csv").unwrap().request.variables, ["a"]);
}

#[test]
fn edr_requests() {
    let edr = |tail: &str| parse_request(&format!("/ogc-api-edr/1.1.0/collections/C1-X+C2-X/{tail}"));
    let d = edr("position?coords=POINT%20(-40%2010)&parameter-name=red_var%2Cblue&datetime=2020-01-01T00:00:00Z&f=image/png&subset=lat(0:1)&subset=lev(1:2)").unwrap();
    assert_eq!((d.door, d.collections.len()), (Door::Edr(EdrQuery::Position), 2));
    assert_eq!((d.request.point, d.request.variables.len()), (Some((-40.0, 10.0)), 2));
    assert_eq!(
        (d.request.time.clone().unwrap().start, d.request.time.unwrap().end),
        (at("2020-01-01T00:00:00Z"), None)
    );
    assert_eq!(
        (d.request.bbox.len(), d.request.dimensions.len(), d.not_applied),
        (0, 1, vec!["subset=lat(0:1)".to_owned()])
    );
    let d = edr("cube?bbox=170,-5,-170,5&datetime=../2020-01-02T00:00:00Z&crs=").unwrap();
    assert!(d.request.bbox[0].crosses_antimeridian() && d.request.target.crs.is_none());
    assert_eq!(d.request.time.unwrap().end, at("2020-01-02T00:00:00Z"));
    let shape = edr("area?coords=POLYGON((30+10,40+40,20+40,30+10))").unwrap().request.shape.unwrap();
    assert!(shape.contains(30.0, 30.0) && !shape.contains(20.0, 10.0));
    let line = edr("trajectory?coords=LINESTRING(-40 10, 30 10)").unwrap().request.shape.unwrap();
    assert!(line.contains(0.0, 10.0));
    for (tail, words) in [
        ("radius?coords=POINT(1 2)", "'radius'"),
        ("position?coords=POINT 1 2", "query parameter \"coords\""),
        ("cube?bbox=1,2,3", "3 numbers"),
        ("cube?datetime=2020-01-02T00:00:00Z/2020-01-01T00:00:00Z", "start is after its end"),
    ] {
        let message = edr(tail).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn wrong_parameters_are_named() {
    for (query, words) in [
        ("subset=lat(nonsense:20)", "query parameter \"subset\": 'lat(nonsense:20)'"),
        ("subset=lon(1:2)&subset=lon(1:2)", "given before"),
        ("scaleExtent=1,55,100", "not 4 numbers"),
        ("scaleSize=-1.3,55.3", "not positive"),
        ("width=0", "query parameter \"width\""),
        ("forceAsync=", "true or false"),
        ("average=space", "\"time\" or \"area\""),
        ("point=1,2&subset=lat(0:1)", "both a point and a box"),
        ("grid=G&width=5", "grid"),
    ] {
        let message = parse_request(query).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    let d = parse_request("outputCrz=&maxResultz=100&format=*/*").unwrap();
    assert_eq!((d.unknown, d.format), (vec!["outputCrz".to_owned(), "maxResultz".into()], None));
    assert!(parse_request("https://example.org/data.nc?x=1").is_err());
}

proptest! {
    #[test]
    fn any_text_gives_an_answer(text in "(/C1/ogc-api-coverages/1.0.0/|/ogc-api-edr/1/collections/|)[a-z/]{0,12}[?][a-zA-Z=&%0-9:,()\"+-]{0,60}") {
        let _ = parse_request(&text);
    }
}
