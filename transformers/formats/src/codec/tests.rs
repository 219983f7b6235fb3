use proptest::prelude::*;

use super::fixtures::{FIXTURES, Fixture};
use super::*;

fn from_hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

impl Fixture {
    fn pipeline(&self) -> Vec<Filter> {
        self.filters.iter().map(|(id, params)| Filter::new(*id, params)).collect()
    }

    fn decoded(&self) -> Vec<u8> {
        if self.dtype.is_empty() {
            return from_hex(self.expected);
        }
        let numbers = (0..self.count).map(|i| i / 7 * 3 + usize::from(i % 7 == 3) * 50);
        let size: usize = self.dtype[2..].parse().unwrap();
        numbers
            .flat_map(|v| {
                let mut bytes = match (&self.dtype[1..2], size) {
                    ("f", 4) => (v as f32 / 8.0).to_le_bytes().to_vec(),
                    ("f", _) => (v as f64 / 8.0).to_le_bytes().to_vec(),
                    _ => v.to_le_bytes()[..size].to_vec(),
                };
                if self.dtype.starts_with('>') {
                    bytes.reverse();
                }
                bytes
            })
            .collect()
    }
}

#[test]
fn chunks_of_the_reference_libraries_decode_to_what_they_hold() {
    let mut out = vec![7; 3];
    for fixture in FIXTURES {
        let expected = fixture.decoded();
        decode(&fixture.pipeline(), 0, &from_hex(fixture.stored), expected.len(), &mut out)
            .unwrap_or_else(|e| panic!("{}: {e}", fixture.name));
        assert_eq!(out, expected, "{}", fixture.name);
    }
}

#[test]
fn every_decoder_has_a_fixture() {
    // Blocks of TIFF files need their geometry: `geotiff` tests them on whole files.
    let is_chunk = |id: &u16| *id < harmony_model::filter::TIFF_LZW;
    let ids = (0..=u16::MAX).filter(is_chunk).filter(|&id| can_decode(&Filter::new(id, &[])));
    for id in ids {
        assert!(FIXTURES.iter().any(|f| f.filters.iter().any(|(i, _)| *i == id)), "filter {id}");
    }
}

#[test]
fn truncated_chunks_and_flipped_bits_are_errors_or_other_bytes_but_never_a_panic() {
    let mut out = Vec::new();
    for fixture in FIXTURES {
        let (pipeline, stored, len) = (fixture.pipeline(), from_hex(fixture.stored), fixture.decoded().len());
        for end in 0..stored.len() {
            if decode(&pipeline, 0, &stored[..end], len, &mut out).is_ok() {
                assert_eq!(out.len(), len, "{}", fixture.name);
            }
        }
        for bit in 0..stored.len() * 8 {
            let mut damaged = stored.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let _ = decode(&pipeline, 0, &damaged, len, &mut out);
        }
        for wrong in [0, 1, len - 1, len + 1, len * 3] {
            assert!(decode(&pipeline, 0, &stored, wrong, &mut out).is_err(), "{} as {wrong}", fixture.name);
        }
    }
}

#[test]
fn damaged_parameters_are_errors_but_never_a_panic() {
    let mut out = Vec::new();
    for fixture in FIXTURES {
        let (stored, len) = (from_hex(fixture.stored), fixture.decoded().len());
        for (i, (_, params)) in fixture.filters.iter().enumerate() {
            for at in 0..=params.len() {
                for value in [0, 1, 2, 3, 5, 255, 1 << 20, u32::MAX] {
                    let mut pipeline = fixture.pipeline();
                    match pipeline[i].params.get_mut(at) {
                        Some(param) => *param = value,
                        None => pipeline[i].params.truncate(value as usize),
                    }
                    let _ = decode(&pipeline, 0, &stored, len, &mut out);
                }
            }
        }
    }
}

#[test]
fn a_masked_filter_is_not_undone() {
    let pipeline = [Filter::shuffle(2), Filter::deflate(4), Filter::new(filter::FLETCHER32, &[])];
    let raw = b"an incompressible thing";
    let (stored, mask) = encode(&pipeline, raw, None).unwrap();
    assert_eq!(mask, 0b010, "deflate is optional and would not help");
    let mut out = Vec::new();
    decode(&pipeline, mask, &stored, raw.len(), &mut out).unwrap();
    assert_eq!(out, raw);
    assert!(decode(&pipeline, 0, &stored, raw.len(), &mut out).is_err());
    decode(&pipeline, 0b111, raw, raw.len(), &mut out).unwrap();
    assert_eq!(out, raw);
}

#[test]
fn a_filter_that_is_not_optional_is_never_skipped() {
    let pipeline = [Filter::new(filter::DEFLATE, &[6])];
    let (stored, mask) = encode(&pipeline, &[1, 2, 3], None).unwrap();
    assert_eq!((mask, stored.len() > 3), (0, true));
}

#[test]
fn checksums_are_those_of_the_published_test_vectors() {
    assert_eq!(checksum::crc32c(b"123456789"), 0xe306_9283); // RFC 3720 B.4
    assert_eq!(checksum::crc32c(&[0; 32]), 0x8a91_36aa);
    // Words 0x0102 and 0x0300 by hand: sum1 = 0x0402, sum2 = 0x0102 + 0x0402.
    assert_eq!(checksum::fletcher32(&[1, 2, 3]), 0x0504_0402);
    assert_eq!(checksum::fletcher32(&[]), 0);
}

#[test]
fn what_could_not_be_decoded_is_not_encoded() {
    assert!(encode(&[Filter::new(filter::SHUFFLE, &[])], &[1, 2], None).is_err());
}

#[test]
fn a_wrong_checksum_is_reported_with_both_numbers() {
    let pipeline = [Filter::new(filter::FLETCHER32, &[])];
    let (mut stored, _) = encode(&pipeline, &[1, 2, 3], None).unwrap();
    assert_eq!(stored, [1, 2, 3, 0x02, 0x04, 0x04, 0x05]);
    // What HDF5 before 1.6.3 wrote on a little-endian machine.
    let mut out = Vec::new();
    decode(&pipeline, 0, &[1, 2, 3, 0x04, 0x02, 0x05, 0x04], 3, &mut out).unwrap();
    assert_eq!(out, [1, 2, 3]);
    stored[0] = 9;
    let error = decode(&pipeline, 0, &stored, 3, &mut out).unwrap_err();
    assert!(error.to_string().contains("fletcher32: stored checksum 05040402"), "{error}");
}

#[test]
fn a_small_stream_that_claims_a_huge_chunk_is_refused_before_memory_is_taken() {
    let mut out = Vec::new();
    let stored = encode(&[Filter::deflate(4)], &[0; 1000], None).unwrap().0;
    for id in [filter::DEFLATE, filter::LZF] {
        assert!(decode(&[Filter::new(id, &[4])], 0, &stored, 1 << 40, &mut out).is_err());
    }
    let mut claims = vec![0xff; 12];
    claims[0] = 0;
    for id in [filter::LZ4, filter::NUMCODECS_LZ4, filter::BLOSC, filter::SZIP, filter::SCALE_OFFSET] {
        assert!(decode(&[Filter::new(id, &[32, 8, 16, 64])], 0, &claims, 1000, &mut out).is_err());
    }
    assert!(out.capacity() < 1 << 20);
}

#[test]
fn a_stream_longer_than_the_chunk_is_an_error() {
    let mut out = Vec::new();
    for filter in [Filter::deflate(4), Filter::new(filter::ZSTD, &[3]), Filter::new(filter::GZIP, &[4])] {
        let stored = encode(std::slice::from_ref(&filter), &[5; 4000], None).unwrap().0;
        assert!(decode(&[filter], 0, &stored, 3999, &mut out).is_err());
    }
}

#[test]
fn an_unknown_filter_is_named_with_a_remedy() {
    let filter = Filter { name: "zfp".into(), ..Filter::new(32013, &[]) };
    let error = decode(std::slice::from_ref(&filter), 0, &[], 0, &mut Vec::new()).unwrap_err();
    assert!(error.is_unsupported());
    assert_eq!(
        error.to_string(),
        "filter 32013 (zfp) is not built in; rewrite the file with one that is, for example h5repack -f GZIP=4"
    );
    assert!(!can_decode(&filter) && !can_encode(&filter));
}

#[test]
fn the_level_can_be_set_for_one_call() {
    let raw: Vec<u8> = (0..20_000u32).flat_map(|i| (i * i / 7).to_le_bytes()).collect();
    let size = |level| encode(&[Filter::new(filter::DEFLATE, &[1])], &raw, level).unwrap().0.len();
    assert!(size(Some(9)) < size(None));
    assert!(size(Some(0)) > raw.len());
}

/// Bytes between noise and a constant.
fn some_bytes() -> impl Strategy<Value = Vec<u8>> {
    (1u8..=255, prop::collection::vec(any::<u8>(), 0..3000))
        .prop_map(|(most, bytes)| bytes.into_iter().map(|b| b % most).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_encoded_decodes_to_the_same(
        raw in some_bytes(),
        size in 1u32..18,
        which in prop::collection::vec(0usize..8, 0..4),
        optional: bool,
    ) {
        let ids = [
            Filter::shuffle(size), Filter::deflate(4), Filter::new(filter::FLETCHER32, &[]),
            Filter::new(filter::ZSTD, &[3]), Filter::new(filter::GZIP, &[2]), Filter::new(filter::CRC32C, &[]),
            Filter::new(filter::LZ4, &[700]), Filter::new(filter::NUMCODECS_LZ4, &[]),
        ];
        let pipeline: Vec<Filter> =
            which.iter().map(|&i| Filter { optional, ..ids[i].clone() }).collect();
        let (stored, mask) = encode(&pipeline, &raw, None).unwrap();
        let mut out = vec![9; 10];
        decode(&pipeline, mask, &stored, raw.len(), &mut out).unwrap();
        prop_assert_eq!(out, raw);
    }

    #[test]
    fn shuffled_bytes_stand_where_the_definition_says(raw in some_bytes(), size in 2usize..17) {
        let n = raw.len() / size;
        let mut expected = raw.clone();
        for (i, element) in raw.chunks_exact(size).enumerate() {
            element.iter().enumerate().for_each(|(byte, &b)| expected[byte * n + i] = b);
        }
        let mut shuffled = vec![0; raw.len()];
        shuffle::shuffle(size, &raw, &mut shuffled);
        prop_assert_eq!(&shuffled, &expected);
        let mut back = vec![0; raw.len()];
        shuffle::unshuffle(size, &shuffled, &mut back);
        prop_assert_eq!(back, raw);
    }

    #[test]
    fn fletcher32_agrees_with_the_sums_taken_one_by_one(raw in some_bytes()) {
        let (mut sum1, mut sum2) = (0u64, 0u64);
        for word in raw.chunks(2) {
            sum1 += (u64::from(word[0]) << 8) + word.get(1).map_or(0, |&b| u64::from(b));
            sum2 += sum1;
        }
        let modulo = |s: u64| if s > 0 && s.is_multiple_of(65535) { 65535 } else { s % 65535 };
        prop_assert_eq!(u64::from(checksum::fletcher32(&raw)), modulo(sum2) << 16 | modulo(sum1));
    }
}
