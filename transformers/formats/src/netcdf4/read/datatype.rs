//! Datatype messages, versions 1 to 5, as element types of the model.

use harmony_model::dtype::StringPad;
use harmony_model::{DType, Field};

use super::bytes::{Cursor, Res, Sizes, corrupt, unsupported, utf8, width_for};
use super::global_heap::Slot;

/// An element type as the file stores it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stored {
    pub(super) dtype: DType,
    /// Byte order of the innermost numbers.
    pub(super) big_endian: bool,
    /// Bytes of an element in the file: other than those of `dtype` only for slots of files with short addresses.
    pub(super) size: usize,
}

/// Types inside types; real ones have three or four levels.
const MAX_DEPTH: u8 = 32;
/// IEEE binary32 and binary64: precision, exponent position and bits, mantissa position and bits, bias, sign bit.
const BINARY32: [u32; 7] = [32, 23, 8, 0, 23, 127, 31];
const BINARY64: [u32; 7] = [64, 52, 11, 0, 52, 1023, 63];

/// Parses a datatype message.
pub(super) fn parse(body: &[u8], sizes: Sizes) -> Res<Stored> {
    parse_one(&mut Cursor::new(body, sizes, "datatype"), 0)
}

/// The type of a variable: a text of one byte is netCDF's `char`.
pub(super) fn parse_variable(body: &[u8], sizes: Sizes) -> Res<Stored> {
    parse(body, sizes).map(chars)
}

fn chars(stored: Stored) -> Stored {
    match stored.dtype {
        DType::FixedString { len: 1, .. } => Stored { dtype: DType::Char, ..stored },
        _ => stored,
    }
}

/// The first eight bytes of every datatype message.
struct Head {
    version: u8,
    bits: u32,
    size: usize,
    /// Where in the cursor the message begins.
    start: usize,
}

impl Head {
    fn bit(&self, n: u32) -> bool {
        self.bits >> n & 1 == 1
    }

    fn stored(&self, dtype: DType, big_endian: bool) -> Stored {
        Stored { dtype, big_endian, size: self.size }
    }

    /// A type that we carry and do not interpret.
    fn raw(&self, c: &Cursor) -> Stored {
        let message = c.since(self.start).to_vec();
        self.stored(DType::Raw { size: self.size, message }, false)
    }
}

fn parse_one(c: &mut Cursor, depth: u8) -> Res<Stored> {
    if depth > MAX_DEPTH {
        return corrupt("its datatype is nested without end");
    }
    let start = c.position();
    let first = c.u8()?;
    let (class, version) = (first & 0x0f, first >> 4);
    let bits = c.uint(3)? as u32;
    let size = c.u32()? as usize;
    if size == 0 {
        return corrupt("its datatype has no size");
    }
    if !(1..=5).contains(&version) {
        return unsupported(format!("its datatype has version {version}, which is unknown"));
    }
    let head = Head { version, bits, size, start };
    match class {
        0 | 4 => fixed_point(c, &head, class == 0 && head.bit(3)),
        1 => floating_point(c, &head),
        2 => {
            c.skip(2)?;
            Ok(head.raw(c))
        }
        3 => string(c, &head),
        5 => opaque(c, &head),
        6 => compound(c, &head, depth),
        7 => reference(c, &head),
        8 => enumeration(c, &head, depth),
        9 => variable_length(c, &head, depth),
        10 => array(c, &head, depth),
        11 => {
            // Complex numbers (HDF5 2.0): the type of the parts follows.
            parse_one(c, depth + 1)?;
            Ok(head.raw(c))
        }
        other => unsupported(format!("its datatype is of the unknown class {other}")),
    }
}

/// Integers, and bit fields as unsigned ones.
fn fixed_point(c: &mut Cursor, head: &Head, signed: bool) -> Res<Stored> {
    let (offset, precision) = (c.u16()?, c.u16()? as usize);
    let dtype = match (head.size, signed) {
        (1, true) => DType::I8,
        (1, false) => DType::U8,
        (2, true) => DType::I16,
        (2, false) => DType::U16,
        (4, true) => DType::I32,
        (4, false) => DType::U32,
        (8, true) => DType::I64,
        (8, false) => DType::U64,
        _ => return Ok(head.raw(c)),
    };
    if offset != 0 || precision != head.size * 8 {
        return Ok(head.raw(c));
    }
    Ok(head.stored(dtype, head.bit(0) && head.size > 1))
}

fn floating_point(c: &mut Cursor, head: &Head) -> Res<Stored> {
    let offset = c.u16()?;
    let precision = u32::from(c.u16()?);
    let parts = [c.u8()?, c.u8()?, c.u8()?, c.u8()?].map(u32::from);
    let bias = c.u32()?;
    let sign = head.bits >> 8 & 0xff;
    let measures = [precision, parts[0], parts[1], parts[2], parts[3], bias, sign];
    // Bits 4 and 5: 2 says that the leading bit of the mantissa is implied; bit 6 is VAX order.
    let ieee = offset == 0 && head.bits >> 4 & 3 == 2 && !head.bit(6);
    match head.size {
        4 if ieee && measures == BINARY32 => Ok(head.stored(DType::F32, head.bit(0))),
        8 if ieee && measures == BINARY64 => Ok(head.stored(DType::F64, head.bit(0))),
        _ => Ok(head.raw(c)),
    }
}

fn string(c: &Cursor, head: &Head) -> Res<Stored> {
    let pad = match head.bits & 0x0f {
        0 => StringPad::NullTerminated,
        1 => StringPad::NullPadded,
        2 => StringPad::SpacePadded,
        _ => return Ok(head.raw(c)),
    };
    let utf8 = head.bits >> 4 & 0x0f == 1;
    Ok(head.stored(DType::FixedString { len: head.size, pad, utf8 }, false))
}

fn opaque(c: &mut Cursor, head: &Head) -> Res<Stored> {
    let tag = c.take((head.bits & 0xff) as usize)?;
    let tag = tag.split(|&b| b == 0).next().unwrap_or_default();
    Ok(head.stored(DType::Opaque { size: head.size, tag: utf8(tag, "an opaque tag")? }, false))
}

fn reference(c: &Cursor, head: &Head) -> Res<Stored> {
    match (head.bits & 0x0f, head.size) {
        (0, 8) => Ok(head.stored(DType::ObjectRef, false)),
        _ => Ok(head.raw(c)),
    }
}

/// A member's name; before version 3 it is padded to eight bytes.
fn name(c: &mut Cursor, version: u8) -> Res<String> {
    let start = c.position();
    let name = utf8(c.c_string()?, "the type member")?;
    if version < 3 {
        c.align8(start);
    }
    Ok(name)
}

fn compound(c: &mut Cursor, head: &Head, depth: u8) -> Res<Stored> {
    let count = head.bits & 0xffff;
    let mut fields = Vec::new();
    let mut plain = true;
    for _ in 0..count {
        let name = name(c, head.version)?;
        let width = if head.version < 3 { 4 } else { width_for(head.size as u64) };
        let offset = c.uint(width)? as usize;
        let dims = if head.version == 1 { member_dims(c)? } else { Vec::new() };
        let mut member = chars(parse_one(c, depth + 1)?);
        if !dims.is_empty() {
            member = arrayed(member, dims)?;
        }
        if offset.checked_add(member.size).is_none_or(|end| end > head.size) {
            return corrupt(format!("member '{name}' of its datatype leaves the record"));
        }
        plain &= member.size == member.dtype.size();
        fields.push(Field { name, offset, dtype: member.dtype, big_endian: member.big_endian });
    }
    // Slots of short addresses do not fit the places that the record has for them.
    if !plain {
        return Ok(head.raw(c));
    }
    Ok(head.stored(DType::Compound { size: head.size, fields }, false))
}

/// Version 1 has the extents of a member before its type.
fn member_dims(c: &mut Cursor) -> Res<Vec<u64>> {
    let rank = c.u8()? as usize;
    c.skip(11)?;
    let dims = (0..4).map(|_| c.u32().map(u64::from)).collect::<Res<Vec<_>>>()?;
    match dims.get(..rank) {
        Some(dims) => Ok(dims.to_vec()),
        None => corrupt(format!("a member of its datatype has {rank} dimensions")),
    }
}

fn arrayed(base: Stored, dims: Vec<u64>) -> Res<Stored> {
    let size = dims.iter().try_fold(base.size, |n, &d| n.checked_mul(usize::try_from(d).ok()?));
    match size.filter(|&n| n > 0 && n <= u32::MAX as usize) {
        Some(size) => Ok(Stored {
            dtype: DType::Array { base: Box::new(base.dtype), dims },
            big_endian: base.big_endian,
            size,
        }),
        None => corrupt("the size of an array datatype is impossible"),
    }
}

fn array(c: &mut Cursor, head: &Head, depth: u8) -> Res<Stored> {
    let rank = c.u8()? as usize;
    if rank > 32 {
        return corrupt(format!("an array datatype has {rank} dimensions"));
    }
    if head.version < 3 {
        c.skip(3)?;
    }
    let dims = (0..rank).map(|_| c.u32().map(u64::from)).collect::<Res<Vec<_>>>()?;
    if head.version < 3 {
        c.skip(4 * rank)?; // permutation, never used
    }
    let base = chars(parse_one(c, depth + 1)?);
    let plain = base.size == base.dtype.size();
    let array = arrayed(base, dims)?;
    if array.size != head.size {
        return corrupt("the size of an array datatype is not that of its elements");
    }
    Ok(if plain { array } else { head.raw(c) })
}

fn enumeration(c: &mut Cursor, head: &Head, depth: u8) -> Res<Stored> {
    let count = (head.bits & 0xffff) as usize;
    let base = parse_one(c, depth + 1)?;
    if base.size != head.size {
        return corrupt("an enumeration and its base have different sizes");
    }
    let names = (0..count).map(|_| name(c, head.version)).collect::<Res<Vec<_>>>()?;
    let values = c.take(count.saturating_mul(base.size))?;
    if !base.dtype.is_integer() {
        return Ok(head.raw(c));
    }
    let values = values.chunks_exact(base.size).map(|v| integer(v, base.big_endian, &base.dtype));
    let members = names.into_iter().zip(values).collect();
    Ok(head.stored(DType::Enum { base: Box::new(base.dtype), members }, base.big_endian))
}

/// An integer of at most 8 bytes, sign-extended when the type is signed.
fn integer(bytes: &[u8], big_endian: bool, dtype: &DType) -> i64 {
    let mut b = [0; 8];
    for (to, i) in b.iter_mut().zip(0..bytes.len()) {
        *to = if big_endian { bytes[bytes.len() - 1 - i] } else { bytes[i] };
    }
    let value = i64::from_le_bytes(b);
    let unused = 64 - 8 * bytes.len().clamp(1, 8) as u32;
    match dtype {
        DType::I8 | DType::I16 | DType::I32 => value << unused >> unused,
        _ => value,
    }
}

fn variable_length(c: &mut Cursor, head: &Head, depth: u8) -> Res<Stored> {
    let text = head.bits & 0x0f == 1;
    let base = chars(parse_one(c, depth + 1)?);
    if head.size != Slot::stored_size(c.sizes().offset) {
        return corrupt("a variable-length datatype has a wrong size");
    }
    if text {
        return Ok(head.stored(DType::String, false));
    }
    // Sequences of narrower slots than ours can't be handed out as they are.
    if base.size != base.dtype.size() {
        return Ok(head.raw(c));
    }
    let big_endian = base.big_endian;
    Ok(head.stored(DType::VLen(Box::new(base.dtype)), big_endian))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { offset: 8, length: 8 };

    fn int(size: u8, bits: u8) -> Vec<u8> {
        vec![0x10, bits, 0, 0, size, 0, 0, 0, 0, 0, size * 8, 0]
    }

    #[test]
    fn integers_of_full_precision_are_numbers_and_others_are_raw() {
        assert_eq!(parse(&int(2, 8), SIZES).unwrap().dtype, DType::I16);
        let big = parse(&int(4, 1), SIZES).unwrap();
        assert_eq!((big.dtype, big.big_endian), (DType::U32, true));
        let mut odd = int(4, 0);
        odd[10] = 24;
        assert_eq!(parse(&odd, SIZES).unwrap().dtype, DType::Raw { size: 4, message: odd });
    }

    #[test]
    fn half_precision_is_raw() {
        let half = [0x11, 0x20, 15, 0, 2, 0, 0, 0, 0, 0, 16, 0, 10, 5, 0, 10, 15, 0, 0, 0];
        assert!(matches!(parse(&half, SIZES).unwrap().dtype, DType::Raw { size: 2, .. }));
    }

    #[test]
    fn an_enumeration_keeps_negative_values() {
        let mut body = vec![0x38, 2, 0, 0, 1, 0, 0, 0];
        body.extend(int(1, 8));
        body.extend(b"no\0yes\0");
        body.extend([255, 1]);
        let DType::Enum { members, .. } = parse(&body, SIZES).unwrap().dtype else { panic!() };
        assert_eq!(members, [("no".to_owned(), -1), ("yes".to_owned(), 1)]);
    }

    #[test]
    fn a_member_outside_its_record_is_refused() {
        let mut body = vec![0x36, 1, 0, 0, 4, 0, 0, 0];
        body.extend(b"a\0\x02");
        body.extend(int(4, 8));
        assert!(parse(&body, SIZES).is_err());
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let level = [0x39, 0, 0, 0, 16, 0, 0, 0];
        assert!(parse(&level.repeat(100), SIZES).is_err());
    }
}
