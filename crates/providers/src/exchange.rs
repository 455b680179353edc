//! What every HTTP exchange with a provider shares: reading a body within its bound, the class of a
//! fault before there was an answer, and what a media type says.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use dialects::without_byte_order_mark;
use domain::{Fault, FaultClass};
use http::{HeaderMap, header};
use http_body::Body as _;
use net::{ClientBody, SendError};

/// Reads a body to its end; a byte order mark before it is left out.
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
    let body = if joined.is_empty() { first } else { joined.freeze() };
    Ok(without_byte_order_mark(body))
}

/// True if the answer calls itself JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
        value.trim_start().to_ascii_lowercase().starts_with("application/json")
    })
}

/// Why there was no answer.
pub(crate) fn fault_of(error: &SendError) -> Fault {
    let class = match error {
        SendError::Connect(_) | SendError::ConnectTimeout | SendError::Tls(_) => {
            FaultClass::Connect
        }
        SendError::NoTls => FaultClass::Internal,
        SendError::Broken { .. } => FaultClass::Reset,
        SendError::Unreadable(_) => FaultClass::Malformed,
    };
    Fault::new(class, error.to_string())
}
