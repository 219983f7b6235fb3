//! Where the indices of a granule's axis go along the axis of the result.

use std::sync::Arc;

use harmony_model::Runs;

/// `len` consecutive indices from `input` of the granule, at `output` of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub output: u64,
    pub input: u64,
    pub len: u64,
}

/// Places of a granule's indices along one axis; nowhere two at the same place.
#[derive(Clone, Debug, PartialEq)]
pub enum AxisMap {
    /// Index `i` is at `start + i`; there are `len` of them.
    Offset { start: u64, len: u64 },
    /// Ascending by `output`.
    Segments(Arc<[Segment]>),
}

/// What a selection along the result's axis means for the granule.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapped {
    /// Indices of the granule, in the order of their places.
    pub input: Runs,
    /// Positions in the selection and how many follow each other there; together as many as `input`.
    pub places: Vec<(u64, u64)>,
    /// Length of the selection.
    pub wanted: u64,
}

impl Mapped {
    /// Everything of the selection, in order.
    pub fn is_full(&self) -> bool {
        self.input.len() == self.wanted
    }

    /// A selection that is already in the granule's indices.
    pub fn whole(runs: &Runs) -> Self {
        Mapped { input: runs.clone(), places: vec![(0, runs.len())], wanted: runs.len() }
    }
}

impl AxisMap {
    /// From the place of every index of the granule.
    pub fn from_places(places: &[u64]) -> Self {
        let mut pairs: Vec<(u64, u64)> = places.iter().copied().zip(0..).collect();
        pairs.sort_unstable();
        let mut segments: Vec<Segment> = Vec::new();
        for (output, input) in pairs {
            match segments.last_mut() {
                Some(s) if s.output + s.len == output && s.input + s.len == input => s.len += 1,
                _ => segments.push(Segment { output, input, len: 1 }),
            }
        }
        match segments.as_slice() {
            [] => AxisMap::Offset { start: 0, len: 0 },
            [s] if s.input == 0 => AxisMap::Offset { start: s.output, len: s.len },
            _ => AxisMap::Segments(segments.into()),
        }
    }

    /// The part of `runs` (indices of the result) that the granule has.
    pub fn map(&self, runs: &Runs) -> Mapped {
        let mut out = Mapped { input: Runs::default(), places: Vec::new(), wanted: runs.len() };
        let mut at = 0;
        for run in runs.runs() {
            match self {
                AxisMap::Offset { start, len } => {
                    let segment = Segment { output: *start, input: 0, len: *len };
                    out.take(&segment, run.start, run.end(), at);
                }
                AxisMap::Segments(segments) => {
                    let first = segments.partition_point(|s| s.output + s.len <= run.start);
                    let touched = segments[first..].iter().take_while(|s| s.output < run.end());
                    touched.for_each(|s| out.take(s, run.start, run.end(), at));
                }
            }
            at += run.len;
        }
        out
    }

    /// Whether all of an axis of `n` is covered.
    pub fn covers(&self, n: u64) -> bool {
        match self {
            AxisMap::Offset { start, len } => *start == 0 && *len >= n,
            AxisMap::Segments(segments) => segments.iter().map(|s| s.len).sum::<u64>() >= n,
        }
    }
}

impl Mapped {
    /// Adds what `segment` has of the run from `start` to `end`, whose first index is position `at`.
    fn take(&mut self, segment: &Segment, start: u64, end: u64, at: u64) {
        let (low, high) = (segment.output.max(start), (segment.output + segment.len).min(end));
        if low >= high {
            return;
        }
        let (place, len) = (at + (low - start), high - low);
        self.input.push(segment.input + (low - segment.output), len);
        match self.places.last_mut() {
            Some((p, n)) if *p + *n == place => *n += len,
            _ => self.places.push((place, len)),
        }
    }
}

/// Copies elements from a dense block (as long as the places along every axis) to their places in a selection.
pub fn scatter(input: &[u8], out: &mut [u8], axes: &[Mapped], size: usize) {
    fn walk(input: &mut &[u8], out: &mut [u8], axes: &[Mapped], size: usize) {
        let Some((axis, rest)) = axes.split_first() else {
            let (head, tail) = input.split_at(size);
            out[..size].copy_from_slice(head);
            *input = tail;
            return;
        };
        let stride = rest.iter().map(|a| a.wanted).product::<u64>() as usize * size;
        let dense = rest.iter().all(Mapped::is_full);
        for &(place, len) in &axis.places {
            let from = place as usize * stride;
            if dense {
                let (head, tail) = input.split_at(len as usize * stride);
                out[from..from + head.len()].copy_from_slice(head);
                *input = tail;
                continue;
            }
            for i in 0..len as usize {
                walk(input, &mut out[from + i * stride..from + (i + 1) * stride], rest, size);
            }
        }
    }
    let mut input = input;
    walk(&mut input, out, axes, size);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_segments_in_the_order_of_the_result() {
        let map = AxisMap::from_places(&[2, 3, 0]);
        let AxisMap::Segments(segments) = &map else { panic!("{map:?}") };
        assert_eq!(segments[0], Segment { output: 0, input: 2, len: 1 });
        assert_eq!(segments[1], Segment { output: 2, input: 0, len: 2 });
        let mapped = map.map(&Runs::range(0, 4));
        assert_eq!(mapped.input.indices().collect::<Vec<_>>(), [2, 0, 1]);
        assert_eq!(mapped.places, [(0, 1), (2, 2)]);
        assert_eq!(AxisMap::from_places(&[5, 6, 7]), AxisMap::Offset { start: 5, len: 3 });
    }

    #[test]
    fn a_shorter_granule_leaves_the_end_open() {
        let map = AxisMap::Offset { start: 0, len: 3 };
        let mapped = map.map(&Runs::range(1, 4));
        assert_eq!((mapped.input.len(), mapped.wanted, mapped.is_full()), (2, 4, false));
        assert!(map.covers(3) && !map.covers(4));
    }

    #[test]
    fn a_block_is_scattered_to_its_places() {
        let rows = Mapped { input: Runs::range(0, 2), places: vec![(0, 1), (2, 1)], wanted: 3 };
        let columns = Mapped { input: Runs::range(0, 2), places: vec![(1, 2)], wanted: 3 };
        let mut out = [0u8; 9];
        scatter(&[1, 2, 3, 4], &mut out, &[rows, columns], 1);
        assert_eq!(out, [0, 1, 2, 0, 0, 0, 0, 3, 4]);
    }
}
