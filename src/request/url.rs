//! Harmony URLs: OGC API Coverages and EDR, or a bare query string, as one neutral request.

use std::sync::Arc;

use harmony_model::ModelError;
use harmony_model::geometry::{Bbox, Part, Shape};
use harmony_model::request::{Request, TimeRange};
use harmony_model::time::DateTime;

use super::grammar::{self, Subsets, ordered};
use super::query::{Parameter, decode, parse_query};
use super::target;
use super::wkt::parse_wkt;

/// Which API a URL belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Door {
    /// A query string without a path: the parameters of both APIs.
    #[default]
    Bare,
    Coverages,
    Edr(EdrQuery),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdrQuery {
    Position,
    Area,
    Cube,
    Trajectory,
}

/// What a URL asks for. What is not in [`Request`] is as the URL has it, unchecked against any catalogue.
#[derive(Clone, Debug, Default)]
pub struct DoorRequest {
    pub door: Door,
    /// Concept ids, or one short name.
    pub collections: Vec<String>,
    pub request: Request,
    pub format: Option<String>,
    pub concatenate: Option<bool>,
    /// Dimensions to extend along; `["true"]`: the product's default.
    pub extend: Vec<String>,
    pub granule_ids: Vec<String>,
    pub granule_names: Vec<String>,
    pub max_results: Option<u64>,
    pub labels: Vec<String>,
    /// Known parameters that mean nothing outside a service (`forceAsync`, `destinationUrl`, …), as `name=value`.
    pub not_applied: Vec<String>,
    /// Names that no API has.
    pub unknown: Vec<String>,
}

/// Parses a Harmony URL (`…/{collection}/ogc-api-coverages/1.0.0/collections/{variables}/coverage/rangeset?…`,
/// `…/ogc-api-edr/1.1.0/collections/{collection}/{position|area|cube|trajectory}?…`), its path, or a query string.
///
/// # Errors
/// [`ModelError::Invalid`] naming the parameter and showing a right example.
pub fn parse_request(text: &str) -> Result<DoorRequest, ModelError> {
    let text = text.trim();
    let text = text.split_once('#').map_or(text, |(before, _)| before);
    let (path, query) = match (text.split_once('?'), text.contains("://") || text.starts_with('/')) {
        (Some((path, query)), _) => (path, query),
        (None, true) => (text, ""),
        (None, false) => ("", text),
    };
    let mut out = DoorRequest::default();
    let mut variables = None;
    if !path.is_empty() {
        variables = parse_path(path, &mut out)?;
    }
    let mut rest = Rest::default();
    for parameter in parse_query(query) {
        apply(&parameter, &mut out, &mut rest).map_err(|e| named(&parameter.name, &e))?;
    }
    rest.finish(variables, &mut out)?;
    Ok(out)
}

fn named(name: &str, error: &ModelError) -> ModelError {
    ModelError::Invalid(format!("query parameter \"{name}\": {error}"))
}

fn invalid(text: impl Into<String>) -> ModelError {
    ModelError::Invalid(text.into())
}

/// Reads door and collections off the path; returns the variables of a Coverages path.
fn parse_path(path: &str, out: &mut DoorRequest) -> Result<Option<Vec<String>>, ModelError> {
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    let find = |name: &str| segments.iter().position(|s| s.eq_ignore_ascii_case(name));
    let collections = |text: &str| text.split(['+', ' ']).map(|c| decode(c, false)).collect();
    if let Some(at) = find("ogc-api-coverages") {
        out.door = Door::Coverages;
        out.collections = at.checked_sub(1).map(|i| collections(segments[i])).unwrap_or_default();
        let mut tail = &segments[at + 1..];
        tail = tail.split_first().map_or(tail, |(_, rest)| rest); // the version
        if tail.first().is_some_and(|s| s.eq_ignore_ascii_case("collections")) {
            tail = &tail[1..];
        }
        let [variables, coverage, rangeset] = tail else {
            return Err(invalid(format!(
                "'{path}' is not a coverage request; its path ends in /collections/{{variables}}/coverage/rangeset"
            )));
        };
        if !coverage.eq_ignore_ascii_case("coverage") || !rangeset.eq_ignore_ascii_case("rangeset") {
            return Err(invalid(format!(
                "'{path}' asks for '{coverage}/{rangeset}'; only coverage/rangeset gives data"
            )));
        }
        let names = decode(variables, false)
            .split(',')
            .map(|v| v.trim().to_owned())
            .filter(|v| !v.is_empty())
            .collect();
        return Ok(Some(names));
    }
    if let Some(at) = find("ogc-api-edr") {
        let [_, _, collection, query] = segments[at + 1..] else {
            return Err(invalid(format!(
                "'{path}' is not an EDR request; its path ends in /collections/{{collection}}/{{position|area|cube|trajectory}}"
            )));
        };
        out.collections = collections(collection);
        out.door = Door::Edr(match query.to_ascii_lowercase().as_str() {
            "position" => EdrQuery::Position,
            "area" => EdrQuery::Area,
            "cube" => EdrQuery::Cube,
            "trajectory" => EdrQuery::Trajectory,
            _ => {
                return Err(invalid(format!(
                    "'{query}' is not a query we know; use position, area, cube or trajectory"
                )));
            }
        });
        return Ok(None);
    }
    Err(invalid(format!(
        "'{path}' is neither an OGC API Coverages nor an EDR path; give a Harmony URL or a query string such as \
         subset=lat(0:10)&format=image/png"
    )))
}

/// What only makes sense when all parameters are known.
#[derive(Default)]
struct Rest {
    subsets: Vec<String>,
    variables: Vec<String>,
    bbox: Option<Bbox>,
    coords: Vec<Part>,
    datetime: Option<TimeRange>,
}

impl Rest {
    fn finish(self, path_variables: Option<Vec<String>>, out: &mut DoorRequest) -> Result<(), ModelError> {
        out.request.variables = chosen_variables(path_variables, self.variables)?;
        let mut subsets =
            Subsets::parse(self.subsets.iter().map(String::as_str)).map_err(|e| named("subset", &e))?;
        if matches!(out.door, Door::Edr(_)) {
            // EDR has its own words for place and time; Harmony parses these axes and goes without them.
            let other =
                |text: &&String| !matches!(grammar::parse_subset(text), Ok(grammar::Subset::Dimension(_)));
            out.not_applied.extend(self.subsets.iter().filter(other).map(|s| format!("subset={s}")));
            subsets = Subsets { dimensions: subsets.dimensions, ..Subsets::default() };
        }
        out.request.bbox.extend(self.bbox);
        if let Some(range) = self.datetime {
            out.request.time = Some(range);
        }
        subsets.apply(&mut out.request)?;
        match self.coords[..] {
            [] => {}
            [Part::Point([lon, lat])] => out.request.point = Some((lon, lat)),
            _ => out.request.shape = Some(Arc::new(Shape::new("coords", &self.coords)?)),
        }
        if out.request.point.is_some() && !out.request.bbox.is_empty() {
            return Err(invalid("both a point and a box are given; give one of them"));
        }
        super::target::check(&out.request)?;
        out.request.aggregate = super::target::aggregate(out.concatenate == Some(true), &out.extend);
        Ok(())
    }
}

fn chosen_variables(path: Option<Vec<String>>, query: Vec<String>) -> Result<Vec<String>, ModelError> {
    let mut names = match path {
        Some(path) if path == ["parameter_vars"] => {
            if query.is_empty() {
                return Err(invalid(
                    "the path says parameter_vars, but the query has no 'variable'; add variable=NAME",
                ));
            }
            query
        }
        Some(path) if query.is_empty() => path,
        Some(_) => {
            return Err(invalid(
                "variables are in the path and in the query; with 'variable' the path must say parameter_vars",
            ));
        }
        None => query,
    };
    if names.iter().any(|n| n == "all") {
        if names.len() > 1 {
            return Err(invalid("\"all\" cannot be specified alongside other variables"));
        }
        names.clear();
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|n| seen.insert(n.clone()));
    Ok(names)
}

/// Puts one parameter where it belongs. Names are compared without case.
fn apply(p: &Parameter, out: &mut DoorRequest, rest: &mut Rest) -> Result<(), ModelError> {
    let text = || Some(p.value()).filter(|v| !v.trim().is_empty());
    match p.name.to_ascii_lowercase().as_str() {
        "subset" => rest.subsets.extend(p.list()),
        "variable" | "parameter-name" => rest.variables.extend(p.list_decoded()),
        "bbox" => rest.bbox = text().map(|t| grammar::parse_bbox(&t)).transpose()?,
        "coords" => rest.coords = text().map(|t| parse_wkt(&t)).transpose()?.unwrap_or_default(),
        "datetime" => rest.datetime = text().map(|t| datetime(&t)).transpose()?,
        "point" => out.request.point = text().map(|t| grammar::parse_point(&t)).transpose()?,
        // `*/*` wishes for nothing in particular.
        "format" | "f" => out.format = text().filter(|f| f != "*/*"),
        "maxresults" => out.max_results = text().map(|t| target::pixels(&t)).transpose()?,
        "concatenate" => out.concatenate = Some(boolean(&p.value())?),
        "pixelsubset" => out.request.pixel_subset = boolean(&p.value())?,
        "extend" => out.extend = p.list_decoded().into_iter().filter(|d| d != "false").collect(),
        "granuleid" => out.granule_ids.extend(p.list_decoded()),
        "granulename" => out.granule_names.extend(p.list()),
        "label" => out.labels.extend(p.list()),
        "forceasync" | "skippreview" | "ignoreerrors" => {
            boolean(&p.value())?;
            out.not_applied.push(format!("{}={}", p.name, p.value()));
        }
        "serviceid" | "destinationurl" | "collectionid" | "z" | "resolution-x" | "resolution-y"
        | "shapefile" => {
            out.not_applied.push(format!("{}={}", p.name, p.value()));
        }
        name => match text() {
            Some(text) if target::apply(name, &text, &mut out.request)? => {}
            None if target::is_parameter(name) => {}
            _ => out.unknown.push(p.name.clone()),
        },
    }
    Ok(())
}

/// `START/END` with `..` or nothing for an open end; a single instant is a start, as Harmony's EDR has it.
fn datetime(text: &str) -> Result<TimeRange, ModelError> {
    let end_of =
        |t: &str| if matches!(t.trim(), "" | "..") { Ok(None) } else { DateTime::parse(t.trim()).map(Some) };
    let (start, end) = text.split_once('/').unwrap_or((text, ".."));
    ordered(end_of(start)?, end_of(end)?)
}

fn boolean(text: &str) -> Result<bool, ModelError> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(invalid(format!("'{text}' must be either true or false"))),
    }
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;
