//! Patterns of the product table: `*` and `?` in names, `{class}` and `**` in paths.

use std::collections::BTreeMap;

/// Whether `text` matches `pattern`, ignoring case: `*` is any text, `?` any one character.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().flat_map(char::to_lowercase).collect();
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let (mut p, mut t) = (0, 0);
    // Where to go on after the last `*` when the rest does not fit: it takes one character more.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
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
