//! The header of a classic file: what it says, nothing derived.
//!
//! Grammar: "NetCDF Classic Format Specification" (CDF-1, CDF-2) and PnetCDF's "CDF-5 file format". A list is a tag,
//! a count and its entries; an absent list is two zeros.

use harmony_model::attribute::AttrShape;
use harmony_model::dtype::{StringPad, swap_bytes};
use harmony_model::{Attribute, ByteSource, DType, ReadError};

use super::cursor::Cursor;

const TAG_DIMENSIONS: u32 = 0x0a;
const TAG_VARIABLES: u32 = 0x0b;
const TAG_ATTRIBUTES: u32 = 0x0c;

/// A classic header.
pub(super) struct Header {
    /// Number of records; `None` when the writer was still streaming.
    pub records: Option<u64>,
    pub dims: Vec<HeaderDim>,
    pub attrs: Vec<Attribute>,
    pub vars: Vec<HeaderVar>,
}

pub(super) struct HeaderDim {
    pub name: String,
    /// 0: the record dimension.
    pub len: u64,
}

/// A variable. `vsize` is not kept: it overflows by design for large variables and some writers get it wrong; the
/// shape says the same.
pub(super) struct HeaderVar {
    pub name: String,
    pub dims: Vec<usize>,
    pub attrs: Vec<Attribute>,
    pub dtype: DType,
    /// Offset of the first value (of the first record).
    pub begin: u64,
}

/// Version of a classic file from its first four bytes: 1, 2 or 5.
pub(super) fn version(head: &[u8]) -> Option<u8> {
    match head {
        [b'C', b'D', b'F', v @ (1 | 2 | 5), ..] => Some(*v),
        _ => None,
    }
}

/// Parses the header.
///
/// # Errors
/// [`ReadError::Corrupt`] naming the entry that can't be.
pub(super) fn parse(source: &dyn ByteSource) -> Result<Header, ReadError> {
    let mut cursor = Cursor::new(source);
    let magic = cursor.take(4, "the signature")?.to_vec();
    let Some(version) = version(&magic) else {
        return Err(cursor.corrupt("header", "it does not start with the signature of netCDF classic, CDF"));
    };
    cursor.set_version(version);
    let records = cursor.count("the number of records")?;
    let streaming = if version == 5 { u64::MAX } else { u64::from(u32::MAX) };
    let dims = dimensions(&mut cursor)?;
    let attrs = attributes(&mut cursor, "the file")?;
    let vars = variables(&mut cursor, &dims)?;
    Ok(Header { records: (records != streaming).then_some(records), dims, attrs, vars })
}

/// Starts a list: gives its number of entries, each at least `least` bytes long.
fn list(cursor: &mut Cursor<'_>, tag: u32, least: u64, what: &str) -> Result<u64, ReadError> {
    let found = cursor.u32(what)?;
    let n = cursor.list_len(least, what)?;
    match (found, n) {
        (0, 0) => Ok(0),
        (found, n) if found == tag => Ok(n),
        _ => Err(cursor.corrupt("header", format!("{what} has the tag {found}, not {tag}"))),
    }
}

fn dimensions(cursor: &mut Cursor<'_>) -> Result<Vec<HeaderDim>, ReadError> {
    let least = 2 * cursor.count_width();
    let n = list(cursor, TAG_DIMENSIONS, least, "the list of dimensions")?;
    let mut dims: Vec<HeaderDim> = Vec::new();
    for _ in 0..n {
        let name = cursor.name("dimension")?;
        let len = cursor.count(&format!("the extent of dimension '{name}'"))?;
        if len == 0 && dims.iter().any(|d| d.len == 0) {
            return Err(cursor.corrupt(format!("dimension '{name}'"), "it is a second record dimension"));
        }
        dims.push(HeaderDim { name, len });
    }
    Ok(dims)
}

fn attributes(cursor: &mut Cursor<'_>, owner: &str) -> Result<Vec<Attribute>, ReadError> {
    let least = 4 + 2 * cursor.count_width();
    let n = list(cursor, TAG_ATTRIBUTES, least, &format!("the list of attributes of {owner}"))?;
    (0..n).map(|_| attribute(cursor, owner)).collect()
}

fn attribute(cursor: &mut Cursor<'_>, owner: &str) -> Result<Attribute, ReadError> {
    let name = cursor.name(&format!("an attribute of {owner}"))?;
    let what = format!("attribute '{name}' of {owner}");
    let dtype = element_type(cursor, &what)?;
    let n = cursor.list_len(dtype.size() as u64, &what)?;
    let mut bytes = cursor.padded(n * dtype.size() as u64, &what)?;
    if dtype == DType::Char {
        return Ok(text_attribute(name, bytes));
    }
    to_native(&mut bytes, &dtype);
    Ok(Attribute { name, dtype, shape: AttrShape::Simple(vec![n]), bytes, items: Vec::new() })
}

/// A text with exactly the stored bytes; an empty one is one zero byte, as [`Attribute::text`] has it.
fn text_attribute(name: String, mut bytes: Vec<u8>) -> Attribute {
    let len = bytes.len().max(1);
    bytes.resize(len, 0);
    let utf8 = std::str::from_utf8(&bytes).is_ok();
    let dtype = DType::FixedString { len, pad: StringPad::NullTerminated, utf8 };
    Attribute { name, dtype, shape: AttrShape::Scalar, bytes, items: Vec::new() }
}

/// Stored (big-endian) elements to native order.
fn to_native(bytes: &mut [u8], dtype: &DType) {
    if cfg!(target_endian = "little") {
        swap_bytes(bytes, dtype.swap_width());
    }
}

fn variables(cursor: &mut Cursor<'_>, dims: &[HeaderDim]) -> Result<Vec<HeaderVar>, ReadError> {
    let least = 12 + 4 * cursor.count_width();
    let n = list(cursor, TAG_VARIABLES, least, "the list of variables")?;
    (0..n).map(|_| variable(cursor, dims)).collect()
}

fn variable(cursor: &mut Cursor<'_>, dims: &[HeaderDim]) -> Result<HeaderVar, ReadError> {
    let name = cursor.name("variable")?;
    let what = format!("variable '{name}'");
    let rank = cursor.list_len(cursor.count_width(), &format!("the dimensions of {what}"))?;
    let mut ids = Vec::new();
    for axis in 0..rank {
        let id = cursor.count(&format!("a dimension of {what}"))?;
        let dim = usize::try_from(id).ok().and_then(|i| dims.get(i).map(|d| (i, d)));
        match dim {
            None => return Err(cursor.corrupt(&what, format!("it uses dimension {id} of {}", dims.len()))),
            Some((_, d)) if d.len == 0 && axis > 0 => {
                let detail = format!("the record dimension '{}' is not its first", d.name);
                return Err(cursor.corrupt(&what, detail));
            }
            Some((i, _)) => ids.push(i),
        }
    }
    let attrs = attributes(cursor, &what)?;
    let dtype = element_type(cursor, &what)?;
    cursor.count(&format!("the size of {what}"))?;
    let begin = cursor.offset(&format!("the offset of {what}"))?;
    Ok(HeaderVar { name, dims: ids, attrs, dtype, begin })
}

/// Types 7 to 11 exist in CDF-5 alone; there is no other meaning they could have in an older file.
fn element_type(cursor: &mut Cursor<'_>, what: &str) -> Result<DType, ReadError> {
    match cursor.u32(&format!("the type of {what}"))? {
        1 => Ok(DType::I8),
        2 => Ok(DType::Char),
        3 => Ok(DType::I16),
        4 => Ok(DType::I32),
        5 => Ok(DType::F32),
        6 => Ok(DType::F64),
        7 => Ok(DType::U8),
        8 => Ok(DType::U16),
        9 => Ok(DType::U32),
        10 => Ok(DType::I64),
        11 => Ok(DType::U64),
        other => Err(cursor.corrupt(what, format!("it has the unknown type {other}"))),
    }
}
