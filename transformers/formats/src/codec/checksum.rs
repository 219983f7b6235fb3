//! Checksum trailers: HDF5's Fletcher-32 and Zarr's CRC-32C. Both are four little-endian bytes after the data.

use super::CodecError;

/// Words per step of [`fletcher32`]: the weighted sum of 128 words of 16 bits fits 32 bits.
const WORDS: usize = 128;

/// HDF5's Fletcher-32: sums modulo 65535 of *big-endian* 16-bit words, an odd last byte being a high byte
/// (Fletcher 1982; `H5_checksum_fletcher32`). A sum that is not zero is kept in 1..=65535.
pub(super) fn fletcher32(data: &[u8]) -> u32 {
    let (mut sum1, mut sum2) = (0u64, 0u64);
    let mut blocks = data.chunks_exact(2 * WORDS);
    for block in &mut blocks {
        let (mut plain, mut weighted) = (0u32, 0u32);
        for (i, word) in block.chunks_exact(2).enumerate() {
            let w = u32::from(u16::from_be_bytes([word[0], word[1]]));
            plain += w;
            weighted += w * (WORDS - i) as u32;
        }
        // sum2 grows by sum1 once per word, and each word counts as often as words follow it.
        sum2 = fold(sum2 + WORDS as u64 * sum1 + u64::from(weighted));
        sum1 = fold(sum1 + u64::from(plain));
    }
    for word in blocks.remainder().chunks(2) {
        sum1 = fold(sum1 + u64::from(u16::from_be_bytes([word[0], word.get(1).copied().unwrap_or(0)])));
        sum2 = fold(sum2 + sum1);
    }
    (sum2 as u32) << 16 | sum1 as u32
}

/// Modulo 65535 with 65535 in place of a multiple that is not zero.
fn fold(sum: u64) -> u64 {
    if sum <= 0xffff { sum } else { (sum - 1) % 0xffff + 1 }
}

/// Length of the data before the checksum.
///
/// HDF5 before 1.6.3 stored both 16-bit sums byte-swapped on little-endian machines; readers must accept that.
pub(super) fn verify_fletcher32(input: &[u8]) -> Result<usize, CodecError> {
    let (data, stored) = split_trailer("fletcher32", input)?;
    let computed = fletcher32(data);
    let swapped = (computed & 0x00ff_00ff) << 8 | (computed & 0xff00_ff00) >> 8;
    if stored != computed && stored != swapped {
        return Err(CodecError::Checksum { filter: "fletcher32", stored, computed });
    }
    Ok(data.len())
}

/// Length of the data before the checksum.
pub(super) fn verify_crc32c(input: &[u8]) -> Result<usize, CodecError> {
    let (data, stored) = split_trailer("crc32c", input)?;
    let computed = crc32c(data);
    if stored != computed {
        return Err(CodecError::Checksum { filter: "crc32c", stored, computed });
    }
    Ok(data.len())
}

fn split_trailer<'a>(name: &'static str, input: &'a [u8]) -> Result<(&'a [u8], u32), CodecError> {
    let (data, trailer) = input.split_last_chunk::<4>().ok_or(CodecError::truncated(name))?;
    Ok((data, u32::from_le_bytes(*trailer)))
}

pub(super) fn append_fletcher32(input: &[u8], out: &mut Vec<u8>) {
    append(input, fletcher32(input), out);
}

pub(super) fn append_crc32c(input: &[u8], out: &mut Vec<u8>) {
    append(input, crc32c(input), out);
}

fn append(input: &[u8], checksum: u32, out: &mut Vec<u8>) {
    out.clear();
    out.reserve(input.len() + 4);
    out.extend_from_slice(input);
    out.extend_from_slice(&checksum.to_le_bytes());
}

/// Reversed Castagnoli polynomial (RFC 3720).
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// `TABLES[n][b]`: the effect of byte `b` that stands `n` bytes before the end of a group of eight.
static TABLES: [[u32; 256]; 8] = crc_tables();

const fn crc_tables() -> [[u32; 256]; 8] {
    let mut tables = [[0u32; 256]; 8];
    let mut b = 0;
    while b < 256 {
        let (mut crc, mut bit) = (b as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][b] = crc;
        b += 1;
    }
    let mut n = 1;
    while n < 8 {
        let mut b = 0;
        while b < 256 {
            let before = tables[n - 1][b];
            tables[n][b] = before >> 8 ^ tables[0][(before & 0xff) as usize];
            b += 1;
        }
        n += 1;
    }
    tables
}

/// CRC-32C, eight bytes a step.
pub(super) fn crc32c(data: &[u8]) -> u32 {
    let mut crc = !0u32;
    let mut groups = data.chunks_exact(8);
    for g in &mut groups {
        let low = u32::from_le_bytes([g[0], g[1], g[2], g[3]]) ^ crc;
        crc = TABLES[7][(low & 0xff) as usize]
            ^ TABLES[6][(low >> 8 & 0xff) as usize]
            ^ TABLES[5][(low >> 16 & 0xff) as usize]
            ^ TABLES[4][(low >> 24) as usize]
            ^ TABLES[3][g[4] as usize]
            ^ TABLES[2][g[5] as usize]
            ^ TABLES[1][g[6] as usize]
            ^ TABLES[0][g[7] as usize];
    }
    for &b in groups.remainder() {
        crc = crc >> 8 ^ TABLES[0][((crc ^ u32::from(b)) & 0xff) as usize];
    }
    !crc
}
