//! The vertical axis of a granule, which clients call `z` whatever its name in the file is.

use harmony_model::granule::Variable;
use harmony_model::{DimId, Granule, VarId};

/// What clients call it (OGC API - EDR).
pub(super) const NAME: &str = "z";

/// CF standard names of vertical coordinates.
const STANDARD_NAMES: [&str; 9] = [
    "altitude",
    "height",
    "depth",
    "air_pressure",
    "sea_water_pressure",
    "height_above_mean_sea_level",
    "height_above_reference_ellipsoid",
    "geopotential_height",
    "model_level_number",
];
/// How names of parametric vertical coordinates begin; they end in `_coordinate`.
const PARAMETRIC: [&str; 2] = ["atmosphere_", "ocean_"];

/// Names of vertical dimensions in files that say nothing more.
const NAMES: [&str; 11] = [
    "z",
    "lev",
    "level",
    "levels",
    "plev",
    "pressure",
    "depth",
    "altitude",
    "height",
    "pressure_level",
    "isobaric",
];

/// Vertical dimensions with their coordinates: by what attributes say, else by name.
pub(super) fn axes(granule: &Granule) -> Vec<(DimId, VarId)> {
    let axes = |is_vertical: &dyn Fn(&Variable, DimId) -> bool| -> Vec<(DimId, VarId)> {
        granule
            .var_ids()
            .filter_map(|v| match granule.var(v).dims.as_slice() {
                [dim] if is_vertical(granule.var(v), *dim) => Some((*dim, v)),
                _ => None,
            })
            .collect()
    };
    let said = axes(&|var, _| says_so(var));
    if !said.is_empty() {
        return said;
    }
    axes(&|var, dim| {
        var.name == granule.dim(dim).name && NAMES.iter().any(|n| var.name.eq_ignore_ascii_case(n))
    })
}

fn says_so(var: &Variable) -> bool {
    let is = |attr: &str, words: &[&str]| {
        var.attr_text(attr).is_some_and(|t| words.iter().any(|w| t.trim().eq_ignore_ascii_case(w)))
    };
    let parametric = || {
        let name = var.attr_text("standard_name");
        name.is_some_and(|n| n.ends_with("_coordinate") && PARAMETRIC.iter().any(|p| n.starts_with(p)))
    };
    is("axis", &["Z"])
        || is("positive", &["up", "down"])
        || is("standard_name", &STANDARD_NAMES)
        || parametric()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use harmony_model::{Attribute, DType, MemoryArray};

    use super::*;

    fn granule(name: &str, attr: Option<(&str, &str)>) -> Granule {
        let mut g = Granule::new("a", "netcdf4");
        for (axis, attr) in [("lat", Some(("axis", "Y"))), (name, attr)] {
            let dim = g.add_dim(Granule::ROOT, axis, 2);
            let data = Arc::new(MemoryArray::of(&[2], &[1f32, 2.0]));
            let var = g.add_var(Granule::ROOT, axis, DType::F32, vec![dim], data);
            g.vars[var.0].attrs.extend(attr.map(|(name, value)| Attribute::text(name, value)));
        }
        g
    }

    #[test]
    fn attributes_come_before_names() {
        for (name, attr) in [
            ("bottom_top", Some(("axis", "Z"))),
            ("k", Some(("positive", "down"))),
            ("p", Some(("standard_name", "air_pressure"))),
            ("s", Some(("standard_name", "ocean_sigma_coordinate"))),
            ("Lev", None),
        ] {
            assert_eq!(axes(&granule(name, attr)), [(DimId(1), VarId(1))], "{name}");
        }
        assert!(axes(&granule("wavelength", None)).is_empty());
    }
}
