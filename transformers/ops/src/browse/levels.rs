//! Cell sizes: those of the data in units of the target, and the levels of GIBS.

use harmony_model::GridSpec;
use harmony_model::crs::Crs;

/// 2000 m are 0.017578125 degrees in the level tables of GIBS.
pub const METRES_PER_DEGREE: f64 = 2000.0 / 0.017578125;

/// Coarsest level; each further one halves it. 2 km, 1 km, … 15.625 m.
const COARSEST_DEGREES: f64 = 0.017578125;
const COARSEST_METRES: f64 = 2048.0;
const LEVELS: u32 = 8;

/// Width and height of cells in units of `crs` for data on `source`: those of the data when both are coarser than
/// the coarsest level, else the level that is nearest to either of them, for both.
pub fn cell_size(source: &GridSpec, crs: &Crs) -> [f64; 2] {
    let factor = match (source.crs.is_geographic(), crs.is_geographic()) {
        (true, false) => METRES_PER_DEGREE,
        (false, true) => 1.0 / METRES_PER_DEGREE,
        _ => 1.0,
    };
    let native = [source.dx.abs() * factor, source.dy.abs() * factor];
    let coarsest = if crs.is_geographic() { COARSEST_DEGREES } else { COARSEST_METRES };
    if native.iter().all(|&size| size > coarsest) {
        return native;
    }
    [nearest(native, coarsest); 2]
}

/// The level with the smallest distance to one of two sizes; of two equally near the coarser one.
fn nearest(native: [f64; 2], coarsest: f64) -> f64 {
    let distance = |level: f64| native.iter().map(|size| (level - size).abs()).fold(f64::INFINITY, f64::min);
    let finer = (1..LEVELS).map(|i| coarsest / f64::from(1u32 << i));
    finer.fold(coarsest, |best, level| if distance(level) < distance(best) { level } else { best })
}
