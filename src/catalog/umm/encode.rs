//! Records in the words of CMR.

use harmony_model::time::DateTime;
use serde_json::{Map, Value, json};

use super::spatial::{box_text, points_text, umm_points, umm_rectangle};
use crate::catalog::embedded::records::{CollectionRecord, GranuleRecord, Kind};
use crate::catalog::{Collection, Granule, GranuleLink, Grid, LinkRel, Variable};

/// A time with milliseconds, as CMR prints it; what is no time stays as it is.
pub fn millis_text(text: &str) -> String {
    let Ok(time) = DateTime::parse(text) else { return text.to_owned() };
    let (year, month, day, micros) = time.fields();
    let ms = micros / 1000;
    let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{:03}Z", ms % 1000)
}

fn put(map: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value.filter(|v| !v.is_null()) {
        map.insert(name.into(), value);
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A collection as an entry of CMR's feed. `tags`: with those keys that the patterns name.
pub fn collection_json(record: &CollectionRecord, tags: Map<String, Value>) -> Value {
    let c = &record.collection;
    let mut entry = object(json!({
        "id": c.id, "short_name": c.short_name, "version_id": c.version, "dataset_id": c.title, "title": c.title,
        "entry_id": format!("{}_{}", c.short_name, c.version), "data_center": c.data_center,
        "original_format": "UMM_JSON", "summary": c.summary, "updated": millis_text(&c.revised),
        "browse_flag": !c.visualizations.is_empty(), "online_access_flag": true, "has_variables": !c.variables.is_empty(),
        "has_formats": true, "has_transforms": true, "has_combine": true, "has_spatial_subsetting": true,
        "has_temporal_subsetting": true, "cloud_hosted": false, "coordinate_system": "CARTESIAN",
        "orbit_parameters": {}, "organizations": [c.data_center], "links": [],
    }));
    put(&mut entry, "archive_center", c.archive_center.as_ref().map(|v| json!(v)));
    put(&mut entry, "processing_level_id", record.processing_level.as_ref().map(|v| json!(v)));
    put(&mut entry, "time_start", c.time_start.as_ref().map(|t| json!(millis_text(t))));
    put(&mut entry, "time_end", c.time_end.as_ref().map(|t| json!(millis_text(t))));
    let boxes: Vec<String> = c.boxes.iter().map(|b| box_text(*b)).collect();
    put(&mut entry, "boxes", (!boxes.is_empty()).then(|| json!(boxes)));
    put(&mut entry, "eula_identifiers", (!c.eula_identifiers.is_empty()).then(|| json!(c.eula_identifiers)));
    put(&mut entry, "associations", associations(c));
    put(&mut entry, "tags", (!tags.is_empty()).then_some(Value::Object(tags)));
    Value::Object(entry)
}

fn associations(c: &Collection) -> Option<Value> {
    let lists =
        [("variables", &c.variables), ("services", &c.services), ("visualizations", &c.visualizations)];
    let mut map = Map::new();
    for (name, list) in lists {
        put(&mut map, name, (!list.is_empty()).then(|| json!(list)));
    }
    (!map.is_empty()).then_some(Value::Object(map))
}

/// An item of a UMM answer: what the catalogue knows of a record, and the record.
pub fn umm_item(kind: Kind, id: &str, revised: &str, associations: Option<Value>, umm: Value) -> Value {
    let provider = id.split_once('-').map_or("", |(_, p)| p);
    let native = umm.get("Name").or_else(|| umm.get("ShortName")).and_then(Value::as_str).unwrap_or(id);
    let mut meta = object(json!({
        "concept-id": id, "concept-type": kind.name(), "provider-id": provider, "native-id": native,
        "revision-id": 1, "revision-date": millis_text(revised), "format": "application/vnd.nasa.cmr.umm+json",
        "deleted": false, "user-id": "harmony",
    }));
    put(&mut meta, "associations", associations.clone());
    let mut item = Map::new();
    item.insert("meta".into(), Value::Object(meta));
    item.insert("umm".into(), umm);
    // Clients look in either place.
    if kind == Kind::Variable {
        put(&mut item, "associations", associations);
    }
    Value::Object(item)
}

/// UMM-C of a collection.
pub fn collection_umm(record: &CollectionRecord) -> Value {
    let c = &record.collection;
    let umm = record.umm.clone().unwrap_or_else(|| {
        let mut umm = object(json!({
            "ShortName": c.short_name, "Version": c.version, "EntryTitle": c.title, "Abstract": c.summary,
            "DataCenters": [{ "Roles": ["ARCHIVER"], "ShortName": c.archive_center.as_ref().unwrap_or(&c.data_center) }],
        }));
        let file = |f: &String| {
            json!({ "FileArchiveInformation": [{ "Format": f, "FormatType": "Native" }],
                    "FileDistributionInformation": [{ "Format": f, "FormatType": "Native" }] })
        };
        put(&mut umm, "ArchiveAndDistributionInformation", c.native_format.as_ref().map(file));
        put(&mut umm, "ProcessingLevel", record.processing_level.as_ref().map(|l| json!({ "Id": l })));
        let rectangles: Vec<Value> = c.boxes.iter().map(|b| umm_rectangle(*b)).collect();
        let extent = json!({ "SpatialCoverageType": "HORIZONTAL", "GranuleSpatialRepresentation": "CARTESIAN",
            "HorizontalSpatialDomain": { "Geometry": { "CoordinateSystem": "CARTESIAN",
                                                       "BoundingRectangles": rectangles } } });
        put(&mut umm, "SpatialExtent", (!c.boxes.is_empty()).then_some(extent));
        let times = range(c.time_start.as_deref(), c.time_end.as_deref());
        put(&mut umm, "TemporalExtents", times.map(|t| json!([{ "RangeDateTimes": [t] }])));
        Value::Object(umm)
    });
    umm_item(Kind::Collection, &c.id, &c.revised, associations(c), umm)
}

fn range(start: Option<&str>, end: Option<&str>) -> Option<Value> {
    let mut map = Map::new();
    put(&mut map, "BeginningDateTime", start.map(|t| json!(millis_text(t))));
    put(&mut map, "EndingDateTime", end.map(|t| json!(millis_text(t))));
    (!map.is_empty()).then_some(Value::Object(map))
}

/// UMM-Var of a variable.
pub fn variable_umm(v: &Variable, umm: Option<&Value>, collections: &[String], revised: &str) -> Value {
    let umm = umm.cloned().unwrap_or_else(|| {
        let mut umm = object(json!({ "Name": v.name, "LongName": v.long_name.as_ref().unwrap_or(&v.name) }));
        put(&mut umm, "Definition", v.long_name.as_ref().map(|t| json!(t)));
        put(&mut umm, "Units", v.units.as_ref().map(|t| json!(t)));
        put(&mut umm, "DataType", v.data_type.as_ref().map(|t| json!(t)));
        put(&mut umm, "VariableType", v.kind.as_ref().map(|t| json!(t)));
        put(&mut umm, "VariableSubType", v.subkind.as_ref().map(|t| json!(t)));
        for (name, list) in [
            ("Dimensions", &v.dimensions),
            ("RelatedURLs", &v.related_urls),
            ("ScienceKeywords", &v.science_keywords),
        ] {
            put(&mut umm, name, (!list.is_empty()).then(|| json!(list)));
        }
        Value::Object(umm)
    });
    let associations = (!collections.is_empty()).then(|| json!({ "collections": collections }));
    umm_item(Kind::Variable, &v.id, revised, associations, umm)
}

/// UMM-Grid of a grid.
pub fn grid_umm(g: &Grid) -> Value {
    let scale = |v: [f64; 2], step: f64| json!({ "Minimum": v[0], "Maximum": v[1], "Resolution": step });
    json!({
        "Name": g.name, "LongName": g.name, "Version": "1.0",
        "GridDefinition": {
            "CoordinateReferenceSystemID": { "Type": if g.crs.to_ascii_uppercase().starts_with("EPSG") { "EPSG" } else { "PROJ" },
                                             "Code": g.crs },
            "DimensionSize": { "Height": g.height, "Width": g.width },
            "DimensionScale": { "X": scale(g.x, g.resolution[0]), "Y": scale(g.y, g.resolution[1]) },
        },
    })
}

fn rel(link: &GranuleLink) -> &'static str {
    match link.rel {
        LinkRel::Data => "http://esipfed.org/ns/fedsearch/1.1/data#",
        LinkRel::Service => "http://esipfed.org/ns/fedsearch/1.1/service#",
        LinkRel::Browse => "http://esipfed.org/ns/fedsearch/1.1/browse#",
        LinkRel::Metadata => "http://esipfed.org/ns/fedsearch/1.1/metadata#",
        LinkRel::S3 => "http://esipfed.org/ns/fedsearch/1.1/s3#",
    }
}

/// A link as the world sees it: `root` before what belongs to this server.
fn absolute(href: &str, root: &str) -> String {
    if href.starts_with('/') { format!("{root}{href}") } else { href.to_owned() }
}

/// A granule as an entry of CMR's feed.
pub fn granule_json(record: &GranuleRecord, collection: &Collection, root: &str) -> Value {
    let g = &record.granule;
    let mut entry = object(json!({
        "id": g.id, "title": g.name, "producer_granule_id": g.producer_id.as_ref().unwrap_or(&g.name),
        "updated": millis_text(&g.revised), "dataset_id": collection.title, "data_center": collection.data_center,
        "collection_concept_id": g.collection, "original_format": "UMM_JSON", "coordinate_system": system(g),
        "day_night_flag": "UNSPECIFIED", "online_access_flag": !g.links.is_empty(),
        "browse_flag": g.links.iter().any(|l| l.rel == LinkRel::Browse),
    }));
    put(&mut entry, "time_start", g.start.as_ref().map(|t| json!(millis_text(t))));
    put(&mut entry, "time_end", g.end.as_ref().map(|t| json!(millis_text(t))));
    // Megabytes as text.
    put(&mut entry, "granule_size", g.size_bytes.map(|b| json!(format!("{}", b as f64 / 1_048_576.0))));
    if !g.polygons.is_empty() {
        let rings: Vec<Vec<String>> = g.polygons.iter().map(|p| vec![points_text(p, true)]).collect();
        entry.insert("polygons".into(), json!(rings));
    }
    if !g.lines.is_empty() {
        let lines: Vec<String> = g.lines.iter().map(|p| points_text(p, false)).collect();
        entry.insert("lines".into(), json!(lines));
    }
    if g.polygons.is_empty() && g.lines.is_empty() {
        put(&mut entry, "boxes", g.bbox.map(|b| json!([box_text(b)])));
    }
    let link = |l: &GranuleLink| {
        let mut link = object(json!({ "rel": rel(l), "hreflang": "en-US", "href": absolute(&l.href, root) }));
        put(&mut link, "type", l.media_type.as_ref().map(|t| json!(t)));
        put(&mut link, "title", l.title.as_ref().map(|t| json!(t)));
        Value::Object(link)
    };
    entry.insert("links".into(), Value::Array(g.links.iter().map(link).collect()));
    Value::Object(entry)
}

fn system(g: &Granule) -> &'static str {
    if g.polygons.is_empty() && g.lines.is_empty() { "CARTESIAN" } else { "GEODETIC" }
}

/// UMM-G of a granule.
pub fn granule_umm(record: &GranuleRecord, collection: &Collection, root: &str) -> Value {
    let g = &record.granule;
    let umm = record.umm.clone().unwrap_or_else(|| Value::Object(umm_of(record, collection, root)));
    let mut meta = object(json!({
        "concept-id": g.id, "concept-type": "granule", "provider-id": collection.provider, "native-id": g.name,
        "collection-concept-id": g.collection, "revision-id": 1, "revision-date": millis_text(&g.revised),
        "format": "application/vnd.nasa.cmr.umm+json",
    }));
    meta.insert("deleted".into(), json!(false));
    json!({ "meta": meta, "umm": umm })
}

fn umm_of(record: &GranuleRecord, collection: &Collection, root: &str) -> Map<String, Value> {
    let g = &record.granule;
    let mut umm = object(json!({
        "GranuleUR": g.name,
        "CollectionReference": { "ShortName": collection.short_name, "Version": collection.version },
    }));
    let times = match (&g.start, &g.end) {
        (Some(s), Some(e)) if s == e => Some(json!({ "SingleDateTime": millis_text(s) })),
        (s, e) => range(s.as_deref(), e.as_deref()).map(|r| json!({ "RangeDateTime": r })),
    };
    put(&mut umm, "TemporalExtent", times);
    let mut geometry = Map::new();
    let polygons = g.polygons.iter().map(|p| json!({ "Boundary": { "Points": umm_points(p, true) } }));
    put(&mut geometry, "GPolygons", (!g.polygons.is_empty()).then(|| polygons.collect()));
    let lines = g.lines.iter().map(|p| json!({ "Points": umm_points(p, false) }));
    put(&mut geometry, "Lines", (!g.lines.is_empty()).then(|| lines.collect()));
    if geometry.is_empty() {
        put(&mut geometry, "BoundingRectangles", g.bbox.map(|b| json!([umm_rectangle(b)])));
    }
    let extent = json!({ "HorizontalSpatialDomain": { "Geometry": geometry } });
    put(&mut umm, "SpatialExtent", (!geometry.is_empty()).then_some(extent));
    let size = |b: u64| {
        json!([{ "Name": g.name, "SizeInBytes": b, "Size": b as f64 / 1_048_576.0, "SizeUnit": "MB",
                 "Format": record.format.as_deref().unwrap_or("Not provided") }])
    };
    let mut data =
        object(json!({ "DayNightFlag": "Unspecified", "ProductionDateTime": millis_text(&g.revised) }));
    put(&mut data, "ArchiveAndDistributionInformation", g.size_bytes.map(size));
    if let Some(id) = &g.producer_id {
        data.insert(
            "Identifiers".into(),
            json!([{ "Identifier": id, "IdentifierType": "ProducerGranuleId" }]),
        );
    }
    umm.insert("DataGranule".into(), Value::Object(data));
    let url = |l: &GranuleLink| {
        let (kind, subtype) = match l.rel {
            LinkRel::Data => ("GET DATA", None),
            LinkRel::S3 => ("GET DATA VIA DIRECT ACCESS", None),
            LinkRel::Service => ("USE SERVICE API", None),
            LinkRel::Browse => ("GET RELATED VISUALIZATION", Some("BROWSE IMAGE SOURCE")),
            LinkRel::Metadata => ("EXTENDED METADATA", None),
        };
        let mut url = object(json!({ "URL": absolute(&l.href, root), "Type": kind }));
        put(&mut url, "Subtype", subtype.map(|s| json!(s)));
        put(&mut url, "Description", l.title.as_ref().map(|t| json!(t)));
        put(&mut url, "MimeType", l.media_type.as_ref().map(|t| json!(t)));
        Value::Object(url)
    };
    put(&mut umm, "RelatedUrls", (!g.links.is_empty()).then(|| g.links.iter().map(url).collect()));
    umm
}
