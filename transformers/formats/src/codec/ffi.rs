//! Shuffle with SSE2, which every x86-64 processor has: at memory speed where plain code reaches a quarter of it.
//!
//! Each function handles elements in groups of 16 and returns how many it did; the caller does the rest, on other
//! processors all of them.

pub(super) use imp::*;

#[cfg(target_arch = "x86_64")]
mod imp {
    use std::arch::x86_64::*;

    /// One register; also the number of elements of a step, which is one register of each byte plane.
    const LANE: usize = 16;

    type Lane = [u8; LANE];

    fn load(lane: &Lane) -> __m128i {
        // SAFETY: `lane` is 16 readable bytes; the unaligned load has no other condition.
        unsafe { _mm_loadu_si128(lane.as_ptr().cast()) }
    }

    fn store(lane: &mut Lane, value: __m128i) {
        // SAFETY: `lane` is 16 writable bytes; the unaligned store has no other condition.
        unsafe { _mm_storeu_si128(lane.as_mut_ptr().cast(), value) }
    }

    /// Interleaves the bytes of two registers: the pairs of the lower half, then those of the upper half.
    fn zip8(a: __m128i, b: __m128i) -> [__m128i; 2] {
        // SAFETY: SSE2 is part of the x86-64 baseline.
        unsafe { [_mm_unpacklo_epi8(a, b), _mm_unpackhi_epi8(a, b)] }
    }

    /// As [`zip8`] for 16-bit units.
    fn zip16(a: __m128i, b: __m128i) -> [__m128i; 2] {
        // SAFETY: SSE2 is part of the x86-64 baseline.
        unsafe { [_mm_unpacklo_epi16(a, b), _mm_unpackhi_epi16(a, b)] }
    }

    /// As [`zip8`] for 32-bit units.
    fn zip32(a: __m128i, b: __m128i) -> [__m128i; 2] {
        // SAFETY: SSE2 is part of the x86-64 baseline.
        unsafe { [_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b)] }
    }

    /// The even bytes of `a` then `b`, and their odd bytes.
    fn unzip8(a: __m128i, b: __m128i) -> [__m128i; 2] {
        // SAFETY: SSE2 is part of the x86-64 baseline.
        unsafe {
            let low = _mm_set1_epi16(0xff);
            [
                _mm_packus_epi16(_mm_and_si128(a, low), _mm_and_si128(b, low)),
                _mm_packus_epi16(_mm_srli_epi16::<8>(a), _mm_srli_epi16::<8>(b)),
            ]
        }
    }

    /// The `K` planes of `n` bytes each, in whole registers and all equally long.
    fn planes<const K: usize>(bytes: &[u8], n: usize) -> [&[Lane]; K] {
        std::array::from_fn(|k| &bytes[k * n..(k + 1) * n].as_chunks().0[..n / LANE])
    }

    /// As [`planes`], to write to.
    fn planes_mut<const K: usize>(bytes: &mut [u8], n: usize) -> [&mut [Lane]; K] {
        let mut rest = bytes;
        std::array::from_fn(|_| {
            let (plane, after) = std::mem::take(&mut rest).split_at_mut(n);
            rest = after;
            &mut plane.as_chunks_mut().0[..n / LANE]
        })
    }

    /// Turns planes into elements of `K` bytes; `zip` does one step.
    #[inline(always)]
    fn unshuffle<const K: usize>(
        input: &[u8],
        out: &mut [u8],
        n: usize,
        zip: impl Fn([__m128i; K]) -> [__m128i; K],
    ) -> usize {
        let planes = planes::<K>(input, n);
        let (groups, _) = out.as_chunks_mut::<LANE>().0.as_chunks_mut::<K>();
        for (i, group) in groups[..n / LANE].iter_mut().enumerate() {
            let elements = zip(planes.map(|plane| load(&plane[i])));
            group.iter_mut().zip(elements).for_each(|(lane, value)| store(lane, value));
        }
        n / LANE * LANE
    }

    /// Turns elements of `K` bytes into planes; `unzip` does one step.
    #[inline(always)]
    fn shuffle<const K: usize>(
        input: &[u8],
        out: &mut [u8],
        n: usize,
        unzip: impl Fn([__m128i; K]) -> [__m128i; K],
    ) -> usize {
        let mut planes = planes_mut::<K>(out, n);
        let (groups, _) = input.as_chunks::<LANE>().0.as_chunks::<K>();
        for (i, group) in groups[..n / LANE].iter().enumerate() {
            let values = unzip(group.each_ref().map(load));
            planes.iter_mut().zip(values).for_each(|(plane, value)| store(&mut plane[i], value));
        }
        n / LANE * LANE
    }

    /// Planes of `n` bytes each to elements of 2 bytes.
    pub(in super::super) fn unshuffle2(input: &[u8], out: &mut [u8], n: usize) -> usize {
        unshuffle::<2>(input, out, n, |[p0, p1]| zip8(p0, p1))
    }

    /// Planes of `n` bytes each to elements of 4 bytes.
    pub(in super::super) fn unshuffle4(input: &[u8], out: &mut [u8], n: usize) -> usize {
        unshuffle::<4>(input, out, n, |[p0, p1, p2, p3]| {
            let ([a, b], [c, d]) = (zip8(p0, p1), zip8(p2, p3));
            let ([e0, e1], [e2, e3]) = (zip16(a, c), zip16(b, d));
            [e0, e1, e2, e3]
        })
    }

    /// Planes of `n` bytes each to elements of 8 bytes.
    pub(in super::super) fn unshuffle8(input: &[u8], out: &mut [u8], n: usize) -> usize {
        // Half a group at a time: all of it at once does not fit the 16 registers.
        let planes = planes::<8>(input, n);
        let (halves, _) = out.as_chunks_mut::<LANE>().0.as_chunks_mut::<4>();
        for (i, pair) in halves[..n / LANE * 2].chunks_exact_mut(2).enumerate() {
            let zip = |k: usize| zip8(load(&planes[k][i]), load(&planes[k + 1][i]));
            let (p01, p23, p45, p67) = (zip(0), zip(2), zip(4), zip(6));
            for (half, lanes) in pair.iter_mut().enumerate() {
                let ([a, b], [c, d]) = (zip16(p01[half], p23[half]), zip16(p45[half], p67[half]));
                let ([e0, e1], [e2, e3]) = (zip32(a, c), zip32(b, d));
                lanes.iter_mut().zip([e0, e1, e2, e3]).for_each(|(lane, value)| store(lane, value));
            }
        }
        n / LANE * LANE
    }

    /// Elements of 2 bytes to planes of `n` bytes each.
    pub(in super::super) fn shuffle2(input: &[u8], out: &mut [u8], n: usize) -> usize {
        shuffle::<2>(input, out, n, |[a, b]| unzip8(a, b))
    }

    /// Elements of 4 bytes to planes of `n` bytes each.
    pub(in super::super) fn shuffle4(input: &[u8], out: &mut [u8], n: usize) -> usize {
        shuffle::<4>(input, out, n, |[a, b, c, d]| {
            let ([e0, o0], [e1, o1]) = (unzip8(a, b), unzip8(c, d));
            let ([p0, p2], [p1, p3]) = (unzip8(e0, e1), unzip8(o0, o1));
            [p0, p1, p2, p3]
        })
    }

    /// Elements of 8 bytes to planes of `n` bytes each.
    pub(in super::super) fn shuffle8(input: &[u8], out: &mut [u8], n: usize) -> usize {
        shuffle::<8>(input, out, n, |v| {
            // a: bytes 0 2 4 6 of the elements in turn, b: bytes 1 3 5 7.
            let ([a0, b0], [a1, b1]) = (unzip8(v[0], v[1]), unzip8(v[2], v[3]));
            let ([a2, b2], [a3, b3]) = (unzip8(v[4], v[5]), unzip8(v[6], v[7]));
            let ([c0, d0], [c1, d1]) = (unzip8(a0, a1), unzip8(a2, a3));
            let ([e0, f0], [e1, f1]) = (unzip8(b0, b1), unzip8(b2, b3));
            let ([p0, p4], [p2, p6]) = (unzip8(c0, c1), unzip8(d0, d1));
            let ([p1, p5], [p3, p7]) = (unzip8(e0, e1), unzip8(f0, f1));
            [p0, p1, p2, p3, p4, p5, p6, p7]
        })
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod imp {
    macro_rules! nothing_done {
        ($($name:ident),*) => {
            $(pub(in super::super) fn $name(_: &[u8], _: &mut [u8], _: usize) -> usize { 0 })*
        };
    }
    nothing_done!(unshuffle2, unshuffle4, unshuffle8, shuffle2, shuffle4, shuffle8);
}
