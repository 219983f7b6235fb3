//! How the values of one variable go into sums and come out as means.

use harmony_model::dtype::number_bytes;
use harmony_model::{AttrShape, Attribute, DType, Packing, Storage, Variable};

/// What sums need to know of a variable. Sums run over stored numbers; the packing is linear, so it is applied to
/// their mean.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What the bits are read as: a numeric type.
    pub dtype: DType,
    pub packing: Packing,
}

impl Stored {
    /// `None` when the variable does not hold numbers.
    pub fn of(var: &Variable) -> Option<Self> {
        let packing = Packing::of(var);
        let dtype = packing.element_type(&var.dtype).clone();
        dtype.is_numeric().then_some(Stored { dtype, packing })
    }

    /// Bytes of an element.
    pub fn size(&self) -> usize {
        self.dtype.size()
    }

    /// Physical value of a mean of stored numbers.
    pub fn physical(&self, stored: f64) -> f64 {
        stored * self.packing.scale + self.packing.offset
    }

    /// Smallest and largest physical value the type can hold; infinite for floating point.
    fn range(&self) -> [f64; 2] {
        let (low, high) = match self.dtype {
            DType::I8 => (f64::from(i8::MIN), f64::from(i8::MAX)),
            DType::U8 => (0.0, f64::from(u8::MAX)),
            DType::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
            DType::U16 => (0.0, f64::from(u16::MAX)),
            DType::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
            DType::U32 => (0.0, f64::from(u32::MAX)),
            DType::I64 => (i64::MIN as f64, i64::MAX as f64),
            DType::U64 => (0.0, u64::MAX as f64),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        };
        let (a, b) = (self.physical(low), self.physical(high));
        [a.min(b), a.max(b)]
    }
}

/// The type, fill value and attributes of a mean.
#[derive(Clone, Debug)]
pub struct Mean {
    pub dtype: DType,
    /// Stands where nothing was valid; NaN when the variable has no fill value.
    pub fill: f64,
}

impl Mean {
    /// Single precision where the values have no more than that (f32, packed 16 bits), else double.
    pub fn of(stored: &Stored) -> Self {
        let single = matches!(stored.dtype, DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::F32);
        let dtype = if single { DType::F32 } else { DType::F64 };
        let declared = stored.packing.fill.first().copied();
        let fill = match declared {
            None => f64::NAN,
            Some(fill) if keeps(fill, stored.range()) => fill,
            // netCDF's default for the new type.
            Some(_) if single => f64::from(9.969_21e36_f32),
            Some(_) => 9.969_209_968_386_869e36,
        };
        Mean { dtype, fill }
    }

    /// Appends a value, NaN as fill.
    pub fn put(&self, value: f64, out: &mut [u8]) {
        let value = if value.is_nan() { self.fill } else { value };
        match self.dtype {
            DType::F32 => out.copy_from_slice(&(value as f32).to_ne_bytes()),
            DType::I32 => out.copy_from_slice(&(value as i32).to_ne_bytes()),
            _ => out.copy_from_slice(&value.to_ne_bytes()),
        }
    }

    /// Gives `var` the type, fill and attributes of a mean of its values; packing and what is said in packed units
    /// goes. Dims and data are the caller's.
    pub fn dress(&self, var: &mut Variable) {
        let packed = var.attr("scale_factor").is_some() || var.attr("add_offset").is_some();
        let in_packed_units = |n: &str| matches!(n, "valid_range" | "valid_min" | "valid_max");
        let gone = |n: &str| {
            matches!(n, "scale_factor" | "add_offset" | "_Unsigned" | "actual_range" | "_ChunkSizes")
                || n.starts_with("flag_")
                || (packed && in_packed_units(n))
        };
        var.attrs.retain(|a| !gone(&a.name));
        for name in ["_FillValue", "missing_value"] {
            if let Some(attr) = var.attrs.iter_mut().find(|a| a.name == name) {
                *attr = self.fill_attribute(name);
            }
        }
        if !self.fill.is_nan() && var.attr("_FillValue").is_none() {
            var.attrs.insert(0, self.fill_attribute("_FillValue"));
        }
        var.fill = number_bytes(&self.dtype, self.fill);
        var.dtype = self.dtype.clone();
        var.big_endian = false;
        var.storage = Storage::Contiguous;
    }

    fn fill_attribute(&self, name: &str) -> Attribute {
        Attribute {
            name: name.into(),
            dtype: self.dtype.clone(),
            shape: AttrShape::Simple(vec![1]),
            bytes: number_bytes(&self.dtype, self.fill).unwrap_or_default(),
            items: Vec::new(),
        }
    }
}

/// Whether a fill value can't be a mean: it lies at or beyond the ends of what can be stored, or it is one of the large
/// numbers by which fills are recognised (-99, -9999, 1e15). A fill of 0 amid values of both signs could.
fn keeps(fill: f64, [low, high]: [f64; 2]) -> bool {
    const RECOGNISED: f64 = 90.0;
    fill.is_nan() || fill <= low || fill >= high || fill.abs() >= RECOGNISED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fill_that_a_mean_could_be_is_replaced() {
        assert!(
            keeps(-9999.0, [-32768.0, 32767.0])
                && keeps(0.0, [0.0, 255.0])
                && keeps(-32767.0, [346.0, 433.0])
        );
        assert!(!keeps(0.0, [-128.0, 127.0]) && !keeps(-1.0, [f64::NEG_INFINITY, f64::INFINITY]));
    }
}
