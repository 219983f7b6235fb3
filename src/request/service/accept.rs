//! From a request that was read to a job, and to the answer.

use uuid::Uuid;

use super::collections::Found;
use super::common::Wanted;
use super::granules::{self, Granules};
use super::refusal::Refusal;
use super::{format, variables};
use crate::catalog::Catalog;
use crate::config::Config;
use crate::jobs::{Ending, JobQueue, Submission};
use crate::plan::chains::{Chains, Selected, Wish};
use crate::request::operation::{Range, ScaleExtent, ScaleSize, VERSION};

/// What requests are accepted with.
pub struct Desk<'a> {
    pub config: &'a Config,
    pub catalog: &'a dyn Catalog,
    pub chains: &'a Chains,
    pub queue: &'a dyn JobQueue,
}

/// Who asked, and how.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub request_id: Uuid,
    pub user: String,
    /// Scheme and host.
    pub root: String,
    /// The client's URL, form fields merged in.
    pub url: String,
}

/// Where the client is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Path of the job.
    Job(Uuid),
    /// Address of the one result.
    Result(String),
}

impl Desk<'_> {
    /// Accepts a request: finds chain, variables and granules, submits the job, and waits for it if it is synchronous.
    ///
    /// # Errors
    /// [`Refusal`] in the order of the reference service; no job exists then, unless it failed.
    pub async fn accept(&self, found: Found, mut wanted: Wanted, asked: Asked) -> Result<Answer, Refusal> {
        self.apply_grid(&mut wanted).await?;
        wanted.operation.sources = variables::sources(&found.collections, &wanted.variables);
        let selected = self.select(&found, &wanted)?;
        let operation = &mut wanted.operation;
        operation.format.mime = selected.mime.clone();
        operation.concatenate = selected.concatenate;
        operation.extend_dimensions = selected.extend_dimensions.clone();
        variables::resolve(
            self.catalog,
            &selected.chain,
            &found.collections,
            &wanted.variables,
            &mut operation.sources,
        )
        .await?;
        let granules =
            granules::count(self.catalog, self.config, &selected, &found.collections, &wanted).await?;
        let kept = wanted.kept.take();
        let submission = self.submission(&found, wanted, asked, &selected, granules);
        let (id, is_synchronous) = (submission.id, submission.operation.is_synchronous);
        self.queue.submit(submission).await?;
        if let Some(kept) = kept {
            kept.take_over();
        }
        if !is_synchronous {
            return Ok(Answer::Job(id));
        }
        match self.queue.wait(id).await? {
            Ending::Result(href) => Ok(Answer::Result(href)),
            Ending::Results(0) => Ok(Answer::Job(id)),
            Ending::Results(n) => Err(Refusal::ManyOutputs(n)),
            Ending::Failed(message) => Err(Refusal::Failed(message)),
        }
    }

    /// A named grid sets CRS, extent and sizes.
    async fn apply_grid(&self, wanted: &mut Wanted) -> Result<(), Refusal> {
        let Some(name) = &wanted.grid else { return Ok(()) };
        let grids = self.catalog.grids(name).await?;
        let grid = grids.first().ok_or_else(|| Refusal::Invalid(format!("Unknown grid {name}")))?;
        let (proj4, srs) = format::crs(&grid.crs)?;
        let out = &mut wanted.operation.format;
        (out.crs, out.srs) = (Some(proj4), Some(srs));
        out.scale_extent = Some(ScaleExtent {
            x: Range { min: grid.x[0], max: grid.x[1] },
            y: Range { min: grid.y[0], max: grid.y[1] },
        });
        out.scale_size = Some(ScaleSize { x: grid.resolution[0], y: grid.resolution[1] });
        (out.width, out.height) = (Some(grid.width as f64), Some(grid.height as f64));
        Ok(())
    }

    fn select(&self, found: &Found, wanted: &Wanted) -> Result<Selected, Refusal> {
        let wish = Wish {
            operation: &wanted.operation,
            collections: &found.collections,
            extend: wanted.extend,
            refuses_concatenation: wanted.concatenate == Some(false),
            accept: &wanted.accept,
            service_id: wanted.service_id.as_deref(),
        };
        if wish.service_id.is_some() && !self.config.allow_service_selection {
            let message = "Requesting a service chain using serviceId is disabled in this environment.";
            return Err(Refusal::invalid(message));
        }
        Ok(self.chains.select(&wish)?)
    }

    fn submission(
        &self,
        found: &Found,
        wanted: Wanted,
        asked: Asked,
        selected: &Selected,
        granules: Granules,
    ) -> Submission {
        let is_synchronous = granules::is_synchronous(self.config, selected, &wanted, &granules);
        let mut operation = wanted.operation;
        operation.is_synchronous = is_synchronous;
        operation.user = asked.user;
        operation.client = self.config.client_id.clone();
        operation.version = VERSION.into();
        operation.request_id = asked.request_id.to_string();
        operation.staging_location = match &wanted.destination {
            Some(folder) => format!("{}/{}/", folder.trim_end_matches('/'), asked.request_id),
            None => format!("s3://{}/public/{}/", self.config.staging_bucket, asked.request_id),
        };
        if let Some(validate) = &granules.validate
            && let Ok(value) = serde_json::to_value(validate)
        {
            operation.extra_args.insert("granValidation".into(), value);
        }
        let provider = found.collections.first().map(|c| {
            let of_id = c.id.split_once('-').map(|(_, p)| p).unwrap_or_default();
            if c.provider.is_empty() { of_id.to_lowercase() } else { c.provider.to_lowercase() }
        });
        Submission {
            id: asked.request_id,
            operation,
            chain: selected.chain.name.clone(),
            download_only: selected.chain.is_download(),
            queries: granules.queries,
            granule_limit: granules.limit,
            num_input_granules: granules.count,
            validate: granules.validate,
            request_url: asked.url,
            labels: wanted.labels,
            messages: found.message.iter().cloned().chain(granules.messages).collect(),
            ignore_errors: wanted.ignore_errors,
            skip_preview: wanted.skip_preview,
            destination: wanted.destination,
            provider: provider.unwrap_or_default(),
            root: asked.root,
        }
    }
}
