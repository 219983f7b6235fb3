//! From the ranges that are wanted to the requests that are made.

use std::ops::Range;

/// Ranges closer than this are fetched together: a request costs more than these bytes.
const JOIN_GAP: u64 = 64 * 1024;
/// Larger requests are split, so that they run in parallel and a retry costs little.
const PIECE: u64 = 8 * 1024 * 1024;

/// The requests for `ranges` (offset, length; within the object): ascending, disjoint.
pub(super) fn pieces(ranges: &[(u64, u64)]) -> Vec<Range<u64>> {
    let mut sorted: Vec<Range<u64>> = ranges.iter().filter(|r| r.1 > 0).map(|&(o, n)| o..o + n).collect();
    sorted.sort_unstable_by_key(|r| (r.start, r.end));
    let mut spans: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match spans.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(JOIN_GAP) => {
                last.end = last.end.max(range.end)
            }
            _ => spans.push(range),
        }
    }
    spans.into_iter().flat_map(split).collect()
}

/// Parts of about equal length, none longer than a piece.
fn split(span: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let len = span.end - span.start;
    let step = len.div_ceil(len.div_ceil(PIECE));
    (0..len.div_ceil(step)).map(move |i| {
        let start = span.start + i * step;
        start..(start + step).min(span.end)
    })
}

/// Copies the part of `out` (which begins at `offset` of the object) that the piece from `start` holds.
pub(super) fn copy_overlap(start: u64, piece: &[u8], offset: u64, out: &mut [u8]) {
    let from = start.max(offset);
    let to = (start + piece.len() as u64).min(offset + out.len() as u64);
    if from < to {
        let source = &piece[(from - start) as usize..(to - start) as usize];
        out[(from - offset) as usize..(to - offset) as usize].copy_from_slice(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ranges_are_joined_and_far_ones_are_not() {
        let ranges = [(500_000, 10), (0, 100), (1000, 50), (20, 30), (7, 0)];
        assert_eq!(pieces(&ranges), [0..1050, 500_000..500_010]);
        assert_eq!(pieces(&[(0, 10), (10 + JOIN_GAP, 1)]), [0..11 + JOIN_GAP]);
        assert_eq!(pieces(&[(0, 10), (11 + JOIN_GAP, 1)]).len(), 2);
        assert!(pieces(&[]).is_empty());
    }

    #[test]
    fn long_ranges_are_split_without_gap() {
        let parts = pieces(&[(5, 3 * PIECE + 1)]);
        assert_eq!(parts.len(), 4);
        assert!(parts.iter().all(|p| p.end - p.start <= PIECE));
        assert!(parts.windows(2).all(|w| w[0].end == w[1].start));
        assert_eq!((parts[0].start, parts[3].end), (5, 3 * PIECE + 6));
    }

    #[test]
    fn pieces_are_put_together() {
        let whole: Vec<u8> = (0..100).collect();
        let mut out = [0; 50];
        copy_overlap(0, &whole[..40], 25, &mut out);
        copy_overlap(40, &whole[40..60], 25, &mut out);
        copy_overlap(60, &whole[60..], 25, &mut out);
        assert_eq!(out[..], whole[25..75]);
    }
}
