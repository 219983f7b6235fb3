//! The collections that a URL names.

use super::refusal::{Refusal, joined};
use crate::catalog::{Catalog, Collection, CollectionQuery};
use crate::plan::chains::Chains;

/// What a URL names.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// In the catalogue's order.
    pub collections: Vec<Collection>,
    /// What the user is told about the choice.
    pub message: Option<String>,
}

/// Whether a text is a concept id of a collection: `C<digits>-<word>`.
fn is_concept_id(text: &str) -> bool {
    let Some((digits, provider)) = text.strip_prefix('C').and_then(|t| t.split_once('-')) else {
        return false;
    };
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !provider.is_empty()
        && provider.chars().all(word)
}

/// Finds the collections of a path segment: concept ids joined by `+`, or one short name, as written.
/// `root` is where concepts are shown when the catalogue has no address of its own.
///
/// # Errors
/// [`Refusal::NotFound`] naming what is not there, [`Refusal::Catalog`].
pub async fn find(
    catalog: &dyn Catalog,
    chains: &Chains,
    segment: &str,
    root: &str,
) -> Result<Found, Refusal> {
    let ids: Vec<&str> = segment.split(['+', ' ']).collect();
    if ids.iter().all(|id| is_concept_id(id)) {
        return by_ids(catalog, segment, &ids).await;
    }
    let mut matches = catalog.collections(&CollectionQuery::ShortName(segment.into())).await?;
    let count = matches.len();
    let configured = |c: &Collection| chains.list.iter().any(|chain| is_for(chain, c));
    let Some(chosen) = matches.iter().position(configured).or((count > 0).then_some(0)) else {
        return Err(unknown(segment));
    };
    let chosen = matches.swap_remove(chosen);
    let root = if catalog.root().is_empty() { root } else { catalog.root() };
    let message = (count > 1).then(|| {
        format!(
            "There were {count} collections that matched the provided short name {segment}. See {}/concepts/{} for \
             details on the selected collection. The version ID for the selected collection is {}. To use a different \
             collection submit a new request specifying the desired CMR concept ID instead of the collection short \
             name.",
            root.trim_end_matches('/'),
            chosen.id,
            chosen.version
        )
    });
    Ok(Found { collections: vec![chosen], message })
}

/// Whether a chain was set up for this collection, and not just for all of them.
fn is_for(chain: &crate::plan::chains::Chain, collection: &Collection) -> bool {
    let for_all = chain.all_collections == Some(true) || chain.capabilities.all_collections == Some(true);
    !for_all && chain.serves(collection)
}

async fn by_ids(catalog: &dyn Catalog, segment: &str, ids: &[&str]) -> Result<Found, Refusal> {
    let mut wanted: Vec<String> = Vec::new();
    for id in ids {
        if !wanted.iter().any(|w| w == id) {
            wanted.push((*id).to_owned());
        }
    }
    let collections = catalog.collections(&CollectionQuery::Ids(wanted.clone())).await?;
    if collections.is_empty() {
        return Err(unknown(segment));
    }
    wanted.retain(|id| !collections.iter().any(|c| c.id == *id));
    if wanted.is_empty() {
        return Ok(Found { collections, message: None });
    }
    let several = if wanted.len() == 1 { "collection" } else { "collections" };
    Err(Refusal::NotFound(format!(
        "The {several} {} could not be found. Please make sure the collection identifiers are correct and that you have \
         access to each collection.",
        joined(&wanted)
    )))
}

fn unknown(segment: &str) -> Refusal {
    Refusal::NotFound(format!(
        "{segment} must be a collection short name or CMR collection identifier, but we could not find a matching \
         collection. Please make sure the collection is correct and that you have access to it."
    ))
}

#[cfg(test)]
mod tests {
    use super::is_concept_id;

    #[test]
    fn concept_ids() {
        assert!(is_concept_id("C1233800302-EEDTEST") && is_concept_id("C1104-PVC_TS2"));
        for text in ["BOGUS-EEDTEST", "C-X", "C1-", "C1-X,C2-X", "C1x-X", "V1-X", ""] {
            assert!(!is_concept_id(text), "{text}");
        }
    }
}
