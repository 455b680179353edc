//! The fault wall: a provider that breaks on purpose, in the dialects of OpenAI (chat completions,
//! responses, embeddings), Azure, Anthropic, Gemini and Perplexity. The name of the model, after
//! its last slash, chooses the fault, so that any client or gateway can be tried against it by
//! configuration alone. It is a tool for tests: it holds no model, and its healthy answer is always
//! the same sixty words.
//!
//! The ids S01 to S16, their timings and bodies follow the public Failover Bench, so that results
//! can be compared. [`catalogue`] is the list with a sentence for each. There is one list and one
//! player for all dialects; `dialect` turns what a scene says into wire forms. The wall shares
//! nothing with what it tests but the nouns and the clock.

mod answer;
mod ask;
mod catalogue;
mod compose;
mod date;
mod decide;
mod dialect;
mod doors;
mod dress;
mod further;
mod h2;
mod http;
mod ledger;
mod play;
mod refusal;
mod route;
mod schema;
mod serve;
mod timing;
mod tls;
mod vectors;
mod wire;

pub(crate) use further::{Plot, faults as further_faults};
pub(crate) use ledger::{End as AttemptEnd, Told};

pub use answer::{REFUSAL, SIGNATURE, TEXT, THOUGHT};
pub use catalogue::{Entry, catalogue};
pub use route::PATHS;
pub use serve::Wall;
pub use timing::Profile;
pub use tls::serve_broken;
pub use vectors::embedding;
pub use wire::Wire;

// The simulated providers of drills speak with the wall's tongue and break by rules of their own.
pub(crate) use answer::{Answer, Finish, Piece, Tokens};
pub(crate) use ask::Delivery;
pub(crate) use date::instant;
pub(crate) use dialect::{Dialect, Envelope, Refused, Script, Service, Wish};
pub(crate) use http::{LAST_CHUNK, Received, answer_head, chunk};
pub(crate) use refusal::Cause;
pub(crate) use route::{Door, door};

use domain::Secret;

/// How a wall behaves beyond what the models' names say.
#[derive(Debug, Clone, Default)]
pub struct WallSettings {
    /// How long the faults last.
    pub profile: Profile,
    /// If set, every other key is refused, and this one too if it comes where the provider in
    /// question does not look for it; otherwise any key, or none, will do.
    pub expect_key: Option<Secret>,
}
