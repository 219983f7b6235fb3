//! What the routes about the system itself share.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::deployments::Deployments;
use super::figures::{JobFigures, NoFigures};
use super::metrics::Metrics;
use crate::config::Config;
use crate::logging::LevelHandle;

/// Counters, the log, places for requests, versions of services.
pub struct System {
    pub metrics: Arc<Metrics>,
    pub figures: Arc<dyn JobFigures>,
    pub log: LevelHandle,
    pub deployments: Deployments,
    /// One for each request that may be in work.
    pub places: Semaphore,
}

impl System {
    /// Of a server with these settings. `<data>/deployments.json` is read if it is there.
    pub fn new(config: &Config, figures: Arc<dyn JobFigures>, log: LevelHandle) -> Self {
        System {
            metrics: Arc::default(),
            figures,
            log,
            deployments: Deployments::open(config.data.join("deployments.json")),
            places: Semaphore::new(config.max_simultaneous_requests.clamp(1, Semaphore::MAX_PERMITS)),
        }
    }
}

impl Default for System {
    /// Without jobs, log and file: for tests.
    fn default() -> Self {
        System {
            metrics: Arc::default(),
            figures: Arc::new(NoFigures),
            log: LevelHandle::default(),
            deployments: Deployments::default(),
            places: Semaphore::new(64),
        }
    }
}
