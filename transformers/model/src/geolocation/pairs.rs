//! Pairs of latitude and longitude: which belong together, what structure they make, which variables they serve.

use std::collections::BTreeMap;

use super::roles::{Position, Roles};
use super::{GridAxis, Rule, SameIndex};
use crate::geolocation::Geolocation;
use crate::granule::{DimId, Granule, GroupId, VarId};

/// Structure of a pair, by the axes of its variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// 1-D latitude and 1-D longitude on different axes.
    Grid {
        lat: DimId,
        lon: DimId,
    },
    Track(DimId),
    /// Slowest axis first.
    Swath([DimId; 2]),
}

impl Shape {
    pub fn dims(&self) -> Vec<DimId> {
        match *self {
            Shape::Grid { lat, lon } => vec![lat, lon],
            Shape::Track(d) => vec![d],
            Shape::Swath(dims) => dims.to_vec(),
        }
    }
}

/// Latitude and longitude that belong together.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub lat: VarId,
    pub lon: VarId,
    pub shape: Shape,
    /// Axes of the longitude that are those of the latitude under another name.
    pub same: Vec<SameIndex>,
    pub rule: Rule,
    pub detail: String,
    /// Position of something else than the sample: spacecraft, sub-satellite point, corner.
    pub subsidiary: bool,
    /// Its name is just "latitude" in some spelling.
    pub plain: bool,
}

impl Pair {
    /// The pair of two variables, if their axes make one.
    pub fn new(roles: &Roles, lat: VarId, lon: VarId, rule: Rule) -> Option<Pair> {
        let (shape, same) = shape_of(roles.granule, lat, lon)?;
        let name = roles.granule.var(lat).name.to_ascii_lowercase();
        Some(Pair {
            lat,
            lon,
            shape,
            same,
            rule,
            detail: String::new(),
            subsidiary: is_subsidiary(&name),
            plain: super::roles::position_name(&name).is_some(),
        })
    }

    pub fn with_detail(mut self, detail: String) -> Pair {
        self.detail = detail;
        self
    }
}

/// Words in names of positions that are not those of the samples.
fn is_subsidiary(name: &str) -> bool {
    const WORDS: [&str; 15] = [
        "sc_",
        "spacecraft",
        "subsat",
        "sub_sat",
        "satellite",
        "nadir",
        "sensor",
        "instrument",
        "platform",
        "orbit",
        "tx_",
        "rx_",
        "sigma",
        "error",
        "uncertainty",
    ];
    WORDS.iter().any(|w| name.contains(w))
}

/// Dimensions of a position variable that count: two at most.
///
/// Of three and more those of size 1 go first (TROPOMI `time`); then the ones that are known as along and across
/// track, else the last two (SMAP am/pm, am/pm × row × column).
fn spatial_dims(granule: &Granule, var: VarId) -> Vec<DimId> {
    let dims = &granule.var(var).dims;
    if dims.len() <= 2 {
        return dims.clone();
    }
    let long: Vec<DimId> = dims.iter().copied().filter(|&d| granule.dim(d).len != 1).collect();
    let dims = if long.len() >= 2 { long } else { dims.clone() };
    let named: Vec<DimId> = dims
        .iter()
        .copied()
        .filter(|&d| {
            matches!(
                granule.dim(d).name.to_ascii_lowercase().as_str(),
                "atrack" | "xtrack" | "ydim_grid" | "xdim_grid"
            )
        })
        .collect();
    if named.len() == 2 { named } else { dims[dims.len() - 2..].to_vec() }
}

fn shape_of(granule: &Granule, lat: VarId, lon: VarId) -> Option<(Shape, Vec<SameIndex>)> {
    let (a, b) = (spatial_dims(granule, lat), spatial_dims(granule, lon));
    match (&a[..], &b[..]) {
        (&[d], &[e]) if d == e => Some((Shape::Track(d), Vec::new())),
        (&[d], &[e]) => {
            let twins = granule.dim(d).len == granule.dim(e).len
                && granule.dim(d).anonymous
                && granule.dim(e).anonymous;
            if twins {
                Some((Shape::Track(d), vec![SameIndex { dim: e, follows: d }]))
            } else {
                Some((Shape::Grid { lat: d, lon: e }, Vec::new()))
            }
        }
        (&[r, c], &[s, d]) if r != c => {
            let same = match_dims(granule, &[r, c], &[s, d])?;
            // Transposed positions are of no use to anyone.
            let in_order = (r == s || same.iter().any(|x| x.dim == s && x.follows == r))
                && (c == d || same.iter().any(|x| x.dim == d && x.follows == c));
            in_order.then_some((Shape::Swath([r, c]), same))
        }
        _ => None,
    }
}

/// Finds each of `wanted` among `dims`: by identity, or else, where one of the two is anonymous, by equal length
/// when exactly one axis has it. Gives the axes matched by length; `None` when one is not found.
pub(super) fn match_dims(granule: &Granule, wanted: &[DimId], dims: &[DimId]) -> Option<Vec<SameIndex>> {
    let mut same = Vec::new();
    for &w in wanted {
        if dims.contains(&w) {
            continue;
        }
        let target = granule.dim(w);
        let mut candidates = dims.iter().copied().filter(|&d| {
            let dim = granule.dim(d);
            dim.len == target.len && !wanted.contains(&d) && (dim.anonymous || target.anonymous)
        });
        let dim = candidates.next()?;
        let ambiguous = target.len < 2
            || candidates.next().is_some()
            || same.iter().any(|s: &SameIndex| s.dim == dim)
            || wanted.iter().any(|&o| o != w && granule.dim(o).len == target.len);
        if ambiguous {
            return None;
        }
        same.push(SameIndex { dim, follows: w });
    }
    Some(same)
}

/// A name with its word for latitude or longitude taken out: equal for the two of a pair.
fn stem(name: &str) -> String {
    let mut name = name.to_ascii_lowercase();
    for word in ["latitude", "longitude", "long", "lat", "lon"] {
        if let Some(at) = name.find(word) {
            name.replace_range(at..at + word.len(), "~");
            return name;
        }
    }
    match name.as_str() {
        "x" | "y" => "~".into(),
        _ => match name.strip_suffix(['x', 'y']) {
            Some(stem) => format!("{stem}~"),
            None => name,
        },
    }
}

/// All pairs of variables that are positions by their own attributes or names, group by group.
pub(super) fn general_pairs(roles: &Roles) -> Vec<Pair> {
    let granule = roles.granule;
    let mut groups: BTreeMap<GroupId, (Vec<VarId>, Vec<VarId>)> = BTreeMap::new();
    for v in granule.var_ids() {
        let Some((position, _)) = roles.position(v) else { continue };
        let entry = groups.entry(granule.var(v).group).or_default();
        match position {
            Position::Latitude => entry.0.push(v),
            Position::Longitude => entry.1.push(v),
        }
    }
    let mut pairs = Vec::new();
    for (lats, lons) in groups.values() {
        for &lat in lats {
            let wanted = stem(&granule.var(lat).name);
            let named = lons.iter().copied().find(|&l| stem(&granule.var(l).name) == wanted);
            let only = (lats.len() == 1 && lons.len() == 1).then(|| lons[0]);
            let Some(lon) = named.or(only) else { continue };
            let rule = [lat, lon].iter().filter_map(|&v| roles.position(v)).map(|(_, r)| r).max();
            pairs.extend(rule.and_then(|rule| Pair::new(roles, lat, lon, rule)));
        }
    }
    demote(granule, &mut pairs);
    // Scales of two axes that an HDF5 reader could not tell apart by length (h4toh5) make no track.
    let scales: Vec<Vec<String>> =
        granule.vars.iter().filter_map(|v| v.attr("DIMENSION_NAMELIST")?.as_texts()).collect();
    pairs.retain(|p| {
        let named = |v: VarId, list: &[String]| list.contains(&granule.var(v).path);
        let apart = scales.iter().any(|list| named(p.lat, list) && named(p.lon, list));
        !(apart && matches!(p.shape, Shape::Track(_)))
    });
    pairs
}

/// High-rate positions (`lat_20hz` on time × 20) yield to the plain ones of their track, which select the time axis;
/// those of a spacecraft yield to those of the samples.
fn demote(granule: &Granule, pairs: &mut Vec<Pair>) {
    let tracks: Vec<DimId> = pairs
        .iter()
        .filter(|p| p.plain && !p.subsidiary)
        .filter_map(|p| match p.shape {
            Shape::Track(d) => Some(d),
            _ => None,
        })
        .collect();
    pairs.retain(|p| match p.shape {
        Shape::Swath([d, _]) => !(is_high_rate(&granule.var(p.lat).name) && tracks.contains(&d)),
        _ => true,
    });
    let own: Vec<DimId> = pairs.iter().filter(|p| !p.subsidiary).flat_map(|p| p.shape.dims()).collect();
    pairs.retain(|p| !p.subsidiary || !p.shape.dims().iter().any(|d| own.contains(d)));
}

/// Names such as `lat_20hz`.
pub(super) fn is_high_rate(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.strip_suffix("hz").is_some_and(|n| n.ends_with(|c: char| c.is_ascii_digit()))
}

/// The geolocation that a pair is.
pub(super) fn geolocation(granule: &Granule, pair: &Pair, edges: bool) -> Geolocation {
    let axis = |dim: DimId, var: VarId| GridAxis { dim, var, bounds: bounds_of(granule, var), edges };
    match pair.shape {
        Shape::Grid { lat, lon } => Geolocation::Grid { lat: axis(lat, pair.lat), lon: axis(lon, pair.lon) },
        Shape::Track(dim) => Geolocation::Trajectory { lat: pair.lat, lon: pair.lon, dim },
        Shape::Swath(dims) => Geolocation::Swath { lat: pair.lat, lon: pair.lon, dims },
    }
}

/// The CF `bounds` variable (n × 2) of a 1-D axis.
fn bounds_of(granule: &Granule, axis: VarId) -> Option<VarId> {
    let var = granule.var(axis);
    let bounds = granule.resolve_var(var.group, var.attr_text("bounds")?.trim())?;
    match granule.var(bounds).dims[..] {
        [d, two] if var.dims.first() == Some(&d) && granule.dim(two).len == 2 => Some(bounds),
        _ => None,
    }
}

/// Steps between two groups of the tree.
pub(super) fn distance(granule: &Granule, a: GroupId, b: GroupId) -> usize {
    let line = |g: GroupId| {
        let mut line = vec![g];
        while let Some(parent) = line.last().and_then(|&g| granule.group(g).parent) {
            line.push(parent);
        }
        line
    };
    let (a, b) = (line(a), line(b));
    let common = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    a.len() + b.len() - 2 * common
}

/// The best of `pairs` for a variable: one whose axes are its own, or at last one whose axes have equal lengths.
///
/// Gives the pair's index and the axes matched by length.
pub(super) fn best(roles: &Roles, pairs: &[Pair], var: VarId) -> Option<(usize, Vec<SameIndex>)> {
    let granule = roles.granule;
    let (group, dims) = (granule.var(var).group, &granule.var(var).dims);
    let mut found: Vec<(Rank, usize, Vec<SameIndex>)> = Vec::new();
    for (i, pair) in pairs.iter().enumerate() {
        let wanted = pair.shape.dims();
        let Some(same) = match_dims(granule, &wanted, dims) else { continue };
        let distance = distance(granule, group, granule.var(pair.lat).group);
        // Equal length means something among neighbours only.
        if !same.is_empty() && distance > 2 {
            continue;
        }
        let own = pair.lat == var || pair.lon == var;
        let rank = Rank {
            by_length: !same.is_empty(),
            other: !own,
            subsidiary: pair.subsidiary,
            fewer_dims: 2 - wanted.len(),
            distance,
            rule: pair.rule,
            decorated: !pair.plain,
        };
        found.push((rank, i, same));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut found = found.into_iter();
    let (rank, i, same) = found.next()?;
    if rank.by_length {
        let same_dims = |j: usize| pairs[j].shape.dims() == pairs[i].shape.dims();
        if found.any(|(r, j, _)| r.distance == rank.distance && !same_dims(j)) {
            return None;
        }
    }
    Some((i, same))
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    by_length: bool,
    other: bool,
    subsidiary: bool,
    fewer_dims: usize,
    distance: usize,
    rule: Rule,
    decorated: bool,
}
