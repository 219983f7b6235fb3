//! Puts the service together: catalogue, chains, jobs, engine, doors.

use std::sync::Arc;

use crate::catalog::cmr::{Cmr, Options};
use crate::catalog::embedded::Embedded;
use crate::catalog::sources::store_options;
use crate::catalog::{Catalog, CatalogError};
use crate::config::Config;
use crate::http::System;
use crate::http::job_figures::StoreFigures;
use crate::http::{App, MapService};
use crate::jobs::engine::LocalEngine;
use crate::jobs::{JobError, Jobs};
use crate::logging::LevelHandle;
use crate::plan::chains::Chains;
use crate::request::grammar;

/// Everything that the settings ask for; nothing is served or worked on yet.
///
/// # Errors
/// In words for the operator: what can't be opened, and which setting names it.
pub async fn build(config: Config, log: LevelHandle) -> Result<Arc<App>, String> {
    let memory = grammar::parse_size(&config.memory).map_err(|e| format!("memory: {e}"))?;
    let catalog: Arc<dyn Catalog> = if config.cmr_endpoint.is_empty() {
        Arc::new(Embedded::open(&config.data).await.map_err(CatalogError::into_detail)?)
    } else {
        Arc::new(
            Cmr::new(Options {
                endpoint: config.cmr_endpoint.clone(),
                client_id: config.client_id.clone(),
                token: None,
            })
            .map_err(CatalogError::into_detail)?,
        )
    };
    let mut chains = match &config.chains_file {
        Some(path) => Chains::load(path).map_err(|e| e.to_string())?,
        None => Chains::builtin(),
    };
    chains.forbids_service_ids = !config.allow_service_selection;
    let engine = LocalEngine::new(memory, workers(&config), store_options(&config));
    let jobs = Jobs::open(&config, catalog.clone(), Arc::new(engine)).await.map_err(JobError::into_detail)?;
    let system = System::new(&config, Arc::new(StoreFigures(jobs.clone())), log);
    jobs.observe(system.metrics.clone());
    let maps = Arc::new(MapService::new(&config)?);
    Ok(Arc::new(App { config, catalog, queue: jobs.clone(), jobs, chains, system, maps }))
}

/// Work items at once.
fn workers(config: &Config) -> usize {
    match config.workers {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        n => n,
    }
}
