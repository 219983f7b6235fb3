//! A cursor over big-endian metadata that refuses to leave its bytes.

/// Reads one value after the other; `None` past the end.
pub struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Cursor { bytes }
    }

    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.bytes.split_at_checked(n)?;
        self.bytes = tail;
        Some(head)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|b| u16::from_be_bytes([b[0], b[1]]))
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.take(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }

    pub fn u16s(&mut self, n: usize) -> Option<Vec<u16>> {
        let bytes = self.take(n.checked_mul(2)?)?;
        Some(bytes.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect())
    }

    /// A text with its length before it.
    pub fn text(&mut self) -> Option<String> {
        let n = self.u16()?;
        let bytes = self.take(n as usize)?;
        Some(clean(bytes))
    }
}

/// Text up to the first NUL; bytes that are not UTF-8 are Latin-1, as old files have them.
pub fn clean(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    match std::str::from_utf8(&bytes[..end]) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes[..end].iter().map(|&b| char::from(b)).collect(),
    }
}
