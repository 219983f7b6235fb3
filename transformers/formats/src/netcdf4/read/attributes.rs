//! Attributes of an object: in its header, or many of them in a fractal heap.

use harmony_model::dtype::{DType, swap_bytes};
use harmony_model::{AttrShape, Attribute};

use super::btree2::Tree;
use super::bytes::{Bad, Cursor, Res, corrupt, unsupported, utf8};
use super::dataspace::Space;
use super::datatype::{self, Stored};
use super::file::File;
use super::fractal_heap::FractalHeap;
use super::global_heap::Slot;
use super::header::{Header, kind};
use super::layout::swap_width;

/// An attribute as stored.
pub(super) struct StoredAttr {
    pub(super) name: String,
    pub(super) stored: Stored,
    pub(super) space: Space,
    /// Elements as they are in the file.
    pub(super) bytes: Vec<u8>,
    order: Option<u32>,
}

/// All attributes of the object: in creation order where the file keeps it, else as stored.
pub(super) fn of_object(file: &File, header: &Header) -> Res<Vec<StoredAttr>> {
    let mut attrs = Vec::new();
    for message in header.all(kind::ATTRIBUTE) {
        let body = file.resolve(kind::ATTRIBUTE, message.is_shared(), header.body(message))?;
        attrs.push(parse(file, &body, message.order.map(u32::from))?);
    }
    if let Some(message) = header.first(kind::ATTRIBUTE_INFO) {
        dense(file, header.body(message), &mut attrs)?;
    }
    if attrs.iter().all(|a| a.order.is_some()) {
        attrs.sort_by_key(|a| a.order);
    }
    Ok(attrs)
}

/// Attributes in a fractal heap, found through the B-tree over their names.
fn dense(file: &File, body: &[u8], attrs: &mut Vec<StoredAttr>) -> Res<()> {
    let mut c = Cursor::new(body, file.sizes, "attribute info");
    c.version(0)?;
    let ordered = c.u8()? & 1 != 0;
    if ordered {
        c.skip(2)?; // largest creation order
    }
    let (Some(heap), Some(names)) = (c.addr()?, c.addr()?) else { return Ok(()) };
    let heap = FractalHeap::read(file, heap)?;
    let tree = Tree::read(file, names)?;
    if tree.kind != 8 {
        return corrupt("its index of attribute names is another B-tree");
    }
    let before = attrs.len();
    tree.for_each(file, |record| {
        let mut c = Cursor::new(record, file.sizes, "attribute index");
        let id = c.take(8)?;
        let shared = c.u8()? & 2 != 0;
        let order = c.u32()?;
        let body = match shared {
            true => file.shared_message(kind::ATTRIBUTE, id)?,
            false => heap.object(file, id)?,
        };
        attrs.push(parse(file, &body, ordered.then_some(order))?);
        Ok(())
    })?;
    if !ordered {
        // The tree has them in the order of a hash, which means nothing to anyone.
        attrs[before..].sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(())
}

/// Parses an attribute message, versions 1 to 3.
fn parse(file: &File, body: &[u8], order: Option<u32>) -> Res<StoredAttr> {
    let mut c = Cursor::new(body, file.sizes, "attribute");
    let version = c.u8()?;
    if !(1..=3).contains(&version) {
        return unsupported(format!("an attribute has version {version}, which is unknown"));
    }
    // Version 1 has no flags there, only a byte of no meaning.
    let flags = Some(c.u8()?).filter(|_| version > 1).unwrap_or(0);
    let (name_len, type_len, space_len) = (c.u16()? as usize, c.u16()? as usize, c.u16()? as usize);
    if version == 3 {
        c.skip(1)?; // ASCII or UTF-8
    }
    let mut part = |len: usize| {
        let start = c.position();
        let bytes = c.take(len)?;
        if version == 1 {
            c.align8(start);
        }
        Ok::<_, Bad>(bytes)
    };
    let name = part(name_len)?;
    let dtype = part(type_len)?;
    let space = part(space_len)?;
    let name = utf8(name.split(|&b| b == 0).next().unwrap_or_default(), "the name of the attribute")?;
    let named = |bad| in_attribute(bad, &name);
    let dtype = file.resolve(kind::DATATYPE, flags & 1 != 0, dtype).map_err(named)?;
    let stored = datatype::parse(&dtype, file.sizes).map_err(named)?;
    let space = file.resolve(kind::DATASPACE, flags & 2 != 0, space).map_err(named)?;
    let space = Space::parse(&space, file.sizes).map_err(named)?;
    let size = space.count().map_err(named)?.checked_mul(stored.size as u64);
    let size = size.and_then(|n| usize::try_from(n).ok()).filter(|&n| n <= c.remaining());
    let Some(size) = size else {
        return corrupt(format!("attribute '{name}' is longer than its message"));
    };
    let bytes = c.take(size)?.to_vec();
    Ok(StoredAttr { name, stored, space, bytes, order })
}

/// Says which attribute it is about.
fn in_attribute(bad: Bad, name: &str) -> Bad {
    match bad {
        Bad::Corrupt(detail) => Bad::Corrupt(format!("attribute '{name}': {detail}")),
        Bad::Unsupported(detail) => Bad::Unsupported(format!("attribute '{name}': {detail}")),
        read => read,
    }
}

impl StoredAttr {
    /// The attribute in the model; `None` when its values point into this file and mean nothing elsewhere
    /// (references, and sequences inside records or sequences).
    pub(super) fn to_model(&self, file: &File) -> Res<Option<Attribute>> {
        let dtype = &self.stored.dtype;
        let nested = match dtype {
            DType::String => false,
            DType::VLen(base) => base.has_slots(),
            other => other.has_slots(),
        };
        if nested || points_into_file(dtype) {
            return Ok(None);
        }
        let shape = match &self.space {
            Space::Scalar => AttrShape::Scalar,
            Space::Null => AttrShape::Null,
            Space::Simple { dims, .. } => AttrShape::Simple(dims.clone()),
        };
        let (mut bytes, mut items) = (Vec::new(), Vec::new());
        match dtype {
            DType::String => items = self.values(file, 1)?,
            DType::VLen(base) => items = self.values(file, base.size())?,
            _ => bytes = self.bytes.clone(),
        }
        if self.stored.big_endian {
            let width = match dtype {
                DType::VLen(base) => swap_width(base),
                other => swap_width(other),
            };
            swap_bytes(&mut bytes, width);
            items.iter_mut().for_each(|item| swap_bytes(item, width));
        }
        Ok(Some(Attribute { name: self.name.clone(), dtype: dtype.clone(), shape, bytes, items }))
    }

    /// The bytes behind each slot.
    pub(super) fn values(&self, file: &File, element_size: usize) -> Res<Vec<Vec<u8>>> {
        let mut out = Vec::new();
        for slot in self.bytes.chunks_exact(self.stored.size) {
            let slot = Slot::parse(&mut Cursor::new(slot, file.sizes, "attribute"))?;
            let value = file.heap_object(&slot, element_size).map_err(|bad| in_attribute(bad, &self.name))?;
            file.spend(value.len() as u64)?;
            out.push(value);
        }
        Ok(out)
    }

    /// The text of a text attribute.
    pub(super) fn text(&self, file: &File) -> Res<Option<String>> {
        match self.stored.dtype.is_text() {
            true => Ok(self.to_model(file)?.and_then(|a| a.as_text())),
            false => Ok(None),
        }
    }

    /// The values of an integer attribute.
    pub(super) fn integers(&self, file: &File) -> Res<Option<Vec<i64>>> {
        let numbers = self.to_model(file)?.filter(|a| a.dtype.is_integer()).and_then(|a| a.as_f64s());
        Ok(numbers.map(|n| n.into_iter().map(|v| v as i64).collect()))
    }

    /// `DIMENSION_LIST`: for each axis the address of the first scale attached to it.
    pub(super) fn scales(&self, file: &File) -> Res<Option<Vec<Option<u64>>>> {
        // A reference begins with the address; where addresses are short, it may be longer than they are.
        if matches!(self.stored.dtype, DType::ObjectRef) {
            // h4toh5: one plain reference for each axis.
            let address = |r: &[u8]| Cursor::new(r, file.sizes, "dimension list").addr().ok().flatten();
            return Ok(Some(self.bytes.chunks(self.stored.size.max(1)).map(address).collect()));
        }
        let DType::VLen(base) = &self.stored.dtype else { return Ok(None) };
        let old = matches!(**base, DType::ObjectRef);
        let short = points_into_file(base) && base.size() == file.sizes.offset;
        if !old && !short {
            return Ok(None);
        }
        let values = self.values(file, base.size())?;
        let first = |value: Vec<u8>| Cursor::new(&value, file.sizes, "dimension list").addr().ok().flatten();
        Ok(Some(values.into_iter().map(first).collect()))
    }
}

/// Whether values of the type name objects by their address.
fn points_into_file(dtype: &DType) -> bool {
    match dtype {
        DType::ObjectRef => true,
        // Class 7: references of other kinds.
        DType::Raw { message, .. } => message.first().is_some_and(|b| b & 0x0f == 7),
        DType::VLen(base) | DType::Array { base, .. } => points_into_file(base),
        DType::Compound { fields, .. } => fields.iter().any(|f| points_into_file(&f.dtype)),
        _ => false,
    }
}
