//! Styles of the operator's own: `[[style]]` in `collections.toml`.

use std::path::Path;

use harmony_formats::image::{self, Colours};
use harmony_formats::write::Style;
use serde::{Deserialize, Serialize};

/// A style with a name. Colours are either those of a known map or a table.
///
/// ```toml
/// [[style]]
/// name = "sst"
/// title = "Sea surface temperature"
/// map = "turbo"            # or table = "0 0 0 128\n30 255 0 0", or file = "sst.cpt"
/// range = [271.0, 305.0]
/// log = false              # true: colours run with the logarithm of the values
/// variables = ["sea_surface_temperature", "C1234-PROV/analysed_sst"]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UserStyle {
    pub name: String,
    pub title: String,
    /// Name of a built-in map.
    pub map: Option<String>,
    /// Text of a colour table (GDAL, `.cpt`).
    pub table: Option<String>,
    /// File with such a text, relative to the file that names it.
    pub file: Option<String>,
    /// Values of the first and last colour.
    pub range: Option<[f64; 2]>,
    /// Colours run with the logarithm of the values; goes with `map`.
    pub log: bool,
    /// Variables whose default it is: names, or `<collection id>/<name>`.
    pub variables: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    style: Vec<UserStyle>,
}

impl UserStyle {
    /// The styles of a file; whatever else is in it is left alone.
    ///
    /// # Errors
    /// Naming file, style and remedy.
    pub fn read_all(path: &Path) -> Result<Vec<UserStyle>, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|e| format!("{shown}: can't be read ({e}); check collections_file"))?;
        let file: File = toml::from_str(&text).map_err(|e| format!("{shown}: {e}"))?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let mut styles = file.style;
        for style in &mut styles {
            style.complete(folder).map_err(|e| format!("{shown}: style '{}': {e}", style.name))?;
        }
        Ok(styles)
    }

    /// Takes in the file and tries the colours.
    fn complete(&mut self, folder: &Path) -> Result<(), String> {
        if self.name.is_empty() || self.name.contains([',', ':', '/', ' ']) {
            return Err("its name is empty or has a comma, colon, slash or blank in it".into());
        }
        if let Some(file) = self.file.take() {
            let text = std::fs::read_to_string(folder.join(&file))
                .map_err(|e| format!("{file} can't be read ({e})"))?;
            self.table = Some(text);
        }
        if self.map.is_some() == self.table.is_some() {
            return Err("give it either map or table (or file)".into());
        }
        if self.log && (self.table.is_some() || self.range.is_some_and(|[low, _]| low <= 0.0)) {
            return Err("log goes with map, and with a range above 0".into());
        }
        self.colours().map(|_| ())
    }

    /// Its colours.
    ///
    /// # Errors
    /// What is not understood about them.
    pub fn colours(&self) -> Result<Colours, String> {
        let style = match (&self.map, &self.table) {
            (Some(map), _) => Style::Named(map.clone()),
            (None, table) => {
                Style::Table { name: self.name.clone(), text: table.clone().unwrap_or_default() }
            }
        };
        image::colours(&style, false)
    }

    /// Whether it is the default of a variable.
    pub fn is_default_of(&self, collection: &str, path: &str) -> bool {
        let path = path.trim_start_matches('/');
        let last = path.rsplit('/').next().unwrap_or(path);
        self.variables.iter().any(|v| match v.split_once('/') {
            Some((c, name)) if c == collection => name == path || name == last,
            _ => v == path || v == last,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_read_beside_whatever_else_the_file_says() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("collections.toml");
        let text = "[[collection]]\nshort_name = 'x'\n[[style]]\nname = 'sst'\nfile = 'sst.txt'\n\
                    range = [0.0, 30.0]\nvariables = ['C1-A/sst']\n";
        std::fs::write(&file, text).unwrap();
        let error = UserStyle::read_all(&file).unwrap_err();
        assert!(error.contains("style 'sst'") && error.contains("sst.txt"), "{error}");
        std::fs::write(dir.path().join("sst.txt"), "0 0 0 255\n30 255 0 0\n").unwrap();
        let styles = UserStyle::read_all(&file).unwrap();
        assert!(
            styles[0].is_default_of("C1-A", "/data/sst") && !styles[0].is_default_of("C2-A", "/data/sst")
        );
        std::fs::write(&file, "[[style]]\nname = 'a'\nmap = 'no such'\n").unwrap();
        assert!(UserStyle::read_all(&file).is_err());
    }
}
