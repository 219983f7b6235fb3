//! Attributes of the result from those of the granules.

use std::collections::HashMap;
use std::sync::Arc;

use harmony_model::dtype::{Number, to_f64s};
use harmony_model::request::Compat;
use harmony_model::{Attribute, DType};

use super::computed;
use super::unify::{ENCODING, Target};
use super::union::UnionVar;

/// What differs between granules and yet says something of the whole; that of the first granule is kept.
const DESCRIPTIVE: [&str; 19] = [
    "long_name",
    "standard_name",
    "coordinates",
    "bounds",
    "climatology",
    "grid_mapping",
    "grid_mapping_name",
    "axis",
    "positive",
    "cell_methods",
    "cell_measures",
    "ancillary_variables",
    "formula_terms",
    "flag_values",
    "flag_masks",
    "flag_meanings",
    "spatial_ref",
    "crs_wkt",
    "description",
];

/// One name with its value in each granule.
pub struct Entry {
    pub name: String,
    pub values: Vec<Option<Arc<Attribute>>>,
}

impl Entry {
    /// The one value of all granules that have it.
    fn common(&self) -> Option<&Arc<Attribute>> {
        let mut all = self.values.iter().flatten();
        let first = all.next()?;
        // Equal attributes are one and the same; a duplicate only costs a comparison.
        all.all(|a| Arc::ptr_eq(a, first) || a == first).then_some(first)
    }

    pub fn first(&self) -> Option<&Arc<Attribute>> {
        self.values.iter().flatten().next()
    }
}

/// All names, in the order of first appearance.
pub fn entries(lists: &[Option<&[Arc<Attribute>]>]) -> Vec<Entry> {
    let mut at: HashMap<&str, usize> = HashMap::new();
    let mut out: Vec<Entry> = Vec::new();
    for (slot, list) in lists.iter().enumerate() {
        for attr in list.iter().copied().flatten() {
            let i = *at.entry(&attr.name).or_insert_with(|| {
                out.push(Entry { name: attr.name.clone(), values: vec![None; lists.len()] });
                out.len() - 1
            });
            out[i].values[slot] = Some(attr.clone());
        }
    }
    out
}

/// Attributes of a group, and those that have to be told for each granule.
pub fn of_group(
    lists: &[Option<&[Arc<Attribute>]>],
    compat: Option<Compat>,
    notices: &mut Vec<String>,
) -> (Vec<Attribute>, Vec<Entry>) {
    let mut entries = entries(lists);
    let mut kept: Vec<Attribute> = Vec::new();
    let mut differing = Vec::new();
    let computed = match compat {
        Some(Compat::Concise) => HashMap::new(),
        _ => computed::all(&entries),
    };
    for entry in entries.drain(..) {
        if entry.name == "history_json" {
            kept.extend(computed::history_json(&entry, notices));
        } else if let Some(same) = entry.common() {
            kept.push((**same).clone());
        } else if let Some(Compat::Nco | Compat::Stitchee) = compat {
            kept.extend(entry.first().map(|a| (**a).clone()));
        } else if let Some(value) = computed.get(&entry.name) {
            kept.push(value.clone());
        } else if compat != Some(Compat::Concise) {
            differing.push(entry);
        }
    }
    (kept, differing)
}

/// Attributes of a variable.
pub fn of_variable(
    var: &UnionVar,
    target: &Target,
    compat: Option<Compat>,
    notices: &mut Vec<String>,
) -> Vec<Attribute> {
    let lists: Vec<Option<&[Arc<Attribute>]>> =
        var.schemas.iter().map(|s| Some(s.attrs.as_slice())).collect();
    let converted = target.converts.iter().any(Option::is_some);
    let mut out = Vec::new();
    let mut left_out = Vec::new();
    for entry in entries(&lists) {
        let name = entry.name.as_str();
        if converted && ENCODING.contains(&name) {
            out.extend(entry.values.get(target.like).cloned().flatten().map(|a| (*a).clone()));
        } else if let Some(same) = entry.common() {
            out.push((**same).clone());
        } else if compat != Some(Compat::Concise)
            && let Some(range) = computed::range(&entry)
        {
            out.extend(range);
        } else if ENCODING.contains(&name) && compat != Some(Compat::Concise) {
            // The encodings are the same in meaning: spellings of units, say.
            out.extend(entry.first().map(|a| (**a).clone()));
        } else if matches!(compat, Some(Compat::Nco | Compat::Stitchee))
            || (compat.is_none() && DESCRIPTIVE.contains(&name))
        {
            out.extend(entry.first().map(|a| (**a).clone()));
            notices
                .push(format!("'{}': '{name}' differs; that of the first granule is kept", var.first().path));
        } else {
            left_out.push(entry.name);
        }
    }
    if !left_out.is_empty() {
        let names = left_out.join(", ");
        notices.push(format!("'{}': attributes that differ are left out: {names}", var.first().path));
    }
    for (name, attr) in &target.attrs {
        match (attr, out.iter().position(|a: &Attribute| a.name == *name)) {
            (Some(new), Some(at)) => out[at] = new.clone(),
            (Some(new), None) => out.push(new.clone()),
            (None, Some(at)) => drop(out.remove(at)),
            (None, None) => {}
        }
    }
    out
}

/// The value of an attribute as a text: several values with commas.
pub fn text_of(attr: &Attribute) -> String {
    fn shown<T: Number + std::fmt::Display>(bytes: &[u8]) -> String {
        let all = bytes.chunks_exact(std::mem::size_of::<T>()).map(|b| T::from_ne(b).to_string());
        all.collect::<Vec<_>>().join(", ")
    }
    if let Some(texts) = attr.as_texts() {
        return texts.join(", ");
    }
    match &attr.dtype {
        // Shortest digits that mean the same number of its own type.
        DType::F32 => shown::<f32>(&attr.bytes),
        DType::I64 => shown::<i64>(&attr.bytes),
        DType::U64 => shown::<u64>(&attr.bytes),
        other => to_f64s(other, &attr.bytes)
            .map(|v| v.iter().map(f64::to_string).collect::<Vec<_>>().join(", "))
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_goes_to_the_granules() {
        let shared = Arc::new(Attribute::text("title", "t"));
        let a = [shared.clone(), Arc::new(Attribute::numbers("orbit", &[1i32]))];
        let b =
            [shared, Arc::new(Attribute::numbers("orbit", &[2i32])), Arc::new(Attribute::text("b", "only"))];
        let lists = [Some(a.as_slice()), Some(b.as_slice()), None];
        let (kept, differing) = of_group(&lists, None, &mut Vec::new());
        let names: Vec<&str> = kept.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["title", "b"]);
        assert_eq!(differing[0].name, "orbit");
        assert_eq!(differing[0].values[1].as_ref().map(|a| text_of(a)).unwrap(), "2");
        let (kept, _) = of_group(&lists, Some(Compat::Stitchee), &mut Vec::new());
        assert_eq!(kept[1].as_f64(), Some(1.0));
        let (kept, differing) = of_group(&lists, Some(Compat::Concise), &mut Vec::new());
        assert_eq!((kept.len(), differing.len()), (2, 0));
    }

    #[test]
    fn numbers_are_shown_with_the_digits_of_their_type() {
        assert_eq!(text_of(&Attribute::numbers("a", &[0.1f32, 2.0])), "0.1, 2");
        assert_eq!(text_of(&Attribute::numbers("a", &[7i16])), "7");
    }
}
