//! Parameters of a request, wherever they came from.

use std::collections::HashMap;

use super::refusal::Refusal;
use crate::request::query::decode;

/// Parameters that a query string may have.
const MOST_PARAMETERS: usize = 10_000;

/// Where a parameter was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Query,
    /// A multipart form.
    Form,
    /// A JSON object.
    Body,
}

/// A parameter with all its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As the client wrote it.
    pub name: String,
    pub values: Vec<String>,
    pub origin: Origin,
}

/// All parameters, in the order of their first appearance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    pub list: Vec<Field>,
}

impl Fields {
    /// Reads a query string: repeated names, `a[]`, `a[0]` and literal commas make lists.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for more than 10 000 parameters.
    pub fn from_query(query: &str) -> Result<Self, Refusal> {
        let mut collected = Collected::default();
        for part in query.split('&').filter(|p| !p.is_empty()) {
            collected.count += 1;
            if collected.count > MOST_PARAMETERS {
                return Err(Refusal::Invalid(format!(
                    "The query string has more than {MOST_PARAMETERS} parameters. Send long lists in the body of a \
                     POST request."
                )));
            }
            let (name, raw) = part.split_once('=').unwrap_or((part, ""));
            let name = decode(name, true);
            let bare =
                name.strip_suffix(']').and_then(|n| n.split_once('[')).map(|(bare, _)| bare.to_owned());
            let values = raw.split(',').map(|v| decode(v, true));
            collected.add(bare.filter(|b| !b.is_empty()).unwrap_or(name), values, Origin::Query);
        }
        Ok(collected.fields)
    }

    /// From pairs; the same name may come again.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>, origin: Origin) -> Self {
        let mut collected = Collected::default();
        for (name, value) in pairs {
            collected.add(name, [value], origin);
        }
        collected.fields
    }

    /// Puts the parameters of a body before those of the query.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when a name is in both.
    pub fn merged(body: Fields, query: Fields) -> Result<Self, Refusal> {
        let both: Vec<String> = query
            .list
            .iter()
            .filter(|f| body.exact(&f.name).is_some())
            .map(|f| format!("\"{}\"", f.name))
            .collect();
        if !both.is_empty() {
            let both = both.join(",");
            return Err(Refusal::Invalid(format!(
                "Duplicate keys {both} found from request body and query string!"
            )));
        }
        Ok(Fields { list: body.list.into_iter().chain(query.list).collect() })
    }

    /// By exactly that name.
    pub fn exact(&self, name: &str) -> Option<&Field> {
        self.list.iter().find(|f| f.name == name)
    }

    /// By name in any case; the last one wins.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.list.iter().rev().find(|f| f.name.eq_ignore_ascii_case(name))
    }

    /// The value as one text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(Field::text)
    }

    /// The value as one text, unless it is blank.
    pub fn filled(&self, name: &str) -> Option<String> {
        self.text(name).filter(|t| !t.trim().is_empty())
    }

    /// The values of a list; texts of forms are split at commas.
    pub fn list(&self, name: &str) -> Vec<String> {
        let Some(field) = self.get(name) else { return Vec::new() };
        match field.origin {
            Origin::Form => field.split(),
            _ => field.values.clone(),
        }
    }

    /// The values of a list whose texts may have commas, whatever they come from.
    pub fn list_as_written(&self, name: &str) -> Vec<String> {
        self.get(name).map(|f| f.values.clone()).unwrap_or_default()
    }

    /// The parameters as a query string, values percent-encoded.
    pub fn to_query(&self) -> String {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        for field in &self.list {
            for value in &field.values {
                out.append_pair(&field.name, value);
            }
        }
        // A blank is `%20` for those who decode without knowing forms.
        out.finish().replace('+', "%20")
    }
}

impl Field {
    pub fn text(&self) -> String {
        self.values.join(",")
    }

    /// All values, split at commas too.
    pub fn split(&self) -> Vec<String> {
        let parts = self.values.iter().flat_map(|v| v.split(','));
        parts.map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()).collect()
    }
}

/// Fields in the making, found by name without a search.
#[derive(Default)]
struct Collected {
    fields: Fields,
    places: HashMap<String, usize>,
    count: usize,
}

impl Collected {
    fn add(&mut self, name: String, values: impl IntoIterator<Item = String>, origin: Origin) {
        match self.places.get(&name) {
            Some(at) => self.fields.list[*at].values.extend(values),
            None => {
                self.places.insert(name.clone(), self.fields.list.len());
                self.fields.list.push(Field { name, values: values.into_iter().collect(), origin });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(query: &str, name: &str) -> Vec<String> {
        Fields::from_query(query).unwrap().exact(name).unwrap().values.clone()
    }

    #[test]
    fn four_ways_to_write_a_list() {
        for query in ["a=1&a=2", "a[]=1&a[]=2", "a[0]=1&a[1]=2", "a=1,2", "a%5B%5D=1&a=2"] {
            assert_eq!(values(query, "a"), ["1", "2"], "{query}");
        }
        assert_eq!(values("a=1%2C2&b", "a"), ["1,2"]);
        assert_eq!(values("a=1+2&b", "b"), [""]);
        assert_eq!(values("a=1+2&b", "a"), ["1 2"]);
        let many: Vec<String> = (0..50).map(|i| i.to_string()).collect();
        assert_eq!(values(&format!("a={}", many.join(",")), "a").len(), 50);
    }

    #[test]
    fn too_many_are_refused_and_the_last_casing_wins() {
        let many = "a=1&".repeat(10_001);
        assert!(Fields::from_query(&many).is_err());
        let fields = Fields::from_query("crs=1&CRS=2").unwrap();
        assert_eq!(fields.text("crs").as_deref(), Some("2"));
        assert_eq!(fields.exact("crs").unwrap().values, ["1"]);
    }

    #[test]
    fn a_name_is_in_body_or_query() {
        let pair = |n: &str| Fields::from_pairs([(n.to_owned(), "1".to_owned())], Origin::Form);
        let query = Fields::from_query("subset=2").unwrap();
        let e = Fields::merged(pair("subset"), query.clone()).unwrap_err().to_string();
        assert_eq!(e, "Duplicate keys \"subset\" found from request body and query string!");
        let all = Fields::merged(pair("a b"), query).unwrap();
        assert_eq!(all.to_query(), "a%20b=1&subset=2");
    }
}
