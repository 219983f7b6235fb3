//! From colours to coefficients.
//!
//! Brightness is transformed in blocks of 8 × 8. The two colour differences are transformed in blocks of 16 × 16 of
//! which the 64 lowest frequencies are kept: that is the sharpest picture of half the resolution, and what the JPEG
//! library of the Independent JPEG Group does since version 7.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use super::huffman::{Bits, Coder};

/// Rows and columns of pixels that are encoded together.
pub const EDGE: usize = 16;
/// Rows and columns of a block of coefficients.
const BLOCK: usize = 8;

/// Place in a block, row by row, of the coefficients in the order of the file.
pub const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// T.81 Annex K.1, row by row.
const LUMA: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17,
    22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78,
    87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
/// The others are 99.
const CHROMA: [(usize, u8); 10] =
    [(0, 17), (1, 18), (2, 24), (3, 47), (8, 18), (9, 21), (10, 26), (11, 66), (16, 24), (17, 26)];
const CHROMA_REST: [(usize, u8); 3] = [(18, 56), (24, 47), (25, 66)];

/// Steps of quantisation and the matrices of the two transforms.
pub struct Tables {
    pub luma: Steps,
    pub chroma: Steps,
    small: [[f32; 8]; BLOCK],
    large: [[f32; 8]; EDGE],
}

pub struct Steps {
    /// Row by row.
    pub steps: [u8; 64],
    inverse: [f32; 64],
}

impl Steps {
    /// A table scaled to a quality from 1 to 100, as the library of the Independent JPEG Group does.
    fn new(base: [u8; 64], quality: u32) -> Self {
        let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
        let steps = base.map(|b| ((u32::from(b) * percent + 50) / 100).clamp(1, 255) as u8);
        Steps { steps, inverse: steps.map(|s| 1.0 / f32::from(s)) }
    }
}

impl Tables {
    pub fn new(quality: u32) -> Self {
        let mut chroma = [99; 64];
        CHROMA.iter().chain(&CHROMA_REST).for_each(|&(i, v)| chroma[i] = v);
        Tables {
            luma: Steps::new(LUMA, quality),
            chroma: Steps::new(chroma, quality),
            small: basis::<BLOCK>(1.0),
            large: basis::<EDGE>(FRAC_1_SQRT_2),
        }
    }
}

/// The eight lowest cosines (orthonormal DCT-II) at each of `N` places.
fn basis<const N: usize>(scale: f64) -> [[f32; 8]; N] {
    let n = N as f64;
    std::array::from_fn(|x| {
        std::array::from_fn(|u| {
            let norm = if u == 0 { (1.0 / n).sqrt() } else { (2.0 / n).sqrt() };
            (norm * scale * ((2 * x + 1) as f64 * u as f64 * PI / (2.0 * n)).cos()) as f32
        })
    })
}

/// Coefficients, row by row, of `N` × `N` samples that are `stride` apart.
fn transform<const N: usize>(samples: &[f32], stride: usize, basis: &[[f32; 8]; N]) -> [f32; 64] {
    let mut rows = [[0f32; 8]; N];
    for (y, row) in rows.iter_mut().enumerate() {
        let line = &samples[y * stride..y * stride + N];
        for (&v, cosines) in line.iter().zip(basis) {
            (0..8).for_each(|u| row[u] += v * cosines[u]);
        }
    }
    let mut out = [0f32; 64];
    for (row, cosines) in rows.iter().zip(basis) {
        for v in 0..8 {
            (0..8).for_each(|u| out[8 * v + u] += cosines[v] * row[u]);
        }
    }
    out
}

/// Whole steps in the order of the file.
fn quantise(coefficients: &[f32; 64], steps: &Steps) -> [i32; 64] {
    let mut whole = [0; 64];
    for i in 0..64 {
        let v = coefficients[i] * steps.inverse[i];
        // To the nearest, halves away from zero; 8-bit samples stay below 2¹¹.
        whole[i] = (v + if v < 0.0 { -0.5 } else { 0.5 }) as i32;
    }
    ZIGZAG.map(|i| whole[i])
}

/// The entropy-coded bytes of up to 16 rows of colours; what is missing to whole blocks repeats the last column and
/// row.
pub fn encode_strip(colours: &[[u8; 3]], width: usize, tables: &Tables, coder: &Coder) -> Vec<u8> {
    let padded = width.next_multiple_of(EDGE);
    let rows = colours.len() / width;
    let mut planes = [const { Vec::new() }; 3];
    planes.iter_mut().for_each(|p: &mut Vec<f32>| p.reserve(padded * EDGE));
    for y in 0..EDGE {
        let line = &colours[y.min(rows - 1) * width..][..width];
        let last = [line[width - 1]];
        for &colour in line.iter().chain(last.iter().cycle().take(padded - width)) {
            let samples = ycc(colour);
            (0..3).for_each(|k| planes[k].push(samples[k]));
        }
    }
    let mut bits = Bits::default();
    let mut before = [0; 3];
    let mut put = |component: usize, block: [i32; 64]| {
        let pair = if component == 0 { &coder.luma } else { &coder.chroma };
        bits.block(&block, before[component], pair);
        before[component] = block[0];
    };
    for x in (0..padded).step_by(EDGE) {
        for (dy, dx) in [(0, 0), (0, BLOCK), (BLOCK, 0), (BLOCK, BLOCK)] {
            let samples = &planes[0][dy * padded + x + dx..];
            put(0, quantise(&transform(samples, padded, &tables.small), &tables.luma));
        }
        for (k, plane) in planes.iter().enumerate().skip(1) {
            put(k, quantise(&transform(&plane[x..], padded, &tables.large), &tables.chroma));
        }
    }
    bits.finish()
}

/// Brightness and colour differences (JFIF, from ITU-R BT.601), whole numbers around zero.
#[inline]
fn ycc([r, g, b]: [u8; 3]) -> [f32; 3] {
    let (r, g, b) = (i32::from(r), i32::from(g), i32::from(b));
    // In units of 2⁻¹⁶; half of one added for rounding.
    let whole = |v: i32| ((v + (1 << 15)) >> 16) as f32;
    [
        whole(19_595 * r + 38_470 * g + 7_471 * b) - 128.0,
        whole(-11_059 * r - 21_709 * g + 32_768 * b),
        whole(32_768 * r - 27_439 * g - 5_329 * b),
    ]
}
