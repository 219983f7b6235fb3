//! A table in pieces that fit into memory.

use harmony_model::Granule;
use harmony_model::time::TimeTable;
use rayon::prelude::*;

use super::cell::{Cell, Made};
use super::{Column, Role, Table};
use crate::write::WriteError;

/// The pieces of a table, in the order of its rows: boxes that are whole along all axes behind the one they are cut
/// along.
pub struct Slabs {
    shape: Vec<u64>,
    /// The axis that is cut; those before it advance one by one.
    axis: usize,
    /// Indices of that axis in one piece.
    step: u64,
    next: Option<Vec<u64>>,
}

impl Slabs {
    /// Pieces of about `memory` bytes of stored values, whole chunks of the input where that fits.
    pub fn new(granule: &Granule, table: &Table, memory: u64) -> Self {
        let shape = table.shape(granule);
        let row: u64 = table.columns.iter().map(|c| c.size(granule).max(1)).sum();
        let behind = |axis: usize| shape[axis + 1..].iter().copied().fold(row, u64::saturating_mul);
        let axis = (0..shape.len()).find(|&a| behind(a) <= memory).unwrap_or(shape.len().saturating_sub(1));
        let mut step = 1;
        if !shape.is_empty() {
            let fit = (memory / behind(axis).max(1)).max(1);
            let chunk =
                table.variables().filter_map(|v| granule.var(v).storage.chunk_shape()?.get(axis).copied());
            let chunk = chunk.max().unwrap_or(1).clamp(1, shape[axis].max(1));
            // Up to four times the memory is better than inflating chunks again and again.
            step = if chunk <= fit.saturating_mul(4) { (fit / chunk).max(1) * chunk } else { fit };
        }
        let next = (!shape.contains(&0)).then(|| vec![0; shape.len()]);
        Slabs { shape, axis, step, next }
    }
}

impl Iterator for Slabs {
    /// Start and extents along the axes of the table.
    type Item = (Vec<u64>, Vec<u64>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next.take()?;
        let count: Vec<u64> = (0..start.len())
            .map(|a| match a.cmp(&self.axis) {
                std::cmp::Ordering::Less => 1,
                std::cmp::Ordering::Equal => self.step.min(self.shape[a] - start[a]),
                std::cmp::Ordering::Greater => self.shape[a],
            })
            .collect();
        let mut following = start.clone();
        for a in (0..=self.axis).rev().filter(|_| !start.is_empty()) {
            following[a] += count[a];
            if following[a] < self.shape[a] {
                self.next = Some(following);
                break;
            }
            following[a] = 0;
        }
        Some((start, count))
    }
}

/// The values of a piece of a table.
pub struct Loaded {
    /// Extents along the axes of the table.
    pub count: Vec<u64>,
    columns: Vec<LoadedColumn>,
}

struct LoadedColumn {
    role: Role,
    cells: Box<dyn Cell>,
    /// Step in the values for one along each axis of the table; 0 where they do not depend on it.
    strides: Vec<usize>,
}

impl Loaded {
    /// Reads all columns of a piece. `zone`: times end in `Z`.
    ///
    /// # Errors
    /// What reading says.
    pub fn read(
        granule: &Granule,
        times: &TimeTable,
        table: &Table,
        start: &[u64],
        count: &[u64],
        zone: bool,
    ) -> Result<Self, WriteError> {
        let rows = count.iter().product::<u64>();
        let load = |column: &Column| {
            let cells = column.load(granule, times, start, count, zone)?;
            let n = column.axes.iter().map(|&a| count[a]).product::<u64>();
            // What stands in many rows is put into words once.
            let cells = if n <= rows / 4 { Box::new(Made::of(&*cells, n as usize)) } else { cells };
            let mut strides = vec![0; count.len()];
            let mut step = 1;
            for &a in column.axes.iter().rev() {
                strides[a] = step;
                step *= count[a] as usize;
            }
            Ok(LoadedColumn { role: column.role, cells, strides })
        };
        let columns = table.columns.par_iter().map(load).collect::<Result<Vec<_>, WriteError>>()?;
        Ok(Loaded { count: count.into(), columns })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.count.iter().product::<u64>() as usize
    }

    /// Calls `f` with each of `rows`.
    pub fn for_each(&self, rows: std::ops::Range<usize>, mut f: impl FnMut(&Row)) {
        let mut index = self.index_of(rows.start);
        let mut row = Row { loaded: self, at: Vec::with_capacity(self.columns.len()) };
        let place =
            |index: &[usize], c: &LoadedColumn| index.iter().zip(&c.strides).map(|(i, s)| i * s).sum();
        row.at.extend(self.columns.iter().map(|c| place(&index, c)));
        for _ in rows {
            f(&row);
            // The next row: along the last axis positions grow by their strides, else they are worked out.
            match index.last_mut() {
                Some(last) if *last + 1 < self.count[self.count.len() - 1] as usize => {
                    *last += 1;
                    let steps = self.columns.iter().map(|c| c.strides[c.strides.len() - 1]);
                    row.at.iter_mut().zip(steps).for_each(|(at, step)| *at += step);
                }
                _ => {
                    self.advance(&mut index);
                    row.at.iter_mut().zip(&self.columns).for_each(|(at, c)| *at = place(&index, c));
                }
            }
        }
    }

    fn index_of(&self, row: usize) -> Vec<usize> {
        let mut rest = row;
        let mut index: Vec<usize> = self
            .count
            .iter()
            .rev()
            .map(|&n| {
                let i = rest % n.max(1) as usize;
                rest /= n.max(1) as usize;
                i
            })
            .collect();
        index.reverse();
        index
    }

    fn advance(&self, index: &mut [usize]) {
        for (i, &n) in index.iter_mut().zip(&self.count).rev() {
            *i += 1;
            if *i < n as usize {
                return;
            }
            *i = 0;
        }
    }
}

/// One row.
pub struct Row<'a> {
    loaded: &'a Loaded,
    /// Position of its value in each column.
    at: Vec<usize>,
}

impl Row<'_> {
    /// Whether any variable has a value here.
    pub fn has_value(&self) -> bool {
        let variables = self.loaded.columns.iter().zip(&self.at).filter(|(c, _)| c.role == Role::Variable);
        variables.into_iter().any(|(c, &i)| !c.cells.is_missing(i))
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        self.at.len()
    }

    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    pub fn is_missing(&self, column: usize) -> bool {
        self.loaded.columns[column].cells.is_missing(self.at[column])
    }

    /// Appends the text of a value; nothing when it is missing.
    pub fn push(&self, column: usize, out: &mut Vec<u8>) {
        self.loaded.columns[column].cells.push(self.at[column], out);
    }

    /// A value as a number.
    pub fn number(&self, column: usize) -> Option<f64> {
        self.loaded.columns[column].cells.number(self.at[column])
    }
}
