//! How a product keeps its times where its files do not say it, or say it wrongly: the `time` entries of the product
//! table ([`crate::geolocation::products`]). [`crate::time::discover`] goes by them before what the file itself says.

use serde::Deserialize;

use super::TimeScale;

/// One `time` entry of a product. Names are globs of variable names or, when they begin with `/`, templates of paths.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeSource {
    pub decode: TimeDecode,
    /// Groups it holds for; empty: all.
    pub groups: Vec<String>,
    /// The variable (the offset, when there is a `reference`); several spellings.
    pub variable: Vec<String>,
    /// Variable that offsets are added to.
    pub reference: Option<String>,
    /// ISO 8601: the epoch of variables without usable units.
    pub epoch: Option<String>,
    /// Attribute of any group that holds the epoch or the day.
    pub epoch_attribute: Option<String>,
    /// How the numbers run, whatever the units say. `None`: as the file lets guess.
    pub scale: Option<TimeScale>,
    /// Variables that look like a time but must not be taken (`time_tai` of Sentinel-6).
    pub ignore: Vec<String>,
}

/// How a stored time becomes an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeDecode {
    /// CF `units`; `epoch` where they are missing.
    #[default]
    Units,
    /// Seconds (or the variable's unit of duration) since `epoch`.
    Epoch,
    /// `reference` (CF) plus `variable` in its own unit of duration.
    Offset,
    /// A duration since the time that `epoch_attribute` names, unless the units have an epoch.
    EpochAttribute,
    /// A modified Julian day in the long name, `(… = 48622.0)`.
    MjdInLongName,
    /// Seconds of the day that `epoch_attribute` lies in.
    SecondsOfDay,
    /// Year, Month, DayOfMonth, Hour, Minute, Second, MilliSecond beside the variable.
    SplitFields,
    /// ISO 8601 texts.
    Text,
}
