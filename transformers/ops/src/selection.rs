//! What the contributors of a subset have narrowed so far: variables, index runs per dimension, masks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use harmony_model::{ArraySource, DimId, Granule, ReadError, Runs, VarId, Window};

/// Which samples of a set of dimensions are wanted, where that is not separable by axis.
#[derive(Clone)]
pub struct Mask {
    /// The axes it depends on, in its own order.
    pub dims: Vec<DimId>,
    pub source: Arc<dyn MaskSource>,
    pub crop: Crop,
    /// Also mask coordinate variables that have a fill value (l2ss-py does).
    pub coordinates_too: bool,
    /// Leave variables without a declared fill value alone (l2ss-py does).
    pub only_with_fill: bool,
}

/// What a mask does to the extents of its dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crop {
    /// Nothing: it only masks.
    No,
    /// To the smallest box that holds all hits (grids).
    Box,
    /// To the rows and columns with a hit (swaths); `keep_columns` leaves the last axis whole.
    Lists { keep_columns: bool },
}

/// A lazily evaluated mask over the original indices of its dimensions.
pub trait MaskSource: Send + Sync {
    /// 1 where wanted, else 0, for `window`, row-major.
    ///
    /// # Errors
    /// When values it depends on can't be read.
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError>;

    /// Stored bytes that reading that window fetches.
    ///
    /// # Errors
    /// As [`ArraySource::cost`].
    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        let _ = window;
        Ok(0)
    }

    /// Whether it is cheap enough to ask chunk by chunk if all of it is wanted.
    fn is_cheap(&self) -> bool {
        false
    }

    /// The hits, where the mask is held in memory: what extents are cropped by.
    fn bits(&self) -> Option<&crate::mask::Bits> {
        None
    }
}

/// New content of a variable that the selection had to compute (re-based longitudes, segment indices).
#[derive(Clone)]
pub struct Replacement {
    /// Values on the *selected* indices, in the variable's own type.
    pub data: Arc<dyn ArraySource>,
}

/// The selection: all contributors intersect.
#[derive(Clone, Default)]
pub struct Selection {
    /// Variables to keep; `None`: all.
    pub keep: Option<BTreeSet<VarId>>,
    /// Variables the user named, without companions.
    pub named: BTreeSet<VarId>,
    /// Index runs of the dimensions that are limited.
    pub dims: BTreeMap<DimId, Runs>,
    /// Why a dimension became empty, in words.
    pub emptied: BTreeMap<DimId, String>,
    pub masks: Vec<Mask>,
    pub replacements: BTreeMap<VarId, Replacement>,
    /// Dimensions of swaths whose original indices are worth keeping when rows are glued.
    pub glued: BTreeSet<DimId>,
    /// Degrees (multiples of 360) to be added to the longitude at an original index, so that a selection across the
    /// seam of the grid stays monotonic.
    pub longitude_shift: BTreeMap<DimId, BTreeMap<u64, f64>>,
    /// Why nothing at all is left, in words.
    pub refused: Option<String>,
    /// What could not be had, for the user.
    pub notices: Vec<String>,
}

impl Selection {
    /// Whether the variable is kept.
    pub fn keeps(&self, var: VarId) -> bool {
        self.keep.as_ref().is_none_or(|k| k.contains(&var))
    }

    /// Current runs of a dimension.
    pub fn runs(&self, granule: &Granule, dim: DimId) -> Runs {
        self.dims.get(&dim).cloned().unwrap_or_else(|| Runs::all(granule.dim(dim).len))
    }

    /// Narrows a dimension; `why` is said when nothing is left of it.
    pub fn limit(&mut self, granule: &Granule, dim: DimId, runs: &Runs, why: &str) {
        let old = self.runs(granule, dim);
        let new = if runs.is_ascending() { old.intersect(runs) } else { runs.intersect(&old) };
        if new.is_empty() {
            self.emptied.entry(dim).or_insert_with(|| why.into());
        }
        self.dims.insert(dim, new);
    }

    /// Replaces the runs of a dimension by a part of them.
    pub fn narrow(&mut self, dim: DimId, runs: Runs, why: &str) {
        if runs.is_empty() {
            self.emptied.entry(dim).or_insert_with(|| why.into());
        }
        self.dims.insert(dim, runs);
    }

    /// Notes that nothing of the granule is wanted.
    pub fn refuse_all(&mut self, why: String) {
        self.refused.get_or_insert(why);
    }

    /// The window of a variable in its own index space.
    pub fn window(&self, granule: &Granule, var: VarId) -> Window {
        Window(granule.var(var).dims.iter().map(|&d| self.runs(granule, d)).collect())
    }
}
