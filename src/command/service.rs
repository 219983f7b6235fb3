//! What `harmony` does with its arguments.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use tokio::net::TcpListener;
use toml::{Table, Value};

use super::catalog::CatalogArgs;
use super::report::{error, out};
use crate::config::Config;
use crate::jobs::JobError;
use crate::{http, logging, service};

const USAGE: u8 = 2;
/// How long a server may prepare maps in the background after its start.
const PREPARING: Duration = Duration::from_secs(600);

/// Earth-observation data on demand: subset, reproject, regrid, join and reformat, behind an HTTP API.
#[derive(Debug, Parser)]
#[command(name = "harmony", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the public API (OGC API Coverages and EDR, jobs, STAC).
    Serve(ServeArgs),
    /// Add, list, remove and refresh what is served.
    Catalog(CatalogCommand),
}

/// Settings that most people change; `--print-config` shows all of them.
#[derive(Args, Debug)]
struct Settings {
    /// Folder for the database, results and uploads
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Settings as TOML
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct CatalogCommand {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    catalog: CatalogArgs,
}

#[derive(Args, Debug)]
struct ServeArgs {
    #[command(flatten)]
    settings: Settings,
    /// Address to listen on
    #[arg(long)]
    host: Option<String>,
    /// Port to listen on; 0: any that is free
    #[arg(long)]
    port: Option<u16>,
    /// Memory of all computations together, for example 2GiB
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Work items at once; 0: as many as there are cores
    #[arg(long)]
    workers: Option<usize>,
    /// Log lines as text or json
    #[arg(long, value_name = "FORM")]
    log_format: Option<String>,
    /// Print the settings as this run has them, and end
    #[arg(long)]
    print_config: bool,
    /// Catalogue these files, folders or addresses before serving
    #[arg(long, value_name = "INPUT")]
    add: Vec<String>,
}

impl Settings {
    fn load(&self, mut flags: Table) -> Result<Config, String> {
        if let Some(data) = &self.data {
            flags.insert("data".into(), Value::String(data.display().to_string()));
        }
        Config::load(self.config.as_deref(), std::env::vars(), flags).map_err(|e| e.to_string())
    }
}

impl ServeArgs {
    fn flags(&self) -> Table {
        let mut flags = Table::new();
        let mut text = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                flags.insert(name.into(), Value::String(value.clone()));
            }
        };
        text("host", &self.host);
        text("memory", &self.memory);
        text("log_format", &self.log_format);
        let workers = self.workers.and_then(|n| i64::try_from(n).ok());
        flags.extend(workers.map(|n| ("workers".to_owned(), Value::Integer(n))));
        flags.extend(self.port.map(|n| ("port".to_owned(), Value::Integer(n.into()))));
        flags
    }
}

/// Runs the program and gives its exit status.
pub fn main() -> u8 {
    super::ffi::keep_heaps_small();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print();
            return u8::try_from(e.exit_code()).unwrap_or(USAGE);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            error(&format!("no threads can be started: {e}"));
            return 1;
        }
    };
    let done = runtime.block_on(async {
        match &cli.command {
            Command::Serve(args) => serve(args).await,
            Command::Catalog(command) => catalog(command).await,
        }
    });
    done.unwrap_or_else(|text| {
        error(&text);
        USAGE
    })
}

async fn catalog(command: &CatalogCommand) -> Result<u8, String> {
    let config = command.settings.load(Table::new())?;
    make_folder(&config)?;
    Ok(super::catalog::run(&command.catalog, &config).await)
}

async fn serve(args: &ServeArgs) -> Result<u8, String> {
    let config = args.settings.load(args.flags())?;
    if args.print_config {
        out(&config.to_toml());
        return Ok(0);
    }
    make_folder(&config)?;
    let log = logging::init(&config.log_format, &config.log).map_err(|e| e.to_string())?;
    let listener = TcpListener::bind((config.host.as_str(), config.port)).await.map_err(|e| {
        format!("{}:{} can't be listened on: {e}; choose another --port", config.host, config.port)
    })?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    if !args.add.is_empty() {
        let status = super::catalog::add(&args.add, &config).await;
        if status == USAGE {
            return Ok(status);
        }
    }
    let app = service::build(config, log).await?;
    let jobs = app.jobs.clone();
    jobs.start().await.map_err(JobError::into_detail)?;
    // While it serves; it ends with the process.
    tokio::spawn(prepare_maps(app.clone()));
    out(&format!("harmony serves at http://{address}\n"));
    http::listen::serve(listener, http::router(app), http::listen::Limits::default(), asked_to_end()).await;
    jobs.stop().await;
    Ok(0)
}

/// Maps of granules that came into the catalogue without being prepared, or whose prepared values are gone.
async fn prepare_maps(app: Arc<http::App>) {
    let Some(catalog) = app.catalog.embedded() else { return };
    let service = app.maps.clone();
    let is_idle = move || service.is_idle();
    let done = http::map_prepare::prepare(catalog, &app.maps.maps, None, PREPARING, is_idle).await;
    if let Err(why) = done {
        tracing::warn!(%why, "maps are not prepared");
    }
}

fn make_folder(config: &Config) -> Result<(), String> {
    std::fs::create_dir_all(&config.data)
        .map_err(|e| format!("--data: can't make the folder {}: {e}; choose another", config.data.display()))
}

/// Ends with Ctrl-C or when the system asks for it.
async fn asked_to_end() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}
