//! Attributes with their exact type.

use crate::dtype::{DType, Number, to_f64s};

/// Extent of an attribute: HDF5 tells a scalar from an array of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttrShape {
    Scalar,
    /// No value at all (HDF5 null dataspace).
    Null,
    Simple(Vec<u64>),
}

impl AttrShape {
    /// Number of elements.
    pub fn count(&self) -> usize {
        match self {
            AttrShape::Scalar => 1,
            AttrShape::Null => 0,
            AttrShape::Simple(dims) => dims.iter().product::<u64>() as usize,
        }
    }
}

/// A named value on a group or variable. Equality is equality of name, type and bits.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    pub name: String,
    pub dtype: DType,
    pub shape: AttrShape,
    /// Elements in native byte order; for `String`/`VLen` empty: see `items`.
    pub bytes: Vec<u8>,
    /// For `DType::String` and `DType::VLen`: the bytes of each element.
    pub items: Vec<Vec<u8>>,
}

impl Attribute {
    /// A text attribute as netCDF writes it (`NC_CHAR`): an HDF5 scalar of fixed length.
    pub fn text(name: &str, value: &str) -> Self {
        let dtype = DType::FixedString {
            len: value.len().max(1),
            pad: crate::dtype::StringPad::NullTerminated,
            utf8: true,
        };
        let mut bytes = value.as_bytes().to_vec();
        bytes.resize(value.len().max(1), 0);
        Attribute { name: name.into(), dtype, shape: AttrShape::Scalar, bytes, items: Vec::new() }
    }

    /// A text attribute of variable-length strings (`NC_STRING`).
    pub fn strings(name: &str, values: &[&str]) -> Self {
        let shape =
            if values.len() == 1 { AttrShape::Scalar } else { AttrShape::Simple(vec![values.len() as u64]) };
        let items = values.iter().map(|v| v.as_bytes().to_vec()).collect();
        Attribute { name: name.into(), dtype: DType::String, shape, bytes: Vec::new(), items }
    }

    /// A numeric attribute: an array of one or more numbers, as netCDF writes it.
    pub fn numbers<T: Number>(name: &str, values: &[T]) -> Self {
        let mut bytes = Vec::with_capacity(std::mem::size_of_val(values));
        values.iter().for_each(|v| v.put_ne(&mut bytes));
        let shape = AttrShape::Simple(vec![values.len() as u64]);
        Attribute { name: name.into(), dtype: T::DTYPE, shape, bytes, items: Vec::new() }
    }

    /// The value as text: the first text of several; trailing padding removed. `None` when it is not text.
    pub fn as_text(&self) -> Option<String> {
        self.as_texts()?.into_iter().next()
    }

    /// All texts of a text attribute; a `Char` array is one text.
    pub fn as_texts(&self) -> Option<Vec<String>> {
        let clean = |b: &[u8]| {
            let end = b.iter().position(|&c| c == 0).unwrap_or(b.len());
            String::from_utf8_lossy(&b[..end]).into_owned()
        };
        match &self.dtype {
            DType::Char => Some(vec![clean(&self.bytes)]),
            DType::FixedString { len, pad, .. } => Some(
                self.bytes
                    .chunks((*len).max(1))
                    .map(|b| {
                        let text = clean(b);
                        match pad {
                            crate::dtype::StringPad::SpacePadded => text.trim_end_matches(' ').to_owned(),
                            _ => text,
                        }
                    })
                    .collect(),
            ),
            DType::String => Some(self.items.iter().map(|b| clean(b)).collect()),
            _ => None,
        }
    }

    /// The numbers of a numeric attribute as doubles.
    pub fn as_f64s(&self) -> Option<Vec<f64>> {
        to_f64s(&self.dtype, &self.bytes)
    }

    /// The first number of a numeric attribute.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_f64s()?.first().copied()
    }
}
