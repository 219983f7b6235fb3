//! Element types of Zarr: v2 type strings (NumPy's array protocol) and v3 data types.

use harmony_model::dtype::StringPad;
use harmony_model::{DType, Field};
use serde_json::Value;

/// An element type and how its bytes in a chunk become those of the model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Element {
    pub dtype: DType,
    /// Byte order, where the type itself says it (v2).
    pub big_endian: bool,
    pub encoding: Encoding,
    /// Time unit of `datetime64` and `timedelta64`, as CF writes it.
    pub time_units: Option<String>,
}

/// How stored bytes differ from the model's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// They are the same, byte order aside.
    Plain,
    /// UTF-32 code units, as many as a quarter of the element's bytes; the model has UTF-8.
    Utf32,
    /// IEEE binary16; the model has `float32`, which holds all of its values.
    Half,
    /// A counted list of counted byte strings per chunk (numcodecs `vlen-utf8`, `vlen-bytes`).
    Counted,
    /// `bool`: `int8` in the model, marked with the attribute `dtype = "bool"` as xarray does.
    Bool,
}

/// Largest element we take: a guard for sizes that come from metadata.
const ELEMENT_LIMIT: usize = 1 << 20;

impl Element {
    fn plain(dtype: DType) -> Self {
        Element { dtype, big_endian: false, encoding: Encoding::Plain, time_units: None }
    }

    fn with(dtype: DType, encoding: Encoding) -> Self {
        Element { encoding, ..Element::plain(dtype) }
    }

    /// Bytes of one element in a chunk; that of a slot for counted texts.
    pub(super) fn stored_size(&self) -> usize {
        if self.encoding == Encoding::Half { 2 } else { self.dtype.size() }
    }

    /// Bytes that change place with the byte order in a chunk.
    pub(super) fn stored_swap_width(&self) -> usize {
        match self.encoding {
            Encoding::Half => 2,
            Encoding::Utf32 => 4,
            _ => self.dtype.swap_width(),
        }
    }

    /// Sets the byte order of the members of a record: v3 says it once, in the `bytes` codec.
    pub(super) fn order_members(&mut self, big_endian: bool) {
        if let DType::Compound { fields, .. } = &mut self.dtype {
            fields.iter_mut().for_each(|f| f.big_endian = big_endian);
        }
    }

    /// From a v2 `dtype`. `Err` says what is not understood.
    pub(super) fn from_v2(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Self::from_type_string(text),
            Value::Array(fields) => Self::structured(fields, Self::from_v2),
            _ => Err(format!("data type {value} is not understood")),
        }
    }

    fn from_type_string(text: &str) -> Result<Self, String> {
        let refuse = || format!("data type '{text}' is not supported");
        let order = text.chars().next().filter(|c| "<>|=".contains(*c)).ok_or_else(refuse)?;
        let kind = text[1..].chars().next().filter(char::is_ascii).ok_or_else(refuse)?;
        let rest = &text[2..];
        let digits = rest.split('[').next().unwrap_or_default();
        let size: usize = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| refuse())? };
        if size > ELEMENT_LIMIT {
            return Err(format!("data type '{text}' is larger than {ELEMENT_LIMIT} bytes"));
        }
        let mut element = match (kind, size) {
            ('b', 1) => Element::with(DType::I8, Encoding::Bool),
            ('i', _) | ('u', _) | ('f', _) => Self::number(kind, 8 * size).ok_or_else(refuse)?,
            ('c', 8 | 16) => Element::plain(complex(size, order == '>')),
            ('S', n) => Element::plain(bytes_text(n)),
            ('U', n) => utf32(n.checked_mul(4).ok_or_else(refuse)?),
            ('V', n) if n > 0 => Element::plain(DType::Opaque { size: n, tag: String::new() }),
            ('M' | 'm', 8) => {
                let unit =
                    rest.split(['[', ']']).nth(1).and_then(|u| time_unit(kind, u)).ok_or_else(refuse)?;
                Element { time_units: Some(unit), ..Element::plain(DType::I64) }
            }
            ('O', _) => Element::with(DType::String, Encoding::Counted),
            _ => return Err(refuse()),
        };
        element.big_endian = order == '>';
        Ok(element)
    }

    fn number(kind: char, bits: usize) -> Option<Self> {
        Some(Element::plain(match (kind, bits) {
            ('i', 8) => DType::I8,
            ('i', 16) => DType::I16,
            ('i', 32) => DType::I32,
            ('i', 64) => DType::I64,
            ('u', 8) => DType::U8,
            ('u', 16) => DType::U16,
            ('u', 32) => DType::U32,
            ('u', 64) => DType::U64,
            ('f', 16) => return Some(Element::with(DType::F32, Encoding::Half)),
            ('f', 32) => DType::F32,
            ('f', 64) => DType::F64,
            _ => return None,
        }))
    }

    /// A record from `[name, type]` pairs; nested records and sub-arrays are not taken.
    fn structured(fields: &[Value], parse: impl Fn(&Value) -> Result<Self, String>) -> Result<Self, String> {
        let mut out = Vec::new();
        let mut size = 0;
        for field in fields {
            let (name, dtype) = match field.as_array().map(Vec::as_slice) {
                Some([Value::String(name), dtype]) => (name, dtype),
                _ => return Err(format!("record member {field} is not supported")),
            };
            let member = parse(dtype)?;
            if !matches!(member.encoding, Encoding::Plain | Encoding::Bool) {
                return Err(format!("record member '{name}' has a type that is not supported in records"));
            }
            let width = member.dtype.size();
            out.push(Field {
                name: name.clone(),
                offset: size,
                dtype: member.dtype,
                big_endian: member.big_endian,
            });
            size += width;
            if size > ELEMENT_LIMIT {
                return Err(format!("the record is larger than {ELEMENT_LIMIT} bytes"));
            }
        }
        if size == 0 {
            return Err("the record has no members".into());
        }
        Ok(Element::plain(DType::Compound { size, fields: out }))
    }

    /// From a v3 `data_type`; the byte order is said by the `bytes` codec.
    pub(super) fn from_v3(value: &Value) -> Result<Self, String> {
        let refuse = || format!("data type {value} is not supported");
        let name = value.as_str().or_else(|| value["name"].as_str()).ok_or_else(refuse)?;
        let settings = &value["configuration"];
        let length = || {
            let n = settings["length_bytes"].as_u64().and_then(|n| usize::try_from(n).ok());
            n.filter(|&n| n <= ELEMENT_LIMIT).ok_or_else(refuse)
        };
        let bits = |prefix: &str| name.strip_prefix(prefix).and_then(|b| b.parse::<usize>().ok());
        Ok(match name {
            "bool" => Element::with(DType::I8, Encoding::Bool),
            "complex64" => Element::plain(complex(8, false)),
            "complex128" => Element::plain(complex(16, false)),
            "string" | "variable_length_utf8" => Element::with(DType::String, Encoding::Counted),
            "bytes" | "variable_length_bytes" => Element::with(DType::String, Encoding::Counted),
            "fixed_length_utf32" | "fixed_length_ucs4" => utf32(length()?),
            "null_terminated_bytes" => Element::plain(bytes_text(length()?)),
            "raw_bytes" => Element::plain(DType::Opaque { size: length()?.max(1), tag: String::new() }),
            "numpy.datetime64" | "numpy.timedelta64" => Self::v3_time(name, settings).ok_or_else(refuse)?,
            "structured" | "struct" => {
                let fields = settings["fields"].as_array().ok_or_else(refuse)?;
                Self::structured(fields, Self::from_v3)?
            }
            _ => {
                let number = [("int", 'i'), ("uint", 'u'), ("float", 'f')]
                    .into_iter()
                    .find_map(|(prefix, kind)| Self::number(kind, bits(prefix)?));
                let raw = bits("r").filter(|b| b % 8 == 0 && *b > 0 && b / 8 <= ELEMENT_LIMIT);
                let raw = raw.map(|b| Element::plain(DType::Opaque { size: b / 8, tag: String::new() }));
                number.or(raw).ok_or_else(refuse)?
            }
        })
    }

    fn v3_time(name: &str, settings: &Value) -> Option<Self> {
        let scale = settings["scale_factor"].as_u64().unwrap_or(1);
        let kind = if name == "numpy.datetime64" { 'M' } else { 'm' };
        let unit = settings["unit"].as_str()?;
        let unit = if scale == 1 { unit.to_owned() } else { format!("{scale}{unit}") };
        Some(Element { time_units: Some(time_unit(kind, &unit)?), ..Element::plain(DType::I64) })
    }
}

fn bytes_text(len: usize) -> DType {
    DType::FixedString { len: len.max(1), pad: StringPad::NullPadded, utf8: false }
}

/// `size` bytes of UTF-32 are at most as many of UTF-8.
fn utf32(size: usize) -> Element {
    let dtype = DType::FixedString { len: size.max(4), pad: StringPad::NullPadded, utf8: true };
    Element::with(dtype, Encoding::Utf32)
}

/// A complex number as h5py writes it: a record of `r` and `i`.
fn complex(size: usize, big_endian: bool) -> DType {
    let part = if size == 8 { DType::F32 } else { DType::F64 };
    let field = |name: &str, offset| Field { name: name.into(), offset, dtype: part.clone(), big_endian };
    DType::Compound { size, fields: vec![field("r", 0), field("i", size / 2)] }
}

/// CF units of a NumPy time unit; `None` for generic units, months and multiples, which CF has no word for.
fn time_unit(kind: char, unit: &str) -> Option<String> {
    let word = match unit {
        "ns" => "nanoseconds",
        "us" | "μs" => "microseconds",
        "ms" => "milliseconds",
        "s" => "seconds",
        "m" => "minutes",
        "h" => "hours",
        "D" => "days",
        _ => return None,
    };
    Some(if kind == 'M' { format!("{word} since 1970-01-01") } else { word.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn type_strings_of_numpy() {
        let big = Element::from_v2(&json!(">i2")).unwrap();
        assert_eq!((big.dtype, big.big_endian), (DType::I16, true));
        assert_eq!(Element::from_v2(&json!("|b1")).unwrap().encoding, Encoding::Bool);
        assert_eq!(Element::from_v2(&json!("<U10")).unwrap().stored_size(), 40);
        let time = Element::from_v2(&json!("<M8[ns]")).unwrap();
        assert_eq!(time.time_units.unwrap(), "nanoseconds since 1970-01-01");
        for bad in ["", "<", "f4", "<f3", "<i99999999999999999999", "<U4000000000", "<µ4", "<M8"] {
            assert!(Element::from_v2(&json!(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn data_types_of_v3() {
        assert_eq!(Element::from_v3(&json!("uint16")).unwrap().dtype, DType::U16);
        assert_eq!(Element::from_v3(&json!("float16")).unwrap().encoding, Encoding::Half);
        let text = json!({"name": "fixed_length_utf32", "configuration": {"length_bytes": 12}});
        assert_eq!(Element::from_v3(&text).unwrap().stored_size(), 12);
        assert_eq!(Element::from_v3(&json!("r24")).unwrap().dtype.size(), 3);
        assert!(Element::from_v3(&json!("r7")).is_err());
        assert!(Element::from_v3(&json!({"name": 5})).is_err());
    }
}
