//! How a picture gets its colours: what the user asks, what the file says, else what the values are.

use std::ops::Range;

use harmony_model::Granule;
use harmony_model::request::{BROWSE_RANGE, Compat};

use super::canvas::{Area, Ink};
use super::legend::{self, Legend};
use super::paint::rule::{Channel, Even, Index, Levels, Rule};
use super::paint::{Brush, Layer};
use super::slots::Slots;
use super::stretch::{self, Values};
use super::style::{self, Colours, Rgba, Scale, TRANSPARENT, named};
use super::{Kind, unsupported};
use crate::raster::Raster;
use crate::write::{Style, WriteError, WriteOptions};

/// Colours of an image besides that of missing data.
const COLOURS: usize = style::scale::MOST;
/// Share of values on either side that a stretch leaves out.
const CUT: f64 = 0.02;

/// Colours of a picture and how values get them.
pub struct Scheme {
    pub ink: Ink,
    pub brush: Brush,
    pub legend: Option<Legend>,
    /// What was done, for the file and the user.
    pub words: String,
    pub notices: Vec<String>,
}

/// What schemes are made of.
pub struct Subject<'a> {
    pub granule: &'a Granule,
    pub layers: Vec<Layer<'a>>,
    pub kind: Kind,
    pub options: &'a WriteOptions,
    /// Statistics are of all planes of the raster, not of the layer alone.
    pub all_planes: bool,
}

impl Subject<'_> {
    /// The scheme of a picture whose statistics are those of `area`.
    ///
    /// # Errors
    /// A style that is not understood; what reading says.
    pub fn scheme(&self, area: &Area) -> Result<Scheme, WriteError> {
        match self.layers.len() {
            1 => self.single(area),
            _ => self.composite(area),
        }
    }

    /// Whether the colours depend on where in the raster one looks: the reference stretches every tile on its own.
    pub fn is_local(&self) -> bool {
        self.is_hybig()
            && self.options.encoding.range.is_none()
            && (self.layers.len() > 1 || self.options.encoding.style.is_none())
    }

    /// Whether values have to be looked at before colours are known.
    pub fn needs_values(&self) -> bool {
        let plain = |l: &Layer| l.raster.dtype == harmony_model::DType::U8 && l.raster.packing.is_identity();
        let encoding = &self.options.encoding;
        encoding.range.is_none()
            && match &encoding.style {
                _ if self.is_service_example() => true,
                _ if self.layers.len() > 1 => !self.layers.iter().all(plain),
                Some(Style::Table { text, .. }) => text.contains('%'),
                Some(Style::Named(_)) => true,
                None => embedded(self.granule, self.layers[0].raster).is_none(),
            }
    }

    /// Every band between its own least and greatest value.
    fn is_service_example(&self) -> bool {
        self.options.encoding.compat == Some(Compat::ServiceExample)
    }

    fn is_hybig(&self) -> bool {
        self.options.encoding.compat == Some(Compat::Hybig)
    }

    fn values(&self, layer: &Layer, area: &Area) -> Result<Values, WriteError> {
        let bands = if self.all_planes { 0..layer.raster.bands.len() } else { layer.band..layer.band + 1 };
        bands.into_iter().try_fold(Values::default(), |all, band| {
            Ok(all.join(stretch::survey(self.granule, layer.raster, band, area, self.options)?))
        })
    }

    fn single(&self, area: &Area) -> Result<Scheme, WriteError> {
        let layer = self.layers[0];
        let encoding = &self.options.encoding;
        match &encoding.style {
            Some(asked) => {
                let steps = encoding.browse || self.is_hybig();
                let bad = |why: String| unsupported(&layer.raster.path, why);
                match style::colours(asked, steps).map_err(bad)? {
                    Colours::Map(map) => self.even(&layer, &map, area),
                    Colours::Table(table) => self.table(&layer, &table, area),
                }
            }
            None => match embedded(self.granule, layer.raster) {
                Some(colours) if self.is_hybig() => Ok(self.stored_as_reference(&layer, colours)),
                Some(colours) => Ok(stored(&layer, colours)),
                None => self.even(&layer, &named::find("grey").unwrap_or_default(), area),
            },
        }
    }

    /// What the reference's grey levels run between, where that is known and the area is all of the raster.
    fn range_of_source(&self, layer: &Layer, area: &Area) -> Option<(f64, f64)> {
        let grid = &layer.raster.grid;
        let applies = self.is_hybig() && self.options.encoding.style.is_none();
        let range = self.granule.var(layer.raster.var).attr(BROWSE_RANGE)?.as_f64s()?;
        match range[..] {
            [low, high] if applies && *area == Area::whole(grid.ny, grid.nx) => Some((low, high)),
            _ => None,
        }
    }

    /// Equally spaced colours.
    fn even(&self, layer: &Layer, map: &[Rgba], area: &Area) -> Result<Scheme, WriteError> {
        let encoding = &self.options.encoding;
        let grey = encoding.style.is_none();
        let (range, how) = match (encoding.range, self.range_of_source(layer, area)) {
            (Some(range), _) => (Some(range), "as asked"),
            (None, Some(range)) => (Some(range), "least to greatest value of the source"),
            (None, None) => {
                let values = self.values(layer, area)?;
                // The reference programs show all values in grey.
                if grey && (encoding.browse || self.is_hybig() || self.is_service_example()) {
                    (values.range(0.0), "least to greatest value")
                } else {
                    (values.range(CUT), "2 to 98 % of the values")
                }
            }
        };
        let (low, high) = range.unwrap_or((0.0, 1.0));
        // Grey levels stand for numbers and begin with 0; what is missing comes behind them.
        let (first, missing) = if grey || self.is_hybig() { (0, COLOURS as u8) } else { (1, 0) };
        let colours: Vec<Rgba> =
            (0..COLOURS).map(|i| map[(i * (map.len() - 1) + (COLOURS - 1) / 2) / (COLOURS - 1)]).collect();
        // Grey levels of the reference are 0 to 254, not stretched to white.
        let colours =
            if self.is_hybig() && grey { (0..=254).map(|g| [g, g, g, 255]).collect() } else { colours };
        let mut palette = colours.clone();
        palette.insert(if first == 0 { palette.len() } else { 0 }, TRANSPARENT);
        let even = if self.is_hybig() && low >= high {
            Even::new(low, low + 1.0, COLOURS)
        } else {
            Even::new(low, high, COLOURS)
        };
        let units = units(self.granule, layer.raster);
        let words = format!(
            "{}: {} to {}{units} ({how})",
            layer.raster.path.trim_start_matches('/'),
            legend::number(low),
            legend::number(high),
        );
        Ok(Scheme {
            ink: Ink::Palette(palette),
            brush: Brush::Index(Index { missing, first, rule: Rule::Even(even) }),
            legend: Some(Legend::even(&title(self.granule, layer.raster), colours, low, high)),
            notices: if range.is_some() {
                Vec::new()
            } else {
                vec![format!("{}: no valid value", layer.raster.path)]
            },
            words,
        })
    }

    /// Colours with their values.
    fn table(&self, layer: &Layer, table: &style::Table, area: &Area) -> Result<Scheme, WriteError> {
        let range = match (self.options.encoding.range, table.percent) {
            (None, true) => self.values(layer, area)?.range(0.0),
            (asked, _) => asked,
        };
        let mut scale = Scale::of(table, range);
        let mut notices = Vec::new();
        if scale.thinned {
            notices.push(format!(
                "colour table '{}' has more than {COLOURS} colours; {COLOURS} of them are used",
                table.name
            ));
        }
        let name = layer.raster.path.trim_start_matches('/');
        let legend = Some(Legend::levels(&title(self.granule, layer.raster), &scale));
        let (ink, brush) = self.by_levels(&mut scale, table.missing);
        let words = format!("{name}: colour table '{}'", table.name);
        Ok(Scheme { ink, legend, words, brush, notices })
    }

    fn by_levels(&self, scale: &mut Scale, missing: Option<Rgba>) -> (Ink, Brush) {
        // The reference's JPEG is made without a palette.
        let slots = if self.is_hybig() && self.kind != Kind::Jpeg {
            Slots::of_reference(&scale.colours, missing)
        } else {
            Slots::new(&scale.colours, missing)
        };
        scale.levels.truncate(slots.levels);
        let rule = Rule::Levels(Levels::new(scale));
        let brush = Brush::Index(Index { missing: slots.missing, first: slots.first, rule });
        (Ink::Palette(slots.palette), brush)
    }

    /// The colour table of a file, whose entries the reference takes for levels.
    fn stored_as_reference(&self, layer: &Layer, colours: Vec<Rgba>) -> Scheme {
        let missing = layer.raster.nodata.and_then(|n| {
            let at = colours.iter().enumerate().find(|(i, _)| *i as f64 == n);
            at.map(|(_, colour)| *colour)
        });
        let levels = (0..colours.len()).map(|i| i as f64).collect();
        let (ink, brush) = self.by_levels(&mut Scale { levels, colours, thinned: false }, missing);
        Scheme { ink, brush, ..stored(layer, Vec::new()) }
    }

    /// Three or four layers as red, green, blue and opacity.
    fn composite(&self, area: &Area) -> Result<Scheme, WriteError> {
        if self.is_service_example() {
            return self.each_stretched(area);
        }
        let colours = &self.layers[..3];
        let (stretch, words) = match self.options.encoding.range {
            Some((low, high)) => (Channel::stretched(low, high), format!("{low} to {high} (as asked)")),
            None if self.needs_values() => self.joint_stretch(area)?,
            None => (Channel::PLAIN, "values as they are".into()),
        };
        let mut channels = vec![stretch; 3];
        if let Some(alpha) = self.layers.get(3) {
            channels.push(match self.is_hybig() {
                true => stretch,
                false => self.opacity(alpha, area)?,
            });
        }
        let may_miss = self.options.encoding.browse
            || colours.iter().any(|l| {
                let told_apart = l.raster.tells_coverage(self.granule);
                told_apart || l.raster.nodata.is_some() || l.raster.dtype.is_float()
            });
        let ink =
            if self.kind == Kind::Jpeg || (channels.len() == 3 && !may_miss) { Ink::Rgb } else { Ink::Rgba };
        let words = format!("red, green, blue: {words}");
        Ok(Scheme { ink, brush: Brush::Channels(channels), legend: None, words, notices: Vec::new() })
    }

    /// Each band, opacity too, between its own least and greatest stored value; missing ones count. The reference
    /// looks at some of the rows only, see [`sampled`].
    fn each_stretched(&self, area: &Area) -> Result<Scheme, WriteError> {
        let mut channels = Vec::with_capacity(4);
        for layer in &self.layers {
            let mut values = Values::default();
            for rows in sampled(area, self.layers.len() as u64) {
                values = values.join(self.values(layer, &Area { rows, columns: area.columns.clone() })?);
            }
            let packing = &layer.raster.packing;
            let fill = layer.raster.nodata.filter(|_| values.missing > 0);
            let low = fill.map_or(values.min, |f| values.min.min(f * packing.scale + packing.offset));
            channels.push(Channel::stretched(low, values.max));
        }
        let ink = if self.kind == Kind::Jpeg || channels.len() == 3 { Ink::Rgb } else { Ink::Rgba };
        let words = "red, green, blue: each from its least to its greatest value".into();
        Ok(Scheme { ink, brush: Brush::Channels(channels), legend: None, words, notices: Vec::new() })
    }

    /// The same stretch for all colours, none when they look like bytes already.
    fn joint_stretch(&self, area: &Area) -> Result<(Channel, String), WriteError> {
        let hybig = self.is_hybig();
        let used = if hybig { &self.layers[..] } else { &self.layers[..3] };
        let mut all = Values::default();
        for layer in used {
            all = all.join(self.values(layer, area)?);
        }
        let fractions =
            self.layers[..3].iter().any(|l| l.raster.dtype.is_float() || !l.raster.packing.is_identity());
        if all.max <= 255.0 && (hybig || (all.min >= 0.0 && !(fractions && all.max <= 1.0))) {
            return Ok((Channel { truncate: hybig, ..Channel::PLAIN }, "values as they are".into()));
        }
        let (cut, how) =
            if hybig { (0.0, "least to greatest value") } else { (CUT, "2 to 98 % of the values") };
        let (low, high) = all.range(cut).unwrap_or((0.0, 1.0));
        let mut channel = Channel::stretched(low, high);
        if hybig {
            channel.truncate = true;
            channel.constant = channel.constant.map(|_| 0);
        }
        Ok((channel, format!("{} to {} ({how})", legend::number(low), legend::number(high))))
    }

    /// Opacity is never stretched: full is what its type or its values say.
    fn opacity(&self, alpha: &Layer, area: &Area) -> Result<Channel, WriteError> {
        use harmony_model::DType;
        if alpha.raster.dtype == DType::U8 && alpha.raster.packing.is_identity() {
            return Ok(Channel::PLAIN);
        }
        let values = self.values(alpha, area)?;
        let float = alpha.raster.dtype.is_float() || !alpha.raster.packing.is_identity();
        let full = match values.max {
            max if float && max <= 1.0 => 1.0,
            max if max <= 255.0 => 255.0,
            max if max <= 65_535.0 && !float && alpha.raster.dtype == DType::U16 => 65_535.0,
            max => max,
        };
        Ok(Channel::stretched(0.0, full))
    }
}

/// The rows in which GDAL looks for the approximate least and greatest value of a GeoTIFF whose bands lie pixel by
/// pixel: strips of about 8 KiB, of which there are *n*, each ⌊√*n*⌋-th.
fn sampled(area: &Area, bands: u64) -> Vec<Range<u64>> {
    let strip = (8192 / (area.width() * bands).max(1)).max(1);
    let strips = area.height().div_ceil(strip);
    let step = (strips.isqrt().max(1)) as usize;
    let rows = |i: u64| area.rows.start + i * strip..(area.rows.start + (i + 1) * strip).min(area.rows.end);
    (0..strips).step_by(step).map(rows).collect()
}

/// Colour table that the file gives the stored values of a variable of small integers.
pub fn embedded(granule: &Granule, raster: &Raster) -> Option<Vec<Rgba>> {
    let flat = granule.var(raster.var).attr("color_table")?.as_f64s()?;
    let byte = |v: f64| v.clamp(0.0, 255.0) as u8;
    let colours: Vec<Rgba> =
        flat.chunks_exact(4).map(|c| [byte(c[0]), byte(c[1]), byte(c[2]), byte(c[3])]).collect();
    (!raster.dtype.is_float() && raster.packing.is_identity() && (1..=256).contains(&colours.len()))
        .then_some(colours)
}

/// Stored values are indices.
fn stored(layer: &Layer, mut palette: Vec<Rgba>) -> Scheme {
    let colours = palette.len();
    let own = layer.raster.nodata.filter(|n| (0.0..colours as f64).contains(n)).map(|n| n as usize);
    let hidden = own.or_else(|| palette.iter().position(|c| c[3] == 0)).unwrap_or_else(|| {
        if colours < 256 {
            palette.push(TRANSPARENT);
        }
        palette.len() - 1
    });
    palette[hidden] = TRANSPARENT;
    let words = format!("{}: colour table of the file", layer.raster.path.trim_start_matches('/'));
    let index = Index { missing: hidden as u8, first: 0, rule: Rule::Stored(colours) };
    Scheme {
        ink: Ink::Palette(palette),
        brush: Brush::Index(index),
        legend: None,
        words,
        notices: Vec::new(),
    }
}

fn units(granule: &Granule, raster: &Raster) -> String {
    let text = granule.var(raster.var).attr_text("units").unwrap_or_default();
    let text = text.trim();
    if text.is_empty() || text == "1" { String::new() } else { format!(" {text}") }
}

/// Name of a variable for people, with units.
fn title(granule: &Granule, raster: &Raster) -> String {
    let var = granule.var(raster.var);
    let name = var.attr_text("long_name").map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    let units = units(granule, raster);
    let name = name.unwrap_or_else(|| var.name.clone());
    if units.is_empty() { name } else { format!("{name} ({})", units.trim()) }
}
