//! Values of one column in memory, as text.

use harmony_model::dtype::Number;
use harmony_model::time::Calendar;

use super::number::{push_decimal, push_float, push_integer};

/// Values of one column that can say themselves as text.
pub trait Cell: Send + Sync {
    fn is_missing(&self, i: usize) -> bool;

    /// Appends value `i`; nothing when it is missing. No quotes, no delimiters.
    fn push(&self, i: usize, out: &mut Vec<u8>);

    /// Value `i` as a number, where it is one.
    fn number(&self, i: usize) -> Option<f64>;
}

/// A number type that has a text.
pub trait Show: Number {
    fn show(self, out: &mut Vec<u8>);
}

macro_rules! show {
    ($push:ident: $($t:ty)*) => {$(
        impl Show for $t {
            fn show(self, out: &mut Vec<u8>) { $push(self, out); }
        }
    )*};
}
show!(push_integer: i8 u8 i16 u16 i32 u32 i64 u64);
show!(push_float: f32 f64);

/// Numbers as stored.
pub struct Plain<T> {
    pub values: Vec<T>,
    pub fills: Vec<T>,
}

/// Numbers of which the physical value is another one.
pub struct Packed<T> {
    pub values: Vec<T>,
    pub fills: Vec<T>,
    pub scale: f64,
    pub offset: f64,
    pub digits: Digits,
}

/// How physical values of packed numbers are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Digits {
    /// With at most so many decimals.
    Decimals(u32),
    /// The shortest decimal in single precision.
    Single,
    /// The shortest decimal in double precision.
    Double,
}

fn missing<T: Number>(v: T, fills: &[T]) -> bool {
    fills.contains(&v) || v.as_f64().is_nan()
}

impl<T: Show> Cell for Plain<T> {
    fn is_missing(&self, i: usize) -> bool {
        missing(self.values[i], &self.fills)
    }

    fn push(&self, i: usize, out: &mut Vec<u8>) {
        if !self.is_missing(i) {
            self.values[i].show(out);
        }
    }

    fn number(&self, i: usize) -> Option<f64> {
        (!self.is_missing(i)).then(|| self.values[i].as_f64())
    }
}

impl<T: Show> Cell for Packed<T> {
    fn is_missing(&self, i: usize) -> bool {
        missing(self.values[i], &self.fills)
    }

    fn push(&self, i: usize, out: &mut Vec<u8>) {
        let Some(v) = self.number(i) else { return };
        match self.digits {
            Digits::Decimals(n) => push_decimal(v, n, out),
            Digits::Single => push_float(v as f32, out),
            Digits::Double => push_float(v, out),
        }
    }

    fn number(&self, i: usize) -> Option<f64> {
        (!self.is_missing(i)).then(|| self.values[i].as_f64() * self.scale + self.offset)
    }
}

/// Times as ISO 8601.
pub struct Times {
    /// Seconds since 1970-01-01 in the day count of the calendar.
    pub seconds: Vec<f64>,
    pub calendar: Calendar,
    /// Whether the zone is written.
    pub zone: bool,
}

impl Cell for Times {
    fn is_missing(&self, i: usize) -> bool {
        !self.seconds[i].is_finite()
    }

    fn push(&self, i: usize, out: &mut Vec<u8>) {
        if !self.is_missing(i) {
            push_time(self.seconds[i], self.calendar, out);
            if self.zone {
                out.push(b'Z');
            }
        }
    }

    fn number(&self, i: usize) -> Option<f64> {
        (!self.is_missing(i)).then(|| self.seconds[i])
    }
}

/// Times within this of a whole millisecond are it: days as doubles do not hold microseconds.
const NOISE: f64 = 5.0;

/// Appends `2020-01-15T06:00:00`, with a fraction where there is one.
fn push_time(seconds: f64, calendar: Calendar, out: &mut Vec<u8>) {
    let micros = (seconds * 1e6).round();
    let whole = (micros / 1e3).round() * 1e3;
    let micros = if (micros - whole).abs() <= NOISE { whole } else { micros };
    let day = (micros / 86_400e6).floor();
    let rest = (micros - day * 86_400e6).clamp(0.0, 86_400e6 - 1.0) as u64;
    let (year, month, of_month) = calendar.date(day as i64);
    let (s, fraction) = (rest / 1_000_000, rest % 1_000_000);
    if year < 0 {
        out.push(b'-');
    }
    push_padded(year.unsigned_abs(), 4, out);
    for (before, number) in [
        (b'-', u64::from(month)),
        (b'-', u64::from(of_month)),
        (b'T', s / 3600),
        (b':', s / 60 % 60),
        (b':', s % 60),
    ] {
        out.push(before);
        push_padded(number, 2, out);
    }
    if fraction != 0 {
        out.push(b'.');
        push_padded(fraction, 6, out);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

fn push_padded(value: u64, width: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(value).as_bytes();
    out.resize(out.len() + width.saturating_sub(text.len()), b'0');
    out.extend_from_slice(text);
}

/// Texts; an empty one is missing.
pub struct Texts(pub Vec<String>);

impl Cell for Texts {
    fn is_missing(&self, i: usize) -> bool {
        self.0[i].is_empty()
    }

    fn push(&self, i: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0[i].as_bytes());
    }

    fn number(&self, _: usize) -> Option<f64> {
        None
    }
}

/// Indices along a dimension without coordinates.
pub struct Index {
    pub first: u64,
}

impl Cell for Index {
    fn is_missing(&self, _: usize) -> bool {
        false
    }

    fn push(&self, i: usize, out: &mut Vec<u8>) {
        push_integer(self.first + i as u64, out);
    }

    fn number(&self, i: usize) -> Option<f64> {
        Some((self.first + i as u64) as f64)
    }
}

/// Texts made once for values that stand in many rows.
pub struct Made {
    text: Vec<u8>,
    /// Where each begins, and the end.
    starts: Vec<usize>,
    numbers: Vec<Option<f64>>,
}

impl Made {
    pub fn of(cells: &dyn Cell, n: usize) -> Self {
        let mut made = Made { text: Vec::new(), starts: vec![0], numbers: Vec::with_capacity(n) };
        for i in 0..n {
            cells.push(i, &mut made.text);
            made.starts.push(made.text.len());
            made.numbers.push(cells.number(i));
        }
        made
    }
}

impl Cell for Made {
    fn is_missing(&self, i: usize) -> bool {
        self.starts[i] == self.starts[i + 1]
    }

    fn push(&self, i: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.text[self.starts[i]..self.starts[i + 1]]);
    }

    fn number(&self, i: usize) -> Option<f64> {
        self.numbers[i]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: f64, calendar: Calendar) -> String {
        let mut out = Vec::new();
        push_time(seconds, calendar, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_are_iso_8601() {
        assert_eq!(time(1_579_068_000.0, Calendar::Standard), "2020-01-15T06:00:00");
        assert_eq!(time(-0.25, Calendar::Standard), "1969-12-31T23:59:59.75");
        assert_eq!(time(1_579_068_000.000_002, Calendar::Standard), "2020-01-15T06:00:00");
        assert_eq!(time(59.0 * 86_400.0, Calendar::Day360), "1970-02-30T00:00:00");
    }
}
