//! `harmony`: the service and its catalogue.

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(harmony::command::service::main())
}
