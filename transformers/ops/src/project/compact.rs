//! Removes what nothing uses any more.

use std::collections::BTreeMap;

use harmony_model::{DimId, Granule, GroupId};

/// Drops dimensions and groups that variables of `input` used and those of `granule` (made from it) no longer do.
pub fn compact(granule: &mut Granule, input: &Granule) {
    compact_dims(granule, input);
    compact_groups(granule, input);
}

fn compact_dims(granule: &mut Granule, input: &Granule) {
    let uses = |g: &Granule, d: DimId| g.vars.iter().any(|v| v.dims.contains(&d));
    let all = std::mem::take(&mut granule.dims);
    let mut map: BTreeMap<DimId, DimId> = BTreeMap::new();
    for (i, dim) in all.into_iter().enumerate() {
        let d = DimId(i);
        let was_used = i < input.dims.len() && uses(input, d);
        if uses(granule, d) || !was_used {
            map.insert(d, DimId(granule.dims.len()));
            granule.dims.push(dim);
        }
    }
    granule.vars.iter_mut().flat_map(|v| &mut v.dims).for_each(|d| *d = map[d]);
}

fn compact_groups(granule: &mut Granule, input: &Granule) {
    let holds = |g: &Granule, group: GroupId| {
        let within = |other: GroupId| g.is_within(other, group);
        g.vars.iter().any(|v| within(v.group)) || g.dims.iter().any(|d| within(d.group))
    };
    let kept: Vec<bool> =
        (0..granule.groups.len()).map(GroupId).map(|g| holds(granule, g) || !holds(input, g)).collect();
    // A parent of a kept group is kept: it holds what its child holds.
    let mut map: BTreeMap<GroupId, GroupId> = BTreeMap::new();
    let all = std::mem::take(&mut granule.groups);
    for (i, mut group) in all.into_iter().enumerate() {
        let parent = group.parent.map(|p| map.get(&p).copied());
        let orphan = matches!(parent, Some(None));
        if i > 0 && (!kept[i] || orphan) {
            continue;
        }
        group.parent = parent.flatten();
        map.insert(GroupId(i), GroupId(granule.groups.len()));
        granule.groups.push(group);
    }
    granule.vars.iter_mut().for_each(|v| v.group = map[&v.group]);
    granule.dims.iter_mut().for_each(|d| d.group = map.get(&d.group).copied().unwrap_or(Granule::ROOT));
    granule.types.retain(|t| map.contains_key(&t.group));
    granule.types.iter_mut().for_each(|t| t.group = map[&t.group]);
}
