//! Request URLs and the small languages of their parameters.
#![no_main]

use harmony::request::{grammar, query, url, wkt};
use harmony_fuzz as _;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    url::parse_request(&text).ok();
    grammar::parse_bbox(&text).ok();
    grammar::parse_point(&text).ok();
    grammar::parse_time_range(&text).ok();
    grammar::parse_filter(&text).ok();
    grammar::parse_size(&text).ok();
    wkt::parse_wkt(&text).ok();
    if let Ok(subsets) = grammar::Subsets::parse(text.lines()) {
        subsets.bbox().ok();
        subsets.apply(&mut harmony_model::Request::default()).ok();
    }
    for parameter in query::parse_query(&text) {
        assert!(parameter.list().len() <= data.len() + 1);
        assert!(parameter.list_decoded().len() <= data.len());
    }
});
