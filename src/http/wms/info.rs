//! GetFeatureInfo and GetLegendGraphic.

use serde_json::{Map, Value, json};

use super::{Exception, Query, Version, xml};
use crate::http::layers;
use crate::http::map_service::Answer;
use crate::maps::{ImageFormat, Layer, PixelAnswer, StyleSpec};

/// Formats of GetFeatureInfo, the preferred one first.
pub const INFO_FORMATS: [&str; 3] = ["application/json", "text/html", "text/plain"];
/// Granules that one layer tells of at most.
const MOST_FEATURES: usize = 100;

/// What one layer says.
struct Told {
    layer: String,
    answers: Vec<PixelAnswer>,
}

impl Query {
    pub(super) async fn feature_info(&self) -> Result<Answer, Exception> {
        let p = &self.parameters;
        let (column, row) = if self.version == Version::V111 { ("x", "y") } else { ("i", "j") };
        self.check_map()?;
        p.require(&["query_layers", "info_format", column, row])?;
        let format = self.info_format()?;
        let query = self.map_query("query_layers")?;
        let shown = self.parameters.list("layers");
        if let Some(other) = query.layers.iter().find(|l| !shown.contains(&l.name)) {
            let message = format!("QUERY_LAYERS: '{}' is not one of LAYERS", other.name);
            return Err(Exception::coded("LayerNotDefined", message));
        }
        let (x, y) = (self.pixel(column, query.view.width)?, self.pixel(row, query.view.height)?);
        let count =
            p.filled("feature_count").and_then(|t| t.parse().ok()).unwrap_or(1).clamp(1, MOST_FEATURES);
        let drawn = self.layers_of(&query).await?;
        let names: Vec<String> = query.layers.iter().map(|l| l.name.clone()).collect();
        let view = query.view.clone();
        let (told, position) = self
            .app
            .maps
            .run(move |maps| -> Result<_, Exception> {
                let mut told = Vec::new();
                for (layer, name) in drawn.iter().zip(names) {
                    let answers = maps.values_at(layer, &view, x, y, count)?;
                    told.push(Told { layer: name, answers });
                }
                Ok((told, maps.pixel_position(&view, x, y)?))
            })
            .await?;
        let body = match format {
            "application/json" => as_json(&told, position).to_string(),
            "text/html" => as_html(&told, position),
            _ => as_text(&told, position),
        };
        let media_type =
            if format == "application/json" { format.into() } else { format!("{format}; charset=utf-8") };
        Ok(Answer::new(body.into_bytes(), &media_type))
    }

    fn info_format(&self) -> Result<&'static str, Exception> {
        let asked = self.parameters.get("info_format").unwrap_or_default();
        let plain = asked.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let known = match plain.as_str() {
            "application/geo+json" | "json" => Some(INFO_FORMATS[0]),
            "html" => Some(INFO_FORMATS[1]),
            "text" => Some(INFO_FORMATS[2]),
            other => INFO_FORMATS.into_iter().find(|f| *f == other),
        };
        known.ok_or_else(|| {
            let asked: String = asked.chars().take(80).collect();
            let message = format!("INFO_FORMAT '{asked}' is not one of {}", INFO_FORMATS.join(", "));
            Exception::coded("InvalidFormat", message)
        })
    }

    /// A pixel's number along one side.
    fn pixel(&self, name: &str, side: u32) -> Result<u32, Exception> {
        let text = self.parameters.get(name).unwrap_or_default();
        text.trim().parse().ok().filter(|n| *n < side).ok_or_else(|| {
            let text: String = text.chars().take(40).collect();
            let name = name.to_ascii_uppercase();
            Exception::coded("InvalidPoint", format!("{name} '{text}' is not a pixel from 0 to {}", side - 1))
        })
    }

    pub(super) async fn legend(&self) -> Result<Answer, Exception> {
        let p = &self.parameters;
        p.check_names()?;
        let name = p.filled("layer").or_else(|| p.filled("layers"));
        let Some(name) = name else {
            return Err(Exception::reference("Query parameter \"LAYER\" is required"));
        };
        let Some(named) = layers::named(&self.collections, name) else {
            let name: String = name.chars().take(200).collect();
            return Err(Exception::coded("LayerNotDefined", format!("Invalid layer: {name}")));
        };
        let format = p.filled("format").unwrap_or("image/png");
        let Some(format) = ImageFormat::parse(format) else {
            let format: String = format.chars().take(80).collect();
            return Err(Exception::coded(
                "InvalidFormat",
                format!("FORMAT '{format}' is not that of a picture"),
            ));
        };
        let mut style =
            StyleSpec::parse(p.filled("style").or_else(|| p.filled("styles")).unwrap_or_default())?;
        if let Some(text) =
            p.filled("rescale").or_else(|| p.filled("colorscalerange")).filter(|t| *t != "auto")
        {
            style.range = style.range.or(Some(super::map::range(text)?));
        }
        let collection = named.collected.collection.id.clone();
        let references = self.app.map_references(&collection).await?;
        let layer = Layer {
            collection,
            what: named.what,
            style,
            reference: references.list.iter().map(|g| g.location.clone()).collect(),
            ..Layer::default()
        };
        let bytes = self
            .app
            .maps
            .run(move |maps| -> Result<_, Exception> { Ok(maps.legend(&layer)?.encode(format, None)?) })
            .await?;
        Ok(Answer::new(bytes, format.media_type()))
    }
}

fn as_json(told: &[Told], [lon, lat]: [f64; 2]) -> Value {
    let number = |v: f64| if v.is_finite() { json!(v) } else { Value::Null };
    let feature = |t: &Told, a: &PixelAnswer| {
        let mut properties = Map::new();
        properties.insert("layer".into(), json!(t.layer));
        properties.insert("granule".into(), json!(a.granule));
        properties.insert("variable".into(), json!(a.variable));
        properties.insert("title".into(), json!(a.title));
        properties.insert("value".into(), a.value.map_or(Value::Null, number));
        properties.insert("units".into(), json!(a.units));
        if let Some(meaning) = &a.meaning {
            properties.insert("meaning".into(), json!(meaning));
        }
        for (axis, value) in &a.axes {
            properties.entry(axis.clone()).or_insert_with(|| json!(value));
        }
        json!({
            "type": "Feature",
            "geometry": { "type": "Point", "coordinates": [number(lon), number(lat)] },
            "properties": properties,
        })
    };
    let features: Vec<Value> =
        told.iter().flat_map(|t| t.answers.iter().map(move |a| feature(t, a))).collect();
    json!({ "type": "FeatureCollection", "features": features })
}

/// Rows of words and values.
fn rows(t: &Told, a: &PixelAnswer) -> Vec<(String, String)> {
    let value = a.value.map_or_else(|| "no value".to_owned(), |v| v.to_string());
    let value = match (&a.meaning, a.units.is_empty()) {
        (Some(meaning), _) => format!("{value} ({meaning})"),
        (None, false) if a.value.is_some() => format!("{value} {}", a.units),
        _ => value,
    };
    let mut out = vec![
        ("layer".to_owned(), t.layer.clone()),
        ("variable".to_owned(), format!("{} - {}", a.variable, a.title)),
        ("value".to_owned(), value),
        ("granule".to_owned(), a.granule.clone()),
    ];
    out.extend(a.axes.iter().cloned());
    out
}

fn as_html(told: &[Told], [lon, lat]: [f64; 2]) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Values</title></head><body>\n\
         <p>{lat:.5}, {lon:.5}</p>\n"
    );
    for t in told {
        for a in &t.answers {
            out.push_str("<table>\n");
            for (word, value) in rows(t, a) {
                out.push_str(&format!("<tr><th>{}</th><td>{}</td></tr>\n", xml(&word), xml(&value)));
            }
            out.push_str("</table>\n");
        }
    }
    out.push_str("</body></html>\n");
    out
}

fn as_text(told: &[Told], [lon, lat]: [f64; 2]) -> String {
    let mut out = format!("latitude = {lat:.5}\nlongitude = {lon:.5}\n");
    let line = |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    for t in told {
        for a in &t.answers {
            out.push('\n');
            for (word, value) in rows(t, a) {
                out.push_str(&format!("{} = {}\n", line(&word), line(&value)));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> PixelAnswer {
        let word = || "w".to_owned();
        PixelAnswer {
            granule: word(),
            variable: word(),
            title: word(),
            units: word(),
            value: None,
            meaning: Some(word()),
            axes: vec![(word(), word()), (word(), word())],
        }
    }

    #[test]
    fn words_of_files_stay_words_in_every_format() {
        let evil = "</td><script>alert(\"'&\u{0}\u{1b}\n]]>";
        let answer = PixelAnswer {
            granule: evil.into(),
            variable: evil.into(),
            title: evil.into(),
            units: evil.into(),
            value: Some(1.5),
            meaning: Some(evil.into()),
            axes: vec![(evil.into(), evil.into()), ("value".into(), "2".into())],
        };
        let told = [Told { layer: evil.into(), answers: vec![answer] }];
        let html = as_html(&told, [1.0, 2.0]);
        let harmless = Told { layer: "l".into(), answers: vec![PixelAnswer { value: Some(1.5), ..plain() }] };
        // Not one tag more than with words that mean nothing.
        assert_eq!(
            html.matches('<').count(),
            as_html(&[harmless], [1.0, 2.0]).matches('<').count(),
            "{html}"
        );
        let json: Value = serde_json::from_str(&as_json(&told, [1.0, 2.0]).to_string()).unwrap();
        let properties = &json["features"][0]["properties"];
        // An axis does not take the place of what is told of the value.
        assert_eq!((&properties["units"], &properties["value"]), (&json!(evil), &json!(1.5)));
        let text = as_text(&told, [1.0, 2.0]);
        assert!(text.lines().count() == 9 && !text.contains(['\u{0}', '\u{1b}']), "{text}");
    }
}
