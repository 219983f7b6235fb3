//! Errors of the model. Messages name granule, object and remedy.

/// What can go wrong when bytes are fetched and decoded.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    #[error("{source_name}: {detail} (bytes {offset}..{end}); the file may be truncated: fetch it again", end = offset + len)]
    Io { source_name: String, offset: u64, len: u64, detail: String },
    #[error(
        "{source_name}: {object}: {detail}; the file is damaged or not what it says it is: fetch it again"
    )]
    Corrupt { source_name: String, object: String, detail: String },
    #[error("{source_name}: {object}: {detail}")]
    Unsupported { source_name: String, object: String, detail: String },
    #[error(
        "{source_name}: {object} claims {claimed} bytes, more than the limit of {limit}; if the file is right, raise --memory"
    )]
    TooLarge { source_name: String, object: String, claimed: u64, limit: u64 },
    #[error("{source_name}: {detail}")]
    Open { source_name: String, detail: String },
    #[error("interrupted")]
    Cancelled,
}

impl ReadError {
    /// A damaged `object` in `source_name`.
    pub fn corrupt(source_name: &str, object: impl Into<String>, detail: impl Into<String>) -> Self {
        ReadError::Corrupt { source_name: source_name.into(), object: object.into(), detail: detail.into() }
    }

    /// Something right in itself that we can't read.
    pub fn unsupported(source_name: &str, object: impl Into<String>, detail: impl Into<String>) -> Self {
        ReadError::Unsupported {
            source_name: source_name.into(),
            object: object.into(),
            detail: detail.into(),
        }
    }
}

/// What can go wrong between metadata and meaning.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{granule}: '{variable}': time units '{units}' are not understood: {detail}")]
    TimeUnits { granule: String, variable: String, units: String, detail: String },
    #[error("'{text}' is not a time: {detail}; write ISO 8601, for example 2020-01-15T06:00:00Z")]
    TimeText { text: String, detail: String },
    #[error("coordinate reference system '{text}' is not understood: {detail}; {remedy}")]
    Crs { text: String, detail: String, remedy: String },
    #[error("{file}: {detail}")]
    Shape { file: String, detail: String },
    #[error("{granule}: {detail}")]
    Geolocation { granule: String, detail: String },
    #[error("{0}")]
    Invalid(String),
}
