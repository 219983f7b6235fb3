//! What `--explain` shows of the geolocations of a granule.

use super::{GeolocationTable, ProjectedAxisSource, Rule};
use crate::geolocation::Geolocation;
use crate::granule::{DimId, Granule, VarId};

/// One geolocation in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// [`Geolocation::kind`].
    pub kind: &'static str,
    /// The rule that decided.
    pub rule: &'static str,
    pub detail: String,
    /// What positions are read from: paths of variables, or the formula of a regular axis.
    pub positions: Vec<String>,
    /// The axes: name and length.
    pub axes: Vec<(String, u64)>,
    /// Reference system of a projected grid.
    pub crs: Option<String>,
    /// Paths of the variables it serves.
    pub variables: Vec<String>,
}

impl Rule {
    /// The rule as users read it.
    pub fn label(self) -> &'static str {
        match self {
            Rule::Catalogue => "catalogue",
            Rule::ProductTable => "product table",
            Rule::CfCoordinates => "CF coordinates",
            Rule::DimensionCoordinates => "dimension coordinates",
            Rule::StandardName => "standard_name",
            Rule::Units => "units",
            Rule::Axis => "axis",
            Rule::Names => "names",
            Rule::GridDefinition => "grid definition",
        }
    }
}

/// All geolocations of a granule in words, in the order they were found.
pub fn summary(granule: &Granule, table: &GeolocationTable) -> Vec<Summary> {
    let path = |v: VarId| granule.var(v).path.clone();
    let dim = |d: DimId| (granule.dim(d).name.clone(), granule.dim(d).len);
    let source = |s: &ProjectedAxisSource| match s {
        ProjectedAxisSource::Variable { var, to_crs_units: 1.0 } => path(*var),
        ProjectedAxisSource::Variable { var, to_crs_units } => format!("{} × {to_crs_units}", path(*var)),
        ProjectedAxisSource::Regular { first, step } => format!("{first} + i × {step}"),
    };
    let describe = |(i, located): (usize, &super::Located)| {
        let (positions, crs) = match &located.geolocation {
            Geolocation::Grid { lat, lon } => (vec![path(lat.var), path(lon.var)], None),
            Geolocation::ProjectedGrid { y, x, crs } => {
                (vec![source(&y.source), source(&x.source)], Some(crs.definition.clone()))
            }
            Geolocation::Swath { lat, lon, .. } | Geolocation::Trajectory { lat, lon, .. } => {
                (vec![path(*lat), path(*lon)], None)
            }
            Geolocation::Segmented(s) => {
                ([Some(s.begin), s.count, s.lat, s.lon].into_iter().flatten().map(path).collect(), None)
            }
        };
        Summary {
            kind: located.geolocation.kind(),
            rule: located.rule.label(),
            detail: located.detail.clone(),
            positions,
            axes: located.geolocation.dims().into_iter().map(dim).collect(),
            crs,
            variables: granule.var_ids().filter(|v| table.of_var[v.0] == Some(i)).map(path).collect(),
        }
    };
    table.located.iter().enumerate().map(describe).collect()
}
