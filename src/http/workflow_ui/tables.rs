//! Tables of jobs and of work items.

use crate::http::escape::html as escape;
use crate::http::paging::Paging;
use crate::jobs::iso;
use crate::jobs::job::{ItemStatus, Job, Status};
use crate::jobs::store::Item;

/// Characters of a message or request that a table shows; the rest is in its title.
const SHOWN: usize = 100;

fn cell(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    match short.len() < text.len() {
        true => format!("<td title=\"{}\">{}…</td>", escape(text), escape(&short)),
        false => format!("<td>{}</td>", escape(text)),
    }
}

/// The colour class of a state, as pages of the reference name them.
fn badge(status: Status) -> String {
    let class = match status {
        Status::Accepted => "primary",
        Status::Canceled => "secondary",
        Status::Failed => "danger",
        Status::Successful | Status::CompleteWithErrors => "success",
        Status::Running | Status::Previewing => "info",
        Status::Paused | Status::RunningWithErrors => "warning",
    };
    format!("<span class=\"badge bg-{class}\">{}</span>", status.name())
}

/// Jobs with links to their pages below `base`.
pub fn jobs(jobs: &[Job], base: &str, with_user: bool) -> String {
    let user = if with_user { "<th>user</th>" } else { "" };
    let mut out = format!(
        "<table id=\"jobs-table\"><thead><tr><th>job</th><th>service</th>{user}<th>status</th><th>message</th>\
         <th>granules</th><th>progress</th><th>created</th><th>updated</th><th>request</th><th>labels</th></tr></thead>\
         <tbody>"
    );
    for job in jobs {
        let user = if with_user { cell(&job.username) } else { String::new() };
        out.push_str(&format!(
            "<tr id=\"job-{id}\"><td><a href=\"{base}/{id}\">{id}</a></td>{}{user}<td>{}</td>{}<td>{}</td><td>{}%</td>\
             {}{}{}{}</tr>",
            cell(&job.chain),
            badge(job.status),
            cell(job.message()),
            job.num_input_granules,
            job.progress,
            cell(&iso(job.created_ms)),
            cell(&iso(job.updated_ms)),
            cell(&job.request_url),
            cell(&job.labels.join(", ")),
            base = escape(base),
            id = job.id,
        ));
    }
    out.push_str("</tbody></table>");
    out
}

/// The whole page of a job.
pub fn job(job: &Job, items: &[(usize, Item)], is_own: bool) -> String {
    let id = job.id;
    let mut out = format!(
        "<p><a href=\"/workflow-ui\">Jobs</a> / <a href=\"/jobs/{id}\">{id}</a></p><h1>Job {id}</h1>"
    );
    if !job.status.is_terminal() {
        // Without a script the browser itself looks again.
        out.push_str("<meta http-equiv=\"refresh\" content=\"5\">");
    }
    if is_own {
        let links = crate::http::jobs::document::state_links(job, "", false);
        for link in &links {
            let text = |key: &str| escape(link[key].as_str().unwrap_or_default());
            out.push_str(&format!("<p><a href=\"{}\">{}</a></p>", text("href"), text("title")));
        }
    }
    out + &self::items(job, items, is_own)
}

/// The state of a job and its items.
pub fn items(job: &Job, items: &[(usize, Item)], is_own: bool) -> String {
    let mut out = format!(
        "<p>{} {}% — {}</p><p><code>{}</code></p><p>{}</p><table id=\"workflow-items-table\"><thead><tr><th>step</th>\
         <th>service</th><th>id</th><th>status</th><th>retry</th><th>retries</th><th>created</th><th>updated</th></tr>\
         </thead><tbody>",
        badge(job.status),
        job.progress,
        escape(job.message()),
        escape(&job.request_url),
        escape(&job.labels.join(", ")),
    );
    for (step, item) in items {
        out.push_str(&self::item(job, *step, item, is_own));
    }
    out.push_str("</tbody></table>");
    out
}

/// One row.
pub fn item(job: &Job, step: usize, item: &Item, is_own: bool) -> String {
    let service = job.steps.get(step - 1).map_or("", |s| s.service.as_str());
    let status = match &item.category {
        Some(category) => format!("{}: {category}", item.status.name()),
        None => item.status.name().to_owned(),
    };
    let retry = match is_own && item.status == ItemStatus::Running {
        true => format!(
            "<form method=\"post\" action=\"/workflow-ui/{}/{}/retry\"><button>retry</button></form>",
            job.id, item.id
        ),
        false => String::new(),
    };
    format!(
        "<tr id=\"item-{id}\"><td>{step}</td>{}<td>{id}</td><td title=\"{}\">{}</td><td>{retry}</td><td>{}</td>{}{}</tr>",
        cell(service),
        escape(item.message.as_deref().unwrap_or_default()),
        escape(&status),
        item.retry_count,
        cell(&iso(item.created_ms)),
        cell(&iso(item.updated_ms)),
        id = item.id,
    )
}

/// Where in the list this page is, with links to the others.
pub fn pages(base: &str, paging: Paging, total: u64) -> String {
    let last = paging.last(total).max(1);
    let page = paging.page.min(last);
    let (first_row, last_row) = ((page - 1) * paging.limit + 1, (page * paging.limit).min(total));
    let shown = format!("{}-{last_row} of {total} (page {page} of {last})", first_row.min(total));
    let link = |name: &str, to: u64| {
        let href = format!("{}?page={to}&amp;limit={}", escape(base), paging.limit);
        if to == page { name.to_owned() } else { format!("<a href=\"{href}\">{name}</a>") }
    };
    let links = [
        ("first", 1),
        ("previous", page.saturating_sub(1).max(1)),
        ("next", (page + 1).min(last)),
        ("last", last),
    ];
    let links: Vec<String> = links.iter().map(|(name, to)| link(name, *to)).collect();
    format!("<p>{shown} {}</p>", links.join(" "))
}
