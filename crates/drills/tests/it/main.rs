//! The fault wall, seen from its clients: over real sockets without any wait, and with the full
//! timings on virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test ends where it finds what it did not expect"
)]

mod calibration;
mod client;
mod dialects;
mod drill;
mod further;
mod lookout;
mod raw;
mod score;
mod shapes;
mod sockets;
mod speakers;
mod timing;

const CHAT: &str = "/v1/chat/completions";

/// The body of a plain request.
fn asked(model: &str, stream: bool) -> String {
    format!(
        r#"{{"model":"{model}","stream":{stream},"messages":[{{"role":"user","content":"go on"}}]}}"#
    )
}
