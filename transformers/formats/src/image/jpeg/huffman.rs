//! Huffman codes of T.81 Annex K.3, and the bits they become.

/// A table as files say it: how many codes have 1, 2, … 16 bits, and their symbols.
pub struct Spec {
    pub counts: [u8; 16],
    pub symbols: Vec<u8>,
}

const DC_LUMA: [u8; 16] = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
const DC_CHROMA: [u8; 16] = [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0];
const AC_LUMA: [u8; 16] = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d];
const AC_CHROMA: [u8; 16] = [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77];
/// Symbols with codes below 16 bits; the others follow in ascending order.
const AC_LUMA_FIRST: [u8; 37] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22,
    0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33,
    0x62, 0x72, 0x82,
];
const AC_CHROMA_FIRST: [u8; 43] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13,
    0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62,
    0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1,
];

/// All tables with class and number as files mark them.
pub fn all() -> [(u8, Spec); 4] {
    let dc = |counts| Spec { counts, symbols: (0..12).collect() };
    let ac = |counts, first: &[u8]| Spec { counts, symbols: with_rest(first) };
    [
        (0x00, dc(DC_LUMA)),
        (0x10, ac(AC_LUMA, &AC_LUMA_FIRST)),
        (0x01, dc(DC_CHROMA)),
        (0x11, ac(AC_CHROMA, &AC_CHROMA_FIRST)),
    ]
}

/// Runs of 0 to 15 zeros before a number of 1 to 10 bits; the end of the block and sixteen zeros are among the first.
fn with_rest(first: &[u8]) -> Vec<u8> {
    let mut out = first.to_vec();
    let pairs = (0u8..16).flat_map(|run| (1u8..=10).map(move |size| run << 4 | size));
    out.extend(pairs.filter(|s| !first.contains(s)));
    out
}

/// Code and its bits by symbol.
type Codes = [(u16, u8); 256];

fn codes(spec: &Spec) -> Codes {
    let mut out = [(0, 0); 256];
    let (mut code, mut at) = (0u32, 0);
    for (len, &count) in (1u8..).zip(&spec.counts) {
        for &symbol in &spec.symbols[at..at + usize::from(count)] {
            out[usize::from(symbol)] = (code as u16, len);
            code += 1;
        }
        at += usize::from(count);
        code <<= 1;
    }
    out
}

/// Codes of one kind of component.
pub struct Pair {
    dc: Codes,
    ac: Codes,
}

pub struct Coder {
    pub luma: Pair,
    pub chroma: Pair,
}

impl Coder {
    pub fn new() -> Self {
        let [dc0, ac0, dc1, ac1] = all().map(|(_, spec)| codes(&spec));
        Coder { luma: Pair { dc: dc0, ac: ac0 }, chroma: Pair { dc: dc1, ac: ac1 } }
    }
}

/// Bits, the first one on top of a byte; a zero follows every byte of ones.
#[derive(Default)]
pub struct Bits {
    out: Vec<u8>,
    word: u64,
    used: u32,
}

impl Bits {
    /// Appends the lowest `len` bits, at most 32.
    #[inline]
    fn put(&mut self, bits: u32, len: u32) {
        self.word = self.word << len | u64::from(bits);
        self.used += len;
        while self.used >= 8 {
            self.used -= 8;
            let byte = (self.word >> self.used) as u8;
            self.out.push(byte);
            if byte == 0xff {
                self.out.push(0);
            }
        }
    }

    /// A block of quantised coefficients in zigzag order; `before` is the first one of the block before.
    pub fn block(&mut self, zigzag: &[i32; 64], before: i32, pair: &Pair) {
        self.number(&pair.dc, 0, zigzag[0] - before);
        let mut zeros = 0;
        for &v in &zigzag[1..] {
            if v == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 {
                let (code, len) = pair.ac[0xf0];
                self.put(u32::from(code), u32::from(len));
                zeros -= 16;
            }
            self.number(&pair.ac, zeros, v);
            zeros = 0;
        }
        if zeros > 0 {
            let (code, len) = pair.ac[0];
            self.put(u32::from(code), u32::from(len));
        }
    }

    /// The symbol of a run and a size, then the number in that many bits; negative ones less one.
    #[inline]
    fn number(&mut self, codes: &Codes, run: u32, v: i32) {
        let size = 32 - v.unsigned_abs().leading_zeros();
        let (code, len) = codes[(run << 4 | size) as usize];
        self.put(u32::from(code), u32::from(len));
        let bits = if v < 0 { v - 1 } else { v };
        self.put(bits.cast_unsigned() & ((1 << size) - 1), size);
    }

    /// The bytes; the last one is filled up with ones.
    pub fn finish(mut self) -> Vec<u8> {
        let gap = (8 - self.used % 8) % 8;
        self.put((1 << gap) - 1, gap);
        self.out
    }
}
