//! Pages and machine endpoints: the console for operators and the status page for the public. It
//! reads snapshots and a readiness report, and never touches the line of requests.

mod answer;
mod cache;
mod console;
mod ready;
mod standing;
mod status;
mod words;

pub use console::{Console, RouteView};
pub use ready::{ReadyCheck, ReadyPart, ReadyReport};
pub use status::Status;
