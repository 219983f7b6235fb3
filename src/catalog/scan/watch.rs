//! Folders that grow: new files are taken when they are complete.

use std::collections::HashMap;

use super::stamp::{self, Stamp};
use super::{Report, Scanner};
use crate::catalog::CatalogError;
use crate::catalog::sources::AllowList;
use crate::store::{Input, expand_inputs};

/// What was seen of folders so far.
pub struct Watch {
    /// What may be taken.
    allowed: AllowList,
    /// Stamps at the last look, and whether the file was taken or refused as it was then.
    seen: HashMap<Input, (Stamp, bool)>,
}

impl Watch {
    /// Nothing was seen yet.
    pub fn new(allowed: AllowList) -> Self {
        Watch { allowed, seen: HashMap::new() }
    }

    /// Looks once. A file is complete when neither its size nor its time has changed since the last look; one that
    /// can't be read is tried again only after it has changed.
    ///
    /// # Errors
    /// [`CatalogError`] when the catalogue itself fails. Folders that are empty or missing are no errors: they may
    /// fill later.
    pub async fn look(&mut self, scanner: &Scanner, args: &[String]) -> Result<Report, CatalogError> {
        let (mut ready, mut refused) = (Vec::new(), Vec::new());
        for input in args.iter().filter_map(|a| expand_inputs(std::slice::from_ref(a)).ok()).flatten() {
            let now = stamp::of(&input);
            match self.seen.get_mut(&input) {
                Some((before, done)) if *before == now => {
                    if !std::mem::replace(done, true) {
                        match self.allowed.check(&input.location()) {
                            Ok(()) => ready.push(input),
                            Err(why) => refused.push((input.to_string(), why)),
                        }
                    }
                }
                _ => drop(self.seen.insert(input, (now, false))),
            }
        }
        let mut report = if ready.is_empty() { Report::default() } else { scanner.add(ready, false).await? };
        report.failed.extend(refused);
        Ok(report)
    }
}
