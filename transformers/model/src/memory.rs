//! Arrays that are already in memory: computed coordinates, index variables, decoded small formats.

use std::sync::Arc;

use crate::array::{ArraySource, Heap, Window};
use crate::dtype::{Number, SLOT};
use crate::error::ReadError;

/// A row-major array of elements in native byte order.
pub struct MemoryArray {
    shape: Vec<u64>,
    size: usize,
    bytes: Vec<u8>,
    heap: Option<Arc<dyn Heap>>,
}

impl MemoryArray {
    /// `bytes` holds elements of `element_size` bytes; its length must be that of the shape.
    pub fn new(shape: &[u64], element_size: usize, bytes: Vec<u8>) -> Self {
        debug_assert_eq!(shape.iter().product::<u64>() as usize * element_size, bytes.len());
        MemoryArray { shape: shape.into(), size: element_size, bytes, heap: None }
    }

    /// An array of numbers.
    pub fn of<T: Number>(shape: &[u64], values: &[T]) -> Self {
        let mut bytes = Vec::with_capacity(std::mem::size_of_val(values));
        values.iter().for_each(|v| v.put_ne(&mut bytes));
        MemoryArray::new(shape, std::mem::size_of::<T>(), bytes)
    }

    /// An array of texts of any length.
    pub fn of_texts(shape: &[u64], values: Vec<Vec<u8>>) -> Self {
        let slots = (0..values.len()).flat_map(|i| memory_slot(i, values[i].len())).collect();
        let mut array = MemoryArray::new(shape, SLOT, slots);
        array.heap = Some(Arc::new(MemoryHeap(values)));
        array
    }
}

fn memory_slot(index: usize, len: usize) -> [u8; SLOT] {
    let mut slot = [0; SLOT];
    slot[..4].copy_from_slice(&(len as u32).to_le_bytes());
    slot[4..12].copy_from_slice(&(index as u64 + 1).to_le_bytes());
    slot
}

struct MemoryHeap(Vec<Vec<u8>>);

impl Heap for MemoryHeap {
    fn get(&self, slot: &[u8], _: usize) -> Result<Vec<u8>, ReadError> {
        let mut at = [0; 8];
        at.copy_from_slice(&slot[4..12]);
        let index = u64::from_le_bytes(at) as usize;
        Ok(index.checked_sub(1).and_then(|i| self.0.get(i)).cloned().unwrap_or_default())
    }
}

impl ArraySource for MemoryArray {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        copy_window(&self.bytes, &self.shape, self.size, window, out);
        Ok(())
    }

    fn cost(&self, _: &Window) -> Result<u64, ReadError> {
        Ok(0)
    }

    fn heap(&self) -> Option<Arc<dyn Heap>> {
        self.heap.clone()
    }
}

/// Copies the elements of `window` from a row-major array into `out`, row-major.
///
/// `shape`: extents of the input; `size`: bytes of an element. Contiguous runs of the last axis are one copy.
pub fn copy_window(input: &[u8], shape: &[u64], size: usize, window: &Window, out: &mut [u8]) {
    fn walk(
        input: &[u8],
        shape: &[u64],
        size: usize,
        axes: &[crate::Runs],
        base: usize,
        out: &mut &mut [u8],
    ) {
        let Some((axis, rest)) = axes.split_first() else {
            let (head, tail) = std::mem::take(out).split_at_mut(size);
            head.copy_from_slice(&input[base..base + size]);
            *out = tail;
            return;
        };
        let stride = shape[1..].iter().product::<u64>() as usize * size;
        // The rest is whole: the run is one piece of memory.
        let whole = rest.iter().zip(&shape[1..]).all(|(r, &n)| r.is_all(n));
        for run in axis.runs() {
            if whole {
                let from = base + run.start as usize * stride;
                let len = run.len as usize * stride;
                let (head, tail) = std::mem::take(out).split_at_mut(len);
                head.copy_from_slice(&input[from..from + len]);
                *out = tail;
            } else {
                for i in run.start..run.end() {
                    walk(input, &shape[1..], size, rest, base + i as usize * stride, out);
                }
            }
        }
    }
    let mut out = out;
    walk(input, shape, size, &window.0, 0, &mut out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Runs;

    #[test]
    fn a_window_of_a_matrix_is_the_outer_product_of_its_runs() {
        let array = MemoryArray::of(&[3, 4], &(0..12).collect::<Vec<i32>>());
        let window = Window(vec![Runs::from_indices([0, 2]), Runs::from_indices([3, 0])]);
        let mut out = vec![0; 16];
        array.read(&window, &mut out).unwrap();
        assert_eq!(crate::dtype::to_f64s(&crate::DType::I32, &out).unwrap(), [3.0, 0.0, 11.0, 8.0]);
    }
}
