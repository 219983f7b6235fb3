//! What `harmony-transform` does with its arguments: data to standard output, words to standard error.

#[cfg(feature = "service")]
pub mod catalog;
mod ffi;
mod lists;
mod report;
#[cfg(feature = "service")]
pub mod service;
mod threads;

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{CommandFactory, Parser};
use harmony_formats::Format;
use harmony_formats::registry::FORMATS;
use harmony_formats::write::{Encoding, WriteOptions};

use crate::exec::{self, Batch, Context, Outcome, Summary, Target};
use crate::request::cli::{self, Args, UsageError};
use crate::request::grammar;
use crate::store::{self, StoreOptions};

const USAGE: u8 = 2;
/// 128 + SIGINT, as shells report it.
const INTERRUPTED: u8 = 130;
/// Bytes that a process takes besides its blocks: code, PROJ with its database, buffers of threads, what the allocator
/// keeps.
const OWN_MEMORY: u64 = 32 << 20;

/// Runs the program and gives its exit status.
pub fn main() -> u8 {
    ffi::share_one_heap();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(e) => {
            let _ = e.print();
            return u8::try_from(e.exit_code()).unwrap_or(USAGE);
        }
    };
    match run(&args) {
        Ok(status) => status,
        Err(UsageError(text)) => {
            report::error(&text);
            USAGE
        }
    }
}

fn run(args: &Args) -> Result<u8, UsageError> {
    if let Some(shell) = args.completions {
        clap_complete::generate(shell, &mut Args::command(), "harmony-transform", &mut std::io::stdout());
        return Ok(0);
    }
    if args.list_operations {
        report::out(&lists::operations());
        return Ok(0);
    }
    if args.list_formats {
        report::out(&lists::formats());
        return Ok(0);
    }
    if args.print_config {
        report::out(&lists::config(args));
        return Ok(0);
    }
    if args.inputs.is_empty() {
        return Err(UsageError(
            "no input: name files, directories or addresses; --help shows examples".into(),
        ));
    }
    threads::spread();
    let mut request = cli::request(args)?;
    let format = output_format(args.format.as_deref().or(asked_format(args).as_deref()))?;
    let encoding = Encoding { compat: request.compat, ..args.encoding.encoding()? };
    let memory = grammar::parse_size(&args.memory).map_err(|e| UsageError(format!("--memory: {e}")))?;
    let inputs = store::expand_inputs(&args.inputs).map_err(|e| UsageError(e.to_string()))?;
    let jobs = args.jobs.max(1).min(inputs.len().max(1));
    let memory = (memory.saturating_sub(OWN_MEMORY) / jobs as u64).max(1 << 20);
    request.memory = Some(memory);
    let cancel = Arc::new(AtomicBool::new(false));
    let context = Context {
        request: Arc::new(request),
        parameters: cli::parameters(args),
        format,
        write: WriteOptions { memory, cancel: Some(cancel.clone()), encoding, ..WriteOptions::default() },
        store: StoreOptions::default(),
        now: report::now(),
        overwrite: args.overwrite,
        names: Arc::default(),
        claims: Arc::default(),
    };
    let target = if args.explain {
        Target::Folder(args.output.clone())
    } else {
        target(&args.output, inputs.len(), context.request.aggregate.is_some())?
    };
    let batch = Batch {
        inputs: &inputs,
        target,
        context: &context,
        jobs,
        fail_fast: args.fail_fast && !args.keep_going,
        show_progress: !args.quiet && inputs.len() > 1 && std::io::stderr().is_terminal(),
        cancel: &cancel,
    };
    if args.explain {
        return Ok(explain(args, &batch));
    }
    on_interrupt(&cancel);
    let summary = exec::run(&batch);
    report::summary(args, &summary);
    Ok(if cancel.load(Ordering::Relaxed) { INTERRUPTED } else { summary.exit_code() })
}

/// The first Ctrl-C lets granules in work clean up; a second one ends at once, as the system does it.
fn on_interrupt(cancel: &Arc<AtomicBool>) {
    let cancel = cancel.clone();
    let _ = ctrlc::set_handler(move || {
        if cancel.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
    });
}

fn output_format(format: Option<&str>) -> Result<&'static dyn Format, UsageError> {
    let text = format.unwrap_or("netcdf4");
    harmony_formats::registry::find_output(text).ok_or_else(|| {
        let names: Vec<&str> =
            FORMATS.iter().map(|f| f.card()).filter(|c| c.writes).map(|c| c.name).collect();
        UsageError(format!("--format: '{text}' can't be written; choose one of {}", names.join(", ")))
    })
}

/// The format that a Harmony URL asks for.
fn asked_format(args: &Args) -> Option<String> {
    crate::request::url::parse_request(args.request.as_deref()?).ok()?.format
}

/// A folder, or for a single input a file: what exists decides, then a trailing slash, then an extension.
fn target(output: &Path, inputs: usize, joined: bool) -> Result<Target, UsageError> {
    let folder = output.is_dir()
        || output.as_os_str().to_string_lossy().ends_with('/')
        || (output.extension().is_none() && !output.is_file());
    if !folder {
        if inputs > 1 && !joined {
            return Err(UsageError(format!(
                "--output: {} is a file, but there are {inputs} inputs; name a folder (end it with /)",
                output.display()
            )));
        }
        return Ok(Target::File(output.into()));
    }
    std::fs::create_dir_all(output).map_err(|e| {
        UsageError(format!("--output: can't make the folder {}: {e}; choose another", output.display()))
    })?;
    Ok(Target::Folder(output.into()))
}

fn explain(args: &Args, batch: &Batch) -> u8 {
    if batch.context.request.aggregate.is_some() {
        return match exec::explain_joined(batch) {
            Ok(explanation) if args.json => {
                report::json(&[explanation]);
                0
            }
            Ok(explanation) => {
                report::out(&explanation.to_text());
                0
            }
            Err(text) => {
                report::error(&text);
                1
            }
        };
    }
    let (inputs, context) = (batch.inputs, batch.context);
    let mut summary = Summary { outcomes: Vec::new() };
    let mut documents = Vec::new();
    for input in inputs {
        match exec::explain(input, context) {
            Ok(explanation) if args.json => documents.push(explanation),
            Ok(explanation) => report::out(&explanation.to_text()),
            Err(e) if e.is_no_data() => {
                report::error(&e.to_string());
                summary.outcomes.push((input.to_string(), Outcome::NoData { reason: e.to_string() }));
            }
            Err(e) => {
                report::error(&e.to_string());
                summary.outcomes.push((input.to_string(), Outcome::Failed { error: e.to_string() }));
            }
        }
    }
    if args.json {
        report::json(&documents);
    }
    if summary.failed() > 0 {
        1
    } else if summary.outcomes.len() == inputs.len() {
        3
    } else {
        0
    }
}
