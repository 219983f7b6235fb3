//! How results are encoded, as users write it.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use harmony_formats::write::{Encoding, Style};
use serde_json::{Value, json};

use super::cli::UsageError;
use super::grammar;

/// Options of formats.
#[derive(Args, Debug, Clone, Default)]
pub struct EncodingArgs {
    /// deflate, zstd, lzw or none, where the format has a choice
    #[arg(long, value_name = "NAME", help_heading = "Encoding of results")]
    pub compression: Option<String>,
    /// Level of compression
    #[arg(long, value_name = "N", help_heading = "Encoding of results")]
    pub level: Option<u32>,
    /// Chunk length along a dimension (repeatable), e.g. time=24
    #[arg(long, value_name = "DIM=N", help_heading = "Encoding of results")]
    pub chunk: Vec<String>,
    /// Uncompressed size of a chunk
    #[arg(long, value_name = "SIZE", help_heading = "Encoding of results")]
    pub chunk_size: Option<String>,
    /// Zarr 3: many chunks in one object
    #[arg(long, help_heading = "Encoding of results")]
    pub sharded: bool,
    /// Rasters: one file with a band for each variable
    #[arg(long, help_heading = "Encoding of results")]
    pub stack: bool,
    /// Rasters: longitudes as stored, not from -180 to 180
    #[arg(long, help_heading = "Encoding of results")]
    pub keep_longitudes: bool,
    /// Images: a colour map (viridis, turbo, grey, …) or a colour table file (GDAL text, .cpt)
    #[arg(long, value_name = "NAME|FILE", value_hint = ValueHint::AnyPath, help_heading = "Images")]
    pub style: Option<String>,
    /// Images: values of the first and last colour
    #[arg(long, value_name = "MIN,MAX", allow_hyphen_values = true, help_heading = "Images")]
    pub range: Option<String>,
    /// Images: also a legend
    #[arg(long, help_heading = "Images")]
    pub legend: bool,
    /// Images for the Global Imagery Browse Services: their grids, tiles, world files
    #[arg(long, help_heading = "Images")]
    pub browse: bool,
}

fn wrong(option: &str, text: &str, remedy: &str) -> UsageError {
    UsageError(format!("--{option}: '{text}' {remedy}"))
}

impl EncodingArgs {
    /// What the writers are told.
    ///
    /// # Errors
    /// [`UsageError`] naming the option.
    pub fn encoding(&self) -> Result<Encoding, UsageError> {
        let chunks = self.chunk.iter().map(|t| chunk(t)).collect::<Result<_, _>>()?;
        let chunk_bytes = self
            .chunk_size
            .as_ref()
            .map(|t| grammar::parse_size(t).map_err(|e| UsageError(format!("--chunk-size: {e}"))))
            .transpose()?;
        Ok(Encoding {
            compression: self.compression.as_ref().map(|c| c.trim().to_ascii_lowercase()),
            level: self.level,
            chunks,
            chunk_bytes,
            sharded: self.sharded,
            stack: self.stack,
            keep_longitudes: self.keep_longitudes,
            style: self.style.as_deref().map(style).transpose()?,
            range: self.range.as_deref().map(range).transpose()?,
            legend: self.legend,
            browse: self.browse,
            compat: None,
        })
    }

    /// What was given, for `history_json`.
    pub fn parameters(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("compression", json!(self.compression)),
            ("level", json!(self.level)),
            ("chunk", json!(self.chunk)),
            ("chunk-size", json!(self.chunk_size)),
            ("sharded", json!(self.sharded)),
            ("stack", json!(self.stack)),
            ("keep-longitudes", json!(self.keep_longitudes)),
            ("style", json!(self.style)),
            ("range", json!(self.range)),
            ("legend", json!(self.legend)),
            ("browse", json!(self.browse)),
        ]
    }
}

fn chunk(text: &str) -> Result<(String, u64), UsageError> {
    let parts = text.split_once('=').map(|(name, n)| (name.trim().to_owned(), n.trim().parse::<u64>()));
    match parts {
        Some((name, Ok(n))) if n > 0 && !name.is_empty() => Ok((name, n)),
        _ => Err(wrong("chunk", text, "is not DIM=N; write for example time=24")),
    }
}

fn range(text: &str) -> Result<(f64, f64), UsageError> {
    let numbers = text.split_once(',').map(|(a, b)| (a.trim().parse::<f64>(), b.trim().parse::<f64>()));
    match numbers {
        Some((Ok(a), Ok(b))) if a.is_finite() && b.is_finite() && a != b => Ok((a, b)),
        _ => Err(wrong("range", text, "is not MIN,MAX; write for example 270,310")),
    }
}

/// A file where there is one of that name, else the name of a colour map.
fn style(text: &str) -> Result<Style, UsageError> {
    let path = Path::new(text);
    if !path.is_file() {
        let looks_like_file = path.extension().is_some() || text.contains('/');
        return if looks_like_file {
            Err(wrong(
                "style",
                text,
                "is not a file here; name a colour table file or a colour map such as viridis",
            ))
        } else {
            Ok(Style::Named(text.trim().to_ascii_lowercase()))
        };
    }
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let read = |p: PathBuf| std::fs::read_to_string(p);
    let text = read(path.into()).map_err(|e| wrong("style", text, &format!("can't be read: {e}")))?;
    Ok(Style::Table { name, text })
}
