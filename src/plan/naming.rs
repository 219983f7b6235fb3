//! Output names, as the reference services write them:
//! `{stem}[_{variable}][_regridded][_subsetted][_reformatted].{extension}`.

use harmony_formats::{Card, Part};
use harmony_model::Request;
use harmony_model::request::Compat;
use harmony_ops::Step;

/// What all results of a granule have in common in their names.
#[derive(Clone, Debug)]
pub struct Naming {
    /// Name of the granule without extension and without the suffixes of earlier steps.
    stem: String,
    extension: String,
    variable: Option<String>,
    suffix: String,
    /// Said only of what was neither cut nor moved.
    reformatted: &'static str,
    card: &'static Card,
    /// Results are called after their variable alone, as net2cog's are.
    by_variable: bool,
}

const SUFFIXES: [&str; 4] = ["_reformatted", "_subsetted", "_regridded", "_stitched"];
/// Extensions that results in netCDF-4 and HDF5 keep from their input.
const NETCDF: [&str; 6] = ["nc", "nc4", "h5", "he5", "hdf5", "netcdf"];
const HDF5: [&str; 3] = ["h5", "he5", "hdf5"];
/// Steps that move data to another grid.
const MOVING: [&str; 4] = ["reproject_grid", "project_swath", "regrid", "grid_indexed"];

impl Naming {
    /// The naming of the results of the granule called `name` after `steps`.
    pub fn new(name: &str, format: &str, request: &Request, steps: &[Step], card: &'static Card) -> Self {
        let (stem, extension) = split(name);
        let mut stem = stem.to_owned();
        for suffix in SUFFIXES {
            if let Some(shorter) = stem.strip_suffix(suffix) {
                stem = shorter.to_owned();
            }
        }
        let variable = match request.variables.as_slice() {
            [only] => Some(only.trim_matches('/').to_owned()),
            _ => None,
        };
        let did = |names: &[&str]| steps.iter().any(|s| names.contains(&s.operation));
        let moved = did(&MOVING);
        let averaged = did(&["average"]);
        // A file for each variable says by its name that the others are not in it.
        let cut = steps.iter().any(|s| !MOVING.contains(&s.operation) && s.operation != "average");
        let mut suffix = String::new();
        for (said, text) in [(moved, "_regridded"), (averaged, "_averaged"), (cut, "_subsetted")] {
            if said {
                suffix.push_str(text);
            }
        }
        let same_format = NETCDF.contains(&extension.to_ascii_lowercase().as_str())
            && format == "netcdf4"
            && matches!(card.name, "netcdf4" | "hdf5");
        let reformatted = if suffix.is_empty() && !same_format { "_reformatted" } else { "" };
        let by_variable = request.compat_is(Compat::Net2cog);
        Naming { stem, extension: extension.to_owned(), variable, suffix, reformatted, card, by_variable }
    }

    /// The name of one of the results.
    ///
    /// `/` and `:` become `_`, runs of `_` collapse, and suffixes that a chain has already added are not repeated.
    pub fn result(&self, part: &Part) -> String {
        if let (true, Some(label)) = (self.by_variable, &part.label) {
            return format!("{}.{}", clean(label.trim_matches('/')), part.extension);
        }
        match &part.stem {
            Some(stem) => format!("{}.{}", clean(stem), part.extension),
            None => self.name(part.label.as_deref(), part.extension),
        }
    }

    /// The name of the granule as a whole.
    pub fn whole(&self) -> String {
        self.name(None, self.card.extension)
    }

    fn name(&self, label: Option<&str>, extension: &str) -> String {
        let mut name = self.stem.clone();
        if let Some(label) = label.or(self.variable.as_deref()) {
            name.push('_');
            name.push_str(label.trim_matches('/'));
        }
        let alone = label.is_some() && self.suffix == "_subsetted" && self.variable.is_some();
        name.push_str(if alone { "_reformatted" } else { &self.suffix });
        name.push_str(self.reformatted);
        format!("{}.{}", clean(&name), self.kept().unwrap_or(extension))
    }

    /// The extension of the input, where the result keeps it.
    fn kept(&self) -> Option<&str> {
        let low = self.extension.to_ascii_lowercase();
        let keeps = match self.card.name {
            "netcdf4" => NETCDF.contains(&low.as_str()),
            "hdf5" => HDF5.contains(&low.as_str()),
            _ => false,
        };
        keeps.then_some(self.extension.as_str())
    }
}

/// The name of granules joined to one: concise's when they are stacked, stitchee's when they are extended.
pub fn joined_name(
    first: &str,
    count: usize,
    stacked: bool,
    end: Option<&str>,
    product: Option<&str>,
    extension: &str,
) -> String {
    let stem = split(first).0;
    let product = |sep: &str| product.map_or_else(String::new, |p| format!("{p}{sep}"));
    let name = if stacked {
        let end = end.map_or_else(String::new, |e| format!("_{}", e.replace(['-', ':'], "")));
        let product = product("_");
        format!("{stem}{end}_{product}merged")
    } else {
        format!("{}batch_of_{count}_starting_from_{stem}_stitched", product("_"))
    };
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

    #[test]
    fn stacked_granules_are_named_after_the_first_and_the_end_of_the_last() {
        let name = joined_name("a_1.nc", 2, true, Some("2020-01-05T23:59:59Z"), Some("C1-P"), "nc4");
        assert_eq!(name, "a_1_20200105T235959Z_C1-P_merged.nc4");
        assert_eq!(
            joined_name("a_1.nc", 2, false, None, None, "nc4"),
            "batch_of_2_starting_from_a_1_stitched.nc4"
        );
    }
}
