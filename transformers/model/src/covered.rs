//! Data that tell by a mask, not by a fill value, which of their elements mean anything ([`ArraySource::coverage`]),
//! as data with a fill value.

use std::sync::Arc;

use crate::array::{ArraySource, Window};
use crate::attribute::{AttrShape, Attribute};
use crate::dtype::DType;
use crate::error::ReadError;
use crate::granule::Variable;
use crate::packing::Packing;

/// Attributes whose type is that of the data.
const OF_THE_TYPE: [&str; 6] =
    ["flag_values", "flag_masks", "valid_min", "valid_max", "valid_range", "missing_value"];

/// Data with a fill value where they have no source.
pub struct FilledWhere {
    pub data: Arc<dyn ArraySource>,
    pub coverage: Arc<dyn ArraySource>,
    /// One element, native order.
    pub fill: Vec<u8>,
}

impl ArraySource for FilledWhere {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        self.data.read(window, out)?;
        let mut covered = vec![0; out.len() / self.fill.len().max(1)];
        self.coverage.read(window, &mut covered)?;
        let elements = out.chunks_exact_mut(self.fill.len().max(1)).zip(&covered);
        elements.filter(|(_, c)| **c == 0).for_each(|(e, _)| e.copy_from_slice(&self.fill));
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.data.cost(window)
    }
}

/// Integers of twice their size, whose least number is the fill value of what has no source.
struct Wider {
    data: Arc<dyn ArraySource>,
    coverage: Arc<dyn ArraySource>,
    /// Bytes of a stored element.
    size: usize,
    signed: bool,
}

impl ArraySource for Wider {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let count = out.len() / (2 * self.size);
        let (mut data, mut covered) = (vec![0; count * self.size], vec![0; count]);
        self.data.read(window, &mut data)?;
        self.coverage.read(window, &mut covered)?;
        let least = i64::MIN >> (64 - 16 * self.size);
        let elements = out.chunks_exact_mut(2 * self.size).zip(data.chunks_exact(self.size));
        for ((to, element), &covered) in elements.zip(&covered) {
            put(if covered == 0 { least } else { integer(element, self.signed) }, to);
        }
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.data.cost(window)
    }
}

/// An integer of up to four bytes, native order.
fn integer(element: &[u8], signed: bool) -> i64 {
    let (size, mut wide) = (element.len(), [0; 8]);
    let at = if cfg!(target_endian = "big") { 8 - size } else { 0 };
    wide[at..at + size].copy_from_slice(element);
    let (number, shift) = (i64::from_ne_bytes(wide), 64 - 8 * size);
    if signed { number << shift >> shift } else { number }
}

/// Writes the low bytes of an integer, native order.
fn put(number: i64, to: &mut [u8]) {
    let bytes = number.to_ne_bytes();
    let at = if cfg!(target_endian = "big") { 8 - to.len() } else { 0 };
    to.copy_from_slice(&bytes[at..at + to.len()]);
}

/// The signed integers that hold all of a type and one more.
fn wider(dtype: &DType) -> Option<DType> {
    Some(match dtype {
        DType::I8 | DType::U8 => DType::I16,
        DType::I16 | DType::U16 => DType::I32,
        DType::I32 | DType::U32 => DType::I64,
        _ => return None,
    })
}

/// Declares `fill` and lays it where the variable has no source; it must not be one of its values.
pub fn fill_where(var: &mut Variable, coverage: Arc<dyn ArraySource>, fill: Vec<u8>) {
    var.attrs.retain(|a| a.name != "_FillValue");
    var.attrs.insert(0, number(&var.dtype, "_FillValue", fill.clone()));
    var.fill = Some(fill.clone());
    var.data = Arc::new(FilledWhere { data: var.data.clone(), coverage, fill });
}

/// The same with a fill value that no value can be: the declared one, NaN for floating point, else one that only the
/// wider type has, which the variable gets. Whether there is such a type; if not, the variable stays.
pub fn widen_where(var: &mut Variable, coverage: Arc<dyn ArraySource>) -> bool {
    if let Some(fill) = own_fill(var) {
        fill_where(var, coverage, fill);
        return true;
    }
    let Some(dtype) = wider(&var.dtype) else { return false };
    let unsigned = Packing::of(var).unsigned;
    let signed = matches!(var.dtype, DType::I8 | DType::I16 | DType::I32) && !unsigned;
    let size = var.dtype.size();
    for attr in var.attrs.iter_mut().filter(|a| OF_THE_TYPE.contains(&a.name.as_str())) {
        if attr.dtype == var.dtype {
            let mut bytes = vec![0; 2 * attr.bytes.len()];
            let elements = bytes.chunks_exact_mut(2 * size).zip(attr.bytes.chunks_exact(size));
            elements.for_each(|(to, e)| put(integer(e, signed), to));
            attr.bytes = bytes;
            attr.dtype = dtype.clone();
        }
    }
    var.attrs.retain(|a| a.name != "_Unsigned" && a.name != "_FillValue");
    let mut fill = vec![0; 2 * size];
    put(i64::MIN >> (64 - 16 * size), &mut fill);
    var.attrs.insert(0, number(&dtype, "_FillValue", fill.clone()));
    var.fill = Some(fill);
    var.dtype = dtype;
    var.data = Arc::new(Wider { data: var.data.clone(), coverage, size, signed });
    true
}

/// The fill value that a variable declares in its own type, else NaN where it can be.
pub fn own_fill(var: &Variable) -> Option<Vec<u8>> {
    let declared =
        var.attr("_FillValue").filter(|a| a.dtype == var.dtype && a.bytes.len() == var.dtype.size());
    match (declared, &var.dtype) {
        (Some(attr), _) => Some(attr.bytes.clone()),
        (None, DType::F32) => Some(f32::NAN.to_ne_bytes().to_vec()),
        (None, DType::F64) => Some(f64::NAN.to_ne_bytes().to_vec()),
        _ => None,
    }
}

fn number(dtype: &DType, name: &str, bytes: Vec<u8>) -> Attribute {
    let shape = AttrShape::Simple(vec![(bytes.len() / dtype.size().max(1)) as u64]);
    Attribute { name: name.into(), dtype: dtype.clone(), shape, bytes, items: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::{Number, to_f64s};
    use crate::{Covered, Granule, MemoryArray, VarId};

    /// Three elements of which the first has no source, widened or filled.
    fn widened<T: Number>(values: &[T; 3], attrs: Vec<Attribute>) -> (Granule, Vec<f64>) {
        let mut g = Granule::new("g", "test");
        let x = g.add_dim(Granule::ROOT, "x", 3);
        let coverage: Arc<dyn ArraySource> = Arc::new(MemoryArray::of(&[3], &[0u8, 1, 1]));
        let data = Covered { data: Arc::new(MemoryArray::of(&[3], values)), coverage: coverage.clone() };
        g.add_var(Granule::ROOT, "v", T::DTYPE, vec![x], Arc::new(data));
        g.vars[0].attrs = attrs;
        assert!(g.read_all_physical(VarId(0)).unwrap()[0].is_nan());
        assert!(widen_where(&mut g.vars[0], coverage));
        let stored = g.read(VarId(0), &Window::all(&[3])).unwrap();
        let numbers = to_f64s(&g.vars[0].dtype, &stored).unwrap();
        (g, numbers)
    }

    #[test]
    fn integers_get_room_for_a_fill_value() {
        let (g, numbers) = widened(&[7u8, 0, 255], vec![Attribute::numbers("flag_values", &[0u8, 255])]);
        assert_eq!((g.vars[0].dtype.clone(), numbers), (DType::I16, vec![-32768.0, 0.0, 255.0]));
        assert_eq!(g.vars[0].attr_f64("_FillValue"), Some(-32768.0));
        assert_eq!(g.vars[0].attr("flag_values").unwrap().dtype, DType::I16);
        let (_, numbers) = widened(&[7i16, -32768, 32767], Vec::new());
        assert_eq!(numbers, [-2147483648.0, -32768.0, 32767.0]);
        let (g, numbers) = widened(&[7i8, -1, 1], vec![Attribute::text("_Unsigned", "true")]);
        assert!(g.vars[0].attr("_Unsigned").is_none() && numbers[1..] == [255.0, 1.0]);
    }

    #[test]
    fn what_has_a_fill_value_keeps_it() {
        let (g, numbers) = widened(&[7u8, 0, 255], vec![Attribute::numbers("_FillValue", &[9u8])]);
        assert_eq!((g.vars[0].dtype.clone(), numbers), (DType::U8, vec![9.0, 0.0, 255.0]));
        let (g, numbers) = widened(&[7f32, 0.0, 1.0], Vec::new());
        assert!(numbers[0].is_nan() && g.vars[0].attr_f64("_FillValue").unwrap().is_nan());
    }
}
