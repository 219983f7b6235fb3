//! Well-known text of geometries, as EDR `coords` has it.

use harmony_model::ModelError;
use harmony_model::geometry::Part;

const EXAMPLE: &str =
    "write for example POINT (30 10), POLYGON ((30 10, 40 40, 20 40, 30 10)) or LINESTRING (30 10, 10 30)";

/// The parts of a WKT geometry (`POINT`, `MULTIPOINT`, `LINESTRING`, `MULTILINESTRING`, `POLYGON`, `MULTIPOLYGON`,
/// any case, with Z and M, which are not used). `EMPTY` has none.
///
/// # Errors
/// [`ModelError::Invalid`] naming text and place.
pub fn parse_wkt(text: &str) -> Result<Vec<Part>, ModelError> {
    let mut reader = Reader { text, at: 0 };
    let parts = reader.geometry().and_then(|parts| reader.end().map(|()| parts));
    parts.map_err(|detail| {
        let shown: String = text.chars().take(80).collect();
        ModelError::Invalid(format!(
            "'{shown}' is not a WKT geometry: {detail} at character {}; {EXAMPLE}",
            reader.at + 1
        ))
    })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn word(&mut self) -> String {
        let rest = self.rest();
        let len = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        self.at += len;
        rest[..len].to_ascii_uppercase()
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        self.at += if found { c.len_utf8() } else { 0 };
        found
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        if self.take(c) { Ok(()) } else { Err(format!("'{c}' is missing")) }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.rest().is_empty() { Ok(()) } else { Err("there is more after its end".into()) }
    }

    fn geometry(&mut self) -> Result<Vec<Part>, String> {
        let kind = self.word();
        let mut word = self.word();
        if matches!(word.as_str(), "Z" | "M" | "ZM") {
            word = self.word();
        }
        match word.as_str() {
            "EMPTY" => return Ok(Vec::new()),
            "" => {}
            other => return Err(format!("'{other}' is not understood")),
        }
        match kind.trim_end_matches(['Z', 'M']) {
            "POINT" => self.list(|r| r.position().map(Part::Point)).and_then(|points| match points.len() {
                1 => Ok(points),
                n => Err(format!("a POINT with {n} positions")),
            }),
            "MULTIPOINT" => self.list(|r| {
                let bracket = r.take('(');
                let point = r.position().map(Part::Point)?;
                if bracket { r.expect(')').map(|()| point) } else { Ok(point) }
            }),
            "LINESTRING" => self.positions().map(|line| vec![Part::Line(line)]),
            "MULTILINESTRING" => self.list(|r| r.positions().map(Part::Line)),
            "POLYGON" => self.rings().map(|rings| vec![Part::Polygon(rings)]),
            "MULTIPOLYGON" => self.list(|r| r.rings().map(Part::Polygon)),
            "" => Err("there is no geometry".into()),
            other => Err(format!("'{other}' is not a geometry we know")),
        }
    }

    fn rings(&mut self) -> Result<Vec<Vec<[f64; 2]>>, String> {
        self.list(Reader::positions)
    }

    fn positions(&mut self) -> Result<Vec<[f64; 2]>, String> {
        self.list(Reader::position)
    }

    /// `( item, item, … )`
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T, String>) -> Result<Vec<T>, String> {
        self.expect('(')?;
        let mut items = vec![item(self)?];
        while self.take(',') {
            items.push(item(self)?);
        }
        self.expect(')').map(|()| items)
    }

    /// Two numbers; further ones (height, measure) are not used.
    fn position(&mut self) -> Result<[f64; 2], String> {
        let position = [self.number()?, self.number()?];
        for _ in 0..2 {
            if self.rest().starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
                self.number()?;
            }
        }
        Ok(position)
    }

    fn number(&mut self) -> Result<f64, String> {
        let rest = self.rest();
        let len =
            rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')')).unwrap_or(rest.len());
        let value = rest[..len].parse::<f64>().ok().filter(|v| v.is_finite());
        let value = value.ok_or_else(|| {
            format!("'{}' is not a number", rest[..len].chars().take(20).collect::<String>())
        })?;
        self.at += len;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_of_geometry() {
        let ring = vec![[30.0, 10.0], [40.0, 40.0], [20.0, 40.0], [30.0, 10.0]];
        let square = "((30 10, 40 40, 20 40, 30 10))";
        for (text, parts) in [
            ("POINT (30 10)".to_owned(), vec![Part::Point([30.0, 10.0])]),
            ("point z(30 -1e1 5)".into(), vec![Part::Point([30.0, -10.0])]),
            (
                "MULTIPOINT ((30 10), (40 40))".into(),
                vec![Part::Point([30.0, 10.0]), Part::Point([40.0, 40.0])],
            ),
            ("MULTIPOINT(30 10,40 40)".into(), vec![Part::Point([30.0, 10.0]), Part::Point([40.0, 40.0])]),
            ("LINESTRING (30 10, 40 40)".into(), vec![Part::Line(vec![[30.0, 10.0], [40.0, 40.0]])]),
            (format!("POLYGON {square}"), vec![Part::Polygon(vec![ring.clone()])]),
            (format!("MultiPolygon ({square}, {square})"), vec![Part::Polygon(vec![ring.clone()]); 2]),
            ("POLYGON EMPTY".into(), vec![]),
        ] {
            assert_eq!(parse_wkt(&text).unwrap(), parts, "{text}");
        }
    }

    #[test]
    fn wrong_texts_name_the_place() {
        for (text, words) in [
            ("POINT 30 10", "'(' is missing at character 7"),
            ("POINT (30)", "'' is not a number"),
            ("CIRCLE (1 2)", "'CIRCLE'"),
            ("", "no geometry"),
            ("POLYGON ((1 2, 3 4)) x", "more after its end"),
            ("POINT (1 2, 3 4)", "2 positions"),
        ] {
            let message = parse_wkt(text).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_an_answer(text in "(POINT|MULTIPOLYGON|LINESTRING|)[ ()0-9,.eéZ-]{0,40}") {
            let _ = parse_wkt(&text);
        }
    }
}
