//! Laws of the store.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use harmony::jobs::birth::{self, Settings};
use harmony::jobs::job::{Job, Level, Link, Note, Status};
use harmony::jobs::machine::Event;
use harmony::jobs::store::{
    Claimed, Completion, Input, JobStore, JobStoreError, NewItem, Outcome, Publish, Reap, SqliteStore, Ticket,
};
use uuid::Uuid;

use super::support::{by, granule};

const SETTINGS: Settings = Settings {
    preview_threshold: 100,
    page_size: 2000,
    expiration_ms: 1000,
    retry_limit: 2,
    max_errors: 2000,
    max_percent_errors: 75,
    min_done_for_check: 10,
};

async fn open(dir: &tempfile::TempDir) -> SqliteStore {
    SqliteStore::open(&dir.path().join("harmony.db"), SETTINGS).await.unwrap()
}

fn nothing() -> Publish {
    Box::new(|| Ok(()))
}

/// A job of a user with `n` items of the second step that are ready.
async fn job_with(store: &SqliteStore, user: &str, n: u64) -> Uuid {
    let submission = by(user, n);
    let job: Job = birth::from_submission(&submission, &SETTINGS, 1);
    store.insert(&job, &submission).await.unwrap();
    // Work of jobs before it may come first; it goes back.
    let claimed = store.claim("setup", 1000, 1, i64::MAX).await.unwrap();
    let (own, others): (Vec<_>, Vec<_>) = claimed.into_iter().partition(|c| c.job == job.id);
    let others: Vec<Ticket> = others.iter().map(|c| c.ticket).collect();
    store.release(&others, 1).await.unwrap();
    let query = &own[0];
    let items = (0..n).map(|index| NewItem { step: 2, index, input: Input::Granule(Box::new(granule("g"))) });
    let completion = Completion { next: items.collect(), ..Completion::default() };
    store.complete(&query.ticket, completion, nothing(), 2).await.unwrap().unwrap();
    job.id
}

async fn finish(store: &SqliteStore, ticket: &Ticket) -> Option<Status> {
    let link = Link { href: format!("/x/{}", ticket.item), rel: "data".into(), ..Link::default() };
    let completion = Completion { links: vec![link], ..Completion::default() };
    store.complete(ticket, completion, nothing(), 3).await.unwrap()
}

fn failure(retry_ms: Option<i64>) -> Completion {
    let note =
        Note { level: Level::Error, url: "u".into(), message: "WorkItem failed: x".into(), category: None };
    Completion { outcome: Outcome::Failed { note, retry_ms, fatal: None }, ..Completion::default() }
}

#[tokio::test]
async fn users_take_turns_whoever_came_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir).await;
    let a1 = job_with(&store, "a", 6).await;
    let a2 = job_with(&store, "a", 6).await;
    let b = job_with(&store, "b", 3).await;
    let claimed = store.claim("w", 6, 5, i64::MAX).await.unwrap();
    let jobs: Vec<Uuid> = claimed.iter().map(|c| c.job).collect();
    assert_eq!(jobs, [a1, b, a1, b, a1, b]);
    // The other's items are gone: the rest is for the first, its older job before the younger.
    let rest: Vec<Uuid> = store.claim("w", 20, 5, i64::MAX).await.unwrap().iter().map(|c| c.job).collect();
    assert_eq!(rest, [vec![a1; 3], vec![a2; 6]].concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_item_is_done_exactly_once_under_rivals() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&dir).await);
    let jobs = [job_with(&store, "a", 60).await, job_with(&store, "b", 60).await];
    let mut workers = Vec::new();
    for w in 0..8 {
        let store = store.clone();
        workers.push(tokio::spawn(async move {
            let mut done = Vec::new();
            loop {
                let claimed = store.claim(&format!("w{w}"), 1 + w % 3, 5, i64::MAX).await.unwrap();
                if claimed.is_empty() {
                    return done;
                }
                for item in claimed {
                    assert!(finish(&store, &item.ticket).await.is_some());
                    // A second time it is void.
                    assert!(finish(&store, &item.ticket).await.is_none());
                    done.push(item.ticket.item);
                }
            }
        }));
    }
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    assert_eq!((all.len(), all.iter().collect::<HashSet<_>>().len()), (120, 120));
    for id in jobs {
        let job = store.job(id).await.unwrap().unwrap();
        assert_eq!((job.status, job.progress, job.counts.data_links), (Status::Successful, 100, 60));
    }
}

#[tokio::test]
async fn a_lost_lease_makes_a_ticket_void() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir).await;
    let id = job_with(&store, "a", 2).await;
    let first = store.claim("w", 1, 10, 100).await.unwrap().remove(0);
    assert!(store.reap(Reap::Expired, 100).await.unwrap().is_empty());
    assert_eq!(store.renew("w", &[first.ticket], 200).await.unwrap(), Vec::<i64>::new());
    assert!(store.reap(Reap::Expired, 150).await.unwrap().is_empty());
    assert_eq!(store.reap(Reap::Expired, 201).await.unwrap(), [first.ticket]);
    assert_eq!(store.renew("w", &[first.ticket], 300).await.unwrap(), [first.ticket.item]);
    let again = store.claim("v", 1, 210, 400).await.unwrap().remove(0);
    assert_eq!(again.ticket, Ticket { item: first.ticket.item, attempt: first.ticket.attempt + 1 });
    // What the first worker made is not moved anywhere.
    let moved = Arc::new(AtomicBool::new(false));
    let flag = moved.clone();
    let publish: Publish = Box::new(move || {
        flag.store(true, Ordering::Relaxed);
        Ok(())
    });
    let late = store.complete(&first.ticket, Completion::default(), publish, 220).await.unwrap();
    assert_eq!((late, moved.load(Ordering::Relaxed)), (None, false));
    assert_eq!(finish(&store, &again.ticket).await, Some(Status::Running));
    let job = store.job(id).await.unwrap().unwrap();
    assert_eq!((job.counts.ready, job.counts.running), (1, 0));
    // Of a process that is gone all items come back at once.
    let item = store.claim("v", 1, 210, i64::MAX).await.unwrap().remove(0);
    assert_eq!(store.reap(Reap::AllBut("new"), 211).await.unwrap(), [item.ticket]);
}

#[tokio::test]
async fn paused_and_canceled_jobs_give_no_work() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir).await;
    let id = job_with(&store, "a", 3).await;
    let running = store.claim("w", 1, 5, 100).await.unwrap().remove(0);
    store.change(id, Some("a"), Event::Pause, 6).await.unwrap();
    assert!(store.claim("w", 1, 6, 100).await.unwrap().is_empty());
    // What runs may finish.
    assert_eq!(finish(&store, &running.ticket).await, Some(Status::Paused));
    store.change(id, Some("a"), Event::Resume, 7).await.unwrap();
    let running = store.claim("w", 1, 8, 100).await.unwrap().remove(0);
    assert!(matches!(
        store.change(id, Some("b"), Event::Cancel { by_admin: false }, 9).await,
        Err(JobStoreError::NotFound { .. })
    ));
    store.change(id, None, Event::Cancel { by_admin: true }, 9).await.unwrap();
    assert_eq!(finish(&store, &running.ticket).await, None);
    assert!(store.claim("w", 1, 9, 100).await.unwrap().is_empty());
    let job = store.job(id).await.unwrap().unwrap();
    assert_eq!((job.status, job.message()), (Status::Canceled, "Canceled by admin."));
    assert_eq!((job.counts.open(), job.steps[1].canceled), (0, 2));
}

#[tokio::test]
async fn retries_wait_are_silent_and_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir).await;
    let id = job_with(&store, "a", 1).await;
    let mut now = 10;
    for _ in 0..SETTINGS.retry_limit {
        let item = store.claim("w", 1, now, i64::MAX).await.unwrap().remove(0);
        let status = store.complete(&item.ticket, failure(Some(100)), nothing(), now).await.unwrap();
        assert_eq!(status, Some(Status::Running));
        assert!(store.claim("w", 1, now + 99, i64::MAX).await.unwrap().is_empty());
        assert_eq!(store.job(id).await.unwrap().unwrap().counts.errors, 0);
        now += 1000;
    }
    let item = store.claim("w", 1, now, i64::MAX).await.unwrap().remove(0);
    let status = store.complete(&item.ticket, failure(Some(100)), nothing(), now).await.unwrap();
    assert_eq!(status, Some(Status::Failed));
    let job = store.job(id).await.unwrap().unwrap();
    assert_eq!((job.message(), job.counts.errors), ("WorkItem failed: x", 1));
}

#[tokio::test]
async fn everything_survives_a_new_process() {
    let dir = tempfile::tempdir().unwrap();
    let (id, item) = {
        let store = open(&dir).await;
        let id = job_with(&store, "a", 2).await;
        (id, store.claim("w", 1, 5, i64::MAX).await.unwrap().remove(0))
    };
    let store = open(&dir).await;
    assert_eq!(store.submission(id).await.unwrap().unwrap().id, id);
    assert!(store.reap(Reap::AllBut("w2"), 6).await.unwrap() == [item.ticket]);
    let mut seen: HashMap<i64, usize> = HashMap::new();
    loop {
        let claimed: Vec<Claimed> = store.claim("w2", 4, 7, i64::MAX).await.unwrap();
        if claimed.is_empty() {
            break;
        }
        for c in claimed {
            *seen.entry(c.ticket.item).or_default() += 1;
            finish(&store, &c.ticket).await.unwrap();
        }
    }
    assert!(seen.len() == 2 && seen.values().all(|n| *n == 1));
    assert_eq!(store.job(id).await.unwrap().unwrap().status, Status::Successful);
    assert_eq!(store.expired(10_000, 5).await.unwrap(), [id]);
    store.data_deleted(id).await.unwrap();
    assert!(store.expired(10_000, 5).await.unwrap().is_empty());
    assert_eq!(store.forget_items(10_000).await.unwrap(), 3);
}

#[tokio::test]
async fn results_that_cannot_be_moved_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir).await;
    let id = job_with(&store, "a", 1).await;
    let item = store.claim("w", 1, 5, i64::MAX).await.unwrap().remove(0);
    let before = store.job(id).await.unwrap();
    let full: Publish = Box::new(|| Err("no space left".into()));
    let error = store.complete(&item.ticket, Completion::default(), full, 6).await.unwrap_err();
    assert!(matches!(error, JobStoreError::Publish { .. }), "{error}");
    assert_eq!(store.job(id).await.unwrap(), before);
    assert_eq!(finish(&store, &item.ticket).await, Some(Status::Successful));
}
