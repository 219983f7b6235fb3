//! JSON as Zarr writers make it, and the number texts in it.

use harmony_model::attribute::AttrShape;
use harmony_model::dtype::Number;
use harmony_model::with_numeric;
use harmony_model::{Attribute, DType, ReadError};
use serde_json::Value;

/// Python's JSON writer puts bare `NaN` and `Infinity` into documents; a text of this and the word stands for them
/// here. No attribute text begins with this character.
const BARE: char = '\u{0}';

/// Parses a metadata document.
///
/// # Errors
/// [`ReadError::Corrupt`] naming the document.
pub(super) fn parse(store: &str, key: &str, bytes: &[u8]) -> Result<Value, ReadError> {
    let first = match serde_json::from_slice(bytes) {
        Ok(value) => return Ok(value),
        Err(e) => e,
    };
    let text = std::str::from_utf8(bytes).ok().map(quote_bare_numbers);
    text.and_then(|t| serde_json::from_str(&t).ok()).ok_or_else(|| {
        ReadError::corrupt(store, format!("document '{key}'"), format!("it is not JSON: {first}"))
    })
}

/// Puts quotes round `NaN`, `Infinity` and `-Infinity` outside texts.
fn quote_bare_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let (mut rest, mut inside) = (text, false);
    while let Some(c) = rest.chars().next() {
        let word = ["NaN", "Infinity", "-Infinity"].into_iter().find(|w| !inside && rest.starts_with(w));
        if let Some(word) = word {
            out.push_str(&format!("\"\\u0000{word}\""));
            rest = &rest[word.len()..];
            continue;
        }
        let len = match c {
            // An escaped character says nothing about where the text ends.
            '\\' if inside => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            _ => c.len_utf8(),
        };
        inside ^= c == '"';
        out.push_str(&rest[..len]);
        rest = &rest[len..];
    }
    out
}

/// A number, or one of the texts that stand for one (`NaN`, `Infinity`, `-Infinity`).
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => match s.trim_start_matches(BARE) {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        _ => None,
    }
}

/// A number as one native element of a numeric type; `None` when the type can't hold exactly that.
pub(super) fn exact_bytes(dtype: &DType, value: &Value) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(8);
    if let Value::Number(n) = value
        && dtype.is_integer()
        && let Some(i) = n.as_i64().map(i128::from).or(n.as_u64().map(i128::from))
    {
        // Through i128: 64-bit integers above 2⁵³ have no double.
        integer_bytes(dtype, i, &mut out)?;
        return Some(out);
    }
    let v = number(value)?;
    with_numeric!(dtype, T => {
        let element = T::from_f64(v);
        let same = element.as_f64() == v || v.is_nan() && dtype.is_float() || *dtype == DType::F32;
        same.then(|| element.put_ne(&mut out))?;
        Some(out)
    }, else => None)
}

fn integer_bytes(dtype: &DType, i: i128, out: &mut Vec<u8>) -> Option<()> {
    match dtype {
        DType::I8 => i8::try_from(i).ok()?.put_ne(out),
        DType::U8 => u8::try_from(i).ok()?.put_ne(out),
        DType::I16 => i16::try_from(i).ok()?.put_ne(out),
        DType::U16 => u16::try_from(i).ok()?.put_ne(out),
        DType::I32 => i32::try_from(i).ok()?.put_ne(out),
        DType::U32 => u32::try_from(i).ok()?.put_ne(out),
        DType::I64 => i64::try_from(i).ok()?.put_ne(out),
        DType::U64 => u64::try_from(i).ok()?.put_ne(out),
        _ => return None,
    }
    Some(())
}

/// Decodes standard base64 (RFC 4648 §4); padding may be missing.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut bits) = (0u32, 0);
    for c in text.trim_end_matches('=').bytes() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        word = word << 6 | u32::from(six);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits) as u8);
            word &= (1 << bits) - 1;
        }
    }
    Some(out)
}

/// One JSON attribute as a model attribute: integers are `int64`, others doubles, objects stay JSON text.
pub(super) fn attribute(name: &str, value: &Value) -> Attribute {
    match value {
        // Not `number`: a text that happens to read "NaN" stays a text.
        Value::String(s) if !s.starts_with(BARE) => Attribute::text(name, s),
        Value::Bool(b) => Attribute::numbers(name, &[i8::from(*b)]),
        Value::Array(items) => list(name, items),
        Value::Number(_) | Value::String(_) => list(name, std::slice::from_ref(value)),
        Value::Null | Value::Object(_) => Attribute::text(name, &value.to_string()),
    }
}

fn list(name: &str, items: &[Value]) -> Attribute {
    if items.is_empty() {
        let (dtype, shape) = (DType::F64, AttrShape::Null);
        return Attribute { name: name.into(), dtype, shape, bytes: Vec::new(), items: Vec::new() };
    }
    let texts: Option<Vec<&str>> =
        items.iter().map(|v| v.as_str().filter(|s| !s.starts_with(BARE))).collect();
    if let Some(texts) = texts {
        return Attribute::strings(name, &texts);
    }
    if let Some(ints) = items.iter().map(Value::as_i64).collect::<Option<Vec<_>>>() {
        return Attribute::numbers(name, &ints);
    }
    if let Some(ints) = items.iter().map(Value::as_u64).collect::<Option<Vec<_>>>() {
        return Attribute::numbers(name, &ints);
    }
    let plain = |v: &Value| if v.as_str().is_some_and(|s| !s.starts_with(BARE)) { None } else { number(v) };
    match items.iter().map(plain).collect::<Option<Vec<f64>>>() {
        Some(doubles) => Attribute::numbers(name, &doubles),
        None => Attribute::text(name, &Value::from(items.to_vec()).to_string()),
    }
}

/// An attribute whose values CF wants in the type of the variable (`_FillValue`, `flag_values`, …): JSON has lost it.
/// `None` when a value does not fit that type.
pub(super) fn typed_attribute(name: &str, value: &Value, dtype: &DType) -> Option<Attribute> {
    let one = std::slice::from_ref(value);
    let items = value.as_array().map_or(one, Vec::as_slice);
    let mut bytes = Vec::new();
    for item in items {
        bytes.extend(exact_bytes(dtype, item).or_else(|| packed_float(dtype, item))?);
    }
    let shape = AttrShape::Simple(vec![items.len() as u64]);
    (!items.is_empty()).then(|| Attribute {
        name: name.into(),
        dtype: dtype.clone(),
        shape,
        bytes,
        items: Vec::new(),
    })
}

/// xarray writes a floating fill value into Zarr v3 attributes as base64 of a little-endian double.
fn packed_float(dtype: &DType, value: &Value) -> Option<Vec<u8>> {
    let bytes: [u8; 8] = base64(value.as_str()?)?.try_into().ok()?;
    if !dtype.is_float() {
        return None;
    }
    harmony_model::dtype::number_bytes(dtype, f64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_numbers_of_python_are_read() {
        let doc = br#"{"a": NaN, "b": [1, -Infinity], "c": "NaN \" Infinity", "d": "NaN"}"#;
        let v = parse("s", "k", doc).unwrap();
        assert!(attribute("a", &v["a"]).as_f64().unwrap().is_nan());
        assert_eq!(attribute("b", &v["b"]).as_f64s().unwrap(), [1.0, f64::NEG_INFINITY]);
        assert_eq!(attribute("c", &v["c"]).as_text().unwrap(), "NaN \" Infinity");
        assert_eq!(attribute("d", &v["d"]).as_text().unwrap(), "NaN");
    }

    #[test]
    fn base64_of_any_length() {
        assert_eq!(base64("AAAAAAAA+H8=").unwrap(), f64::NAN.to_le_bytes());
        assert_eq!(base64("YQ==").unwrap(), b"a");
        assert_eq!(base64("").unwrap(), b"");
        assert!(base64("a b").is_none());
    }

    #[test]
    fn a_value_that_does_not_fit_its_type_is_not_forced() {
        let v = |t: &str| serde_json::from_str::<Value>(t).unwrap();
        assert_eq!(exact_bytes(&DType::U64, &v("18446744073709551615")).unwrap(), u64::MAX.to_ne_bytes());
        assert!(exact_bytes(&DType::I8, &v("300")).is_none());
        assert!(exact_bytes(&DType::I16, &v("1.5")).is_none());
        assert!(typed_attribute("x", &v("[1, \"two\"]"), &DType::I8).is_none());
        assert_eq!(typed_attribute("x", &v("[1, 2]"), &DType::I8).unwrap().bytes, [1, 2]);
    }
}
