//! The variables that a request names, looked for in its collections.

use std::collections::{HashMap, HashSet};

use super::common::Variables;
use super::refusal::Refusal;
use crate::catalog::{self, Catalog, Collection};
use crate::plan::chains::Chain;
use crate::request::operation::{Source, Variable};

/// Sources of an operation before variables are looked up: selection has to know that some were named.
pub fn sources(collections: &[Collection], variables: &Variables) -> Vec<Source> {
    let unknown = |name: &String| Variable {
        id: "unknown".into(),
        name: name.clone(),
        full_path: name.clone(),
        ..Variable::default()
    };
    let named = match variables {
        Variables::All => None,
        Variables::Named(names) => Some(names.iter().map(unknown).collect::<Vec<_>>()),
    };
    collections
        .iter()
        .map(|c| Source {
            collection: c.id.clone(),
            short_name: c.short_name.clone(),
            version_id: c.version.clone(),
            variables: named.clone(),
            coordinate_variables: Vec::new(),
        })
        .collect()
}

/// Looks the variables of each source up.
///
/// # Errors
/// [`Refusal::Invalid`] for variables that no collection has, and for those that the chain may not subset.
pub async fn resolve(
    catalog: &dyn Catalog,
    chain: &Chain,
    collections: &[Collection],
    variables: &Variables,
    sources: &mut [Source],
) -> Result<(), Refusal> {
    let mut missing: Vec<String> = match variables {
        Variables::All => Vec::new(),
        Variables::Named(names) => names.clone(),
    };
    let mut restricted = false;
    for (collection, source) in collections.iter().zip(sources.iter_mut()) {
        let known = catalog.variables(&collection.variables).await?;
        let is_coordinate = |v: &&catalog::Variable| v.kind.as_deref() == Some("COORDINATE");
        source.coordinate_variables = known.iter().filter(is_coordinate).map(of_catalog).collect();
        if let Variables::Named(names) = variables
            && chain.validate_variables != Some(false)
        {
            let found = named(names, &known, &mut missing);
            source.variables = Some(found.into_iter().map(of_catalog).collect());
        }
        if let Some(allowed) = chain.allowed_variables(&collection.id) {
            let asked = source.variables.as_ref();
            restricted |= asked.is_none_or(|asked| asked.iter().any(|v| !allowed.contains(&v.id)));
        }
    }
    if !missing.is_empty() && chain.validate_variables != Some(false) {
        return Err(Refusal::Invalid(format!(
            "Coverages were not found for the provided variables: {}",
            missing.join(", ")
        )));
    }
    if restricted { Err(Refusal::invalid("Not all variables selected can be subset")) } else { Ok(()) }
}

/// Those of a collection's variables that are named, in the order of the names, each once. Names that it has go from
/// `missing`.
fn named<'a>(
    names: &[String],
    known: &'a [catalog::Variable],
    missing: &mut Vec<String>,
) -> Vec<&'a catalog::Variable> {
    // Requests may name very many variables, and products have thousands.
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (at, v) in known.iter().enumerate() {
        places.entry(v.name.trim_start_matches('/')).or_insert(at);
    }
    for (at, v) in known.iter().enumerate() {
        places.insert(&v.name, at);
        places.insert(&v.id, at);
    }
    let place = |name: &str| places.get(name).or_else(|| places.get(name.trim_start_matches('/'))).copied();
    let mut seen = HashSet::new();
    let found = names.iter().filter_map(|name| place(name)).filter(|at| seen.insert(*at));
    let found = found.map(|at| &known[at]).collect();
    missing.retain(|name| place(name).is_none());
    found
}

/// A variable by name or concept id. Names of the root group may begin with a slash.
pub fn find<'a>(known: &'a [catalog::Variable], name: &str) -> Option<&'a catalog::Variable> {
    let bare = name.trim_start_matches('/');
    known
        .iter()
        .find(|v| v.name == name || v.id == name)
        .or_else(|| known.iter().find(|v| v.name.trim_start_matches('/') == bare))
}

fn of_catalog(variable: &catalog::Variable) -> Variable {
    Variable {
        id: variable.id.clone(),
        name: variable.name.clone(),
        full_path: variable.name.clone(),
        kind: variable.kind.clone(),
        subkind: variable.subkind.clone(),
        related_urls: variable.related_urls.clone(),
    }
}
