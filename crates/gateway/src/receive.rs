//! First stage: whose key the request carries, and its body within the caps.

use std::future::poll_fn;
use std::pin::Pin;

use admission::Identity;
use bytes::{Bytes, BytesMut};
use dialects::{Refusal, RefusalKind};
use domain::Passed;
use http::{HeaderMap, Request};
use http_body::Body as _;
use net::{BodyFault, RequestBody};

use crate::Lineup;
use crate::endpoint::{self, Asked};
use crate::receipt::Ticket;
use crate::reply::TurnedAway;

/// Bodies up to this size are copied out of the connection's buffer.
const COPY_BYTES_MAX: usize = 4096;

/// A request with its body in hand and its caller known.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) asked: Asked,
    pub(crate) passed: Passed,
    /// The caller's client says that it asks again.
    pub(crate) again: bool,
    pub(crate) body: Bytes,
    pub(crate) ticket: Ticket,
}

/// Identifies the caller before his body is read, then reads it.
pub(crate) async fn receive(
    lineup: &Lineup,
    request: Request<RequestBody>,
    asked: Asked,
    mut ticket: Ticket,
) -> Result<Received, Box<TurnedAway>> {
    let dialect = asked.dialect;
    ticket.set_ask(dialect, asked.operation);
    match identify(lineup, request.headers(), request.uri().query()) {
        Ok(caller) => ticket.set_caller(caller),
        Err(refusal) => return Err(TurnedAway::by_us(ticket, dialect, refusal, "wrong_key")),
    }
    let passed = endpoint::passed(dialect, request.uri(), request.headers());
    let again = asks_again(request.headers());
    match read_body(request.into_body()).await {
        Ok(body) => {
            let body = dialects::without_byte_order_mark(body);
            Ok(Received { asked, passed, again, body, ticket })
        }
        Err((refusal, reason)) => Err(TurnedAway::by_us(ticket, dialect, refusal, reason)),
    }
}

/// OpenAI's and Anthropic's clients count their repetitions.
fn asks_again(headers: &HeaderMap) -> bool {
    headers.get("x-stainless-retry-count").is_some_and(|count| count.as_bytes() != b"0")
}

/// The caller's name, `None` in open mode.
pub(crate) fn identify(
    lineup: &Lineup,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<Option<std::sync::Arc<str>>, Refusal> {
    let key = endpoint::presented_key(headers, query);
    let message = match lineup.callers.identify(key.as_deref()) {
        Identity::Open => return Ok(None),
        Identity::Known(name) => return Ok(Some(name)),
        Identity::Missing => "no API key was given; send it as `Authorization: Bearer KEY`",
        Identity::Unknown => "this API key is not known here",
    };
    Err(refusal(401, RefusalKind::Unauthorized, message.to_owned()))
}

/// The listener's own body keeps the caps on size and time.
async fn read_body(mut body: RequestBody) -> Result<Bytes, (Refusal, &'static str)> {
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(data) = frame.map_err(|fault| of_body_fault(&fault))?.into_data() else { continue };
        if first.is_empty() && joined.is_empty() {
            first = data;
            continue;
        }
        if joined.is_empty() {
            joined.extend_from_slice(&first);
            first = Bytes::new();
        }
        joined.extend_from_slice(&data);
    }
    // A small body is a slice of the connection's read buffer, and would hold all of it for as
    // long as the answer lasts.
    if joined.is_empty() && first.len() <= COPY_BYTES_MAX {
        return Ok(Bytes::copy_from_slice(&first));
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

fn of_body_fault(fault: &BodyFault) -> (Refusal, &'static str) {
    match fault {
        BodyFault::TooLarge { bytes_max } => {
            let text = format!("the request's body is larger than {bytes_max} bytes");
            (refusal(413, RefusalKind::PayloadTooLarge, text), "body_too_large")
        }
        BodyFault::TooSlow | BodyFault::Deadline => {
            let text = "the request's body came too slowly".to_owned();
            (refusal(408, RefusalKind::InvalidRequest, text), "body_too_slow")
        }
        BodyFault::Broken(_) => {
            let text = "the request's body broke off".to_owned();
            (refusal(400, RefusalKind::InvalidRequest, text), "body_broken")
        }
    }
}

pub(crate) fn refusal(status: u16, kind: RefusalKind, message: String) -> Refusal {
    Refusal { status, kind, message, param: None, retry_after_s: None }
}

/// A stranger's text inside our sentence: short, printable, in backquotes.
pub(crate) fn quoted(text: &str) -> String {
    let printable = |c: char| if c.is_control() || c == '`' { '?' } else { c };
    let mut shown: String = text.chars().take(100).map(printable).collect();
    if text.chars().nth(100).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_text_is_tamed() {
        assert_eq!(quoted("a\nb`c"), "`a?b?c`");
        assert_eq!(quoted(&"x".repeat(500)).chars().count(), 103);
    }
}
