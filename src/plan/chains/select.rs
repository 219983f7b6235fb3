//! Which chain serves an operation: filters in a fixed order, then the best format, then the first chain that is left.

use std::sync::Arc;

use super::formats::is_any;
use super::{Chain, Chains, Extend, Selected, SelectionError, Wish};
use crate::catalog::Collection;
use crate::request::operation::{Average, DataOperation};

/// A capability that an operation may need, in the order in which chains are filtered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Concatenation,
    Variables,
    Bbox,
    Time,
    Dimensions,
    Reprojection,
    Extend,
    AreaAverage,
    TimeAverage,
    Shape,
    Format,
}

const ORDER: [Need; 11] = [
    Need::Concatenation,
    Need::Variables,
    Need::Bbox,
    Need::Time,
    Need::Dimensions,
    Need::Reprojection,
    Need::Extend,
    Need::AreaAverage,
    Need::TimeAverage,
    Need::Shape,
    Need::Format,
];

impl Need {
    fn is_required(self, wish: &Wish<'_>) -> bool {
        let operation = wish.operation;
        match self {
            Need::Concatenation => operation.concatenate,
            Need::Variables => names_variables(operation),
            Need::Bbox => operation.subset.bbox.is_some(),
            Need::Time => operation.temporal.as_ref().is_some_and(|t| t.start.is_some() || t.end.is_some()),
            Need::Dimensions => operation.subset.dimensions.as_ref().is_some_and(|d| !d.is_empty()),
            Need::Reprojection => operation.format.crs.is_some(),
            Need::Extend => matches!(wish.extend, Extend::Default | Extend::Dimensions),
            Need::AreaAverage => operation.average == Some(Average::Area),
            Need::TimeAverage => operation.average == Some(Average::Time),
            Need::Shape => operation.subset.shape.is_some(),
            Need::Format => operation.format.mime.is_some() || accepts_only(wish),
        }
    }

    fn is_met(self, chain: &Chain, wish: &Wish<'_>) -> bool {
        let able = &chain.capabilities;
        let subsets = able.subsetting.as_ref();
        let averages = able.averaging.as_ref();
        let answer = match self {
            Need::Concatenation => able.concatenation,
            Need::Variables => subsets.and_then(|s| s.variable),
            Need::Bbox => subsets.and_then(|s| s.bbox),
            Need::Time => subsets.and_then(|s| s.temporal),
            Need::Dimensions => subsets.and_then(|s| s.dimension),
            Need::Reprojection => able.reprojection,
            Need::Extend => able.extend,
            Need::AreaAverage => averages.and_then(|a| a.area),
            Need::TimeAverage => averages.and_then(|a| a.time),
            Need::Shape => subsets.and_then(|s| s.shape),
            Need::Format => Some(wanted(wish).any(|f| delivers(chain, f, wish).is_some())),
        };
        answer == Some(true)
    }

    fn wording(self, wish: &Wish<'_>) -> String {
        let fixed = match self {
            Need::Concatenation => "concatenation",
            Need::Variables => "variable subsetting",
            Need::Bbox => "spatial subsetting",
            Need::Time => "temporal subsetting",
            Need::Dimensions => "dimension subsetting",
            Need::Reprojection => "reprojection",
            Need::Extend => "extend",
            Need::AreaAverage => "area averaging",
            Need::TimeAverage => "time averaging",
            Need::Shape => "shapefile subsetting",
            Need::Format => {
                let formats: Vec<&str> = wanted(wish).collect();
                return format!("reformatting to {}", join(&formats, "or"));
            }
        };
        fixed.to_owned()
    }

    /// Where and when: what may be left out when it can't be had together with the rest.
    fn is_bound(self) -> bool {
        matches!(self, Need::Bbox | Need::Time | Need::Shape)
    }
}

impl Chains {
    /// The first chain that can do what is wished for, and what it makes of the operation.
    ///
    /// The names of the variables must stand in `operation.sources` already, the media type of `format` in
    /// `operation.format.mime`.
    ///
    /// # Errors
    /// [`SelectionError::Unsupported`] naming what no chain does together, [`SelectionError::Invalid`] for a
    /// `serviceId` that names none, and for `extend=true` where nothing says along which dimensions.
    pub fn select(&self, wish: &Wish<'_>) -> Result<Selected, SelectionError> {
        if let Some(id) = wish.service_id {
            let chain = self.by_service_id(id)?;
            return finish(fix_format(vec![chain], wish), wish, false);
        }
        let needs: Vec<Need> = ORDER.into_iter().filter(|n| n.is_required(wish)).collect();
        match self.filter(&needs, wish) {
            Ok(found) => finish(found, wish, false),
            Err(refusal) if is_strict(&needs) => Err(refusal),
            Err(_) => {
                let rest: Vec<Need> = needs.into_iter().filter(|n| !n.is_bound()).collect();
                finish(self.filter(&rest, wish)?, wish, true)
            }
        }
    }

    fn by_service_id(&self, id: &str) -> Result<&Arc<Chain>, SelectionError> {
        if self.forbids_service_ids {
            let message = "Requesting a service chain using serviceId is disabled in this environment.";
            return Err(SelectionError::Invalid(message.into()));
        }
        self.find(id).ok_or_else(|| {
            SelectionError::Invalid(
                "Could not find a service chain that matched the provided serviceId. Ensure the provided \
                 serviceId is either a CMR concept ID or the name of the chain in services.yml"
                    .into(),
            )
        })
    }

    fn filter<'a>(&'a self, needs: &[Need], wish: &Wish<'_>) -> Result<Found<'a>, SelectionError> {
        let serves_all = |c: &&Arc<Chain>| wish.collections.iter().all(|collection| c.serves(collection));
        let mut chains: Vec<&Arc<Chain>> = self.list.iter().filter(serves_all).collect();
        let mut wordings = Vec::new();
        if chains.is_empty() {
            return Err(unsupported(&wordings, wish.collections));
        }
        for need in needs {
            wordings.push(need.wording(wish));
            chains.retain(|chain| need.is_met(chain, wish));
            if chains.is_empty() {
                return Err(unsupported(&wordings, wish.collections));
            }
        }
        Ok(fix_format(chains, wish))
    }
}

/// Without best effort: nothing was asked about space and time, or nothing but one of the two (averages don't count).
fn is_strict(needs: &[Need]) -> bool {
    let space = needs.iter().any(|n| matches!(n, Need::Bbox | Need::Shape));
    let time = needs.contains(&Need::Time);
    let averages = |n: &Need| matches!(n, Need::AreaAverage | Need::TimeAverage);
    let others = needs.iter().any(|n| !n.is_bound() && !averages(n));
    match (space, time) {
        (false, false) => true,
        (true, true) => false,
        _ => !others,
    }
}

fn names_variables(operation: &DataOperation) -> bool {
    operation.sources.iter().any(|s| s.variables.as_ref().is_some_and(|v| !v.is_empty()))
}

/// The client lists types, and none of them is "anything".
fn accepts_only(wish: &Wish<'_>) -> bool {
    !wish.accept.is_empty() && !wish.accept.iter().any(|t| is_any(t))
}

/// Media types and patterns that will do, the best first.
fn wanted<'a>(wish: &'a Wish<'_>) -> Box<dyn Iterator<Item = &'a str> + 'a> {
    match &wish.operation.format.mime {
        Some(mime) => Box::new(std::iter::once(mime.as_str())),
        None => Box::new(wish.accept.iter().map(String::as_str)),
    }
}

/// What a chain gives for a type that is wanted. Granules that are handed out as they are have the format they have:
/// where that is known and another one, the chain that only hands them out can't deliver.
fn delivers(chain: &Chain, wanted: &str, wish: &Wish<'_>) -> Option<String> {
    let format = chain.writes(wanted)?;
    let other =
        |c: &Collection| c.native_format.as_ref().is_some_and(|f| !f.to_ascii_lowercase().contains("netcdf"));
    let wrong = chain.is_download() && !is_any(wanted) && wish.collections.iter().any(other);
    (!wrong).then_some(format)
}

/// Chains that are left, and the format.
struct Found<'a> {
    chains: Vec<&'a Arc<Chain>>,
    mime: Option<String>,
}

/// Chooses the format: the best one that any of the chains writes. Chains that don't are left out.
fn fix_format<'a>(chains: Vec<&'a Arc<Chain>>, wish: &Wish<'_>) -> Found<'a> {
    let first = |wanted| {
        let mime = chains.iter().find_map(|c| delivers(c, wanted, wish))?;
        Some((wanted, mime))
    };
    let Some((wanted, mime)) = wanted(wish).find_map(first) else {
        return Found { mime: wish.operation.format.mime.clone(), chains };
    };
    let gives = |c: &&Arc<Chain>| match is_any(wanted) {
        true => c.writes(&mime).is_some(),
        false => delivers(c, &mime, wish).is_some(),
    };
    let left: Vec<_> = chains.into_iter().filter(gives).collect();
    Found { chains: left, mime: Some(mime) }
}

fn finish(found: Found<'_>, wish: &Wish<'_>, best_effort: bool) -> Result<Selected, SelectionError> {
    let Some(chain) = found.chains.first() else {
        return Err(unsupported(&[], wish.collections));
    };
    let able = &chain.capabilities;
    let by_default = able.concatenate_by_default == Some(true) && !wish.refuses_concatenation;
    let concatenate = wish.operation.concatenate || by_default;
    Ok(Selected {
        extend_dimensions: extend_dimensions(chain, wish, concatenate)?,
        chain: Arc::clone(chain),
        mime: found.mime,
        concatenate,
        best_effort,
    })
}

fn extend_dimensions(
    chain: &Chain,
    wish: &Wish<'_>,
    concatenate: bool,
) -> Result<Vec<String>, SelectionError> {
    let defaults = &chain.capabilities.default_extend_dimensions;
    let extends = chain.capabilities.extend == Some(true);
    match wish.extend {
        Extend::Dimensions => Ok(wish.operation.extend_dimensions.clone()),
        Extend::Default if defaults.is_empty() => Err(SelectionError::Invalid(format!(
            "query parameter \"extend\": service chain {} has no default dimensions; name the ones to extend, \
             for example extend=mirror_step",
            chain.name
        ))),
        Extend::Default => Ok(defaults.clone()),
        Extend::NotGiven if extends && concatenate => Ok(defaults.clone()),
        Extend::NotGiven | Extend::No => Ok(Vec::new()),
    }
}

fn unsupported(wordings: &[String], collections: &[Collection]) -> SelectionError {
    let ids: Vec<&str> = collections.iter().map(|c| c.id.as_str()).collect();
    let on = join(&ids, "and");
    SelectionError::Unsupported(if wordings.is_empty() {
        format!("no operations can be performed on {on}")
    } else {
        let words: Vec<&str> = wordings.iter().map(String::as_str).collect();
        let what = join(&words, "and");
        format!("the requested combination of operations: {what} on {on} is unsupported")
    })
}

/// `a`, `a and b`, `a, b, and c`.
fn join(words: &[&str], conjunction: &str) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, two] => format!("{one} {conjunction} {two}"),
        [rest @ .., last] => format!("{}, {conjunction} {last}", rest.join(", ")),
    }
}
