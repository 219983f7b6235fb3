//! Ways to granules that this server may show.

use crate::catalog::{Granule, GranuleLink, LinkRel};
use crate::store::Location;

/// The way to a granule that was added by its location: a path of this server, which tells nothing of where the file
/// is, or the address without its query and credentials.
pub fn own_link(granule: &Granule) -> Option<GranuleLink> {
    let location = Location::parse(&granule.location).ok()?;
    let href = match &location {
        Location::Local(_) => format!("/granules/{}/{}", granule.id, encode_name(&granule.name)),
        Location::Http(_) | Location::S3 { .. } => location.to_string(),
    };
    let media_type = media_type(&granule.name).map(Into::into);
    Some(GranuleLink {
        href,
        rel: LinkRel::Data,
        title: Some(format!("Download {}", granule.name)),
        media_type,
    })
}

/// A file name as one part of a path: everything but unreserved characters (RFC 3986 §2.3) is percent-encoded.
pub fn encode_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for b in name.bytes() {
        match b {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

fn media_type(name: &str) -> Option<&'static str> {
    let extension = name.rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match extension.as_str() {
        "nc" | "nc4" | "nc3" | "ncf" | "cdf" => "application/x-netcdf4",
        "h5" | "hdf5" | "he5" => "application/x-hdf5",
        "hdf" | "hdf4" | "h4" => "application/x-hdf",
        "tif" | "tiff" => "image/tiff",
        "grb" | "grib" | "grb2" | "grib2" | "gb2" => "application/wmo-grib",
        "zarr" => "application/x-zarr",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_secrets_are_not_shown() {
        let link = |location: &str, name: &str| {
            let (location, name) = (location.into(), name.into());
            own_link(&Granule { id: "G1-X".into(), location, name, ..Granule::default() }).map(|l| l.href)
        };
        assert_eq!(link("/secret/a b+ü.nc", "a b+ü.nc").as_deref(), Some("/granules/G1-X/a%20b%2B%C3%BC.nc"));
        assert_eq!(link("https://u:p@h/x.nc?sig=1", "x.nc").as_deref(), Some("https://h/x.nc"));
        assert_eq!(link("s3://b/x.nc", "x.nc").as_deref(), Some("s3://b/x.nc"));
        assert_eq!(link("", "x.nc"), None);
    }
}
