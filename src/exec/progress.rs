//! A progress bar on a terminal, silence in a pipe.

use indicatif::{ProgressBar, ProgressStyle};

use super::batch::Outcome;
use crate::plan::size;

/// Granules done and bytes written.
pub struct Progress {
    bar: ProgressBar,
    started: std::time::Instant,
    bytes: std::sync::atomic::AtomicU64,
}

impl Progress {
    pub fn new(granules: usize, show: bool) -> Self {
        let bar = if show { ProgressBar::new(granules as u64) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} granules, {msg}, ETA {eta}") {
            bar.set_style(style);
        }
        if show {
            bar.enable_steady_tick(std::time::Duration::from_millis(200));
        }
        Progress { bar, started: std::time::Instant::now(), bytes: std::sync::atomic::AtomicU64::new(0) }
    }

    pub fn granule_done(&self, outcome: &Outcome) {
        let new = match outcome {
            Outcome::Written(w) => w.bytes_written,
            _ => 0,
        };
        let all = self.bytes.fetch_add(new, std::sync::atomic::Ordering::Relaxed) + new;
        let rate = all as f64 / self.started.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_message(format!("{}/s", size(rate as u64)));
        self.bar.inc(1);
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
