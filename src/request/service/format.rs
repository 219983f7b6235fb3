//! Formats of results as clients name them: the `format` parameter, the `Accept` header, coordinate reference systems.

use harmony_model::crs::Crs;

use super::refusal::Refusal;
use crate::request::operation::Srs;

/// The media type that a `format` parameter means; `None` for a wildcard, which wishes for nothing in particular.
pub fn media_type(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '"' | '\'')).collect();
    let plain = plain.to_ascii_lowercase();
    let mime = match plain.as_str() {
        "" | "*" | "*/*" => return None,
        "application/netcdf4" | "application/x-netcdf" | "application/x-netcdf4" | "netcdf-4" => {
            "application/netcdf"
        }
        "hdf-eos2" => "application/x-hdf",
        "netcdf-4(opendapurl)" => "application/x-netcdf4;profile=opendap_url",
        "zarr" => "application/x-zarr",
        "gif" => "image/gif",
        "jpeg" => "image/jpeg",
        "png" => "image/png",
        "geotiff" => "image/tiff",
        "csv" => "text/csv",
        other => other,
    };
    Some(mime.into())
}

/// Types of an `Accept` header by falling preference, without parameters.
pub fn accepted(header: &str) -> Vec<String> {
    let mut types: Vec<(f64, String)> = header
        .split(',')
        .filter_map(|part| {
            let mut pieces = part.split(';').map(str::trim);
            let kind = pieces.next().filter(|k| !k.is_empty())?.to_owned();
            let quality = pieces.find_map(|p| p.strip_prefix("q=")?.trim().parse::<f64>().ok());
            Some((quality.filter(|q| q.is_finite()).unwrap_or(1.0), kind))
        })
        .collect();
    types.sort_by(|a, b| b.0.total_cmp(&a.0));
    types.into_iter().map(|(_, kind)| kind).collect()
}

/// The PROJ string of a CRS, and the CRS in three spellings.
///
/// # Errors
/// [`Refusal::Invalid`] for what is no CRS.
pub fn crs(text: &str) -> Result<(String, Srs), Refusal> {
    let unknown =
        || Refusal::parameter("crs/outputCrs", "could not be parsed.  Try an EPSG code or Proj4 string.");
    let mut crs = Crs::parse(text).map_err(|_| unknown())?;
    if crs.authority_code().as_deref() == Some("OGC:CRS84") {
        // Its numbers are in the order in which Harmony has those of EPSG:4326.
        crs = Crs::parse("EPSG:4326").map_err(|_| unknown())?;
    }
    let own = text.trim().starts_with('+').then(|| text.trim().to_owned());
    let proj4 = crs.proj_string().or(own).ok_or_else(unknown)?;
    let proj4: Vec<&str> = proj4.split_whitespace().filter(|t| *t != "+type=crs").collect();
    let proj4 = proj4.join(" ");
    let epsg = crs.authority_code().filter(|c| c.starts_with("EPSG:")).unwrap_or_default();
    let mut wkt = crs.wkt1_gdal().unwrap_or_default();
    if crs.is_geographic() {
        wkt = without_axes(&wkt);
    }
    Ok((proj4.clone(), Srs { proj4, wkt, epsg }))
}

/// A WKT 1 without its `AXIS["…",…]`: the order of geographic axes is longitude, latitude here, whatever it says.
fn without_axes(wkt: &str) -> String {
    let mut out = String::with_capacity(wkt.len());
    let mut rest = wkt;
    while let Some(at) = rest.find(",AXIS[") {
        out.push_str(&rest[..at]);
        match rest[at..].find(']') {
            Some(end) => rest = &rest[at + end + 1..],
            None => return wkt.to_owned(),
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_formats() {
        for (text, mime) in [
            ("IMAGE/PNG", "image/png"),
            ("image/gif ", "image/gif"),
            ("\"image/png\"", "image/png"),
            ("NETCDF-4 (OPeNDAP URL)", "application/x-netcdf4;profile=opendap_url"),
            ("application/x-netcdf4;profile=\"opendap_url\"", "application/x-netcdf4;profile=opendap_url"),
            ("netCDF-4", "application/netcdf"),
            ("no/such", "no/such"),
        ] {
            assert_eq!(media_type(text).as_deref(), Some(mime), "{text}");
        }
        assert_eq!(media_type("*/*"), None);
    }

    #[test]
    fn accept_is_sorted_by_quality() {
        let types = accepted(
            "text/plain;q=1.0, application/netcdf;q=0.5, image/tiff;q=0.8, image/png;level=1;q=0.85",
        );
        assert_eq!(types, ["text/plain", "image/png", "image/tiff", "application/netcdf"]);
        assert_eq!(accepted("a/b;q=x, c/d"), ["a/b", "c/d"]);
        assert!(accepted(" , ").is_empty());
    }

    #[test]
    fn reference_systems() {
        let (proj4, srs) = crs("EPSG:4326").unwrap();
        assert_eq!(proj4, "+proj=longlat +datum=WGS84 +no_defs");
        assert_eq!(srs.epsg, "EPSG:4326");
        assert_eq!(
            srs.wkt,
            "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563,AUTHORITY[\"EPSG\",\
             \"7030\"]],AUTHORITY[\"EPSG\",\"6326\"]],PRIMEM[\"Greenwich\",0,AUTHORITY[\"EPSG\",\"8901\"]],\
             UNIT[\"degree\",0.0174532925199433,AUTHORITY[\"EPSG\",\"9122\"]],AUTHORITY[\"EPSG\",\"4326\"]]"
        );
        for text in
            ["CRS:84", "wgs 84", "urn:ogc:def:crs:EPSG::4326", "http://www.opengis.net/def/crs/EPSG/0/4326"]
        {
            assert_eq!(crs(text).unwrap().1.epsg, "EPSG:4326", "{text}");
        }
        assert!(crs("EPSG:1").unwrap_err().to_string().contains("could not be parsed.  Try"));
    }
}
