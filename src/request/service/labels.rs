//! Labels of jobs.

use super::refusal::Refusal;

/// Characters that a label may have.
const LONGEST: usize = 255;
/// One on each line that is no comment.
const WORDS: &str = include_str!("forbidden_words.txt");

/// Labels trimmed and in lower case, in their order, each once. A single text is a list with commas.
///
/// # Errors
/// [`Refusal::Plain`] for one that is blank.
pub fn normalised(values: &[String]) -> Result<Vec<String>, Refusal> {
    let parts: Vec<&str> = match values {
        [one] => one.split(',').collect(),
        several => several.iter().map(String::as_str).collect(),
    };
    let mut out: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for part in parts {
        let label = part.trim().to_lowercase();
        if label.is_empty() {
            return Err(Refusal::Plain("Labels must contain at least one non-whitespace character".into()));
        }
        if seen.insert(label.clone()) {
            out.push(label);
        }
    }
    Ok(out)
}

/// Checks what normalised labels say. Words of abuse and those in `forbidden` may not be in a label, unless they, or the
/// label, are in `allowed`.
///
/// # Errors
/// [`Refusal::Invalid`] for one that is too long or not allowed.
pub fn check(labels: &[String], allowed: &[String], forbidden: &[String]) -> Result<(), Refusal> {
    for label in labels {
        if label.chars().count() > LONGEST {
            return Err(Refusal::invalid(format!("Labels may not exceed {LONGEST} characters in length.")));
        }
        let is_on = |list: &[String], text: &str| list.iter().any(|w| w.trim().to_lowercase() == text);
        let is_abuse = |text: &str| WORDS.lines().any(|word| word == text);
        let is_bad = |text: &str| (is_on(forbidden, text) || is_abuse(text)) && !is_on(allowed, text);
        let words = label.split(|c: char| !c.is_alphanumeric() && c != '_');
        // A list may also have several words in one entry, or one joined by underscores.
        let parts = label.split(|c: char| !c.is_alphanumeric());
        if !is_on(allowed, label) && (is_bad(label) || words.chain(parts).any(is_bad)) {
            let masked: String = label.chars().map(|c| if "aeiou".contains(c) { '*' } else { c }).collect();
            return Err(Refusal::invalid(format!("{masked} is not an allowed label")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|t| (*t).to_owned()).collect()
    }

    #[test]
    fn trimmed_lower_case_and_once() {
        assert_eq!(normalised(&texts(&["  Bar", "bUzz ", "bar"])).unwrap(), ["bar", "buzz"]);
        assert_eq!(normalised(&texts(&["b, C"])).unwrap(), ["b", "c"]);
        assert_eq!(normalised(&texts(&["a", "b, c"])).unwrap(), ["a", "b, c"]);
        assert!(matches!(normalised(&texts(&["a", " \t"])), Err(Refusal::Plain(_))));
    }

    #[test]
    fn length_and_words() {
        let forbidden = texts(&["this_is_a_forbidden_label"]);
        assert!(check(&texts(&["ü".repeat(255).as_str()]), &[], &forbidden).is_ok());
        assert!(check(&texts(&["x".repeat(256).as_str()]), &[], &forbidden).is_err());
        let e = check(&forbidden, &[], &forbidden).unwrap_err().to_string();
        assert_eq!(e, "th*s_*s_*_f*rb*dd*n_l*b*l is not an allowed label");
        assert!(check(&forbidden, &forbidden, &forbidden).is_ok());
        for bad in ["what shit", "merde", "so-ein-arschloch", "una_mierda"] {
            assert!(check(&texts(&[bad]), &[], &[]).is_err(), "{bad}");
        }
        assert!(check(&texts(&["scunthorpe", "#english", "merde"]), &texts(&["merde"]), &[]).is_ok());
    }
}
