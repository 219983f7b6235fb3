//! The first step of a job: looking up its granules, page by page.

use super::birth::is_aggregated;
use super::engine::EngineError;
use super::extent::EARTH;
use super::job::{Level, Link, Note};
use super::service::Jobs;
use super::store::{Completion, Input, NewItem, Outcome, Query};
use super::work::{failed, instants};
use super::{GranuleValidation, Submission};
use crate::catalog::{CatalogError, Granule, LinkRel, Page};

impl Jobs {
    /// A page of the granules of a job, and what follows from it.
    pub(super) async fn find_granules(&self, submission: &Submission, query: &Query) -> Completion {
        match self.page(submission, query).await {
            Ok(completion) => completion,
            Err(error) => {
                tracing::warn!(%error, job = %submission.id, "granules can't be found");
                let shown = "Failed to query CMR for granule information";
                let message = match &error {
                    CatalogError::Rejected { message, .. } => message.clone(),
                    _ => shown.into(),
                };
                let is_transient = !matches!(error, CatalogError::Rejected { .. });
                let mut completion = failed(&EngineError::Failed { message, is_transient }, "unknown".into());
                if let Outcome::Failed { fatal, .. } = &mut completion.outcome {
                    *fatal = Some(shown.into());
                }
                completion
            }
        }
    }

    async fn page(&self, submission: &Submission, query: &Query) -> Result<Completion, CatalogError> {
        let left = submission.granule_limit.saturating_sub(query.taken);
        let size = left.min(self.settings.page_size);
        let Some(search) = submission.queries.get(query.source) else { return Ok(nothing_found()) };
        let page = Page { size, after: query.after.clone() };
        let mut found = self.catalog.granules(search, &page).await?;
        found.granules.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        let mut completion = Completion::default();
        let is_first = *query == Query::default();
        if let (true, Some(validation)) = (is_first, &submission.validate) {
            self.count(submission, validation, found.hits, &mut completion).await?;
        }
        let taken = query.taken + found.granules.len() as u64;
        let next_page = found.after.filter(|_| !found.granules.is_empty());
        let next = match next_page {
            _ if taken >= submission.granule_limit => None,
            Some(after) => Some(Query { source: query.source, after: Some(after), taken }),
            None if query.source + 1 < submission.queries.len() => {
                Some(Query { source: query.source + 1, after: None, taken })
            }
            None => None,
        };
        if next.is_none() && taken == 0 {
            return Ok(nothing_found());
        }
        let aggregated = is_aggregated(submission);
        if submission.download_only {
            link_granules(&found.granules, &mut completion);
        } else if aggregated {
            completion.granules = found.granules;
        } else {
            let items = found.granules.into_iter().enumerate().map(|(i, granule)| NewItem {
                step: 2,
                index: query.taken + i as u64,
                input: Input::Granule(Box::new(granule)),
            });
            completion.next.extend(items);
        }
        match next {
            // The place of a page is that of its first granule and its source: both grow.
            Some(next) => completion.next.push(NewItem {
                step: 1,
                index: next.taken + next.source as u64,
                input: Input::Query(next),
            }),
            None => {
                completion.num_input_granules = Some(taken);
                if aggregated {
                    completion.next.push(NewItem { step: 2, index: 0, input: Input::All });
                }
            }
        }
        Ok(completion)
    }

    /// Counts the granules of a job that was made without a search, and says what limits it.
    async fn count(
        &self,
        submission: &Submission,
        validation: &GranuleValidation,
        first: u64,
        completion: &mut Completion,
    ) -> Result<(), CatalogError> {
        let mut hits = first;
        for search in submission.queries.iter().skip(1) {
            hits += self.catalog.granules(search, &Page::default()).await?.hits;
        }
        let limit = submission.granule_limit;
        completion.num_input_granules = Some(hits.min(limit));
        if hits > limit && validation.has_granule_limit {
            let notes =
                submission.messages.iter().cloned().chain([limited(hits, limit, submission, validation)]);
            completion.message = Some(notes.collect::<Vec<_>>().join(" "));
        }
        Ok(())
    }
}

/// What limits a job, in the words of the reference.
fn limited(hits: u64, limit: u64, submission: &Submission, validation: &GranuleValidation) -> String {
    let chain = if validation.service_name.is_empty() { &submission.chain } else { &validation.service_name };
    let collection = submission.operation.sources.first().map_or("", |s| s.collection.as_str());
    let reason = match validation.reason {
        0 => format!(" because collection {collection} is limited to {limit} for the {chain} service."),
        1 => format!(" because the service {chain} is limited to {limit}."),
        2 => format!(" because you requested {} maxResults.", validation.max_results),
        _ => " because of system constraints.".to_owned(),
    };
    format!(
        "CMR query identified {hits} granules, but the request has been limited to process only the first {limit} \
         granules{reason}"
    )
}

fn nothing_found() -> Completion {
    let message = "No matching granules found.";
    let error = EngineError::Failed { message: message.into(), is_transient: false };
    let mut completion = failed(&error, "unknown".into());
    if let Outcome::Failed { fatal, .. } = &mut completion.outcome {
        *fatal = Some(message.into());
    }
    completion
}

/// Links granules themselves as results.
fn link_granules(granules: &[Granule], completion: &mut Completion) {
    for granule in granules {
        let before = completion.links.len();
        for link in granule.links.iter().filter(|l| l.rel == LinkRel::Data) {
            let name = link.href.split(['?', '#']).next().and_then(|h| h.rsplit('/').next());
            let start = granule.start.clone().or_else(|| granule.end.clone());
            let end = granule.end.clone().or_else(|| granule.start.clone());
            completion.links.push(Link {
                href: link.href.clone(),
                title: link.title.clone().or_else(|| name.map(str::to_owned)),
                media_type: link.media_type.clone(),
                rel: "data".into(),
                bbox: Some(granule.bbox.unwrap_or(EARTH)),
                temporal: Some(instants(start.zip(end).map(|(a, b)| [a, b]).as_ref())),
            });
        }
        if completion.links.len() == before {
            completion.notes.push(Note {
                level: Level::Warning,
                url: "unknown".into(),
                message: format!(
                    "WorkItem warned: {}: the catalogue has no address for its data",
                    granule.name
                ),
                category: None,
            });
        }
    }
}
