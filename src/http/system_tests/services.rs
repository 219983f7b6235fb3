//! What services there are, and in which versions.

use serde_json::json;

use super::*;

#[tokio::test]
async fn capabilities_in_three_versions() {
    let app = users();
    let two = get(&app, "/capabilities?collectionid=C1-TEST").await.json();
    let keys: Vec<&str> = two.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "conceptId",
            "shortName",
            "variableSubset",
            "bboxSubset",
            "shapeSubset",
            "temporalSubset",
            "concatenate",
            "reproject",
            "outputFormats",
            "services",
            "variables",
            "capabilitiesVersion"
        ]
    );
    assert_eq!(two["services"][0]["name"], "podaac/l2-subsetter");
    assert_eq!(two["services"][0]["href"], "https://cmr.example.org/search/concepts/S1962070864-POCLOUD");
    assert_eq!(two["services"][1]["name"], "harmony/engine");
    assert_eq!(
        two["variables"],
        json!([{ "name": "red_var",
        "href": "https://cmr.example.org/search/concepts/V1-TEST" }])
    );
    assert_eq!((&two["capabilitiesVersion"], &two["bboxSubset"]), (&json!("2"), &json!(true)));
    let one = get(&app, "/capabilities?shortName=harmony_example&version=1").await.json();
    assert_eq!((&one["conceptId"], &one["variables"]), (&json!("C1-TEST"), &json!(["red_var"])));
    assert_eq!(one["services"][0].as_object().unwrap().len(), 2);
    let three = get(&app, "/capabilities?collectionId=C2-TEST&version=3").await.json();
    assert_eq!(three["capabilitiesVersion"], "3-alpha");
    assert_eq!(
        three["summary"]["outputFormats"][0],
        json!({ "name": "NETCDF-4", "mimeType": "application/netcdf" })
    );
    assert_eq!(three["summary"]["reprojection"]["supported"], true);
    assert_eq!(
        three["variables"][0]["scienceKeywords"],
        json!([{ "category": "EARTH SCIENCE", "variableLevel1": "RED" }])
    );
}

#[tokio::test]
async fn capabilities_refuses_in_the_words_of_the_reference() {
    let app = users();
    let cases = [
        ("", 400, "Must specify either collectionId or shortName"),
        ("?collectionId=a&shortName=b", 400, "Must specify only one of collectionId or shortName, not both"),
        (
            "?collectionId=C1-TEST&version=4",
            400,
            "Invalid API version 4, supported versions: 1, 2, and 3-alpha",
        ),
        (
            "?shortName=x&version=4",
            404,
            "Unable to find collection short name x in the CMR. Please make sure the short name is correct and that \
             you have access to the collection.",
        ),
    ];
    for (query, status, message) in cases {
        let answer = get(&app, &format!("/capabilities{query}")).await;
        assert_eq!(answer.status.as_u16(), status, "{query}");
        assert_eq!(answer.json()["description"], format!("Error: {message}"));
    }
}

#[tokio::test]
async fn versions_and_tags() {
    let app = users();
    let versions = get(&app, "/versions").await.json();
    assert_eq!(versions.as_array().unwrap().len(), 26);
    assert_eq!(versions[4]["name"], "podaac/concise");
    assert_eq!(versions[4]["images"][1]["image"], "podaac/concise");
    let tags = get(&app, "/service-image-tag").await.json();
    let names: Vec<&String> = tags.as_object().unwrap().keys().collect();
    assert!(names.is_sorted() && names.iter().any(|n| *n == "query-cmr"), "{names:?}");
    assert!(get(&app, "/service-image-tag/hoss").await.json()["tag"].is_string());
    let unknown = get(&app, "/service-image-tag/nobody").await;
    assert_eq!(unknown.status, 404);
    assert!(
        unknown.text.starts_with(
            "Service nobody does not exist.\nThe existing services and their images are\n{\n  \""
        )
    );
    let refused = ask(&app, "PUT", "/service-image-tag/hoss", "{}").await;
    let why = "User anonymous does not have permission to access this resource";
    assert_eq!((refused.status.as_u16(), refused.text.as_str()), (403, why));
}

#[tokio::test]
async fn deployments_are_checked_in_order_and_recorded() {
    let (app, _dir) = admins();
    let put = async |service: &str, body: Value| {
        ask(&app, "PUT", &format!("/service-image-tag/{service}"), &body.to_string()).await
    };
    let refusals = [
        ("nobody", json!({ "x": 1 }), 400, "'tag' is a required body parameter"),
        (
            "nobody",
            json!({ "tag": "1", "x": 1 }),
            400,
            "Invalid body parameter(s): x. Allowed body parameters are: tag and regression_test_version.",
        ),
        ("nobody", json!({ "tag": "-1" }), 404, "Service nobody does not exist."),
        ("hoss", json!({ "tag": "-1" }), 400, "A tag name may contain lowercase"),
        ("hoss", json!({ "tag": "999" }), 404, "nasa/harmony-opendap-subsetter:999 is unreachable"),
    ];
    for (service, body, status, message) in refusals {
        let answer = put(service, body).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
        assert!(answer.text.starts_with(message), "{}", answer.text);
    }
    let done = put("hoss", json!({ "tag": crate::http::versions::VERSION })).await;
    assert_eq!(done.status, 202);
    let link = done.json()["statusLink"].as_str().unwrap().to_owned();
    let record = get(&app, link.strip_prefix("http://localhost:3000").unwrap()).await.json();
    assert_eq!(
        (&record["status"], &record["regressionTestVersion"]),
        (&json!("successful"), &json!("latest"))
    );
    let id = record["deploymentId"].as_str().unwrap();
    assert!(get(&app, &format!("/deployment-logs/{id}")).await.json().is_array());
    assert_eq!(get(&app, "/service-deployment?status=successful").await.json().as_array().unwrap().len(), 1);
    assert_eq!(get(&app, "/service-deployment?status=odd").await.status, 400);
    let none = get(&app, &format!("/service-deployment/{}", Uuid::new_v4())).await;
    assert_eq!((none.status.as_u16(), none.json()), (404, json!({ "error": "Deployment does not exist" })));
}

#[tokio::test]
async fn deployments_can_be_switched_off() {
    let (app, _dir) = admins();
    let put = async |body: &str| ask(&app, "PUT", "/service-deployments-state", body).await;
    assert_eq!(put("{}").await.text, "'enabled' is a required body parameter");
    assert_eq!(put("{\"enabled\":1}").await.text, "'enabled' can only take value of true or false");
    let off = put("{\"enabled\":false}").await.json();
    assert_eq!(off, json!({ "enabled": false, "message": "Manually disabled by anonymous" }));
    assert_eq!(put("{\"enabled\":false}").await.status, 423);
    let refused = ask(&app, "PUT", "/service-image-tag/hoss", "{\"tag\":\"1\"}").await;
    assert_eq!(refused.text, "Service deployment is disabled. Reason: Manually disabled by anonymous.");
    assert!(put("{\"enabled\":true,\"message\":\"on\"}").await.status.is_success());
    assert_eq!(
        get(&app, "/service-deployments-state").await.json(),
        json!({ "enabled": true, "message": "on" })
    );
}
