//! Vgroups and Vdatas: the tables that hold HDF4 files together.

use harmony_model::dtype::swap_bytes;
use harmony_model::{AttrShape, Attribute, DType, ReadError};

use super::bytes::{Cursor, clean};
use super::file::{Hdf4, Key, tag};

/// A named list of data elements.
#[derive(Clone, Debug, Default)]
pub struct Vgroup {
    pub name: String,
    pub class: String,
    pub members: Vec<Key>,
    /// Attributes of the group itself.
    pub attrs: Vec<Key>,
}

/// Description of a table.
#[derive(Clone, Debug)]
pub struct Vdata {
    pub name: String,
    pub class: String,
    pub records: u64,
    pub record_size: u64,
    /// Fields lie record by record (the other order is column by column).
    pub by_record: bool,
    pub fields: Vec<VField>,
}

#[derive(Clone, Debug)]
pub struct VField {
    pub name: String,
    pub kind: u16,
    pub offset: u64,
    /// Values in a record.
    pub order: u64,
}

/// The element type of an HDF4 number type code, and whether it is little-endian. Flags: 0x1000 native of the
/// writer's machine (taken for big-endian, which XDR writers were), 0x4000 little-endian.
pub fn dtype(kind: u16) -> Option<(DType, bool)> {
    let dtype = match kind & 0x0fff {
        3 | 4 => DType::Char,
        5 => DType::F32,
        6 => DType::F64,
        20 => DType::I8,
        21 => DType::U8,
        22 => DType::I16,
        23 => DType::U16,
        24 => DType::I32,
        25 => DType::U32,
        26 => DType::I64,
        27 => DType::U64,
        _ => return None,
    };
    Some((dtype, kind & 0x4000 != 0))
}

impl Hdf4 {
    /// The Vgroup of that reference.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`].
    pub fn vgroup(&self, reference: u16) -> Result<Vgroup, ReadError> {
        let bytes = self.metadata((tag::VGROUP, reference))?;
        parse_vgroup(&bytes).ok_or_else(|| self.corrupt(&format!("Vgroup {reference}"), "it is cut short"))
    }

    /// The header of the Vdata of that reference.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`].
    pub fn vdata(&self, reference: u16) -> Result<Vdata, ReadError> {
        let bytes = self.metadata((tag::VDATA_HEADER, reference))?;
        parse_vdata(&bytes)
            .ok_or_else(|| self.corrupt(&format!("Vdata {reference}"), "its header is cut short"))
    }

    /// The attribute that a Vdata of class `Attr0.0` holds; `None` for other Vdatas and types without numbers.
    ///
    /// # Errors
    /// [`ReadError`] when the table can't be read.
    pub fn attribute(&self, reference: u16) -> Result<Option<Attribute>, ReadError> {
        let header = self.vdata(reference)?;
        let Some(field) = header.fields.first().filter(|_| header.class.starts_with("Attr0.")) else {
            return Ok(None);
        };
        let Some((dtype, little)) = dtype(field.kind) else { return Ok(None) };
        let count = header.records.checked_mul(field.order).and_then(|n| n.checked_mul(dtype.size() as u64));
        let mut bytes = self.metadata((tag::VDATA, reference))?;
        match count.and_then(|n| usize::try_from(n).ok()) {
            Some(n) if n <= bytes.len() => bytes.truncate(n),
            _ => {
                return Err(self.corrupt(&format!("attribute '{}'", header.name), "its values are cut short"));
            }
        }
        Ok(Some(make_attribute(&header.name, dtype, little, bytes)))
    }
}

fn make_attribute(name: &str, dtype: DType, little: bool, mut bytes: Vec<u8>) -> Attribute {
    if dtype == DType::Char {
        return Attribute::text(name, &clean(&bytes));
    }
    if little != cfg!(target_endian = "little") {
        swap_bytes(&mut bytes, dtype.swap_width());
    }
    let shape = AttrShape::Simple(vec![(bytes.len() / dtype.size()) as u64]);
    Attribute { name: name.into(), dtype, shape, bytes, items: Vec::new() }
}

fn parse_vgroup(bytes: &[u8]) -> Option<Vgroup> {
    if bytes.is_empty() {
        return Some(Vgroup::default());
    }
    let mut cursor = Cursor::new(bytes);
    let n = cursor.u16()? as usize;
    let (tags, refs) = (cursor.u16s(n)?, cursor.u16s(n)?);
    let (name, class) = (cursor.text()?, cursor.text()?);
    let members = tags.into_iter().zip(refs).collect();
    // Extension tag and reference, then flags and attributes in files of version 4.
    let attrs = (|| {
        let _extension = cursor.u32()?;
        let flags = cursor.u32()?;
        let count = if flags & 1 != 0 { cursor.u32()? as usize } else { 0 };
        let pairs = cursor.u16s(count.checked_mul(2)?)?;
        Some(pairs.chunks_exact(2).map(|p| (p[0], p[1])).collect())
    })();
    Some(Vgroup { name, class, members, attrs: attrs.unwrap_or_default() })
}

fn parse_vdata(bytes: &[u8]) -> Option<Vdata> {
    let mut cursor = Cursor::new(bytes);
    let interlace = cursor.u16()?;
    let records = u64::from(cursor.u32()?);
    let record_size = u64::from(cursor.u16()?);
    let n = cursor.u16()? as usize;
    let (kinds, _sizes) = (cursor.u16s(n)?, cursor.u16s(n)?);
    let (offsets, orders) = (cursor.u16s(n)?, cursor.u16s(n)?);
    let mut fields = Vec::with_capacity(n);
    for i in 0..n {
        fields.push(VField {
            name: cursor.text()?,
            kind: kinds[i],
            offset: offsets[i].into(),
            order: orders[i].into(),
        });
    }
    let (name, class) = (cursor.text()?, cursor.text()?);
    Some(Vdata { name, class, records, record_size, by_record: interlace == 0, fields })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vgroup_is_two_lists_and_two_names() {
        let bytes = [0, 1, 7, 170, 0, 5, 0, 1, b'a', 0, 2, b'b', b'c', 0, 0, 0, 0, 0, 3, 0, 0, 0];
        let group = parse_vgroup(&bytes).unwrap();
        assert_eq!((group.name.as_str(), group.class.as_str()), ("a", "bc"));
        assert_eq!(group.members, [(1962, 5)]);
        assert!(parse_vgroup(&bytes[..8]).is_none());
    }

    #[test]
    fn numbers_of_an_attribute_are_swapped() {
        let a = make_attribute("v", DType::I16, false, vec![1, 2]);
        assert_eq!(a.as_f64(), Some(258.0));
    }
}
