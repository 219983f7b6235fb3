//! A store as one ZIP file whose members are not compressed (they are already), as zarr-python's `ZipStore` reads it.
//!
//! APPNOTE.TXT 6.3.10 (PKWARE), with its 64-bit extensions where a size, an offset or the number of members needs them.
//! Members are sorted and carry no time, so that equal stores are equal files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::write::{PendingFile, WriteError, WriteOptions, io_error};

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const END_64_LOCATOR: u32 = 0x0706_4b50;
/// Version that knows 64-bit sizes.
const VERSION: u16 = 45;
/// Names are UTF-8.
const UTF8: u16 = 1 << 11;
/// 1980-01-01, the earliest date there is.
const DATE: u16 = 1 << 5 | 1;
const PIECE: usize = 1 << 20;
const MAX_32: u64 = 0xffff_ffff;

struct Member {
    name: String,
    offset: u64,
    size: u64,
    crc: u32,
}

/// Packs the files below `root` (they are removed one by one) into `target`; gives its size.
///
/// # Errors
/// [`WriteError::Full`], [`WriteError::Io`] or [`WriteError::Cancelled`].
pub(super) fn pack(root: &Path, target: &Path, options: &WriteOptions) -> Result<u64, WriteError> {
    let fail = |e: std::io::Error| io_error(target, "pack the store", &e);
    let mut files = Vec::new();
    list(root, String::new(), &mut files).map_err(fail)?;
    files.sort();
    let out = PendingFile::create(target)?;
    let mut at = 0;
    let mut members = Vec::with_capacity(files.len());
    for (name, path) in files {
        if options.is_cancelled() {
            return Err(WriteError::Cancelled);
        }
        let member = add(&out, at, name, &path, target)?;
        at = member.offset + local_header(&member).len() as u64 + member.size;
        std::fs::remove_file(&path).map_err(fail)?;
        members.push(member);
    }
    let directory = central_directory(&members, at);
    out.write_at(at, &directory)?;
    let end = at + directory.len() as u64;
    out.finish(end)?;
    Ok(end)
}

/// Names (with `/`) and paths of all files below `folder`.
fn list(folder: &Path, prefix: String, out: &mut Vec<(String, PathBuf)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), name + "/", out)?;
        } else {
            out.push((name, entry.path()));
        }
    }
    Ok(())
}

fn add(
    out: &PendingFile,
    offset: u64,
    name: String,
    path: &Path,
    target: &Path,
) -> Result<Member, WriteError> {
    let fail = |e: std::io::Error| io_error(target, "pack the store", &e);
    let mut file = File::open(path).map_err(fail)?;
    let size = file.metadata().map_err(fail)?.len();
    let mut member = Member { name, offset, size, crc: 0 };
    let start = offset + local_header(&member).len() as u64;
    let mut crc = libdeflater::Crc::new();
    let mut buffer = vec![0; PIECE.min(size.max(1) as usize)];
    let mut done = 0;
    loop {
        let n = file.read(&mut buffer).map_err(fail)?;
        if n == 0 {
            break;
        }
        crc.update(&buffer[..n]);
        out.write_at(start + done, &buffer[..n])?;
        done += n as u64;
    }
    member.crc = crc.sum();
    out.write_at(offset, &local_header(&member))?;
    Ok(member)
}

#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u16(&mut self, v: u16) -> &mut Self {
        self.0.extend(v.to_le_bytes());
        self
    }

    fn u32(&mut self, v: u32) -> &mut Self {
        self.0.extend(v.to_le_bytes());
        self
    }

    fn u64(&mut self, v: u64) -> &mut Self {
        self.0.extend(v.to_le_bytes());
        self
    }

    /// A 64-bit number in a 32-bit field; all ones say that it stands elsewhere.
    fn short(&mut self, v: u64) -> &mut Self {
        self.u32(v.min(MAX_32) as u32)
    }
}

/// What both headers of a member have in common, from the version to the length of the name.
fn common(b: &mut Bytes, m: &Member) {
    b.u16(VERSION).u16(UTF8).u16(0).u16(0).u16(DATE).u32(m.crc).short(m.size).short(m.size);
    b.u16(m.name.len().min(usize::from(u16::MAX)) as u16);
}

fn local_header(m: &Member) -> Vec<u8> {
    let mut b = Bytes::default();
    let large = m.size >= MAX_32;
    b.u32(LOCAL);
    common(&mut b, m);
    b.u16(if large { 20 } else { 0 });
    b.0.extend_from_slice(m.name.as_bytes());
    if large {
        b.u16(1).u16(16).u64(m.size).u64(m.size);
    }
    b.0
}

fn central_directory(members: &[Member], start: u64) -> Vec<u8> {
    let mut b = Bytes::default();
    for m in members {
        let mut extra = Bytes::default();
        if m.size >= MAX_32 {
            extra.u64(m.size).u64(m.size);
        }
        if m.offset >= MAX_32 {
            extra.u64(m.offset);
        }
        b.u32(CENTRAL).u16(VERSION);
        common(&mut b, m);
        let len = extra.0.len() as u16;
        b.u16(if len > 0 { len + 4 } else { 0 }).u16(0).u16(0).u16(0).u32(0).short(m.offset);
        b.0.extend_from_slice(m.name.as_bytes());
        if len > 0 {
            b.u16(1).u16(len);
            b.0.extend(extra.0);
        }
    }
    let (size, count) = (b.0.len() as u64, members.len() as u64);
    if start >= MAX_32 || size >= MAX_32 || count >= 0xffff {
        b.u32(END_64).u64(44).u16(VERSION).u16(VERSION).u32(0).u32(0);
        b.u64(count).u64(count).u64(size).u64(start);
        b.u32(END_64_LOCATOR).u32(0).u64(start + size).u32(1);
    }
    let short_count = count.min(0xffff) as u16;
    b.u32(END).u16(0).u16(0).u16(short_count).u16(short_count).short(size).short(start).u16(0);
    b.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_stored_in_the_order_of_their_names() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        std::fs::create_dir_all(root.join("x")).unwrap();
        std::fs::write(root.join("x/0.0"), b"data").unwrap();
        std::fs::write(root.join(".zgroup"), b"{}").unwrap();
        let target = dir.path().join("a.zarr.zip");
        let size = pack(&root, &target, &WriteOptions::default()).unwrap();
        let bytes = std::fs::read(&target).unwrap();
        assert_eq!(bytes.len() as u64, size);
        assert_eq!(&bytes[30..39], b".zgroup{}");
        // CRC-32 of "data".
        let second = 39;
        assert_eq!(bytes[second + 14..second + 18], 0xadf3_f363u32.to_le_bytes());
        assert_eq!(&bytes[second + 30..second + 39], b"x/0.0data");
        assert_eq!(bytes[bytes.len() - 12..bytes.len() - 10], 2u16.to_le_bytes());
    }

    #[test]
    fn what_needs_64_bits_stands_in_extra_fields() {
        let m = |offset, size| Member { name: "a".into(), offset, size, crc: 1 };
        assert_eq!(local_header(&m(0, 5)).len(), 31);
        assert_eq!(local_header(&m(0, 5 << 32)).len(), 51);
        let small = central_directory(&[m(0, 5)], 36);
        assert_eq!(small.len(), 47 + 22);
        let large = central_directory(&[m(5 << 32, 5 << 32)], 10 << 32);
        assert_eq!(large.len(), 47 + 28 + 56 + 20 + 22);
    }
}
