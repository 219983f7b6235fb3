//! What the service tells about its work: lines on stderr, as text or as JSON, with the id of the request that they
//! belong to.

use std::sync::{Mutex, PoisonError};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    #[error("log = \"{filter}\": {detail}; write levels as in \"info,harmony=debug\"")]
    Filter { filter: String, detail: String },
    #[error("log_format = \"{0}\": it is text or json")]
    Format(String),
    #[error("the log can't be set up: {0}")]
    Taken(String),
}

/// Levels that users name, from few lines to many, with ours.
const LEVELS: [(&str, &str); 7] = [
    ("error", "error"),
    ("warn", "warn"),
    ("info", "info"),
    ("http", "info"),
    ("verbose", "debug"),
    ("debug", "debug"),
    ("silly", "trace"),
];

type Change = Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>;

/// Changes what is logged while the service runs.
pub struct LevelHandle {
    change: Change,
    /// Directives for single modules, which a change of the level leaves alone.
    modules: Vec<String>,
    level: Mutex<String>,
}

impl Default for LevelHandle {
    /// Of a log that isn't there.
    fn default() -> Self {
        LevelHandle { change: Box::new(|_| Ok(())), modules: Vec::new(), level: Mutex::new("info".into()) }
    }
}

impl LevelHandle {
    /// Sets the level by the reference's name and says what it was; `None`: there is no such level.
    ///
    /// # Errors
    /// [`LogError::Taken`] when the log doesn't take it.
    pub fn set(&self, level: &str) -> Option<Result<String, LogError>> {
        let (_, ours) = LEVELS.iter().find(|(name, _)| *name == level)?;
        let mut directives = vec![(*ours).to_owned()];
        directives.extend(self.modules.iter().cloned());
        let changed = parse(&directives.join(",")).and_then(|f| (self.change)(f).map_err(LogError::Taken));
        let mut current = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        Some(changed.map(|()| std::mem::replace(&mut *current, level.to_owned())))
    }
}

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(filter)
        .map_err(|e| LogError::Filter { filter: filter.to_owned(), detail: e.to_string() })
}

/// Begins to log. `format` is `text` or `json`; `filter` as in `RUST_LOG`. Once for a process.
///
/// # Errors
/// [`LogError`] naming the setting that is wrong.
pub fn init(format: &str, filter: &str) -> Result<LevelHandle, LogError> {
    let (filter_layer, handle) = reload::Layer::new(parse(filter)?);
    let lines: Box<dyn Layer<_> + Send + Sync> = match format {
        "text" => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            Box::new(fmt::layer().with_writer(std::io::stderr).with_ansi(colours))
        }
        "json" => Box::new(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)),
        other => return Err(LogError::Format(other.to_owned())),
    };
    Registry::default()
        .with(filter_layer)
        .with(lines)
        .try_init()
        .map_err(|e| LogError::Taken(e.to_string()))?;
    let (modules, bare): (Vec<&str>, Vec<&str>) =
        filter.split(',').map(str::trim).partition(|d| d.contains('='));
    Ok(LevelHandle {
        change: Box::new(move |filter| handle.reload(filter).map_err(|e| e.to_string())),
        modules: modules.into_iter().map(str::to_owned).collect(),
        level: Mutex::new(bare.last().map_or("error", |l| *l).to_ascii_lowercase()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_the_names_of_the_reference() {
        let handle = LevelHandle::default();
        assert_eq!(handle.set("silly").unwrap().unwrap(), "info");
        assert_eq!(handle.set("warn").unwrap().unwrap(), "silly");
        assert!(handle.set("loud").is_none());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let told = |format, filter| init(format, filter).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(told("xml", "info").contains("log_format = \"xml\""));
        assert!(told("text", "info,=,=").contains("info,=,="));
    }
}
