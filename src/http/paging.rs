//! Parameters of documents, and lists that come in pages.

use axum::http::Uri;
use axum::routing::MethodRouter;
use axum::{Router, routing};
use serde_json::{Value, json};

use super::Problem;
use crate::request::query::{Parameter, parse_query};

/// Most that a page may have.
pub const PAGE_LIMIT: u64 = 2000;

/// The query of a request.
pub struct Params {
    all: Vec<Parameter>,
    /// As written, for links.
    raw: Vec<String>,
}

impl Params {
    pub fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        let raw = query.split('&').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Params { all: parse_query(query), raw }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|p| p.name.as_str())
    }

    /// The first value of a parameter, by its exact name.
    pub fn exact(&self, name: &str) -> Option<String> {
        self.all.iter().find(|p| p.name == name).map(Parameter::value)
    }

    /// The first value of a parameter, whatever the case of its name.
    pub fn any_case(&self, name: &str) -> Option<String> {
        self.all.iter().find(|p| p.name.eq_ignore_ascii_case(name)).map(Parameter::value)
    }

    /// All values of a parameter, whatever the case of its name; literal commas separate values.
    pub fn list(&self, name: &str) -> Vec<String> {
        let named = self.all.iter().filter(|p| p.name.eq_ignore_ascii_case(name));
        named.flat_map(Parameter::list).collect()
    }

    /// The query with some parameters set, in their place or at the end.
    fn with(&self, set: &[(&str, u64)]) -> String {
        let mut parts = self.raw.clone();
        for (name, value) in set {
            let text = format!("{name}={value}");
            let is_it = |part: &String| {
                part.split('=').next().is_some_and(|n| n.eq_ignore_ascii_case(name) && n.len() == name.len())
            };
            match parts.iter().position(is_it) {
                Some(at) => parts[at] = text,
                None => parts.push(text),
            }
        }
        parts.join("&")
    }
}

/// Which page is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// From 1.
    pub page: u64,
    pub limit: u64,
}

impl Paging {
    /// Reads `page` and `limit`.
    ///
    /// # Errors
    /// 400 for what is not a number, or too large.
    pub fn of(params: &Params, default_limit: u64) -> Result<Self, Problem> {
        let page = number(params.exact("page"), 1, u64::MAX, 1)
            .ok_or_else(|| Problem::invalid(page_refusal("page")))?;
        let limit = number(params.exact("limit"), 0, PAGE_LIMIT, default_limit).ok_or_else(|| {
            Problem::invalid(format!(
                "Parameter \"limit\" is invalid. Must be an integer greater than or equal to 0 and less than or \
                 equal to {PAGE_LIMIT}."
            ))
        })?;
        Ok(Paging { page, limit })
    }

    pub fn offset(&self) -> u64 {
        (self.page - 1).saturating_mul(self.limit)
    }

    /// Number of the last page; 0 when there is nothing.
    pub fn last(&self, total: u64) -> u64 {
        if self.limit == 0 { 0 } else { total.div_ceil(self.limit) }
    }
}

/// The refusal of a page number.
pub fn page_refusal(name: &str) -> String {
    format!("Parameter \"{name}\" is invalid. Must be an integer greater than or equal to 1.")
}

/// A whole number between two; nothing is the default.
pub fn number(text: Option<String>, least: u64, most: u64, default: u64) -> Option<u64> {
    match text.as_deref().map(str::trim) {
        None | Some("") => Some(default),
        Some(text) => text.parse().ok().filter(|n| (least..=most).contains(n)),
    }
}

/// How the links of pages are written.
pub struct PageLinks<'a> {
    /// Address of the document without its query.
    pub address: &'a str,
    pub params: &'a Params,
    /// Name of the parameter that chooses the page.
    pub page_name: &'a str,
    /// Whether `limit` is set in links.
    pub with_limit: bool,
    /// Whether the first and last page are linked even where `previous` and `next` lead there.
    pub extraneous: bool,
}

impl PageLinks<'_> {
    /// The links to other pages and to this one.
    pub fn links(&self, paging: Paging, total: u64) -> Vec<Value> {
        let (current, last) = (paging.page, paging.last(total));
        let far = u64::from(!self.extraneous);
        let is_beyond = current > last;
        let mut wanted: Vec<(&str, &str, u64)> = Vec::new();
        let mut add = |is_wanted: bool, link| {
            if is_wanted {
                wanted.push(link);
            }
        };
        if is_beyond {
            add(last > 1, ("first", "first", 1));
            add(true, ("current", "self", current));
            add(last > 0, ("last", "last", last));
        } else {
            add(current > 1 + far, ("first", "first", 1));
            add(current > 1, ("previous", "prev", current - 1));
            add(true, ("current", "self", current));
            add(current < last, ("next", "next", current + 1));
            add(current + far < last, ("last", "last", last));
        }
        wanted.into_iter().map(|(name, rel, page)| self.link(name, rel, page, paging.limit, last)).collect()
    }

    fn link(&self, name: &str, rel: &str, page: u64, limit: u64, last: u64) -> Value {
        let alone = (last <= 1 && page == 1) || limit == 0;
        let suffix = if alone { String::new() } else { format!(" ({page} of {last})") };
        let mut set = vec![(self.page_name, page)];
        if self.with_limit {
            set.push(("limit", limit));
        }
        json!({
            "title": format!("The {name} page{suffix}"),
            "href": format!("{}?{}", self.address, self.params.with(&set)),
            "rel": rel,
            "type": "application/json",
        })
    }
}

/// Adds a route that may end in a slash.
pub fn either<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    path: &str,
    method: MethodRouter<S>,
) -> Router<S> {
    router.route(path, method.clone()).route(&format!("{path}/"), method)
}

/// A handler for GET and POST alike.
pub fn get_or_post<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: axum::handler::Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    routing::get(handler.clone()).post(handler)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rels(uri: &str, paging: Paging, total: u64, extraneous: bool) -> Vec<String> {
        let uri: Uri = uri.parse().unwrap();
        let params = Params::of(&uri);
        let links = PageLinks {
            address: "http://h/x",
            params: &params,
            page_name: "page",
            with_limit: true,
            extraneous,
        };
        let text = |v: &Value, k: &str| v[k].as_str().unwrap().to_owned();
        links
            .links(paging, total)
            .iter()
            .map(|l| format!("{}|{}|{}", text(l, "rel"), text(l, "title"), text(l, "href")))
            .collect()
    }

    fn names(page: u64, limit: u64, total: u64, extraneous: bool) -> String {
        let all = rels("/x", Paging { page, limit }, total, extraneous);
        all.iter().map(|l| l.split('|').next().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn which_pages_are_linked() {
        assert_eq!(names(1, 10, 5, false), "self");
        assert_eq!(names(1, 10, 50, false), "self next last");
        assert_eq!(names(2, 10, 50, false), "prev self next last");
        assert_eq!(names(3, 10, 50, false), "first prev self next last");
        assert_eq!(names(4, 10, 50, false), "first prev self next");
        assert_eq!(names(5, 10, 50, false), "first prev self");
        assert_eq!(names(9, 10, 50, false), "first self last");
        assert_eq!(names(9, 10, 5, false), "self last");
        assert_eq!(names(1, 0, 50, false), "self");
        assert_eq!(names(1, 10, 0, false), "self");
        assert_eq!(names(2, 10, 50, true), "first prev self next last");
        assert_eq!(names(4, 10, 50, true), "first prev self next last");
    }

    #[test]
    fn links_keep_the_query() {
        let all = rels("/x?label=a%2Cb&page=1&Page=7", Paging { page: 1, limit: 2 }, 4, false);
        assert_eq!(all[0], "self|The current page (1 of 2)|http://h/x?label=a%2Cb&page=1&Page=7&limit=2");
        assert!(all[1].starts_with("next|The next page (2 of 2)|http://h/x?label=a%2Cb&page=2"));
        let alone = rels("/x", Paging { page: 1, limit: 2 }, 1, false);
        assert_eq!(alone, ["self|The current page|http://h/x?page=1&limit=2"]);
    }

    #[test]
    fn what_is_no_page_is_refused() {
        let of = |query: &str| {
            let uri: Uri = format!("/x?{query}").parse().unwrap();
            Paging::of(&Params::of(&uri), 10).map_err(|p| p.message)
        };
        assert_eq!(of("page=&limit="), Ok(Paging { page: 1, limit: 10 }));
        assert_eq!(of("limit=0&page=3"), Ok(Paging { page: 3, limit: 0 }));
        for bad in ["page=0", "page=1.5", "page=x", "page=-1"] {
            assert!(of(bad).unwrap_err().starts_with("Parameter \"page\""), "{bad}");
        }
        let error = of("limit=2001").unwrap_err();
        assert_eq!(
            error,
            "Parameter \"limit\" is invalid. Must be an integer greater than or equal to 0 and less than or equal to \
             2000."
        );
    }
}
