//! ESRI shapefile of points (ESRI 1998), zipped: `.shp`, `.shx`, `.dbf`, `.prj`, `.cpg`, and `fields.csv`, which says
//! what the short field names stand for.

use std::path::Path;

use harmony_model::{DType, Granule, Packing};

use super::features::{Features, attribute_names, features, parts};
use super::members::{Members, Places};
use crate::registry::{Card, Format, Part};
use crate::table::{self, Column, Kind, Row};
use crate::write::{WriteError, WriteOptions, WritePlan, WriteReport};

pub struct Shapefile;

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
        let table = &features.table;
        let place = |row: &Row, out: &mut Vec<u8>| push_place(row, &features, out);
        let record = |row: &Row, out: &mut Vec<u8>| push_record(row, &features, &fields, out);
        let mut places = Places::new(target, &fields);
        table::write_rows(granule, &found, table, options, true, place, |points| places.add(points))?;
        let (kept, layer) = (places.take(), layer(&granule.name));
        let mut members = Members::create(&places, &layer)?;
        members.begin_shapes()?;
        match kept {
            Some(points) => members.add_points(&points)?,
            None => {
                let add = |points: &[u8]| members.add_points(points);
                table::write_rows(granule, &found, table, options, true, place, add)?;
            }
        }
        members.begin_records(&fields)?;
        let add = |records: &[u8]| members.add_records(records);
        table::write_rows(granule, &found, table, options, true, record, add)?;
        if let Some(progress) = &options.progress {
            progress(plan.data_bytes);
        }
        Ok(WriteReport {
            bytes_read: plan.bytes_read,
            bytes_written: members.finish(&fields_table(granule, &features, &fields))?,
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
pub(super) struct Field {
    pub column: usize,
    pub name: String,
    /// `N`: number, `C`: text.
    pub kind: u8,
    pub width: u8,
    pub decimals: u8,
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
pub(super) fn record_len(fields: &[Field]) -> usize {
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

/// Appends longitude and latitude of a row that is a feature.
fn push_place(row: &Row, features: &Features, out: &mut Vec<u8>) {
    let Some((lon, lat)) = features.place(row) else { return };
    out.extend_from_slice(&lon.to_le_bytes());
    out.extend_from_slice(&lat.to_le_bytes());
}

/// Appends the .dbf record of a row that is a feature.
fn push_record(row: &Row, features: &Features, fields: &[Field], out: &mut Vec<u8>) {
    if features.place(row).is_none() {
        return;
    }
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
