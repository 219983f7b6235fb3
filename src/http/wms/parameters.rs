//! The parameters of a WMS request: names in any case, values as they are.

use super::exception::Exception;
use crate::request::query::parse_query;

/// Parameters by lower-case name, in the order of the request.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    all: Vec<(String, String)>,
    /// Names as the client wrote them.
    written: Vec<String>,
}

/// Names that GetMap of the reference takes, in its order.
const REFERENCE: [&str; 19] = [
    "SERVICE",
    "REQUEST",
    "VERSION",
    "LAYERS",
    "CRS",
    "BBOX",
    "FORMAT",
    "STYLES",
    "WIDTH",
    "HEIGHT",
    "TRANSPARENT",
    "DPI",
    "MAP_RESOLUTION",
    "SRS",
    "BGCOLOR",
    "EXCEPTIONS",
    "GRANULEID",
    "GRANULENAME",
    "SKIPPREVIEW",
];

/// Further names that are understood, and at the end those that clients send and that mean nothing here.
const OURS: [&str; 18] = [
    "TIME",
    "ELEVATION",
    "RESCALE",
    "COLORSCALERANGE",
    "LOGSCALE",
    "QUERY_LAYERS",
    "INFO_FORMAT",
    "FEATURE_COUNT",
    "I",
    "J",
    "X",
    "Y",
    "LAYER",
    "STYLE",
    "FORMAT_OPTIONS",
    "TILED",
    "SLD_VERSION",
    "RULE",
];

impl Parameters {
    pub fn parse(query: &str) -> Self {
        let all = parse_query(query);
        let written = all.iter().map(|p| p.name.clone()).collect();
        let one = |p: crate::request::query::Parameter| (p.name.to_ascii_lowercase(), p.value());
        Parameters { all: all.into_iter().map(one).collect(), written }
    }

    /// The value of the first parameter of that (lower-case) name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// As [`Parameters::get`], nothing for an empty value.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).map(str::trim).filter(|v| !v.is_empty())
    }

    /// The parts of a list; none for an empty value.
    pub fn list(&self, name: &str) -> Vec<String> {
        match self.filled(name) {
            Some(text) => text.split(',').map(|t| t.trim().to_owned()).collect(),
            None => Vec::new(),
        }
    }

    /// Values along axes besides time: `ELEVATION` and `DIM_<name>`.
    pub fn axes(&self) -> Vec<(String, String)> {
        let one = |(name, value): &(String, String)| {
            let axis = match name.as_str() {
                "elevation" => "elevation",
                other => other.strip_prefix("dim_")?,
            };
            (!value.trim().is_empty()).then(|| (axis.to_owned(), value.trim().to_owned()))
        };
        self.all.iter().filter_map(one).collect()
    }

    /// # Errors
    /// For a parameter that is given twice with different values: which one is meant can't be known.
    pub fn check_doubled(&self) -> Result<(), Exception> {
        for (i, (name, value)) in self.all.iter().enumerate() {
            if self.all[..i].iter().any(|(n, v)| n == name && v != value) {
                let name = name.chars().take(80).collect::<String>().to_ascii_uppercase();
                return Err(Exception::reference(format!(
                    "Query parameter \"{name}\" is given more than once; give it once, lists with commas"
                )));
            }
        }
        Ok(())
    }

    /// # Errors
    /// For names that are not known, in the words of the reference, with what is known besides.
    pub fn check_names(&self) -> Result<(), Exception> {
        let mut wrong: Vec<String> = Vec::new();
        for ((name, _), written) in self.all.iter().zip(&self.written) {
            let upper = name.to_ascii_uppercase();
            let known = REFERENCE.contains(&upper.as_str())
                || OURS.contains(&upper.as_str())
                || name.starts_with("dim_");
            if !known && !wrong.contains(written) {
                wrong.push(written.chars().take(80).collect());
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let allowed =
            [&REFERENCE[..REFERENCE.len() - 1], &OURS[..], &REFERENCE[REFERENCE.len() - 1..]].concat();
        Err(Exception::reference(format!(
            "Invalid parameter(s): {}. Allowed parameters are: {}, DIM_<name>, and {}.",
            joined(&wrong),
            allowed[..allowed.len() - 1].join(", "),
            allowed[allowed.len() - 1],
        )))
    }

    /// # Errors
    /// For names (lower case) that are missing, in the words of the reference.
    pub fn require(&self, names: &[&str]) -> Result<(), Exception> {
        let missing: Vec<String> = names
            .iter()
            .filter(|n| self.get(n).is_none())
            .map(|n| format!("\"{}\"", n.to_ascii_uppercase()))
            .collect();
        match &missing[..] {
            [] => Ok(()),
            [one] => Err(Exception::reference(format!("Query parameter {one} is required"))),
            many => Err(Exception::reference(format!("Query parameters {} are required", many.join(",")))),
        }
    }

    /// The same text for requests that mean the same: a key of answers.
    pub fn canonical(&self) -> String {
        let mut all: Vec<String> = self.all.iter().map(|(n, v)| format!("{n}={v}")).collect();
        all.sort();
        all.join("&")
    }
}

/// `a`, `a and b`, `a, b, and c`.
fn joined(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [a, b] => format!("{a} and {b}"),
        [all @ .., last] => format!("{}, and {last}", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case_and_lists_have_commas_of_both_kinds() {
        let p = Parameters::parse("LAYERS=a%2Cb,c&Styles=&Dim_Band=3&ELEVATION=10&x");
        assert_eq!(p.list("layers"), ["a", "b", "c"]);
        assert_eq!((p.get("styles"), p.filled("styles")), (Some(""), None));
        assert_eq!(
            p.axes(),
            [("band".to_owned(), "3".to_owned()), ("elevation".to_owned(), "10".to_owned())]
        );
        assert!(p.check_names().is_ok());
    }

    #[test]
    fn wrong_missing_and_doubled_ones_are_named() {
        let p = Parameters::parse("invalidParam=yes&anotherInvalidParam=ok&width=1&width=2");
        let text = p.check_names().unwrap_err().message();
        assert!(
            text.starts_with("Invalid parameter(s): invalidParam and anotherInvalidParam. Allowed"),
            "{text}"
        );
        assert_eq!(
            p.require(&["layers", "crs"]).unwrap_err().message(),
            "Query parameters \"LAYERS\",\"CRS\" are required"
        );
        assert_eq!(p.require(&["styles"]).unwrap_err().message(), "Query parameter \"STYLES\" is required");
        assert!(p.check_doubled().unwrap_err().message().contains("\"WIDTH\""));
        assert!(Parameters::parse("a=1&A=1").check_doubled().is_ok());
    }
}
