//! What the user reads at the end.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use harmony_model::time::DateTime;
use serde::Serialize;

use crate::exec::{Outcome, Summary};
use crate::plan::size;
use crate::request::cli::Args;

/// Text to standard output; a closed pipe is not an error of ours.
pub fn out(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// A document to standard output.
pub fn json<T: Serialize>(document: &T) {
    if let Ok(text) = serde_json::to_string_pretty(document) {
        out(&text);
        out("\n");
    }
}

/// One line to standard error.
pub fn error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "error: {}", text.replace('\n', " "));
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// The time of the run, ISO 8601 UTC to the second; `SOURCE_DATE_EPOCH` makes runs reproducible.
pub fn now() -> String {
    let fixed = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|t| t.parse::<i64>().ok());
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs().cast_signed());
    DateTime { micros: fixed.unwrap_or_else(clock).saturating_mul(1_000_000) }.to_string()
}

/// Says what became of the granules.
pub fn summary(args: &Args, summary: &Summary) {
    if args.json {
        let documents: Vec<_> =
            summary.outcomes.iter().map(|(input, outcome)| Named { input, outcome }).collect();
        json(&documents);
    }
    let several = summary.outcomes.len() > 1;
    for (input, outcome) in &summary.outcomes {
        match outcome {
            Outcome::Written(w) if !args.quiet && !several => {
                let again = if w.resumed { " (was there already)" } else { "" };
                say(&format!(
                    "{} {}, read {}{again}",
                    w.output.display(),
                    size(w.bytes_written),
                    size(w.bytes_read)
                ));
            }
            Outcome::NoData { reason } if !several => error(reason),
            Outcome::NoData { reason } if !args.quiet => say(&format!("no data: {reason}")),
            Outcome::Failed { error: text } => error(text),
            Outcome::Skipped if !several => {
                error(&format!("{input}: interrupted; run the same command again"))
            }
            _ => {}
        }
    }
    if several {
        batch(args, summary);
    }
    if !args.quiet && !args.json {
        notices(summary).iter().for_each(|notice| say(&format!("note: {notice}")));
    }
}

/// What was left out or decided, each thing once however many granules it is about.
fn notices(summary: &Summary) -> BTreeSet<&str> {
    let written = summary.outcomes.iter().filter_map(|(_, outcome)| match outcome {
        Outcome::Written(w) => Some(&w.notices),
        _ => None,
    });
    written.flatten().map(String::as_str).collect()
}

#[derive(Serialize)]
struct Named<'a> {
    input: &'a str,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

fn batch(args: &Args, summary: &Summary) {
    let (all, written, failed) = (summary.outcomes.len(), summary.written(), summary.failed());
    let resumed = summary.count(|o| matches!(o, Outcome::Written(w) if w.resumed));
    let folder = args.output.display();
    if failed > 0 {
        error(&format!(
            "{failed} of {all} granules failed ({written} written to {folder}); see {}",
            args.output.join("failed.jsonl").display()
        ));
    } else if !args.quiet {
        let again = if resumed > 0 { format!(" ({resumed} were there already)") } else { String::new() };
        let empty = all - written;
        let none = if empty > 0 { format!(", {empty} without data in the selection") } else { String::new() };
        say(&format!("{written} of {all} granules written to {folder}{again}{none}"));
    }
}
