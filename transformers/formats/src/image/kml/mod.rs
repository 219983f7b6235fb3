//! KMZ: pictures on the ground for Google Earth, with levels of detail where they are large and times where there are
//! any.

mod archive;
mod document;
mod pyramid;

use std::path::Path;

use harmony_model::crs::Crs;
use harmony_model::geolocation::{self, Hints};
use harmony_model::time::{self, DateTime};
use harmony_model::{DimId, Granule};

use super::canvas::Area;
use super::output::{FileSink, Outputs};
use super::paint::{Layer, Painter};
use super::scheme::{Scheme, Subject};
use super::write::{Found, plan, preloaded};
use super::{Kind, png, unsupported};
use crate::raster::Raster;
use crate::registry::Part;
use crate::write::{WriteError, WriteOptions, WriteReport};
use archive::Archive;
use document::{Overlay, Plane};

/// Writes all planes of the variable of a part, or its picture in true colours, as one archive.
///
/// # Errors
/// [`WriteError::Unsupported`] for grids other than longitude and latitude; what input and output say.
pub fn write(part: &Part, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
    let found = Found::of(part, options)?;
    let layers = found.layers(part);
    let raster = layers[0].raster;
    if !raster.grid.crs.same_as(&Crs::wgs84()) {
        let name = raster.grid.crs.name().unwrap_or_else(|| raster.grid.crs.definition.clone());
        let detail =
            format!("KML knows longitude and latitude only, its grid is in '{name}'; add --crs EPSG:4326");
        return Err(unsupported(&raster.path, detail));
    }
    let mut subject = Subject { granule: &part.granule, layers, kind: Kind::Png, options, all_planes: true };
    let loaded = preloaded(&subject)?;
    subject.granule = loaded.as_ref().unwrap_or(&part.granule);
    let scheme = subject.scheme(&Area::whole(raster.grid.ny, raster.grid.nx))?;
    let plan = plan(Kind::Png, part, options)?;
    let mut outputs = Outputs::default();
    let mut sink = FileSink::create(target)?;
    let mut archive = Archive::new(&mut sink);
    let images = fill(&mut archive, &subject, &scheme, options)?;
    archive.finish()?;
    outputs.finish(sink)?;
    let (files, bytes_written) = outputs.commit();
    let mut notices = found.notices;
    notices.push(scheme.words);
    notices.extend(scheme.notices);
    if let Some(progress) = &options.progress {
        progress(plan.data_bytes);
    }
    Ok(WriteReport {
        bytes_read: plan.bytes_read,
        bytes_written,
        chunks_copied: 0,
        chunks_encoded: images,
        files,
        notices,
    })
}

/// Writes pictures, then the document that places them; gives their number.
fn fill(
    archive: &mut Archive,
    subject: &Subject,
    scheme: &Scheme,
    options: &WriteOptions,
) -> Result<u64, WriteError> {
    let (granule, raster) = (subject.granule, subject.layers[0].raster);
    let count = if subject.layers.len() == 1 { raster.bands.len() } else { 1 };
    let spans = spans(granule, raster, count);
    let levels = pyramid::levels(&raster.grid);
    let mut planes = Vec::with_capacity(count);
    let mut images = 0;
    for (band, span) in spans.into_iter().enumerate() {
        let layers = match subject.layers.len() {
            1 => vec![Layer { raster, band }],
            _ => subject.layers.clone(),
        };
        let painter = Painter::new(granule, layers, scheme.ink.clone(), scheme.brush.clone());
        let mut overlays: Vec<Overlay> = Vec::new();
        let name = |level: usize, row: u64, column: u64| match levels {
            1 => format!("images/{band}.png"),
            _ => format!("images/{band}/{level}/{row}_{column}.png"),
        };
        pyramid::tiles(&painter, &raster.grid, options, &name, &mut |tile| {
            archive.add(&tile.overlay.image, &tile.png)?;
            overlays.push(tile.overlay);
            Ok(())
        })?;
        images += overlays.len() as u64;
        planes.push(Plane { name: raster.bands[band].description.clone(), span, overlays, levels });
    }
    if options.encoding.legend
        && let Some(legend) = &scheme.legend
    {
        let sheet = legend.draw();
        let mut bytes: Vec<u8> = Vec::new();
        png::write(&sheet, &Area::whole(sheet.height(), sheet.width), &[], options, &mut bytes)?;
        archive.add("images/legend.png", &bytes)?;
    }
    archive.add("doc.kml", document::document(&granule.name, &scheme.words, &planes).as_bytes())?;
    Ok(images)
}

/// When each plane is of: its time up to the next one, else the times that the granule covers.
fn spans(granule: &Granule, raster: &Raster, count: usize) -> Vec<Option<(String, String)>> {
    let whole = || {
        let text = |name: &str| granule.groups[0].attr_text(name).filter(|t| t.contains('T'));
        Some((text("time_coverage_start")?, text("time_coverage_end")?))
    };
    let grid = raster.grid_axes();
    let var = granule.var(raster.var);
    let leading: Vec<DimId> =
        (0..var.dims.len()).filter(|i| !grid.contains(i)).map(|i| var.dims[i]).collect();
    let times = times(granule, &leading);
    raster.bands[..count]
        .iter()
        .map(|band| match &times {
            None => whole(),
            Some((axis, texts)) => {
                let at = *band.index.get(*axis)? as usize;
                let begin = texts.get(at)?.clone();
                let end = texts.get(at + 1).unwrap_or(&begin).clone();
                // A single time says less than what the granule covers.
                if texts.len() == 1 { whole().or(Some((begin, end))) } else { Some((begin, end)) }
            }
        })
        .collect()
}

/// Which of the leading axes is time, and its values.
fn times(granule: &Granule, leading: &[DimId]) -> Option<(usize, Vec<String>)> {
    let hints = Hints::default();
    let table = geolocation::discover(granule, &hints).ok()?;
    let times = time::discover(granule, &table, &hints);
    leading.iter().enumerate().find_map(|(i, &dim)| {
        let axis = times.for_dims(&[dim]).filter(|a| a.dims == [dim] && a.is_utc())?;
        let seconds = axis.read_all(granule).ok()?;
        let texts: Option<Vec<String>> =
            seconds.into_iter().map(|s| DateTime::from_seconds(s).map(|t| t.to_string())).collect();
        Some((i, texts?))
    })
}
