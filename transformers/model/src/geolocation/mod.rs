//! Where the values of a variable are on Earth: found once per granule, the same way for every operation.

pub mod companions;
mod coordinates;
mod describe;
mod discover;
mod ease;
mod glob;
mod grid_header;
mod grids;
pub mod names;
mod pairs;
pub mod products;
mod roles;
mod segments;
mod short_name;
mod sources;
#[cfg(test)]
mod tests;

pub use companions::closure;
pub use describe::{Summary, summary};
pub use discover::discover;
pub use names::{NotFound, find_variables};
pub use short_name::short_name;

use crate::crs::Crs;
use crate::granule::{DimId, Granule, GroupId, VarId};

/// How positions belong to the indices of a variable.
#[derive(Clone, Debug)]
pub enum Geolocation {
    /// Two 1-D geographic axes.
    Grid { lat: GridAxis, lon: GridAxis },
    /// Two projected axes and their reference system.
    ProjectedGrid { y: ProjectedAxis, x: ProjectedAxis, crs: Crs },
    /// 2-D latitude and longitude on `[row, col]`; the dims are those of `lat`, slowest first. `lat` and `lon` may
    /// have further axes (size 1, or footprints of one field of view): a place is in when any of them is.
    Swath { lat: VarId, lon: VarId, dims: [DimId; 2] },
    /// Latitude and longitude along one axis.
    Trajectory { lat: VarId, lon: VarId, dim: DimId },
    /// Samples along `dim`, addressed by segments of another trajectory.
    Segmented(Segments),
}

/// An axis of a geographic grid: its 1-D coordinate variable.
#[derive(Clone, Debug, PartialEq)]
pub struct GridAxis {
    pub dim: DimId,
    pub var: VarId,
    /// CF `bounds` variable (n × 2), when there is one.
    pub bounds: Option<VarId>,
    /// The coordinate values are the lower edges of the cells, not their centres (ATL16).
    pub edges: bool,
}

/// An axis of a projected grid, in the units of the CRS (metres unless it says otherwise).
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectedAxis {
    pub dim: DimId,
    pub source: ProjectedAxisSource,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ProjectedAxisSource {
    /// A 1-D coordinate variable; its values times `to_crs_units` are CRS units (km → m: 1000; angle × height for
    /// geostationary axes).
    Variable { var: VarId, to_crs_units: f64 },
    /// `first` is the centre of cell 0.
    Regular { first: f64, step: f64 },
}

/// A segment index: segment *i* owns `count[i]` samples from (1-based) `begin[i]` on.
#[derive(Clone, Debug, PartialEq)]
pub struct Segments {
    /// Axis of the samples.
    pub dim: DimId,
    /// Axis of the segments.
    pub segment_dim: DimId,
    /// 1-based index of the first sample of each segment; 0 or negative: none.
    pub begin: VarId,
    pub count: Option<VarId>,
    /// Position of the segments, when they have one (they follow a trajectory on `segment_dim`).
    pub lat: Option<VarId>,
    pub lon: Option<VarId>,
}

/// Which rule of the discovery order decided; `--explain` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    Catalogue,
    ProductTable,
    CfCoordinates,
    DimensionCoordinates,
    StandardName,
    Units,
    Axis,
    Names,
    /// `GeoTransform`, `GridHeader` and other descriptions of a whole grid.
    GridDefinition,
}

/// One geolocation of a granule and how it was found.
#[derive(Clone, Debug)]
pub struct Located {
    pub geolocation: Geolocation,
    pub rule: Rule,
    /// Further words for `--explain`, for example the product table's entry.
    pub detail: String,
}

/// All geolocations of a granule; variables share them.
#[derive(Clone, Debug, Default)]
pub struct GeolocationTable {
    pub located: Vec<Located>,
    /// For each variable the index into `located`.
    pub of_var: Vec<Option<usize>>,
    /// Variables that hold positions, times, bounds of them or segment indices: never masked.
    pub coordinates: Vec<VarId>,
    /// The times among them, those that a catalogue names first; not the ones to be ignored (`time_tai`).
    pub times: Vec<VarId>,
    /// Axes whose index *i* means the same place as index *i* of another axis.
    pub same_index: Vec<SameIndex>,
    /// All segment indices, also those that are not the first one of their sample axis.
    pub segments: Vec<Segments>,
    /// Child axes whose samples carry the index of their parent.
    pub reverse: Vec<ReverseIndex>,
    /// Groups that are copied whole, with what is below them.
    pub never_subset: Vec<GroupId>,
    /// Axes that have times but no positions: a spatial selection cuts them by the times it selects.
    pub time_only: Vec<TimeOnly>,
    /// Variables that have projected axes but can't be located, and why. An operation that needs their place
    /// makes an error of it.
    pub problems: Vec<(VarId, String)>,
    /// The entry of the product table that applies.
    pub product: Option<std::sync::Arc<products::Product>>,
}

/// `dim` is indexed like `follows`: the axes are declared twice (ATL03 `geophys_corr`, anonymous HDF5 axes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SameIndex {
    pub dim: DimId,
    pub follows: DimId,
}

/// Samples along `dim` carry the 1-based index of their parent along `parent_dim` (0 or negative: none).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReverseIndex {
    pub dim: DimId,
    pub parent_dim: DimId,
    pub index: VarId,
}

/// An axis with times and without positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOnly {
    pub dim: DimId,
    pub time: VarId,
    /// The trajectory beside it (same beam) whose selected times cut it: index into
    /// [`GeolocationTable::located`].
    pub follows: Option<usize>,
}

impl GeolocationTable {
    pub fn of(&self, var: VarId) -> Option<&Located> {
        self.of_var.get(var.0).copied().flatten().map(|i| &self.located[i])
    }

    pub fn is_coordinate(&self, var: VarId) -> bool {
        self.coordinates.contains(&var)
    }

    /// The axis that a selection of `dim` is made on: `dim` itself unless it follows another one.
    pub fn leading_dim(&self, dim: DimId) -> DimId {
        let mut at = dim;
        // At most one step per entry, so a circle ends.
        for _ in 0..self.same_index.len() {
            match self.same_index.iter().find(|s| s.dim == at) {
                Some(s) => at = s.follows,
                None => break,
            }
        }
        at
    }

    /// Whether `group` is copied whole.
    pub fn is_never_subset(&self, granule: &Granule, group: GroupId) -> bool {
        self.never_subset.iter().any(|&g| granule.is_within(group, g))
    }

    /// Why a variable has no geolocation although it should have one.
    pub fn problem_of(&self, var: VarId) -> Option<&str> {
        self.problems.iter().find(|(v, _)| *v == var).map(|(_, why)| why.as_str())
    }
}

impl Geolocation {
    /// The name of the structure of data, as users read it.
    pub fn kind(&self) -> &'static str {
        match self {
            Geolocation::Grid { .. } => "grid",
            Geolocation::ProjectedGrid { .. } => "projected grid",
            Geolocation::Swath { .. } => "swath",
            Geolocation::Trajectory { .. } => "trajectory",
            Geolocation::Segmented(_) => "segmented trajectory",
        }
    }

    /// The variables that positions are read from.
    pub fn variables(&self) -> Vec<VarId> {
        let axis = |a: &ProjectedAxis| match a.source {
            ProjectedAxisSource::Variable { var, .. } => Some(var),
            ProjectedAxisSource::Regular { .. } => None,
        };
        match self {
            Geolocation::Grid { lat, lon } => vec![lat.var, lon.var],
            Geolocation::ProjectedGrid { y, x, .. } => axis(y).into_iter().chain(axis(x)).collect(),
            Geolocation::Swath { lat, lon, .. } | Geolocation::Trajectory { lat, lon, .. } => {
                vec![*lat, *lon]
            }
            Geolocation::Segmented(s) => {
                [Some(s.begin), s.count, s.lat, s.lon].into_iter().flatten().collect()
            }
        }
    }

    /// The axes that positions depend on, slowest first as declared.
    pub fn dims(&self) -> Vec<DimId> {
        match self {
            Geolocation::Grid { lat, lon } => vec![lat.dim, lon.dim],
            Geolocation::ProjectedGrid { y, x, .. } => vec![y.dim, x.dim],
            Geolocation::Swath { dims, .. } => dims.to_vec(),
            Geolocation::Trajectory { dim, .. } => vec![*dim],
            Geolocation::Segmented(s) => vec![s.dim],
        }
    }
}

/// What is known about a granule from outside it.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// Product (collection) short name.
    pub short_name: Option<String>,
    /// Latitude, longitude and time variables named by a catalogue.
    pub latitude: Vec<String>,
    pub longitude: Vec<String>,
    pub time: Vec<String>,
}
