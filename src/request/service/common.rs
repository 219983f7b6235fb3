//! What all service requests have in common.

use std::sync::Arc;

use crate::plan::chains::Extend;
use crate::request::operation::{Average, DataOperation, Range, ScaleExtent, ScaleSize};

use super::declared::{Declared, number};
use super::fields::Fields;
use super::refusal::Refusal;
use super::upload::{Kept, Upload};
use super::{declared, format, labels};
use crate::config::Config;

/// A request as its parameters say it, before any catalogue was asked.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Without sources.
    pub operation: DataOperation,
    pub variables: Variables,
    pub granule_ids: Vec<String>,
    pub granule_names: Vec<String>,
    pub max_results: Option<u64>,
    pub force_async: Option<bool>,
    /// Granules are not counted before the job begins.
    pub is_fast: bool,
    pub skip_preview: bool,
    pub ignore_errors: bool,
    pub concatenate: Option<bool>,
    pub extend: Extend,
    pub service_id: Option<String>,
    pub grid: Option<String>,
    /// As [`super::destination::check`] has it.
    pub destination: Option<String>,
    pub labels: Vec<String>,
    /// Types of the `Accept` header.
    pub accept: Vec<String>,
    /// GeoJSON of the shape, for the search.
    pub shape: Option<String>,
    /// What the shape was uploaded as.
    pub shape_type: Option<String>,
    /// The file of the shape.
    pub kept: Option<Arc<Kept>>,
}

/// Which variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Variables {
    #[default]
    All,
    /// Names and concept ids.
    Named(Vec<String>),
}

impl Variables {
    /// From a list of names and ids.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for `all` with others.
    pub fn parse(names: Vec<String>) -> Result<Self, Refusal> {
        let has_all = names.iter().any(|n| n == "all");
        if has_all && names.len() > 1 {
            return Err(Refusal::invalid("\"all\" cannot be specified alongside other variables"));
        }
        Ok(if has_all || names.is_empty() { Variables::All } else { Variables::Named(names) })
    }
}

/// How an API calls what others call otherwise.
pub struct Names {
    pub crs: &'static str,
    pub format: &'static str,
}

const BOOLEANS: [&str; 5] = ["forceAsync", "concatenate", "skipPreview", "ignoreErrors", "pixelSubset"];

impl Wanted {
    /// Reads the parameters that all APIs have.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] naming the parameter.
    pub fn parse(fields: &Fields, names: &Names) -> Result<Self, Refusal> {
        for name in BOOLEANS {
            if fields.exact(name).is_some_and(|f| boolean(&f.text()).is_none()) {
                return Err(Refusal::parameter(name, "must be either true or false"));
            }
        }
        let flag = |name: &str| fields.text(name).map(|t| boolean(&t) == Some(true));
        let mut wanted = Wanted {
            granule_ids: fields.list("granuleid"),
            granule_names: fields.list("granulename"),
            max_results: whole(fields, "maxResults")?.map(|v| v as u64),
            force_async: flag("forceasync"),
            skip_preview: flag("skippreview") == Some(true),
            ignore_errors: flag("ignoreerrors") != Some(false),
            service_id: fields.filled("serviceid"),
            grid: fields.filled("grid"),
            ..Wanted::default()
        };
        wanted.is_fast = !wanted.granule_ids.is_empty()
            && fields.exact("forceAsync").is_some_and(|f| boolean(&f.text()) == Some(true));
        wanted.operation.pixel_subset = flag("pixelsubset");
        wanted.form(fields, names)?;
        wanted.joining(fields)?;
        Ok(wanted)
    }

    /// The form of the result.
    fn form(&mut self, fields: &Fields, names: &Names) -> Result<(), Refusal> {
        let out = &mut self.operation.format;
        out.mime = fields.text(names.format).and_then(|t| format::media_type(&t));
        if let Some(text) = fields.filled(names.crs) {
            let (proj4, srs) = format::crs(&text)?;
            (out.crs, out.srs) = (Some(proj4), Some(srs));
        }
        out.interpolation = fields.filled("interpolation");
        out.scale_extent = numbers(fields, "scaleExtent")?.map(|[x1, y1, x2, y2]: [f64; 4]| ScaleExtent {
            x: Range { min: x1, max: x2 },
            y: Range { min: y1, max: y2 },
        });
        out.scale_size = numbers(fields, "scaleSize")?.map(|[x, y]: [f64; 2]| ScaleSize { x, y });
        out.width = whole(fields, "width")?;
        out.height = whole(fields, "height")?;
        Ok(())
    }

    /// Averages and joining. `concatenate` in another casing than the declared one has its own message.
    fn joining(&mut self, fields: &Fields) -> Result<(), Refusal> {
        if let Some(text) = fields.filled("average") {
            self.operation.average = Some(match text.to_ascii_lowercase().as_str() {
                "time" => Average::Time,
                "area" => Average::Area,
                _ => return Err(Refusal::parameter("average", "must be either \"time\" or \"area\"")),
            });
        }
        if let Some(text) = fields.text("concatenate") {
            let value = boolean(&text).ok_or_else(|| {
                Refusal::parameter("concatenate", format!("'{text}' must be 'false' or 'true'"))
            })?;
            self.concatenate = Some(value);
            self.operation.concatenate = value;
        }
        let dimensions = fields.get("extend").map(|f| f.split()).unwrap_or_default();
        self.extend = match dimensions.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => Extend::NotGiven,
            ["false"] => Extend::No,
            ["true"] => Extend::Default,
            _ => Extend::Dimensions,
        };
        if self.extend == Extend::Dimensions {
            self.operation.extend_dimensions = dimensions;
        }
        Ok(())
    }

    /// Makes a shape of an uploaded file.
    ///
    /// # Errors
    /// As [`Upload::convert`].
    pub fn upload(&mut self, upload: Upload, config: &Config) -> Result<(), Refusal> {
        let converted = upload.convert(config)?;
        self.operation.subset.shape = Some(converted.shape);
        self.shape = Some(converted.text);
        self.kept = Some(Arc::new(converted.kept));
        self.shape_type = Some(converted.type_name.to_owned());
        Ok(())
    }

    /// The checks that come after all parameters were read: labels, what excludes each other, destination, names.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] and [`Refusal::Plain`].
    pub fn validate(
        &mut self,
        fields: &Fields,
        declared: &[Declared],
        takes_shape: bool,
        config: &Config,
    ) -> Result<(), Refusal> {
        let labels = fields.get("label").map(|f| f.values.clone()).unwrap_or_default();
        self.labels = labels::normalised(&labels)?;
        const OWN: [&str; 6] = ["scaleExtent", "scaleSize", "outputCrs", "crs", "width", "height"];
        if self.grid.is_some() && OWN.iter().any(|name| fields.get(name).is_some()) {
            return Err(Refusal::invalid(
                "When including a grid query parameter, the following parameters may not be provided: scaleExtent, \
                 scaleSize, outputCrs, height, and width.",
            ));
        }
        if let Some(text) = fields.filled("destinationurl") {
            self.destination = Some(super::destination::check(text.trim(), &config.destinations)?);
        }
        declared::check_names(fields, declared, takes_shape)?;
        labels::check(&self.labels, &config.labels_allow_list, &config.labels_forbid_list)
    }
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A whole number of one or more.
fn whole(fields: &Fields, name: &str) -> Result<Option<f64>, Refusal> {
    match fields.filled(name) {
        Some(text) => {
            let value = parsed(name, &text)?.floor();
            if value < 1.0 {
                return Err(Refusal::parameter(name, "should be >= 1"));
            }
            Ok(Some(value.min(9_007_199_254_740_992.0)))
        }
        None => Ok(None),
    }
}

fn parsed(name: &str, text: &str) -> Result<f64, Refusal> {
    let value = Some(text.trim()).filter(|t| !t.is_empty()).and_then(number);
    value.ok_or_else(|| {
        Refusal::Invalid(format!(
            "parsing query parameter '{name}', value '{}' must be a number.",
            text.trim()
        ))
    })
}

/// `N` numbers, in parentheses or not.
fn numbers<const N: usize>(fields: &Fields, name: &str) -> Result<Option<[f64; N]>, Refusal> {
    let Some(text) = fields.filled(name) else { return Ok(None) };
    let inside = text.trim().trim_start_matches('(').trim_end_matches(')');
    let values = inside.split(',').map(|part| parsed(name, part)).collect::<Result<Vec<f64>, _>>()?;
    let count = values.len();
    let values = <[f64; N]>::try_from(values).map_err(|_| {
        let more = if count > N { "more" } else { "fewer" };
        Refusal::parameter(name, format!("should NOT have {more} than {N} items"))
    })?;
    Ok(Some(values))
}
