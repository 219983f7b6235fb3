//! Object headers, versions 1 and 2: the messages that describe one object.

use std::collections::HashSet;

use super::bytes::{Cursor, Res, Sizes, corrupt, unsupported};
use super::checksum::verified;
use super::file::File;

/// Message types.
pub(super) mod kind {
    pub(crate) const DATASPACE: u16 = 0x01;
    pub(crate) const LINK_INFO: u16 = 0x02;
    pub(crate) const DATATYPE: u16 = 0x03;
    pub(crate) const FILL_OLD: u16 = 0x04;
    pub(crate) const FILL: u16 = 0x05;
    pub(crate) const LINK: u16 = 0x06;
    pub(crate) const EXTERNAL_FILES: u16 = 0x07;
    pub(crate) const LAYOUT: u16 = 0x08;
    pub(crate) const GROUP_INFO: u16 = 0x0a;
    pub(crate) const FILTERS: u16 = 0x0b;
    pub(crate) const ATTRIBUTE: u16 = 0x0c;
    pub(crate) const SHARED_TABLE: u16 = 0x0f;
    pub(crate) const CONTINUATION: u16 = 0x10;
    pub(crate) const SYMBOL_TABLE: u16 = 0x11;
    pub(crate) const ATTRIBUTE_INFO: u16 = 0x15;
    pub(crate) const CACHE_IMAGE: u16 = 0x18;
    /// The largest type that the format defines.
    pub(crate) const LAST: u16 = 0x18;
}

const SHARED: u8 = 0x02;
/// A reader that does not know the message must not open the object.
const FAIL_IF_UNKNOWN: u8 = 0x80;

/// One message; its body is in [`Header::body`].
pub(super) struct Message {
    pub(super) kind: u16,
    flags: u8,
    /// Creation order, where the header keeps it.
    pub(super) order: Option<u16>,
    block: usize,
    start: usize,
    len: usize,
}

impl Message {
    /// Whether the body says where the message is instead of being it.
    pub(super) fn is_shared(&self) -> bool {
        self.flags & SHARED != 0
    }
}

/// All messages of an object, over all its blocks.
pub(super) struct Header {
    pub(super) messages: Vec<Message>,
    blocks: Vec<Vec<u8>>,
}

/// How messages are framed.
#[derive(Clone, Copy)]
struct Frame {
    version: u8,
    ordered: bool,
}

/// A guess that holds most headers, so that they take one read.
const FIRST_READ: u64 = 1024;

impl Header {
    /// Reads the header at `addr` with its continuations.
    pub(super) fn read(file: &File, addr: u64) -> Res<Header> {
        let head = file.read_up_to(addr, FIRST_READ, "object header")?;
        let mut header = Header { messages: Vec::new(), blocks: Vec::new() };
        let mut todo = Vec::new();
        let frame = if head.starts_with(b"OHDR") {
            header.first_v2(file, addr, head, &mut todo)?
        } else {
            header.first_v1(file, addr, head, &mut todo)?
        };
        let mut seen = HashSet::new();
        while let Some((addr, len)) = todo.pop() {
            if !seen.insert(addr) {
                return corrupt("its object header continues in itself");
            }
            let block = file.read(addr, len, "object header continuation")?;
            let range = match frame.version {
                1 => 0..block.len(),
                _ => {
                    Cursor::new(&block, file.sizes, "object header continuation").tag(b"OCHK")?;
                    4..verified(&block, "object header continuation", file.verify)?.len()
                }
            };
            header.block(block, range, frame, file.sizes, &mut todo)?;
        }
        Ok(header)
    }

    fn first_v1(
        &mut self,
        file: &File,
        addr: u64,
        mut head: Vec<u8>,
        todo: &mut Vec<(u64, u64)>,
    ) -> Res<Frame> {
        let mut c = Cursor::new(&head, file.sizes, "object header");
        c.version(1)?;
        c.skip(7)?;
        let end = 16 + c.u32()? as usize;
        c.skip(4)?;
        if end > head.len() {
            head = file.read(addr, end as u64, "object header")?;
        }
        let frame = Frame { version: 1, ordered: false };
        self.block(head, 16..end, frame, file.sizes, todo)?;
        Ok(frame)
    }

    fn first_v2(
        &mut self,
        file: &File,
        addr: u64,
        mut head: Vec<u8>,
        todo: &mut Vec<(u64, u64)>,
    ) -> Res<Frame> {
        let mut c = Cursor::new(&head, file.sizes, "object header");
        c.skip(4)?;
        c.version(2)?;
        let flags = c.u8()?;
        if flags & 0x20 != 0 {
            c.skip(16)?; // access, modification, change and birth times
        }
        if flags & 0x10 != 0 {
            c.skip(4)?; // when attributes move between compact and dense storage
        }
        let len = c.uint(1 << (flags & 3))?;
        let start = c.position();
        let end = (start as u64).saturating_add(len).saturating_add(4);
        if end > head.len() as u64 {
            head = file.read(addr, end, "object header")?;
        }
        head.truncate(end as usize);
        let end = verified(&head, "object header", file.verify)?.len();
        let frame = Frame { version: 2, ordered: flags & 4 != 0 };
        self.block(head, start..end, frame, file.sizes, todo)?;
        Ok(frame)
    }

    /// Takes the messages of one block; where it continues goes to `todo`.
    fn block(
        &mut self,
        bytes: Vec<u8>,
        range: std::ops::Range<usize>,
        frame: Frame,
        sizes: Sizes,
        todo: &mut Vec<(u64, u64)>,
    ) -> Res<()> {
        let Some(inside) = bytes.get(range.clone()) else {
            return corrupt("its object header ends early");
        };
        let mut c = Cursor::new(inside, sizes, "object header");
        let prefix = if frame.version == 1 { 8 } else { 4 + 2 * usize::from(frame.ordered) };
        // What is shorter than a message's prefix is a gap.
        while c.remaining() >= prefix {
            let (kind, len, flags, order);
            if frame.version == 1 {
                (kind, len, flags, order) = (c.u16()?, c.u16()?, c.u8()?, None);
                c.skip(3)?;
            } else {
                (kind, len, flags) = (u16::from(c.u8()?), c.u16()?, c.u8()?);
                order = if frame.ordered { Some(c.u16()?) } else { None };
            }
            let start = range.start + c.position();
            let body = c.take(len as usize)?;
            if kind == kind::CONTINUATION {
                let mut c = Cursor::new(body, sizes, "object header continuation");
                todo.push((c.defined_addr()?, c.length()?));
            } else if kind > kind::LAST && flags & FAIL_IF_UNKNOWN != 0 {
                return unsupported(format!("it needs the unknown header message {kind}"));
            } else if kind != 0 {
                let block = self.blocks.len();
                self.messages.push(Message { kind, flags, order, block, start, len: len as usize });
            }
        }
        self.blocks.push(bytes);
        Ok(())
    }

    pub(super) fn body(&self, message: &Message) -> &[u8] {
        &self.blocks[message.block][message.start..message.start + message.len]
    }

    /// Bytes of all messages.
    pub(super) fn len(&self) -> u64 {
        self.messages.iter().map(|m| m.len as u64).sum()
    }

    pub(super) fn first(&self, kind: u16) -> Option<&Message> {
        self.messages.iter().find(|m| m.kind == kind)
    }

    pub(super) fn all(&self, kind: u16) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(move |m| m.kind == kind)
    }

    /// The body of the first message of that kind, fetched from where it is shared.
    pub(super) fn resolved<'a>(&'a self, file: &File, kind: u16) -> Res<Option<std::borrow::Cow<'a, [u8]>>> {
        match self.first(kind) {
            Some(message) => file.resolve(kind, message.is_shared(), self.body(message)).map(Some),
            None => Ok(None),
        }
    }
}
