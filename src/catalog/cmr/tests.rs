use super::*;

#[test]
fn refusals_keep_the_words_of_cmr() {
    let text = |body: Value| refusal(StatusCode::BAD_REQUEST, Some(&body)).to_string();
    assert_eq!(text(serde_json::json!({ "errors": ["West must be…", "more"] })), "West must be…");
    let nested = serde_json::json!({ "errors": [{ "path": ["a"], "errors": ["Polygon is open"] }] });
    assert_eq!(text(nested), "Polygon is open");
    assert_eq!(text(Value::Null), "The CMR answered 400 Bad Request");
}

#[test]
fn addresses_are_checked() {
    let at = |endpoint: &str| Cmr::new(Options { endpoint: endpoint.into(), ..Options::default() });
    assert!(at("https://cmr.example.org/").is_ok());
    assert!(at("cmr.example.org").is_err() && at("file:///etc").is_err());
}
