//! Reading.
use harmony_model::{ByteSource, Granule, ReadError};
use std::sync::Arc;
/// What messages call a choice of bands.
pub const BAND_SELECTION: &str = "band selection";
/// t
pub fn open(source: &Arc<dyn ByteSource>, _bands: &[u32]) -> Result<Granule, ReadError> {
    Err(ReadError::unsupported(source.name(), "x", "y"))
}
