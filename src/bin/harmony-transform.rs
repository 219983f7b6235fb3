//! `harmony-transform`: the batch command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(harmony::command::main())
}
