//! `destinationUrl`: where else results may go.

use std::path::{Component, Path, PathBuf};

use super::refusal::Refusal;

/// Checks a destination and gives its normal form.
///
/// Folders are `file://` addresses below one of `allowed`; object stores are not configured yet.
///
/// # Errors
/// [`Refusal::Invalid`] saying why results can't go there.
pub fn check(text: &str, allowed: &[PathBuf]) -> Result<String, Refusal> {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("file") => folder(text, allowed),
        Some("s3") => bucket(text),
        _ => Err(Refusal::invalid(format!("Invalid destinationUrl '{text}', must start with s3://"))),
    }
}

fn bucket(text: &str) -> Result<String, Refusal> {
    if text.to_ascii_lowercase().matches("s3://").count() > 1 || text.contains(',') {
        return Err(Refusal::invalid(format!(
            "Invalid destinationUrl '{text}', only one S3 location is allowed."
        )));
    }
    let name = text[5..].split('/').next().unwrap_or_default();
    if name.is_empty() {
        return Err(Refusal::invalid("Invalid destinationUrl, no S3 bucket is provided."));
    }
    Err(Refusal::invalid(format!(
        "Invalid destinationUrl '{text}': this server has no object store. Use file:// and a folder that its \
         operator allows (setting destinations)."
    )))
}

fn folder(text: &str, allowed: &[PathBuf]) -> Result<String, Refusal> {
    let refuse = |why: &str| Err(Refusal::invalid(format!("Invalid destinationUrl '{text}': {why}")));
    let path = url::Url::parse(text).ok().and_then(|u| u.to_file_path().ok());
    let Some(path) = path.filter(|p| p.is_absolute()) else {
        return refuse("it is no absolute path of this machine, for example file:///data/results.");
    };
    if path.components().any(|c| matches!(c, Component::ParentDir | Component::CurDir)) {
        return refuse("it has dots as folder names.");
    }
    let Some(real) = resolved(&path) else {
        return refuse("its folder can't be read.");
    };
    let inside =
        |folder: &PathBuf| std::fs::canonicalize(folder).is_ok_and(|folder| real.starts_with(folder));
    if !allowed.iter().any(inside) {
        return refuse("it is not below a folder that the operator allows (setting destinations).");
    }
    Ok(format!("file://{}", real.display()))
}

/// The path with links resolved as far as it exists: what comes after is made by us.
fn resolved(path: &Path) -> Option<PathBuf> {
    let mut missing = Vec::new();
    let mut at = path;
    loop {
        if let Ok(real) = std::fs::canonicalize(at) {
            return Some(missing.iter().rev().fold(real, |p, name| p.join(name)));
        }
        missing.push(at.file_name()?.to_owned());
        at = at.parent()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        check(text, &[]).unwrap_err().to_string()
    }

    #[test]
    fn messages_of_object_stores() {
        assert_eq!(message("abcd"), "Invalid destinationUrl 'abcd', must start with s3://");
        assert_eq!(
            message("s3://abcd,s3://edfg"),
            "Invalid destinationUrl 's3://abcd,s3://edfg', only one S3 location is allowed."
        );
        assert_eq!(message("S3://"), "Invalid destinationUrl, no S3 bucket is provided.");
        assert!(message("s3://bucket/x").contains("no object store"));
    }

    #[test]
    fn folders_below_the_allowed_ones() {
        let dir = tempfile::tempdir().unwrap();
        let allowed = [dir.path().to_path_buf()];
        let url = |tail: &str| format!("file://{}{tail}", dir.path().display());
        assert!(check(&url("/a/b"), &allowed).unwrap().ends_with("/a/b"));
        for bad in [url("/../x"), url("/%2e%2e/x"), "file:///etc".into(), "file://host/x".into()] {
            assert!(check(&bad, &allowed).is_err(), "{bad}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/etc", dir.path().join("link")).unwrap();
            assert!(check(&url("/link/x"), &allowed).is_err());
        }
    }
}
