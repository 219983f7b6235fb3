//! `/capabilities`: what can be done with a collection.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::{App, Caller, Problem};
use crate::catalog::{Collection, CollectionQuery, Variable};
use crate::plan::chains::{Capabilities, Chain, Chains, canonical, format_name};
use crate::request::query::parse_query;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/capabilities", get(capabilities))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
    Three,
}

async fn capabilities(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Result<Json<Value>, Problem> {
    let query = uri.query().unwrap_or_default();
    let collection = find(&app, query).await?;
    let version = match value(query, "version").as_deref() {
        None | Some("" | "2") => Version::Two,
        Some("1") => Version::One,
        Some("3" | "3-alpha") => Version::Three,
        Some(v) => {
            let message = format!("Invalid API version {v}, supported versions: 1, 2, and 3-alpha");
            return Err(Problem::invalid(message));
        }
    };
    let variables = app.catalog.variables(&collection.variables).await?;
    let own = app.catalog.root();
    let document = Document {
        services: services(&app.chains, &collection),
        catalog: if own.is_empty() { caller.root.clone() } else { own.trim_end_matches('/').to_owned() },
        root: caller.root,
        collection,
        variables,
    };
    Ok(Json(match version {
        Version::One => document.flat("1", false),
        Version::Two => document.flat("2", true),
        Version::Three => document.nested(),
    }))
}

/// The value of a parameter, whatever the case of its name; of several the last.
fn value(query: &str, name: &str) -> Option<String> {
    let all = parse_query(query);
    all.iter().rev().find(|p| p.name.eq_ignore_ascii_case(name)).map(|p| p.value())
}

async fn find(app: &App, query: &str) -> Result<Collection, Problem> {
    let given = |name| value(query, name).filter(|v| !v.is_empty());
    let (wanted, unknown) = match (given("collectionId"), given("shortName")) {
        (None, None) => return Err(Problem::invalid("Must specify either collectionId or shortName")),
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("Must specify only one of collectionId or shortName, not both"));
        }
        (Some(id), None) => {
            let unknown = format!(
                "{id} must be a CMR collection identifier, but we could not find a matching collection. Please make \
                 sure the collection ID is correct and that you have access to it."
            );
            (CollectionQuery::Ids(vec![id]), unknown)
        }
        (None, Some(name)) => {
            let unknown = format!(
                "Unable to find collection short name {name} in the CMR. Please make sure the short name is correct \
                 and that you have access to the collection."
            );
            (CollectionQuery::ShortName(name), unknown)
        }
    };
    let mut found = app.catalog.collections(&wanted).await?;
    if found.is_empty() {
        return Err(Problem::not_found(unknown));
    }
    let configured = found.iter().position(|c| app.chains.serving(c).any(|chain| is_associated(chain)));
    Ok(found.swap_remove(configured.unwrap_or(0)))
}

/// Whether a chain is configured for single collections.
fn is_associated(chain: &Chain) -> bool {
    chain.all_collections != Some(true) && chain.capabilities.all_collections != Some(true)
}

/// The chains that transform a collection: handing granules out as they are is no service.
fn services(chains: &Chains, collection: &Collection) -> Vec<Arc<Chain>> {
    chains.serving(collection).filter(|c| !c.is_download()).cloned().collect()
}

struct Document {
    collection: Collection,
    variables: Vec<Variable>,
    services: Vec<Arc<Chain>>,
    /// Where concepts are found.
    catalog: String,
    /// This server.
    root: String,
}

impl Document {
    fn any(&self, able: impl Fn(&Capabilities) -> Option<bool>) -> bool {
        self.services.iter().any(|c| able(&c.capabilities) == Some(true))
    }

    fn formats(&self) -> Vec<&str> {
        let mut out: Vec<&str> = Vec::new();
        for format in self.services.iter().flat_map(|c| &c.capabilities.output_formats) {
            if !out.iter().any(|o| canonical(o) == canonical(format)) {
                out.push(format);
            }
        }
        out
    }

    fn concept(&self, id: &str) -> String {
        format!("{}/search/concepts/{id}", self.catalog)
    }

    /// Where a service is described; the engine's own has no record in a catalogue.
    fn service_link(&self, chain: &Chain) -> String {
        match &chain.umm_s {
            Some(id) => self.concept(id),
            None => format!("{}/versions", self.root),
        }
    }

    /// Versions 1 and 2.
    fn flat(&self, version: &str, with_links: bool) -> Value {
        let subsets = |of: fn(&crate::plan::chains::Subsetting) -> Option<bool>| {
            self.any(|c| c.subsetting.as_ref().and_then(of))
        };
        let service = |chain: &Arc<Chain>| match with_links {
            true => {
                json!({ "name": chain.name, "href": self.service_link(chain), "capabilities": chain.capabilities })
            }
            false => json!({ "name": chain.name, "capabilities": chain.capabilities }),
        };
        let variable = |v: &Variable| match with_links {
            true => json!({ "name": v.name, "href": self.concept(&v.id) }),
            false => json!(v.name),
        };
        json!({
            "conceptId": self.collection.id,
            "shortName": self.collection.short_name,
            "variableSubset": subsets(|s| s.variable) && !self.variables.is_empty(),
            "bboxSubset": subsets(|s| s.bbox),
            "shapeSubset": subsets(|s| s.shape),
            "temporalSubset": subsets(|s| s.temporal),
            "concatenate": self.any(|c| c.concatenation),
            "reproject": self.any(|c| c.reprojection),
            "outputFormats": self.formats(),
            "services": self.services.iter().map(service).collect::<Vec<_>>(),
            "variables": self.variables.iter().map(variable).collect::<Vec<_>>(),
            "capabilitiesVersion": version,
        })
    }

    /// Version 3-alpha.
    fn nested(&self) -> Value {
        let service = |chain: &Arc<Chain>| {
            let one = [Arc::clone(chain)];
            json!({
                "name": chain.name,
                "href": self.service_link(chain),
                "capabilities": summary(&one, &chain.capabilities.output_formats),
            })
        };
        json!({
            "conceptId": self.collection.id,
            "shortName": self.collection.short_name,
            "summary": summary(&self.services, &self.formats()),
            "services": self.services.iter().map(service).collect::<Vec<_>>(),
            "variables": self.variables.iter().map(|v| self.variable(v)).collect::<Vec<_>>(),
            "capabilitiesVersion": "3-alpha",
        })
    }

    fn variable(&self, variable: &Variable) -> Value {
        let mut out = Map::new();
        out.insert("name".into(), json!(variable.name));
        if let Some(long_name) = &variable.long_name {
            out.insert("longName".into(), json!(long_name));
        }
        out.insert("href".into(), json!(self.concept(&variable.id)));
        if let Some(units) = &variable.units {
            out.insert("units".into(), json!(units));
        }
        let keywords: Vec<Value> = variable.science_keywords.iter().map(keyword).collect();
        if !keywords.is_empty() {
            out.insert("scienceKeywords".into(), json!(keywords));
        }
        Value::Object(out)
    }
}

/// A science keyword with names that begin in lower case; UMM's begin with a capital.
fn keyword(umm: &Value) -> Value {
    const NAMES: [&str; 7] = [
        "category",
        "topic",
        "term",
        "variableLevel1",
        "variableLevel2",
        "variableLevel3",
        "detailedVariable",
    ];
    let mut out = Map::new();
    for (key, value) in umm.as_object().into_iter().flatten() {
        let name = NAMES.iter().find(|n| n.eq_ignore_ascii_case(key)).filter(|_| !value.is_null());
        if let Some(name) = name {
            out.insert((*name).to_owned(), value.clone());
        }
    }
    Value::Object(out)
}

/// What services can do together.
fn summary<F: AsRef<str>>(services: &[Arc<Chain>], formats: &[F]) -> Value {
    let any = |able: &dyn Fn(&Capabilities) -> Option<bool>| {
        services.iter().any(|c| able(&c.capabilities) == Some(true))
    };
    let subsets = |of: fn(&crate::plan::chains::Subsetting) -> Option<bool>| {
        any(&|c| c.subsetting.as_ref().and_then(of))
    };
    let averages =
        |of: fn(&crate::plan::chains::Averaging) -> Option<bool>| any(&|c| c.averaging.as_ref().and_then(of));
    let format = |f: &F| json!({ "name": format_name(f.as_ref()), "mimeType": f.as_ref() });
    let own = services.iter().any(|c| c.is_engine());
    json!({
        "subsetting": {
            "bbox": subsets(|s| s.bbox),
            "dimension": subsets(|s| s.dimension),
            "shape": subsets(|s| s.shape),
            "temporal": subsets(|s| s.temporal),
            "variable": subsets(|s| s.variable),
        },
        "reprojection": {
            "supported": any(&|c| c.reprojection),
            "supportedProjections": if own { projections() } else { json!([]) },
            "interpolationMethods": if own { json!(METHODS) } else { json!([]) },
        },
        "averaging": { "time": averages(|a| a.time), "area": averages(|a| a.area) },
        "concatenation": any(&|c| c.concatenation),
        "outputFormats": formats.iter().map(format).collect::<Vec<_>>(),
    })
}

/// Of the engine; sorted.
const METHODS: [&str; 13] = [
    "average",
    "bilinear",
    "conservative",
    "cubic",
    "cubicspline",
    "ewa",
    "lanczos",
    "max",
    "med",
    "min",
    "mode",
    "near",
    "sum",
];

/// Often asked for, by name. The engine takes every CRS that PROJ knows.
fn projections() -> Value {
    json!([
        { "crs": "EPSG:6933", "name": "EASE-Grid 2.0 Global" },
        { "crs": "EPSG:6931", "name": "EASE-Grid 2.0 North" },
        { "crs": "EPSG:6932", "name": "EASE-Grid 2.0 South" },
        { "crs": "EPSG:4326", "name": "Geographic" },
        { "crs": "EPSG:3413", "name": "NSIDC Polar Stereographic North" },
        { "crs": "EPSG:3976", "name": "NSIDC Polar Stereographic South" },
        { "crs": "EPSG:3857", "name": "Web Mercator" },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_knows_the_methods_that_are_listed() {
        assert!(METHODS.is_sorted());
        for name in METHODS {
            assert!(harmony_model::Interpolation::parse(name).is_ok(), "{name}");
        }
    }
}
