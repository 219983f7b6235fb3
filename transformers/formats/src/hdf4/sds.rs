//! Scientific data sets as the SD interface writes them: one Vgroup each, with its dimensions and attributes.

use std::sync::{Arc, OnceLock};

use harmony_model::{Attribute, DType, ReadError};

use super::array::Hdf4Array;
use super::bytes::{Cursor, clean};
use super::file::{Hdf4, Key, Layout, MAX_CHUNKS, chunk_count, tag};
use super::tables::{self, Vgroup};

/// A data set before it becomes a variable.
pub struct Sds {
    pub name: String,
    /// Reference of its numeric data group, by which other Vgroups name it.
    pub reference: u16,
    pub dims: Vec<SdsDim>,
    pub dtype: DType,
    pub little_endian: bool,
    pub attrs: Vec<Attribute>,
    pub data: Option<Key>,
}

pub struct SdsDim {
    pub name: String,
    pub len: u64,
    pub unlimited: bool,
}

/// The contents that the SD interface knows.
pub struct Contents {
    pub sets: Vec<Sds>,
    /// Attributes of the file.
    pub attrs: Vec<Attribute>,
}

/// Reads all data sets and file attributes.
///
/// # Errors
/// [`ReadError`] when the structure is damaged.
pub fn contents(file: &Hdf4) -> Result<Contents, ReadError> {
    let mut out = Contents { sets: Vec::new(), attrs: Vec::new() };
    for reference in file.refs(tag::VGROUP) {
        let root = file.vgroup(reference)?;
        if !root.class.starts_with("CDF0.") {
            continue;
        }
        for &(tag, reference) in &root.members {
            match tag {
                tag::VDATA_HEADER => out.attrs.extend(file.attribute(reference)?),
                tag::VGROUP => {
                    let group = file.vgroup(reference)?;
                    if group.class.starts_with("Var0.") {
                        out.sets.extend(variable(file, &group)?);
                    }
                }
                _ => {}
            }
        }
    }
    if out.sets.is_empty() {
        // Files of the DFSD interface have numeric data groups only.
        for key in file.keys.iter().filter(|k| matches!(k.0, tag::ND_GROUP | tag::SD_GROUP)) {
            out.sets.extend(bare(file, *key)?);
        }
    }
    Ok(out)
}

fn variable(file: &Hdf4, group: &Vgroup) -> Result<Option<Sds>, ReadError> {
    let (mut dim_names, mut attrs) = (Vec::new(), Vec::new());
    let (mut reference, mut data, mut record, mut kind) = (0, None, None, None);
    for &(tag, r) in &group.members {
        match tag {
            tag::VGROUP => {
                let dim = file.vgroup(r)?;
                if dim.class.starts_with("UDim0.") {
                    let records = records(file, &dim)?;
                    dim_names.push((dim.name, Some(records)));
                } else if dim.class.starts_with("Dim0.") {
                    dim_names.push((dim.name, None));
                }
            }
            tag::VDATA_HEADER => attrs.extend(file.attribute(r)?),
            tag::SD_DATA => data = Some((tag, r)),
            tag::SD_DIMENSIONS => record = Some(r),
            tag::NUMBER_TYPE => kind = Some(r),
            tag::ND_GROUP | tag::SD_GROUP => reference = r,
            _ => {}
        }
    }
    let Some(record) = record else { return Ok(None) };
    let (lens, own_kind) = dimension_record(file, record)?;
    let Some((dtype, little_endian)) = number_type(file, kind.or(own_kind))? else { return Ok(None) };
    let dims = lens
        .into_iter()
        .enumerate()
        .map(|(i, len)| match dim_names.get(i) {
            // The dimension record of an unlimited axis may still say 0.
            Some((name, Some(records))) => {
                SdsDim { name: name.clone(), len: if len == 0 { *records } else { len }, unlimited: true }
            }
            Some((name, None)) => SdsDim { name: name.clone(), len, unlimited: false },
            None => SdsDim { name: format!("fakeDim{i}"), len, unlimited: false },
        })
        .collect();
    Ok(Some(Sds { name: group.name.clone(), reference, dims, dtype, little_endian, attrs, data }))
}

/// Records of an unlimited dimension: the one number its value table holds.
fn records(file: &Hdf4, dim: &Vgroup) -> Result<u64, ReadError> {
    for &(tag, reference) in &dim.members {
        if tag == tag::VDATA_HEADER && file.vdata(reference)?.class == "DimVal0.1" {
            let bytes = file.metadata((tag::VDATA, reference))?;
            return Ok(Cursor::new(&bytes).u32().map_or(0, u64::from));
        }
    }
    Ok(0)
}

/// A data set without Vgroup: its name is the label, if there is one.
fn bare(file: &Hdf4, key: Key) -> Result<Option<Sds>, ReadError> {
    let bytes = file.metadata(key)?;
    let members: Vec<Key> = bytes
        .chunks_exact(4)
        .map(|b| (u16::from_be_bytes([b[0], b[1]]), u16::from_be_bytes([b[2], b[3]])))
        .collect();
    let find = |tag: u16| members.iter().find(|m| m.0 == tag).map(|m| m.1);
    let Some(record) = find(tag::SD_DIMENSIONS) else { return Ok(None) };
    let (lens, own_kind) = dimension_record(file, record)?;
    let Some((dtype, little_endian)) = number_type(file, find(tag::NUMBER_TYPE).or(own_kind))? else {
        return Ok(None);
    };
    let label = match find(tag::SD_LABELS) {
        Some(r) => clean(&file.metadata((tag::SD_LABELS, r))?),
        None => String::new(),
    };
    let name = if label.trim().is_empty() { format!("data_set_{}", key.1) } else { label.trim().to_owned() };
    let dims = lens.into_iter().enumerate();
    let dims = dims.map(|(i, len)| SdsDim { name: format!("fakeDim{i}"), len, unlimited: false }).collect();
    let data = find(tag::SD_DATA).map(|r| (tag::SD_DATA, r));
    Ok(Some(Sds { name, reference: key.1, dims, dtype, little_endian, attrs: Vec::new(), data }))
}

/// Extents, and the reference of the number type.
fn dimension_record(file: &Hdf4, reference: u16) -> Result<(Vec<u64>, Option<u16>), ReadError> {
    let bytes = file.metadata((tag::SD_DIMENSIONS, reference))?;
    let mut cursor = Cursor::new(&bytes);
    let parse = |cursor: &mut Cursor| {
        let rank = cursor.u16()?;
        let lens: Option<Vec<u64>> = (0..rank).map(|_| cursor.u32().map(u64::from)).collect();
        let kind = cursor.u16().zip(cursor.u16()).map(|(_, r)| r);
        Some((lens?, kind))
    };
    parse(&mut cursor)
        .filter(|(lens, _)| lens.len() <= 32)
        .ok_or_else(|| file.corrupt(&format!("dimension record {reference}"), "it is cut short"))
}

/// Element type and whether it is little-endian; `None` for types without numbers here.
fn number_type(file: &Hdf4, reference: Option<u16>) -> Result<Option<(DType, bool)>, ReadError> {
    let Some(reference) = reference else { return Ok(None) };
    let bytes = file.metadata((tag::NUMBER_TYPE, reference))?;
    let &[_version, kind, _bits, class] = bytes.as_slice() else {
        return Err(file.corrupt(&format!("number type {reference}"), "it is not four bytes long"));
    };
    // Class 4: Intel byte order, for integers and floating point alike.
    Ok(tables::dtype(u16::from(kind)).map(|(dtype, _)| (dtype, class == 4)))
}

impl Sds {
    /// The fill value in the type of the data set, native bytes: the attribute, or what the library uses.
    pub fn fill(&self) -> Vec<u8> {
        let given = self.attrs.iter().find(|a| a.name == "_FillValue").and_then(Attribute::as_f64);
        if let Some(bytes) = given.and_then(|v| harmony_model::dtype::number_bytes(&self.dtype, v)) {
            return bytes;
        }
        // The SD interface fills unsigned data with the bits of the signed default (netCDF-2).
        let signed = match self.dtype {
            DType::U8 => DType::I8,
            DType::U16 => DType::I16,
            DType::U32 => DType::I32,
            DType::U64 => DType::I64,
            ref other => other.clone(),
        };
        signed.default_fill()
    }

    /// Its values.
    ///
    /// # Errors
    /// [`ReadError`] when its layout can't be read.
    pub fn array(&self, file: &Arc<Hdf4>) -> Result<Hdf4Array, ReadError> {
        let object = format!("data set '{}'", self.name);
        let layout = match self.data {
            Some(key) => file.layout(key)?,
            None => Layout::Missing,
        };
        let shape: Vec<u64> = self.dims.iter().map(|d| d.len).collect();
        let size = self.dtype.size();
        let layout = match layout {
            Layout::Chunked(t)
                if t.shape.len() != shape.len()
                    || t.element_size != size as u64
                    || chunk_count(&shape, &t.chunk) > MAX_CHUNKS =>
            {
                return Err(ReadError::corrupt(
                    file.source.name(),
                    object,
                    "its chunks are of another shape",
                ));
            }
            other => other,
        };
        let swap =
            if self.little_endian == cfg!(target_endian = "little") { 1 } else { self.dtype.swap_width() };
        let (file, fill) = (file.clone(), self.fill());
        Hdf4Array { file, object, layout, shape, size, swap, fill, decoded: OnceLock::new() }.checked()
    }
}
