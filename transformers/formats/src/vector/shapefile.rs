//! ESRI shapefile of points (ESRI 1998), zipped: `.shp`, `.shx`, `.dbf`, `.prj`, `.cpg`, and `fields.csv`, which says
//! what the short field names stand for.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use harmony_model::{DType, Granule, Packing};

use super::features::{Features, attribute_names, features, parts};
use crate::registry::{Card, Format, Part};
use crate::table::{self, Archive, Column, Kind, Row};
use crate::write::{WriteError, WriteOptions, WritePlan, WriteReport};

pub struct Shapefile;

/// Longer files are refused: most readers count in signed 32 bits.
const MAX_BYTES: u64 = (1 << 31) - 1;
/// WGS 84 in the words of ESRI.
const PRJ: &str = "GEOGCS[\"GCS_WGS_1984\",DATUM[\"D_WGS_1984\",SPHEROID[\"WGS_1984\",6378137.0,298.257223563]],\
                   PRIMEM[\"Greenwich\",0.0],UNIT[\"Degree\",0.0174532925199433]]";

impl Format for Shapefile {
    fn card(&self) -> &'static Card {
        &Card {
            name: "shapefile",
            summary: "Zipped ESRI shapefile: points of swaths and trajectories",
            media_types: &["application/shapefile+zip", "application/x-shapefile+zip"],
            aliases: &["shp", "esri", "esrishapefile"],
            extension: "zip",
            reads: false,
            writes: true,
        }
    }

    fn parts(&self, granule: Granule, options: &WriteOptions) -> Result<Vec<Part>, WriteError> {
        let _ = options;
        parts(granule, "zip")
    }

    fn plan(&self, part: &Part, options: &WriteOptions) -> Result<WritePlan, WriteError> {
        let _ = options;
        table::plan_of(&part.granule, &features(&part.granule)?.0.tables)
    }

    fn write(&self, part: &Part, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
        let granule = &part.granule;
        let (found, features) = features(granule)?;
        let plan = table::plan_of(granule, &found.tables)?;
        let fields = fields(granule, &features)?;
        let mut files = Files::create(target, &fields)?;
        let row = |row: &Row, out: &mut Vec<u8>| push_record(row, &features, &fields, out);
        table::write_rows(granule, &found, &features.table, options, true, row, |bytes| files.add(bytes))?;
        if let Some(progress) = &options.progress {
            progress(plan.data_bytes);
        }
        Ok(WriteReport {
            bytes_read: plan.bytes_read,
            bytes_written: files.finish(&layer(&granule.name), &fields_table(granule, &features, &fields))?,
            notices: found.notices,
            ..WriteReport::default()
        })
    }
}

/// The name of the layer: the granule's, without what could be taken for an extension.
fn layer(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.replace(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'), "_")
}

/// A column of the attribute table.
struct Field {
    column: usize,
    name: String,
    /// `N`: number, `C`: text.
    kind: u8,
    width: u8,
    decimals: u8,
}

fn fields(granule: &Granule, features: &Features) -> Result<Vec<Field>, WriteError> {
    let mut out: Vec<Field> = Vec::new();
    for (&column, path) in features.attributes.iter().zip(attribute_names(features)) {
        let name = short_name(&path, &out);
        let (kind, width, decimals) = shape(granule, &features.table.columns[column]);
        out.push(Field { column, name, kind, width, decimals });
    }
    // The header of a .dbf counts its own length and that of records in 16 bits.
    if out.len() > 2000 || record_len(&out) > 65_535 {
        return Err(WriteError::Unsupported {
            target: granule.name.clone(),
            object: "the attribute table".into(),
            detail: format!(
                "{} variables are more than a shapefile holds; name fewer, or write geojson or csv",
                out.len()
            ),
        });
    }
    Ok(out)
}

/// Bytes of a .dbf record: a mark of deletion and the fields.
fn record_len(fields: &[Field]) -> usize {
    1 + fields.iter().map(|f| usize::from(f.width)).sum::<usize>()
}

/// Up to ten letters, digits and underscores that no other field has.
fn short_name(path: &str, others: &[Field]) -> String {
    let last = path.rsplit('/').next().unwrap_or(path);
    let mut base: String = last.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !base.starts_with(|c: char| c.is_ascii_alphabetic()) {
        base.insert(0, 'v');
    }
    let taken = |name: &str| others.iter().any(|f| f.name.eq_ignore_ascii_case(name));
    let cut = |len: usize| base.chars().take(len).collect::<String>();
    let plain = cut(10);
    if !taken(&plain) {
        return plain;
    }
    let numbered = |n: usize| {
        let tail = format!("_{n}");
        cut(10 - tail.len().min(9)) + &tail
    };
    (1..).map(numbered).find(|name| !taken(name)).unwrap_or(plain)
}

/// Kind, width and decimals of a field, from the type alone: records have a fixed length before a value is read.
fn shape(granule: &Granule, column: &Column) -> (u8, u8, u8) {
    let Some(var) = column.var.map(|v| granule.var(v)) else { return (b'N', 18, 0) };
    match column.kind {
        // 2020-01-15T06:00:00.123456Z
        Kind::Time(_) => (b'C', 27, 0),
        Kind::Text => {
            let len = match &var.dtype {
                DType::FixedString { len, .. } => *len as u64,
                DType::Char => var.dims.last().map_or(1, |&d| granule.dim(d).len),
                _ => 254,
            };
            (b'C', len.clamp(1, 254) as u8, 0)
        }
        Kind::Index | Kind::Plain => match Packing::of(var).element_type(&var.dtype) {
            DType::U8 => (b'N', 3, 0),
            DType::I8 => (b'N', 4, 0),
            DType::U16 => (b'N', 5, 0),
            DType::I16 => (b'N', 6, 0),
            DType::U32 => (b'N', 10, 0),
            DType::I32 => (b'N', 11, 0),
            DType::I64 | DType::U64 => (b'N', 20, 0),
            // Shortest decimals with an exponent: -1.2345678e-38, -1.2345678901234567e-308.
            DType::F32 => (b'N', 15, 7),
            _ => (b'N', 24, 15),
        },
        Kind::Packed(_) => (b'N', 24, 10),
    }
}

/// Appends place and .dbf record of a row that is a feature.
fn push_record(row: &Row, features: &Features, fields: &[Field], out: &mut Vec<u8>) {
    let Some((lon, lat)) = features.place(row) else { return };
    out.extend_from_slice(&lon.to_le_bytes());
    out.extend_from_slice(&lat.to_le_bytes());
    out.push(b' ');
    let mut text = Vec::with_capacity(32);
    for field in fields {
        text.clear();
        let infinite = field.kind == b'N' && row.number(field.column).is_some_and(f64::is_infinite);
        if !infinite {
            row.push(field.column, &mut text);
        }
        let width = usize::from(field.width);
        if text.len() > width {
            // Not inside a character of several bytes.
            let end = (0..=width).rev().find(|&i| i == 0 || text[i] & 0xC0 != 0x80).unwrap_or(0);
            text.truncate(end);
        }
        let blanks = width - text.len();
        // Numbers stand to the right, texts to the left; a field of blanks is missing.
        let (before, after) = if field.kind == b'N' { (blanks, 0) } else { (0, blanks) };
        out.resize(out.len() + before, b' ');
        out.extend_from_slice(&text);
        out.resize(out.len() + after, b' ');
    }
}

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
struct Files<'a> {
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
    fn create(target: &'a Path, fields: &'a [Field]) -> Result<Self, WriteError> {
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
    fn add(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
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
    fn finish(mut self, layer: &str, fields_table: &[u8]) -> Result<u64, WriteError> {
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

/// What field names stand for.
fn fields_table(granule: &Granule, features: &Features, fields: &[Field]) -> Vec<u8> {
    let mut out = b"field,variable,units,description\n".to_vec();
    for field in fields {
        let column = &features.table.columns[field.column];
        let var = column.var.map(|v| granule.var(v));
        let text = |name: &str| var.and_then(|v| v.attr_text(name)).unwrap_or_default();
        let path = var.map_or(column.name.clone(), |v| v.path.clone());
        for (i, text) in [field.name.clone(), path, text("units"), text("long_name")].iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            table::push_quoted(text.as_bytes(), b',', &mut out);
        }
        out.push(b'\n');
    }
    out
}
