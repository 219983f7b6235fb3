//! Times as l2ss-py writes them after a time request: decoded and encoded again. Only under `--compat l2ss-py`.

use std::sync::Arc;

use harmony_model::dtype::to_f64s;
use harmony_model::time::DateTime;
use harmony_model::{Attribute, DType, Granule, MemoryArray, Window};

use crate::error::OpError;
use crate::scene::Scene;

/// Integer times become int64 with a `calendar`; other variables in units since an epoch become int64 nanoseconds
/// since their first value.
///
/// # Errors
/// When a time can't be read.
pub fn encode_again(scene: &Scene, out: &mut Granule) -> Result<(), OpError> {
    let chosen: Vec<String> =
        scene.times.axes.iter().map(|a| scene.granule.var(a.var).path.clone()).collect();
    for i in 0..out.vars.len() {
        let var = &out.vars[i];
        let dated = var.attr_text("units").is_some_and(|u| u.contains(" since "));
        if !dated || !var.dtype.is_numeric() {
            continue;
        }
        let main = chosen.first() == Some(&var.path);
        if var.dtype.is_integer() {
            widen(out, i)?;
        } else if !main && var.attr("scale_factor").is_none() {
            nanoseconds(out, i)?;
        }
    }
    Ok(())
}

fn read(out: &Granule, i: usize) -> Result<(Vec<u64>, Vec<f64>), OpError> {
    let id = harmony_model::VarId(i);
    let shape = out.shape(id);
    let bytes = out.read(id, &Window::all(&shape))?;
    Ok((shape, to_f64s(&out.var(id).dtype, &bytes).unwrap_or_default()))
}

fn widen(out: &mut Granule, i: usize) -> Result<(), OpError> {
    let (shape, values) = read(out, i)?;
    let values: Vec<i64> = values.iter().map(|&v| v as i64).collect();
    set(out, i, &shape, &values);
    let var = &mut out.vars[i];
    if let Some(fill) = var.attr_f64("_FillValue") {
        var.set_attr(Attribute::numbers("_FillValue", &[fill as i64]));
    }
    if var.attr("calendar").is_none() {
        var.set_attr(Attribute::text("calendar", "proleptic_gregorian"));
    }
    Ok(())
}

fn nanoseconds(out: &mut Granule, i: usize) -> Result<(), OpError> {
    let (shape, values) = read(out, i)?;
    let var = &out.vars[i];
    let text = var.attr_text("units").unwrap_or_default();
    let Ok(units) = harmony_model::time::TimeUnits::parse(&text, None) else { return Ok(()) };
    let epoch = units.seconds(0.0) as i64;
    let step = units.seconds(1.0) - units.seconds(0.0);
    let ticks: Vec<i64> = values.iter().map(|v| (v * (step * 1e9)) as i64).collect();
    let Some(&first) = ticks.first() else { return Ok(()) };
    let since: Vec<i64> = ticks.iter().map(|t| t - first).collect();
    set(out, i, &shape, &since);
    let whole = epoch + first.div_euclid(1_000_000_000);
    let date = DateTime { micros: whole * 1_000_000 }.to_string().replace('T', " ").replace('Z', "");
    let units = format!("nanoseconds since {date}.{:09}", first.rem_euclid(1_000_000_000));
    let var = &mut out.vars[i];
    var.set_attr(Attribute::text("units", &units));
    var.set_attr(Attribute::text("calendar", "proleptic_gregorian"));
    var.set_attr(Attribute::numbers("_FillValue", &[i64::MIN]));
    Ok(())
}

fn set(out: &mut Granule, i: usize, shape: &[u64], values: &[i64]) {
    let var = &mut out.vars[i];
    var.data = Arc::new(MemoryArray::of(shape, values));
    var.dtype = DType::I64;
    var.big_endian = false;
    var.storage = harmony_model::Storage::Contiguous;
    var.fill = None;
}
