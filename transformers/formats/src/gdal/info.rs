//! What GDAL knows about a raster, as plain data.

/// A window in pixels.
#[derive(Clone, Copy, Debug)]
pub struct PixelWindow {
    pub x: u64,
    pub y: u64,
    pub width: u64,
    pub height: u64,
}

/// What GDAL knows about a raster.
#[derive(Clone, Debug, Default)]
pub struct RasterInfo {
    pub driver: String,
    pub width: u64,
    pub height: u64,
    pub bands: Vec<BandInfo>,
    /// Corner and cell vectors: x = t0 + col·t1 + row·t2, y = t3 + col·t4 + row·t5.
    pub transform: Option<[f64; 6]>,
    pub crs: Option<CrsInfo>,
    pub metadata: Vec<(String, String)>,
    /// Names that open the parts of a container.
    pub subdatasets: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct CrsInfo {
    /// WKT 2 (ISO 19162:2019).
    pub wkt2: String,
    /// WKT 1 as GDAL writes it.
    pub wkt1: String,
    pub geographic: bool,
    /// Metres of one unit of a projected CRS, and its name.
    pub unit: (f64, String),
}

#[derive(Clone, Debug, Default)]
pub struct BandInfo {
    /// GDAL's number of the element type.
    pub kind: i32,
    /// Columns, rows.
    pub block: (u64, u64),
    pub nodata: Option<f64>,
    pub scale: Option<f64>,
    pub offset: Option<f64>,
    pub unit: String,
    pub description: String,
    pub interpretation: String,
    /// Red, green, blue, alpha.
    pub colors: Vec<[i16; 4]>,
    pub metadata: Vec<(String, String)>,
    /// Signed bytes, in GDAL before 3.7.
    pub signed_byte: bool,
}
