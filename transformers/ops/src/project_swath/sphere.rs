//! Positions on the unit sphere, fast enough to be computed once for every cell of a swath.

/// Mean Earth radius in metres (IUGG R1): turns angles and chords into distances. An error of 0.3 % at most, which
/// concerns search radii only, never which neighbour is the nearest.
pub const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A unit vector.
pub type Vec3 = [f64; 3];

/// 1.5 · 2⁵²: doubles of that size have no fractions.
const ROUNDS: f64 = 6_755_399_441_055_744.0;

/// Sine and cosine of an angle in degrees, to 1e-15.
///
/// Branch-free, so loops over it become vector code: reduction to ±45°, then Taylor polynomials.
#[inline]
pub fn sin_cos_deg(degrees: f64) -> (f64, f64) {
    // Adding and taking away a large number rounds without a call.
    let quarter = (degrees * (1.0 / 90.0) + ROUNDS) - ROUNDS;
    let r = (degrees - quarter * 90.0) * (std::f64::consts::PI / 180.0);
    let r2 = r * r;
    let s = r
        * (1.0
            + r2 * (-1.0 / 6.0
                + r2 * (1.0 / 120.0
                    + r2 * (-1.0 / 5040.0
                        + r2 * (1.0 / 362_880.0
                            + r2 * (-1.0 / 39_916_800.0
                                + r2 * (1.0 / 6_227_020_800.0 - r2 * (1.0 / 1_307_674_368_000.0))))))));
    let c = 1.0
        + r2 * (-0.5
            + r2 * (1.0 / 24.0
                + r2 * (-1.0 / 720.0
                    + r2 * (1.0 / 40_320.0
                        + r2 * (-1.0 / 3_628_800.0
                            + r2 * (1.0 / 479_001_600.0
                                + r2 * (-1.0 / 87_178_291_200.0 + r2 * (1.0 / 20_922_789_888_000.0))))))));
    // Which quadrant: the remainder of a huge angle is meaningless anyway, so the cast may saturate.
    match (quarter as i64) & 3 {
        0 => (s, c),
        1 => (c, -s),
        2 => (-s, -c),
        _ => (-c, s),
    }
}

/// The unit vector of a position in degrees.
#[inline]
pub fn unit(lon: f64, lat: f64) -> Vec3 {
    let (sin_lon, cos_lon) = sin_cos_deg(lon);
    let (sin_lat, cos_lat) = sin_cos_deg(lat);
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

/// Longitude and latitude in degrees of a direction; its length does not matter.
pub fn lon_lat(v: Vec3) -> (f64, f64) {
    let across = v[0].hypot(v[1]);
    (v[1].atan2(v[0]).to_degrees(), v[2].atan2(across).to_degrees())
}

#[inline]
pub fn sub(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

#[inline]
pub fn dot(a: Vec3, b: Vec3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Length of the straight line between two unit vectors.
#[inline]
pub fn chord(a: Vec3, b: Vec3) -> f64 {
    let d = sub(a, b);
    dot(d, d).sqrt()
}

/// The chord that subtends a distance along the surface, both of the unit sphere and the distance in metres; never
/// more than a half circle.
pub fn chord_of_metres(distance_m: f64) -> f64 {
    let half = (distance_m / EARTH_RADIUS_M * 0.5).clamp(0.0, std::f64::consts::FRAC_PI_2);
    2.0 * half.sin()
}

/// `lon` moved by whole turns into −180 … 180 (180 stays).
#[inline]
pub fn wrap_180(lon: f64) -> f64 {
    if (-180.0..=180.0).contains(&lon) {
        return lon;
    }
    let w = (lon + 180.0).rem_euclid(360.0) - 180.0;
    if w == -180.0 && lon > 0.0 { 180.0 } else { w }
}

/// Whether both are numbers that a position on Earth can have.
#[inline]
pub fn is_position(lon: f64, lat: f64) -> bool {
    lat.abs() <= 90.0 && lon.abs() <= 720.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_and_cosine_agree_with_the_standard_library() {
        for i in -7300..7300 {
            let a = f64::from(i) * 0.0987;
            let (s, c) = sin_cos_deg(a);
            let (s0, c0) = a.to_radians().sin_cos();
            assert!((s - s0).abs() < 4e-15 && (c - c0).abs() < 4e-15, "{a}: {s} {s0} {c} {c0}");
        }
        assert_eq!(sin_cos_deg(90.0), (1.0, 0.0));
        assert_eq!(sin_cos_deg(180.0).0, 0.0);
    }

    #[test]
    fn a_direction_gives_its_position_back() {
        let (lon, lat) = lon_lat(unit(-123.4, 56.7));
        assert!((lon + 123.4).abs() < 1e-12 && (lat - 56.7).abs() < 1e-12);
        assert_eq!(wrap_180(190.0), -170.0);
        assert_eq!(wrap_180(180.0), 180.0);
        assert_eq!(wrap_180(540.0), 180.0);
        assert!(!is_position(f64::NAN, 0.0) && !is_position(0.0, 90.5));
    }

    #[test]
    fn a_quarter_of_a_great_circle_has_the_chord_of_a_right_angle() {
        let quarter = EARTH_RADIUS_M * std::f64::consts::FRAC_PI_2;
        assert!((chord_of_metres(quarter) - 2f64.sqrt()).abs() < 1e-12);
        assert_eq!(chord_of_metres(1e12), 2.0);
    }
}
