//! Selection by hand-made chains; the cases of the contract are in `tests/conformance_selection.rs`.

use serde_json::json;

use super::*;
use crate::request::operation::{Source, Temporal, Variable};

fn chains(text: serde_json::Value) -> Chains {
    Chains::new(serde_json::from_value::<Vec<Chain>>(text).unwrap())
}

fn collection(id: &str) -> Collection {
    Collection { id: id.into(), ..Collection::default() }
}

fn named(variable: &str) -> DataOperation {
    let variables = Some(vec![Variable { name: variable.into(), ..Variable::default() }]);
    DataOperation { sources: vec![Source { variables, ..Source::default() }], ..DataOperation::default() }
}

fn wish<'a>(operation: &'a DataOperation, collections: &'a [Collection], accept: &'a [String]) -> Wish<'a> {
    Wish {
        operation,
        collections,
        extend: Extend::NotGiven,
        refuses_concatenation: false,
        accept,
        service_id: None,
    }
}

#[test]
fn lists_are_written_with_commas_from_three_on() {
    let chains = chains(json!([{ "name": "a", "all_collections": true, "capabilities": {} }]));
    let two = [collection("C1-A"), collection("C2-A")];
    let accept: Vec<String> = ["image/png", "image/gif", "text/csv"].map(String::from).to_vec();
    let operation = DataOperation::default();
    let e = chains.select(&wish(&operation, &two, &accept)).unwrap_err();
    assert_eq!(
        e.to_string(),
        "the requested combination of operations: reformatting to image/png, image/gif, or text/csv on C1-A and \
         C2-A is unsupported"
    );
}

#[test]
fn wildcards_take_the_first_format_and_patterns_the_first_that_fits() {
    let chains = chains(json!([
        { "name": "a", "all_collections": true, "capabilities": { "output_formats": ["application/netcdf", "image/tiff", "image/png"] } },
        { "name": "b", "all_collections": true, "capabilities": { "output_formats": ["text/csv"] } },
    ]));
    let operation = DataOperation::default();
    let here = [collection("C1-A")];
    let found = |accept: &[&str]| {
        let accept: Vec<String> = accept.iter().map(|a| (*a).into()).collect();
        let found = chains.select(&wish(&operation, &here, &accept)).unwrap();
        (found.chain.name.clone(), found.mime)
    };
    assert_eq!(found(&[]), ("a".into(), None));
    assert_eq!(found(&["*/*"]), ("a".into(), Some("application/netcdf".into())));
    assert_eq!(found(&["image/*"]), ("a".into(), Some("image/tiff".into())));
    assert_eq!(found(&["*/png"]), ("a".into(), Some("image/png".into())));
    assert_eq!(found(&["text/html", "text/csv", "*/*"]), ("b".into(), Some("text/csv".into())));
    assert_eq!(found(&["application/x-netcdf4"]), ("a".into(), Some("application/netcdf".into())));
}

#[test]
fn nothing_is_refused_because_no_chain_is_configured() {
    let chains = Chains::builtin();
    let here = [collection("C1-LOCAL")];
    let mut operation = named("red");
    operation.subset.bbox = Some([0.0, 0.0, 1.0, 1.0]);
    operation.format.crs = Some("EPSG:4326".into());
    operation.format.mime = Some("image/tiff".into());
    operation.concatenate = true;
    let found = chains.select(&wish(&operation, &here, &[])).unwrap();
    assert_eq!((found.chain.name.as_str(), found.best_effort), (ENGINE, false));
    operation.format.mime = Some("cog".into());
    assert_eq!(chains.select(&wish(&operation, &here, &[])).unwrap().mime.as_deref(), Some("cog"));
    operation.format.mime = Some("image/none".into());
    assert!(chains.select(&wish(&operation, &here, &[])).is_err());
    let plain = DataOperation::default();
    assert_eq!(chains.select(&wish(&plain, &here, &[])).unwrap().chain.name, DOWNLOAD);
}

#[test]
fn granules_of_another_format_are_converted_and_not_handed_out() {
    let chains = Chains::builtin();
    let mut operation = DataOperation::default();
    operation.format.mime = Some("application/netcdf".into());
    let mut here = [collection("C1-LOCAL")];
    for (native, chain) in [(None, DOWNLOAD), (Some("netCDF-4"), DOWNLOAD), (Some("GeoTIFF"), ENGINE)] {
        here[0].native_format = native.map(String::from);
        assert_eq!(chains.select(&wish(&operation, &here, &[])).unwrap().chain.name, chain);
    }
    let any = ["*/*".to_owned()];
    let plain = DataOperation::default();
    assert_eq!(chains.select(&wish(&plain, &here, &any)).unwrap().chain.name, DOWNLOAD);
}

#[test]
fn defaults_of_a_chain_are_applied() {
    let chains = chains(json!([{ "name": "a", "umm_s": "S1-A", "capabilities": {
        "concatenation": true, "concatenate_by_default": true, "extend": true,
        "default_extend_dimensions": ["mirror_step"] } }]));
    let mut here = [collection("C1-A")];
    here[0].services = vec!["S1-A".into()];
    let mut operation = DataOperation::default();
    let found = chains.select(&wish(&operation, &here, &[])).unwrap();
    assert_eq!((found.concatenate, found.extend_dimensions), (true, vec!["mirror_step".to_owned()]));
    let refused = Wish { refuses_concatenation: true, ..wish(&operation, &here, &[]) };
    let found = chains.select(&refused).unwrap();
    assert_eq!((found.concatenate, found.extend_dimensions.len()), (false, 0));
    let not = Wish { extend: Extend::No, ..wish(&operation, &here, &[]) };
    assert!(chains.select(&not).unwrap().extend_dimensions.is_empty());
    operation.extend_dimensions = vec!["lat".into()];
    let own = Wish { extend: Extend::Dimensions, ..wish(&operation, &here, &[]) };
    assert_eq!(chains.select(&own).unwrap().extend_dimensions, ["lat"]);
    let plain = DataOperation::default();
    let local = [collection("C1-LOCAL")];
    let none = Wish { extend: Extend::Default, ..wish(&plain, &local, &[]) };
    assert!(matches!(Chains::builtin().select(&none), Err(SelectionError::Invalid(m)) if m.contains(ENGINE)));
}

#[test]
fn a_service_id_chooses_without_checks() {
    let mut chains = Chains::builtin();
    let here = [collection("C1-LOCAL")];
    let operation = named("red");
    let by = |id| Wish { service_id: Some(id), ..wish(&operation, &here, &[]) };
    assert_eq!(chains.select(&by("sds/HyBIG")).unwrap().chain.name, "sds/HyBIG");
    assert_eq!(chains.select(&by("S2697183066-XYZ_PROV")).unwrap().chain.name, "sds/HyBIG");
    assert!(
        matches!(chains.select(&by("nobody")), Err(SelectionError::Invalid(m)) if m.starts_with("Could not find"))
    );
    chains.forbids_service_ids = true;
    assert!(
        matches!(chains.select(&by("sds/HyBIG")), Err(SelectionError::Invalid(m)) if m.contains("disabled"))
    );
}

#[test]
fn steps_follow_what_is_asked_for() {
    let chains = Chains::builtin();
    let images = |name: &str, operation: &DataOperation| -> Vec<(String, bool)> {
        let steps = chains.find(name).unwrap().workflow(operation, &[]);
        steps.iter().map(|s| (s.step.service().to_owned(), s.is_aggregated)).collect()
    };
    let mut operation = DataOperation { concatenate: true, ..DataOperation::default() };
    let step = |name: &str, joined| (name.to_owned(), joined);
    let both = "podaac/l2-subsetter-concise";
    assert_eq!(images(both, &operation), [step("query-cmr", false), step("podaac-concise", true)]);
    operation.subset.bbox = Some([0.0, 0.0, 1.0, 90.0]);
    assert_eq!(
        images(both, &operation),
        [step("query-cmr", false), step("podaac-l2-subsetter", false), step("podaac-concise", true)]
    );
    let sambah = "l2-subsetter-batchee-stitchee-concise";
    let count = |operation: &DataOperation| images(sambah, operation).len();
    assert_eq!(count(&operation), 3);
    operation.extend_dimensions = vec!["mirror_step".into()];
    assert_eq!(count(&operation), 5);
    operation.format.mime = Some("text/csv".into());
    assert_eq!(images(sambah, &operation).last().map(|s| s.0.clone()).as_deref(), Some("casper"));
}

#[test]
fn conditions_on_native_formats_need_one_that_fits() {
    let step = ChainStep { native_formats: vec!["netcdf-4".into()], ..ChainStep::default() };
    let chain = Chain { steps: vec![step], ..Chain::default() };
    let operation = DataOperation::default();
    assert_eq!(chain.workflow(&operation, &["netCDF-4".into()]).len(), 1);
    assert!(chain.workflow(&operation, &["HDF5".into()]).is_empty());
}

#[test]
fn the_smallest_limit_is_the_reason() {
    let text = json!({ "name": "nexus-service", "collections": [{ "id": "C1-A", "granule_limit": 5 }],
        "granule_limit": 4, "steps": ["catalog query"] });
    let mut chain: Chain = serde_json::from_value(text).unwrap();
    assert_eq!(chain.steps[0].image, "catalog query");
    let limit = |chain: &Chain, max, system| chain.limit(["C1-A"], max, system);
    let all = limit(&chain, Some(10), 2100);
    assert_eq!(all, Limit { granules: 4, reason: LimitReason::Service });
    let begin =
        "CMR query identified 177 granules, but the request has been limited to process only the first ";
    let end = all.message(177, &chain.name).unwrap();
    assert_eq!(
        end.strip_prefix(begin),
        Some("4 granules because the service nexus-service is limited to 4.")
    );
    assert_eq!(all.message(4, &chain.name), None);
    let end = limit(&chain, Some(2), 2100).message(177, &chain.name).unwrap();
    assert_eq!(end.strip_prefix(begin), Some("2 granules because you requested 2 maxResults."));
    let end = limit(&chain, Some(3), 3).message(177, &chain.name).unwrap();
    assert_eq!(end.strip_prefix(begin), Some("3 granules because of system constraints."));
    chain.granule_limit = None;
    let end = limit(&chain, None, 2100).message(177, &chain.name).unwrap();
    let why = "5 granules because collection C1-A is limited to 5 for the nexus-service service.";
    assert_eq!(end.strip_prefix(begin), Some(why));
    chain.has_granule_limit = Some(false);
    assert_eq!(limit(&chain, Some(2), 2100).message(177, &chain.name), None);
    for (own, most) in [(Some(50), 30), (Some(25), 25), (None, 2), (Some(0), 0), (Some(-1), 0)] {
        chain.maximum_sync_granules = own;
        assert_eq!(chain.maximum_sync(2, 30), most);
    }
}

#[test]
fn averages_do_not_make_a_request_lenient() {
    let chains = chains(
        json!([{ "name": "a", "all_collections": true, "capabilities": { "averaging": { "time": true } } }]),
    );
    let here = [collection("C1-A")];
    let temporal = Some(Temporal { start: Some("2020-01-01T00:00:00Z".into()), end: None });
    let mut operation = DataOperation { temporal, ..DataOperation::default() };
    operation.average = Some(crate::request::operation::Average::Time);
    let e = chains.select(&wish(&operation, &here, &[])).unwrap_err().to_string();
    assert!(e.contains("temporal subsetting on C1-A"), "{e}");
    operation.subset.bbox = Some([0.0, 0.0, 1.0, 1.0]);
    assert!(chains.select(&wish(&operation, &here, &[])).unwrap().best_effort);
}
