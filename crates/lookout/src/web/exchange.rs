//! One request and its whole answer, within a time and a size. No redirect is followed here.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Response, header};
use http_body::Body;
use http_body_util::Full;
use net::{AnswerError, Client, ClientBody, SendError};
use thiserror::Error;

use super::WebAddress;

/// Why there is no answer. Blame: the other side, or the network between.
#[derive(Debug, Error)]
pub(crate) enum ExchangeError {
    #[error(transparent)]
    Send(#[from] SendError),
    #[error("the answer broke off: {0}")]
    Answer(#[from] AnswerError),
    #[error("no whole answer within {ms_max} ms")]
    TooSlow { ms_max: u64 },
    #[error("the answer has more than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    #[error("the answer is encoded although no encoding was accepted")]
    Encoded,
    #[error("the request cannot be written: {0}")]
    Unwritable(#[from] http::Error),
}

/// What is asked.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) address: &'a WebAddress,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What it may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// From the first step of the connection to the last byte of the answer.
    pub(crate) total_ms_max: u64,
    /// A larger body is a failure; `None` if the body does not matter and is not read.
    pub(crate) body_bytes_max: Option<usize>,
}

/// Sends a request and reads the answer to its end.
pub(crate) async fn exchange(
    client: &Client,
    ask: Ask<'_>,
    bounds: Bounds,
) -> Result<Response<Bytes>, ExchangeError> {
    let span = Duration::from_millis(bounds.total_ms_max);
    match tokio::time::timeout(span, whole(client, ask, bounds)).await {
        Ok(answer) => answer,
        Err(_) => Err(ExchangeError::TooSlow { ms_max: bounds.total_ms_max }),
    }
}

async fn whole(
    client: &Client,
    ask: Ask<'_>,
    bounds: Bounds,
) -> Result<Response<Bytes>, ExchangeError> {
    let mut headers = ask.headers;
    let host = ask.address.host_header().try_into().map_err(http::Error::from)?;
    headers.insert(header::HOST, host);
    headers.insert(header::USER_AGENT, const { header::HeaderValue::from_static("seawall") });
    let target = ask.address.target();
    let make = || {
        let mut request = http::Request::new(Full::new(ask.body.clone()));
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = target.clone();
        *request.headers_mut() = headers.clone();
        request
    };
    let connect_max = Duration::from_millis(bounds.total_ms_max);
    let response = client.send(ask.address.origin(), &make, connect_max).await?;
    let (parts, body) = response.into_parts();
    let Some(body_bytes_max) = bounds.body_bytes_max else {
        return Ok(Response::from_parts(parts, Bytes::new()));
    };
    if parts.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(ExchangeError::Encoded);
    }
    let body = to_end(body, body_bytes_max).await?;
    Ok(Response::from_parts(parts, body))
}

async fn to_end(mut body: ClientBody, bytes_max: usize) -> Result<Bytes, ExchangeError> {
    let told = body.size_hint().exact().and_then(|told| usize::try_from(told).ok());
    if told.is_some_and(|told| told > bytes_max) {
        return Err(ExchangeError::TooLarge { bytes_max });
    }
    let mut read = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(more) = frame?.into_data() else { continue };
        if read.len() + more.len() > bytes_max {
            return Err(ExchangeError::TooLarge { bytes_max });
        }
        read.extend_from_slice(&more);
    }
    Ok(read.freeze())
}
