//! Variables that place others in space and time: masks leave them alone.

use std::collections::BTreeSet;

use super::discover::Finder;
use super::products::Product;
use super::{Hints, glob, sources};
use crate::geolocation::Geolocation;
use crate::granule::{Granule, VarId};
use crate::time::products::TimeDecode;

/// Fills in [`super::GeolocationTable::coordinates`] and `times`.
pub(super) fn collect(finder: &mut Finder, hints: &Hints) {
    let granule = finder.granule;
    let mut found: BTreeSet<VarId> = BTreeSet::new();
    for v in granule.var_ids() {
        let (role, var) = (&finder.roles.roles[v.0], granule.var(v));
        let listed = finder.product.as_deref().is_some_and(|p| {
            let names = p.coordinates.iter().chain(&p.latitude_names).chain(&p.longitude_names);
            names.into_iter().any(|n| glob::matches(n, &var.name))
        });
        if role.position.is_some()
            || role.projected.is_some()
            || role.bounds
            || listed
            || is_time_axis(finder, v)
        {
            found.insert(v);
        }
        let references = super::companions::references(&var.attr_text("coordinates").unwrap_or_default());
        found.extend(references.iter().filter_map(|r| finder.roles.resolve(var.group, r)));
    }
    found.extend(finder.roles.dim_coordinate.iter().flatten());
    for located in &finder.table.located {
        match &located.geolocation {
            Geolocation::Grid { lat, lon } => {
                found.extend([lat.var, lon.var]);
                found.extend([lat.bounds, lon.bounds].into_iter().flatten());
            }
            Geolocation::Swath { lat, lon, .. } | Geolocation::Trajectory { lat, lon, .. } => {
                found.extend([*lat, *lon]);
            }
            Geolocation::ProjectedGrid { .. } | Geolocation::Segmented(_) => {}
        }
    }
    let times = times(finder, hints);
    found.extend(&times);
    let table = &mut finder.table;
    found.extend(table.segments.iter().flat_map(|s| [Some(s.begin), s.count].into_iter().flatten()));
    found.extend(table.reverse.iter().map(|r| r.index));
    found.extend(table.time_only.iter().map(|t| t.time));
    table.coordinates = found.into_iter().collect();
    table.times = times;
}

/// A time by its own attributes. One with another standard name is data that happens to be in units of time (RSS
/// `sst_dtime`).
fn is_time_axis(finder: &Finder, v: VarId) -> bool {
    let role = &finder.roles.roles[v.0];
    let name = finder.granule.var(v).attr_text("standard_name");
    role.time && !role.bounds && name.is_none_or(|n| n.trim().is_empty() || n.trim() == "time")
}

/// Times: those of the catalogue, of the product table, and by their own attributes.
fn times(finder: &Finder, hints: &Hints) -> Vec<VarId> {
    let granule = finder.granule;
    let mut found: Vec<VarId> = hints.time.iter().flat_map(|n| sources::named(granule, n)).collect();
    let product = finder.product.as_deref();
    let ignored = |v: VarId| product.is_some_and(|p| p.ignores_time(&granule.var(v).name));
    for v in granule.var_ids() {
        let by_product = product.is_some_and(|p| is_product_time(finder, p, v));
        if (by_product || is_time_axis(finder, v)) && !ignored(v) && !found.contains(&v) {
            found.push(v);
        }
    }
    found
}

fn is_product_time(finder: &Finder, product: &Product, v: VarId) -> bool {
    let granule: &Granule = finder.granule;
    let var = granule.var(v);
    if var.dims.is_empty() || finder.table.is_never_subset(granule, var.group) {
        return false;
    }
    product.time_source(granule, v).is_some_and(|source| {
        // An offset on all axes of the data (GHRSST `sst_dtime`) is masked and chosen like data.
        let on_all_axes = finder.table.of(v).is_some_and(|l| l.geolocation.dims().len() > 1);
        source.decode != TimeDecode::Offset || !on_all_axes
    })
}
