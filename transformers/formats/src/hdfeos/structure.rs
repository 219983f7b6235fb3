//! `StructMetadata.0` as a typed structure: swaths and grids with their dimensions and fields.

use super::odl::{self, Group, Value};
use super::projection::{Corner, Gctp};

/// Grids and swaths of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Structure {
    pub swaths: Vec<Swath>,
    pub grids: Vec<Grid>,
}

/// A named dimension; `None` is unlimited.
#[derive(Clone, Debug, PartialEq)]
pub struct StructDim {
    pub name: String,
    pub size: Option<u64>,
}

/// A data or geolocation field with the names of its dimensions, slowest first.
#[derive(Clone, Debug, PartialEq)]
pub struct StructField {
    pub name: String,
    pub dims: Vec<String>,
    /// Names of dimensions that may grow stand in `MaxdimList` as `Unlim` (HDF-EOS5).
    pub max_dims: Vec<String>,
}

/// Which data samples a coarser (or finer) geolocation dimension belongs to.
///
/// `increment > 0`: geolocation element *g* is that of data element `offset + g × increment`.
/// `increment < 0`: data element *d* has the geolocation element `offset + d × |increment|`.
#[derive(Clone, Debug, PartialEq)]
pub struct DimensionMap {
    pub geo_dim: String,
    pub data_dim: String,
    pub offset: i64,
    pub increment: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Swath {
    pub name: String,
    pub dims: Vec<StructDim>,
    pub maps: Vec<DimensionMap>,
    pub geo_fields: Vec<StructField>,
    pub data_fields: Vec<StructField>,
}

/// A field that shares one array with others: `fields` lie one after the other along its first axis.
#[derive(Clone, Debug, PartialEq)]
pub struct MergedField {
    pub name: String,
    pub fields: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    pub name: String,
    pub x_size: u64,
    pub y_size: u64,
    /// Outer corner of the first cell, in metres or packed degrees; `None`: not said or `DEFAULT`.
    pub upper_left: Option<[f64; 2]>,
    pub lower_right: Option<[f64; 2]>,
    pub projection: Option<Gctp>,
    /// Where index (0, 0) is.
    pub origin: Corner,
    /// `HDFE_CENTER` or `HDFE_CORNER`: which point of a cell a coordinate names; the cells are the same.
    pub pixel_registration: Option<String>,
    pub dims: Vec<StructDim>,
    pub data_fields: Vec<StructField>,
    pub merged: Vec<MergedField>,
}

impl Structure {
    /// Reads the text; sections that make no sense are left out.
    pub fn parse(text: &str) -> Self {
        let root = odl::parse(text);
        let section = |name: &str| root.group(name).map(|g| g.groups.as_slice()).unwrap_or_default();
        Structure {
            swaths: section("SwathStructure").iter().filter_map(swath).collect(),
            grids: section("GridStructure").iter().filter_map(grid).collect(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.swaths.is_empty() && self.grids.is_empty()
    }
}

/// Child objects of the section `name`.
fn objects<'a>(group: &'a Group, name: &str) -> &'a [Group] {
    group.group(name).map(|g| g.groups.as_slice()).unwrap_or_default()
}

fn dims(group: &Group) -> Vec<StructDim> {
    objects(group, "Dimension")
        .iter()
        .filter_map(|o| {
            let size = o.value("Size")?.number()?;
            Some(StructDim {
                name: o.text("DimensionName")?.into(),
                size: (size >= 0.0).then_some(size as u64),
            })
        })
        .collect()
}

fn fields(group: &Group, section: &str, name_key: &str) -> Vec<StructField> {
    let list = |o: &Group, key: &str| {
        let texts = o.value(key).map(Value::texts).unwrap_or_default();
        texts.into_iter().map(str::to_owned).collect()
    };
    objects(group, section)
        .iter()
        .filter_map(|o| {
            Some(StructField {
                name: o.text(name_key)?.into(),
                dims: list(o, "DimList"),
                max_dims: list(o, "MaxdimList"),
            })
        })
        .collect()
}

fn swath(group: &Group) -> Option<Swath> {
    let map = |o: &Group| {
        Some(DimensionMap {
            geo_dim: o.text("GeoDimension")?.into(),
            data_dim: o.text("DataDimension")?.into(),
            offset: o.value("Offset")?.number()? as i64,
            increment: o.value("Increment")?.number()? as i64,
        })
    };
    let mut data_fields = fields(group, "DataField", "DataFieldName");
    data_fields.extend(fields(group, "ProfileField", "ProfileFieldName"));
    Some(Swath {
        name: group.text("SwathName")?.into(),
        dims: dims(group),
        maps: objects(group, "DimensionMap").iter().filter_map(map).filter(|m| m.increment != 0).collect(),
        geo_fields: fields(group, "GeoField", "GeoFieldName"),
        data_fields,
    })
}

fn grid(group: &Group) -> Option<Grid> {
    let size = |key: &str| {
        let n = group.value(key)?.number()?;
        (n >= 1.0 && n <= f64::from(u32::MAX)).then_some(n as u64)
    };
    let point = |key: &str| match group.value(key)?.numbers()?.as_slice() {
        &[x, y] => Some([x, y]),
        _ => None,
    };
    let merged = |o: &Group| {
        let names = o.value("FieldList")?.texts();
        Some(MergedField {
            name: o.text("MergedFieldName")?.into(),
            fields: names.into_iter().map(str::to_owned).collect(),
        })
    };
    Some(Grid {
        name: group.text("GridName")?.into(),
        x_size: size("XDim")?,
        y_size: size("YDim")?,
        upper_left: point("UpperLeftPointMtrs"),
        lower_right: point("LowerRightMtrs"),
        projection: Gctp::from_odl(group),
        origin: group.text("GridOrigin").map_or(Corner::UpperLeft, Corner::parse),
        pixel_registration: group.text("PixelRegistration").map(str::to_owned),
        dims: dims(group),
        data_fields: fields(group, "DataField", "DataFieldName"),
        merged: objects(group, "MergedFields").iter().filter_map(merged).collect(),
    })
}

/// Attributes of ECS inventory metadata (`CoreMetadata.0`, `ArchiveMetadata.0`): name and values.
///
/// An object `X` holds `VALUE`; a container names several of them by `CLASS`, which makes the name `X.1`.
pub fn inventory(text: &str) -> Vec<(String, Vec<String>)> {
    fn walk(group: &Group, out: &mut Vec<(String, Vec<String>)>) {
        if let Some(value) = group.value("VALUE") {
            let class = group.text("CLASS").map(|c| format!(".{c}")).unwrap_or_default();
            let values = value.texts().into_iter().map(str::to_owned).collect();
            out.push((format!("{}{class}", group.name), values));
        }
        // Bounded: the parser limits the depth.
        group.groups.iter().for_each(|g| walk(g, out));
    }
    let mut out = Vec::new();
    walk(&odl::parse(text), &mut out);
    // "Additional attributes" come as a name and its value in two objects of the same class.
    let pairs: Vec<_> = out
        .iter()
        .filter_map(|(name, values)| {
            let class = name.strip_prefix("ADDITIONALATTRIBUTENAME")?;
            let wanted = format!("PARAMETERVALUE{class}");
            let value = out.iter().find(|(n, _)| *n == wanted)?;
            Some((values.first()?.clone(), value.1.clone()))
        })
        .collect();
    out.extend(pairs);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "GROUP=SwathStructure\nGROUP=SWATH_1\nSwathName=\"S\"\nGROUP=Dimension\nOBJECT=Dimension_1\n\
        DimensionName=\"n\"\nSize=-1\nEND_OBJECT=Dimension_1\nEND_GROUP=Dimension\nGROUP=DimensionMap\n\
        OBJECT=DimensionMap_1\nGeoDimension=\"g\"\nDataDimension=\"d\"\nOffset=2\nIncrement=5\n\
        END_OBJECT=DimensionMap_1\nEND_GROUP=DimensionMap\nGROUP=GeoField\nOBJECT=GeoField_1\n\
        GeoFieldName=\"Latitude\"\nDimList=(\"n\")\nEND_OBJECT=GeoField_1\nEND_GROUP=GeoField\n\
        END_GROUP=SWATH_1\nEND_GROUP=SwathStructure\nGROUP=GridStructure\nGROUP=GRID_1\nGridName=\"G\"\nXDim=4\n\
        YDim=2\nUpperLeftPointMtrs=(0.0,30000000.0)\nLowerRightMtrs=DEFAULT\nProjection=GCTP_GEO\n\
        END_GROUP=GRID_1\nEND_GROUP=GridStructure\nEND\n";

    #[test]
    fn swaths_and_grids_are_read() {
        let s = Structure::parse(TEXT);
        assert_eq!(s.swaths[0].dims[0].size, None);
        assert_eq!(s.swaths[0].maps[0].increment, 5);
        assert_eq!(s.swaths[0].geo_fields[0].dims, ["n"]);
        assert_eq!((s.grids[0].x_size, s.grids[0].y_size), (4, 2));
        assert_eq!(s.grids[0].upper_left, Some([0.0, 30_000_000.0]));
        assert_eq!(s.grids[0].lower_right, None);
    }

    #[test]
    fn inventory_attributes_have_their_class() {
        let text = "GROUP=INVENTORYMETADATA\nOBJECT=SHORTNAME\nNUM_VAL=1\nVALUE=\"MOD05_L2\"\nEND_OBJECT=SHORTNAME\n\
            OBJECT=C\nCLASS=\"1\"\nOBJECT=ADDITIONALATTRIBUTENAME\nCLASS=\"1\"\nVALUE=\"TileID\"\nEND_OBJECT=x\n\
            OBJECT=PARAMETERVALUE\nCLASS=\"1\"\nVALUE=(\"5\",\"6\")\nEND_OBJECT=x\nEND_OBJECT=C\n";
        let all = inventory(text);
        assert!(all.contains(&("SHORTNAME".into(), vec!["MOD05_L2".into()])));
        assert!(all.contains(&("TileID".into(), vec!["5".into(), "6".into()])));
    }

    /// The text lies in one piece in the Aura MLS file: it is found without an HDF5 reader.
    #[test]
    fn the_structure_of_a_real_he5_file_is_read() {
        let root = std::env::var_os("HARMONY_SHARED").map_or_else(
            || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
            std::path::PathBuf::from,
        );
        let Ok(bytes) = std::fs::read(root.join("granules/MLS-Aura_L2GP-IWC_v02-21-c02_2007d210.he5")) else {
            println!("skipped: no shared granules");
            return;
        };
        let mark = b"GROUP=SwathStructure";
        let start = bytes.windows(mark.len()).position(|w| w == mark).unwrap();
        let end = start + bytes[start..].iter().position(|&b| b == 0).unwrap();
        let s = Structure::parse(std::str::from_utf8(&bytes[start..end]).unwrap());
        let names: Vec<&str> = s.swaths.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["IWC", "IWP"]);
        let iwc = &s.swaths[0];
        assert_eq!(iwc.dims[2], StructDim { name: "nLevels".into(), size: Some(29) });
        assert_eq!((iwc.geo_fields.len(), iwc.data_fields.len()), (9, 5));
        assert_eq!(iwc.data_fields[0].dims, ["nTimes", "nLevels"]);
    }
}
