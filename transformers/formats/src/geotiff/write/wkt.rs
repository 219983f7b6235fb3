//! Names and codes out of a WKT 1.

/// The part of a WKT 1 that begins with a keyword.
fn part<'a>(wkt: &'a str, keyword: &str) -> Option<&'a str> {
    wkt.match_indices(keyword)
        .map(|(at, _)| &wkt[at + keyword.len()..])
        .find_map(|rest| rest.strip_prefix('['))
}

/// The name of a part: its first text.
pub fn name_of<'a>(wkt: &'a str, keyword: &str) -> Option<&'a str> {
    part(wkt, keyword)?.strip_prefix('"')?.split('"').next()
}

/// The EPSG code of a part: that of its own `AUTHORITY`, not of the parts in it.
pub fn code_of(wkt: &str, keyword: &str) -> Option<u16> {
    let inner = part(wkt, keyword)?;
    let (mut depth, mut quoted) = (1, false);
    for (i, c) in inner.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '[' if !quoted => {
                depth += 1;
                if depth == 2 && inner[..i].ends_with("AUTHORITY") {
                    let code = inner[i..].strip_prefix("[\"EPSG\",\"")?;
                    return code.split('"').next()?.parse().ok();
                }
            }
            ']' if !quoted && depth == 1 => return None,
            ']' if !quoted => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_the_inner_system_is_found() {
        let wkt = "PROJCS[\"x]\",GEOGCS[\"WGS 84\",DATUM[\"W\",SPHEROID[\"S\",6378137,298,AUTHORITY[\"EPSG\",\"7030\"]],\
                   AUTHORITY[\"EPSG\",\"6326\"]],AUTHORITY[\"EPSG\",\"4326\"]],AUTHORITY[\"EPSG\",\"3857\"]]";
        assert_eq!((code_of(wkt, "GEOGCS"), code_of(wkt, "SPHEROID")), (Some(4326), Some(7030)));
        assert_eq!(name_of(wkt, "DATUM"), Some("W"));
        assert_eq!(code_of("GEOGCS[\"u\",DATUM[\"d\",SPHEROID[\"s\",1,0]]]", "GEOGCS"), None);
    }
}
