//! First stage: which endpoint it is, whose key it carries, and its body within the caps.

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::Pin;

use admission::Identity;
use bytes::{Bytes, BytesMut};
use dialects::{Refusal, RefusalKind};
use domain::Dialect;
use http::{HeaderMap, Method, Request, header};
use http_body::Body as _;
use net::{BodyFault, RequestBody};

use crate::Lineup;
use crate::receipt::Ticket;
use crate::reply::TurnedAway;

/// Bodies up to this size are copied out of the connection's buffer.
const COPY_BYTES_MAX: usize = 4096;

/// What a path and a method ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Endpoint<'a> {
    ChatCompletions,
    Models,
    Model(Cow<'a, str>),
    Alive,
    Ready,
}

/// A request with its body in hand and its caller known.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) dialect: Dialect,
    pub(crate) body: Bytes,
    pub(crate) ticket: Ticket,
}

/// Finds the endpoint.
pub(crate) fn endpoint_of<'a>(method: &Method, path: &'a str) -> Result<Endpoint<'a>, Refusal> {
    let (endpoint, wanted) = match path {
        "/v1/chat/completions" | "/chat/completions" => (Endpoint::ChatCompletions, Method::POST),
        "/v1/models" | "/models" => (Endpoint::Models, Method::GET),
        "/healthz" => (Endpoint::Alive, Method::GET),
        "/readyz" => (Endpoint::Ready, Method::GET),
        _ => match path.strip_prefix("/v1/models/").or_else(|| path.strip_prefix("/models/")) {
            Some(name) if !name.is_empty() => (Endpoint::Model(decode(name)), Method::GET),
            _ => {
                return Err(refusal(
                    404,
                    RefusalKind::NotFound,
                    format!(
                        "there is nothing at {}; Seawall serves /v1/chat/completions and /v1/models",
                        quoted(path)
                    ),
                ));
            }
        },
    };
    if *method == wanted || (wanted == Method::GET && *method == Method::HEAD) {
        return Ok(endpoint);
    }
    let text = format!("{} takes {wanted}, not {}", quoted(path), quoted(method.as_str()));
    Err(refusal(405, RefusalKind::MethodNotAllowed, text))
}

/// Identifies the caller before his body is read, then reads it.
pub(crate) async fn receive(
    lineup: &Lineup,
    request: Request<RequestBody>,
    mut ticket: Ticket,
) -> Result<Received, Box<TurnedAway>> {
    let dialect = Dialect::OpenAiChat;
    match identify(lineup, request.headers(), request.uri().query()) {
        Ok(caller) => ticket.set_caller(caller),
        Err(refusal) => return Err(TurnedAway::by_us(ticket, dialect, refusal, "wrong_key")),
    }
    match read_body(request.into_body()).await {
        Ok(body) => Ok(Received { dialect, body, ticket }),
        Err((refusal, reason)) => Err(TurnedAway::by_us(ticket, dialect, refusal, reason)),
    }
}

/// The caller's name, `None` in open mode.
pub(crate) fn identify(
    lineup: &Lineup,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<Option<std::sync::Arc<str>>, Refusal> {
    let message = match lineup.callers.identify(presented_key(headers, query)) {
        Identity::Open => return Ok(None),
        Identity::Known(name) => return Ok(Some(name)),
        Identity::Missing => "no API key was given; send it as `Authorization: Bearer KEY`",
        Identity::Unknown => "this API key is not known here",
    };
    Err(refusal(401, RefusalKind::Unauthorized, message.to_owned()))
}

/// A key in any of the customary places, the first that is there.
fn presented_key<'a>(headers: &'a HeaderMap, query: Option<&'a str>) -> Option<&'a str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text(header::AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let in_query = || query?.split('&').find_map(|pair| pair.strip_prefix("key="));
    bearer
        .or_else(|| text("x-api-key"))
        .or_else(|| text("api-key"))
        .or_else(|| text("x-goog-api-key"))
        .or_else(in_query)
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

/// Percent-decoding of a path segment; what cannot be decoded stays as it is.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_found_or_refused() {
        assert_eq!(
            endpoint_of(&Method::POST, "/v1/chat/completions").unwrap(),
            Endpoint::ChatCompletions
        );
        assert_eq!(endpoint_of(&Method::HEAD, "/healthz").unwrap(), Endpoint::Alive);
        let model = endpoint_of(&Method::GET, "/v1/models/openai%2Fgpt-4.1").unwrap();
        assert_eq!(model, Endpoint::Model("openai/gpt-4.1".into()));
        assert_eq!(endpoint_of(&Method::GET, "/v1/chat/completions").unwrap_err().status, 405);
        assert_eq!(endpoint_of(&Method::GET, "/v2/x").unwrap_err().status, 404);
    }

    #[test]
    fn keys_are_found_in_every_customary_place() {
        let with = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            headers
        };
        for headers in [
            with("authorization", "Bearer k1"),
            with("authorization", "bearer  k1"),
            with("x-api-key", "k1"),
            with("api-key", "k1"),
            with("x-goog-api-key", "k1"),
        ] {
            assert_eq!(presented_key(&headers, None), Some("k1"), "{headers:?}");
        }
        assert_eq!(presented_key(&HeaderMap::new(), Some("alt=sse&key=k1")), Some("k1"));
        assert_eq!(presented_key(&with("authorization", "Basic k1"), None), None);
    }

    #[test]
    fn strangers_text_is_tamed() {
        assert_eq!(quoted("a\nb`c"), "`a?b?c`");
        assert_eq!(quoted(&"x".repeat(500)).chars().count(), 103);
    }
}
