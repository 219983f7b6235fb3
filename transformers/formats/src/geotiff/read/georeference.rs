//! Where a raster lies: its affine and its CRS, from the tags of GeoTIFF.

use harmony_model::ReadError;
use harmony_model::crs::Crs;

use super::super::tags;
use super::tiff::Directory;
use crate::gdal::info::CrsInfo;

const USER_DEFINED: u16 = 32767;

/// The keys of a file.
#[derive(Debug, Default)]
pub struct Keys {
    directory: Vec<u16>,
    doubles: Vec<f64>,
    text: String,
}

impl Keys {
    /// # Errors
    /// When a tag can't be read.
    pub fn of(d: &Directory) -> Result<Self, ReadError> {
        let directory = d.numbers(tags::GEO_KEY_DIRECTORY)?.unwrap_or_default();
        Ok(Keys {
            directory: directory.into_iter().map(|v| v as u16).collect(),
            doubles: d.doubles(tags::GEO_DOUBLE_PARAMS)?.unwrap_or_default(),
            text: d.text(tags::GEO_ASCII_PARAMS)?.unwrap_or_default(),
        })
    }

    pub fn is_empty(&self) -> bool {
        self.directory.len() < 8
    }

    fn entry(&self, key: u16) -> Option<[u16; 4]> {
        let entries = self.directory.get(4..)?.as_chunks::<4>().0;
        entries.iter().find(|e| e[0] == key).copied()
    }

    fn short(&self, key: u16) -> Option<u16> {
        self.entry(key).filter(|e| e[1] == 0).map(|e| e[3])
    }

    fn double(&self, key: u16) -> Option<f64> {
        let [_, tag, _, at] = self.entry(key)?;
        (tag == tags::GEO_DOUBLE_PARAMS).then(|| self.doubles.get(usize::from(at)).copied())?
    }

    fn text(&self, key: u16) -> Option<&str> {
        let [_, tag, count, at] = self.entry(key)?;
        let range = usize::from(at)..usize::from(at) + usize::from(count);
        (tag == tags::GEO_ASCII_PARAMS).then(|| self.text.get(range))?.map(|t| t.trim_end_matches('|'))
    }

    /// Whether coordinates mean the centres of cells.
    pub fn is_point(&self) -> bool {
        self.short(1025) == Some(2)
    }

    /// What a pixel stands for, in GDAL's words; `None` where the file doesn't say.
    pub fn raster_type(&self) -> Option<&'static str> {
        match self.short(1025)? {
            1 => Some("Area"),
            2 => Some("Point"),
            _ => None,
        }
    }

    /// The CRS; `None` when the file has none.
    ///
    /// # Errors
    /// What we do not understand of it; GDAL may.
    pub fn crs(&self) -> Result<Option<CrsInfo>, String> {
        if self.is_empty() {
            return Ok(None);
        }
        const VERTICAL: u16 = 4096;
        if self.short(VERTICAL).is_some() {
            return Err("a vertical reference system".into());
        }
        let definition = match self.short(1024) {
            Some(2) => self.geographic()?,
            Some(1) => self.projected()?,
            other => return Err(format!("a model of type {other:?}")),
        };
        let crs = Crs::parse(&definition).map_err(|e| e.to_string())?;
        let wkt2 = crs.wkt2().ok_or("PROJ does not know its reference system")?;
        let geographic = crs.is_geographic();
        let metres = crs.units_to_metre().unwrap_or(1.0);
        let unit = if (metres - 1.0).abs() < 1e-12 { "metre" } else { "unknown" };
        if !geographic && unit == "unknown" {
            return Err("axes in other units than metres".into());
        }
        let wkt1 = crs.wkt1_gdal().unwrap_or_default();
        let wkt1 = if geographic { with_axes(wkt1) } else { wkt1 };
        Ok(Some(CrsInfo { wkt1, wkt2, geographic, unit: (metres, unit.into()) }))
    }

    fn geographic(&self) -> Result<String, String> {
        match self.short(2048) {
            Some(code) if code != USER_DEFINED && code != 0 => Ok(format!("EPSG:{code}")),
            _ => Err("a geographic system of its own".into()),
        }
    }

    fn projected(&self) -> Result<String, String> {
        match self.short(3072) {
            Some(code) if code != USER_DEFINED && code != 0 => Ok(format!("EPSG:{code}")),
            _ => self.user_defined(),
        }
    }

    /// WKT of a projection that is listed by its parameters, on a geodetic system with a code.
    fn user_defined(&self) -> Result<String, String> {
        let base = Crs::parse(&self.geographic()?).map_err(|e| e.to_string())?;
        let base = base.wkt1_gdal().ok_or("PROJ does not know its geodetic system")?;
        if self.short(3076) != Some(9001) || self.short(2054).is_some_and(|u| u != 9102) {
            return Err("other units than metres and degrees".into());
        }
        let method = self.short(3075).ok_or("a projection without method")?;
        let (_, name, parameters) = METHODS
            .iter()
            .find(|(code, _, _)| *code == method)
            .ok_or_else(|| format!("projection method {method}"))?;
        let mut wkt = format!("PROJCS[\"{}\",{base},PROJECTION[\"{name}\"]", self.name());
        for (key, parameter, default) in *parameters {
            let value = self.double(*key).or(*default).ok_or_else(|| format!("no {parameter}"))?;
            wkt += &format!(",PARAMETER[\"{parameter}\",{value}]");
        }
        wkt += ",UNIT[\"metre\",1,AUTHORITY[\"EPSG\",\"9001\"]],AXIS[\"Easting\",EAST],AXIS[\"Northing\",NORTH]]";
        Ok(wkt)
    }

    /// What the system is called, without what would end a text in WKT.
    fn name(&self) -> String {
        let citation = self.text(3073).or_else(|| self.text(1026)).unwrap_or("unnamed");
        citation.chars().filter(|c| *c != '"' && !c.is_control()).take(120).collect()
    }
}

/// GDAL names the axes of a geographic system, PROJ leaves them out.
fn with_axes(wkt: String) -> String {
    const AXES: &str = ",AXIS[\"Latitude\",NORTH],AXIS[\"Longitude\",EAST]";
    // Its own authority comes last, after those of its parts.
    let end = wkt.rfind("],AUTHORITY[").map_or(wkt.len().saturating_sub(1), |at| at + 1);
    if wkt.is_empty() || wkt.contains("AXIS[") {
        return wkt;
    }
    format!("{}{AXES}{}", &wkt[..end], &wkt[end..])
}

/// A parameter of a method: key, name in WKT 1, value where the file leaves it out.
type Parameter = (u16, &'static str, Option<f64>);

const ZERO: Option<f64> = Some(0.0);
const EASTING: Parameter = (3082, "false_easting", ZERO);
const NORTHING: Parameter = (3083, "false_northing", ZERO);

/// Methods whose keys all writers agree on.
const METHODS: &[(u16, &str, &[Parameter])] = &[
    (
        1,
        "Transverse_Mercator",
        &[
            (3081, "latitude_of_origin", ZERO),
            (3080, "central_meridian", ZERO),
            (3092, "scale_factor", Some(1.0)),
            EASTING,
            NORTHING,
        ],
    ),
    (
        8,
        "Lambert_Conformal_Conic_2SP",
        &[
            (3085, "latitude_of_origin", None),
            (3084, "central_meridian", None),
            (3078, "standard_parallel_1", None),
            (3079, "standard_parallel_2", None),
            (3086, "false_easting", ZERO),
            (3087, "false_northing", ZERO),
        ],
    ),
    (
        10,
        "Lambert_Azimuthal_Equal_Area",
        &[(3089, "latitude_of_center", None), (3088, "longitude_of_center", None), EASTING, NORTHING],
    ),
    (
        11,
        "Albers_Conic_Equal_Area",
        &[
            (3081, "latitude_of_center", None),
            (3080, "longitude_of_center", None),
            (3078, "standard_parallel_1", None),
            (3079, "standard_parallel_2", None),
            EASTING,
            NORTHING,
        ],
    ),
    (
        28,
        "Cylindrical_Equal_Area",
        &[(3078, "standard_parallel_1", None), (3080, "central_meridian", None), EASTING, NORTHING],
    ),
    (24, "Sinusoidal", &[(3088, "longitude_of_center", None), EASTING, NORTHING]),
];

/// Corner and cell vectors in GDAL's order; `None` when the file has none, or ground control points instead.
///
/// # Errors
/// When a tag can't be read.
pub fn transform(d: &Directory, point: bool) -> Result<Option<[f64; 6]>, ReadError> {
    let scale = d.doubles(tags::MODEL_PIXEL_SCALE)?.unwrap_or_default();
    let ties = d.doubles(tags::MODEL_TIEPOINT)?.unwrap_or_default();
    let matrix = d.doubles(tags::MODEL_TRANSFORMATION)?.unwrap_or_default();
    let mut t = match (scale.as_slice(), ties.as_slice(), matrix.as_slice()) {
        (&[dx, dy, ..], &[i, j, _, x, y, _, ..], _) if dx != 0.0 && dy != 0.0 => {
            [x - i * dx, dx, 0.0, y + j * dy.abs(), 0.0, -dy.abs()]
        }
        (_, _, m) if m.len() >= 16 => [m[3], m[0], m[1], m[7], m[4], m[5]],
        _ => return Ok(None),
    };
    if point {
        // Coordinates are those of the centre of the first cell.
        t[0] -= 0.5 * (t[1] + t[2]);
        t[3] -= 0.5 * (t[4] + t[5]);
    }
    Ok(Some(t))
}
