//! PNG filters (W3C PNG 3rd edition §9): each row becomes its type and differences from its neighbourhood.

/// How the filter of a row is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Bytes as they are.
    None,
    /// Differences from the pixel to the left.
    Left,
    /// Differences from the pixel above; the first row is left as it is.
    Above,
    /// The type whose differences have the smallest sum, as the standard recommends.
    BestOfRow,
}

/// Reused between rows.
#[derive(Default)]
pub struct Scratch {
    candidates: [Vec<u8>; 5],
}

impl Filter {
    /// Appends the filtered `row` to `out`. `above` is the row before, when the decoder will have it; `pixel` are the
    /// bytes of a pixel.
    pub fn append(
        self,
        row: &[u8],
        above: Option<&[u8]>,
        pixel: usize,
        rest: &mut Scratch,
        out: &mut Vec<u8>,
    ) {
        match (self, above) {
            (Filter::BestOfRow, _) => rest.best(row, above, pixel, out),
            (Filter::None, _) | (Filter::Above, None) => {
                out.push(0);
                out.extend_from_slice(row);
            }
            (Filter::Left, _) => {
                let (first, others) = row.split_at(pixel.min(row.len()));
                out.push(1);
                out.extend_from_slice(first);
                out.extend(others.iter().zip(row).map(|(x, a)| x.wrapping_sub(*a)));
            }
            (Filter::Above, Some(above)) => {
                out.push(2);
                out.extend(row.iter().zip(above).map(|(x, b)| x.wrapping_sub(*b)));
            }
        }
    }
}

impl Scratch {
    fn best(&mut self, row: &[u8], above: Option<&[u8]>, pixel: usize, out: &mut Vec<u8>) {
        let types: &[usize] = if above.is_some() { &[0, 1, 2, 3, 4] } else { &[0, 1] };
        for &kind in types {
            let to = &mut self.candidates[kind];
            to.resize(row.len(), 0);
            match (kind, above) {
                (1, _) => sub(row, pixel, to),
                (2, Some(above)) => up(row, above, to),
                (3, Some(above)) => average(row, above, pixel, to),
                (4, Some(above)) => paeth(row, above, pixel, to),
                _ => to.copy_from_slice(row),
            }
        }
        let best = types.iter().copied().min_by_key(|&k| score(&self.candidates[k])).unwrap_or(0);
        out.push(best as u8);
        out.extend_from_slice(&self.candidates[best]);
    }
}

/// Sum of the differences as signed bytes.
fn score(bytes: &[u8]) -> u64 {
    // Partial sums in 32 bits let the loop run on vectors.
    bytes
        .chunks(1 << 16)
        .map(|c| u64::from(c.iter().map(|&b| u32::from(b.cast_signed().unsigned_abs())).sum::<u32>()))
        .sum()
}

fn sub(row: &[u8], pixel: usize, out: &mut [u8]) {
    let n = pixel.min(row.len());
    out[..n].copy_from_slice(&row[..n]);
    for ((o, x), a) in out[n..].iter_mut().zip(&row[n..]).zip(row) {
        *o = x.wrapping_sub(*a);
    }
}

fn up(row: &[u8], above: &[u8], out: &mut [u8]) {
    for ((o, x), b) in out.iter_mut().zip(row).zip(above) {
        *o = x.wrapping_sub(*b);
    }
}

fn average(row: &[u8], above: &[u8], pixel: usize, out: &mut [u8]) {
    let n = pixel.min(row.len());
    for i in 0..n {
        out[i] = row[i].wrapping_sub(above[i] / 2);
    }
    for (((o, x), b), a) in out[n..].iter_mut().zip(&row[n..]).zip(&above[n..]).zip(row) {
        *o = x.wrapping_sub(((u16::from(*a) + u16::from(*b)) / 2) as u8);
    }
}

fn paeth(row: &[u8], above: &[u8], pixel: usize, out: &mut [u8]) {
    let n = pixel.min(row.len());
    for i in 0..n {
        out[i] = row[i].wrapping_sub(above[i]);
    }
    let neighbours = above[n..].iter().zip(row).zip(above);
    for ((o, x), ((b, a), c)) in out[n..].iter_mut().zip(&row[n..]).zip(neighbours) {
        *o = x.wrapping_sub(predict(*a, *b, *c));
    }
}

/// The neighbour (left, above, above left) that is nearest to left + above - above left.
#[inline]
fn predict(a: u8, b: u8, c: u8) -> u8 {
    let (x, y, z) = (i16::from(a), i16::from(b), i16::from(c));
    let (pa, pb, pc) = ((y - z).abs(), (x - z).abs(), (x + y - 2 * z).abs());
    let other = if pb <= pc { b } else { c };
    if pa <= pb && pa <= pc { a } else { other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_has_no_row_above() {
        let mut out = Vec::new();
        Filter::BestOfRow.append(&[100, 101, 102, 103], None, 1, &mut Scratch::default(), &mut out);
        assert_eq!(out, [1, 100, 1, 1, 1]);
    }

    #[test]
    fn equal_rows_become_nothing() {
        let row = [7, 99, 3, 250, 17, 60];
        let mut out = Vec::new();
        Filter::BestOfRow.append(&row, Some(&row), 3, &mut Scratch::default(), &mut out);
        assert_eq!(out, [2, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn one_filter_for_all_rows_leaves_its_differences() {
        let (above, row) = ([5, 5, 9, 9], [6, 4, 9, 12]);
        let with = |filter: Filter, above| {
            let mut out = vec![77];
            filter.append(&row, above, 2, &mut Scratch::default(), &mut out);
            out
        };
        assert_eq!(with(Filter::None, Some(&above[..])), [77, 0, 6, 4, 9, 12]);
        assert_eq!(with(Filter::Left, Some(&above[..])), [77, 1, 6, 4, 3, 8]);
        assert_eq!(with(Filter::Above, Some(&above[..])), [77, 2, 1, 255, 0, 3]);
        assert_eq!(with(Filter::Above, None), [77, 0, 6, 4, 9, 12]);
    }

    #[test]
    fn the_prediction_is_the_nearest_neighbour() {
        assert_eq!(predict(10, 20, 10), 20);
        assert_eq!(predict(10, 20, 20), 10);
        assert_eq!(predict(10, 20, 15), 15);
        assert_eq!(predict(5, 5, 5), 5);
    }
}
