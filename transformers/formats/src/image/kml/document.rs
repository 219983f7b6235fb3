//! The document: KML 2.3 (OGC 12-007r2).

use std::fmt::Write as _;

use harmony_model::GridSpec;

use super::super::sidecar::escape;

/// One picture on the ground.
pub struct Overlay {
    /// Member of the archive.
    pub image: String,
    /// Its place.
    pub grid: GridSpec,
    /// 0: the finest one of its plane.
    pub level: usize,
}

/// The pictures of one plane of a variable.
pub struct Plane {
    pub name: String,
    /// When it is of: both ends, or the same twice for an instant.
    pub span: Option<(String, String)>,
    pub overlays: Vec<Overlay>,
    /// Levels of detail; 1: shown whatever the scale.
    pub levels: usize,
}

/// Pixels on the screen from which a tile is better than the coarser one beneath it.
const MIN_PIXELS: u64 = 256;

/// The text of `doc.kml`.
pub fn document(title: &str, description: &str, planes: &[Plane]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str("<kml xmlns=\"http://www.opengis.net/kml/2.2\">\n<Document>\n");
    let _ = writeln!(out, "<name>{}</name>", escape(title));
    let _ = writeln!(out, "<description>{}</description>", escape(description));
    for (i, plane) in planes.iter().enumerate() {
        // Planes without a time lie above each other: one is shown at first.
        let hidden = i > 0 && plane.span.is_none();
        let _ = writeln!(out, "<Folder>\n<name>{}</name>", escape(&plane.name));
        if hidden {
            out.push_str("<visibility>0</visibility>\n");
        }
        match &plane.span {
            Some((begin, end)) if begin == end => {
                let _ = writeln!(out, "<TimeStamp><when>{begin}</when></TimeStamp>");
            }
            Some((begin, end)) => {
                let _ = writeln!(out, "<TimeSpan><begin>{begin}</begin><end>{end}</end></TimeSpan>");
            }
            None => {}
        }
        plane.overlays.iter().for_each(|o| overlay(&mut out, o, plane.levels, hidden));
        out.push_str("</Folder>\n");
    }
    out + "</Document>\n</kml>\n"
}

fn overlay(out: &mut String, overlay: &Overlay, levels: usize, hidden: bool) {
    let [west, south, east, north] = overlay.grid.extent();
    // Cells of coarse levels may hang over the edge.
    let (south, north) = (south.max(-90.0), north.min(90.0));
    let sides = format!("<north>{north}</north><south>{south}</south><east>{east}</east><west>{west}</west>");
    out.push_str("<GroundOverlay>\n");
    let _ = writeln!(out, "<name>{}</name>", escape(&overlay.image));
    if hidden {
        out.push_str("<visibility>0</visibility>\n");
    }
    if levels > 1 {
        let coarsest = overlay.level + 1 == levels;
        let pixels = if coarsest { 0 } else { MIN_PIXELS };
        let _ = writeln!(
            out,
            "<Region><LatLonAltBox>{sides}</LatLonAltBox><Lod><minLodPixels>{pixels}</minLodPixels>\
             <maxLodPixels>-1</maxLodPixels></Lod></Region>"
        );
    }
    let _ = writeln!(out, "<drawOrder>{}</drawOrder>", levels - overlay.level);
    let _ = writeln!(out, "<Icon><href>{}</href></Icon>", escape(&overlay.image));
    let _ = writeln!(out, "<LatLonBox>{sides}</LatLonBox>\n</GroundOverlay>");
}
