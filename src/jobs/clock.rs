//! Times as jobs keep them: milliseconds since 1970-01-01T00:00:00Z.

use std::time::{SystemTime, UNIX_EPOCH};

use harmony_model::time::DateTime;

/// Now, in milliseconds.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// ISO 8601 in UTC with three decimals, as all documents have it.
pub fn iso(ms: i64) -> String {
    // The model leaves decimals that are zero away.
    let whole = DateTime { micros: ms.div_euclid(1000).saturating_mul(1_000_000) }.to_string();
    format!("{}.{:03}Z", whole.trim_end_matches('Z'), ms.rem_euclid(1000))
}

/// An ISO 8601 text as milliseconds; `None` when it is none.
pub fn parse(text: &str) -> Option<i64> {
    DateTime::parse(text).ok().map(|t| t.micros.div_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_decimals_always() {
        assert_eq!(iso(1_767_225_600_000), "2026-01-01T00:00:00.000Z");
        assert_eq!(iso(1_767_225_600_007), "2026-01-01T00:00:00.007Z");
        assert_eq!(iso(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(parse("2026-01-01T00:00:00.007Z"), Some(1_767_225_600_007));
        assert_eq!(parse("yesterday"), None);
    }
}
