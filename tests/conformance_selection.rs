//! The selection cases of the request contract, and every case of it that names the chain it expects.
#![cfg(feature = "service")]
#![allow(clippy::unwrap_used)]

use harmony::catalog::Collection;
use harmony::plan::chains::{Chain, Chains, Extend, SelectionError, Wish};
use harmony::request::operation::{Average, DataOperation, Dimension, Shape, Source, Temporal, Variable};
use serde_json::Value;

/// The contract's cases; `None` where the shared folder is absent.
fn contract() -> Option<Value> {
    let root = std::env::var("HARMONY_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").to_owned());
    let file = std::path::Path::new(&root).join("contract/requests-cases.json");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("skipped: {} is absent", file.display());
        return None;
    };
    Some(serde_json::from_str(&text).expect("the contract is JSON"))
}

fn chains(list: &Value) -> Chains {
    Chains::new(serde_json::from_value::<Vec<Chain>>(list.clone()).expect("chains of the contract"))
}

fn operation(wish: &Value) -> DataOperation {
    let mut out = DataOperation::default();
    let text = |v: &Value| v.as_str().map(str::to_owned);
    out.format.mime = text(&wish["format"]);
    out.format.crs = text(&wish["crs"]);
    out.concatenate = wish["concatenate"] == true;
    if !wish["bbox"].is_null() {
        out.subset.bbox = Some(serde_json::from_value(wish["bbox"].clone()).unwrap());
    }
    if wish["shape"] == true {
        out.subset.shape = Some(Shape::Text("{}".into()));
    }
    if !wish["temporal"].is_null() {
        out.temporal = Some(serde_json::from_value::<Temporal>(wish["temporal"].clone()).unwrap());
    }
    if !wish["dimensions"].is_null() {
        let dimensions: Vec<Dimension> = serde_json::from_value(wish["dimensions"].clone()).unwrap();
        out.subset.dimensions = Some(dimensions);
    }
    if let Some(dimensions) = wish["extend"].as_array() {
        out.extend_dimensions = dimensions.iter().filter_map(text).collect();
    }
    out.average = match wish["average"].as_str() {
        Some("time") => Some(Average::Time),
        Some("area") => Some(Average::Area),
        _ => None,
    };
    out
}

fn extend_of(operation: &DataOperation) -> Extend {
    if operation.extend_dimensions.is_empty() { Extend::NotGiven } else { Extend::Dimensions }
}

#[test]
fn selection_cases() {
    let Some(contract) = contract() else { return };
    let group = &contract["selection_cases"];
    let chains = chains(&group["chains"]);
    let collections = [Collection { id: "C123-TEST".into(), ..Collection::default() }];
    let cases = group["cases"].as_array().unwrap();
    for case in cases {
        let operation = operation(&case["operation"]);
        let wish = Wish {
            extend: extend_of(&operation),
            operation: &operation,
            collections: &collections,
            refuses_concatenation: false,
            accept: &[],
            service_id: None,
        };
        let (expect, id) = (&case["expect"], &case["id"]);
        match chains.select(&wish) {
            Ok(found) => {
                assert_eq!(expect["chain"], found.chain.name, "{id}");
                if let Some(best_effort) = expect["best_effort"].as_bool() {
                    assert_eq!(best_effort, found.best_effort, "{id}");
                }
            }
            Err(SelectionError::Unsupported(message)) => {
                assert_eq!((&expect["status"], &expect["message"]), (&422.into(), &message.into()), "{id}");
            }
            Err(other) => panic!("{id}: {other}"),
        }
    }
    eprintln!("{} selection cases", cases.len());
}

/// What the query of a case asks for, as far as selection looks at it.
fn of_request(case: &Value) -> (DataOperation, Vec<String>, Option<String>, bool) {
    let mut out = DataOperation::default();
    let (mut service_id, mut refuses) = (None, false);
    for pair in case["query"].as_array().unwrap() {
        let (name, value) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        match name {
            "outputCrs" => out.format.crs = Some(value.into()),
            "concatenate" => {
                out.concatenate = value == "true";
                refuses = value == "false";
            }
            "subset" if value.starts_with("lat") => out.subset.bbox = Some([-180.0, 0.0, 180.0, 10.0]),
            "subset" if value.starts_with("time") => {
                let start = Some("2020-01-02T00:00:00Z".into());
                out.temporal = Some(Temporal { start, end: None });
            }
            "serviceId" => service_id = Some(value.into()),
            _ => {}
        }
    }
    let path = case["path"].as_str().unwrap();
    if !path.contains("/collections/all/") {
        let variables = Some(vec![Variable { name: "red_var".into(), ..Variable::default() }]);
        out.sources = vec![Source { variables, ..Source::default() }];
    }
    let accept = case["headers"]["Accept"].as_str().unwrap_or_default();
    let accept = accept.split(',').map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect();
    (out, accept, service_id, refuses)
}

#[test]
fn requests_that_name_their_chain() {
    let Some(contract) = contract() else { return };
    let chains = chains(&contract["catalog"]["chains"]);
    let known: Vec<&Value> = contract["catalog"]["collections"].as_array().unwrap().iter().collect();
    let mut count = 0;
    for case in contract["cases"].as_array().unwrap() {
        let Some(expected) = case["expect"]["chain"].as_str() else { continue };
        let path = case["path"].as_str().unwrap();
        let id = path.trim_start_matches('/').split('/').next().unwrap();
        let record = known.iter().find(|c| c["id"] == id).expect("a collection of the catalogue");
        let services = record["services"].as_array().unwrap();
        let services = services.iter().map(|s| s.as_str().unwrap().to_owned()).collect();
        let collections = [Collection { id: id.into(), services, ..Collection::default() }];
        let (operation, accept, service_id, refuses) = of_request(case);
        let wish = Wish {
            extend: Extend::NotGiven,
            operation: &operation,
            collections: &collections,
            refuses_concatenation: refuses,
            accept: &accept,
            service_id: service_id.as_deref(),
        };
        let found = chains.select(&wish).unwrap_or_else(|e| panic!("{}: {e}", case["id"]));
        assert_eq!(found.chain.name, expected, "{}", case["id"]);
        if let Some(mime) = case["expect"]["operation"]["format"]["mime"].as_str() {
            assert_eq!(found.mime.as_deref(), Some(mime), "{}", case["id"]);
        }
        count += 1;
    }
    eprintln!("{count} requests");
}

/// Case 16 to 19 of the contract's table.
#[test]
fn refusals_name_what_was_required_so_far() {
    let refusal = |chain: Value, mut operation: DataOperation, variable: bool| {
        if variable {
            let variables = Some(vec![Variable { name: "red_var".into(), ..Variable::default() }]);
            operation.sources = vec![Source { variables, ..Source::default() }];
        }
        let collections = [Collection { id: "C123-TEST".into(), ..Collection::default() }];
        let wish = Wish {
            operation: &operation,
            collections: &collections,
            extend: Extend::NotGiven,
            refuses_concatenation: false,
            accept: &[],
            service_id: None,
        };
        chains(&serde_json::json!([chain])).select(&wish).unwrap_err().to_string()
    };
    let chain = |capabilities: Value| serde_json::json!({ "name": "a", "collections": [{ "id": "C123-TEST" }], "capabilities": capabilities });
    let tiff =
        chain(serde_json::json!({ "subsetting": { "variable": true }, "output_formats": ["image/tiff"] }));
    let zarr = operation(&serde_json::json!({ "format": "application/x-zarr" }));
    let all = "the requested combination of operations:";
    assert_eq!(
        refusal(tiff, zarr, true),
        format!(
            "{all} variable subsetting and reformatting to application/x-zarr on C123-TEST is unsupported"
        )
    );
    let other = serde_json::json!({ "name": "a", "collections": [{ "id": "C1-TEST" }] });
    let none = DataOperation::default();
    assert_eq!(refusal(other, none, false), "no operations can be performed on C123-TEST");
    let simple = [
        (serde_json::json!({ "bbox": [0, 0, 10, 10] }), "spatial subsetting"),
        (serde_json::json!({ "shape": true }), "shapefile subsetting"),
        (serde_json::json!({ "concatenate": true }), "concatenation"),
    ];
    for (wish, word) in simple {
        let message = refusal(chain(serde_json::json!({})), operation(&wish), false);
        assert_eq!(message, format!("{all} {word} on C123-TEST is unsupported"));
    }
}
