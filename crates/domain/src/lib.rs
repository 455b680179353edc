//! The nouns that every room shares: one request, one answer, one stream event, one outcome, in
//! one internal form. No wire format, no I/O and no policy lives here.

mod answer;
mod content;
mod dialect;
mod event;
mod json;
mod loss;
mod model;
mod money;
mod outcome;
mod rate;
mod report;
mod request;
mod secret;
mod tool;
mod turn;
mod usage;

pub use answer::{Choice, Completion, Embeddings, Gatherer, Reply};
pub use content::{
    Citation, Content, Foreign, Media, MediaKind, MediaSource, Proof, ProofKind, SearchResult,
    Text, Thinking,
};
pub use dialect::{Dialect, Operation};
pub use event::{Delta, Event, Finish, LogProb, Piece, Sight};
pub use json::Json;
pub use loss::{Loss, LossKind, Losses};
pub use model::{ModelCard, Target};
pub use money::{LongPrompt, Money, Prices};
pub use outcome::{Blame, Fault, FaultClass, RelayableError, Retry};
pub use rate::{Allowance, Quantity};
pub use report::ReportKind;
pub use request::{Framing, Needs, Outline, Passed, Request};
pub use secret::Secret;
pub use tool::{Function, HostedKind, HostedTool, Tool, ToolCall, ToolChoice, ToolResult};
pub use turn::{
    About, Conversation, Effort, EmbedInput, EmbedRequest, Full, OutputFormat, Reasoning, Role,
    Sampling, Turn, Verbosity,
};
pub use usage::Usage;
