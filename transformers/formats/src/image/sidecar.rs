//! What says where an image is on Earth: world file and GDAL's auxiliary metadata.

use std::fmt::Write as _;

use harmony_model::GridSpec;
use harmony_model::crs::Crs;

use super::Kind;

/// The six lines of a world file: cell width, two rotations, cell height, centre of the upper left cell.
pub fn world_file(grid: &GridSpec) -> String {
    let lines = [grid.dx, 0.0, 0.0, grid.dy, grid.x_centre(0.0), grid.y_centre(0.0)];
    lines.iter().fold(String::new(), |mut text, v| {
        let _ = writeln!(text, "{v:?}");
        text
    })
}

/// The auxiliary file of an image of `bands` bands.
pub fn auxiliary(grid: &GridSpec, kind: Kind, bands: usize) -> String {
    let mut out = String::from("<PAMDataset>\n");
    let system = georeference(&grid.crs);
    if let Some(wkt) = system.wkt1_gdal() {
        let axes = if system.authority_puts_north_first() { "2,1" } else { "1,2" };
        let _ = writeln!(out, "  <SRS dataAxisToSRSAxisMapping=\"{axes}\">{}</SRS>", escape(&wkt));
    }
    let transform: Vec<String> = grid.geo_transform().iter().map(|&v| scientific(v)).collect();
    let _ = writeln!(out, "  <GeoTransform>{}</GeoTransform>", transform.join(","));
    let item = |key: &str, value: &str| format!("    <MDI key=\"{key}\">{value}</MDI>\n");
    let structure = "  <Metadata domain=\"IMAGE_STRUCTURE\">\n";
    match kind {
        Kind::Jpeg => {
            let items = item("COMPRESSION", "JPEG")
                + &item("INTERLEAVE", "PIXEL")
                + &item("SOURCE_COLOR_SPACE", "YCbCr");
            let _ = writeln!(out, "{structure}{items}  </Metadata>");
            for band in 1..=bands {
                let _ = write!(
                    out,
                    "  <PAMRasterBand band=\"{band}\">\n  {structure}  {}    </Metadata>\n  </PAMRasterBand>\n",
                    item("COMPRESSION", "JPEG"),
                );
            }
        }
        _ if bands > 1 => {
            let _ = writeln!(out, "{structure}{}  </Metadata>", item("INTERLEAVE", "PIXEL"));
        }
        _ => {}
    }
    out + "</PAMDataset>\n"
}

/// Longitude and latitude are written as EPSG:4326, which more programs know than OGC:CRS84.
fn georeference(crs: &Crs) -> Crs {
    if crs.same_as(&Crs::wgs84()) { Crs { definition: "EPSG:4326".into() } } else { crs.clone() }
}

/// As C's `%24.16e`.
fn scientific(value: f64) -> String {
    let text = format!("{value:.16e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{:>24}", format!("{digits}e{sign}{:02}", exponent.abs()))
}

/// Text inside an XML element or attribute.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> GridSpec {
        GridSpec::filling(Crs::wgs84(), [-180.0, -90.0, 180.0, 90.0], 7200, 3600)
    }

    #[test]
    fn a_world_file_has_cells_and_the_first_centre() {
        assert_eq!(world_file(&grid()), "0.05\n0.0\n0.0\n-0.05\n-179.975\n89.975\n");
    }

    #[test]
    fn numbers_are_as_gdal_writes_them() {
        assert_eq!(scientific(-180.0), " -1.8000000000000000e+02");
        assert_eq!(scientific(0.0), "  0.0000000000000000e+00");
        assert_eq!(scientific(-2f64.powi(-400)), "-3.8725919148493183e-121");
    }

    #[test]
    fn colour_images_say_how_their_bands_lie() {
        assert!(!auxiliary(&grid(), Kind::Png, 1).contains("Metadata"));
        let rgba = auxiliary(&grid(), Kind::Png, 4);
        assert!(rgba.contains("<MDI key=\"INTERLEAVE\">PIXEL</MDI>"), "{rgba}");
        let jpeg = auxiliary(&grid(), Kind::Jpeg, 3);
        assert!(jpeg.contains("SOURCE_COLOR_SPACE") && jpeg.contains("<PAMRasterBand band=\"3\">"), "{jpeg}");
    }
}
