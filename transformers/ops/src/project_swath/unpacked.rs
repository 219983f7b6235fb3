//! Packed variables as floats, for comparison with the swath projector: it resamples physical values, in which the code
//! for "no data" stands as a number, and its cast back to the packed type loses both; floats keep what it computes.

use std::sync::Arc;

use harmony_model::dtype::Number;
use harmony_model::{ArraySource, Attribute, DType, Packing, ReadError, Variable, Window, with_numeric};

use crate::scene::Scene;

/// The scene with every integer variable that is packed by floating-point attributes unpacked.
pub fn scene(scene: &Scene) -> Scene {
    let mut granule = (*scene.granule).clone();
    let ids: Vec<_> = granule.var_ids().filter(|v| !scene.table.is_coordinate(*v)).collect();
    for v in ids {
        unpack(&mut granule.vars[v.0]);
    }
    Scene {
        granule: Arc::new(granule),
        table: scene.table.clone(),
        times: scene.times.clone(),
        request: scene.request.clone(),
    }
}

fn unpack(var: &mut Variable) {
    let types: Vec<&DType> =
        ["scale_factor", "add_offset"].iter().filter_map(|n| var.attr(n)).map(|a| &a.dtype).collect();
    if !var.dtype.is_integer() || types.is_empty() || !types.iter().all(|t| t.is_float()) {
        return;
    }
    let wide = types.contains(&&DType::F64);
    let packing = Packing::of(var);
    let code = packing.fill.first().copied();
    let inner = Unpacked { inner: var.data.clone(), dtype: var.dtype.clone(), packing, code, wide };
    var.data = Arc::new(inner);
    var.dtype = if wide { DType::F64 } else { DType::F32 };
    var.fill = None;
    var.attrs.retain(|a| {
        !["scale_factor", "add_offset", "_FillValue", "missing_value"].contains(&a.name.as_str())
    });
    if let Some(code) = code {
        let attr = if wide {
            Attribute::numbers("_FillValue", &[code])
        } else {
            Attribute::numbers("_FillValue", &[code as f32])
        };
        var.attrs.insert(0, attr);
    }
}

struct Unpacked {
    inner: Arc<dyn ArraySource>,
    dtype: DType,
    packing: Packing,
    /// What stands for "no data".
    code: Option<f64>,
    /// Doubles instead of floats.
    wide: bool,
}

impl ArraySource for Unpacked {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let size = if self.wide { 8 } else { 4 };
        let mut stored = vec![0; out.len() / size * self.dtype.size()];
        self.inner.read(window, &mut stored)?;
        let values = self.packing.unpack(&self.dtype, &stored).unwrap_or_default();
        let dtype = if self.wide { DType::F64 } else { DType::F32 };
        let missing = self.code.unwrap_or(f64::NAN);
        with_numeric!(&dtype, T => {
            for (o, v) in out.chunks_exact_mut(size).zip(values) {
                <T as Number>::from_f64(if v.is_nan() { missing } else { v }).write_ne(o);
            }
        }, else => {});
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.inner.cost(window)
    }
}
