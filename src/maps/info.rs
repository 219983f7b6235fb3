//! What a layer says at a pixel.

use harmony_model::crs::Crs;

use super::dimension;
use super::draw::{Layer, What};
use super::opened::{Found, shown};
use super::plane::Plane;
use super::sample::{Places, Shown};
use super::{MapError, Maps, View};

/// One granule's value at a pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Name of the file.
    pub granule: String,
    /// Path of the variable, without a leading slash.
    pub variable: String,
    pub title: String,
    pub units: String,
    /// `None`: nothing there.
    pub value: Option<f64>,
    /// What the value stands for.
    pub meaning: Option<String>,
    /// Other axes with the values that were chosen, by name.
    pub axes: Vec<(String, String)>,
}

impl Maps {
    /// Longitude and latitude of the middle of a pixel.
    ///
    /// # Errors
    /// [`MapError::Crs`].
    pub fn pixel_position(&self, view: &View, x: u32, y: u32) -> Result<[f64; 2], MapError> {
        let grid = view.grid();
        let (mut xs, mut ys) = ([grid.x_centre(f64::from(x))], [grid.y_centre(f64::from(y))]);
        self.transform(&view.crs, &Crs::wgs84())?.points(&mut xs, &mut ys);
        Ok([xs[0], ys[0]])
    }

    /// Values of a layer at a pixel, those of the topmost granules first, `count` at most. Granules that don't reach
    /// there are left out; with none at all the answer has one entry without a value.
    ///
    /// # Errors
    /// [`MapError`].
    pub fn values_at(
        &self,
        layer: &Layer,
        view: &View,
        x: u32,
        y: u32,
        count: usize,
    ) -> Result<Vec<Answer>, MapError> {
        let grid = view.grid();
        let (west, north) = (grid.x0 + f64::from(x) * grid.dx, grid.y0 + f64::from(y) * grid.dy);
        // A map of the one pixel says just what the map shows there.
        let pixel = View {
            crs: view.crs.clone(),
            extent: [west, north + grid.dy, west + grid.dx, north],
            width: 1,
            height: 1,
        };
        let (mut out, mut without, mut failed): (Vec<Answer>, Option<Answer>, Option<MapError>) =
            (Vec::new(), None, None);
        for location in &layer.granules {
            match self.at(layer, location, &pixel) {
                Ok(answers) => {
                    for answer in answers {
                        match answer.value {
                            Some(_) => out.push(answer),
                            None => without = without.or(Some(answer)),
                        }
                    }
                }
                Err(e @ MapError::Dimension(_)) => return Err(e),
                Err(e) => failed = failed.or(Some(e)),
            }
            if out.len() >= count.max(1) {
                break;
            }
        }
        match (out.is_empty(), without, failed) {
            (true, Some(none), _) => Ok(vec![none]),
            (true, None, Some(e)) => Err(e),
            _ => Ok(out),
        }
    }

    fn at(&self, layer: &Layer, location: &str, pixel: &View) -> Result<Vec<Answer>, MapError> {
        let opened = self.open(location)?;
        let found: Vec<Found> = match &layer.what {
            What::Variable(name) => opened.find(name).into_iter().collect(),
            What::All => match opened.composite() {
                Some(fields) => fields.into_iter().map(Found::Field).collect(),
                None => opened.first().into_iter().collect(),
            },
        };
        let mut out = Vec::new();
        for found in found {
            let meta = found.meta().clone();
            let field = match found {
                Found::Field(field) => Some(field),
                Found::Elsewhere(meta) => self.on_grid(&opened, &meta, pixel)?,
            };
            let mut plane = Plane::new(1, 1);
            let mut axes = Vec::new();
            if let Some(field) = field {
                let band = dimension::choose(&field.main().raster, &layer.times, &layer.axes)?;
                let shown = Shown { field: &field, band, bilinear: false };
                self.fill(&shown, pixel, &mut Places::default(), 0, plane.next())?;
                axes = field.main().raster.bands.get(band).map(|b| b.axes.clone()).unwrap_or_default();
            }
            let value = plane.values[0];
            let meaning = meta.categories.as_ref().and_then(|c| c.meaning(value));
            out.push(Answer {
                granule: shown(location),
                variable: meta.path.trim_start_matches('/').to_owned(),
                title: meta.title.clone(),
                units: meta.units.clone(),
                value: (!value.is_nan()).then(|| rounded(value)),
                meaning,
                axes,
            });
        }
        Ok(out)
    }
}

/// The shortest decimal that is this number in single precision: what people take for its value.
fn rounded(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| f64::from(value))
}
