//! The operation trait: a step is selected from metadata, and resolved against coordinates.

use crate::error::OpError;
use crate::scene::Scene;
use crate::selection::Selection;

/// One kind of step in a plan. Implementors are stateless; the parameters are in the scene's request.
///
/// Subsetting operations narrow one [`Selection`] together, so any combination of them intersects; the values are
/// computed later, block by block, when a sink pulls them.
pub trait Operation: Sync {
    /// The folder's name.
    fn name(&self) -> &'static str;

    /// One line for `--list-operations` and the README.
    fn summary(&self) -> &'static str;

    /// What this request needs here, in words for `--explain`; `None` when it does not concern this granule.
    /// Looks at metadata only.
    ///
    /// # Errors
    /// [`OpError`] naming the thing and the remedy.
    fn select(&self, scene: &Scene) -> Result<Option<String>, OpError>;

    /// Narrows the selection. May read coordinate variables, no other data.
    ///
    /// # Errors
    /// [`OpError`]; an empty result is noted in the selection and judged when all have contributed.
    fn resolve(&self, scene: &Scene, selection: &mut Selection) -> Result<(), OpError>;
}
