//! Granules that are kept open, and what of them can be drawn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use harmony_formats::OpenOptions;
use harmony_formats::image;
use harmony_formats::raster::{self, Raster};
use harmony_formats::write::WriteOptions;
use harmony_model::geolocation::{self, GeolocationTable, Hints};
use harmony_model::{Granule, VarId};

use super::categories::Categories;
use super::store::Origin;
use super::{MapError, Maps};
use crate::store::{self, Input, StoreOptions};

/// A granule by what opens it; a file that was replaced is another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    pub text: String,
    /// Length and time of the last change of a local file.
    stamp: (u64, u64),
}

impl Location {
    pub fn of(text: &str) -> Self {
        let meta = std::fs::metadata(text.strip_prefix("file://").unwrap_or(text)).ok();
        let changed = |m: &std::fs::Metadata| {
            let since = m.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            u64::try_from(since.as_nanos()).ok()
        };
        let stamp = meta.map_or((0, 0), |m| (m.len(), changed(&m).unwrap_or(0)));
        Location { text: text.to_owned(), stamp }
    }

    /// Whether it is a local file that may hold planes that take long to decode.
    pub fn is_large(&self) -> bool {
        self.stamp.0 >= LARGE
    }

    /// Whether it is a file whose changes are noticed.
    pub fn is_local(&self) -> bool {
        self.stamp.0 > 0
    }
}

/// Bytes of a file that is worth looking into before anybody asks for it.
const LARGE: u64 = 16 << 20;

/// An open granule.
pub struct Opened {
    pub granule: Arc<Granule>,
    pub location: Location,
    /// Variables on regular grids.
    pub(super) fields: Vec<Arc<Field>>,
    /// Variables that have positions of another kind: swaths, trajectories, irregular axes.
    pub(super) elsewhere: Vec<Arc<Meta>>,
}

/// A variable on a grid, with smaller versions of it.
pub(super) struct Field {
    pub meta: Arc<Meta>,
    /// Full size first, then overviews, each coarser than the one before.
    pub stages: Vec<Stage>,
}

/// A raster at one resolution.
pub(super) struct Stage {
    /// Names it in caches.
    pub id: u64,
    pub granule: Arc<Granule>,
    pub raster: Raster,
    /// What blocks of it are kept under on disk.
    pub origin: Option<Origin>,
}

/// What of a variable is not its values.
pub(super) struct Meta {
    /// Full path.
    pub path: String,
    pub name: String,
    /// Name for people, with units.
    pub title: String,
    pub units: String,
    pub categories: Option<Categories>,
    /// Colours that the file gives its values.
    pub colours: Option<Vec<image::Rgba>>,
    /// Red 0, green 1, blue 2, opacity 3.
    pub role: Option<usize>,
    /// It holds bytes that may be shown as they are.
    pub is_bytes: bool,
}

/// What others may know of a variable that can be drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldInfo {
    pub path: String,
    pub title: String,
    pub units: String,
    pub categorical: bool,
    pub role: Option<usize>,
    /// Axes besides the two of the map.
    pub axes: Vec<AxisInfo>,
}

/// An axis of a variable besides the two of the map.
#[derive(Clone, Debug, PartialEq)]
pub struct AxisInfo {
    pub name: String,
    pub units: String,
    pub is_time: bool,
    /// In the order of the file; times in ISO 8601.
    pub values: Vec<String>,
}

impl Stage {
    pub fn new(granule: Arc<Granule>, raster: Raster) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Stage { id: NEXT.fetch_add(1, Ordering::Relaxed), granule, raster, origin: None }
    }

    /// A stage of a variable of a file, `number` 0 for the full size.
    fn of_file(granule: Arc<Granule>, raster: Raster, location: &Location, number: usize) -> Self {
        let origin = Origin::of(location, &raster.path, number, (raster.grid.ny, raster.grid.nx));
        Stage { origin, ..Stage::new(granule, raster) }
    }
}

impl Field {
    /// The raster at full size.
    pub fn main(&self) -> &Stage {
        // A field is made with one, see below and `project`.
        &self.stages[0]
    }
}

impl Meta {
    pub fn of(granule: &Granule, var: VarId, raster: Option<&Raster>) -> Self {
        let v = granule.var(var);
        let text = |name: &str| v.attr_text(name).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        let units = text("units").filter(|u| u != "1").unwrap_or_default();
        let long = text("long_name").unwrap_or_else(|| v.name.clone());
        Meta {
            path: v.path.clone(),
            name: v.name.clone(),
            title: if units.is_empty() { long } else { format!("{long} ({units})") },
            units,
            categories: Categories::of(v),
            colours: raster.and_then(|r| image::embedded_colours(granule, r)),
            role: raster.and_then(|r| image::colour_role(granule, r)),
            is_bytes: v.dtype == harmony_model::DType::U8 && harmony_model::Packing::of(v).is_identity(),
        }
    }
}

impl Opened {
    fn open(location: &Location, sources: &StoreOptions) -> Result<Self, MapError> {
        let unreadable = |detail: String| MapError::Read { granule: shown(&location.text), detail };
        let inputs = store::expand_inputs(std::slice::from_ref(&location.text))
            .map_err(|e| unreadable(e.to_string()))?;
        let [input] = &inputs[..] else {
            return Err(unreadable(format!("it stands for {} inputs", inputs.len())));
        };
        let granule = read(input, sources).map_err(unreadable)?;
        let granule = Arc::new(granule);
        let table = geolocation::discover(&granule, &Hints::default()).unwrap_or_default();
        let rasters = rasters(&granule);
        let field = |raster: Raster| {
            let meta = Arc::new(Meta::of(&granule, raster.var, Some(&raster)));
            // A damaged overview is no reason not to show the data.
            let smaller = raster.overviews(&granule).unwrap_or_default();
            let mut stages = vec![Stage::of_file(granule.clone(), raster, location, 0)];
            for (granule, raster) in smaller {
                stages.push(Stage::of_file(Arc::new(granule), raster, location, stages.len()));
            }
            Arc::new(Field { meta, stages })
        };
        let fields: Vec<Arc<Field>> = rasters.into_iter().map(field).collect();
        let elsewhere = elsewhere(&granule, &table, &fields);
        Ok(Opened { granule, location: location.clone(), fields, elsewhere })
    }

    /// Everything that can be drawn.
    pub fn infos(&self) -> Vec<FieldInfo> {
        let fields = self.fields.iter().map(|f| info(&f.meta, f.main()));
        let others = self.elsewhere.iter().map(|m| FieldInfo {
            path: m.path.clone(),
            title: m.title.clone(),
            units: m.units.clone(),
            categorical: m.categories.is_some(),
            role: None,
            axes: Vec::new(),
        });
        fields.chain(others).collect()
    }

    /// The full path of what a catalogue calls `name`: by full path, else by its last part.
    pub(super) fn find(&self, name: &str) -> Option<Found> {
        let wanted = name.trim_start_matches('/');
        let last = wanted.rsplit('/').next().unwrap_or(wanted);
        let exact = |m: &Meta| m.path.trim_start_matches('/') == wanted;
        let near = |m: &Meta| m.name == last;
        let by = |is: &dyn Fn(&Meta) -> bool| {
            let field = self.fields.iter().find(|f| is(&f.meta)).map(|f| Found::Field(f.clone()));
            field.or_else(|| self.elsewhere.iter().find(|m| is(m)).map(|m| Found::Elsewhere(m.clone())))
        };
        by(&exact).or_else(|| by(&near))
    }

    /// The first that can be drawn, fields on grids first.
    pub(super) fn first(&self) -> Option<Found> {
        let field = self.fields.first().map(|f| Found::Field(f.clone()));
        field.or_else(|| self.elsewhere.first().map(|m| Found::Elsewhere(m.clone())))
    }

    /// Fields that are red, green, blue and perhaps opacity, on one grid.
    pub(super) fn composite(&self) -> Option<Vec<Arc<Field>>> {
        let of = |role| self.fields.iter().find(|f| f.meta.role == Some(role)).cloned();
        let mut found = vec![of(0)?, of(1)?, of(2)?];
        found.extend(of(3));
        let same = |f: &Arc<Field>| f.main().raster.grid == found[0].main().raster.grid;
        found.iter().all(same).then_some(found)
    }
}

/// A variable that can be drawn.
#[derive(Clone)]
pub(super) enum Found {
    Field(Arc<Field>),
    Elsewhere(Arc<Meta>),
}

impl Found {
    pub fn meta(&self) -> &Arc<Meta> {
        match self {
            Found::Field(f) => &f.meta,
            Found::Elsewhere(m) => m,
        }
    }
}

fn info(meta: &Meta, stage: &Stage) -> FieldInfo {
    let mut axes: Vec<AxisInfo> = Vec::new();
    for band in &stage.raster.bands {
        for (name, value) in &band.axes {
            let at = axes.iter().position(|a| a.name == *name).unwrap_or_else(|| {
                let is_time = super::dimension::time_of(value).is_some();
                let units = coordinate_units(&stage.granule, name);
                axes.push(AxisInfo { name: name.clone(), units, is_time, values: Vec::new() });
                axes.len() - 1
            });
            if !axes[at].values.contains(value) {
                axes[at].values.push(value.clone());
            }
        }
    }
    FieldInfo {
        path: meta.path.clone(),
        title: meta.title.clone(),
        units: meta.units.clone(),
        categorical: meta.categories.is_some(),
        role: meta.role,
        axes,
    }
}

fn coordinate_units(granule: &Granule, name: &str) -> String {
    let coordinate = granule.vars.iter().find(|v| v.name == name && v.dims.len() == 1);
    coordinate.and_then(|v| v.attr_text("units")).unwrap_or_default().trim().to_owned()
}

fn read(input: &Input, sources: &StoreOptions) -> Result<Granule, String> {
    if input.is_zarr() {
        let store = store::open_zarr(&input.location(), sources).map_err(|e| e.to_string())?;
        return harmony_formats::open_zarr(store).map_err(|e| e.to_string());
    }
    let source = store::open(&input.location(), sources).map_err(|e| e.to_string())?;
    harmony_formats::open(source, &OpenOptions::default()).map_err(|e| e.to_string())
}

pub(super) fn rasters(granule: &Granule) -> Vec<Raster> {
    // No raster at all is an error there and none here.
    raster::survey(granule, &WriteOptions::default())
        .map(|s| s.rasters.into_iter().filter(|r| r.rotation.is_none()).collect())
        .unwrap_or_default()
}

/// Numeric variables with positions that are not on a regular grid.
fn elsewhere(granule: &Granule, table: &GeolocationTable, fields: &[Arc<Field>]) -> Vec<Arc<Meta>> {
    let is_known = |path: &str| fields.iter().any(|f| f.meta.path == path);
    granule
        .var_ids()
        .filter(|&v| {
            let var = granule.var(v);
            let located = table.of(v).is_some() && !table.is_coordinate(v);
            located && (var.dtype.is_numeric()) && !is_known(&var.path)
        })
        .map(|v| Arc::new(Meta::of(granule, v, None)))
        .collect()
}

/// A location as users may see it: its last part.
pub fn shown(location: &str) -> String {
    let path = location.split(['?', '#']).next().unwrap_or_default();
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
}

impl Maps {
    /// The granule at a location, open.
    ///
    /// # Errors
    /// [`MapError::Read`].
    pub fn open(&self, location: &str) -> Result<Arc<Opened>, MapError> {
        self.opened.get(&Location::of(location), |l| Ok((Arc::new(Opened::open(l, &self.sources)?), 1)))
    }
}
