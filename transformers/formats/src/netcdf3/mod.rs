//! netCDF classic: CDF-1, CDF-2 (64-bit offsets) and CDF-5 (64-bit data).
//!
//! The header is parsed here and the rest is arithmetic, so a granule on an object store opens with one request and
//! every window is read directly. Tolerated, because files in archives have it: a record count that was never written
//! (streaming), wrong `vsize` fields, missing padding at the end. Not tolerated: counts that the file can't hold.

mod cursor;
mod format;
mod header;
mod layout;
#[cfg(test)]
mod tests;
pub mod write;

pub use format::Netcdf3;

use std::sync::Arc;

use harmony_model::{
    ArraySource, ByteSource, DType, DimId, Granule, MemorySource, ReadError, Variable, Window,
};

use crate::chunked::{ContiguousArray, ContiguousSpec};
use header::{Header, HeaderVar};
use layout::Layout;

/// Whether a file that begins with `head` (at least four bytes) is netCDF classic.
pub fn is_netcdf3(head: &[u8]) -> bool {
    header::version(head).is_some()
}

/// Opens a classic file: reads its header, no values.
///
/// # Errors
/// [`ReadError::Corrupt`] naming the dimension, attribute or variable that is wrong; [`ReadError::Io`].
pub fn open(source: Arc<dyn ByteSource>) -> Result<Granule, ReadError> {
    let header = header::parse(source.as_ref())?;
    let layout = layout::of(source.as_ref(), &header)?;
    let mut granule = Granule::new(file_name(source.name()), "netcdf3");
    let dims = add_dims(&mut granule, &header, &layout);
    granule.groups[0].attrs = header.attrs;
    for (var, place) in header.vars.into_iter().zip(&layout.vars) {
        let ids: Vec<DimId> = var.dims.iter().map(|&d| dims[d]).collect();
        let shape: Vec<u64> = ids.iter().map(|&d| granule.dim(d).len).collect();
        let data = data(&source, &var, &shape, place.record.then_some(layout.record_size));
        add_var(&mut granule, var, ids, data);
    }
    Ok(granule)
}

/// The part of a path or URL after the last `/`.
fn file_name(name: &str) -> &str {
    name.rsplit('/').next().filter(|n| !n.is_empty()).unwrap_or(name)
}

fn add_dims(granule: &mut Granule, header: &Header, layout: &Layout) -> Vec<DimId> {
    let add = |d: &header::HeaderDim| {
        let unlimited = d.len == 0;
        let id = granule.add_dim(Granule::ROOT, &d.name, if unlimited { layout.records } else { d.len });
        granule.dims[id.0].unlimited = unlimited;
        id
    };
    header.dims.iter().map(add).collect()
}

fn add_var(granule: &mut Granule, var: HeaderVar, dims: Vec<DimId>, data: Arc<dyn ArraySource>) {
    let id = granule.add_var(Granule::ROOT, &var.name, var.dtype, dims, data);
    let out = &mut granule.vars[id.0];
    out.attrs = var.attrs;
    out.fill = fill(out);
}

/// The fill value, when `_FillValue` is one element of the variable's type.
fn fill(var: &Variable) -> Option<Vec<u8>> {
    let attr = var.attr("_FillValue")?;
    let same = attr.dtype == var.dtype || (var.dtype == DType::Char && attr.dtype.is_text());
    (same && attr.bytes.len() == var.dtype.size()).then(|| attr.bytes.clone())
}

/// Values of a variable; a failed read names it.
fn data(
    source: &Arc<dyn ByteSource>,
    var: &HeaderVar,
    shape: &[u64],
    record_stride: Option<u64>,
) -> Arc<dyn ArraySource> {
    let object = format!("variable '/{}'", var.name);
    let swap_width = if cfg!(target_endian = "little") { var.dtype.swap_width() } else { 1 };
    let values = ContiguousArray::new(ContiguousSpec {
        object: object.clone(),
        source: source.clone(),
        offset: Some(var.begin),
        shape: shape.into(),
        element_size: var.dtype.size(),
        swap_width,
        fill: Vec::new(),
        record_stride,
        heap: None,
    });
    Arc::new(NamedArray { values, object })
}

/// Puts the name of the variable into errors of reading: bytes of a truncated file have no other.
struct NamedArray {
    values: ContiguousArray,
    object: String,
}

impl ArraySource for NamedArray {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        self.values.read(window, out).map_err(|error| match error {
            ReadError::Io { source_name, offset, len, detail } => {
                ReadError::Io { source_name, offset, len, detail: format!("{}: {detail}", self.object) }
            }
            other => other,
        })
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.values.cost(window)
    }
}

/// For fuzzing: takes any bytes as a file and reads all of it that is small.
#[doc(hidden)]
pub fn exercise(data: &[u8]) {
    if let Ok(granule) = open(Arc::new(MemorySource::new("fuzz.nc", data.to_vec()))) {
        read_small_variables(&granule);
    }
}

/// Reads every variable of at most 64 KiB, whatever comes of it.
pub(crate) fn read_small_variables(granule: &Granule) {
    for id in granule.var_ids() {
        let window = Window::all(&granule.shape(id));
        let size = window.count().saturating_mul(granule.var(id).dtype.size() as u64);
        if size <= 64 * 1024 {
            granule.read(id, &window).ok();
            granule.var(id).data.cost(&window).ok();
        }
    }
}
