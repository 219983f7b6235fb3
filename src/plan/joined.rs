//! What is written of granules that have become one.

use std::sync::Arc;

use harmony_formats::Format;
use harmony_formats::write::WriteOptions;
use harmony_model::request::{Aggregate, Average, TargetRequest};
use harmony_model::time::DateTime;
use harmony_model::{Granule, Request};
use harmony_ops::aggregate::Joined;
use harmony_ops::metadata::{self, Provenance};
use harmony_ops::{OpError, Scene, Selection, Step};

use super::{Extent, Plan, PlanError, naming, results};

/// The request that each granule is prepared under before it is joined: a mean over time is one over the times of all
/// granules, so it is taken of what they have become together.
pub fn before_joining(request: &Arc<Request>) -> Arc<Request> {
    match request.average {
        Some(Average::Time) => Arc::new(Request { average: None, ..Request::clone(request) }),
        _ => request.clone(),
    }
}

/// How granules are joined. For a mean over time they are appended along time, whatever becomes of them then; where
/// times have no dimension of their own they are stacked, and the mean is over the granules.
///
/// # Errors
/// When the geolocation of `first` contradicts itself.
pub fn joining(
    aggregate: &Aggregate,
    request: &Arc<Request>,
    first: &Arc<Granule>,
) -> Result<Aggregate, OpError> {
    if request.average != Some(Average::Time) {
        return Ok(aggregate.clone());
    }
    if let Aggregate::Extend { dims, .. } = aggregate
        && !matches!(dims.as_slice(), [] | [_] if dims.iter().all(|d| d.eq_ignore_ascii_case("true")))
    {
        return Ok(Aggregate::Extend { dims: dims.clone(), stack: false });
    }
    let dims = harmony_ops::average::time_dimensions(&Scene::new(first.clone(), request.clone())?);
    Ok(if dims.is_empty() { Aggregate::Stack } else { Aggregate::Extend { dims, stack: false } })
}

/// The mean over time of joined granules; the other computing steps were taken before they were joined.
fn mean_over_time(
    granule: Granule,
    request: &Arc<Request>,
) -> Result<(Granule, Vec<Step>, Vec<String>), OpError> {
    if request.average != Some(Average::Time) {
        return Ok((granule, Vec::new(), Vec::new()));
    }
    let own = Request { target: TargetRequest::default(), browse: false, ..Request::clone(request) };
    let done = harmony_ops::compute(granule, &Arc::new(own))?;
    Ok((done.granule, done.steps, done.notices))
}

/// Decides what is written of joined granules, and how.
///
/// # Errors
/// [`PlanError`].
pub fn plan_joined(
    joined: Joined,
    request: &Arc<Request>,
    format: &dyn Format,
    provenance: &Provenance,
    options: &WriteOptions,
) -> Result<Plan, PlanError> {
    let Joined { granule, mut notices, used, .. } = joined;
    let (mut granule, averaged, said) = mean_over_time(granule, request)?;
    notices.extend(said);
    let scene = Scene::new(Arc::new(granule.clone()), request.clone())?;
    let extent = metadata::extent_of(&scene, &Selection::default()).unwrap_or_default();
    let end = end_of(&granule, &extent);
    metadata::sign(&mut granule, provenance);
    let stacked = !matches!(request.aggregate, Some(Aggregate::Extend { stack: false, .. }));
    let first = granule.name.clone();
    let name = |part: &harmony_formats::Part| {
        let product = request.short_name.as_deref();
        let label = part.label.as_deref().map_or_else(String::new, |l| format!("_{}", l.trim_matches('/')));
        if let Some(stem) = &part.stem {
            return format!("{stem}.{}", part.extension);
        }
        let first = match first.rsplit_once('.') {
            Some((stem, extension)) => format!("{stem}{label}.{extension}"),
            None => format!("{first}{label}."),
        };
        naming::joined_name(&first, used.len(), stacked, end.as_deref(), product, part.extension)
    };
    let detail = format!("{} granules", used.len());
    let mut steps = vec![Step { operation: if stacked { "concatenate" } else { "extend" }, detail }];
    steps.extend(averaged);
    let results = results(granule, format, options, name)?;
    Ok(Plan { scene, steps, results, extent, notices })
}

/// The latest time, as names say it.
fn end_of(granule: &Granule, extent: &Extent) -> Option<String> {
    let said = granule.groups[0].attr_text("time_coverage_end").and_then(|t| DateTime::parse(&t).ok());
    let end = said.or(extent.time.map(|(_, end)| end))?;
    let whole_seconds = DateTime { micros: end.micros.div_euclid(1_000_000) * 1_000_000 };
    Some(whole_seconds.to_string())
}
