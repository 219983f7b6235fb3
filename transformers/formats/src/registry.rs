//! All formats, in the order in which an input is offered to them.

use std::sync::Arc;

use harmony_model::{ByteSource, Granule, ReadError};

/// How an input is opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Bands of a raster or messages of a GRIB file, from 1; empty: all.
    pub bands: Vec<u32>,
}

/// One storage format.
pub trait Format: Sync {
    /// The name users write.
    fn name(&self) -> &'static str;

    /// One line for `--list-formats` and the README.
    fn summary(&self) -> &'static str;

    /// Media types, the preferred one first.
    fn media_types(&self) -> &'static [&'static str];

    fn reads(&self) -> bool;

    fn writes(&self) -> bool;

    /// Whether an object that begins with `head` (up to 4 KiB) and is called `name` is of this format.
    fn recognises(&self, head: &[u8], name: &str) -> bool;

    /// Opens an object that this format recognises.
    ///
    /// # Errors
    /// [`ReadError`] naming file, object and remedy.
    fn open(&self, source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError>;
}

pub static FORMATS: &[&dyn Format] = &[
    &crate::netcdf4::Netcdf4,
    &crate::netcdf4::Hdf5,
    &crate::netcdf3::Netcdf3,
    &crate::zarr::Zarr,
    &crate::gdal::Geotiff,
    &crate::gdal::Grib,
    &crate::hdf4::Hdf4,
];

/// The format an output is asked for by name or media type.
pub fn find_output(text: &str) -> Option<&'static dyn Format> {
    let text = text.trim().to_ascii_lowercase();
    // Parameters of a media type choose nothing here.
    let plain = text.split(';').next().unwrap_or_default().trim();
    FORMATS.iter().find(|f| f.name() == plain || f.media_types().contains(&plain)).copied()
}

/// Opens a granule of any format.
///
/// # Errors
/// [`ReadError::Unsupported`] when no format recognises it; else what the format says.
pub fn open(source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError> {
    let mut head = vec![0; source.len().min(4096) as usize];
    source.read_at(0, &mut head)?;
    let name = base_name(source.name());
    let Some(format) = FORMATS.iter().find(|f| f.reads() && f.recognises(&head, &name)) else {
        let what = if head.is_empty() { "it is empty" } else { "its format is not recognised" };
        let detail = format!("{what}; --list-formats shows what can be read");
        return Err(ReadError::unsupported(source.name(), "granule", detail));
    };
    let mut granule = format.open(source, options)?;
    granule.name = name;
    crate::hdfeos::name_dimensions(&mut granule);
    Ok(granule)
}

/// Opens a Zarr hierarchy in any key-value store.
///
/// # Errors
/// [`ReadError`] naming the store.
pub fn open_zarr(store: Arc<dyn crate::zarr::Store>) -> Result<Granule, ReadError> {
    let mut granule = crate::zarr::open(store)?;
    granule.name = base_name(&granule.name);
    Ok(granule)
}

/// Last component of a path or address, without query.
fn base_name(location: &str) -> String {
    let path = location.split(['?', '#']).next().unwrap_or(location);
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path).to_owned()
}
