//! What a location means: a local path or an address.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::StoreError;

/// A parsed location. Its `Display` is safe to show: no query, no credentials.
#[derive(Clone, Debug, PartialEq)]
pub enum Location {
    Local(PathBuf),
    /// `http://` or `https://`; the query is part of the address (signed URLs).
    Http(Url),
    /// An object, or a prefix, of a bucket.
    S3 {
        bucket: String,
        key: String,
    },
}

impl Location {
    /// Whether the text is an address rather than a path.
    pub fn is_url(text: &str) -> bool {
        let scheme = text.split_once("://").map_or("", |(s, _)| s);
        // One letter before a colon is a drive of Windows.
        scheme.len() > 1 && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    }

    /// Parses a path or address.
    ///
    /// # Errors
    /// [`StoreError::Location`] when it is an address of another kind, or not well formed.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        if !Location::is_url(text) {
            return if text.is_empty() {
                Err(refuse(text, "it is empty"))
            } else {
                Ok(Location::Local(text.into()))
            };
        }
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "s3" => {
                // Not through Url: keys are raw text, not percent-encoded.
                let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() || bucket.contains('@') {
                    return Err(refuse(text, "it names no bucket"));
                }
                Ok(Location::S3 { bucket: bucket.into(), key: key.trim_matches('/').into() })
            }
            "http" | "https" => match Url::parse(text) {
                Ok(url) => Ok(Location::Http(url)),
                Err(e) => Err(refuse(text, &e.to_string())),
            },
            "file" => {
                let path = Url::parse(text).ok().and_then(|u| u.to_file_path().ok());
                path.map(Location::Local).ok_or_else(|| refuse(text, "it names no local file"))
            }
            other => Err(refuse(text, &format!("addresses of the kind '{other}' are not supported"))),
        }
    }
}

fn refuse(text: &str, detail: &str) -> StoreError {
    StoreError::Location { location: without_secrets(text), detail: detail.into() }
}

/// An address that could not be parsed, without what may be secret in it.
fn without_secrets(text: &str) -> String {
    let shown = text.split(['?', '#']).next().unwrap_or_default();
    match shown.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => shown.into(),
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Local(path) => write!(f, "{}", path.display()),
            Location::Http(url) => write!(f, "{}", without_secrets(url.as_str())),
            Location::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let shown = |t: &str| Location::parse(t).unwrap().to_string();
        let signed = "https://user:secret@host.example:8443/a%20b/c.nc?X-Amz-Signature=abc#top";
        assert_eq!(shown(signed), "https://host.example:8443/a%20b/c.nc");
        assert_eq!(shown("s3://bucket/a key/b.nc"), "s3://bucket/a key/b.nc");
        let error = Location::parse("http://u:secret@:0:0/x?token=secret").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn kinds_of_locations() {
        let parse = |t: &str| Location::parse(t);
        assert_eq!(parse("file:///a%20b.nc").unwrap(), Location::Local("/a b.nc".into()));
        assert_eq!(parse("C:\\a.nc").unwrap(), Location::Local("C:\\a.nc".into()));
        assert_eq!(parse("a:b.nc").unwrap(), Location::Local("a:b.nc".into()));
        for bad in ["", "s3://", "s3:///key", "ftp://host/x", "https://", "file://host/x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
