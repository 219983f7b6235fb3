//! Jobs and their items as pages, and items that are tried again by hand.

use harmony::config::Config;
use serde_json::json;
use tokio::sync::Semaphore;

use super::support::*;

#[tokio::test]
async fn jobs_and_items_are_shown() {
    let service = Service::new(Fixed { granules: granules(3), ..Fixed::default() }).await;
    let mut wanted = submission(3);
    wanted.request_url = "http://localhost:3000/x?a=<b>".into();
    let id = service.submit(wanted).await;
    service.done(id).await;
    let list = service.get("/workflow-ui?limit=1").await;
    let page = String::from_utf8(list.body.to_vec()).unwrap();
    assert_eq!((list.status.as_u16(), list.header("Harmony-Hits")), (200, "1"));
    assert!(
        page.contains(&format!("<a href=\"/workflow-ui/{id}\">")) && page.contains("badge bg-success"),
        "{page}"
    );
    assert!(page.contains("a=&lt;b&gt;") && page.contains("1-1 of 1 (page 1 of 1)"), "{page}");
    let slash = service.get("/workflow-ui/?page=2").await;
    assert_eq!((slash.status.as_u16(), slash.header("Location")), (301, "/workflow-ui?page=2"));
    let job = service.get(&format!("/workflow-ui/{id}?limit=2")).await;
    let page = String::from_utf8(job.body.to_vec()).unwrap();
    assert!(page.contains("harmonyservices/query-cmr") && page.contains("1-2 of 4 (page 1 of 2)"), "{page}");
    let rest = service.get(&format!("/workflow-ui/{id}/work-items?limit=2&page=2")).await;
    let rows = String::from_utf8(rest.body.to_vec()).unwrap();
    assert_eq!(rows.matches("<tr id=\"item-").count(), 2, "{rows}");
    let ended = service.get(&format!("/workflow-ui/{id}/work-items?checkJobStatus=true")).await;
    assert_eq!(ended.status.as_u16(), 204);
    let steps = service.get(&format!("/jobs/{id}/steps")).await.json();
    let item = steps["steps"][1]["workItems"][0]["id"].clone();
    let row = service.get(&format!("/workflow-ui/{id}/work-items/{item}")).await;
    assert!(String::from_utf8(row.body.to_vec()).unwrap().starts_with(&format!("<tr id=\"item-{item}\">")));
    assert_eq!(service.get(&format!("/workflow-ui/{id}/links")).await.json(), json!([]));
    let all = service.get(&format!("/workflow-ui/{id}/links?all=true")).await.json();
    assert_eq!(all.as_array().unwrap().len(), 4);
    assert_eq!(service.get("/workflow-ui/1e0a").await.status.as_u16(), 400);
    assert_eq!(service.get(&format!("/logs/{id}/{item}")).await.status.as_u16(), 403);
    assert_eq!(service.get("/admin/workflow-ui").await.status.as_u16(), 404);
}

#[tokio::test]
async fn running_items_can_be_tried_again() {
    let config = Config { work_item_retry_limit: 1, ..config() };
    let stub = Stub { gate: Some(Semaphore::new(0)), ..Stub::default() };
    let service = Service::with(config, Fixed { granules: granules(1), ..Fixed::default() }, stub).await;
    let id = service.submit(submission(1)).await;
    let item = loop {
        let steps = service.get(&format!("/jobs/{id}/steps?step=2")).await.json();
        let item = &steps["steps"][0]["workItems"][0];
        if item["status"] == "running" {
            break item["id"].clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    };
    let retry = format!("/workflow-ui/{id}/{item}/retry");
    let again = || service.ask("POST", &retry, "{}");
    assert_eq!(again().await.json(), json!({ "message": "The item was successfully requeued." }));
    let exhausted = loop {
        let answer = again().await;
        // Between the attempts it is not running.
        if answer.status.as_u16() == 200 {
            break answer.json();
        }
        assert_eq!(answer.status.as_u16(), 409);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    };
    assert_eq!(exhausted, json!({ "message": "The item does not have any retries left." }));
    // The attempt that was given up may still stand in front of the gate.
    service.engine.gate.as_ref().unwrap().add_permits(2);
    assert_eq!(service.done(id).await["status"], "successful");
    let steps = service.get(&format!("/jobs/{id}/steps?step=2")).await.json();
    assert_eq!(steps["steps"][0]["workItems"][0]["retryCount"], 1);
    let unknown = service.ask("POST", &format!("/workflow-ui/{id}/999999/retry"), "{}").await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.description()),
        (404, "Error: Unable to find item 999999".into())
    );
}
