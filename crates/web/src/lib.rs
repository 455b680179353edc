//! Pages and machine endpoints: the console for operators and the status page for the public. It
//! reads snapshots and a readiness report, and never touches the line of requests.

mod answer;
mod api;
mod cache;
mod console;
mod operators;
mod ready;
mod settings;
mod standing;
mod status;
mod words;

pub use api::reports::{Report, ReportSink, Taken};
pub use api::subscribe::{SubscribeSink, Subscribed, TokenTaken};
pub use console::{Console, RouteView};
pub use operators::{IncidentHead, OperatorOrder, Operators, OrderFault};
pub use ready::{ReadyCheck, ReadyPart, ReadyReport};
pub use settings::StatusSettings;
pub use status::Status;
pub use status::view;

/// The light of a page and its words, as its interface for programs tells them.
pub fn light(view: &view::StatusView) -> (detection::Impact, &'static str) {
    let status = api::statuspage::status(view);
    let impact = detection::Impact::of(status.indicator).unwrap_or(detection::Impact::None);
    (impact, status.description)
}

/// An id as it stands in addresses: what is neither a letter, a digit nor a hyphen becomes a hyphen,
/// and the slash between a provider and its capability an underscore.
pub(crate) fn path_key(id: &str) -> String {
    let safe = |letter: char| match letter {
        '/' => '_',
        letter if letter.is_ascii_alphanumeric() => letter,
        _ => '-',
    };
    id.chars().map(safe).collect()
}
