//! Stored numbers to indices and channels: plain loops over slices.

use harmony_model::dtype::{Number, number_bytes};
use harmony_model::{DType, with_numeric};

use super::rule::{Channel, Index, Rule};
use crate::raster::Raster;

/// How stored elements of a raster become physical values.
#[derive(Clone, Debug)]
pub struct Unpack {
    pub dtype: DType,
    pub nodata: Option<f64>,
    pub scale: f64,
    pub offset: f64,
}

impl Unpack {
    pub fn of(raster: &Raster) -> Self {
        let (scale, offset) = (raster.packing.scale, raster.packing.offset);
        Unpack { dtype: raster.dtype.clone(), nodata: raster.nodata, scale, offset }
    }

    /// Calls `put` with the physical value of every element, NaN where there is none.
    #[inline]
    pub fn each(&self, bytes: &[u8], mut put: impl FnMut(f64)) {
        let (scale, offset) = (self.scale, self.offset);
        with_numeric!(&self.dtype, T => {
            let missing = self.nodata.and_then(|v| number_bytes(&self.dtype, v)).map(|b| T::from_ne(&b));
            let elements = bytes.chunks_exact(std::mem::size_of::<T>()).map(T::from_ne);
            match missing {
                None => elements.for_each(|e| put(e.as_f64() * scale + offset)),
                Some(m) => {
                    elements.for_each(|e| put(if e == m { f64::NAN } else { e.as_f64() * scale + offset }));
                }
            }
        }, else => ());
    }

    /// Sets each of `out` to what `find` gives for the physical value of an element, NaN where there is none.
    #[inline]
    fn map(&self, bytes: &[u8], out: &mut [u8], find: impl Fn(f64) -> u8) {
        let (scale, offset) = (self.scale, self.offset);
        with_numeric!(&self.dtype, T => {
            let missing = self.nodata.and_then(|v| number_bytes(&self.dtype, v)).map(|b| T::from_ne(&b));
            let cells = bytes.chunks_exact(std::mem::size_of::<T>()).map(T::from_ne).zip(out);
            match missing {
                None => cells.for_each(|(e, o)| *o = find(e.as_f64() * scale + offset)),
                Some(m) => cells.for_each(|(e, o)| {
                    *o = find(if e == m { f64::NAN } else { e.as_f64() * scale + offset });
                }),
            }
        }, else => ());
    }

    /// Every value that elements of one or two bytes can have, as bytes; `None` for other types.
    fn all_elements(&self) -> Option<Vec<u8>> {
        match self.dtype.size() {
            1 => Some((0..=u8::MAX).collect()),
            2 => Some((0..=u16::MAX).flat_map(u16::to_ne_bytes).collect()),
            _ => None,
        }
    }

    /// What `find` gives for every element of one or two bytes, by its bits.
    pub fn table(&self, find: impl Fn(f64) -> u8) -> Option<Vec<u8>> {
        let all = self.all_elements()?;
        let mut out = Vec::with_capacity(all.len() / self.dtype.size());
        self.each(&all, |v| out.push(find(v)));
        Some(out)
    }
}

/// The entry of a table for each element of one or two bytes; `step` is the distance of outputs.
pub fn look_up(table: &[u8], size: usize, bytes: &[u8], out: &mut [u8], step: usize) {
    if let (1, 1, Some(table)) = (size, step, table.first_chunk::<256>()) {
        if table.iter().enumerate().all(|(i, &v)| i == usize::from(v)) {
            out.copy_from_slice(bytes);
        } else {
            out.iter_mut().zip(bytes).for_each(|(o, &b)| *o = table[usize::from(b)]);
        }
        return;
    }
    let out = out.iter_mut().step_by(step);
    if size == 1 {
        out.zip(bytes).for_each(|(o, &b)| *o = table[usize::from(b)]);
    } else {
        let (pairs, _) = bytes.as_chunks::<2>();
        out.zip(pairs).for_each(|(o, &b)| *o = table[usize::from(u16::from_ne_bytes(b))]);
    }
}

/// Makes `hidden` true where an element of one or two bytes is the missing one.
pub fn mark_missing(unpack: &Unpack, bytes: &[u8], hidden: &mut [bool]) {
    let Some(missing) = unpack.nodata.and_then(|v| number_bytes(&unpack.dtype, v)) else { return };
    match missing[..] {
        [m] => hidden.iter_mut().zip(bytes).for_each(|(h, &b)| *h |= b == m),
        [a, b] => hidden.iter_mut().zip(bytes.as_chunks::<2>().0).for_each(|(h, e)| *h |= *e == [a, b]),
        _ => {}
    }
}

/// Palette indices of elements.
pub fn indices(unpack: &Unpack, index: &Index, bytes: &[u8], out: &mut [u8]) {
    match &index.rule {
        // Without a branch it is vector code.
        Rule::Even(even) => unpack.map(bytes, out, |v| {
            let found = index.first.wrapping_add(even.find(v));
            if v.is_nan() { index.missing } else { found }
        }),
        _ => unpack.map(bytes, out, |v| index.find(v)),
    }
}

/// One channel of pixels of `step` bytes; `hidden` becomes true where there is no value.
pub fn channel(
    unpack: &Unpack,
    channel: &Channel,
    bytes: &[u8],
    out: &mut [u8],
    step: usize,
    hidden: &mut [bool],
) {
    let mut to = out.iter_mut().step_by(step).zip(hidden);
    unpack.each(bytes, |v| {
        if let Some((o, hidden)) = to.next() {
            *o = channel.find(v);
            *hidden |= v.is_nan();
        }
    });
}
