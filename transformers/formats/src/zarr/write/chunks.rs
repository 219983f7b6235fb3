//! How long chunks are.
//!
//! The rule is that of NASA's netcdf-to-zarr: equal sides, except along axes that are shorter than a side. On top of it
//! come a limit along time, and edges on the edges of the input's chunks, so that no input chunk is decoded twice.

/// Uncompressed bytes of a chunk.
pub(super) const BUDGET: u64 = 16 << 20;
/// What the reference takes: 10 MiB that are assumed to shrink by a half.
pub(super) const REFERENCE_BUDGET: u64 = 15_728_640;
/// A month of hours: a longer chunk makes every map of one moment read too much.
const MOST_TIMES: u64 = 31 * 24;

/// What is asked of the chunks of one array.
pub(super) struct Wanted<'a> {
    pub shape: &'a [u64],
    /// Elements of a chunk.
    pub elements: u64,
    /// Lengths that are given, by axis.
    pub given: &'a [Option<u64>],
    /// Axes that are time.
    pub is_time: &'a [bool],
    /// Chunks of the input along each axis; `None` when there are none or they don't matter.
    pub input: Option<&'a [u64]>,
    /// The reference's rule and nothing else.
    pub plain: bool,
}

/// Chunk lengths, each at least 1 and at most the axis.
pub(super) fn lengths(wanted: &Wanted<'_>) -> Vec<u64> {
    let all = wanted.shape.iter().fold(1u64, |n, &d| n.saturating_mul(d.max(1)));
    let small = all <= wanted.elements;
    let limit = |axis: usize, len: u64| match wanted.given.get(axis).copied().flatten() {
        Some(given) => given.clamp(1, len.max(1)),
        None if wanted.is_time.get(axis) == Some(&true) && !small && !wanted.plain => len.min(MOST_TIMES),
        None => len.max(1),
    };
    let limited: Vec<u64> = wanted.shape.iter().enumerate().map(|(axis, &len)| limit(axis, len)).collect();
    let fixed: Vec<bool> =
        (0..limited.len()).map(|a| wanted.given.get(a).copied().flatten().is_some()).collect();
    let mut chunk = equal_sides(&limited, &fixed, wanted.elements);
    if let (Some(input), false) = (wanted.input, wanted.plain) {
        align(&mut chunk, wanted, &fixed, input);
    }
    chunk
}

/// The reference's rule: the side of a cube of `elements`; axes shorter than it are taken whole and the rest is shared
/// out again. `fixed` axes are whole from the beginning.
fn equal_sides(shape: &[u64], fixed: &[bool], elements: u64) -> Vec<u64> {
    let mut whole = fixed.to_vec();
    loop {
        let taken =
            shape.iter().zip(&whole).filter(|(_, w)| **w).fold(1u64, |n, (&d, _)| n.saturating_mul(d));
        let free = whole.iter().filter(|w| !**w).count() as u32;
        if free == 0 {
            return shape.to_vec();
        }
        let side = root(elements / taken.max(1), free).max(1);
        let before = free;
        whole.iter_mut().zip(shape).for_each(|(w, &n)| *w |= n < side);
        if whole.iter().filter(|w| !**w).count() as u32 == before {
            return shape.iter().zip(&whole).map(|(&n, &w)| if w { n } else { side.min(n) }).collect();
        }
    }
}

/// The largest integer whose `degree`-th power is at most `n`.
fn root(n: u64, degree: u32) -> u64 {
    let mut guess = (n as f64).powf(1.0 / f64::from(degree)) as u64;
    // The double is at most one off on either side.
    while guess.checked_pow(degree).is_none_or(|p| p > n) {
        guess -= 1;
    }
    while (guess + 1).checked_pow(degree).is_some_and(|p| p <= n) {
        guess += 1;
    }
    guess
}

/// Moves the edges of chunks to those of the input where a multiple of its chunks is between half and twice as long
/// and the chunk does not get more than twice as large.
fn align(chunk: &mut [u64], wanted: &Wanted<'_>, fixed: &[bool], input: &[u64]) {
    if input.len() != chunk.len() {
        return;
    }
    for axis in 0..chunk.len() {
        let (target, step, len) = (chunk[axis], input[axis], wanted.shape[axis]);
        if fixed[axis] || target >= len || step == 0 {
            continue;
        }
        let down = target / step * step;
        // One input chunk longer than the target: half of the way up at most.
        let aligned = if down * 2 >= target && down > 0 { down } else { step };
        let others = chunk.iter().enumerate().filter(|(a, _)| *a != axis);
        let size = others.fold(aligned.min(len), |n, (_, &c)| n.saturating_mul(c));
        if aligned <= target.saturating_mul(2) && size <= wanted.elements.saturating_mul(2) {
            chunk[axis] = aligned.min(len);
        }
    }
}

/// Chunks of a shard along each axis: about `shard_bytes` of uncompressed data, the last axes first.
pub(super) fn shard(shape: &[u64], chunk: &[u64], item: u64, shard_bytes: u64) -> Vec<u64> {
    let chunk_bytes = chunk.iter().fold(item.max(1), |n, &c| n.saturating_mul(c));
    let mut room = (shard_bytes / chunk_bytes).max(1);
    let mut out = chunk.to_vec();
    for (axis, (&n, &c)) in shape.iter().zip(chunk).enumerate().rev() {
        let count = n.div_ceil(c).clamp(1, room);
        out[axis] = c * count;
        room /= count;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(shape: &[u64], bytes: u64, item: u64) -> Vec<u64> {
        equal_sides(shape, &vec![false; shape.len()], bytes / item)
    }

    #[test]
    fn the_table_of_the_contract() {
        let of = |shape: &[u64], item: u64| reference(shape, REFERENCE_BUDGET, item);
        assert_eq!(of(&[100, 100, 100], 8), [100, 100, 100]);
        assert_eq!(of(&[100, 1000, 1000], 8), [100, 140, 140]);
        assert_eq!(of(&[1000, 1000, 1000], 8), [125, 125, 125]);
        // 26.8 Mi is read as 26 Mi; the assumed ratio is 6.8.
        let elements = (26.0 * 1_048_576.0 * 6.8 / 4.0) as u64;
        assert_eq!(equal_sides(&[100, 1000, 1000], &[false; 3], elements), [100, 680, 680]);
        assert_eq!(of(&[1, 3600, 1800], 4), [1, 2184, 1800]);
        assert_eq!(of(&[24, 361, 576], 4), [24, 361, 453]);
        assert_eq!(of(&[1, 42, 361, 576], 4), [1, 42, 305, 305]);
        assert_eq!(of(&[17999, 36000], 2), [2804, 2804]);
        assert_eq!(of(&[20, 3600, 1800], 4), [20, 443, 443]);
        assert_eq!(of(&[720, 1440], 4), [720, 1440]);
        assert_eq!(of(&[], 4), [0; 0]);
    }

    fn wanted<'a>(shape: &'a [u64], given: &'a [Option<u64>], input: Option<&'a [u64]>) -> Wanted<'a> {
        Wanted { shape, elements: BUDGET / 4, given, is_time: &[true], input, plain: false }
    }

    #[test]
    fn a_chunk_spans_a_month_of_hours_at_most_unless_the_array_is_small() {
        assert_eq!(lengths(&wanted(&[100_000], &[], None)), [100_000]);
        assert_eq!(lengths(&wanted(&[10_000_000], &[], None)), [744]);
        assert_eq!(lengths(&wanted(&[8760, 50, 60], &[], None)), [744, 50, 60]);
        assert_eq!(lengths(&wanted(&[0, 7], &[], None)), [1, 7]);
    }

    #[test]
    fn edges_lie_on_those_of_the_input_where_that_costs_little() {
        let side = root(BUDGET / 4 / 20, 2);
        assert_eq!(side, 457);
        let chunk =
            |input: &[u64]| lengths(&Wanted { is_time: &[], ..wanted(&[20, 3600, 1800], &[], Some(input)) });
        assert_eq!(chunk(&[1, 100, 100]), [20, 400, 400]);
        assert_eq!(chunk(&[1, 300, 500]), [20, 300, 500]);
        // Twice as large along one axis is all that fits.
        assert_eq!(chunk(&[1, 900, 900]), [20, 900, 457]);
        assert_eq!(chunk(&[1, 1000, 1800]), [20, 457, 457]);
    }

    #[test]
    fn given_lengths_are_kept_and_the_others_fill_the_budget() {
        let given = [Some(1), None, Some(9999)];
        assert_eq!(lengths(&wanted(&[20, 3600, 1800], &given, None)), [1, 2330, 1800]);
        assert_eq!(lengths(&wanted(&[20, 36, 18], &[Some(0), None, None], None)), [1, 36, 18]);
    }

    #[test]
    fn a_shard_holds_whole_chunks() {
        assert_eq!(shard(&[100, 1000, 1000], &[10, 250, 250], 4, 96 << 20), [20, 1000, 1000]);
        assert_eq!(shard(&[100, 1000, 1000], &[10, 250, 250], 4, 64 << 20), [10, 1000, 1000]);
        assert_eq!(shard(&[5], &[10], 4, 1), [10]);
        assert_eq!(shard(&[], &[], 4, 1), [0; 0]);
    }
}
