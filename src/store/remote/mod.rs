//! Remote objects: HTTP servers and S3-compatible stores through `object_store`.
//!
//! The engine is synchronous; a small tokio runtime behind a blocking face drives the requests. It is made when the
//! first address is opened, so that purely local work never pays for it.

mod download;
mod failure;
mod guarded;
mod object;
mod plan;
#[cfg(test)]
mod tests;
mod zarr;

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use harmony_formats::zarr as zarr_format;
use harmony_model::ByteSource;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};
use tokio::runtime::{Builder, Runtime};

use super::{Location, StoreError, StoreOptions};
use object::{Opened, RemoteObject};

/// Opens a remote object: one request, which also brings its first bytes.
pub(super) fn open(location: &Location, options: &StoreOptions) -> Result<Arc<dyn ByteSource>, StoreError> {
    let target = Target::of(location, options)?;
    match RemoteObject::open(&target, options)? {
        Opened::Ranges(object) => Ok(Arc::new(object)),
        Opened::WholeOnly => download::whole(location, options),
    }
}

/// Opens a remote Zarr hierarchy.
pub(super) fn open_zarr(
    location: &Location,
    options: &StoreOptions,
) -> Result<Arc<dyn zarr_format::Store>, StoreError> {
    Ok(Arc::new(zarr::RemoteStore::new(location, options)?))
}

/// An object or prefix in an object store, and what messages call it.
#[derive(Clone)]
struct Target {
    store: Arc<dyn ObjectStore>,
    path: Path,
    name: String,
}

impl Target {
    fn of(location: &Location, options: &StoreOptions) -> Result<Self, StoreError> {
        let name = location.to_string();
        let refuse = |detail: String| StoreError::Location { location: name.clone(), detail };
        let (store, path): (Arc<dyn ObjectStore>, Path) = match location {
            Location::Http(url) => {
                // The whole address is the root of the store: its escapes and query stay exactly as they are.
                let store = HttpBuilder::new()
                    .with_url(url.as_str())
                    .with_client_options(client_options(options))
                    .with_retry(retries(options))
                    .with_http_connector(guarded::Connector(options.clone()))
                    .build();
                (Arc::new(store.map_err(|e| failure::of_request(&name, &e))?), Path::default())
            }
            Location::S3 { bucket, key } => {
                let path = Path::parse(key).map_err(|e| refuse(format!("its key is not valid: {e}")))?;
                (Arc::new(bucket_store(bucket, options).map_err(|e| failure::of_request(&name, &e))?), path)
            }
            Location::Local(_) => return Err(refuse("it is a local path".into())),
        };
        Ok(Target { store, path, name })
    }
}

/// Credentials, region, endpoint (`AWS_ENDPOINT_URL`) and `AWS_ALLOW_HTTP` come from the environment, as for the AWS
/// tools.
fn bucket_store(bucket: &str, options: &StoreOptions) -> object_store::Result<object_store::aws::AmazonS3> {
    let seconds = |d: Duration| format!("{} ms", d.as_millis());
    let client = |key| AmazonS3ConfigKey::Client(key);
    AmazonS3Builder::new()
        .with_config(client(ClientConfigKey::ConnectTimeout), seconds(options.connect_timeout))
        .with_config(client(ClientConfigKey::ReadTimeout), seconds(options.read_timeout))
        .with_config(client(ClientConfigKey::Timeout), seconds(REQUEST_TIMEOUT))
        .with_bucket_name(bucket)
        .with_retry(retries(options))
        .with_environment()
        .build()
}

/// The environment on top of what is configured already.
trait WithEnvironment {
    fn with_environment(self) -> Self;
}

impl WithEnvironment for AmazonS3Builder {
    fn with_environment(self) -> Self {
        let aws = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
        aws.fold(self, |builder, (name, value)| match name.to_ascii_lowercase().parse() {
            // The bucket is in the address.
            Ok(AmazonS3ConfigKey::Bucket) | Err(_) => builder,
            Ok(key) => builder.with_config(key, value),
        })
    }
}

/// Longest time for one request; what limits a slow one is the wait for the next bytes.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3600);

fn client_options(options: &StoreOptions) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(true)
        .with_connect_timeout(options.connect_timeout)
        .with_read_timeout(options.read_timeout)
        .with_timeout(REQUEST_TIMEOUT)
}

fn retries(options: &StoreOptions) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig { init_backoff: FIRST_PAUSE, max_backoff: Duration::from_secs(5), base: 2.0 },
        max_retries: options.retries,
        retry_timeout: Duration::from_secs(120),
    }
}

/// Pause before the first retry.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Pause before retry number `attempt` (from 0).
fn pause(attempt: usize) -> Duration {
    FIRST_PAUSE * 2u32.pow(attempt.min(5) as u32)
}

/// The runtime that drives all requests of the process.
fn runtime() -> Result<&'static Runtime, std::io::Error> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let made =
        Builder::new_multi_thread().worker_threads(2).thread_name("harmony-store").enable_all().build()?;
    Ok(RUNTIME.get_or_init(|| made))
}

/// Runs a future to its end from any thread. `None` when it panicked or no runtime can be made.
///
/// Not `block_on`: that refuses to run on a thread of another runtime, and the server has one.
fn wait<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let (give, take) = std::sync::mpsc::sync_channel(1);
    runtime().ok()?.spawn(async move {
        // Nobody waits any more only when this process ends.
        give.send(future.await).ok();
    });
    take.recv().ok()
}
