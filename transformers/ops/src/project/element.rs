//! From stored elements to numbers and back, fill values included.

use std::ops::{Add, Mul, Sub};

use harmony_model::dtype::{Number, number_bytes};
use harmony_model::{Attribute, DType, Packing, Variable, with_numeric};

/// How the elements of one variable are numbers.
#[derive(Clone, Debug)]
pub struct Element {
    /// What the numbers are stored as: the base of an enum; unsigned where `_Unsigned` says so.
    dtype: DType,
    packing: Packing,
    /// Stored codes that mean "no data".
    codes: Vec<f64>,
    /// The element to write where there is no data.
    fill: Vec<u8>,
    declared: bool,
}

/// The precision that kernels work in.
pub trait Real: Number + Mul<Output = Self> + Add<Output = Self> + Sub<Output = Self> {
    const NAN: Self;
    const ZERO: Self;
    fn is_nan(self) -> bool;
}

impl Real for f32 {
    const NAN: Self = f32::NAN;
    const ZERO: Self = 0.0;
    #[inline]
    fn is_nan(self) -> bool {
        f32::is_nan(self)
    }
}

impl Real for f64 {
    const NAN: Self = f64::NAN;
    const ZERO: Self = 0.0;
    #[inline]
    fn is_nan(self) -> bool {
        f64::is_nan(self)
    }
}

impl Element {
    /// Of a variable. One that declares no fill value gets one that its data are unlikely to use.
    pub fn of(var: &Variable) -> Self {
        let packing = Packing::of(var);
        let dtype = match (&var.dtype, packing.unsigned) {
            (DType::Enum { base, .. }, _) => (**base).clone(),
            (DType::I8, true) => DType::U8,
            (DType::I16, true) => DType::U16,
            (DType::I32, true) => DType::U32,
            (DType::I64, true) => DType::U64,
            (other, _) => other.clone(),
        };
        let wrap =
            |f: f64| if packing.unsigned && f < 0.0 { f + 2f64.powi(8 * dtype.size() as i32) } else { f };
        let codes: Vec<f64> = packing.fill.iter().map(|&f| wrap(f)).collect();
        let declared = codes.first().and_then(|&f| number_bytes(&dtype, f));
        let is_declared = declared.is_some();
        let fill = declared.unwrap_or_else(|| usual_fill(var, &dtype));
        Element { dtype, packing, codes, fill, declared: is_declared }
    }

    /// Bytes that are 1 where there is a source and 0 where there is none.
    pub fn coverage() -> Self {
        let packing = Packing { scale: 1.0, offset: 0.0, fill: vec![0.0], unsigned: false };
        Element { dtype: DType::U8, packing, codes: vec![0.0], fill: vec![0], declared: true }
    }

    /// The same with every stored number counted as data, the code for "no data" too: what some reference programs do.
    pub fn with_fill_as_number(mut self) -> Self {
        self.codes.clear();
        self
    }

    /// The same with another element for "no data", in native order and as long as the present one.
    pub fn with_fill(self, fill: Vec<u8>) -> Self {
        debug_assert_eq!(fill.len(), self.fill.len());
        Element { fill, ..self }
    }

    /// Zeros where there is no data, as GDAL leaves what no source reaches.
    pub fn with_zero_outside(mut self) -> Self {
        self.fill.fill(0);
        self
    }

    /// Bytes of an element.
    pub fn size(&self) -> usize {
        self.fill.len()
    }

    /// The element that stands for "no data", native order.
    pub fn fill(&self) -> &[u8] {
        &self.fill
    }

    /// Whether the variable itself says what stands for "no data".
    pub fn declares_fill(&self) -> bool {
        self.declared
    }

    /// `_FillValue` for a variable of that type which did not declare one; `None` for types that can't hold it.
    pub fn fill_attribute(&self, dtype: &DType) -> Option<Attribute> {
        let is_number = dtype.is_numeric() || matches!(dtype, DType::Enum { .. });
        let fits = is_number && dtype.size() == self.fill.len();
        fits.then(|| Attribute {
            name: "_FillValue".into(),
            dtype: dtype.clone(),
            shape: harmony_model::AttrShape::Simple(vec![1]),
            bytes: self.fill.clone(),
            items: Vec::new(),
        })
    }

    /// Whether arithmetic makes sense.
    pub fn is_numeric(&self) -> bool {
        self.dtype.is_numeric()
    }

    /// Whether stored numbers are floating-point ones, of which NaN is missing without being declared.
    pub fn is_float(&self) -> bool {
        self.dtype.is_float()
    }

    /// Whether single precision holds every stored number exactly.
    pub fn is_small(&self) -> bool {
        matches!(self.dtype, DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::F32)
    }

    /// Numbers of stored elements, NaN where there is no data, and whether there is any such; physical ones when asked.
    /// Elements that are not numeric give NaN. `out` is as long as there are elements.
    pub fn decode<R: Real>(&self, bytes: &[u8], physical: bool, out: &mut [R]) -> bool {
        let (scale, offset) = if physical { (self.packing.scale, self.packing.offset) } else { (1.0, 0.0) };
        let plain = scale == 1.0 && offset == 0.0;
        with_numeric!(&self.dtype, T => {
            let codes: Vec<T> = self.codes.iter().map(|&c| T::from_f64(c)).collect();
            let number = |v: T| {
                let n = if plain { v.as_f64() } else { v.as_f64() * scale + offset };
                R::from_f64(n)
            };
            let stored = bytes.chunks_exact(std::mem::size_of::<T>()).map(T::from_ne);
            let pairs = out.iter_mut().zip(stored);
            match codes[..] {
                [] => pairs.for_each(|(o, v)| *o = number(v)),
                [code] => pairs.for_each(|(o, v)| *o = if v == code { R::NAN } else { number(v) }),
                _ => pairs.for_each(|(o, v)| *o = if codes.contains(&v) { R::NAN } else { number(v) }),
            }
            out.iter().fold(false, |any, v| any | v.is_nan())
        }, else => {
            out.fill(R::NAN);
            true
        })
    }

    /// Stores numbers: rounded half to even, saturated to the type; never as the code for "no data" unless NaN.
    ///
    /// `out` is as long as `values` take.
    pub fn encode<R: Real>(&self, values: &[R], physical: bool, out: &mut [u8]) {
        let (scale, offset) = if physical { (self.packing.scale, self.packing.offset) } else { (1.0, 0.0) };
        let plain = scale == 1.0 && offset == 0.0;
        let is_float = self.dtype.is_float();
        with_numeric!(&self.dtype, T => {
            let codes: Vec<T> = self.codes.iter().map(|&c| T::from_f64(c)).collect();
            let fill = T::from_ne(&self.fill);
            let store = |r: R| {
                if r.is_nan() {
                    return fill;
                }
                let number = r.as_f64();
                let number = if plain { number } else { (number - offset) / scale };
                let stored = T::from_f64(number);
                if codes.contains(&stored) { beside(stored, number, is_float, &codes) } else { stored }
            };
            let pairs = out.chunks_exact_mut(std::mem::size_of::<T>()).zip(values);
            match codes[..] {
                // Without branches but for the rare number that looks like "no data".
                [code] if plain => pairs.for_each(|(o, &r)| {
                    let stored = T::from_f64(r.as_f64());
                    let stored = if r.is_nan() { fill } else { stored };
                    let stored = if stored == code && !r.is_nan() { store(r) } else { stored };
                    stored.write_ne(o);
                }),
                [] if plain => pairs.for_each(|(o, &r)| {
                    let stored = T::from_f64(r.as_f64());
                    if r.is_nan() { fill } else { stored }.write_ne(o);
                }),
                _ => pairs.for_each(|(o, &r)| store(r).write_ne(o)),
            }
        }, else => out.chunks_exact_mut(self.size().max(1)).for_each(|o| o.copy_from_slice(&self.fill)))
    }
}

/// The nearest code to `number` that does not mean "no data".
fn beside<T: Number>(stored: T, number: f64, is_float: bool, codes: &[T]) -> T {
    let base = stored.as_f64();
    let up = number >= base;
    for step in 1..=4 {
        for upwards in [up, !up] {
            let near = match (is_float, upwards) {
                (true, true) => base + base.abs().max(f64::MIN_POSITIVE) * 2e-7 * f64::from(step),
                (true, false) => base - base.abs().max(f64::MIN_POSITIVE) * 2e-7 * f64::from(step),
                (false, true) => base + f64::from(step),
                (false, false) => base - f64::from(step),
            };
            let candidate = T::from_f64(near);
            if candidate != stored && !codes.contains(&candidate) {
                return candidate;
            }
        }
    }
    stored
}

/// What stands for "no data" where a variable does not say: NaN for floats; black for pictures, as everywhere; else a
/// code at the end of the type's range.
fn usual_fill(var: &Variable, dtype: &DType) -> Vec<u8> {
    let picture = var.attr("color_interpretation").is_some();
    let code = match dtype {
        DType::F32 | DType::F64 => f64::NAN,
        DType::U8 if picture => 0.0,
        _ => return crate::mask::default_fill(dtype).unwrap_or_else(|| var.dtype.default_fill()),
    };
    number_bytes(dtype, code).unwrap_or_else(|| var.dtype.default_fill())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use harmony_model::dtype::to_f64s;
    use harmony_model::{Granule, MemoryArray};

    use super::*;

    fn element<T: Number>(attrs: Vec<Attribute>) -> Element {
        let mut granule = Granule::new("g", "test");
        let data = Arc::new(MemoryArray::of::<T>(&[0], &[]));
        let dim = granule.add_dim(Granule::ROOT, "x", 0);
        let id = granule.add_var(Granule::ROOT, "v", T::DTYPE, vec![dim], data);
        granule.vars[id.0].attrs = attrs;
        Element::of(granule.var(id))
    }

    fn encoded(e: &Element, values: &[f64], physical: bool) -> Vec<f64> {
        let mut out = vec![0; values.len() * e.size()];
        e.encode(values, physical, &mut out);
        to_f64s(&e.dtype, &out).unwrap()
    }

    #[test]
    fn packed_numbers_are_rounded_half_to_even_and_never_become_the_fill_code() {
        let e = element::<i16>(vec![
            Attribute::numbers("_FillValue", &[-5i16]),
            Attribute::numbers("scale_factor", &[0.5]),
            Attribute::numbers("add_offset", &[10.0]),
        ]);
        // (11.25 - 10) / 0.5 = 2.5 and 3.5 round to even; 7.4 and 7.6 would both be code -5
        assert_eq!(
            encoded(&e, &[11.25, 11.75, 7.4, 7.6, f64::NAN, 1e9], true),
            [2.0, 4.0, -6.0, -4.0, -5.0, 32767.0]
        );
        let mut values = [0f32; 2];
        let has_fill = e.decode(&[2i16, -5].map(i16::to_ne_bytes).concat(), true, &mut values);
        assert!(has_fill && values[0] == 11.0 && values[1].is_nan());
    }

    #[test]
    fn unsigned_by_convention_wraps_its_fill() {
        let attrs = vec![Attribute::text("_Unsigned", "true"), Attribute::numbers("_FillValue", &[-1i8])];
        let e = element::<i8>(attrs);
        let mut values = [0f32; 2];
        e.decode(&[200, 255], false, &mut values);
        assert!(values[0] == 200.0 && values[1].is_nan());
        assert_eq!(encoded(&e, &[300.0, f64::NAN], false), [254.0, 255.0]);
    }

    #[test]
    fn floats_without_a_fill_value_get_nan() {
        let e = element::<f32>(Vec::new());
        assert!(!e.declares_fill() && encoded(&e, &[f64::NAN], false)[0].is_nan());
    }
}
