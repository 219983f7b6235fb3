//! Names of interpolation methods: one table of spellings for every door.

use crate::error::ModelError;

/// How values on a new grid come from those on the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interpolation {
    Nearest,
    Bilinear,
    Cubic,
    CubicSpline,
    Lanczos,
    Average,
    RootMeanSquare,
    Mode,
    Minimum,
    Maximum,
    Median,
    FirstQuartile,
    ThirdQuartile,
    Sum,
    /// Mean weighted by the overlapped area of cells (first order).
    Conservative,
    /// Elliptical weighted averaging of swath footprints.
    Ewa,
    /// The same weights, but the value of the heaviest footprint.
    EwaNearest,
}

use Interpolation::*;

/// Canonical name first, then other spellings; all in lower case.
const NAMES: [(Interpolation, &[&str]); 17] = [
    (
        Nearest,
        &[
            "near",
            "nearest",
            "nearest neighbor",
            "nearest neighbour",
            "nearest-neighbor",
            "nearest-neighbour",
            "nn",
        ],
    ),
    (Bilinear, &["bilinear", "bil", "bi"]),
    (Cubic, &["cubic", "bicubic", "cc"]),
    (CubicSpline, &["cubicspline"]),
    (Lanczos, &["lanczos"]),
    (Average, &["average"]),
    (RootMeanSquare, &["rms"]),
    (Mode, &["mode"]),
    (Minimum, &["min"]),
    (Maximum, &["max"]),
    (Median, &["med", "median"]),
    (FirstQuartile, &["q1"]),
    (ThirdQuartile, &["q3"]),
    (Sum, &["sum"]),
    (Conservative, &["conservative", "first-order conservative"]),
    (Ewa, &["ewa", "elliptical weighted averaging"]),
    (EwaNearest, &["ewa-nn", "ewa_nn"]),
];

impl Interpolation {
    /// From any accepted spelling, in any case.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] with the words of the reference service and the valid names.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        let name = text.trim().trim_matches('"').to_ascii_lowercase();
        let known = NAMES.iter().find(|(_, spellings)| spellings.contains(&name.as_str()));
        known.map(|(kind, _)| *kind).ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(kind, _)| kind.name()).collect();
            ModelError::Invalid(format!(
                "Unsupported interpolation method specified: {text}; choose one of {}",
                names.join(", ")
            ))
        })
    }

    /// The canonical name.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(kind, _)| *kind == self).map_or("near", |(_, spellings)| spellings[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_leads_to_its_method_and_canonical_names_come_back() {
        for (kind, spellings) in NAMES {
            for text in spellings {
                assert_eq!(Interpolation::parse(&text.to_uppercase()).unwrap(), kind);
            }
            assert_eq!(Interpolation::parse(kind.name()).unwrap(), kind);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let text = Interpolation::parse("foo").unwrap_err().to_string();
        assert!(text.starts_with("Unsupported interpolation method specified: foo"), "{text}");
        assert!(text.contains("bilinear"), "{text}");
    }
}
