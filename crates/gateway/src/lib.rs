//! The straight line of one request, one file per verb, each stage taking the former's type and
//! giving its own:
//!
//! ```text
//! receive -> understand -> admit -> plan -> attempt -> relay -> reply, and a receipt at the end
//! ```
//!
//! It knows no provider, no configuration text and no page.

mod admit;
mod attempt;
mod crawling;
mod door;
mod early;
mod endpoint;
mod exhausted;
mod heed;
mod lineup;
mod plan;
mod provider;
mod recall;
mod receipt;
mod receive;
mod relay;
mod reply;
mod route;
mod rung;
mod settings;
mod silence;
mod takeover;
mod told;
mod trail;
mod understand;
mod waiting;

pub use door::{Gateway, GatewayParts};
pub use heed::Advised;
pub use lineup::{Lineup, LineupParts};
pub use recall::{RECALL, RecallSettings};
pub use reply::ReplyBody;
pub use settings::Caps;
pub use silence::{SILENCE_S, Silences, Waits};
