//! The state machine of jobs: pure, so that every store applies the same rules inside its own transaction.

use super::birth::Settings;
use super::job::{ItemStatus, Job, Status};

/// What users do to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Pause,
    Resume,
    SkipPreview,
    /// By an administrator, or by the user.
    Cancel {
        by_admin: bool,
    },
}

impl Event {
    /// The state it leads to.
    pub fn target(self) -> Status {
        match self {
            Event::Pause => Status::Paused,
            Event::Resume | Event::SkipPreview => Status::Running,
            Event::Cancel { .. } => Status::Canceled,
        }
    }

    fn is_allowed(self, from: Status) -> bool {
        match self {
            Event::Pause => {
                matches!(from, Status::Running | Status::RunningWithErrors | Status::Previewing)
            }
            Event::Resume => from == Status::Paused,
            Event::SkipPreview => matches!(from, Status::Previewing | Status::Paused),
            Event::Cancel { .. } => !from.is_terminal(),
        }
    }

    fn refusal(self, from: Status) -> String {
        let current = from.name();
        match self {
            Event::Resume => format!("Job status is {current} - only paused jobs can be resumed."),
            Event::SkipPreview => {
                format!("Job status is {current} - only previewing jobs can skip preview.")
            }
            Event::Pause | Event::Cancel { .. } => {
                format!("Job status cannot be updated from {current} to {}.", self.target().name())
            }
        }
    }
}

/// Applies what a user does.
///
/// # Errors
/// The message of the conflict.
pub fn apply(job: &mut Job, event: Event) -> Result<(), String> {
    if !event.is_allowed(job.status) {
        return Err(event.refusal(job.status));
    }
    job.status = event.target();
    if let Event::Cancel { by_admin } = event {
        job.say(Status::Canceled, if by_admin { "Canceled by admin." } else { "Canceled by user." });
    }
    Ok(())
}

/// What became of an item, as far as the job is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Handled<'a> {
    /// From 1.
    pub step: usize,
    pub status: ItemStatus,
    /// The last errors and warnings that were noted with it: its own, or those of granules that were left out of a
    /// joined result.
    pub error: Option<&'a str>,
    pub warning: Option<&'a str>,
    /// The job ends with this message whatever else it allows: nothing can follow without this item.
    pub fatal: Option<&'a str>,
}

/// Brings a job up to date after one of its items was completed and counted.
pub fn after_item(job: &mut Job, handled: &Handled, settings: &Settings) {
    if job.status.is_terminal() {
        return;
    }
    // What is said at the end if it stays the only one.
    if let (Some(message), 1) = (handled.error, job.counts.errors) {
        job.say(Status::Failed, message);
    }
    if let (Some(message), 1) = (handled.warning, job.counts.warnings) {
        job.say(Status::Successful, message);
    }
    if handled.status == ItemStatus::Failed
        && let Some(message) = ends_the_job(job, handled, settings)
    {
        job.status = Status::Failed;
        job.say(Status::Failed, &message);
        return;
    }
    if handled.error.is_some() && job.status == Status::Running {
        job.status = Status::RunningWithErrors;
    }
    job.progress = job.progress.max(progress(job).min(99));
    if job.counts.open() == 0 {
        finish(job);
    } else if job.status == Status::Previewing && handled.step == job.steps.len() {
        job.status = Status::Paused;
    }
}

fn ends_the_job(job: &Job, handled: &Handled, settings: &Settings) -> Option<String> {
    if let Some(message) = handled.fatal {
        return Some(message.to_owned());
    }
    if !job.ignore_errors {
        return Some(handled.error.unwrap_or(Status::Failed.default_message()).to_owned());
    }
    if job.counts.errors > settings.max_errors {
        let max = settings.max_errors;
        return Some(format!(
            "Maximum allowed errors {max} exceeded. See the errors fields for more details"
        ));
    }
    let step = job.steps.get(handled.step.saturating_sub(1))?;
    let done = step.successful + step.failed;
    let percent = settings.max_percent_errors;
    (done >= settings.min_done_for_check.max(1) && step.failed * 100 > done * percent)
        .then(|| format!("{percent} percent maximum errors exceeded. See the errors fields for more details"))
}

/// The end of a job all of whose items are done.
fn finish(job: &mut Job) {
    let counts = job.counts;
    if counts.errors > 0 && counts.data_links == 0 {
        job.status = Status::Failed;
        if counts.errors > 1 {
            let (e, w) = (counts.errors, counts.warnings);
            job.say(
                Status::Failed,
                &format!(
                    "The job failed with {e} errors and {w} warnings. See the errors and warnings fields of the job \
                     status page for more details."
                ),
            );
        }
        return;
    }
    job.progress = 100;
    if counts.errors > 0 {
        job.status = Status::CompleteWithErrors;
        return;
    }
    job.status = Status::Successful;
    if counts.warnings > 1 {
        let w = counts.warnings;
        job.say(
            Status::Successful,
            &format!(
                "The job succeeded with {w} warnings. See the warnings field of the job status page for more details."
            ),
        );
    }
}

/// Weighted progress over all steps, 0…100.
pub fn progress(job: &Job) -> u32 {
    let (mut sum, mut weights, mut previous) = (0.0, 0.0, 100u64);
    for step in &job.steps {
        let done = step.completed();
        let of = step.total.max(done).max(1);
        previous = previous * done / of;
        sum += step.weight * previous as f64;
        weights += step.weight;
    }
    // Weights are tenths: a sum just below a whole number is that number.
    let percent = if weights > 0.0 { (sum / weights + 1e-9).floor() } else { 0.0 };
    percent.clamp(0.0, 100.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::Submission;
    use crate::jobs::birth::from_submission;
    use crate::jobs::job::StepState;

    const SETTINGS: Settings = Settings {
        preview_threshold: 100,
        page_size: 2000,
        expiration_ms: 0,
        retry_limit: 5,
        max_errors: 2000,
        max_percent_errors: 75,
        min_done_for_check: 10,
    };

    fn job(granules: u64) -> Job {
        let submission =
            Submission { num_input_granules: granules, ignore_errors: true, ..Submission::default() };
        from_submission(&submission, &SETTINGS, 0)
    }

    #[test]
    fn progress_is_weighted_and_rounded_down() {
        let mut job = job(10);
        assert_eq!(progress(&job), 0);
        job.steps[0].successful = 1;
        // 0.1 · 100 / 1.1
        assert_eq!(progress(&job), 9);
        job.steps[1].successful = 3;
        assert_eq!(progress(&job), 36);
        job.steps[1].failed = 7;
        assert_eq!(progress(&job), 100);
        // Pages that are not looked up yet hold the next step back.
        job.steps[0] = StepState { total: 4, successful: 1, weight: 0.1, ..StepState::default() };
        job.steps[1] = StepState { total: 10, successful: 5, weight: 1.0, ..StepState::default() };
        // (0.1 · 25 + floor(25 · 5 / 10)) / 1.1
        assert_eq!(progress(&job), 13);
    }

    #[test]
    fn progress_never_falls_and_99_is_the_most_before_the_end() {
        let mut job = job(10);
        job.progress = 50;
        job.counts.ready = 1;
        let handled =
            Handled { step: 2, status: ItemStatus::Successful, error: None, warning: None, fatal: None };
        after_item(&mut job, &handled, &SETTINGS);
        assert_eq!(job.progress, 50);
        (job.steps[0].successful, job.steps[1].successful) = (1, 10);
        after_item(&mut job, &handled, &SETTINGS);
        assert_eq!((job.progress, job.status), (99, Status::Running));
        job.counts.ready = 0;
        after_item(&mut job, &handled, &SETTINGS);
        assert_eq!((job.progress, job.status), (100, Status::Successful));
        // Nothing changes a job that has ended.
        let ended = job.clone();
        after_item(&mut job, &Handled { fatal: Some("x"), status: ItemStatus::Failed, ..handled }, &SETTINGS);
        assert_eq!(job, ended);
    }

    #[test]
    fn previews_begin_at_the_threshold() {
        assert_eq!(job(99).status, Status::Running);
        let mut job = job(100);
        assert_eq!(job.status, Status::Previewing);
        job.counts.ready = 99;
        let page =
            Handled { step: 1, status: ItemStatus::Successful, error: None, warning: None, fatal: None };
        after_item(&mut job, &page, &SETTINGS);
        assert_eq!(job.status, Status::Previewing);
        after_item(&mut job, &Handled { step: 2, ..page }, &SETTINGS);
        assert_eq!(job.status, Status::Paused);
        apply(&mut job, Event::Resume).unwrap();
        after_item(&mut job, &Handled { step: 2, ..page }, &SETTINGS);
        assert_eq!(job.status, Status::Running);
    }
}
