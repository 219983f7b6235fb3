//! Compression of HDF4 data elements.

use super::bytes::Cursor;

/// How an element's bytes were encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coder {
    None,
    /// HDF4's own run-length encoding of bytes.
    RunLength,
    /// zlib stream, with its level.
    Deflate(u32),
    /// Known by number only: 2 n-bit, 3 skipping Huffman, 5 szip.
    Other(u16),
}

impl Coder {
    /// Model, coder and the coder's parameters.
    pub fn parse(cursor: &mut Cursor) -> Option<Self> {
        let _model = cursor.u16()?;
        Some(match cursor.u16()? {
            0 => Coder::None,
            1 => Coder::RunLength,
            4 => Coder::Deflate(u32::from(cursor.u16().unwrap_or(6)).min(9)),
            other => Coder::Other(other),
        })
    }

    /// Decodes `stored` into `out`, which has the decoded length.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn decode(self, stored: &[u8], out: &mut [u8]) -> Result<(), String> {
        match self {
            Coder::None if stored.len() >= out.len() => {
                out.copy_from_slice(&stored[..out.len()]);
                Ok(())
            }
            Coder::None => Err("it is shorter than its array".into()),
            Coder::RunLength => run_length(stored, out).ok_or_else(|| "its runs end too early".into()),
            Coder::Deflate(_) => {
                let mut inflate = libdeflater::Decompressor::new();
                match inflate.zlib_decompress(stored, out) {
                    Ok(n) if n == out.len() => Ok(()),
                    Ok(n) => Err(format!("it inflates to {n} bytes instead of {}", out.len())),
                    Err(e) => Err(format!("it does not inflate ({e})")),
                }
            }
            Coder::Other(kind) => Err(format!(
                "its compression ({}) is not read: rewrite the file with hrepack -t '*:GZIP 6'",
                match kind {
                    2 => "n-bit",
                    3 => "skipping Huffman",
                    5 => "szip",
                    _ => "unknown",
                }
            )),
        }
    }
}

/// A byte with the high bit set repeats the next byte (low bits + 3) times; any other copies (value + 1) bytes.
fn run_length(mut stored: &[u8], out: &mut [u8]) -> Option<()> {
    let mut at = 0;
    while at < out.len() {
        let (&head, rest) = stored.split_first()?;
        if head & 0x80 != 0 {
            let n = usize::from(head & 0x7f) + 3;
            let (&value, rest) = rest.split_first()?;
            let end = (at + n).min(out.len());
            out[at..end].fill(value);
            (at, stored) = (end, rest);
        } else {
            let n = (usize::from(head) + 1).min(out.len() - at);
            let (values, rest) = rest.split_at_checked(n)?;
            out[at..at + n].copy_from_slice(values);
            (at, stored) = (at + n, rest);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_copies_alternate() {
        let mut out = [0; 7];
        Coder::RunLength.decode(&[0x82, 9, 0x01, 1, 2], &mut out).unwrap();
        assert_eq!(out, [9, 9, 9, 9, 9, 1, 2]);
        assert!(Coder::RunLength.decode(&[0x82], &mut out).is_err());
    }
}
