//! Place and time of results.

use super::clock;
use crate::catalog::Granule;
use crate::request::operation::DataOperation;

/// All of the Earth: what is said of a result whose place is not known.
pub const EARTH: [f64; 4] = [-180.0, -90.0, 180.0, 90.0];

/// Smallest box and times around granules, cut to what was asked for.
pub fn of_granules(
    granules: &[&Granule],
    operation: &DataOperation,
) -> (Option<[f64; 4]>, Option<[String; 2]>) {
    let boxes: Vec<[f64; 4]> = granules.iter().filter_map(|g| g.bbox).collect();
    let bbox = union(&boxes).map(|b| operation.subset.bbox.and_then(|wanted| cut(b, wanted)).unwrap_or(b));
    let starts = granules.iter().filter_map(|g| clock::parse(g.start.as_deref().or(g.end.as_deref())?));
    let ends = granules.iter().filter_map(|g| clock::parse(g.end.as_deref().or(g.start.as_deref())?));
    let temporal = starts.min().zip(ends.max()).map(|(start, end)| {
        let wanted = operation.temporal.as_ref();
        let asked = |text: Option<&String>| text.and_then(|t| clock::parse(t));
        let from = asked(wanted.and_then(|w| w.start.as_ref())).map_or(start, |w| w.max(start));
        let to = asked(wanted.and_then(|w| w.end.as_ref())).map_or(end, |w| w.min(end));
        // A range that was asked for and misses the granules says nothing about what is in them.
        let [from, to] = if from <= to { [from, to] } else { [start, end] };
        [clock::iso(from), clock::iso(to)]
    });
    (bbox, temporal)
}

/// The common part of two boxes of which none crosses the antimeridian; `None` when there is none.
fn cut(a: [f64; 4], b: [f64; 4]) -> Option<[f64; 4]> {
    let both = [a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])];
    (a[0] <= a[2] && b[0] <= b[2] && both[0] <= both[2] && both[1] <= both[3]).then_some(both)
}

/// The smallest box around boxes; west > east crosses the antimeridian.
pub fn union(boxes: &[[f64; 4]]) -> Option<[f64; 4]> {
    let south = boxes.iter().map(|b| b[1]).reduce(f64::min)?;
    let north = boxes.iter().map(|b| b[3]).reduce(f64::max)?;
    // As ranges from their west that go east, which may pass 180.
    let mut ranges: Vec<(f64, f64)> =
        boxes.iter().map(|b| (b[0], if b[0] > b[2] { b[2] + 360.0 } else { b[2] })).collect();
    ranges.sort_by(|a, b| a.0.total_cmp(&b.0));
    // The widest gap between them is what the box leaves out.
    let (first, mut reach) = *ranges.first()?;
    // A range that passes 180 may cover the first ones from the other side.
    reach = ranges.iter().map(|r| r.1 - 360.0).fold(reach, f64::max);
    let (mut gap, mut west, mut east) = (f64::NEG_INFINITY, first, reach);
    for &(start, end) in &ranges[1..] {
        if start - reach > gap {
            (gap, west, east) = (start - reach, start, reach);
        }
        reach = reach.max(end);
    }
    if first + 360.0 - reach >= gap {
        (west, east) = (first, reach);
    }
    if gap <= 0.0 && first + 360.0 - reach <= 0.0 {
        return Some([-180.0, south, 180.0, north]);
    }
    let wrap = |lon: f64| if lon > 180.0 { lon - 360.0 } else { lon };
    Some([wrap(west), south, wrap(east), north])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_box_around_boxes() {
        let near = [[10.0, 0.0, 20.0, 5.0], [-20.0, -5.0, -10.0, 3.0]];
        assert_eq!(union(&near), Some([-20.0, -5.0, 20.0, 5.0]));
        // Across the antimeridian it is narrower.
        let far = [[170.0, 0.0, 175.0, 1.0], [-175.0, 0.0, -170.0, 1.0]];
        assert_eq!(union(&far), Some([170.0, 0.0, -170.0, 1.0]));
        let crossing = [[170.0, 0.0, -175.0, 1.0], [160.0, 0.0, 172.0, 1.0]];
        assert_eq!(union(&crossing), Some([160.0, 0.0, -175.0, 1.0]));
        assert_eq!(union(&[EARTH, [0.0, 0.0, 1.0, 1.0]]), Some(EARTH));
        assert_eq!(union(&[]), None);
        assert_eq!(union(&[[5.0, 1.0, 5.0, 1.0]]), Some([5.0, 1.0, 5.0, 1.0]));
    }

    #[test]
    fn what_was_asked_for_cuts_it() {
        let granule = |bbox, start: &str, end: &str| Granule {
            bbox: Some(bbox),
            start: Some(start.into()),
            end: Some(end.into()),
            ..Granule::default()
        };
        let a = granule([0.0, 0.0, 10.0, 10.0], "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z");
        let b = granule([10.0, 0.0, 20.0, 10.0], "2020-01-02T00:00:00Z", "2020-01-03T00:00:00Z");
        let mut operation = DataOperation::default();
        operation.subset.bbox = Some([5.0, 5.0, 15.0, 50.0]);
        let (bbox, temporal) = of_granules(&[&a, &b], &operation);
        assert_eq!(bbox, Some([5.0, 5.0, 15.0, 10.0]));
        assert_eq!(
            temporal,
            Some(["2020-01-01T00:00:00.000Z".to_owned(), "2020-01-03T00:00:00.000Z".to_owned()])
        );
    }
}
