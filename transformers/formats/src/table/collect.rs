//! Which tables a granule becomes.

use std::collections::BTreeSet;

use harmony_model::geolocation::{self, GeolocationTable, Hints, companions};
use harmony_model::time::{self, TimeTable};
use harmony_model::{DType, DimId, Granule, VarId};

use super::{Column, Kind, Role, Table};

/// The tables of a granule, what was needed to find them, and what they leave out.
pub struct Collected {
    pub tables: Vec<Table>,
    pub geolocations: GeolocationTable,
    pub times: TimeTable,
    pub notices: Vec<String>,
}

/// One table for each list of dimensions that variables have, in the order of their first appearance. Bounds and grid
/// mappings are descriptions, not data; coordinates are columns beside the data they belong to, or tables when they
/// belong to none.
pub fn collect(granule: &Granule) -> Collected {
    let hints = Hints::default();
    // A granule that contradicts itself about places is still a table.
    let geolocations = geolocation::discover(granule, &hints).unwrap_or_default();
    let times = time::discover(granule, &geolocations, &hints);
    let mut collector = Collector { granule, geolocations, times, tables: Vec::new(), notices: Vec::new() };
    let descriptions = collector.descriptions();
    let coordinates = collector.coordinates();
    let is_data = |v: &VarId| !descriptions.contains(v) && !coordinates.contains(v);
    for v in granule.var_ids().filter(is_data) {
        collector.add_variable(v);
    }
    collector.add_coordinates();
    let used: BTreeSet<VarId> =
        collector.tables.iter().flat_map(|t| &t.columns).filter_map(|c| c.var).collect();
    let alone = collector.tables.is_empty();
    for v in coordinates.into_iter().filter(|v| !used.contains(v)) {
        // An axis without data says nothing beside data elsewhere; positions and times do.
        let is_axis = matches!(granule.var(v).dims.as_slice(), [d] if granule.dim_coordinate(*d) == Some(v));
        if alone || !is_axis {
            collector.add_variable(v);
        }
    }
    collector.name_columns();
    Collected {
        tables: collector.tables,
        geolocations: collector.geolocations,
        times: collector.times,
        notices: collector.notices,
    }
}

struct Collector<'a> {
    granule: &'a Granule,
    geolocations: GeolocationTable,
    times: TimeTable,
    tables: Vec<Table>,
    notices: Vec<String>,
}

/// Dims of the values of a variable: the width of texts is none.
fn dims_of(granule: &Granule, id: VarId) -> &[DimId] {
    let var = granule.var(id);
    let width = usize::from(var.dtype == DType::Char);
    &var.dims[..var.dims.len().saturating_sub(width)]
}

impl Collector<'_> {
    /// Variables that an attribute of any variable names.
    fn referenced(&self, attributes: &[&str]) -> BTreeSet<VarId> {
        let granule = self.granule;
        let texts = granule.vars.iter().flat_map(|var| {
            let names = attributes.iter().filter_map(|a| var.attr_text(a));
            names.flat_map(|t| companions::references(&t)).map(|name| (var.group, name))
        });
        texts.filter_map(|(group, name)| granule.resolve_var(group, &name)).collect()
    }

    fn descriptions(&self) -> BTreeSet<VarId> {
        let mut out = self.referenced(&["bounds", "climatology", "grid_mapping"]);
        out.extend(
            self.granule.var_ids().filter(|&v| self.granule.var(v).attr("grid_mapping_name").is_some()),
        );
        // `grid_mapping = "crs: x y"` names the axes too.
        out.retain(|&v| !matches!(self.granule.var(v).dims.as_slice(), [d] if self.granule.dim_coordinate(*d) == Some(v)));
        out
    }

    fn coordinates(&self) -> BTreeSet<VarId> {
        let mut out = self.referenced(&["coordinates"]);
        let dims = (0..self.granule.dims.len()).map(DimId);
        out.extend(dims.filter_map(|d| self.granule.dim_coordinate(d)));
        out.extend(self.geolocations.located.iter().flat_map(|l| self.positions(&l.geolocation)));
        out.extend(self.times.axes.iter().map(|a| a.var));
        out
    }

    /// The variables that give places; segment indices are data.
    fn positions(&self, geolocation: &geolocation::Geolocation) -> Vec<VarId> {
        match geolocation {
            geolocation::Geolocation::Segmented(_) => Vec::new(),
            other => other.variables(),
        }
    }

    fn add_variable(&mut self, id: VarId) {
        let var = self.granule.var(id);
        let Some(kind) = Kind::of(self.granule, &self.times, id) else {
            let notice = format!(
                "{}: '{}' is not in the table: it holds {}",
                self.granule.name,
                var.path,
                var.dtype.name()
            );
            return self.notices.push(notice);
        };
        let dims = dims_of(self.granule, id).to_vec();
        if dims.iter().enumerate().any(|(i, d)| dims[..i].contains(d)) {
            let notice =
                format!("{}: '{}' is not in the table: it has an axis twice", self.granule.name, var.path);
            return self.notices.push(notice);
        }
        let axes = (0..dims.len()).collect();
        let column = Column {
            role: Role::Variable,
            name: var.path.clone(),
            var: Some(id),
            axes,
            kind,
            units: var.attr_text("units"),
        };
        match self.tables.iter_mut().find(|t| t.dims == dims) {
            Some(table) => table.columns.push(column),
            None => {
                let mut columns: Vec<Column> =
                    (0..dims.len()).map(|axis| self.dimension(dims[axis], axis)).collect();
                columns.push(column);
                self.tables.push(Table { dims, columns });
            }
        }
    }

    /// The column of a dimension: its coordinate, else its index.
    fn dimension(&self, dim: DimId, axis: usize) -> Column {
        let coordinate = self.granule.dim_coordinate(dim);
        let shown = coordinate.and_then(|v| Kind::of(self.granule, &self.times, v).map(|kind| (v, kind)));
        let (var, kind) = shown.map_or((None, Kind::Index), |(v, kind)| (Some(v), kind));
        let name = self.granule.dim(dim).name.clone();
        let units = var.and_then(|v| self.granule.var(v).attr_text("units"));
        Column { role: Role::Dimension, name, var, axes: vec![axis], kind, units }
    }

    /// Puts coordinates between the dimensions and the variables they belong to.
    fn add_coordinates(&mut self) {
        for t in 0..self.tables.len() {
            let table = &self.tables[t];
            let mut wanted: BTreeSet<VarId> = BTreeSet::new();
            for v in table.variables() {
                let var = self.granule.var(v);
                let named = var.attr_text("coordinates").unwrap_or_default();
                let names = companions::references(&named);
                wanted.extend(names.iter().filter_map(|n| self.granule.resolve_var(var.group, n)));
                if let Some(located) = self.geolocations.of(v) {
                    wanted.extend(self.positions(&located.geolocation));
                }
                wanted.extend(self.times.for_var(v).map(|a| a.var));
            }
            let present: BTreeSet<VarId> = table.columns.iter().filter_map(|c| c.var).collect();
            let found: Vec<Column> = wanted
                .into_iter()
                .filter(|v| !present.contains(v))
                .filter_map(|v| self.coordinate(v, t))
                .collect();
            let at = self.tables[t].dims.len();
            self.tables[t].columns.splice(at..at, found);
        }
    }

    fn coordinate(&self, id: VarId, table: usize) -> Option<Column> {
        let dims = &self.tables[table].dims;
        let place = |d: &DimId| dims.iter().position(|t| t == d);
        let axes = dims_of(self.granule, id).iter().map(place).collect::<Option<Vec<usize>>>()?;
        let kind = Kind::of(self.granule, &self.times, id)?;
        let var = self.granule.var(id);
        let name = if var.group == Granule::ROOT { var.name.clone() } else { var.path.clone() };
        let units = var.attr_text("units");
        Some(Column { role: Role::Coordinate, name, var: Some(id), axes, kind, units })
    }

    /// Headers are unique: a name that stands twice becomes the path of its variable or dimension.
    fn name_columns(&mut self) {
        for table in &mut self.tables {
            for i in 0..table.columns.len() {
                let name = table.columns[i].name.clone();
                if table.columns.iter().filter(|c| c.name == name).count() < 2 {
                    continue;
                }
                let column = &mut table.columns[i];
                column.name = match (column.role, column.var) {
                    (_, Some(v)) => self.granule.var(v).path.clone(),
                    _ => {
                        let dim = self.granule.dim(table.dims[column.axes[0]]);
                        format!(
                            "{}#{i}",
                            harmony_model::granule::join(&self.granule.group(dim.group).path, &dim.name)
                        )
                    }
                };
            }
        }
    }
}
