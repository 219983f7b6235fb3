//! Parameters of a search, however they were sent.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use url::form_urlencoded;

use super::Refusal;

/// Largest body.
const MOST_BYTES: usize = 96 << 20;
/// Most parameters; CMR takes some thousand concept ids.
const MOST_PARAMETERS: usize = 100_000;

/// Names and values in the order they came, names in one spelling.
#[derive(Clone, Debug, Default)]
pub struct Params {
    list: Vec<(String, String)>,
    /// The shape that was sent along.
    pub shapefile: Option<Vec<u8>>,
}

impl Params {
    /// Reads the query, and the body of a POST.
    pub async fn read(request: Request) -> Result<(Params, HeaderMap), Refusal> {
        let mut params = Params::default();
        if let Some(query) = request.uri().query() {
            params.add_form(query.as_bytes())?;
        }
        let (parts, body) = request.into_parts();
        if parts.method == Method::POST {
            let kind =
                parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
            if kind.to_ascii_lowercase().starts_with("multipart/form-data") {
                params.add_multipart(body, kind).await?;
            } else {
                let bytes = axum::body::to_bytes(body, MOST_BYTES).await;
                let bytes = bytes
                    .map_err(|_| Refusal::bad("The body of the request can't be read or is too large."))?;
                params.add_form(&bytes)?;
            }
        }
        Ok((params, parts.headers))
    }

    fn push(&mut self, name: &str, value: String) -> Result<(), Refusal> {
        if self.list.len() >= MOST_PARAMETERS {
            return Err(Refusal::bad(format!("More than {MOST_PARAMETERS} parameters were sent.")));
        }
        self.list.push((normalised(name), value));
        Ok(())
    }

    fn add_form(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        form_urlencoded::parse(bytes).try_for_each(|(name, value)| self.push(&name, value.into_owned()))
    }

    async fn add_multipart(&mut self, body: Body, kind: &str) -> Result<(), Refusal> {
        let wrong = |e: multer::Error| Refusal::bad(format!("The multipart body can't be read: {e}"));
        let boundary = multer::parse_boundary(kind).map_err(wrong)?;
        let limit = multer::SizeLimit::new().whole_stream(MOST_BYTES as u64);
        let constraints = multer::Constraints::new().size_limit(limit);
        let mut parts = multer::Multipart::with_constraints(body.into_data_stream(), boundary, constraints);
        while let Some(part) = parts.next_field().await.map_err(wrong)? {
            let name = part.name().unwrap_or_default().to_owned();
            if normalised(&name) == "shapefile" {
                self.shapefile = Some(part.bytes().await.map_err(wrong)?.to_vec());
            } else {
                let value = part.text().await.map_err(wrong)?;
                self.push(&name, value)?;
            }
        }
        Ok(())
    }

    pub fn all(&self, name: &str) -> Vec<String> {
        self.list.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone()).collect()
    }

    pub fn first(&self, name: &str) -> Option<&str> {
        self.list.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub fn is_true(&self, name: &str) -> bool {
        self.first(name).is_some_and(|v| v.eq_ignore_ascii_case("true"))
    }

    /// `options[<name>][<option>]=true`.
    pub fn option(&self, name: &str, option: &str) -> bool {
        self.is_true(&format!("options[{name}][{option}]"))
    }

    /// As [`Params::option`], but true when it isn't said.
    pub fn option_unless_false(&self, name: &str, option: &str) -> bool {
        !self.first(&format!("options[{name}][{option}]")).is_some_and(|v| v.eq_ignore_ascii_case("false"))
    }

    /// Refuses names that are not known.
    pub fn check(&self, known: &[&str]) -> Result<(), Refusal> {
        let common = [
            "page_size",
            "page_num",
            "offset",
            "scroll",
            "sort_key",
            "options",
            "pretty",
            "token",
            "echo_compatible",
        ];
        let mut wrong: Vec<String> = Vec::new();
        for (name, _) in &self.list {
            let head = name.split('[').next().unwrap_or_default();
            if !known.contains(&head) && !common.contains(&head) {
                wrong.push(format!("Parameter [{name}] was not recognized."));
            }
        }
        wrong.dedup();
        if wrong.is_empty() { Ok(()) } else { Err(Refusal { status: 400, errors: wrong }) }
    }
}

/// One spelling for `sort-key`, `sortKey`, `sort_key` and `sort_key[]`; brackets with something in them stay.
fn normalised(name: &str) -> String {
    let name = name.strip_suffix("[]").unwrap_or(name);
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '-' => out.push('_'),
            c if c.is_ascii_uppercase() => {
                if !out.is_empty() && !out.ends_with(['_', '[']) {
                    out.push('_');
                }
                out.push(c.to_ascii_lowercase());
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_one() {
        for name in ["sort-key", "sortKey", "sort_key", "sort_key[]"] {
            assert_eq!(normalised(name), "sort_key");
        }
        assert_eq!(
            normalised("options[readable-granule-name][pattern]"),
            "options[readable_granule_name][pattern]"
        );
        assert_eq!(normalised("exclude[concept_id][]"), "exclude[concept_id]");
        let mut params = Params::default();
        params.add_form(b"foo=1&pageSize=3&concept_id[]=a&concept_id=b").unwrap();
        assert_eq!(params.all("concept_id"), ["a", "b"]);
        let refusal = params.check(&["concept_id"]).unwrap_err();
        assert_eq!(refusal.errors, ["Parameter [foo] was not recognized."]);
    }
}
