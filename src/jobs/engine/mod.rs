//! The work of an item: from a data operation and granules to files.

mod local;
mod mapping;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;

use super::growing::Follower;
use super::job::Level;
use crate::catalog::Granule;
use crate::request::operation::DataOperation;

pub use local::LocalEngine;
pub use mapping::parameters;

/// Does the work of items.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Makes the results of `work` in its folder. Setting `cancel` ends it soon.
    ///
    /// # Errors
    /// [`EngineError`]; what is in the folder then is of no use.
    async fn run(&self, work: Work, cancel: Arc<AtomicBool>) -> Result<Made, EngineError>;
}

/// What is to be done.
#[derive(Clone)]
pub struct Work {
    pub operation: Arc<DataOperation>,
    /// One, or those that become one result.
    pub granules: Vec<Granule>,
    pub is_joined: bool,
    /// Whether a granule that fails is left out of a joined result; else nothing is made.
    pub skip_failures: bool,
    /// An empty folder for the results.
    pub folder: PathBuf,
    /// Who reads the result along.
    pub follow: Option<Arc<Follower>>,
}

/// What was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Made {
    pub outputs: Vec<Output>,
    /// What users should know of single granules, by index: left out for a reason.
    pub notes: Vec<(usize, Level, String)>,
    /// Size of the granules and of the results.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Bytes of the granules that were fetched.
    pub bytes_read: u64,
}

/// One result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// Of a file or folder directly in the work's folder; also its title.
    pub name: String,
    pub media_type: String,
    /// west, south, east, north; `None`: as the catalogue has it.
    pub bbox: Option<[f64; 4]>,
    /// Start and end in ISO 8601; `None`: as the catalogue has them.
    pub temporal: Option<[String; 2]>,
}

/// Why nothing was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Nothing is left of the granule.
    #[error("{0}")]
    NoData(String),
    #[error("{message}")]
    Failed {
        /// Names the granule and says what to do.
        message: String,
        /// Trying again may help.
        is_transient: bool,
    },
    #[error("canceled")]
    Cancelled,
}

impl EngineError {
    fn failed(message: impl Into<String>) -> Self {
        EngineError::Failed { message: message.into(), is_transient: false }
    }
}
