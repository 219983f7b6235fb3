//! Settings of the service. Later sources win: defaults, `--config FILE` (TOML), environment, flags.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// All settings, with the names that the file uses. In the environment a name is written in capitals, as the
/// reference system does (`MAX_GRANULE_LIMIT`), or with `HARMONY_` before it, which wins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address to listen on.
    pub host: String,
    pub port: u16,
    /// Folder for the database, results and uploads.
    pub data: PathBuf,
    /// Scheme and host of links, for example `https://harmony.example.org`; empty: from each request's `Host`.
    pub public_root: String,
    /// Base address of a CMR instead of the embedded catalogue; empty: embedded.
    pub cmr_endpoint: String,
    /// Shown to catalogues and in messages.
    pub client_id: String,
    /// Memory of all computations together.
    pub memory: String,
    /// Work items at once; 0: as many as there are cores.
    pub workers: usize,
    /// Requests in work at once; more wait, then get 503.
    pub max_simultaneous_requests: usize,
    pub max_granule_limit: u64,
    pub max_synchronous_granules: u64,
    /// Granules of a request that is joined and asked for with `forceAsync=false`.
    pub max_synchronous_joined_granules: u64,
    pub cmr_max_page_size: u64,
    /// Jobs with at least so many granules stop after the first result.
    pub preview_threshold: u64,
    pub max_post_fields: usize,
    /// Bytes.
    pub max_post_file_size: u64,
    pub max_post_file_parts: usize,
    /// Degrees; half of it is what EDR puts around points and lines.
    pub wkt_precision: f64,
    pub allow_service_selection: bool,
    pub labels_allow_list: Vec<String>,
    pub labels_forbid_list: Vec<String>,
    pub work_item_retry_limit: u32,
    pub max_errors_for_job: u64,
    pub max_percent_errors_for_job: u64,
    pub min_done_items_for_fail_check: u64,
    pub data_expiration_days: u64,
    /// Name that stands for the results' folder in links; harmony-py keeps results apart only when it has `harmony`
    /// in it.
    pub staging_bucket: String,
    /// Folders below which `destinationUrl=file://…` may write.
    pub destinations: Vec<PathBuf>,
    /// Addresses (prefixes) and folders that granules may be read from besides the catalogue's own.
    pub allowed_sources: Vec<String>,
    /// File that names collections and variables.
    pub collections_file: Option<PathBuf>,
    /// File of service chains that replaces the built-in ones.
    pub chains_file: Option<PathBuf>,
    /// Order of `BBOX` with EPSG:4326 in WMS 1.3.0: `auto`, `standard` (S,W,N,E) or `wsen`.
    pub wms_epsg4326_order: String,
    /// Exceptions of WMS where a request does not say how: `auto` (checks of the reference in bare words, others as
    /// XML) or `xml` (all of them).
    pub wms_exceptions: String,
    /// Bytes that maps and tiles keep: three quarters for decoded values, the rest for positions and finished answers.
    /// A server that does nothing else takes so much and, on two cores, 160 MiB more at most: itself, open granules, and
    /// maps while they are drawn (two for each core, a large one in place of several). A stored chunk of more than a
    /// mebibyte adds its decoded size for each core.
    pub map_cache: u64,
    /// Bytes of thinned values of large granules that maps keep in the data folder; 0: none.
    pub map_store: u64,
    /// Granules that maps keep open.
    pub map_open_granules: u64,
    /// Pixels of a map along either side.
    pub map_max_side: u32,
    /// Granules of one layer of a map.
    pub map_max_granules: u64,
    pub map_max_layers: usize,
    /// Answers of the catalogue and finished maps are used again for so long.
    pub map_refresh_seconds: u64,
    /// Clients may keep maps and tiles for so long without asking.
    pub map_max_age_seconds: u64,
    /// Users that may see and change what is everybody's. Without login the user is `anonymous`.
    pub admins: Vec<String>,
    /// `text` or `json`.
    pub log_format: String,
    /// As in `RUST_LOG`, for example `info,harmony=debug`.
    pub log: String,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            host: "127.0.0.1".into(),
            port: 3000,
            data: "harmony-data".into(),
            public_root: String::new(),
            cmr_endpoint: String::new(),
            client_id: "harmony-local".into(),
            memory: "1GiB".into(),
            workers: 0,
            max_simultaneous_requests: 64,
            max_granule_limit: 10_000_000,
            max_synchronous_granules: 1,
            max_synchronous_joined_granules: 20,
            cmr_max_page_size: 2000,
            preview_threshold: 100,
            max_post_fields: 10_000,
            max_post_file_size: 2_000_000_000,
            max_post_file_parts: 10_000,
            wkt_precision: 0.0001,
            allow_service_selection: true,
            labels_allow_list: Vec::new(),
            labels_forbid_list: vec!["this_is_a_forbidden_label".into()],
            work_item_retry_limit: 5,
            max_errors_for_job: 2000,
            max_percent_errors_for_job: 75,
            min_done_items_for_fail_check: 10,
            data_expiration_days: 30,
            staging_bucket: "harmony-local-staging".into(),
            destinations: Vec::new(),
            allowed_sources: Vec::new(),
            collections_file: None,
            chains_file: None,
            wms_epsg4326_order: "auto".into(),
            wms_exceptions: "auto".into(),
            map_cache: 512 << 20,
            map_store: 1 << 30,
            map_open_granules: 64,
            map_max_side: 4096,
            map_max_granules: 500,
            map_max_layers: 32,
            map_refresh_seconds: 10,
            map_max_age_seconds: 60,
            admins: Vec::new(),
            log_format: "text".into(),
            log: "info,sqlx=warn".into(),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    #[error("{file}: can't be read ({detail}); check the path of --config")]
    Unreadable { file: String, detail: String },
    #[error("{source_name}: {detail}; --print-config shows all names with their values")]
    Invalid { source_name: String, detail: String },
}

impl Config {
    /// Reads the settings. `environment` are names and values, `flags` what the command line says, by setting.
    ///
    /// # Errors
    /// [`ConfigError`] naming the source and what is wrong in it.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: Table,
    ) -> Result<Self, ConfigError> {
        let mut table =
            Table::try_from(Config::default()).expect("the defaults are plain values that TOML has");
        // Settings that may be absent have no default value to take the type from.
        let known = |name: &str| {
            let absent = ["collections_file", "chains_file"].contains(&name);
            Config::default_value(name).or_else(|| absent.then(|| Value::String(String::new())))
        };
        if let Some(path) = file {
            let named = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|e| ConfigError::Unreadable { file: named.clone(), detail: e.to_string() })?;
            let own: Table = text.parse().map_err(|e: toml::de::Error| ConfigError::Invalid {
                source_name: named.clone(),
                detail: e.message().to_owned(),
            })?;
            table.extend(own);
            check(&table, &named)?;
        }
        let mut all: Vec<(String, String)> = environment.into_iter().collect();
        all.sort_by_key(|(name, _)| name.starts_with("HARMONY_"));
        for (variable, text) in all {
            let name = variable.strip_prefix("HARMONY_").unwrap_or(&variable).to_ascii_lowercase();
            // Too common a name to be meant for us.
            let ours = variable.starts_with("HARMONY_")
                || !["host", "log", "data", "memory"].contains(&name.as_str());
            if let Some(like) = known(&name).filter(|_| ours) {
                table.insert(name, typed(&text, &like));
                check(&table, &variable)?;
            }
        }
        table.extend(flags);
        check(&table, "the command line")
    }

    fn default_value(name: &str) -> Option<Value> {
        Table::try_from(Config::default()).ok()?.get(name).cloned()
    }

    /// The settings as a file would say them.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("settings are plain values that TOML has")
    }
}

fn check(table: &Table, source_name: &str) -> Result<Config, ConfigError> {
    Value::Table(table.clone()).try_into().map_err(|e: toml::de::Error| ConfigError::Invalid {
        source_name: source_name.into(),
        detail: e.message().to_owned(),
    })
}

/// A text from the environment as a value of the type that `like` has; as text where it can't be, for the error.
fn typed(text: &str, like: &Value) -> Value {
    let text = text.trim();
    let parsed = match like {
        Value::Integer(_) => text.parse().ok().map(Value::Integer),
        Value::Float(_) => text.parse().ok().map(Value::Float),
        Value::Boolean(_) => text.to_ascii_lowercase().parse().ok().map(Value::Boolean),
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|t| !t.is_empty());
            Some(Value::Array(items.map(|t| Value::String(t.into())).collect()))
        }
        _ => None,
    };
    parsed.unwrap_or_else(|| Value::String(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect()
    }

    #[test]
    fn later_sources_win() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("harmony.toml");
        std::fs::write(&file, "port = 4000\nmemory = \"2GiB\"\npreview_threshold = 7\n").unwrap();
        let environment = env(&[
            ("PORT", "5000"),
            ("HARMONY_PREVIEW_THRESHOLD", "8"),
            ("LABELS_FORBID_LIST", "a, b"),
            ("CHAINS_FILE", "c.toml"),
            ("HOST", "elsewhere"),
            ("OTHER_FILE", "x"),
        ]);
        let flags: Table = "port = 6000".parse().unwrap();
        let config = Config::load(Some(&file), environment, flags).unwrap();
        assert_eq!((config.port, config.memory.as_str(), config.preview_threshold), (6000, "2GiB", 8));
        assert_eq!(config.labels_forbid_list, ["a", "b"]);
        assert_eq!(config.chains_file.as_deref(), Some(Path::new("c.toml")));
        assert_eq!(config.host, "127.0.0.1");
        let again: Config = toml::from_str(&config.to_toml()).unwrap();
        assert_eq!(again, config);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_source() {
        let e = Config::load(None, env(&[("MAX_GRANULE_LIMIT", "many")]), Table::new()).unwrap_err();
        assert!(e.to_string().starts_with("MAX_GRANULE_LIMIT: "), "{e}");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("h.toml");
        std::fs::write(&file, "prot = 1\n").unwrap();
        let e = Config::load(Some(&file), env(&[]), Table::new()).unwrap_err().to_string();
        assert!(e.contains("h.toml") && e.contains("prot"), "{e}");
        assert!(Config::load(Some(Path::new("absent.toml")), env(&[]), Table::new()).is_err());
    }
}
