//! What must be known about the times of products because their files do not say it, or say it wrongly.
//!
//! The rules are data; [`crate::time::discover`] takes the entries of the granule's product and falls back on what the
//! file itself says.

use super::TimeScale;
use crate::geolocation::Hints;
use crate::granule::Granule;

/// How a product keeps a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeSource {
    pub decode: TimeDecode,
    /// Groups it holds for; empty: all. `*` is any text.
    pub groups: Vec<String>,
    /// The variable (the offset, when there is a `reference`): names, or paths when they hold a `/`.
    pub variable: Vec<String>,
    /// Variable that offsets are added to.
    pub reference: Option<String>,
    /// ISO 8601: the epoch of variables without usable units.
    pub epoch: Option<String>,
    /// Attribute of any group that holds the epoch or the day.
    pub epoch_attribute: Option<String>,
    /// How the numbers run, whatever the units say. `None`: as the file lets guess.
    pub scale: Option<TimeScale>,
    /// Variables that look like a time but must not be taken.
    pub ignore: Vec<String>,
}

/// How a stored time becomes an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// One row of the table: names (short names or beginnings of file names, `*` any text) and their time source.
struct Row {
    names: &'static [&'static str],
    variable: &'static [&'static str],
    decode: TimeDecode,
    /// ISO epoch or the name of the attribute that holds it.
    epoch: &'static str,
    scale: TimeScale,
    ignore: &'static [&'static str],
}

const ROWS: &[Row] = &[
    // ATLAS SDP epoch: 2018-01-01T00:00:00 UTC, GPS seconds from there (ICESat-2 product specifications).
    Row {
        names: &["ATL0*", "ATL1*", "ATL2*", "processed_ATL*"],
        variable: &["delta_time*", "transect_time", "bif_delta_time", "time"],
        decode: TimeDecode::Units,
        epoch: "2018-01-01T00:00:00Z",
        scale: TimeScale::Gps,
        ignore: &[],
    },
    // "Transmit time of the shot since Jan 1 00:00 2018" (GEDI L1B, L2 user guides).
    Row {
        names: &["GEDI0*", "GEDI_L*", "GEDI L*"],
        variable: &["delta_time"],
        decode: TimeDecode::Units,
        epoch: "2018-01-01T00:00:00Z",
        scale: TimeScale::Gps,
        ignore: &["master_frac"],
    },
    Row {
        names: &["TEMPO_*"],
        variable: &["/geolocation/time", "time"],
        decode: TimeDecode::Units,
        epoch: "1980-01-06T00:00:00Z",
        scale: TimeScale::Gps,
        ignore: &[],
    },
    Row {
        names: &["CYGNSS*", "cyg0*", "cyg.ddmi*"],
        variable: &["ddm_timestamp_utc", "sample_time"],
        decode: TimeDecode::EpochAttribute,
        epoch: "time_coverage_start",
        scale: TimeScale::Utc,
        ignore: &["ddm_timestamp_gps*", "pvt_timestamp*", "att_timestamp*"],
    },
    Row {
        names: &["SMAP_JPL_L2B*", "SMAP_L2B_SSS*"],
        variable: &["row_time"],
        decode: TimeDecode::SecondsOfDay,
        epoch: "REV_START_TIME",
        scale: TimeScale::Utc,
        ignore: &[],
    },
    Row {
        names: &["MOP02*"],
        variable: &["SecondsinDay"],
        decode: TimeDecode::SecondsOfDay,
        epoch: "StartDateTime",
        scale: TimeScale::Utc,
        ignore: &[],
    },
    Row {
        names: &["OMPS_N*", "OMPS-N*"],
        variable: &["UTC_CCSDS_A", "UTC_CCSDA_A"],
        decode: TimeDecode::Text,
        epoch: "",
        scale: TimeScale::Utc,
        ignore: &[],
    },
    Row {
        names: &["JASON_CS_S6A*", "S6A_*", "S6B_*", "SWOT_L2_*"],
        variable: &["time"],
        decode: TimeDecode::Units,
        epoch: "",
        scale: TimeScale::Utc,
        ignore: &["time_tai"],
    },
];

/// The sources known for a granule: by short name from outside, its own short name, or its file name.
pub fn sources(granule: &Granule, hints: &Hints) -> Vec<TimeSource> {
    let root = granule.group(Granule::ROOT);
    let own = ["short_name", "ShortName", "shortName", "identifier_product_type"];
    let mut names: Vec<String> = hints.short_name.iter().cloned().collect();
    names.extend(own.iter().filter_map(|name| root.attr_text(name)));
    names.push(granule.name.clone());
    let known = |row: &&Row| row.names.iter().any(|p| names.iter().any(|n| matches(p, n)));
    ROWS.iter().filter(known).map(Row::source).collect()
}

impl Row {
    fn source(&self) -> TimeSource {
        let texts = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect();
        let epoch = (!self.epoch.is_empty()).then(|| self.epoch.to_owned());
        let named = matches!(self.decode, TimeDecode::EpochAttribute | TimeDecode::SecondsOfDay);
        let (epoch, epoch_attribute) = if named { (None, epoch) } else { (epoch, None) };
        TimeSource {
            decode: self.decode,
            variable: texts(self.variable),
            epoch,
            epoch_attribute,
            scale: Some(self.scale),
            ignore: texts(self.ignore),
            ..TimeSource::default()
        }
    }
}

impl TimeSource {
    /// Whether the rule is about the variable of that path and name in that group.
    pub fn applies(&self, path: &str, name: &str, group: &str) -> bool {
        let named = |p: &String| if p.contains('/') { matches(p, path) } else { matches(p, name) };
        self.variable.iter().any(named)
            && (self.groups.is_empty() || self.groups.iter().any(|g| matches(g, group)))
    }

    /// Whether the rule forbids the variable.
    pub fn ignores(&self, name: &str) -> bool {
        self.ignore.iter().any(|p| matches(p, name))
    }
}

/// Case-insensitive match; `*` is any text and `{class}` too, `?` one character.
fn matches(pattern: &str, text: &str) -> bool {
    let mut plain = Vec::with_capacity(pattern.len());
    let mut class = false;
    for c in pattern.chars().flat_map(char::to_lowercase) {
        match c {
            '{' => class = true,
            '}' => {
                class = false;
                plain.push('*');
            }
            c if !class => plain.push(c),
            _ => {}
        }
    }
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    wildcard(&plain, &text)
}

/// Greedy match with one place to come back to: linear for one `*`, quadratic at worst.
fn wildcard(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            back = Some((p + 1, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((after_star, from)) = back {
            back = Some((after_star, from + 1));
            (p, t) = (after_star, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names_and_paths() {
        assert!(matches("ATL0*", "ATL03_2018.h5") && !matches("ATL0*", "xATL03"));
        assert!(matches("/{beam}/*/delta_time", "/gt1l/heights/delta_time"));
        assert!(matches("a?c*e", "ABCDDE") && !matches("a?c*e", "abcd") && matches("*", ""));
    }

    #[test]
    fn a_product_is_known_by_hint_attribute_or_file_name() {
        let granule = Granule::new("TEMPO_NO2_L2_V03_20240601T210934Z_S012G01.nc", "netcdf4");
        let found = sources(&granule, &Hints::default());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].scale, Some(TimeScale::Gps));
        let unknown = Granule::new("a.nc", "netcdf4");
        assert!(sources(&unknown, &Hints::default()).is_empty());
        let hints = Hints { short_name: Some("ATL08".into()), ..Hints::default() };
        assert_eq!(sources(&unknown, &hints)[0].epoch.as_deref(), Some("2018-01-01T00:00:00Z"));
    }

    #[test]
    fn attribute_epochs_are_told_from_dates() {
        let granule = Granule::new("SMAP_L2B_SSS_1.h5", "netcdf4");
        let source = &sources(&granule, &Hints::default())[0];
        assert_eq!(
            (source.epoch.as_deref(), source.epoch_attribute.as_deref()),
            (None, Some("REV_START_TIME"))
        );
        assert!(source.applies("/row_time", "row_time", "/") && !source.applies("/time", "time", "/"));
    }
}
