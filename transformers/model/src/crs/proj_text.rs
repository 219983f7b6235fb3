//! PROJ strings as lists of parameters.

/// The parameters of a PROJ string in order; flags have an empty value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ProjText(Vec<(String, String)>);

impl ProjText {
    /// Splits `+proj=merc +lat_ts=20 +no_defs`; the `+` may be missing.
    pub fn parse(text: &str) -> Self {
        let words = text.split_whitespace().map(|w| w.trim_start_matches('+')).filter(|w| !w.is_empty());
        let pair = |w: &str| match w.split_once('=') {
            Some((key, value)) => (key.to_owned(), value.to_owned()),
            None => (w.to_owned(), String::new()),
        };
        ProjText(words.map(pair).collect())
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    pub fn number(&self, key: &str) -> Option<f64> {
        self.get(key)?.parse().ok()
    }

    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub fn push(&mut self, key: &str, value: impl ToString) {
        self.0.push((key.into(), value.to_string()));
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(k, _)| k.as_str())
    }
}

impl std::fmt::Display for ProjText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, (key, value)) in self.0.iter().enumerate() {
            let blank = if i == 0 { "" } else { " " };
            let equals = if value.is_empty() { "" } else { "=" };
            write!(f, "{blank}+{key}{equals}{value}")?;
        }
        Ok(())
    }
}
