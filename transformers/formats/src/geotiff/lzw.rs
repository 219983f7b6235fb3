//! LZW as TIFF 6.0 section 13 has it: codes of 9 to 12 bits, most significant bit first, one code early.

const CLEAR: u16 = 256;
const END: u16 = 257;
const FIRST: u16 = 258;
/// Codes are cleared before the table is full.
const LAST: u16 = 4093;

/// Slots of the hash table of strings: a power of two, more than twice the number of codes.
const SLOTS: usize = 1 << 14;

struct Bits {
    out: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, code: u16, width: u32) {
        self.held = self.held << width | u32::from(code);
        self.count += width;
        while self.count >= 8 {
            self.count -= 8;
            self.out.push((self.held >> self.count) as u8);
        }
        self.held &= (1 << self.count) - 1;
    }
}

/// Compresses `input`.
pub fn encode(input: &[u8]) -> Vec<u8> {
    let mut bits = Bits { out: Vec::with_capacity(input.len() / 2 + 16), held: 0, count: 0 };
    // Key: prefix and byte; 0 is free.
    let mut table: Vec<(u32, u16)> = vec![(0, 0); SLOTS];
    let (mut next, mut width) = (FIRST, 9);
    bits.put(CLEAR, width);
    let mut bytes = input.iter();
    let Some(&first) = bytes.next() else {
        bits.put(END, width);
        return flush(bits);
    };
    let mut prefix = u16::from(first);
    for &byte in bytes {
        let key = (u32::from(prefix) << 8 | u32::from(byte)) + 1;
        let mut slot = (key.wrapping_mul(0x9E37_79B1) >> 18) as usize;
        while table[slot].0 != key && table[slot].0 != 0 {
            slot = (slot + 1) % SLOTS;
        }
        if table[slot].0 == key {
            prefix = table[slot].1;
            continue;
        }
        bits.put(prefix, width);
        table[slot] = (key, next);
        next += 1;
        prefix = u16::from(byte);
        if next > LAST {
            bits.put(CLEAR, width);
            table.fill((0, 0));
            (next, width) = (FIRST, 9);
        } else if next == 1 << width {
            // The reader is one string behind, so that for it this is one code early.
            width += 1;
        }
    }
    bits.put(prefix, width);
    // As if one more string had been added: that is what the reader does.
    if next + 1 > LAST {
        bits.put(CLEAR, width);
        width = 9;
    } else if next + 1 == 1 << width {
        width += 1;
    }
    bits.put(END, width);
    flush(bits)
}

fn flush(mut bits: Bits) -> Vec<u8> {
    if bits.count > 0 {
        bits.out.push((bits.held << (8 - bits.count)) as u8);
    }
    bits.out
}

/// Decompresses at most `max` bytes into `out`.
///
/// # Errors
/// What is wrong with the stream. One that ends early gives what it holds.
pub fn decode(input: &[u8], max: usize, out: &mut Vec<u8>) -> Result<(), String> {
    out.clear();
    // Each string is its prefix and one byte; its length says where it goes in the output.
    let mut table: Vec<(u16, u8, u16)> = (0..=u16::from(u8::MAX)).map(|b| (0, b as u8, 1)).collect();
    table.resize(4096, (0, 0, 0));
    let (mut next, mut width, mut previous) = (FIRST, 9u32, None::<u16>);
    let (mut held, mut count) = (0u32, 0u32);
    let mut bytes = input.iter();
    while out.len() < max {
        while count < width {
            let Some(&b) = bytes.next() else { return Ok(()) };
            held = held << 8 | u32::from(b);
            count += 8;
        }
        count -= width;
        let code = (held >> count) as u16;
        held &= (1 << count) - 1;
        if code == END {
            return Ok(());
        }
        if code == CLEAR {
            (next, width, previous) = (FIRST, 9, None);
            continue;
        }
        let Some(before) = previous else {
            if code > 255 {
                return Err(format!("LZW code {code} comes first"));
            }
            out.push(code as u8);
            previous = Some(code);
            continue;
        };
        if code > next || (code == next && next > 4095) {
            return Err(format!("LZW code {code} is not known yet"));
        }
        let known = code < next;
        let first = push_string(&table, if known { code } else { before }, out);
        if !known {
            out.push(first);
        }
        if next < 4096 {
            let length = table[usize::from(before)].2.saturating_add(1);
            table[usize::from(next)] = (before, first, length);
            next += 1;
            if next >= (1 << width) - 1 && width < 12 {
                width += 1;
            }
        }
        previous = Some(code);
    }
    out.truncate(max);
    Ok(())
}

/// Appends the string of a code and gives its first byte.
fn push_string(table: &[(u16, u8, u16)], code: u16, out: &mut Vec<u8>) -> u8 {
    let length = usize::from(table[usize::from(code)].2);
    let start = out.len();
    out.resize(start + length, 0);
    let mut at = code;
    for slot in out[start..].iter_mut().rev() {
        let (prefix, byte, _) = table[usize::from(at)];
        *slot = byte;
        at = prefix;
    }
    out.get(start).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(input: &[u8]) {
        let mut out = Vec::new();
        decode(&encode(input), input.len(), &mut out).unwrap();
        assert!(out == input, "{} bytes", input.len());
    }

    #[test]
    fn what_is_written_comes_back() {
        round(&[]);
        round(&[7]);
        round(&[0; 100_000]);
        let mut state = 1u32;
        for n in [255, 256, 510, 511, 512, 1022, 4000, 5000, 70_000] {
            let noise: Vec<u8> = (0..n)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            round(&noise);
            round(&noise.iter().map(|b| b % 4).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_example_of_tiff_6_decodes() {
        // 7 7 7 8 8 7 7 6 6 as in section 13.
        let codes = [256u16, 7, 258, 8, 8, 258, 6, 6, 257];
        let mut bits = Bits { out: Vec::new(), held: 0, count: 0 };
        codes.iter().for_each(|&c| bits.put(c, 9));
        let mut out = Vec::new();
        decode(&flush(bits), 100, &mut out).unwrap();
        assert_eq!(out, [7, 7, 7, 8, 8, 7, 7, 6, 6]);
    }

    #[test]
    fn nonsense_is_refused_or_ends() {
        let mut out = Vec::new();
        assert!(decode(&[0xFF; 4], 100, &mut out).is_err());
        assert!(decode(&[], 100, &mut out).is_ok() && out.is_empty());
    }
}
