//! How a change of a file is seen.

use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::store::{Input, Location};

/// Time of the last change and size; both unknown for addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Milliseconds since 1970; 0: not known.
    pub modified_ms: i64,
    pub size_bytes: Option<u64>,
}

/// Entries of a Zarr hierarchy that are looked at.
const MOST_ENTRIES: usize = 1_000_000;

/// The stamp of an input as it is now.
pub fn of(input: &Input) -> Stamp {
    match input {
        Input::File(path) => std::fs::metadata(path).map(|m| of_metadata(&m)).unwrap_or_default(),
        Input::Zarr(path) => of_folder(path),
        Input::Url(_) => Stamp::default(),
    }
}

fn of_metadata(metadata: &std::fs::Metadata) -> Stamp {
    let since = metadata.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let modified_ms = since.and_then(|d| i64::try_from(d.as_millis()).ok()).unwrap_or(0);
    Stamp { modified_ms, size_bytes: Some(metadata.len()) }
}

/// The latest change in a folder and the size of all files in it.
fn of_folder(path: &Path) -> Stamp {
    let mut stamp = Stamp { modified_ms: 0, size_bytes: Some(0) };
    let (mut folders, mut seen) = (vec![path.to_path_buf()], 0);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            seen += 1;
            let Ok(metadata) = entry.metadata() else { continue };
            if seen > MOST_ENTRIES {
                return stamp;
            }
            if metadata.is_dir() {
                folders.push(entry.path());
                continue;
            }
            let one = of_metadata(&metadata);
            stamp.modified_ms = stamp.modified_ms.max(one.modified_ms);
            stamp.size_bytes = stamp.size_bytes.zip(one.size_bytes).map(|(a, b)| a.saturating_add(b));
        }
    }
    stamp
}

/// The input that a stored location means.
pub fn input_of(location: &str) -> Option<Input> {
    match Location::parse(location).ok()? {
        Location::Local(path) if path.is_dir() => Some(Input::Zarr(path)),
        Location::Local(path) => Some(Input::File(path)),
        _ => Some(Input::Url(location.to_owned())),
    }
}
