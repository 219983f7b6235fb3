//! Index runs: which indices of an axis are wanted, in which order.

/// `len` consecutive indices from `start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    pub start: u64,
    pub len: u64,
}

impl Run {
    pub fn end(&self) -> u64 {
        self.start + self.len
    }
}

/// An ordered list of index runs along one axis, none of them empty.
///
/// Runs usually ascend; a longitude selection across the seam of a grid is one run at the end followed by one at the
/// beginning.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Runs(Vec<Run>);

impl Runs {
    /// All of an axis of `n` indices.
    pub fn all(n: u64) -> Self {
        Runs::range(0, n)
    }

    /// `len` indices from `start`.
    pub fn range(start: u64, len: u64) -> Self {
        let mut runs = Runs::default();
        runs.push(start, len);
        runs
    }

    /// Appends a run, joined to the last one when it continues it.
    pub fn push(&mut self, start: u64, len: u64) {
        if len == 0 {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.end() == start => last.len += len,
            _ => self.0.push(Run { start, len }),
        }
    }

    /// From single indices in order.
    pub fn from_indices(indices: impl IntoIterator<Item = u64>) -> Self {
        let mut runs = Runs::default();
        indices.into_iter().for_each(|i| runs.push(i, 1));
        runs
    }

    /// From a mask: the indices where it is true.
    pub fn from_mask(mask: &[bool]) -> Self {
        let set = mask.iter().enumerate().filter(|(_, m)| **m);
        Runs::from_indices(set.map(|(i, _)| i as u64))
    }

    pub fn runs(&self) -> &[Run] {
        &self.0
    }

    /// Number of indices.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|r| r.len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is exactly all of an axis of `n` indices, in order.
    pub fn is_all(&self, n: u64) -> bool {
        *self == Runs::all(n)
    }

    pub fn indices(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().flat_map(|r| r.start..r.end())
    }

    /// Index after the largest one; 0 when empty.
    pub fn upper(&self) -> u64 {
        self.0.iter().map(Run::end).max().unwrap_or(0)
    }

    /// Whether the runs ascend without overlap.
    pub fn is_ascending(&self) -> bool {
        self.0.windows(2).all(|w| w[0].end() <= w[1].start)
    }

    /// The part at positions `start..start + len` of this selection.
    pub fn slice(&self, start: u64, len: u64) -> Runs {
        let (mut at, end) = (0, start + len);
        let mut out = Runs::default();
        for r in &self.0 {
            let (lo, hi) = (at.max(start), (at + r.len).min(end));
            if lo < hi {
                out.push(r.start + (lo - at), hi - lo);
            }
            at += r.len;
            if at >= end {
                break;
            }
        }
        out
    }

    /// What `inner` selects out of this selection, in the indices of the axis.
    pub fn compose(&self, inner: &Runs) -> Runs {
        let mut out = Runs::default();
        for r in &inner.0 {
            self.slice(r.start, r.len).0.iter().for_each(|x| out.push(x.start, x.len));
        }
        out
    }

    /// The indices of this selection that `other` holds too, in this selection's order.
    pub fn intersect(&self, other: &Runs) -> Runs {
        let mut sorted = Vec::new();
        let other = if other.is_ascending() {
            &other.0
        } else {
            sorted.extend_from_slice(&other.0);
            sorted.sort_unstable_by_key(|r| r.start);
            &sorted
        };
        let mut out = Runs::default();
        for r in &self.0 {
            let from = other.partition_point(|o| o.end() <= r.start);
            for o in other[from..].iter().take_while(|o| o.start < r.end()) {
                let (lo, hi) = (r.start.max(o.start), r.end().min(o.end()));
                if lo < hi {
                    out.push(lo, hi - lo);
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_selections_across_a_seam_meet_in_the_order_of_the_first() {
        let around = |tail: u64, head: u64| {
            let mut runs = Runs::range(tail, 20 - tail);
            runs.push(0, head);
            runs
        };
        let both = around(15, 5).intersect(&around(17, 3));
        assert_eq!(both.indices().collect::<Vec<_>>(), [17, 18, 19, 0, 1, 2]);
    }

    #[test]
    fn a_slice_of_two_runs_keeps_their_order() {
        let mut seam = Runs::range(358, 2);
        seam.push(0, 3);
        assert_eq!(seam.slice(1, 3).indices().collect::<Vec<_>>(), [359, 0, 1]);
        assert_eq!(seam.compose(&Runs::from_indices([0, 4])).indices().collect::<Vec<_>>(), [358, 2]);
    }

    #[test]
    fn an_intersection_keeps_the_left_order() {
        let mut seam = Runs::range(8, 2);
        seam.push(0, 4);
        assert_eq!(seam.intersect(&Runs::range(2, 7)).indices().collect::<Vec<_>>(), [8, 2, 3]);
    }
}
