//! Maps: any variable of any granules, in any reference system, as a picture.
//!
//! The way of a map: [`opened`] granules (kept open) have fields, that is variables on a grid ([`project`] puts swaths
//! and trajectories on one); [`place`] says which cell of a field a pixel shows; [`blocks`] of decoded values are kept
//! in a cache that all doors share, coarser ones for coarser maps ([`grating`]), those that took long on disk, too
//! ([`store`]), which may be done before anybody asks ([`prepare`]); [`sample`] takes the pixels' values out of them,
//! granule after granule, the newest on top; [`style`] says in which colours, [`paint`] turns values into them;
//! [`compose`] lays layers over each other and [`encode`] writes the picture. There is no HTTP here.

mod bilinear;
mod blocks;
mod cache;
mod categories;
mod colour_styles;
mod compose;
mod dimension;
mod draw;
mod encode;
mod extent;
mod grating;
mod info;
mod opened;
mod paint;
mod place;
mod plane;
mod prepare;
mod project;
mod sample;
mod store;
mod stretch;
mod style;
#[cfg(test)]
mod tests;
mod tiff;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use harmony_model::crs::{Crs, Transform};

pub use colour_styles::UserStyle;
pub use compose::Picture;
pub use dimension::{Chosen, Instant, TimeWish, dimension_name, parse_times, time_of};
pub use draw::{Layer, What};
pub use encode::ImageFormat;
pub use extent::degrees;
pub use info::Answer as PixelAnswer;
pub use opened::{AxisInfo, FieldInfo, Opened, shown};
pub use prepare::Pace;
pub use style::StyleSpec;

use crate::store::StoreOptions;
use blocks::{Block, BlockKey};
use cache::Cache;
use opened::Location;
use place::{PlaceKey, Placement};
use store::Store;
use stretch::{Stretch, StretchKey};

/// Limits of the renderer.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of decoded values that are kept in memory.
    pub cache_bytes: u64,
    /// Bytes of thinned values that are kept on disk, where there is a folder for them.
    pub store_bytes: u64,
    /// Granules that are kept open.
    pub open_granules: u64,
    /// Pixels of a map along either side.
    pub max_side: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { cache_bytes: 512 << 20, store_bytes: 1 << 30, open_granules: 64, max_side: 4096 }
    }
}

/// The renderer. Its methods compute and read files on the calling thread: call them from one that may block, and
/// that is not of the rayon pool.
pub struct Maps {
    limits: Limits,
    opened: Cache<Location, Arc<Opened>>,
    projected: Cache<project::Key, Option<Arc<opened::Field>>>,
    blocks: Cache<BlockKey, Arc<Block>>,
    places: Cache<PlaceKey, Arc<Placement>>,
    stretches: Cache<StretchKey, Arc<Stretch>>,
    transforms: Mutex<HashMap<(String, String), Transform>>,
    styles: Vec<UserStyle>,
    sources: StoreOptions,
    store: Option<Store>,
}

/// Where a map is and how large.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub crs: Crs,
    /// xmin, ymin, xmax, ymax in units of the CRS, longitude before latitude.
    pub extent: [f64; 4],
    /// Pixels.
    pub width: u32,
    pub height: u32,
}

impl View {
    /// The grid whose cells are the pixels.
    pub fn grid(&self) -> harmony_model::GridSpec {
        let (width, height) = (u64::from(self.width.max(1)), u64::from(self.height.max(1)));
        harmony_model::GridSpec::filling(self.crs.clone(), self.extent, width, height)
    }

    pub fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }
}

/// Why there is no map.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The style is not known, or does not go with the variable.
    #[error("{0}")]
    Style(String),
    /// A dimension has no such value.
    #[error("{0}")]
    Dimension(String),
    /// A granule has no such variable, or it can't be put on a map.
    #[error("{0}")]
    Variable(String),
    /// The map is larger than the limit.
    #[error("{0}")]
    TooLarge(String),
    /// The reference system does not allow it.
    #[error("{0}")]
    Crs(String),
    /// A granule can't be read; `detail` is for the log.
    #[error("{granule}: it can't be read for a map: {detail}")]
    Read { granule: String, detail: String },
    /// The picture can't be written in that format.
    #[error("{0}")]
    Encode(String),
}

impl Maps {
    pub fn new(limits: Limits) -> Self {
        Maps {
            opened: Cache::new(limits.open_granules),
            projected: Cache::new(limits.cache_bytes / 4),
            blocks: Cache::new(limits.cache_bytes),
            places: Cache::new((limits.cache_bytes / 6).min(64 << 20)),
            stretches: Cache::new(4096),
            transforms: Mutex::default(),
            styles: Vec::new(),
            store: None,
            sources: StoreOptions::default(),
            limits,
        }
    }

    /// With styles of the operator's own, which may also be the defaults of variables.
    #[must_use]
    pub fn with_styles(mut self, styles: Vec<UserStyle>) -> Self {
        self.styles = styles;
        self
    }

    /// Which granules may be opened, and how.
    #[must_use]
    pub fn with_sources(mut self, sources: StoreOptions) -> Self {
        self.sources = sources;
        self
    }

    /// With a folder where thinned values of large granules are kept.
    #[must_use]
    pub fn with_store(mut self, folder: PathBuf) -> Self {
        self.store = (self.limits.store_bytes > 0).then(|| Store::new(folder, self.limits.store_bytes));
        self
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Bytes of decoded values that are kept at the moment.
    pub fn cached_bytes(&self) -> u64 {
        self.blocks.weight()
    }

    /// The transformation between two systems; making one takes PROJ a millisecond or more.
    fn transform(&self, from: &Crs, to: &Crs) -> Result<Transform, MapError> {
        let key = (from.definition.clone(), to.definition.clone());
        let lock = || self.transforms.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            return Ok(known.clone());
        }
        let made = Transform::new(from, to).map_err(|e| MapError::Crs(e.to_string()))?;
        let mut all = lock();
        // Systems are the users' words: their number has a limit.
        if all.len() >= 256 {
            all.clear();
        }
        all.insert(key, made.clone());
        Ok(made)
    }
}
