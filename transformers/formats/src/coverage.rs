//! Arrays that tell themselves which of their cells have a source ([`harmony_model::ArraySource::coverage`]): formats without a mask
//! get a fill value instead.

use harmony_model::covered::{fill_where, own_fill, widen_where};
use harmony_model::{DType, Granule, Packing, ReadError, Runs, VarId, Window};

/// Elements that are looked at together.
const PIECE: u64 = 1 << 22;
/// Codes at the upper end of a type that may become a fill value: of bytes all of them.
const CODES: u64 = 256;

/// The granule with a `_FillValue` for every variable that tells its coverage: the declared one, NaN, or a code that
/// its data do not use, for which they are read; where they use all of them they become integers of twice the size.
///
/// # Errors
/// What reading says; [`ReadError::Unsupported`] where integers of eight bytes leave no code.
pub fn with_fill_values(mut granule: Granule) -> Result<Granule, ReadError> {
    for id in granule.var_ids().collect::<Vec<_>>() {
        let Some(coverage) = granule.var(id).data.coverage() else { continue };
        let fill = match own_fill(granule.var(id)) {
            Some(fill) => Some(fill),
            None => free_code(&granule, id)?,
        };
        let var = &mut granule.vars[id.0];
        if let Some(fill) = fill {
            fill_where(var, coverage, fill);
        } else if !widen_where(var, coverage) {
            let object = format!("variable '{}'", var.path);
            let detail = "no number is left to mark what is missing; write geotiff, which keeps a mask";
            return Err(ReadError::unsupported(&granule.name, object, detail));
        }
    }
    Ok(granule)
}

/// The bit patterns of an integer type, counted down from its greatest number.
struct Codes {
    /// Bytes of an element.
    size: usize,
    greatest: u64,
    all_bits: u64,
    signed: bool,
}

impl Codes {
    /// `None` for what is no integer.
    fn of(dtype: &DType) -> Option<Self> {
        let signed = matches!(dtype, DType::I8 | DType::I16 | DType::I32 | DType::I64);
        if !signed && !matches!(dtype, DType::U8 | DType::U16 | DType::U32 | DType::U64) {
            return None;
        }
        let size = dtype.size();
        let all_bits = u64::MAX >> (64 - 8 * size);
        Some(Codes { size, greatest: if signed { all_bits >> 1 } else { all_bits }, all_bits, signed })
    }

    /// How far an element is below the greatest number.
    fn index(&self, element: &[u8]) -> u64 {
        let mut wide = [0; 8];
        let at = if cfg!(target_endian = "big") { 8 - self.size } else { 0 };
        wide[at..at + self.size].copy_from_slice(element);
        self.greatest.wrapping_sub(u64::from_ne_bytes(wide)) & self.all_bits
    }

    fn element(&self, index: u64) -> Vec<u8> {
        let bytes = (self.greatest.wrapping_sub(index) & self.all_bits).to_ne_bytes();
        let at = if cfg!(target_endian = "big") { 8 - self.size } else { 0 };
        bytes[at..at + self.size].to_vec()
    }

    /// The first of those codes that is not used: the usual one for missing data, else the greatest.
    fn free(&self, used: &[bool]) -> Option<Vec<u8>> {
        let usual: &[usize] = if self.signed { &[0, 255] } else { &[1, 0] };
        let index = usual.iter().copied().chain(0..used.len()).find(|&i| !used[i])?;
        Some(self.element(index as u64))
    }
}

/// A code that no element of a variable of integers has.
fn free_code(granule: &Granule, id: VarId) -> Result<Option<Vec<u8>>, ReadError> {
    let var = granule.var(id);
    let Some(codes) = Codes::of(Packing::of(var).element_type(&var.dtype)) else { return Ok(None) };
    let shape = granule.shape(id);
    let mut used = [false; CODES as usize];
    let mut bytes = Vec::new();
    for window in pieces(&shape) {
        bytes.resize(usize::try_from(window.count()).unwrap_or(usize::MAX).saturating_mul(codes.size), 0);
        var.data.read(&window, &mut bytes)?;
        let indices = bytes.chunks_exact(codes.size).map(|e| codes.index(e));
        indices.filter(|i| *i < CODES).for_each(|i| used[i as usize] = true);
        if used.iter().all(|u| *u) {
            return Ok(None);
        }
    }
    Ok(codes.free(&used))
}

/// Windows of whole rows that together are all of an array.
fn pieces(shape: &[u64]) -> Vec<Window> {
    let Some((&width, leading)) = shape.split_last() else { return vec![Window(Vec::new())] };
    let Some((&height, leading)) = leading.split_last() else { return vec![Window::all(shape)] };
    let rows = (PIECE / width.max(1)).clamp(1, height.max(1));
    let planes: u64 = leading.iter().product();
    let starts = (0..height).step_by(usize::try_from(rows).unwrap_or(usize::MAX));
    let mut out = Vec::new();
    for plane in 0..planes {
        let mut rest = plane;
        let mut axes: Vec<Runs> = Vec::with_capacity(shape.len());
        for &n in leading.iter().rev() {
            axes.push(Runs::range(rest % n, 1));
            rest /= n;
        }
        axes.reverse();
        for start in starts.clone() {
            let mut axes = axes.clone();
            axes.extend([Runs::range(start, rows.min(height - start)), Runs::all(width)]);
            out.push(Window(axes));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use harmony_model::{Covered, MemoryArray};

    use super::*;

    fn granule<T: harmony_model::dtype::Number>(values: &[T]) -> Granule {
        let mut granule = Granule::new("g", "test");
        let n = values.len() as u64;
        let (y, x) = (granule.add_dim(Granule::ROOT, "y", 1), granule.add_dim(Granule::ROOT, "x", n));
        let covered: Vec<u8> = (0..n).map(|i| u8::from(i > 0)).collect();
        let data = Covered {
            data: Arc::new(MemoryArray::of(&[1, n], values)),
            coverage: Arc::new(MemoryArray::of(&[1, n], &covered)),
        };
        granule.add_var(Granule::ROOT, "v", T::DTYPE, vec![y, x], Arc::new(data));
        granule
    }

    #[test]
    fn the_usual_code_of_each_type_comes_first() {
        let fill = |g: Granule| with_fill_values(g).unwrap().vars[0].attr_f64("_FillValue").unwrap();
        assert_eq!(fill(granule(&[0i8, 1])), 127.0);
        assert_eq!(fill(granule(&[0i8, 127])), -128.0);
        assert_eq!(fill(granule(&[0u16, 65_534])), 65_535.0);
        assert_eq!(fill(granule(&[0i32, i32::MAX])), f64::from(i32::MAX - 255));
        assert!(fill(granule(&[0f32, 1.0])).is_nan());
    }

    #[test]
    fn a_code_that_is_not_used_becomes_the_fill_value() {
        let out = with_fill_values(granule(&[0u8, 254, 255, 7])).unwrap();
        let id = out.var_ids().next().unwrap();
        assert_eq!(out.var(id).attr_f64("_FillValue"), Some(253.0));
        assert_eq!(out.read(id, &Window::all(&[1, 4])).unwrap(), [253, 254, 255, 7]);
    }

    #[test]
    fn bytes_that_use_all_codes_become_wider() {
        let values: Vec<u8> = std::iter::once(0).chain(0..=255).collect();
        let out = with_fill_values(granule(&values)).unwrap();
        let id = out.var_ids().next().unwrap();
        assert_eq!(out.var(id).dtype, DType::I16);
        let bytes = out.read(id, &Window::all(&[1, 257])).unwrap();
        let numbers = harmony_model::dtype::to_f64s(&DType::I16, &bytes).unwrap();
        assert_eq!(numbers[..3], [-32768.0, 0.0, 1.0]);
        assert_eq!(numbers[256], 255.0);
    }
}
