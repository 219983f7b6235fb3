//! Boxes of longitude and latitude.

use crate::error::ModelError;

/// Degrees within which a longitude that had to be wrapped counts as equal: wrapping costs the last bits.
const WRAP_TOLERANCE_DEG: f64 = 1e-12;

/// A geographic box; `west > east` means that it crosses the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bbox {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

/// A longitude in −180 ≤ lon < 180; values already there are returned bit for bit.
pub fn wrap_lon(lon: f64) -> f64 {
    if (-180.0..180.0).contains(&lon) {
        return lon;
    }
    if (180.0..540.0).contains(&lon) {
        return lon - 360.0;
    }
    if (-540.0..-180.0).contains(&lon) {
        return lon + 360.0;
    }
    let wrapped = (lon + 180.0).rem_euclid(360.0) - 180.0;
    // rem_euclid rounds tiny negative numbers up to the divisor.
    if wrapped >= 180.0 { -180.0 } else { wrapped }
}

impl Bbox {
    /// All of the Earth.
    pub const GLOBE: Bbox = Bbox { west: -180.0, south: -90.0, east: 180.0, north: 90.0 };

    /// A box from its edges in degrees.
    ///
    /// Longitudes of any convention within −360…360 are brought to −180…180. `east − west ≥ 360` (or −180…180) is no
    /// limit of longitude; `west = east` is that meridian only.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] naming the edge that is out of range or in the wrong order.
    pub fn new(west: f64, south: f64, east: f64, north: f64) -> Result<Self, ModelError> {
        let text = || format!("box {west},{south},{east},{north}");
        for (name, value, limit) in
            [("west", west, 360.0), ("south", south, 90.0), ("east", east, 360.0), ("north", north, 90.0)]
        {
            if !(-limit..=limit).contains(&value) {
                return Err(ModelError::Invalid(format!(
                    "{}: {name} is {value}, it must be between {} and {limit}; write W,S,E,N in degrees, for \
                     example -20,30,40,60",
                    text(),
                    -limit
                )));
            }
        }
        if south > north {
            return Err(ModelError::Invalid(format!(
                "{}: south is greater than north; write W,S,E,N, for example {west},{north},{east},{south}",
                text()
            )));
        }
        let (west, east) = normalise(west, east);
        Ok(Bbox { west, south, east, north })
    }

    /// From `W,S,E,N`, or six numbers of which the third and sixth (heights) are not used.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] naming the text.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        let wrong = |detail: String| {
            ModelError::Invalid(format!(
                "'{text}' is not a box: {detail}; write W,S,E,N in degrees, for example -20,30,40,60"
            ))
        };
        let numbers = text
            .split(',')
            .map(|part| {
                let part = part.trim();
                part.parse::<f64>()
                    .ok()
                    .filter(|v| v.is_finite())
                    .ok_or_else(|| wrong(format!("'{part}' is not a number")))
            })
            .collect::<Result<Vec<f64>, _>>()?;
        match numbers[..] {
            [w, s, e, n] | [w, s, _, e, n, _] => Bbox::new(w, s, e, n),
            _ => Err(wrong(format!("it has {} numbers, not 4 or 6", numbers.len()))),
        }
    }

    pub fn crosses_antimeridian(&self) -> bool {
        self.west > self.east
    }

    /// Whether longitude is not limited.
    pub fn is_full_longitude(&self) -> bool {
        self.west <= -180.0 && self.east >= 180.0
    }

    /// Degrees of longitude from west to east.
    pub fn width(&self) -> f64 {
        self.east - self.west + if self.crosses_antimeridian() { 360.0 } else { 0.0 }
    }

    /// Whether the place is in the box; edges are inside. `lon` may follow any convention (−180…180, 0…360).
    pub fn contains(&self, lon: f64, lat: f64) -> bool {
        lat >= self.south && lat <= self.north && self.contains_lon(lon)
    }

    /// Whether the meridian is in the box.
    pub fn contains_lon(&self, lon: f64) -> bool {
        if self.is_full_longitude() {
            return lon.is_finite();
        }
        if (-180.0..=180.0).contains(&lon) {
            // ±180 is one meridian with two names.
            return self.spans(lon, 0.0) || (lon.abs() == 180.0 && self.spans(-lon, 0.0));
        }
        let wrapped = wrap_lon(lon);
        self.spans(wrapped, WRAP_TOLERANCE_DEG)
            || (wrapped + 180.0 < WRAP_TOLERANCE_DEG && self.spans(180.0, WRAP_TOLERANCE_DEG))
    }

    fn spans(&self, lon: f64, tolerance: f64) -> bool {
        let (after_west, before_east) = (lon >= self.west - tolerance, lon <= self.east + tolerance);
        if self.crosses_antimeridian() { after_west || before_east } else { after_west && before_east }
    }

    /// The one or two boxes without the antimeridian inside that it consists of, west to east.
    pub fn split(&self) -> Vec<Bbox> {
        if self.crosses_antimeridian() {
            vec![Bbox { east: 180.0, ..*self }, Bbox { west: -180.0, ..*self }]
        } else {
            vec![*self]
        }
    }
}

/// West in −180…<180, east in >−180…180; the full circle is −180…180.
fn normalise(west: f64, east: f64) -> (f64, f64) {
    if east - west >= 360.0 {
        return (-180.0, 180.0);
    }
    let west_wrapped = wrap_lon(west);
    if west == east || wrap_lon(east) == west_wrapped {
        return (west_wrapped, west_wrapped);
    }
    let east_wrapped = wrap_lon(east);
    (west_wrapped, if east_wrapped == -180.0 { 180.0 } else { east_wrapped })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bbox(w: f64, s: f64, e: f64, n: f64) -> Bbox {
        Bbox::new(w, s, e, n).unwrap()
    }

    #[test]
    fn longitudes_of_any_convention_are_the_same_box() {
        assert_eq!(bbox(350.0, 0.0, 10.0, 1.0), bbox(-10.0, 0.0, 10.0, 1.0));
        assert_eq!(bbox(170.0, 0.0, 190.0, 1.0), bbox(170.0, 0.0, -170.0, 1.0));
        assert_eq!(bbox(-190.0, 0.0, -170.0, 1.0), bbox(170.0, 0.0, -170.0, 1.0));
        assert_eq!((bbox(180.0, 0.0, -170.0, 1.0).west, bbox(170.0, 0.0, -180.0, 1.0).east), (-180.0, 180.0));
        assert!(
            bbox(0.0, 0.0, 360.0, 1.0).is_full_longitude()
                && bbox(-180.0, 0.0, 180.0, 1.0).is_full_longitude()
        );
        assert!(!bbox(180.0, 0.0, 180.0, 1.0).is_full_longitude());
        assert_eq!(bbox(170.0, 0.0, -170.0, 1.0).width(), 20.0);
    }

    #[test]
    fn edges_are_inside_whatever_the_convention_of_the_sample() {
        let greenwich = bbox(-20.0, -30.0, 20.0, 30.0);
        for (lon, inside) in
            [(340.0, true), (339.99, false), (-20.0, true), (20.0, true), (20.01, false), (360.0, true)]
        {
            assert_eq!(greenwich.contains(lon, 30.0), inside, "{lon}");
        }
        let pacific = bbox(170.0, -30.0, -170.0, 30.0);
        for (lon, inside) in
            [(180.0, true), (-180.0, true), (190.0, true), (190.1, false), (0.0, false), (170.0, true)]
        {
            assert_eq!(pacific.contains(lon, -30.0), inside, "{lon}");
        }
        assert!(bbox(170.0, 0.0, 180.0, 1.0).contains(-180.0, 0.0));
        assert!(bbox(-180.0, 0.0, -170.0, 1.0).contains(180.0, 0.0));
        assert!(!pacific.contains(175.0, f64::NAN) && !pacific.contains(f64::NAN, 0.0));
        assert!(!Bbox::GLOBE.contains(f64::NAN, 0.0));
        assert!(
            bbox(200.1, 0.0, 210.0, 1.0).contains(200.1, 0.5)
                && bbox(-159.9, 0.0, 0.0, 1.0).contains(200.1, 0.5)
        );
    }

    #[test]
    fn a_box_without_width_is_its_meridian() {
        let line = bbox(10.0, -30.0, 10.0, 30.0);
        assert!(line.contains(10.0, 0.0) && line.contains(370.0, 0.0) && !line.contains(10.000001, 0.0));
        assert!(bbox(180.0, 0.0, 180.0, 0.0).contains(-180.0, 0.0));
    }

    #[test]
    fn a_crossing_box_splits_at_the_antimeridian() {
        let parts = bbox(170.0, -1.0, -170.0, 1.0).split();
        assert_eq!(parts, [bbox(170.0, -1.0, 180.0, 1.0), bbox(-180.0, -1.0, -170.0, 1.0)]);
        assert_eq!(Bbox::GLOBE.split(), [Bbox::GLOBE]);
    }

    #[test]
    fn wrong_boxes_name_what_is_wrong() {
        for (text, words) in [
            ("1,2,3", "3 numbers"),
            ("a,2,3,4", "'a' is not a number"),
            ("0,10,1,-10", "south is greater than north"),
            ("0,-91,1,0", "south is -91"),
            ("400,0,1,1", "west is 400"),
            ("NaN,0,1,1", "'NaN' is not a number"),
        ] {
            let message = Bbox::parse(text).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
        assert_eq!(Bbox::parse(" -10, 20,0, 30,40,9 ").unwrap(), bbox(-10.0, 20.0, 30.0, 40.0));
    }
}
