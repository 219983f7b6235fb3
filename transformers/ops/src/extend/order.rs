//! The order of granules along an extended dimension.

use harmony_model::geolocation::Hints;
use harmony_model::time::{DateTime, TimeUnits};
use harmony_model::{Granule, ReadError, Runs, Window};

use super::along;
use crate::aggregate::{Digest, Pool, Wanted};

/// First values are looked for among so many samples.
const LOOKED_AT: u64 = 4096;

/// Where a granule belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OrderKey {
    /// First time along the dimension: seconds since 1970.
    pub time: Option<f64>,
    /// First and last value of the coordinate variable, when it is not time.
    pub coordinate: Option<(f64, f64)>,
    /// `time_coverage_start` of the granule.
    pub coverage: Option<f64>,
}

impl OrderKey {
    /// Reads the beginning of a granule's coordinates along the dimension.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn of(granule: &Granule, wanted: &Wanted) -> Result<Self, ReadError> {
        let coverage = granule.groups[0]
            .attr_text("time_coverage_start")
            .and_then(|t| DateTime::parse(t.trim()).ok())
            .map(DateTime::seconds);
        let mut key = OrderKey { coverage, ..OrderKey::default() };
        let Some(dim) = along(granule, wanted) else { return Ok(key) };
        let len = granule.dim(dim).len;
        if let Some(var) = granule.dim_coordinate(dim) {
            let v = granule.var(var);
            let units = v.attr_text("units").unwrap_or_default();
            let time = TimeUnits::parse(&units, v.attr_text("calendar").as_deref()).ok();
            if v.dtype.is_numeric() && len > 0 {
                let head = granule.read_physical(var, &Window(vec![Runs::range(0, len.min(LOOKED_AT))]))?;
                let tail = granule.read_physical(var, &Window(vec![Runs::range(len - 1, 1)]))?;
                if let Some(&first) = head.iter().find(|v| v.is_finite()) {
                    match time {
                        Some(units) => key.time = Some(units.seconds(first)),
                        None => key.coordinate = Some((first, tail.first().copied().unwrap_or(first))),
                    }
                }
            }
        }
        if key.time.is_none() {
            key.time = time_along(granule, dim, len);
        }
        Ok(key)
    }
}

/// The first time of the axis of times along a dimension; what can't be told is none.
fn time_along(granule: &Granule, dim: harmony_model::DimId, len: u64) -> Option<f64> {
    let hints = Hints::default();
    let table = harmony_model::geolocation::discover(granule, &hints).ok()?;
    let times = harmony_model::time::discover(granule, &table, &hints);
    let axis = times.for_dims(&[dim]).filter(|a| a.dims.contains(&dim))?;
    let runs = |d: &harmony_model::DimId| if *d == dim { len.min(LOOKED_AT) } else { 1 };
    let window = Window(axis.dims.iter().map(|d| Runs::range(0, runs(d))).collect());
    axis.read_seconds(granule, &window).ok()?.into_iter().find(|v| v.is_finite())
}

/// Granules by time, else by coordinate, else by what they say they cover; equal ones stay in the order of the request.
pub fn sorted(pool: &Pool, mut digests: Vec<Digest>, notices: &mut Vec<String>) -> Vec<Digest> {
    let Some((keys, what)) = keys(&digests) else { return digests };
    let mut order: Vec<usize> = (0..digests.len()).collect();
    order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]));
    let equal = order.windows(2).filter(|w| keys[w[0]] == keys[w[1]]).count();
    if equal > 0 {
        let first = order.windows(2).find(|w| keys[w[0]] == keys[w[1]]).map_or(0, |w| w[1]);
        notices.push(format!(
            "{} granules begin with the same {what} as another (the first: {}); all of them are kept, in the order of \
             the request",
            equal,
            pool.name(digests[first].member)
        ));
    }
    let mut slots: Vec<Option<Digest>> = digests.drain(..).map(Some).collect();
    order.into_iter().filter_map(|i| slots[i].take()).collect()
}

/// One number for each granule; `None`: nothing that all of them have.
fn keys(digests: &[Digest]) -> Option<(Vec<f64>, &'static str)> {
    let all = |f: &dyn Fn(&OrderKey) -> Option<f64>| {
        digests.iter().map(|d| f(&d.order)).collect::<Option<Vec<_>>>()
    };
    if let Some(times) = all(&|k| k.time) {
        return Some((times, "time"));
    }
    if let Some(first) = all(&|k| k.coordinate.map(|c| c.0)) {
        // Granules of an axis that descends are in descending order.
        let falls = |d: &&Digest| d.order.coordinate.is_some_and(|(a, b)| b < a);
        let descends = 2 * digests.iter().filter(falls).count() > digests.len();
        let turn = if descends { -1.0 } else { 1.0 };
        return Some((first.into_iter().map(|v| v * turn).collect(), "coordinate"));
    }
    all(&|k| k.coverage).map(|c| (c, "time of coverage"))
}
