//! Elements from strips of a source to a block of the target.

use std::sync::Arc;

use super::block::Block;
use super::cache::Strip;
use super::plane::Plane;
use super::resampler::{NOWHERE, Picker};

pub(super) fn plane_of<'s, T: Copy>(
    extent: &Block,
    strips: &'s [Arc<Strip>],
    values: impl Fn(&'s Strip) -> (&'s [T], bool),
) -> Plane<'s, T> {
    let (mut rows, mut any_fill) = (Vec::with_capacity(extent.height()), false);
    for strip in strips {
        let (values, has_fill) = values(strip);
        rows.extend(values.chunks_exact(extent.width()));
        any_fill |= has_fill;
    }
    Plane::new(extent.clone(), rows, any_fill)
}

/// Rows of bytes; columns still count elements.
pub(super) fn byte_plane<'s>(extent: &Block, strips: &'s [Arc<Strip>], size: usize) -> Plane<'s, u8> {
    let mut rows = Vec::with_capacity(extent.height());
    for strip in strips {
        if let Strip::Bytes(bytes) = &**strip {
            rows.extend(bytes.chunks_exact((extent.width() * size).max(1)));
        }
    }
    Plane::new(extent.clone(), rows, true)
}

/// Takes the elements of a block, `N` bytes each, from a plane; `fill` where there is none.
pub fn pick<const N: usize>(
    picker: &dyn Picker,
    plane: &Plane<u8>,
    block: &Block,
    fill: &[u8],
    out: &mut [u8],
) {
    let mut nothing = [0; N];
    nothing.copy_from_slice(fill);
    let (width, extent) = (block.width(), plane.extent());
    let out = out.as_chunks_mut::<N>().0;
    let (mut rows, mut cols) = (Vec::new(), Vec::new());
    for part in picker.split(block) {
        let left = part.cols.start - block.cols.start;
        let line_of = |row: usize| (row - block.rows.start) * width + left;
        let is_along = picker.along(part.rows.start).is_some();
        if !is_along {
            rows.clear();
            rows.resize(part.count(), NOWHERE);
            cols.clear();
            cols.resize(part.count(), NOWHERE);
            picker.pick(&part, &mut rows, &mut cols);
        }
        for (i, row) in part.rows.clone().enumerate() {
            let out = &mut out[line_of(row)..line_of(row) + part.width()];
            let Some((from, columns)) = picker.along(row) else {
                let here = i * part.width()..(i + 1) * part.width();
                gather(plane, &rows[here.clone()], &cols[here], nothing, out);
                continue;
            };
            let there = extent.rows.contains(&(from as usize));
            let line: &[[u8; N]] = if there { plane.row(from as usize).as_chunks::<N>().0 } else { &[] };
            for (o, &c) in out.iter_mut().zip(&columns[part.cols.clone()]) {
                // Nowhere is behind every end.
                *o = *line.get((c as usize).wrapping_sub(extent.cols.start)).unwrap_or(&nothing);
            }
        }
    }
}

fn gather<const N: usize>(
    plane: &Plane<u8>,
    rows: &[u32],
    cols: &[u32],
    nothing: [u8; N],
    out: &mut [[u8; N]],
) {
    let (extent, lines) = (plane.extent(), plane.rows());
    for ((o, &r), &c) in out.iter_mut().zip(rows).zip(cols) {
        // Nowhere is behind every end.
        let line = lines.get((r as usize).wrapping_sub(extent.rows.start));
        let found = line.and_then(|l| l.as_chunks::<N>().0.get((c as usize).wrapping_sub(extent.cols.start)));
        *o = *found.unwrap_or(&nothing);
    }
}

pub(super) fn gather_any(
    plane: &Plane<u8>,
    rows: &[u32],
    cols: &[u32],
    fill: &[u8],
    size: usize,
    out: &mut [u8],
) {
    let first = plane.extent().cols.start;
    for ((o, &r), &c) in out.chunks_exact_mut(size.max(1)).zip(rows).zip(cols) {
        if r == NOWHERE {
            o.copy_from_slice(fill);
        } else {
            let from = (c as usize - first) * size;
            o.copy_from_slice(&plane.row(r as usize)[from..from + size]);
        }
    }
}

pub(super) fn fill_with(out: &mut [u8], fill: &[u8]) {
    out.chunks_exact_mut(fill.len().max(1)).for_each(|o| o.copy_from_slice(fill));
}

/// Columns for rows of a row-major `rows` × `cols` array.
pub fn transpose(bytes: &[u8], rows: usize, cols: usize, size: usize) -> Vec<u8> {
    let mut out = vec![0; bytes.len()];
    for c in 0..cols {
        for r in 0..rows {
            let (from, to) = ((r * cols + c) * size, (c * rows + r) * size);
            out[to..to + size].copy_from_slice(&bytes[from..from + size]);
        }
    }
    out
}
