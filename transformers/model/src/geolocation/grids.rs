//! Projected grids: axes with a grid mapping, named grids of the product table, `GeoTransform`.

use std::collections::HashMap;

use super::products::{GridDefinition, Product, Table};
use super::roles::{Direction, Roles, metres_per, radians_per, units};
use super::{ProjectedAxis, ProjectedAxisSource, ease, glob};
use crate::attribute::Attribute;
use crate::crs::Crs;
use crate::geolocation::Geolocation;
use crate::granule::{DimId, VarId, Variable};

/// What became of a variable's projected axes.
pub(super) enum Projected {
    /// It has none.
    None,
    Found(Geolocation, String),
    /// It has them, but no usable reference system. `hard`: it names one that is missing, so that nothing else may
    /// be guessed.
    Problem {
        why: String,
        hard: bool,
    },
}

/// Grid mapping variables of a granule.
pub(super) struct Mappings {
    /// By a pair of axes, from the variables that name one.
    of_dims: HashMap<(DimId, DimId), VarId>,
    all: Vec<VarId>,
}

impl Mappings {
    pub fn of(roles: &Roles) -> Self {
        let granule = roles.granule;
        let is_mapping = |var: &Variable| {
            var.attr("grid_mapping_name").is_some()
                || var.attr("crs_wkt").is_some()
                || var.attr("spatial_ref").is_some()
        };
        // Data variables may carry the parameters themselves; a mapping has no extent to speak of.
        let all = granule
            .var_ids()
            .filter(|&v| is_mapping(granule.var(v)) && granule.shape(v).iter().all(|&n| n <= 16))
            .collect();
        let mut of_dims = HashMap::new();
        for v in granule.var_ids() {
            if let (Some((y, x)), Named::Found(mapping)) = (axes(roles, v), named_mapping(roles, v)) {
                of_dims.entry((y.0, x.0)).or_insert(mapping);
            }
        }
        Mappings { of_dims, all }
    }
}

type Axis = (DimId, VarId, bool);

/// The projected axes of a variable, `(y, x)`.
fn axes(roles: &Roles, v: VarId) -> Option<(Axis, Axis)> {
    let find = |wanted: Direction| {
        roles.granule.var(v).dims.iter().find_map(|d| match roles.projected.get(d) {
            Some(&(direction, var, named)) if direction == wanted => Some((*d, var, named)),
            _ => None,
        })
    };
    Some((find(Direction::Y)?, find(Direction::X)?))
}

enum Named {
    /// No `grid_mapping` attribute.
    No,
    Found(VarId),
    Missing(String),
}

/// The grid mapping variable that `grid_mapping` names, also in the extended form `crs: x y other: lat lon`
/// (CF 1.10 §5.6): then the one with a projected axis of the variable, else the first.
fn named_mapping(roles: &Roles, v: VarId) -> Named {
    let var = roles.granule.var(v);
    let Some(text) = var.attr_text("grid_mapping").filter(|t| !t.trim().is_empty()) else { return Named::No };
    let mut entries: Vec<(String, Vec<&str>)> = Vec::new();
    for token in text.split([' ', ',', '\t', '\n']).filter(|t| !t.is_empty()) {
        match (token.strip_suffix(':'), entries.last_mut()) {
            (Some(name), _) => entries.push((name.to_owned(), Vec::new())),
            (None, Some(last)) => last.1.push(token),
            (None, None) => entries.push((token.to_owned(), Vec::new())),
        }
    }
    let is_axis =
        |name: &&str| roles.resolve(var.group, name).is_some_and(|a| roles.roles[a.0].projected.is_some());
    let chosen = entries.iter().find(|(_, axes)| axes.iter().any(is_axis)).or(entries.first());
    let Some((name, _)) = chosen else { return Named::No };
    match roles.resolve(var.group, name) {
        Some(mapping) => Named::Found(mapping),
        None => Named::Missing(name.clone()),
    }
}

/// The grid by projected axis variables.
pub(super) fn by_axes(roles: &Roles, mappings: &Mappings, product: Option<&Product>, v: VarId) -> Projected {
    let granule = roles.granule;
    let Some((y, x)) = axes(roles, v) else { return Projected::None };
    let var = granule.var(v);
    let (mapping, how) = match named_mapping(roles, v) {
        Named::Found(m) => (Some(m), ""),
        Named::Missing(name) => match product.and_then(|p| p.crs.as_deref()) {
            Some(_) => (None, ""),
            None => {
                let why = format!(
                    "'{}' has projected axes '{}' and '{}', but its grid mapping '{name}' is missing; \
                     without it they can't be placed on Earth",
                    var.path,
                    granule.var(y.1).name,
                    granule.var(x.1).name
                );
                return Projected::Problem { why, hard: true };
            }
        },
        Named::No => match (mappings.of_dims.get(&(y.0, x.0)), &mappings.all[..]) {
            (Some(&m), _) => (Some(m), ", grid mapping of other variables on the same axes"),
            (None, [only]) => (Some(*only), ", the only grid mapping of the file"),
            _ => (None, ""),
        },
    };
    let attrs = match mapping {
        Some(m) => &granule.var(m).attrs,
        None => &var.attrs,
    };
    let crs = match (mapping, product.and_then(|p| p.crs.as_deref())) {
        (None, Some(definition)) => Ok(Crs { definition: definition.to_owned() }),
        _ => crs_of(attrs),
    };
    match crs {
        Ok(crs) => {
            let axis = |a: Axis| ProjectedAxis {
                dim: a.0,
                source: ProjectedAxisSource::Variable {
                    var: a.1,
                    to_crs_units: to_crs_units(granule.var(a.1), attrs),
                },
            };
            let name = mapping.map_or("product table", |m| &granule.var(m).name);
            let detail = format!("grid mapping '{name}'{how}");
            Projected::Found(Geolocation::ProjectedGrid { y: axis(y), x: axis(x), crs }, detail)
        }
        // Axes in metres that nothing calls projected may be anything.
        Err(_) if mapping.is_none() && !(y.2 && x.2) => Projected::None,
        Err(detail) => {
            let what = match mapping {
                Some(m) => format!("its grid mapping '{}' is not usable: {detail}", granule.var(m).name),
                None => "it has no 'grid_mapping' attribute".to_owned(),
            };
            let why = format!(
                "'{}' has projected axes '{}' and '{}', but {what}; without a reference system they can't be \
                 placed on Earth",
                var.path,
                granule.var(y.1).name,
                granule.var(x.1).name
            );
            Projected::Problem { why, hard: false }
        }
    }
}

/// Factor from values of an axis to units of the CRS: metres, or metres from an angle seen from a satellite.
fn to_crs_units(axis: &Variable, mapping: &[Attribute]) -> f64 {
    let Some(units) = units(axis) else { return 1.0 };
    if let Some(metres) = metres_per(&units) {
        return metres;
    }
    let height = mapping.iter().find(|a| a.name == "perspective_point_height").and_then(Attribute::as_f64);
    match (radians_per(&units), height) {
        (Some(radians), Some(height)) => radians * height,
        _ => 1.0,
    }
}

/// The reference system of a grid mapping.
fn crs_of(attrs: &[Attribute]) -> Result<Crs, String> {
    Crs::from_cf_attributes(attrs).map_err(|e| e.to_string())
}

/// For pairs of axes the named grid they are a part of, with row and column of their first cell; `None`: of none.
pub(super) type Parts = HashMap<(DimId, DimId), Option<(GridDefinition, i64, i64)>>;

/// A variable's place on a named grid.
pub(super) struct Placed {
    pub geolocation: Geolocation,
    pub grid: String,
}

/// The named grid of the product on which two neighbouring axes of the variable lie.
///
/// By the lengths of the axes; a part of the grid by the row and column variables of the product or by 2-D
/// latitude and longitude, which is read for that.
pub(super) fn by_product(
    roles: &Roles,
    table: &Table,
    product: &Product,
    v: VarId,
    parts: &mut Parts,
) -> Option<Placed> {
    let granule = roles.granule;
    let grids: Vec<&GridDefinition> = product.grids.iter().filter_map(|g| table.grid(g)).collect();
    if grids.is_empty() {
        return None;
    }
    let len = |d: DimId| granule.dim(d).len;
    let dims = granule.var(v).dims.clone();
    let neighbours: Vec<(DimId, DimId)> =
        dims.windows(2).map(|w| (w[0], w[1])).filter(|(a, b)| a != b).collect();
    let whole = neighbours.iter().find_map(|&(r, c)| {
        grids.iter().find(|g| g.rows == len(r) && g.columns == len(c)).map(|g| (r, c, *g, 0, 0))
    });
    let (row, col, grid, first_row, first_col) = match whole {
        Some((r, c, g, i, j)) => (r, c, g.clone(), i, j),
        None => neighbours.iter().find_map(|&(r, c)| {
            let part = parts.entry((r, c)).or_insert_with(|| place_part(roles, product, &grids, r, c));
            part.clone().map(|(g, i, j)| (r, c, g, i, j))
        })?,
    };
    let axis = |dim, first, step| ProjectedAxis { dim, source: ProjectedAxisSource::Regular { first, step } };
    let x0 = grid.x0 + (first_col as f64 + 0.5) * grid.cell;
    let y0 = grid.y0 - (first_row as f64 + 0.5) * grid.cell;
    let geolocation = Geolocation::ProjectedGrid {
        y: axis(row, y0, -grid.cell),
        x: axis(col, x0, grid.cell),
        crs: Crs { definition: grid.crs.clone() },
    };
    Some(Placed { geolocation, grid: grid.name })
}

/// Where the axes `(row, col)` lie in one of the grids, by variables on them that tell.
fn place_part(
    roles: &Roles,
    product: &Product,
    grids: &[&GridDefinition],
    row: DimId,
    col: DimId,
) -> Option<(GridDefinition, i64, i64)> {
    let granule = roles.granule;
    let fits = |grid: &GridDefinition, (i, j): (i64, i64)| {
        let end = |first: i64, dim| first.checked_add_unsigned(granule.dim(dim).len);
        i >= 0
            && j >= 0
            && end(i, row).is_some_and(|e| e as u64 <= grid.rows)
            && end(j, col).is_some_and(|e| e as u64 <= grid.columns)
    };
    let on_axes = |patterns: &[String]| {
        granule.var_ids().find(|&v| {
            let var = granule.var(v);
            var.dims.windows(2).any(|w| w == [row, col])
                && patterns.iter().any(|p| glob::matches(p, &var.name))
        })
    };
    if let (Some(r), Some(c)) = (on_axes(&product.grid_rows), on_axes(&product.grid_columns))
        && let Some(samples) = samples(roles, r, c, row, col)
        && let Some(offset) = ease::offset_from_indices(samples.into_iter())
    {
        // Row and column numbers say nothing of the size of a cell: only a grid that is alone is certain.
        let mut matching = grids.iter().filter(|g| fits(g, offset));
        if let (Some(grid), None) = (matching.next(), matching.next()) {
            return Some(((*grid).clone(), offset.0, offset.1));
        }
    }
    let positions = |wanted| {
        granule.var_ids().find(|&v| {
            roles.position(v).is_some_and(|(p, _)| p == wanted)
                && granule.var(v).dims.windows(2).any(|w| w == [row, col])
        })
    };
    use super::roles::Position::{Latitude, Longitude};
    let samples = samples(roles, positions(Latitude)?, positions(Longitude)?, row, col)?;
    grids.iter().find_map(|grid| {
        let offset = ease::offset_from_positions(grid, samples.iter().copied())?;
        fits(grid, offset).then(|| ((*grid).clone(), offset.0, offset.1))
    })
}

/// Valid samples (row, column, first value, second value) of two variables on the same axes; a few thousand at most.
fn samples(roles: &Roles, a: VarId, b: VarId, row: DimId, col: DimId) -> Option<Vec<(u64, u64, f64, f64)>> {
    const LIMIT: u64 = 1 << 28;
    let granule = roles.granule;
    let dims = &granule.var(a).dims;
    if granule.var(b).dims != *dims
        || granule.shape(a).iter().try_fold(1u64, |n, &d| n.checked_mul(d))? > LIMIT
    {
        return None;
    }
    let at = dims.windows(2).position(|w| w == [row, col])?;
    let below: u64 = granule.shape(a)[at + 2..].iter().product();
    let (rows, cols) = (granule.dim(row).len.max(1), granule.dim(col).len.max(1));
    let (a, b) = (granule.read_all_physical(a).ok()?, granule.read_all_physical(b).ok()?);
    let valid: Vec<(u64, u64, f64, f64)> = a
        .iter()
        .zip(&b)
        .enumerate()
        .filter(|(_, (a, b))| a.is_finite() && b.is_finite() && **a > -999.0 && **b > -999.0)
        .map(|(i, (&a, &b))| {
            let cell = i as u64 / below.max(1);
            ((cell / cols) % rows, cell % cols, a, b)
        })
        .collect();
    let step = valid.len() / 4096 + 1;
    Some(valid.into_iter().step_by(step).collect())
}

/// The grid by a `GeoTransform` of the variable's grid mapping (GDAL's convention), for axes without coordinates.
pub(super) fn by_geotransform(roles: &Roles, v: VarId) -> Option<(Geolocation, String)> {
    let granule = roles.granule;
    let &[.., row, col] = &granule.var(v).dims[..] else { return None };
    if row == col || roles.dim_coordinate[row.0].is_some() || roles.dim_coordinate[col.0].is_some() {
        return None;
    }
    let Named::Found(mapping) = named_mapping(roles, v) else { return None };
    let mapping = granule.var(mapping);
    let numbers = match mapping.attr("GeoTransform")? {
        a if a.dtype.is_text() => a
            .as_text()?
            .split([' ', ','])
            .filter(|t| !t.is_empty())
            .map(|t| t.parse().ok())
            .collect::<Option<Vec<f64>>>()?,
        a => a.as_f64s()?,
    };
    // A rotated one has no axes of its own.
    let [x0, dx, 0.0, y0, 0.0, dy] = numbers[..] else { return None };
    let crs = crs_of(&mapping.attrs).ok()?;
    let axis = |dim, first, step| ProjectedAxis { dim, source: ProjectedAxisSource::Regular { first, step } };
    let (y, x) = (axis(row, y0 + dy / 2.0, dy), axis(col, x0 + dx / 2.0, dx));
    Some((Geolocation::ProjectedGrid { y, x, crs }, format!("GeoTransform of '{}'", mapping.name)))
}
