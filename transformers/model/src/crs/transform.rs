//! Coordinates from one CRS to another.

use std::sync::{Arc, Mutex};

use super::ffi::{self, Pipeline};
use super::{Crs, info, parse};
use crate::ModelError;

/// A transformation between two CRS, both in visualisation order: longitude and latitude in degrees, x and y in the
/// units of the CRS. It may be used from several threads at once and cheaply cloned.
#[derive(Clone)]
pub struct Transform(Arc<Inner>);

enum Inner {
    /// Both sides mean the same coordinates: nothing is computed, PROJ is not loaded.
    Identity,
    Proj(Box<Pool>),
}

/// PROJ's transformation objects serve one thread at a time: each call takes one out or makes one more, so there are
/// as many as threads ever worked at once.
struct Pool {
    from: Crs,
    to: Crs,
    /// Degrees in a unit of either side, when it is geographic: PROJ keeps grads.
    from_degrees: f64,
    to_degrees: f64,
    idle: Mutex<Vec<Pipeline>>,
}

impl std::fmt::Debug for Transform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.0 {
            Inner::Identity => f.write_str("Transform(identity)"),
            Inner::Proj(pool) => write!(f, "Transform({} -> {})", pool.from.definition, pool.to.definition),
        }
    }
}

impl Transform {
    /// From one CRS to another.
    ///
    /// # Errors
    /// [`ModelError::Crs`] when PROJ is missing, does not understand one of them or knows no way between them.
    pub fn new(from: &Crs, to: &Crs) -> Result<Self, ModelError> {
        let both_wgs84 = parse::is_wgs84(&from.definition) && parse::is_wgs84(&to.definition);
        if from.definition == to.definition || both_wgs84 {
            return Ok(Transform(Arc::new(Inner::Identity)));
        }
        if let Err(why) = ffi::available() {
            return Err(parse::error(&to.definition, &why, ffi::REMEDY));
        }
        let first = open(from, to)?;
        let degrees = |crs: &Crs| info::of(&crs.definition).map_or(1.0, |i| i.units_to_degree);
        let pool = Pool {
            from_degrees: degrees(from),
            to_degrees: degrees(to),
            from: from.clone(),
            to: to.clone(),
            idle: Mutex::new(vec![first]),
        };
        Ok(Transform(Arc::new(Inner::Proj(Box::new(pool)))))
    }

    /// Whether it leaves coordinates as they are.
    pub fn is_identity(&self) -> bool {
        matches!(*self.0, Inner::Identity)
    }

    /// Transforms points in place; what has no image becomes NaN or infinite, in both coordinates.
    ///
    /// # Panics
    /// When the slices differ in length.
    pub fn points(&self, xs: &mut [f64], ys: &mut [f64]) {
        self.apply(false, xs, ys);
    }

    /// The way back, from the target to the source CRS; as [`Transform::points`] otherwise.
    ///
    /// # Panics
    /// When the slices differ in length.
    pub fn inverse_points(&self, xs: &mut [f64], ys: &mut [f64]) {
        self.apply(true, xs, ys);
    }

    fn apply(&self, inverse: bool, xs: &mut [f64], ys: &mut [f64]) {
        assert_eq!(xs.len(), ys.len(), "as many x as y");
        match &*self.0 {
            Inner::Identity => {}
            Inner::Proj(pool) => pool.apply(inverse, xs, ys),
        }
    }
}

fn open(from: &Crs, to: &Crs) -> Result<Pipeline, ModelError> {
    Pipeline::new(&from.definition, &to.definition).map_err(|why| {
        let detail = format!("there is no way to it from '{}': {why}", from.definition);
        parse::error(&to.definition, &detail, "choose another target system")
    })
}

impl Pool {
    fn apply(&self, inverse: bool, xs: &mut [f64], ys: &mut [f64]) {
        let (before, after) =
            if inverse { (self.to_degrees, self.from_degrees) } else { (self.from_degrees, self.to_degrees) };
        // Some projections make a number of NaN.
        let holes: Vec<usize> =
            (0..xs.len()).filter(|&i| !(xs[i].is_finite() && ys[i].is_finite())).collect();
        scale(xs, ys, 1.0 / before);
        match self.take() {
            Some(mut pipeline) => {
                pipeline.apply(inverse, xs, ys);
                if let Ok(mut idle) = self.idle.lock() {
                    idle.push(pipeline);
                }
            }
            None => {
                xs.fill(f64::NAN);
                ys.fill(f64::NAN);
            }
        }
        scale(xs, ys, after);
        for i in holes {
            (xs[i], ys[i]) = (f64::NAN, f64::NAN);
        }
    }

    /// An idle object, or a new one. The first one was made, so a further one fails for want of memory only.
    fn take(&self) -> Option<Pipeline> {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        idle.or_else(|| open(&self.from, &self.to).ok())
    }
}

fn scale(xs: &mut [f64], ys: &mut [f64], factor: f64) {
    if factor != 1.0 {
        xs.iter_mut().chain(ys).for_each(|v| *v *= factor);
    }
}
