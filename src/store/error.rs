//! Errors of opening inputs. Messages name the location, never its query or credentials.

use harmony_model::ReadError;

/// Why an input can't be opened.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{location}: {detail}; write a path, file://, http://, https:// or s3://bucket/key")]
    Location { location: String, detail: String },
    /// By the guard of the options.
    #[error("{detail}")]
    Refused { detail: String },
    #[error("{location}: there is no such object (404); check the address")]
    NotFound { location: String },
    #[error("{location}: access is denied ({detail}); {remedy}")]
    Denied { location: String, detail: String, remedy: &'static str },
    #[error("{location}: the server can't be reached: {detail}; check the address and the network")]
    Unreachable { location: String, detail: String },
    #[error("{location}: no answer in time; try again, or raise the timeout")]
    Timeout { location: String },
    #[error(
        "{location}: the server can't send parts of a file, and the whole is larger than the limit of {limit} bytes; \
         download it and name the local file"
    )]
    TooLarge { location: String, limit: u64 },
    #[error("{location}: {detail}; try again later, or download it and name the local file")]
    Failed { location: String, detail: String },
    #[error(
        "{location}: this program was built without network access (cargo feature 'remote'); download the file"
    )]
    NotBuilt { location: String },
    #[error("'{pattern}': {detail}")]
    NoInput { pattern: String, detail: String },
}

impl StoreError {
    /// Whether trying again later may help: the fault is the network's or the server's.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            StoreError::Unreachable { .. } | StoreError::Timeout { .. } | StoreError::Failed { .. }
        )
    }
}
