//! Patterns of the product table: `*` and `?` in names, `{class}` and `**` in paths.

use std::collections::BTreeMap;
use std::str::Chars;

/// Whether `text` matches `pattern`, ignoring case: `*` is any text, `?` any one character.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (mut p, mut t) = (pattern.chars(), text.chars());
    // Where to go on after the last `*` when the rest does not fit: it takes one character more.
    let mut retry: Option<(Chars, Chars)> = None;
    loop {
        let here = t.clone();
        match (p.next(), t.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                t = here.clone();
                retry = Some((p.clone(), here));
            }
            (Some(wanted), Some(found)) if wanted == '?' || is_same(wanted, found) => {}
            _ => {
                let Some((after_star, from)) = &mut retry else { return false };
                if from.next().is_none() {
                    return false;
                }
                (p, t) = (after_star.clone(), from.clone());
            }
        }
    }
}

fn is_same(a: char, b: char) -> bool {
    a == b || a.to_lowercase().eq(b.to_lowercase())
}

/// What the classes of a template stand for in one place of the file.
pub(super) type Bindings = BTreeMap<String, String>;

/// Matches `path` with a template such as `/{beam}/geolocation` or `/{beam}/**`.
///
/// A `{class}` is one component that matches the class's glob in `classes` (any, if it has none); `**` is any number
/// of components. Gives what the classes stand for.
pub(super) fn bind(template: &str, path: &str, classes: &BTreeMap<String, String>) -> Option<Bindings> {
    let parts = |s: &str| s.split('/').filter(|c| !c.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let mut bindings = Bindings::new();
    bind_parts(&parts(template), &parts(path), classes, &mut bindings).then_some(bindings)
}

fn bind_parts(
    template: &[String],
    path: &[String],
    classes: &BTreeMap<String, String>,
    bindings: &mut Bindings,
) -> bool {
    let Some((first, rest)) = template.split_first() else { return path.is_empty() };
    if first == "**" {
        return (0..=path.len()).any(|n| bind_parts(rest, &path[n..], classes, bindings));
    }
    let Some((component, below)) = path.split_first() else { return false };
    let class = first.strip_prefix('{').and_then(|c| c.strip_suffix('}'));
    let fits = match class {
        Some(name) => matches(classes.get(name).map_or("*", String::as_str), component),
        None => matches(first, component),
    };
    if !fits || !bind_parts(rest, below, classes, bindings) {
        return false;
    }
    if let Some(name) = class {
        bindings.insert(name.to_owned(), component.clone());
    }
    true
}

/// The template with its classes replaced by what they stand for.
pub(super) fn fill(template: &str, bindings: &Bindings) -> String {
    bindings
        .iter()
        .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_takes_as_much_as_it_must() {
        assert!(matches("SPL3SMP*", "spl3smp_e"));
        assert!(!matches("SPL3SMP", "SPL3SMP_E"));
        assert!(matches("*a*b", "xaybab"));
        assert!(!matches("*a*b", "xayba"));
        assert!(matches("", "") && matches("*", "") && !matches("?", ""));
    }

    #[test]
    fn a_template_says_what_its_classes_stand_for() {
        let classes = BTreeMap::from([("beam".to_owned(), "gt??".to_owned())]);
        let found = bind("/{beam}/geolocation", "/gt1l/geolocation", &classes).unwrap();
        assert_eq!(fill("/{beam}/heights", &found), "/gt1l/heights");
        assert!(bind("/{beam}/geolocation", "/orbit/geolocation", &classes).is_none());
        assert!(bind("/{beam}/**", "/gt1l", &classes).is_some());
        assert!(bind("/**/ancillary", "/a/b/ancillary", &classes).is_some());
    }
}
