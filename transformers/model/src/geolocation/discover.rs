//! Finding the geolocation of every variable: the rules in their order.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::grids::{self, Mappings, Projected};
use super::pairs::{self, Pair, Shape};
use super::products::{self, Product, Table};
use super::roles::{Position, Roles};
use super::{GeolocationTable, Hints, Located, Rule, SameIndex, glob, sources};
use crate::ModelError;
use crate::geolocation::Geolocation;
use crate::granule::{DimId, Granule, GroupId, VarId};

/// Finds the geolocation of every variable.
///
/// Order of the rules: catalogue → product table → CF `coordinates` → dimension coordinates → `standard_name` →
/// `units` → `axis` → names. Projected axes with a grid mapping go before latitude and longitude of any kind: they
/// say the same and more exactly. Axes are matched by identity; by equal length only when one of them is anonymous
/// and no other axis has that length.
///
/// # Errors
/// [`crate::ModelError::Geolocation`] when a catalogue (`hints`) names coordinates that the granule does not have.
pub fn discover(granule: &Granule, hints: &Hints) -> Result<GeolocationTable, ModelError> {
    discover_with(granule, hints, &products::table())
}

pub(super) fn discover_with(
    granule: &Granule,
    hints: &Hints,
    table: &Table,
) -> Result<GeolocationTable, ModelError> {
    let mut finder = Finder::new(granule, hints, table)?;
    finder.mark_groups();
    super::segments::find(&mut finder);
    for v in granule.var_ids() {
        finder.locate(v);
    }
    finder.add_unused_grids();
    super::segments::follow(&mut finder);
    super::segments::time_only(&mut finder);
    super::coordinates::collect(&mut finder, hints);
    Ok(finder.table)
}

/// What is found so far.
pub(super) struct Finder<'a> {
    pub granule: &'a Granule,
    pub roles: Roles<'a>,
    pub product: Option<Arc<Product>>,
    pub table: GeolocationTable,
    products: &'a Table,
    mappings: Mappings,
    catalogue: Vec<Pair>,
    by_group: HashMap<GroupId, Vec<Pair>>,
    general: Vec<Pair>,
    known: HashMap<Key, usize>,
    parts: grids::Parts,
    /// Axes of samples that are addressed by segments: index into `table.located`.
    pub segmented: HashMap<DimId, usize>,
}

/// What makes two geolocations the same one.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    kind: &'static str,
    vars: Vec<VarId>,
    dims: Vec<DimId>,
    crs: String,
}

impl Key {
    fn of(g: &Geolocation) -> Key {
        let (vars, crs) = match g {
            Geolocation::Grid { lat, lon } => (vec![lat.var, lon.var], String::new()),
            Geolocation::ProjectedGrid { crs, .. } => (Vec::new(), crs.definition.clone()),
            Geolocation::Swath { lat, lon, .. } | Geolocation::Trajectory { lat, lon, .. } => {
                (vec![*lat, *lon], String::new())
            }
            Geolocation::Segmented(s) => (vec![s.begin], String::new()),
        };
        Key { kind: g.kind(), vars, dims: g.dims(), crs }
    }
}

/// A geolocation, how it was found, and axes that it makes follow others.
struct Found {
    geolocation: Geolocation,
    rule: Rule,
    detail: String,
    same: Vec<SameIndex>,
}

impl<'a> Finder<'a> {
    fn new(granule: &'a Granule, hints: &Hints, products: &'a Table) -> Result<Self, ModelError> {
        let roles = Roles::of(granule);
        let product = products.find(granule, hints);
        let mappings = Mappings::of(&roles);
        let catalogue = sources::catalogue_pairs(&roles, hints)?;
        let by_group = product.as_deref().map(|p| sources::product_pairs(&roles, p)).unwrap_or_default();
        let general = pairs::general_pairs(&roles);
        let table = GeolocationTable {
            of_var: vec![None; granule.vars.len()],
            product: product.clone(),
            ..GeolocationTable::default()
        };
        Ok(Finder {
            granule,
            roles,
            product,
            table,
            products,
            mappings,
            catalogue,
            by_group,
            general,
            known: HashMap::new(),
            parts: HashMap::new(),
            segmented: HashMap::new(),
        })
    }

    /// Groups that the product table has copied whole.
    fn mark_groups(&mut self) {
        let Some(product) = self.product.clone() else { return };
        for g in (0..self.granule.groups.len()).map(GroupId) {
            let path = &self.granule.group(g).path;
            if product.never_subset.iter().any(|p| glob::bind(p, path, &product.classes).is_some()) {
                self.table.never_subset.push(g);
            }
        }
    }

    /// Adds a geolocation, or finds it again; the strongest rule that led to it is kept.
    pub fn add(&mut self, geolocation: Geolocation, rule: Rule, detail: String) -> usize {
        let key = Key::of(&geolocation);
        if let Some(&i) = self.known.get(&key) {
            let old = &mut self.table.located[i];
            if rule < old.rule || (rule == old.rule && old.detail.is_empty()) {
                (old.rule, old.detail) = (rule, detail);
            }
            return i;
        }
        self.table.located.push(Located { geolocation, rule, detail });
        self.known.insert(key, self.table.located.len() - 1);
        self.table.located.len() - 1
    }

    /// Adds axes that follow others, each once.
    pub fn add_same(&mut self, same: impl IntoIterator<Item = SameIndex>) {
        for s in same {
            let known = self.table.same_index.iter().any(|o| o.dim == s.dim);
            if !known && s.dim != s.follows && self.table.leading_dim(s.follows) != s.dim {
                self.table.same_index.push(s);
            }
        }
    }

    fn locate(&mut self, v: VarId) {
        let var = self.granule.var(v);
        if var.dims.is_empty() || self.table.is_never_subset(self.granule, var.group) {
            return;
        }
        if let Some(&i) = var.dims.iter().find_map(|d| self.segmented.get(d)) {
            self.table.of_var[v.0] = Some(i);
            return;
        }
        if let Some(found) = self.find(v) {
            let index = self.add(found.geolocation, found.rule, found.detail);
            self.add_same(found.same);
            self.table.of_var[v.0] = Some(index);
        }
    }

    /// The trajectory of a variable, as the rules give it, whatever addresses it.
    pub fn trajectory_of(&mut self, v: VarId) -> Option<usize> {
        let found = self.find(v)?;
        if !matches!(found.geolocation, Geolocation::Trajectory { .. }) {
            return None;
        }
        let index = self.add(found.geolocation, found.rule, found.detail);
        self.add_same(found.same);
        Some(index)
    }

    fn find(&mut self, v: VarId) -> Option<Found> {
        let mut problem = None;
        match grids::by_axes(&self.roles, &self.mappings, self.product.as_deref(), v) {
            Projected::Found(geolocation, detail) => {
                return Some(Found {
                    geolocation,
                    rule: Rule::DimensionCoordinates,
                    detail,
                    same: Vec::new(),
                });
            }
            Projected::Problem { why, hard } => {
                let is_data = self.roles.position(v).is_none() && !self.roles.roles[v.0].bounds;
                if hard {
                    self.table.problems.extend(is_data.then_some((v, why)));
                    return None;
                }
                problem = is_data.then_some((v, why));
            }
            Projected::None => {}
        }
        let found = self.find_geographic(v);
        if found.is_none() {
            self.table.problems.extend(problem);
        }
        found
    }

    fn find_geographic(&mut self, v: VarId) -> Option<Found> {
        self.from(pairs::best(&self.roles, &self.catalogue, v).map(|(i, s)| (self.catalogue[i].clone(), s)))
            .or_else(|| self.by_product(v))
            .or_else(|| self.from(self.cf_pair(v)))
            .or_else(|| self.from(self.dimension_pair(v)))
            .or_else(|| {
                self.from(
                    pairs::best(&self.roles, &self.general, v).map(|(i, s)| (self.general[i].clone(), s)),
                )
            })
            .or_else(|| {
                let (geolocation, detail) = grids::by_geotransform(&self.roles, v)
                    .or_else(|| super::grid_header::by_header(self.granule, v))?;
                Some(Found { geolocation, rule: Rule::GridDefinition, detail, same: Vec::new() })
            })
    }

    fn from(&self, pair: Option<(Pair, Vec<SameIndex>)>) -> Option<Found> {
        let (pair, mut same) = pair?;
        let edges = self.product.as_deref().is_some_and(|p| {
            let name = &self.granule.var(pair.lat).name;
            p.cell_edges.iter().any(|e| glob::matches(e, name))
        });
        let mut detail = pair.detail.clone();
        if edges && let Some(product) = &self.product {
            detail = format!("cell edges by product '{}'", product.name);
        }
        if !same.is_empty() {
            detail = [detail.as_str(), "axes matched by equal length"]
                .iter()
                .filter(|d| !d.is_empty())
                .copied()
                .collect::<Vec<_>>()
                .join("; ");
        }
        same.extend(pair.same.iter().copied());
        let geolocation = pairs::geolocation(self.granule, &pair, edges);
        Some(Found { geolocation, rule: pair.rule, detail, same })
    }

    fn by_product(&mut self, v: VarId) -> Option<Found> {
        let product = self.product.clone()?;
        let group = self.granule.var(v).group;
        let dims = self.granule.var(v).dims.clone();
        for pair in self.by_group.get(&group).into_iter().flatten() {
            if let Some(same) = self.match_product(&product, &pair.shape.dims(), &dims) {
                return self.from(Some((pair.clone(), same)));
            }
        }
        let placed = grids::by_product(&self.roles, self.products, &product, v, &mut self.parts)?;
        let detail = format!("product '{}', grid {}", product.name, placed.grid);
        Some(Found { geolocation: placed.geolocation, rule: Rule::ProductTable, detail, same: Vec::new() })
    }

    /// [`pairs::match_dims`], where axes that the product calls the same are.
    fn match_product(&self, product: &Product, wanted: &[DimId], dims: &[DimId]) -> Option<Vec<SameIndex>> {
        if product.same_dimensions.is_empty() {
            return pairs::match_dims(self.granule, wanted, dims);
        }
        let twin = |d: DimId| {
            let dim = self.granule.dim(d);
            let rule = product.same_dimensions.iter().find(|r| r.dimension == dim.name)?;
            wanted.iter().copied().find(|&w| {
                let other = self.granule.dim(w);
                other.name == rule.follows && other.len == dim.len
            })
        };
        let twins: Vec<SameIndex> =
            dims.iter().filter_map(|&d| twin(d).map(|follows| SameIndex { dim: d, follows })).collect();
        let renamed: Vec<DimId> =
            dims.iter().map(|&d| twins.iter().find(|t| t.dim == d).map_or(d, |t| t.follows)).collect();
        let mut same = pairs::match_dims(self.granule, wanted, &renamed)?;
        same.extend(twins);
        Some(same)
    }

    /// Latitude and longitude named by the variable's `coordinates` attribute.
    fn cf_pair(&self, v: VarId) -> Option<(Pair, Vec<SameIndex>)> {
        let var = self.granule.var(v);
        let text = var.attr_text("coordinates")?;
        let (mut lats, mut lons) = (Vec::new(), Vec::new());
        for name in super::companions::references(&text) {
            let Some(c) = self.roles.resolve(var.group, &name) else { continue };
            match self.named_position(c) {
                Some(Position::Latitude) => lats.push(c),
                Some(Position::Longitude) => lons.push(c),
                None => {}
            }
        }
        let mut best: Option<(Pair, Vec<SameIndex>)> = None;
        for &lat in &lats {
            for &lon in &lons {
                let Some(pair) = Pair::new(&self.roles, lat, lon, Rule::CfCoordinates) else { continue };
                let Some(same) = pairs::match_dims(self.granule, &pair.shape.dims(), &var.dims) else {
                    continue;
                };
                let more = |b: &(Pair, _)| pair.shape.dims().len() > b.0.shape.dims().len();
                if !self.yields_to_track(&pair) && best.as_ref().is_none_or(more) {
                    best = Some((pair, same));
                }
            }
        }
        best
    }

    /// High-rate positions of an altimeter: the track itself selects.
    fn yields_to_track(&self, pair: &Pair) -> bool {
        let Shape::Swath([along, _]) = pair.shape else { return false };
        pairs::is_high_rate(&self.granule.var(pair.lat).name)
            && self.general.iter().any(|p| p.shape == Shape::Track(along))
    }

    /// What a variable is that a `coordinates` attribute names: there a name that only holds the word is enough.
    fn named_position(&self, v: VarId) -> Option<Position> {
        if let Some((position, _)) = self.roles.position(v) {
            return Some(position);
        }
        let role = &self.roles.roles[v.0];
        let var = self.granule.var(v);
        if role.time || role.bounds || role.projected.is_some() || !var.dtype.is_numeric() {
            return None;
        }
        if let Some(product) = &self.product {
            let listed = |names: &[String]| names.iter().any(|n| glob::matches(n, &var.name));
            if listed(&product.latitude_names) {
                return Some(Position::Latitude);
            }
            if listed(&product.longitude_names) {
                return Some(Position::Longitude);
            }
        }
        let angular = super::roles::units(var)
            .is_none_or(|u| u.is_empty() || u.to_ascii_lowercase().starts_with("deg"));
        let name = var.name.to_ascii_lowercase();
        match (name.contains("lat"), name.contains("lon")) {
            (true, false) if angular => Some(Position::Latitude),
            (false, true) if angular => Some(Position::Longitude),
            _ => None,
        }
    }

    /// Coordinate variables of the variable's own dimensions.
    fn dimension_pair(&self, v: VarId) -> Option<(Pair, Vec<SameIndex>)> {
        let find = |wanted: Position| {
            self.granule.var(v).dims.iter().find_map(|d| {
                let c = self.roles.dim_coordinate[d.0]?;
                (self.roles.position(c)?.0 == wanted).then_some(c)
            })
        };
        let (lat, lon) = (find(Position::Latitude)?, find(Position::Longitude)?);
        Some((Pair::new(&self.roles, lat, lon, Rule::DimensionCoordinates)?, Vec::new()))
    }

    /// Grids of which the file holds the axes only: requests for coordinates are cut all the same.
    fn add_unused_grids(&mut self) {
        let used: BTreeSet<DimId> = self.table.located.iter().flat_map(|l| l.geolocation.dims()).collect();
        for pair in self.general.clone() {
            let Shape::Grid { lat, lon } = pair.shape else { continue };
            let own = |d: DimId, v| self.roles.dim_coordinate[d.0] == Some(v);
            let free = !used.contains(&lat) && !used.contains(&lon);
            if free && own(lat, pair.lat) && own(lon, pair.lon) {
                let pair = Pair { rule: Rule::DimensionCoordinates, ..pair };
                if let Some(found) = self.from(Some((pair, Vec::new()))) {
                    self.add(found.geolocation, found.rule, found.detail);
                }
            }
        }
    }
}
