//! Images for people: PNG, JPEG, GIF and ground overlays of Google Earth, with what says where they are.
//!
//! A variable becomes a picture in palette colours, three or four bands become one in true colours (see [`scheme`]).
//! Pictures are painted and encoded in slabs of rows: memory is bounded, and the bytes depend on the request alone.

mod canvas;
mod format;
mod gif;
mod jpeg;
mod kml;
mod legend;
mod output;
mod paint;
mod parts;
mod png;
mod scheme;
mod sidecar;
mod slots;
mod stretch;
mod style;
#[cfg(test)]
mod tests;
mod tiles;
mod write;

pub use canvas::{Area, Canvas, Ink, Sheet};
pub use format::{Gif, Jpeg, Kml, Png};
pub use gif::write as write_gif;
pub use jpeg::write as write_jpeg;
pub use legend::{Legend, number as short_number};
pub use output::Sink;
pub use paint::rule::{Channel, Even, Index, Levels, Rule};
pub use parts::role as colour_role;
pub use png::{encode as encode_png, write as write_png};
pub use scheme::embedded as embedded_colours;
pub use style::named::{find as named_colours, names as style_names};
pub use style::{Colours, Rgba, Scale, Table, colours};

use crate::write::WriteError;

/// The three kinds of picture files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Png,
    Jpeg,
    Gif,
}

impl Kind {
    /// Without a dot.
    fn extension(self) -> &'static str {
        match self {
            Kind::Png => "png",
            Kind::Jpeg => "jpg",
            Kind::Gif => "gif",
        }
    }

    /// Extension of its world file.
    fn world(self) -> &'static str {
        match self {
            Kind::Png => "pgw",
            Kind::Jpeg => "jgw",
            Kind::Gif => "gfw",
        }
    }
}

/// An objection to a variable or the whole result, in words that follow its name.
fn unsupported(name: &str, detail: impl Into<String>) -> WriteError {
    WriteError::Unsupported { target: "image".into(), object: name.into(), detail: detail.into() }
}
