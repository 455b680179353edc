//! The only HTTP client: one request to one origin over a pooled connection. It does not follow
//! redirects, decode bodies, retry refusals or know what a provider is.
//!
//! An HTTP/1.1 connection has no task of its own: it is polled inside the body of the exchange
//! that uses it, so that a burst of chunks costs no wake-ups between tasks, and it is read by code
//! of our own, so that the burst is one frame and an open stream needs no buffer (measured by
//! `cargo xtask bench`). Idle connections lie in a pool of the thread that used them last. HTTP/2
//! connections are hyper's; they are shared by many exchanges and therefore run in a task.

mod body;
mod error;
mod h1;
mod h2;
mod pool;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use clock::Clock;
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::Full;
use rustls::ClientConfig;

pub use body::ClientBody;
pub use error::{AnswerError, SendError, Unreadable};
pub use pool::sweep_idle;
pub use tls::{ClientTlsError, client_tls};

use crate::{Connector, Origin};
use h1::H1;
use pool::PoolKey;

/// The limits of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimits {
    /// Idle connections kept per origin and thread.
    pub idle_per_origin_max: usize,
    /// For which an idle connection is kept.
    pub idle_ms_max: u64,
    /// Bytes of an answer's head.
    pub head_bytes_max: usize,
    /// Exchanges on one HTTP/2 connection before another is opened.
    pub h2_streams_max: usize,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            idle_per_origin_max: 256,
            idle_ms_max: 55_000,
            head_bytes_max: 64 * 1024,
            h2_streams_max: 100,
        }
    }
}

/// The seams and limits that a client is made of.
#[derive(Debug, Clone)]
pub struct ClientParts {
    pub connector: Arc<dyn Connector>,
    pub clock: Arc<dyn Clock>,
    /// Needed for origins that speak TLS.
    pub tls: Option<Arc<ClientConfig>>,
    pub limits: ClientLimits,
}

/// Sends requests; cheap to clone, shared by all threads.
#[derive(Clone)]
pub struct Client {
    parts: Arc<ClientParts>,
    id: u64,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An HTTP version's open connection.
enum Fresh {
    H1(Box<H1>),
    H2(h2::Slot),
}

impl Client {
    /// A client with pools of its own.
    pub fn new(parts: ClientParts) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { parts: Arc::new(parts), id: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    /// Sends one request, made by `make`, and resolves at the answer's head. `connect_max` bounds
    /// name resolution, TCP and TLS together; all other time limits are the caller's, who drops the
    /// future.
    ///
    /// # Errors
    /// What went wrong before there was a head. A reused connection that turns out to be closed
    /// before a byte came back is replaced by a fresh one, once.
    pub async fn send(
        &self,
        origin: &Origin,
        make: &(dyn Fn() -> Request<Full<Bytes>> + Sync),
        connect_max: Duration,
    ) -> Result<Response<ClientBody>, SendError> {
        let key = PoolKey { client: self.id, origin: origin.clone() };
        if let Some(slot) = h2::checkout(&key, self.parts.limits.h2_streams_max) {
            return slot.send(make(), origin).await;
        }
        let request = make().map(whole);
        while let Some(mut idle) = pool::checkout(&key) {
            if !idle.is_alive().await {
                continue;
            }
            match idle.send(&request).await {
                Ok(response) => return Ok(self.answered(key, idle, response)),
                Err(error) if error.is_stale_connection() => break,
                Err(error) => return Err(error),
            }
        }
        // Boxed, since it is large, rare, and would be part of every request's future.
        match Box::pin(self.open(origin, &key, connect_max)).await? {
            Fresh::H1(mut fresh) => {
                let response = fresh.send(&request).await?;
                Ok(self.answered(key, fresh, response))
            }
            Fresh::H2(slot) => slot.send(request.map(Full::new), origin).await,
        }
    }

    fn answered(
        &self,
        key: PoolKey,
        connection: Box<H1>,
        response: Response<()>,
    ) -> Response<ClientBody> {
        let clock = self.parts.clock.clone();
        let limits = self.parts.limits;
        response.map(|()| ClientBody::over_h1(connection, pool::Home { key, clock, limits }))
    }

    async fn open(
        &self,
        origin: &Origin,
        key: &PoolKey,
        connect_max: Duration,
    ) -> Result<Fresh, SendError> {
        let head_bytes_max = self.parts.limits.head_bytes_max;
        let opening = async {
            let io = self.parts.connector.connect(origin).await.map_err(SendError::Connect)?;
            if !origin.tls {
                return Ok(Fresh::H1(Box::new(H1::new(io, true, head_bytes_max))));
            }
            let config = self.parts.tls.clone().ok_or(SendError::NoTls)?;
            let (io, is_h2) = tls::handshake(io, origin, config).await?;
            if is_h2 {
                let slot = h2::open(io, key.clone(), head_bytes_max).await?;
                return Ok(Fresh::H2(slot));
            }
            Ok(Fresh::H1(Box::new(H1::new(io, false, head_bytes_max))))
        };
        match tokio::time::timeout(connect_max, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(SendError::ConnectTimeout),
        }
    }
}

/// The bytes of a body that is whole.
fn whole(body: Full<Bytes>) -> Bytes {
    let mut body = std::pin::pin!(body);
    let frame = body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop()));
    match frame {
        Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        Poll::Ready(None) | Poll::Pending => Bytes::new(),
    }
}
