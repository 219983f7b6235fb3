//! Numbers as text: as short as gives the same number back.

/// Appends the shortest decimal of a floating point number in its own precision, or nothing when it is no number.
pub fn push_float<F: zmij::Float>(value: F, out: &mut Vec<u8>) {
    let mut buffer = zmij::Buffer::new();
    out.extend_from_slice(buffer.format(value).as_bytes());
}

/// Appends an integer.
pub fn push_integer<I: itoa::Integer>(value: I, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    out.extend_from_slice(buffer.format(value).as_bytes());
}

/// Powers of ten that are exact.
const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Largest number of decimals that [`push_decimal`] writes.
pub const MAX_DECIMALS: u32 = 15;

/// Appends a number with at most `decimals` decimals, zeros at the end left out.
pub fn push_decimal(value: f64, decimals: u32, out: &mut Vec<u8>) {
    let power = POWERS[decimals.min(MAX_DECIMALS) as usize];
    let scaled = (value * power).round_ties_even();
    // Integers below 2^53 are exact; what is larger has no decimals to speak of.
    if scaled.is_nan() || scaled.abs() >= 9_007_199_254_740_992.0 {
        return push_float(value, out);
    }
    let mut digits = scaled.abs() as u64;
    let mut decimals = decimals.min(MAX_DECIMALS) as usize;
    while decimals > 0 && digits.is_multiple_of(10) {
        digits /= 10;
        decimals -= 1;
    }
    if scaled < 0.0 {
        out.push(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(digits).as_bytes();
    if decimals == 0 {
        return out.extend_from_slice(text);
    }
    if text.len() > decimals {
        let (whole, part) = text.split_at(text.len() - decimals);
        out.extend_from_slice(whole);
        out.push(b'.');
        out.extend_from_slice(part);
    } else {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + decimals - text.len(), b'0');
        out.extend_from_slice(text);
    }
}

/// Decimals that packed numbers need: those of scale and offset, but not more than resolve a thousandth of a step (a
/// scale of 0.00131799501937031 was computed, its digits mean nothing).
pub fn packed_decimals(scale: &str, offset: &str) -> u32 {
    let step = scale.parse::<f64>().unwrap_or(1.0).abs();
    let enough = if step > 0.0 { (3.0 - step.log10()).ceil().clamp(0.0, 15.0) as u32 } else { MAX_DECIMALS };
    decimals_of(scale).max(decimals_of(offset)).min(enough)
}

/// Decimals of a number as text, its exponent considered.
fn decimals_of(text: &str) -> u32 {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let part = mantissa.split_once('.').map_or("", |(_, part)| part).trim_end_matches('0');
    let exponent: i64 = exponent.parse().unwrap_or(0);
    (part.len() as i64 - exponent).clamp(0, i64::from(MAX_DECIMALS)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(value: f64, decimals: u32) -> String {
        let mut out = Vec::new();
        push_decimal(value, decimals, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn decimals_are_as_few_as_say_the_same() {
        assert_eq!(decimal(12.340_000_000_000_002, 2), "12.34");
        assert_eq!(decimal(-0.05, 2), "-0.05");
        assert_eq!(
            (decimal(7.0, 3), decimal(0.0, 2), decimal(-0.0001, 2)),
            ("7".into(), "0".into(), "0".into())
        );
        assert_eq!(decimal(1e300, 2), "1e+300");
        assert_eq!(decimal(273.15, 15), "273.15");
    }

    #[test]
    fn packed_numbers_have_the_decimals_of_their_scale() {
        assert_eq!(packed_decimals("0.01", "273.15"), 2);
        assert_eq!(packed_decimals("1e-5", "0.0"), 5);
        assert_eq!(packed_decimals("2", "0"), 0);
        assert_eq!(packed_decimals("0.00131799501937031", "389.632837278418"), 6);
    }

    #[test]
    fn floats_are_shortest_in_their_own_precision() {
        let mut out = Vec::new();
        push_float(41.21f32, &mut out);
        out.push(b' ');
        push_float(0.1f64 + 0.2, &mut out);
        assert_eq!(out, b"41.21 0.30000000000000004");
    }
}
