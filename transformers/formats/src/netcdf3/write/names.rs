//! Names in one flat file: groups become prefixes, characters that classic tools stumble over become `_`.

use std::collections::HashSet;

use harmony_model::{Granule, GroupId};

/// Joins the names of groups.
const JOINT: &str = "__";

/// Attributes that name variables (CF 1.11 Appendix A).
const REFERENCES: [&str; 9] = [
    "coordinates",
    "bounds",
    "climatology",
    "grid_mapping",
    "ancillary_variables",
    "cell_measures",
    "formula_terms",
    "geometry",
    "node_coordinates",
];

/// A name that every netCDF-3 tool takes: letters, digits and `_.@+-`, not beginning with a sign; other alphabets as they are.
pub(super) fn clean(name: &str) -> String {
    let fits = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "_.@+-".contains(c);
    let mut out: String = name
        .trim()
        .chars()
        .map(|c| if fits(c) && !c.is_control() && !c.is_whitespace() { c } else { '_' })
        .collect();
    if out.starts_with(|c: char| ".@+-".contains(c)) || out.is_empty() {
        out.insert(0, '_');
    }
    out
}

/// Name of a member of a group: `/a/b`, `c` → `a__b__c`.
pub(super) fn flat(granule: &Granule, group: GroupId, name: &str) -> String {
    let path = granule.group(group).path.trim_matches('/');
    let parts = path.split('/').filter(|p| !p.is_empty()).chain([name]);
    parts.map(clean).collect::<Vec<_>>().join(JOINT)
}

/// Names that are given out once.
#[derive(Default)]
pub(super) struct Taken(HashSet<String>);

impl Taken {
    /// `name`, with a number when it has been given out.
    pub(super) fn give(&mut self, name: String) -> String {
        let mut given = name.clone();
        let mut number = 2;
        while !self.0.insert(given.clone()) {
            given = format!("{name}_{number}");
            number += 1;
        }
        given
    }
}

/// The text of an attribute that names variables, with their new names; `None` when nothing changes.
///
/// `renamed`: the new name of each variable, where it is written.
pub(super) fn references(
    granule: &Granule,
    group: GroupId,
    attribute: &str,
    text: &str,
    renamed: &[Option<String>],
) -> Option<String> {
    if !REFERENCES.contains(&attribute) {
        return None;
    }
    let new_name = |word: &str| -> Option<String> {
        let id = granule.resolve_var(group, word.trim_end_matches(':'))?;
        let name = renamed.get(id.0)?.clone()?;
        Some(if word.ends_with(':') { name + ":" } else { name })
    };
    // `area: cell_area` has the role before the colon; `crs: x y` a variable, which is found.
    let words: Vec<String> =
        text.split_whitespace().map(|w| new_name(w).unwrap_or_else(|| w.to_owned())).collect();
    let new = words.join(" ");
    (new != text).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned() {
        assert_eq!(clean("Surface Temperature (K)"), "Surface_Temperature__K_");
        assert_eq!(clean("+x"), "_+x");
        assert_eq!(clean(" 2m/t "), "2m_t");
        assert_eq!(clean("größe"), "größe");
        assert_eq!(clean(""), "_");
        let mut taken = Taken::default();
        assert_eq!((taken.give("a".into()), taken.give("a".into())), ("a".into(), "a_2".into()));
    }
}
