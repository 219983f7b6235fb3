//! Why a request to the public API is not done.

use crate::catalog::CatalogError;
use crate::jobs::JobError;
use crate::plan::chains::SelectionError;

/// A refusal in the words of the reference service; `http` decides on status and form.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A parameter is wrong.
    #[error("{0}")]
    Invalid(String),
    /// A parameter does not fit the API's description.
    #[error("{0}")]
    Undescribed(String),
    /// A body of a media type that the route does not take.
    #[error("undefined parameter \"undefined\" Unsupported Content-Type {0}")]
    BodyType(String),
    /// A body that can't be read, in the words of its reader.
    #[error("{0}")]
    Body(String),
    #[error("{0}")]
    TooLarge(String),
    /// Told in bare words.
    #[error("{0}")]
    Plain(String),
    #[error("{0}")]
    NotFound(String),
    /// No chain can do it.
    #[error("{0}")]
    Unsupported(String),
    /// The work of a synchronous request failed.
    #[error("{0}")]
    Failed(String),
    #[error("The backend service provided {0} outputs when 1 was required")]
    ManyOutputs(usize),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Job(#[from] JobError),
    /// Our fault; logged, not shown.
    #[error("{0}")]
    Internal(String),
}

impl Refusal {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Refusal::Invalid(message.into())
    }

    /// What is wrong with one parameter.
    pub(super) fn parameter(name: &str, message: impl std::fmt::Display) -> Self {
        Refusal::Invalid(format!("query parameter \"{name}\" {message}"))
    }
}

impl From<SelectionError> for Refusal {
    fn from(error: SelectionError) -> Self {
        match error {
            SelectionError::Unsupported(message) => Refusal::Unsupported(message),
            SelectionError::Invalid(message) => Refusal::Invalid(message),
        }
    }
}

/// `a`, `a and b`, `a, b, and c`.
pub fn joined(words: &[impl AsRef<str>]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words[..] {
        [] => String::new(),
        [one] => one.to_owned(),
        [one, two] => format!("{one} and {two}"),
        [ref rest @ .., last] => format!("{}, and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn lists_as_people_write_them() {
        assert_eq!(joined(&["a"]), "a");
        assert_eq!(joined(&["a", "b"]), "a and b");
        assert_eq!(joined(&["a", "b", "c"]), "a, b, and c");
    }
}
