//! Which variables of a granule hold times, judged one by one.

use std::collections::HashSet;

use super::axis::TimeRule;
use super::decode::{Decode, SplitFields};
use super::products::{TimeDecode, TimeSource};
use super::units::duration_seconds;
use super::{DateTime, TimeScale, TimeUnits};
use crate::ModelError;
use crate::dtype::DType;
use crate::geolocation::products::Product;
use crate::granule::{DimId, Granule, GroupId, VarId, Variable};

/// A variable that holds times and how it is read.
pub(super) struct Candidate {
    pub var: VarId,
    pub dims: Vec<DimId>,
    pub rule: TimeRule,
    pub detail: String,
    pub decode: Decode,
}

/// All candidates, and the variables that should be times but can't be read as such.
#[derive(Default)]
pub(super) struct Candidates {
    pub found: Vec<Candidate>,
    pub problems: Vec<(VarId, ModelError)>,
}

/// Seconds from 1970-01-01 to the epochs that tell a scale.
const EPOCH_1980_01_06: f64 = 315_964_800.0;
pub(super) const EPOCH_1993: f64 = 725_846_400.0;
/// Modified Julian day of 1970-01-01.
const MJD_1970: f64 = 40_587.0;

/// Looks at every variable. `catalogue`: paths of time variables named from outside.
pub(super) fn all(granule: &Granule, catalogue: &[String], product: Option<&Product>) -> Candidates {
    let bounds = bounds_variables(granule);
    let named: Vec<String> = catalogue.iter().map(|n| n.replace("__", "/")).collect();
    let mut out = Candidates::default();
    for id in granule.var_ids() {
        let var = granule.var(id);
        let ignored = product.is_some_and(|p| p.ignores_time(&var.name));
        if bounds.contains(&id) || ignored || var.dtype.has_slots() && var.dtype != DType::String {
            continue;
        }
        match judge(granule, id, product) {
            Ok(Some(mut candidate)) => {
                let path = var.path.trim_start_matches('/');
                if named.iter().any(|n| n.trim_start_matches('/') == path) {
                    candidate.rule = TimeRule::Catalogue;
                }
                out.found.push(candidate);
            }
            Ok(None) => {}
            Err(problem) => out.problems.push((id, problem)),
        }
    }
    out
}

/// Bounds belong to their parent: they are no axes of their own.
fn bounds_variables(granule: &Granule) -> HashSet<VarId> {
    let of = |var: &Variable| {
        ["bounds", "climatology"].iter().filter_map(|name| var.attr_text(name)).collect::<Vec<_>>()
    };
    let found = granule.vars.iter().flat_map(|var| {
        of(var).into_iter().filter_map(|name| granule.resolve_var(var.group, name.trim())).collect::<Vec<_>>()
    });
    found.collect()
}

/// The first rule that understands the variable.
fn judge(granule: &Granule, id: VarId, product: Option<&Product>) -> Result<Option<Candidate>, ModelError> {
    let var = granule.var(id);
    if let Some(source) = product.and_then(|p| p.time_source(granule, id)) {
        let by_product = from_source(granule, id, source)?;
        if let Some((decode, detail)) = by_product {
            return Ok(Some(candidate(granule, id, TimeRule::ProductTable, detail, decode)));
        }
    }
    if var.dtype.is_text() {
        return Ok(text_candidate(granule, id));
    }
    if !var.dtype.is_numeric() {
        return Ok(None);
    }
    if let Some(units) = units_text(var) {
        let parsed = parse_units(granule, id, &units)?;
        let scale = guess_scale(var, &parsed);
        let decode = Decode::Units { units: TimeUnits { scale, ..parsed }, wrap: None };
        return Ok(Some(candidate(granule, id, rule_of(granule, id), units, decode)));
    }
    Ok(mjd_candidate(granule, id)
        .or_else(|| offset_candidate(granule, id))
        .or_else(|| hdf_eos_candidate(granule, id))
        .or_else(|| split_candidate(granule, id)))
}

fn candidate(granule: &Granule, var: VarId, rule: TimeRule, detail: String, decode: Decode) -> Candidate {
    let v = granule.var(var);
    let mut dims = v.dims.clone();
    if decode == Decode::Text && v.dtype == DType::Char {
        dims.pop();
    }
    Candidate { var, dims, rule, detail, decode }
}

/// The attribute that says `… since …`: `units`, or what HDF-EOS products have in its place.
fn units_text(var: &Variable) -> Option<String> {
    let names = ["units", "Units", "UNITS", "unit", "description"];
    names.iter().filter_map(|n| var.attr_text(n)).find(|u| TimeUnits::looks_like(u))
}

fn parse_units(granule: &Granule, id: VarId, units: &str) -> Result<TimeUnits, ModelError> {
    let var = granule.var(id);
    TimeUnits::parse(units, var.attr_text("calendar").as_deref()).map_err(|detail| ModelError::TimeUnits {
        granule: granule.name.clone(),
        variable: var.path.clone(),
        units: units.into(),
        detail,
    })
}

/// Which generic rule recognises a variable with time units.
fn rule_of(granule: &Granule, id: VarId) -> TimeRule {
    let var = granule.var(id);
    if let [dim] = var.dims[..]
        && granule.dim_coordinate(dim) == Some(id)
    {
        TimeRule::DimensionCoordinate
    } else if var.attr_text("standard_name").is_some_and(|s| s.trim() == "time") {
        TimeRule::StandardName
    } else {
        TimeRule::Units
    }
}

/// The scale that names, texts and epoch tell. Most axes are UTC.
fn guess_scale(var: &Variable, units: &TimeUnits) -> TimeScale {
    let text = |name: &str| var.attr_text(name).unwrap_or_default();
    let short = [var.name.clone(), text("long_name"), text("units"), text("Title")].join(" ").to_lowercase();
    let long = [text("description"), text("comment")].join(" ").to_lowercase();
    let has = |s: &str, word: &str| s.split(|c: char| !c.is_ascii_alphanumeric()).any(|w| w == word);
    if units.scale != TimeScale::Utc || has(&short, "utc") || var.name.starts_with("timeMidScan") {
        return units.scale;
    }
    if has(&short, "tai") || has(&short, "tai93") {
        return if units.epoch == EPOCH_1993 { TimeScale::Tai } else { TimeScale::TaiDates };
    }
    let eos =
        var.path.starts_with("/HDFEOS/") || var.name == "Scan_Start_Time" || var.name.starts_with("EV_");
    if units.epoch == EPOCH_1993 && eos {
        return TimeScale::Tai;
    }
    let gps_epoch = units.epoch == EPOCH_1980_01_06 && !has(&long, "utc");
    if has(&short, "gps") || long.contains("gps second") || gps_epoch {
        return TimeScale::Gps;
    }
    TimeScale::Utc
}

/// What an entry of the product table makes of a variable; `None` when the file lacks what the entry counts on.
fn from_source(
    granule: &Granule,
    id: VarId,
    source: &TimeSource,
) -> Result<Option<(Decode, String)>, ModelError> {
    let var = granule.var(id);
    let numeric = var.dtype.is_numeric();
    let plain = |units: TimeUnits| Decode::Units { units, wrap: None };
    let own = match units_text(var).filter(|_| numeric) {
        Some(u) => Some(parse_units(granule, id, &u)?),
        None => None,
    };
    let step = var.attr_text("units").and_then(|u| duration_seconds(&u)).unwrap_or(1.0);
    let scaled = |units: TimeUnits| {
        let scale = source.scale.unwrap_or_else(|| guess_scale(var, &units));
        TimeUnits { scale, ..units }
    };
    let since = |epoch: DateTime| {
        scaled(TimeUnits { step, ..TimeUnits::seconds_since(epoch.seconds(), TimeScale::Utc) })
    };
    let epoch = source.epoch.as_deref().and_then(|e| DateTime::parse(e).ok());
    let attribute = source.epoch_attribute.as_deref().and_then(|name| epoch_attribute(granule, name));
    let found = match source.decode {
        TimeDecode::Text if var.dtype.is_text() => Some((Decode::Text, String::new())),
        TimeDecode::SplitFields if numeric => {
            split_fields(granule, var).map(|f| (Decode::Split(f), String::new()))
        }
        _ if !numeric => None,
        TimeDecode::Units => {
            own.map(|u| (plain(scaled(u)), String::new())).or_else(|| with_epoch(epoch, since))
        }
        TimeDecode::Epoch => with_epoch(epoch, since),
        TimeDecode::EpochAttribute => {
            own.map(|u| (plain(scaled(u)), String::new())).or_else(|| with_epoch(attribute, since))
        }
        TimeDecode::Offset => {
            let name = source.reference.as_deref().unwrap_or("time");
            offset_from(granule, id, name).map(|d| (d, String::new()))
        }
        TimeDecode::MjdInLongName => mjd_units(var).map(|u| (plain(u), "epoch in long_name".into())),
        TimeDecode::SecondsOfDay => attribute.map(|start| {
            let day = start.micros.div_euclid(86_400_000_000) as f64 * 86_400.0;
            let units = TimeUnits { step, ..TimeUnits::seconds_since(day, TimeScale::Utc) };
            let detail = format!("seconds of the day of {start}");
            (Decode::Units { units, wrap: Some(start.seconds() - day) }, detail)
        }),
        TimeDecode::Text | TimeDecode::SplitFields => None,
    };
    Ok(found)
}

fn with_epoch(epoch: Option<DateTime>, since: impl Fn(DateTime) -> TimeUnits) -> Option<(Decode, String)> {
    let epoch = epoch?;
    Some((Decode::Units { units: since(epoch), wrap: None }, format!("epoch {epoch}")))
}

/// A date in an attribute of any group.
fn epoch_attribute(granule: &Granule, name: &str) -> Option<DateTime> {
    granule.groups.iter().find_map(|g| DateTime::parse(&g.attr_text(name)?).ok())
}

/// Merged altimetry: `long_name` ends in `(… = 48622.0)`, `comment` speaks of the Modified Julian Day.
fn mjd_candidate(granule: &Granule, id: VarId) -> Option<Candidate> {
    let var = granule.var(id);
    if !var.attr_text("comment")?.to_lowercase().contains("modified julian day") {
        return None;
    }
    let decode = Decode::Units { units: mjd_units(var)?, wrap: None };
    Some(candidate(granule, id, TimeRule::Names, "Modified Julian Day in long_name".into(), decode))
}

fn mjd_units(var: &Variable) -> Option<TimeUnits> {
    let text = var.attr_text("long_name")?;
    let number = text.rsplit('=').next()?.trim().trim_end_matches(')').trim();
    let mjd: f64 = number.parse().ok().filter(|m: &f64| (0.0..200_000.0).contains(m))?;
    let step = var.attr_text("units").and_then(|u| duration_seconds(&u)).unwrap_or(1.0);
    Some(TimeUnits { step, ..TimeUnits::seconds_since((mjd - MJD_1970) * 86_400.0, TimeScale::Utc) })
}

/// GHRSST, TROPOMI, SNDR: a duration that is added to a reference time beside it.
fn offset_candidate(granule: &Granule, id: VarId) -> Option<Candidate> {
    let var = granule.var(id);
    let text = |name: &str| var.attr_text(name).unwrap_or_default().to_lowercase();
    // SNDR: "start_time plus …" names the reference.
    let comment = text("comment");
    let by_comment = comment.split_once(" plus").map(|(head, _)| head.trim().to_owned());
    let known = matches!(var.name.to_lowercase().as_str(), "sst_dtime" | "delta_time" | "obs_time" | "dtime");
    let described = text("long_name").contains("difference from reference time")
        || text("long_name").contains("offset from reference");
    if !(known || described) || var.dims.is_empty() {
        return None;
    }
    let names = by_comment.iter().map(String::as_str).chain(["time", "reference_time", "time_reference"]);
    let decode = names.into_iter().find_map(|name| offset_from(granule, id, name))?;
    Some(candidate(granule, id, TimeRule::ReferenceAndOffset, String::new(), decode))
}

fn offset_from(granule: &Granule, id: VarId, reference: &str) -> Option<Decode> {
    let var = granule.var(id);
    let step = duration_seconds(&var.attr_text("units").or_else(|| var.attr_text("Units"))?)?;
    let base = granule.resolve_var(var.group, reference).filter(|&r| r != id)?;
    let base_var = granule.var(base);
    if !base_var.dtype.is_numeric() {
        return None;
    }
    let units = TimeUnits::parse(&units_text(base_var)?, base_var.attr_text("calendar").as_deref()).ok()?;
    let scale = guess_scale(base_var, &units);
    Some(Decode::Offset { reference: base, units: TimeUnits { scale, ..units }, step })
}

/// `Time` of HDF-EOS swaths counts TAI seconds since 1993-01-01 and has no epoch in its units.
fn hdf_eos_candidate(granule: &Granule, id: VarId) -> Option<Candidate> {
    let var = granule.var(id);
    if var.name != "Time" || !var.path.contains("/Geolocation Fields/") || !var.dtype.is_float() {
        return None;
    }
    let units = TimeUnits::seconds_since(EPOCH_1993, TimeScale::Tai);
    let decode = Decode::Units { units, wrap: None };
    Some(candidate(granule, id, TimeRule::Names, "HDF-EOS Time, TAI-93".into(), decode))
}

/// GPM ScanTime: the candidate is the variable with the years.
fn split_candidate(granule: &Granule, id: VarId) -> Option<Candidate> {
    let var = granule.var(id);
    let fields = var.name.eq_ignore_ascii_case("year").then(|| split_fields(granule, var)).flatten()?;
    Some(candidate(granule, id, TimeRule::Names, "calendar fields".into(), Decode::Split(fields)))
}

/// The fields beside a variable in its group; all must have as many axes.
fn split_fields(granule: &Granule, var: &Variable) -> Option<SplitFields> {
    let beside = |names: &[&str]| find_beside(granule, var.group, var.dims.len(), names);
    Some(SplitFields {
        year: beside(&["Year"])?,
        month: beside(&["Month"])?,
        day: beside(&["DayOfMonth", "Day"])?,
        hour: beside(&["Hour"])?,
        minute: beside(&["Minute"])?,
        second: beside(&["Second"])?,
        millisecond: beside(&["MilliSecond"]),
    })
    .filter(|f| {
        let shape = granule.shape(f.year);
        let rest = [f.month, f.day, f.hour, f.minute, f.second];
        rest.iter().chain(&f.millisecond).all(|&v| granule.shape(v) == shape)
    })
}

fn find_beside(granule: &Granule, group: GroupId, rank: usize, names: &[&str]) -> Option<VarId> {
    names.iter().find_map(|name| {
        granule.var_ids().find(|&v| {
            let var = granule.var(v);
            let numeric = var.dtype.is_numeric() && var.dims.len() == rank;
            var.group == group && numeric && var.name.eq_ignore_ascii_case(name)
        })
    })
}

/// Texts with UTC dates (`time_utc`).
fn text_candidate(granule: &Granule, id: VarId) -> Option<Candidate> {
    let var = granule.var(id);
    let name = var.name.to_lowercase();
    let long = var.attr_text("long_name").unwrap_or_default().to_lowercase();
    let said = var.attr_text("standard_name").is_some_and(|s| s.trim() == "time");
    let named = matches!(name.as_str(), "time" | "datetime" | "date_time");
    let utc = name.contains("utc") && (name.contains("time") || long.contains("time"));
    let rank = var.dims.len() - usize::from(var.dtype == DType::Char && !var.dims.is_empty());
    let is_time = (said || named || utc) && rank > 0;
    is_time.then(|| candidate(granule, id, TimeRule::Text, String::new(), Decode::Text))
}
