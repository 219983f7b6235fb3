//! What an operation sees: the granule, where and when its values are, and what is asked.

use std::sync::Arc;

use harmony_model::geolocation::{self, GeolocationTable, Hints};
use harmony_model::time::TimeTable;
use harmony_model::{DimId, Granule, Request, VarId};

use crate::error::OpError;

/// One granule under one request.
pub struct Scene {
    pub granule: Arc<Granule>,
    pub table: GeolocationTable,
    pub times: TimeTable,
    pub request: Arc<Request>,
}

impl Scene {
    /// Finds geolocation and times of `granule`.
    ///
    /// # Errors
    /// When the granule contradicts itself ([`harmony_model::ModelError::Geolocation`]).
    pub fn new(granule: Arc<Granule>, request: Arc<Request>) -> Result<Self, OpError> {
        let hints = Hints { short_name: request.short_name.clone(), ..Hints::default() };
        let table = geolocation::discover(&granule, &hints)?;
        let times = harmony_model::time::discover(&granule, &table, &hints);
        Ok(Scene { granule, table, times, request })
    }

    /// An objection of `operation` to this granule.
    pub fn refuse(&self, operation: &'static str, reason: impl Into<String>) -> OpError {
        OpError::NotApplicable { granule: self.granule.name.clone(), operation, reason: reason.into() }
    }

    /// Position of each of `dims` among the axes of `var`, if it has them all.
    pub fn axes_of(&self, var: VarId, dims: &[DimId]) -> Option<Vec<usize>> {
        let own = &self.granule.var(var).dims;
        dims.iter().map(|d| own.iter().position(|o| o == d)).collect()
    }
}
