//! KML 2.2 and its older relatives, in any namespace.

use harmony_model::geometry::Part;
use roxmltree::{Document, Node, ParsingOptions};

/// XML nodes that are read at most; positions are text, not nodes.
const MOST_NODES: u32 = 4_000_000;

/// The parts of all polygons, lines and points, wherever they are in the document.
pub(super) fn parts(text: &[u8]) -> Result<Vec<Part>, String> {
    let text = std::str::from_utf8(text).map_err(|e| {
        format!("not valid KML: it is not UTF-8 at byte {}; save it with that encoding", e.valid_up_to())
    })?;
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|e| format!("not valid KML: {e}"))?;
    if !document.descendants().any(|n| n.tag_name().name().eq_ignore_ascii_case("kml"))
        && !has_geometry(&document)
    {
        return Err(format!(
            "it is XML, not KML: its root element is <{}>",
            document.root_element().tag_name().name()
        ));
    }
    let mut out = Vec::new();
    for node in document.descendants().filter(Node::is_element) {
        let place = |e: String| format!("line {}: {e}", document.text_pos_at(node.range().start).row);
        match node.tag_name().name() {
            "Polygon" => out.extend(polygon(node).map_err(place)?),
            "LineString" => out.extend(coordinates(node).map_err(place)?.map(Part::Line)),
            "LinearRing" if !is_boundary(node) => {
                out.extend(coordinates(node).map_err(place)?.map(Part::Line))
            }
            "Point" => {
                let points = coordinates(node).map_err(place)?.unwrap_or_default();
                out.extend(points.into_iter().map(Part::Point));
            }
            _ => {}
        }
    }
    Ok(out)
}

fn has_geometry(document: &Document) -> bool {
    document.descendants().any(|n| matches!(n.tag_name().name(), "Polygon" | "LineString" | "Point"))
}

fn is_boundary(ring: Node) -> bool {
    ring.parent().is_some_and(|p| matches!(p.tag_name().name(), "outerBoundaryIs" | "innerBoundaryIs"))
}

fn polygon(node: Node) -> Result<Option<Part>, String> {
    let rings_of = |boundary: &str| {
        node.children()
            .filter(|c| c.tag_name().name() == boundary)
            .flat_map(|b| b.children().filter(|r| r.tag_name().name() == "LinearRing"))
            .filter_map(|ring| coordinates(ring).transpose())
            .collect::<Result<Vec<_>, String>>()
    };
    let (mut rings, holes) = (rings_of("outerBoundaryIs")?, rings_of("innerBoundaryIs")?);
    match rings.len() {
        0 if holes.is_empty() => Ok(None),
        1 => {
            rings.extend(holes);
            Ok(Some(Part::Polygon(rings)))
        }
        n => Err(format!("a Polygon with {n} outer boundaries; it has exactly one")),
    }
}

/// The tuples `lon,lat[,height]` of the element's `coordinates`; `None` when there are none.
fn coordinates(node: Node) -> Result<Option<Vec<[f64; 2]>>, String> {
    let Some(element) = node.children().find(|c| c.tag_name().name() == "coordinates") else {
        return Ok(None);
    };
    // Comments split a text into several nodes.
    let text: String = element.children().filter_map(|c| c.is_text().then(|| c.text()).flatten()).collect();
    let positions = text.split_whitespace().map(tuple).collect::<Result<Vec<_>, _>>()?;
    Ok((!positions.is_empty()).then_some(positions))
}

fn tuple(text: &str) -> Result<[f64; 2], String> {
    let wrong = || {
        let shown: String = text.chars().take(40).collect();
        format!(
            "'{shown}' is not a position; write lon,lat or lon,lat,height without blanks, for example -77.1,38.9"
        )
    };
    let mut numbers = text.split(',').map(|t| t.parse::<f64>().ok());
    match (numbers.next().flatten(), numbers.next().flatten(), numbers.next(), numbers.next()) {
        (Some(lon), Some(lat), _, None) => Ok([lon, lat]),
        _ => Err(wrong()),
    }
}
