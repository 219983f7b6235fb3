//! The superblock, versions 0 to 3.

use harmony_model::ByteSource;

use super::bytes::{Bad, Cursor, Res, Sizes, corrupt, unsupported};
use super::checksum::verified;

const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// What the superblock says.
pub(super) struct Superblock {
    /// Where the file begins inside the source: after a user block.
    pub(super) base: u64,
    /// Length that the whole source must have, user block included.
    pub(super) end: u64,
    pub(super) sizes: Sizes,
    pub(super) root: u64,
    /// Object header with file-wide messages.
    pub(super) extension: Option<u64>,
}

/// Position of the signature: 0, or 512 and its doublings after a user block.
pub(super) fn signature(source: &dyn ByteSource) -> Res<Option<u64>> {
    let mut at = 0u64;
    let mut head = [0; 8];
    while at.checked_add(8).is_some_and(|end| end <= source.len()) {
        source.read_at(at, &mut head)?;
        if head == *SIGNATURE {
            return Ok(Some(at));
        }
        at = if at == 0 { 512 } else { at.saturating_mul(2) };
    }
    Ok(None)
}

impl Superblock {
    pub(super) fn find(source: &dyn ByteSource, verify: bool) -> Res<Superblock> {
        let Some(base) = signature(source)? else {
            return corrupt("the HDF5 signature is missing");
        };
        // The longest superblock, version 1 with 8-byte addresses, has 100 bytes.
        let mut bytes = vec![0; (source.len() - base).min(128) as usize];
        source.read_at(base, &mut bytes)?;
        match bytes.get(8) {
            Some(0 | 1) => Self::old(&bytes, base),
            Some(2 | 3) => Self::new(&bytes, base, verify),
            Some(v) => unsupported(format!("superblock version {v} is unknown")),
            None => corrupt("its superblock ends early"),
        }
    }

    /// Versions 0 and 1: the root group is a symbol table entry.
    fn old(bytes: &[u8], base: u64) -> Res<Superblock> {
        let mut c = Cursor::new(bytes, Sizes { offset: 8, length: 8 }, "superblock");
        c.skip(8)?;
        let version = c.u8()?;
        c.skip(4)?;
        let sizes = sizes(&mut c)?;
        c.skip(if version == 1 { 13 } else { 9 })?;
        let mut c = Cursor::new(c.rest(), sizes, "superblock");
        let stored_base = c.defined_addr()?;
        c.addr()?;
        let end = moved(c.defined_addr()?, stored_base, base);
        if c.addr()?.is_some() {
            return unsupported("it is one of several files (family or multi driver); run h5repart on them");
        }
        c.length()?; // name of the root group
        let root = c.defined_addr()?;
        Ok(Superblock { base, end, sizes, root, extension: None })
    }

    /// Versions 2 and 3: the root group is an object header.
    fn new(bytes: &[u8], base: u64, verify: bool) -> Res<Superblock> {
        let mut c = Cursor::new(bytes, Sizes { offset: 8, length: 8 }, "superblock");
        c.skip(9)?;
        let sizes = sizes(&mut c)?;
        let total = 12 + 4 * sizes.offset + 4;
        let body = bytes.get(..total).ok_or_else(|| Bad::Corrupt("its superblock ends early".into()))?;
        let mut c = Cursor::new(verified(body, "superblock", verify)?, sizes, "superblock");
        c.skip(12)?;
        let stored_base = c.defined_addr()?;
        let extension = c.addr()?;
        let end = moved(c.defined_addr()?, stored_base, base);
        let root = c.defined_addr()?;
        Ok(Superblock { base, end, sizes, root, extension })
    }
}

/// The end address counts from the start of the source; a user block put in front later moves it.
fn moved(end: u64, stored_base: u64, base: u64) -> u64 {
    end.saturating_sub(stored_base).saturating_add(base)
}

fn sizes(c: &mut Cursor) -> Res<Sizes> {
    let (offset, length) = (c.u8()? as usize, c.u8()? as usize);
    match (offset, length) {
        (2 | 4 | 8, 2 | 4 | 8) => Ok(Sizes { offset, length }),
        (16 | 32, _) | (_, 16 | 32) => unsupported(format!("it has addresses of {offset} bytes")),
        _ => corrupt(format!("addresses of {offset} and lengths of {length} bytes are impossible")),
    }
}
