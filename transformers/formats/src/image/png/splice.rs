//! Deflate streams put one behind the other (RFC 1951), so that pieces can be compressed by several threads.
//!
//! The compressor marks the last block of a piece as the last one of all. Where the mark is, is found by walking over
//! the symbols of the blocks before it; where the last block ends follows from the code that ends it.

/// Makes a complete deflate stream one that others can follow: no block of it is the last one, and it ends on a byte.
/// `None` when it is not a valid stream.
#[must_use]
pub fn open_end(stream: &mut Vec<u8>) -> Option<()> {
    let (mark, end) = walk(stream)?;
    stream[mark / 8] &= !(1 << (mark % 8));
    stream.truncate(end.div_ceil(8));
    // An empty stored block: three bits 0, zeros up to the byte, length 0 and its complement. Unused bits are 0.
    if end % 8 == 0 || end % 8 > 5 {
        stream.push(0);
    }
    stream.extend_from_slice(&[0, 0, 0xff, 0xff]);
    Some(())
}

/// Blocks that hold bytes as they are: what is always possible.
pub fn stored(bytes: &[u8], last: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 65_535 * 5 + 10);
    let mut rest = bytes;
    loop {
        let (block, after) = rest.split_at(rest.len().min(65_535));
        out.push(u8::from(last && after.is_empty()));
        let len = block.len() as u16;
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&(!len).to_le_bytes());
        out.extend_from_slice(block);
        if after.is_empty() {
            return out;
        }
        rest = after;
    }
}

/// Bit positions of the mark of the last block and of the end of the stream.
fn walk(stream: &[u8]) -> Option<(usize, usize)> {
    let mut bits = Bits { bytes: stream, at: 0 };
    loop {
        let mark = bits.at;
        let last = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                let len = bits.take(16)? as usize;
                bits.take(16)?;
                bits.at += 8 * len;
                if bits.at > 8 * stream.len() {
                    return None;
                }
            }
            kind @ (1 | 2) => {
                let lengths = if kind == 1 { Lengths::fixed() } else { Lengths::read(&mut bits)? };
                if last && let Some(end) = lengths.end(stream) {
                    return Some((mark, end));
                }
                Codes::new(&lengths)?.skip_block(&mut bits)?;
            }
            _ => return None,
        }
        if last {
            return Some((mark, bits.at));
        }
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// At least 57 bits from the current one on; zeros behind the end.
    #[inline]
    fn peek(&self) -> u64 {
        let byte = self.at / 8;
        let word = match self.bytes.get(byte..byte + 8) {
            Some(b) => u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]),
            None => {
                let rest = self.bytes.get(byte..).unwrap_or_default();
                rest.iter().rev().fold(0, |w, &b| w << 8 | u64::from(b))
            }
        };
        word >> (self.at % 8)
    }

    fn take(&mut self, n: usize) -> Option<u64> {
        let value = self.peek() & ((1 << n) - 1);
        self.at += n;
        (self.at <= 8 * self.bytes.len()).then_some(value)
    }
}

/// What a code stands for, as far as its length in bits goes.
const OTHER: u16 = 0 << 8;
const MATCH: u16 = 1 << 8;
const END: u16 = 2 << 8;

/// Codes by their bits: kind, and bits of code and extra bits together; 0 bits: no such code.
struct Table {
    entries: Vec<u16>,
    mask: u64,
}

impl Table {
    /// Canonical Huffman codes of these lengths. `describe` gives kind and extra bits of a symbol.
    fn new(lengths: &[u8], describe: impl Fn(usize) -> Option<(u16, u16)>) -> Option<Table> {
        let longest = *lengths.iter().max()? as usize;
        let mut next = first_codes(lengths);
        let size = 1usize << longest;
        let mut entries = vec![0; size];
        for (symbol, &len) in lengths.iter().enumerate().filter(|(_, l)| **l > 0) {
            let len = len as usize;
            let code = next[len];
            next[len] += 1;
            if code >= 1 << len {
                return None;
            }
            let Some((kind, extra)) = describe(symbol) else { continue };
            let reversed = code.reverse_bits() >> (usize::BITS as usize - len);
            let entry = kind | (len as u16 + extra);
            (reversed..size).step_by(1 << len).for_each(|i| entries[i] = entry);
        }
        Some(Table { entries, mask: size as u64 - 1 })
    }

    #[inline]
    fn get(&self, bits: u64) -> u16 {
        self.entries[(bits & self.mask) as usize]
    }
}

/// The first code of each length (RFC 1951 §3.2.2).
fn first_codes(lengths: &[u8]) -> [usize; 17] {
    let mut count = [0usize; 16];
    lengths.iter().for_each(|&l| count[l as usize] += 1);
    count[0] = 0;
    let mut first = [0usize; 17];
    for l in 1..16 {
        first[l + 1] = (first[l] + count[l]) << 1;
    }
    first
}

struct Codes {
    literals: Table,
    distances: Table,
}

impl Codes {
    fn new(lengths: &Lengths) -> Option<Codes> {
        let (literals, distances) = lengths.all.split_at(lengths.literals);
        let literal = |s: usize| match s {
            0..=255 => Some((OTHER, 0)),
            256 => Some((END, 0)),
            257..=264 | 285 => Some((MATCH, 0)),
            265..=284 => Some((MATCH, (s as u16 - 261) / 4)),
            _ => None,
        };
        let distance = |s: usize| match s {
            0..=3 => Some((OTHER, 0)),
            4..=29 => Some((OTHER, (s as u16 - 2) / 2)),
            _ => None,
        };
        Some(Codes { literals: Table::new(literals, literal)?, distances: Table::new(distances, distance)? })
    }

    fn skip_block(&self, bits: &mut Bits) -> Option<()> {
        let end = 8 * bits.bytes.len();
        loop {
            let word = bits.peek();
            let entry = self.literals.get(word);
            let used = usize::from(entry & 255);
            bits.at += used;
            if used == 0 || bits.at > end {
                return None;
            }
            match entry & !255 {
                END => return Some(()),
                MATCH => {
                    // 20 bits at most are used, 28 more are needed, 57 are there.
                    let more = usize::from(self.distances.get(word >> used) & 255);
                    bits.at += more;
                    if more == 0 {
                        return None;
                    }
                }
                _ => {}
            }
        }
    }
}

/// Order in which lengths of the code of code lengths are sent.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Lengths of the codes of a block: first those of literals, then those of distances.
struct Lengths {
    all: Vec<u8>,
    literals: usize,
}

/// The symbol behind the last one of a block.
const END_OF_BLOCK: usize = 256;

impl Lengths {
    fn fixed() -> Lengths {
        let length = |s: usize| match s {
            144..=255 => 9,
            256..=279 => 7,
            288.. => 5,
            _ => 8,
        };
        Lengths { all: (0..288 + 30).map(length).collect(), literals: 288 }
    }

    fn read(bits: &mut Bits) -> Option<Lengths> {
        let literals = bits.take(5)? as usize + 257;
        let distances = bits.take(5)? as usize + 1;
        let sent = bits.take(4)? as usize + 4;
        let mut lengths = [0u8; 19];
        for &symbol in &ORDER[..sent] {
            lengths[symbol] = bits.take(3)? as u8;
        }
        // The kind of this table is the symbol itself.
        let table = Table::new(&lengths, |s| Some(((s as u16) << 8, 0)))?;
        let mut all: Vec<u8> = Vec::with_capacity(literals + distances);
        while all.len() < literals + distances {
            let entry = table.get(bits.peek());
            let used = usize::from(entry & 255);
            if used == 0 {
                return None;
            }
            bits.take(used)?;
            let (value, repeat) = match entry >> 8 {
                16 => (*all.last()?, bits.take(2)? + 3),
                17 => (0, bits.take(3)? + 3),
                18 => (0, bits.take(7)? + 11),
                length => (length as u8, 1),
            };
            all.extend(std::iter::repeat_n(value, repeat as usize));
        }
        (all.len() == literals + distances).then_some(Lengths { all, literals })
    }

    /// Where a stream ends whose last block has these codes: it ends with the code that ends the block, and with zeros
    /// up to the byte. `None` when that code is all zeros, like those behind it.
    fn end(&self, stream: &[u8]) -> Option<usize> {
        let codes = &self.all[..self.literals];
        let len = codes[END_OF_BLOCK];
        let before = codes[..END_OF_BLOCK].iter().filter(|&&l| l == len).count();
        let code = first_codes(codes)[usize::from(len)] + before;
        let in_code = (code > 0 && len > 0).then(|| code.trailing_zeros() as usize)?;
        let last = stream.iter().rposition(|&b| b > 0)?;
        let at_end = 8 * (stream.len() - 1 - last) + stream[last].leading_zeros() as usize;
        let unused = at_end.checked_sub(in_code).filter(|&n| n < 8)?;
        Some(8 * stream.len() - unused)
    }
}

#[cfg(test)]
mod tests {
    use libdeflater::{CompressionLvl, Compressor, Decompressor};
    use proptest::prelude::*;

    use super::*;

    fn deflated(bytes: &[u8], level: i32) -> Vec<u8> {
        let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap());
        let mut out = vec![0; compressor.deflate_compress_bound(bytes.len())];
        let n = compressor.deflate_compress(bytes, &mut out).unwrap();
        out.truncate(n);
        out
    }

    fn joined(pieces: &[Vec<u8>], level: i32) -> Vec<u8> {
        let mut out = Vec::new();
        for (i, piece) in pieces.iter().enumerate() {
            let mut stream = deflated(piece, level);
            if i + 1 < pieces.len() {
                open_end(&mut stream).unwrap();
            }
            out.extend(stream);
        }
        out
    }

    fn inflated(stream: &[u8], len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        let n = Decompressor::new().deflate_decompress(stream, &mut out).unwrap();
        assert_eq!(n, len);
        out
    }

    #[test]
    fn pieces_of_every_kind_of_block_follow_each_other() {
        let noise: Vec<u8> =
            (0u64..200_000).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect();
        let smooth: Vec<u8> = (0..900_000u32).map(|i| ((i / 700) % 256) as u8).collect();
        let text = b"abc".repeat(3);
        let pieces = [Vec::new(), text, noise, smooth, vec![0; 700_000], vec![7]];
        let all: Vec<u8> = pieces.concat();
        for level in [0, 1, 4, 6, 9, 12] {
            assert_eq!(inflated(&joined(&pieces, level), all.len()), all, "level {level}");
        }
    }

    #[test]
    fn stored_blocks_are_a_stream_too() {
        let bytes: Vec<u8> = (0..150_000u32).map(|i| i as u8).collect();
        assert_eq!(inflated(&stored(&bytes, true), bytes.len()), bytes);
        let both = [stored(&bytes[..70_000], false), deflated(&bytes[70_000..], 6)].concat();
        assert_eq!(inflated(&both, bytes.len()), bytes);
        assert_eq!(stored(&[], true), [1, 0, 0, 255, 255]);
    }

    #[test]
    fn damaged_streams_are_refused() {
        assert!(walk(&[]).is_none());
        assert!(walk(&[7]).is_none());
        assert!(walk(&[1, 10, 0, 245, 255, 1]).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_pieces_give_back_their_bytes(
            pieces in prop::collection::vec(prop::collection::vec(0u8..6, 0..3000), 1..6),
            level in 1i32..=12,
        ) {
            let all: Vec<u8> = pieces.concat();
            prop_assert_eq!(inflated(&joined(&pieces, level), all.len()), all);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = walk(&bytes);
        }
    }
}
