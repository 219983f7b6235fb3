//! Datatype messages (HDF5 file format §IV.A.2.d).
//!
//! Atomic types are version 1, compound, enumeration and array version 3: what libhdf5 1.8 and later write.

use harmony_model::dtype::StringPad;
use harmony_model::{DType, Field};

use super::put::{Put, width_of};

/// Nesting of types beyond which a file is hostile.
const MAX_DEPTH: usize = 32;

/// Appends the message of `dtype`; `big_endian` is the stored order of its numbers (a compound's fields have their own).
///
/// # Errors
/// Why HDF5 can't express it.
pub fn encode(dtype: &DType, big_endian: bool, out: &mut Vec<u8>) -> Result<(), String> {
    nested(dtype, big_endian, out, 0)
}

fn nested(dtype: &DType, big_endian: bool, out: &mut Vec<u8>, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("its type is nested more than {MAX_DEPTH} deep"));
    }
    match dtype {
        DType::I8 | DType::I16 | DType::I32 | DType::I64 => integer(dtype.size(), true, big_endian, out),
        DType::U8 | DType::U16 | DType::U32 | DType::U64 => integer(dtype.size(), false, big_endian, out),
        DType::F32 => float(Ieee { bits: 32, exponent_at: 23, exponent: 8, bias: 127 }, big_endian, out),
        DType::F64 => float(Ieee { bits: 64, exponent_at: 52, exponent: 11, bias: 1023 }, big_endian, out),
        DType::Char => text(1, StringPad::NullTerminated, false, out),
        DType::FixedString { len, pad, utf8 } => text(u32_of(*len)?, *pad, *utf8, out),
        DType::String => {
            // Sequence type 1 (string), null-terminated, UTF-8; the base is an unsigned byte.
            head(9, 1, [0x01, 0x01, 0], 16, out);
            integer(1, false, false, out);
        }
        DType::VLen(base) => {
            head(9, 1, [0; 3], 16, out);
            nested(base, false, out, depth + 1)?;
        }
        DType::Opaque { size, tag } => opaque(u32_of(*size)?, tag, out)?,
        DType::Enum { base, members } => enumeration(base, members, big_endian, out)?,
        DType::Compound { size, fields } => compound(*size, fields, out, depth)?,
        DType::Array { base, dims } => {
            head(10, 3, [0; 3], u32_of(dtype.size())?, out);
            out.u8(u8::try_from(dims.len()).map_err(|_| "its array type has too many axes".to_owned())?);
            for &d in dims {
                out.u32(u32::try_from(d).map_err(|_| "an axis of its array type is too long".to_owned())?);
            }
            nested(base, big_endian, out, depth + 1)?;
        }
        DType::ObjectRef => head(7, 1, [0; 3], 8, out),
        DType::Raw { message, .. } => out.extend_from_slice(message),
    }
    Ok(())
}

fn head(class: u8, version: u8, bits: [u8; 3], size: u32, out: &mut Vec<u8>) {
    out.u8(version << 4 | class);
    out.extend_from_slice(&bits);
    out.u32(size);
}

fn u32_of(size: usize) -> Result<u32, String> {
    u32::try_from(size).map_err(|_| "an element of its type is larger than 4 GiB".into())
}

fn integer(size: usize, signed: bool, big_endian: bool, out: &mut Vec<u8>) {
    head(0, 1, [u8::from(big_endian) | u8::from(signed) << 3, 0, 0], size as u32, out);
    out.u16(0); // bit offset
    out.u16(size as u16 * 8);
}

struct Ieee {
    bits: u16,
    exponent_at: u8,
    exponent: u8,
    bias: u32,
}

fn float(f: Ieee, big_endian: bool, out: &mut Vec<u8>) {
    // 0x20: the leading mantissa bit is implied. The second byte is where the sign is.
    head(1, 1, [u8::from(big_endian) | 0x20, f.bits as u8 - 1, 0], u32::from(f.bits) / 8, out);
    out.u16(0);
    out.u16(f.bits);
    out.extend_from_slice(&[f.exponent_at, f.exponent, 0, f.exponent_at]);
    out.u32(f.bias);
}

fn text(len: u32, pad: StringPad, utf8: bool, out: &mut Vec<u8>) {
    let pad = match pad {
        StringPad::NullTerminated => 0,
        StringPad::NullPadded => 1,
        StringPad::SpacePadded => 2,
    };
    head(3, 1, [pad | u8::from(utf8) << 4, 0, 0], len, out);
}

fn opaque(size: u32, tag: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let len = (tag.len() + 1).next_multiple_of(8);
    let len =
        u8::try_from(len).map_err(|_| "the tag of its opaque type is longer than 247 bytes".to_owned())?;
    head(5, 1, [len, 0, 0], size, out);
    out.extend_from_slice(tag.as_bytes());
    out.zeros(usize::from(len) - tag.len());
    Ok(())
}

fn enumeration(
    base: &DType,
    members: &[(String, i64)],
    big_endian: bool,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    if !base.is_integer() {
        return Err("its enumeration is not based on integers".into());
    }
    let [low, high] = count16(members.len(), "members")?;
    head(8, 3, [low, high, 0], base.size() as u32, out);
    nested(base, big_endian, out, MAX_DEPTH)?;
    members.iter().for_each(|(name, _)| out.c_str(name));
    for (_, value) in members {
        let bytes = value.to_le_bytes();
        let bytes = &bytes[..base.size()];
        if big_endian { out.extend(bytes.iter().rev()) } else { out.extend_from_slice(bytes) }
    }
    Ok(())
}

fn compound(size: usize, fields: &[Field], out: &mut Vec<u8>, depth: usize) -> Result<(), String> {
    let [low, high] = count16(fields.len(), "fields")?;
    head(6, 3, [low, high, 0], u32_of(size)?, out);
    let width = width_of(size as u64);
    for field in fields {
        out.c_str(&field.name);
        out.uint(field.offset as u64, width);
        nested(&field.dtype, field.big_endian, out, depth + 1)?;
    }
    Ok(())
}

fn count16(n: usize, what: &str) -> Result<[u8; 2], String> {
    u16::try_from(n).map(u16::to_le_bytes).map_err(|_| format!("its type has more than 65535 {what}"))
}

/// Bytes that change place with the byte order of a variable; those of a record have orders of their own.
pub fn swap_width(dtype: &DType) -> usize {
    match dtype {
        DType::Array { base, .. } => swap_width(base),
        other => other.swap_width(),
    }
}

/// Whether values are addresses in the input file, which mean nothing in another file.
pub fn has_references(dtype: &DType) -> bool {
    match dtype {
        DType::ObjectRef => true,
        DType::Raw { message, .. } => is_reference(message),
        DType::Array { base, .. } | DType::VLen(base) => has_references(base),
        DType::Compound { fields, .. } => fields.iter().any(|f| has_references(&f.dtype)),
        _ => false,
    }
}

/// Makes every reference in elements of `dtype` the null reference.
pub fn clear_references(dtype: &DType, bytes: &mut [u8]) {
    match dtype {
        DType::ObjectRef => bytes.fill(0),
        DType::Raw { message, .. } if is_reference(message) => bytes.fill(0),
        DType::Array { base, .. } if has_references(base) => clear_references(base, bytes),
        DType::Compound { size, fields } if *size > 0 => {
            for field in fields.iter().filter(|f| has_references(&f.dtype)) {
                let end = field.offset + field.dtype.size();
                for record in bytes.chunks_exact_mut(*size) {
                    if let Some(part) = record.get_mut(field.offset..end) {
                        clear_references(&field.dtype, part);
                    }
                }
            }
        }
        _ => {}
    }
}

/// Class 7 of a datatype message.
fn is_reference(message: &[u8]) -> bool {
    message.first().is_some_and(|b| b & 0x0f == 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(dtype: &DType, big_endian: bool) -> Vec<u8> {
        let mut out = Vec::new();
        encode(dtype, big_endian, &mut out).unwrap();
        out
    }

    #[test]
    fn numbers_have_the_bytes_that_libhdf5_writes() {
        assert_eq!(message(&DType::I16, true), [0x10, 9, 0, 0, 2, 0, 0, 0, 0, 0, 16, 0]);
        let f32 = [0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0];
        assert_eq!(message(&DType::F32, false), f32);
    }

    #[test]
    fn a_compound_keeps_the_order_of_each_field() {
        let field = |name: &str, offset, big_endian| Field {
            name: name.into(),
            offset,
            dtype: DType::U8,
            big_endian,
        };
        let dtype = DType::Compound { size: 2, fields: vec![field("a", 0, false), field("b", 1, true)] };
        let bytes = message(&dtype, false);
        assert_eq!(bytes[..12], [0x36, 2, 0, 0, 2, 0, 0, 0, b'a', 0, 0, 0x10]);
        assert_eq!(bytes[23..29], [b'b', 0, 1, 0x10, 1, 0]);
    }

    #[test]
    fn a_type_nested_without_end_is_refused() {
        let mut dtype = DType::U8;
        for _ in 0..100 {
            dtype = DType::VLen(Box::new(dtype));
        }
        assert!(encode(&dtype, false, &mut Vec::new()).is_err());
    }

    #[test]
    fn references_of_another_file_are_cleared() {
        let fields = vec![
            Field { name: "r".into(), offset: 0, dtype: DType::ObjectRef, big_endian: false },
            Field { name: "n".into(), offset: 8, dtype: DType::U8, big_endian: false },
        ];
        let dtype = DType::Compound { size: 9, fields };
        let mut bytes = vec![7; 18];
        clear_references(&dtype, &mut bytes);
        assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    }
}
