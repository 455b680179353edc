//! The nouns that every room shares: one request, one answer, one stream event, one outcome, in
//! one internal form. No wire format, no I/O and no policy lives here.

mod dialect;
mod event;
mod model;
mod outcome;
mod request;
mod secret;
mod turn;
mod usage;

pub use dialect::Dialect;
pub use event::{Event, Finish, Piece, Sight};
pub use model::Target;
pub use outcome::{Blame, Fault, FaultClass, RelayableError, Retry};
pub use request::{Needs, Outline, Request};
pub use secret::Secret;
pub use turn::{Content, Conversation, Role, Sampling, Turn};
pub use usage::Usage;
