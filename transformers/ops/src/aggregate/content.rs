//! Values as such: is there any, and are they the same.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

use harmony_model::dtype::{SLOT, number_bytes};
use harmony_model::{DType, Granule, Heap, Packing, ReadError, Runs, VarId, Window};

use super::heap::slot_positions;

/// Bytes looked at in one go.
const BLOCK: u64 = 1 << 20;

/// Calls `f` with the values of a variable, block after block, until it says `false`.
///
/// # Errors
/// What reading says.
pub fn for_each_block(
    granule: &Granule,
    var: VarId,
    mut f: impl FnMut(&[u8]) -> Result<bool, ReadError>,
) -> Result<(), ReadError> {
    let shape = granule.shape(var);
    if shape.contains(&0) {
        return Ok(());
    }
    let size = granule.var(var).dtype.size().max(1) as u64;
    // Blocks: one axis cut into runs, those before it index by index, those after it whole.
    let mut room = (BLOCK / size).max(1);
    let mut axis = shape.len();
    while axis > 0 && shape[axis - 1] <= room {
        axis -= 1;
        room /= shape[axis].max(1);
    }
    let Some(cut) = axis.checked_sub(1) else {
        f(&granule.read(var, &Window::all(&shape))?)?;
        return Ok(());
    };
    let mut outer = vec![0u64; cut];
    loop {
        for start in (0..shape[cut]).step_by(room.max(1) as usize) {
            let mut axes: Vec<Runs> = outer.iter().map(|&i| Runs::range(i, 1)).collect();
            axes.push(Runs::range(start, room.min(shape[cut] - start)));
            axes.extend(shape[cut + 1..].iter().map(|&n| Runs::all(n)));
            if !f(&granule.read(var, &Window(axes))?)? {
                return Ok(());
            }
        }
        let Some(a) = (0..cut).rev().find(|&a| outer[a] + 1 < shape[a]) else { return Ok(()) };
        outer[a] += 1;
        outer[a + 1..].fill(0);
    }
}

/// Whether a granule holds nothing: every variable with a dimension has no elements, or (unless only extents count)
/// nothing but fill values and NaN.
///
/// # Errors
/// What reading says.
pub fn is_empty(granule: &Granule, extents_only: bool) -> Result<bool, ReadError> {
    let count = |v: &VarId| granule.shape(*v).iter().fold(1u64, |n, &d| n.saturating_mul(d));
    let mut vars: Vec<VarId> = granule.var_ids().collect();
    if !vars.iter().any(|&v| !granule.var(v).dims.is_empty()) {
        return Ok(vars.is_empty());
    }
    vars.retain(|v| !granule.var(*v).dims.is_empty() && count(v) > 0);
    if extents_only {
        return Ok(vars.is_empty());
    }
    // Small ones first: one value is enough to know.
    vars.sort_by_key(count);
    for var in vars {
        if has_value(granule, var)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn has_value(granule: &Granule, id: VarId) -> Result<bool, ReadError> {
    let var = granule.var(id);
    let packing = Packing::of(var);
    // What a netCDF library takes for never written, where it has room for such a value.
    let unwritten = match &var.dtype {
        d if d.is_numeric() && d.size() > 1 && var.attr("_FillValue").is_none() => Some(d.default_fill()),
        _ => None,
    };
    let size = var.dtype.size().max(1);
    let mut found = false;
    for_each_block(granule, id, |bytes| {
        found = match packing.unpack(&var.dtype, bytes) {
            Some(values) => values
                .iter()
                .zip(bytes.chunks_exact(size))
                .any(|(v, raw)| v.is_finite() && unwritten.as_deref() != Some(raw)),
            None => bytes.iter().any(|&b| b != 0 && b != b' '),
        };
        Ok(!found)
    })?;
    Ok(found)
}

/// A digest of all values of a variable, texts and sequences included.
///
/// # Errors
/// What reading says.
pub fn content(granule: &Granule, id: VarId) -> Result<[u64; 2], ReadError> {
    let var = granule.var(id);
    let mut hashers = [DefaultHasher::new(), DefaultHasher::new()];
    hashers[1].write_u8(1);
    let mut add = |bytes: &[u8]| hashers.iter_mut().for_each(|h| h.write(bytes));
    let heap = var.data.heap();
    for_each_block(granule, id, |bytes| {
        match (&heap, var.dtype.has_slots()) {
            (Some(heap), true) => add_elements(&var.dtype, bytes, &**heap, &mut add)?,
            _ => add(bytes),
        }
        Ok(true)
    })?;
    Ok(hashers.map(|h| h.finish()))
}

fn add_elements(
    dtype: &DType,
    bytes: &[u8],
    heap: &dyn Heap,
    add: &mut impl FnMut(&[u8]),
) -> Result<(), ReadError> {
    let positions = slot_positions(dtype).unwrap_or_default();
    let widths = element_sizes(dtype);
    for element in bytes.chunks_exact(dtype.size().max(1)) {
        let mut plain = element.to_vec();
        for (&at, &width) in positions.iter().zip(&widths) {
            let value = heap.get(&element[at..at + SLOT], width)?;
            add(&(value.len() as u64).to_le_bytes());
            add(&value);
            plain[at..at + SLOT].fill(0);
        }
        add(&plain);
    }
    Ok(())
}

/// Size of what each slot of an element points to, in the order of [`slot_positions`].
fn element_sizes(dtype: &DType) -> Vec<usize> {
    match dtype {
        DType::String => vec![1],
        DType::VLen(base) => vec![base.size()],
        DType::Array { base, .. } if base.has_slots() => {
            let inner = element_sizes(base);
            let count = dtype.size() / base.size().max(1);
            (0..count).flat_map(|_| inner.clone()).collect()
        }
        DType::Compound { fields, .. } => fields.iter().flat_map(|f| element_sizes(&f.dtype)).collect(),
        _ => Vec::new(),
    }
}

/// Least and greatest stored number that is not one of `fills`; `None` when there is none.
///
/// # Errors
/// What reading says.
pub fn stored_range(granule: &Granule, id: VarId, fills: &[f64]) -> Result<Option<(f64, f64)>, ReadError> {
    let dtype = &granule.var(id).dtype;
    let fills: Vec<f64> = fills.iter().filter_map(|f| as_stored(dtype, *f)).collect();
    let mut range: Option<(f64, f64)> = None;
    for_each_block(granule, id, |bytes| {
        for v in harmony_model::dtype::to_f64s(dtype, bytes).unwrap_or_default() {
            if v.is_finite() && !fills.contains(&v) {
                range = Some(range.map_or((v, v), |(a, b)| (a.min(v), b.max(v))));
            }
        }
        Ok(true)
    })?;
    Ok(range)
}

/// A number as the type holds it.
pub fn as_stored(dtype: &DType, value: f64) -> Option<f64> {
    let bytes = number_bytes(dtype, value)?;
    harmony_model::dtype::to_f64s(dtype, &bytes)?.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use harmony_model::{Attribute, MemoryArray};
    use std::sync::Arc;

    fn granule(values: &[f32]) -> Granule {
        let mut g = Granule::new("a", "netcdf4");
        let x = g.add_dim(Granule::ROOT, "x", values.len() as u64);
        let data = Arc::new(MemoryArray::of(&[values.len() as u64], values));
        let v = g.add_var(Granule::ROOT, "v", DType::F32, vec![x], data);
        g.vars[v.0].attrs = vec![Attribute::numbers("_FillValue", &[-9f32])];
        g
    }

    #[test]
    fn nothing_but_fill_is_empty_unless_only_extents_count() {
        assert!(is_empty(&granule(&[-9.0, f32::NAN]), false).unwrap());
        assert!(!is_empty(&granule(&[-9.0, f32::NAN]), true).unwrap());
        assert!(!is_empty(&granule(&[-9.0, 0.0]), false).unwrap());
        assert!(is_empty(&granule(&[]), true).unwrap());
    }

    #[test]
    fn blocks_cover_large_variables() {
        let mut g = Granule::new("a", "netcdf4");
        let dims: Vec<_> = [3, 700, 400].iter().map(|&n| g.add_dim(Granule::ROOT, "d", n)).collect();
        let values: Vec<i32> = (0..3 * 700 * 400).collect();
        let v = g.add_var(
            Granule::ROOT,
            "v",
            DType::I32,
            dims,
            Arc::new(MemoryArray::of(&[3, 700, 400], &values)),
        );
        let (mut count, mut next) = (0, 0);
        for_each_block(&g, v, |bytes| {
            for n in harmony_model::dtype::to_f64s(&DType::I32, bytes).unwrap() {
                assert_eq!(n as i32, next);
                next += 1;
            }
            count += 1;
            Ok(true)
        })
        .unwrap();
        assert_eq!(next, 3 * 700 * 400);
        assert!(count > 3);
        assert_eq!(stored_range(&g, v, &[0.0]).unwrap(), Some((1.0, f64::from(next - 1))));
    }
}
