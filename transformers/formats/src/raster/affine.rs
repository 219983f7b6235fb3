//! From the axes of a geolocation to a [`GridSpec`] and how stored indices lie on it.

use harmony_model::crs::Crs;
use harmony_model::geolocation::{Geolocation, GridAxis, ProjectedAxis, ProjectedAxisSource};
use harmony_model::{DType, DimId, Granule, GridSpec, VarId, Variable};

use super::axis::{Exactness, Regular};

/// A grid and how the stored axes lie on it.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub grid: GridSpec,
    pub y: DimId,
    pub x: DimId,
    /// Stored rows run the other way.
    pub flip_y: bool,
    pub flip_x: bool,
    /// Columns (from west to east, as stored) that lie before the first column of the grid and go to its end.
    pub roll: u64,
}

/// What of the stored order is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keep {
    pub orientation: bool,
    pub longitudes: bool,
}

/// Places the grid of a variable.
///
/// # Errors
/// What is not regular about it, in words that follow the name of the variable.
pub(super) fn place(
    granule: &Granule,
    var: VarId,
    geolocation: &Geolocation,
    keep: Keep,
) -> Result<Placed, String> {
    let transform = known_transform(granule, var).filter(|t| t[2] == 0.0 && t[4] == 0.0);
    let origin = |i: usize| transform.map(|t| (t[3 * i], t[5 * i + usize::from(i == 0)]));
    match geolocation {
        Geolocation::Grid { lat, lon } => {
            let pair = [geographic_axis(granule, lat, origin(1))?, geographic_axis(granule, lon, origin(0))?];
            let [rows, columns] = complete(pair, ["latitude", "longitude"])?;
            let crs = geographic_crs(granule, var);
            Ok(oriented(crs, (lat.dim, rows), (lon.dim, columns), keep, true))
        }
        Geolocation::ProjectedGrid { y, x, crs } => {
            let pair = [projected_axis(granule, y, origin(1))?, projected_axis(granule, x, origin(0))?];
            let [rows, columns] = complete(pair, ["y", "x"])?;
            let geographic = crs.is_geographic();
            Ok(oriented(crs.clone(), (y.dim, rows), (x.dim, columns), keep, geographic))
        }
        other => Err(format!("it is a {}, not a grid", other.kind())),
    }
}

/// An axis, or the centre of its only cell.
type Found = Result<Regular, f64>;

/// Gives an axis of one cell the size of the cells of the other one.
fn complete([rows, columns]: [Found; 2], names: [&str; 2]) -> Result<[Regular; 2], String> {
    let single = |centre: f64, step: f64| Regular { edge: centre - step / 2.0, step, n: 1 };
    match (rows, columns) {
        (Ok(r), Ok(c)) => Ok([r, c]),
        (Ok(r), Err(x)) => Ok([r, single(x, r.step.abs())]),
        (Err(y), Ok(c)) => Ok([single(y, -c.step.abs()), c]),
        (Err(_), Err(_)) => Err(format!(
            "it has one cell and neither bounds nor a GeoTransform say how large it is along {} and {}",
            names[0], names[1]
        )),
    }
}

fn geographic_axis(granule: &Granule, axis: &GridAxis, known: Option<(f64, f64)>) -> Result<Found, String> {
    let n = granule.dim(axis.dim).len;
    let mut values = centres(granule, axis.var, n)?;
    unwrap_longitudes(&mut values);
    if axis.edges && values.len() > 1 {
        let half = (values[1] - values[0]) / 2.0;
        values.iter_mut().for_each(|v| *v += half);
    }
    let exactness = Exactness { single: is_single(granule.var(axis.var), &values), geographic: true };
    let bounds = axis.bounds.filter(|_| n == 1).and_then(|b| granule.read_all_physical(b).ok());
    regular(granule, axis.var, &values, exactness, known, bounds)
}

fn projected_axis(
    granule: &Granule,
    axis: &ProjectedAxis,
    known: Option<(f64, f64)>,
) -> Result<Found, String> {
    let n = granule.dim(axis.dim).len;
    match axis.source {
        ProjectedAxisSource::Regular { first, step } => Ok(Ok(Regular { edge: first - step / 2.0, step, n })),
        ProjectedAxisSource::Variable { var, to_crs_units } => {
            let mut values = centres(granule, var, n)?;
            values.iter_mut().for_each(|v| *v *= to_crs_units);
            let exactness = Exactness { single: is_single(granule.var(var), &values), geographic: false };
            let bounds = granule.var(var).attr_text("bounds").filter(|_| n == 1);
            let bounds = bounds.and_then(|b| granule.resolve_var(granule.var(var).group, b.trim()));
            let bounds = bounds.and_then(|b| granule.read_all_physical(b).ok());
            let bounds = bounds.map(|b| b.into_iter().map(|v| v * to_crs_units).collect());
            regular(granule, var, &values, exactness, known, bounds)
        }
    }
}

fn centres(granule: &Granule, var: VarId, n: u64) -> Result<Vec<f64>, String> {
    let path = &granule.var(var).path;
    let values =
        granule.read_all_physical(var).map_err(|e| format!("its axis '{path}' can't be read: {e}"))?;
    if values.len() as u64 != n || n == 0 {
        return Err(format!("its axis '{path}' has {} values for {n} cells", values.len()));
    }
    Ok(values)
}

fn regular(
    granule: &Granule,
    var: VarId,
    values: &[f64],
    exactness: Exactness,
    known: Option<(f64, f64)>,
    bounds: Option<Vec<f64>>,
) -> Result<Found, String> {
    if let [only] = values {
        let cell = match (bounds.as_deref(), known) {
            (Some(&[a, b]), _) if a != b => Some(Regular { edge: a, step: b - a, n: 1 }),
            (_, Some((origin, step))) => {
                let guess = Regular { edge: only - step / 2.0, step, n: 1 };
                guess.within(origin, step, Exactness { single: true, ..exactness })
            }
            _ => None,
        };
        return Ok(cell.ok_or(*only));
    }
    let axis = Regular::of_centres(values, exactness).ok_or_else(|| {
        format!("its axis '{}' is not evenly spaced; project it with --crs", granule.var(var).path)
    })?;
    Ok(Ok(known.and_then(|(origin, step)| axis.within(origin, step, exactness)).unwrap_or(axis)))
}

/// Longitudes that jump by 360 somewhere are made continuous: a cut across the seam of a grid keeps its stored values.
fn unwrap_longitudes(values: &mut [f64]) {
    let mut turn = 0.0;
    for i in 1..values.len() {
        let step = values[i] + turn - values[i - 1];
        if step.abs() > 180.0 {
            turn -= 360.0 * step.signum();
        }
        values[i] += turn;
    }
}

/// Whether the numbers of an axis come from single precision.
fn is_single(var: &Variable, values: &[f64]) -> bool {
    var.dtype == DType::F32 || (var.dtype == DType::F64 && values.iter().all(|&v| f64::from(v as f32) == v))
}

/// The grid mapping that a variable names.
pub(super) fn grid_mapping(granule: &Granule, var: VarId) -> Option<VarId> {
    let variable = granule.var(var);
    let text = variable.attr_text("grid_mapping")?;
    let name = text.split_whitespace().next()?.trim_end_matches(':');
    granule.resolve_var(variable.group, name)
}

/// `GeoTransform` of the grid mapping.
pub(super) fn known_transform(granule: &Granule, var: VarId) -> Option<[f64; 6]> {
    let attr = granule.var(grid_mapping(granule, var)?).attr("GeoTransform")?;
    let numbers: Vec<f64> = match attr.as_text() {
        Some(text) => {
            text.split([' ', ',']).filter(|w| !w.is_empty()).map_while(|w| w.parse().ok()).collect()
        }
        None => attr.as_f64s()?,
    };
    numbers.try_into().ok()
}

/// The system of a geographic grid: that of its grid mapping, WGS 84 where it names none.
fn geographic_crs(granule: &Granule, var: VarId) -> Crs {
    let mapping = grid_mapping(granule, var).map(|m| &granule.var(m).attrs);
    mapping
        .and_then(|attrs| Crs::from_cf_attributes(attrs).ok())
        .filter(Crs::is_geographic)
        .unwrap_or_else(Crs::wgs84)
}

fn oriented(crs: Crs, y: (DimId, Regular), x: (DimId, Regular), keep: Keep, geographic: bool) -> Placed {
    let flip_y = y.1.step > 0.0 && !keep.orientation;
    let flip_x = x.1.step < 0.0 && !keep.orientation;
    let rows = if flip_y { y.1.reversed() } else { y.1 };
    let mut columns = if flip_x { x.1.reversed() } else { x.1 };
    let mut roll = 0;
    if geographic && !keep.longitudes && !keep.orientation {
        (columns, roll) = rolled(columns);
    }
    let (ny, nx) = (rows.n, columns.n);
    let grid = GridSpec { crs, x0: columns.edge, y0: rows.edge, dx: columns.step, dy: rows.step, nx, ny };
    Placed { grid, y: y.0, x: x.0, flip_y, flip_x, roll }
}

/// Moves a longitude axis to -180 … 180. One that covers the whole circle is cut at 180; a regional one is moved as a
/// whole and stays in one piece, also across 180.
fn rolled(axis: Regular) -> (Regular, u64) {
    let near = axis.step * 1e-6;
    let end = axis.end();
    if axis.edge >= -180.0 - near && end <= 180.0 + near {
        return (axis, 0);
    }
    let full = (end - axis.edge - 360.0).abs() < axis.step * 0.01;
    if !full {
        let turns = ((axis.edge + axis.step / 2.0 + 180.0) / 360.0).floor();
        return (Regular { edge: axis.edge - 360.0 * turns, ..axis }, 0);
    }
    // The first cell whose centre is at or past 180 becomes the first column.
    let turns = ((axis.edge + axis.step / 2.0 + 180.0) / 360.0).floor();
    let base = axis.edge - 360.0 * turns;
    let before = ((180.0 - base) / axis.step - 0.5 - 1e-6).ceil().max(0.0) as u64;
    let roll = before % axis.n;
    if roll == 0 {
        return (Regular { edge: base, ..axis }, 0);
    }
    let edge = base + roll as f64 * axis.step - 360.0;
    // 180.1 - 360 + … leaves a last digit behind that the edge of the grid must not have.
    let edge = if (edge + 180.0).abs() < near { -180.0 } else { edge };
    (Regular { edge, ..axis }, roll)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_circle_is_cut_at_180() {
        let (axis, roll) = rolled(Regular { edge: 0.0, step: 0.25, n: 1440 });
        assert_eq!((axis.edge, roll), (-180.0, 720));
        // Centres at 0, 1.125, …: the cell around 180 stays whole on the western side.
        let (axis, roll) = rolled(Regular { edge: -0.5625, step: 1.125, n: 320 });
        assert_eq!((axis.edge, roll), (-180.5625, 160));
        // MERRA-2 as it is: centres from -180.
        let (axis, roll) = rolled(Regular { edge: -180.3125, step: 0.625, n: 576 });
        assert_eq!((axis.edge, roll), (-180.3125, 0));
    }

    #[test]
    fn a_region_across_180_stays_whole() {
        let (axis, roll) = rolled(Regular { edge: 170.0, step: 1.0, n: 25 });
        assert_eq!((axis.edge, roll), (170.0, 0));
        let (axis, roll) = rolled(Regular { edge: 300.0, step: 1.0, n: 20 });
        assert_eq!((axis.edge, roll), (-60.0, 0));
    }

    #[test]
    fn stored_longitudes_that_jump_are_continued() {
        let mut lon = [178.0, 179.0, -180.0, -179.0];
        unwrap_longitudes(&mut lon);
        assert_eq!(lon, [178.0, 179.0, 180.0, 181.0]);
    }
}
