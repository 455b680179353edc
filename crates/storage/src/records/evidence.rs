//! What a verdict was drawn from, as its own room wrote it, so that the verdict can be drawn again.

use clock::UnixMs;
use detection::{ComponentId, Family};

/// What one family of evidence saw of a component at one moment. Another of the same component,
/// moment and family takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub component: ComponentId,
    pub at: UnixMs,
    pub family: Family,
    /// In a form that its writer can read again; the store does not look inside.
    pub text: Box<str>,
}
