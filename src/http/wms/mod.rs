//! Web Map Service 1.3.0 and 1.1.1 (OGC 06-042, OGC 01-068r3): `GET /{collections}/wms`.
//!
//! Checks and their words are those of the reference where it has any (contract, requests §3); what it rejects or
//! ignores although the standard has it is served: axis order, TIME and other dimensions, BGCOLOR, styles, exceptions,
//! GetFeatureInfo, GetLegendGraphic. Maps are answered directly.

mod bbox;
mod capabilities;
mod exception;
mod frame;
mod info;
mod map;
mod parameters;
mod sequence;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub use bbox::Order;
pub use exception::{Exception, Form, Version, xml};
pub use map::range;
pub use parameters::Parameters;
pub use sequence::Sequences;

use super::layers::Collected;
use super::{App, Caller, Problem};

/// Routes of maps.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/{collections}/wms", get(wms))
        .route("/{collections}/wms/", get(wms))
        .route("/wms", get(without_collection))
        .route("/wms/", get(without_collection))
}

async fn without_collection() -> Problem {
    Problem::not_found(
        "Services can only be invoked when a valid collection is supplied in the URL path before the service name.",
    )
}

/// A request after the checks that all operations share.
struct Query {
    app: Arc<App>,
    collections: Vec<Arc<Collected>>,
    parameters: Parameters,
    version: Version,
    /// Address of the service, without query.
    address: String,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Capabilities,
    Map,
    FeatureInfo,
    Legend,
}

async fn wms(State(app): State<Arc<App>>, caller: Caller, uri: Uri, headers: HeaderMap) -> Response {
    let segment = uri.path().split('/').nth(1).unwrap_or_default();
    let parameters = Parameters::parse(uri.query().unwrap_or_default());
    let form = Form::of(&parameters, app.config.wms_exceptions == "xml");
    let version = version_of(&parameters);
    let address = format!("{}{}", caller.root, uri.path());
    // What the path names is looked up before anything else and told as by any other service.
    let collections = match app.map_collections(segment).await {
        Ok(found) => found,
        Err(problem) => return problem.into_response(),
    };
    let query = Query { app: app.clone(), collections, parameters: parameters.clone(), version, address };
    let max_age = app.config.map_max_age_seconds;
    match query.serve().await {
        Ok(answer) => answer.response(&headers, max_age),
        Err(Served::NoService(problem)) => problem.into_response(),
        Err(Served::Exception(e)) => e.response(form, version, &parameters),
    }
}

/// Why a request is not served.
enum Served {
    NoService(Problem),
    Exception(Exception),
}

impl From<Exception> for Served {
    fn from(e: Exception) -> Self {
        Served::Exception(e)
    }
}

/// The version that is spoken: what was asked for, or the next lower one that there is (06-042 §6.2.4).
fn version_of(parameters: &Parameters) -> Version {
    let parts: Vec<u32> = parameters
        .filled("version")
        .unwrap_or("1.3.0")
        .split('.')
        .map_while(|p| p.trim().parse().ok())
        .collect();
    if parts.as_slice() < [1, 3].as_slice() { Version::V111 } else { Version::V130 }
}

impl Query {
    async fn serve(&self) -> Result<super::map_service::Answer, Served> {
        let operation = self.operation()?;
        if let Some(problem) = self.no_service() {
            return Err(Served::NoService(problem));
        }
        self.parameters.check_doubled()?;
        Ok(match operation {
            Operation::Capabilities => self.capabilities().await?,
            Operation::Map => self.map().await?,
            Operation::FeatureInfo => self.feature_info().await?,
            Operation::Legend => self.legend().await?,
        })
    }

    fn operation(&self) -> Result<Operation, Exception> {
        let request = self.parameters.get("request").unwrap_or_default();
        let operation = match request {
            "GetCapabilities" => Some(Operation::Capabilities),
            "GetMap" => Some(Operation::Map),
            "GetFeatureInfo" => Some(Operation::FeatureInfo),
            "GetLegendGraphic" => Some(Operation::Legend),
            _ => None,
        };
        match self.parameters.get("service") {
            Some("WMS") => {}
            // The standard asks for it with GetCapabilities only.
            None if operation.is_some_and(|o| o != Operation::Capabilities) => {}
            _ => return Err(Exception::reference("Query parameter \"service\" must be \"WMS\"")),
        }
        operation.ok_or_else(|| {
            Exception::reference("Query parameter \"request\" must be one of \"GetCapabilities\", \"GetMap\"")
        })
    }

    fn no_service(&self) -> Option<Problem> {
        let served = |c: &Arc<Collected>| self.app.has_map_service(&c.collection);
        (!self.collections.iter().all(served)).then(|| {
            Problem::not_found(
                "There is no service configured to support transformations on the provided collection via WMS.",
            )
        })
    }

    /// The version and names of parameters of a request for a map or a part of one.
    fn check_map(&self) -> Result<(), Exception> {
        let p = &self.parameters;
        let version = p.get("version").unwrap_or_default();
        // Of the old version only what speaks of SRS: CRS came with the new one.
        let old = version.starts_with("1.1.") && p.get("srs").is_some();
        if version != "1.3.0" && !old {
            return Err(Exception::reference("Query parameter \"version\" must be \"1.3.0\""));
        }
        let crs = if self.version == Version::V111 { "srs" } else { "crs" };
        p.require(&["layers", crs, "bbox", "format", "styles", "width", "height"])?;
        if let Some(transparent) = p.filled("transparent")
            && !["TRUE", "FALSE"].iter().any(|t| transparent.eq_ignore_ascii_case(t))
        {
            return Err(Exception::reference(
                "Query parameter \"transparent\" must be one of \"TRUE\", \"FALSE\"",
            ));
        }
        p.check_names()
    }
}
