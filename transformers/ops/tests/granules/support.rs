//! Opening shared granules and applying one operation.

use std::path::PathBuf;
use std::sync::Arc;

use harmony_formats::OpenOptions;
use harmony_formats::io::open_local;
use harmony_model::crs::Crs;
use harmony_model::{Granule, Interpolation, Request};
use harmony_ops::{OpError, Scene, Transform};

/// The shared folder, if it is there.
pub fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("HARMONY_SHARED").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    folder.join("granules").is_dir().then_some(folder)
}

/// A granule by file name; `None` where there is none.
pub fn granule(name: &str) -> Option<Arc<Granule>> {
    let path = shared().map(|s| s.join("granules").join(name)).filter(|p| p.exists());
    let Some(path) = path else {
        println!("skipped: no {name}");
        return None;
    };
    let source = open_local(path).unwrap();
    Some(Arc::new(harmony_formats::open(source, &OpenOptions::default()).unwrap()))
}

/// A request for a CRS and a method.
pub fn request(crs: &str, method: &str) -> Request {
    let mut request = Request::default();
    request.target.crs = Some(Crs::parse(crs).unwrap());
    request.target.interpolation = Some(Interpolation::parse(method).unwrap());
    request
}

/// What an operation makes of a granule, with its notices.
pub fn apply(
    op: &dyn Transform,
    granule: &Arc<Granule>,
    request: &Request,
) -> Result<(Granule, Vec<String>), OpError> {
    let scene = Scene::new(granule.clone(), Arc::new(request.clone()))?;
    assert!(op.select(&scene)?.is_some(), "{} does not concern {}", op.name(), granule.name);
    let done = op.apply(&scene)?;
    Ok((done.granule, done.notices))
}

/// Physical values of a variable.
pub fn values(granule: &Granule, path: &str) -> Vec<f64> {
    let id = granule.find_var(path).unwrap_or_else(|| panic!("no {path}"));
    granule.read_all_physical(id).unwrap()
}

/// Number and mean of the values that are there.
pub fn count_mean(values: &[f64]) -> (usize, f64) {
    let valid: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    (valid.len(), valid.iter().sum::<f64>() / valid.len().max(1) as f64)
}
