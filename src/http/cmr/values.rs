//! Values of parameters: places, times, pages, orders.

use std::sync::Arc;

use axum::http::HeaderMap;
use harmony_model::time::DateTime;

use super::Refusal;
use super::params::Params;
use crate::catalog::embedded::{Slice, SortField, SortKey};
use crate::catalog::geo::{Region, shapefile};

/// Names of the parameters that [`regions`] reads.
pub const SPATIAL: [&str; 7] =
    ["bounding_box", "point", "polygon", "line", "circle", "shapefile", "simplify_shapefile"];

type Times = Vec<(Option<i64>, Option<i64>)>;

/// All places asked for; each has to touch. Several values of one parameter are alternatives.
pub fn regions(params: &Params) -> Result<Vec<Arc<Region>>, Refusal> {
    let mut found = Vec::new();
    let mut add = |name: &str, read: fn(&str) -> Result<Region, Refusal>| -> Result<(), Refusal> {
        let regions = params.all(name).iter().map(|t| read(t)).collect::<Result<Vec<_>, _>>()?;
        if !regions.is_empty() {
            found.push(Region::any(regions));
        }
        Ok(())
    };
    add("bounding_box", |t| Ok(Region::of_box(bounding_box(t)?)))?;
    add("point", |t| match numbers(t, "point")?[..] {
        [lon, lat] if lon.abs() <= 180.0 && lat.abs() <= 90.0 => Ok(Region::of_point([lon, lat])),
        _ => Err(not_valid("point", t)),
    })?;
    add("polygon", |t| Ok(Region::of_polygon(&[ring(t)?])))?;
    add("line", |t| Ok(Region::of_line(&pairs(t, "line")?)))?;
    add("circle", circle)?;
    if let Some(bytes) = &params.shapefile {
        found.push(shapefile::region(bytes).map_err(Refusal::of)?);
    }
    Ok(found.into_iter().map(Arc::new).collect())
}

fn circle(text: &str) -> Result<Region, Refusal> {
    let [lon, lat, radius] = numbers(text, "circle")?[..] else { return Err(not_valid("circle", text)) };
    if !(10.0..=6_000_000.0).contains(&radius) {
        return Err(Refusal::bad(format!(
            "Circle radius must be between 10 and 6000000, but was {radius:.1}."
        )));
    }
    Ok(Region::of_circle([lon, lat], radius))
}

fn not_valid(kind: &str, text: &str) -> Refusal {
    Refusal::bad(format!("[{text}] is not a valid URL encoded {kind}"))
}

fn numbers(text: &str, kind: &str) -> Result<Vec<f64>, Refusal> {
    let number = |t: &str| t.trim().parse().ok().filter(|v: &f64| v.is_finite());
    text.split(',').map(number).collect::<Option<Vec<f64>>>().ok_or_else(|| not_valid(kind, text))
}

fn bounding_box(text: &str) -> Result<[f64; 4], Refusal> {
    let [w, s, e, n] = numbers(text, "bounding_box")?[..] else {
        return Err(not_valid("bounding_box", text));
    };
    let mut errors = Vec::new();
    for (name, value, limit) in
        [("West", w, 180.0), ("South", s, 90.0), ("East", e, 180.0), ("North", n, 90.0)]
    {
        if !(-limit..=limit).contains(&value) {
            errors.push(format!("{name} must be within [-{limit:.1}] and [{limit:.1}] but was [{value:?}]."));
        }
    }
    if errors.is_empty() && s > n {
        errors.push(format!(
            "The bounding rectangle north value [{n:?}] was less than the south value [{s:?}]"
        ));
    }
    if errors.is_empty() { Ok([w, s, e, n]) } else { Err(Refusal { status: 400, errors }) }
}

fn pairs(text: &str, kind: &str) -> Result<Vec<[f64; 2]>, Refusal> {
    let numbers = numbers(text, kind)?;
    let points: Vec<[f64; 2]> = numbers.chunks_exact(2).map(|p| [p[0], p[1]]).collect();
    let good = |p: &[f64; 2]| p[0].abs() <= 180.0 && p[1].abs() <= 90.0;
    if !numbers.len().is_multiple_of(2) || !points.iter().all(good) {
        return Err(not_valid(kind, text));
    }
    Ok(points)
}

fn ring(text: &str) -> Result<Vec<[f64; 2]>, Refusal> {
    let points = pairs(text, "polygon")?;
    if points.len() < 4 {
        return Err(not_valid("polygon", text));
    }
    if points.first() != points.last() {
        return Err(Refusal::bad(
            "Polygon boundary was not closed. The first and last points of the boundary must be equal.",
        ));
    }
    Ok(points)
}

/// Time ranges, as alternatives, in microseconds.
pub fn times(params: &Params) -> Result<Times, Refusal> {
    params.all("temporal").iter().map(|t| range(t)).collect()
}

fn range(text: &str) -> Result<(Option<i64>, Option<i64>), Refusal> {
    let mut ends = [None, None];
    // A slash also separates; further parts are days of the year, which are not served.
    for (i, part) in text.split([',', '/']).take(2).enumerate() {
        if !part.trim().is_empty() {
            ends[i] = Some(instant(part, "temporal")?);
        }
    }
    if let [Some(a), Some(b)] = ends
        && a > b
    {
        return Err(Refusal::bad(format!(
            "start_date [{}] must be before end_date [{}]",
            text_of(a),
            text_of(b)
        )));
    }
    Ok((ends[0], ends[1]))
}

fn text_of(micros: i64) -> String {
    DateTime { micros }.to_string()
}

fn instant(text: &str, name: &str) -> Result<i64, Refusal> {
    DateTime::parse(text.trim())
        .map(|t| t.micros)
        .map_err(|_| Refusal::bad(format!("{name} datetime is invalid: [{text}] is not a valid datetime")))
}

/// Milliseconds of `updated_since`.
pub fn updated_since(params: &Params) -> Result<Option<i64>, Refusal> {
    let text = params.first("updated_since").or_else(|| params.first("revision_date"));
    let begin = text.map(|t| t.split(',').next().unwrap_or_default()).filter(|t| !t.is_empty());
    begin.map(|t| instant(t, "updated_since").map(|m| m / 1000)).transpose()
}

/// Deepest item that pages by number reach.
const DEPTH: u64 = 1_000_000;
/// Largest page.
const MOST: u64 = 2000;

/// Which part of the answer is wanted.
pub fn slice(params: &Params, headers: &HeaderMap) -> Result<Slice, Refusal> {
    if let Some(scroll) = params.first("scroll").filter(|s| !s.eq_ignore_ascii_case("false")) {
        let text = "Scrolling is no longer supported. Please use search-after instead.";
        return Err(Refusal::bad(format!("{text} (scroll={})", scroll.chars().take(20).collect::<String>())));
    }
    if headers.contains_key("cmr-scroll-id") {
        return Err(Refusal::bad("Scrolling is no longer supported. Please use search-after instead."));
    }
    let whole = |name: &str| params.first(name).map(|v| v.trim().parse::<u64>().map_err(drop));
    let size = match whole("page_size") {
        None => 10,
        Some(Ok(size)) if size <= MOST => size,
        Some(_) => return Err(Refusal::bad(format!("page_size must be a number between 0 and {MOST}"))),
    };
    let number = match whole("page_num") {
        None => 1,
        Some(Ok(number)) if number >= 1 => number,
        Some(_) => return Err(Refusal::bad("page_num must be a number greater than or equal to 1")),
    };
    let offset = match whole("offset") {
        None => None,
        Some(Ok(offset)) if offset <= DEPTH => Some(offset),
        Some(_) => return Err(Refusal::bad(format!("offset must be an integer between 0 and {DEPTH}"))),
    };
    if offset.is_some() && params.first("page_num").is_some() {
        return Err(Refusal::bad("Only one of offset or page-num may be specified"));
    }
    let depth = number.saturating_mul(size);
    if depth > DEPTH {
        return Err(Refusal::bad(format!(
            "The paging depth (page_num * page_size) of [{depth}] exceeds the limit of {DEPTH}."
        )));
    }
    let after = headers.get("cmr-search-after").map(|v| v.to_str().unwrap_or_default());
    let after = after.map(crate::catalog::embedded::read_after).transpose().map_err(Refusal::of)?;
    if after.is_some() && (offset.is_some() || params.first("page_num").is_some()) {
        return Err(Refusal::bad("page_num or offset is not allowed with search-after"));
    }
    Ok(Slice { offset: offset.unwrap_or((number - 1) * size), size, after })
}

/// The order of granules that is asked for.
pub fn granule_order(params: &Params) -> Result<Vec<SortKey>, Refusal> {
    let keys = params.all("sort_key");
    if keys.is_empty() {
        return Ok(crate::catalog::embedded::DEFAULT_ORDER.into());
    }
    let one = |text: &String| {
        let (name, descending) = direction(text);
        let field = match name.as_str() {
            "start_date" => SortField::Start,
            "end_date" => SortField::End,
            "granule_ur" | "readable_granule_name" => SortField::Name,
            "producer_granule_id" => SortField::ProducerId,
            "provider" => SortField::Provider,
            "revision_date" => SortField::Revised,
            "data_size" => SortField::Size,
            "short_name" | "entry_title" | "dataset_id" => SortField::ShortName,
            "platform" | "instrument" | "usage_score" | "score" | "cloud_cover" | "day_night_flag"
            | "online_only" | "browse_only" | "campaign" | "version" => SortField::Nothing,
            _ => return Err(unknown_order(&name, "granule")),
        };
        Ok((field, descending))
    };
    keys.iter().map(one).collect()
}

/// The name in a sort key, and whether it is descending.
pub fn direction(text: &str) -> (String, bool) {
    let descending = text.starts_with('-');
    let name = text.trim_start_matches(['-', '+', ' ']);
    let mut out = String::new();
    for c in name.chars() {
        match c {
            '-' => out.push('_'),
            c if c.is_ascii_uppercase() => {
                out.push('_');
                out.push(c.to_ascii_lowercase());
            }
            c => out.push(c),
        }
    }
    (out, descending)
}

pub fn unknown_order(name: &str, kind: &str) -> Refusal {
    Refusal::bad(format!("The sort key [{name}] is not a valid field for sorting {kind}s."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_said_as_cmr_says_it() {
        let words = |t: &str| bounding_box(t).unwrap_err().errors.join("|");
        assert_eq!(words("-181,0,10,10"), "West must be within [-180.0] and [180.0] but was [-181.0].");
        assert!(words("0,0,10,91").starts_with("North must be within [-90.0] and [90.0]"));
        assert!(words("1,2,3").contains("bounding_box") && words("1,2,3,x").contains("bounding_box"));
        assert!(bounding_box("170,-10,-170,10").is_ok());
        assert!(ring("0,0,1,0,1,1,0,1").is_err() && ring("0,0,1,0,1,1,0,0").is_ok());
    }

    #[test]
    fn times_may_be_open() {
        assert_eq!(range("1970-01-01T00:00:01Z,").unwrap(), (Some(1_000_000), None));
        assert_eq!(range(",1970-01-01").unwrap(), (None, Some(0)));
        assert!(range("x,").is_err() && range("2020-01-02,2020-01-01").is_err());
    }

    #[test]
    fn sort_keys_in_any_spelling() {
        assert_eq!(direction("-revisionDate"), ("revision_date".into(), true));
        assert_eq!(direction("start-date"), ("start_date".into(), false));
    }
}
