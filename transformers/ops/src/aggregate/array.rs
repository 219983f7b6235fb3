//! A variable of the result, read through those of the granules.

use std::sync::Arc;

use harmony_model::{ArraySource, Heap, ReadError, Runs, StoredChunk, Window};
use rayon::prelude::*;

use super::axes::{AxisMap, Mapped, scatter};
use super::convert::Convert;
use super::heap::Slots;
use super::layout::Layout;
use super::pool::{Pool, changed};
use super::stored::{Chunks, Probe, ReopenedSource};

/// The variable of one granule.
pub struct Part {
    /// Number in the pool.
    pub member: usize,
    /// Number of the variable in the granule.
    pub var: usize,
    /// Stored bytes of all of it.
    pub cost: u64,
    pub convert: Option<Arc<Convert>>,
    pub chunks: Chunks,
    /// Stored chunks are those of the result.
    pub copyable: bool,
    /// A chunk that was never written reads as the result's fill value.
    pub same_fill: bool,
}

/// The axis along which every index belongs to one granule.
#[derive(Clone)]
pub enum JoinAxis {
    /// A first axis that the granules' variables don't have: where each granule begins, and the end.
    New(Arc<[u64]>),
    /// An axis they have, with the same.
    Own(usize, Arc<[u64]>),
}

/// The arrays of all granules as one: stacked on a new axis, or appended along one of theirs.
pub struct JoinedArray {
    pub pool: Arc<Pool>,
    pub path: String,
    /// Bytes of an element of the result.
    pub size: usize,
    pub layout: Arc<Layout>,
    /// Axes of the granules' variables, as dimensions of the layout.
    pub dims: Vec<usize>,
    pub join: JoinAxis,
    /// For each granule; `None`: it lacks the variable.
    pub parts: Vec<Option<Part>>,
    /// One element for what no granule has.
    pub fill: Vec<u8>,
    /// The file will say that unwritten chunks hold `fill`.
    pub declares_fill: bool,
    /// It is the coverage of the granules' arrays that is joined.
    pub of_coverage: bool,
    /// Values behind slots, and where the slots are in an element.
    pub heap: Option<Slots>,
}

/// The part of a window that lies in one granule.
struct Task {
    slot: usize,
    /// Indices along the join axis, from the granule's first.
    runs: Runs,
}

impl JoinedArray {
    fn starts(&self) -> &Arc<[u64]> {
        match &self.join {
            JoinAxis::New(starts) | JoinAxis::Own(_, starts) => starts,
        }
    }

    /// Position of the join axis among the axes of the result.
    fn axis(&self) -> usize {
        match &self.join {
            JoinAxis::New(_) => 0,
            JoinAxis::Own(axis, _) => *axis,
        }
    }

    /// The granule that index `at` along the join axis belongs to.
    fn slot_at(&self, at: u64) -> Option<usize> {
        let starts = self.starts();
        let slot = starts.partition_point(|s| *s <= at).checked_sub(1)?;
        (slot + 1 < starts.len()).then_some(slot)
    }

    /// What a selection along the join axis takes from which granule, in its order.
    fn tasks(&self, runs: &Runs) -> Result<Vec<Task>, ReadError> {
        let starts = self.starts();
        let mut tasks: Vec<Task> = Vec::new();
        for run in runs.runs() {
            let mut at = run.start;
            while at < run.end() {
                let slot = self.slot_at(at).ok_or_else(|| self.outside(runs))?;
                let end = run.end().min(starts[slot + 1]);
                let (first, len) = (at - starts[slot], end - at);
                match tasks.last_mut() {
                    Some(task) if task.slot == slot => task.runs.push(first, len),
                    _ => tasks.push(Task { slot, runs: Runs::range(first, len) }),
                }
                at = end;
            }
        }
        Ok(tasks)
    }

    fn outside(&self, runs: &Runs) -> ReadError {
        let total = self.starts().last().copied().unwrap_or(0);
        let detail = format!("indices up to {} of an axis of {total}", runs.upper());
        ReadError::unsupported(&self.pool.members()[0].name, format!("variable '{}'", self.path), detail)
    }

    /// The granule's axes of a task: mapped from those of the window.
    fn mapped(&self, task: &Task, window: &Window) -> Vec<Mapped> {
        let other = |dim: usize, runs: &Runs| self.layout.dims[dim].maps[task.slot].map(runs);
        match &self.join {
            JoinAxis::New(_) => self.dims.iter().zip(&window.0[1..]).map(|(&d, r)| other(d, r)).collect(),
            JoinAxis::Own(axis, _) => (self.dims.iter().zip(&window.0).enumerate())
                .map(|(i, (&d, r))| if i == *axis { Mapped::whole(&task.runs) } else { other(d, r) })
                .collect(),
        }
    }

    /// Writes what a task takes from its granule, dense and row-major.
    fn read_task(&self, task: &Task, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let Some(part) = &self.parts[task.slot] else {
            fill_with(&self.fill, out);
            return Ok(());
        };
        let axes = self.mapped(task, window);
        if !matches!(self.join, JoinAxis::New(_)) {
            return self.read_part(part, task.slot, &axes, out);
        }
        // Along a new axis every index of the granule holds the same.
        let one = out.len() / (task.runs.len().max(1) as usize);
        let (first, rest) = out.split_at_mut(one);
        self.read_part(part, task.slot, &axes, first)?;
        if one > 0 {
            rest.chunks_exact_mut(one).for_each(|again| again.copy_from_slice(first));
        }
        Ok(())
    }

    fn read_part(&self, part: &Part, slot: usize, axes: &[Mapped], out: &mut [u8]) -> Result<(), ReadError> {
        let window = Window(axes.iter().map(|a| a.input.clone()).collect());
        let count = window.count() as usize;
        let full = axes.iter().all(Mapped::is_full);
        if !full {
            fill_with(&self.fill, out);
        }
        if count == 0 {
            return Ok(());
        }
        let read = |out: &mut [u8]| match self.of_coverage {
            false => self.pool.read(part.member, part.var, &self.path, &window, out),
            true => self.pool.read_coverage(part.member, part.var, &self.path, &window, out),
        };
        if full && part.convert.is_none() {
            read(out)?;
            self.tag(out, slot);
            return Ok(());
        }
        let mut dense = vec![0; count * self.size];
        match &part.convert {
            None => read(&mut dense)?,
            Some(convert) => {
                let mut stored = vec![0; count * convert.input_size()];
                read(&mut stored)?;
                convert.apply(&stored, if full { &mut *out } else { &mut dense });
            }
        }
        if !full {
            self.tag(&mut dense, slot);
            scatter(&dense, out, axes, self.size);
        }
        Ok(())
    }

    fn tag(&self, elements: &mut [u8], slot: usize) {
        if let Some((heap, positions)) = &self.heap {
            heap.tag(elements, self.size, positions, slot);
        }
    }

    /// Whether the task is all that its granule has of the variable.
    fn is_whole(&self, task: &Task, axes: &[Mapped]) -> bool {
        let starts = self.starts();
        let all_join = task.runs.is_all(starts[task.slot + 1] - starts[task.slot]);
        let own = |&d: &usize| match &self.layout.dims[d].maps[task.slot] {
            AxisMap::Offset { len, .. } => *len,
            AxisMap::Segments(segments) => segments.iter().map(|s| s.len).sum(),
        };
        let whole = axes.iter().zip(&self.dims).all(|(a, d)| a.input.len() == own(d));
        whole && (all_join || matches!(self.join, JoinAxis::New(_)))
    }
}

impl ArraySource for JoinedArray {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let axis = self.axis();
        if window.0.len() != self.dims.len() + usize::from(matches!(self.join, JoinAxis::New(_))) {
            return Err(changed(&self.pool.members()[0].name, &self.path));
        }
        if out.is_empty() {
            return Ok(());
        }
        let tasks = self.tasks(&window.0[axis])?;
        let lens = window.shape();
        let before = lens[..axis].iter().product::<u64>() as usize;
        let row = lens[axis + 1..].iter().product::<u64>() as usize * self.size;
        if let [task] = tasks.as_slice() {
            return self.read_task(task, window, out);
        }
        if before == 1 {
            let mut rest = out;
            let mut jobs = Vec::with_capacity(tasks.len());
            for task in &tasks {
                let (own, tail) = std::mem::take(&mut rest).split_at_mut(task.runs.len() as usize * row);
                jobs.push((task, own));
                rest = tail;
            }
            return jobs.into_par_iter().try_for_each(|(task, own)| self.read_task(task, window, own));
        }
        let block = |task: &Task| {
            let mut own = vec![0; before * task.runs.len() as usize * row];
            self.read_task(task, window, &mut own).map(|()| own)
        };
        let blocks: Vec<Vec<u8>> = tasks.par_iter().map(block).collect::<Result<_, _>>()?;
        let stride = lens[axis] as usize * row;
        let mut at = 0;
        for (task, block) in tasks.iter().zip(&blocks) {
            let len = task.runs.len() as usize * row;
            if len > 0 {
                for (i, piece) in block.chunks_exact(len).enumerate() {
                    out[i * stride + at..i * stride + at + len].copy_from_slice(piece);
                }
            }
            at += len;
        }
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        if window.count() == 0 {
            return Ok(0);
        }
        let mut total = 0u64;
        for task in self.tasks(&window.0[self.axis()])? {
            let Some(part) = &self.parts[task.slot] else { continue };
            let axes = self.mapped(&task, window);
            if axes.iter().any(|a| a.input.is_empty()) {
                continue;
            }
            total = total.saturating_add(if self.is_whole(&task, &axes) {
                part.cost
            } else {
                let (granule, var) = self.pool.variable(part.member, part.var, &self.path)?;
                granule.vars[var].data.cost(&Window(axes.into_iter().map(|a| a.input).collect()))?
            });
        }
        Ok(total)
    }

    fn stored_chunk(&self, origin: &[u64], shape: &[u64]) -> Result<Option<StoredChunk>, ReadError> {
        let axis = self.axis();
        let rank = self.dims.len() + usize::from(matches!(self.join, JoinAxis::New(_)));
        if origin.len() != rank || shape.len() != rank || self.heap.is_some() {
            return Ok(None);
        }
        let starts = self.starts();
        let Some(slot) = self.slot_at(origin[axis]) else { return Ok(None) };
        let (begin, end) = (starts[slot], starts[slot + 1]);
        // What hangs over the end of a granule would be somebody else's place.
        if origin[axis] + shape[axis] > end && starts.last() != Some(&end) {
            return Ok(None);
        }
        if matches!(self.join, JoinAxis::New(_)) && (shape[0] != 1 || end - begin != 1) {
            return Ok(None);
        }
        let missing = || self.declares_fill.then_some(StoredChunk::Missing);
        let Some(part) = &self.parts[slot] else { return Ok(missing()) };
        let skip = rank - self.dims.len();
        let mut at = Vec::with_capacity(self.dims.len());
        for (i, &dim) in self.dims.iter().enumerate() {
            let (o, n) = (origin[i + skip], shape[i + skip]);
            if skip == 0 && i == axis {
                at.push(o - begin);
                continue;
            }
            let layout = &self.layout.dims[dim];
            let AxisMap::Offset { start, len } = layout.maps[slot] else { return Ok(None) };
            if o >= start + len || o + n <= start {
                return Ok(missing());
            }
            // Beyond the granule's own end a stored chunk holds anything.
            if o < start || (o + n > start + len && start + len != layout.len) {
                return Ok(None);
            }
            at.push(o - start);
        }
        if !part.copyable {
            return Ok(None);
        }
        let own = &shape[skip..];
        let found = match &part.chunks {
            Chunks::All(table) => table.find(&at, own),
            Chunks::Ask => self.ask(part, &at, own)?,
            Chunks::None => None,
        };
        Ok(found.filter(|c| part.same_fill || !matches!(c, StoredChunk::Missing)))
    }

    fn heap(&self) -> Option<Arc<dyn Heap>> {
        self.heap.as_ref().map(|(heap, _)| heap.clone() as Arc<dyn Heap>)
    }
}

impl JoinedArray {
    /// A stored chunk that was not looked up in advance.
    fn ask(&self, part: &Part, origin: &[u64], shape: &[u64]) -> Result<Option<StoredChunk>, ReadError> {
        let (granule, var) = self.pool.variable(part.member, part.var, &self.path)?;
        let found = granule.vars[var].data.stored_chunk(origin, shape)?;
        Ok(found.map(|chunk| match chunk {
            StoredChunk::Missing => StoredChunk::Missing,
            StoredChunk::At { source, offset, len, filter_mask } => {
                let (pool, member, path) = (&self.pool, part.member, self.path.as_str());
                let probe = Probe { pool, member, var, path, origin, shape };
                StoredChunk::At {
                    source: Arc::new(ReopenedSource::new(&source, &probe)),
                    offset,
                    len,
                    filter_mask,
                }
            }
        }))
    }
}

/// Repeats one element.
pub fn fill_with(element: &[u8], out: &mut [u8]) {
    match element.first() {
        None => {}
        Some(first) if element.iter().all(|b| b == first) => out.fill(*first),
        Some(_) => out.chunks_exact_mut(element.len()).for_each(|o| o.copy_from_slice(element)),
    }
}
