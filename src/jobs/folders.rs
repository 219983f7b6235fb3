//! Where the files of jobs are: attempts in progress, results, and how one becomes the other.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::store::Ticket;

/// Folders of a service's data.
#[derive(Clone, Debug)]
pub struct Folders {
    data: PathBuf,
    /// Name that stands for the results' folder in links.
    bucket: String,
}

/// Where an item's results are made, and where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Only this attempt writes here.
    pub attempt: PathBuf,
    pub target: PathBuf,
    /// Address of the target, without a slash at the end.
    pub href: String,
}

impl Folders {
    pub fn new(data: &Path, bucket: &str) -> Self {
        Folders { data: data.into(), bucket: bucket.into() }
    }

    /// What `/service-results/<bucket>/` stands for.
    pub fn results(&self) -> PathBuf {
        self.data.join("results")
    }

    /// Results of a job.
    pub fn of_job(&self, job: Uuid) -> PathBuf {
        self.results().join("public").join(job.to_string())
    }

    fn attempts(&self) -> PathBuf {
        self.data.join("work")
    }

    /// The place of an attempt; with a destination it is made beside its target, so that it can be moved.
    ///
    /// # Errors
    /// A destination that is not a folder of this machine.
    pub fn place(&self, job: Uuid, ticket: &Ticket, destination: Option<&str>) -> Result<Place, String> {
        let Ticket { item, attempt } = ticket;
        let Some(destination) = destination else {
            return Ok(Place {
                attempt: self.attempts().join(format!("{item}.{attempt}")),
                target: self.of_job(job).join(item.to_string()),
                href: format!("/service-results/{}/public/{job}/{item}", self.bucket),
            });
        };
        let folder = match crate::store::Location::parse(destination) {
            Ok(crate::store::Location::Local(folder)) => folder.join(job.to_string()),
            _ => return Err(format!("results can't be written to {destination}; use file://FOLDER")),
        };
        Ok(Place {
            attempt: folder.join(format!(".{item}.{attempt}")),
            target: folder.join(item.to_string()),
            href: format!("{}/{job}/{item}", destination.trim_end_matches('/')),
        })
    }

    /// A folder for results that several items share.
    pub fn shared(&self, number: u64) -> PathBuf {
        self.attempts().join(format!("shared-{number}"))
    }

    /// Makes the folders and removes what attempts of an earlier process left.
    ///
    /// # Errors
    /// A folder can't be made.
    pub fn sweep(&self) -> io::Result<()> {
        remove(&self.attempts())?;
        std::fs::create_dir_all(self.attempts())?;
        std::fs::create_dir_all(self.results().join("public"))
    }
}

impl Place {
    /// Makes the attempt's folder, empty.
    ///
    /// # Errors
    /// What the file system says.
    pub fn prepare(&self) -> io::Result<()> {
        let parent = self.attempt.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent)?;
        self.remove_rivals(parent);
        remove(&self.attempt)?;
        std::fs::create_dir(&self.attempt)
    }

    /// Attempts of the same item that came before: their tickets are void.
    fn remove_rivals(&self, parent: &Path) {
        let name = self.attempt.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Beside other attempts at work there may be many; those are swept at the start.
        let Some((own, _)) = name.strip_prefix('.').and_then(|n| n.split_once('.')) else { return };
        let Ok(entries) = std::fs::read_dir(parent) else { return };
        for entry in entries.flatten() {
            let other = entry.file_name().to_string_lossy().into_owned();
            if other != name && other.starts_with(&format!(".{own}.")) {
                let _ = remove(&entry.path());
            }
        }
    }

    /// Moves the results to where they belong. Doing it again does nothing.
    ///
    /// # Errors
    /// What the file system says.
    pub fn publish(&self) -> io::Result<()> {
        if !self.attempt.exists() && self.target.exists() {
            return Ok(());
        }
        if let Some(parent) = self.target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        // Left by an attempt that ended before it was recorded.
        remove(&self.target)?;
        std::fs::rename(&self.attempt, &self.target)
    }

    /// Removes what an attempt has made.
    pub fn discard(&self) {
        let _ = remove(&self.attempt);
    }
}

/// Removes a folder that may not be there.
pub fn remove(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Gives `to` the files of `from`, without copying where the file system can do that.
///
/// # Errors
/// What the file system says.
pub fn link_tree(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link_tree(&entry.path(), &target)?;
        } else if std::fs::hard_link(entry.path(), &target).is_err() {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// A file name as part of an address.
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for &byte in name.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:+=@,!$'()*;&".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(folders: &Folders, attempt: i64) -> Place {
        folders.place(Uuid::nil(), &Ticket { item: 7, attempt }, None).unwrap()
    }

    #[test]
    fn results_appear_whole_and_publishing_again_does_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let folders = Folders::new(dir.path(), "b");
        folders.sweep().unwrap();
        let first = place(&folders, 1);
        first.prepare().unwrap();
        std::fs::write(first.attempt.join("a.nc"), "old").unwrap();
        first.publish().unwrap();
        first.publish().unwrap();
        // The completing transaction failed: another attempt replaces it.
        let second = place(&folders, 2);
        second.prepare().unwrap();
        std::fs::write(second.attempt.join("b.nc"), "new").unwrap();
        second.publish().unwrap();
        let found: Vec<_> =
            std::fs::read_dir(&second.target).unwrap().flatten().map(|e| e.file_name()).collect();
        assert_eq!(found, ["b.nc"]);
        assert_eq!(second.href, format!("/service-results/b/public/{}/7", Uuid::nil()));
    }

    #[test]
    fn destinations_and_names() {
        let dir = tempfile::tempdir().unwrap();
        let folders = Folders::new(dir.path(), "b");
        let to = format!("file://{}/out/", dir.path().display());
        let ticket = |attempt| Ticket { item: 7, attempt };
        let old = folders.place(Uuid::nil(), &ticket(1), Some(&to)).unwrap();
        old.prepare().unwrap();
        let new = folders.place(Uuid::nil(), &ticket(2), Some(&to)).unwrap();
        new.prepare().unwrap();
        assert!(!old.attempt.exists() && new.attempt.exists());
        new.publish().unwrap();
        assert!(dir.path().join("out").join(Uuid::nil().to_string()).join("7").is_dir());
        assert!(folders.place(Uuid::nil(), &ticket(1), Some("s3://b/p")).is_err());
        assert_eq!(encode("a b%é?.nc"), "a%20b%25%C3%A9%3F.nc");
    }
}
