//! CF time units and calendars, dates as files write them: lines of units, calendar, a time.
#![no_main]

use harmony_fuzz as _;
use harmony_model::time::{Calendar, DateTime, TimeUnits, duration_seconds};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let (units, calendar, time) = (lines.next().unwrap_or(""), lines.next(), lines.next().unwrap_or(""));
    duration_seconds(units);
    let time = DateTime::parse(time).ok();
    if let Some(time) = time {
        let (year, month, day, _) = time.fields();
        assert!(Calendar::ProlepticGregorian.has(year, month, day), "{year}-{month}-{day}");
    }
    if let Ok(units) = TimeUnits::parse(units, calendar) {
        for value in [0.0, -1.5e300, 1e9, f64::NAN, f64::INFINITY] {
            let seconds = units.seconds(value);
            units.encode(seconds);
            DateTime::from_seconds(seconds);
        }
        if let Some(time) = &time {
            units.from_datetime(time);
        }
    }
});
