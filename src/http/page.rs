//! Pages for people: one frame, no outside files, dark and light as the browser likes it.

use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::escape::html as escape;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 20%,transparent);\
--soft:color-mix(in srgb,currentColor 7%,transparent)}\
body{font:16px/1.55 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1.5rem}\
h1,h2,h3{line-height:1.2}h2{margin-top:2.2rem;border-bottom:1px solid var(--line);padding-bottom:.2rem}\
code,pre{font:.9em/1.5 ui-monospace,monospace;background:var(--soft);border-radius:4px}\
code{padding:.1em .3em;overflow-wrap:anywhere}pre{padding:.8rem;overflow-x:auto}pre code{padding:0;background:none}\
table{border-collapse:collapse;width:100%;font-size:.92em;display:block;overflow-x:auto}\
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid var(--line)}\
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.4rem .8rem}\
summary{cursor:pointer}.method{display:inline-block;min-width:4rem;font-weight:700}\
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line);font-size:.9em}\
nav a{margin-right:1rem}";

/// A whole page. `body` is HTML.
pub fn html(title: &str, body: &str) -> Response {
    let title = escape(title);
    let version = env!("CARGO_PKG_VERSION");
    let text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <nav><a href=\"/\">Harmony</a><a href=\"/docs\">Documentation</a><a href=\"/docs/api\">API</a>\
         <a href=\"/jobs\">Jobs</a></nav>\n<main>\n{body}\n</main>\n\
         <footer><a href=\"/versions\">v {version}</a></footer>\n</body>\n</html>\n"
    );
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}

/// A table; heads and cells are text.
pub fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = String>| -> String {
        cells.map(|c| format!("<{tag}>{}</{tag}>", escape(&c))).collect()
    };
    let mut out = String::from("<table><thead><tr>");
    out.push_str(&cells("th", &mut heads.iter().map(|h| (*h).to_owned())));
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        out.push_str(&cells("td", &mut row.into_iter()));
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
    out
}
