//! Stored values of one granule as the result stores them.

use harmony_model::DType;
use harmony_model::dtype::{Number, number_bytes};
use harmony_model::with_numeric;

use super::content::as_stored;

/// What is done to a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// Only type and fill value.
    None,
    /// `x × factor + offset`, exactly: whole numbers.
    Whole { factor: i64, offset: i64 },
    /// `(x × factor + offset) / divisor`
    Linear { factor: f64, offset: f64, divisor: f64 },
}

/// A conversion of elements.
#[derive(Clone, Debug, PartialEq)]
pub struct Convert {
    from: DType,
    to: DType,
    change: Change,
    /// Stored numbers of the input that mean "no data".
    fills: Vec<f64>,
    fill: f64,
}

/// Elements converted in one go: their intermediate values stay in the first-level cache.
const STEP: usize = 1024;

impl Convert {
    /// Both types hold numbers, or texts of fixed length. `fills` of the input become `fill`.
    pub fn new(from: &DType, to: &DType, change: Change, fills: &[f64], fill: Option<f64>) -> Self {
        let from = base(from).clone();
        let (fills, fill) = match fill.and_then(|f| as_stored(to, f)) {
            Some(fill) => (fills.iter().filter_map(|f| as_stored(&from, *f)).collect(), fill),
            None => (Vec::new(), 0.0),
        };
        Convert { from, to: base(to).clone(), change, fills, fill }
    }

    /// Bytes of an input element.
    pub fn input_size(&self) -> usize {
        self.from.size()
    }

    /// Converts elements in native byte order; `out` has room for as many.
    pub fn apply(&self, input: &[u8], out: &mut [u8]) {
        if !self.from.is_numeric() {
            return self.pad(input, out);
        }
        let whole = self.from.is_integer() && self.to.is_integer();
        let (a, b) = (STEP * self.from.size(), STEP * self.to.size());
        for (input, out) in input.chunks(a).zip(out.chunks_mut(b)) {
            match self.change {
                Change::None if whole => self.whole(input, out, 1, 0),
                Change::Whole { factor, offset } if whole => self.whole(input, out, factor, offset),
                _ => self.linear(input, out),
            }
        }
    }

    /// Texts of fixed length get longer.
    fn pad(&self, input: &[u8], out: &mut [u8]) {
        let (a, b) = (self.from.size().max(1), self.to.size().max(1));
        for (input, out) in input.chunks_exact(a).zip(out.chunks_exact_mut(b)) {
            let n = a.min(b);
            out[..n].copy_from_slice(&input[..n]);
            out[n..].fill(0);
        }
    }

    fn whole(&self, input: &[u8], out: &mut [u8], factor: i64, offset: i64) {
        let mut values = [0i64; STEP];
        let n = whole_from(&self.from, input, &mut values);
        let fill = self.fill as i64;
        // Fills are few: one pass for each value over a short list.
        if self.fills.is_empty() {
            values[..n].iter_mut().for_each(|v| *v = v.wrapping_mul(factor).wrapping_add(offset));
        } else {
            for v in &mut values[..n] {
                let is_fill = self.fills.contains(&(*v as f64));
                *v = if is_fill { fill } else { v.wrapping_mul(factor).wrapping_add(offset) };
            }
        }
        store_whole(&self.to, &values[..n], out);
    }

    fn linear(&self, input: &[u8], out: &mut [u8]) {
        let mut values = [0f64; STEP];
        let n = real_from(&self.from, input, &mut values);
        let (factor, offset, divisor) = match self.change {
            Change::None => (1.0, 0.0, 1.0),
            Change::Whole { factor, offset } => (factor as f64, offset as f64, 1.0),
            Change::Linear { factor, offset, divisor } => (factor, offset, divisor),
        };
        for v in &mut values[..n] {
            let is_fill = self.fills.contains(v);
            *v = if is_fill { self.fill } else { (*v * factor + offset) / divisor };
        }
        store_real(&self.to, &values[..n], out);
    }
}

/// The type of the numbers of an enumeration.
fn base(dtype: &DType) -> &DType {
    match dtype {
        DType::Enum { base, .. } => base,
        other => other,
    }
}

fn real_from(dtype: &DType, bytes: &[u8], values: &mut [f64]) -> usize {
    with_numeric!(dtype, T => {
        let elements = bytes.chunks_exact(std::mem::size_of::<T>());
        let n = elements.len();
        values.iter_mut().zip(elements).for_each(|(v, b)| *v = T::from_ne(b).as_f64());
        n
    }, else => 0)
}

macro_rules! whole {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            DType::I8 => {
                type $T = i8;
                $body
            }
            DType::U8 => {
                type $T = u8;
                $body
            }
            DType::I16 => {
                type $T = i16;
                $body
            }
            DType::U16 => {
                type $T = u16;
                $body
            }
            DType::I32 => {
                type $T = i32;
                $body
            }
            DType::U32 => {
                type $T = u32;
                $body
            }
            DType::I64 => {
                type $T = i64;
                $body
            }
            DType::U64 => {
                type $T = u64;
                $body
            }
            _ => Default::default(),
        }
    };
}

/// Bits of unsigned 64-bit numbers come through: they are only moved, never computed with.
#[allow(clippy::unnecessary_cast)] // of one of the types the macro stands for
fn whole_from(dtype: &DType, bytes: &[u8], values: &mut [i64]) -> usize {
    whole!(dtype, T => {
        let elements = bytes.chunks_exact(std::mem::size_of::<T>());
        let n = elements.len();
        values.iter_mut().zip(elements).for_each(|(v, b)| *v = T::from_ne(b) as i64);
        n
    })
}

#[allow(clippy::unnecessary_cast)] // as above
fn store_whole(dtype: &DType, values: &[i64], out: &mut [u8]) {
    whole!(dtype, T => {
        let elements = out.chunks_exact_mut(std::mem::size_of::<T>());
        // The type was chosen so that all values fit.
        elements.zip(values).for_each(|(o, v)| o.copy_from_slice(&(*v as T).to_ne_bytes()));
    });
}

fn store_real(dtype: &DType, values: &[f64], out: &mut [u8]) {
    with_numeric!(dtype, T => {
        let elements = out.chunks_exact_mut(std::mem::size_of::<T>());
        elements.zip(values).for_each(|(o, v)| o.copy_from_slice(&T::from_f64(*v).to_ne_bytes()));
    }, else => ());
}

/// The smallest type that holds all numbers of both, and whether large ones may be rounded all the same.
pub fn common(a: &DType, b: &DType) -> Option<(DType, bool)> {
    let (a, b) = (base(a), base(b));
    if a == b {
        return Some((a.clone(), false));
    }
    if !a.is_numeric() || !b.is_numeric() {
        return None;
    }
    let signed = |d: &DType| matches!(d, DType::I8 | DType::I16 | DType::I32 | DType::I64);
    let wider = |size: usize| match size {
        1 => Some(DType::I16),
        2 => Some(DType::I32),
        4 => Some(DType::I64),
        _ => None,
    };
    if a.is_float() || b.is_float() {
        let whole = if a.is_float() { b } else { a };
        let float = if a.is_float() { a } else { b };
        let small = whole.is_float() || whole.size() <= 2;
        let both_single = *float == DType::F32 && small && *whole != DType::F64;
        let dtype = if both_single { DType::F32 } else { DType::F64 };
        return Some((dtype, whole.is_integer() && whole.size() == 8));
    }
    if signed(a) == signed(b) {
        return Some((if a.size() >= b.size() { a } else { b }.clone(), false));
    }
    let (s, u) = if signed(a) { (a, b) } else { (b, a) };
    if s.size() > u.size() {
        return Some((s.clone(), false));
    }
    Some(wider(u.size()).map_or((DType::F64, true), |d| (d, false)))
}

/// Numbers that an integer type can hold.
pub fn limits(dtype: &DType) -> (f64, f64) {
    with_numeric!(dtype, T => (T::from_f64(f64::NEG_INFINITY).as_f64(), T::from_f64(f64::INFINITY).as_f64()),
        else => (0.0, 0.0))
}

/// An attribute's numbers in another type, each multiplied and shifted.
pub fn retype(
    attr: &harmony_model::Attribute,
    to: &DType,
    scale: f64,
    offset: f64,
) -> Option<harmony_model::Attribute> {
    let mut bytes = Vec::new();
    for value in attr.as_f64s()? {
        bytes.extend(number_bytes(to, value * scale + offset)?);
    }
    Some(harmony_model::Attribute { dtype: to.clone(), bytes, ..attr.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use harmony_model::dtype::to_f64s;

    fn run<T: Number>(convert: &Convert, values: &[T], to: &DType) -> Vec<f64> {
        let mut input = Vec::new();
        values.iter().for_each(|v| v.put_ne(&mut input));
        let mut out = vec![0; values.len() * to.size()];
        convert.apply(&input, &mut out);
        to_f64s(to, &out).unwrap()
    }

    #[test]
    fn integers_are_widened_and_fills_replaced() {
        let c = Convert::new(&DType::I16, &DType::I32, Change::None, &[-1.0], Some(-9.0));
        assert_eq!(run(&c, &[5i16, -1, 7], &DType::I32), [5.0, -9.0, 7.0]);
    }

    #[test]
    fn whole_steps_are_exact_in_64_bits() {
        let c = Convert::new(&DType::I64, &DType::I64, Change::Whole { factor: 1, offset: 1 }, &[], None);
        let mut out = [0; 8];
        c.apply(&((1i64 << 60) + 1).to_ne_bytes(), &mut out);
        assert_eq!(i64::from_ne_bytes(out), (1 << 60) + 2);
    }

    #[test]
    fn packed_numbers_are_unpacked() {
        let change = Change::Linear { factor: 0.5, offset: 10.0, divisor: 1.0 };
        let c = Convert::new(&DType::U8, &DType::F32, change, &[255.0], Some(-1.0));
        assert_eq!(run(&c, &vec![4u8; 3000], &DType::F32), vec![12.0; 3000]);
        assert_eq!(run(&c, &[255u8], &DType::F32), [-1.0]);
    }

    #[test]
    fn the_common_type_holds_both() {
        use DType::*;
        for (a, b, c) in [
            (I16, I32, I32),
            (U8, I8, I16),
            (U16, I16, I32),
            (U32, I64, I64),
            (I16, F32, F32),
            (I32, F32, F64),
            (F32, F64, F64),
        ] {
            assert_eq!(common(&a, &b), Some((c.clone(), false)));
            assert_eq!(common(&b, &a), Some((c, false)));
        }
        assert_eq!(common(&U64, &I64), Some((F64, true)));
        assert_eq!(common(&I64, &F64), Some((F64, true)));
        assert_eq!(common(&String, &I64), None);
    }
}
