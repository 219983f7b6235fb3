//! A netCDF-3 classic trajectory, written byte by byte: the format's own judge of our reader.
//!
//! Layout: NetCDF Classic Format Specification (CDF-1), big-endian, names and values padded to four bytes.

const NC_CHAR: u32 = 2;
const NC_SHORT: u32 = 3;
const NC_INT: u32 = 4;
const NC_DOUBLE: u32 = 6;

struct Variable {
    name: &'static str,
    kind: u32,
    text: Vec<(&'static str, &'static str)>,
    scale: Option<f64>,
    data: Vec<u8>,
}

fn put(out: &mut Vec<u8>, v: u32) {
    out.extend(v.to_be_bytes());
}

fn padded(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(bytes);
    out.resize(out.len().next_multiple_of(4), 0);
}

fn name(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u32);
    padded(out, text.as_bytes());
}

fn text_attribute(out: &mut Vec<u8>, key: &str, value: &str) {
    name(out, key);
    put(out, NC_CHAR);
    name(out, value);
}

fn attributes(out: &mut Vec<u8>, text: &[(&str, &str)], scale: Option<f64>) {
    put(out, 0x0C);
    put(out, (text.len() + usize::from(scale.is_some())) as u32);
    for (key, value) in text {
        text_attribute(out, key, value);
    }
    if let Some(scale) = scale {
        name(out, "scale_factor");
        put(out, NC_DOUBLE);
        put(out, 1);
        out.extend(scale.to_be_bytes());
    }
}

/// 400 samples along `time`: packed positions 0–360, a double time, a short height.
pub fn trajectory() -> Vec<u8> {
    let n = 400usize;
    let ints = |f: &dyn Fn(usize) -> f64| (0..n).flat_map(|i| (f(i).round() as i32).to_be_bytes()).collect();
    let at = |i: usize| i as f64 / n as f64;
    let seconds = (0..n).flat_map(|i| (64_000_000.0 + 1.02 * i as f64).to_be_bytes()).collect();
    let height = (0..n).flat_map(|i| ((1000.0 * (at(i) * 12.0).sin()) as i16).to_be_bytes()).collect();
    let variables = [
        Variable {
            name: "time",
            kind: NC_DOUBLE,
            text: vec![("units", "seconds since 2000-01-01 00:00:00"), ("standard_name", "time")],
            scale: None,
            data: seconds,
        },
        Variable {
            name: "lat",
            kind: NC_INT,
            text: vec![("units", "degrees_north")],
            scale: Some(1e-6),
            data: ints(&|i| 1e6 * (66.0 - 132.0 * at(i))),
        },
        Variable {
            name: "lon",
            kind: NC_INT,
            text: vec![("units", "degrees_east")],
            scale: Some(1e-6),
            data: ints(&|i| 1e6 * ((300.0 + 120.0 * at(i)) % 360.0)),
        },
        Variable {
            name: "ssha",
            kind: NC_SHORT,
            text: vec![("units", "m"), ("coordinates", "lon lat")],
            scale: Some(1e-3),
            data: height,
        },
    ];
    // The header is as long whatever the offsets are: lay it out once to learn its length.
    let length = header(&variables, n, 0).len();
    let mut out = header(&variables, n, length);
    variables.iter().for_each(|v| padded(&mut out, &v.data));
    out
}

fn header(variables: &[Variable], n: usize, data_at: usize) -> Vec<u8> {
    let mut out = b"CDF\x01".to_vec();
    put(&mut out, 0);
    put(&mut out, 0x0A);
    put(&mut out, 1);
    name(&mut out, "time");
    put(&mut out, n as u32);
    attributes(&mut out, &[("Conventions", "CF-1.7"), ("title", "A classic trajectory")], None);
    put(&mut out, 0x0B);
    put(&mut out, variables.len() as u32);
    let mut at = data_at;
    for v in variables {
        name(&mut out, v.name);
        put(&mut out, 1);
        put(&mut out, 0);
        attributes(&mut out, &v.text, v.scale);
        put(&mut out, v.kind);
        let size = v.data.len().next_multiple_of(4);
        put(&mut out, size as u32);
        put(&mut out, at as u32);
        at += size;
    }
    out
}
