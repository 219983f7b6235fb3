//! Values of the pixels of some rows of a map.

/// Values row by row, NaN where there is none yet.
pub(super) struct Plane {
    width: usize,
    pub values: Vec<f32>,
    /// Rows that show the same as the one above: large pixels make most of them so.
    repeats: Vec<bool>,
    /// Nothing was drawn yet.
    is_fresh: bool,
}

/// Some rows of a plane.
pub(super) struct Part<'a> {
    pub width: usize,
    pub values: &'a mut [f32],
    pub repeats: &'a mut [bool],
    pub is_fresh: bool,
}

impl Plane {
    pub fn new(width: usize, rows: usize) -> Self {
        Plane { width, values: vec![f32::NAN; width * rows], repeats: vec![true; rows], is_fresh: true }
    }

    /// Whether no pixel is without a value.
    pub fn is_full(&self) -> bool {
        !self.values.iter().any(|v| v.is_nan())
    }

    /// All of it, to be drawn into by the next granule.
    pub fn next(&mut self) -> Part<'_> {
        let is_fresh = std::mem::replace(&mut self.is_fresh, false);
        Part { width: self.width, values: &mut self.values, repeats: &mut self.repeats, is_fresh }
    }

    /// What `paint` makes of the values, row by row; of those that repeat the one above it is asked once.
    pub fn painted(&self, paint: impl Fn(&[f32], &mut [u8])) -> Vec<u8> {
        let mut out = vec![0; self.values.len()];
        for (row, values) in self.values.chunks_exact(self.width.max(1)).enumerate() {
            let at = row * self.width;
            if row > 0 && self.repeats[row] {
                out.copy_within(at - self.width..at, at);
            } else {
                paint(values, &mut out[at..at + self.width]);
            }
        }
        out
    }
}

impl Part<'_> {
    /// Rows of it.
    pub fn len(&self) -> usize {
        self.repeats.len()
    }

    /// The first `rows` rows, and the others.
    pub fn split(&mut self, rows: usize) -> [Part<'_>; 2] {
        let (width, is_fresh) = (self.width, self.is_fresh);
        let (values, more) = self.values.split_at_mut(rows * width);
        let (repeats, others) = self.repeats.split_at_mut(rows);
        let part = |values, repeats| Part { width, values, repeats, is_fresh };
        [part(values, repeats), part(more, others)]
    }

    /// Notes which rows have the same source as the one above.
    pub fn note(&mut self, is_repeated: impl Fn(usize) -> bool) {
        for (row, repeats) in self.repeats.iter_mut().enumerate() {
            *repeats &= row > 0 && is_repeated(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_row_that_repeats_is_painted_once() {
        let mut plane = Plane::new(2, 4);
        let mut part = plane.next();
        assert!(part.is_fresh);
        part.values.copy_from_slice(&[1.0, 2.0, 1.0, 2.0, 3.0, f32::NAN, 3.0, f32::NAN]);
        let [mut top, mut bottom] = part.split(2);
        top.note(|_| true);
        bottom.note(|_| true);
        let count = Cell::new(0);
        let paint = |values: &[f32], out: &mut [u8]| {
            count.set(count.get() + 1);
            out.iter_mut().zip(values).for_each(|(o, v)| *o = *v as u8);
        };
        assert_eq!(plane.painted(paint), [1, 2, 1, 2, 3, 0, 3, 0]);
        assert_eq!(count.get(), 2);
        assert!(!plane.is_full() && !plane.next().is_fresh);
        plane.next().note(|_| false);
        plane.painted(paint);
        assert_eq!(count.get(), 6);
    }
}
