//! `collections.toml`: names for collections and variables that files don't say, and concepts without files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::embedded::Embedded;
use super::embedded::records::{CollectionRecord, GranuleRecord, Kind, OtherRecord, VariableRecord};
use super::{CatalogError, Collection, Granule, Grid, Variable, umm};
use crate::maps::UserStyle;

/// What the file says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Naming {
    #[serde(rename = "collection")]
    pub collections: Vec<NamedCollection>,
    #[serde(rename = "grid")]
    pub grids: Vec<Grid>,
    #[serde(rename = "service")]
    pub services: Vec<NamedOther>,
    #[serde(rename = "visualization")]
    pub visualizations: Vec<NamedOther>,
    /// Granules without files.
    #[serde(rename = "granule")]
    pub granules: Vec<Granule>,
    /// Styles of maps; they are the map service's to read.
    #[serde(rename = "style")]
    pub styles: Vec<UserStyle>,
    /// Patterns of files with UMM-JSON or CMR's JSON, relative to this file.
    pub records: Vec<String>,
    #[serde(skip)]
    folder: PathBuf,
}

/// A collection and which files are its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NamedCollection {
    /// Concept id; without one it is given one that stays.
    pub id: String,
    pub short_name: String,
    pub version: String,
    pub title: String,
    pub summary: String,
    pub data_center: String,
    pub archive_center: Option<String>,
    /// Patterns of paths or addresses; one without a leading `/` or scheme matches below any folder.
    pub files: Vec<String>,
    pub native_format: Option<String>,
    pub processing_level: Option<String>,
    /// Concept ids of UMM-S records.
    pub services: Vec<String>,
    pub visualizations: Vec<String>,
    pub eula_identifiers: Vec<String>,
    /// Tag `harmony.has-eula`.
    pub has_eula: Option<bool>,
    pub tags: BTreeMap<String, Value>,
    /// Guests may not read it.
    pub restricted: bool,
    pub granule_limit: Option<u64>,
    /// west, south, east, north; without it the extent follows from the granules.
    pub boxes: Vec<[f64; 4]>,
    pub time_start: Option<String>,
    pub time_end: Option<String>,
    pub revised: String,
    /// Only what is said here is different from what files say.
    pub variables: Vec<Variable>,
}

/// A service or visualization.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NamedOther {
    pub id: String,
    pub name: String,
    pub collections: Vec<String>,
    /// Its UMM record.
    pub umm: Value,
}

impl Naming {
    /// Reads the file.
    ///
    /// # Errors
    /// Naming file, place and remedy.
    pub fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|e| format!("{shown}: can't be read ({e}); check collections_file"))?;
        let mut naming: Naming = toml::from_str(&text).map_err(|e| format!("{shown}: {e}"))?;
        for collection in &naming.collections {
            if collection.short_name.is_empty() {
                return Err(format!("{shown}: a collection has no short_name; give it one"));
            }
            for pattern in &collection.files {
                pattern_of(pattern).map_err(|e| format!("{shown}: the pattern '{pattern}' of files {e}"))?;
            }
        }
        naming.folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(naming)
    }

    /// The collection that an input belongs to: by pattern of its location, else by the short name it says itself.
    pub fn find(&self, location: &str, short_name: &str) -> Option<&NamedCollection> {
        let by_file = |c: &&NamedCollection| c.files.iter().any(|p| file_matches(p, location));
        let by_name = |c: &&NamedCollection| c.files.is_empty() && c.short_name == short_name;
        self.collections.iter().find(by_file).or_else(|| self.collections.iter().find(by_name))
    }

    /// Puts everything that is named into the catalogue.
    ///
    /// # Errors
    /// [`CatalogError`], naming what is wrong.
    pub async fn apply(&self, catalog: &Embedded) -> Result<(), CatalogError> {
        for named in &self.collections {
            let stored = catalog.insert_collection(named.record()).await?;
            let own = |v: &Variable| VariableRecord {
                variable: v.clone(),
                collections: vec![stored.collection.id.clone()],
                umm: None,
            };
            // Those without an id wait for a file that has them.
            let variables = named.variables.iter().filter(|v| !v.id.is_empty()).map(own).collect();
            catalog.insert_variables(variables).await?;
        }
        let grids = self.grids.iter().map(umm::grid_record).collect();
        catalog.insert_others(Kind::Grid, grids).await?;
        for (kind, list) in [(Kind::Service, &self.services), (Kind::Visualization, &self.visualizations)] {
            let records = list.iter().map(NamedOther::record).collect();
            catalog.insert_others(kind, records).await?;
        }
        let granule = |g: &Granule| GranuleRecord { granule: g.clone(), ..GranuleRecord::default() };
        catalog.insert_granules(self.granules.iter().map(granule).collect()).await?;
        for pattern in &self.records {
            self.load(pattern, catalog).await?;
        }
        Ok(())
    }

    async fn load(&self, pattern: &str, catalog: &Embedded) -> Result<(), CatalogError> {
        let wrong = |detail: String| CatalogError::Rejected { status: 400, message: detail };
        let pattern = self.folder.join(pattern);
        let shown = pattern.display().to_string();
        let paths = glob::glob(&shown).map_err(|e| wrong(format!("records: '{shown}': {}", e.msg)))?;
        for path in paths.flatten() {
            let named = path.display().to_string();
            let text = std::fs::read(&path).map_err(|e| wrong(format!("{named}: can't be read ({e})")))?;
            let document = serde_json::from_slice(&text).map_err(|e| wrong(format!("{named}: {e}")))?;
            umm::load(&document, catalog).await.map_err(|e| wrong(format!("{named}: {e}")))?;
        }
        Ok(())
    }
}

impl NamedCollection {
    /// The record that the names make; what files say comes from them.
    pub fn record(&self) -> CollectionRecord {
        let collection = Collection {
            id: self.id.clone(),
            short_name: self.short_name.clone(),
            version: if self.version.is_empty() { "1".into() } else { self.version.clone() },
            title: if self.title.is_empty() { self.short_name.clone() } else { self.title.clone() },
            summary: self.summary.clone(),
            data_center: self.data_center.clone(),
            archive_center: self.archive_center.clone(),
            boxes: self.boxes.clone(),
            time_start: self.time_start.clone(),
            time_end: self.time_end.clone(),
            services: self.services.clone(),
            visualizations: self.visualizations.clone(),
            native_format: self.native_format.clone(),
            eula_identifiers: self.eula_identifiers.clone(),
            has_eula: self.has_eula,
            revised: self.revised.clone(),
            granule_limit: self.granule_limit,
            ..Collection::default()
        };
        CollectionRecord {
            derived: self.boxes.is_empty() && self.time_start.is_none(),
            collection,
            restricted: self.restricted,
            tags: self.tags.clone(),
            processing_level: self.processing_level.clone(),
            umm: None,
        }
    }

    /// What is said of a variable, on top of what the file says.
    pub fn name_variable(&self, found: &mut Variable) {
        let Some(named) = self.variables.iter().find(|v| v.name == found.name) else { return };
        if !named.id.is_empty() {
            found.id.clone_from(&named.id);
        }
        for (own, said) in [
            (&mut found.long_name, &named.long_name),
            (&mut found.units, &named.units),
            (&mut found.kind, &named.kind),
            (&mut found.subkind, &named.subkind),
        ] {
            if said.is_some() {
                own.clone_from(said);
            }
        }
        if !named.related_urls.is_empty() {
            found.related_urls.clone_from(&named.related_urls);
        }
        if !named.science_keywords.is_empty() {
            found.science_keywords.clone_from(&named.science_keywords);
        }
    }
}

impl NamedOther {
    fn record(&self) -> OtherRecord {
        let mut umm = self.umm.clone();
        if let Value::Null = umm {
            umm = serde_json::json!({ "Name": self.name });
        }
        OtherRecord {
            id: self.id.clone(),
            name: self.name.clone(),
            collections: self.collections.clone(),
            grid: None,
            umm,
        }
    }
}

fn pattern_of(pattern: &str) -> Result<glob::Pattern, String> {
    let anywhere = !pattern.starts_with('/') && !pattern.contains("://") && !pattern.starts_with("**");
    let text = if anywhere { format!("**/{pattern}") } else { pattern.to_owned() };
    glob::Pattern::new(&text).map_err(|e| format!("is not valid: {}", e.msg))
}

fn file_matches(pattern: &str, location: &str) -> bool {
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
    let location = location.split(['?', '#']).next().unwrap_or_default();
    pattern_of(pattern).is_ok_and(|p| p.matches_with(location.trim_end_matches('/'), options))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_short_names_decide_the_collection() {
        let naming: Naming = toml::from_str(
            "[[collection]]\nshort_name = \"A\"\nfiles = [\"modis/*.hdf\"]\n\
             [[collection]]\nshort_name = \"B\"\nid = \"C7-X\"\n\
             variables = [{ name = \"red\", id = \"V1-X\", units = \"K\" }]\n\
             [[grid]]\nname = \"G\"\ncrs = \"EPSG:3035\"\nx = [0, 10]\ny = [0, 20]\nresolution = [1, 2]\n\
             width = 10\nheight = 10\n",
        )
        .unwrap();
        let name = |l: &str, s: &str| naming.find(l, s).map(|c| c.short_name.as_str());
        assert_eq!(name("/data/modis/x.hdf", "B"), Some("A"));
        assert_eq!(name("https://h/modis/x.hdf?token=1", ""), Some("A"));
        assert_eq!(name("/data/modis/sub/x.hdf", "B"), Some("B"));
        assert_eq!(name("/data/y.hdf", "Q"), None);
        let mut red = Variable { name: "red".into(), units: Some("1".into()), ..Variable::default() };
        naming.collections[1].name_variable(&mut red);
        assert_eq!((red.id.as_str(), red.units.as_deref()), ("V1-X", Some("K")));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(&file, "[[collection]]\nshortname = \"x\"\n").unwrap();
        assert!(Naming::read(&file).unwrap_err().contains("shortname"));
        std::fs::write(&file, "[[collection]]\nshort_name = \"x\"\nfiles = [\"[a\"]\n").unwrap();
        assert!(Naming::read(&file).unwrap_err().contains("[a"));
        assert!(Naming::read(&dir.path().join("absent")).unwrap_err().contains("absent"));
    }
}
