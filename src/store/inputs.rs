//! From what a user names to a list of inputs.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use harmony_formats::zarr;

use super::{Location, StoreError};

/// One input.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    File(PathBuf),
    /// A directory that is a Zarr hierarchy.
    Zarr(PathBuf),
    /// An address; one that ends in `.zarr` is a Zarr hierarchy.
    Url(String),
}

impl Input {
    /// Whether it is a Zarr hierarchy rather than one object.
    pub fn is_zarr(&self) -> bool {
        match self {
            Input::File(_) => false,
            Input::Zarr(_) => true,
            Input::Url(url) => {
                let path = url.split(['?', '#']).next().unwrap_or_default();
                path.trim_end_matches('/').to_ascii_lowercase().ends_with(".zarr")
            }
        }
    }

    /// What [`super::open`] and [`super::open_zarr`] take.
    pub fn location(&self) -> String {
        match self {
            Input::File(path) | Input::Zarr(path) => path.to_string_lossy().into_owned(),
            Input::Url(url) => url.clone(),
        }
    }
}

/// Safe to show.
impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::File(path) | Input::Zarr(path) => write!(f, "{}", path.display()),
            Input::Url(url) => match Location::parse(url) {
                Ok(location) => write!(f, "{location}"),
                Err(_) => write!(f, "(address)"),
            },
        }
    }
}

/// Extensions by which files in a folder are taken as data; a file named itself may have any.
const DATA_EXTENSIONS: &[&str] = &[
    "nc", "nc3", "nc4", "ncf", "cdf", "h5", "hdf5", "he5", "hdf", "hdf4", "h4", "he2", "tif", "tiff", "grib",
    "grib1", "grib2", "grb", "grb1", "grb2", "gb2",
];

/// Folders below a folder are searched this deep.
const DEPTH_LIMIT: usize = 32;

/// Turns arguments into inputs, in their order; what folders and patterns give is sorted. An input that is named
/// twice is taken once.
///
/// An argument is a file, an address, a folder (searched for data files at any depth; a Zarr hierarchy is one input)
/// or a pattern (`*`, `?`, `[…]`, `**`) for files and folders.
///
/// # Errors
/// [`StoreError::NoInput`] when an argument stands for nothing.
pub fn expand_inputs(args: &[String]) -> Result<Vec<Input>, StoreError> {
    let mut found = Vec::new();
    for arg in args {
        if Location::is_url(arg) {
            match Location::parse(arg)? {
                Location::Local(path) => add_path(&path, arg, &mut found)?,
                _ => found.push(Input::Url(arg.clone())),
            }
        } else if Path::new(arg).exists() || !arg.contains(['*', '?', '[']) {
            // A file may have a name that looks like a pattern.
            add_path(Path::new(arg), arg, &mut found)?;
        } else {
            add_pattern(arg, &mut found)?;
        }
    }
    let mut seen = HashSet::new();
    found.retain(|input| seen.insert(input.clone()));
    Ok(found)
}

fn no_input(pattern: &str, detail: impl Into<String>) -> StoreError {
    StoreError::NoInput { pattern: pattern.into(), detail: detail.into() }
}

fn add_pattern(pattern: &str, found: &mut Vec<Input>) -> Result<(), StoreError> {
    let paths =
        glob::glob(pattern).map_err(|e| no_input(pattern, format!("is not a valid pattern: {}", e.msg)))?;
    let before = found.len();
    for path in paths {
        let path = path.map_err(|e| no_input(pattern, format!("can't be searched: {e}")))?;
        // A folder that matches but holds no data is not what the pattern is about.
        if path.is_dir() { add_folder(&path, found) } else { found.push(Input::File(path)) }
    }
    if found.len() == before {
        return Err(no_input(pattern, "matches no file; quote the pattern, or check the folder"));
    }
    Ok(())
}

fn add_path(path: &Path, arg: &str, found: &mut Vec<Input>) -> Result<(), StoreError> {
    if !path.is_dir() {
        if !path.exists() {
            return Err(no_input(arg, "there is no such file or folder; check the path"));
        }
        found.push(Input::File(path.into()));
        return Ok(());
    }
    let before = found.len();
    add_folder(path, found);
    if found.len() == before {
        let detail = format!("holds no data file (.{}) and is no Zarr store", DATA_EXTENSIONS.join(" ."));
        return Err(no_input(arg, detail));
    }
    Ok(())
}

fn add_folder(path: &Path, found: &mut Vec<Input>) {
    let mut search = Search { found, visited: HashSet::new() };
    search.folder(path, 0);
}

struct Search<'a> {
    found: &'a mut Vec<Input>,
    /// Folders searched, by their real path: links may form cycles.
    visited: HashSet<PathBuf>,
}

impl Search<'_> {
    /// Adds the data of a folder. One that may not be read is passed by, as `find` does.
    fn folder(&mut self, path: &Path, depth: usize) {
        if zarr::is_hierarchy(path) {
            self.found.push(Input::Zarr(path.into()));
            return;
        }
        let new = path.canonicalize().is_ok_and(|real| self.visited.insert(real));
        if !new || depth > DEPTH_LIMIT {
            return;
        }
        let Ok(entries) = std::fs::read_dir(path) else { return };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        paths.sort();
        for path in paths {
            let hidden = path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
            if hidden {
                continue;
            }
            if path.is_dir() {
                self.folder(&path, depth + 1);
            } else if is_data_file(&path) {
                self.found.push(Input::File(path));
            }
        }
    }
}

fn is_data_file(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    DATA_EXTENSIONS.contains(&extension.as_str()) && path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"x").unwrap();
        }
        dir
    }

    fn names(dir: &tempfile::TempDir, arg: &str) -> Result<Vec<String>, StoreError> {
        let arg = dir.path().join(arg).to_str().unwrap().to_owned();
        let inputs = expand_inputs(&[arg])?;
        let root = format!("{}/", dir.path().display());
        Ok(inputs.iter().map(|i| i.to_string().replace(&root, "")).collect())
    }

    #[test]
    fn folders_are_searched_and_stores_are_one_input() {
        let files =
            ["b.NC4", "a/x.h5", "a/readme.txt", "s.zarr/.zgroup", "s.zarr/t/0.nc", ".hidden/y.nc", "z/0.nc"];
        let dir = folder(&files);
        #[cfg(unix)]
        std::os::unix::fs::symlink(dir.path(), dir.path().join("z/up")).unwrap();
        assert_eq!(names(&dir, "").unwrap(), ["a/x.h5", "b.NC4", "s.zarr", "z/0.nc"]);
        assert!(expand_inputs(&[dir.path().join("s.zarr").display().to_string()]).unwrap()[0].is_zarr());
    }

    #[test]
    fn patterns_and_what_looks_like_one() {
        let dir = folder(&["x1.nc", "x2.nc", "y[1].nc", "sub/x3.nc", "sub/notes.txt"]);
        assert_eq!(names(&dir, "x*.nc").unwrap(), ["x1.nc", "x2.nc"]);
        assert_eq!(names(&dir, "**/x?.nc").unwrap(), ["sub/x3.nc", "x1.nc", "x2.nc"]);
        assert_eq!(names(&dir, "y[1].nc").unwrap(), ["y[1].nc"]);
        assert!(names(&dir, "q*.nc").unwrap_err().to_string().contains("matches no file"));
        assert!(names(&dir, "absent.nc").unwrap_err().to_string().contains("no such file"));
    }

    #[test]
    fn an_input_named_twice_is_taken_once_and_addresses_pass() {
        let dir = folder(&["x1.nc"]);
        let file = dir.path().join("x1.nc").display().to_string();
        let args =
            [file.clone(), "https://h/x.nc?t=1".into(), format!("file://{file}"), "s3://b/s.zarr/".into()];
        let inputs = expand_inputs(&args).unwrap();
        assert_eq!(inputs.len(), 3);
        assert_eq!(inputs[1].to_string(), "https://h/x.nc");
        assert!(inputs[2].is_zarr() && !inputs[1].is_zarr());
        assert!(expand_inputs(&["gopher://x/y".into()]).is_err());
    }
}
