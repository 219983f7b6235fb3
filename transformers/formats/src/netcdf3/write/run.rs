//! Values: whole runs of fixed variables, and batches of records with the parts of all record variables in turn.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use harmony_model::{Granule, ReadError, Storage, Window};

use super::convert::Conversion;
use super::flatten::{Flat, FlatVar, texts};
use super::header::Layout;
use crate::lanes;
use crate::netcdf4::write::blocks::{self, Block};
use crate::netcdf4::write::storage::VariableStorage;
use crate::write::{BlockAction, BlockTask, PendingFile, WriteError, WriteOptions};

/// Batches of records are about this large: one write each.
const BATCH: u64 = 8 << 20;
/// Pieces that blocks are put together from.
const PIECE: u64 = 1 << 20;

/// What is made in one go.
pub(super) enum Work {
    /// A run of one variable; its position in the list of variables.
    Run { variable: usize, block: Block },
    /// Records from `first`, with a task for each record variable.
    Records { first: u64, count: u64, tasks: Vec<(usize, BlockTask)> },
}

impl Work {
    /// Variables and what is read of them.
    pub(super) fn tasks(&self) -> Vec<(usize, &BlockTask)> {
        match self {
            Work::Run { variable, block } => vec![(*variable, &block.task)],
            Work::Records { tasks, .. } => tasks.iter().map(|(v, t)| (*v, t)).collect(),
        }
    }
}

/// The work of a file in the order of its bytes.
///
/// # Errors
/// When a chunk index can't be read.
pub(super) fn plan(flat: &Flat, layout: &Layout, memory: u64) -> Result<Vec<Work>, ReadError> {
    let mut work = Vec::new();
    // Parts of a record that are larger than a batch are runs of their own.
    let batched = layout.record_size <= BATCH.min(memory / 4).max(1 << 16);
    for (variable, var) in flat.vars.iter().enumerate() {
        if !var.record || !batched {
            let blocks = runs(var, layout.slabs[variable], memory)?;
            work.extend(blocks.into_iter().map(|block| Work::Run { variable, block }));
        }
    }
    let any = flat.vars.iter().any(|v| v.record);
    if batched && any && flat.records > 0 {
        let step = (BATCH.min(memory / 4) / layout.record_size.max(1)).max(1);
        for first in (0..flat.records).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            work.push(records(flat, first, step.min(flat.records - first))?);
        }
    }
    Ok(work)
}

/// Runs of a variable: boxes whose elements follow each other in the file (or in each record).
fn runs(var: &FlatVar, slab: u64, memory: u64) -> Result<Vec<Block>, ReadError> {
    let mut piece = vec![1; var.shape.len()];
    let mut room = (PIECE / var.item.max(1)).max(1);
    for (axis, (p, &n)) in piece.iter_mut().zip(&var.shape).enumerate().rev() {
        let step = match &var.var.storage {
            Storage::Chunked { shape, .. } if shape.len() == var.shape.len() => shape[axis].max(1),
            _ => 1,
        };
        if n <= room {
            (*p, room) = (n.max(1), room / n.max(1));
            continue;
        }
        // Whole rows of the input's chunks where that is not too much.
        *p = if step <= 8 * room { (room / step * step).clamp(step.min(n), n) } else { room };
        break;
    }
    let counts = var.shape.iter().zip(&piece).map(|(n, c)| n.div_ceil(*c)).collect();
    let storage = VariableStorage {
        shape: var.shape.clone(),
        element_size: var.item as usize,
        data_bytes: slab.saturating_mul(if var.record { var.shape[0] } else { 1 }),
        chunk_shape: None,
        filters: Vec::new(),
        fill: None,
        piece_shape: piece,
        counts,
        stored: Vec::new(),
        has_slots: false,
        has_references: false,
        swap: false,
    };
    blocks::plan(&var.var, &storage, memory)
}

fn records(flat: &Flat, first: u64, count: u64) -> Result<Work, ReadError> {
    let mut tasks = Vec::new();
    for (variable, var) in flat.vars.iter().enumerate().filter(|(_, v)| v.record) {
        let (mut origin, mut shape) = (vec![0; var.shape.len()], var.shape.clone());
        (origin[0], shape[0]) = (first, count);
        let bytes_read = var.var.data.cost(&Window::block(&origin, &shape))?;
        tasks.push((variable, BlockTask { origin, shape, action: BlockAction::Encode, bytes_read }));
    }
    Ok(Work::Records { first, count, tasks })
}

/// Everything a worker needs.
pub(super) struct Job<'a> {
    pub granule: &'a Granule,
    pub flat: &'a Flat,
    pub layout: &'a Layout,
    pub work: &'a [Work],
    pub file: &'a PendingFile,
    pub options: &'a WriteOptions,
    pub target: &'a str,
}

impl Job<'_> {
    /// Writes all values; gives the stored bytes fetched and the number of pieces.
    ///
    /// # Errors
    /// What the input says; [`WriteError::Unsupported`] naming a number that classic netCDF can't hold.
    pub(super) fn run(&self) -> Result<(u64, u64), WriteError> {
        let most = self.work.iter().map(|w| self.memory_of(w)).max().unwrap_or(1).max(1);
        let width = (self.options.memory / most).clamp(1, rayon::current_num_threads() as u64) as usize;
        let (read, done) = (AtomicU64::new(0), Mutex::new(0));
        lanes::run(self.work.len(), width, |number| {
            if self.options.is_cancelled() {
                return Err(WriteError::Cancelled);
            }
            let work = &self.work[number];
            match work {
                Work::Run { variable, block } => self.write_run(*variable, &block.task)?,
                Work::Records { first, count, tasks } => self.write_records(*first, *count, tasks)?,
            }
            let tasks = work.tasks();
            read.fetch_add(tasks.iter().map(|(_, t)| t.bytes_read).sum(), Ordering::Relaxed);
            let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *done += tasks
                .iter()
                .map(|(v, t)| t.shape.iter().product::<u64>() * self.flat.vars[*v].item)
                .sum::<u64>();
            if let Some(progress) = &self.options.progress {
                progress(*done);
            }
            Ok(())
        })?;
        Ok((read.into_inner(), self.work.len() as u64))
    }

    fn memory_of(&self, work: &Work) -> u64 {
        let of = |(v, t): &(usize, &BlockTask)| {
            let var = &self.flat.vars[*v];
            let size = var.var.dtype.size() as u64 + var.item;
            t.shape.iter().fold(size, |n, &d| n.saturating_mul(d))
        };
        let tasks = work.tasks();
        match work {
            Work::Run { .. } => tasks.iter().map(of).sum(),
            Work::Records { count, .. } => {
                tasks.iter().map(of).max().unwrap_or(0) + count * self.layout.record_size
            }
        }
    }

    /// The stored bytes of a box of a variable.
    fn values(&self, var: &FlatVar, task: &BlockTask) -> Result<Vec<u8>, WriteError> {
        let window = Window::block(&task.origin, &task.shape);
        let mut out = Vec::new();
        if let Conversion::Texts { width } = var.conversion {
            for text in texts(&self.granule.name, &var.var, &window)? {
                let end = out.len() + width;
                out.extend_from_slice(&text[..text.len().min(width)]);
                out.resize(end, 0);
            }
            return Ok(out);
        }
        let len = task.shape.iter().product::<u64>() as usize * var.var.dtype.size();
        let mut bytes = vec![0; len];
        var.var.data.read(&window, &mut bytes)?;
        var.conversion.apply(&bytes, &mut out).map_err(|number| WriteError::Unsupported {
            target: self.target.into(),
            object: format!("variable '{}'", var.var.path),
            detail: format!(
                "{number} is not exactly a 64-bit floating-point number, and netCDF-3 has no 64-bit integers; write \
                 netCDF-4, or CDF-5 (compression=cdf5), instead"
            ),
        })?;
        Ok(out)
    }

    fn write_run(&self, variable: usize, task: &BlockTask) -> Result<(), WriteError> {
        let (var, begin) = (&self.flat.vars[variable], self.layout.begins[variable]);
        let bytes = self.values(var, task)?;
        let place = |origin: &[u64], shape: &[u64]| {
            origin.iter().zip(shape).fold(0, |at, (o, n)| at * n + o) * var.item
        };
        if !var.record {
            return self.file.write_at(begin + place(&task.origin, &var.shape), &bytes);
        }
        // Every record of the run is one piece of its own.
        let within = place(&task.origin[1..], &var.shape[1..]);
        let part = (bytes.len() as u64 / task.shape[0].max(1)).max(1) as usize;
        for (record, bytes) in (task.origin[0]..).zip(bytes.chunks(part)) {
            self.file.write_at(begin + record * self.layout.record_size + within, bytes)?;
        }
        Ok(())
    }

    fn write_records(&self, first: u64, count: u64, tasks: &[(usize, BlockTask)]) -> Result<(), WriteError> {
        let size = self.layout.record_size as usize;
        let start = tasks.iter().map(|(v, _)| self.layout.begins[*v]).min().unwrap_or(0);
        let mut batch = vec![0; size * count as usize];
        for (variable, task) in tasks {
            let bytes = self.values(&self.flat.vars[*variable], task)?;
            let slab = self.layout.slabs[*variable] as usize;
            let within = (self.layout.begins[*variable] - start) as usize;
            if slab == 0 {
                continue;
            }
            for (record, part) in batch.chunks_exact_mut(size).zip(bytes.chunks_exact(slab)) {
                record[within..within + slab].copy_from_slice(part);
            }
        }
        self.file.write_at(start + first * self.layout.record_size, &batch)
    }
}
