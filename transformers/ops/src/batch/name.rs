//! Pieces of a file name.

use std::collections::HashMap;

use serde::Deserialize;

/// One piece between underscores.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub form: String,
    pub name: Option<String>,
    #[serde(default)]
    pub optional: bool,
    pub take: Option<usize>,
}

/// The named pieces of the first place where `parts` stand one after the other; `.nc` must follow.
pub fn find<'a>(file: &'a str, parts: &'a [Part]) -> Option<HashMap<&'a str, String>> {
    let end = file.rfind(".nc")?;
    let pieces: Vec<&str> = file[..end].split('_').collect();
    (0..pieces.len()).find_map(|first| matched(&pieces[first..], parts))
}

fn matched<'a>(pieces: &[&str], parts: &'a [Part]) -> Option<HashMap<&'a str, String>> {
    let mut found = HashMap::new();
    let mut at = 0;
    for part in parts {
        match pieces.get(at).filter(|p| has_form(p, &part.form)) {
            Some(piece) => {
                if let Some(name) = &part.name {
                    let taken = piece.chars().take(part.take.unwrap_or(usize::MAX)).collect();
                    found.insert(name.as_str(), taken);
                }
                at += 1;
            }
            None if part.optional => {}
            None => return None,
        }
    }
    Some(found)
}

/// Whether `piece` is of `form`: 9 for a digit, X for letters, digits and hyphens, else the character itself.
fn has_form(piece: &str, form: &str) -> bool {
    if form == "X" {
        return !piece.is_empty() && piece.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    }
    piece.len() == form.len()
        && piece.chars().zip(form.chars()).all(|(c, f)| if f == '9' { c.is_ascii_digit() } else { c == f })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert!(has_form("20240731T235252Z", "99999999T999999Z"));
        assert!(!has_form("20240731X235252Z", "99999999T999999Z"));
        assert!(has_form("O3PROF-PROXY", "X") && !has_form("", "X") && !has_form("a.b", "X"));
    }
}
