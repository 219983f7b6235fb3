//! In which order the four numbers of `BBOX` are, and what they mean.

use harmony_model::crs::Crs;

use super::exception::{Exception, Version};

/// How `BBOX` is read with EPSG:4326 in version 1.3.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The only reading that is on Earth; of two such the one with square pixels; of two such the standard's.
    Auto,
    /// South, west, north, east.
    Standard,
    /// West, south, east, north, as the reference documents it.
    Wsen,
}

impl Order {
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "auto" => Some(Order::Auto),
            "standard" => Some(Order::Standard),
            "wsen" => Some(Order::Wsen),
            _ => None,
        }
    }
}

/// Reads `BBOX` as xmin, ymin, xmax, ymax, longitude before latitude.
///
/// `as_written`: the CRS or SRS parameter.
///
/// # Errors
/// For what is not four numbers, and for a box without area.
pub fn read(
    text: &str,
    as_written: &str,
    crs: &Crs,
    version: Version,
    order: Order,
    size: [u32; 2],
) -> Result<[f64; 4], Exception> {
    let shown: String = text.chars().take(100).collect();
    let wrong = |why: &str| {
        Exception::coded("InvalidParameterValue", format!("Query parameter \"BBOX\" '{shown}' {why}"))
    };
    let numbers: Vec<f64> = text
        .split(',')
        .map(|t| t.trim().parse::<f64>().ok().filter(|v| v.is_finite()))
        .collect::<Option<_>>()
        .ok_or_else(|| wrong("is not four numbers; write minx,miny,maxx,maxy"))?;
    let [a, b, c, d] = numbers[..] else {
        return Err(wrong(&format!("has {} numbers; write minx,miny,maxx,maxy", numbers.len())));
    };
    if a >= c || b >= d {
        return Err(wrong(
            "has no area: each of the last two numbers must be greater than the one two before it",
        ));
    }
    let swapped = [b, a, d, c];
    let plain = [a, b, c, d];
    Ok(match is_north_first(as_written, crs, version) {
        NorthFirst::No => plain,
        NorthFirst::Yes => swapped,
        NorthFirst::Epsg4326 => match order {
            Order::Standard => swapped,
            Order::Wsen => plain,
            Order::Auto => likely(swapped, plain, size),
        },
    })
}

enum NorthFirst {
    No,
    Yes,
    Epsg4326,
}

fn is_north_first(as_written: &str, crs: &Crs, version: Version) -> NorthFirst {
    let name = as_written.trim().to_ascii_uppercase();
    // `CRS:84` and its kin are longitude first in every version, and so was everything before 1.3.0.
    if version == Version::V111
        || !(name.starts_with("EPSG:") || name.starts_with("URN:") || name.starts_with("HTTP"))
    {
        return NorthFirst::No;
    }
    match crs.definition.as_str() {
        "EPSG:4326" => NorthFirst::Epsg4326,
        _ if crs.authority_puts_north_first() => NorthFirst::Yes,
        _ => NorthFirst::No,
    }
}

/// The likelier of two readings, both west, south, east, north.
fn likely(standard: [f64; 4], wsen: [f64; 4], [width, height]: [u32; 2]) -> [f64; 4] {
    let on_earth =
        |[w, s, e, n]: [f64; 4]| s >= -90.0 && n <= 90.0 && w >= -360.0 && e <= 360.0 && e - w <= 360.0;
    let is_square = |[w, s, e, n]: [f64; 4]| {
        let (dx, dy) = ((e - w) / f64::from(width.max(1)), (n - s) / f64::from(height.max(1)));
        (dx - dy).abs() <= 0.01 * dx.max(dy)
    };
    let choose = |a: bool, b: bool| if b && !a { wsen } else { standard };
    match (on_earth(standard), on_earth(wsen)) {
        (true, true) | (false, false) => choose(is_square(standard), is_square(wsen)),
        (a, b) => choose(a, b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, name: &str, version: Version, order: Order, size: [u32; 2]) -> [f64; 4] {
        let crs = Crs::parse(name).unwrap();
        read(text, name, &crs, version, order, size).unwrap()
    }

    #[test]
    fn the_only_reading_on_earth_wins() {
        let auto = |text| with(text, "EPSG:4326", Version::V130, Order::Auto, [360, 180]);
        assert_eq!(auto("-90,-180,90,180"), [-180.0, -90.0, 180.0, 90.0]);
        assert_eq!(auto("-180,-90,180,90"), [-180.0, -90.0, 180.0, 90.0]);
        assert_eq!(auto("100,-10,120,0"), [100.0, -10.0, 120.0, 0.0]);
    }

    #[test]
    fn of_two_readings_the_one_with_square_pixels_then_the_standard_wins() {
        let auto = |text, size| with(text, "EPSG:4326", Version::V130, Order::Auto, size);
        // 20 degrees of latitude and 40 of longitude, or the other way round.
        assert_eq!(auto("0,10,20,50", [400, 200]), [10.0, 0.0, 50.0, 20.0]);
        assert_eq!(auto("0,10,20,50", [200, 400]), [0.0, 10.0, 20.0, 50.0]);
        assert_eq!(auto("0,10,20,30", [100, 100]), [10.0, 0.0, 30.0, 20.0]);
        assert_eq!(auto("0,10,20,50", [100, 100]), [10.0, 0.0, 50.0, 20.0]);
    }

    #[test]
    fn settings_versions_and_systems_decide() {
        let text = "0,10,20,30";
        let read = |name, version, order| with(text, name, version, order, [10, 10]);
        assert_eq!(read("EPSG:4326", Version::V130, Order::Wsen), [0.0, 10.0, 20.0, 30.0]);
        assert_eq!(read("EPSG:4326", Version::V130, Order::Standard), [10.0, 0.0, 30.0, 20.0]);
        assert_eq!(read("EPSG:4326", Version::V111, Order::Standard), [0.0, 10.0, 20.0, 30.0]);
        assert_eq!(read("CRS:84", Version::V130, Order::Standard), [0.0, 10.0, 20.0, 30.0]);
    }

    #[test]
    fn boxes_that_are_none_are_refused() {
        let crs = Crs::wgs84();
        for text in ["", "1,2,3", "1,2,3,x", "0,0,0,1", "5,0,4,1", "nan,0,1,1", "0,0,1,inf", "1,2,3,4,5"] {
            let result = read(text, "CRS:84", &crs, Version::V130, Order::Auto, [1, 1]);
            assert!(result.is_err(), "{text}");
        }
    }
}
