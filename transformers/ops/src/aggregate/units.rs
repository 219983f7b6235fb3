//! Units that granules of one collection may differ in.

use std::sync::LazyLock;

use harmony_model::time::{Calendar, TimeUnits};
use serde::Deserialize;

const BUILT_IN: &str = include_str!("units.toml");

#[derive(Deserialize)]
struct Table {
    kind: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    units: Vec<Unit>,
}

#[derive(Deserialize)]
struct Unit {
    names: Vec<String>,
    factor: f64,
    #[serde(default)]
    offset: f64,
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(BUILT_IN).unwrap_or(Table { kind: Vec::new() }));

/// How values of one variable are brought to a common base: `base = value × factor + offset`.
#[derive(Clone, Debug, PartialEq)]
pub struct ToBase {
    pub factor: f64,
    pub offset: f64,
}

/// What the units of a variable in several granules have to do with each other.
#[derive(Debug, PartialEq)]
pub enum Relation {
    /// They mean the same.
    Same,
    /// One entry for each; `is_time`: seconds since 1970 are the base.
    Convertible { to_base: Vec<ToBase>, is_time: bool },
}

/// Relates pairs of `units` and `calendar`.
///
/// # Errors
/// The number of the first pair that does not go with the first one, and why.
pub fn relate(units: &[(Option<String>, Option<String>)]) -> Result<Relation, (usize, String)> {
    let text = |i: usize| units[i].0.clone().unwrap_or_default();
    let times: Vec<bool> = (0..units.len()).map(|i| TimeUnits::looks_like(&text(i))).collect();
    if times.iter().any(|t| *t) {
        return relate_times(units, &times);
    }
    if units.iter().all(|u| normal(u.0.as_deref().unwrap_or("")) == normal(&text(0))) {
        return Ok(Relation::Same);
    }
    let mut to_base = Vec::new();
    let mut kind = None;
    for (i, (unit, _)) in units.iter().enumerate() {
        // Units that are not there are those of the others.
        let unit = unit.clone().unwrap_or_else(|| units.iter().find_map(|u| u.0.clone()).unwrap_or_default());
        let found = TABLE.kind.iter().enumerate().find_map(|(k, kind)| {
            let unit = kind.units.iter().find(|u| u.names.iter().any(|n| normal(n) == normal(&unit)))?;
            Some((k, ToBase { factor: unit.factor, offset: unit.offset }))
        });
        match (found, kind) {
            (Some((k, base)), None) => {
                kind = Some(k);
                to_base.push(base);
            }
            (Some((k, base)), Some(first)) if k == first => to_base.push(base),
            // The first one is what all are compared with; it is a reader's word against another's.
            _ => {
                let other =
                    if i == 0 { (1..units.len()).find(|&o| text(o) != text(0)).unwrap_or(0) } else { i };
                return Err((other, format!("units '{}' and '{}' can't be converted", text(0), text(other))));
            }
        }
    }
    if to_base.iter().all(|b| *b == to_base[0]) {
        return Ok(Relation::Same);
    }
    Ok(Relation::Convertible { to_base, is_time: false })
}

fn relate_times(
    units: &[(Option<String>, Option<String>)],
    times: &[bool],
) -> Result<Relation, (usize, String)> {
    if let Some(other) = times.iter().position(|t| *t != times[0]) {
        return Err((other, "it has mixed input types, both temporal and non-temporal".into()));
    }
    if units.iter().all(|u| u == &units[0]) {
        return Ok(Relation::Same);
    }
    let mut parsed: Vec<TimeUnits> = Vec::new();
    for (i, (unit, calendar)) in units.iter().enumerate() {
        let unit = unit.clone().unwrap_or_default();
        let this = TimeUnits::parse(&unit, calendar.as_deref()).map_err(|e| (i, format!("'{unit}': {e}")))?;
        let real = |c: Calendar| matches!(c, Calendar::Standard | Calendar::ProlepticGregorian);
        if let Some(first) = parsed.first()
            && (this.scale != first.scale
                || (this.calendar != first.calendar && !(real(this.calendar) && real(first.calendar))))
        {
            let (a, b) = (first.calendar.name(), this.calendar.name());
            return Err((i, format!("calendars '{a}' and '{b}' don't count the same days")));
        }
        parsed.push(this);
    }
    if parsed.iter().all(|u| u.step == parsed[0].step && u.epoch == parsed[0].epoch) {
        return Ok(Relation::Same);
    }
    let to_base = parsed.iter().map(|u| ToBase { factor: u.step, offset: u.epoch }).collect();
    Ok(Relation::Convertible { to_base, is_time: true })
}

/// Spelling without what makes no difference.
fn normal(unit: &str) -> String {
    let unit = unit.trim().replace("**", "").replace('^', "").replace(['.', '*', '_'], " ");
    let mut words: Vec<String> = Vec::new();
    for (i, part) in unit.split('/').enumerate() {
        for word in part.split_whitespace() {
            let exponent = |w: &str| w.ends_with(|c: char| c.is_ascii_digit());
            words.push(match i {
                0 => word.to_owned(),
                _ if exponent(word) => {
                    let at = word.find(|c: char| c.is_ascii_digit()).unwrap_or(word.len());
                    format!("{}-{}", &word[..at], &word[at..])
                }
                _ => format!("{word}-1"),
            });
        }
    }
    // Single letters are told apart by case (mm and Mm are not in one table).
    let word = words.join(" ");
    if word.len() > 3 { word.to_lowercase() } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(a: &str, b: &str) -> Result<Relation, (usize, String)> {
        relate(&[(Some(a.into()), None), (Some(b.into()), None)])
    }

    #[test]
    fn the_table_is_read() {
        assert!(TABLE.kind.len() > 5);
    }

    #[test]
    fn spellings_of_one_unit_are_the_same() {
        for (a, b) in
            [("m/s", "m s-1"), ("kg m**-2", "kg m-2"), ("kg/m2", "kg m-2"), ("", "1"), ("K", "kelvin")]
        {
            assert_eq!(pair(a, b), Ok(Relation::Same), "{a} {b}");
        }
        assert_eq!(relate(&[(Some("m".into()), None), (None, None)]), Ok(Relation::Same));
        assert_eq!(pair("furlong", "furlong"), Ok(Relation::Same));
    }

    #[test]
    fn units_of_one_kind_are_converted_and_others_refused() {
        let Ok(Relation::Convertible { to_base, .. }) = pair("degC", "K") else { panic!() };
        assert_eq!(to_base[0], ToBase { factor: 1.0, offset: 273.15 });
        let (which, why) = pair("m", "kg").unwrap_err();
        assert!(which == 1 && why.contains("'m' and 'kg'"), "{why}");
    }

    #[test]
    fn epochs_are_related_and_calendars_of_other_days_refused() {
        let Ok(Relation::Convertible { to_base, is_time: true }) =
            pair("seconds since 2020-01-01", "days since 2020-01-02")
        else {
            panic!()
        };
        assert_eq!(to_base[1].offset - to_base[0].offset, 86_400.0);
        assert_eq!(pair("days since 2000-01-01", "days since 2000-1-1 00:00"), Ok(Relation::Same));
        let (_, why) = pair("days since 2000-01-01", "1").unwrap_err();
        assert!(why.contains("both temporal and non-temporal"));
        let units = |c: &str| (Some("days since 2000-01-01".to_owned()), Some(c.to_owned()));
        assert!(relate(&[units("standard"), units("noleap")]).is_err());
        assert_eq!(relate(&[units("standard"), units("gregorian")]), Ok(Relation::Same));
    }
}
