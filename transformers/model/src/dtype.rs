//! Element types: all of netCDF-4's, and what else HDF5 files hold.

/// The type of one element. Elements travel through the engine in native byte order.
///
/// Types that point out of the element (`String`, `VLen`) are 16-byte slots: see [`crate::Heap`].
#[derive(Clone, Debug, PartialEq)]
pub enum DType {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    /// One byte of text (`NC_CHAR`); the length of a text is a dimension.
    Char,
    /// HDF5 text of a fixed number of bytes.
    FixedString {
        len: usize,
        pad: StringPad,
        utf8: bool,
    },
    /// Text of any length (`NC_STRING`).
    String,
    /// A sequence of any length.
    VLen(Box<DType>),
    /// Bytes without meaning to us.
    Opaque {
        size: usize,
        tag: String,
    },
    /// Named values of an integer type.
    Enum {
        base: Box<DType>,
        members: Vec<(String, i64)>,
    },
    /// A record. Its bytes stay as stored, field by field (`Field::big_endian`).
    Compound {
        size: usize,
        fields: Vec<Field>,
    },
    /// An array inside a record.
    Array {
        base: Box<DType>,
        dims: Vec<u64>,
    },
    /// An HDF5 object reference: as a value 8 bytes of address in the *input* file.
    ObjectRef,
    /// Anything else of fixed size, carried with its HDF5 datatype message.
    Raw {
        size: usize,
        message: Vec<u8>,
    },
}

/// One member of a compound type.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: String,
    /// Bytes from the start of the record.
    pub offset: usize,
    pub dtype: DType,
    pub big_endian: bool,
}

/// How a fixed-length text ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringPad {
    NullTerminated,
    NullPadded,
    SpacePadded,
}

/// Bytes of a slot that stands for a value kept elsewhere.
pub const SLOT: usize = 16;

impl DType {
    /// Bytes of one element.
    pub fn size(&self) -> usize {
        match self {
            DType::I8 | DType::U8 | DType::Char => 1,
            DType::I16 | DType::U16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::U64 | DType::F64 | DType::ObjectRef => 8,
            DType::FixedString { len, .. } => *len,
            DType::String | DType::VLen(_) => SLOT,
            DType::Opaque { size, .. } | DType::Compound { size, .. } | DType::Raw { size, .. } => *size,
            DType::Enum { base, .. } => base.size(),
            DType::Array { base, dims } => dims
                .iter()
                .try_fold(base.size(), |n, &d| n.checked_mul(usize::try_from(d).ok()?))
                .unwrap_or(0),
        }
    }

    /// Whether arithmetic makes sense: integers and floating point.
    pub fn is_numeric(&self) -> bool {
        self.is_integer() || self.is_float()
    }

    pub fn is_integer(&self) -> bool {
        matches!(
            self,
            DType::I8
                | DType::U8
                | DType::I16
                | DType::U16
                | DType::I32
                | DType::U32
                | DType::I64
                | DType::U64
        )
    }

    pub fn is_float(&self) -> bool {
        matches!(self, DType::F32 | DType::F64)
    }

    /// Texts of any kind.
    pub fn is_text(&self) -> bool {
        matches!(self, DType::Char | DType::FixedString { .. } | DType::String)
    }

    /// Whether an element holds slots that a [`crate::Heap`] must resolve.
    pub fn has_slots(&self) -> bool {
        match self {
            DType::String | DType::VLen(_) => true,
            DType::Array { base, .. } => base.has_slots(),
            DType::Compound { fields, .. } => fields.iter().any(|f| f.dtype.has_slots()),
            _ => false,
        }
    }

    /// Bytes that change place when the byte order changes; 1 where there is nothing to swap (or the order is a
    /// field's own).
    pub fn swap_width(&self) -> usize {
        match self {
            DType::I16 | DType::U16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::U64 | DType::F64 => 8,
            DType::Enum { base, .. } => base.swap_width(),
            _ => 1,
        }
    }

    /// The name users see: that of numpy and CDL.
    pub fn name(&self) -> String {
        match self {
            DType::I8 => "int8".into(),
            DType::U8 => "uint8".into(),
            DType::I16 => "int16".into(),
            DType::U16 => "uint16".into(),
            DType::I32 => "int32".into(),
            DType::U32 => "uint32".into(),
            DType::I64 => "int64".into(),
            DType::U64 => "uint64".into(),
            DType::F32 => "float32".into(),
            DType::F64 => "float64".into(),
            DType::Char => "char".into(),
            DType::FixedString { len, .. } => format!("string{len}"),
            DType::String => "string".into(),
            DType::VLen(base) => format!("vlen {}", base.name()),
            DType::Opaque { size, .. } => format!("opaque{size}"),
            DType::Enum { base, .. } => format!("enum {}", base.name()),
            DType::Compound { .. } => "compound".into(),
            DType::Array { base, dims } => format!("{}{dims:?}", base.name()),
            DType::ObjectRef => "reference".into(),
            DType::Raw { size, .. } => format!("raw{size}"),
        }
    }

    /// netCDF's default fill value as native bytes; zeros for types that have none.
    pub fn default_fill(&self) -> Vec<u8> {
        match self {
            DType::I8 => (-127i8).to_ne_bytes().into(),
            DType::U8 => 255u8.to_ne_bytes().into(),
            DType::I16 => (-32767i16).to_ne_bytes().into(),
            DType::U16 => 65535u16.to_ne_bytes().into(),
            DType::I32 => (-2147483647i32).to_ne_bytes().into(),
            DType::U32 => 4294967295u32.to_ne_bytes().into(),
            DType::I64 => (-9223372036854775806i64).to_ne_bytes().into(),
            DType::U64 => 18446744073709551614u64.to_ne_bytes().into(),
            DType::F32 => 9.969_21e36_f32.to_ne_bytes().into(),
            DType::F64 => 9.969_209_968_386_869e36_f64.to_ne_bytes().into(),
            DType::Enum { base, .. } => vec![0; base.size()],
            other => vec![0; other.size()],
        }
    }
}

/// Calls `$f::<T>()`-like code for the Rust type behind a numeric [`DType`].
///
/// `with_numeric!(dtype, T => expr, else => other)` binds the name `T` to the element type inside `expr`.
#[macro_export]
macro_rules! with_numeric {
    ($dtype:expr, $T:ident => $body:expr, else => $other:expr) => {
        match $dtype {
            $crate::DType::I8 => {
                type $T = i8;
                $body
            }
            $crate::DType::U8 => {
                type $T = u8;
                $body
            }
            $crate::DType::I16 => {
                type $T = i16;
                $body
            }
            $crate::DType::U16 => {
                type $T = u16;
                $body
            }
            $crate::DType::I32 => {
                type $T = i32;
                $body
            }
            $crate::DType::U32 => {
                type $T = u32;
                $body
            }
            $crate::DType::I64 => {
                type $T = i64;
                $body
            }
            $crate::DType::U64 => {
                type $T = u64;
                $body
            }
            $crate::DType::F32 => {
                type $T = f32;
                $body
            }
            $crate::DType::F64 => {
                type $T = f64;
                $body
            }
            _ => $other,
        }
    };
}

/// A number type that variables are made of.
pub trait Number: Copy + PartialEq + PartialOrd + Send + Sync + 'static {
    /// The matching [`DType`].
    const DTYPE: DType;
    /// As double; exact but for 64-bit integers above 2⁵³.
    fn as_f64(self) -> f64;
    /// From double: rounded to nearest for integers, saturating.
    fn from_f64(v: f64) -> Self;
    /// From the first `size_of::<Self>()` bytes, native order.
    fn from_ne(bytes: &[u8]) -> Self;
    /// Appends the native bytes.
    fn put_ne(self, out: &mut Vec<u8>);
    /// Writes the native bytes over `out`, which is exactly as long as they are.
    fn write_ne(self, out: &mut [u8]);
}

macro_rules! number {
    ($($t:ident $d:ident $from:expr;)*) => {$(
        impl Number for $t {
            const DTYPE: DType = DType::$d;
            #[inline] fn as_f64(self) -> f64 { self as f64 }
            #[inline] fn from_f64(v: f64) -> Self { ($from)(v) }
            #[inline] fn from_ne(bytes: &[u8]) -> Self {
                let mut b = [0; std::mem::size_of::<$t>()];
                b.copy_from_slice(&bytes[..std::mem::size_of::<$t>()]);
                <$t>::from_ne_bytes(b)
            }
            #[inline] fn put_ne(self, out: &mut Vec<u8>) { out.extend_from_slice(&self.to_ne_bytes()); }
            #[inline] fn write_ne(self, out: &mut [u8]) { out.copy_from_slice(&self.to_ne_bytes()); }
        }
    )*};
}
number! {
    i8 I8 |v: f64| v.round_ties_even() as i8;
    u8 U8 |v: f64| v.round_ties_even() as u8;
    i16 I16 |v: f64| v.round_ties_even() as i16;
    u16 U16 |v: f64| v.round_ties_even() as u16;
    i32 I32 |v: f64| v.round_ties_even() as i32;
    u32 U32 |v: f64| v.round_ties_even() as u32;
    i64 I64 |v: f64| v.round_ties_even() as i64;
    u64 U64 |v: f64| v.round_ties_even() as u64;
    f32 F32 |v: f64| v as f32;
    f64 F64 |v: f64| v;
}

/// Numbers of `dtype` in `bytes` (native order) as doubles.
///
/// Returns `None` when `dtype` is not numeric (an enum counts as its base).
pub fn to_f64s(dtype: &DType, bytes: &[u8]) -> Option<Vec<f64>> {
    let dtype = match dtype {
        DType::Enum { base, .. } => base,
        other => other,
    };
    with_numeric!(dtype, T => {
        Some(bytes.chunks_exact(std::mem::size_of::<T>()).map(|b| T::from_ne(b).as_f64()).collect())
    }, else => None)
}

/// One number of `dtype` as native bytes; `None` when `dtype` is not numeric.
pub fn number_bytes(dtype: &DType, value: f64) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(8);
    with_numeric!(dtype, T => { T::from_f64(value).put_ne(&mut out); Some(out) }, else => None)
}

/// Reverses the bytes of every `width`-byte element.
pub fn swap_bytes(bytes: &mut [u8], width: usize) {
    if width > 1 {
        bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
}
