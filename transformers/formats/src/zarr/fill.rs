//! Fill values: what stands where no chunk was written.

use harmony_model::DType;
use serde_json::Value;

use super::convert::{f16_from_f32, utf32_from_utf8};
use super::dtype::{Element, Encoding};
use super::json;

/// A fill value in the three forms that are needed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fill {
    /// One element of the model, native order; `None` when the metadata has none, or for counted texts.
    pub native: Option<Vec<u8>>,
    /// One element as in a chunk, native order; zeros when there is none.
    pub stored: Vec<u8>,
    /// For counted texts.
    pub text: Vec<u8>,
}

/// Reads `fill_value`. `Err` says what is wrong with it.
pub(super) fn parse(value: &Value, element: &Element) -> Result<Fill, String> {
    let zeros = vec![0; element.stored_size()];
    if element.encoding == Encoding::Counted {
        let text = value.as_str().unwrap_or_default().as_bytes().to_vec();
        return Ok(Fill { native: None, stored: zeros, text });
    }
    if value.is_null() {
        return Ok(Fill { stored: zeros, ..Fill::default() });
    }
    let refuse = || format!("fill value {value} is not one of {}", element.dtype.name());
    let native = native(value, element).ok_or_else(refuse)?;
    let stored = match element.encoding {
        Encoding::Half => {
            let bits = f16_from_f32(f32::from_ne_bytes(native[..4].try_into().map_err(|_| refuse())?));
            bits.to_ne_bytes().into()
        }
        Encoding::Utf32 => {
            let mut units = zeros;
            utf32_from_utf8(&native, &mut units);
            units
        }
        _ => native.clone(),
    };
    Ok(Fill { native: Some(native), stored, text: Vec::new() })
}

fn native(value: &Value, element: &Element) -> Option<Vec<u8>> {
    let dtype = &element.dtype;
    match dtype {
        DType::FixedString { len, .. } => {
            let text = value.as_str().unwrap_or_default();
            let decoded = if element.encoding == Encoding::Utf32 { None } else { json::base64(text) };
            Some(fitted(decoded.unwrap_or_else(|| text.as_bytes().to_vec()), *len))
        }
        DType::Opaque { size, .. } | DType::Compound { size, .. } => {
            complex_parts(value, dtype).or_else(|| raw_bytes(value, *size))
        }
        _ if value.as_str() == Some("NaT") && element.time_units.is_some() => {
            Some(i64::MIN.to_ne_bytes().into())
        }
        _ => hexadecimal(value, dtype).or_else(|| json::exact_bytes(dtype, value)),
    }
}

/// Cut or padded with zeros to `len` bytes.
fn fitted(mut bytes: Vec<u8>, len: usize) -> Vec<u8> {
    bytes.resize(len, 0);
    bytes
}

/// The bytes of an element without number meaning: base64 (v2), a list of bytes (v3 `r*`), or a plain 0.
fn raw_bytes(value: &Value, size: usize) -> Option<Vec<u8>> {
    let bytes = match value {
        Value::String(text) => json::base64(text)?,
        Value::Array(items) => items
            .iter()
            .map(|v| v.as_u64().and_then(|n| u8::try_from(n).ok()))
            .collect::<Option<Vec<u8>>>()?,
        Value::Number(n) if n.as_f64() == Some(0.0) => vec![0; size],
        _ => return None,
    };
    (bytes.len() == size).then_some(bytes)
}

/// `[real, imaginary]` as the record it is here, in stored order.
fn complex_parts(value: &Value, dtype: &DType) -> Option<Vec<u8>> {
    let (DType::Compound { fields, .. }, [re, im]) = (dtype, value.as_array()?.as_slice()) else {
        return None;
    };
    let mut out = Vec::new();
    for (field, part) in fields.iter().zip([re, im]) {
        let mut bytes = json::exact_bytes(&field.dtype, part)?;
        if field.big_endian != cfg!(target_endian = "big") {
            bytes.reverse();
        }
        out.extend(bytes);
    }
    (out.len() == dtype.size()).then_some(out)
}

/// The bits of a floating-point number, `0x7fc00000` (v3).
fn hexadecimal(value: &Value, dtype: &DType) -> Option<Vec<u8>> {
    let digits = value.as_str()?.strip_prefix("0x")?;
    match dtype {
        // A half's bits are those of its own width; here they become a float32.
        DType::F32 if digits.len() == 4 => {
            let half = u16::from_str_radix(digits, 16).ok()?;
            Some(super::convert::f32_from_f16(half).to_ne_bytes().into())
        }
        DType::F32 => u32::from_str_radix(digits, 16).ok().map(|b| b.to_ne_bytes().into()),
        DType::F64 => u64::from_str_radix(digits, 16).ok().map(|b| b.to_ne_bytes().into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn native(dtype: &str, value: Value) -> Option<Vec<u8>> {
        parse(&value, &Element::from_v2(&json!(dtype)).unwrap()).ok()?.native
    }

    #[test]
    fn every_way_to_write_a_fill_value() {
        assert!(f32::from_ne_bytes(native("<f4", json!("NaN")).unwrap().try_into().unwrap()).is_nan());
        assert_eq!(native("<f8", json!("-Infinity")).unwrap(), f64::NEG_INFINITY.to_ne_bytes());
        assert_eq!(native("<f4", json!("0x7fc00001")).unwrap(), 0x7fc0_0001u32.to_ne_bytes());
        assert_eq!(native("<f4", json!(1e20)).unwrap(), 1e20f32.to_ne_bytes());
        assert_eq!(native("|S3", json!("YWI=")).unwrap(), b"ab\0");
        assert_eq!(native("<U2", json!("é")).unwrap(), "é\0\0\0\0\0\0".as_bytes());
        assert_eq!(native("|b1", json!(true)).unwrap(), [1]);
        assert_eq!(native("<i2", json!(null)), None);
        assert_eq!(native("<c8", json!([1.0, "NaN"])).unwrap()[..4], 1f32.to_le_bytes());
        assert_eq!(native("<f2", json!(0.5)).unwrap(), 0.5f32.to_ne_bytes());
        assert_eq!(native("<M8[s]", json!("NaT")).unwrap(), i64::MIN.to_ne_bytes());
        assert!(parse(&json!(70000), &Element::from_v2(&json!("<i2")).unwrap()).is_err());
    }
}
