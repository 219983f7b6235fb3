//! Zipped shapes: ESRI shapefiles and KMZ.

use std::io::{Cursor, Read};

use harmony_model::geometry::Part;
use zip::ZipArchive;

use super::{esri, geojson, kml, reference};

/// Entries an archive may have: shapefiles have a handful.
const MOST_ENTRIES: usize = 4_096;
/// Bytes an entry may unpack to: a shapefile of five million vertices has 80 MB. Only one and its `.prj` are read.
const LARGEST_ENTRY: u64 = 512 << 20;
const LARGEST_PRJ: u64 = 1 << 20;

pub(super) fn is_zip(bytes: &[u8]) -> bool {
    // The second form is an archive without entries.
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// The parts of the one shape in an archive, in whatever folder it is.
pub(super) fn parts(bytes: &[u8]) -> Result<Vec<Part>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|e| format!("not a valid zip archive: {e}; copy it again"))?;
    if archive.len() > MOST_ENTRIES {
        return Err(format!(
            "the archive has {} entries, the limit is {MOST_ENTRIES}; zip the shape alone",
            archive.len()
        ));
    }
    let names = entry_names(&mut archive)?;
    let (index, name) = the_shape(&names)?;
    let content = unpack(&mut archive, index, &name, LARGEST_ENTRY)?;
    let inside = |e: String| format!("{name} in the archive: {e}");
    match extension(&name).as_str() {
        "shp" => {
            if !esri::is_shp(&content) {
                return Err(inside("it does not begin as a shapefile does".into()));
            }
            let parts = esri::parts(&content).map_err(inside)?;
            let stem = &name[..name.len() - 4];
            let prj = names
                .iter()
                .find(|(_, n)| n.len() == name.len() && n.starts_with(stem) && extension(n) == "prj");
            let text = match prj {
                Some((index, name)) => Some(unpack(&mut archive, *index, name, LARGEST_PRJ)?),
                None => None,
            };
            let text = text.map(|t| String::from_utf8_lossy(&t).into_owned());
            reference::to_lon_lat(parts, text.as_deref()).map_err(inside)
        }
        "kml" => kml::parts(content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&content)).map_err(inside),
        _ => geojson::parts(content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&content)).map_err(inside),
    }
}

fn extension(name: &str) -> String {
    name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default()
}

/// Index and name of every file, without what macOS adds.
fn entry_names(archive: &mut ZipArchive<Cursor<&[u8]>>) -> Result<Vec<(usize, String)>, String> {
    let mut names = Vec::new();
    for index in 0..archive.len() {
        let name = match archive.name_for_index(index) {
            Some(name) => name.map_err(|e| format!("entry {} of the archive: {e}", index + 1))?.into_owned(),
            None => continue,
        };
        let hidden =
            name.starts_with("__MACOSX") || name.rsplit('/').next().is_some_and(|n| n.starts_with('.'));
        if !hidden && !name.ends_with('/') {
            names.push((index, name));
        }
    }
    Ok(names)
}

/// The one entry that is a shape: `.shp`, else `.kml`, else GeoJSON.
fn the_shape(names: &[(usize, String)]) -> Result<(usize, String), String> {
    for kinds in [&["shp"][..], &["kml"], &["geojson", "json"]] {
        let mut found: Vec<_> =
            names.iter().filter(|(_, n)| kinds.contains(&extension(n).as_str())).collect();
        // KMZ: the first KML file at the root is the document, the others are for links.
        if kinds == ["kml"] && found.iter().any(|(_, n)| n == "doc.kml") {
            found.retain(|(_, n)| n == "doc.kml");
        }
        match found[..] {
            [] => {}
            [(index, name)] => return Ok((*index, name.clone())),
            _ => {
                let list: Vec<_> = found.iter().take(5).map(|(_, n)| n.as_str()).collect();
                return Err(format!(
                    "the archive has {} shapes ({}); keep one",
                    found.len(),
                    list.join(", ")
                ));
            }
        }
    }
    Err("there is no .shp, .kml or .geojson in the archive".into())
}

fn unpack(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    index: usize,
    name: &str,
    limit: u64,
) -> Result<Vec<u8>, String> {
    let error = |e: &dyn std::fmt::Display| format!("{name} in the archive can't be unpacked: {e}");
    let entry = archive.by_index(index).map_err(|e| error(&e))?;
    let mut content = Vec::new();
    // The size in the header may lie: reading stops at the limit whatever it says.
    entry.take(limit + 1).read_to_end(&mut content).map_err(|e| error(&e))?;
    if content.len() as u64 > limit {
        return Err(format!(
            "{name} in the archive unpacks to more than {limit} bytes, the limit; simplify the shape"
        ));
    }
    Ok(content)
}
