//! The state of the server, its limits, and pages for people.

use super::*;

#[tokio::test]
async fn there_is_no_cloud_and_the_answer_says_so() {
    let app = users();
    let answer = get(&app, "/cloud-access").await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["code"].as_str()),
        (404, Some("harmony.NotFoundError"))
    );
    let script = get(&app, "/cloud-access.sh").await;
    assert_eq!((script.status.as_u16(), script.kind.as_str()), (404, "application/x-sh; charset=utf-8"));
    for (query, part) in [
        ("", "required parameter"),
        ("?bucketPath=a%20b", "unsupported characters"),
        ("?BUCKETPATH=a//b", "repeated forward slashes"),
        ("?bucketPath=s3://a/b", "only available on AWS"),
    ] {
        let answer = get(&app, &format!("/staging-bucket-policy{query}")).await;
        assert!(answer.status == 400 && answer.text.contains(part), "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn health_names_what_is_down() {
    let up = get(&users(), "/health").await;
    assert_eq!((up.status.as_u16(), up.json()["dependencies"].as_array().unwrap().len()), (200, 3));
    let app = server(Config { data: "absent".into(), ..Config::default() }, true);
    let down = get(&app, "/health").await;
    assert_eq!(
        (down.status.as_u16(), down.json()["message"].as_str()),
        (503, Some("Harmony is currently down."))
    );
    assert_eq!(down.json()["dependencies"][1]["message"], "CMR is down. It sleeps.");
    assert_eq!(get(&app, "/readiness").await.text, "OK");
    assert_eq!(get(&app, "/admin/health").await.status, 404);
    assert_eq!(get(&app, "/configuration").await.status, 404);
}

#[tokio::test]
async fn the_log_level_can_be_changed() {
    let (app, _dir) = admins();
    let level = async |query: &str| get(&app, &format!("/core/configuration/log-level{query}")).await;
    let changed = level("?level=silly").await.json();
    assert_eq!(changed, json!({ "result": "Log level was changed from info to silly" }));
    for query in ["", "?level=info&x=1", "?loud=info"] {
        assert!(
            level(query).await.text.contains("Must set log level using a single query parameter (level).")
        );
    }
    assert!(level("?level=loud").await.text.contains("invalid level (loud)"));
    assert_eq!(get(&users(), "/core/configuration/log-level?level=info").await.status, 403);
    assert_eq!(get(&app, "/configuration").await.json()["port"], 3000);
}

#[tokio::test]
async fn reports_are_for_administrators() {
    let (app, _dir) = admins();
    let csv = get(&app, "/admin/request-metrics").await;
    assert!(csv.kind.starts_with("text/csv") && csv.text.lines().count() == 2, "{}", csv.text);
    assert_eq!(get(&app, "/admin/request-metrics?page=2").await.text.lines().count(), 1);
    assert!(get(&app, "/admin/request-metrics?x=1").await.text.contains("Invalid parameter(s): x."));
    assert_eq!(get(&app, "/admin/request-metrics?page=0").await.status, 400);
    let retries = get(&app, "/admin/retry-stats?numMinutes=5").await.json();
    assert_eq!((&retries["numMinutes"], &retries["counts"]["1"]), (&json!(5), &json!(1)));
    assert!(get(&app, "/admin/retry-stats?numMinutes=-5").await.text.contains("must be a positive integer"));
    assert_eq!(get(&app, "/admin/dashboard").await.json()["services"]["hoss"]["queued"], 4);
    assert_eq!(get(&app, "/admin/dashboard?version=2").await.status, 400);
    assert_eq!(get(&users(), "/admin/dashboard").await.status, 404);
}

#[tokio::test]
async fn nothing_below_admin_is_for_others() {
    let somebody = Config { data: "absent".into(), admins: vec!["somebody".to_owned()], ..Config::default() };
    let (without, with) = (users(), server(somebody, false));
    let job = "00000000-0000-4000-8000-000000000000";
    for path in [
        "health".to_owned(),
        "request-metrics".to_owned(),
        "retry-stats?numMinutes=5".to_owned(),
        "dashboard".to_owned(),
        "jobs".to_owned(),
        format!("jobs/{job}"),
        format!("jobs/{job}/steps"),
        format!("jobs/{job}/cancel"),
        format!("jobs/{job}/skip-preview/"),
        "workflow-ui".to_owned(),
        format!("workflow-ui/{job}"),
        format!("workflow-ui/{job}/work-items"),
    ] {
        let path = format!("/admin/{path}");
        assert_eq!(get(&without, &path).await.status, 404, "{path}");
        assert_eq!(get(&with, &path).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn pages_need_nothing_from_outside() {
    let app = users();
    for (path, part) in [
        ("/", "Harmony allows you to seamlessly"),
        ("/docs", "Harmony Documentation"),
        ("/docs/api", "coverage/rangeset"),
        ("/docs/edr-api", "/cube"),
    ] {
        let page = get(&app, path).await;
        assert_eq!(page.status, 200);
        assert!(page.kind.starts_with("text/html") && page.text.contains(part), "{path}");
        assert!(!page.text.contains("src=") && !page.text.contains("<link rel=\"stylesheet"), "{path}");
    }
    assert!(get(&app, "/robots.txt").await.text.contains("Disallow: /"));
    assert!(get(&app, "/docs").await.text.contains("http://localhost:3000/jobs"));
}

#[tokio::test]
async fn requests_are_counted() {
    let app = users();
    get(&app, "/versions").await;
    get(&app, "/nowhere").await;
    let text = get(&app, "/metrics").await.text;
    for line in [
        "harmony_http_requests_total{route=\"versions\",method=\"GET\",status=\"200\"} 1",
        "harmony_http_requests_total{route=\"other\",method=\"GET\",status=\"404\"} 1",
        "harmony_jobs{status=\"running\"} 2",
        "harmony_queue_items{service=\"hoss\"} 4",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_at_once() {
    let app = users();
    let long = format!("/versions?x={}", "a".repeat(60_000));
    assert_eq!(get(&app, &long).await.status, 200);
    let longer = format!("/versions?x={}", "a".repeat(64_500));
    assert_eq!(get(&app, &longer).await.status, 414);
    let many = format!("/versions?{}", "a&".repeat(10_001));
    assert_eq!(get(&app, &many).await.status, 400);
    let huge = Request::builder()
        .method("POST")
        .uri("/ogc-api-edr/1.1.0/collections/C1-TEST/cube")
        .header(header::CONTENT_LENGTH, 200_000)
        .body(Body::empty())
        .unwrap();
    let response = router(Arc::clone(&app)).oneshot(huge).await.unwrap();
    assert_eq!(response.status(), 413);
}

#[tokio::test]
async fn too_many_at_once_are_told_when_to_come_back() {
    let app = users();
    let free = u32::try_from(app.system.places.available_permits()).unwrap();
    let _all = app.system.places.acquire_many(free).await.unwrap();
    let request = Request::builder().uri("/versions").body(Body::empty()).unwrap();
    let response = router(Arc::clone(&app)).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()[header::RETRY_AFTER], "10");
    assert_eq!(get(&app, "/readiness").await.status, 200);
}

#[tokio::test]
async fn clients_that_stop_sending_are_left() {
    let (app, _dir) = admins();
    let never = futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>();
    let request = Request::builder()
        .method("PUT")
        .uri("/service-deployments-state")
        .header(header::TRANSFER_ENCODING, "chunked")
        .body(Body::from_stream(never))
        .unwrap();
    let response = router(app).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 400);
}
