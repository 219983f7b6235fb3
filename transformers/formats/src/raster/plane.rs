//! The planes of a raster and what they are called.

use harmony_model::time::{DateTime, TimeTable};
use harmony_model::{DimId, Granule, VarId, Window};

use super::{Band, MAX_BANDS};

/// One band for each index of the axes other than `grid`, in C order.
///
/// # Errors
/// When there are more than [`MAX_BANDS`], in words that follow the name of the variable.
pub(super) fn bands(
    granule: &Granule,
    times: &TimeTable,
    var: VarId,
    grid: [DimId; 2],
) -> Result<Vec<Band>, String> {
    let v = granule.var(var);
    let leading: Vec<DimId> = v.dims.iter().copied().filter(|d| !grid.contains(d)).collect();
    let sizes: Vec<u64> = leading.iter().map(|&d| granule.dim(d).len).collect();
    let count = sizes.iter().fold(1u64, |n, &s| n.saturating_mul(s));
    if count > MAX_BANDS || count == 0 {
        let list: Vec<String> =
            leading.iter().map(|&d| format!("{}={}", granule.dim(d).name, granule.dim(d).len)).collect();
        return Err(format!(
            "it has {count} planes ({}), a raster has 1 to {MAX_BANDS}; select some of them, for example with \
             --subset or --time",
            list.join(", ")
        ));
    }
    let labels: Vec<Vec<String>> = leading
        .iter()
        .map(|&d| if granule.dim(d).len > 1 { labels(granule, times, d) } else { Vec::new() })
        .collect();
    let name = |d: DimId| granule.dim(d).name.clone();
    let long_name = v.attr_text("long_name").map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    Ok((0..count)
        .map(|number| {
            let index = unravel(number, &sizes);
            let axes: Vec<(String, String)> = (0..index.len())
                .filter(|&i| sizes[i] > 1)
                .map(|i| (name(leading[i]), labels[i][index[i] as usize].clone()))
                .collect();
            let description = if axes.is_empty() {
                long_name.clone().unwrap_or_else(|| v.name.clone())
            } else {
                let values: Vec<String> = axes.iter().map(|(d, value)| format!("{d}={value}")).collect();
                format!("{} {}", v.name, values.join(" "))
            };
            Band { index, description, axes }
        })
        .collect())
}

/// Index along each axis of element `number` in C order.
fn unravel(mut number: u64, sizes: &[u64]) -> Vec<u64> {
    let mut index = vec![0; sizes.len()];
    for (slot, &size) in index.iter_mut().zip(sizes).rev() {
        *slot = number % size;
        number /= size;
    }
    index
}

/// The value of every index of an axis: a time, a number, a text, else the index itself.
fn labels(granule: &Granule, times: &TimeTable, dim: DimId) -> Vec<String> {
    let n = granule.dim(dim).len as usize;
    let found = time_labels(granule, times, dim).or_else(|| coordinate_labels(granule, dim));
    found.filter(|l| l.len() == n).unwrap_or_else(|| (0..n).map(|i| i.to_string()).collect())
}

fn time_labels(granule: &Granule, times: &TimeTable, dim: DimId) -> Option<Vec<String>> {
    let axis = times.for_dims(&[dim]).filter(|a| a.dims == [dim] && a.is_utc())?;
    let seconds = axis.read_all(granule).ok()?;
    // What went through `hours since` in double precision is off by less than a microsecond.
    seconds.into_iter().map(|s| DateTime::from_seconds(s).map(|t| t.to_string())).collect()
}

fn coordinate_labels(granule: &Granule, dim: DimId) -> Option<Vec<String>> {
    let var = granule.dim_coordinate(dim)?;
    if granule.var(var).dtype.is_text() {
        return granule.read_texts(var).ok();
    }
    let values = granule.read_physical(var, &Window::all(&granule.shape(var))).ok()?;
    let single = granule.var(var).dtype == harmony_model::DType::F32;
    let text = |v: f64| if single { (v as f32).to_string() } else { v.to_string() };
    values.iter().all(|v| v.is_finite()).then(|| values.into_iter().map(text).collect())
}
