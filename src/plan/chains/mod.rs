//! The service chains by name, as data, and which of them serves an operation.
//!
//! The reference system runs chains of containers; here a chain is a name with capabilities, so that messages,
//! `/capabilities` and `/versions` are the same, and one engine does the work of all of them.

mod formats;
mod limits;
mod load;
mod select;
#[cfg(test)]
mod tests;
mod workflow;

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::catalog::Collection;
use crate::request::operation::DataOperation;

pub use formats::{canonical, format_name};
pub use limits::{Limit, LimitReason};
pub use load::ChainsError;
pub use workflow::WorkflowStep;

/// Name of the engine's own chain: it serves every collection and does everything.
pub const ENGINE: &str = "harmony/engine";

/// Name of the chain whose results are the granules themselves.
pub const DOWNLOAD: &str = "harmony/download";

/// All chains, in order of precedence.
#[derive(Clone, Debug, Default)]
pub struct Chains {
    pub list: Vec<Arc<Chain>>,
    /// `serviceId` is refused (`allow_service_selection = false`).
    pub forbids_service_ids: bool,
}

impl Chains {
    /// Chains in order of precedence, without the checks that files get.
    pub fn new(list: impl IntoIterator<Item = Chain>) -> Self {
        Chains { list: list.into_iter().map(Arc::new).collect(), forbids_service_ids: false }
    }

    /// The chain of that name or UMM-S id.
    pub fn find(&self, name_or_id: &str) -> Option<&Arc<Chain>> {
        let is_it = |c: &&Arc<Chain>| c.name == name_or_id || c.umm_s.as_deref() == Some(name_or_id);
        self.list.iter().find(is_it)
    }

    /// Chains that serve a collection, in order of precedence.
    pub fn serving<'a>(&'a self, collection: &'a Collection) -> impl Iterator<Item = &'a Arc<Chain>> {
        self.list.iter().filter(move |chain| chain.serves(collection))
    }
}

/// A service chain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Chain {
    /// Unique, for example `podaac/concise`.
    pub name: String,
    pub description: String,
    /// Concept id of its UMM-S record.
    pub umm_s: Option<String>,
    /// It serves every collection; may also stand among the capabilities.
    pub all_collections: Option<bool>,
    pub collections: Vec<ChainCollection>,
    /// Results are the granules themselves, by their own links.
    pub download_only: bool,
    pub capabilities: Capabilities,
    pub granule_limit: Option<u64>,
    /// False: no limit of any kind, not even `maxResults`.
    pub has_granule_limit: Option<bool>,
    /// 0 or -1: always asynchronous.
    pub maximum_sync_granules: Option<i64>,
    pub default_sync: Option<bool>,
    /// False: variables need not exist in the catalogue.
    pub validate_variables: Option<bool>,
    #[serde(deserialize_with = "steps")]
    pub steps: Vec<ChainStep>,
}

impl Chain {
    /// Whether results are the granules themselves.
    pub fn is_download(&self) -> bool {
        self.download_only || self.name == DOWNLOAD
    }

    /// Whether it is the engine's own chain.
    pub fn is_engine(&self) -> bool {
        self.name == ENGINE
    }

    /// Whether it serves a collection: by its UMM-S record, or by name where a catalogue has no such records.
    pub fn serves(&self, collection: &Collection) -> bool {
        let associated = |id: &String| *id == self.name || Some(id) == self.umm_s.as_ref();
        self.all_collections == Some(true)
            || self.capabilities.all_collections == Some(true)
            || self.collections.iter().any(|c| c.id == collection.id)
            || collection.services.iter().any(associated)
    }

    /// Concept ids of the variables that may be asked of a collection; `None`: all.
    pub fn allowed_variables(&self, collection: &str) -> Option<&[String]> {
        let own = self.collections.iter().find(|c| c.id == collection)?;
        (!own.variables.is_empty()).then_some(&own.variables)
    }
}

/// Steps as tables, or as the names of their images alone.
fn steps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ChainStep>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Step {
        Image(String),
        Table(Box<ChainStep>),
    }
    let steps = Vec::<Step>::deserialize(deserializer)?;
    Ok(steps
        .into_iter()
        .map(|step| match step {
            Step::Image(image) => ChainStep { image, ..ChainStep::default() },
            Step::Table(step) => *step,
        })
        .collect())
}

/// A collection with limits of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChainCollection {
    pub id: String,
    pub granule_limit: Option<u64>,
    /// Concept ids of the variables that may be asked for; empty: all.
    pub variables: Vec<String>,
}

/// What a chain can do. Absent keys are not shown by `/capabilities`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concatenation: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concatenate_by_default: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subsetting: Option<Subsetting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub averaging: Option<Averaging>,
    /// Media types; the first is the default for wildcards.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output_formats: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reprojection: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extend: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_extend_dimensions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_collections: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subsetting {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimension: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bbox: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temporal: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiple_variable: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Averaging {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area: Option<bool>,
}

/// A step of a chain, as `/versions` and conditions name it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChainStep {
    /// Image of the reference, without registry and tag, for example `podaac/l2ss-py`.
    pub image: String,
    /// Name of the service, for example `podaac-l2-subsetter`; empty: the last part of the image.
    pub service: String,
    /// Operations that it does; empty: it sees all of the message.
    pub operations: Vec<String>,
    /// It runs only if any of these is asked for; empty: always.
    pub exists: Vec<String>,
    /// And the format is one of these; an empty text is no format. Empty list: any.
    pub formats: Vec<String>,
    /// And the collection's native format, lower case, is one of these. Empty list: any.
    pub native_formats: Vec<String>,
    pub is_batched: bool,
    /// Items run one after another.
    pub is_sequential: bool,
    /// It begins when the step before has ended.
    pub always_wait_for_prior_step: bool,
    pub max_batch_inputs: Option<i64>,
    pub max_batch_size_in_bytes: Option<i64>,
    /// For the message's `extraArgs`.
    pub extra_args: serde_json::Map<String, serde_json::Value>,
}

impl ChainStep {
    /// Name of the service, as `/service-image-tag` has it.
    pub fn service(&self) -> &str {
        match self.service.as_str() {
            "" => self.image.rsplit('/').next().unwrap_or(&self.image),
            name => name,
        }
    }
}

/// What a chain is wanted for.
pub struct Wish<'a> {
    /// `format.mime` is the `format` parameter, if there was one.
    pub operation: &'a DataOperation,
    pub collections: &'a [Collection],
    /// `extend` was given, whatever dimensions it stands for.
    pub extend: Extend,
    /// The request said `concatenate=false`.
    pub refuses_concatenation: bool,
    /// Types of the `Accept` header by falling preference, without parameters; empty: no header.
    pub accept: &'a [String],
    /// `serviceId`.
    pub service_id: Option<&'a str>,
}

/// What a request says about `extend`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extend {
    #[default]
    NotGiven,
    /// `extend=false`.
    No,
    /// `extend=true`: the chain's default dimensions.
    Default,
    /// Dimensions, which are in the operation.
    Dimensions,
}

/// The chain that was found, and what it makes of the operation.
#[derive(Clone, Debug)]
pub struct Selected {
    pub chain: Arc<Chain>,
    /// Format of the result; `None`: none was asked for.
    pub mime: Option<String>,
    pub concatenate: bool,
    pub extend_dimensions: Vec<String>,
    /// Space and time of the request could not be served and are left out.
    pub best_effort: bool,
}

/// Why no chain serves an operation; messages in the words of the reference.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectionError {
    #[error("{0}")]
    Unsupported(String),
    /// `serviceId` is unknown or may not be used.
    #[error("{0}")]
    Invalid(String),
}
