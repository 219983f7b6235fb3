//! Shapes of requests: GeoJSON, ESRI shapefile (plain or zipped), KML and KMZ.
//!
//! The content decides what a file is, whatever it is called. Every reader is total: any bytes give a shape or an
//! error that names file and place.

mod archive;
mod esri;
mod geojson;
mod kml;
mod reference;

use std::path::Path;

use harmony_model::ModelError;
use harmony_model::geometry::{Part, Shape};

/// Largest file that is read: five million vertices as GeoJSON are some 300 MB.
const LARGEST_FILE: u64 = 1 << 30;

/// Reads the shape in a local file. A plain ESRI shapefile may have its `.prj` beside it.
///
/// # Errors
/// [`ModelError::Shape`] naming file and place: unreadable, not a shape, empty, or not in longitude and latitude.
pub fn read_shape(path: &Path) -> Result<Shape, ModelError> {
    let name = path.display().to_string();
    let error = |detail: String| ModelError::Shape { file: name.clone(), detail };
    let size = std::fs::metadata(path).map_err(|e| error(format!("can't be read: {e}")))?.len();
    if size > LARGEST_FILE {
        return Err(error(format!(
            "it has {size} bytes, the limit for shapes is {LARGEST_FILE}; simplify the shape"
        )));
    }
    let bytes = std::fs::read(path).map_err(|e| error(format!("can't be read: {e}")))?;
    let projection = if esri::is_shp(&bytes) { sibling_text(path, "prj") } else { None };
    build(&name, &bytes, projection.as_deref())
}

/// The shape in the bytes of a file; `name` is what messages call it.
///
/// # Errors
/// As [`read_shape`].
pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Shape, ModelError> {
    build(name, bytes, None)
}

/// The parts of the shape in the bytes of a file, before they are put together.
///
/// # Errors
/// What is wrong with the file, without its name.
pub fn parts_of(bytes: &[u8]) -> Result<Vec<Part>, String> {
    parts(bytes, None)
}

fn build(name: &str, bytes: &[u8], projection: Option<&str>) -> Result<Shape, ModelError> {
    let error = |detail: String| ModelError::Shape { file: name.into(), detail };
    let contents = parts(bytes, projection).map_err(error)?;
    if contents.is_empty() {
        return Err(error("there is no geometry in it; it needs at least one polygon, line or point".into()));
    }
    Shape::new(name, &contents)
}

/// The text of the file with the same stem and that extension, in either case.
fn sibling_text(path: &Path, extension: &str) -> Option<String> {
    [extension.to_owned(), extension.to_ascii_uppercase()]
        .iter()
        .find_map(|e| std::fs::read(path.with_extension(e)).ok())
        .filter(|bytes| bytes.len() < 1 << 20)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Tells formats apart by their first bytes. Errors are the detail of a message.
fn parts(bytes: &[u8], projection: Option<&str>) -> Result<Vec<Part>, String> {
    if archive::is_zip(bytes) {
        return archive::parts(bytes);
    }
    if esri::is_shp(bytes) {
        return reference::to_lon_lat(esri::parts(bytes)?, projection);
    }
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match text.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(b'{') => geojson::parts(text),
        Some(b'<') => kml::parts(text),
        None => Err("the file is empty".into()),
        Some(_) => {
            Err("it is none of GeoJSON, ESRI shapefile (.shp or .zip), KML and KMZ; give the .shp file of a \
                        shapefile, not its .dbf or .shx"
                .into())
        }
    }
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;
