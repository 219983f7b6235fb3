//! The members of a group: link messages, dense links, or a symbol table.

use super::btree2::Tree;
use super::bytes::{Bad, Cursor, Res, corrupt, unsupported, utf8};
use super::file::File;
use super::fractal_heap::FractalHeap;
use super::header::{Header, kind};

/// Where a link goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    /// Address of an object header.
    Hard(u64),
    /// A path.
    Soft(String),
    /// Into another file, or of a kind that an application defines.
    Elsewhere,
}

#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) order: Option<u64>,
    pub(super) target: Target,
}

/// All links of the group with this header: in creation order where the file keeps it, else by name.
pub(super) fn of_group(file: &File, header: &Header) -> Res<Vec<Link>> {
    let mut links = Vec::new();
    if let Some(message) = header.first(kind::SYMBOL_TABLE) {
        symbol_table(file, header.body(message), &mut links)?;
    }
    for message in header.all(kind::LINK) {
        links.push(link(&mut Cursor::new(header.body(message), file.sizes, "link"))?);
    }
    if let Some(message) = header.first(kind::LINK_INFO) {
        dense(file, header.body(message), &mut links)?;
    }
    if links.iter().all(|l| l.order.is_some()) {
        links.sort_by_key(|l| l.order);
    } else {
        links.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(links)
}

fn link(c: &mut Cursor) -> Res<Link> {
    c.version(1)?;
    let flags = c.u8()?;
    let link_type = if flags & 0x08 != 0 { c.u8()? } else { 0 };
    let order = if flags & 0x04 != 0 { Some(c.u64()?) } else { None };
    if flags & 0x10 != 0 {
        c.skip(1)?; // ASCII or UTF-8
    }
    let len = c.uint(1 << (flags & 3))?;
    let name = utf8(c.take(usize::try_from(len).unwrap_or(usize::MAX))?, "the name of the link")?;
    let target = match link_type {
        0 => Target::Hard(c.defined_addr()?),
        1 => {
            let len = c.u16()? as usize;
            Target::Soft(utf8(c.take(len)?, "the soft link to")?)
        }
        _ => Target::Elsewhere,
    };
    Ok(Link { name, order, target })
}

/// Links in a fractal heap, found through the B-tree over their names.
fn dense(file: &File, body: &[u8], links: &mut Vec<Link>) -> Res<()> {
    let mut c = Cursor::new(body, file.sizes, "link info");
    c.version(0)?;
    if c.u8()? & 1 != 0 {
        c.skip(8)?; // largest creation order
    }
    let (Some(heap), Some(names)) = (c.addr()?, c.addr()?) else { return Ok(()) };
    let heap = FractalHeap::read(file, heap)?;
    let tree = Tree::read(file, names)?;
    if tree.kind != 5 {
        return corrupt("its index of link names is another B-tree");
    }
    tree.for_each(file, |record| {
        // Hash of the name, then the heap id.
        let id = record.get(4..).unwrap_or_default();
        let object = heap.object(file, id)?;
        links.push(link(&mut Cursor::new(&object, file.sizes, "link"))?);
        Ok(())
    })
}

/// The group of files before HDF5 1.8: a B-tree of symbol table nodes, names in a local heap.
fn symbol_table(file: &File, body: &[u8], links: &mut Vec<Link>) -> Res<()> {
    let mut c = Cursor::new(body, file.sizes, "symbol table");
    let tree = c.defined_addr()?;
    let names = local_heap(file, c.defined_addr()?)?;
    group_node(file, tree, None, &names, links)
}

/// The data segment of a local heap.
fn local_heap(file: &File, addr: u64) -> Res<Vec<u8>> {
    const WHAT: &str = "local heap";
    let bytes = file.read(addr, (8 + 2 * file.sizes.length + file.sizes.offset) as u64, WHAT)?;
    let mut c = Cursor::new(&bytes, file.sizes, WHAT);
    c.tag(b"HEAP")?;
    c.version(0)?;
    c.skip(3)?;
    let len = c.length()?;
    c.length()?;
    file.read(c.defined_addr()?, len, WHAT)
}

fn group_node(file: &File, addr: u64, level: Option<u8>, names: &[u8], links: &mut Vec<Link>) -> Res<()> {
    const WHAT: &str = "group B-tree";
    let sizes = file.sizes;
    let prefix = 8 + 2 * sizes.offset;
    let head = file.read(addr, prefix as u64, WHAT)?;
    let mut c = Cursor::new(&head, sizes, WHAT);
    c.tag(b"TREE")?;
    if c.u8()? != 0 {
        return corrupt("its group B-tree is of another kind");
    }
    let here = c.u8()?;
    let children = c.u16()? as usize;
    // Levels count down to the symbol table nodes, which bounds the depth.
    if level.is_some_and(|level| here != level) {
        return corrupt("the levels of its group B-tree do not count down");
    }
    let len = children * (sizes.length + sizes.offset);
    let bytes = file.read(addr, (prefix + len) as u64, WHAT)?;
    let mut c = Cursor::new(&bytes, sizes, WHAT);
    c.skip(prefix)?;
    for _ in 0..children {
        c.skip(sizes.length)?;
        let child = c.defined_addr()?;
        match here.checked_sub(1) {
            Some(below) => group_node(file, child, Some(below), names, links)?,
            None => symbol_node(file, child, names, links)?,
        }
    }
    Ok(())
}

fn symbol_node(file: &File, addr: u64, names: &[u8], links: &mut Vec<Link>) -> Res<()> {
    const WHAT: &str = "symbol table node";
    let sizes = file.sizes;
    let head = file.read(addr, 8, WHAT)?;
    let mut c = Cursor::new(&head, sizes, WHAT);
    c.tag(b"SNOD")?;
    c.version(1)?;
    c.skip(1)?;
    let count = c.u16()? as usize;
    let bytes = file.read(addr, (8 + count * (sizes.length + sizes.offset + 24)) as u64, WHAT)?;
    let mut c = Cursor::new(&bytes, sizes, WHAT);
    c.skip(8)?;
    for _ in 0..count {
        let name = c.length()?;
        let header = c.addr()?;
        let cache = c.u32()?;
        c.skip(4)?;
        let scratch = c.take(16)?;
        let name = heap_text(file, names, name)?;
        let target = match (cache, header) {
            (2, _) => {
                let at = Cursor::new(scratch, sizes, WHAT).u32()?;
                Target::Soft(heap_text(file, names, u64::from(at))?)
            }
            (_, Some(addr)) => Target::Hard(addr),
            (_, None) => return corrupt(format!("'{name}' points nowhere")),
        };
        links.push(Link { name, order: None, target });
    }
    Ok(())
}

fn heap_text(file: &File, heap: &[u8], at: u64) -> Res<String> {
    let bytes = usize::try_from(at).ok().and_then(|at| heap.get(at..));
    let bytes = bytes.ok_or_else(|| Bad::Corrupt("a name lies outside its local heap".into()))?;
    utf8(Cursor::new(bytes, file.sizes, "local heap").c_string()?, "the name of the link")
}

/// What an object is, by the messages of its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObjectKind {
    Group,
    Dataset,
    Datatype,
}

pub(super) fn object_kind(header: &Header) -> Res<ObjectKind> {
    let has = |kind| header.first(kind).is_some();
    if has(kind::LAYOUT) || has(kind::DATATYPE) && has(kind::DATASPACE) {
        Ok(ObjectKind::Dataset)
    } else if has(kind::DATATYPE) {
        Ok(ObjectKind::Datatype)
    } else if has(kind::SYMBOL_TABLE) || has(kind::LINK_INFO) || has(kind::GROUP_INFO) || has(kind::LINK) {
        Ok(ObjectKind::Group)
    } else {
        unsupported("it is neither group nor dataset nor datatype")
    }
}
