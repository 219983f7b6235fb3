//! One dataset: everything its header says, in the terms of the file.

use harmony_model::{Attribute, Filter};

use super::attributes::{self, StoredAttr};
use super::bytes::{Res, corrupt};
use super::dataspace::Space;
use super::datatype::{self, Stored};
use super::file::File;
use super::filters;
use super::header::{Header, kind};
use super::layout::{self, Layout};

/// What the header of a dataset says.
pub(super) struct Dataset {
    /// Address of the header: what references and hard links point at.
    pub(super) addr: u64,
    pub(super) stored: Stored,
    pub(super) space: Space,
    pub(super) layout: Layout,
    pub(super) filters: Vec<Filter>,
    /// A fill value that a user set, native order.
    pub(super) fill: Option<Vec<u8>>,
    pub(super) attrs: Vec<Attribute>,
    pub(super) marks: Marks,
    /// About how many bytes a variable made of it takes.
    pub(super) weight: u64,
}

/// What netCDF-4 and the dimension scale convention write into attributes of their own.
#[derive(Default)]
pub(super) struct Marks {
    /// `CLASS = "DIMENSION_SCALE"`.
    pub(super) is_scale: bool,
    /// A scale that is a dimension and nothing else.
    pub(super) is_only_dim: bool,
    /// `_Netcdf4Dimid`.
    pub(super) dim_id: Option<i64>,
    /// `_Netcdf4Coordinates`: dimension ids of a variable whose axes have no dimension list.
    pub(super) coordinates: Option<Vec<i64>>,
    /// `DIMENSION_LIST`: address of the first scale of each axis.
    pub(super) scales: Option<Vec<Option<u64>>>,
}

/// What `NAME` says of a scale that has no values, then its length.
const ONLY_DIM: &str = "This is a netCDF dimension but not a netCDF variable";

impl Dataset {
    pub(super) fn parse(file: &File, addr: u64, header: &Header) -> Res<Dataset> {
        let need = |kind, what: &str| match header.resolved(file, kind)? {
            Some(body) => Ok(body),
            None => corrupt(format!("its {what} is missing")),
        };
        let stored = datatype::parse_variable(&need(kind::DATATYPE, "datatype")?, file.sizes)?;
        let space = Space::parse(&need(kind::DATASPACE, "dataspace")?, file.sizes)?;
        if space.count()?.checked_mul(stored.dtype.size() as u64).is_none_or(|n| n > i64::MAX as u64) {
            return corrupt("its size overflows");
        }
        let layout = match header.first(kind::EXTERNAL_FILES) {
            Some(_) => Layout::Elsewhere("its values are in external files; run h5repack on it".into()),
            None => Layout::parse(&need(kind::LAYOUT, "data layout")?, file.sizes)?,
        };
        let filters = match header.resolved(file, kind::FILTERS)? {
            Some(body) => filters::parse(&body, file.sizes)?,
            None => Vec::new(),
        };
        let fill = layout::fill_value(file, header)?;
        let fill = fill.and_then(|fill| layout::native_fill(fill, &stored, file.sizes));
        let (marks, attrs) = Marks::split(file, attributes::of_object(file, header)?, space.dims().len())?;
        let values = |a: &Attribute| a.bytes.len() + a.items.iter().map(Vec::len).sum::<usize>();
        let weight = header.len() + attrs.iter().map(|a| values(a) as u64).sum::<u64>();
        Ok(Dataset { addr, stored, space, layout, filters, fill, attrs, marks, weight })
    }

    /// Length and growth of the first axis.
    pub(super) fn first_axis(&self) -> Option<(u64, bool)> {
        let (Some(&len), Some(&max)) = (self.space.dims().first(), self.space.max().first()) else {
            return None;
        };
        Some((len, max == super::dataspace::UNLIMITED))
    }
}

impl Marks {
    /// Takes the marks out of the attributes of a dataset with `rank` axes; what is left is for users.
    fn split(file: &File, stored: Vec<StoredAttr>, rank: usize) -> Res<(Marks, Vec<Attribute>)> {
        let mut marks = Marks::default();
        if let Some(class) = stored.iter().find(|a| a.name == "CLASS") {
            marks.is_scale = class.text(file)?.as_deref() == Some("DIMENSION_SCALE");
        }
        let mut attrs = Vec::with_capacity(stored.len());
        for attr in stored {
            match attr.name.as_str() {
                "CLASS" if marks.is_scale => {}
                "NAME" if marks.is_scale => {
                    marks.is_only_dim = attr.text(file)?.is_some_and(|t| t.starts_with(ONLY_DIM));
                }
                "_Netcdf4Dimid" => {
                    marks.dim_id = attr.integers(file)?.and_then(|ids| ids.first().copied());
                }
                "_Netcdf4Coordinates" => {
                    marks.coordinates = attr.integers(file)?.filter(|ids| ids.len() == rank);
                }
                "DIMENSION_LIST" => {
                    marks.scales = attr.scales(file)?.filter(|scales| scales.len() == rank);
                }
                "REFERENCE_LIST" => {}
                _ => attrs.extend(attr.to_model(file)?),
            }
        }
        Ok((marks, attrs))
    }
}

/// Attributes of a group; those that netCDF keeps for itself are left out.
pub(super) fn group_attrs(file: &File, header: &Header) -> Res<Vec<Attribute>> {
    let mut attrs = Vec::new();
    for attr in attributes::of_object(file, header)? {
        if !matches!(attr.name.as_str(), "_NCProperties" | "_nc3_strict") {
            attrs.extend(attr.to_model(file)?);
        }
    }
    Ok(attrs)
}
