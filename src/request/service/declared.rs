//! What the API's description says about parameters: names, types and bounds, and the messages about them.

use super::fields::{Field, Fields, Origin};
use super::refusal::{Refusal, joined};

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Text,
    Choice(&'static [&'static str]),
    Integer {
        min: f64,
        max: f64,
    },
    Numbers {
        least: usize,
        most: usize,
        min: f64,
    },
    /// Texts; `filled`: none of them empty.
    List {
        filled: bool,
    },
}

/// A parameter of a route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Declared {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
}

const fn text(name: &'static str) -> Declared {
    Declared { name, kind: Kind::Text, required: false }
}

const fn required(name: &'static str) -> Declared {
    Declared { name, kind: Kind::Text, required: true }
}

const fn list(name: &'static str, filled: bool) -> Declared {
    Declared { name, kind: Kind::List { filled }, required: false }
}

const fn integer(name: &'static str) -> Declared {
    Declared { name, kind: Kind::Integer { min: 1.0, max: f64::INFINITY }, required: false }
}

const fn numbers(name: &'static str, count: usize, min: f64) -> Declared {
    Declared { name, kind: Kind::Numbers { least: count, most: count, min }, required: false }
}

const NO_MIN: f64 = f64::NEG_INFINITY;

/// Parameters of a Coverages rangeset, in the order in which messages list them.
pub const COVERAGES: &[Declared] = &[
    text("collectionId"),
    text("outputCrs"),
    list("subset", false),
    text("interpolation"),
    numbers("scaleExtent", 4, NO_MIN),
    numbers("scaleSize", 2, 0.0),
    text("concatenate"),
    list("granuleId", true),
    numbers("point", 2, NO_MIN),
    integer("width"),
    integer("height"),
    text("format"),
    text("forceAsync"),
    text("serviceId"),
    integer("maxResults"),
    text("skipPreview"),
    text("ignoreErrors"),
    text("destinationUrl"),
    list("granuleName", true),
    text("grid"),
    text("extend"),
    list("variable", true),
    text("average"),
    list("label", true),
    text("pixelSubset"),
];

/// Parameters that all EDR queries have, after those of their own.
const EDR_COMMON: &[Declared] = &[
    text("f"),
    list("subset", false),
    text("interpolation"),
    numbers("scaleExtent", 4, NO_MIN),
    numbers("scaleSize", 2, 0.0),
    text("concatenate"),
    list("granuleId", true),
    integer("width"),
    integer("height"),
    text("forceAsync"),
    text("serviceId"),
    integer("maxResults"),
    text("skipPreview"),
    text("ignoreErrors"),
    text("destinationUrl"),
    list("granuleName", true),
    text("grid"),
    text("extend"),
    text("average"),
    list("label", true),
    text("pixelSubset"),
];

/// Parameters of the lists of collections and items.
pub const LISTING: &[Declared] = &[
    Declared { name: "limit", kind: Kind::Integer { min: 1.0, max: 10_000.0 }, required: false },
    Declared { name: "bbox", kind: Kind::Numbers { least: 4, most: 6, min: NO_MIN }, required: false },
    text("time"),
    Declared { name: "f", kind: Kind::Choice(&["json", "html"]), required: false },
];

/// A kind of EDR query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdrQuery {
    Position,
    Area,
    Cube,
    Trajectory,
    Radius,
    Corridor,
}

impl EdrQuery {
    pub const ALL: [EdrQuery; 6] = [
        EdrQuery::Position,
        EdrQuery::Area,
        EdrQuery::Cube,
        EdrQuery::Trajectory,
        EdrQuery::Radius,
        EdrQuery::Corridor,
    ];

    /// Its name in paths.
    pub fn name(self) -> &'static str {
        match self {
            EdrQuery::Position => "position",
            EdrQuery::Area => "area",
            EdrQuery::Cube => "cube",
            EdrQuery::Trajectory => "trajectory",
            EdrQuery::Radius => "radius",
            EdrQuery::Corridor => "corridor",
        }
    }

    /// By its name in paths, in any case.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|q| q.name().eq_ignore_ascii_case(name))
    }

    /// Parameters of the query, in the order in which messages list them.
    pub fn declared(self) -> Vec<Declared> {
        let mut out = vec![text("collectionId")];
        out.push(if self == EdrQuery::Cube { text("bbox") } else { required("coords") });
        match self {
            EdrQuery::Radius => out.extend([required("within"), required("within-units")]),
            EdrQuery::Corridor => out.extend([
                required("corridor-width"),
                required("width-units"),
                required("corridor-height"),
                required("height-units"),
            ]),
            _ => {}
        }
        out.extend([text("z"), text("datetime"), list("parameter-name", false), text("crs")]);
        if self == EdrQuery::Area {
            out.extend([text("resolution-x"), text("resolution-y")]);
        }
        out.extend_from_slice(EDR_COMMON);
        out
    }
}

/// Checks the parameters of a query string and brings them into the form of their types.
///
/// # Errors
/// [`Refusal::Undescribed`] with all that is wrong.
pub fn check(fields: &mut Fields, declared: &[Declared], with_required: bool) -> Result<(), Refusal> {
    let mut wrong = Vec::new();
    for d in declared.iter().filter(|d| with_required && d.required && fields.exact(d.name).is_none()) {
        wrong.push(format!("query parameter \"{0}\" should have required property '{0}'", d.name));
    }
    for d in declared {
        if let Some(field) = fields.list.iter_mut().find(|f| f.name == d.name && f.origin == Origin::Query) {
            check_field(field, d.kind, &mut wrong);
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Refusal::Undescribed(wrong.join("\n\t"))) }
}

fn check_field(field: &mut Field, kind: Kind, wrong: &mut Vec<String>) {
    let name = field.name.clone();
    let mut say = |place: &str, what: &str| wrong.push(format!("query parameter \"{name}{place}\" {what}"));
    match kind {
        Kind::Text => field.values = vec![field.text()],
        Kind::Choice(allowed) => {
            field.values = vec![field.text()];
            if !allowed.contains(&field.values[0].as_str()) {
                say("", "should be equal to one of the allowed values");
            }
        }
        Kind::Integer { min, max } => match number(&field.text()).map(f64::floor) {
            None => say("", "should be integer"),
            Some(value) if value < min => say("", &format!("should be >= {min}")),
            Some(value) if value > max => say("", &format!("should be <= {max}")),
            Some(value) => field.values = vec![format!("{value}")],
        },
        Kind::Numbers { least, most, min } => {
            let parts: Vec<String> = field.text().split(',').map(str::to_owned).collect();
            if parts.len() > most {
                say("", &format!("should NOT have more than {most} items"));
            }
            if parts.len() < least {
                say("", &format!("should NOT have fewer than {least} items"));
            }
            // A list without an end has messages without one.
            for (i, part) in parts.iter().enumerate().take(100) {
                match number(part) {
                    None => say(&format!("[{i}]"), "should be number"),
                    Some(value) if value < min => say(&format!("[{i}]"), &format!("should be >= {min}")),
                    Some(_) => {}
                }
            }
            field.values = parts;
        }
        Kind::List { filled } => {
            for (i, _) in field.values.iter().enumerate().filter(|(_, v)| filled && v.is_empty()).take(100) {
                say(&format!("[{i}]"), "should NOT be shorter than 1 characters");
            }
        }
    }
}

/// A finite number as ECMAScript's `Number` reads it, where nothing is zero.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_empty() {
        return Some(0.0);
    }
    text.parse().ok().filter(|v: &f64| v.is_finite())
}

/// Checks that all names are known, in any case.
///
/// # Errors
/// [`Refusal::Invalid`] naming those that are not, and all that are.
pub fn check_names(fields: &Fields, declared: &[Declared], takes_shape: bool) -> Result<(), Refusal> {
    let allowed: Vec<&str> =
        takes_shape.then_some("shapefile").into_iter().chain(declared.iter().map(|d| d.name)).collect();
    let unknown: Vec<&str> = fields
        .list
        .iter()
        .map(|f| f.name.as_str())
        .filter(|name| !allowed.iter().any(|a| a.eq_ignore_ascii_case(name)))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Refusal::Invalid(format!(
        "Invalid parameter(s): {}. Allowed parameters are: {}.",
        joined(&unknown),
        joined(&allowed)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(query: &str) -> String {
        let mut fields = Fields::from_query(query).unwrap();
        check(&mut fields, COVERAGES, true).err().map_or_else(String::new, |e| e.to_string())
    }

    #[test]
    fn types_and_bounds() {
        assert_eq!(wrong("width=10.7&scaleExtent=1%2C2,3,4&granuleId=a%2Cb"), "");
        assert_eq!(wrong("width="), "query parameter \"width\" should be >= 1");
        assert_eq!(
            wrong("scaleExtent=1,2,3"),
            "query parameter \"scaleExtent\" should NOT have fewer than 4 items"
        );
        assert_eq!(wrong("scaleextent=1,2,3"), "");
        assert_eq!(
            wrong("point=a,b"),
            "query parameter \"point[0]\" should be number\n\tquery parameter \"point[1]\" should be number"
        );
        let mut fields = Fields::from_query("width=10.7&format=a,b").unwrap();
        check(&mut fields, COVERAGES, true).unwrap();
        assert_eq!(
            (fields.text("width").as_deref(), fields.text("format").as_deref()),
            (Some("10"), Some("a,b"))
        );
    }
}
