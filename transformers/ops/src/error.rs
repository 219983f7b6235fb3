//! What an operation can object to; every message names granule, object and remedy.

use harmony_model::{ModelError, ReadError};

/// Why an operation can't be done on this granule.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OpError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("{granule}: there is no variable or group '{name}'{}", nearest(.suggestion))]
    UnknownVariable { granule: String, name: String, suggestion: Option<String> },
    #[error("{granule}: there is no dimension or axis '{name}'{}", nearest(.suggestion))]
    UnknownDimension { granule: String, name: String, suggestion: Option<String> },
    #[error("{granule}: {operation} can't be applied: {reason}")]
    NotApplicable { granule: String, operation: &'static str, reason: String },
    #[error("{granule}: no data in the selection: {reason}")]
    NoData { granule: String, reason: String },
}

fn nearest(suggestion: &Option<String>) -> String {
    suggestion
        .as_ref()
        .map_or_else(|| "; --explain lists what it holds".into(), |s| format!("; the nearest name is '{s}'"))
}

impl OpError {
    /// Whether it says that nothing is left, as opposed to something being wrong.
    pub fn is_no_data(&self) -> bool {
        matches!(self, OpError::NoData { .. })
    }
}
