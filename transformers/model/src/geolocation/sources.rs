//! Pairs of latitude and longitude that are named from outside the file: by a catalogue, by the product table.

use std::collections::HashMap;

use super::pairs::Pair;
use super::products::Product;
use super::roles::Roles;
use super::{Hints, Rule, glob};
use crate::ModelError;
use crate::granule::{Granule, GroupId, VarId, join};

/// Variables that a catalogue's name means: a path (also with `__`), or that name in every group that has it.
pub(super) fn named(granule: &Granule, name: &str) -> Vec<VarId> {
    let path = name.trim().replace("__", "/");
    if let Some(v) = granule.find_var(&path) {
        return vec![v];
    }
    let tail = format!("/{}", path.trim_start_matches('/'));
    granule.var_ids().filter(|&v| granule.var(v).path.ends_with(&tail)).collect()
}

/// Pairs of the latitudes and longitudes that a catalogue names.
pub(super) fn catalogue_pairs(roles: &Roles, hints: &Hints) -> Result<Vec<Pair>, ModelError> {
    let granule = roles.granule;
    let all = |names: &[String]| names.iter().flat_map(|n| named(granule, n)).collect::<Vec<_>>();
    let (lats, lons) = (all(&hints.latitude), all(&hints.longitude));
    if lats.is_empty() != lons.is_empty() {
        let (missing, names) =
            if lats.is_empty() { ("latitude", &hints.latitude) } else { ("longitude", &hints.longitude) };
        if !names.is_empty() {
            return Err(ModelError::Geolocation {
                granule: granule.name.clone(),
                detail: format!("the catalogue names {} as {missing}, which is not there", names.join(", ")),
            });
        }
    }
    let mut pairs = Vec::new();
    for (i, &lat) in lats.iter().enumerate() {
        let group = granule.var(lat).group;
        // Its own group first; lists of equal length are in order.
        let mut candidates: Vec<VarId> =
            lons.iter().copied().filter(|&l| granule.var(l).group == group).collect();
        candidates.extend((lats.len() == lons.len()).then(|| lons[i]));
        candidates.extend(lons.iter().copied());
        let pair = candidates.iter().find_map(|&lon| Pair::new(roles, lat, lon, Rule::Catalogue));
        pairs.extend(pair);
    }
    Ok(pairs)
}

/// Pairs that the product table gives to groups.
pub(super) fn product_pairs(roles: &Roles, product: &Product) -> HashMap<GroupId, Vec<Pair>> {
    let granule = roles.granule;
    let mut found: HashMap<GroupId, Vec<Pair>> = HashMap::new();
    for g in (0..granule.groups.len()).map(GroupId) {
        let path = &granule.group(g).path;
        for rule in &product.locations {
            let Some(bindings) = rule.groups.iter().find_map(|p| glob::bind(p, path, &product.classes))
            else {
                continue;
            };
            let first = |names: &[String]| {
                names.iter().find_map(|n| {
                    let name = glob::fill(n, &bindings);
                    let name = if name.starts_with('/') { name } else { join(path, &name) };
                    granule.find_var(&name)
                })
            };
            if let (Some(lat), Some(lon)) = (first(&rule.latitude), first(&rule.longitude))
                && let Some(pair) = Pair::new(roles, lat, lon, Rule::ProductTable)
            {
                let pair = pair.with_detail(format!("product '{}'", product.name));
                found.entry(g).or_default().push(pair);
            }
        }
    }
    found
}
