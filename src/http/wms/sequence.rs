//! Numbers of capabilities documents: a client that knows one need not load the same document again
//! (OGC 06-042 §7.2.3.5).

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::Exception;

/// When each document was seen to change, in milliseconds since 1970: a number that grows, also from one run of the
/// server to the next.
#[derive(Default)]
pub struct Sequences(Mutex<HashMap<String, (u64, u64)>>);

/// Documents that are remembered; a document that is forgotten has changed when it is seen again.
const MANY: usize = 4096;

impl Sequences {
    /// The number of the document `key` with this text.
    pub fn of(&self, key: &str, text: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = match all.get(key) {
            Some((known, number)) if *known == hash => return *number,
            Some((_, number)) => *number,
            None => 0,
        };
        if all.len() >= MANY {
            all.clear();
        }
        let number = now_ms().max(last + 1);
        all.insert(key.to_owned(), (hash, number));
        number
    }

    /// The number of the document `key` as it was last made.
    pub fn last(&self, key: &str) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).map(|(_, number)| *number)
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What a client that knows the document with the number `known` is told instead of the one with `current`.
///
/// # Errors
/// `CurrentUpdateSequence` when it is the same, `InvalidUpdateSequence` when it can't be or is no number.
pub fn check(known: Option<&str>, current: u64) -> Result<(), Exception> {
    let Some(text) = known else { return Ok(()) };
    match text.parse::<u64>() {
        Ok(number) if number < current => Ok(()),
        Ok(number) if number == current => {
            let message = format!("The capabilities are still those of UPDATESEQUENCE {current}");
            Err(Exception::coded("CurrentUpdateSequence", message))
        }
        _ => {
            let text: String = text.chars().take(40).collect();
            let message = format!("UPDATESEQUENCE '{text}' is not a number up to the current one, {current}");
            Err(Exception::coded("InvalidUpdateSequence", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_with_changes_only() {
        let all = Sequences::default();
        let first = all.of("a", "one");
        assert_eq!((all.of("a", "one"), all.last("a"), all.last("b")), (first, Some(first), None));
        assert!(all.of("a", "two") > first);
    }

    #[test]
    fn clients_are_told_what_they_know_already() {
        let code = |known: &str| format!("{:?}", check(Some(known), 5));
        assert!(check(None, 5).is_ok() && check(Some("4"), 5).is_ok());
        assert!(code("5").contains("CurrentUpdateSequence"));
        for wrong in ["6", "x", "", "-1"] {
            assert!(code(wrong).contains("InvalidUpdateSequence"), "{wrong}");
        }
    }
}
