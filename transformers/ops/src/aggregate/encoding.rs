//! How a variable's attributes say its values are stored.

use harmony_model::dtype::number_bytes;
use harmony_model::{AttrShape, Attribute, DType};

use super::digest::VarSchema;

/// Stored form of one schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoding {
    pub dtype: DType,
    pub unsigned: bool,
    pub scale: f64,
    pub offset: f64,
    pub units: Option<String>,
    pub calendar: Option<String>,
    /// Declared "no data" numbers, that of `_FillValue` first.
    pub fills: Vec<f64>,
    pub fill: Option<Vec<u8>>,
}

impl Encoding {
    /// From the attributes.
    pub fn of(schema: &VarSchema) -> Self {
        let numbers = |name: &str| schema.attr(name).and_then(Attribute::as_f64s).unwrap_or_default();
        let mut fills = numbers("_FillValue");
        fills.extend(numbers("missing_value"));
        Encoding {
            dtype: schema.dtype.clone(),
            unsigned: schema.attr_text("_Unsigned").is_some_and(|t| t.trim().eq_ignore_ascii_case("true")),
            scale: schema.attr_f64("scale_factor").unwrap_or(1.0),
            offset: schema.attr_f64("add_offset").unwrap_or(0.0),
            units: schema.attr_text("units"),
            calendar: schema.attr_text("calendar"),
            fills,
            fill: declared_fill(schema),
        }
    }

    /// Whether stored numbers become physical ones in the same way.
    pub fn same_packing(&self, other: &Encoding) -> bool {
        (self.scale, self.offset, self.unsigned) == (other.scale, other.offset, other.unsigned)
    }
}

/// The element that stands for "no data", if the variable says so in attributes.
pub fn declared_fill(schema: &VarSchema) -> Option<Vec<u8>> {
    let number = |name: &str| {
        let attr = schema.attr(name)?;
        if attr.dtype == schema.dtype && attr.bytes.len() == schema.dtype.size() {
            return Some(attr.bytes.clone());
        }
        number_bytes(&schema.dtype, attr.as_f64()?)
    };
    number("_FillValue").or_else(|| number("missing_value"))
}

/// The type that the bits of a signed one hold under `_Unsigned`.
pub fn unsigned_of(dtype: &DType) -> DType {
    match dtype {
        DType::I8 => DType::U8,
        DType::I16 => DType::U16,
        DType::I32 => DType::U32,
        DType::I64 => DType::U64,
        other => other.clone(),
    }
}

/// A fill value as an attribute.
pub fn fill_attribute(name: &str, dtype: &DType, bytes: Vec<u8>) -> Attribute {
    Attribute {
        name: name.into(),
        dtype: dtype.clone(),
        shape: AttrShape::Simple(vec![1]),
        bytes,
        items: Vec::new(),
    }
}
