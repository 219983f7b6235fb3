//! Which locations may be read: what the operator allows, and nothing that leads into this machine or its network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::config::Config;
use crate::store::{Guard, Location, StoreOptions};

/// Folders and addresses that granules may be read from.
#[derive(Clone, Debug, Default)]
pub struct AllowList {
    folders: Vec<PathBuf>,
    /// Beginnings of addresses.
    prefixes: Vec<String>,
}

impl AllowList {
    /// From entries of `allowed_sources`: folders, and beginnings of addresses.
    pub fn new(entries: &[String]) -> Self {
        let mut list = AllowList::default();
        for entry in entries.iter().filter(|e| !e.is_empty()) {
            list.add(entry);
        }
        list
    }

    /// Adds a folder, file or address that the operator names.
    pub fn add(&mut self, entry: &str) {
        if Location::is_url(entry) && !entry.to_ascii_lowercase().starts_with("file:") {
            self.prefixes.push(entry.to_owned());
        } else {
            let path = match Location::parse(entry) {
                Ok(Location::Local(path)) => path,
                _ => entry.into(),
            };
            self.folders.push(real(&path));
        }
    }

    /// Whether an address of that host is listed.
    fn names(&self, host: &str) -> bool {
        let hosts = self.prefixes.iter().filter_map(|p| url::Url::parse(p).ok());
        hosts.filter_map(|u| u.host_str().map(str::to_owned)).any(|h| h.trim_matches(['[', ']']) == host)
    }

    /// Checks a location of a catalogue or request.
    ///
    /// # Errors
    /// In words, naming the location without its secrets, and the setting.
    pub fn check(&self, location: &str) -> Result<(), String> {
        let parsed = Location::parse(location).map_err(|e| e.to_string())?;
        let shown = parsed.to_string();
        let named = |prefix: &String| starts_with(location, prefix);
        let allowed = match &parsed {
            Location::Local(_) if Location::is_url(location) => {
                return Err(format!(
                    "{shown}: file:// addresses are not read; name the path or folder itself"
                ));
            }
            Location::Local(path) => {
                let path = real(path);
                self.folders.iter().any(|f| path.starts_with(f))
            }
            Location::Http(url) => {
                let listed = self.prefixes.iter().any(named);
                // A host of this network has to be named itself, not only the kind of address.
                let by_name = |p: &String| url::Url::parse(p).is_ok_and(|p| p.host() == url.host());
                let meant = self.prefixes.iter().any(|p| named(p) && by_name(p));
                if !meant && let Some(why) = inner_host(url) {
                    return Err(format!(
                        "{shown}: {why} is not read; add it to allowed_sources if that is meant"
                    ));
                }
                listed
            }
            Location::S3 { .. } => self.prefixes.iter().any(named),
        };
        if allowed {
            return Ok(());
        }
        Err(format!(
            "{shown}: is not among the allowed sources; add its folder or address to allowed_sources"
        ))
    }
}

/// What a running server may open: what its catalogue names, but nothing inside its own network that the operator has
/// not listed.
#[derive(Clone, Debug)]
pub struct Sources {
    allowed: AllowList,
    /// The catalogue is kept by the operator, so that its paths are meant; those of another's catalogue are not.
    has_own_catalog: bool,
}

/// How inputs are opened on behalf of clients.
pub fn store_options(config: &Config) -> StoreOptions {
    let sources = Sources::new(&config.allowed_sources, config.cmr_endpoint.is_empty());
    StoreOptions { guard: Some(Arc::new(sources)), ..StoreOptions::default() }
}

impl Sources {
    /// From the entries of `allowed_sources`.
    pub fn new(entries: &[String], has_own_catalog: bool) -> Self {
        Sources { allowed: AllowList::new(entries), has_own_catalog }
    }
}

impl Guard for Sources {
    fn check(&self, location: &Location) -> Result<(), String> {
        match location {
            Location::Local(_) if self.has_own_catalog => Ok(()),
            Location::Local(path) => self.allowed.check(&path.display().to_string()),
            Location::Http(url) => match inner_host(url) {
                Some(_) => self.allowed.check(url.as_str()),
                None => Ok(()),
            },
            Location::S3 { .. } => Ok(()),
        }
    }

    fn admits(&self, host: &str, address: IpAddr) -> bool {
        !is_inner(address) || self.allowed.names(host)
    }
}

/// Whether an address begins with a prefix, which ends at a part of its path.
fn starts_with(location: &str, prefix: &str) -> bool {
    let Some(rest) = location.strip_prefix(prefix) else { return false };
    let climbs =
        |p: &str| p.split(['/', '?', '#']).any(|part| part == ".." || part.eq_ignore_ascii_case("%2e%2e"));
    let ends = prefix.ends_with('/') || rest.is_empty() || rest.starts_with(['/', '?', '#']);
    ends && !climbs(rest)
}

/// A path without links and `..`; what does not exist is resolved as far as it does.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut out = PathBuf::new();
    for part in absolute.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            other => out.push(other),
        }
    }
    out
}

/// Why a host is one of this machine or its network.
fn inner_host(url: &url::Url) -> Option<String> {
    let address = match url.host()? {
        url::Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let local = name == "localhost" || name.ends_with(".localhost") || name.ends_with(".internal");
            return local.then(|| format!("the host {name}"));
        }
        url::Host::Ipv4(v4) => IpAddr::V4(v4),
        url::Host::Ipv6(v6) => IpAddr::V6(v6),
    };
    is_inner(address).then(|| format!("the address {address}"))
}

/// Whether an address is of this machine, its link or a private network: metadata services are there.
pub fn is_inner(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => inner_v4(v4),
        IpAddr::V6(v6) => inner_v6(v6),
    }
}

fn inner_v4(v4: Ipv4Addr) -> bool {
    let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
    v4.is_loopback()
        || v4.is_private()
        || v4.is_link_local()
        || v4.is_unspecified()
        || v4.is_broadcast()
        || shared
}

fn inner_v6(v6: Ipv6Addr) -> bool {
    let unique_local = v6.segments()[0] & 0xfe00 == 0xfc00;
    let link_local = v6.segments()[0] & 0xffc0 == 0xfe80;
    v6.is_loopback()
        || v6.is_unspecified()
        || unique_local
        || link_local
        || v6.to_ipv4_mapped().is_some_and(inner_v4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_read() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("in")).unwrap();
        std::fs::write(dir.path().join("in/a.nc"), b"").unwrap();
        std::fs::write(dir.path().join("b.nc"), b"").unwrap();
        let at = |p: &str| dir.path().join(p).display().to_string();
        let list = AllowList::new(&[at("in"), "https://data.example.org/pub".into(), "s3://bucket/".into()]);
        assert!(list.check(&at("in/a.nc")).is_ok());
        assert!(list.check(&at("in/../b.nc")).is_err() && list.check(&at("in/absent/../../b.nc")).is_err());
        assert!(list.check(&format!("file://{}", at("in/a.nc"))).unwrap_err().contains("file://"));
        assert!(list.check("https://data.example.org/pub/x.nc?sig=1").is_ok());
        assert!(list.check("https://data.example.org/public/x.nc").is_err());
        assert!(list.check("https://data.example.org/pub/../secret").is_err());
        assert!(list.check("https://data.example.org.evil.net/pub/x").is_err());
        assert!(list.check("s3://bucket/k").is_ok() && list.check("s3://other/k").is_err());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(dir.path().join("b.nc"), dir.path().join("in/link.nc")).unwrap();
            assert!(list.check(&at("in/link.nc")).is_err());
        }
    }

    #[test]
    fn a_server_opens_what_its_catalogue_names_and_no_inner_host() {
        let own = Sources::new(&["http://10.0.0.7:8080/data".into()], true);
        let at = |t: &str| Location::parse(t).unwrap();
        assert!(own.check(&at("/data/x.nc")).is_ok());
        assert!(own.check(&at("https://data.example.org/x.nc")).is_ok());
        assert!(own.check(&at("http://10.0.0.7:8080/data/x.nc")).is_ok());
        for bad in ["http://169.254.169.254/latest", "http://10.0.0.8/x.nc", "http://localhost/x.nc"] {
            assert!(own.check(&at(bad)).unwrap_err().contains("allowed_sources"), "{bad}");
        }
        assert!(own.admits("10.0.0.7", "10.0.0.7".parse().unwrap()));
        assert!(!own.admits("rebound.example.org", "127.0.0.1".parse().unwrap()));
        let foreign = Sources::new(&[], false);
        assert!(
            foreign.check(&at("file:///etc/passwd")).is_err() && foreign.check(&at("/data/x.nc")).is_err()
        );
    }

    #[test]
    fn inner_addresses_are_refused() {
        let list = AllowList::new(&["https://".into(), "http://127.0.0.1:9".into()]);
        for bad in [
            "http://169.254.169.254/latest/meta-data",
            "https://localhost/x",
            "http://[::1]/x",
            "http://0x7f000001/x",
            "http://[::ffff:10.0.0.1]/x",
            "http://metadata.google.internal/x",
        ] {
            assert!(list.check(bad).unwrap_err().contains("is not read"), "{bad}");
        }
        assert!(list.check("http://127.0.0.1:9/x.nc").is_ok());
        assert!(list.check("http://127.0.0.1:99/x.nc").is_err());
    }
}
