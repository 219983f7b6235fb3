//! All formats, in the order in which an input is offered to them.

use std::path::Path;
use std::sync::Arc;

use harmony_model::{ByteSource, Granule, ReadError};

use crate::write::{WriteError, WriteOptions, WritePlan, WriteReport};

/// How an input is opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Bands of a raster or messages of a GRIB file, from 1; empty: all.
    pub bands: Vec<u32>,
}

/// What users see of a format: `--list-formats`, the README, media types of requests and answers.
#[derive(Debug)]
pub struct Card {
    /// The name users write.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The preferred one first; in lower case.
    pub media_types: &'static [&'static str],
    /// Further names users write, in lower case.
    pub aliases: &'static [&'static str],
    /// Extension of results, without a dot; inputs may keep theirs (see `src/plan/naming.rs`).
    pub extension: &'static str,
    pub reads: bool,
    pub writes: bool,
}

/// One storage format: what it reads and writes.
pub trait Format: Sync {
    fn card(&self) -> &'static Card;

    /// Whether an object that begins with `head` (up to 4 KiB) and is called `name` is of this format.
    fn recognises(&self, head: &[u8], name: &str) -> bool {
        let _ = (head, name);
        false
    }

    /// Opens an object that this format recognises.
    ///
    /// # Errors
    /// [`ReadError`] naming file, object and remedy.
    fn open(&self, source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError> {
        let _ = options;
        let detail = format!("{} is written only; --list-formats shows what can be read", self.card().name);
        Err(ReadError::unsupported(source.name(), "granule", detail))
    }

    /// The results that a granule becomes in this format: one, or one for each variable. Looks at metadata and
    /// coordinates, not at data.
    ///
    /// # Errors
    /// [`WriteError::Unsupported`] naming the variable that the format can't hold, and an alternative.
    fn parts(&self, granule: Granule, options: &WriteOptions) -> Result<Vec<Part>, WriteError> {
        let _ = options;
        Ok(vec![Part::whole(granule, self.card().extension)])
    }

    /// Whether results show by themselves which cells lie outside of their source
    /// ([`harmony_model::ArraySource::coverage`]): by a mask or by opacity. Others need a fill value
    /// ([`crate::coverage::with_fill_values`]).
    fn shows_coverage(&self) -> bool {
        false
    }

    /// What [`Format::write`] of a part would do. Reads metadata, chunk indexes and coordinates only.
    ///
    /// # Errors
    /// As [`Format::parts`].
    fn plan(&self, part: &Part, options: &WriteOptions) -> Result<WritePlan, WriteError> {
        let _ = options;
        Ok(WritePlan::of_reading(&part.granule)?)
    }

    /// Writes a part to `target`, which appears only when it is complete, as do files that belong to it.
    ///
    /// # Errors
    /// What the input says; [`WriteError`] for the output. Nothing is left behind.
    fn write(&self, part: &Part, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
        let _ = (part, options);
        Err(WriteError::Unsupported {
            target: target.display().to_string(),
            object: "the result".into(),
            detail: format!("{} is read only; --list-formats shows what can be written", self.card().name),
        })
    }
}

/// One result of a granule.
pub struct Part {
    pub granule: Granule,
    /// What its name says besides the granule's: the variable, when there is a result for each.
    pub label: Option<String>,
    /// All of its name but the extension, where a format has names of its own.
    pub stem: Option<String>,
    /// Without a dot.
    pub extension: &'static str,
}

impl Part {
    /// The granule as one result.
    pub fn whole(granule: Granule, extension: &'static str) -> Self {
        Part { granule, label: None, stem: None, extension }
    }
}

pub static FORMATS: &[&dyn Format] = &[
    &crate::netcdf4::Netcdf4,
    &crate::netcdf4::Hdf5,
    &crate::netcdf3::Netcdf3,
    &crate::zarr::Zarr,
    &crate::zarr::Zarr2,
    &crate::geotiff::Geotiff,
    &crate::geotiff::Cog,
    &crate::gdal::Grib,
    &crate::hdf4::Hdf4,
    &crate::image::Png,
    &crate::image::Jpeg,
    &crate::image::Gif,
    &crate::image::Kml,
    &crate::csv::Csv,
    &crate::ascii::Ascii,
    &crate::vector::GeoJson,
    &crate::vector::Shapefile,
];

/// The format that is meant by a name or media type, in any case, with or without blanks and quotes. A media type
/// with parameters means what it means without them, unless a format lists it so; one with a profile that no format
/// lists is another format (addresses of OPeNDAP have the type of netCDF-4).
pub fn find_output(text: &str) -> Option<&'static dyn Format> {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'')).collect();
    let text = text.to_ascii_lowercase();
    let plain = text.split(';').next().unwrap_or_default();
    let knows = |f: &&dyn Format, t: &str| {
        let card = f.card();
        card.writes && (card.name == t || card.media_types.contains(&t) || card.aliases.contains(&t))
    };
    let find = |t: &str| FORMATS.iter().find(|f| knows(f, t)).copied();
    find(&text).or_else(|| if text.contains(";profile=") { None } else { find(plain) })
}

/// Opens a granule of any format.
///
/// # Errors
/// [`ReadError::Unsupported`] when no format recognises it; else what the format says.
pub fn open(source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError> {
    let mut head = vec![0; source.len().min(4096) as usize];
    source.read_at(0, &mut head)?;
    let name = base_name(source.name());
    let Some(format) = FORMATS.iter().find(|f| f.card().reads && f.recognises(&head, &name)) else {
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
