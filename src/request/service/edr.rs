//! OGC API Environmental Data Retrieval: parameters of its queries.

use super::common::{Names, Variables, Wanted};
use super::coords::{self, Place};
use super::declared::{Declared, EdrQuery};
use super::fields::Fields;
use super::refusal::Refusal;
use super::subset::Subsets;
use crate::config::Config;
use crate::request::operation::{ScaleSize, Shape};

/// Reads an EDR query.
///
/// # Errors
/// [`Refusal`] for the first thing that is wrong, in the order of the reference service.
pub fn parse(
    query: EdrQuery,
    declared: &[Declared],
    fields: &Fields,
    config: &Config,
) -> Result<Wanted, Refusal> {
    let mut wanted = Wanted::parse(fields, &Names { crs: "crs", format: "f" })?;
    // Space and time have parameters of their own here; what `subset` says about them is checked and not used.
    let mut dimensions = Subsets::parse(&fields.list_as_written("subset"))?.dimensions;
    locate(query, fields, config, &mut wanted)?;
    let height = fields.text("corridor-height").and_then(|t| t.trim().parse().ok());
    dimensions.extend(coords::heights(&fields.text("z").unwrap_or_default(), height)?);
    wanted.operation.subset.dimensions = Some(dimensions);
    wanted.operation.temporal = coords::datetime(&fields.text("datetime").unwrap_or_default())?;
    resolution(fields, &mut wanted)?;
    let names = fields.get("parameter-name").map(|f| f.split()).unwrap_or_default();
    wanted.variables = Variables::parse(names)?;
    wanted.validate(fields, declared, false, config)?;
    Ok(wanted)
}

fn locate(query: EdrQuery, fields: &Fields, config: &Config, wanted: &mut Wanted) -> Result<(), Refusal> {
    let text = |name: &str| fields.text(name).unwrap_or_default();
    if query == EdrQuery::Cube {
        wanted.operation.subset.bbox = coords::bbox(&text("bbox"))?;
        return Ok(());
    }
    let Some(wkt) = fields.filled("coords") else { return Ok(()) };
    let place = match query {
        EdrQuery::Radius => coords::radius(&wkt, &text("within"), &text("within-units"))?,
        EdrQuery::Corridor => coords::corridor(&wkt, &text("corridor-width"), &text("width-units"))?,
        _ => coords::place(query, &wkt, config.wkt_precision)?,
    };
    match place {
        Place::Point(point) => wanted.operation.subset.point = Some(point),
        Place::Shape(text) => {
            wanted.operation.subset.shape = Some(Shape::Text(text.clone()));
            wanted.shape = Some(text);
        }
    }
    Ok(())
}

/// `resolution-x` and `resolution-y` of an area: sizes of the result's cells. One of them stands for both.
fn resolution(fields: &Fields, wanted: &mut Wanted) -> Result<(), Refusal> {
    let size = |name: &str| {
        fields
            .filled(name)
            .map(|text| {
                let value = text.trim().parse::<f64>().ok().filter(|v| v.is_finite() && *v > 0.0);
                value.ok_or_else(|| {
                    Refusal::parameter(
                        name,
                        format!("has an invalid value \"{text}\"; write a positive number"),
                    )
                })
            })
            .transpose()
    };
    let (x, y) = (size("resolution-x")?, size("resolution-y")?);
    let Some((x, y)) = x.or(y).zip(y.or(x)) else { return Ok(()) };
    if wanted.operation.format.scale_size.is_some() {
        return Err(Refusal::invalid("Give either resolution-x and resolution-y, or scaleSize."));
    }
    wanted.operation.format.scale_size = Some(ScaleSize { x, y });
    Ok(())
}
