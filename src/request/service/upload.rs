//! Uploaded shapes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use uuid::Uuid;

use super::geojson;
use super::refusal::Refusal;
use crate::config::Config;
use crate::request::operation::Shape;
use crate::request::shape;

/// Bytes of a file that are turned into a shape at most: five million vertices as GeoJSON are some 300 MB.
const LARGEST_SHAPE: u64 = 512 << 20;

/// Media types of shapes and their names in messages.
const TYPES: [(&str, &str); 3] = [
    ("application/geo+json", "GeoJSON"),
    ("application/vnd.google-earth.kml+xml", "KML"),
    ("application/shapefile+zip", "ESRI Shapefile"),
];

/// A file that a client sent. It is removed when it goes out of scope.
#[derive(Debug)]
pub struct Upload {
    pub media_type: String,
    pub path: PathBuf,
}

impl Drop for Upload {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// The file of a shape, which is removed unless a job took it over.
#[derive(Debug)]
pub struct Kept {
    path: PathBuf,
    is_taken: AtomicBool,
}

impl Kept {
    /// From now on the file belongs to a job.
    pub fn take_over(&self) {
        self.is_taken.store(true, Ordering::Relaxed);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if !self.is_taken.load(Ordering::Relaxed) {
            remove(&self.path);
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "an uploaded file stays");
    }
}

/// A shape that was made of an upload.
#[derive(Debug)]
pub struct Converted {
    pub shape: Shape,
    pub kept: Kept,
    /// GeoJSON.
    pub text: String,
    /// Name of its kind in messages.
    pub type_name: &'static str,
}

/// The folder of uploads, made if need be.
///
/// # Errors
/// [`Refusal::Internal`] where it can't be made.
pub fn folder(config: &Config) -> Result<PathBuf, Refusal> {
    let folder = config.data.join("uploads");
    let failed = |e: std::io::Error| Refusal::Internal(format!("{}: {e}", folder.display()));
    std::fs::create_dir_all(&folder).map_err(failed)?;
    std::fs::canonicalize(&folder).map_err(failed)
}

impl Upload {
    /// Makes GeoJSON of the file and keeps that.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for another type and for what can't be read, [`Refusal::TooLarge`].
    pub fn convert(&self, config: &Config) -> Result<Converted, Refusal> {
        let kind = self.media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let type_name = TYPES.iter().find(|(media_type, _)| *media_type == kind).map(|(_, name)| *name);
        let type_name = type_name.ok_or_else(|| unrecognized(&self.media_type))?;
        let bytes = self.read()?;
        let parts = shape::parts_of(&bytes).ok().filter(|p| !p.is_empty() && fits(type_name, &bytes));
        drop(bytes);
        let parts = parts.ok_or_else(|| {
            Refusal::Invalid(format!(
                "The provided {type_name} file could not be parsed. Please check its validity before retrying."
            ))
        })?;
        let text = geojson::text(geojson::covers(parts, config.wkt_precision));
        let (shape, kept) = keep(&folder(config)?, &text)?;
        Ok(Converted { shape, kept, text, type_name })
    }

    fn read(&self) -> Result<Vec<u8>, Refusal> {
        let failed = |e: std::io::Error| Refusal::Internal(format!("{}: {e}", self.path.display()));
        let size = std::fs::metadata(&self.path).map_err(failed)?.len();
        if size > LARGEST_SHAPE {
            return Err(Refusal::TooLarge(format!(
                "The provided shape has {size} bytes; the limit is {LARGEST_SHAPE}. Simplify it."
            )));
        }
        std::fs::read(&self.path).map_err(failed)
    }
}

fn unrecognized(media_type: &str) -> Refusal {
    let valid: Vec<String> =
        TYPES.iter().map(|(media_type, name)| format!("\"{media_type}\" ({name})")).collect();
    Refusal::Invalid(format!(
        "Unrecognized shapefile type \"{media_type}\".  Valid types are {}",
        super::joined(&valid)
    ))
}

/// Whether the content is what its type says. KML may come zipped.
fn fits(type_name: &str, bytes: &[u8]) -> bool {
    let zipped = bytes.starts_with(b"PK");
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace() && !b"\xEF\xBB\xBF".contains(b));
    match type_name {
        "GeoJSON" => first == Some(&b'{'),
        "KML" => first == Some(&b'<') || zipped,
        _ => zipped,
    }
}

/// Stores a GeoJSON text as a file.
fn keep(folder: &Path, text: &str) -> Result<(Shape, Kept), Refusal> {
    let path = folder.join(format!("{}.geojson", Uuid::new_v4()));
    std::fs::write(&path, text).map_err(|e| Refusal::Internal(format!("{}: {e}", path.display())))?;
    let kept = Kept { path, is_taken: AtomicBool::new(false) };
    let href = url::Url::from_file_path(&kept.path)
        .map_err(|()| Refusal::Internal(format!("{} is no absolute path", kept.path.display())))?;
    Ok((Shape::File { href: href.into(), media_type: TYPES[0].0.into() }, kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(media_type: &str, content: &[u8]) -> Result<Converted, Refusal> {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { data: dir.path().into(), ..Config::default() };
        let path = folder(&config).unwrap().join("upload");
        std::fs::write(&path, content).unwrap();
        let result = Upload { media_type: media_type.into(), path: path.clone() }.convert(&config);
        assert!(!path.exists());
        result
    }

    #[test]
    fn what_is_kept_and_what_is_refused() {
        let kml = b"<kml><Placemark><Point><coordinates>1,2</coordinates></Point></Placemark></kml>";
        let out = converted("application/vnd.google-earth.kml+xml; charset=utf-8", kml).unwrap();
        assert!(out.text.contains("Polygon") && out.type_name == "KML");
        assert!(matches!(out.shape, Shape::File { ref href, .. } if href.starts_with("file:///")));
        let e = converted("text/plain", b"x").unwrap_err().to_string();
        assert!(e.ends_with("(KML), and \"application/shapefile+zip\" (ESRI Shapefile)"), "{e}");
        let e = converted("application/shapefile+zip", b"this is not a zip").unwrap_err().to_string();
        assert_eq!(
            e,
            "The provided ESRI Shapefile file could not be parsed. Please check its validity before retrying."
        );
        assert!(converted("application/geo+json", kml).is_err());
    }
}
