//! Strips of source planes: decoded once, shared through the cache.

use std::sync::Arc;

use harmony_model::ReadError;

use super::array::ResampledArray;
use super::block::Block;
use super::cache::{Look, Strip, StripKey};
use super::gather::transpose;
use super::resampler::Resampler;

impl ResampledArray {
    /// Decodes a strip of the plane at `at`.
    pub(super) fn load(&self, at: &[u64], extent: &Block) -> Result<Strip, ReadError> {
        let size = self.element.size();
        let mut bytes = vec![0; extent.count() * size];
        self.inner.read(&self.inner_window(at, extent), &mut bytes)?;
        if self.col_axis < self.row_axis {
            bytes = transpose(&bytes, extent.width(), extent.height(), size);
        }
        Ok(match &self.resampler {
            Resampler::Pick(_) => Strip::Bytes(bytes),
            Resampler::Blend(b) if self.works_in_single(&**b) => {
                let (values, has_fill) = self.element.decode::<f32>(&bytes, false);
                Strip::F32 { values, has_fill }
            }
            Resampler::Blend(b) => {
                let (values, has_fill) = self.element.decode::<f64>(&bytes, b.on_physical());
                Strip::F64 { values, has_fill }
            }
        })
    }

    /// The rows and columns of strip `n`.
    pub(super) fn strip_extent(&self, needed: &Block, n: usize) -> Block {
        // Counted from the first row of the source, as its chunks are.
        let rows = n * self.strip_rows..(n + 1) * self.strip_rows;
        Block { rows, cols: needed.cols.clone() }.intersection(needed)
    }

    /// The strips that hold rows of `window`, from the number of the first on.
    pub(super) fn strips(
        &self,
        at: &[u64],
        needed: &Block,
        window: &Block,
    ) -> Result<(usize, Vec<Arc<Strip>>), ReadError> {
        let first = window.rows.start / self.strip_rows;
        let last = (window.rows.end - 1) / self.strip_rows;
        let plane = self.plane_number(at);
        let key = |strip| StripKey { array: self.number, plane, strip };
        let mut found: Vec<Option<Arc<Strip>>> = Vec::with_capacity(last + 1 - first);
        for n in first..=last {
            found.push(match self.cache.look(key(n)) {
                Look::Ready(strip) => Some(strip),
                Look::Yours => Some(self.make(at, needed, key(n))?),
                Look::Busy => None,
            });
        }
        for (i, slot) in found.iter_mut().enumerate().filter(|(_, s)| s.is_none()) {
            *slot = Some(match self.cache.look(key(first + i)) {
                Look::Ready(strip) => strip,
                Look::Yours => self.make(at, needed, key(first + i))?,
                Look::Busy => Arc::new(self.load(at, &self.strip_extent(needed, first + i))?),
            });
        }
        Ok((first, found.into_iter().flatten().collect()))
    }

    pub(super) fn make(&self, at: &[u64], needed: &Block, key: StripKey) -> Result<Arc<Strip>, ReadError> {
        let strip = self.load(at, &self.strip_extent(needed, key.strip)).map(Arc::new);
        match &strip {
            Ok(strip) => self.cache.put(key, strip),
            Err(_) => self.cache.give_up(key),
        }
        strip
    }
}
