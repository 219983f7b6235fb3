//! Access to inputs: one call for local files, `file://`, `http(s)://` and `s3://`.
//!
//! [`open`] gives random access to the bytes of one object, [`expand_inputs`] turns what a user names (files, folders,
//! patterns, addresses) into a list of inputs. The network is used only when an address asks for it.

mod error;
mod guard;
mod inputs;
mod location;
#[cfg(feature = "remote")]
mod remote;

use std::sync::Arc;
use std::time::Duration;

use harmony_formats::io::LocalFile;
use harmony_formats::zarr;
use harmony_model::ByteSource;

pub use error::StoreError;
pub use guard::Guard;
pub use inputs::{Input, expand_inputs};
pub use location::Location;

/// How remote objects are read.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for the next bytes of an answer.
    pub read_timeout: Duration,
    /// How often a failed request is tried again, with growing pauses.
    pub retries: usize,
    /// Requests under way at the same time for one call.
    pub parallel_requests: usize,
    /// Largest object, in bytes, that is kept in memory when its server can't send parts of it.
    pub download_limit: u64,
    /// Decides what may be opened; `None`: everything that is named.
    pub guard: Option<Arc<dyn Guard>>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            retries: 4,
            parallel_requests: 16,
            download_limit: 512 * 1024 * 1024,
            guard: None,
        }
    }
}

/// Opens one object for reading.
///
/// # Errors
/// [`StoreError`] naming the location (without query and credentials) and what to do.
pub fn open(location: &str, options: &StoreOptions) -> Result<Arc<dyn ByteSource>, StoreError> {
    match admitted(location, options)? {
        Location::Local(path) => Ok(Arc::new(LocalFile::open(&path)?)),
        #[cfg(feature = "remote")]
        remote => remote::open(&remote, options),
        #[cfg(not(feature = "remote"))]
        remote => Err(no_network(&remote, options)),
    }
}

/// Opens a Zarr hierarchy for reading: a directory, or an address to which keys are appended.
///
/// # Errors
/// As [`open`]; whether there is a hierarchy is seen when it is read.
pub fn open_zarr(location: &str, options: &StoreOptions) -> Result<Arc<dyn zarr::Store>, StoreError> {
    match admitted(location, options)? {
        Location::Local(path) => Ok(Arc::new(zarr::DirectoryStore::new(&path))),
        #[cfg(feature = "remote")]
        remote => remote::open_zarr(&remote, options),
        #[cfg(not(feature = "remote"))]
        remote => Err(no_network(&remote, options)),
    }
}

/// A location that may be opened.
fn admitted(location: &str, options: &StoreOptions) -> Result<Location, StoreError> {
    let parsed = Location::parse(location)?;
    if let Some(guard) = &options.guard {
        guard.check(&parsed).map_err(|detail| StoreError::Refused { detail })?;
    }
    Ok(parsed)
}

#[cfg(not(feature = "remote"))]
fn no_network(location: &Location, _: &StoreOptions) -> StoreError {
    StoreError::NotBuilt { location: location.to_string() }
}
