//! Arrays that tell themselves which of their cells have a source ([`ArraySource::coverage`]): formats without a mask
//! get a fill value instead.

use std::sync::Arc;

use harmony_model::{
    ArraySource, AttrShape, Attribute, DType, Granule, ReadError, Runs, VarId, Variable, Window,
};

/// Elements that are looked at together.
const PIECE: u64 = 1 << 22;
/// The fill value of bytes that became integers of two bytes.
const WIDE_FILL: i16 = i16::MIN;
/// Attributes whose type is that of the data.
const OF_THE_TYPE: [&str; 5] = ["flag_values", "flag_masks", "valid_min", "valid_max", "valid_range"];

/// The granule with a `_FillValue` for every variable that tells its coverage: a code that its data do not use, for
/// which they are read; where they use all of them they become integers of two bytes.
///
/// # Errors
/// What reading says.
pub fn with_fill_values(mut granule: Granule) -> Result<Granule, ReadError> {
    for id in granule.var_ids().collect::<Vec<_>>() {
        let Some(coverage) = granule.var(id).data.coverage() else { continue };
        let free = free_code(&granule, id)?;
        let var = &mut granule.vars[id.0];
        let signed = var.dtype == DType::I8;
        let fill = match free {
            Some(code) => vec![code],
            None => WIDE_FILL.to_ne_bytes().to_vec(),
        };
        if free.is_none() {
            widen(var);
        }
        var.data = Arc::new(Filled { data: var.data.clone(), coverage, fill: fill.clone(), signed });
        var.attrs.retain(|a| a.name != "_FillValue");
        var.attrs.insert(0, number(&var.dtype, "_FillValue", fill.clone()));
        var.fill = Some(fill);
    }
    Ok(granule)
}

fn number(dtype: &DType, name: &str, bytes: Vec<u8>) -> Attribute {
    let count = (bytes.len() / dtype.size().max(1)) as u64;
    let shape = AttrShape::Simple(vec![count]);
    Attribute { name: name.into(), dtype: dtype.clone(), shape, bytes, items: Vec::new() }
}

/// Two bytes for an element, attributes included.
fn widen(var: &mut Variable) {
    let signed = var.dtype == DType::I8;
    for attr in var.attrs.iter_mut().filter(|a| OF_THE_TYPE.contains(&a.name.as_str())) {
        if attr.dtype == var.dtype {
            attr.bytes = attr.bytes.iter().flat_map(|&b| wide(b, signed).to_ne_bytes()).collect();
            attr.dtype = DType::I16;
        }
    }
    var.attrs.retain(|a| a.name != "_Unsigned");
    var.dtype = DType::I16;
}

fn wide(byte: u8, signed: bool) -> i16 {
    if signed { i16::from(byte.cast_signed()) } else { i16::from(byte) }
}

/// A code that no element of a variable of bytes has: the usual one for missing data, else the greatest that is left.
fn free_code(granule: &Granule, id: VarId) -> Result<Option<u8>, ReadError> {
    let shape = granule.shape(id);
    let mut used = [false; 256];
    let mut bytes = Vec::new();
    for window in pieces(&shape) {
        bytes.resize(usize::try_from(window.count()).unwrap_or(usize::MAX), 0);
        granule.var(id).data.read(&window, &mut bytes)?;
        bytes.iter().for_each(|&b| used[usize::from(b)] = true);
        if used.iter().all(|u| *u) {
            return Ok(None);
        }
    }
    // Of signed bytes those from 128 on are the negative ones.
    let usual: [u8; 2] = if granule.var(id).dtype == DType::I8 { [127, 128] } else { [254, 255] };
    Ok(usual.into_iter().chain((0..=255).rev()).find(|c| !used[usize::from(*c)]))
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

/// Bytes with a fill value where they have no source, of one or two bytes as the fill value is.
struct Filled {
    data: Arc<dyn ArraySource>,
    coverage: Arc<dyn ArraySource>,
    fill: Vec<u8>,
    signed: bool,
}

impl ArraySource for Filled {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let count = out.len() / self.fill.len();
        let (mut data, mut covered) = (vec![0; count], vec![0; count]);
        self.data.read(window, &mut data)?;
        self.coverage.read(window, &mut covered)?;
        for ((to, &byte), &covered) in out.chunks_exact_mut(self.fill.len()).zip(&data).zip(&covered) {
            match (covered, to) {
                (0, to) => to.copy_from_slice(&self.fill),
                (_, [one]) => *one = byte,
                (_, to) => to.copy_from_slice(&wide(byte, self.signed).to_ne_bytes()),
            }
        }
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.data.cost(window)
    }
}

#[cfg(test)]
mod tests {
    use harmony_model::{Covered, MemoryArray};

    use super::*;

    fn granule(values: &[u8]) -> Granule {
        let mut granule = Granule::new("g", "test");
        let n = values.len() as u64;
        let (y, x) = (granule.add_dim(Granule::ROOT, "y", 1), granule.add_dim(Granule::ROOT, "x", n));
        let covered: Vec<u8> = (0..n).map(|i| u8::from(i > 0)).collect();
        let data = Covered {
            data: Arc::new(MemoryArray::of(&[1, n], values)),
            coverage: Arc::new(MemoryArray::of(&[1, n], &covered)),
        };
        granule.add_var(Granule::ROOT, "v", DType::U8, vec![y, x], Arc::new(data));
        granule
    }

    #[test]
    fn a_code_that_is_not_used_becomes_the_fill_value() {
        let out = with_fill_values(granule(&[0, 254, 255, 7])).unwrap();
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
