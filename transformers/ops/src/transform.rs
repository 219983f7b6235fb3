//! Operations that compute new values: each takes a lazy granule and gives another one.

use harmony_model::Granule;

use crate::error::OpError;
use crate::scene::Scene;

/// A step that computes new values (projection, averages). Implementors are stateless; the parameters are in the
/// scene's request. The scene is that of the granule as it arrives: subset, and transformed by the steps before.
pub trait Transform: Sync {
    /// The folder's name.
    fn name(&self) -> &'static str;

    /// One line for `--list-operations` and the README.
    fn summary(&self) -> &'static str;

    /// What this request needs here, in words for `--explain`; `None` when it does not concern this granule.
    /// Looks at metadata, and at coordinates where the words need them.
    ///
    /// # Errors
    /// [`OpError`] naming the thing and the remedy.
    fn select(&self, scene: &Scene) -> Result<Option<String>, OpError>;

    /// The granule after the step. May read coordinate variables; data are computed when a sink pulls them, and read
    /// through the input's variables then.
    ///
    /// # Errors
    /// [`OpError`] naming the thing and the remedy.
    fn apply(&self, scene: &Scene) -> Result<Transformed, OpError>;
}

/// What a [`Transform`] gives.
pub struct Transformed {
    pub granule: Granule,
    /// What was left out or decided, for the user.
    pub notices: Vec<String>,
}
