//! Elements of the model as the six types of classic netCDF, big-endian.

use harmony_model::dtype::Number;
use harmony_model::{Attribute, DType};

/// NC_FILL_DOUBLE.
const FILL_F64: f64 = 9.969_209_968_386_869e36;

/// How elements become stored ones.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Conversion {
    /// The same bits in the other byte order.
    Same {
        width: usize,
    },
    U16ToI32,
    U32ToF64,
    /// Every value must be exact; `fill`, which may not be, becomes the second value.
    I64ToF64 {
        fill: Option<(i64, f64)>,
    },
    U64ToF64 {
        fill: Option<(u64, f64)>,
    },
    /// Texts of any length, padded with zeros.
    Texts {
        width: usize,
    },
}

/// The type numbers of the format.
pub(super) fn type_code(dtype: &DType) -> Option<u32> {
    Some(match dtype {
        DType::I8 => 1,
        DType::Char => 2,
        DType::I16 => 3,
        DType::I32 => 4,
        DType::F32 => 5,
        DType::F64 => 6,
        DType::U8 => 7,
        DType::U16 => 8,
        DType::U32 => 9,
        DType::I64 => 10,
        DType::U64 => 11,
        _ => return None,
    })
}

impl Conversion {
    /// Stored type and conversion of a numeric type. `wide`: CDF-5, which has all of them.
    pub(super) fn of(dtype: &DType, fill: Option<&Attribute>, wide: bool) -> Option<(DType, Self)> {
        let same = |stored: DType| {
            let width = stored.size();
            Some((stored, Conversion::Same { width }))
        };
        match dtype {
            DType::I8 | DType::I16 | DType::I32 | DType::F32 | DType::F64 => same(dtype.clone()),
            d if wide && d.is_numeric() => same(d.clone()),
            DType::U8 => same(DType::I8),
            DType::U16 => Some((DType::I32, Conversion::U16ToI32)),
            DType::U32 => Some((DType::F64, Conversion::U32ToF64)),
            DType::I64 => {
                let fill =
                    fill.and_then(first::<i64>).map(|v| (v, if exact_i64(v) { v as f64 } else { FILL_F64 }));
                Some((DType::F64, Conversion::I64ToF64 { fill }))
            }
            DType::U64 => {
                let fill =
                    fill.and_then(first::<u64>).map(|v| (v, if exact_u64(v) { v as f64 } else { FILL_F64 }));
                Some((DType::F64, Conversion::U64ToF64 { fill }))
            }
            _ => None,
        }
    }

    /// Appends stored elements. `Err`: the number that can't be stored.
    pub(super) fn apply(&self, input: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        match self {
            Conversion::Same { width } => same(*width, input, out),
            Conversion::U16ToI32 => each(input, out, |v: u16| i32::from(v).to_be_bytes()),
            Conversion::U32ToF64 => each(input, out, |v: u32| f64::from(v).to_be_bytes()),
            Conversion::I64ToF64 { fill } => {
                let kept = |v: i64| exact_i64(v) || fill.is_some_and(|(f, _)| f == v);
                check(input, kept)?;
                each(input, out, |v: i64| match fill {
                    Some((f, to)) if *f == v => to.to_be_bytes(),
                    _ => (v as f64).to_be_bytes(),
                });
            }
            Conversion::U64ToF64 { fill } => {
                let kept = |v: u64| exact_u64(v) || fill.is_some_and(|(f, _)| f == v);
                check(input, kept)?;
                each(input, out, |v: u64| match fill {
                    Some((f, to)) if *f == v => to.to_be_bytes(),
                    _ => (v as f64).to_be_bytes(),
                });
            }
            Conversion::Texts { .. } => out.extend_from_slice(input),
        }
        Ok(())
    }
}

fn exact_i64(v: i64) -> bool {
    (v as f64) as i128 == i128::from(v)
}

fn exact_u64(v: u64) -> bool {
    (v as f64) as u128 == u128::from(v)
}

/// The first number of an attribute of exactly that type.
fn first<T: Number>(attr: &Attribute) -> Option<T> {
    (attr.dtype == T::DTYPE && attr.bytes.len() >= size_of::<T>()).then(|| T::from_ne(&attr.bytes))
}

fn check<T: Number + std::fmt::Display>(input: &[u8], fits: impl Fn(T) -> bool) -> Result<(), String> {
    let mut numbers = input.chunks_exact(size_of::<T>()).map(T::from_ne);
    numbers.find(|&v| !fits(v)).map_or(Ok(()), |v| Err(v.to_string()))
}

fn each<T: Number, const N: usize>(input: &[u8], out: &mut Vec<u8>, f: impl Fn(T) -> [u8; N]) {
    let start = out.len();
    out.resize(start + input.len() / size_of::<T>() * N, 0);
    let pairs = input.chunks_exact(size_of::<T>()).zip(out[start..].chunks_exact_mut(N));
    pairs.for_each(|(from, to)| to.copy_from_slice(&f(T::from_ne(from))));
}

/// Native to big-endian order.
fn same(width: usize, input: &[u8], out: &mut Vec<u8>) {
    match width {
        _ if cfg!(target_endian = "big") => out.extend_from_slice(input),
        2 => each(input, out, |v: u16| v.to_be_bytes()),
        4 => each(input, out, |v: u32| v.to_be_bytes()),
        8 => each(input, out, |v: u64| v.to_be_bytes()),
        _ => out.extend_from_slice(input),
    }
}

/// A value of an attribute: type number, number of elements, bytes.
pub(super) struct Stored {
    pub code: u32,
    pub count: u64,
    pub bytes: Vec<u8>,
}

/// An attribute of a variable of stored type `variable` (after `conversion`), or of a group. `None` when classic netCDF
/// can't say it.
///
/// Attributes that compare with values (`_FillValue`, `valid_range`, `flag_values`, …) follow the variable's type.
pub(super) fn attribute(
    attr: &Attribute,
    variable: Option<(&DType, &Conversion)>,
    wide: bool,
) -> Option<Stored> {
    if attr.dtype.is_text() {
        let joint = if attr.name == "flag_meanings" { " " } else { "\n" };
        let bytes = attr.as_texts()?.join(joint).into_bytes();
        return Some(Stored { code: 2, count: bytes.len() as u64, bytes });
    }
    let base = match &attr.dtype {
        DType::Enum { base, .. } => base,
        other => other,
    };
    let size = base.size().max(1);
    if !base.is_numeric() {
        return None;
    }
    let count = (attr.bytes.len() / size) as u64;
    let follows = matches!(
        attr.name.as_str(),
        "_FillValue"
            | "missing_value"
            | "valid_min"
            | "valid_max"
            | "valid_range"
            | "flag_values"
            | "flag_masks"
    );
    if let (true, Some((stored, conversion))) = (follows, variable)
        && let Some(bytes) = following(attr, base, stored, conversion)
    {
        return Some(Stored { code: type_code(stored)?, count, bytes });
    }
    let mut bytes = Vec::new();
    let (code, dtype) = match base {
        DType::U8 if !wide => (3, DType::I16),
        DType::U16 if !wide => (4, DType::I32),
        DType::U32 | DType::I64 | DType::U64 if !wide => {
            let fits = attr.as_f64s()?.iter().all(|v| v.abs() <= f64::from(i32::MAX));
            if fits { (4, DType::I32) } else { (6, DType::F64) }
        }
        other => (type_code(other)?, other.clone()),
    };
    if dtype == *base {
        same(size, &attr.bytes, &mut bytes);
    } else {
        let mut native = Vec::new();
        for v in attr.as_f64s()? {
            native.extend(harmony_model::dtype::number_bytes(&dtype, v)?);
        }
        same(dtype.size(), &native, &mut bytes);
    }
    Some(Stored { code, count, bytes })
}

/// The bytes of a comparing attribute in the stored type; `None` when it has values that type hasn't.
fn following(attr: &Attribute, base: &DType, stored: &DType, conversion: &Conversion) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    // The same steps as the values themselves, where the attribute has the variable's type.
    let same_type = match conversion {
        Conversion::Same { width } => *base == *stored || (*width == 1 && base.size() == 1),
        Conversion::U16ToI32 => *base == DType::U16,
        Conversion::U32ToF64 => *base == DType::U32,
        Conversion::I64ToF64 { .. } => *base == DType::I64,
        Conversion::U64ToF64 { .. } => *base == DType::U64,
        Conversion::Texts { .. } => false,
    };
    if same_type {
        return conversion.apply(&attr.bytes, &mut out).ok().map(|()| out);
    }
    let mut native = Vec::new();
    for v in attr.as_f64s()? {
        let bytes = harmony_model::dtype::number_bytes(stored, v)?;
        let back = harmony_model::dtype::to_f64s(stored, &bytes)?[0];
        if back != v && !stored.is_float() {
            return None;
        }
        native.extend(bytes);
    }
    same(stored.size(), &native, &mut out);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ne<T: Number>(values: &[T]) -> Vec<u8> {
        let mut out = Vec::new();
        values.iter().for_each(|v| v.put_ne(&mut out));
        out
    }

    #[test]
    fn integers_become_doubles_only_when_they_stay_the_same() {
        let fill = Attribute::numbers("_FillValue", &[i64::MAX]);
        let (stored, conversion) = Conversion::of(&DType::I64, Some(&fill), false).unwrap();
        assert_eq!(stored, DType::F64);
        let mut out = Vec::new();
        conversion.apply(&ne(&[5i64, i64::MAX]), &mut out).unwrap();
        assert_eq!(out, [5f64.to_be_bytes(), FILL_F64.to_be_bytes()].concat());
        assert_eq!(conversion.apply(&ne(&[(1i64 << 53) + 1]), &mut out), Err("9007199254740993".into()));
        let stored = attribute(&fill, Some((&stored, &conversion)), false).unwrap();
        assert_eq!((stored.code, stored.bytes), (6, FILL_F64.to_be_bytes().to_vec()));
    }

    #[test]
    fn attributes_follow_their_variable() {
        let (stored, conversion) = Conversion::of(&DType::U8, None, false).unwrap();
        let flags = Attribute::numbers("flag_values", &[1u8, 255]);
        let out = attribute(&flags, Some((&stored, &conversion)), false).unwrap();
        assert_eq!((out.code, out.count, out.bytes), (1, 2, vec![1, 255]));
        let out = attribute(&Attribute::numbers("n", &[7i64]), None, false).unwrap();
        assert_eq!((out.code, out.bytes), (4, vec![0, 0, 0, 7]));
        let out = attribute(&Attribute::numbers("n", &[7i64]), None, true).unwrap();
        assert_eq!((out.code, out.bytes.len()), (10, 8));
        let out = attribute(&Attribute::strings("flag_meanings", &["a", "b"]), None, false).unwrap();
        assert_eq!(out.bytes, b"a b");
    }
}
