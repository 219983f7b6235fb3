//! The product table: what must be known about products because their files do not say it.
//!
//! Kept as data (`products.toml`); a user's file of the same form goes before it.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, RwLock};

use serde::Deserialize;

use super::Hints;
use super::glob::{self, matches};
pub use super::short_name::short_name;
use crate::ModelError;
use crate::granule::{Granule, VarId};
use crate::time::products::TimeSource;

/// One entry of the table. Names in it may hold `*` and `?`; paths also `{class}` and `**`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Product {
    pub name: String,
    /// Short names of the collection. `SPL3SMP*` is a prefix, `SPL3SMP` that name alone.
    pub short_names: Vec<String>,
    /// File names, for granules that do not say what they are.
    pub files: Vec<String>,
    /// Texts of attributes that tell the product; all must match.
    pub attributes: Vec<AttributeRule>,
    /// What a path component `{class}` may be: `beam = "gt??"`.
    pub classes: BTreeMap<String, String>,
    /// Where groups have their positions.
    pub locations: Vec<LocationRule>,
    /// Further names that mean latitude and longitude in this product.
    pub latitude_names: Vec<String>,
    pub longitude_names: Vec<String>,
    /// Further variables that are coordinates: never masked.
    pub coordinates: Vec<String>,
    /// Named grids ([`GridDefinition`]) that variables without axes lie on.
    pub grids: Vec<String>,
    /// 2-D variables with row and column of the named grid (from 0), for granules that are parts of it.
    pub grid_rows: Vec<String>,
    pub grid_columns: Vec<String>,
    /// Axes whose values are lower edges of cells.
    pub cell_edges: Vec<String>,
    /// Grid mapping when the file has none: a CRS in any notation.
    pub crs: Option<String>,
    pub same_index: Vec<SameIndexRule>,
    pub same_dimensions: Vec<SameDimensionRule>,
    pub segments: Vec<SegmentRule>,
    pub reverse: Vec<ReverseRule>,
    /// Groups that are copied whole.
    pub never_subset: Vec<String>,
    /// Groups that have times but no positions.
    pub time_only: Vec<String>,
    /// Variables that come along with any variable request.
    pub required: Vec<String>,
    /// How times are kept.
    pub time: Vec<TimeSource>,
}

/// An attribute whose text matches `value`. `path` is a group; without it the root.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttributeRule {
    pub path: String,
    pub name: String,
    pub value: String,
}

/// Positions of the variables in `groups`; the first names that exist count. Names are relative to the group or
/// absolute.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocationRule {
    pub groups: Vec<String>,
    pub latitude: Vec<String>,
    pub longitude: Vec<String>,
}

/// Index *i* in `groups` is index *i* in `follows`, a group that has positions.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SameIndexRule {
    pub groups: Vec<String>,
    pub follows: String,
}

/// Two names of one axis; they must be equally long.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SameDimensionRule {
    pub dimension: String,
    pub follows: String,
}

/// Segments in group `segments` own samples in the group or variable `samples`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SegmentRule {
    pub samples: String,
    pub segments: String,
    pub begin: String,
    pub count: Option<String>,
}

/// Samples in `child` carry the index of their parent in group `parent`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReverseRule {
    pub child: String,
    pub parent: String,
    pub index: String,
}

/// A named grid: `x0`, `y0` are the outer upper left corner, in CRS units.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridDefinition {
    pub name: String,
    pub crs: String,
    pub rows: u64,
    pub columns: u64,
    pub x0: f64,
    pub y0: f64,
    /// Size of a cell; rows run southwards.
    pub cell: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TableFile {
    grid: Vec<GridDefinition>,
    product: Vec<Product>,
}

/// Products and named grids.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// One list of entries per file; users' files first.
    layers: Vec<Vec<Arc<Product>>>,
    grids: Vec<GridDefinition>,
}

/// `products.toml` as the build script leaves it.
static BUILT_IN: LazyLock<Arc<Table>> = LazyLock::new(|| {
    let file = serde_json::from_slice(include_bytes!(concat!(env!("OUT_DIR"), "/products.json")));
    Arc::new(Table::of(file.expect("products.toml: tested")))
});

static TABLE: LazyLock<RwLock<Arc<Table>>> = LazyLock::new(|| RwLock::new(BUILT_IN.clone()));

/// The table in force.
pub fn table() -> Arc<Table> {
    TABLE.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
}

/// Puts the entries of a user's table before those in force.
///
/// # Errors
/// [`ModelError::Invalid`] naming the line that is wrong; the table stays as it was.
pub fn extend(text: &str) -> Result<(), ModelError> {
    let mut user = Table::parse(text)?;
    let mut slot = TABLE.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    user.append(&slot);
    *slot = Arc::new(user);
    Ok(())
}

/// The product of a granule, by the table in force.
pub fn find(granule: &Granule, hints: &Hints) -> Option<Arc<Product>> {
    table().find(granule, hints)
}

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] saying where and what is wrong.
    pub fn parse(text: &str) -> Result<Table, ModelError> {
        let file: TableFile =
            toml::from_str(text).map_err(|e| ModelError::Invalid(format!("product table: {e}")))?;
        let table = Table::of(file);
        for product in table.products() {
            // The grids that are built in are there for users' products too.
            let is_known = |grid: &str| table.grid(grid).is_some() || BUILT_IN.grid(grid).is_some();
            if let Some(grid) = product.grids.iter().find(|grid| !is_known(grid)) {
                return Err(ModelError::Invalid(format!(
                    "product table: '{}' names the grid '{grid}', which is not there; add it as [[grid]]",
                    product.name
                )));
            }
        }
        Ok(table)
    }

    fn of(file: TableFile) -> Table {
        Table { layers: vec![file.product.into_iter().map(Arc::new).collect()], grids: file.grid }
    }

    /// Puts another table's entries behind these.
    pub fn append(&mut self, other: &Table) {
        self.layers.extend(other.layers.iter().cloned());
        self.grids.extend(other.grids.iter().cloned());
    }

    /// The named grid.
    pub fn grid(&self, name: &str) -> Option<&GridDefinition> {
        self.grids.iter().find(|g| g.name == name)
    }

    /// All entries, in order of precedence.
    pub fn products(&self) -> impl Iterator<Item = &Arc<Product>> {
        self.layers.iter().flatten()
    }

    /// The entry for a granule: by short name, else by attributes, else by file name; in a user's table before the
    /// built-in one. Of several patterns the longest one wins, of equal ones the first.
    pub fn find(&self, granule: &Granule, hints: &Hints) -> Option<Arc<Product>> {
        let short_name = short_name(granule, hints);
        self.layers.iter().find_map(|layer| {
            short_name
                .as_deref()
                .and_then(|name| longest(layer, name, |p| &p.short_names))
                .or_else(|| layer.iter().find(|p| p.attributes_match(granule)))
                .or_else(|| longest(layer, &granule.name, |p| &p.files))
                .cloned()
        })
    }
}

/// The product with the longest of its patterns that `text` matches.
fn longest<'a>(
    layer: &'a [Arc<Product>],
    text: &str,
    patterns: fn(&Product) -> &[String],
) -> Option<&'a Arc<Product>> {
    let mut best: Option<(usize, &Arc<Product>)> = None;
    for product in layer {
        for pattern in patterns(product).iter().filter(|p| matches(p, text)) {
            if best.is_none_or(|(len, _)| pattern.len() > len) {
                best = Some((pattern.len(), product));
            }
        }
    }
    best.map(|(_, p)| p)
}

impl Product {
    /// The first `time` entry that is about a variable.
    pub fn time_source(&self, granule: &Granule, id: VarId) -> Option<&TimeSource> {
        let var = granule.var(id);
        let group = &granule.group(var.group).path;
        let fits = |template: &String, path: &str| glob::bind(template, path, &self.classes).is_some();
        let named = |name: &String| match name.starts_with('/') {
            true => fits(name, &var.path),
            false => matches(name, &var.name),
        };
        self.time.iter().find(|source| {
            source.variable.iter().any(named)
                && (source.groups.is_empty() || source.groups.iter().any(|g| fits(g, group)))
        })
    }

    /// Whether variables of that name look like times but are none.
    pub fn ignores_time(&self, name: &str) -> bool {
        self.time.iter().flat_map(|source| &source.ignore).any(|pattern| matches(pattern, name))
    }

    fn attributes_match(&self, granule: &Granule) -> bool {
        !self.attributes.is_empty()
            && self.attributes.iter().all(|rule| {
                (0..granule.groups.len()).map(crate::GroupId).any(|g| {
                    let path = &granule.group(g).path;
                    let here = if rule.path.is_empty() {
                        g == Granule::ROOT
                    } else {
                        glob::bind(&rule.path, path, &self.classes).is_some()
                    };
                    here && granule
                        .group(g)
                        .attr_text(&rule.name)
                        .is_some_and(|text| matches(&rule.value, text.trim()))
                })
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::TimeScale;
    use crate::time::products::TimeDecode;
    use crate::{DType, MemoryArray};

    fn granule(name: &str) -> Granule {
        Granule::new(name, "netcdf4")
    }

    fn product_of(name: &str) -> Option<String> {
        let hints = Hints { short_name: Some(name.into()), ..Hints::default() };
        find(&granule("x.nc"), &hints).map(|p| p.name.clone())
    }

    #[test]
    fn the_built_in_table_is_well_formed_and_its_names_are_unique() {
        let table = Table::parse(include_str!("../products.toml")).unwrap();
        assert_eq!(table.layers, BUILT_IN.layers);
        let mut names: Vec<_> = table.products().map(|p| p.name.clone()).collect();
        names.sort();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
        for product in table.products() {
            assert!(
                !(product.short_names.is_empty()
                    && product.files.is_empty()
                    && product.attributes.is_empty()),
                "{} can't be recognised",
                product.name
            );
            for rule in &product.segments {
                assert!(rule.begin.len() > 1, "{}", product.name);
            }
        }
    }

    #[test]
    fn a_product_is_known_by_short_name_with_prefixes_where_written() {
        assert_eq!(product_of("ATL03").unwrap(), "ATL03");
        assert_eq!(product_of("SPL3SMP_E").unwrap(), "SMAP L3");
        assert_eq!(product_of("OMNO2").unwrap(), "OMI L2");
        assert_eq!(product_of("no such product"), None);
    }

    #[test]
    fn the_file_name_is_the_last_resort() {
        let found = find(&granule("SC_SPL3SMP_008_prefetch.nc4"), &Hints::default()).unwrap();
        assert_eq!(found.name, "SMAP L3");
    }

    #[test]
    fn time_entries_are_found_by_name_path_and_group() {
        let mut g = granule("MLS-Aura_L2GP-O3.he5");
        let swath = g.add_group(Granule::ROOT, "HDFEOS");
        let swath = g.add_group(swath, "SWATHS");
        let swath = g.add_group(swath, "O3");
        let fields = g.add_group(swath, "Geolocation Fields");
        let mut add = |group, name: &str| {
            g.add_var(group, name, DType::F64, vec![], Arc::new(MemoryArray::of(&[], &[0.0])))
        };
        let (time, elsewhere) = (add(fields, "Time"), add(Granule::ROOT, "Time"));
        let product = find(&g, &Hints::default()).unwrap();
        let source = product.time_source(&g, time).unwrap();
        assert_eq!(source.scale, Some(TimeScale::Tai));
        assert!(product.time_source(&g, elsewhere).is_none());
        let sentinel = find(&granule("S6A_P4_2__LR_.nc"), &Hints::default()).unwrap();
        assert!(sentinel.ignores_time("time_tai") && !sentinel.ignores_time("time"));
    }

    #[test]
    fn a_user_may_say_how_a_product_keeps_its_times() {
        let text = "[[product]]\nname = \"Mine\"\nfiles = [\"mine_*\"]\n\
                    time = [{ variable = [\"t\"], decode = \"epoch\", epoch = \"2000-01-01\", scale = \"GPS\" }]\n";
        let table = Table::parse(text).unwrap();
        let product = table.find(&granule("mine_1.nc"), &Hints::default()).unwrap();
        assert_eq!(product.time[0].decode, TimeDecode::Epoch);
        let error = Table::parse(&text.replace("GPS", "Mars")).unwrap_err().to_string();
        assert!(error.contains("Mars") && error.contains("UTC"), "{error}");
    }

    #[test]
    fn a_wrong_table_says_what_is_wrong() {
        let error = Table::parse("[[product]]\nname = \"X\"\nlatitud = 1\n").unwrap_err().to_string();
        assert!(error.contains("latitud"), "{error}");
        let error =
            Table::parse("[[product]]\nname = \"X\"\ngrids = [\"nowhere\"]\n").unwrap_err().to_string();
        assert!(error.contains("nowhere"), "{error}");
    }
}
