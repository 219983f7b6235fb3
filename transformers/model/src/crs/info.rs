//! What PROJ knows about a definition, asked once.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, RwLock};

use super::ffi::{Object, kind};
use super::wgs84;

/// Answers about one definition.
pub(super) struct Info {
    definition: String,
    pub name: Option<String>,
    pub geographic: bool,
    pub units_to_metre: Option<f64>,
    /// Degrees in one unit of geographic axes; 1 but for the few systems in grads.
    pub units_to_degree: f64,
    pub north_first: bool,
    pub wkt2: Option<String>,
    pub wkt1_gdal: Option<String>,
    pub proj_string: Option<String>,
    pub area_of_use: Option<[f64; 4]>,
    /// Name, semi-major axis in metres, inverse flattening.
    pub ellipsoid: Option<(String, f64, f64)>,
    /// Degrees east of Greenwich.
    pub prime_meridian: f64,
    own_id: Option<String>,
    /// Looking through the database takes long: only when asked.
    identified: OnceLock<Option<String>>,
}

/// A server meets few systems, an attacker many.
const REMEMBERED: usize = 256;

/// The answers for a definition; `None` when PROJ is missing or does not understand it.
pub(super) fn of(definition: &str) -> Option<Arc<Info>> {
    static KNOWN: OnceLock<RwLock<HashMap<String, Arc<Info>>>> = OnceLock::new();
    let known = KNOWN.get_or_init(RwLock::default);
    let seen = known.read().ok().and_then(|k| k.get(definition).cloned());
    if seen.is_some() {
        return seen;
    }
    let info = Arc::new(wgs84::info(definition).or_else(|| Info::ask(definition))?);
    if let Ok(mut known) = known.write() {
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(definition.into(), info.clone());
    }
    Some(info)
}

/// Whether two definitions mean the same coordinates.
pub(super) fn equivalent(a: &str, b: &str) -> bool {
    let (Ok(a), Ok(b)) = (Object::create(a), Object::create(b)) else { return false };
    a.is_equivalent(&b)
}

impl Info {
    /// Of a system in degrees from Greenwich that is valid everywhere, without asking.
    pub fn known(
        definition: &str,
        name: &str,
        north_first: bool,
        wkt2: String,
        wkt1_gdal: String,
        ellipsoid: (String, f64, f64),
    ) -> Self {
        Info {
            definition: definition.into(),
            name: Some(name.into()),
            geographic: true,
            units_to_metre: None,
            units_to_degree: 1.0,
            north_first,
            wkt2: Some(wkt2),
            wkt1_gdal: Some(wkt1_gdal),
            proj_string: Some("+proj=longlat +datum=WGS84 +no_defs +type=crs".into()),
            area_of_use: Some([-180.0, -90.0, 180.0, 90.0]),
            ellipsoid: Some(ellipsoid),
            prime_meridian: 0.0,
            own_id: Some(definition.into()),
            identified: OnceLock::new(),
        }
    }

    pub fn ask(definition: &str) -> Option<Self> {
        let object = Object::create(definition).ok()?;
        // The plane part of compound and bound systems says what the coordinates are.
        let inner = object.inner_crs().map(|part| part.inner_crs().unwrap_or(part));
        let plane = inner.as_ref().unwrap_or(&object);
        let axis = plane.first_axis();
        let angular = matches!(plane.kind(), kind::GEOGRAPHIC_2D | kind::GEOGRAPHIC_3D);
        let factor = axis.as_ref().map(|a| a.1).filter(|f| *f > 0.0);
        let degrees = factor.filter(|_| angular).map_or(1.0, f64::to_degrees);
        Some(Info {
            definition: definition.into(),
            name: object.name().filter(|n| n != "unknown"),
            geographic: angular && !plane.is_derived(),
            units_to_metre: factor.filter(|_| !angular),
            units_to_degree: if (degrees - 1.0).abs() < 1e-9 { 1.0 } else { degrees },
            north_first: axis.is_some_and(|(name, _)| {
                let name = name.to_ascii_lowercase();
                name.contains("north") || name.contains("latitude")
            }),
            wkt2: object.wkt2(),
            wkt1_gdal: object.wkt1_gdal(),
            proj_string: object.proj_string(),
            area_of_use: object.area_of_use(),
            ellipsoid: plane.ellipsoid(),
            prime_meridian: plane.prime_meridian().unwrap_or(0.0),
            own_id: object.id(),
            identified: OnceLock::new(),
        })
    }

    pub fn authority_code(&self) -> Option<String> {
        let ask = || Object::create(&self.definition).ok()?.identify();
        self.own_id.clone().or_else(|| self.identified.get_or_init(ask).clone())
    }
}
