//! Tables as delimited text (RFC 4180, with LF at the end of lines).

use rayon::prelude::*;

use harmony_model::Granule;

use super::slab::{Loaded, Row, Slabs};
use super::{Collected, Table};
use crate::write::{WriteError, WriteOptions};

/// What separates columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    Comma,
    Tab,
}

impl Delimiter {
    pub fn byte(self) -> u8 {
        match self {
            Delimiter::Comma => b',',
            Delimiter::Tab => b'\t',
        }
    }
}

/// Rows put into words by one thread at a time.
const TASK: usize = 8192;

/// Appends a text, quoted where it must be.
pub fn push_quoted(text: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    let special = |b: &u8| *b == delimiter || matches!(b, b'"' | b'\n' | b'\r');
    if !text.iter().any(special) {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for &b in text {
        if b == b'"' {
            out.push(b'"');
        }
        out.push(b);
    }
    out.push(b'"');
}

/// The header line.
pub fn write_header(table: &Table, delimiter: Delimiter) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, column) in table.columns.iter().enumerate() {
        if i > 0 {
            out.push(delimiter.byte());
        }
        push_quoted(column.name.as_bytes(), delimiter.byte(), &mut out);
    }
    out.push(b'\n');
    out
}

/// Appends a row; rows without any value are left out.
fn push_row(row: &Row, texts: &[bool], delimiter: u8, word: &mut Vec<u8>, out: &mut Vec<u8>) {
    if !row.has_value() {
        return;
    }
    for (column, &is_text) in texts.iter().enumerate() {
        if column > 0 {
            out.push(delimiter);
        }
        if is_text {
            word.clear();
            row.push(column, word);
            push_quoted(word, delimiter, out);
        } else {
            row.push(column, out);
        }
    }
    out.push(b'\n');
}

/// Makes text of the rows of a table, piece by piece: `row` appends one, `sink` takes the pieces in order. Returns the
/// number of bytes given to `sink`. Pieces are made by several threads; their order is that of the rows.
///
/// # Errors
/// What reading and the sink say; [`WriteError::Cancelled`].
pub fn write_rows(
    granule: &Granule,
    found: &Collected,
    table: &Table,
    options: &WriteOptions,
    zone: bool,
    row: impl Fn(&Row, &mut Vec<u8>) + Sync,
    mut sink: impl FnMut(&[u8]) -> Result<(), WriteError>,
) -> Result<u64, WriteError> {
    let memory = (options.memory / 4).clamp(1 << 20, 64 << 20);
    let mut written = 0;
    for (start, count) in Slabs::new(granule, table, memory) {
        if options.is_cancelled() {
            return Err(WriteError::Cancelled);
        }
        let loaded = Loaded::read(granule, &found.times, table, &start, &count, zone)?;
        let tasks: Vec<usize> = (0..loaded.rows()).step_by(TASK).collect();
        for batch in tasks.chunks(4 * rayon::current_num_threads()) {
            let make = |&first: &usize| {
                let mut out = Vec::with_capacity(TASK * 32);
                let last = (first + TASK).min(loaded.rows());
                loaded.for_each(first..last, |r| row(r, &mut out));
                out
            };
            for text in batch.par_iter().map(make).collect::<Vec<_>>() {
                sink(&text)?;
                written += text.len() as u64;
            }
            if options.is_cancelled() {
                return Err(WriteError::Cancelled);
            }
        }
    }
    Ok(written)
}

/// Header and rows of a table as delimited text.
///
/// # Errors
/// As [`write_rows`].
pub fn write_text(
    granule: &Granule,
    found: &Collected,
    table: &Table,
    options: &WriteOptions,
    delimiter: Delimiter,
    mut sink: impl FnMut(&[u8]) -> Result<(), WriteError>,
) -> Result<u64, WriteError> {
    let header = write_header(table, delimiter);
    sink(&header)?;
    let texts: Vec<bool> = table.columns.iter().map(|c| c.kind == super::Kind::Text).collect();
    let row = |r: &Row, out: &mut Vec<u8>| {
        // Texts are quoted by way of a second buffer; most tables have none.
        let mut word = Vec::new();
        push_row(r, &texts, delimiter.byte(), &mut word, out);
    };
    let rows = write_rows(granule, found, table, options, true, row, sink)?;
    Ok(header.len() as u64 + rows)
}
