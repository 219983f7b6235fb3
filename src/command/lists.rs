//! `--list-operations`, `--list-formats`, `--print-config`: what the registries and settings hold.

use std::fmt::Write as _;

use clap::CommandFactory;
use clap::parser::ValueSource;

use crate::request::cli::Args;

/// One line for each operation, in the order of application.
pub fn operations() -> String {
    harmony_ops::registry::listing().iter().map(|(name, summary)| format!("{name:<18} {summary}\n")).collect()
}

/// One line for each format.
pub fn formats() -> String {
    let line = |f: &&dyn harmony_formats::Format| {
        let card = f.card();
        let verbs = match (card.reads, card.writes) {
            (true, true) => "read, write",
            (true, false) => "read",
            _ => "write",
        };
        format!("{:<10} {:<12} {}\n", card.name, verbs, card.summary)
    };
    harmony_formats::registry::FORMATS.iter().map(line).collect()
}

/// Each setting with its value and source.
pub fn config(args: &Args) -> String {
    let matches = Args::command().get_matches_from(std::env::args_os());
    let source = |id: &str| match matches.value_source(id) {
        Some(ValueSource::CommandLine) => "command line",
        Some(ValueSource::EnvVariable) => "environment",
        _ => "default",
    };
    let mut out = String::new();
    let mut line = |name: &str, value: &str, id: &str| {
        let _ = writeln!(out, "{name:<10} = {value:<12} # {}", source(id));
    };
    line("jobs", &args.jobs.to_string(), "jobs");
    line("memory", &args.memory, "memory");
    line("output", &args.output.display().to_string(), "output");
    line("overwrite", &args.overwrite.to_string(), "overwrite");
    out
}
