//! A variable of one granule in the result, as it is.

use std::sync::Arc;

use harmony_model::{ArraySource, Heap, ReadError, StoredChunk, Window};

use super::array::Part;
use super::pool::Pool;
use super::stored::Chunks;

/// The variable of one granule as it is, read through the pool.
pub struct MemberArray {
    pub pool: Arc<Pool>,
    pub path: String,
    pub has_slots: bool,
    pub part: Part,
}

impl MemberArray {
    fn source(&self) -> Result<Arc<dyn ArraySource>, ReadError> {
        let (granule, var) = self.pool.variable(self.part.member, self.part.var, &self.path)?;
        Ok(granule.vars[var].data.clone())
    }
}

impl ArraySource for MemberArray {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        self.source()?.read(window, out)
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.source()?.cost(window)
    }

    fn stored_chunk(&self, origin: &[u64], shape: &[u64]) -> Result<Option<StoredChunk>, ReadError> {
        match &self.part.chunks {
            Chunks::All(table) => Ok(table.find(origin, shape)),
            _ => Ok(None),
        }
    }

    fn coverage(&self) -> Option<Arc<dyn ArraySource>> {
        // As below: reading says what is wrong with the granule.
        self.source().ok()?.coverage()
    }

    fn heap(&self) -> Option<Arc<dyn Heap>> {
        if !self.has_slots {
            return None;
        }
        // A granule that can't be opened says so when its values are read, which comes first.
        self.source().ok()?.heap()
    }
}
