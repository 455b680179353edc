//! The straight line of one request, one file per verb, each stage taking the former's type and
//! giving its own. It knows no provider, no configuration text and no page.

mod settings;

pub use settings::Caps;
