//! Layers of granules, drawn.

use std::ops::Range;
use std::sync::Arc;

use harmony_formats::image::Channel;

use super::compose::{Canvas, Painted, Picture};
use super::dimension::{self, AxisWishes, Chosen, TimeWish};
use super::opened::{Field, Found, Meta, Opened, shown};
use super::plane::Plane;
use super::sample::{Places, Shown};
use super::stretch::{Stretch, StretchKey};
use super::style::StyleSpec;
use super::{MapError, Maps, View};

/// Pixels that are drawn at once: what a large map takes besides its picture is what this many take.
const STRIP: usize = 1 << 18;

/// A layer of a map.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// Concept id of its collection: what its stretch is kept under.
    pub collection: String,
    pub what: What,
    pub style: StyleSpec,
    /// Locations of granules, the topmost first.
    pub granules: Vec<String>,
    /// Locations of granules that the stretch is taken from: the same for every map of the collection.
    pub reference: Vec<String>,
    pub times: TimeWish,
    /// Values along other axes, by name; `elevation` is the vertical one.
    pub axes: AxisWishes,
    /// Start of the topmost granule, ISO 8601, where it is known.
    pub start: Option<String>,
}

/// What of a granule is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum What {
    /// A variable by path or name.
    Variable(String),
    /// Red, green and blue together where there are such variables, else the first one.
    #[default]
    All,
}

/// Something of a granule that is drawn as one.
enum Subject {
    Single(Found),
    /// Red, green, blue, perhaps opacity.
    Composite(Vec<Arc<Field>>),
}

/// Values of pixels of a layer.
#[derive(Default)]
struct Values {
    rows: Range<usize>,
    /// One buffer, or three or four.
    planes: Vec<Plane>,
    /// Of the first granule that has the variable.
    metas: Vec<Arc<Meta>>,
    notes: Vec<String>,
}

impl Maps {
    /// Draws layers over each other, the first one at the bottom.
    ///
    /// # Errors
    /// [`MapError`]. A granule that can't be read is left out and noted where others can.
    pub fn draw(
        &self,
        layers: &[Layer],
        view: &View,
        background: [u8; 3],
        transparent: bool,
    ) -> Result<Picture, MapError> {
        self.check_size(view)?;
        layers.iter().try_for_each(|layer| self.check_style(&layer.style))?;
        let mut canvas = Canvas::new(view, background, transparent);
        let mut places: Vec<Places> = layers.iter().map(|_| Places::default()).collect();
        let mut notes = Vec::new();
        let (height, at_once) = (view.height as usize, (STRIP / view.width as usize).max(1));
        for first in (0..height).step_by(at_once) {
            let rows = first..(first + at_once).min(height);
            let mut painted = Vec::with_capacity(layers.len());
            for (layer, places) in layers.iter().zip(&mut places) {
                let values = self.values(layer, view, places, &rows)?;
                if !values.metas.is_empty() {
                    painted.push(self.painted(layer, &values)?);
                }
                values.notes.into_iter().for_each(|note| {
                    if !notes.contains(&note) {
                        notes.push(note);
                    }
                });
            }
            canvas.add(painted, rows.len() * view.width as usize);
        }
        Ok(canvas.finish(notes))
    }

    /// # Errors
    /// [`MapError::TooLarge`] naming the limit.
    pub fn check_size(&self, view: &View) -> Result<(), MapError> {
        let limit = self.limits().max_side;
        if view.width == 0 || view.height == 0 {
            return Err(MapError::TooLarge("WIDTH and HEIGHT are at least 1".into()));
        }
        if view.width > limit || view.height > limit {
            return Err(MapError::TooLarge(format!(
                "a map of {} x {} pixels is larger than {limit} x {limit}; ask for WIDTH and HEIGHT up to {limit}, \
                 or for parts",
                view.width, view.height
            )));
        }
        Ok(())
    }

    fn subject(&self, layer: &Layer, opened: &Opened) -> Option<Subject> {
        match &layer.what {
            What::Variable(name) => opened.find(name).map(Subject::Single),
            What::All => {
                let composite = || opened.composite().filter(|_| layer.style.name.is_none());
                composite().map(Subject::Composite).or_else(|| opened.first().map(Subject::Single))
            }
        }
    }

    /// The values of some rows of a layer: granule after granule, as long as pixels are without.
    fn values(
        &self,
        layer: &Layer,
        view: &View,
        places: &mut Places,
        rows: &Range<usize>,
    ) -> Result<Values, MapError> {
        let mut out = Values { rows: rows.clone(), ..Values::default() };
        // A granule without the variable is no fault, unless none has it.
        let (mut failed, mut lacking) = (None, None);
        let last = layer.granules.len().saturating_sub(1);
        for (i, location) in layer.granules.iter().enumerate() {
            match self.add(layer, location, view, places, &mut out) {
                Ok(true) => {}
                Ok(false) => lacking = lacking.or_else(|| Some(without(layer, location))),
                Err(e @ (MapError::Read { .. } | MapError::Variable(_))) => {
                    out.notes.push(e.to_string());
                    failed = failed.or(Some(e));
                }
                Err(e) => return Err(e),
            }
            if i < last && !out.planes.is_empty() && out.planes.iter().all(Plane::is_full) {
                break;
            }
        }
        match failed.or(lacking) {
            Some(e) if out.metas.is_empty() => Err(e),
            _ => Ok(out),
        }
    }

    /// Puts values of a granule where there are none yet; whether it has such a variable.
    fn add(
        &self,
        layer: &Layer,
        location: &str,
        view: &View,
        places: &mut Places,
        out: &mut Values,
    ) -> Result<bool, MapError> {
        let opened = self.open(location)?;
        let Some(subject) = self.subject(layer, &opened) else { return Ok(false) };
        let fields = match subject {
            Subject::Composite(fields) => fields,
            Subject::Single(Found::Field(field)) => vec![field],
            Subject::Single(Found::Elsewhere(meta)) => match self.on_grid(&opened, &meta, view)? {
                Some(field) => vec![field],
                None => {
                    if out.metas.is_empty() {
                        out.metas = vec![meta];
                    }
                    return Ok(true);
                }
            },
        };
        // A granule of another kind than the ones before can't go under them.
        if !out.planes.is_empty() && out.planes.len() != fields.len() {
            return Ok(true);
        }
        if out.planes.is_empty() {
            let plane = || Plane::new(view.width as usize, out.rows.len());
            out.planes = fields.iter().map(|_| plane()).collect();
            out.metas = fields.iter().map(|f| f.meta.clone()).collect();
        }
        for (field, plane) in fields.iter().zip(&mut out.planes) {
            let band = dimension::choose(&field.main().raster, &layer.times, &layer.axes)?;
            let categorical = field.meta.categories.is_some() || field.meta.colours.is_some();
            let shown = Shown { field, band, bilinear: layer.style.bilinear && !categorical };
            self.fill(&shown, view, places, out.rows.start, plane.next())?;
        }
        Ok(true)
    }

    /// What a map of a layer shows along axes for which nothing was asked: of its topmost granule.
    pub fn chosen(&self, layer: &Layer) -> Vec<Chosen> {
        let opened = layer.granules.first().and_then(|l| self.open(l).ok());
        let field = opened.and_then(|o| match self.subject(layer, &o)? {
            Subject::Single(Found::Field(field)) => Some(field),
            Subject::Composite(fields) => fields.into_iter().next(),
            Subject::Single(Found::Elsewhere(_)) => None,
        });
        let mut out = field.map_or_else(Vec::new, |field| {
            let raster = &field.main().raster;
            let band = dimension::choose(raster, &layer.times, &layer.axes).unwrap_or(0);
            dimension::unasked(raster, band, &layer.times, &layer.axes)
        });
        let tells_time = out.iter().any(|c| c.dimension == "time");
        if let (true, false, Some(start)) = (layer.times.is_empty(), tells_time, &layer.start) {
            let (value, units) = (start.clone(), "ISO8601".to_owned());
            out.push(Chosen { dimension: "time".into(), value, units, nearest: false });
        }
        out
    }

    fn painted(&self, layer: &Layer, values: &Values) -> Result<Painted, MapError> {
        match &values.metas[..] {
            [meta] => {
                let paint = self.paint(meta, &layer.collection, &layer.style, || {
                    self.layer_stretch(layer, std::slice::from_ref(meta))
                })?;
                let plane = values.planes.first();
                let indices = plane.map(|p| p.painted(|values, out| paint.indices(values, out)));
                Ok(Painted::Indexed { palette: paint.palette, indices: indices.unwrap_or_default() })
            }
            metas => {
                let planes: Vec<&[f32]> = values.planes.iter().map(|p| &p.values[..]).collect();
                self.coloured(layer, metas, &planes)
            }
        }
    }

    fn layer_stretch(&self, layer: &Layer, metas: &[Arc<Meta>]) -> Result<Arc<Stretch>, MapError> {
        let key = StretchKey {
            collection: layer.collection.clone(),
            paths: metas.iter().map(|m| m.path.clone()).collect(),
        };
        let first = layer.granules.get(..1).unwrap_or_default();
        let reference = if layer.reference.is_empty() { first } else { &layer.reference[..] };
        self.stretch(&key, reference)
    }

    /// Three or four planes as red, green, blue and opacity.
    fn coloured(&self, layer: &Layer, metas: &[Arc<Meta>], planes: &[&[f32]]) -> Result<Painted, MapError> {
        let colours = &metas[..3];
        let channel = match layer.style.range {
            Some((low, high)) => Channel::stretched(low, high),
            None if colours.iter().all(|m| m.is_bytes) => Channel::PLAIN,
            None => {
                let s = self.layer_stretch(layer, colours)?;
                Channel::stretched(s.low, s.high)
            }
        };
        let opacity = match metas.get(3) {
            Some(alpha) if !alpha.is_bytes => {
                let s = self.layer_stretch(layer, &metas[3..])?;
                // What is full opacity is said by the largest value: 1, 255 or more.
                Channel::stretched(0.0, if s.max <= 1.0 { 1.0 } else { s.max.max(255.0) })
            }
            _ => Channel::PLAIN,
        };
        let mut rgba = vec![0; planes[0].len() * 4];
        for (i, pixel) in rgba.chunks_exact_mut(4).enumerate() {
            let [r, g, b] = [planes[0][i], planes[1][i], planes[2][i]];
            if r.is_nan() || g.is_nan() || b.is_nan() {
                continue;
            }
            let alpha = planes.get(3).map_or(255.0, |p| p[i]);
            let values = [r, g, b].map(|v| channel.find(f64::from(v)));
            pixel[..3].copy_from_slice(&values);
            pixel[3] = if planes.len() > 3 { opacity.find(f64::from(alpha)) } else { 255 };
        }
        Ok(Painted::Coloured(rgba))
    }

    /// The legend of a layer as a picture.
    ///
    /// # Errors
    /// [`MapError`].
    pub fn legend(&self, layer: &Layer) -> Result<Picture, MapError> {
        self.check_style(&layer.style)?;
        let mut failed = None;
        for location in layer.reference.iter().chain(&layer.granules) {
            let opened = match self.open(location) {
                Ok(opened) => opened,
                Err(e) => {
                    failed = failed.or(Some(e));
                    continue;
                }
            };
            let meta = match self.subject(layer, &opened) {
                Some(Subject::Single(found)) => found.meta().clone(),
                // Colours that are seen need no legend but their name.
                Some(Subject::Composite(_)) => return Ok(composite_legend()),
                None => continue,
            };
            let paint = self.paint(&meta, &layer.collection, &layer.style, || {
                self.layer_stretch(layer, std::slice::from_ref(&meta))
            })?;
            return Ok(Picture::of_sheet(paint.legend.draw()));
        }
        Err(failed
            .unwrap_or_else(|| MapError::Variable("no granule has this layer; it has no legend".into())))
    }
}

fn without(layer: &Layer, location: &str) -> MapError {
    let what = match &layer.what {
        What::Variable(name) => format!("variable '{name}'"),
        What::All => "variable".into(),
    };
    MapError::Variable(format!("{}: it has no {what} that can be drawn on a map", shown(location)))
}

fn composite_legend() -> Picture {
    let entries: Vec<([u8; 4], String)> =
        [([255, 0, 0, 255], "red"), ([0, 255, 0, 255], "green"), ([0, 0, 255, 255], "blue")]
            .into_iter()
            .map(|(c, w)| (c, w.to_owned()))
            .collect();
    Picture::of_sheet(harmony_formats::image::Legend::draw_classes("true colours", &entries))
}
