//! Where the values are: arithmetic on shapes ("File Format Specifications" of netCDF, "Computing File Offsets").
//!
//! A variable without the record dimension is one contiguous piece. Record variables take turns: record *r* of each is
//! at `begin + r × record size`, where a record is one slab of every record variable, each padded to four bytes. Only
//! when there is a single record variable is its slab not padded.

use harmony_model::{ByteSource, ReadError};

use super::header::{Header, HeaderVar};

/// Layout of a whole file.
pub(super) struct Layout {
    /// Extent of the record dimension.
    pub records: u64,
    /// Bytes from one record to the next.
    pub record_size: u64,
    /// One per variable, in their order.
    pub vars: Vec<Place>,
}

/// Where one variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub record: bool,
    /// Bytes of the variable, or of its part of one record.
    pub slab: u64,
}

/// Derives the layout.
///
/// # Errors
/// [`ReadError::Corrupt`] naming the variable whose size overflows.
pub(super) fn of(source: &dyn ByteSource, header: &Header) -> Result<Layout, ReadError> {
    let vars = header.vars.iter().map(|v| place(source, header, v)).collect::<Result<Vec<_>, _>>()?;
    let slabs: Vec<u64> = vars.iter().filter(|p| p.record).map(|p| p.slab).collect();
    let record_size = match slabs[..] {
        [only] => only,
        _ => slabs
            .iter()
            .try_fold(0u64, |sum, &s| sum.checked_add(pad4(s)?))
            .ok_or_else(|| ReadError::corrupt(source.name(), "header", "the size of a record overflows"))?,
    };
    let mut layout = Layout { records: 0, record_size, vars };
    layout.records = header.records.unwrap_or_else(|| layout.records_present(source.len(), header));
    layout.check_extents(source, header)?;
    Ok(layout)
}

/// `n` rounded up to a multiple of four.
fn pad4(n: u64) -> Option<u64> {
    n.checked_next_multiple_of(4)
}

fn place(source: &dyn ByteSource, header: &Header, var: &HeaderVar) -> Result<Place, ReadError> {
    let lens = || var.dims.iter().map(|&d| header.dims[d].len);
    let record = lens().next() == Some(0);
    let slab = lens().skip(usize::from(record)).try_fold(var.dtype.size() as u64, u64::checked_mul);
    let slab = slab.filter(|&n| n < i64::MAX as u64).ok_or_else(|| {
        ReadError::corrupt(source.name(), format!("variable '{}'", var.name), "its size overflows")
    })?;
    Ok(Place { record, slab })
}

impl Layout {
    /// Number of whole records that a file of `len` bytes holds: for a header whose writer never finished.
    fn records_present(&self, len: u64, header: &Header) -> u64 {
        let record_vars = || header.vars.iter().zip(&self.vars).filter(|(_, p)| p.record);
        let Some((first, last)) = record_vars().map(|(v, _)| v.begin).min().zip(record_vars().next_back())
        else {
            return 0;
        };
        // The padding after the very last slab need not be there.
        let pad = if record_vars().count() > 1 { pad4(last.1.slab).unwrap_or(0) - last.1.slab } else { 0 };
        (len.saturating_sub(first) + pad).checked_div(self.record_size).unwrap_or(0)
    }

    /// Makes sure that no offset of a value overflows; whether the bytes are there is seen when they are read.
    fn check_extents(&self, source: &dyn ByteSource, header: &Header) -> Result<(), ReadError> {
        for (var, place) in header.vars.iter().zip(&self.vars) {
            let turns =
                if place.record { self.records.checked_mul(self.record_size) } else { Some(place.slab) };
            let end = turns.and_then(|n| n.checked_add(var.begin));
            if end.is_none_or(|end| end >= i64::MAX as u64) {
                let object = format!("variable '{}'", var.name);
                return Err(ReadError::corrupt(source.name(), object, "its place in the file overflows"));
            }
        }
        Ok(())
    }
}
