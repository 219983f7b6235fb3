//! From files and addresses to collections, variables and granules.

mod describe;
mod footprint;
mod stamp;
mod swath;
mod watch;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use rayon::prelude::*;

pub use describe::{Description, describe};
use stamp::Stamp;
pub use watch::Watch;

use super::embedded::Embedded;
use super::embedded::records::{CollectionRecord, GranuleRecord, VariableRecord};
use super::naming::Naming;
use super::{CatalogError, Collection};
use crate::store::{Input, StoreOptions};

/// Takes files into a catalogue.
#[derive(Clone)]
pub struct Scanner {
    pub catalog: Arc<Embedded>,
    pub naming: Arc<Naming>,
    pub store: StoreOptions,
}

/// What became of the inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub added: u64,
    /// Changed since, and read again.
    pub updated: u64,
    pub unchanged: u64,
    /// No longer there.
    pub removed: u64,
    /// Input and reason with the remedy.
    pub failed: Vec<(String, String)>,
    /// What is not known of granules that were taken.
    pub notices: Vec<String>,
    /// Concept ids of the collections of those that were added or updated.
    pub collections: BTreeSet<String>,
}

/// Files opened in one go, then stored in one transaction.
const BATCH: usize = 256;

/// An input to read, and what the catalogue has of it.
struct Task {
    input: Input,
    stamp: Stamp,
    /// Key and collection of the granule it is already.
    known: Option<(i64, String)>,
}

impl Scanner {
    /// Takes inputs into the catalogue; one that is there and has not changed is not opened. A broken one is reported
    /// and does not stop the others. `again`: reads those that have not changed too.
    ///
    /// # Errors
    /// [`CatalogError`] when the catalogue itself fails.
    pub async fn add(&self, inputs: Vec<Input>, again: bool) -> Result<Report, CatalogError> {
        let known: HashMap<String, (i64, String, Stamp)> = self
            .catalog
            .files(None)
            .await?
            .into_iter()
            .map(|f| {
                let stamp = Stamp { modified_ms: f.modified_ms, size_bytes: f.size_bytes };
                (f.location, (f.key, f.collection, stamp))
            })
            .collect();
        let mut report = Report::default();
        let mut tasks = Vec::new();
        for input in inputs {
            let input = absolute(input);
            let stamp = stamp::of(&input);
            let known = known.get(&input.location());
            // The server of an address is asked only when that is wanted.
            let same = known.is_some_and(|k| k.2 == stamp || matches!(input, Input::Url(_)));
            if same && !again {
                report.unchanged += 1;
            } else {
                tasks.push(Task { input, stamp, known: known.map(|k| (k.0, k.1.clone())) });
            }
        }
        self.run(tasks, &mut report).await?;
        Ok(report)
    }

    /// Reads files again that have changed, and drops those that are gone; of one collection or of all.
    ///
    /// # Errors
    /// [`CatalogError`] when the catalogue itself fails.
    pub async fn refresh(&self, collection: Option<&str>) -> Result<Report, CatalogError> {
        let mut report = Report::default();
        let (mut tasks, mut gone) = (Vec::new(), Vec::new());
        for file in self.catalog.files(collection).await?.into_iter().filter(|f| !f.location.is_empty()) {
            let Some(input) = stamp::input_of(&file.location) else { continue };
            let stamp = stamp::of(&input);
            if !matches!(input, Input::Url(_)) && !std::path::Path::new(&file.location).exists() {
                gone.push(file.key);
            } else if stamp == (Stamp { modified_ms: file.modified_ms, size_bytes: file.size_bytes }) {
                report.unchanged += 1;
            } else {
                tasks.push(Task { input, stamp, known: Some((file.key, file.collection)) });
            }
        }
        report.removed = gone.len() as u64;
        if !gone.is_empty() {
            self.catalog.remove_granules(&gone).await?;
        }
        self.run(tasks, &mut report).await?;
        Ok(report)
    }

    async fn run(&self, mut tasks: Vec<Task>, report: &mut Report) -> Result<(), CatalogError> {
        while !tasks.is_empty() {
            let batch: Vec<Task> = tasks.drain(..BATCH.min(tasks.len())).collect();
            let (store, naming) = (self.store.clone(), self.naming.clone());
            let described = tokio::task::spawn_blocking(move || {
                let one = |task: Task| {
                    let described = describe_safely(&task.input, &store, &naming);
                    (task, described)
                };
                batch.into_par_iter().map(one).collect::<Vec<_>>()
            })
            .await
            .map_err(|e| CatalogError::Failed { detail: format!("reading the inputs ended early: {e}") })?;
            self.store(described, report).await?;
        }
        Ok(())
    }

    async fn store(
        &self,
        described: Vec<(Task, Result<Description, String>)>,
        report: &mut Report,
    ) -> Result<(), CatalogError> {
        let mut shelf = Shelf::new(self).await?;
        let (mut granules, mut moved) = (Vec::new(), Vec::new());
        for (task, described) in described {
            let described = match described {
                Ok(described) => described,
                Err(reason) => {
                    report.failed.push((task.input.to_string(), reason));
                    continue;
                }
            };
            let collection = shelf.collection(&described).await?;
            match task.known {
                None => report.added += 1,
                Some((key, old)) => {
                    report.updated += 1;
                    moved.extend((old != collection).then_some(key));
                }
            }
            report.notices.extend(described.notices);
            let mut granule = described.granule;
            report.collections.insert(collection.clone());
            granule.collection = collection;
            granule.size_bytes = task.stamp.size_bytes.or(granule.size_bytes);
            let modified_ms = task.stamp.modified_ms;
            granules.push(GranuleRecord { granule, format: described.format, modified_ms, umm: None });
        }
        if !moved.is_empty() {
            self.catalog.remove_granules(&moved).await?;
        }
        self.catalog.insert_variables(shelf.variables).await?;
        self.catalog.insert_granules(granules).await.map(drop)
    }
}

/// Collections and variables while a batch is stored.
struct Shelf<'a> {
    scanner: &'a Scanner,
    /// Concept id by short name and version.
    collections: HashMap<(String, String), String>,
    /// Collection and name of variables that are there.
    known: HashSet<(String, String)>,
    /// New ones.
    variables: Vec<VariableRecord>,
}

impl<'a> Shelf<'a> {
    async fn new(scanner: &'a Scanner) -> Result<Self, CatalogError> {
        let snapshot = scanner.catalog.snapshot().await?;
        let named = |r: &Arc<CollectionRecord>| {
            let c = &r.collection;
            ((c.short_name.clone(), c.version.clone()), c.id.clone())
        };
        let names = snapshot.variables().flat_map(|v| {
            v.collections.iter().map(|c| (c.clone(), v.variable.name.clone())).collect::<Vec<_>>()
        });
        Ok(Shelf {
            scanner,
            collections: snapshot.collections().map(named).collect(),
            known: names.collect(),
            variables: Vec::new(),
        })
    }

    /// Concept id of the collection that a description belongs to, with its variables noted.
    async fn collection(&mut self, described: &Description) -> Result<String, CatalogError> {
        let naming = &self.scanner.naming;
        let named = naming.find(&described.granule.location, &described.short_name);
        let record = match named {
            Some(named) => named.record(),
            None => record_of(described),
        };
        let key = (record.collection.short_name.clone(), record.collection.version.clone());
        let id = match self.collections.get(&key) {
            Some(id) => id.clone(),
            None => {
                let stored = self.scanner.catalog.insert_collection(record).await?;
                self.collections.insert(key, stored.collection.id.clone());
                stored.collection.id
            }
        };
        for variable in &described.variables {
            if self.known.insert((id.clone(), variable.name.clone())) {
                let mut variable = variable.clone();
                if let Some(named) = named {
                    named.name_variable(&mut variable);
                }
                self.variables.push(VariableRecord { variable, collections: vec![id.clone()], umm: None });
            }
        }
        Ok(id)
    }
}

fn record_of(described: &Description) -> CollectionRecord {
    let title = described.title.clone().unwrap_or_else(|| described.short_name.clone());
    let collection = Collection {
        short_name: described.short_name.clone(),
        version: described.version.clone(),
        title,
        summary: described.summary.clone().unwrap_or_default(),
        native_format: described.format.clone(),
        ..Collection::default()
    };
    CollectionRecord { collection, derived: true, ..CollectionRecord::default() }
}

/// One file must not end the work on all, whatever is wrong with it.
fn describe_safely(input: &Input, store: &StoreOptions, naming: &Naming) -> Result<Description, String> {
    let hint = naming.find(&input.location(), "").map(|c| c.short_name.clone());
    let run = AssertUnwindSafe(|| describe(input, store, hint.as_deref()));
    std::panic::catch_unwind(run).unwrap_or_else(|_| {
        Err(format!("{input}: reading it failed inside the program; report the file, and leave it out"))
    })
}

/// The same input by its full path.
fn absolute(input: Input) -> Input {
    let full = |path: &std::path::Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    match input {
        Input::File(path) => Input::File(full(&path)),
        Input::Zarr(path) => Input::Zarr(full(&path)),
        url => url,
    }
}
