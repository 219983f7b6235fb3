//! `GDAL_METADATA`, `GDAL_NODATA` and the texts of plain TIFF.

use harmony_model::ReadError;

use super::super::tags;
use super::tiff::Directory;

/// What GDAL keeps beside the pixels.
#[derive(Debug, Default, PartialEq)]
pub struct Metadata {
    pub dataset: Vec<(String, String)>,
    /// By band.
    pub bands: Vec<BandMetadata>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct BandMetadata {
    pub items: Vec<(String, String)>,
    pub description: String,
    pub unit: String,
    pub scale: Option<f64>,
    pub offset: Option<f64>,
}

/// Plain tags by the names GDAL gives them.
const TEXTS: [(u16, &str); 7] = [
    (269, "TIFFTAG_DOCUMENTNAME"),
    (270, "TIFFTAG_IMAGEDESCRIPTION"),
    (305, "TIFFTAG_SOFTWARE"),
    (306, "TIFFTAG_DATETIME"),
    (315, "TIFFTAG_ARTIST"),
    (316, "TIFFTAG_HOSTCOMPUTER"),
    (33432, "TIFFTAG_COPYRIGHT"),
];
const RATIONALS: [(u16, &str); 2] = [(282, "TIFFTAG_XRESOLUTION"), (283, "TIFFTAG_YRESOLUTION")];
const SHORTS: [(u16, &str); 2] = [(280, "TIFFTAG_MINSAMPLEVALUE"), (281, "TIFFTAG_MAXSAMPLEVALUE")];
const RESOLUTION_UNIT: u16 = 296;

impl Metadata {
    /// # Errors
    /// When a tag can't be read. Metadata that can't be understood are left out: the pixels are right without them.
    pub fn of(d: &Directory, bands: usize, raster_type: Option<&str>) -> Result<Self, ReadError> {
        let mut out = Metadata { dataset: Vec::new(), bands: vec![BandMetadata::default(); bands] };
        for (tag, name) in TEXTS {
            if let Some(text) = d.text(tag)? {
                out.dataset.push((name.into(), text));
            }
        }
        for (tag, name) in RATIONALS {
            if let Some(&value) = d.doubles(tag)?.as_deref().and_then(<[f64]>::first) {
                out.dataset.push((name.into(), general(value)));
            }
        }
        for (tag, name) in SHORTS {
            if let Some(&value) = d.numbers(tag)?.as_deref().and_then(<[u64]>::first) {
                out.dataset.push((name.into(), value.to_string()));
            }
        }
        if let Some(&unit) = d.numbers(RESOLUTION_UNIT)?.as_deref().and_then(<[u64]>::first) {
            let text =
                ["1 (unitless)", "2 (pixels/inch)", "3 (pixels/cm)"].get(unit.wrapping_sub(1) as usize);
            out.dataset.extend(text.map(|t| ("TIFFTAG_RESOLUTIONUNIT".into(), (*t).into())));
        }
        if let Some(xml) = d.text(tags::GDAL_METADATA)? {
            out.add_xml(&xml);
        }
        out.dataset.extend(raster_type.map(|t| ("AREA_OR_POINT".into(), t.into())));
        Ok(out)
    }

    fn add_xml(&mut self, xml: &str) {
        let Ok(document) = roxmltree::Document::parse(xml) else { return };
        for item in document.root_element().children().filter(|n| n.has_tag_name("Item")) {
            let Some(name) = item.attribute("name") else { continue };
            let text = item.text().unwrap_or_default();
            // Other domains hold what is meant for other programs.
            if item.attribute("domain").is_some_and(|d| !d.is_empty()) {
                continue;
            }
            let Some(sample) = item.attribute("sample") else {
                self.dataset.push((name.into(), text.into()));
                continue;
            };
            let Some(band) = sample.parse().ok().and_then(|i: usize| self.bands.get_mut(i)) else { continue };
            match item.attribute("role") {
                Some("description") => band.description = text.into(),
                Some("unittype") => band.unit = text.into(),
                Some("scale") => band.scale = text.trim().parse().ok(),
                Some("offset") => band.offset = text.trim().parse().ok(),
                Some("colorinterp") => {}
                _ => band.items.push((name.into(), text.into())),
            }
        }
    }
}

/// A number with at most eight significant digits, as C's `%.8g` prints it.
fn general(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let exponent = value.abs().log10().floor() as i32;
    if !(-5..8).contains(&exponent) {
        return format!("{value:.7e}");
    }
    let decimals = usize::try_from(7 - exponent).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

/// The number of `GDAL_NODATA`: C's spellings of the special ones too.
pub fn nodata(text: &str) -> Option<f64> {
    let text = text.trim().to_ascii_lowercase();
    match text.as_str() {
        "nan" | "-nan" | "1.#qnan" | "-1.#ind" => Some(f64::NAN),
        "inf" | "1.#inf" => Some(f64::INFINITY),
        "-inf" | "-1.#inf" => Some(f64::NEG_INFINITY),
        other => other.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_find_their_band_and_role() {
        let mut m = Metadata { bands: vec![BandMetadata::default(); 2], ..Metadata::default() };
        m.add_xml(
            "<GDALMetadata><Item name=\"A\">1 &lt; 2</Item><Item name=\"SCALE\" sample=\"1\" role=\"scale\">0.5</Item>\
             <Item name=\"B\" sample=\"1\">x</Item><Item name=\"C\" sample=\"9\">y</Item>\
             <Item name=\"D\" domain=\"RPC\">z</Item></GDALMetadata>",
        );
        assert_eq!(m.dataset, [("A".to_owned(), "1 < 2".to_owned())]);
        assert_eq!((m.bands[1].scale, m.bands[1].items.len(), m.bands[0].items.len()), (Some(0.5), 1, 0));
        m.add_xml("<broken");
    }

    #[test]
    fn numbers_look_like_those_of_c() {
        assert_eq!(
            (general(72.0), general(0.1), general(300.5)),
            ("72".into(), "0.1".into(), "300.5".into())
        );
        assert!(nodata("nan").unwrap().is_nan());
        assert_eq!((nodata(" -9999 "), nodata("x")), (Some(-9999.0), None));
    }
}
