//! Which pictures a granule becomes: one for each plane of each variable, one for red, green and blue together.

use std::sync::Arc;

use harmony_model::{ArraySource, Attribute, Granule, ReadError, Runs, Storage, Window};

use super::paint::Layer;
use super::unsupported;
use crate::raster::{self, Raster, Survey};
use crate::registry::Part;
use crate::write::{WriteError, WriteOptions};

/// Pictures that a granule becomes at most: more is not a request for images.
const MAX_PARTS: usize = 1000;

/// The pictures of a granule; with `planes` each plane is one, else the planes of a variable stay together.
///
/// # Errors
/// [`WriteError::Unsupported`] when nothing in it is a raster, for too many pictures, and for a browse image of a file
/// with another number of bands than a picture has.
pub fn parts(
    granule: Granule,
    options: &WriteOptions,
    extension: &'static str,
    planes: bool,
) -> Result<Vec<Part>, WriteError> {
    let rasters = raster::rasters(&granule, options).map_err(|e| explain(e, options))?;
    if composite(&granule, &rasters).is_some() {
        return Ok(vec![Part::whole(granule, extension)]);
    }
    let is_file_of_bands = granule.format == "geotiff";
    if options.encoding.browse && is_file_of_bands && rasters.len() > 1 {
        let words = format!("incorrect number of bands for image: {}", rasters.len());
        return Err(unsupported(&granule.name, words + "; choose 1, 3 or 4 of them with --bands"));
    }
    let count: usize = rasters.iter().map(|r| if planes { r.bands.len() } else { 1 }).sum();
    if count > MAX_PARTS {
        let detail = format!(
            "it would become {count} images, more than {MAX_PARTS}; select variables or planes, for example with --time"
        );
        return Err(unsupported(&granule.name, detail));
    }
    let survey = raster::survey(&granule, options)?;
    let alone = is_file_of_bands && count == 1;
    let mut out = Vec::with_capacity(count);
    for raster in &survey.rasters {
        for band in 0..if planes { raster.bands.len() } else { 1 } {
            // The first picture tells what was left out.
            let kept = if out.is_empty() { Keep::Rejected } else { Keep::Picture };
            let mut own = only(&granule, &survey, raster, kept);
            if planes && raster.bands.len() > 1 {
                slice(&mut own, raster, band);
            }
            let label = (!alone).then(|| label(&granule, raster, if planes { band } else { 0 }, planes));
            out.push(Part { granule: own, label, stem: None, extension });
        }
    }
    Ok(out)
}

/// The words of the reference for an image that is nowhere on Earth.
fn explain(error: WriteError, options: &WriteOptions) -> WriteError {
    match error {
        WriteError::Unsupported { target, object, detail } if options.encoding.browse => {
            let detail = format!("{detail} (Input geotiff must have defined CRS.)");
            WriteError::Unsupported { target, object, detail }
        }
        other => other,
    }
}

fn label(granule: &Granule, raster: &Raster, band: usize, planes: bool) -> String {
    let mut label = raster.label();
    if planes && raster.bands.len() > 1 {
        let leading = leading_axes(granule, raster);
        for (axis, index) in leading.iter().zip(&raster.bands[band].index) {
            let dim = granule.dim(granule.var(raster.var).dims[*axis]);
            if dim.len > 1 {
                label.push_str(&format!("_{}{index}", dim.name.replace('/', "_")));
            }
        }
    }
    label
}

/// Axes of a variable that are not of its grid, as its bands count them: those that `raster.bands` have indices of.
fn leading_axes(granule: &Granule, raster: &Raster) -> Vec<usize> {
    let rank = granule.var(raster.var).dims.len();
    let grid = raster.grid_axes();
    (0..rank).filter(|axis| !grid.contains(axis)).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// The picture and what is no data.
    Picture,
    /// Also variables that can't be pictures.
    Rejected,
}

/// A granule without the other variables of data.
fn only(granule: &Granule, survey: &Survey, raster: &Raster, keep: Keep) -> Granule {
    let mut out = granule.clone();
    out.vars.retain(|v| {
        let other = survey.rasters.iter().any(|r| r.path == v.path && r.path != raster.path);
        let rejected = survey.rejected.iter().any(|r| r.path == v.path);
        !other && (keep == Keep::Rejected || !rejected)
    });
    out
}

/// Makes the variable of a raster the one plane.
fn slice(granule: &mut Granule, raster: &Raster, band: usize) {
    // The raster's own number is that in the granule it was found in.
    let Some(id) = granule.find_var(&raster.path) else { return };
    let grid = raster.grid_axes();
    let var = &mut granule.vars[id.0];
    let leading: Vec<usize> = (0..var.dims.len()).filter(|axis| !grid.contains(axis)).collect();
    let mut fixed = vec![None; var.dims.len()];
    leading.iter().zip(&raster.bands[band].index).for_each(|(&axis, &index)| fixed[axis] = Some(index));
    let free = |axis: usize| fixed[axis].is_none();
    if let Storage::Chunked { shape, filters } = &var.storage {
        let shape = shape.iter().enumerate().filter(|(i, _)| free(*i)).map(|(_, &n)| n).collect();
        var.storage = Storage::Chunked { shape, filters: filters.clone() };
    }
    var.dims = (0..var.dims.len()).filter(|&i| free(i)).map(|i| var.dims[i]).collect();
    let axes: Vec<String> = raster.bands[band].axes.iter().map(|(d, v)| format!("{d}={v}")).collect();
    let title = var.attr_text("long_name").unwrap_or_else(|| var.name.clone());
    var.set_attr(Attribute::text("long_name", &format!("{title} {}", axes.join(" "))));
    var.data = Arc::new(Plane { inner: var.data.clone(), fixed });
}

/// A plane of an array: some axes stand at an index.
struct Plane {
    inner: Arc<dyn ArraySource>,
    fixed: Vec<Option<u64>>,
}

impl Plane {
    fn window(&self, window: &Window) -> Window {
        let mut given = window.0.iter().cloned();
        let axis = |f: &Option<u64>| match f {
            Some(index) => Runs::range(*index, 1),
            None => given.next().unwrap_or_default(),
        };
        Window(self.fixed.iter().map(axis).collect())
    }
}

impl ArraySource for Plane {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        self.inner.read(&self.window(window), out)
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.inner.cost(&self.window(window))
    }
}

/// The layers of red, green, blue and perhaps opacity, in that order, when the rasters are that: by name or colour
/// interpretation, or three or four bands of one raster file.
pub fn composite<'a>(granule: &Granule, rasters: &'a [Raster]) -> Option<Vec<Layer<'a>>> {
    let same = |r: &Raster| r.grid == rasters[0].grid && r.bands.len() == 1;
    if !(3..=4).contains(&rasters.len()) || !rasters.iter().all(same) {
        return None;
    }
    let roles: Vec<Option<usize>> = rasters.iter().map(|r| role(granule, r)).collect();
    let by_role =
        |role| roles.iter().position(|r| *r == Some(role)).map(|i| Layer { raster: &rasters[i], band: 0 });
    let named: Option<Vec<Layer>> = (0..rasters.len()).map(by_role).collect();
    let in_order = || rasters.iter().map(|raster| Layer { raster, band: 0 }).collect();
    named.or_else(|| (granule.format == "geotiff").then(in_order))
}

/// What a raster is in a picture of colours, by its colour interpretation or name: red 0, green 1, blue 2, opacity 3.
pub fn role(granule: &Granule, raster: &Raster) -> Option<usize> {
    let var = granule.var(raster.var);
    let said = var.attr_text("color_interpretation").unwrap_or_default();
    let words = |text: &str| -> Option<usize> {
        let low = text.to_ascii_lowercase();
        let mut tokens = low.split(|c: char| !c.is_ascii_alphabetic());
        tokens.find_map(|t| match t {
            "red" => Some(0),
            "green" => Some(1),
            "blue" => Some(2),
            "alpha" | "opacity" => Some(3),
            _ => None,
        })
    };
    words(&said).or_else(|| words(&var.name))
}
