//! An HDF-EOS5 file: dimensions are anonymous in HDF5 and named in StructMetadata.0.

use std::sync::Arc;

use harmony_model::dtype::StringPad;
use harmony_model::{DType, DimId, Granule, GroupId, MemoryArray};

use crate::build::{granule, number, var};

const STRUCTURE: &str = r#"GROUP=SwathStructure
	GROUP=SWATH_1
		SwathName="ColumnAmount"
		GROUP=Dimension
			OBJECT=Dimension_1
				DimensionName="nTimes"
				Size=60
			END_OBJECT=Dimension_1
			OBJECT=Dimension_2
				DimensionName="nXtrack"
				Size=30
			END_OBJECT=Dimension_2
		END_GROUP=Dimension
		GROUP=GeoField
			OBJECT=GeoField_1
				GeoFieldName="Latitude"
				DataType=H5T_NATIVE_FLOAT
				DimList=("nTimes","nXtrack")
				MaxdimList=("nTimes","nXtrack")
			END_OBJECT=GeoField_1
			OBJECT=GeoField_2
				GeoFieldName="Longitude"
				DataType=H5T_NATIVE_FLOAT
				DimList=("nTimes","nXtrack")
				MaxdimList=("nTimes","nXtrack")
			END_OBJECT=GeoField_2
			OBJECT=GeoField_3
				GeoFieldName="Time"
				DataType=H5T_NATIVE_DOUBLE
				DimList=("nTimes")
				MaxdimList=("nTimes")
			END_OBJECT=GeoField_3
		END_GROUP=GeoField
		GROUP=DataField
			OBJECT=DataField_1
				DataFieldName="ColumnAmountO3"
				DataType=H5T_NATIVE_FLOAT
				DimList=("nTimes","nXtrack")
				MaxdimList=("nTimes","nXtrack")
			END_OBJECT=DataField_1
		END_GROUP=DataField
	END_GROUP=SWATH_1
END_GROUP=SwathStructure
GROUP=GridStructure
END_GROUP=GridStructure
GROUP=PointStructure
END_GROUP=PointStructure
GROUP=ZaStructure
END_GROUP=ZaStructure
END
"#;

/// A level-2 ozone swath of 60 × 30 samples.
pub fn level2() -> Granule {
    let (rows, cols) = (60usize, 30usize);
    let mut g = granule("hdfeos5_swath.he5", "Ozone column, HDF-EOS5");
    let path = ["HDFEOS", "SWATHS", "ColumnAmount"];
    let swath = path.iter().fold(Granule::ROOT, |parent, name| g.add_group(parent, name));
    let data = g.add_group(swath, "Data Fields");
    let geo = g.add_group(swath, "Geolocation Fields");
    let information = g.add_group(Granule::ROOT, "HDFEOS INFORMATION");
    let time_data = anonymous(&mut g, data, 0, rows);
    let cross_data = anonymous(&mut g, data, 1, cols);
    let time_geo = anonymous(&mut g, geo, 2, rows);
    let cross_geo = anonymous(&mut g, geo, 3, cols);
    let (mut lat, mut lon, mut ozone) = (Vec::new(), Vec::new(), Vec::new());
    for r in 0..rows {
        for c in 0..cols {
            lat.push((-45.0 + 1.5 * r as f64) as f32);
            lon.push((-20.0 + 1.25 * c as f64 - 0.2 * r as f64) as f32);
            ozone.push(if (r + c) % 29 == 0 { -1.267_650_6e30 } else { 250.0 + r as f32 + 0.5 * c as f32 });
        }
    }
    let tai93: Vec<f64> = (0..rows).map(|r| 852_595_200.0 + 2.0 * r as f64).collect();
    var(&mut g, geo, "Latitude", &[time_geo, cross_geo], &lat, &[("Units", "deg")]);
    var(&mut g, geo, "Longitude", &[time_geo, cross_geo], &lon, &[("Units", "deg")]);
    var(&mut g, geo, "Time", &[time_geo], &tai93, &[("Units", "s")]);
    let v = var(&mut g, data, "ColumnAmountO3", &[time_data, cross_data], &ozone, &[("Units", "DU")]);
    number(&mut g, v, "_FillValue", &[-1.267_650_6e30_f32]);
    let dtype = DType::FixedString { len: STRUCTURE.len() + 1, pad: StringPad::NullTerminated, utf8: false };
    let mut text = STRUCTURE.as_bytes().to_vec();
    text.push(0);
    let array = MemoryArray::new(&[], text.len(), text);
    g.add_var(information, "StructMetadata.0", dtype, Vec::new(), Arc::new(array));
    g
}

fn anonymous(g: &mut Granule, group: GroupId, number: usize, len: usize) -> DimId {
    let id = g.add_dim(group, &format!("phony_dim_{number}"), len as u64);
    g.dims[id.0].anonymous = true;
    id
}
