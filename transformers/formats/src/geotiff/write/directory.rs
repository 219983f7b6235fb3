//! Image file directories: entries and their bytes, in classic TIFF and BigTIFF.

use super::super::tags::{ASCII, DOUBLE, LONG, LONG8, SHORT};

/// Bytes of the classic and of the BigTIFF header.
pub fn header_size(big: bool) -> u64 {
    if big { 16 } else { 8 }
}

/// One tag with its values, little-endian.
struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    bytes: Vec<u8>,
}

/// A directory in the making.
#[derive(Default)]
pub struct Directory(Vec<Entry>);

impl Directory {
    fn push(&mut self, tag: u16, kind: u16, count: usize, bytes: Vec<u8>) {
        self.0.push(Entry { tag, kind, count: count as u64, bytes });
    }

    pub fn shorts(&mut self, tag: u16, values: &[u16]) {
        self.push(tag, SHORT, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect());
    }

    pub fn longs(&mut self, tag: u16, values: &[u32]) {
        self.push(tag, LONG, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect());
    }

    /// Positions in the file: as wide as the file needs them.
    pub fn offsets(&mut self, tag: u16, values: &[u64], big: bool) {
        if big {
            self.push(tag, LONG8, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect());
        } else {
            // A classic file is chosen only when its end is below 4 GiB.
            self.longs(
                tag,
                &values.iter().map(|&v| u32::try_from(v).unwrap_or(u32::MAX)).collect::<Vec<_>>(),
            );
        }
    }

    pub fn doubles(&mut self, tag: u16, values: &[f64]) {
        self.push(tag, DOUBLE, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect());
    }

    pub fn text(&mut self, tag: u16, value: &str) {
        let mut bytes: Vec<u8> = value.bytes().filter(|&b| b != 0).collect();
        bytes.push(0);
        self.push(tag, ASCII, bytes.len(), bytes);
    }

    fn table_size(&self, big: bool) -> u64 {
        let n = self.0.len() as u64;
        if big { 8 + 20 * n + 8 } else { 2 + 12 * n + 4 }
    }

    /// Bytes of the directory and of the values that do not fit into it; even.
    fn size(&self, big: bool) -> u64 {
        let inline = if big { 8 } else { 4 };
        let outside = self.0.iter().map(|e| e.bytes.len() as u64).filter(|&n| n > inline);
        even(self.table_size(big) + outside.map(even).sum::<u64>())
    }
}

fn even(n: u64) -> u64 {
    n + n % 2
}

/// Bytes of all directories.
pub fn size_of(directories: &[Directory], big: bool) -> u64 {
    directories.iter().map(|d| d.size(big)).sum()
}

/// The directories as they stand at `start` of the file, each followed by its values.
pub fn serialise(directories: &mut [Directory], start: u64, big: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let count = directories.len();
    for (i, directory) in directories.iter_mut().enumerate() {
        directory.0.sort_by_key(|e| e.tag);
        let here = start + out.len() as u64;
        let next = if i + 1 < count { here + directory.size(big) } else { 0 };
        write_one(directory, here, next, big, &mut out);
    }
    out
}

fn write_one(directory: &Directory, here: u64, next: u64, big: bool, out: &mut Vec<u8>) {
    let number = |v: u64, out: &mut Vec<u8>| match big {
        true => out.extend(v.to_le_bytes()),
        false => out.extend(u32::try_from(v).unwrap_or(u32::MAX).to_le_bytes()),
    };
    let inline = if big { 8 } else { 4 };
    match big {
        true => out.extend((directory.0.len() as u64).to_le_bytes()),
        // A directory has a few dozen entries.
        false => out.extend((directory.0.len() as u16).to_le_bytes()),
    }
    let mut at = here + directory.table_size(big);
    let mut outside = Vec::new();
    if at % 2 == 1 {
        at += 1;
        outside.push(0);
    }
    for entry in &directory.0 {
        out.extend(entry.tag.to_le_bytes());
        out.extend(entry.kind.to_le_bytes());
        number(entry.count, out);
        if entry.bytes.len() <= inline {
            let mut value = entry.bytes.clone();
            value.resize(inline, 0);
            out.extend(value);
        } else {
            number(at, out);
            outside.extend_from_slice(&entry.bytes);
            outside.resize(outside.len() + entry.bytes.len() % 2, 0);
            at += even(entry.bytes.len() as u64);
        }
    }
    number(next, out);
    out.extend(outside);
    if out.len() % 2 == 1 {
        out.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_foretell_what_is_written() {
        for big in [false, true] {
            let make = || {
                let mut d = Directory::default();
                d.text(305, "abcd");
                d.shorts(256, &[7]);
                d.doubles(33550, &[1.0, 2.0, 0.0]);
                d.offsets(324, &[1, 2, 3], big);
                d
            };
            let mut all = [make(), make()];
            let size = size_of(&all, big);
            let bytes = serialise(&mut all, header_size(big), big);
            assert_eq!(bytes.len() as u64, size);
            let first_tag = u16::from_le_bytes(if big { [bytes[8], bytes[9]] } else { [bytes[2], bytes[3]] });
            assert_eq!(first_tag, 256);
        }
    }
}
