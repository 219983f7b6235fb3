//! The members of a zipped shapefile: headers, shapes, index and attribute table.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::shapefile::{Field, record_len};
use crate::table::Archive;
use crate::write::WriteError;

/// Longer files are refused: most readers count in signed 32 bits.
const MAX_BYTES: u64 = (1 << 31) - 1;
/// WGS 84 in the words of ESRI.
const PRJ: &str = "GEOGCS[\"GCS_WGS_1984\",DATUM[\"D_WGS_1984\",SPHEROID[\"WGS_1984\",6378137.0,298.257223563]],\
                   PRIMEM[\"Greenwich\",0.0],UNIT[\"Degree\",0.0174532925199433]]";

/// A file that is gone when it is not needed any more.
struct Scratch {
    file: File,
    path: PathBuf,
}

impl Scratch {
    fn create(target: &Path, extension: &str) -> Result<Self, WriteError> {
        let name = target.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let mut last = None;
        for attempt in 0..1000u32 {
            let path =
                target.with_file_name(format!(".{name}.{}.{attempt}.{extension}.part", std::process::id()));
            match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Scratch { file, path }),
                Err(e) => last = Some(e),
            }
        }
        let detail = last.map_or_else(String::new, |e| e.to_string());
        Err(WriteError::Io { target: target.display().to_string(), action: "create the file", detail })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing better can be done about a failure here.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Shapes and attributes on their way into the archive: their headers need counts that are known at the end.
pub(super) struct Files<'a> {
    target: &'a Path,
    fields: &'a [Field],
    shapes: Scratch,
    records: Scratch,
    count: u64,
    /// West, south, east, north.
    extent: [f64; 4],
}

/// Bytes of a point in .shp, with the header of its record.
const POINT: u64 = 28;

impl<'a> Files<'a> {
    pub fn create(target: &'a Path, fields: &'a [Field]) -> Result<Self, WriteError> {
        Ok(Files {
            target,
            fields,
            shapes: Scratch::create(target, "shp")?,
            records: Scratch::create(target, "dbf")?,
            count: 0,
            extent: [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY],
        })
    }

    fn failed(&self, error: &std::io::Error) -> WriteError {
        let target = self.target.display().to_string();
        match error.kind() {
            std::io::ErrorKind::StorageFull => WriteError::Full { target },
            _ => WriteError::Io { target, action: "write", detail: error.to_string() },
        }
    }

    /// Adds features as [`push_record`] makes them.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let record = record_len(self.fields);
        let (mut shapes, mut records) = (Vec::new(), Vec::new());
        for feature in bytes.chunks_exact(16 + record) {
            self.count += 1;
            let number = |at: usize| {
                let mut b = [0; 8];
                b.copy_from_slice(&feature[at..at + 8]);
                f64::from_le_bytes(b)
            };
            let (x, y) = (number(0), number(8));
            let [w, s, e, n] = self.extent;
            self.extent = [w.min(x), s.min(y), e.max(x), n.max(y)];
            shapes.extend_from_slice(&(self.count as u32).to_be_bytes());
            shapes.extend_from_slice(&10u32.to_be_bytes());
            shapes.extend_from_slice(&1u32.to_le_bytes());
            shapes.extend_from_slice(&feature[..16]);
            records.extend_from_slice(&feature[16..]);
        }
        let longest = (100 + self.count * POINT).max(self.count.saturating_mul(record as u64));
        if longest > MAX_BYTES {
            return Err(WriteError::Unsupported {
                target: self.target.display().to_string(),
                object: "the shapefile".into(),
                detail: format!(
                    "more than {} features need more than its limit of 2 GB; narrow it down with --bbox, --time or \
                     --variable, or write geojson or csv",
                    self.count
                ),
            });
        }
        let written =
            self.shapes.file.write_all(&shapes).and_then(|()| self.records.file.write_all(&records));
        written.map_err(|e| self.failed(&e))
    }

    /// Packs everything into the archive; returns its size.
    pub fn finish(mut self, layer: &str, fields_table: &[u8]) -> Result<u64, WriteError> {
        let mut archive = Archive::create(self.target)?;
        archive.begin(&format!("{layer}.shp"))?;
        archive.put(&self.header(100 + self.count * POINT))?;
        copy(&mut self.shapes.file, &mut archive, self.target)?;
        archive.begin(&format!("{layer}.shx"))?;
        archive.put(&self.header(100 + self.count * 8))?;
        archive.put(&index(self.count))?;
        archive.begin(&format!("{layer}.dbf"))?;
        archive.put(&self.table_header())?;
        copy(&mut self.records.file, &mut archive, self.target)?;
        archive.put(&[0x1A])?;
        for (extension, text) in [("prj", PRJ.as_bytes()), ("cpg", b"UTF-8")] {
            archive.begin(&format!("{layer}.{extension}"))?;
            archive.put(text)?;
        }
        archive.begin("fields.csv")?;
        archive.put(fields_table)?;
        archive.finish()
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

    /// The header of .dbf (dBASE III).
    fn table_header(&self) -> Vec<u8> {
        // 1980-01-01: the same content gives the same bytes.
        let mut out = vec![3, 80, 1, 1];
        out.extend_from_slice(&(self.count as u32).to_le_bytes());
        out.extend_from_slice(&((32 * (self.fields.len() + 1) + 1) as u16).to_le_bytes());
        out.extend_from_slice(&(record_len(self.fields) as u16).to_le_bytes());
        out.resize(32, 0);
        for field in self.fields {
            let start = out.len();
            out.extend_from_slice(field.name.as_bytes());
            out.resize(start + 11, 0);
            out.extend_from_slice(&[field.kind, 0, 0, 0, 0, field.width, field.decimals]);
            out.resize(start + 32, 0);
        }
        out.push(0x0D);
        out
    }
}

/// Offsets and lengths of `count` points in .shp, in 16-bit words.
fn index(count: u64) -> Vec<u8> {
    let entry = |i: u64| {
        let offset = ((100 + i * POINT) / 2) as u32;
        [offset.to_be_bytes(), 10u32.to_be_bytes()].concat()
    };
    (0..count).flat_map(entry).collect()
}

fn copy(from: &mut File, to: &mut Archive, target: &Path) -> Result<(), WriteError> {
    let failed = |e: std::io::Error| WriteError::Io {
        target: target.display().to_string(),
        action: "read back a part of the result",
        detail: e.to_string(),
    };
    from.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match from.read(&mut buffer).map_err(failed)? {
            0 => return Ok(()),
            n => to.put(&buffer[..n])?,
        }
    }
}
