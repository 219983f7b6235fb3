//! The engine of this process.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use harmony_formats::Format;
use harmony_formats::write::{Follow, WriteError, WriteOptions};

use super::{Engine, EngineError, Made, Output, Work, mapping};
use crate::catalog::Granule;
use crate::exec::{self, Batch, Context, GranuleError, Outcome, Target, Written};
use crate::jobs::job::Level;
use crate::jobs::{clock, extent, media};
use crate::store::{Input, StoreOptions};

/// Runs plans on threads of their own.
pub struct LocalEngine {
    /// Bytes of blocks in flight of one item.
    memory: u64,
    store: StoreOptions,
}

impl LocalEngine {
    /// `memory` bytes are shared by `workers` items.
    pub fn new(memory: u64, workers: usize, store: StoreOptions) -> Self {
        LocalEngine { memory: (memory / workers.max(1) as u64).max(1 << 20), store }
    }

    fn context(&self, work: &Work, input: &Input, cancel: Arc<AtomicBool>) -> Result<Context, EngineError> {
        let first = work.granules.first().ok_or_else(|| EngineError::failed("there are no granules"))?;
        let mut request = mapping::request(&work.operation, first)?;
        if !work.is_joined {
            request.aggregate = None;
        }
        request.memory = Some(self.memory);
        let named = work.granules.iter().filter_map(mapping::shown);
        let names = named.collect::<HashMap<String, String>>();
        Ok(Context {
            request: Arc::new(request),
            parameters: mapping::parameters(&work.operation),
            format: mapping::format(&work.operation, input, &self.store)?,
            write: WriteOptions {
                memory: self.memory,
                cancel: Some(cancel),
                follow: work.follow.clone().map(|follow| follow as Arc<dyn Follow>),
                ..WriteOptions::default()
            },
            store: self.store.clone(),
            now: clock::iso(clock::now_ms()),
            overwrite: true,
            names: Arc::new(names),
            claims: Arc::default(),
        })
    }
}

#[async_trait]
impl Engine for LocalEngine {
    async fn run(&self, work: Work, cancel: Arc<AtomicBool>) -> Result<Made, EngineError> {
        let engine = LocalEngine { memory: self.memory, store: self.store.clone() };
        let names = work.granules.first().map_or_else(String::new, |g| g.name.clone());
        let task = tokio::task::spawn_blocking(move || engine.make(&work, &cancel));
        task.await.unwrap_or_else(|_| {
            Err(EngineError::failed(format!("{names}: internal error; please report it with this granule")))
        })
    }
}

impl LocalEngine {
    fn make(&self, work: &Work, cancel: &Arc<AtomicBool>) -> Result<Made, EngineError> {
        let made = if work.is_joined { self.join(work, cancel) } else { self.single(work, cancel) };
        // A fault that was met because somebody asked to stop is none.
        if made.is_err() && cancel.load(Ordering::Relaxed) {
            return Err(EngineError::Cancelled);
        }
        clean(&work.folder);
        made
    }

    fn single(&self, work: &Work, cancel: &Arc<AtomicBool>) -> Result<Made, EngineError> {
        let granule = work.granules.first().ok_or_else(|| EngineError::failed("there are no granules"))?;
        let input = mapping::input(granule)?;
        let context = self.context(work, &input, cancel.clone())?;
        let written = exec::transform(&input, &Target::Folder(work.folder.clone()), &context)
            .map_err(|e| classify(&e, granule, &work.folder))?;
        let outputs = outputs(&written, work, context.format, (written.bbox, written.temporal.clone()));
        let bytes_in = granule.size_bytes.unwrap_or(written.bytes_read);
        let (bytes_out, bytes_read) = (written.bytes_written, written.bytes_read);
        Ok(Made { outputs, notes: Vec::new(), bytes_in, bytes_out, bytes_read })
    }

    fn join(&self, work: &Work, cancel: &Arc<AtomicBool>) -> Result<Made, EngineError> {
        let mut notes = Vec::new();
        let (mut inputs, mut indices) = (Vec::new(), Vec::new());
        for (i, granule) in work.granules.iter().enumerate() {
            match mapping::input(granule) {
                Ok(input) => {
                    inputs.push(input);
                    indices.push(i);
                }
                Err(e) if work.skip_failures => notes.push((i, Level::Error, e.to_string())),
                Err(e) => return Err(e),
            }
        }
        let Some(first) = inputs.first() else {
            let reason = notes.pop().map_or_else(|| "there are no granules".into(), |(_, _, text)| text);
            return Err(EngineError::failed(reason));
        };
        let context = self.context(work, first, cancel.clone())?;
        let summary = exec::run(&Batch {
            inputs: &inputs,
            target: Target::Folder(work.folder.clone()),
            context: &context,
            jobs: 1,
            fail_fast: !work.skip_failures,
            show_progress: false,
            cancel,
        });
        let outcomes = indices.into_iter().zip(summary.outcomes.into_iter().map(|(_, o)| o));
        gather(work, &context, outcomes.collect(), notes)
    }
}

/// The result of a join, and what became of each granule.
fn gather(
    work: &Work,
    context: &Context,
    outcomes: Vec<(usize, Outcome)>,
    mut notes: Vec<(usize, Level, String)>,
) -> Result<Made, EngineError> {
    let (mut written, mut used, mut reason) = (None, Vec::new(), None);
    for (i, outcome) in outcomes {
        let granule = &work.granules[i];
        match outcome {
            Outcome::Written(w) => {
                used.push(granule);
                written.get_or_insert(w);
            }
            Outcome::NoData { reason: text } => {
                reason = Some(hide(&text, granule, &work.folder));
                notes.push((i, Level::Warning, hide(&text, granule, &work.folder)));
            }
            Outcome::Failed { error } => notes.push((i, Level::Error, hide(&error, granule, &work.folder))),
            Outcome::Skipped => {}
        }
    }
    let failed = notes.iter().find(|(_, level, _)| *level == Level::Error);
    if let (Some((_, _, text)), false) = (failed, work.skip_failures && written.is_some()) {
        return Err(EngineError::failed(text.clone()));
    }
    let Some(written) = written else {
        return Err(EngineError::NoData(reason.unwrap_or_else(|| "none of the granules has data".into())));
    };
    let place = extent::of_granules(&used, &work.operation);
    Ok(Made {
        outputs: outputs(&written, work, context.format, place),
        notes,
        bytes_in: used.iter().filter_map(|g| g.size_bytes).sum(),
        bytes_out: written.bytes_written,
        bytes_read: written.bytes_read,
    })
}

type Place = (Option<[f64; 4]>, Option<[String; 2]>);

fn outputs(written: &Written, work: &Work, format: &dyn Format, (bbox, temporal): Place) -> Vec<Output> {
    let main = std::slice::from_ref(&written.output);
    let files = if written.files.is_empty() { main } else { &written.files };
    let card = format.card();
    let preferred = card.media_types.first().copied().unwrap_or("application/octet-stream");
    let media_type = mapping::asked(&work.operation).unwrap_or(preferred);
    let extension = written.output.extension();
    let mut all: Vec<Output> = Vec::with_capacity(files.len());
    for path in files {
        // Of a store, its folder is the result.
        let Some(name) = path.strip_prefix(&work.folder).ok().and_then(|p| p.iter().next()) else { continue };
        let name = name.to_string_lossy().into_owned();
        if all.iter().any(|o| o.name == name) {
            continue;
        }
        let is_main = Path::new(&name).extension() == extension;
        let media_type = if is_main { media_type } else { media::type_of(&name) };
        all.push(Output { media_type: media_type.into(), name, bbox, temporal: temporal.clone() });
    }
    all
}

/// A message without places of this server.
fn hide(message: &str, granule: &Granule, folder: &Path) -> String {
    mapping::hide(&message.replace(&format!("{}/", folder.display()), ""), granule)
}

fn classify(error: &GranuleError, granule: &Granule, folder: &Path) -> EngineError {
    let message = hide(&error.to_string(), granule, folder);
    if error.is_no_data() {
        return EngineError::NoData(message);
    }
    if error.is_cancelled() {
        return EngineError::Cancelled;
    }
    let is_transient = match error {
        GranuleError::Store(e) => e.is_transient(),
        GranuleError::Write(WriteError::Full { .. } | WriteError::Io { .. }) => true,
        _ => false,
    };
    EngineError::Failed { message, is_transient }
}

/// Removes what runs of the command line keep beside their results.
fn clean(folder: &Path) {
    for name in [".harmony-transform.sync", "failed.jsonl"] {
        // Mostly there is none.
        let _ = std::fs::remove_file(folder.join(name));
    }
}
