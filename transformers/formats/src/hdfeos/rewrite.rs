//! `StructMetadata.0` after a subset: sizes, corners and fields are those of what is left.
//!
//! The text is edited line by line, so everything that is not known to have changed stays as its writer put it.

use std::collections::HashMap;
use std::sync::Arc;

use harmony_model::attribute::Attribute;
use harmony_model::dtype::StringPad;
use harmony_model::granule::{join, set_attr};
use harmony_model::{DType, DimId, Granule, GroupId, MemoryArray, ReadError, VarId};

use super::axes::{Edges, is_plain};
use super::dims::struct_metadata;
use super::edit::Editor;
use super::projection::pack_degrees;
use super::structure::{Grid, StructField, Structure};

/// Bytes of one `StructMetadata.n` in files of the HDF-EOS library.
const PIECE: usize = 32_000;

/// Makes the structure text of a cut granule fit it: sizes of dimensions, `XDim`, `YDim` and the corner points of grids,
/// without fields, swaths and grids that are gone. Does nothing to a granule that is not HDF-EOS.
///
/// A corner can be told only where the grid still has its coordinates, in one run of cells; else corners stay, and a
/// notice says so. Offsets of dimension maps stay as they are.
///
/// # Errors
/// When the coordinates of a grid can't be read.
pub fn rewrite(granule: &mut Granule) -> Result<Vec<String>, ReadError> {
    let Some(text) = struct_metadata(granule) else { return Ok(Vec::new()) };
    let structure = Structure::parse(&text);
    let mut notices = Vec::new();
    let mut parts: HashMap<(Section, String), Option<Part>> = HashMap::new();
    for swath in &structure.swaths {
        let fields: Vec<&StructField> = swath.geo_fields.iter().chain(&swath.data_fields).collect();
        let part = Part::of(granule, "SWATHS", &swath.name, &fields);
        parts.insert((Section::Swath, swath.name.clone()), part);
    }
    for grid in &structure.grids {
        let fields: Vec<&StructField> = grid.data_fields.iter().collect();
        let mut part = Part::of(granule, "GRIDS", &grid.name, &fields);
        if let Some(part) = &mut part {
            part.corners = corners(granule, grid, part, &mut notices)?;
        }
        parts.insert((Section::Grid, grid.name.clone()), part);
    }
    let new = Editor::new(&parts).edit(&text);
    if new != text {
        store(granule, &new);
    }
    Ok(notices)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Section {
    Swath,
    Grid,
}

/// What is left of a swath or grid.
#[derive(Default)]
pub(super) struct Part {
    /// By name in the structure.
    dims: HashMap<String, DimId>,
    pub lens: HashMap<String, u64>,
    pub fields: Vec<String>,
    /// `UpperLeftPointMtrs` and `LowerRightMtrs`, when they change.
    pub corners: Option<[String; 2]>,
}

impl Part {
    /// `None` when nothing of it is left.
    fn of(granule: &Granule, section: &str, name: &str, fields: &[&StructField]) -> Option<Self> {
        let hdf5 = granule.find_group(&format!("/HDFEOS/{section}/{name}"));
        let group = hdf5.or_else(|| granule.find_group(&format!("/{}", name.trim().replace('/', "_"))))?;
        let mut part = Part::default();
        for field in fields {
            let Some(id) = find_field(granule, group, &field.name) else { continue };
            part.fields.push(field.name.clone());
            let dims = &granule.var(id).dims;
            if dims.len() != field.dims.len() {
                continue;
            }
            for (name, &dim) in field.dims.iter().zip(dims) {
                part.dims.insert(name.clone(), dim);
                part.lens.insert(name.clone(), granule.dim(dim).len);
            }
        }
        (!part.fields.is_empty()).then_some(part)
    }
}

/// The variable of a field: below the group in one of HDF-EOS5's sections, or in it.
fn find_field(granule: &Granule, group: GroupId, name: &str) -> Option<VarId> {
    let base = &granule.group(group).path;
    let name = name.trim().replace('/', "_");
    ["Data Fields/", "Geolocation Fields/", "Profile Fields/", ""]
        .iter()
        .find_map(|section| granule.find_var(&join(base, &format!("{section}{name}"))))
}

/// The new corner points of a grid; `None` when they are the old ones or can't be told.
fn corners(
    granule: &Granule,
    grid: &Grid,
    part: &Part,
    notices: &mut Vec<String>,
) -> Result<Option<[String; 2]>, ReadError> {
    let (Some(&x), Some(&y)) = (part.dims.get("XDim"), part.dims.get("YDim")) else { return Ok(None) };
    let (columns, rows) = (granule.dim(x).len, granule.dim(y).len);
    let known = match Edges::of(grid) {
        Some(edges) => {
            let column = first_index(granule, x, edges.x0, edges.dx, grid.x_size)?;
            let row = first_index(granule, y, edges.y0, edges.dy, grid.y_size)?;
            column.zip(row).map(|at| (edges, at))
        }
        None => None,
    };
    let whole = (columns, rows) == (grid.x_size, grid.y_size);
    let Some((e, (column, row))) = known else {
        if !whole {
            notices.push(format!(
                "the corner points of HDF-EOS grid '{}' in StructMetadata.0 are those of the uncut grid: its cells are \
                 not one run or have no coordinates",
                grid.name
            ));
        }
        return Ok(None);
    };
    if whole && (column, row) == (0, 0) {
        return Ok(None);
    }
    let (x0, y0) = (e.x0 + column as f64 * e.dx, e.y0 + row as f64 * e.dy);
    let (x1, y1) = (x0 + columns as f64 * e.dx, y0 + rows as f64 * e.dy);
    let (left, right) = if e.from_left { (x0, x1) } else { (x1, x0) };
    let (top, bottom) = if e.from_top { (y0, y1) } else { (y1, y0) };
    let packed = e.geographic
        && !grid.upper_left.zip(grid.lower_right).is_some_and(|(a, b)| is_plain(a) || is_plain(b));
    let point = |x: f64, y: f64| match packed {
        true => format!("({:.6},{:.6})", pack_degrees(x), pack_degrees(y)),
        false => format!("({x:.6},{y:.6})"),
    };
    Ok(Some([point(left, top), point(right, bottom)]))
}

/// Index in the uncut grid of the first cell of a dimension; `None` when its coordinates are not one run of the grid's.
fn first_index(
    granule: &Granule,
    dim: DimId,
    edge: f64,
    step: f64,
    count: u64,
) -> Result<Option<u64>, ReadError> {
    let Some(id) = granule.dim_coordinate(dim) else { return Ok(None) };
    let values = granule.read_stored(id)?;
    let index = |v: f64| {
        let at = (v - edge) / step - 0.5;
        let near = (at - at.round()).abs() < 0.01 && at.round() >= 0.0;
        near.then(|| at.round() as u64)
    };
    let Some(first) = values.first().and_then(|&v| index(v)) else { return Ok(None) };
    let is_run = (first..).zip(&values).all(|(i, &v)| index(v) == Some(i));
    Ok((is_run && first + values.len() as u64 <= count).then_some(first))
}

/// Puts the text back where it was: in the same attributes or variables, of the same length where it fits.
fn store(granule: &mut Granule, text: &str) {
    let mut rest = text;
    for number in 0.. {
        let name = format!("StructMetadata.{number}");
        let next = format!("StructMetadata.{}", number + 1);
        let exists = |g: &Granule, n: &str| {
            g.find_var(&format!("/HDFEOS INFORMATION/{n}")).is_some() || owner(g, n).is_some()
        };
        if !exists(granule, &name) {
            break;
        }
        let var = granule.find_var(&format!("/HDFEOS INFORMATION/{name}"));
        let room = var.map_or(PIECE, |v| granule.var(v).dtype.size().max(PIECE));
        // The text is ASCII by its definition; anything else must not be cut inside a character.
        let cut = if exists(granule, &next) { rest.floor_char_boundary(room) } else { rest.len() };
        let (piece, after) = rest.split_at(cut);
        rest = after;
        match var {
            Some(id) => {
                let len = piece.len().max(granule.var(id).dtype.size());
                let mut bytes = piece.as_bytes().to_vec();
                bytes.resize(len, 0);
                let var = &mut granule.vars[id.0];
                var.dtype = DType::FixedString { len, pad: StringPad::NullTerminated, utf8: false };
                var.dims.clear();
                var.storage = harmony_model::Storage::Contiguous;
                var.fill = None;
                var.data = Arc::new(MemoryArray::new(&[], len, bytes));
            }
            None => {
                if let Some(group) = owner(granule, &name) {
                    set_attr(&mut granule.groups[group.0].attrs, Attribute::text(&name, piece));
                }
            }
        }
    }
}

/// The group that has the attribute.
fn owner(granule: &Granule, name: &str) -> Option<GroupId> {
    let information = granule.find_group("/HDFEOS INFORMATION");
    information.into_iter().chain([Granule::ROOT]).find(|g| granule.group(*g).attr(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "GROUP=SwathStructure\nEND_GROUP=SwathStructure\nGROUP=GridStructure\n\tGROUP=GRID_1\n\
        \t\tGridName=\"G\"\n\t\tXDim=10\n\t\tYDim=8\n\t\tUpperLeftPointMtrs=(-500.000000,800.000000)\n\
        \t\tLowerRightMtrs=(500.000000,0.000000)\n\t\tProjection=GCTP_SNSOID\n\
        \t\tProjParams=(6371007.181000,0,0,0,0,0,0,0,0,0,0,0,0)\n\t\tSphereCode=-1\n\t\tGROUP=Dimension\n\
        \t\t\tOBJECT=Dimension_1\n\t\t\t\tDimensionName=\"Band\"\n\t\t\t\tSize=7\n\t\t\tEND_OBJECT=Dimension_1\n\
        \t\tEND_GROUP=Dimension\n\t\tGROUP=DataField\n\
        \t\t\tOBJECT=DataField_1\n\t\t\t\tDataFieldName=\"gone\"\n\t\t\t\tDimList=(\"YDim\",\n\"XDim\")\n\t\t\tEND_OBJECT=DataField_1\n\
        \t\t\tOBJECT=DataField_2\n\t\t\t\tDataFieldName=\"T\"\n\t\t\t\tDimList=(\"Band\",\"YDim\",\"XDim\")\n\t\t\tEND_OBJECT=DataField_2\n\
        \t\tEND_GROUP=DataField\n\tEND_GROUP=GRID_1\n\tGROUP=GRID_2\n\t\tGridName=\"H\"\n\tEND_GROUP=GRID_2\n\
        END_GROUP=GridStructure\nEND\n";

    /// Columns 3 to 6 and rows 2 to 4 of the grid.
    fn cut() -> Granule {
        let mut g = Granule::new("x.hdf", "hdf4");
        g.groups[0].attrs.push(Attribute::text("StructMetadata.0", TEXT));
        let group = g.add_group(Granule::ROOT, "G");
        let band = g.add_dim(group, "Band", 2);
        let (y, x) = (g.add_dim(group, "YDim", 3), g.add_dim(group, "XDim", 4));
        let xs: Vec<f64> = (3..7).map(|i| -500.0 + (f64::from(i) + 0.5) * 100.0).collect();
        let ys: Vec<f64> = (2..5).map(|i| 800.0 - (f64::from(i) + 0.5) * 100.0).collect();
        g.add_var(group, "XDim", DType::F64, vec![x], Arc::new(MemoryArray::of(&[4], &xs)));
        g.add_var(group, "YDim", DType::F64, vec![y], Arc::new(MemoryArray::of(&[3], &ys)));
        let values = Arc::new(MemoryArray::of(&[2, 3, 4], &[0f32; 24]));
        g.add_var(group, "T", DType::F32, vec![band, y, x], values);
        g
    }

    #[test]
    fn sizes_corners_and_fields_are_those_of_the_part() {
        let mut g = cut();
        assert!(rewrite(&mut g).unwrap().is_empty());
        let text = g.groups[0].attr_text("StructMetadata.0").unwrap();
        let grid = Structure::parse(&text).grids.remove(0);
        assert_eq!((grid.x_size, grid.y_size), (4, 3));
        assert_eq!((grid.upper_left, grid.lower_right), (Some([-200.0, 600.0]), Some([200.0, 300.0])));
        assert_eq!((grid.dims[0].size, grid.data_fields.len()), (Some(2), 1));
        assert!(text.contains("OBJECT=DataField_1\n\t\t\t\tDataFieldName=\"T\"") && !text.contains("gone"));
        assert!(text.contains("UpperLeftPointMtrs=(-200.000000,600.000000)"));
        assert!(!text.contains("GRID_2") || text.contains("GridName=\"H\""));
        let before = text.clone();
        rewrite(&mut g).unwrap();
        assert_eq!(g.groups[0].attr_text("StructMetadata.0").unwrap(), before);
    }

    #[test]
    fn a_part_without_coordinates_keeps_its_corners_and_says_so() {
        let mut g = cut();
        g.vars.retain(|v| v.name == "T");
        let notices = rewrite(&mut g).unwrap();
        assert!(notices[0].contains("'G'"), "{notices:?}");
        assert!(g.groups[0].attr_text("StructMetadata.0").unwrap().contains("(-500.000000,800.000000)"));
    }

    #[test]
    fn an_hdf_eos5_text_keeps_its_place_and_length() {
        let mut g = Granule::new("x.he5", "netcdf4");
        let information = g.add_group(Granule::ROOT, "HDFEOS INFORMATION");
        let text = "GROUP=SwathStructure\nGROUP=SWATH_1\nSwathName=\"S\"\nGROUP=Dimension\nOBJECT=Dimension_1\n\
            DimensionName=\"nTimes\"\nSize=90\nEND_OBJECT=Dimension_1\nEND_GROUP=Dimension\nGROUP=DataField\n\
            OBJECT=DataField_1\nDataFieldName=\"T\"\nDimList=(\"nTimes\")\nEND_OBJECT=DataField_1\n\
            END_GROUP=DataField\nEND_GROUP=SWATH_1\nEND_GROUP=SwathStructure\nEND\n";
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(32_000, 0);
        let dtype = DType::FixedString { len: 32_000, pad: StringPad::NullTerminated, utf8: false };
        let data = Arc::new(MemoryArray::new(&[], 32_000, bytes));
        let id = g.add_var(information, "StructMetadata.0", dtype.clone(), vec![], data);
        let mut group = g.add_group(Granule::ROOT, "HDFEOS");
        for name in ["SWATHS", "S", "Data Fields"] {
            group = g.add_group(group, name);
        }
        let dim = g.add_dim(group, "nTimes", 4);
        g.add_var(group, "T", DType::F32, vec![dim], Arc::new(MemoryArray::of(&[4], &[0f32; 4])));
        rewrite(&mut g).unwrap();
        assert_eq!(g.var(id).dtype, dtype);
        assert_eq!(g.read_texts(id).unwrap()[0], text.replace("Size=90", "Size=4").trim_end());
    }

    #[test]
    fn degrees_are_packed() {
        assert_eq!(pack_degrees(-12.5), -12_030_000.0);
        assert_eq!(pack_degrees(179.999_999_9), 180_000_000.0);
        assert_eq!(super::super::packed_degrees(pack_degrees(33.1)), 33.1);
    }
}
