//! Halving of rows: every cell of an overview covers up to 2 × 2 cells of the level below.

use harmony_model::dtype::{Number, number_bytes};
use harmony_model::{DType, with_numeric};
use rayon::prelude::*;

/// How a cell of an overview comes from the cells it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// The north-western one.
    Nearest,
    /// The most frequent valid value, of equals the first one.
    Mode,
    /// Mean of the valid ones.
    Average,
}

/// What is halved.
#[derive(Clone, Copy, Debug)]
pub struct Halving<'a> {
    pub dtype: &'a DType,
    pub kernel: Kernel,
    pub nodata: Option<f64>,
    /// Columns of the input.
    pub width: usize,
    /// 0 for cells that do not count, one byte each.
    pub mask: Option<&'a [u8]>,
}

/// A number that can be stored in place.
trait Cell: Number {
    fn store(self, out: &mut [u8]);
    /// The number next to it: what stands for a mean that happens to be the fill value.
    fn neighbour(self) -> Self;
}

macro_rules! cell {
    ($($t:ty => $next:expr;)*) => {$(
        impl Cell for $t {
            #[inline] fn store(self, out: &mut [u8]) { out.copy_from_slice(&self.to_ne_bytes()); }
            #[inline] fn neighbour(self) -> Self { ($next)(self) }
        }
    )*};
}
cell! {
    i8 => |v: i8| v.checked_add(1).unwrap_or(v - 1);
    u8 => |v: u8| v.checked_add(1).unwrap_or(v - 1);
    i16 => |v: i16| v.checked_add(1).unwrap_or(v - 1);
    u16 => |v: u16| v.checked_add(1).unwrap_or(v - 1);
    i32 => |v: i32| v.checked_add(1).unwrap_or(v - 1);
    u32 => |v: u32| v.checked_add(1).unwrap_or(v - 1);
    i64 => |v: i64| v.checked_add(1).unwrap_or(v - 1);
    u64 => |v: u64| v.checked_add(1).unwrap_or(v - 1);
    f32 => f32::next_up;
    f64 => f64::next_up;
}

/// Half as many rows and columns, rounded up, of whole rows in native order.
pub fn halve(rows: &[u8], how: Halving) -> Vec<u8> {
    with_numeric!(how.dtype, T => halve_as::<T>(rows, how), else => Vec::new())
}

fn halve_as<T: Cell>(rows: &[u8], how: Halving) -> Vec<u8> {
    let size = std::mem::size_of::<T>();
    let line = how.width * size;
    if line == 0 {
        return Vec::new();
    }
    let height = rows.len() / line;
    let out_line = how.width.div_ceil(2) * size;
    let nodata = how.nodata.and_then(|v| number_bytes(how.dtype, v)).map(|b| T::from_ne(&b));
    let mut out = vec![0; out_line * height.div_ceil(2)];
    out.par_chunks_mut(out_line).with_min_len(16).enumerate().for_each(|(r, to)| {
        let top = &rows[2 * r * line..(2 * r + 1) * line];
        // At the edge a row or column stands for the missing one: that changes no mean and no majority.
        let bottom = rows.get((2 * r + 1) * line..(2 * r + 2) * line).unwrap_or(top);
        if let Some(mask) = how.mask {
            let rows =
                [2 * r, (2 * r + 1).min(height - 1)].map(|r| &mask[r * how.width..(r + 1) * how.width]);
            return masked::<T>(top, bottom, rows, to, how.kernel, nodata);
        }
        match how.kernel {
            Kernel::Nearest => fold::<T>(top, bottom, to, |[a, _, _, _]| a),
            Kernel::Mode => fold::<T>(top, bottom, to, |cells| mode(cells, nodata)),
            Kernel::Average => fold::<T>(top, bottom, to, |cells| average(cells, nodata)),
        }
    });
    out
}

#[inline]
fn fold<T: Cell>(top: &[u8], bottom: &[u8], out: &mut [u8], f: impl Fn([T; 4]) -> T) {
    let size = std::mem::size_of::<T>();
    let pairs = out.len() / size;
    let whole = top.len() / (2 * size);
    let (body, edge) = out.split_at_mut(whole * size);
    for ((t, b), to) in
        top.chunks_exact(2 * size).zip(bottom.chunks_exact(2 * size)).zip(body.chunks_exact_mut(size))
    {
        f([T::from_ne(t), T::from_ne(&t[size..]), T::from_ne(b), T::from_ne(&b[size..])]).store(to);
    }
    if pairs > whole {
        let (t, b) = (T::from_ne(&top[2 * whole * size..]), T::from_ne(&bottom[2 * whole * size..]));
        f([t, t, b, b]).store(edge);
    }
}

/// As [`fold`], of those cells that the mask has; 0 where it has none of them.
fn masked<T: Cell>(
    top: &[u8],
    bottom: &[u8],
    mask: [&[u8]; 2],
    out: &mut [u8],
    kernel: Kernel,
    nodata: Option<T>,
) {
    let size = std::mem::size_of::<T>();
    let last = top.len() / size - 1;
    for (i, to) in out.chunks_exact_mut(size).enumerate() {
        let columns = [2 * i, (2 * i + 1).min(last)];
        let places = [(top, mask[0]), (bottom, mask[1])]
            .into_iter()
            .flat_map(|(row, mask)| columns.map(|c| (T::from_ne(&row[c * size..]), mask[c] != 0)));
        let (mut cells, mut count) = ([T::from_f64(0.0); 4], 0);
        for (value, _) in places.filter(|(_, counts)| *counts) {
            cells[count] = value;
            count += 1;
        }
        // What is left of four repeats the others: mean and majority stay about the same, a rim needs no more.
        let cells = match count {
            0 => cells,
            1 => [cells[0]; 4],
            2 => [cells[0], cells[1], cells[0], cells[1]],
            3 if kernel == Kernel::Average => {
                let sum = cells[0].as_f64() + cells[1].as_f64() + cells[2].as_f64();
                [T::from_f64((sum / 3.0).round()); 4]
            }
            3 => [cells[0], cells[1], cells[2], cells[0]],
            _ => cells,
        };
        match kernel {
            Kernel::Nearest => cells[0],
            Kernel::Mode => mode(cells, nodata),
            Kernel::Average => average(cells, nodata),
        }
        .store(to);
    }
}

/// Half as many rows and columns of a mask: a cell counts when any that it covers does.
pub fn halve_mask(rows: &[u8], width: usize) -> Vec<u8> {
    if width == 0 {
        return Vec::new();
    }
    let half = width.div_ceil(2);
    let mut out = vec![0; half * (rows.len() / width).div_ceil(2)];
    for (r, row) in rows.chunks_exact(width).enumerate() {
        for (pair, to) in row.chunks(2).zip(&mut out[r / 2 * half..][..half]) {
            *to |= pair.iter().fold(0, |any, m| any | m);
        }
    }
    out
}

#[inline]
#[expect(clippy::eq_op, reason = "a test for NaN that integers have too")]
fn is_valid<T: Cell>(v: T, nodata: Option<T>) -> bool {
    v == v && nodata != Some(v)
}

#[inline]
fn average<T: Cell>(cells: [T; 4], nodata: Option<T>) -> T {
    let (mut sum, mut count) = (0.0, 0.0);
    for v in cells {
        let ok = is_valid(v, nodata);
        sum += if ok { v.as_f64() } else { 0.0 };
        count += if ok { 1.0 } else { 0.0 };
    }
    if count == 0.0 {
        return nodata.unwrap_or(cells[0]);
    }
    let mean = T::from_f64(if T::DTYPE.is_float() { sum / count } else { (sum / count + 0.5).floor() });
    if nodata == Some(mean) { mean.neighbour() } else { mean }
}

#[inline]
fn mode<T: Cell>(cells: [T; 4], nodata: Option<T>) -> T {
    let count = |v: T| cells.iter().filter(|c| **c == v).count();
    let mut best = (0, cells[0]);
    for v in cells.into_iter().filter(|&v| is_valid(v, nodata)) {
        let n = count(v);
        if n > best.0 {
            best = (n, v);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T: Number>(values: &[T], width: usize, kernel: Kernel, nodata: Option<f64>) -> Vec<f64> {
        let mut bytes = Vec::new();
        values.iter().for_each(|v| v.put_ne(&mut bytes));
        let out = halve(&bytes, Halving { dtype: &T::DTYPE, kernel, nodata, width, mask: None });
        harmony_model::dtype::to_f64s(&T::DTYPE, &out).unwrap()
    }

    #[test]
    fn means_leave_fill_out_and_edges_stand_alone() {
        let v = [1.0f32, 3.0, -9.0, 5.0, 7.0, 8.0, -9.0, -9.0, 9.0];
        assert_eq!(run(&v, 3, Kernel::Average, Some(-9.0)), [4.0, 8.0, -9.0, 9.0]);
        assert_eq!(run(&[1u8, 2, 2, 2], 2, Kernel::Average, None), [2.0]);
        assert_eq!(run(&[-1i16, 1, -1, 1], 2, Kernel::Average, Some(0.0)), [1.0]);
        assert!(run(&[f32::NAN; 4], 2, Kernel::Average, None)[0].is_nan());
    }

    #[test]
    fn only_cells_of_the_mask_count() {
        let mask = [1, 0, 1, 0, 0, 0];
        let how = |kernel| Halving { dtype: &DType::U8, kernel, nodata: None, width: 3, mask: Some(&mask) };
        assert_eq!(halve(&[9, 0, 7, 0, 0, 0], how(Kernel::Average)), [9, 7]);
        assert_eq!(halve(&[9, 0, 7, 0, 0, 0], how(Kernel::Mode)), [9, 7]);
        assert_eq!(halve_mask(&[0, 0, 1, 1, 0, 0], 3), [1, 1]);
        assert_eq!(halve_mask(&[0, 0, 0, 0, 0, 1], 2), [0, 1]);
    }

    #[test]
    fn classes_are_not_mixed() {
        assert_eq!(run(&[0u8, 7, 7, 9], 2, Kernel::Mode, Some(0.0)), [7.0]);
        assert_eq!(run(&[4u8, 7, 9, 0], 2, Kernel::Mode, Some(0.0)), [4.0]);
        assert_eq!(run(&[0u8; 4], 2, Kernel::Mode, Some(0.0)), [0.0]);
        assert_eq!(run(&[4u8, 7, 9, 0], 2, Kernel::Nearest, None), [4.0]);
    }
}
