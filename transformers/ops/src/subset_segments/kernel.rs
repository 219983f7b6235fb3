//! Segment index arithmetic. Begins are 1-based; 0 and negative numbers mean "no sample".

use harmony_model::Runs;

/// The samples of a selection of segments.
#[derive(Clone, Debug, PartialEq)]
pub struct Owned {
    pub samples: Runs,
}

/// From the first sample of each run of segments up to the sample before the next segment that has any; counts are
/// not used, because some products pad (GEDI waveforms).
///
/// `begin`: 1-based first sample of every segment of the granule; `chosen`: selected segments; `total`: samples.
pub fn samples_of_segments(begin: &[i64], chosen: &Runs, total: u64) -> Owned {
    let mut samples = Runs::default();
    for run in chosen.runs() {
        let (from, to) = (run.start as usize, (run.end() as usize).min(begin.len()));
        let Some(first) = begin[from.min(to)..to].iter().copied().find(|&b| b > 0) else { continue };
        let end = begin[to..].iter().copied().find(|&b| b > 0).map_or(total, |b| b as u64 - 1).min(total);
        let start = first as u64 - 1;
        samples.push(start, end.saturating_sub(start));
    }
    Owned { samples }
}

impl Owned {
    /// Without the samples of the last segment of every run.
    pub fn without_last_segments(&self, begin: &[i64], chosen: &Runs) -> Owned {
        let mut segments = Runs::default();
        chosen.runs().iter().for_each(|r| segments.push(r.start, r.len - 1));
        let total = self.samples.upper();
        samples_of_segments(begin, &segments, total)
    }
}

/// A segment index for what is left.
#[derive(Clone, Debug, PartialEq)]
pub struct Rebased {
    pub begin: Vec<i64>,
    pub count: Vec<i64>,
}

/// New begins and counts of the `chosen` segments when only the samples `kept` (ascending) are left.
///
/// A begin that meant "no sample" stays as it is; a segment that has lost all its samples gets 0.
pub fn rebased(begin: &[i64], chosen: &Runs, total: u64, kept: &Runs) -> Rebased {
    // Position in the output before each kept run.
    let mut before = Vec::with_capacity(kept.runs().len());
    let mut at = 0;
    for r in kept.runs() {
        before.push(at);
        at += r.len;
    }
    // How many kept samples lie before original index `i`.
    let rank = |i: u64| {
        let k = kept.runs().partition_point(|r| r.end() <= i);
        match kept.runs().get(k) {
            Some(r) => before[k] + i.saturating_sub(r.start),
            None => at,
        }
    };
    let mut out = Rebased { begin: Vec::new(), count: Vec::new() };
    let mut next = vec![total; begin.len() + 1];
    for i in (0..begin.len()).rev() {
        next[i] = if begin[i] > 0 { (begin[i] as u64 - 1).min(total) } else { next[i + 1] };
    }
    for i in chosen.indices().map(|i| i as usize).filter(|&i| i < begin.len()) {
        if begin[i] <= 0 {
            out.begin.push(begin[i]);
            out.count.push(0);
            continue;
        }
        let (first, end) = (rank(begin[i] as u64 - 1), rank(next[i + 1]));
        let count = end.saturating_sub(first) as i64;
        out.begin.push(if count > 0 { first as i64 + 1 } else { 0 });
        out.count.push(count);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: [i64; 6] = [1, 5, 0, 9, 0, 0];

    #[test]
    fn samples_run_up_to_the_next_segment_that_has_any() {
        let samples = |from, len| samples_of_segments(&BEGIN, &Runs::range(from, len), 12).samples;
        assert_eq!(samples(1, 1), Runs::range(4, 4));
        assert_eq!(samples(1, 2), Runs::range(4, 4));
        assert_eq!(samples(3, 1), Runs::range(8, 4), "to the end when no begin follows");
        assert!(samples(4, 2).is_empty());
    }

    #[test]
    fn begins_point_into_what_is_left() {
        let mut chosen = Runs::range(0, 1);
        chosen.push(2, 2);
        let owned = samples_of_segments(&BEGIN, &chosen, 12);
        let new = rebased(&BEGIN, &chosen, 12, &owned.samples);
        assert_eq!(new.begin, [1, 0, 5]);
        assert_eq!(new.count, [4, 0, 4]);
    }

    #[test]
    fn a_segment_without_its_first_sample_begins_at_the_next_one() {
        let new = rebased(&BEGIN, &Runs::range(0, 2), 12, &Runs::range(2, 4));
        assert_eq!(new.begin, [1, 3]);
        assert_eq!(new.count, [2, 2]);
    }
}
