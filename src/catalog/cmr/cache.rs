//! Answers that are used again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Answers by question, each for a while.
pub struct Cache {
    life: Duration,
    answers: Mutex<HashMap<String, (Instant, Arc<Value>)>>,
}

/// Most answers that are kept.
const MOST: usize = 1000;

impl Cache {
    pub fn new(life: Duration) -> Self {
        Cache { life, answers: Mutex::default() }
    }

    pub fn get(&self, question: &str) -> Option<Arc<Value>> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(question).filter(|(since, _)| since.elapsed() < self.life).map(|(_, a)| a.clone())
    }

    pub fn put(&self, question: String, answer: Value) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST {
            answers.retain(|_, (since, _)| since.elapsed() < self.life);
        }
        // All are fresh: begin anew rather than grow.
        if answers.len() >= MOST {
            answers.clear();
        }
        answers.insert(question, (Instant::now(), Arc::new(answer)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_grow_old_and_are_not_too_many() {
        let cache = Cache::new(Duration::from_secs(60));
        for i in 0..=MOST {
            cache.put(i.to_string(), Value::Null);
        }
        assert!(cache.get(&MOST.to_string()).is_some() && cache.get("0").is_none());
        let short = Cache::new(Duration::ZERO);
        short.put("a".into(), Value::Null);
        assert!(short.get("a").is_none());
    }
}
