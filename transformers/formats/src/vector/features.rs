//! Which rows of which tables are features.

use harmony_model::geolocation::Geolocation;
use harmony_model::geometry::wrap_lon;
use harmony_model::{Granule, VarId};

use crate::registry::Part;
use crate::table::{self, Collected, Kind, Role, Row, Table, push_decimal};
use crate::write::WriteError;

/// A table whose rows have places.
pub struct Features {
    pub table: Table,
    /// Columns of longitude and latitude.
    lon: usize,
    lat: usize,
    /// Columns that are attributes of the features: all but places and bare indices.
    pub attributes: Vec<usize>,
}

impl Features {
    fn of(found: &Collected, table: &Table) -> Option<Self> {
        let column = |v: VarId| table.columns.iter().position(|c| c.var == Some(v));
        let places = found.geolocations.located.iter().find_map(|l| match l.geolocation {
            Geolocation::Swath { lat, lon, .. } | Geolocation::Trajectory { lat, lon, .. } => {
                Some((column(lon)?, column(lat)?))
            }
            _ => None,
        });
        let (lon, lat) = places.or_else(|| by_units(found, table))?;
        let is_attribute = |i: &usize| *i != lon && *i != lat && table.columns[*i].kind != Kind::Index;
        let attributes = (0..table.columns.len()).filter(is_attribute).collect();
        Some(Features { table: table.clone(), lon, lat, attributes })
    }

    /// Longitude (-180…180) and latitude of a row that is a feature.
    pub fn place(&self, row: &Row) -> Option<(f64, f64)> {
        let (lon, lat) = (row.number(self.lon)?, row.number(self.lat)?);
        let real = lat.abs() <= 90.0 && lon.abs() <= 720.0;
        (real && row.has_value()).then(|| (if lon.abs() <= 180.0 { lon } else { wrap_lon(lon) }, lat))
    }

    /// Appends longitude and latitude as text, in the precision they are stored in.
    pub fn push_place(&self, row: &Row, (lon, _): (f64, f64), out: &mut Vec<u8>) {
        match row.number(self.lon) {
            Some(stored) if stored.abs() <= 180.0 => row.push(self.lon, out),
            // A turn of 360 degrees costs the last bits: a nanodegree is a tenth of a millimetre.
            _ => push_decimal(lon, 9, out),
        }
        out.push(b',');
        row.push(self.lat, out);
    }
}

/// Places of tables that no geolocation is known for (photons of segmented trajectories, lists of points): the only
/// columns in degrees north and east, on the same axes. The cells of a grid are no features.
fn by_units(found: &Collected, table: &Table) -> Option<(usize, usize)> {
    let is_gridded = |v: VarId| {
        let located = found.geolocations.of(v).map(|l| &l.geolocation);
        matches!(located, Some(Geolocation::Grid { .. } | Geolocation::ProjectedGrid { .. }))
    };
    if table.variables().any(is_gridded) {
        return None;
    }
    let only = |names: &[&str]| {
        let mut all = (0..table.columns.len()).filter(|&i| {
            let units = table.columns[i].units.as_deref().unwrap_or_default();
            names.contains(&units)
        });
        let first = all.next()?;
        all.next().is_none().then_some(first)
    };
    let lat = only(&["degrees_north", "degree_north", "degrees_N", "degree_N"])?;
    let lon = only(&["degrees_east", "degree_east", "degrees_E", "degree_E"])?;
    let axes = |i: usize| &table.columns[i].axes;
    (axes(lat) == axes(lon) && !axes(lat).is_empty()).then_some((lon, lat))
}

/// The features of a granule: of its tables with places the one with the most variables.
///
/// # Errors
/// [`WriteError::Unsupported`] naming the alternative when nothing has a place of its own.
pub fn features(granule: &Granule) -> Result<(Collected, Features), WriteError> {
    let mut found = table::collect(granule);
    let with_places = found.tables.iter().filter_map(|t| Features::of(&found, t));
    let best = with_places.max_by_key(|f| f.table.variables().count());
    let best = best.ok_or_else(|| no_places(granule, &found))?;
    table::check_rows(granule, std::slice::from_ref(&best.table))?;
    found.tables = vec![best.table.clone()];
    Ok((found, best))
}

fn no_places(granule: &Granule, found: &Collected) -> WriteError {
    let grid = found
        .geolocations
        .located
        .iter()
        .any(|l| matches!(l.geolocation, Geolocation::Grid { .. } | Geolocation::ProjectedGrid { .. }));
    let detail = match grid {
        true => {
            "it is gridded, not a swath, trajectory or set of points; write geotiff, ascii or csv instead"
        }
        false => "no variable has a longitude and latitude for each of its samples; write csv instead",
    };
    WriteError::Unsupported {
        target: granule.name.clone(),
        object: "the granule".into(),
        detail: detail.into(),
    }
}

/// One part for each table with places; each holds only what its table shows.
///
/// # Errors
/// As [`features`].
pub fn parts(granule: Granule, extension: &'static str) -> Result<Vec<Part>, WriteError> {
    let found = table::collect(&granule);
    let all: Vec<Features> = found.tables.iter().filter_map(|t| Features::of(&found, t)).collect();
    match all.as_slice() {
        [] => Err(no_places(&granule, &found)),
        [_] => Ok(vec![Part::whole(granule, extension)]),
        many => Ok(many.iter().map(|f| table::part(&granule, &found, &f.table, extension)).collect()),
    }
}

/// The columns that are attributes, with the role of variables first in what users call them.
pub fn attribute_names(features: &Features) -> Vec<String> {
    let columns = features.attributes.iter().map(|&i| &features.table.columns[i]);
    columns
        .map(|c| match c.role {
            Role::Variable => c.name.trim_start_matches('/').to_owned(),
            _ => c.name.clone(),
        })
        .collect()
}
