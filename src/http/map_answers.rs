//! Finished maps and tiles that are used again for some seconds, and those in work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use super::map_service::Answer;

/// Answers of the last seconds by request, and those in work.
pub struct Answers {
    slots: Mutex<Slots>,
    /// Bytes that are kept.
    limit: usize,
    age: Duration,
}

#[derive(Default)]
struct Slots {
    by_key: HashMap<String, Slot>,
    /// Of all that are finished.
    bytes: usize,
}

struct Slot {
    made: Instant,
    answer: Arc<OnceCell<Answer>>,
    /// What it counts for, when it is finished.
    bytes: usize,
}

/// Bytes that an answer takes besides its body and its key, more or less.
const BESIDES: usize = 512;

/// Larger answers are shared by those who wait for them and not kept.
const LARGE: usize = 1 << 20;

impl Answers {
    /// `limit`: bytes that are kept; `age`: for how long answers are used again.
    pub fn new(limit: usize, age: Duration) -> Self {
        Answers { slots: Mutex::default(), limit, age }
    }

    /// The answer to `key`, made once however many ask for it at the same time.
    ///
    /// # Errors
    /// What `make` says; errors are not kept.
    pub async fn get<E>(
        &self,
        key: String,
        make: impl Future<Output = Result<Answer, E>>,
    ) -> Result<Answer, E> {
        let cell = self.slot(&key);
        if let Some(answer) = cell.get() {
            return Ok(answer.clone());
        }
        let asked = Asked { answers: self, key: &key, cell };
        let answer = asked.cell.get_or_try_init(|| make).await?.clone();
        self.count(&key, &asked.cell);
        Ok(answer)
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, key: &str) -> Arc<OnceCell<Answer>> {
        let mut slots = self.lock();
        if let Some(slot) = slots.by_key.get(key).filter(|s| s.made.elapsed() < self.age) {
            return slot.answer.clone();
        }
        let answer = Arc::new(OnceCell::new());
        let slot = Slot { made: Instant::now(), answer: answer.clone(), bytes: 0 };
        slots.insert(key.to_owned(), slot);
        answer
    }

    /// Counts a finished answer; when there are too many bytes, old ones go, else all that are finished.
    fn count(&self, key: &str, cell: &Arc<OnceCell<Answer>>) {
        let Some(answer) = cell.get() else { return };
        let mut slots = self.lock();
        let weight = answer.body.len() + key.len() + BESIDES;
        let Some(slot) = slots.by_key.get_mut(key).filter(|s| s.bytes == 0 && Arc::ptr_eq(&s.answer, cell))
        else {
            return;
        };
        if answer.body.len() > LARGE.min(self.limit / 4) {
            slots.by_key.remove(key);
            return;
        }
        slot.bytes = weight;
        slots.bytes += weight;
        if slots.bytes > self.limit {
            slots.retain(|s| s.made.elapsed() < self.age);
        }
        if slots.bytes > self.limit {
            slots.retain(|s| s.bytes == 0);
        }
    }
}

/// Somebody who waits for an answer. When there is none in the end, because making it failed or the client went away, the
/// last one takes its place away.
struct Asked<'a> {
    answers: &'a Answers,
    key: &'a str,
    cell: Arc<OnceCell<Answer>>,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if self.cell.get().is_some() {
            return;
        }
        let mut slots = self.answers.lock();
        let is_own = |s: &Slot| Arc::ptr_eq(&s.answer, &self.cell);
        // This one and that of the slot.
        if Arc::strong_count(&self.cell) <= 2 && slots.by_key.get(self.key).is_some_and(is_own) {
            slots.by_key.remove(self.key);
        }
    }
}

impl Slots {
    fn insert(&mut self, key: String, slot: Slot) {
        if let Some(old) = self.by_key.insert(key, slot) {
            self.bytes -= old.bytes;
        }
    }

    fn retain(&mut self, stays: impl Fn(&Slot) -> bool) {
        self.by_key.retain(|_, slot| stays(slot));
        self.bytes = self.by_key.values().map(|s| s.bytes).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bytes: usize) -> Answer {
        Answer::new(vec![7; bytes], "image/png")
    }

    fn kept(answers: &Answers) -> (usize, usize) {
        let slots = answers.lock();
        (slots.by_key.len(), slots.bytes)
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded_and_large_answers_are_not_kept() {
        let answers = Answers::new(100_000, Duration::from_secs(600));
        for i in 0..500 {
            let made = async { Ok::<_, ()>(answer(1000 + i)) };
            answers.get(format!("{}", i % 300), made).await.unwrap();
            let (count, bytes) = kept(&answers);
            assert!(bytes <= 100_000 && count <= 70, "{count} {bytes}");
        }
        let again = answers.get("199".into(), async { Err("not asked") }).await.unwrap();
        assert_eq!(again.body.len(), 1499);
        let before = kept(&answers);
        answers.get("large".into(), async { Ok::<_, ()>(answer(30_000)) }).await.unwrap();
        assert_eq!(kept(&answers), before);
    }

    #[tokio::test]
    async fn failed_and_abandoned_answers_leave_nothing() {
        let answers = Answers::new(100_000, Duration::from_secs(600));
        assert!(answers.get("a".into(), async { Err("no") }).await.is_err());
        let never = answers.get("b".into(), std::future::pending::<Result<Answer, ()>>());
        assert!(tokio::time::timeout(Duration::from_millis(5), never).await.is_err());
        assert_eq!(kept(&answers), (0, 0));
    }

    #[tokio::test]
    async fn old_answers_are_made_again() {
        let answers = Answers::new(100_000, Duration::ZERO);
        for n in [1000, 2000] {
            let got = answers.get("a".into(), async { Ok::<_, ()>(answer(n)) }).await.unwrap();
            assert_eq!(got.body.len(), n);
            assert_eq!(kept(&answers).0, 1);
        }
    }
}
