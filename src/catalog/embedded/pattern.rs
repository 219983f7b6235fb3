//! Names with wildcards.

/// Whether `text` is what `pattern` says: `*` stands for any characters, `?` for one. Linear in the product of the
/// lengths at worst.
pub fn matches(pattern: &str, text: &str, is_pattern: bool, match_case: bool) -> bool {
    let same = |a: char, b: char| a == b || (!match_case && a.to_lowercase().eq(b.to_lowercase()));
    if !is_pattern {
        let mut other = text.chars();
        return pattern.chars().all(|p| other.next().is_some_and(|t| same(p, t))) && other.next().is_none();
    }
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` is and how much it has taken.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || same(c, text[t]) => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, t) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_and_case() {
        assert!(matches("001_*", "001_08_oceania", true, false));
        assert!(!matches("001_*", "001_08_oceania", false, false));
        assert!(matches("*a?c*", "xxABCyy", true, false) && !matches("*a?c*", "xxABCyy", true, true));
        assert!(matches("Abc", "aBC", false, false) && !matches("abcd", "abc", false, false));
        assert!(matches("*", "", true, false) && !matches("?", "", true, false));
        assert!(!matches(&"*a".repeat(30), &"a".repeat(29), true, false));
    }
}
