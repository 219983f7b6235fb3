//! Bounds-checked decoding of the little-endian structures of an HDF5 file.

use harmony_model::ReadError;

/// What is wrong with a structure, before the object it belongs to is known.
#[derive(Debug, Clone)]
pub(super) enum Bad {
    /// The file breaks its format.
    Corrupt(String),
    /// Right, but we can't read it.
    Unsupported(String),
    /// Already complete with file and object.
    Read(ReadError),
}

pub(super) type Res<T> = Result<T, Bad>;

impl Bad {
    /// Names file and object.
    pub(super) fn at(self, source_name: &str, object: &str) -> ReadError {
        match self {
            Bad::Corrupt(detail) => ReadError::corrupt(source_name, object, detail),
            Bad::Unsupported(detail) => ReadError::unsupported(source_name, object, detail),
            Bad::Read(error) => error,
        }
    }
}

impl From<ReadError> for Bad {
    fn from(error: ReadError) -> Self {
        Bad::Read(error)
    }
}

/// A damaged structure.
pub(super) fn corrupt<T>(detail: impl Into<String>) -> Res<T> {
    Err(Bad::Corrupt(detail.into()))
}

/// A structure that is right in itself and not readable here.
pub(super) fn unsupported<T>(detail: impl Into<String>) -> Res<T> {
    Err(Bad::Unsupported(detail.into()))
}

/// Widths of addresses and lengths, set in the superblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) offset: usize,
    pub(super) length: usize,
}

/// Reads forward through one structure; running out of bytes is an error that names it.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    sizes: Sizes,
    what: &'static str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], sizes: Sizes, what: &'static str) -> Self {
        Cursor { bytes, at: 0, sizes, what }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn sizes(&self) -> Sizes {
        self.sizes
    }

    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Everything not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// What was read since `from`.
    pub(super) fn since(&self, from: usize) -> &'a [u8] {
        &self.bytes[from.min(self.at)..self.at]
    }

    pub(super) fn take(&mut self, n: usize) -> Res<&'a [u8]> {
        if n > self.remaining() {
            return corrupt(format!("its {} ends early", self.what));
        }
        let out = &self.bytes[self.at..self.at + n];
        self.at += n;
        Ok(out)
    }

    pub(super) fn skip(&mut self, n: usize) -> Res<()> {
        self.take(n).map(|_| ())
    }

    /// Steps to the next multiple of 8 from `from`; the padding of the last item may be missing.
    pub(super) fn align8(&mut self, from: usize) {
        let used = self.at - from;
        let pad = used.next_multiple_of(8) - used;
        self.at += pad.min(self.remaining());
    }

    pub(super) fn u8(&mut self) -> Res<u8> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn u16(&mut self) -> Res<u16> {
        Ok(self.uint(2)? as u16)
    }

    pub(super) fn u32(&mut self) -> Res<u32> {
        Ok(self.uint(4)? as u32)
    }

    pub(super) fn u64(&mut self) -> Res<u64> {
        self.uint(8)
    }

    /// An unsigned integer of `width` bytes, at most 8.
    pub(super) fn uint(&mut self, width: usize) -> Res<u64> {
        if width > 8 {
            return corrupt(format!("its {} holds a number of {width} bytes", self.what));
        }
        let mut b = [0; 8];
        b[..width].copy_from_slice(self.take(width)?);
        Ok(u64::from_le_bytes(b))
    }

    /// A length.
    pub(super) fn length(&mut self) -> Res<u64> {
        self.uint(self.sizes.length)
    }

    /// An address; `None` when undefined (all bits set).
    pub(super) fn addr(&mut self) -> Res<Option<u64>> {
        let raw = self.uint(self.sizes.offset)?;
        let undefined = u64::MAX >> (64 - 8 * self.sizes.offset);
        Ok((raw != undefined).then_some(raw))
    }

    /// An address that must be there.
    pub(super) fn defined_addr(&mut self) -> Res<u64> {
        let what = self.what;
        self.addr()?.ok_or_else(|| Bad::Corrupt(format!("its {what} points nowhere")))
    }

    /// A signature.
    pub(super) fn tag(&mut self, tag: &[u8; 4]) -> Res<()> {
        if self.take(4)? != tag {
            return corrupt(format!("no {} where one should be", self.what));
        }
        Ok(())
    }

    /// A version byte that must be `want`.
    pub(super) fn version(&mut self, want: u8) -> Res<()> {
        match self.u8()? {
            v if v == want => Ok(()),
            v => unsupported(format!("its {} has version {v}, which is unknown", self.what)),
        }
    }

    /// Bytes up to a NUL, which is consumed and not returned.
    pub(super) fn c_string(&mut self) -> Res<&'a [u8]> {
        let rest = self.rest();
        let Some(end) = rest.iter().position(|&b| b == 0) else {
            return corrupt(format!("a name in its {} has no end", self.what));
        };
        self.at += end + 1;
        Ok(&rest[..end])
    }
}

/// Bytes that hold any number up to `limit`.
pub(super) fn width_for(limit: u64) -> usize {
    (limit.max(1).ilog2() / 8 + 1) as usize
}

/// A name as text; other encodings than UTF-8 are refused with the remedy.
pub(super) fn utf8(name: &[u8], kind: &str) -> Res<String> {
    match std::str::from_utf8(name) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => unsupported(format!(
            "{kind} '{}' is not UTF-8; rename it, for example with ncrename or h5py",
            String::from_utf8_lossy(name)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { offset: 4, length: 4 };

    #[test]
    fn an_address_of_all_ones_is_undefined() {
        let mut c = Cursor::new(&[255, 255, 255, 255, 1, 0, 0, 0], SIZES, "test");
        assert_eq!(c.addr().unwrap(), None);
        assert_eq!(c.addr().unwrap(), Some(1));
        assert!(c.u8().is_err());
    }

    #[test]
    fn widths_grow_with_the_largest_number() {
        assert_eq!([1, 255, 256, 65535, 65536].map(width_for), [1, 1, 2, 2, 3]);
    }
}
