//! Answers that are used again for some seconds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Values by key, with the time they were put in and what they weigh.
pub struct Remembered<T>(Mutex<Kept<T>>);

struct Kept<T> {
    by_key: HashMap<String, (Instant, T, usize)>,
    weight: usize,
}

/// Weight that is kept at most, in records of the catalogue: about a kibibyte each.
const MOST: usize = 16_384;

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Remembered(Mutex::new(Kept { by_key: HashMap::new(), weight: 0 }))
    }
}

impl<T: Clone> Remembered<T> {
    /// The value, if it is not older than `age`.
    pub fn get(&self, key: &str, age: Duration) -> Option<T> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.by_key.get(key).filter(|(at, ..)| at.elapsed() < age).map(|(_, v, _)| v.clone())
    }

    /// Keeps a value of so many records; those older than `age` go when there are too many.
    pub fn put(&self, key: String, value: T, records: usize, age: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = &mut *all;
        all.weight += records + 1;
        if let Some((.., old)) = all.by_key.insert(key, (Instant::now(), value, records + 1)) {
            all.weight -= old;
        }
        if all.weight > MOST {
            all.by_key.retain(|_, (at, ..)| at.elapsed() < age);
            all.weight = all.by_key.values().map(|(.., records)| records).sum();
        }
        if all.weight > MOST {
            all.by_key.clear();
            all.weight = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heavy_answers_are_given_up_before_they_are_too_many() {
        let age = Duration::from_secs(600);
        let known = Remembered::default();
        for i in 0..100 {
            known.put(format!("{i}"), i, 500, age);
            assert!(known.0.lock().unwrap().weight <= MOST);
        }
        assert!(known.get("99", age).is_some() && known.get("0", age).is_none());
        known.put("99".into(), 7, 0, age);
        assert_eq!(known.get("99", age), Some(7));
        assert_eq!(known.get("99", Duration::ZERO), None);
    }
}
