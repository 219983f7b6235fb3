//! The Esri ASCII grid: a header of six lines and the rows from north to south.

use harmony_model::Granule;
use rayon::prelude::*;

use crate::raster::Raster;
use crate::table::{self, Cell, push_float};
use crate::write::{WriteError, WriteOptions};

/// Cells read at once.
const BLOCK: u64 = 1 << 20;
/// Cells put into words by one thread at a time.
const TASK: usize = 1 << 14;
/// Stands for missing values where the variable has no number of its own for them.
const MISSING: f64 = -9999.0;

/// Writes one plane, physical values, to `sink`.
///
/// # Errors
/// What reading and `sink` say; [`WriteError::Unsupported`] for types without numbers.
pub fn write(
    granule: &Granule,
    raster: &Raster,
    band: usize,
    options: &WriteOptions,
    mut sink: impl FnMut(&[u8]) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    let missing = missing_text(raster);
    sink(&header(raster, &missing))?;
    let (rows, cols) = raster.shape();
    let per_chunk = raster.rows_per_chunk(granule).max(1);
    let fit = (BLOCK / cols.max(1)).max(1);
    let step = if per_chunk <= fit.saturating_mul(16) { fit.div_ceil(per_chunk) * per_chunk } else { fit };
    let mut at = 0;
    while at < rows {
        if options.is_cancelled() {
            return Err(WriteError::Cancelled);
        }
        let end = (at + step).min(rows);
        let bytes = raster.read(granule, band, at..end, 0..cols)?;
        let cells = table::cells(granule, raster.var, &raster.dtype, &bytes)?;
        for text in lines(&*cells, (end - at) as usize, cols as usize, &missing) {
            sink(&text)?;
        }
        at = end;
    }
    Ok(())
}

/// Rows as text, in pieces that follow each other.
fn lines(cells: &dyn Cell, rows: usize, cols: usize, missing: &[u8]) -> Vec<Vec<u8>> {
    let per_task = (TASK / cols.max(1)).max(1);
    let firsts: Vec<usize> = (0..rows).step_by(per_task).collect();
    let make = |&first: &usize| {
        let mut out = Vec::new();
        for row in first..(first + per_task).min(rows) {
            for i in row * cols..(row + 1) * cols {
                match cells.is_missing(i) {
                    true => out.extend_from_slice(missing),
                    false => cells.push(i, &mut out),
                }
                out.push(b' ');
            }
            // The blank after the last number becomes the end of the line.
            if let Some(last) = out.last_mut() {
                *last = b'\n';
            }
        }
        out
    };
    firsts.par_iter().map(make).collect()
}

/// The header; cells that are not square have `dx` and `dy` instead of `cellsize`.
fn header(raster: &Raster, missing: &[u8]) -> Vec<u8> {
    let grid = &raster.grid;
    let [west, south, ..] = grid.extent();
    let (dx, dy) = (grid.dx.abs(), grid.dy.abs());
    let mut out = format!("ncols {}\nnrows {}\n", grid.nx, grid.ny).into_bytes();
    let mut line = |name: &str, value: f64| {
        out.extend_from_slice(name.as_bytes());
        out.push(b' ');
        push_float(value, &mut out);
        out.push(b'\n');
    };
    line("xllcorner", west);
    line("yllcorner", south);
    // Axes are often kept in single precision.
    if (dx - dy).abs() <= 1e-6 * dx {
        line("cellsize", dx);
    } else {
        line("dx", dx);
        line("dy", dy);
    }
    out.extend_from_slice(b"NODATA_value ");
    out.extend_from_slice(missing);
    out.push(b'\n');
    out
}

/// What stands for missing values: the fill value of numbers that are stored as they are, else -9999.
fn missing_text(raster: &Raster) -> Vec<u8> {
    let mut out = Vec::new();
    let packed = raster.packing.scale != 1.0 || raster.packing.offset != 0.0;
    let own = raster.nodata.filter(|v| !packed && v.is_finite());
    let value = own.unwrap_or(MISSING);
    match raster.dtype {
        harmony_model::DType::F32 => push_float(value as f32, &mut out),
        _ if value.fract() == 0.0 && value.abs() < 9e15 => table::push_integer(value as i64, &mut out),
        _ => push_float(value, &mut out),
    }
    out
}
