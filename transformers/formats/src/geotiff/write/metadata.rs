//! `GDAL_METADATA`, `GDAL_NODATA` and what goes into them.

use harmony_model::{Attribute, DType, Granule, Variable};

use crate::raster::{Band, Raster, Statistics};

/// Attributes that say what tags of their own say, or that mean nothing in a raster.
const STRUCTURE: [&str; 22] = [
    "_FillValue",
    "missing_value",
    "scale_factor",
    "add_offset",
    "_Unsigned",
    "units",
    "grid_mapping",
    "coordinates",
    "bounds",
    "ancillary_variables",
    "cell_measures",
    "color_table",
    "color_interpretation",
    "DIMENSION_LABELS",
    "DIMENSION_LIST",
    "CLASS",
    "NAME",
    "REFERENCE_LIST",
    "_Netcdf4Dimid",
    "_Netcdf4Coordinates",
    "fullnamepath",
    "origname",
];

/// Longest text of an item; longer ones are not what a raster is read for.
const MAX_TEXT: usize = 16 << 10;

/// The XML of `GDAL_METADATA` in the making.
pub struct Metadata(String);

impl Metadata {
    pub fn new() -> Self {
        Metadata("<GDALMetadata>\n".into())
    }

    /// An item of the data set.
    pub fn item(&mut self, name: &str, value: &str) {
        self.0 += &format!("  <Item name=\"{}\">{}</Item>\n", escaped(name), escaped(value));
    }

    /// An item of a band, counted from 0.
    pub fn band_item(&mut self, band: usize, name: &str, value: &str) {
        self.0 +=
            &format!("  <Item name=\"{}\" sample=\"{band}\">{}</Item>\n", escaped(name), escaped(value));
    }

    fn role(&mut self, band: usize, role: &str, value: &str) {
        let name = role.to_uppercase();
        self.0 +=
            &format!("  <Item name=\"{name}\" sample=\"{band}\" role=\"{role}\">{}</Item>\n", escaped(value));
    }

    pub fn finish(self) -> String {
        self.0 + "</GDALMetadata>\n"
    }

    /// Attributes of a variable as items of the data set, or of one band.
    pub fn attributes(&mut self, var: &Variable, band: Option<usize>) {
        for attr in &var.attrs {
            let Some(value) = text_of(attr).filter(|_| !STRUCTURE.contains(&attr.name.as_str())) else {
                continue;
            };
            match band {
                Some(band) => self.band_item(band, &attr.name, &value),
                None => self.item(&attr.name, &value),
            }
        }
    }

    /// What GDAL keeps for a band: description, unit, scale and offset, values of its axes, statistics.
    pub fn band(&mut self, number: usize, var: &Variable, raster: &Raster, band: &Band, stats: &Statistics) {
        // `Band1` is what we call a band without description.
        if var.attr("long_name").is_some() || !band.axes.is_empty() || !is_numbered(&var.name) {
            self.role(number, "description", &band.description);
        }
        if let Some(units) = var.attr_text("units").filter(|u| !u.is_empty()) {
            self.role(number, "unittype", &units);
        }
        if raster.packing.scale != 1.0 || raster.packing.offset != 0.0 {
            // 0.2 in single precision means 0.2.
            let text = |name, value| var.attr(name).and_then(text_of).unwrap_or_else(|| number_text(value));
            self.role(number, "scale", &text("scale_factor", raster.packing.scale));
            self.role(number, "offset", &text("add_offset", raster.packing.offset));
        }
        for (axis, value) in &band.axes {
            self.band_item(number, axis, value);
        }
        if stats.count > 0 {
            self.band_item(number, "STATISTICS_MAXIMUM", &number_text(stats.max));
            self.band_item(number, "STATISTICS_MEAN", &number_text(stats.mean));
            self.band_item(number, "STATISTICS_MINIMUM", &number_text(stats.min));
            self.band_item(number, "STATISTICS_STDDEV", &number_text(stats.standard_deviation()));
        }
        // GDAL writes four significant digits.
        let percent = format!("{:.2}", stats.valid_percent());
        let percent = percent.trim_end_matches('0').trim_end_matches('.');
        self.band_item(number, "STATISTICS_VALID_PERCENT", percent);
    }

    /// What the granule says about itself: for rasters that were rasters all of it, else where it comes from.
    pub fn granule(&mut self, granule: &Granule) {
        let attrs = &granule.groups[0].attrs;
        if granule.format == "geotiff" {
            let own = |a: &&Attribute| !a.name.starts_with("TIFFTAG_") && a.name != "AREA_OR_POINT";
            for attr in attrs.iter().filter(own).filter(|a| a.name != "history") {
                if let Some(value) = text_of(attr) {
                    self.item(&attr.name, &value);
                }
            }
        }
        if let Some(history) = attrs.iter().find(|a| a.name == "history").and_then(Attribute::as_text) {
            self.item("PROCESSING_HISTORY", &history);
        }
    }
}

fn is_numbered(name: &str) -> bool {
    name.strip_prefix("Band").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The value of an attribute as GDAL writes it: numbers in braces when there are several.
fn text_of(attr: &Attribute) -> Option<String> {
    let text = match attr.as_texts() {
        Some(texts) => texts.join(","),
        None => {
            let single = attr.dtype == DType::F32;
            let numbers = attr.as_f64s()?;
            let one = |v: &f64| if single { number_text_single(*v as f32) } else { number_text(*v) };
            match numbers.as_slice() {
                [only] => one(only),
                several => format!("{{{}}}", several.iter().map(one).collect::<Vec<_>>().join(",")),
            }
        }
    };
    (!text.is_empty() && text.len() <= MAX_TEXT).then_some(text)
}

/// The shortest text that reads back as the same number.
pub fn number_text(v: f64) -> String {
    let plain = v.abs() < 1e17 && (v == 0.0 || v.abs() >= 1e-5);
    match v {
        v if v.is_nan() => "nan".into(),
        v if v == f64::INFINITY => "inf".into(),
        v if v == f64::NEG_INFINITY => "-inf".into(),
        v if plain => v.to_string(),
        v => format!("{v:e}"),
    }
}

fn number_text_single(v: f32) -> String {
    if v.is_finite() && v.abs() < 1e7 && (v == 0.0 || v.abs() >= 1e-5) {
        v.to_string()
    } else {
        number_text(f64::from(v))
    }
}

/// XML text: what can't stand in it is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_exactly() {
        for v in
            [-9999.0, 1e15, f64::from(1e15f32), f64::from(-9999.9f32), 9.969_209_968_386_869e36, 1e-7, 0.0]
        {
            assert_eq!(number_text(v).parse::<f64>().unwrap(), v);
        }
        assert_eq!(number_text(f64::NAN), "nan");
        assert_eq!(number_text_single(0.2), "0.2");
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(escaped("a<b & \"c\"\u{1}"), "a&lt;b &amp; &quot;c&quot;");
    }
}
