//! Records from the words of CMR. What is missing or not understood is left out: another server's catalogue is never
//! all as it should be.

use serde_json::Value;

use super::spatial::{read_box, read_points, read_umm_points, read_umm_rectangle};
use crate::catalog::embedded::records::CollectionRecord;
use crate::catalog::geo::{Outline, smallest_box};
use crate::catalog::{Collection, Granule, GranuleLink, Grid, LinkRel, Variable};

/// Text at a JSON pointer.
pub fn text_at(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

fn texts(value: &Value, pointer: &str) -> Vec<String> {
    let list = value.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn values(value: &Value, pointer: &str) -> Vec<Value> {
    value.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Rings or lines.
type Lists = Vec<Vec<[f64; 2]>>;

/// All points of boxes, polygons, lines and points of a feed's entry, as outlines.
fn places(entry: &Value) -> (Vec<[f64; 4]>, Lists, Lists) {
    let boxes = texts(entry, "/boxes").iter().filter_map(|t| read_box(t)).collect();
    // Outer rings only: holes don't make a granule be elsewhere.
    let rings =
        values(entry, "/polygons").into_iter().filter_map(|p| read_points(p.get(0)?.as_str()?)).collect();
    let lines = texts(entry, "/lines").into_iter().chain(texts(entry, "/points"));
    (boxes, rings, lines.filter_map(|t| read_points(&t)).collect())
}

fn around(boxes: &[[f64; 4]], rings: &[Vec<[f64; 2]>], lines: &[Vec<[f64; 2]>]) -> Option<[f64; 4]> {
    let outlines: Vec<Outline> = boxes
        .iter()
        .filter_map(|b| Outline::of_box(*b))
        .chain(rings.iter().filter_map(|r| Outline::ring(r)))
        .chain(lines.iter().filter_map(|l| Outline::line(l)))
        .collect();
    smallest_box(&outlines)
}

/// A collection of CMR's feed.
pub fn collection_of_json(entry: &Value) -> CollectionRecord {
    let text = |name: &str| text_at(entry, &format!("/{name}"));
    let (boxes, rings, lines) = places(entry);
    let id = text("id").unwrap_or_default();
    let boxes = if boxes.is_empty() { around(&[], &rings, &lines).into_iter().collect() } else { boxes };
    let tag = entry.pointer("/tags/harmony.has-eula/data").and_then(Value::as_bool);
    let collection = Collection {
        provider: id.split_once('-').map_or_else(String::new, |(_, p)| p.to_owned()),
        short_name: text("short_name").unwrap_or_default(),
        version: text("version_id").unwrap_or_default(),
        title: text("title").or_else(|| text("dataset_id")).unwrap_or_default(),
        summary: text("summary").unwrap_or_default(),
        data_center: text("data_center").unwrap_or_default(),
        archive_center: text("archive_center"),
        boxes,
        time_start: text("time_start"),
        time_end: text("time_end"),
        variables: texts(entry, "/associations/variables"),
        services: texts(entry, "/associations/services"),
        visualizations: texts(entry, "/associations/visualizations"),
        eula_identifiers: texts(entry, "/eula_identifiers"),
        has_eula: tag,
        revised: text("updated").unwrap_or_default(),
        id,
        ..Collection::default()
    };
    let tags = entry.get("tags").and_then(Value::as_object).into_iter().flatten();
    let tags = tags.filter_map(|(key, v)| Some((key.clone(), v.get("data")?.clone()))).collect();
    CollectionRecord { collection, tags, processing_level: text("processing_level_id"), ..Default::default() }
}

/// A collection of a UMM answer.
pub fn collection_of_umm(item: &Value) -> CollectionRecord {
    let text = |pointer: &str| text_at(item, pointer);
    let files = values(item, "/umm/ArchiveAndDistributionInformation/FileArchiveInformation");
    let native =
        files.iter().find(|f| text_at(f, "/FormatType").as_deref() == Some("Native")).or(files.first());
    let rectangles = values(item, "/umm/SpatialExtent/HorizontalSpatialDomain/Geometry/BoundingRectangles");
    let range = "/umm/TemporalExtents/0/RangeDateTimes/0";
    let collection = Collection {
        id: text("/meta/concept-id").unwrap_or_default(),
        provider: text("/meta/provider-id").unwrap_or_default(),
        short_name: text("/umm/ShortName").unwrap_or_default(),
        version: text("/umm/Version").unwrap_or_default(),
        title: text("/umm/EntryTitle").unwrap_or_default(),
        summary: text("/umm/Abstract").unwrap_or_default(),
        data_center: text("/meta/provider-id").unwrap_or_default(),
        archive_center: text("/umm/DataCenters/0/ShortName"),
        boxes: rectangles.iter().filter_map(read_umm_rectangle).collect(),
        time_start: text(&format!("{range}/BeginningDateTime")),
        time_end: text(&format!("{range}/EndingDateTime")),
        variables: texts(item, "/meta/associations/variables"),
        services: texts(item, "/meta/associations/services"),
        visualizations: texts(item, "/meta/associations/visualizations"),
        native_format: native.and_then(|f| text_at(f, "/Format")),
        revised: text("/meta/revision-date").unwrap_or_default(),
        ..Collection::default()
    };
    CollectionRecord { collection, processing_level: text("/umm/ProcessingLevel/Id"), ..Default::default() }
}

/// A variable of a UMM answer.
pub fn variable_of_umm(item: &Value) -> Variable {
    let text = |name: &str| text_at(item, &format!("/umm/{name}"));
    Variable {
        id: text_at(item, "/meta/concept-id").unwrap_or_default(),
        name: text("Name").unwrap_or_default().trim_start_matches('/').to_owned(),
        long_name: text("LongName"),
        units: text("Units"),
        kind: text("VariableType"),
        subkind: text("VariableSubType"),
        related_urls: values(item, "/umm/RelatedURLs"),
        science_keywords: values(item, "/umm/ScienceKeywords"),
        data_type: text("DataType"),
        dimensions: values(item, "/umm/Dimensions"),
    }
}

/// A grid by its UMM record; `None` when its numbers are missing.
pub fn grid_of_umm(umm: &Value) -> Option<Grid> {
    let definition = umm.get("GridDefinition")?;
    let number = |pointer: String| definition.pointer(&pointer).and_then(Value::as_f64);
    let axis = |a: &str, part: &str| number(format!("/DimensionScale/{a}/{part}"));
    let code = definition.pointer("/CoordinateReferenceSystemID/Code")?;
    let whole = |part: &str| definition.pointer(&format!("/DimensionSize/{part}")).and_then(Value::as_u64);
    Some(Grid {
        name: text_at(umm, "/Name")?,
        crs: code.as_str().map_or_else(|| code.to_string(), str::to_owned),
        x: [axis("X", "Minimum")?, axis("X", "Maximum")?],
        y: [axis("Y", "Minimum")?, axis("Y", "Maximum")?],
        resolution: [axis("X", "Resolution")?, axis("Y", "Resolution")?],
        width: whole("Width")?,
        height: whole("Height")?,
    })
}

/// A granule of CMR's feed.
pub fn granule_of_json(entry: &Value) -> Granule {
    let text = |name: &str| text_at(entry, &format!("/{name}"));
    let (boxes, polygons, lines) = places(entry);
    let number = |v: &Value| v.as_f64().or_else(|| v.as_str()?.trim().parse().ok());
    let size = entry.get("granule_size").and_then(number).filter(|v| *v >= 0.0);
    let links: Vec<GranuleLink> = values(entry, "/links").iter().filter_map(link_of_json).collect();
    Granule {
        id: text("id").unwrap_or_default(),
        collection: text("collection_concept_id").unwrap_or_default(),
        name: text("title").unwrap_or_default(),
        bbox: around(&boxes, &polygons, &lines),
        polygons: if boxes.is_empty() { polygons } else { Vec::new() },
        lines: if boxes.is_empty() { lines } else { Vec::new() },
        start: text("time_start"),
        end: text("time_end"),
        size_bytes: size.map(|mb| (mb * 1_048_576.0).round() as u64),
        location: location(&links),
        links,
        producer_id: text("producer_granule_id"),
        revised: text("updated").unwrap_or_default(),
    }
}

fn link_of_json(link: &Value) -> Option<GranuleLink> {
    if link.get("inherited").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let name = text_at(link, "/rel")?;
    let all = [
        ("/data#", LinkRel::Data),
        ("/service#", LinkRel::Service),
        ("/browse#", LinkRel::Browse),
        ("/metadata#", LinkRel::Metadata),
        ("/s3#", LinkRel::S3),
    ];
    let rel = all.into_iter().find(|(end, _)| name.ends_with(end))?.1;
    Some(GranuleLink {
        href: text_at(link, "/href")?,
        rel,
        title: text_at(link, "/title"),
        media_type: text_at(link, "/type"),
    })
}

/// The address that the engine opens: the first way to the data over HTTP, else into a bucket.
fn location(links: &[GranuleLink]) -> String {
    let http = links.iter().find(|l| l.rel == LinkRel::Data && l.href.starts_with("http"));
    let any = http.or_else(|| links.iter().find(|l| l.href.starts_with("s3://")));
    any.map(|l| l.href.clone()).unwrap_or_default()
}

/// A granule of a UMM answer.
pub fn granule_of_umm(item: &Value) -> Granule {
    let text = |pointer: &str| text_at(item, pointer);
    let geometry = "/umm/SpatialExtent/HorizontalSpatialDomain/Geometry";
    let at = |name: &str| values(item, &format!("{geometry}/{name}"));
    let boxes: Vec<[f64; 4]> = at("BoundingRectangles").iter().filter_map(read_umm_rectangle).collect();
    let ring = |p: &Value| p.pointer("/Boundary/Points").map(read_umm_points);
    let polygons: Vec<Vec<[f64; 2]>> = at("GPolygons").iter().filter_map(ring).collect();
    let mut lines: Vec<Vec<[f64; 2]>> =
        at("Lines").iter().filter_map(|l| l.get("Points")).map(read_umm_points).collect();
    lines.extend(read_umm_points(&Value::Array(at("Points"))).into_iter().map(|p| vec![p]));
    let single = text("/umm/TemporalExtent/SingleDateTime");
    let range = |end: &str| text(&format!("/umm/TemporalExtent/RangeDateTime/{end}DateTime"));
    let links: Vec<GranuleLink> = values(item, "/umm/RelatedUrls").iter().filter_map(link_of_umm).collect();
    let identifiers = values(item, "/umm/DataGranule/Identifiers");
    let producer =
        identifiers.iter().find(|i| text_at(i, "/IdentifierType").as_deref() == Some("ProducerGranuleId"));
    Granule {
        id: text("/meta/concept-id").unwrap_or_default(),
        collection: text("/meta/collection-concept-id").unwrap_or_default(),
        name: text("/umm/GranuleUR").unwrap_or_default(),
        bbox: around(&boxes, &polygons, &lines),
        polygons: if boxes.is_empty() { polygons } else { Vec::new() },
        lines: if boxes.is_empty() { lines } else { Vec::new() },
        start: single.clone().or_else(|| range("Beginning")),
        end: single.or_else(|| range("Ending")),
        size_bytes: size(item),
        location: location(&links),
        links,
        producer_id: producer.and_then(|i| text_at(i, "/Identifier")),
        revised: text("/meta/revision-date").unwrap_or_default(),
    }
}

fn link_of_umm(url: &Value) -> Option<GranuleLink> {
    let href = text_at(url, "/URL")?;
    let (kind, subtype) = (text_at(url, "/Type")?, text_at(url, "/Subtype").unwrap_or_default());
    let title = text_at(url, "/Description");
    let names_opendap = |t: &str| t.to_ascii_lowercase().contains("opendap");
    let opendap = names_opendap(&href) || title.as_deref().is_some_and(names_opendap);
    let rel = match kind.as_str() {
        "GET DATA" | "USE SERVICE API" if opendap => LinkRel::Service,
        "GET DATA" => LinkRel::Data,
        "GET DATA VIA DIRECT ACCESS" => LinkRel::S3,
        "USE SERVICE API" => LinkRel::Service,
        _ if subtype == "BROWSE IMAGE SOURCE" => LinkRel::Browse,
        "GET RELATED VISUALIZATION" => LinkRel::Browse,
        "EXTENDED METADATA" => LinkRel::Metadata,
        _ => return None,
    };
    Some(GranuleLink { href, rel, title, media_type: text_at(url, "/MimeType") })
}

/// Bytes of all files: exact ones where they are said, else by unit, of 1024 each.
fn size(item: &Value) -> Option<u64> {
    let files = values(item, "/umm/DataGranule/ArchiveAndDistributionInformation");
    let one = |f: &Value| {
        if let Some(bytes) = f.get("SizeInBytes").and_then(Value::as_u64) {
            return Some(bytes as f64);
        }
        let power = match text_at(f, "/SizeUnit")?.as_str() {
            "KB" => 1,
            "MB" | "NA" => 2,
            "GB" => 3,
            "TB" => 4,
            "PB" => 5,
            _ => return None,
        };
        f.get("Size").and_then(Value::as_f64).map(|v| v * 1024f64.powi(power))
    };
    let sizes: Vec<f64> = files.iter().filter_map(one).filter(|v| *v >= 0.0).collect();
    (!sizes.is_empty()).then(|| sizes.iter().sum::<f64>() as u64)
}
