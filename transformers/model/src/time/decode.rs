//! How stored values become seconds.

use super::calendar::Calendar;
use super::{DateTime, TimeScale, TimeUnits, scale};
use crate::array::Window;
use crate::dtype::{DType, SLOT};
use crate::granule::{Granule, VarId};
use crate::{ModelError, ReadError, Runs};

/// Seconds beyond which a number is no time but an undeclared fill value (30 million years).
const ABSURD: f64 = 1e15;

/// How the values of a time variable are kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decode {
    /// Numbers in units. `wrap`: seconds of the day at which the axis starts; values that lie half a day or more before
    /// it belong to the next day (rows of an orbit across midnight).
    Units { units: TimeUnits, wrap: Option<f64> },
    /// `reference` in `units`, plus own values times `step` seconds.
    Offset { reference: VarId, units: TimeUnits, step: f64 },
    /// Calendar fields in variables of their own.
    Split(SplitFields),
    /// ISO 8601 texts.
    Text,
}

/// The variables of split calendar fields. All have the same dims.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SplitFields {
    pub year: VarId,
    pub month: VarId,
    pub day: VarId,
    pub hour: VarId,
    pub minute: VarId,
    pub second: VarId,
    pub millisecond: Option<VarId>,
}

impl Decode {
    /// Seconds since 1970-01-01 of a window of `var`; NaN where there is no time.
    pub fn read(&self, granule: &Granule, var: VarId, window: &Window) -> Result<Vec<f64>, ModelError> {
        let mut seconds = match self {
            Decode::Units { units, wrap } => read_units(granule, var, window, units, *wrap)?,
            Decode::Offset { reference, units, step } => {
                let mut seconds = granule.read_physical(var, window)?;
                seconds.iter_mut().for_each(|s| *s *= step);
                add_reference(granule, *reference, units, var, window, &mut seconds)?;
                seconds
            }
            Decode::Split(fields) => fields.read(granule, window)?,
            Decode::Text => {
                let texts = read_texts(granule, var, window)?;
                texts.iter().map(|t| DateTime::parse(t).map_or(f64::NAN, DateTime::seconds)).collect()
            }
        };
        if let Decode::Units { units, .. } | Decode::Offset { units, .. } = self {
            scale::to_utc(units.scale, units.epoch, &mut seconds);
        }
        seconds.iter_mut().filter(|s| s.abs() > ABSURD).for_each(|s| *s = f64::NAN);
        Ok(seconds)
    }

    /// In words.
    pub fn describe(&self, granule: &Granule) -> String {
        match self {
            Decode::Units { units, wrap } => {
                let day = if wrap.is_some() { ", counted from the start of its day" } else { "" };
                format!("{}{day}", describe_units(units))
            }
            Decode::Offset { reference, units, step } => {
                let path = &granule.var(*reference).path;
                format!("offset in units of {step} s from {path} ({})", describe_units(units))
            }
            Decode::Split(_) => "calendar fields in separate variables, UTC".into(),
            Decode::Text => "texts, UTC".into(),
        }
    }
}

fn describe_units(units: &TimeUnits) -> String {
    let (y, m, d) = units.calendar.date((units.epoch / 86_400.0).floor() as i64);
    let of_day = units.epoch.rem_euclid(86_400.0);
    let clock = if of_day == 0.0 { String::new() } else { format!(" + {of_day} s") };
    let calendar = match units.calendar {
        Calendar::Standard => String::new(),
        other => format!(", calendar {}", other.name()),
    };
    format!("units of {} s since {y:04}-{m:02}-{d:02}{clock}, {}{calendar}", units.step, units.scale.name())
}

fn read_units(
    granule: &Granule,
    var: VarId,
    window: &Window,
    units: &TimeUnits,
    wrap: Option<f64>,
) -> Result<Vec<f64>, ModelError> {
    let mut values = granule.read_physical(var, window)?;
    for v in &mut values {
        let of_day = *v * units.step;
        let next_day = wrap.is_some_and(|start| of_day < start - 43_200.0);
        *v = units.seconds(*v) + if next_day { 86_400.0 } else { 0.0 };
    }
    Ok(values)
}

/// Adds the reference time of each sample. A reference on dims of the offset follows them; any other one counts with
/// its first value.
fn add_reference(
    granule: &Granule,
    reference: VarId,
    units: &TimeUnits,
    var: VarId,
    window: &Window,
    seconds: &mut [f64],
) -> Result<(), ModelError> {
    let (dims, own) = (&granule.var(var).dims, &granule.var(reference).dims);
    let places: Option<Vec<usize>> = own.iter().map(|d| dims.iter().position(|x| x == d)).collect();
    let Some(places) = places else {
        let first = vec![Runs::range(0, 1); own.len()];
        let value = granule.read_physical(reference, &Window(first))?;
        let base = value.first().map_or(f64::NAN, |&v| units.seconds(v));
        seconds.iter_mut().for_each(|s| *s += base);
        return Ok(());
    };
    let part = Window(places.iter().map(|&p| window.0[p].clone()).collect());
    let values = granule.read_physical(reference, &part)?;
    let shape: Vec<usize> = window.shape().iter().map(|&n| n as usize).collect();
    // Stride of the reference along each axis of the window; 0 where it does not depend on it.
    let mut strides = vec![0; shape.len()];
    let mut stride = 1;
    for &p in places.iter().rev() {
        strides[p] = stride;
        stride *= shape[p];
    }
    let mut index = vec![0usize; shape.len()];
    for s in seconds {
        let at: usize = index.iter().zip(&strides).map(|(i, n)| i * n).sum();
        *s += units.seconds(values[at]);
        advance(&mut index, &shape);
    }
    Ok(())
}

/// The next index in row-major order.
fn advance(index: &mut [usize], shape: &[usize]) {
    for (i, &n) in index.iter_mut().zip(shape).rev() {
        *i += 1;
        if *i < n {
            return;
        }
        *i = 0;
    }
}

impl SplitFields {
    fn read(&self, granule: &Granule, window: &Window) -> Result<Vec<f64>, ModelError> {
        let field = |id: VarId| granule.read_physical(id, window);
        let (years, months, days) = (field(self.year)?, field(self.month)?, field(self.day)?);
        let (hours, minutes, seconds) = (field(self.hour)?, field(self.minute)?, field(self.second)?);
        let millis = match self.millisecond {
            Some(id) => field(id)?,
            None => vec![0.0; years.len()],
        };
        let at = |i: usize| {
            let clock = split_clock(hours[i], minutes[i], seconds[i], millis[i])?;
            let day = split_day(years[i], months[i], days[i])?;
            Some(day as f64 * 86_400.0 + clock)
        };
        Ok((0..years.len()).map(|i| at(i).unwrap_or(f64::NAN)).collect())
    }
}

/// Day number of calendar fields; `None` for fields that are filled (-9999, -99).
fn split_day(year: f64, month: f64, day: f64) -> Option<i64> {
    if !((1.0..=9999.0).contains(&year) && (1.0..=12.0).contains(&month) && (1.0..=31.0).contains(&day)) {
        return None;
    }
    let (y, m, d) = (year as i64, month as u32, day as u32);
    Calendar::Standard.has(y, m, d).then(|| Calendar::Standard.days(y, m, d))
}

/// Seconds of the day; a leap second (60) stays before the next minute.
fn split_clock(hour: f64, minute: f64, second: f64, milli: f64) -> Option<f64> {
    let ok = (0.0..24.0).contains(&hour) && (0.0..60.0).contains(&minute) && (0.0..61.0).contains(&second);
    // A missing millisecond is no reason to lose the time.
    let milli = if (0.0..1000.0).contains(&milli) { milli } else { 0.0 };
    ok.then(|| hour * 3600.0 + minute * 60.0 + (second + milli / 1000.0).min(59.999_999))
}

/// Texts of a window; of a `Char` array the window leaves out the last axis, which is the width.
fn read_texts(granule: &Granule, id: VarId, window: &Window) -> Result<Vec<String>, ReadError> {
    let var = granule.var(id);
    let clean = |b: &[u8]| {
        let end = b.iter().position(|&c| c == 0).unwrap_or(b.len());
        String::from_utf8_lossy(&b[..end]).trim().to_owned()
    };
    match &var.dtype {
        DType::Char => {
            let width = granule.shape(id).last().copied().unwrap_or(1);
            let mut axes = window.0.clone();
            axes.push(Runs::all(width));
            let bytes = granule.read(id, &Window(axes))?;
            Ok(bytes.chunks(width.max(1) as usize).map(clean).collect())
        }
        DType::FixedString { len, .. } => {
            Ok(granule.read(id, window)?.chunks((*len).max(1)).map(clean).collect())
        }
        DType::String => {
            let object = format!("variable '{}'", var.path);
            let missing = || ReadError::corrupt(&granule.name, object, "its texts are missing");
            let heap = var.data.heap().ok_or_else(missing)?;
            let bytes = granule.read(id, window)?;
            bytes.chunks_exact(SLOT).map(|slot| heap.get(slot, 1).map(|b| clean(&b))).collect()
        }
        other => {
            let detail = format!("it holds {}, not text", other.name());
            Err(ReadError::unsupported(&granule.name, format!("variable '{}'", var.path), detail))
        }
    }
}

/// Whether a scale runs evenly, without UTC's leap seconds.
pub(super) fn is_even(scale: TimeScale) -> bool {
    scale != TimeScale::Utc
}
