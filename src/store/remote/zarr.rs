//! A Zarr hierarchy at an address: keys are appended to it.

use std::sync::Arc;

use harmony_formats::zarr::{Store, is_safe_key, read_document};
use harmony_model::{ByteSource, ReadError};
use object_store::path::Path;

use super::object::{Opened, RemoteObject};
use super::{Target, download, failure, wait};
use crate::store::{Location, StoreError, StoreOptions};

/// A remote hierarchy. On S3 groups can be listed; over plain HTTP they need consolidated metadata.
pub(super) struct RemoteStore {
    base: Location,
    target: Target,
    options: StoreOptions,
}

impl RemoteStore {
    pub(super) fn new(location: &Location, options: &StoreOptions) -> Result<Self, StoreError> {
        let mut base = location.clone();
        if let Location::Http(url) = &mut base {
            let path = url.path().trim_end_matches('/').to_owned();
            url.set_path(&path);
        }
        let target = Target::of(&base, options)?;
        Ok(RemoteStore { base, target, options: options.clone() })
    }

    /// The same connections, another object.
    fn object(&self, key: &str) -> Result<Target, ReadError> {
        let name = format!("{}/{key}", self.target.name);
        let refuse = |detail: String| ReadError::corrupt(&self.target.name, format!("key '{key}'"), detail);
        if !is_safe_key(key) {
            return Err(refuse("it points out of the store".into()));
        }
        let below = Path::parse(key).map_err(|e| refuse(e.to_string()))?;
        let path = self.target.path.parts().chain(below.parts()).collect();
        Ok(Target { store: self.target.store.clone(), path, name })
    }

    fn fetch(&self, key: &str) -> Result<Option<Arc<dyn ByteSource>>, Absent> {
        let target = self.object(key)?;
        self.settle(key, &target, RemoteObject::open(&target, &self.options))
    }

    /// What an attempt to open a key comes to.
    fn settle(
        &self,
        key: &str,
        target: &Target,
        opened: Result<Opened, StoreError>,
    ) -> Result<Option<Arc<dyn ByteSource>>, Absent> {
        let object = match opened {
            Ok(Opened::Ranges(object)) => Ok(Arc::new(object) as Arc<dyn ByteSource>),
            Ok(Opened::WholeOnly) => self.whole(key),
            Err(e) => Err(e),
        };
        match object {
            Ok(object) => Ok(Some(object)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(e @ StoreError::Denied { .. }) => Err(Absent::Denied(read_error(&target.name, e))),
            Err(e) => Err(Absent::Other(read_error(&target.name, e))),
        }
    }

    /// The object of a server that does not send ranges.
    fn whole(&self, key: &str) -> Result<Arc<dyn ByteSource>, StoreError> {
        let mut location = self.base.clone();
        if let Location::Http(url) = &mut location
            && let Ok(mut segments) = url.path_segments_mut()
        {
            segments.extend(key.split('/'));
        }
        download::whole(&location, &self.options)
    }
}

/// Why an object can't be had.
enum Absent {
    Denied(ReadError),
    Other(ReadError),
}

impl From<ReadError> for Absent {
    fn from(error: ReadError) -> Self {
        Absent::Other(error)
    }
}

impl From<Absent> for ReadError {
    fn from(absent: Absent) -> Self {
        match absent {
            Absent::Denied(error) | Absent::Other(error) => error,
        }
    }
}

fn is_s3(location: &Location) -> bool {
    matches!(location, Location::S3 { .. })
}

fn read_error(name: &str, error: StoreError) -> ReadError {
    match error {
        StoreError::Read(e) => e,
        other => {
            // The location is in both; the reader of the message needs it once.
            let text = other.to_string();
            let detail = text.strip_prefix(name).map_or(text.as_str(), |t| t.trim_start_matches(": "));
            ReadError::unsupported(name, "object", detail)
        }
    }
}

impl Store for RemoteStore {
    fn name(&self) -> &str {
        &self.target.name
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        match self.fetch(key) {
            Ok(Some(object)) => read_document(object.as_ref()).map(Some),
            Ok(None) => Ok(None),
            // A bucket that may not be listed answers 403 for a key that is not there. That is for the documents one
            // looks for, not for chunks: with credentials gone, data would turn into fill values.
            Err(Absent::Denied(_)) if is_s3(&self.base) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    fn open(&self, key: &str) -> Result<Option<Arc<dyn ByteSource>>, ReadError> {
        Ok(self.fetch(key)?)
    }

    fn open_many(&self, keys: &[String]) -> Result<Vec<Option<Arc<dyn ByteSource>>>, ReadError> {
        let targets = keys.iter().map(|key| self.object(key)).collect::<Result<Vec<_>, _>>()?;
        let opened = RemoteObject::open_many(&targets, &self.options);
        let settle = |((key, target), opened): ((&String, &Target), _)| Ok(self.settle(key, target, opened)?);
        keys.iter().zip(&targets).zip(opened).map(settle).collect()
    }

    fn list(&self, prefix: &str) -> Result<Option<Vec<String>>, ReadError> {
        if !is_s3(&self.base) {
            return Ok(None);
        }
        let target = if prefix.is_empty() { self.target.clone() } else { self.object(prefix)? };
        let task = target.clone();
        let listing = wait(async move { task.store.list_with_delimiter(Some(&task.path)).await });
        match listing {
            Some(Ok(found)) => {
                let names = found.common_prefixes.iter().filter_map(|p| p.filename().map(str::to_owned));
                Ok(Some(names.collect()))
            }
            Some(Err(e)) => Err(read_error(&target.name, failure::of_request(&target.name, &e))),
            None => Ok(None),
        }
    }
}
