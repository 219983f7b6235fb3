//! Writes netCDF-4 files (which are HDF5 files) without libhdf5: no lock, no start-up cost, the same bytes every time.
//!
//! The file is one block of metadata (superblock version 2, object headers, attribute heap, chunk indexes) followed by
//! the data of the variables in order. [`plan`] decides everything but the addresses; [`write`] runs that plan: stored
//! chunks that come through unchanged are copied, everything else is read and encoded in parallel. Structures follow
//! the HDF5 File Format Specification 3.0, conventions for dimensions those of netCDF-C 4.9.

mod attributes;
pub(crate) mod blocks;
mod btree;
mod datatype;
mod dense;
mod heap;
mod message;
mod metadata;
mod pipeline;
pub(crate) mod produce;
mod put;
#[cfg(test)]
mod round_trip;
pub(crate) mod storage;
mod structure;
#[cfg(test)]
mod tests;

use std::path::Path;

use harmony_model::{Granule, ReadError};

use self::blocks::Block;
use self::metadata::{Metadata, Places};
use self::pipeline::{Job, Placed};
use self::put::align8;
use self::storage::VariableStorage;
use self::structure::Structure;
use crate::write::{
    BlockAction, PendingFile, VariablePlan, WriteError, WriteOptions, WritePlan, WriteReport,
};

/// What [`write()`] would do: every block with its cost, the storage of every variable, the size of the output.
///
/// Reads metadata and chunk indexes only.
///
/// # Errors
/// What the input says; [`ReadError::Unsupported`] naming what HDF5 can't hold.
pub fn plan(granule: &Granule, options: &WriteOptions) -> Result<WritePlan, ReadError> {
    Ok(Prepared::of(granule, options)?.plan(granule))
}

/// Writes the granule to `target`, which appears only when it is complete.
///
/// The bytes do not depend on the number of threads or the memory budget.
///
/// # Errors
/// What the input says, [`WriteError::Full`] and the like for the output, [`WriteError::Cancelled`] when
/// `options.cancel` was set; nothing is left behind.
pub fn write(granule: &Granule, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
    if options.is_cancelled() {
        return Err(WriteError::Cancelled);
    }
    let prepared = Prepared::of(granule, options)?;
    let file = PendingFile::create(target)?;
    let job = Job {
        granule,
        storage: &prepared.storage,
        blocks: &prepared.blocks,
        options,
        start: prepared.metadata_len,
    };
    let Placed { data, end, mut report } = pipeline::run(&job, &file)?;
    let end = align8(end);
    let block = prepared.metadata(granule).build(&prepared.places, &data, end)?;
    if block.len() as u64 != prepared.metadata_len {
        // Would overwrite data; only a source that answers differently each time can bring it about.
        return Err(ReadError::corrupt(&granule.name, "the input", "it changed while it was read").into());
    }
    file.write_at(0, &block)?;
    if options.is_cancelled() {
        return Err(WriteError::Cancelled);
    }
    file.finish(end)?;
    report.bytes_written = end;
    Ok(report)
}

/// Everything that is decided before values are read.
struct Prepared {
    structure: Structure,
    /// For each variable.
    storage: Vec<VariableStorage>,
    blocks: Vec<Vec<Block>>,
    places: Places,
    metadata_len: u64,
    netcdf4: bool,
}

impl Prepared {
    fn of(granule: &Granule, options: &WriteOptions) -> Result<Self, ReadError> {
        let structure = Structure::of(granule)?;
        let storage = granule
            .var_ids()
            .map(|v| VariableStorage::of(granule, v, options))
            .collect::<Result<Vec<_>, _>>()?;
        let blocks = granule
            .vars
            .iter()
            .zip(&storage)
            .map(|(v, s)| blocks::plan(v, s, options.memory))
            .collect::<Result<Vec<_>, _>>()?;
        let mut prepared = Prepared {
            structure,
            storage,
            blocks,
            places: Places::default(),
            metadata_len: 0,
            netcdf4: options.netcdf4,
        };
        (prepared.metadata_len, prepared.places) = prepared.metadata(granule).measure()?;
        Ok(prepared)
    }

    fn metadata<'a>(&'a self, granule: &'a Granule) -> Metadata<'a> {
        Metadata { granule, structure: &self.structure, storage: &self.storage, netcdf4: self.netcdf4 }
    }

    fn plan(&self, granule: &Granule) -> WritePlan {
        let variables: Vec<VariablePlan> = granule
            .var_ids()
            .zip(self.storage.iter().zip(&self.blocks))
            .map(|(id, (storage, blocks))| VariablePlan {
                var: id,
                path: granule.var(id).path.clone(),
                shape: storage.shape.clone(),
                chunk_shape: storage.chunk_shape.clone(),
                filters: storage.filters.clone(),
                tasks: blocks.iter().map(|b| b.task.clone()).collect(),
                bytes_read: blocks.iter().map(|b| b.task.bytes_read).sum(),
                data_bytes: storage.data_bytes,
                output_bytes: blocks.iter().map(|b| estimate(storage, b)).sum(),
            })
            .collect();
        WritePlan {
            bytes_read: variables.iter().map(|v| v.bytes_read).sum(),
            data_bytes: variables.iter().map(|v| v.data_bytes).sum(),
            output_bytes: self.metadata_len + variables.iter().map(|v| v.output_bytes).sum::<u64>(),
            variables,
        }
    }
}

/// Stored size of a block: exact for copies and uncompressed data.
///
/// What is decoded and encoded again takes about what its stored form took, and at most its uncompressed size; what
/// was never compressed about half of it (a typical ratio for geophysical floats).
fn estimate(storage: &VariableStorage, block: &Block) -> u64 {
    let held = block.task.shape.iter().product::<u64>() * storage.element_size as u64;
    let whole = match storage.chunk_shape {
        Some(_) => (block.pieces.end - block.pieces.start).saturating_mul(storage.piece_bytes()),
        None => held,
    };
    match block.task.action {
        BlockAction::Copy => block.task.bytes_read,
        BlockAction::Encode if storage.filters.is_empty() => whole,
        BlockAction::Encode if block.task.bytes_read == 0 || block.task.bytes_read >= held => held / 2,
        BlockAction::Encode => block.task.bytes_read,
    }
}
