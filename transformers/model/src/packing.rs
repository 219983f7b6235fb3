//! Packed values: the one place where fill values and `scale_factor`/`add_offset` are read.

use crate::dtype::{DType, Number};
use crate::granule::Variable;
use crate::with_numeric;

/// How stored numbers become physical ones: `physical = stored × scale + offset` (CF 1.10 §8.1), fill first.
#[derive(Clone, Debug, PartialEq)]
pub struct Packing {
    pub scale: f64,
    pub offset: f64,
    /// Stored values that mean "no data": `_FillValue`, `missing_value`, in packed units.
    pub fill: Vec<f64>,
    /// `_Unsigned = "true"`: signed bits hold unsigned numbers (netCDF-3 convention).
    pub unsigned: bool,
}

impl Packing {
    /// Reads the attributes of a variable. A packed `valid_range` is not applied.
    pub fn of(var: &Variable) -> Self {
        let unsigned = var.attr_text("_Unsigned").is_some_and(|t| t.trim().eq_ignore_ascii_case("true"));
        let mut fill = Vec::new();
        for name in ["_FillValue", "missing_value"] {
            fill.extend(var.attr(name).and_then(crate::Attribute::as_f64s).unwrap_or_default());
        }
        if var.attr("_FillValue").is_none()
            && let Some(bytes) = &var.fill
            && let Some(values) = crate::dtype::to_f64s(&var.dtype, bytes)
        {
            // HDF5 files without CF attributes still declare a fill; its default of 0 says nothing.
            fill.extend(values.into_iter().filter(|v| *v != 0.0));
        }
        Packing {
            scale: var.attr_f64("scale_factor").unwrap_or(1.0),
            offset: var.attr_f64("add_offset").unwrap_or(0.0),
            fill,
            unsigned,
        }
    }

    /// Whether stored values are the physical ones.
    pub fn is_identity(&self) -> bool {
        self.scale == 1.0 && self.offset == 0.0 && !self.unsigned
    }

    /// The type that stored bits are read as: the unsigned one where the convention says so, the base of an enum.
    pub fn element_type<'a>(&self, dtype: &'a DType) -> &'a DType {
        match (self.unsigned, dtype) {
            (true, DType::I8) => &DType::U8,
            (true, DType::I16) => &DType::U16,
            (true, DType::I32) => &DType::U32,
            (true, DType::I64) => &DType::U64,
            (_, DType::Enum { base, .. }) => base,
            (_, other) => other,
        }
    }

    /// The fill values in the stored type `T`, each once. NaN is not among them: it is missing anyway.
    pub fn fills<T: Number>(&self) -> Vec<T> {
        // Compare in the stored type: an f32 variable with an f64 fill attribute must still match.
        let mut out: Vec<T> = Vec::new();
        for fill in self.fill.iter().filter(|f| !f.is_nan()) {
            let fill = Self::as_stored::<T>(*fill, self.unsigned);
            if !out.contains(&fill) {
                out.push(fill);
            }
        }
        out
    }

    /// Physical values of stored elements in native order; NaN where fill. `None` for what is not numeric.
    pub fn unpack(&self, dtype: &DType, bytes: &[u8]) -> Option<Vec<f64>> {
        with_numeric!(self.element_type(dtype), T => {
            let fill: Vec<T> = self.fills();
            Some(
                bytes
                    .chunks_exact(std::mem::size_of::<T>())
                    .map(|b| {
                        let v = T::from_ne(b);
                        if fill.contains(&v) { f64::NAN } else { v.as_f64() * self.scale + self.offset }
                    })
                    .collect(),
            )
        }, else => None)
    }

    /// A fill value in the stored type; a negative one of an unsigned-by-convention variable wraps.
    fn as_stored<T: Number>(fill: f64, unsigned: bool) -> T {
        if unsigned && fill < 0.0 {
            let wrap = 2f64.powi(8 * std::mem::size_of::<T>() as i32);
            return T::from_f64(fill + wrap);
        }
        T::from_f64(fill)
    }
}
