//! Media types of files, by their names.

/// Extensions in lower case.
const TYPES: [(&str, &str); 27] = [
    ("nc", "application/x-netcdf4"),
    ("nc4", "application/x-netcdf4"),
    ("netcdf", "application/x-netcdf4"),
    ("nc3", "application/x-netcdf"),
    ("cdf", "application/x-netcdf"),
    ("h5", "application/x-hdf5"),
    ("hdf5", "application/x-hdf5"),
    ("he5", "application/x-hdf5"),
    ("hdf", "application/x-hdf"),
    ("zarr", "application/x-zarr"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("csv", "text/csv"),
    ("txt", "text/plain"),
    ("asc", "text/plain"),
    ("pgw", "text/plain"),
    ("jgw", "text/plain"),
    ("wld", "text/plain"),
    ("json", "application/json"),
    ("geojson", "application/geo+json"),
    ("xml", "text/xml"),
    ("zip", "application/zip"),
    ("kmz", "application/vnd.google-earth.kmz"),
];

/// The media type of a file of that name.
pub fn type_of(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, e)| e).to_ascii_lowercase();
    TYPES.iter().find(|(e, _)| *e == extension).map_or("application/octet-stream", |(_, t)| t)
}
