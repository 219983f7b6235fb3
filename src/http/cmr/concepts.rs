//! Variables, services, grids and visualizations; single concepts; permissions.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::params::Params;
use super::{Answer, Asked, Form, Item, Refusal, values};
use crate::catalog::embedded::records::{ConceptId, Kind, OtherRecord, VariableRecord};
use crate::catalog::embedded::{Embedded, name_matches};
use crate::catalog::umm;
use crate::http::App;

const KNOWN: [&str; 12] = [
    "concept_id",
    "name",
    "keyword",
    "provider",
    "native_id",
    "alias",
    "variable_name",
    "instance_format",
    "measurement",
    "type",
    "dataset_id",
    "all_revisions",
];

/// When concepts without a date of their own were last changed.
const EPOCH: &str = "2000-01-01T00:00:00Z";

/// One concept, before it is chosen.
struct Concept {
    id: String,
    name: String,
    long_name: String,
    alias: String,
    associations: Vec<String>,
    umm: Value,
}

pub async fn search(asked: &Asked<'_>, kind: Kind) -> Result<Answer, Refusal> {
    let params = &asked.params;
    params.check(&KNOWN)?;
    let mut all: Vec<Concept> =
        concepts(asked.catalog, kind).await?.into_iter().filter(|c| matches(c, params)).collect();
    all.sort_by_cached_key(|c| {
        let id = ConceptId::parse(&c.id);
        (c.name.to_lowercase(), id.map_or("", |i| i.provider).to_lowercase(), id.map_or(0, |i| i.number))
    });
    for key in params.all("sort_key") {
        let (name, descending) = values::direction(&key);
        if !["name", "long_name", "provider", "revision_date"].contains(&name.as_str()) {
            return Err(values::unknown_order(&name, kind.name()));
        }
        if descending {
            all.reverse();
        }
    }
    let slice = values::slice(params, &asked.headers)?;
    let after = slice.after.as_ref().and_then(|a| a.first()).and_then(Value::as_u64);
    let begin = usize::try_from(after.unwrap_or(slice.offset)).unwrap_or(usize::MAX).min(all.len());
    let end = begin.saturating_add(usize::try_from(slice.size).unwrap_or(usize::MAX)).min(all.len());
    let items: Vec<Item> = all[begin..end].iter().map(|c| item(c, kind, asked.form)).collect();
    let after = (!items.is_empty()).then(|| vec![json!(end)]);
    Ok(Answer { hits: all.len() as u64, items, after, title: "", is_feed: false })
}

async fn concepts(catalog: &Embedded, kind: Kind) -> Result<Vec<Concept>, Refusal> {
    let snapshot = catalog.snapshot().await.map_err(Refusal::of)?;
    Ok(match kind {
        Kind::Variable => snapshot.variables().map(|v| of_variable(v)).collect(),
        other => snapshot.others(other).map(|r| of_other(r, other)).collect(),
    })
}

fn of_variable(record: &VariableRecord) -> Concept {
    let v = &record.variable;
    let alias =
        record.umm.as_ref().and_then(|u| umm::text_at(u, "/Alias")).unwrap_or_else(|| format!("/{}", v.name));
    Concept {
        id: v.id.clone(),
        name: v.name.clone(),
        long_name: v.long_name.clone().unwrap_or_default(),
        alias,
        associations: record.collections.clone(),
        umm: umm::variable_umm(v, record.umm.as_ref(), &record.collections, EPOCH),
    }
}

fn of_other(record: &OtherRecord, kind: Kind) -> Concept {
    let associations = (!record.collections.is_empty()).then(|| json!({ "collections": record.collections }));
    Concept {
        id: record.id.clone(),
        name: record.name.clone(),
        long_name: umm::text_at(&record.umm, "/LongName").unwrap_or_default(),
        alias: String::new(),
        associations: record.collections.clone(),
        umm: umm::umm_item(kind, &record.id, EPOCH, associations, record.umm.clone()),
    }
}

fn matches(concept: &Concept, params: &Params) -> bool {
    let provider = ConceptId::parse(&concept.id).map_or("", |c| c.provider);
    let fits = |name: &str, values: &[&str]| {
        let all = params.all(name);
        let pattern = params.option(name, "pattern");
        all.is_empty() || all.iter().any(|v| values.iter().any(|own| name_matches(v, own, pattern, false)))
    };
    let text = format!("{} {} {}", concept.name, concept.long_name, concept.alias).to_lowercase();
    let keyword = params.first("keyword").unwrap_or_default().to_lowercase();
    fits("concept_id", &[&concept.id])
        && fits("name", &[&concept.name])
        && fits("variable_name", &[&concept.name])
        && fits("provider", &[provider])
        && fits("native_id", &[&concept.id, &concept.name])
        && fits("alias", &[&concept.alias])
        && keyword.split_whitespace().all(|w| name_matches(&format!("*{w}*"), &text, true, true))
}

fn item(concept: &Concept, kind: Kind, form: Form) -> Item {
    let body = match form {
        Form::Umm => concept.umm.clone(),
        _ => {
            let mut body = json!({
                "concept_id": concept.id, "revision_id": 1, "name": concept.name, "native_id": concept.name,
                "provider_id": ConceptId::parse(&concept.id).map_or("", |c| c.provider),
            });
            if kind == Kind::Variable || !concept.long_name.is_empty() {
                body["long_name"] = json!(concept.long_name);
            }
            if !concept.associations.is_empty() {
                body["associations"] = json!({ "collections": concept.associations });
            }
            body
        }
    };
    Item { id: concept.id.clone(), name: concept.name.clone(), body }
}

/// `/search/concepts/<id>`, with a revision and an extension.
pub async fn one(app: &App, path: &str, headers: &HeaderMap, root: &str) -> Result<Response, Refusal> {
    let catalog = app.catalog.embedded();
    let catalog = catalog.ok_or_else(|| Refusal::not_found("This server has no catalogue of its own."))?;
    let (path, extension) = match path.rsplit_once('.') {
        Some((path, extension)) => (path, Some(extension)),
        None => (path, None),
    };
    // Native metadata are UMM here.
    let form = match extension {
        None | Some("native") => Form::Umm,
        some => super::form(some, headers)?,
    };
    let id = path.split('/').next().unwrap_or_default();
    let missing = || Refusal::not_found(format!("Concept with concept-id [{id}] could not be found."));
    let prefix = ConceptId::parse(id).map(|c| c.prefix).ok_or_else(missing)?;
    let snapshot = catalog.snapshot().await.map_err(Refusal::of)?;
    let full = match prefix {
        "C" => {
            let record = snapshot.collection(id).ok_or_else(missing)?;
            match form {
                Form::Umm => umm::collection_umm(record),
                _ => umm::collection_json(record, Map::new()),
            }
        }
        "G" => {
            let record = catalog.granule(id).await.map_err(Refusal::of)?.ok_or_else(missing)?;
            let owner = snapshot.collection(&record.granule.collection).ok_or_else(missing)?;
            match form {
                Form::Umm => umm::granule_umm(&record, &owner.collection, root),
                _ => umm::granule_json(&record, &owner.collection, root),
            }
        }
        _ => {
            let kind = Kind::ALL.into_iter().find(|k| k.prefix() == prefix).ok_or_else(missing)?;
            let found =
                concepts(catalog, kind).await?.into_iter().find(|c| c.id == id).ok_or_else(missing)?;
            item(&found, kind, form).body
        }
    };
    let body = match form {
        Form::Umm => full.get("umm").cloned().unwrap_or(full),
        _ => full,
    };
    let mut response = body.to_string().into_response();
    let kind = match form {
        Form::Umm => "application/vnd.nasa.cmr.umm+json; charset=utf-8",
        _ => "application/json;charset=utf-8",
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// `/access-control/permissions`: what a user may do with collections.
pub async fn permissions(app: &App, request: Request) -> Result<Value, Refusal> {
    let catalog = app.catalog.embedded();
    let catalog = catalog.ok_or_else(|| Refusal::not_found("This server has no catalogue of its own."))?;
    let (params, _) = Params::read(request).await?;
    params.check(&["concept_id", "user_type", "user_id", "system_object", "target", "target_group_id"])?;
    let is_guest = params.first("user_type") == Some("guest");
    if !is_guest && params.first("user_id").is_none() && params.first("user_type") != Some("registered") {
        return Err(Refusal::bad("One of parameters [user_type] or [user_id] are required."));
    }
    let ids = params.all("concept_id");
    if ids.is_empty() {
        return Err(Refusal::bad(
            "One of [concept_id], [system_object], [target_group_id], or [provider] and [target] are required.",
        ));
    }
    let snapshot = catalog.snapshot().await.map_err(Refusal::of)?;
    let mut map = Map::new();
    for id in ids {
        let may = snapshot.collection(&id).is_some_and(|c| !(is_guest && c.restricted));
        map.insert(id, if may { json!(["read", "order"]) } else { json!([]) });
    }
    Ok(Value::Object(map))
}
