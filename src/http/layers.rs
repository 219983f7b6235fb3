//! What maps are made of: collections by path, their variables and granules, asked of the catalogue now and then only.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;

use super::remembered::Remembered;
use super::{App, Problem};
use crate::catalog::{Collection, CollectionQuery, Granule, GranuleQuery, Page, Variable};
use crate::maps::{Layer, StyleSpec, TimeWish, What};

/// A collection with its variables.
#[derive(Debug)]
pub struct Collected {
    pub collection: Collection,
    pub variables: Vec<Variable>,
}

/// Granules that a map may show, newest first.
#[derive(Debug, Default)]
pub struct Granules {
    /// All that match.
    pub hits: u64,
    pub list: Vec<Granule>,
}

/// Answers of the catalogue that are not older than the setting.
#[derive(Default)]
pub struct Known {
    collections: Remembered<Vec<Arc<Collected>>>,
    granules: Remembered<Arc<Granules>>,
}

/// Granules whose values a stretch is taken from.
const REFERENCES: usize = 3;
/// Granules that are looked at to choose them.
const REFERENCE_PAGE: u64 = 100;

/// Which granules of a collection are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    pub ids: Vec<String>,
    pub names: Vec<String>,
    pub times: TimeWish,
    pub bbox: Option<[f64; 4]>,
}

impl Wish {
    /// Whether granules were named: that there are none of them is then an error.
    pub fn names_granules(&self) -> bool {
        !self.ids.is_empty() || !self.names.is_empty()
    }

    fn queries(&self, collection: &str) -> Vec<GranuleQuery> {
        let one = |time: Option<[String; 2]>| {
            let [start, end] = time.map_or([None, None], |t| t.map(Some));
            GranuleQuery {
                collection: collection.to_owned(),
                ids: self.ids.clone(),
                names: self.names.clone(),
                start,
                end,
                bbox: self.bbox,
                ..GranuleQuery::default()
            }
        };
        match &self.times[..] {
            [] => vec![one(None)],
            times => times.iter().map(|t| one(Some(t.bounds()))).collect(),
        }
    }
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
    /// 404 in the words of the contract; what the catalogue says.
    pub async fn map_collections(&self, segment: &str) -> Result<Vec<Arc<Collected>>, Problem> {
        let age = self.map_age();
        if let Some(known) = self.maps.known.collections.get(segment, age) {
            return Ok(known);
        }
        let found = match is_concept_list(segment) {
            true => self.by_ids(segment).await?,
            false => self.by_short_name(segment).await?,
        };
        let mut out = Vec::with_capacity(found.len());
        for collection in found {
            let variables = self.catalog.variables(&collection.variables).await?;
            out.push(Arc::new(Collected { collection, variables }));
        }
        self.maps.known.collections.put(segment.to_owned(), out.clone(), age);
        Ok(out)
    }

    fn map_age(&self) -> Duration {
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

    /// Granules of a collection, newest first.
    ///
    /// # Errors
    /// 413 when more match than a map may show; what the catalogue says.
    pub async fn map_granules(&self, collection: &str, wish: &Wish) -> Result<Arc<Granules>, Problem> {
        let limit = self.config.map_max_granules;
        let key = format!("{collection} {wish:?}");
        let age = self.map_age();
        if let Some(known) = self.maps.known.granules.get(&key, age) {
            return Ok(known);
        }
        let mut out = Granules::default();
        for query in wish.queries(collection) {
            let mut page = Page { size: limit.clamp(1, self.config.cmr_max_page_size.max(1)), after: None };
            loop {
                let answer = self.catalog.granules(&query, &page).await?;
                if answer.hits > limit {
                    return Err(too_many(answer.hits, limit, answer.granules.first()));
                }
                out.hits += answer.hits;
                out.list.extend(answer.granules);
                page.after = answer.after;
                if page.after.is_none() {
                    break;
                }
            }
        }
        out.list.sort_by(|a, b| b.start.cmp(&a.start).then_with(|| b.id.cmp(&a.id)));
        out.list.dedup_by(|a, b| a.id == b.id);
        let out = Arc::new(out);
        self.maps.known.granules.put(key, out.clone(), age);
        Ok(out)
    }

    /// Granules by which the colours of a collection are chosen: the same for all of its maps. Empty when there are
    /// none.
    ///
    /// # Errors
    /// What the catalogue says.
    pub async fn map_references(&self, collection: &str) -> Result<Arc<Granules>, Problem> {
        let key = format!("{collection} references");
        let age = self.map_age();
        if let Some(known) = self.maps.known.granules.get(&key, age) {
            return Ok(known);
        }
        let query = GranuleQuery { collection: collection.to_owned(), ..GranuleQuery::default() };
        let page = Page { size: REFERENCE_PAGE, after: None };
        let answer = self.catalog.granules(&query, &page).await?;
        let n = answer.granules.len();
        let mut at: Vec<usize> =
            (0..REFERENCES).map(|i| i * n.saturating_sub(1) / (REFERENCES - 1)).collect();
        at.dedup();
        let pick = |i: usize| answer.granules.get(i).cloned();
        let out = Arc::new(Granules { hits: answer.hits, list: at.into_iter().filter_map(pick).collect() });
        self.maps.known.granules.put(key, out.clone(), age);
        Ok(out)
    }

    /// A layer that can be drawn.
    ///
    /// # Errors
    /// As [`App::map_granules`].
    pub async fn map_layer(
        &self,
        named: &Named,
        wish: &Wish,
        axes: &[(String, String)],
        style: StyleSpec,
    ) -> Result<Layer, Problem> {
        let collection = &named.collected.collection.id;
        let granules = self.map_granules(collection, wish).await?;
        let references = self.map_references(collection).await?;
        let locations = |all: &Granules| all.list.iter().map(|g| g.location.clone()).collect();
        Ok(Layer {
            collection: collection.clone(),
            what: named.what.clone(),
            style,
            granules: locations(&granules),
            reference: locations(&references),
            times: wish.times.clone(),
            axes: axes.to_vec(),
        })
    }
}

fn unknown(segment: &str) -> Problem {
    Problem::not_found(format!(
        "{segment} must be a collection short name or CMR collection identifier, but we could not find a matching \
         collection. Please make sure the collection is correct and that you have access to it."
    ))
}

fn too_many(hits: u64, limit: u64, example: Option<&Granule>) -> Problem {
    let day = example.and_then(|g| g.start.as_deref()).and_then(|t| t.get(..10));
    let advice = day.map_or_else(String::new, |day| format!(", for example TIME={day}"));
    Problem::too_large(format!(
        "{hits} granules match; a map shows at most {limit}. Ask for a time{advice}, a smaller BBOX or a GRANULEID"
    ))
    .with_status(StatusCode::PAYLOAD_TOO_LARGE)
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
