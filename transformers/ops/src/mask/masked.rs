//! The lazy array of a subset: index runs of an inner array, with fill where masks do not want the sample.

use std::sync::Arc;

use harmony_model::{ArraySource, DType, Heap, ReadError, StoredChunk, Window};

use crate::selection::MaskSource;

/// A mask as it lies on one variable.
#[derive(Clone)]
pub struct AppliedMask {
    /// For each axis of the mask the axis of the variable.
    pub axes: Vec<usize>,
    pub source: Arc<dyn MaskSource>,
}

/// Selected indices of `inner`, masked.
pub struct CutArray {
    pub inner: Arc<dyn ArraySource>,
    /// Extents of `inner`.
    pub inner_shape: Vec<u64>,
    /// What is selected, per axis, in indices of `inner`.
    pub window: Window,
    pub element_size: usize,
    pub masks: Vec<AppliedMask>,
    /// One element, native order.
    pub fill: Vec<u8>,
    /// Which elements of the subset have a source, where a fill value does not tell.
    pub coverage: Option<Arc<dyn ArraySource>>,
}

/// Ones, whatever is asked for: the coverage of data that have a source everywhere.
pub struct Everywhere;

impl ArraySource for Everywhere {
    fn read(&self, _: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        out.fill(1);
        Ok(())
    }

    fn cost(&self, _: &Window) -> Result<u64, ReadError> {
        Ok(0)
    }
}

impl CutArray {
    /// The same subset of another array of the same shape, which tells whether the data have a source.
    #[must_use]
    pub fn with_coverage(mut self, inner: Arc<dyn ArraySource>) -> Self {
        self.coverage = Some(Arc::new(CutArray {
            inner,
            inner_shape: self.inner_shape.clone(),
            window: self.window.clone(),
            element_size: 1,
            masks: self.masks.clone(),
            fill: vec![0],
            coverage: None,
        }));
        self
    }

    /// The part of the masks' index space that `window` (indices of `inner`) touches.
    fn mask_window(mask: &AppliedMask, window: &Window) -> Window {
        Window(mask.axes.iter().map(|&a| window.0[a].clone()).collect())
    }

    /// Lays fill over unwanted elements of `out`, which holds `window`.
    fn apply(&self, mask: &AppliedMask, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let on_mask = Self::mask_window(mask, window);
        let mut wanted = vec![0u8; on_mask.count() as usize];
        mask.source.read(&on_mask, &mut wanted)?;
        if wanted.iter().all(|&w| w == 1) {
            return Ok(());
        }
        let shape: Vec<usize> = window.shape().iter().map(|&n| n as usize).collect();
        // Stride of each axis of the variable in the mask; 0 where the mask does not depend on it.
        let mut strides = vec![0usize; shape.len()];
        let mut step = 1;
        for &axis in mask.axes.iter().rev() {
            strides[axis] = step;
            step *= shape[axis];
        }
        fill_unwanted(&shape, &strides, &wanted, &self.fill, out);
        Ok(())
    }

    /// Whether every mask wants all of `window`, asked only of cheap masks.
    fn all_wanted(&self, window: &Window) -> Result<bool, ReadError> {
        for mask in &self.masks {
            if !mask.source.is_cheap() {
                return Ok(false);
            }
            let on_mask = Self::mask_window(mask, window);
            let mut wanted = vec![0u8; on_mask.count() as usize];
            mask.source.read(&on_mask, &mut wanted)?;
            if wanted.contains(&0) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Writes `fill` over the elements of a row-major array that `wanted` (broadcast by `strides`) does not want.
fn fill_unwanted(shape: &[usize], strides: &[usize], wanted: &[u8], fill: &[u8], out: &mut [u8]) {
    fn walk(shape: &[usize], strides: &[usize], at: usize, wanted: &[u8], fill: &[u8], out: &mut [u8]) {
        match shape {
            [] => {
                if wanted[at] == 0 {
                    out.copy_from_slice(fill);
                }
            }
            [_, rest @ ..] if strides.iter().all(|&s| s == 0) => {
                let _ = rest;
                if wanted[at] == 0 {
                    out.chunks_exact_mut(fill.len()).for_each(|e| e.copy_from_slice(fill));
                }
            }
            [n] => {
                for (i, e) in out.chunks_exact_mut(fill.len()).enumerate().take(*n) {
                    if wanted[at + i * strides[0]] == 0 {
                        e.copy_from_slice(fill);
                    }
                }
            }
            [n, rest @ ..] => {
                let size = out.len() / (*n).max(1);
                for (i, part) in out.chunks_exact_mut(size.max(1)).enumerate().take(*n) {
                    walk(rest, &strides[1..], at + i * strides[0], wanted, fill, part);
                }
            }
        }
    }
    walk(shape, strides, 0, wanted, fill, out);
}

impl ArraySource for CutArray {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let inner = self.window.compose(window);
        self.inner.read(&inner, out)?;
        self.masks.iter().try_for_each(|m| self.apply(m, &inner, out))
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        let inner = self.window.compose(window);
        let mut bytes = self.inner.cost(&inner)?;
        for mask in &self.masks {
            bytes += mask.source.cost(&Self::mask_window(mask, &inner))?;
        }
        Ok(bytes)
    }

    fn stored_chunk(&self, origin: &[u64], shape: &[u64]) -> Result<Option<StoredChunk>, ReadError> {
        let mut start = Vec::with_capacity(origin.len());
        let mut part = Vec::with_capacity(origin.len());
        for (axis, runs) in self.window.0.iter().enumerate() {
            let have = runs.len().saturating_sub(origin[axis]).min(shape[axis]);
            let slice = runs.slice(origin[axis], have);
            let [run] = slice.runs() else { return Ok(None) };
            // A chunk at the new edge may only come through if the array ended there before: what hangs over must
            // not be somebody's data.
            if run.len < shape[axis] && run.end() != self.inner_shape[axis] {
                return Ok(None);
            }
            start.push(run.start);
            part.push(run.len);
        }
        let Some(chunk) = self.inner.stored_chunk(&start, shape)? else { return Ok(None) };
        Ok(self.all_wanted(&Window::block(&start, &part))?.then_some(chunk))
    }

    fn coverage(&self) -> Option<Arc<dyn ArraySource>> {
        self.coverage.clone()
    }

    fn heap(&self) -> Option<Arc<dyn Heap>> {
        self.inner.heap()
    }
}

/// Fill value for masking a variable that declares none (`contract`: the defaults of the mask-fill service).
/// `None` for types that can't be masked.
pub fn default_fill(dtype: &DType) -> Option<Vec<u8>> {
    let value = match dtype {
        DType::F32 | DType::F64 => -9999.0,
        DType::I8 => f64::from(i8::MAX),
        DType::I16 => f64::from(i16::MAX),
        DType::I32 => f64::from(i32::MAX),
        DType::U8 => 254.0,
        DType::U16 => 65_534.0,
        DType::U32 => 4_294_967_294.0,
        DType::I64 => -9999.0,
        DType::U64 => return Some((u64::MAX - 1).to_ne_bytes().into()),
        _ => return None,
    };
    harmony_model::dtype::number_bytes(dtype, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_on_two_of_three_axes_is_broadcast_over_the_third() {
        // shape (2 time, 2 lat, 3 lon); the mask depends on lat and lon.
        let mut out = [1u8; 12];
        fill_unwanted(&[2, 2, 3], &[0, 3, 1], &[1, 1, 0, 0, 1, 1], &[9], &mut out);
        assert_eq!(out, [1, 1, 9, 9, 1, 1, 1, 1, 9, 9, 1, 1]);
    }

    #[test]
    fn a_mask_on_the_first_axis_fills_whole_rows() {
        let mut out = [1u8; 6];
        fill_unwanted(&[2, 3], &[1, 0], &[0, 1], &[7], &mut out);
        assert_eq!(out, [7, 7, 7, 1, 1, 1]);
    }
}
