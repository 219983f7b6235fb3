//! OGC API Coverages: parameters of a rangeset.

use super::common::{Names, Variables, Wanted};
use super::declared::COVERAGES;
use super::fields::Fields;
use super::refusal::Refusal;
use super::subset::{self, Subsets};
use super::upload::Upload;
use crate::config::Config;
use crate::request::query::decode;

/// Word in the path for variables that are given as parameters.
const FROM_PARAMETERS: &str = "parameter_vars";

/// Reads a rangeset request. `variables` is the part of the path, not decoded.
///
/// # Errors
/// [`Refusal`] for the first thing that is wrong, in the order of the reference service.
pub fn parse(
    variables: &str,
    fields: &Fields,
    upload: Option<Upload>,
    is_post: bool,
    config: &Config,
) -> Result<Wanted, Refusal> {
    let mut wanted = Wanted::parse(fields, &Names { crs: "outputcrs", format: "format" })?;
    let subsets = Subsets::parse(&fields.list_as_written("subset"))?;
    let bbox = subsets.bbox();
    let point = fields.get("point").filter(|f| !f.text().trim().is_empty());
    let point = point.map(|f| subset::point(&f.values)).transpose()?;
    if bbox.is_some() && point.is_some() {
        return Err(Refusal::invalid("bounding_box and point query parameters should not co-exist"));
    }
    let operation = &mut wanted.operation;
    operation.subset.bbox = bbox;
    operation.subset.point = point;
    operation.subset.dimensions = Some(subsets.dimensions);
    operation.temporal = subsets.time;
    wanted.variables = chosen(variables, fields)?;
    if let Some(upload) = upload {
        wanted.upload(upload, config)?;
    }
    wanted.validate(fields, COVERAGES, is_post, config)?;
    Ok(wanted)
}

fn chosen(path: &str, fields: &Fields) -> Result<Variables, Refusal> {
    let names = |text: String| -> Vec<String> {
        text.split(',').map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect()
    };
    let from_path = names(decode(path, false));
    let given = fields.get("variable").is_some();
    if from_path == [FROM_PARAMETERS] {
        if !given {
            return Err(Refusal::invalid("\"parameter_vars\" specified, but no variables given"));
        }
        return Variables::parse(fields.list("variable"));
    }
    if given {
        return Err(Refusal::invalid(
            "Value \"parameter_vars\" must be used in the url path when variables are passed in the query parameters \
             or request body",
        ));
    }
    Variables::parse(from_path)
}
