//! GetMap.

use harmony_model::crs::Crs;

use super::{Exception, Order, Query, Version, bbox};
use crate::http::layers::{self, Named};
use crate::http::map_granules::Wish;
use crate::http::map_service::{Answer, state};
use crate::maps::{Chosen, ImageFormat, Layer, StyleSpec, View};

/// What a map shall be.
pub(super) struct MapQuery {
    pub layers: Vec<Named>,
    /// As many as layers.
    pub styles: Vec<StyleSpec>,
    pub view: View,
    pub format: ImageFormat,
    pub transparent: bool,
    pub background: [u8; 3],
    pub wish: Wish,
    pub axes: Vec<(String, String)>,
}

impl Query {
    pub(super) async fn map(&self) -> Result<Answer, Exception> {
        self.check_map()?;
        let ids: Vec<&str> = self.collections.iter().map(|c| c.collection.id.as_str()).collect();
        let key = format!("map {} {}", ids.join("+"), self.parameters.canonical());
        self.app.maps.answer(key, self.draw()).await
    }

    async fn draw(&self) -> Result<Answer, Exception> {
        let query = self.map_query("layers")?;
        let layers = self.layers_of(&query).await?;
        let granules = layers.iter().map(|l| l.granules.len()).sum();
        let (view, format) = (query.view.clone(), query.format);
        let (background, transparent) = (query.background, query.transparent && format.has_opacity());
        let (bytes, state, warnings) = self
            .app
            .maps
            .run_sized(query.view.pixels(), move |maps| -> Result<_, Exception> {
                let picture = maps.draw(&layers, &view, background, transparent)?;
                let state = state(&picture, granules);
                let chosen = layers.first().map(|l| maps.chosen(l)).unwrap_or_default();
                Ok((picture.encode(format, Some(&view))?, state, warnings(&chosen)))
            })
            .await?;
        let mut answer = placed(Answer::new(bytes, format.media_type()), &query.view);
        for warning in warnings {
            answer = answer.with("warning", warning);
        }
        Ok(match state {
            Some(words) => answer.with("harmony-map", words),
            None => answer,
        })
    }

    /// Layers with their granules.
    ///
    /// # Errors
    /// When granules were named and none is there; what the catalogue says.
    pub(super) async fn layers_of(&self, query: &MapQuery) -> Result<Vec<Layer>, Exception> {
        let bbox = {
            let view = query.view.clone();
            self.app.maps.run(move |maps| maps.degrees(&view).map_err(Exception::from)).await?
        };
        let mut out = Vec::with_capacity(query.layers.len());
        let mut named_any = false;
        for (named, style) in query.layers.iter().zip(&query.styles) {
            let wish = Wish { bbox, ..query.wish.clone() };
            // A view that is nowhere on Earth shows no granule.
            let mut layer = self.app.map_layer(named, &wish, &query.axes, style.clone()).await?;
            if bbox.is_none() {
                layer.granules.clear();
            }
            if query.wish.names_granules() && !named_any {
                let id = &named.collected.collection.id;
                named_any = !layer.granules.is_empty()
                    || !self
                        .app
                        .map_granules(id, &Wish { bbox: None, ..query.wish.clone() })
                        .await?
                        .list
                        .is_empty();
            }
            out.push(layer);
        }
        if query.wish.names_granules() && !named_any {
            return Err(crate::http::Problem::invalid("No matching granules found.").into());
        }
        Ok(out)
    }

    /// Reads what the parameters say about a map; `list` names the parameter with the layers.
    ///
    /// # Errors
    /// [`Exception`] for the first thing that is wrong.
    pub(super) fn map_query(&self, list: &str) -> Result<MapQuery, Exception> {
        let p = &self.parameters;
        let layers = self.layers(list)?;
        let styles = self.styles(layers.len())?;
        let (crs, written) = self.crs()?;
        let size = [self.side("width")?, self.side("height")?];
        let order = Order::parse(&self.app.config.wms_epsg4326_order).unwrap_or(Order::Auto);
        let extent =
            bbox::read(p.get("bbox").unwrap_or_default(), &written, &crs, self.version, order, size)?;
        let view = View { crs, extent, width: size[0], height: size[1] };
        self.app.maps.maps.check_size(&view).map_err(too_large)?;
        let format = p.get("format").unwrap_or_default();
        let format = ImageFormat::parse(format).ok_or_else(|| {
            let known: Vec<&str> = ImageFormat::all().map(ImageFormat::media_type).collect();
            let format: String = format.chars().take(80).collect();
            Exception::coded("InvalidFormat", format!("FORMAT '{format}' is not one of {}", known.join(", ")))
        })?;
        let times = crate::maps::parse_times(p.get("time").unwrap_or_default())
            .map_err(|e| Exception::coded("InvalidDimensionValue", e))?;
        Ok(MapQuery {
            layers,
            styles,
            view,
            format,
            transparent: p.filled("transparent").is_some_and(|t| t.eq_ignore_ascii_case("true")),
            background: self.background()?,
            wish: Wish { ids: p.list("granuleid"), names: p.list("granulename"), times, bbox: None },
            axes: p.axes(),
        })
    }

    /// The layers of a list, in its order.
    ///
    /// # Errors
    /// `LayerNotDefined` naming the layer; for too many of them.
    pub(super) fn layers(&self, list: &str) -> Result<Vec<Named>, Exception> {
        let names = self.parameters.list(list);
        let limit = self.app.config.map_max_layers;
        if names.is_empty() {
            let message = format!("{} names no layer", list.to_ascii_uppercase());
            return Err(Exception::coded("LayerNotDefined", message));
        }
        if names.len() > limit {
            let message = format!("{} layers are more than {limit}; ask for them in parts", names.len());
            return Err(Exception::reference(message));
        }
        let one = |name: &String| {
            layers::named(&self.collections, name).ok_or_else(|| {
                let name: String = name.chars().take(200).collect();
                Exception::coded("LayerNotDefined", format!("Invalid layer: {name}"))
            })
        };
        names.iter().map(one).collect()
    }

    /// Styles of `count` layers: none at all, or one for each, empty ones for the default.
    fn styles(&self, count: usize) -> Result<Vec<StyleSpec>, Exception> {
        let p = &self.parameters;
        let names = p.list("styles");
        let names = if names.is_empty() { vec![String::new(); count] } else { names };
        if names.len() != count {
            let message =
                format!("STYLES has {} entries for {count} layers; give one for each, or none", names.len());
            return Err(Exception::coded("StyleNotDefined", message));
        }
        let range = match p.filled("rescale").or_else(|| p.filled("colorscalerange")) {
            Some(text) if text != "auto" => Some(range(text)?),
            _ => None,
        };
        let log = p.filled("logscale").is_some_and(|t| t.eq_ignore_ascii_case("true"));
        let one = |name: &String| {
            let mut spec = StyleSpec::parse(name)?;
            self.app.maps.maps.check_style(&spec)?;
            spec.range = spec.range.or(range);
            spec.log |= log;
            Ok(spec)
        };
        names.iter().map(one).collect()
    }

    /// The CRS and how it was written.
    fn crs(&self) -> Result<(Crs, String), Exception> {
        let (name, code) = match self.version {
            Version::V130 => ("crs", "InvalidCRS"),
            Version::V111 => ("srs", "InvalidSRS"),
        };
        let text = self.parameters.get(name).unwrap_or_default();
        let shown: String = text.chars().take(200).collect();
        Crs::parse(text).map(|crs| (crs, text.to_owned())).map_err(|e| {
            let why = e.to_string();
            let detail = if why.contains(&shown) { why } else { format!("{shown}: {why}") };
            Exception::coded(code, format!("{}: {detail}", name.to_ascii_uppercase()))
        })
    }

    /// # Errors
    /// For what is not a number of pixels.
    fn side(&self, name: &str) -> Result<u32, Exception> {
        let text = self.parameters.get(name).unwrap_or_default().trim();
        // The reference takes the leading digits.
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        let number = match digits.parse::<u64>() {
            Ok(n) => n,
            Err(_) if digits.len() > 18 => u64::MAX,
            Err(_) => 0,
        };
        let upper = name.to_ascii_uppercase();
        if number == 0 {
            let text: String = text.chars().take(40).collect();
            let message = format!("{upper} '{text}' is not a number of pixels from 1 on");
            return Err(Exception::coded("InvalidParameterValue", message));
        }
        let limit = self.app.maps.maps.limits().max_side;
        u32::try_from(number).ok().filter(|n| *n <= limit).ok_or_else(|| {
            too_large(crate::maps::MapError::TooLarge(format!(
                "{upper} {digits:.40} is more than {limit} pixels; ask for {upper}={limit} or less, or for parts"
            )))
        })
    }

    fn background(&self) -> Result<[u8; 3], Exception> {
        let Some(text) = self.parameters.filled("bgcolor") else { return Ok([255; 3]) };
        colour(text).ok_or_else(|| {
            let text: String = text.chars().take(40).collect();
            let message = format!("BGCOLOR '{text}' is not a colour; write 0xRRGGBB");
            Exception::coded("InvalidParameterValue", message)
        })
    }
}

/// Red, green and blue of `0xRRGGBB`; `#RRGGBB` and bare digits are understood, too.
pub(super) fn colour(text: &str) -> Option<[u8; 3]> {
    let digits =
        text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).or_else(|| text.strip_prefix('#'));
    let digits = digits.unwrap_or(text);
    let is_plain = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let [_, r, g, b] = u32::from_str_radix(digits, 16).ok().filter(|_| is_plain)?.to_be_bytes();
    Some([r, g, b])
}

/// What a client did not say about dimensions, in the words of OGC 06-042 §C.4.2.
fn warnings(chosen: &[Chosen]) -> Vec<String> {
    let one = |c: &Chosen| {
        let which = if c.nearest { "Nearest" } else { "Default" };
        format!("99 {which} value used: {}={} {}", c.dimension, c.value, c.units).trim_end().to_owned()
    };
    chosen.iter().map(one).collect()
}

fn too_large(error: crate::maps::MapError) -> Exception {
    Exception::Coded {
        code: "InvalidParameterValue",
        message: error.to_string(),
        status: axum::http::StatusCode::PAYLOAD_TOO_LARGE,
    }
}

/// `MIN,MAX`.
///
/// # Errors
/// `InvalidParameterValue` for anything else.
pub fn range(text: &str) -> Result<(f64, f64), Exception> {
    let numbers: Vec<f64> = text.split(',').map_while(|t| t.trim().parse().ok()).collect();
    match numbers[..] {
        [low, high]
            if low < high && low.is_finite() && high.is_finite() && text.matches(',').count() == 1 =>
        {
            Ok((low, high))
        }
        _ => {
            let text: String = text.chars().take(80).collect();
            let message =
                format!("RESCALE '{text}' is not two numbers, the smaller one first; write MIN,MAX");
            Err(Exception::coded("InvalidParameterValue", message))
        }
    }
}

/// With the headers that say where the map is, x before y.
pub fn placed(answer: Answer, view: &View) -> Answer {
    let [a, b, c, d] = view.extent;
    let uri = match view.crs.definition.as_str() {
        "EPSG:4326" | "OGC:CRS84" => "http://www.opengis.net/def/crs/OGC/1.3/CRS84".to_owned(),
        other => match other.split_once(':') {
            Some((authority, code)) if code.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                format!("http://www.opengis.net/def/crs/{authority}/0/{code}")
            }
            _ => other.to_owned(),
        },
    };
    answer.with("content-bbox", format!("{a},{b},{c},{d}")).with("content-crs", format!("<{uri}>"))
}
