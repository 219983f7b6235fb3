//! What a variable is by its own attributes and name: latitude, longitude, projected axis, time, bounds.

use std::collections::{HashMap, HashSet};

use crate::geolocation::Rule;
use crate::granule::{DimId, Granule, GroupId, VarId, Variable};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Latitude,
    Longitude,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    X,
    Y,
}

/// What one variable is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Role {
    /// Latitude or longitude, and by which rule.
    pub position: Option<(Position, Rule)>,
    /// A 1-D projected axis; `true` when a `standard_name` says so.
    pub projected: Option<(Direction, bool)>,
    pub time: bool,
    /// Named by a `bounds` or `climatology` attribute, or called so.
    pub bounds: bool,
}

/// Roles of all variables and quick look-ups.
pub(super) struct Roles<'a> {
    pub granule: &'a Granule,
    pub roles: Vec<Role>,
    /// The coordinate variable of each dimension.
    pub dim_coordinate: Vec<Option<VarId>>,
    /// For each dimension the 1-D projected coordinate along it.
    pub projected: HashMap<DimId, (Direction, VarId, bool)>,
    resolved: std::cell::RefCell<HashMap<(GroupId, String), Option<VarId>>>,
}

impl<'a> Roles<'a> {
    pub fn of(granule: &'a Granule) -> Self {
        let bounds = bounds_variables(granule);
        let roles: Vec<Role> = granule.var_ids().map(|v| role(granule, v, bounds.contains(&v))).collect();
        let dim_coordinate = dim_coordinates(granule);
        let mut projected: HashMap<DimId, (Direction, VarId, bool)> = HashMap::new();
        for v in granule.var_ids() {
            let (Some((direction, named)), [dim]) = (roles[v.0].projected, &granule.var(v).dims[..]) else {
                continue;
            };
            let own = dim_coordinate[dim.0] == Some(v);
            let better = projected.get(dim).is_none_or(|old| own || (named && !old.2));
            if better {
                projected.insert(*dim, (direction, v, named));
            }
        }
        Roles { granule, roles, dim_coordinate, projected, resolved: Default::default() }
    }

    pub fn position(&self, var: VarId) -> Option<(Position, Rule)> {
        self.roles[var.0].position
    }

    /// [`Granule::resolve_var`], remembered: files repeat the same few references a thousand times.
    pub fn resolve(&self, group: GroupId, reference: &str) -> Option<VarId> {
        let key = (group, reference.to_owned());
        if let Some(&found) = self.resolved.borrow().get(&key) {
            return found;
        }
        let found = self.granule.resolve_var(group, reference);
        self.resolved.borrow_mut().insert(key, found);
        found
    }
}

/// All dimension coordinate variables at once ([`Granule::dim_coordinate`] looks through all variables each time).
fn dim_coordinates(granule: &Granule) -> Vec<Option<VarId>> {
    let mut found = vec![None; granule.dims.len()];
    for v in granule.var_ids() {
        let var = granule.var(v);
        if let [d] = var.dims[..] {
            let dim = granule.dim(d);
            if found[d.0].is_none() && dim.group == var.group && dim.name == var.name {
                found[d.0] = Some(v);
            }
        }
    }
    found
}

fn bounds_variables(granule: &Granule) -> HashSet<VarId> {
    let mut found = HashSet::new();
    for v in granule.var_ids() {
        for name in ["bounds", "climatology"] {
            if let Some(text) = granule.var(v).attr_text(name) {
                found.extend(granule.resolve_var(granule.var(v).group, text.trim()));
            }
        }
    }
    found
}

/// `units`, also as HDF-EOS writes it.
pub(super) fn units(var: &Variable) -> Option<String> {
    ["units", "Units", "unit"].iter().find_map(|n| var.attr_text(n)).map(|u| u.trim().to_owned())
}

/// Units of latitude or longitude (CF 1.10 §4.1, §4.2), in any case.
fn position_units(units: &str) -> Option<Position> {
    match units.to_ascii_lowercase().as_str() {
        "degrees_north" | "degree_north" | "degrees_n" | "degree_n" | "degreesn" | "degreen" => {
            Some(Position::Latitude)
        }
        "degrees_east" | "degree_east" | "degrees_e" | "degree_e" | "degreese" | "degreee" => {
            Some(Position::Longitude)
        }
        _ => None,
    }
}

fn is_degrees(units: &str) -> bool {
    matches!(units.to_ascii_lowercase().as_str(), "degree" | "degrees" | "deg" | "arc_degree" | "arc_degrees")
        || position_units(units).is_some()
}

/// Metres per unit of length, or `None`.
pub(super) fn metres_per(units: &str) -> Option<f64> {
    match units.to_ascii_lowercase().as_str() {
        "m" | "meter" | "meters" | "metre" | "metres" => Some(1.0),
        "km" | "kilometer" | "kilometers" | "kilometre" | "kilometres" => Some(1000.0),
        _ => None,
    }
}

/// Radians per unit of angle, or `None`.
pub(super) fn radians_per(units: &str) -> Option<f64> {
    match units.to_ascii_lowercase().as_str() {
        "rad" | "radian" | "radians" => Some(1.0),
        "microradian" | "microradians" | "urad" | "µrad" => Some(1e-6),
        "degree" | "degrees" | "deg" => Some(std::f64::consts::PI / 180.0),
        _ => None,
    }
}

/// Names that mean a position without any attribute; `y` and `x` do so only with units of degrees.
pub(super) fn position_name(name: &str) -> Option<Position> {
    match name.to_ascii_lowercase().as_str() {
        "lat" | "latitude" | "latitudes" | "nav_lat" | "xlat" | "xlat_m" | "lats" | "geolat" | "lat_rho" => {
            Some(Position::Latitude)
        }
        "lon" | "long" | "longitude" | "longitudes" | "nav_lon" | "xlong" | "xlong_m" | "lons" | "geolon"
        | "lon_rho" => Some(Position::Longitude),
        _ => None,
    }
}

fn role(granule: &Granule, v: VarId, named_bounds: bool) -> Role {
    let var = granule.var(v);
    let name = var.name.to_ascii_lowercase();
    let bounds = named_bounds
        || ["_bnds", "_bounds", "_vertices", "_edges"].iter().any(|s| name.ends_with(s))
        || name.contains("corner");
    let units = units(var);
    let time = is_time(var, units.as_deref());
    if bounds || var.dims.is_empty() || !(var.dtype.is_numeric()) {
        return Role { bounds, time, ..Role::default() };
    }
    let position = if time { None } else { position(var, units.as_deref()) };
    let projected = if var.dims.len() == 1 && position.is_none() {
        projected(granule, var, units.as_deref())
    } else {
        None
    };
    Role { position, projected, time, bounds }
}

fn is_time(var: &Variable, units: Option<&str>) -> bool {
    units.is_some_and(|u| u.contains(" since ")) || var.attr_text("standard_name").as_deref() == Some("time")
}

fn position(var: &Variable, units: Option<&str>) -> Option<(Position, Rule)> {
    match var.attr_text("standard_name").as_deref().map(str::trim) {
        Some("latitude") => return Some((Position::Latitude, Rule::StandardName)),
        Some("longitude") => return Some((Position::Longitude, Rule::StandardName)),
        // Axes of a rotated pole have degrees too, but not of geographic latitude.
        Some("grid_latitude" | "grid_longitude") => return None,
        _ => {}
    }
    if let Some(p) = units.and_then(position_units) {
        return Some((p, Rule::Units));
    }
    let degrees = units.is_some_and(is_degrees);
    if degrees && var.dims.len() == 1 {
        match var.attr_text("axis").as_deref().map(str::trim) {
            Some("Y" | "y") => return Some((Position::Latitude, Rule::Axis)),
            Some("X" | "x") => return Some((Position::Longitude, Rule::Axis)),
            _ => {}
        }
    }
    // A `lat` in metres or counts is something else.
    let plausible = units.is_none_or(|u| u.is_empty() || u == "1" || is_degrees(u));
    match var.name.to_ascii_lowercase().as_str() {
        "y" if degrees => Some((Position::Latitude, Rule::Names)),
        "x" if degrees => Some((Position::Longitude, Rule::Names)),
        _ if plausible => {
            let long = || var.attr_text("long_name").and_then(|l| position_name(l.trim()));
            position_name(&var.name).or_else(long).map(|p| (p, Rule::Names))
        }
        _ => None,
    }
}

fn projected(granule: &Granule, var: &Variable, units: Option<&str>) -> Option<(Direction, bool)> {
    match var.attr_text("standard_name").as_deref().map(str::trim) {
        Some("projection_x_coordinate" | "projection_x_angular_coordinate" | "grid_longitude") => {
            return Some((Direction::X, true));
        }
        Some("projection_y_coordinate" | "projection_y_angular_coordinate" | "grid_latitude") => {
            return Some((Direction::Y, true));
        }
        _ => {}
    }
    let own = granule.dim(var.dims[0]).name == var.name;
    if !own || units.is_none_or(|u| metres_per(u).is_none()) {
        return None;
    }
    match (var.attr_text("axis").as_deref().map(str::trim), var.name.to_ascii_lowercase().as_str()) {
        (Some("X"), _) | (_, "x" | "xc" | "xdim" | "easting") => Some((Direction::X, false)),
        (Some("Y"), _) | (_, "y" | "yc" | "ydim" | "northing") => Some((Direction::Y, false)),
        _ => None,
    }
}
