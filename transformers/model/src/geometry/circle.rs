//! Circles on the ellipsoid.

use crate::geometry::ring::Pole;

/// WGS 84: semi-major axis in metres and flattening.
const A: f64 = 6_378_137.0;
const F: f64 = 1.0 / 298.257_223_563;

/// Largest radius of a circle: a quarter of the meridian (10 001 966 m) at most, so that it never holds both poles.
pub(crate) const LARGEST_RADIUS_M: f64 = 10_000_000.0;

/// The circle of `radius_m` metres (at most [`LARGEST_RADIUS_M`]) round `[lon, lat]`, and the pole inside it.
///
/// Vertices are geodesic destinations on WGS 84 (Vincenty's direct formula, Survey Review 23, 1975): at least 180,
/// closer where the circle passes near a pole, so that straight edges in degrees stay near the circle.
pub(crate) fn circle(centre: [f64; 2], radius_m: f64) -> (Vec<[f64; 2]>, Option<Pole>) {
    const STEPS: usize = 180;
    let at = |azimuth_deg: f64| destination(centre, azimuth_deg, radius_m);
    let mut ring = Vec::with_capacity(STEPS);
    for step in 0..STEPS {
        let (from, to) = (360.0 * step as f64 / STEPS as f64, 360.0 * (step + 1) as f64 / STEPS as f64);
        ring.push(at(from));
        refine(&at, from, to, 0, &mut ring);
    }
    let reaches = |pole_lat: f64| meridian_distance(centre[1], pole_lat) <= radius_m;
    let pole = if reaches(90.0) {
        Some(Pole::North)
    } else if reaches(-90.0) {
        Some(Pole::South)
    } else {
        None
    };
    (ring, pole)
}

/// Adds vertices between two azimuths while their longitudes are more than 3° apart.
fn refine(at: &impl Fn(f64) -> [f64; 2], from: f64, to: f64, depth: usize, ring: &mut Vec<[f64; 2]>) {
    let apart = (at(to)[0] - at(from)[0]).rem_euclid(360.0);
    if depth == 8 || apart.min(360.0 - apart) <= 3.0 {
        return;
    }
    let middle = 0.5 * (from + to);
    refine(at, from, middle, depth + 1, ring);
    ring.push(at(middle));
    refine(at, middle, to, depth + 1, ring);
}

/// Where a geodesic of `distance` metres from `[lon, lat]` at `azimuth_deg` (clockwise from north) ends.
fn destination(from: [f64; 2], azimuth_deg: f64, distance: f64) -> [f64; 2] {
    let b = A * (1.0 - F);
    let (sin_az, cos_az) = azimuth_deg.to_radians().sin_cos();
    // Reduced latitude of the start, as an angle so that the poles need no division.
    let (sin_lat, cos_lat) = from[1].to_radians().sin_cos();
    let (sin_u, cos_u) = unit((1.0 - F) * sin_lat, cos_lat);
    let sigma1 = sin_u.atan2(cos_u * cos_az);
    let sin_alpha = cos_u * sin_az;
    let cos2_alpha = 1.0 - sin_alpha * sin_alpha;
    let u2 = cos2_alpha * (A * A - b * b) / (b * b);
    let big_a = 1.0 + u2 / 16384.0 * (4096.0 + u2 * (-768.0 + u2 * (320.0 - 175.0 * u2)));
    let big_b = u2 / 1024.0 * (256.0 + u2 * (-128.0 + u2 * (74.0 - 47.0 * u2)));
    let first = distance / (b * big_a);
    let mut sigma = first;
    for _ in 0..20 {
        let cos_2m = (2.0 * sigma1 + sigma).cos();
        let (sin_s, cos_s) = sigma.sin_cos();
        let inner = cos_s * (-1.0 + 2.0 * cos_2m * cos_2m)
            - big_b / 6.0 * cos_2m * (-3.0 + 4.0 * sin_s * sin_s) * (-3.0 + 4.0 * cos_2m * cos_2m);
        let next = first + big_b * sin_s * (cos_2m + big_b / 4.0 * inner);
        let done = (next - sigma).abs() < 1e-14;
        sigma = next;
        if done {
            break;
        }
    }
    let (sin_s, cos_s) = sigma.sin_cos();
    let cos_2m = (2.0 * sigma1 + sigma).cos();
    let across = sin_u * sin_s - cos_u * cos_s * cos_az;
    let lat = (sin_u * cos_s + cos_u * sin_s * cos_az).atan2((1.0 - F) * sin_alpha.hypot(across));
    let lambda = (sin_s * sin_az).atan2(cos_u * cos_s - sin_u * sin_s * cos_az);
    let c = F / 16.0 * cos2_alpha * (4.0 + F * (4.0 - 3.0 * cos2_alpha));
    let l = lambda
        - (1.0 - c)
            * F
            * sin_alpha
            * (sigma + c * sin_s * (cos_2m + c * cos_s * (-1.0 + 2.0 * cos_2m * cos_2m)));
    [crate::geometry::bbox::wrap_lon(from[0] + l.to_degrees()), lat.to_degrees()]
}

fn unit(sin: f64, cos: f64) -> (f64, f64) {
    let length = sin.hypot(cos);
    (sin / length, cos / length)
}

/// Metres along the meridian between two latitudes (Simpson's rule over the radius of curvature).
fn meridian_distance(lat0: f64, lat1: f64) -> f64 {
    let e2 = F * (2.0 - F);
    let radius = |lat: f64| A * (1.0 - e2) / (1.0 - e2 * lat.to_radians().sin().powi(2)).powf(1.5);
    const STEPS: usize = 200;
    let h = (lat1 - lat0) / STEPS as f64;
    let weight = |i: usize| {
        if i == 0 || i == STEPS {
            1.0
        } else if i % 2 == 1 {
            4.0
        } else {
            2.0
        }
    };
    let sum: f64 = (0..=STEPS).map(|i| weight(i) * radius(lat0 + h * i as f64)).sum();
    (sum * h.to_radians() / 3.0).abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_geodesics() {
        // One degree of longitude on the equator is A·π/180 metres.
        let east = destination([0.0, 0.0], 90.0, A.to_radians());
        assert!((east[0] - 1.0).abs() < 1e-9 && east[1].abs() < 1e-12, "{east:?}");
        // The meridian from equator to pole is 10 001 965.729 m.
        assert!((meridian_distance(0.0, 90.0) - 10_001_965.729).abs() < 1e-2);
        let north = destination([10.0, 0.0], 0.0, 10_001_965.729);
        assert!((north[1] - 90.0).abs() < 1e-6, "{north:?}");
        // Flinders Peak to Buninyon (GDA technical manual, on GRS 80: differs from WGS 84 by less than 1 mm).
        let flinders = [144.0 + 25.0 / 60.0 + 29.52442 / 3600.0, -(37.0 + 57.0 / 60.0 + 3.72030 / 3600.0)];
        let azimuth = 306.0 + 52.0 / 60.0 + 5.37 / 3600.0;
        let end = destination(flinders, azimuth, 54_972.271);
        let buninyon = [143.0 + 55.0 / 60.0 + 35.38387 / 3600.0, -(37.0 + 39.0 / 60.0 + 10.15611 / 3600.0)];
        assert!((end[0] - buninyon[0]).abs() < 2e-7 && (end[1] - buninyon[1]).abs() < 2e-7, "{end:?}");
    }

    #[test]
    fn a_circle_round_the_pole_is_a_parallel() {
        let (ring, pole) = circle([0.0, 90.0], 100_000.0);
        assert_eq!(pole, Some(Pole::North));
        assert!(ring.len() >= 64);
        assert!(ring.iter().all(|p| (p[1] - ring[0][1]).abs() < 1e-9));
        assert_eq!(circle([0.0, 0.0], LARGEST_RADIUS_M).1, None);
        assert_eq!(circle([50.0, -80.0], 2_000_000.0).1, Some(Pole::South));
    }
}
