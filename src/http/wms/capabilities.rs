//! GetCapabilities.

use std::fmt::Write as _;

use super::frame::address;
use super::{Exception, Query, Version, xml};
use crate::catalog::Variable;
use crate::http::layers::{self, Collected};
use crate::http::map_granules::Wish;
use crate::http::map_service::Answer;
use crate::maps::{FieldInfo, dimension_name, time_of};

/// Systems that are listed; any other that PROJ knows is served as well.
const LISTED: [&str; 6] = ["CRS:84", "EPSG:4326", "EPSG:3857", "EPSG:3413", "EPSG:3031", "EPSG:3395"];
/// Times that are listed one by one.
const LISTED_TIMES: usize = 200;
/// Collections whose files are looked into for further axes.
const LOOKED_INTO: usize = 8;
/// Values of an axis that are listed.
const LISTED_VALUES: usize = 200;
/// The edge of web Mercator.
const MERCATOR_END: f64 = 20_037_508.342_789_244;

/// An axis of a layer.
struct Dimension {
    name: String,
    units: String,
    default: String,
    extent: String,
}

impl Query {
    pub(super) async fn capabilities(&self) -> Result<Answer, Exception> {
        let ids: Vec<&str> = self.collections.iter().map(|c| c.collection.id.as_str()).collect();
        let key = format!("capabilities {} {} {}", self.version.text(), self.address, ids.join("+"));
        let answer = self.app.maps.answer(key.clone(), self.document(&key)).await?;
        let current = self.app.maps.sequences.last(&key).unwrap_or_default();
        super::sequence::check(self.parameters.filled("updatesequence"), current)?;
        Ok(answer)
    }

    async fn document(&self, key: &str) -> Result<Answer, Exception> {
        let mut layers = String::new();
        let look = self.collections.len() <= LOOKED_INTO;
        for collected in &self.collections {
            let times = self.times(&collected.collection.id).await;
            let fields = if look { self.fields(&collected.collection.id).await } else { Vec::new() };
            self.layer(&mut layers, collected, times.as_ref(), &fields);
        }
        let number = self.app.maps.sequences.of(key, &layers);
        let (text, media_type) = match self.version {
            Version::V130 => (self.frame_130(&layers, number), "text/xml; charset=utf-8"),
            Version::V111 => (self.frame_111(&layers, number), "application/vnd.ogc.wms_xml"),
        };
        Ok(Answer::new(text.into_bytes(), media_type))
    }

    /// The times of a collection's granules. A catalogue that does not answer is no reason to hide the layers.
    async fn times(&self, collection: &str) -> Option<Dimension> {
        let granules = match self.app.map_granules(collection, &Wish::default()).await {
            Ok(all) => all.list.clone(),
            Err(_) => self.app.map_references(collection).await.ok()?.list.clone(),
        };
        let mut starts: Vec<String> = granules.iter().filter_map(|g| g.start.clone()).collect();
        starts.sort();
        starts.dedup();
        let (first, last) = (starts.first()?.clone(), starts.last()?.clone());
        let extent = match starts.len() {
            1..=LISTED_TIMES => starts.join(","),
            _ => format!("{first}/{last}/{}", period(&starts)),
        };
        Some(Dimension { name: "time".into(), units: "ISO8601".into(), default: last, extent })
    }

    /// What the newest granule of a collection says about its variables.
    async fn fields(&self, collection: &str) -> Vec<FieldInfo> {
        let Ok(references) = self.app.map_references(collection).await else { return Vec::new() };
        let Some(location) = references.list.last().map(|g| g.location.clone()) else { return Vec::new() };
        let found =
            self.app.maps.run(move |maps| -> Result<_, Exception> { Ok(maps.open(&location)?.infos()) });
        found.await.unwrap_or_default()
    }

    fn layer(
        &self,
        out: &mut String,
        collected: &Collected,
        times: Option<&Dimension>,
        fields: &[FieldInfo],
    ) {
        let c = &collected.collection;
        let centre = c.archive_center.as_deref().unwrap_or(&c.data_center);
        let title = format!("{} v{} ({centre})", c.short_name, c.version);
        let bounds = match c.boxes[..] {
            [only] => only,
            _ => [-180.0, -90.0, 180.0, 90.0],
        };
        let alone = collected.variables.is_empty();
        let name = alone.then(|| c.id.clone());
        self.open_layer(out, name.as_deref(), &title, &c.summary, bounds, u8::from(alone));
        let only_times: Vec<&Dimension> = times.into_iter().collect();
        if alone {
            self.dimensions(out, &only_times);
            self.legends(out, &c.id);
        }
        for variable in layers::shown_variables(collected) {
            let name = format!("{}/{}", c.id, variable.id);
            let long = variable.long_name.as_deref().unwrap_or(&variable.name);
            let title = format!("{} ({long})", variable.name);
            self.open_layer(out, Some(&name), &title, long, bounds, 1);
            let own = axes_of(variable, fields);
            let all: Vec<&Dimension> = times.into_iter().chain(&own).collect();
            self.dimensions(out, &all);
            self.legends(out, &name);
            out.push_str("</Layer>\n");
        }
        if layers::has_colours(&collected.variables) {
            let name = format!("{}/{}", c.id, layers::COLOURS);
            self.open_layer(out, Some(&name), "red, green and blue together", "", bounds, 1);
            self.dimensions(out, &only_times);
            self.legends(out, &name);
            out.push_str("</Layer>\n");
        }
        out.push_str("</Layer>\n");
    }

    pub(super) fn open_layer(
        &self,
        out: &mut String,
        name: Option<&str>,
        title: &str,
        summary: &str,
        bounds: [f64; 4],
        queryable: u8,
    ) {
        let _ = writeln!(
            out,
            "<Layer queryable=\"{queryable}\" opaque=\"0\" noSubsets=\"0\" fixedWidth=\"0\" fixedHeight=\"0\">"
        );
        if let Some(name) = name {
            let _ = writeln!(out, "<Name>{}</Name>", xml(name));
        }
        let _ = writeln!(out, "<Title>{}</Title>", xml(title));
        if !summary.trim().is_empty() {
            let _ = writeln!(out, "<Abstract>{}</Abstract>", xml(summary));
        }
        let tag = if self.version == Version::V130 { "CRS" } else { "SRS" };
        for crs in LISTED.iter().filter(|c| self.version == Version::V130 || c.starts_with("EPSG")) {
            let _ = writeln!(out, "<{tag}>{crs}</{tag}>");
        }
        self.boxes(out, bounds);
    }

    fn boxes(&self, out: &mut String, [west, south, east, north]: [f64; 4]) {
        // A box across the antimeridian can't be said in one.
        let (west, east) = if west > east { (-180.0, 180.0) } else { (west, east) };
        let mercator = |lon: f64, lat: f64| {
            let y = (std::f64::consts::FRAC_PI_4 + lat.to_radians() / 2.0).tan().ln() * 6_378_137.0;
            (lon.to_radians() * 6_378_137.0, y.clamp(-MERCATOR_END, MERCATOR_END))
        };
        let ((x0, y0), (x1, y1)) = (mercator(west, south), mercator(east, north));
        match self.version {
            Version::V130 => {
                let _ = write!(
                    out,
                    "<EX_GeographicBoundingBox><westBoundLongitude>{west}</westBoundLongitude>\
                     <eastBoundLongitude>{east}</eastBoundLongitude><southBoundLatitude>{south}</southBoundLatitude>\
                     <northBoundLatitude>{north}</northBoundLatitude></EX_GeographicBoundingBox>\n\
                     <BoundingBox CRS=\"CRS:84\" minx=\"{west}\" miny=\"{south}\" maxx=\"{east}\" maxy=\"{north}\"/>\n\
                     <BoundingBox CRS=\"EPSG:4326\" minx=\"{south}\" miny=\"{west}\" maxx=\"{north}\" \
                     maxy=\"{east}\"/>\n\
                     <BoundingBox CRS=\"EPSG:3857\" minx=\"{x0}\" miny=\"{y0}\" maxx=\"{x1}\" maxy=\"{y1}\"/>\n"
                );
            }
            Version::V111 => {
                let _ = write!(
                    out,
                    "<LatLonBoundingBox minx=\"{west}\" miny=\"{south}\" maxx=\"{east}\" maxy=\"{north}\"/>\n\
                     <BoundingBox SRS=\"EPSG:4326\" minx=\"{west}\" miny=\"{south}\" maxx=\"{east}\" \
                     maxy=\"{north}\"/>\n\
                     <BoundingBox SRS=\"EPSG:3857\" minx=\"{x0}\" miny=\"{y0}\" maxx=\"{x1}\" maxy=\"{y1}\"/>\n"
                );
            }
        }
    }

    fn dimensions(&self, out: &mut String, dimensions: &[&Dimension]) {
        for d in dimensions {
            let (name, units) = (xml(&d.name), xml(&d.units));
            let (default, extent) = (xml(&d.default), plain_list(&d.extent));
            match self.version {
                Version::V130 => {
                    let _ = writeln!(
                        out,
                        "<Dimension name=\"{name}\" units=\"{units}\" default=\"{default}\" multipleValues=\"{}\" \
                         nearestValue=\"{}\">{extent}</Dimension>",
                        u8::from(d.name == "time"),
                        u8::from(d.name == "time")
                    );
                }
                Version::V111 => {
                    let _ = writeln!(out, "<Dimension name=\"{name}\" units=\"{units}\"/>");
                }
            }
        }
        // The old version has all dimensions before all extents.
        for d in dimensions.iter().filter(|_| self.version == Version::V111) {
            let (name, default) = (xml(&d.name), xml(&d.default));
            let _ = writeln!(
                out,
                "<Extent name=\"{name}\" default=\"{default}\">{}</Extent>",
                plain_list(&d.extent)
            );
        }
    }

    fn legends(&self, out: &mut String, layer: &str) {
        for style in self.app.maps.maps.style_names() {
            let href = format!(
                "{}?service=WMS&version={}&request=GetLegendGraphic&layer={}&style={}&format=image/png",
                self.address,
                self.version.text(),
                encoded(layer),
                encoded(&style)
            );
            let name = xml(&style);
            let _ = writeln!(
                out,
                "<Style><Name>{name}</Name><Title>{name}</Title><LegendURL width=\"558\" height=\"100\">\
                 <Format>image/png</Format><OnlineResource xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
                 xlink:type=\"simple\" xlink:href=\"{}\"/></LegendURL></Style>",
                address(&href)
            );
        }
    }
}

/// Axes of a variable besides time.
fn axes_of(variable: &Variable, fields: &[FieldInfo]) -> Vec<Dimension> {
    let name = variable.name.trim_start_matches('/');
    let Some(field) = fields.iter().find(|f| f.path.trim_start_matches('/') == name) else {
        return Vec::new();
    };
    let others = field.axes.iter().filter(|a| !a.is_time && a.values.len() > 1);
    others
        .map(|axis| {
            let shown = &axis.values[..axis.values.len().min(LISTED_VALUES)];
            let (name, units) = (dimension_name(&axis.name).to_owned(), axis.units.clone());
            Dimension { name, units, default: shown[0].clone(), extent: shown.join(",") }
        })
        .collect()
}

/// The step between sorted times, as an ISO 8601 duration: the commonest one.
fn period(starts: &[String]) -> String {
    let seconds: Vec<f64> = starts.iter().filter_map(|t| time_of(t)).collect();
    let mut steps: Vec<f64> = seconds.windows(2).map(|w| w[1] - w[0]).filter(|s| *s > 0.0).collect();
    steps.sort_by(f64::total_cmp);
    let step = steps.get(steps.len() / 2).copied().unwrap_or(86_400.0).round().max(1.0) as u64;
    match step {
        s if s % 86_400 == 0 => format!("P{}D", s / 86_400),
        s if s % 3600 == 0 => format!("PT{}H", s / 3600),
        s if s % 60 == 0 => format!("PT{}M", s / 60),
        s => format!("PT{s}S"),
    }
}

/// Times and values: a slash between times stays one.
fn plain_list(text: &str) -> String {
    address(text)
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commonest_step_is_the_period() {
        let days: Vec<String> = (1..=9).map(|d| format!("2020-01-0{d}T00:00:00Z")).collect();
        assert_eq!(period(&days), "P1D");
        let hours: Vec<String> = (0..=9).map(|h| format!("2020-01-01T0{h}:30:00Z")).collect();
        assert_eq!(period(&hours), "PT1H");
        assert_eq!(period(&["x".into()]), "P1D");
    }

    #[test]
    fn addresses_keep_their_slashes_and_nothing_hostile() {
        assert_eq!(address("http://h/a?b=1&c=\"<"), "http://h/a?b=1&amp;c=&quot;&lt;");
        assert_eq!(encoded("C1-A/V1-A"), "C1-A%2FV1-A");
    }
}
