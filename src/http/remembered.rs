//! Answers that are used again for some seconds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Values by key, with the time they were put in.
pub struct Remembered<T>(Mutex<HashMap<String, (Instant, T)>>);

/// Answers that are kept at most.
const MANY: usize = 4096;

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Remembered(Mutex::default())
    }
}

impl<T: Clone> Remembered<T> {
    /// The value, if it is not older than `age`.
    pub fn get(&self, key: &str, age: Duration) -> Option<T> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(key).filter(|(at, _)| at.elapsed() < age).map(|(_, v)| v.clone())
    }

    /// Keeps a value; those older than `age` go when there are too many.
    pub fn put(&self, key: String, value: T, age: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MANY {
            all.retain(|_, (at, _)| at.elapsed() < age);
            if all.len() >= MANY {
                all.clear();
            }
        }
        all.insert(key, (Instant::now(), value));
    }
}
