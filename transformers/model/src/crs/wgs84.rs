//! WGS 84 in longitude and latitude, as PROJ 9.1 describes it. Nearly all granules are on it, and loading PROJ with its
//! database (and the libraries that it is linked with) takes longer than much of what is asked of them.

use super::info::Info;

/// The realisations that EPSG counts.
const MEMBERS: [&str; 7] = ["Transit", "G730", "G873", "G1150", "G1674", "G1762", "G2139"];
const DEGREE: &str = r#"UNIT["degree",0.0174532925199433"#;
const RADIUS: f64 = 6_378_137.0;
const INVERSE_FLATTENING: f64 = 298.257_223_563;

/// What is to be known about `EPSG:4326` and `OGC:CRS84`, under these very names.
pub(super) fn info(definition: &str) -> Option<Info> {
    let (name, scope, north_first) = match definition {
        "EPSG:4326" => ("WGS 84", "Horizontal component of 3D system.", true),
        "OGC:CRS84" => ("WGS 84 (CRS84)", "Not known.", false),
        _ => return None,
    };
    let (authority, code) = definition.split_once(':')?;
    let [wkt2_code, wkt1_code] = match authority {
        "EPSG" => [code.to_owned(), format!("\"{code}\"")],
        _ => [format!("\"{code}\""), format!("\"{code}\"")],
    };
    Some(Info::known(
        definition,
        name,
        north_first,
        wkt2(name, scope, north_first, &format!("ID[\"{authority}\",{wkt2_code}]")),
        wkt1(name, &format!("AUTHORITY[\"{authority}\",{wkt1_code}]")),
        ("WGS 84".into(), RADIUS, INVERSE_FLATTENING),
    ))
}

fn wkt2(name: &str, scope: &str, north_first: bool, id: &str) -> String {
    let members: String =
        MEMBERS.iter().map(|m| format!("MEMBER[\"World Geodetic System 1984 ({m})\"],")).collect();
    let mut axes = [("latitude (Lat)", "north"), ("longitude (Lon)", "east")];
    if !north_first {
        axes.reverse();
    }
    let axis = |(i, (name, direction)): (usize, &(&str, &str))| {
        format!("AXIS[\"geodetic {name}\",{direction},ORDER[{}],ANGLE{DEGREE}]],", i + 1)
    };
    let axes: String = axes.iter().enumerate().map(axis).collect();
    format!(
        "GEOGCRS[\"{name}\",ENSEMBLE[\"World Geodetic System 1984 ensemble\",{members}\
         ELLIPSOID[\"WGS 84\",{RADIUS},{INVERSE_FLATTENING},LENGTHUNIT[\"metre\",1]],ENSEMBLEACCURACY[2.0]],\
         PRIMEM[\"Greenwich\",0,ANGLE{DEGREE}]],CS[ellipsoidal,2],{axes}\
         USAGE[SCOPE[\"{scope}\"],AREA[\"World.\"],BBOX[-90,-180,90,180]],{id}]"
    )
}

fn wkt1(name: &str, id: &str) -> String {
    format!(
        "GEOGCS[\"{name}\",DATUM[\"WGS_1984\",\
         SPHEROID[\"WGS 84\",{RADIUS},{INVERSE_FLATTENING},AUTHORITY[\"EPSG\",\"7030\"]],\
         AUTHORITY[\"EPSG\",\"6326\"]],PRIMEM[\"Greenwich\",0,AUTHORITY[\"EPSG\",\"8901\"]],\
         {DEGREE},AUTHORITY[\"EPSG\",\"9122\"]],{id}]"
    )
}

#[cfg(test)]
mod tests {
    use super::super::ffi::Object;
    use super::*;

    /// Texts of other versions of PROJ may differ in the realisations that they list.
    #[test]
    fn proj_knows_it_as_the_same() {
        for definition in ["EPSG:4326", "OGC:CRS84"] {
            let Ok(object) = Object::create(definition) else { return println!("skipped: PROJ is missing") };
            let (ours, theirs) = (info(definition).unwrap(), Info::ask(definition).unwrap());
            assert_eq!((&ours.name, ours.geographic), (&theirs.name, theirs.geographic));
            assert_eq!(
                (ours.north_first, ours.units_to_degree),
                (theirs.north_first, theirs.units_to_degree)
            );
            assert_eq!((&ours.proj_string, &ours.wkt1_gdal), (&theirs.proj_string, &theirs.wkt1_gdal));
            assert_eq!((ours.area_of_use, &ours.ellipsoid), (theirs.area_of_use, &theirs.ellipsoid));
            assert_eq!(ours.authority_code(), theirs.authority_code());
            assert_eq!(
                (ours.prime_meridian, ours.units_to_metre),
                (theirs.prime_meridian, theirs.units_to_metre)
            );
            let text = ours.wkt2.as_ref().unwrap();
            assert!(Object::create(text).unwrap().is_equivalent(&object), "{text}");
            if theirs.wkt2.as_ref().is_some_and(|t| t.contains("G2139") && !t.contains("G2296")) {
                assert_eq!(ours.wkt2, theirs.wkt2);
            }
        }
        assert!(info("EPSG:4269").is_none());
    }
}
