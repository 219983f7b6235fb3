//! What is said when a request can't be served: as XML, in the picture, as an empty picture or as JSON.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use harmony_formats::image::{Ink, Legend};
use serde_json::json;

use super::parameters::Parameters;
use crate::http::Problem;
use crate::http::escape::html_of_reference;
use crate::maps::{ImageFormat, MapError, Picture};

/// Why there is no answer.
#[derive(Clone, Debug)]
pub enum Exception {
    /// A check of the reference failed: its own words, as a JSON string unless something else is asked for.
    Reference(String),
    /// An exception of the standard, with its code.
    Coded { code: &'static str, message: String, status: StatusCode },
    /// Any other problem.
    Problem(Problem),
}

/// WMS versions that are spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    V111,
    #[default]
    V130,
}

impl Version {
    pub fn text(self) -> &'static str {
        match self {
            Version::V111 => "1.1.1",
            Version::V130 => "1.3.0",
        }
    }
}

/// How exceptions are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As the reference: bare words for its own checks; XML for the rest.
    Default,
    Xml,
    InImage,
    Blank,
    Json,
}

impl Form {
    /// What `EXCEPTIONS` asks for. An unknown word is the default, as the standard has it.
    pub fn of(parameters: &Parameters, always_xml: bool) -> Form {
        let default = if always_xml { Form::Xml } else { Form::Default };
        let Some(text) = parameters.filled("exceptions") else { return default };
        match text.to_ascii_lowercase().as_str() {
            "xml" | "text/xml" | "application/vnd.ogc.se_xml" => Form::Xml,
            "inimage" | "application/vnd.ogc.se_inimage" => Form::InImage,
            "blank" | "application/vnd.ogc.se_blank" => Form::Blank,
            "json" | "application/json" => Form::Json,
            _ => default,
        }
    }
}

impl Exception {
    pub fn reference(message: impl Into<String>) -> Self {
        Exception::Reference(message.into())
    }

    pub fn coded(code: &'static str, message: impl Into<String>) -> Self {
        Exception::Coded { code, message: message.into(), status: StatusCode::BAD_REQUEST }
    }

    pub fn message(&self) -> String {
        match self {
            Exception::Reference(message) | Exception::Coded { message, .. } => message.clone(),
            Exception::Problem(p) => p.message.clone(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Exception::Coded { code, .. } => Some(*code),
            _ => None,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Exception::Reference(_) => StatusCode::BAD_REQUEST,
            Exception::Coded { status, .. } => *status,
            Exception::Problem(p) => p.status,
        }
    }

    /// The response to a request with these parameters.
    pub fn response(self, form: Form, version: Version, parameters: &Parameters) -> Response {
        match (form, &self) {
            (Form::Default, Exception::Reference(message)) => Problem::wms(message.clone()).into_response(),
            (Form::Default, Exception::Problem(p)) => p.clone().into_response(),
            (Form::InImage, _) => self.picture(parameters, true),
            (Form::Blank, _) => self.picture(parameters, false),
            (Form::Json, _) => self.json(),
            _ => self.xml(version),
        }
    }

    fn json(&self) -> Response {
        let code = match self {
            Exception::Coded { code, .. } => *code,
            Exception::Reference(_) => "harmony.RequestValidationError",
            Exception::Problem(p) => p.code,
        };
        let body = json!({ "code": code, "description": format!("Error: {}", self.message()) }).to_string();
        answer(self.status(), "application/json; charset=utf-8", body.into_bytes())
    }

    /// `ServiceExceptionReport` of the version.
    fn xml(&self, version: Version) -> Response {
        let code = self.code().map_or_else(String::new, |c| format!(" code=\"{c}\""));
        let message = xml(&self.message());
        let (open, media_type) = match version {
            Version::V130 => (
                "<ServiceExceptionReport version=\"1.3.0\" xmlns=\"http://www.opengis.net/ogc\" \
                 xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
                 xsi:schemaLocation=\"http://www.opengis.net/ogc \
                 http://schemas.opengis.net/wms/1.3.0/exceptions_1_3_0.xsd\">",
                "text/xml; charset=utf-8",
            ),
            Version::V111 => (
                "<!DOCTYPE ServiceExceptionReport SYSTEM \
                 \"http://schemas.opengis.net/wms/1.1.1/exception_1_1_1.dtd\">\n\
                 <ServiceExceptionReport version=\"1.1.1\">",
                "application/vnd.ogc.se_xml",
            ),
        };
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{open}\n  <ServiceException{code}>{message}\
             </ServiceException>\n</ServiceExceptionReport>\n"
        );
        answer(self.status(), media_type, body.into_bytes())
    }

    /// A picture of the size that was asked for, with the message in it or without; a header says it in any case.
    fn picture(&self, parameters: &Parameters, words: bool) -> Response {
        let side = |name: &str| {
            parameters
                .filled(name)
                .and_then(|t| t.parse().ok())
                .filter(|n| (1..=4096).contains(n))
                .unwrap_or(256u32)
        };
        let (width, height) = (side("width"), side("height"));
        let format = parameters.filled("format").and_then(ImageFormat::parse).unwrap_or(ImageFormat::Png);
        let clear = parameters.get("transparent").is_some_and(|t| t.eq_ignore_ascii_case("true"));
        let clear = clear && format.has_opacity();
        let picture = match words {
            true => {
                let lines = vec![self.code().unwrap_or("error").to_owned(), self.message()];
                let sheet = Legend::draw_words(&lines, u64::from(width), u64::from(height));
                let pixels = sheet.pixels;
                Picture { ink: Ink::Rgb, width, height, pixels, empty: true, notes: Vec::new() }
            }
            false => {
                let background = parameters.filled("bgcolor").and_then(super::map::colour);
                Picture::blank(width, height, background.unwrap_or([255; 3]), clear)
            }
        };
        let Ok(bytes) = picture.encode(format, None) else { return self.xml(Version::V130) };
        let mut response = answer(StatusCode::OK, format.media_type(), bytes);
        let text: String = format!("error; reason={}", self.message())
            .chars()
            .map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { '?' })
            .take(1000)
            .collect();
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert("harmony-map", value);
        }
        response
    }
}

fn answer(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Text inside XML: escaped, without the characters that XML 1.0 can't hold.
pub fn xml(text: &str) -> String {
    let allowed = |c: &char| {
        matches!(c, '\t' | '\n' | '\r')
            || (*c >= ' ' && !matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}'))
    };
    html_of_reference(&text.chars().filter(allowed).collect::<String>())
}

impl From<Problem> for Exception {
    fn from(problem: Problem) -> Self {
        Exception::Problem(problem)
    }
}

impl From<MapError> for Exception {
    fn from(error: MapError) -> Self {
        match error {
            MapError::Style(message) => Exception::coded("StyleNotDefined", message),
            MapError::Dimension(message) => Exception::coded("InvalidDimensionValue", message),
            MapError::Variable(message) => Exception::coded("LayerNotDefined", message),
            MapError::Crs(message) => Exception::coded("InvalidCRS", message),
            MapError::Encode(message) => Exception::coded("InvalidFormat", message),
            other => Exception::Problem(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_words_stay_words() {
        assert_eq!(xml("<a b=\"c\">&\u{0}\u{b}'"), "&lt;a b&#x3D;&quot;c&quot;&gt;&amp;&#39;");
    }

    #[test]
    fn exceptions_take_the_form_that_is_asked_for() {
        let status = |form: &str| {
            let p = Parameters::parse(&format!("exceptions={form}&width=10&height=20&format=image/gif"));
            let response =
                Exception::coded("LayerNotDefined", "no").response(Form::of(&p, false), Version::V130, &p);
            let media_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
            (response.status().as_u16(), media_type)
        };
        assert_eq!(status("XML"), (400, "text/xml; charset=utf-8".into()));
        assert_eq!(status("INIMAGE"), (200, "image/gif".into()));
        assert_eq!(status("BLANK"), (200, "image/gif".into()));
        assert_eq!(status("JSON"), (400, "application/json; charset=utf-8".into()));
        assert_eq!(status("what"), (400, "text/xml; charset=utf-8".into()));
    }
}
