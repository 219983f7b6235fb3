//! The documents of a job.

use serde_json::{Map, Value, json};

use super::super::Problem;
use super::super::paging::Params;
use crate::jobs::iso;
use crate::jobs::job::{Job, Level, Link, Note, Status};
use crate::jobs::store::View;

/// The kind of address that links should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    Http,
    S3,
}

impl LinkType {
    /// Reads `linktype`; `None`: it is not given.
    ///
    /// # Errors
    /// 400 for another value.
    pub fn parse(params: &Params) -> Result<Option<Self>, Problem> {
        let Some(value) = params.any_case("linktype") else { return Ok(None) };
        match value.to_lowercase().as_str() {
            "" => Ok(None),
            "http" | "https" => Ok(Some(LinkType::Http)),
            "s3" => Ok(Some(LinkType::S3)),
            other => Err(Problem::invalid(format!("Invalid linkType '{other}' must be http, https, or s3"))),
        }
    }

    /// As [`LinkType::parse`], with the default of status documents.
    ///
    /// # Errors
    /// As there.
    pub fn of(params: &Params) -> Result<Self, Problem> {
        Ok(LinkType::parse(params)?.unwrap_or(LinkType::Http))
    }
}

/// The address of a stored link as it is shown.
///
/// # Errors
/// 500 for an object that is not among public results.
pub fn href(link: &Link, job: &Job, root: &str, link_type: LinkType) -> Result<String, Problem> {
    if link.href.starts_with('/') {
        return Ok(format!("{root}{}", link.href));
    }
    let Some(object) = link.href.strip_prefix("s3://") else { return Ok(link.href.clone()) };
    let is_store = link.media_type.as_deref() == Some("application/x-zarr");
    if job.destination.is_some() || link_type == LinkType::S3 || is_store {
        return Ok(link.href.clone());
    }
    match object.split_once('/') {
        Some((bucket, key)) if key.starts_with("public/") => {
            Ok(format!("{root}/service-results/{bucket}/{key}"))
        }
        _ => Err(Problem::internal(format!("{} is not a public result", link.href))),
    }
}

fn link(title: &str, href: String, rel: &str, media_type: &str) -> Value {
    json!({ "title": title, "href": href, "rel": rel, "type": media_type })
}

const JSON: &str = "application/json";

/// What can be done with a job; with `all` also what can't be done now.
pub fn state_links(job: &Job, root: &str, all: bool) -> Vec<Value> {
    let is_running = matches!(job.status, Status::Running | Status::RunningWithErrors | Status::Previewing);
    let known = [
        (is_running || job.status == Status::Paused, "Cancels the job.", "cancel", "canceler"),
        (is_running, "Pauses the job.", "pause", "pauser"),
        (job.status == Status::Paused, "Resumes the job.", "resume", "resumer"),
        (
            job.status == Status::Previewing,
            "Skips preview and runs the job.",
            "skip-preview",
            "preview-skipper",
        ),
    ];
    let address = |action: &str| format!("{root}/jobs/{}/{action}", job.id);
    known
        .iter()
        .filter(|(is_valid, ..)| all || *is_valid)
        .map(|(_, t, a, rel)| link(t, address(a), rel, JSON))
        .collect()
}

fn self_link(job: &Job, root: &str, rel: &str) -> Value {
    link("Job Status", format!("{root}/jobs/{}", job.id), rel, JSON)
}

/// The part that all documents have.
fn common(job: &Job, root: &str, message: &str, links: Vec<Value>) -> Map<String, Value> {
    let mut all = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            all.insert(key.into(), value);
        }
    };
    put("username", json!(job.username));
    put("status", json!(job.status.name()));
    put("message", json!(message));
    put("progress", json!(job.progress));
    put("createdAt", json!(iso(job.created_ms)));
    put("updatedAt", json!(iso(job.updated_ms)));
    put("dataExpiration", json!(job.expiration()));
    put("links", Value::Array(links));
    put("labels", json!(job.labels));
    put("steps", json!(format!("{root}/jobs/{}/steps", job.id)));
    put("serviceName", json!(job.chain));
    put("request", json!(job.request_url));
    put("numInputGranules", json!(job.num_input_granules));
    put("jobID", json!(job.id));
    all
}

/// A job in a list.
pub fn brief(job: &Job, root: &str) -> Value {
    let mut links = state_links(job, root, false);
    links.push(self_link(job, root, "item"));
    Value::Object(common(job, root, job.message(), links))
}

/// A job as it was made.
pub fn snapshot(job: &Job, root: &str) -> Value {
    let mut links = state_links(job, root, false);
    links.push(self_link(job, root, "self"));
    Value::Object(common(job, root, job.message(), links))
}

/// The status document.
///
/// # Errors
/// As [`href`].
pub fn full(view: &View, root: &str, link_type: LinkType, pages: Vec<Value>) -> Result<Value, Problem> {
    let job = &view.job;
    let mut links = state_links(job, root, false);
    let has_place = view.links.iter().any(|l| l.bbox.is_some() && l.temporal.is_some());
    if job.status.has_succeeded() && has_place {
        links.push(link("STAC catalog", format!("{root}/stac/{}/", job.id), "stac-catalog-json", JSON));
    }
    let mut data = Vec::with_capacity(view.links.len());
    let mut is_in_cloud = false;
    for stored in &view.links {
        let href = href(stored, job, root, link_type)?;
        is_in_cloud |= href.starts_with("s3://");
        data.push(data_link(stored, href));
    }
    let is_in_cloud = is_in_cloud && job.destination.is_none();
    if is_in_cloud {
        let title =
            |form: &str| format!("Access keys for s3:// URLs, usable from AWS us-west-2 ({form} format)");
        let shell = format!("{root}/cloud-access.sh");
        links.push(link(&title("Shell"), shell, "cloud-access-sh", "application/x-sh"));
        links.push(link(&title("JSON"), format!("{root}/cloud-access"), "cloud-access-json", JSON));
        links.extend(staging_link(view));
    }
    links.extend(data);
    links.extend(pages);
    let message = shown_message(job, root, is_in_cloud);
    let mut all = common(job, root, &message, links);
    add_notes(&mut all, "errors", view.notes(Level::Error), root);
    add_notes(&mut all, "warnings", view.notes(Level::Warning), root);
    add_sizes(&mut all, job);
    Ok(Value::Object(all))
}

/// The folder of all results in an object store.
fn staging_link(view: &View) -> Option<Value> {
    let stored = view.links.iter().find_map(|l| l.href.strip_prefix("s3://"))?;
    let bucket = stored.split('/').next()?;
    Some(json!({
        "title": "Results in AWS S3. Access from AWS us-west-2 with keys from /cloud-access.sh",
        "href": format!("s3://{bucket}/public/{}/", view.job.id),
        "rel": "s3-access",
    }))
}

fn data_link(stored: &Link, href: String) -> Value {
    let mut all = Map::new();
    all.insert("href".into(), json!(href));
    for (key, value) in [("title", &stored.title), ("type", &stored.media_type)] {
        if let Some(text) = value {
            all.insert(key.into(), json!(text));
        }
    }
    all.insert("rel".into(), json!(stored.rel));
    if let Some(bbox) = stored.bbox {
        all.insert("bbox".into(), json!(bbox));
    }
    if let Some([start, end]) = stored.temporal {
        all.insert("temporal".into(), json!({ "start": iso(start), "end": iso(end) }));
    }
    Value::Object(all)
}

fn shown_message(job: &Job, root: &str, is_in_cloud: bool) -> String {
    let mut message = job.message().to_owned();
    if is_in_cloud {
        if !message.ends_with('.') {
            message.push('.');
        }
        message.push_str(&format!(
            " Contains results in AWS S3. Access from AWS us-west-2 with keys from {root}/cloud-access.sh"
        ));
    }
    message
}

fn add_notes<'a>(all: &mut Map<String, Value>, key: &str, notes: impl Iterator<Item = &'a Note>, root: &str) {
    let address = |url: &str| if url.starts_with('/') { format!("{root}{url}") } else { url.to_owned() };
    let notes: Vec<Value> = notes.map(|n| json!({ "url": address(&n.url), "message": n.message })).collect();
    if !notes.is_empty() {
        all.insert(key.into(), Value::Array(notes));
    }
}

fn add_sizes(all: &mut Map<String, Value>, job: &Job) {
    let (before, after) = (job.counts.bytes_in as f64, job.counts.bytes_out as f64);
    if !job.status.has_succeeded() || before <= 0.0 || after <= 0.0 {
        return;
    }
    all.insert("originalDataSize".into(), json!(size(before)));
    all.insert("outputDataSize".into(), json!(size(after)));
    all.insert("dataSizePercentChange".into(), json!(change(before, after)));
}

/// A size with the unit that leaves it below 1024.
fn size(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut value, mut unit) = (bytes, 0);
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.2} {}", units[unit])
}

fn change(before: f64, after: f64) -> String {
    let percent = (before - after) / before * 100.0;
    match percent {
        0.0 => "no change".into(),
        // Something is left.
        p if p >= 99.995 => "99.99% reduction".into(),
        p if p > 0.0 => format!("{p:.2}% reduction"),
        p => format!("{:.2}% increase", -p),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_their_change() {
        assert_eq!(size(10.99 * 1024.0 * 1024.0), "10.99 MiB");
        assert_eq!((size(1023.0), size(1024.0)), ("1023.00 B".into(), "1.00 KiB".into()));
        assert_eq!(change(100.0, 41.82), "58.18% reduction");
        assert_eq!(change(100.0, 112.5), "12.50% increase");
        assert_eq!(change(100.0, 100.0), "no change");
        assert_eq!(change(1e9, 1.0), "99.99% reduction");
    }
}
