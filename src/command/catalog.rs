//! `harmony catalog`: what is in the catalogue of this machine.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::report::{error, out};
use crate::catalog::CatalogError;
use crate::catalog::embedded::Embedded;
use crate::catalog::naming::Naming;
use crate::catalog::scan::{Report, Scanner, Watch};
use crate::catalog::sources::AllowList;
use crate::config::Config;
use crate::http::map_prepare;
use crate::http::map_service::renderer;
use crate::store::{self, Input};

/// Adds, shows and removes granules of the catalogue.
#[derive(Debug, Args)]
pub struct CatalogArgs {
    #[command(subcommand)]
    pub action: Action,
}

#[derive(Debug, Subcommand)]
pub enum Action {
    /// Take files, folders, Zarr stores and addresses into the catalogue
    Add {
        /// Files, folders, patterns, http(s):// and s3:// addresses
        #[arg(required = true)]
        inputs: Vec<String>,
        /// Read those again that have not changed
        #[arg(long)]
        again: bool,
        #[command(flatten)]
        maps: MapArgs,
    },
    /// Show collections, or the granules of one
    List {
        /// Short name or concept id of a collection
        collection: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove collections or granules; the files stay
    Remove {
        /// Short names and concept ids of collections, concept ids of granules, files
        #[arg(required = true)]
        what: Vec<String>,
    },
    /// Read changed files again and drop those that are gone
    Refresh {
        /// Short name or concept id of a collection; all without
        collection: Option<String>,
        #[command(flatten)]
        maps: MapArgs,
    },
    /// Take new files of growing folders, when they are complete, until interrupted
    Watch {
        #[arg(required = true)]
        folders: Vec<String>,
        /// Seconds between looks
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
        interval: u64,
        #[command(flatten)]
        maps: MapArgs,
    },
}

/// What is done for maps of new granules.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct MapArgs {
    /// Leave the thinned values of large granules, from which their first maps are drawn, to the server
    #[arg(long)]
    no_prepare: bool,
}

/// How long maps of new granules may be prepared, at most.
const PREPARING: Duration = Duration::from_secs(30);
/// Memory for values while maps are prepared, bytes.
const PREPARING_MEMORY: u64 = 32 << 20;

/// Runs the command and gives the exit status: 0, 1 when an input failed, 2 when the command is wrong.
pub async fn run(args: &CatalogArgs, config: &Config) -> u8 {
    match act(&args.action, config).await {
        Ok(status) => status,
        Err(text) => {
            error(&text);
            2
        }
    }
}

/// Takes inputs into the catalogue, as `harmony catalog add` does.
pub async fn add(inputs: &[String], config: &Config) -> u8 {
    let action = Action::Add { inputs: inputs.to_vec(), again: false, maps: MapArgs::default() };
    run(&CatalogArgs { action }, config).await
}

async fn act(action: &Action, config: &Config) -> Result<u8, String> {
    let scanner = scanner(config).await?;
    match action {
        Action::Add { inputs, again, maps } => {
            let found = expand(inputs, config)?;
            let report = scanner.add(found, *again).await.map_err(CatalogError::into_detail)?;
            prepare(&scanner, &report, *maps, config).await?;
            Ok(tell(&report))
        }
        Action::List { collection, json } => list(&scanner.catalog, collection.as_deref(), *json).await,
        Action::Remove { what } => remove(&scanner.catalog, what).await,
        Action::Refresh { collection, maps } => {
            let id = match collection {
                Some(name) => Some(collection_id(&scanner.catalog, name).await?),
                None => None,
            };
            let report = scanner.refresh(id.as_deref()).await.map_err(CatalogError::into_detail)?;
            prepare(&scanner, &report, *maps, config).await?;
            Ok(tell(&report))
        }
        Action::Watch { folders, interval, maps } => {
            // Files come later, and not from the operator: links must not lead out of what was named.
            let named: Vec<String> = folders.iter().chain(&config.allowed_sources).cloned().collect();
            let watch = Watch::new(AllowList::new(&named));
            let interval = Duration::from_secs(*interval);
            look_again(watch, &scanner, folders, interval, async |report: &Report| {
                prepare(&scanner, report, *maps, config).await
            })
            .await
        }
    }
}

/// Prepares maps of collections with new granules ([`map_prepare`]).
async fn prepare(scanner: &Scanner, report: &Report, args: MapArgs, config: &Config) -> Result<(), String> {
    if args.no_prepare || config.map_store == 0 || report.collections.is_empty() {
        return Ok(());
    }
    let maps = Arc::new(renderer(config, PREPARING_MEMORY)?);
    let collections = report.collections.iter().cloned().collect();
    let done = map_prepare::prepare(&scanner.catalog, &maps, Some(collections), PREPARING, || true).await;
    done.map_err(CatalogError::into_detail)
}

/// A scanner on the catalogue in a data folder, with what `collections.toml` names in it.
///
/// # Errors
/// In words.
pub async fn scanner(config: &Config) -> Result<Scanner, String> {
    let naming = match config.collections_file.as_deref().filter(|p| !p.as_os_str().is_empty()) {
        Some(path) => Naming::read(path)?,
        None => Naming::default(),
    };
    let catalog = Embedded::open(&config.data).await.map_err(CatalogError::into_detail)?;
    naming.apply(&catalog).await.map_err(CatalogError::into_detail)?;
    let store = crate::catalog::sources::store_options(config);
    Ok(Scanner { catalog: Arc::new(catalog), naming: Arc::new(naming), store })
}

/// Inputs of a command line. What the operator names is allowed by being named; addresses into this network are not,
/// unless `allowed_sources` lists them.
fn expand(inputs: &[String], config: &Config) -> Result<Vec<Input>, String> {
    let mut allowed = AllowList::new(&config.allowed_sources);
    for input in inputs.iter().filter(|i| store::Location::is_url(i)) {
        let host = url::Url::parse(input).ok();
        // The kind of address, not the address: an inner host stays refused.
        allowed.add(&host.map_or_else(|| input.clone(), |u| format!("{}://", u.scheme())));
    }
    let found = store::expand_inputs(inputs).map_err(|e| e.to_string())?;
    for input in &found {
        if let Input::Url(url) = input {
            allowed.check(url)?;
        }
    }
    Ok(found)
}

fn tell(report: &Report) -> u8 {
    for notice in &report.notices {
        out(&format!("note: {notice}\n"));
    }
    for (input, reason) in &report.failed {
        let named =
            if reason.contains(input.as_str()) { reason.clone() } else { format!("{input}: {reason}") };
        error(&named);
    }
    out(&format!(
        "{} added, {} updated, {} unchanged, {} removed, {} failed\n",
        report.added,
        report.updated,
        report.unchanged,
        report.removed,
        report.failed.len()
    ));
    u8::from(!report.failed.is_empty())
}

async fn list(catalog: &Embedded, wanted: Option<&str>, json: bool) -> Result<u8, String> {
    let snapshot = catalog.snapshot().await.map_err(CatalogError::into_detail)?;
    if let Some(name) = wanted {
        let id = collection_id(catalog, name).await?;
        let files = catalog.files(Some(&id)).await.map_err(CatalogError::into_detail)?;
        for file in files {
            match json {
                true => {
                    out(&format!("{}\n", serde_json::json!({ "id": file.id, "location": file.location })))
                }
                false => out(&format!("{}  {}\n", file.id, file.location)),
            }
        }
        return Ok(0);
    }
    for record in snapshot.collections() {
        let c = &record.collection;
        let granules = snapshot.index(&c.id).map_or(0, |i| i.entries().len());
        let line = match json {
            true => serde_json::json!({ "id": c.id, "short_name": c.short_name, "version": c.version,
                "title": c.title, "granules": granules, "variables": c.variables.len(), "boxes": c.boxes,
                "time_start": c.time_start, "time_end": c.time_end })
            .to_string(),
            false => format!(
                "{}  {} v{}  {granules} granules, {} variables  {} … {}",
                c.id,
                c.short_name,
                c.version,
                c.variables.len(),
                c.time_start.as_deref().unwrap_or("-"),
                c.time_end.as_deref().unwrap_or("-")
            ),
        };
        out(&format!("{line}\n"));
    }
    Ok(0)
}

/// The concept id of a collection by id or short name; the only one of that name.
async fn collection_id(catalog: &Embedded, name: &str) -> Result<String, String> {
    let snapshot = catalog.snapshot().await.map_err(CatalogError::into_detail)?;
    let all: Vec<String> = snapshot
        .collections()
        .map(|r| &r.collection)
        .filter(|c| c.id == name || c.short_name == name)
        .map(|c| c.id.clone())
        .collect();
    match &all[..] {
        [one] => Ok(one.clone()),
        [] => Err(format!("'{name}' is no collection of the catalogue; 'harmony catalog list' shows them")),
        several => Err(format!(
            "'{name}' is the name of several collections: {}; give one of the ids",
            several.join(", ")
        )),
    }
}

async fn remove(catalog: &Embedded, what: &[String]) -> Result<u8, String> {
    let (mut granules, files) = (0u64, catalog.files(None).await.map_err(CatalogError::into_detail)?);
    for name in what {
        let path = PathBuf::from(name).canonicalize().map(|p| p.display().to_string()).unwrap_or_default();
        let is_it = |f: &crate::catalog::embedded::Stored| {
            f.id == *name
                || f.location == *name
                || (!path.is_empty() && (f.location == path || f.location.starts_with(&format!("{path}/"))))
        };
        let keys: Vec<i64> = files.iter().filter(|f| is_it(f)).map(|f| f.key).collect();
        if keys.is_empty() {
            let id = collection_id(catalog, name).await?;
            granules += catalog.remove_collection(&id).await.map_err(CatalogError::into_detail)?;
        } else {
            granules += keys.len() as u64;
            catalog.remove_granules(&keys).await.map_err(CatalogError::into_detail)?;
        }
    }
    out(&format!("{granules} granules removed; their files stay\n"));
    Ok(0)
}

async fn look_again(
    mut watch: Watch,
    scanner: &Scanner,
    folders: &[String],
    interval: Duration,
    after: impl AsyncFn(&Report) -> Result<(), String>,
) -> Result<u8, String> {
    loop {
        let report = watch.look(scanner, folders).await.map_err(CatalogError::into_detail)?;
        after(&report).await?;
        if report != Report::default() {
            tell(&report);
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            stopped = tokio::signal::ctrl_c() => {
                // Without a handler the program simply goes on until it is killed.
                if stopped.is_ok() {
                    return Ok(0);
                }
            }
        }
    }
}
