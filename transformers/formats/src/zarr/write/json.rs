//! Numbers and attributes as JSON.

use harmony_model::attribute::AttrShape;
use harmony_model::dtype::to_f64s;
use harmony_model::{Attribute, DType};
use serde_json::{Map, Number, Value};

/// A number as JSON; what JSON has no number for is a text, as Zarr's fill values have it.
pub(super) fn number(v: f64) -> Value {
    match Number::from_f64(v) {
        Some(n) => Value::Number(n),
        None if v.is_nan() => "NaN".into(),
        None if v > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

/// The native elements of a numeric type as JSON, integers exactly. `None` for other types.
pub(super) fn numbers(dtype: &DType, bytes: &[u8]) -> Option<Vec<Value>> {
    let dtype = match dtype {
        DType::Enum { base, .. } => base,
        other => other,
    };
    let elements = bytes.chunks_exact(dtype.size().max(1));
    match dtype {
        DType::U64 => Some(elements.map(|b| u64::from_ne_bytes(fixed(b)).into()).collect()),
        DType::I64 => Some(elements.map(|b| i64::from_ne_bytes(fixed(b)).into()).collect()),
        // A double holds every integer of up to 32 bits.
        d if d.is_integer() => Some(to_f64s(d, bytes)?.into_iter().map(|v| (v as i64).into()).collect()),
        d => Some(to_f64s(d, bytes)?.into_iter().map(number).collect()),
    }
}

fn fixed(bytes: &[u8]) -> [u8; 8] {
    let mut out = [0; 8];
    out.copy_from_slice(&bytes[..8]);
    out
}

/// The value of an attribute: a lone value of a list of one, as netCDF readers hand it out. `None` when JSON can't say
/// it.
pub(super) fn value(attr: &Attribute) -> Option<Value> {
    let values: Vec<Value> = match &attr.dtype {
        _ if attr.shape == AttrShape::Null => return Some(Value::Array(Vec::new())),
        d if d.is_text() => attr.as_texts()?.into_iter().map(Value::from).collect(),
        DType::VLen(base) => {
            attr.items.iter().map(|item| numbers(base, item).map(Value::Array)).collect::<Option<Vec<_>>>()?
        }
        d => numbers(d, &attr.bytes)?,
    };
    let mut values = values;
    match values.len() {
        1 => values.pop(),
        _ => Some(Value::Array(values)),
    }
}

/// Attributes as a JSON object, and the names of those that could not be said.
pub(super) fn attributes(attrs: &[Attribute]) -> (Map<String, Value>, Vec<&str>) {
    let (mut map, mut lost) = (Map::new(), Vec::new());
    for attr in attrs {
        match value(attr) {
            Some(value) => drop(map.insert(attr.name.clone(), value)),
            None => lost.push(attr.name.as_str()),
        }
    }
    (map, lost)
}

/// A double as xarray wants floating fill values in attributes of version 3: base64 of its little-endian bytes.
pub(super) fn packed_float(v: f64) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = v.to_le_bytes();
    let mut out = String::with_capacity(12);
    for three in bytes.chunks(3) {
        let mut word = [0; 3];
        word[..three.len()].copy_from_slice(three);
        let bits = u32::from(word[0]) << 16 | u32::from(word[1]) << 8 | u32::from(word[2]);
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize] as char;
            out.push(if i <= three.len() { digit } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_value() {
        assert_eq!(value(&Attribute::numbers("a", &[u64::MAX])).unwrap().to_string(), "18446744073709551615");
        assert_eq!(value(&Attribute::numbers("a", &[1e15f32])).unwrap().to_string(), "999999986991104.0");
        assert_eq!(value(&Attribute::numbers("a", &[1i8, -2])).unwrap().to_string(), "[1,-2]");
        assert_eq!(value(&Attribute::numbers("a", &[f32::NAN])).unwrap(), "NaN");
        assert_eq!(value(&Attribute::numbers("a", &[f64::NEG_INFINITY])).unwrap(), "-Infinity");
        assert_eq!(value(&Attribute::text("a", "")).unwrap(), "");
        assert_eq!(value(&Attribute::strings("a", &["x", "y"])).unwrap().to_string(), "[\"x\",\"y\"]");
    }

    #[test]
    fn a_packed_float_is_what_xarray_writes() {
        assert_eq!(packed_float(f64::from(1e15f32)), "AAAAIPVrDEM=");
        assert_eq!(packed_float(f64::NAN), "AAAAAAAA+H8=");
    }
}
