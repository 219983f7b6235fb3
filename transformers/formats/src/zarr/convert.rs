//! Conversions between elements as Zarr stores them and those of the model, and the arrays that apply them.

use std::sync::Arc;

use harmony_model::{ArraySource, Heap, ReadError, Window};

/// binary16 to binary32; exact (IEEE 754-2019 §3.6).
pub(super) fn f32_from_f16(h: u16) -> f32 {
    let sign = u32::from(h & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(h >> 10 & 0x1f), u32::from(h & 0x3ff));
    match (exponent, fraction) {
        // Subnormal: the fraction counts in units of 2⁻²⁴.
        (0, f) => f32::from_bits((f as f32 * 2f32.powi(-24)).to_bits() | sign),
        (31, f) => f32::from_bits(sign | 0x7f80_0000 | f << 13),
        (e, f) => f32::from_bits(sign | (e + 112) << 23 | f << 13),
    }
}

/// binary32 to binary16, to nearest, ties to even.
pub(super) fn f16_from_f32(v: f32) -> u16 {
    let sign = (v.to_bits() >> 16 & 0x8000) as u16;
    let a = v.abs();
    if a.is_nan() {
        return sign | 0x7e00;
    }
    if a >= 65520.0 {
        return sign | 0x7c00;
    }
    if a < 2f32.powi(-14) {
        return sign | (a * 2f32.powi(24)).round_ties_even() as u16;
    }
    let bits = a.to_bits();
    let rounded = bits + 0x0fff + (bits >> 13 & 1);
    sign | ((rounded >> 13) - (112 << 10)) as u16
}

/// UTF-32 code units (native order) of a text, cut at the size of `out`, which is zero beforehand.
pub(super) fn utf32_from_utf8(text: &[u8], out: &mut [u8]) {
    let text = String::from_utf8_lossy(text);
    let characters = text.trim_end_matches('\0').chars();
    for (unit, c) in out.chunks_exact_mut(4).zip(characters) {
        unit.copy_from_slice(&u32::from(c).to_ne_bytes());
    }
}

/// One element of UTF-32 code units (native order) to UTF-8 of the same number of bytes, zero-padded.
fn utf8_in_place(element: &mut [u8]) {
    let mut at = 0;
    for i in (0..element.len()).step_by(4) {
        let mut unit = [0; 4];
        unit.copy_from_slice(&element[i..i + 4]);
        let c = char::from_u32(u32::from_ne_bytes(unit)).unwrap_or(char::REPLACEMENT_CHARACTER);
        // A character of UTF-8 is never longer than its unit, so what is written lies before what is read next.
        element[i..i + 4].fill(0);
        at += c.encode_utf8(&mut element[at..]).len();
    }
}

/// An array of UTF-32 texts, handed out as UTF-8.
pub(super) struct Utf32Array {
    pub inner: Arc<dyn ArraySource>,
    /// Bytes of an element.
    pub size: usize,
}

impl ArraySource for Utf32Array {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        self.inner.read(window, out)?;
        out.chunks_exact_mut(self.size).for_each(utf8_in_place);
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.inner.cost(window)
    }
}

/// An array of binary16, handed out as binary32.
pub(super) struct HalfArray {
    pub inner: Arc<dyn ArraySource>,
}

impl ArraySource for HalfArray {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let mut halves = vec![0; out.len() / 2];
        self.inner.read(window, &mut halves)?;
        for (to, from) in out.chunks_exact_mut(4).zip(halves.chunks_exact(2)) {
            to.copy_from_slice(&f32_from_f16(u16::from_ne_bytes([from[0], from[1]])).to_ne_bytes());
        }
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.inner.cost(window)
    }
}

/// An array whose stored axes are in another order (`order: F`, `transpose`).
pub(super) struct TransposedArray {
    /// The array in stored order.
    pub inner: Arc<dyn ArraySource>,
    /// Axis of this array that each stored axis is.
    pub order: Vec<usize>,
    /// Bytes of an element.
    pub size: usize,
}

impl ArraySource for TransposedArray {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let mut stored = vec![0; out.len()];
        self.inner.read(&self.stored_window(window), &mut stored)?;
        let counts: Vec<usize> = window.shape().iter().map(|&n| n as usize).collect();
        transpose(&stored, &counts, &self.order, self.size, out);
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.inner.cost(&self.stored_window(window))
    }

    fn heap(&self) -> Option<Arc<dyn Heap>> {
        self.inner.heap()
    }
}

impl TransposedArray {
    fn stored_window(&self, window: &Window) -> Window {
        Window(self.order.iter().map(|&axis| window.0[axis].clone()).collect())
    }
}

/// Elements of an array stored with its axes in `order`, to row-major order.
///
/// `counts`: extents of the result; stored axis *i* is its axis `order[i]`. `size`: bytes of an element.
fn transpose(stored: &[u8], counts: &[usize], order: &[usize], size: usize, out: &mut [u8]) {
    // Bytes from one index to the next along each axis of the result.
    let mut strides = vec![0; counts.len()];
    let mut stride = size;
    for &axis in order.iter().rev() {
        strides[axis] = stride;
        stride *= counts[axis];
    }
    if out.is_empty() {
        return;
    }
    let Some((&inner_count, outer)) = counts.split_last() else {
        out.copy_from_slice(stored);
        return;
    };
    let inner_stride = strides[outer.len()];
    let mut index = vec![0; outer.len()];
    let mut from = 0;
    for row in out.chunks_exact_mut(inner_count * size) {
        match size {
            // Element sizes known to the compiler are loads and stores, not calls.
            1 => gather::<1>(stored, from, inner_stride, row),
            2 => gather::<2>(stored, from, inner_stride, row),
            4 => gather::<4>(stored, from, inner_stride, row),
            8 => gather::<8>(stored, from, inner_stride, row),
            _ => {
                for (i, to) in row.chunks_exact_mut(size).enumerate() {
                    let at = from + i * inner_stride;
                    to.copy_from_slice(&stored[at..at + size]);
                }
            }
        }
        for axis in (0..outer.len()).rev() {
            index[axis] += 1;
            from += strides[axis];
            if index[axis] < outer[axis] {
                break;
            }
            from -= outer[axis] * strides[axis];
            index[axis] = 0;
        }
    }
}

fn gather<const SIZE: usize>(stored: &[u8], from: usize, stride: usize, row: &mut [u8]) {
    for (i, to) in row.chunks_exact_mut(SIZE).enumerate() {
        let at = from + i * stride;
        to.copy_from_slice(&stored[at..at + SIZE]);
    }
}

/// An array that is there but can't be read: the rest of the store can.
pub(super) struct RefusedArray(pub ReadError);

impl ArraySource for RefusedArray {
    fn read(&self, _: &Window, _: &mut [u8]) -> Result<(), ReadError> {
        Err(self.0.clone())
    }

    fn cost(&self, _: &Window) -> Result<u64, ReadError> {
        Err(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harmony_model::{MemoryArray, Runs};

    #[test]
    fn every_half_survives_the_way_there_and_back() {
        for h in 0..=u16::MAX {
            let v = f32_from_f16(h);
            if !v.is_nan() {
                assert_eq!(f16_from_f32(v), h);
            }
        }
        assert_eq!((f32_from_f16(0x3c00), f32_from_f16(0x0001)), (1.0, 2f32.powi(-24)));
        assert!(f32_from_f16(0x7e00).is_nan());
        assert_eq!(f16_from_f32(1e9), 0x7c00);
    }

    #[test]
    fn texts_change_their_encoding_in_place() {
        let mut units = vec![0; 16];
        utf32_from_utf8("aé𝄞".as_bytes(), &mut units);
        utf8_in_place(&mut units);
        assert_eq!(&units[..7], "aé𝄞".as_bytes());
        assert!(units[7..].iter().all(|&b| b == 0));
    }

    #[test]
    fn a_window_of_a_transposed_array() {
        // Logical 2 × 3 × 4 stored with its axes in the order 2, 0, 1.
        let logical = |i: usize, j: usize, k: usize| (i * 12 + j * 4 + k) as i32;
        let mut stored = Vec::new();
        for k in 0..4 {
            (0..2).for_each(|i| (0..3).for_each(|j| stored.push(logical(i, j, k))));
        }
        let inner = Arc::new(MemoryArray::of(&[4, 2, 3], &stored));
        let array = TransposedArray { inner, order: vec![2, 0, 1], size: 4 };
        let window = Window(vec![Runs::all(2), Runs::range(1, 2), Runs::from_indices([3, 0])]);
        let mut out = vec![0; 32];
        array.read(&window, &mut out).unwrap();
        let got: Vec<i32> = out.chunks(4).map(|b| i32::from_ne_bytes(b.try_into().unwrap())).collect();
        let want = [(0, 1, 3), (0, 1, 0), (0, 2, 3), (0, 2, 0), (1, 1, 3), (1, 1, 0), (1, 2, 3), (1, 2, 0)];
        assert_eq!(got, want.map(|(i, j, k)| logical(i, j, k)));
    }
}
