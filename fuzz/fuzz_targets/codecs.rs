//! Chunk codecs. Bytes: chunk length (2, little-endian), number of filters (1), per filter its index (1), number of
//! parameters (1) and parameters (4 each, little-endian); the rest is the stored chunk.
#![no_main]

use harmony_formats::codec;
use harmony_fuzz as _;
use harmony_model::{Filter, filter};
use libfuzzer_sys::fuzz_target;

const FILTERS: [u16; 15] = [
    filter::DEFLATE,
    filter::SHUFFLE,
    filter::FLETCHER32,
    filter::SZIP,
    filter::NBIT,
    filter::SCALE_OFFSET,
    filter::LZF,
    filter::BLOSC,
    filter::LZ4,
    filter::BITSHUFFLE,
    filter::ZSTD,
    filter::GZIP,
    filter::NUMCODECS_LZ4,
    filter::CRC32C,
    4711,
];
const MAX_FILTERS: u8 = 4;
const MAX_PARAMS: u8 = 32;

fn pipeline<'a>(rest: &mut &'a [u8]) -> Option<Vec<Filter>> {
    let mut take = |n: usize| -> Option<&'a [u8]> {
        let (head, tail) = rest.split_at_checked(n)?;
        *rest = tail;
        Some(head)
    };
    let count = take(1)?[0].min(MAX_FILTERS);
    (0..count)
        .map(|_| {
            let head = take(2)?;
            let words = take(4 * usize::from(head[1].min(MAX_PARAMS)))?;
            let params: Vec<u32> =
                words.as_chunks::<4>().0.iter().map(|&word| u32::from_le_bytes(word)).collect();
            Some(Filter::new(FILTERS[usize::from(head[0]) % FILTERS.len()], &params))
        })
        .collect()
}

fuzz_target!(|data: &[u8]| {
    let Some((&expected, mut rest)) = data.split_first_chunk::<2>() else { return };
    let expected = usize::from(u16::from_le_bytes(expected));
    let Some(filters) = pipeline(&mut rest) else { return };
    let mut out = Vec::new();
    if codec::decode(&filters, 0, rest, expected, &mut out).is_ok() {
        assert_eq!(out.len(), expected);
    }
    // What was stored plainly comes back as it was.
    if filters.iter().all(codec::can_encode)
        && let Ok((stored, mask)) = codec::encode(&filters, rest, None)
    {
        codec::decode(&filters, mask, &stored, rest.len(), &mut out)
            .expect("what was encoded can be decoded");
        assert_eq!(out, rest);
    }
});
