//! Cancel, pause, resume, skip the preview; one job or many. Polling.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{App, Caller, Problem, answer, body_of, job_id, may_see, redirect};
use crate::jobs::machine::Event;
use crate::jobs::store::Brief;

/// Jobs that one request may ask about.
const ASKED_AT_ONCE: usize = 2000;

async fn change_own(app: &App, caller: &Caller, id: &str, event: Event) -> Result<Response, Problem> {
    let id = job_id(id)?;
    app.jobs.change(id, Some(&caller.name), event).await?;
    Ok(redirect(&format!("/jobs/{id}")))
}

async fn change_any(app: &App, id: &str, event: Event) -> Result<Response, Problem> {
    let id = job_id(id)?;
    app.jobs.change(id, None, event).await?;
    Ok(redirect(&format!("/admin/jobs/{id}")))
}

async fn change_many(app: &App, caller: &Caller, body: &[u8], event: Event) -> Result<Response, Problem> {
    let owner = (!caller.is_admin).then_some(caller.name.as_str());
    let event = match event {
        Event::Cancel { .. } => Event::Cancel { by_admin: caller.is_admin },
        other => other,
    };
    let body = body_of(body);
    let ids = body.get("jobIDs").and_then(Value::as_array);
    for (changed, id) in ids.into_iter().flatten().enumerate() {
        let id = id.as_str().and_then(super::parse_id);
        let done = match id {
            Some(id) => app.jobs.change(id, owner, event).await.is_ok(),
            None => false,
        };
        if !done {
            return Err(stopped_at(changed));
        }
    }
    if ids.is_none() {
        return Err(stopped_at(0));
    }
    Ok(answer(&json!({ "status": event.target().name() })))
}

/// In the words of the reference, letter by letter.
fn stopped_at(changed: usize) -> Problem {
    Problem::server(format!("Could not change all job statuses. Proccessed {changed}."))
}

macro_rules! changes {
    ($($own:ident $any:ident $many:ident $event:expr, $by_admin:expr;)*) => {$(
        pub async fn $own(
            State(app): State<Arc<App>>,
            caller: Caller,
            Path(id): Path<String>,
        ) -> Result<Response, Problem> {
            change_own(&app, &caller, &id, $event).await
        }

        pub async fn $any(
            State(app): State<Arc<App>>,
            Path(id): Path<String>,
        ) -> Result<Response, Problem> {
            change_any(&app, &id, $by_admin).await
        }

        pub async fn $many(
            State(app): State<Arc<App>>,
            caller: Caller,
            body: Bytes,
        ) -> Result<Response, Problem> {
            change_many(&app, &caller, &body, $event).await
        }
    )*};
}

changes! {
    cancel admin_cancel cancel_many Event::Cancel { by_admin: false }, Event::Cancel { by_admin: true };
    pause admin_pause pause_many Event::Pause, Event::Pause;
    resume admin_resume resume_many Event::Resume, Event::Resume;
    skip_preview admin_skip_preview skip_preview_many Event::SkipPreview, Event::SkipPreview;
}

/// States of many jobs, for clients that wait.
pub async fn statuses(State(app): State<Arc<App>>, caller: Caller, body: Bytes) -> Result<Response, Problem> {
    let body = body_of(&body);
    let ids = body.get("jobIDs").and_then(Value::as_array).filter(|ids| !ids.is_empty());
    let ids = ids.ok_or_else(|| Problem::invalid("jobIDs must be a list of at least one job ID."))?;
    if ids.len() > ASKED_AT_ONCE {
        let limit = ASKED_AT_ONCE;
        return Err(Problem::invalid(format!(
            "jobIDs may have at most {limit} job IDs; ask in several requests."
        )));
    }
    let mut wanted: Vec<Uuid> = Vec::with_capacity(ids.len());
    for id in ids {
        let text = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        wanted.push(job_id(&text)?);
    }
    let mut seen = std::collections::HashSet::new();
    wanted.retain(|id| seen.insert(*id));
    let found = app.jobs.store().briefs(&wanted).await?;
    let found: HashMap<Uuid, Brief> = found.into_iter().map(|b| (b.id, b)).collect();
    let (mut statuses, mut missing) = (Vec::new(), Vec::new());
    for id in wanted {
        match found.get(&id) {
            Some(b) if may_see(&app, &caller, &b.username, &b.collections).await? => {
                statuses.push(json!({ "jobID": id, "status": b.status.name(), "progress": b.progress }));
            }
            _ => missing.push(id),
        }
    }
    Ok(answer(&json!({ "jobStatuses": statuses, "notFoundJobIDs": missing })))
}

/// Ids from a list of texts.
pub fn known_ids(texts: &[String]) -> Result<Vec<Uuid>, Problem> {
    let parse = |text: &String| {
        super::parse_id(text).ok_or_else(|| Problem::invalid(format!("jobId {text} is in invalid format.")))
    };
    texts.iter().map(parse).collect()
}
