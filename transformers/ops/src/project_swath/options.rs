//! What a request means for a swath.

use harmony_model::request::{Compat, Request};
use harmony_model::{Interpolation, ModelError, ReadError};

use super::neighbours::REACH_M;
use super::scans::Scans;
use super::swath::Swath;

/// Methods that work on swaths, the usual one first.
const METHODS: [Interpolation; 4] =
    [Interpolation::EwaNearest, Interpolation::Ewa, Interpolation::Nearest, Interpolation::Bilinear];

/// Share of the weight that valid cells must hold.
const SHARE: f64 = 0.5;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    pub method: Interpolation,
    /// Search radius in metres, if it is fixed.
    pub radius_m: Option<f64>,
    /// The swath projector's answer is wanted.
    pub compat: bool,
    /// Share of the weight that valid cells must hold.
    pub share: f64,
}

impl Options {
    /// # Errors
    /// When the method does not work on swaths, or the radius is none.
    pub fn of(request: &Request) -> Result<Self, ModelError> {
        let compat = request.compat_is(Compat::SwathProjector);
        let method = request.target.interpolation.unwrap_or(METHODS[0]);
        if !METHODS.contains(&method) {
            let names: Vec<&str> = METHODS.iter().map(|m| m.name()).collect();
            return Err(ModelError::Invalid(format!(
                "Invalid value for interpolation type: \"{}\". On swaths it is one of {}",
                method.name(),
                names.join(", ")
            )));
        }
        let radius_m = request.target.search_radius_m.or(compat.then_some(REACH_M));
        if let Some(m) = radius_m
            && !(m.is_finite() && m > 0.0)
        {
            return Err(ModelError::Invalid(format!(
                "search radius {m} must be a positive number of metres"
            )));
        }
        Ok(Options { method, radius_m, compat, share: if compat { 0.0 } else { SHARE } })
    }

    /// The method for a swath; a line of samples has no cells, only neighbours.
    ///
    /// # Errors
    /// When another method was asked for a trajectory.
    pub fn method_for(
        &self,
        swath: &Swath,
        asked: Option<Interpolation>,
    ) -> Result<Interpolation, ModelError> {
        if !swath.is_line() {
            return Ok(self.method);
        }
        match asked {
            None | Some(Interpolation::Nearest) => Ok(Interpolation::Nearest),
            Some(other) => Err(ModelError::Invalid(format!(
                "Invalid value for interpolation type: \"{}\". A trajectory has positions along one axis only and is \
                 projected by near",
                other.name()
            ))),
        }
    }
}

#[derive(serde::Deserialize)]
struct Instruments {
    scan: Vec<Instrument>,
}

#[derive(serde::Deserialize)]
struct Instrument {
    rows: usize,
    names: Vec<String>,
}

/// The scans of a swath: those of its product, else what its positions tell, else the whole swath is one.
///
/// # Errors
/// When positions can't be read.
pub fn scans_of(swath: &Swath, product: Option<&str>) -> Result<Scans, ReadError> {
    let [rows, width] = swath.shape;
    let cols = Scans::looked_at(swath.shape);
    let cells: Vec<usize> = cols.iter().flat_map(|col| (0..rows).map(move |row| row * width + col)).collect();
    let places = swath.gather(&cells)?;
    let found = Scans::detect(&places.chunks_exact(rows.max(1)).collect::<Vec<_>>());
    let known: Instruments =
        toml::from_str(include_str!("scans.toml")).unwrap_or(Instruments { scan: Vec::new() });
    let product = product.unwrap_or_default();
    let entry = known.scan.iter().find(|i| i.names.iter().any(|n| matches(n.as_bytes(), product.as_bytes())));
    Ok(match (entry, found) {
        // A subset may begin within a scan: the positions tell where the next one begins.
        (Some(i), Scans::Of { rows, .. }) if rows == i.rows => found,
        (Some(i), _) if i.rows < 2 => Scans::Whole,
        (Some(i), _) if swath.shape[0].is_multiple_of(i.rows) => Scans::of_rows(i.rows),
        _ => found,
    })
}

/// Whether a name fits a pattern with `*` and `?`.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=name.len()).any(|i| matches(rest, &name[i..])),
        (Some((b'?', p)), Some((_, n))) => matches(p, n),
        (Some((a, p)), Some((b, n))) if a == b => matches(p, n),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_products_fit_the_table() {
        assert!(toml::from_str::<Instruments>(include_str!("scans.toml")).is_ok());
        assert!(matches(b"M?D05_L2*", b"MOD05_L2"));
        assert!(matches(b"V??02IMG*", b"VNP02IMG_NRT"));
        assert!(!matches(b"M?D05_L2*", b"MOD03"));
    }

    #[test]
    fn methods_for_grids_are_refused_with_the_ones_for_swaths() {
        let mut request = Request::default();
        assert_eq!(Options::of(&request).unwrap().method, Interpolation::EwaNearest);
        request.target.interpolation = Some(Interpolation::Cubic);
        let text = Options::of(&request).unwrap_err().to_string();
        assert!(text.contains("\"cubic\"") && text.contains("ewa-nn, ewa, near, bilinear"), "{text}");
        request.target.interpolation = Some(Interpolation::Nearest);
        request.target.search_radius_m = Some(-1.0);
        assert!(Options::of(&request).is_err());
    }
}
