//! Which granules a map shows, asked of the catalogue now and then only.

use std::sync::Arc;

use axum::http::StatusCode;

use super::layers::Named;
use super::{App, Problem};
use crate::catalog::{Granule, GranuleQuery, Page};
use crate::maps::{Layer, StyleSpec, TimeWish};

/// Granules that a map may show, newest first.
#[derive(Debug, Default)]
pub struct Granules {
    /// All that match.
    pub hits: u64,
    pub list: Vec<Arc<Granule>>,
}

/// Granules whose values a stretch is taken from.
const REFERENCES: usize = 3;
/// Granules that are looked at to choose them.
const REFERENCE_PAGE: u64 = 100;

/// Granules of a collection that are all remembered.
const FEW: u64 = 200;

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

impl App {
    /// Granules of a collection, newest first. Those of a small collection are asked of the catalogue once for all
    /// boxes: every tile has one of its own.
    ///
    /// # Errors
    /// 413 when more match than a map may show; what the catalogue says.
    pub async fn map_granules(&self, collection: &str, wish: &Wish) -> Result<Arc<Granules>, Problem> {
        let few = FEW.min(self.config.map_max_granules);
        if let Some(view) = wish.bbox
            && self.map_references(collection).await?.hits <= few
        {
            let all = self.found_granules(collection, &Wish { bbox: None, ..wish.clone() }).await?;
            let shows = |g: &&Arc<Granule>| g.bbox.is_none_or(|own| overlap(own, view));
            let list: Vec<Arc<Granule>> = all.list.iter().filter(shows).cloned().collect();
            return Ok(Arc::new(Granules { hits: list.len() as u64, list }));
        }
        self.found_granules(collection, wish).await
    }

    async fn found_granules(&self, collection: &str, wish: &Wish) -> Result<Arc<Granules>, Problem> {
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
                out.list.extend(answer.granules.into_iter().map(Arc::new));
                page.after = answer.after;
                if page.after.is_none() {
                    break;
                }
            }
        }
        out.list.sort_by(|a, b| b.start.cmp(&a.start).then_with(|| b.id.cmp(&a.id)));
        out.list.dedup_by(|a, b| a.id == b.id);
        let out = Arc::new(out);
        self.maps.known.granules.put(key, out.clone(), out.list.len(), age);
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
        let pick = |i: usize| answer.granules.get(i).cloned().map(Arc::new);
        let out = Arc::new(Granules { hits: answer.hits, list: at.into_iter().filter_map(pick).collect() });
        self.maps.known.granules.put(key, out.clone(), out.list.len(), age);
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
            start: granules.list.first().and_then(|g| g.start.clone()),
        })
    }
}

/// Whether two boxes (west, south, east, north; west above east crosses the antimeridian) have a point in common.
fn overlap(a: [f64; 4], b: [f64; 4]) -> bool {
    let parts = |[w, _, e, _]: [f64; 4]| if w <= e { [[w, e], [w, e]] } else { [[w, 180.0], [-180.0, e]] };
    let meet = |[w, e]: [f64; 2], [v, f]: [f64; 2]| w <= f && v <= e;
    let level = a[1] <= b[3] && b[1] <= a[3];
    level && parts(a).iter().any(|p| parts(b).iter().any(|q| meet(*p, *q)))
}

fn too_many(hits: u64, limit: u64, example: Option<&Granule>) -> Problem {
    let day = example.and_then(|g| g.start.as_deref()).and_then(|t| t.get(..10));
    let advice = day.map_or_else(String::new, |day| format!(", for example TIME={day}"));
    Problem::too_large(format!(
        "{hits} granules match; a map shows at most {limit}. Ask for a time{advice}, a smaller BBOX or a GRANULEID"
    ))
    .with_status(StatusCode::PAYLOAD_TOO_LARGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_meet_also_across_the_antimeridian() {
        let near = [170.0, -10.0, -170.0, 10.0];
        assert!(overlap(near, [-175.0, 0.0, -160.0, 5.0]) && overlap([175.0, 0.0, 178.0, 5.0], near));
        assert!(overlap(near, [160.0, 10.0, 170.0, 20.0]) && overlap(near, near));
        assert!(!overlap(near, [-160.0, 0.0, 160.0, 5.0]) && !overlap(near, [-175.0, 11.0, -160.0, 15.0]));
    }
}
