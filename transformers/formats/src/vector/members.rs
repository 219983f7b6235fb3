//! The members of a zipped shapefile: headers, shapes, index and attribute table.
//!
//! Headers say how many features follow and where they lie, and come first; so features are counted before any is
//! written. Points are kept for that as long as there are not too many, attributes are read again: no file is needed
//! beside the result.

use std::path::Path;

use super::shapefile::{Field, record_len};
use crate::table::Archive;
use crate::write::WriteError;

/// Longer files are refused: most readers count in signed 32 bits.
const MAX_BYTES: u64 = (1 << 31) - 1;
/// Bytes of points that are kept from counting to writing.
const MAX_KEPT: usize = 32 << 20;
/// Bytes of a point in .shp, with the header of its record.
const POINT: u64 = 28;
/// WGS 84 in the words of ESRI.
const PRJ: &str = "GEOGCS[\"GCS_WGS_1984\",DATUM[\"D_WGS_1984\",SPHEROID[\"WGS_1984\",6378137.0,298.257223563]],\
                   PRIMEM[\"Greenwich\",0.0],UNIT[\"Degree\",0.0174532925199433]]";

/// How many features there are, and where.
pub(super) struct Places<'a> {
    target: &'a Path,
    /// Bytes of a record of the attribute table.
    record: u64,
    count: u64,
    /// West, south, east, north.
    extent: [f64; 4],
    /// Longitudes and latitudes; `None`: too many.
    kept: Option<Vec<u8>>,
}

impl<'a> Places<'a> {
    pub fn new(target: &'a Path, fields: &[Field]) -> Self {
        Places {
            target,
            record: record_len(fields) as u64,
            count: 0,
            extent: [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY],
            kept: Some(Vec::new()),
        }
    }

    /// Counts points: longitude and latitude of each.
    ///
    /// # Errors
    /// [`WriteError::Unsupported`] when there are more than a shapefile holds.
    pub fn add(&mut self, points: &[u8]) -> Result<(), WriteError> {
        let number = |at: &[u8]| {
            let mut b = [0; 8];
            b.copy_from_slice(at);
            f64::from_le_bytes(b)
        };
        for point in points.chunks_exact(16) {
            self.count += 1;
            let (x, y) = (number(&point[..8]), number(&point[8..]));
            let [w, s, e, n] = self.extent;
            self.extent = [w.min(x), s.min(y), e.max(x), n.max(y)];
        }
        if (100 + self.count * POINT).max(self.count.saturating_mul(self.record)) > MAX_BYTES {
            return Err(self.too_many());
        }
        match &mut self.kept {
            Some(kept) if kept.len() + points.len() <= MAX_KEPT => kept.extend_from_slice(points),
            _ => self.kept = None,
        }
        Ok(())
    }

    fn too_many(&self) -> WriteError {
        WriteError::Unsupported {
            target: self.target.display().to_string(),
            object: "the shapefile".into(),
            detail: format!(
                "more than {} features need more than its limit of 2 GB; narrow it down with --bbox, --time or \
                 --variable, or write geojson or csv",
                self.count
            ),
        }
    }

    /// The points, when they were few enough to be kept.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        self.kept.take()
    }

    /// The header of .shp and .shx, whose length in bytes is given.
    fn header(&self, len: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(100);
        out.extend_from_slice(&9994u32.to_be_bytes());
        out.extend_from_slice(&[0; 20]);
        out.extend_from_slice(&((len / 2) as u32).to_be_bytes());
        out.extend_from_slice(&1000u32.to_le_bytes());
        out.extend_from_slice(&1u32.to_le_bytes());
        let extent = if self.count == 0 { [0.0; 4] } else { self.extent };
        extent.iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
        out.resize(100, 0);
        out
    }
}

/// The archive, member after member.
pub(super) struct Members<'a> {
    archive: Archive,
    layer: &'a str,
    places: &'a Places<'a>,
    /// Features written to the present member.
    written: u64,
}

impl<'a> Members<'a> {
    /// # Errors
    /// As [`Archive::create`].
    pub fn create(places: &'a Places<'a>, layer: &'a str) -> Result<Self, WriteError> {
        Ok(Members { archive: Archive::create(places.target)?, layer, places, written: 0 })
    }

    fn begin(&mut self, extension: &str) -> Result<(), WriteError> {
        self.written = 0;
        self.archive.begin(&format!("{}.{extension}", self.layer))
    }

    pub fn begin_shapes(&mut self) -> Result<(), WriteError> {
        self.begin("shp")?;
        self.archive.put(&self.places.header(100 + self.places.count * POINT))
    }

    /// Appends points: longitude and latitude of each.
    pub fn add_points(&mut self, points: &[u8]) -> Result<(), WriteError> {
        let mut out = Vec::with_capacity(points.len() / 16 * POINT as usize);
        for point in points.chunks_exact(16) {
            self.written += 1;
            out.extend_from_slice(&(self.written as u32).to_be_bytes());
            out.extend_from_slice(&10u32.to_be_bytes());
            out.extend_from_slice(&1u32.to_le_bytes());
            out.extend_from_slice(point);
        }
        self.archive.put(&out)
    }

    /// Ends the shapes and begins the attribute table.
    pub fn begin_records(&mut self, fields: &[Field]) -> Result<(), WriteError> {
        self.check()?;
        self.begin("shx")?;
        self.archive.put(&self.places.header(100 + self.places.count * 8))?;
        self.archive.put(&index(self.places.count))?;
        self.begin("dbf")?;
        self.archive.put(&table_header(self.places.count, fields))
    }

    /// Appends records of the attribute table.
    pub fn add_records(&mut self, records: &[u8]) -> Result<(), WriteError> {
        self.written += records.len() as u64 / self.places.record.max(1);
        self.archive.put(records)
    }

    /// Ends the archive; returns its size.
    pub fn finish(mut self, fields_table: &[u8]) -> Result<u64, WriteError> {
        self.check()?;
        self.archive.put(&[0x1A])?;
        for (extension, text) in [("prj", PRJ.as_bytes()), ("cpg", b"UTF-8")] {
            self.begin(extension)?;
            self.archive.put(text)?;
        }
        self.archive.begin("fields.csv")?;
        self.archive.put(fields_table)?;
        self.archive.finish()
    }

    /// What was counted must be what was written.
    fn check(&self) -> Result<(), WriteError> {
        if self.written == self.places.count {
            return Ok(());
        }
        Err(WriteError::Unsupported {
            target: self.places.target.display().to_string(),
            object: "the shapefile".into(),
            detail: format!(
                "{} features were counted and {} read: the granule changed meanwhile; try again",
                self.places.count, self.written
            ),
        })
    }
}

/// The header of .dbf (dBASE III).
fn table_header(count: u64, fields: &[Field]) -> Vec<u8> {
    // 1980-01-01: the same content gives the same bytes.
    let mut out = vec![3, 80, 1, 1];
    out.extend_from_slice(&(count as u32).to_le_bytes());
    out.extend_from_slice(&((32 * (fields.len() + 1) + 1) as u16).to_le_bytes());
    out.extend_from_slice(&(record_len(fields) as u16).to_le_bytes());
    out.resize(32, 0);
    for field in fields {
        let start = out.len();
        out.extend_from_slice(field.name.as_bytes());
        out.resize(start + 11, 0);
        out.extend_from_slice(&[field.kind, 0, 0, 0, 0, field.width, field.decimals]);
        out.resize(start + 32, 0);
    }
    out.push(0x0D);
    out
}

/// Offsets and lengths of `count` points in .shp, in 16-bit words.
fn index(count: u64) -> Vec<u8> {
    let entry = |i: u64| {
        let offset = ((100 + i * POINT) / 2) as u32;
        [offset.to_be_bytes(), 10u32.to_be_bytes()].concat()
    };
    (0..count).flat_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(n: usize) -> Vec<u8> {
        (0..n).flat_map(|i| [i as f64, 1.0].map(f64::to_le_bytes).concat()).collect()
    }

    #[test]
    fn points_are_kept_while_they_are_few() {
        let mut places = Places::new(Path::new("x.zip"), &[]);
        places.add(&points(3)).unwrap();
        assert_eq!((places.count, places.extent), (3, [0.0, 1.0, 2.0, 1.0]));
        assert_eq!(places.kept.as_ref().map(Vec::len), Some(48));
        places.add(&points(MAX_KEPT / 16)).unwrap();
        assert!(places.take().is_none());
    }

    #[test]
    fn more_than_two_gigabytes_are_refused() {
        let mut places = Places::new(Path::new("x.zip"), &[]);
        places.count = MAX_BYTES / POINT;
        assert!(places.add(&points(1)).unwrap_err().to_string().contains("2 GB"));
    }

    #[test]
    fn another_number_of_features_than_was_counted_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.zip");
        let mut places = Places::new(&target, &[]);
        places.add(&points(2)).unwrap();
        let mut members = Members::create(&places, "x").unwrap();
        members.begin_shapes().unwrap();
        members.add_points(&points(1)).unwrap();
        assert!(members.begin_records(&[]).unwrap_err().to_string().contains("changed"));
        drop(members);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
