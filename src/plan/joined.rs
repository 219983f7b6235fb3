//! What is written of granules that have become one.

use std::sync::Arc;

use harmony_formats::Format;
use harmony_formats::write::WriteOptions;
use harmony_model::request::Aggregate;
use harmony_model::time::DateTime;
use harmony_model::{Granule, Request};
use harmony_ops::aggregate::Joined;
use harmony_ops::metadata::{self, Provenance};
use harmony_ops::{Scene, Selection, Step};

use super::{Extent, Plan, PlanError, naming, results};

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
    let Joined { mut granule, notices, used, .. } = joined;
    let scene = Scene::new(Arc::new(granule.clone()), request.clone())?;
    let extent = metadata::extent_of(&scene, &Selection::default()).unwrap_or_default();
    let end = end_of(&granule, &extent);
    metadata::sign(&mut granule, provenance);
    let stacked = !matches!(request.aggregate, Some(Aggregate::Extend { stack: false, .. }));
    let first = granule.name.clone();
    let name = |part: &harmony_formats::Part| {
        let product = request.short_name.as_deref();
        let label = part.label.as_deref().map_or_else(String::new, |l| format!("_{}", l.trim_matches('/')));
        let first = match first.rsplit_once('.') {
            Some((stem, extension)) => format!("{stem}{label}.{extension}"),
            None => format!("{first}{label}."),
        };
        naming::joined_name(&first, used.len(), stacked, end.as_deref(), product, part.extension)
    };
    let detail = format!("{} granules", used.len());
    let steps = vec![Step { operation: if stacked { "concatenate" } else { "extend" }, detail }];
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
