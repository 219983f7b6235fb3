//! Attributes that averages leave: `cell_methods`, and on the root what was averaged over.

use harmony_model::granule::set_attr;
use harmony_model::time::DateTime;
use harmony_model::{Attribute, Granule, Variable};

use crate::scene::Scene;

/// Adds `name: mean` to `cell_methods` (CF 1.11 §7.3) unless it ends so already.
pub fn extend_cell_methods(var: &mut Variable, name: &str) {
    let method = format!("{name}: mean");
    let old = var.attr_text("cell_methods").unwrap_or_default();
    let old = old.trim();
    if old.ends_with(&method) {
        return;
    }
    let text = if old.is_empty() { method } else { format!("{old} {method}") };
    var.set_attr(Attribute::text("cell_methods", &text));
}

/// Takes the names of variables that are gone out of the attributes that refer to them.
pub fn drop_references(granule: &mut Granule, is_gone: impl Fn(&Granule, usize, &str) -> bool) {
    const REFERENCES: [&str; 5] =
        ["coordinates", "grid_mapping", "ancillary_variables", "cell_measures", "bounds"];
    for i in 0..granule.vars.len() {
        for name in REFERENCES {
            let Some(text) = granule.vars[i].attr_text(name) else { continue };
            let words: Vec<&str> = text.split_whitespace().collect();
            let gone = |w: &str| !w.ends_with(':') && is_gone(granule, i, w);
            let kept: Vec<&str> = words.iter().copied().filter(|w| !gone(w)).collect();
            if kept.len() == words.len() {
                continue;
            }
            // `area: cell_area` and `crs: x y` mean nothing without what follows the colon.
            let empty = kept.iter().all(|w| w.ends_with(':'));
            let var = &mut granule.vars[i];
            match empty {
                true => var.attrs.retain(|a| a.name != name),
                false => var.set_attr(Attribute::text(name, &kept.join(" "))),
            }
        }
    }
}

/// Root attributes, under the names of Giovanni: the asked (else the averaged) times and the asked (else the averaged)
/// box as `W, S, E, N`.
pub fn describe_request(
    scene: &Scene,
    granule: &mut Granule,
    times: Option<[f64; 2]>,
    extent: Option<[f64; 4]>,
) {
    let asked = scene.request.time.clone().unwrap_or_default();
    let at = |i: usize| times.and_then(|t| DateTime::from_seconds(t[i]));
    let attrs = &mut granule.groups[0].attrs;
    for (name, time) in [("userstartdate", asked.start.or(at(0))), ("userenddate", asked.end.or(at(1)))] {
        if let Some(time) = time {
            set_attr(attrs, Attribute::text(name, &with_millis(time)));
        }
    }
    let asked = match scene.request.bbox.as_slice() {
        [b] => Some([b.west, b.south, b.east, b.north]),
        _ => None,
    };
    if let Some([w, s, e, n]) = asked.or(extent) {
        set_attr(attrs, Attribute::text("userbbox", &format!("{w}, {s}, {e}, {n}")));
    }
}

/// ISO 8601 with milliseconds, as Giovanni writes it.
fn with_millis(time: DateTime) -> String {
    let (year, month, day, micros) = time.fields();
    let (seconds, millis) = (micros / 1_000_000, micros / 1000 % 1000);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{millis:03}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds() {
        let time = DateTime::parse("2021-08-29T07:30:00.5Z").unwrap();
        assert_eq!(with_millis(time), "2021-08-29T07:30:00.500Z");
    }
}
