//! What maps are made of: collections by path and their variables, asked of the catalogue now and then only.

use std::sync::Arc;
use std::time::Duration;

use super::map_granules::Granules;
use super::remembered::Remembered;
use super::{App, Problem};
use crate::catalog::{Collection, CollectionQuery, Variable};
use crate::maps::What;

/// A collection with its variables.
#[derive(Debug)]
pub struct Collected {
    pub collection: Collection,
    pub variables: Vec<Variable>,
}

/// Answers of the catalogue that are not older than the setting.
#[derive(Default)]
pub struct Known {
    collections: Remembered<Vec<Arc<Collected>>>,
    pub(super) granules: Remembered<Arc<Granules>>,
}

fn is_concept_list(segment: &str) -> bool {
    let is_id = |id: &str| {
        let Some((number, provider)) = id.strip_prefix('C').and_then(|r| r.split_once('-')) else {
            return false;
        };
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
            && !provider.is_empty()
            && provider.bytes().all(word)
    };
    !segment.is_empty() && segment.split(['+', ' ']).all(is_id)
}

impl App {
    /// The collections that a segment of a path names: concept ids joined by `+`, or one short name.
    ///
    /// # Errors
    /// 404 in the words of the contract, also for what guests may not read; what the catalogue says.
    pub async fn map_collections(&self, segment: &str) -> Result<Vec<Arc<Collected>>, Problem> {
        let age = self.map_age();
        if let Some(known) = self.maps.known.collections.get(segment, age) {
            return Ok(known);
        }
        let found = match is_concept_list(segment) {
            true => self.by_ids(segment).await?,
            false => self.by_short_name(segment).await?,
        };
        // Nobody signs in: what is not for guests is not there, as by any other door.
        let ids: Vec<String> = found.iter().map(|c| c.id.clone()).collect();
        if !self.catalog.guests_may_read(&ids).await? {
            return Err(unknown(segment));
        }
        let mut out = Vec::with_capacity(found.len());
        for collection in found {
            let variables = self.catalog.variables(&collection.variables).await?;
            out.push(Arc::new(Collected { collection, variables }));
        }
        let records = out.iter().map(|c| 1 + c.variables.len()).sum();
        self.maps.known.collections.put(segment.to_owned(), out.clone(), records, age);
        Ok(out)
    }

    /// How old answers of the catalogue may be.
    pub(super) fn map_age(&self) -> Duration {
        Duration::from_secs(self.config.map_refresh_seconds)
    }

    async fn by_ids(&self, segment: &str) -> Result<Vec<Collection>, Problem> {
        let mut ids: Vec<String> = Vec::new();
        for id in segment.split(['+', ' ']) {
            if !ids.iter().any(|known| known == id) {
                ids.push(id.to_owned());
            }
        }
        let found = self.catalog.collections(&CollectionQuery::Ids(ids.clone())).await?;
        let mut missing: Vec<&str> = ids.iter().map(String::as_str).collect();
        missing.retain(|id| !found.iter().any(|c| c.id == *id));
        if found.is_empty() {
            return Err(unknown(segment));
        }
        let list = match &missing[..] {
            [] => {
                let place = |c: &Collection| ids.iter().position(|id| *id == c.id);
                let mut found = found;
                found.sort_by_key(place);
                return Ok(found);
            }
            [one] => format!("The collection {one}"),
            [a, b] => format!("The collections {a} and {b}"),
            [all @ .., last] => format!("The collections {}, and {last}", all.join(", ")),
        };
        Err(Problem::not_found(format!(
            "{list} could not be found. Please make sure the collection identifiers are correct and that you have \
             access to each collection."
        )))
    }

    async fn by_short_name(&self, name: &str) -> Result<Vec<Collection>, Problem> {
        let found = self.catalog.collections(&CollectionQuery::ShortName(name.to_owned())).await?;
        let served = found.iter().position(|c| self.has_map_service(c)).unwrap_or(0);
        match found.into_iter().nth(served) {
            Some(collection) => Ok(vec![collection]),
            None => Err(unknown(name)),
        }
    }

    /// Whether a service chain other than the download is associated with a collection.
    pub fn has_map_service(&self, collection: &Collection) -> bool {
        // A server without chains has nothing to associate with.
        self.chains.list.is_empty()
            || self.chains.list.iter().filter(|c| !c.download_only && c.name != "harmony/download").any(
                |chain| {
                    let by_service = chain.umm_s.as_ref().is_some_and(|s| collection.services.contains(s));
                    let listed = chain.collections.iter().any(|c| c.id == collection.id);
                    by_service || listed || chain.capabilities.all_collections == Some(true)
                },
            )
    }
}

fn unknown(segment: &str) -> Problem {
    Problem::not_found(format!(
        "{segment} must be a collection short name or CMR collection identifier, but we could not find a matching \
         collection. Please make sure the collection is correct and that you have access to it."
    ))
}

/// A layer by name.
#[derive(Clone, Debug)]
pub struct Named {
    pub collected: Arc<Collected>,
    pub what: What,
    /// As the client wrote it.
    pub name: String,
    /// Of the variable, when it is one.
    pub variable: Option<Variable>,
}

/// Name, behind the collection's, of the layer of its red, green and blue variables.
pub const COLOURS: &str = "rgb";

/// The layer `<collection id>[/<variable>]`; a variable goes by its concept id or name.
pub fn named(collections: &[Arc<Collected>], name: &str) -> Option<Named> {
    let (id, rest) = name.split_once('/').map_or((name, None), |(id, rest)| (id, Some(rest)));
    let is = |c: &&Arc<Collected>| c.collection.id == id || c.collection.short_name == id;
    let collected = collections.iter().find(is)?.clone();
    let (what, variable) = match rest {
        None => (What::All, None),
        Some(rest) => match variable_of(&collected, rest) {
            Some(v) => (What::Variable(v.name.clone()), Some(v.clone())),
            None if rest == COLOURS && has_colours(&collected.variables) => (What::All, None),
            None => return None,
        },
    };
    Some(Named { collected, what, name: name.to_owned(), variable })
}

/// A variable of a collection by concept id or name.
pub fn variable_of<'a>(collected: &'a Collected, text: &str) -> Option<&'a Variable> {
    let is = |v: &&Variable| v.id == text || v.name == text || v.name.trim_start_matches('/') == text;
    collected.variables.iter().find(is)
}

/// Whether there are variables for red, green and blue.
pub fn has_colours(variables: &[Variable]) -> bool {
    let has = |word: &str| {
        variables.iter().any(|v| {
            let low = v.name.to_ascii_lowercase();
            low.split(|c: char| !c.is_ascii_alphabetic()).any(|w| w == word)
        })
    };
    has("red") && has("green") && has("blue")
}

/// Variables that are shown: not those that say where and when others are.
pub fn shown_variables(collected: &Collected) -> impl Iterator<Item = &Variable> {
    collected.variables.iter().filter(|v| v.kind.as_deref() != Some("COORDINATE"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_concepts_are_told_from_short_names() {
        assert!(is_concept_list("C1-A") && is_concept_list("C12-POCLOUD+C3-X_Y"));
        for other in ["harmony_example", "C1-A,C2-B", "C-A", "C1-", "", "C1-A+x", "C1-A%2BC2-B"] {
            assert!(!is_concept_list(other), "{other}");
        }
    }

    #[test]
    fn layers_go_by_ids_and_names() {
        let variable =
            |id: &str, name: &str| Variable { id: id.into(), name: name.into(), ..Variable::default() };
        let collected = Arc::new(Collected {
            collection: Collection { id: "C1-A".into(), short_name: "s".into(), ..Collection::default() },
            variables: vec![
                variable("V1-A", "grid/red_var"),
                variable("V2-A", "grid/green_var"),
                variable("V3-A", "blue_var"),
            ],
        });
        let all = [collected];
        assert_eq!(named(&all, "C1-A").unwrap().what, What::All);
        assert_eq!(named(&all, "C1-A/V1-A").unwrap().what, What::Variable("grid/red_var".into()));
        assert_eq!(named(&all, "C1-A/grid/red_var").unwrap().variable.unwrap().id, "V1-A");
        assert_eq!(named(&all, "C1-A/rgb").unwrap().what, What::All);
        assert!(named(&all, "C1-A/V9-A").is_none() && named(&all, "C2-A").is_none());
    }
}
