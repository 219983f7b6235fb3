use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Option<DateTime> {
    Some(DateTime::parse(text).unwrap())
}

fn dimension(name: &str, extent: DimensionExtent) -> Subset {
    Subset::Dimension(DimensionRange { name: name.into(), extent })
}

fn values(min: Option<f64>, max: Option<f64>) -> DimensionExtent {
    DimensionExtent::Values { min, max }
}

#[test]
fn subsets_by_value_and_by_index() {
    for (text, subset) in [
        ("lat(-10:10)", Subset::Latitude(-10.0, 10.0)),
        ("lat(*:10.5)", Subset::Latitude(-90.0, 10.5)),
        ("lon(*:20)", Subset::Longitude(-180.0, 20.0)),
        ("lon(170:-170)", Subset::Longitude(170.0, -170.0)),
        ("lon(350:10)", Subset::Longitude(350.0, 10.0)),
        ("lat(5)", Subset::Latitude(5.0, 5.0)),
        (" /lev( 0 : 1e3 ) ", dimension("/lev", values(Some(0.0), Some(1000.0)))),
        ("my lev(0:*)", dimension("my lev", values(Some(0.0), None))),
        ("f(x)(1:2)", dimension("f(x)", values(Some(1.0), Some(2.0)))),
        ("latitude(10:12)", dimension("latitude", values(Some(10.0), Some(12.0)))),
        ("step[0:3]", dimension("step", DimensionExtent::Indices { first: Some(0), last: Some(3) })),
        ("time[7]", dimension("time", DimensionExtent::Indices { first: Some(7), last: Some(7) })),
        ("lat[*:3]", dimension("lat", DimensionExtent::Indices { first: None, last: Some(3) })),
    ] {
        assert_eq!(parse_subset(text).unwrap(), subset, "{text}");
    }
}

#[test]
fn time_subsets_with_and_without_quotes() {
    let (a, b) = ("2020-01-01T00:00:00Z", "2020-01-02T01:30:00Z");
    for (text, start, end) in [
        (format!("time(\"{a}\":\"{b}\")"), at(a), at(b)),
        (format!("time({a}:{b})"), at(a), at(b)),
        (format!("time(*:\"{b}\")"), None, at(b)),
        (format!("time(\"{a}\":*)"), at(a), None),
        (format!("time({a}:*)"), at(a), None),
        (format!("time(\"{a}\")"), at(a), at(a)),
        ("time(*)".into(), None, None),
        ("time(*:*)".into(), None, None),
    ] {
        assert_eq!(parse_subset(&text).unwrap(), Subset::Time(TimeRange { start, end }), "{text}");
    }
}

#[test]
fn wrong_subsets_say_what_and_how() {
    for (text, words) in [
        ("lat(-10:10", "no range in parentheses"),
        ("(1:2)", "no name"),
        ("lat(10:-10)", "minimum 10 is greater than its maximum -10"),
        ("lat(-91:0)", "-91 is not between -90 and 90"),
        ("lon(0:361)", "361 is not between"),
        ("lat(nonsense:20)", "'nonsense' is not a number"),
        ("lat(:20)", "'' is not a number"),
        ("lev(2:1)", "greater"),
        ("lev(NaN:1)", "'NaN' is not a number"),
        ("x[3:1]", "first index 3"),
        ("x[-1:1]", "'-1' is not an index"),
        ("time(\"nonsense\":\"2020-01-01\")", "nonsense"),
        ("time(\"2020-01-02T00:00:00Z\":\"2020-01-01T00:00:00Z\")", "start is after its end"),
    ] {
        let message = parse_subset(text).unwrap_err().to_string();
        assert!(
            message.contains(words) && message.contains(text) && message.contains("for example"),
            "{message}"
        );
    }
}

#[test]
fn several_subsets_are_one_box_and_dimensions() {
    let subsets = Subsets::parse(["lon(170:-170)", "lev(1:2)", "time(*)"]).unwrap();
    let mut request = Request::default();
    subsets.apply(&mut request).unwrap();
    assert_eq!(request.bbox, [Bbox::new(170.0, -90.0, -170.0, 90.0).unwrap()]);
    assert_eq!((request.dimensions.len(), request.time.clone()), (1, None));
    assert!(
        Subsets::parse(["lon(1:2)", "lon(1:2)"]).is_err() && Subsets::parse(["a(1:2)", "a[1:2]"]).is_err()
    );
    assert!(Subsets::parse(["lat(1:2)"]).unwrap().apply(&mut request).is_err());
}

#[test]
fn points_filters_and_sizes() {
    assert_eq!(parse_point("-118.28, 34.03").unwrap(), (-118.28, 34.03));
    for text in ["1", "1,2,3", "500,0", "0,91", "a,b", "inf,0"] {
        assert!(parse_point(text).unwrap_err().to_string().contains("for example"), "{text}");
    }
    let rule = |v: &str, comparison, value| FilterRule { variable: v.into(), comparison, value };
    assert_eq!(
        parse_filter("quality_flag <= 1").unwrap(),
        rule("quality_flag", Comparison::LessOrEqual, 1.0)
    );
    assert_eq!(parse_filter("/a/b!=-2.5e3").unwrap(), rule("/a/b", Comparison::NotEqual, -2500.0));
    assert_eq!(parse_filter("a=1").unwrap(), parse_filter("a == 1").unwrap());
    for text in ["a", "a <", "< 1", "a <> 1", "a === 1", "a < b", "a < NaN"] {
        assert!(parse_filter(text).unwrap_err().to_string().contains("quality_flag"), "{text}");
    }
    for (text, bytes) in [
        ("2GiB", 2 << 30),
        ("512 MiB", 512 << 20),
        ("1.5GB", 1_500_000_000),
        ("64k", 64_000),
        ("100", 100),
        ("1Ti", 1 << 40),
    ] {
        assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
    }
    for text in ["", "GiB", "-1", "0", "1i", "5 apples", "1e30", "nan"] {
        assert!(parse_size(text).is_err(), "{text}");
    }
}

#[test]
fn time_ranges_may_be_open_and_not_reversed() {
    let range = parse_time_range("2020-01-01T00:00:00Z/..").unwrap();
    assert_eq!((range.start, range.end), (at("2020-01-01T00:00:00Z"), None));
    assert!(parse_time_range("2020-01-02T00:00:00Z/2020-01-01T00:00:00Z").is_err());
}

proptest! {
    #[test]
    fn any_text_gives_an_answer(text in "[a-z0-9:()\\[\\]\"*.,+<>=!éT -]{0,40}") {
        let _ = (parse_subset(&text), parse_filter(&text), parse_size(&text), parse_point(&text), parse_bbox(&text));
        let _ = parse_time_range(&text);
    }
}
