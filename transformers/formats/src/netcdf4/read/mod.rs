//! Reading netCDF-4 and HDF5 without a library: metadata and chunk index, from the HDF5 File Format Specification 3.0.
//!
//! Nothing but byte ranges is asked of the source, so objects in a store are read as files are. A damaged or hostile
//! file is an error, never a crash: every structure is bounds-checked, and what is allocated was first seen to fit
//! into the file.

mod array_index;
mod attributes;
mod btree2;
mod bytes;
pub(super) mod checksum;
mod chunk_table;
mod dataset;
mod dataspace;
mod datatype;
mod dims;
mod exercise;
mod file;
mod filters;
mod fractal_heap;
mod global_heap;
mod header;
mod layout;
mod links;
mod shared;
mod superblock;
mod values;
mod walk;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use harmony_model::{ByteSource, DType, DimId, Granule, ReadError, Variable};

pub use exercise::exercise;

use crate::io::BlockCache;
use file::File;
use walk::Named;

/// Registered name of the format.
pub const FORMAT: &str = "netcdf4";

/// Whether the bytes are an HDF5 file: the signature stands at 0, or after a user block.
///
/// # Errors
/// When the source can't be read.
pub fn is_hdf5(source: &dyn ByteSource) -> Result<bool, ReadError> {
    match superblock::signature(source) {
        Ok(at) => Ok(at.is_some()),
        Err(bad) => Err(bad.at(source.name(), "the file")),
    }
}

/// Opens a netCDF-4 or HDF5 file: all metadata now, chunk indexes and values when they are needed.
///
/// # Errors
/// [`ReadError::Corrupt`] for what breaks the format, [`ReadError::Unsupported`] for what needs more than one file or
/// has names that are not UTF-8; datasets whose values can't be read say so when they are.
pub fn open(source: Arc<dyn ByteSource>) -> Result<Granule, ReadError> {
    open_with(source, true)
}

fn open_with(source: Arc<dyn ByteSource>, verify: bool) -> Result<Granule, ReadError> {
    let name = source.name().to_owned();
    let meta = Arc::new(BlockCache::new(source.clone()));
    let (file, superblock) = File::open(source, meta, verify).map_err(|bad| bad.at(&name, "the file"))?;
    let file = Arc::new(file);
    let short = name.rsplit('/').next().unwrap_or(&name);
    let mut granule = Granule::new(short, FORMAT);
    let contents = walk::walk(&file, superblock.root, &mut granule)?;
    let dims = dims::assign(&contents, &mut granule);
    for (named, dims) in contents.datasets.iter().zip(dims) {
        if !named.dataset.marks.is_only_dim {
            let variable = variable(&file, named, dims, &granule)?;
            granule.vars.push(variable);
        }
    }
    Ok(granule)
}

/// netCDF's prefix for a variable that has the name of a dimension and is not its coordinate.
const NON_COORDINATE: &str = "_nc4_non_coord_";

fn variable(
    file: &Arc<File>,
    named: &Named,
    dims: Vec<DimId>,
    granule: &Granule,
) -> Result<Variable, ReadError> {
    let name = named.name.strip_prefix(NON_COORDINATE).unwrap_or(&named.name);
    let path = harmony_model::granule::join(&granule.group(named.group).path, name);
    let object = format!("variable '{path}'");
    let shape: Vec<u64> = dims.iter().map(|&d| granule.dim(d).len).collect();
    let dataset = &named.dataset;
    let (data, storage) =
        values::source(file, dataset, &object, &shape).map_err(|bad| bad.at(file.name(), &object))?;
    // Slots have no byte order, and what they point to is handed out in native order, as are elements of arrays.
    let ordered = !matches!(dataset.stored.dtype, DType::VLen(_) | DType::Array { .. });
    Ok(Variable {
        group: named.group,
        name: name.to_owned(),
        path,
        dtype: dataset.stored.dtype.clone(),
        big_endian: dataset.stored.big_endian && ordered,
        dims,
        attrs: dataset.attrs.clone(),
        // A slot names a place in this file: as a fill it is of use to nobody else.
        fill: dataset.fill.clone().filter(|_| !dataset.stored.dtype.has_slots()),
        storage,
        data,
    })
}
