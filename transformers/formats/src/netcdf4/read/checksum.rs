//! Jenkins' lookup3 hash, the checksum of HDF5's newer structures.

use super::bytes::{Res, corrupt};

/// `hashlittle` of lookup3 (Bob Jenkins, 2006) with initial value 0.
pub(crate) fn lookup3(bytes: &[u8]) -> u32 {
    let mut s = [0xdead_beef_u32.wrapping_add(bytes.len() as u32); 3];
    // The last 1 to 12 bytes go through another mixing: an exact multiple leaves twelve for it.
    let blocks = bytes.len().saturating_sub(1) / 12;
    let (body, tail) = bytes.split_at(blocks * 12);
    let (blocks, _) = body.as_chunks::<12>();
    for block in blocks {
        add(&mut s, block);
        mix(&mut s);
    }
    if !tail.is_empty() {
        let mut last = [0; 12];
        last[..tail.len()].copy_from_slice(tail);
        add(&mut s, &last);
        finish(&mut s);
    }
    s[2]
}

fn add(s: &mut [u32; 3], block: &[u8; 12]) {
    let word = |i: usize| u32::from_le_bytes([block[i], block[i + 1], block[i + 2], block[i + 3]]);
    s[0] = s[0].wrapping_add(word(0));
    s[1] = s[1].wrapping_add(word(4));
    s[2] = s[2].wrapping_add(word(8));
}

/// Written out step by step: this is what most of the time of reading an index goes to.
fn mix(s: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *s;
    a = a.wrapping_sub(c) ^ c.rotate_left(4);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(6);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(8);
    b = b.wrapping_add(a);
    a = a.wrapping_sub(c) ^ c.rotate_left(16);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(19);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(4);
    b = b.wrapping_add(a);
    *s = [a, b, c];
}

fn finish(s: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *s;
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    c = (c ^ b).wrapping_sub(b.rotate_left(24));
    *s = [a, b, c];
}

/// Checks that the last four bytes are the checksum of those before, and gives those before.
pub(super) fn verified<'a>(bytes: &'a [u8], what: &str, verify: bool) -> Res<&'a [u8]> {
    let Some((body, sum)) = bytes.split_last_chunk::<4>() else {
        return corrupt(format!("its {what} is too short"));
    };
    if verify && u32::from_le_bytes(*sum) != lookup3(body) {
        return corrupt(format!("the checksum of its {what} is wrong"));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_published_driver() {
        // Values of driver5() in the public-domain lookup3.c.
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
        assert_eq!(lookup3(b""), 0xdead_beef);
    }
}
