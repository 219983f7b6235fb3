//! The extent of a grid in another reference system.

use harmony_model::crs::{Crs, Transform};
use harmony_model::{GridSpec, ModelError};

use crate::error::OpError;

/// Points between two corners: as many as the reference program puts there, so that extents agree to the last digit.
const BETWEEN: usize = 21;
/// A step in longitude beyond this goes the other way round.
const HALF_TURN: f64 = 180.0;

/// xmin, ymin, xmax, ymax of `source` in `crs`, from points along its outline.
///
/// Geographic results run eastward from a western edge in -180…180; across the antimeridian the eastern edge is
/// beyond 180. A pole inside the outline makes it all longitudes, up to the pole.
///
/// # Errors
/// [`ModelError::Crs`] when there is no way to `crs`; [`ModelError::Invalid`] when no point has an image there.
pub fn transformed_extent(source: &GridSpec, crs: &Crs) -> Result<[f64; 4], OpError> {
    let transform = Transform::new(&source.crs, crs)?;
    if transform.is_identity() {
        return Ok(source.extent());
    }
    let (mut xs, mut ys) = outline(source.extent());
    transform.points(&mut xs, &mut ys);
    let whole = xs.iter().zip(&ys).all(|(x, y)| x.is_finite() && y.is_finite());
    let turns = if crs.is_geographic() && whole { unwrap(&mut xs) } else { 0.0 };
    let [mut west, mut south, mut east, mut north] = span(&xs, &ys).ok_or_else(|| {
        let from = source.crs.name().unwrap_or_else(|| source.crs.definition.clone());
        let to = crs.name().unwrap_or_else(|| crs.definition.clone());
        ModelError::Invalid(format!(
            "the extent of the data in '{from}' has no image in '{to}'; choose another --crs, or give an --extent"
        ))
    })?;
    if crs.is_geographic() {
        if turns != 0.0 {
            (west, east) = (-180.0, 180.0);
            if has_image(&transform, source, 90.0) {
                north = 90.0;
            }
            if has_image(&transform, source, -90.0) {
                south = -90.0;
            }
        } else {
            west = west.max(east - 360.0);
            let shift = ((west + 180.0) / 360.0).floor() * 360.0;
            (west, east) = (west - shift, east - shift);
        }
    }
    Ok([west, south, east, north])
}

/// Corners and points between them, once round.
fn outline(extent: [f64; 4]) -> (Vec<f64>, Vec<f64>) {
    let [x0, y0, x1, y1] = extent;
    let corners = [(x0, y0), (x0, y1), (x1, y1), (x1, y0), (x0, y0)];
    let steps = BETWEEN + 1;
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(4 * steps + 1);
    for side in corners.windows(2) {
        let (dx, dy) = ((side[1].0 - side[0].0) / steps as f64, (side[1].1 - side[0].1) / steps as f64);
        points.extend((0..steps).map(|i| (side[0].0 + dx * i as f64, side[0].1 + dy * i as f64)));
    }
    points.push(corners[0]);
    points.into_iter().unzip()
}

/// Makes longitudes along a closed line continuous; gives the turns about the axis that are left at its end.
fn unwrap(lon: &mut [f64]) -> f64 {
    let mut offset = 0.0;
    for i in 1..lon.len() {
        let step = lon[i] + offset - lon[i - 1];
        if step > HALF_TURN {
            offset -= 360.0;
        } else if step < -HALF_TURN {
            offset += 360.0;
        }
        lon[i] += offset;
    }
    (offset / 360.0).round()
}

fn span(xs: &[f64], ys: &[f64]) -> Option<[f64; 4]> {
    let finite = xs.iter().zip(ys).filter(|(x, y)| x.is_finite() && y.is_finite());
    let all = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    let [w, s, e, n] = finite.fold(all, |[w, s, e, n], (&x, &y)| [w.min(x), s.min(y), e.max(x), n.max(y)]);
    (w < e && s < n).then_some([w, s, e, n])
}

/// Whether a pole lies within the extent of the source.
fn has_image(transform: &Transform, source: &GridSpec, lat: f64) -> bool {
    let (mut x, mut y) = ([0.0], [lat]);
    transform.inverse_points(&mut x, &mut y);
    let [w, s, e, n] = source.extent();
    (w..=e).contains(&x[0]) && (s..=n).contains(&y[0])
}
