//! Several granules that become one result.

use std::sync::{Arc, Mutex};

use harmony_model::request::Average;
use harmony_model::{Granule, ReadError};
use harmony_ops::aggregate::{Member, join};
use rayon::prelude::*;

use super::batch::{Batch, Outcome, Summary};
use super::granule::{self, Context, GranuleError, Written};
use crate::plan::{self, Explanation, Plan, PlanError, Prepared};
use crate::store::Input;

/// Prepared granules that are kept until the merge plan has looked at them; beyond that they are opened again, so that
/// memory does not grow with their number.
const KEPT: usize = 32;

/// What is known of an input before the merge.
enum Found {
    /// It goes into the merge; its granule, where it is kept.
    Some(Kept),
    NoData(String),
    Failed(String),
}

/// A granule on its way from the first look to the merge plan.
type Kept = Arc<Mutex<Option<Arc<Granule>>>>;

/// Joins the inputs of a batch to one result: an outcome for every input, all that went in with the same result.
pub fn run(batch: &Batch) -> Summary {
    let found = look(batch);
    let chosen: Vec<usize> = (0..found.len()).filter(|&i| matches!(found[i], Found::Some(_))).collect();
    let failed = found.iter().any(|f| matches!(f, Found::Failed(_)));
    let written = if chosen.is_empty() || (failed && batch.fail_fast) {
        None
    } else {
        Some(write(batch, &found, &chosen))
    };
    let outcome = |i: usize, f: Found| match (f, &written) {
        (Found::NoData(reason), _) => Outcome::NoData { reason },
        (Found::Failed(error), _) => Outcome::Failed { error },
        (Found::Some(_), None) => Outcome::Skipped,
        (Found::Some(_), Some(Ok((written, used)))) if used.contains(&i) => Outcome::Written(written.clone()),
        (Found::Some(_), Some(Ok(_))) => {
            Outcome::NoData { reason: format!("{}: it is empty and was left out", batch.inputs[i]) }
        }
        (Found::Some(_), Some(Err(e))) if e.is_no_data() => Outcome::NoData { reason: e.to_string() },
        (Found::Some(_), Some(Err(e))) if e.is_cancelled() => Outcome::Skipped,
        (Found::Some(_), Some(Err(e))) => Outcome::Failed { error: e.to_string() },
    };
    let names = batch.inputs.iter().map(Input::to_string);
    let outcomes = found.into_iter().enumerate().map(|(i, f)| outcome(i, f));
    Summary { outcomes: names.zip(outcomes).collect() }
}

/// Opens and prepares every input once: which of them have data?
fn look(batch: &Batch) -> Vec<Found> {
    let context = of_one(batch.context);
    let one = |(i, input): (usize, &Input)| match granule::prepare(input, &context) {
        Ok(prepared) => {
            let kept = (i < KEPT).then(|| Arc::new(prepared.granule));
            Found::Some(Arc::new(Mutex::new(kept)))
        }
        Err(e) if e.is_no_data() => Found::NoData(e.to_string()),
        Err(e) => Found::Failed(super::batch::name_input(input, &e)),
    };
    batch.inputs.par_iter().enumerate().map(one).collect()
}

/// The settings that each granule is prepared with.
fn of_one(context: &Context) -> Context {
    Context { request: plan::before_joining(&context.request), ..context.clone() }
}

/// The merged result, and which inputs are in it.
fn write(batch: &Batch, found: &[Found], chosen: &[usize]) -> Result<(Written, Vec<usize>), GranuleError> {
    let (plan, used, origin) = plan(batch, found, chosen)?;
    let context = granule::shared_memory(batch.context, &plan.steps);
    let written = granule::write_results(&plan.results, &origin, &batch.target, &context)?;
    let notices = plan.notices.into_iter().chain(written.notices).collect();
    Ok((Written { notices, ..written }, used))
}

/// The plan of the merge, the inputs that are in it, and their names.
fn plan(
    batch: &Batch,
    found: &[Found],
    chosen: &[usize],
) -> Result<(Plan, Vec<usize>, String), GranuleError> {
    let context = batch.context;
    let aggregate = context.request.aggregate.as_ref().expect("the caller joins because it is set");
    let each = of_one(context);
    let members = chosen.iter().filter_map(|&i| match &found[i] {
        Found::Some(kept) => Some(member(batch.inputs[i].clone(), kept.clone(), each.clone())),
        _ => None,
    });
    let members: Vec<Member> = members.collect();
    let aggregate = match (context.request.average, members.first()) {
        (Some(Average::Time), Some(first)) => {
            plan::joining(aggregate, &context.request, &(first.open)()?).map_err(PlanError::from)?
        }
        _ => aggregate.clone(),
    };
    let joined = join(members, &aggregate, context.request.compat).map_err(PlanError::from)?;
    let used: Vec<usize> = joined.used.iter().map(|&m| chosen[m]).collect();
    let origin = joined.derived_from.join(" ");
    let provenance = context.provenance(joined.derived_from.clone());
    let plan = plan::plan_joined(joined, &context.request, context.format, &provenance, &context.write)?;
    Ok((plan, used, origin))
}

/// Explains what joining the inputs would do.
///
/// # Errors
/// The first failure of an input, or that of the merge.
pub fn explain(batch: &Batch) -> Result<Explanation, String> {
    let found = look(batch);
    let mut chosen = Vec::new();
    let mut empty = String::new();
    for (i, f) in found.iter().enumerate() {
        match f {
            Found::Some(_) => chosen.push(i),
            Found::NoData(reason) => empty.clone_from(reason),
            Found::Failed(error) => return Err(error.clone()),
        }
    }
    if chosen.is_empty() {
        return Err(empty);
    }
    plan(batch, &found, &chosen).map(|(plan, ..)| plan::explain(&plan)).map_err(|e| e.to_string())
}

/// An input as the merge sees it: opened and prepared when its values are asked for.
fn member(input: Input, kept: Kept, context: Context) -> Member {
    let source = context.name_of(&input);
    let name = source.rsplit('/').next().unwrap_or(&source).to_owned();
    let open = move || {
        let first = kept.lock().ok().and_then(|mut k| k.take());
        match first {
            Some(granule) => Ok(granule),
            None => again(&input, &context),
        }
    };
    Member { name, source, open: Arc::new(open) }
}

fn again(input: &Input, context: &Context) -> Result<Arc<Granule>, ReadError> {
    match granule::prepare(input, context) {
        Ok(Prepared { granule, .. }) => Ok(Arc::new(granule)),
        Err(GranuleError::Read(e) | GranuleError::Plan(PlanError::Read(e))) => Err(e),
        Err(e) => Err(ReadError::unsupported(&input.to_string(), "granule", e.to_string())),
    }
}
