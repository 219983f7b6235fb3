//! Which cells of a resampled array have a source: for bytes all of whose codes may be data.

use std::sync::Arc;

use harmony_model::{DType, Variable};

use super::array::{ResampledArray, Source};
use super::element::Element;
use crate::mask::Everywhere;

/// Whether every code of a variable may be data: of a byte for which neither the variable nor its format says what
/// stands for "no data", or of integers that come with a mask. What lies outside its source is told by
/// [`harmony_model::ArraySource::coverage`], not by a code.
pub fn is_told_apart(var: &Variable, element: &Element) -> bool {
    let bytes = matches!(var.dtype, DType::U8 | DType::I8);
    !element.declares_fill() && (bytes || (var.dtype.is_integer() && var.data.coverage().is_some()))
}

impl ResampledArray {
    /// The same array, which also tells which of its cells have a source: the same resampling of ones, or of the
    /// coverage of what it is made of.
    #[must_use]
    pub fn with_coverage(mut self) -> Self {
        let ones = Source {
            data: self.inner_coverage.clone().unwrap_or_else(|| Arc::new(Everywhere)),
            shape: self.inner_shape.clone(),
            row_axis: self.row_axis,
            col_axis: self.col_axis,
            element: Element::coverage(),
            chunk_rows: 1,
            chunk_cols: 1,
            transposed: self.transposed,
        };
        self.coverage = Some(Arc::new(ResampledArray::new(ones, self.resampler.clone(), self.cache.clone())));
        self
    }
}

#[cfg(test)]
mod tests {
    use harmony_model::{ArraySource, MemoryArray, Window};

    use super::*;
    use crate::project::{Block, Footprint, NOWHERE, Picker, Resampler, StripCache};

    /// Two cells of which only the first has a source.
    struct OnlyFirst;

    impl Footprint for OnlyFirst {
        fn source_shape(&self) -> [usize; 2] {
            [1, 1]
        }

        fn target_shape(&self) -> [usize; 2] {
            [1, 2]
        }

        fn window(&self, _: &Block) -> Option<Block> {
            Some(Block::all([1, 1]))
        }
    }

    impl Picker for OnlyFirst {
        fn pick(&self, block: &Block, rows: &mut [u32], cols: &mut [u32]) {
            for (i, col) in block.cols.clone().enumerate() {
                (rows[i], cols[i]) = if col == 0 { (0, 0) } else { (NOWHERE, NOWHERE) };
            }
        }
    }

    #[test]
    fn cells_without_a_source_are_told_in_every_plane() {
        let source = Source {
            data: Arc::new(MemoryArray::of(&[2, 1, 1], &[0u8, 255])),
            shape: vec![2, 1, 1],
            row_axis: 1,
            col_axis: 2,
            element: Element::coverage().with_fill_as_number(),
            chunk_rows: 1,
            chunk_cols: 1,
            transposed: false,
        };
        let resampler = Resampler::Pick(Arc::new(OnlyFirst));
        let array = ResampledArray::new(source, resampler, StripCache::new(1 << 20)).with_coverage();
        let all = Window::all(&[2, 1, 2]);
        let (mut data, mut covered) = ([9; 4], [9; 4]);
        array.read(&all, &mut data).unwrap();
        array.coverage().unwrap().read(&all, &mut covered).unwrap();
        assert_eq!((data, covered), ([0, 0, 255, 0], [1, 0, 1, 0]));
    }
}
