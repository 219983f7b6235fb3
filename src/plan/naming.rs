//! Output names, as the reference services write them:
//! `{stem}[_{variable}][_subsetted][_reformatted]{extension}`.

use harmony_ops::{Scene, Step};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    Netcdf4,
    /// The same bytes under an HDF5 extension.
    Hdf5,
}

const SUFFIXES: [&str; 4] = ["_reformatted", "_subsetted", "_regridded", "_stitched"];
/// Extensions that netCDF-4 results keep from their input.
const KEPT: [&str; 6] = ["nc", "nc4", "h5", "he5", "hdf5", "netcdf"];

/// The name of the result of `scene` after `steps`.
///
/// `/` and `:` become `_`, runs of `_` collapse, and suffixes that a chain has already added are not repeated.
pub fn output_name(scene: &Scene, steps: &[Step], kind: OutputKind) -> String {
    let (stem, extension) = split(&scene.granule.name);
    let mut stem = stem.to_owned();
    for suffix in SUFFIXES {
        if let Some(shorter) = stem.strip_suffix(suffix) {
            stem = shorter.to_owned();
        }
    }
    let mut name = stem;
    if let [only] = scene.request.variables.as_slice() {
        name.push('_');
        name.push_str(only.trim_matches('/'));
    }
    let low = extension.to_ascii_lowercase();
    let extension = match kind {
        OutputKind::Netcdf4 if KEPT.contains(&low.as_str()) => extension.to_owned(),
        OutputKind::Netcdf4 => "nc4".to_owned(),
        OutputKind::Hdf5 if ["h5", "he5", "hdf5"].contains(&low.as_str()) => extension.to_owned(),
        OutputKind::Hdf5 => "h5".to_owned(),
    };
    if !steps.is_empty() {
        name.push_str("_subsetted");
    } else if !KEPT.contains(&low.as_str()) || scene.granule.format != "netcdf4" {
        name.push_str("_reformatted");
    }
    format!("{}.{extension}", clean(&name))
}

/// Stem and extension; a name without a dot has no extension.
fn split(name: &str) -> (&str, &str) {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, extension),
        _ => (name, ""),
    }
}

fn clean(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        let c = if matches!(c, '/' | ':' | '\\') { '_' } else { c };
        if !(c == '_' && out.ends_with('_')) {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_and_colons_become_single_underscores() {
        assert_eq!(clean("a__b/c:d"), "a_b_c_d");
    }

    #[test]
    fn the_extension_is_what_follows_the_last_dot() {
        assert_eq!(split("a.l2.nc"), ("a.l2", "nc"));
        assert_eq!(split(".hidden"), (".hidden", ""));
    }
}
