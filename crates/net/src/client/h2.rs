//! HTTP/2 connections to origins: a few per thread and origin, shared by many exchanges, each
//! driven by a task of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::pool::PoolKey;
use super::{AnswerError, ClientBody, SendError};
use crate::{BoxIo, Origin};

/// The window of one stream and of a connection, in bytes: enough for a burst, small enough that
/// a slow caller holds little.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// A silent connection is asked whether it lives, and is given up without an answer.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_ANSWER_MAX: Duration = Duration::from_secs(10);

thread_local! {
    static SHARED: RefCell<BTreeMap<PoolKey, Vec<Shared>>> =
        const { RefCell::new(BTreeMap::new()) };
}

struct Shared {
    sender: SendRequest<Full<Bytes>>,
    streams: Arc<AtomicUsize>,
}

/// A place on a shared connection; the count falls when it is dropped.
pub(super) struct Slot {
    sender: SendRequest<Full<Bytes>>,
    streams: Arc<AtomicUsize>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A place on an open connection with room, if there is one.
pub(super) fn checkout(key: &PoolKey, streams_max: usize) -> Option<Slot> {
    SHARED.with_borrow_mut(|shared| {
        let list = shared.get_mut(key)?;
        list.retain(|open| !open.sender.is_closed());
        if list.is_empty() {
            shared.remove(key);
            return None;
        }
        let list = shared.get(key)?;
        let open = list.iter().find(|open| open.streams.load(Ordering::Relaxed) < streams_max)?;
        open.streams.fetch_add(1, Ordering::Relaxed);
        Some(Slot { sender: open.sender.clone(), streams: open.streams.clone() })
    })
}

/// Runs hyper's own futures on the runtime of the current thread.
#[derive(Clone, Copy)]
struct OnThisRuntime;

impl<F> hyper::rt::Executor<F> for OnThisRuntime
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}

/// Opens a connection and shares it with later requests of this thread.
pub(super) async fn open(
    io: BoxIo,
    key: PoolKey,
    header_bytes_max: usize,
) -> Result<Slot, SendError> {
    let (sender, connection) = Builder::new(OnThisRuntime)
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(u32::try_from(header_bytes_max).unwrap_or(u32::MAX))
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_ANSWER_MAX)
        .handshake(TokioIo::new(io))
        .await
        .map_err(broken)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "upstream connection ended");
        }
    });
    let streams = Arc::new(AtomicUsize::new(1));
    SHARED.with_borrow_mut(|shared| {
        let open = Shared { sender: sender.clone(), streams: streams.clone() };
        shared.entry(key).or_default().push(open);
    });
    Ok(Slot { sender, streams })
}

impl Slot {
    /// Sends a request; its `Host` becomes the authority, as HTTP/2 wants it.
    pub(super) async fn send(
        mut self,
        mut request: Request<Full<Bytes>>,
        origin: &Origin,
    ) -> Result<Response<ClientBody>, SendError> {
        *request.uri_mut() = absolute(request.uri(), origin);
        request.headers_mut().remove(http::header::HOST);
        *request.version_mut() = http::Version::HTTP_2;
        let response = self.sender.send_request(request).await.map_err(broken)?;
        Ok(response.map(|body| ClientBody::over_h2(body, self)))
    }
}

fn broken(error: hyper::Error) -> SendError {
    SendError::Broken { source: AnswerError::Http2(error), stale: false }
}

fn absolute(uri: &Uri, origin: &Origin) -> Uri {
    let host = if origin.host.contains(':') {
        format!("[{}]:{}", origin.host, origin.port)
    } else {
        format!("{}:{}", origin.host, origin.port)
    };
    let mut parts = uri.clone().into_parts();
    parts.scheme = Some(if origin.tls { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Authority::try_from(host).ok();
    parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}
