//! Media types of results: which of them mean the same, and what a chain writes.

use harmony_formats::registry;

use super::Chain;

/// The one name of a media type that has several, as requests and chains compare it.
pub fn canonical(mime: &str) -> &str {
    match mime {
        "application/netcdf4" | "application/x-netcdf" | "application/x-netcdf4" => "application/netcdf",
        other => other,
    }
}

/// Name of a format in UMM's words, for `/capabilities`.
pub fn format_name(mime: &str) -> &'static str {
    match canonical(mime) {
        "application/netcdf" => "NETCDF-4",
        "application/x-hdf" => "HDF-EOS2",
        "application/x-netcdf4;profile=opendap_url" => "NETCDF-4 (OPeNDAP URL)",
        "application/x-zarr" => "ZARR",
        "image/gif" => "GIF",
        "image/jpeg" => "JPEG",
        "image/png" => "PNG",
        "image/tiff" => "GEOTIFF",
        "text/csv" => "CSV",
        _ => "unknown",
    }
}

/// What clients that want anything write.
pub(super) fn is_any(mime: &str) -> bool {
    matches!(mime, "*" | "*/*")
}

/// Media types that say too little to choose a format by: HTTP libraries send them without meaning one.
const VAGUE: [&str; 1] = ["text/plain"];

/// All media types that the engine writes, one for each format, netCDF first.
pub(super) fn engine_formats() -> Vec<String> {
    let mut out = vec!["application/netcdf".to_owned()];
    for card in registry::FORMATS.iter().map(|f| f.card()).filter(|card| card.writes) {
        let Some(first) = card.media_types.first().map(|m| canonical(m)) else { continue };
        if !out.iter().any(|o| o == first) && !VAGUE.contains(&first) {
            out.push(first.to_owned());
        }
    }
    out
}

impl Chain {
    /// The media type that a chain writes when `wanted`, a type or a pattern with one `*`, is asked for.
    pub(super) fn writes(&self, wanted: &str) -> Option<String> {
        let formats = &self.capabilities.output_formats;
        if is_any(wanted) {
            return formats.first().cloned();
        }
        if let Some((head, tail)) = wanted.split_once('*') {
            let fits =
                |f: &&String| f.len() >= head.len() + tail.len() && f.starts_with(head) && f.ends_with(tail);
            return formats.iter().find(fits).cloned();
        }
        let same = |f: &&String| canonical(f) == canonical(wanted);
        if formats.iter().any(|f| same(&f)) {
            return Some(canonical(wanted).to_owned());
        }
        let understood = self.is_engine() && registry::find_output(wanted).is_some();
        understood.then(|| wanted.to_owned())
    }
}
