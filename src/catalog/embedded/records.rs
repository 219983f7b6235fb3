//! What the embedded catalogue keeps of each concept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::{Collection, Granule, Grid, Variable};

/// A collection with what only the catalogue needs to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CollectionRecord {
    #[serde(flatten)]
    pub collection: Collection,
    /// Guests may not read it.
    pub restricted: bool,
    /// Tag keys with their data.
    pub tags: BTreeMap<String, Value>,
    pub processing_level: Option<String>,
    /// Its UMM record, where it was given as one.
    pub umm: Option<Value>,
    /// Extent and times follow from its granules.
    pub derived: bool,
}

/// A variable and the collections that have it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VariableRecord {
    #[serde(flatten)]
    pub variable: Variable,
    /// Concept ids.
    pub collections: Vec<String>,
    pub umm: Option<Value>,
}

/// A grid, a service or a visualization.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OtherRecord {
    pub id: String,
    pub name: String,
    /// Concept ids of the collections it belongs to.
    pub collections: Vec<String>,
    /// What the engine reads of a grid.
    pub grid: Option<Grid>,
    pub umm: Value,
}

/// A granule with what only the catalogue needs to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GranuleRecord {
    #[serde(flatten)]
    pub granule: Granule,
    /// Format of the file in UMM's words.
    pub format: Option<String>,
    /// Milliseconds since 1970 when the file was last changed.
    pub modified_ms: i64,
    pub umm: Option<Value>,
}

/// Kinds of documents, as the table says them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Collection,
    Variable,
    Service,
    Grid,
    Visualization,
}

impl Kind {
    pub const ALL: [Kind; 5] =
        [Kind::Collection, Kind::Variable, Kind::Service, Kind::Grid, Kind::Visualization];

    /// As CMR's paths and `concept-type` say it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Collection => "collection",
            Kind::Variable => "variable",
            Kind::Service => "service",
            Kind::Grid => "grid",
            Kind::Visualization => "visualization",
        }
    }

    /// What concept ids of the kind begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Kind::Collection => "C",
            Kind::Variable => "V",
            Kind::Service => "S",
            Kind::Grid => "GRD",
            Kind::Visualization => "VIS",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Kind::ALL.into_iter().find(|k| k.name() == name)
    }
}

/// Letters, number and provider of a concept id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConceptId<'a> {
    pub prefix: &'a str,
    pub number: u64,
    pub provider: &'a str,
}

impl<'a> ConceptId<'a> {
    /// Reads `C1234-PROVIDER`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (head, provider) = text.split_once('-')?;
        let digits = head.find(|c: char| c.is_ascii_digit())?;
        let (prefix, number) = head.split_at(digits);
        let letters = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_uppercase());
        let word = !provider.is_empty() && provider.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        (letters && word).then_some(())?;
        Some(ConceptId { prefix, number: number.parse().ok()?, provider })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concept_ids() {
        let id = ConceptId::parse("C1104-PVC_TS2").unwrap();
        assert_eq!((id.prefix, id.number, id.provider), ("C", 1104, "PVC_TS2"));
        assert_eq!(ConceptId::parse("GRD1-X").unwrap().prefix, "GRD");
        for bad in ["C-X", "C12", "1-X", "C1-", "C1x-Y", "c1-X", "C99999999999999999999999-X", "C1-a/b"] {
            assert_eq!(ConceptId::parse(bad), None, "{bad}");
        }
    }
}
