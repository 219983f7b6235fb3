//! Which granules belong together: rules for file names in `batches.toml`.

mod name;
mod zone;

use std::collections::HashMap;
use std::sync::LazyLock;

use harmony_model::ModelError;
use serde::Deserialize;

use name::Part;
use zone::Zone;

const BUILT_IN: &str = include_str!("batches.toml");

/// Rules for the file names of collections.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    #[serde(default)]
    collection: Vec<Collection>,
    #[serde(default)]
    zone: HashMap<String, Zone>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Collection {
    name: String,
    parts: Vec<Part>,
    key: Vec<String>,
    day: Option<Day>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Day {
    of: String,
    zone: String,
}

impl Rules {
    /// The rules that come with the program.
    pub fn built_in() -> &'static Rules {
        static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::parse(BUILT_IN).unwrap_or_default());
        &RULES
    }

    /// Rules from a text like `batches.toml`.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] naming what is not understood.
    pub fn parse(text: &str) -> Result<Rules, ModelError> {
        let rules: Rules =
            toml::from_str(text).map_err(|e| ModelError::Invalid(format!("batch rules: {e}")))?;
        for collection in &rules.collection {
            let known = |n: &String| collection.parts.iter().any(|p| p.name.as_ref() == Some(n));
            let day = collection.day.iter().map(|d| &d.of);
            if let Some(unknown) = collection.key.iter().chain(day).find(|n| !known(n)) {
                let message = format!("batch rules: {}: no part is named '{unknown}'", collection.name);
                return Err(ModelError::Invalid(message));
            }
            if let Some(day) = collection.day.as_ref().filter(|d| !rules.zone.contains_key(&d.zone)) {
                let message = format!("batch rules: {}: no zone is named '{}'", collection.name, day.zone);
                return Err(ModelError::Invalid(message));
            }
        }
        Ok(rules)
    }

    /// What granules of one batch have in common; `None` when no rule knows the name.
    pub fn key(&self, file: &str) -> Option<Vec<String>> {
        let file = base_name(file);
        self.collection.iter().find_map(|c| {
            let found = name::find(file, &c.parts)?;
            let value = |n: &String| found.get(n.as_str()).cloned().unwrap_or_default();
            let mut key = vec![c.name.clone()];
            key.extend(c.key.iter().map(value));
            if let Some(day) = &c.day {
                key.push(self.zone.get(&day.zone)?.day(&value(&day.of))?);
            }
            Some(key)
        })
    }
}

/// The last component of a path or address, without its query.
fn base_name(location: &str) -> &str {
    let path = location.split(['?', '#']).next().unwrap_or(location);
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

/// Numbers of the names of each batch, in the order of first appearance; a name that no rule knows is a batch of its own.
pub fn batches(names: &[String], rules: &Rules) -> Vec<Vec<usize>> {
    let mut out: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<Vec<String>, usize> = HashMap::new();
    for (i, name) in names.iter().enumerate() {
        match rules.key(name) {
            None => out.push(vec![i]),
            Some(key) => {
                let at = *known.entry(key).or_insert(out.len());
                if at == out.len() {
                    out.push(Vec::new());
                }
                out[at].push(i);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Batch number of every name.
    fn numbers(names: &[&str]) -> Vec<usize> {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut out = vec![usize::MAX; names.len()];
        for (b, batch) in batches(&names, Rules::built_in()).into_iter().enumerate() {
            batch.into_iter().for_each(|i| out[i] = b);
        }
        out
    }

    fn tempo(product: &str, rest: &[&str]) -> Vec<String> {
        rest.iter().map(|r| format!("TEMPO_{product}_{r}.nc")).collect()
    }

    fn numbers_of(names: &[String]) -> Vec<usize> {
        numbers(&names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    const B1: [&str; 9] = [
        "20240731T235252Z_S016G04",
        "20240731T235929Z_S016G05",
        "20240801T000606Z_S016G06",
        "20240801T001302Z_S017G01",
        "20240801T001942Z_S017G02",
        "20240801T002619Z_S017G03",
        "20240801T233313Z_S016G01",
        "20240801T233953Z_S016G02",
        "20240801T234630Z_S016G03",
    ];

    #[test]
    fn scans_past_midnight_stay_together() {
        let names = tempo("NO2_L2_V03", &B1);
        assert_eq!(numbers_of(&names), [0, 0, 0, 1, 1, 1, 2, 2, 2]);
        let days: Vec<String> =
            names.iter().map(|n| Rules::built_in().key(n).unwrap().pop().unwrap()).collect();
        assert_eq!(days[..6], vec!["20240731"; 6]);
        assert_eq!(days[6..], vec!["20240801"; 3]);
    }

    #[test]
    fn near_real_time_names() {
        let names = tempo(
            "NO2_L2_NRT_V02",
            &[
                "20250711T183227Z_S010G04",
                "20250711T183904Z_S010G05",
                "20250711T184541Z_S010G06",
                "20250711T185856Z_S010G08",
                "20250712T000606Z_S016G03",
                "20250712T001927Z_S016G05",
                "20250712T161248Z_S008G01",
                "20250712T162608Z_S008G03",
                "20250712T170552Z_S008G09",
            ],
        );
        assert_eq!(numbers_of(&names), [0, 0, 0, 0, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn three_scans_of_two_granules() {
        let names = tempo(
            "NO2_L2_V03",
            &[
                "20240601T210934Z_S012G01",
                "20240601T211614Z_S012G02",
                "20240601T220934Z_S013G01",
                "20240601T221614Z_S013G02",
                "20240601T230934Z_S014G01",
                "20240601T231614Z_S014G02",
            ],
        );
        assert_eq!(numbers_of(&names), [0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn the_local_day_ends_at_six_in_winter_and_five_in_summer() {
        let winter = tempo("NO2_L2_V03", &["20241201T055959Z_S001G01", "20241201T060000Z_S001G02"]);
        assert_eq!(numbers_of(&winter), [0, 1]);
        let summer = tempo("NO2_L2_V03", &["20240701T045959Z_S001G01", "20240701T050000Z_S001G02"]);
        assert_eq!(numbers_of(&summer), [0, 1]);
        assert_eq!(Rules::built_in().key(&summer[0]).unwrap().pop().unwrap(), "20240630");
    }

    #[test]
    fn batches_are_numbered_by_first_appearance() {
        let names = tempo("NO2_L2_V03", &["20240801T001302Z_S017G01", "20240731T235252Z_S016G04"]);
        assert_eq!(numbers_of(&names), [0, 1]);
        assert_eq!(Rules::built_in().key(&names[0]).unwrap()[5], "S017");
    }

    #[test]
    fn products_versions_and_latencies_are_apart() {
        let rest = "20240731T235252Z_S016G04.nc";
        let names = [
            format!("TEMPO_NO2_L2_V03_{rest}"),
            format!("TEMPO_HCHO_L2_V03_{rest}"),
            format!("TEMPO_NO2_L2_V04_{rest}"),
            format!("TEMPO_NO2_L2_NRT_V03_{rest}"),
            format!("TEMPO_NO2_L2_V03_{rest}"),
        ];
        assert_eq!(numbers_of(&names), [0, 1, 2, 3, 0]);
    }

    #[test]
    fn an_unknown_name_is_alone_and_moves_nobody() {
        let mut names = tempo("NO2_L2_V03", &["20240731T235252Z_S016G04", "20240731T235929Z_S016G05"]);
        names.insert(1, "something_else.nc".into());
        assert_eq!(numbers_of(&names), [0, 1, 0]);
    }

    #[test]
    fn addresses_and_suffixes_don_t_matter() {
        let names = [
            "TEMPO_NO2_L2_V03_20240731T235252Z_S016G04.nc",
            "https://host/a_b/TEMPO_NO2_L2_V03_20240731T235929Z_S016G05_subsetted.nc4?token=TEMPO_x",
            "C123-LARC_CLOUD_TEMPO_NO2_L2_V03_20240731T235252Z_S016G04.nc",
        ];
        assert_eq!(numbers(&names), [0, 0, 0]);
    }

    #[test]
    fn proxies_zeros_and_small_letters_are_recognised() {
        let key = |n: &str| Rules::built_in().key(n);
        let proxy = key("TEMPO_O3PROF-PROXY_L2_V01_20130831T222959Z_S014G06.nc").unwrap();
        assert_eq!(proxy[1], "O3PROF-PROXY");
        assert!(key("TEMPO_CLDO4_L2_V03_20240731T235252Z_S016G04.nc").is_some());
        assert!(key("TEMPO_H2O10x_L2_V03_20240731T235252Z_S016G04.nc").is_some());
        assert!(key("TEMPO_NO2_L2_V03_20240731T235252Z_S016G04.txt").is_none());
    }

    #[test]
    fn no_names_no_batches() {
        assert!(batches(&[], Rules::built_in()).is_empty());
        assert!(!Rules::built_in().collection.is_empty());
    }

    #[test]
    fn rules_that_contradict_themselves_are_refused() {
        let text = "[[collection]]\nname = 'A'\nparts = [{ form = 'A' }]\nkey = ['b']";
        assert!(Rules::parse(text).unwrap_err().to_string().contains("'b'"));
        assert!(Rules::parse("colection = 1").is_err());
    }
}
