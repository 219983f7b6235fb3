//! Predictors of TIFF: rows of a block, in place.

use super::tags::Predictor;

/// The shape of the rows of a block.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    /// Samples from one pixel to the next: 1 unless bands are interleaved.
    pub stride: usize,
    /// Bytes of a sample.
    pub size: usize,
    /// Bytes of a row.
    pub line: usize,
    /// Order of the bytes of a sample.
    pub big_endian: bool,
}

/// Applies `predictor` to all rows of `block`. Samples are in the order that `rows` says.
pub fn encode(predictor: Predictor, rows: Rows, block: &mut [u8]) {
    if rows.line == 0 {
        return;
    }
    let mut scratch = vec![0; if predictor == Predictor::FloatingPoint { rows.line } else { 0 }];
    for row in block.chunks_exact_mut(rows.line) {
        match predictor {
            Predictor::None => {}
            Predictor::Horizontal => horizontal(row, rows, true),
            Predictor::FloatingPoint => {
                sort_bytes(row, rows, &mut scratch);
                subtract_bytes(&mut scratch, rows.stride);
                row.copy_from_slice(&scratch);
            }
        }
    }
}

/// Undoes [`encode`].
pub fn decode(predictor: Predictor, rows: Rows, block: &mut [u8]) {
    if rows.line == 0 {
        return;
    }
    let mut scratch = vec![0; if predictor == Predictor::FloatingPoint { rows.line } else { 0 }];
    for row in block.chunks_exact_mut(rows.line) {
        match predictor {
            Predictor::None => {}
            Predictor::Horizontal => horizontal(row, rows, false),
            Predictor::FloatingPoint => {
                add_bytes(row, rows.stride);
                scratch.copy_from_slice(row);
                unsort_bytes(&scratch, rows, row);
            }
        }
    }
}

fn horizontal(row: &mut [u8], rows: Rows, forward: bool) {
    match (rows.size, rows.big_endian) {
        (1, _) if forward => subtract_bytes(row, rows.stride),
        (1, _) => add_bytes(row, rows.stride),
        (2, false) => {
            differences(row.as_chunks_mut().0, rows.stride, forward, u16::from_le_bytes, u16::to_le_bytes)
        }
        (2, true) => {
            differences(row.as_chunks_mut().0, rows.stride, forward, u16::from_be_bytes, u16::to_be_bytes)
        }
        (4, false) => {
            differences(row.as_chunks_mut().0, rows.stride, forward, u32::from_le_bytes, u32::to_le_bytes)
        }
        (4, true) => {
            differences(row.as_chunks_mut().0, rows.stride, forward, u32::from_be_bytes, u32::to_be_bytes)
        }
        (_, false) => {
            differences(row.as_chunks_mut().0, rows.stride, forward, u64::from_le_bytes, u64::to_le_bytes)
        }
        (_, true) => {
            differences(row.as_chunks_mut().0, rows.stride, forward, u64::from_be_bytes, u64::to_be_bytes)
        }
    }
}

/// Integers that wrap.
trait Wrapping: Copy {
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
}

macro_rules! wrapping {
    ($($t:ty)*) => {$(
        impl Wrapping for $t {
            #[inline] fn plus(self, other: Self) -> Self { self.wrapping_add(other) }
            #[inline] fn minus(self, other: Self) -> Self { self.wrapping_sub(other) }
        }
    )*};
}
wrapping!(u16 u32 u64);

#[inline]
fn differences<T: Wrapping, const N: usize>(
    row: &mut [[u8; N]],
    stride: usize,
    forward: bool,
    from: fn([u8; N]) -> T,
    to: fn(T) -> [u8; N],
) {
    if forward {
        for i in (stride..row.len()).rev() {
            row[i] = to(from(row[i]).minus(from(row[i - stride])));
        }
    } else {
        for i in stride..row.len() {
            row[i] = to(from(row[i]).plus(from(row[i - stride])));
        }
    }
}

fn subtract_bytes(row: &mut [u8], stride: usize) {
    for i in (stride..row.len()).rev() {
        row[i] = row[i].wrapping_sub(row[i - stride]);
    }
}

fn add_bytes(row: &mut [u8], stride: usize) {
    if stride == 1 {
        let mut sum = 0u8;
        for b in row {
            sum = sum.wrapping_add(*b);
            *b = sum;
        }
        return;
    }
    for i in stride..row.len() {
        row[i] = row[i].wrapping_add(row[i - stride]);
    }
}

/// The most significant bytes of all samples first, then the next ones.
fn sort_bytes(row: &[u8], rows: Rows, out: &mut [u8]) {
    match rows.size {
        4 => sort_as::<4>(row, rows.big_endian, out),
        8 => sort_as::<8>(row, rows.big_endian, out),
        _ => sort_as::<2>(row, rows.big_endian, out),
    }
}

fn sort_as<const N: usize>(row: &[u8], big_endian: bool, out: &mut [u8]) {
    let (samples, _) = row.as_chunks::<N>();
    for (k, plane) in out.chunks_exact_mut(samples.len().max(1)).enumerate().take(N) {
        let byte = if big_endian { k } else { N - 1 - k };
        for (to, sample) in plane.iter_mut().zip(samples) {
            *to = sample[byte];
        }
    }
}

fn unsort_bytes(planes: &[u8], rows: Rows, out: &mut [u8]) {
    match rows.size {
        4 => unsort_as::<4>(planes, rows.big_endian, out),
        8 => unsort_as::<8>(planes, rows.big_endian, out),
        _ => unsort_as::<2>(planes, rows.big_endian, out),
    }
}

fn unsort_as<const N: usize>(planes: &[u8], big_endian: bool, out: &mut [u8]) {
    let (samples, _) = out.as_chunks_mut::<N>();
    let n = samples.len().max(1);
    for (k, plane) in planes.chunks_exact(n).enumerate().take(N) {
        let byte = if big_endian { k } else { N - 1 - k };
        for (sample, from) in samples.iter_mut().zip(plane) {
            sample[byte] = *from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_predictor_comes_back() {
        for size in [1, 2, 4, 8] {
            for stride in [1, 3] {
                for big_endian in [false, true] {
                    let rows = Rows { stride, size, line: 24 * size, big_endian };
                    let block: Vec<u8> = (0..48 * size).map(|i| (i * 37 % 251) as u8).collect();
                    for predictor in [Predictor::None, Predictor::Horizontal, Predictor::FloatingPoint] {
                        if predictor == Predictor::FloatingPoint && size < 2 {
                            continue;
                        }
                        let mut coded = block.clone();
                        encode(predictor, rows, &mut coded);
                        assert!(predictor == Predictor::None || coded != block);
                        decode(predictor, rows, &mut coded);
                        assert_eq!(coded, block, "{predictor:?} {rows:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn differences_of_16_bit_samples_are_of_samples() {
        let rows = Rows { stride: 1, size: 2, line: 6, big_endian: false };
        let mut row: Vec<u8> = [1000u16, 1001, 999].iter().flat_map(|v| v.to_le_bytes()).collect();
        encode(Predictor::Horizontal, rows, &mut row);
        let want: Vec<u8> = [1000u16, 1, 65534].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(row, want);
    }
}
