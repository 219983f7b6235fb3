//! Jenkins' lookup3 hash, the checksum of HDF5's newer structures.

use super::bytes::{Res, corrupt};

/// `hashlittle` of lookup3 (Bob Jenkins, 2006) with initial value 0.
pub(super) fn lookup3(bytes: &[u8]) -> u32 {
    let mut s = [0xdead_beef_u32.wrapping_add(bytes.len() as u32); 3];
    // The last 1 to 12 bytes go through another mixing: an exact multiple leaves twelve for it.
    let blocks = bytes.len().saturating_sub(1) / 12;
    let (body, tail) = bytes.split_at(blocks * 12);
    for block in body.chunks_exact(12) {
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

fn add(s: &mut [u32; 3], block: &[u8]) {
    for (word, b) in s.iter_mut().zip(block.chunks_exact(4)) {
        *word = word.wrapping_add(u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    }
}

fn mix([a, b, c]: &mut [u32; 3]) {
    for (i, turn) in [4, 6, 8, 16, 19, 4].into_iter().enumerate() {
        // The three words take turns as (target, source, helper).
        let (x, y, z) = match i % 3 {
            0 => (&mut *a, &mut *c, &*b),
            1 => (&mut *b, &mut *a, &*c),
            _ => (&mut *c, &mut *b, &*a),
        };
        *x = x.wrapping_sub(*y) ^ y.rotate_left(turn);
        *y = y.wrapping_add(*z);
    }
}

fn finish([a, b, c]: &mut [u32; 3]) {
    for (i, turn) in [14, 11, 25, 16, 4, 14, 24].into_iter().enumerate() {
        let (x, y) = match i % 3 {
            0 => (&mut *c, &*b),
            1 => (&mut *a, &*c),
            _ => (&mut *b, &*a),
        };
        *x = (*x ^ *y).wrapping_sub(y.rotate_left(turn));
    }
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
