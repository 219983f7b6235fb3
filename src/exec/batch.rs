//! Many granules: in parallel within `--jobs`, going on past failures, resumable.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::Serialize;

use super::granule::{Context, GranuleError, Target, Written, transform};
use super::progress::Progress;
use crate::store::Input;

/// A batch to run.
pub struct Batch<'a> {
    pub inputs: &'a [Input],
    pub target: Target,
    pub context: &'a Context,
    /// Granules in work at once.
    pub jobs: usize,
    /// Stop starting granules after the first failure.
    pub fail_fast: bool,
    pub show_progress: bool,
    pub cancel: &'a AtomicBool,
}

/// What became of one granule.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    Written(Written),
    NoData {
        reason: String,
    },
    Failed {
        error: String,
    },
    /// Not started: interrupted, or after a failure with `--fail-fast`.
    Skipped,
}

/// What became of all of them, in the order of the inputs.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub outcomes: Vec<(String, Outcome)>,
}

impl Summary {
    pub fn count(&self, is: fn(&Outcome) -> bool) -> usize {
        self.outcomes.iter().filter(|(_, o)| is(o)).count()
    }

    pub fn written(&self) -> usize {
        self.count(|o| matches!(o, Outcome::Written(_)))
    }

    pub fn failed(&self) -> usize {
        self.count(|o| matches!(o, Outcome::Failed { .. } | Outcome::Skipped))
    }

    /// 0 all done (granules without data are done) · 1 some failed · 3 no data at all.
    pub fn exit_code(&self) -> u8 {
        if self.failed() > 0 {
            1
        } else if self.written() == 0 {
            3
        } else {
            0
        }
    }
}

/// Runs a batch. Failures are outcomes; with several inputs they are also listed in `failed.jsonl` beside the results.
pub fn run(batch: &Batch) -> Summary {
    let summary = match batch.context.request.aggregate {
        Some(_) => super::joined::run(batch),
        None => one_by_one(batch),
    };
    if batch.inputs.len() > 1
        && let Target::Folder(folder) = &batch.target
    {
        list_failures(folder, &summary);
    }
    summary
}

fn one_by_one(batch: &Batch) -> Summary {
    let progress = Progress::new(batch.inputs.len(), batch.show_progress);
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let outcomes: Mutex<Vec<Option<Outcome>>> = Mutex::new(vec![None; batch.inputs.len()]);
    std::thread::scope(|scope| {
        for _ in 0..batch.jobs.clamp(1, batch.inputs.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(input) = batch.inputs.get(i) else { return };
                    if stop.load(Ordering::Relaxed) || batch.cancel.load(Ordering::Relaxed) {
                        continue;
                    }
                    let outcome = one(batch, input);
                    if batch.fail_fast && matches!(outcome, Outcome::Failed { .. }) {
                        stop.store(true, Ordering::Relaxed);
                    }
                    progress.granule_done(&outcome);
                    let mut all = outcomes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    all[i] = Some(outcome);
                }
            });
        }
    });
    progress.finish();
    let outcomes = outcomes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let named = batch.inputs.iter().map(Input::to_string).zip(outcomes);
    Summary { outcomes: named.map(|(n, o)| (n, o.unwrap_or(Outcome::Skipped))).collect() }
}

/// A granule that brings the program down must not take the others along: a panic is reported as its failure.
fn one(batch: &Batch, input: &Input) -> Outcome {
    let work = || transform(input, &batch.target, batch.context);
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(Ok(written)) => Outcome::Written(written),
        Ok(Err(error)) if error.is_no_data() => Outcome::NoData { reason: error.to_string() },
        Ok(Err(error)) if error.is_cancelled() => Outcome::Skipped,
        Ok(Err(error)) => Outcome::Failed { error: name_input(input, &error) },
        Err(_) => Outcome::Failed {
            error: format!("{}: internal error; please report it with this granule", input),
        },
    }
}

/// The message, led by the input's name unless it already names it.
pub fn name_input(input: &Input, error: &GranuleError) -> String {
    let (name, text) = (input.to_string(), error.to_string());
    let short = Path::new(&name).file_name().map_or(name.clone(), |f| f.to_string_lossy().into_owned());
    if text.contains(&short) { text } else { format!("{name}: {text}") }
}

/// Writes `failed.jsonl`, or removes the one of an earlier run when nothing failed.
fn list_failures(folder: &Path, summary: &Summary) {
    let path: PathBuf = folder.join("failed.jsonl");
    let failed = summary.outcomes.iter().filter_map(|(input, outcome)| match outcome {
        Outcome::Failed { error } => Some((input, error.as_str())),
        Outcome::Skipped => Some((input, "not started; run the same command again")),
        _ => None,
    });
    let lines: Vec<String> = failed
        .map(|(input, error)| serde_json::json!({ "input": input, "error": error }).to_string())
        .collect();
    if lines.is_empty() {
        let _ = std::fs::remove_file(&path);
        return;
    }
    let write = || -> std::io::Result<()> {
        let temporary = folder.join(".failed.jsonl.tmp");
        let mut file = std::fs::File::create(&temporary)?;
        lines.iter().try_for_each(|l| writeln!(file, "{l}"))?;
        std::fs::rename(&temporary, &path)
    };
    // The failures are in the summary all the same; a full disk must not hide them.
    let _ = write();
}
