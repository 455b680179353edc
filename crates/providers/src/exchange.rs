//! What every HTTP exchange with a provider shares: reading a body within its bound, and the
//! headers that may go through to a caller.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use domain::{Fault, FaultClass, Secret};
use http::HeaderMap;
use http_body::Body as _;
use net::ClientBody;

/// Headers of a provider's answer that tell a caller something and nobody's account. Everything
/// else stays here: organisations, cookies, routing of the provider's own edge.
const RELAYABLE: [&str; 3] = ["x-request-id", "openai-processing-ms", "openai-version"];
const RELAYABLE_PREFIX: &str = "x-ratelimit-";
/// Bytes of a header's value that goes through.
const VALUE_BYTES_MAX: usize = 128;

/// Picks the headers that go through. A value that repeats one of `secrets` does not: nobody knows
/// what a server on the way writes into its request id.
pub(crate) fn relayable_headers(headers: &HeaderMap, secrets: &[Secret]) -> HeaderMap {
    let mut picked = HeaderMap::new();
    for (name, value) in headers {
        let text = name.as_str();
        if !RELAYABLE.contains(&text) && !text.starts_with(RELAYABLE_PREFIX) {
            continue;
        }
        let clean = |value: &str| !secrets.iter().any(|secret| value.contains(secret.expose()));
        if value.len() <= VALUE_BYTES_MAX && value.to_str().is_ok_and(clean) {
            picked.insert(name.clone(), value.clone());
        }
    }
    picked
}

/// Reads a body to its end.
///
/// # Errors
/// [`FaultClass::Cut`] if it breaks, [`FaultClass::Malformed`] if it is larger than `bytes_max`.
pub(crate) async fn read_to_end(mut body: ClientBody, bytes_max: usize) -> Result<Bytes, Fault> {
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame
            .map_err(|error| Fault::new(FaultClass::Cut, format!("the body broke: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + joined.len() + data.len() > bytes_max {
            let text = format!("the answer is larger than {bytes_max} bytes");
            return Err(Fault::new(FaultClass::Malformed, text));
        }
        // Most bodies come in one frame, which then needs no copy.
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
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}
