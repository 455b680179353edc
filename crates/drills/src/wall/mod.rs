//! The fault wall: a provider that speaks OpenAI's chat completions and breaks on purpose. The
//! name of the model, after its last slash, chooses the fault, so that any client or gateway can
//! be tried against it by configuration alone. It is a tool for tests: it holds no model, and its
//! healthy answer is always the same sixty words.
//!
//! The ids S01 to S16, their timings and bodies follow the public Failover Bench, so that results
//! can be compared. [`catalogue`] is the list with a sentence for each.

mod answer;
mod ask;
mod catalogue;
mod http;
mod ledger;
mod play;
mod schema;
mod serve;
mod timing;
mod wire;

pub use answer::TEXT;
pub use catalogue::{Entry, catalogue};
pub use serve::{Wall, serve};
pub use timing::Profile;
pub use wire::Wire;

use domain::Secret;

/// How a wall behaves beyond what the models' names say.
#[derive(Debug, Clone, Default)]
pub struct WallSettings {
    /// How long the faults last.
    pub profile: Profile,
    /// If set, `/v1/…` answers 401 `invalid_api_key` to every other bearer key; otherwise any key,
    /// or none, will do.
    pub expect_key: Option<Secret>,
}
