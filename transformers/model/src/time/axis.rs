//! A time axis: which variable holds the times of which dimensions, and how to read it.

use super::decode::Decode;
use super::{Calendar, DateTime, TimeScale, TimeUnits};
use crate::array::Window;
use crate::granule::{DimId, Granule, VarId};
use crate::request::TimeRange;
use crate::{ModelError, ReadError};

/// Which rule found a time axis; `--explain` shows it. In order of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimeRule {
    /// Named by a catalogue.
    Catalogue,
    ProductTable,
    /// An offset from a reference time beside it (GHRSST `sst_dtime`, TROPOMI `delta_time`).
    ReferenceAndOffset,
    /// Listed in the `coordinates` attribute of the variable.
    CfCoordinates,
    DimensionCoordinate,
    StandardName,
    Units,
    Names,
    /// Texts with dates: the last resort.
    Text,
}

impl TimeRule {
    /// The rule in words.
    pub fn description(self) -> &'static str {
        match self {
            TimeRule::Catalogue => "named by the catalogue",
            TimeRule::ProductTable => "product table",
            TimeRule::ReferenceAndOffset => "reference time and offset",
            TimeRule::CfCoordinates => "CF coordinates attribute",
            TimeRule::DimensionCoordinate => "dimension coordinate",
            TimeRule::StandardName => "standard_name",
            TimeRule::Units => "units",
            TimeRule::Names => "name",
            TimeRule::Text => "texts with dates",
        }
    }
}

/// Where the times of some dimensions are kept.
///
/// `dims` are those of `var` (without the text width of a `Char` array). In files with anonymous HDF5 dimensions they
/// may be equal-sized twins of the dimensions of the data.
#[derive(Clone, Debug)]
pub struct TimeAxis {
    /// The variable that holds the times; of split fields the one with the years, of an offset the offset.
    pub var: VarId,
    pub dims: Vec<DimId>,
    pub rule: TimeRule,
    /// Further words for `--explain`.
    pub detail: String,
    /// CF `bounds`: (n, 2).
    pub bounds: Option<VarId>,
    pub(super) decode: Decode,
}

impl TimeAxis {
    /// Times of `window` (in this axis' own dims) as UTC seconds since 1970-01-01, in the day count of its own
    /// calendar; NaN where there is none. Row-major.
    ///
    /// # Errors
    /// What reading says; [`ModelError::Invalid`] when the window has another rank.
    pub fn read_seconds(&self, granule: &Granule, window: &Window) -> Result<Vec<f64>, ModelError> {
        if window.0.len() != self.dims.len() {
            return Err(ModelError::Invalid(format!(
                "{}: a window of {} axes was asked of time '{}', which has {}",
                granule.name,
                window.0.len(),
                granule.var(self.var).path,
                self.dims.len()
            )));
        }
        self.decode.read(granule, self.var, window)
    }

    /// All times.
    ///
    /// # Errors
    /// As [`TimeAxis::read_seconds`].
    pub fn read_all(&self, granule: &Granule) -> Result<Vec<f64>, ModelError> {
        let shape: Vec<u64> = self.dims.iter().map(|&d| granule.dim(d).len).collect();
        self.read_seconds(granule, &Window::all(&shape))
    }

    /// CF bounds of every time, in the count of [`TimeAxis::read_seconds`], the lower one first. `None` when the axis
    /// has none.
    ///
    /// # Errors
    /// What reading says; [`ReadError::Corrupt`] when the bounds are not two per time.
    pub fn bounds_seconds(&self, granule: &Granule) -> Result<Option<Vec<[f64; 2]>>, ModelError> {
        let (Some(id), Decode::Units { units, .. }) = (self.bounds, &self.decode) else {
            return Ok(None);
        };
        let var = granule.var(id);
        let count = self.dims.iter().map(|&d| granule.dim(d).len).fold(1, u64::saturating_mul);
        let shape = granule.shape(id);
        if shape.last() != Some(&2) || shape.iter().copied().fold(1, u64::saturating_mul) / 2 != count {
            let detail =
                format!("as time bounds of {count} times it should be ({count}, 2), it is {shape:?}");
            return Err(ReadError::corrupt(&granule.name, format!("variable '{}'", var.path), detail).into());
        }
        // CF 1.11 §7.1: bounds share the units of their parent unless they say something else.
        let own = var.attr_text("units").and_then(|u| {
            let parent = granule.var(self.var).attr_text("calendar");
            let calendar = var.attr_text("calendar").or(parent);
            TimeUnits::parse(&u, calendar.as_deref()).ok()
        });
        let units = TimeUnits { scale: units.scale, ..own.unwrap_or_else(|| units.clone()) };
        let values = Decode::Units { units, wrap: None }.read(granule, id, &Window::all(&shape))?;
        let pair = |p: &[f64]| [p[0].min(p[1]), p[0].max(p[1])];
        Ok(Some(values.chunks_exact(2).map(pair).collect()))
    }

    /// A request time in the count of [`TimeAxis::read_seconds`].
    pub fn bound(&self, time: &DateTime) -> f64 {
        match &self.decode {
            Decode::Units { units, .. } if units.scale == TimeScale::Utc => units.from_datetime(time),
            _ => time.seconds(),
        }
    }

    /// A request range in that count; an open end is infinite.
    pub fn range(&self, range: &TimeRange) -> [f64; 2] {
        [
            range.start.map_or(f64::NEG_INFINITY, |t| self.bound(&t)),
            range.end.map_or(f64::INFINITY, |t| self.bound(&t)),
        ]
    }

    pub fn calendar(&self) -> Calendar {
        match &self.decode {
            Decode::Units { units, .. } => units.calendar,
            _ => Calendar::Standard,
        }
    }

    pub fn scale(&self) -> TimeScale {
        match &self.decode {
            Decode::Units { units, .. } | Decode::Offset { units, .. } => units.scale,
            Decode::Split(_) | Decode::Text => TimeScale::Utc,
        }
    }

    /// Units and calendar when the values of `var` are numbers on one axis of units: what an operation that computes
    /// new times encodes with.
    pub fn units(&self) -> Option<&TimeUnits> {
        match &self.decode {
            Decode::Units { units, .. } => Some(units),
            _ => None,
        }
    }

    /// The variables that its times are made of.
    pub fn variables(&self) -> Vec<VarId> {
        let mut out = vec![self.var];
        match &self.decode {
            Decode::Offset { reference, .. } => out.push(*reference),
            Decode::Split(f) => {
                out.extend([f.month, f.day, f.hour, f.minute, f.second]);
                out.extend(f.millisecond);
            }
            Decode::Units { .. } | Decode::Text => {}
        }
        out
    }

    /// Whether its seconds are those of the real calendar, so that they stand for a [`DateTime`].
    pub fn is_utc(&self) -> bool {
        matches!(self.calendar(), Calendar::Standard | Calendar::ProlepticGregorian)
    }

    /// One line for `--explain`: variable, rule, decoding.
    pub fn describe(&self, granule: &Granule) -> String {
        let path = &granule.var(self.var).path;
        let detail = if self.detail.is_empty() { String::new() } else { format!(" ({})", self.detail) };
        format!(
            "time {path}, found by {}{detail}; {}",
            self.rule.description(),
            self.decode.describe(granule)
        )
    }
}
