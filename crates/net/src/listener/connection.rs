//! One connection from its first byte to its last: TLS, which HTTP it speaks, and the task that
//! drives it and ends it when its time is up.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::answer::AnswerBody;
use super::guard::Guard;
use super::host;
use super::streams::Streams;
use super::timer::{LazyTimer, now};
use super::watch::{Hold, Phase, Watch};
use super::{Handler, Peer, RequestBody, ServerTls, Shutdown};
use crate::{BoxIo, ServerLimits};

/// How an HTTP/2 connection begins, whatever its carrier.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// hyper's least buffer of an HTTP/1.1 connection.
const BUFFER_BYTES_MIN: usize = 8 * 1024;
/// For which a connection may wait for a further request; longer than what common proxies and
/// client pools keep theirs, so that they close first and never meet a closing connection.
const IDLE_MAX: Duration = Duration::from_secs(75);
/// For an idle connection to close in good order before it is dropped.
const CLOSING_MAX: Duration = Duration::from_secs(5);
/// The windows that an HTTP/2 peer may fill, and what waits for it to read.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
const SEND_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// A silent HTTP/2 peer is asked whether it lives, and is given up without an answer.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_ANSWER_MAX: Duration = Duration::from_secs(10);
/// Control frames of an HTTP/2 peer that a request pays for.
const FRAMES_PER_REQUEST: u64 = 16;

/// What all connections of one server have in common.
pub(super) struct Doorway {
    pub(super) tls: Option<Arc<ServerTls>>,
    pub(super) limits: Arc<ServerLimits>,
    pub(super) shutdown: Shutdown,
}

/// A connection that was let in.
pub(super) struct Visit<H> {
    pub(super) io: BoxIo,
    pub(super) peer: Peer,
    pub(super) handler: H,
}

/// Serves a connection to its end.
pub(super) async fn serve<H: Handler>(doorway: Arc<Doorway>, visit: Visit<H>) {
    let Visit { io, peer, handler } = visit;
    let opened = tokio::select! {
        biased;
        () = doorway.shutdown.triggered() => return,
        opened = open(&doorway, io) => opened,
    };
    let ended = match opened {
        Ok(Opened { io, ahead, first_head_due, is_h2 }) => {
            let line = Line { watch: Watch::new(), first_head_due };
            let stall_max = Duration::from_millis(doorway.limits.write_stall_ms_max);
            let guard = Guard::new(io, ahead, line.watch.clone(), stall_max);
            match is_h2 {
                true => serve_h2(&doorway, guard.counting_frames(), (handler, peer), line).await,
                false => serve_h1(&doorway, guard, (handler, peer), line).await,
            }
        }
        Err(error) => Err(Ended::Opening(error)),
    };
    match ended {
        Ok(()) => tracing::trace!(addr = %peer.addr, "connection ended"),
        Err(error) => tracing::debug!(addr = %peer.addr, %error, "connection ended"),
    }
}

/// Why a connection did not end by itself.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("no request came: {0}")]
    Opening(io::Error),
    #[error("the request's head did not come in time")]
    HeadOverdue,
    #[error("it was idle for too long")]
    IdleOverdue,
    #[error("{0}")]
    Http(#[from] hyper::Error),
}

/// A connection whose protocol is known.
struct Opened {
    io: BoxIo,
    /// What was read to know it.
    ahead: Bytes,
    first_head_due: Instant,
    is_h2: bool,
}

async fn open(doorway: &Doorway, io: BoxIo) -> io::Result<Opened> {
    let limits = &doorway.limits;
    let io = match &doorway.tls {
        None => io,
        Some(tls) => {
            let handshake = tokio_rustls::TlsAcceptor::from(tls.current()).accept(io);
            let time_max = Duration::from_millis(limits.tls_handshake_ms_max);
            let stream = tokio::time::timeout(time_max, handshake).await??;
            let protocol = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            let first_head_due = now() + Duration::from_millis(limits.header_ms_max);
            let io: BoxIo = Box::new(stream);
            if let Some(protocol) = protocol {
                let (ahead, is_h2) = (Bytes::new(), protocol == b"h2");
                return Ok(Opened { io, ahead, first_head_due, is_h2 });
            }
            io
        }
    };
    let first_head_due = now() + Duration::from_millis(limits.header_ms_max);
    let (io, ahead) = tokio::time::timeout_at(first_head_due, read_start(io)).await??;
    let is_h2 = ahead.starts_with(PREFACE);
    Ok(Opened { io, ahead, first_head_due, is_h2 })
}

/// Reads until the start is the preface of HTTP/2 or cannot become it.
async fn read_start(mut io: BoxIo) -> io::Result<(BoxIo, Bytes)> {
    let mut start = BytesMut::with_capacity(PREFACE.len());
    while start.len() < PREFACE.len() && PREFACE.starts_with(&start) {
        let room = PREFACE.len() - start.len();
        let read = (&mut io).take(room as u64).read_buf(&mut start).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok((io, start.freeze()))
}

/// What the driver of a connection watches.
struct Line {
    watch: Arc<Watch>,
    first_head_due: Instant,
}

async fn serve_h1<H: Handler>(
    doorway: &Doorway,
    guard: Guard,
    (handler, peer): (H, Peer),
    line: Line,
) -> Result<(), Ended> {
    let (limits, watch) = (doorway.limits.clone(), line.watch.clone());
    let service = service_fn(move |request| {
        let (hold, limits, handler) = (Hold::new(&watch), limits.clone(), handler.clone());
        async move {
            Ok::<_, Infallible>(match refusal(&limits, &request) {
                Some((status, text)) => {
                    let mut response = AnswerBody::refusal(status, text, hold);
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(header::CONNECTION, close);
                    response
                }
                None => {
                    let request = request.map(|body| RequestBody::wire(body, limits, &hold));
                    // Boxed: hyper moves the future about, and keeps room for it while the answer
                    // streams.
                    let response = Box::pin(handler.handle(request, peer)).await;
                    response.map(|body| AnswerBody::new(body, hold, None))
                }
            })
        }
    });
    let limits = &doorway.limits;
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_headers(limits.headers_max)
        .max_header_size(limits.header_bytes_max)
        .max_buf_size(limits.header_bytes_max.max(BUFFER_BYTES_MIN))
        .serve_connection(TokioIo::new(guard), service);
    drive(std::pin::pin!(connection), |connection| connection.graceful_shutdown(), doorway, line)
        .await
}

async fn serve_h2<H: Handler>(
    doorway: &Doorway,
    guard: Guard,
    (handler, peer): (H, Peer),
    line: Line,
) -> Result<(), Ended> {
    let (limits, watch) = (doorway.limits.clone(), line.watch.clone());
    let streams = Streams::new(Duration::from_millis(limits.write_stall_ms_max));
    let begins = streams.clone();
    let service = service_fn(move |request| {
        let (hold, limits, handler) = (Hold::new(&watch), limits.clone(), handler.clone());
        let progress = begins.begin();
        watch.earn(FRAMES_PER_REQUEST);
        async move {
            Ok::<_, Infallible>(match refusal(&limits, &request) {
                Some((status, text)) => AnswerBody::refusal(status, text, hold),
                None => {
                    let request = request.map(|body| RequestBody::wire(body, limits, &hold));
                    let response = Box::pin(handler.handle(request, peer)).await;
                    response.map(|body| AnswerBody::new(body, hold, Some(progress)))
                }
            })
        }
    });
    let limits = &doorway.limits;
    let connection = http2::Builder::new(streams)
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.h2_streams_max)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
        .max_send_buf_size(SEND_BUFFER_BYTES_MAX)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_ANSWER_MAX)
        .serve_connection(TokioIo::new(guard), service);
    drive(std::pin::pin!(connection), |connection| connection.graceful_shutdown(), doorway, line)
        .await
}

/// What the door refuses by itself, before any handler.
fn refusal(
    limits: &ServerLimits,
    request: &Request<Incoming>,
) -> Option<(StatusCode, &'static str)> {
    if request.method() == http::Method::CONNECT {
        return Some((StatusCode::NOT_IMPLEMENTED, "no tunnels here\n"));
    }
    let host_may_lack = request.version() != Version::HTTP_11;
    if host::check(request.uri(), request.headers(), host_may_lack).is_err() {
        return Some((StatusCode::BAD_REQUEST, "the host is missing, said twice or no host\n"));
    }
    (request.headers().len() > limits.headers_max)
        .then_some((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too many header lines\n"))
}

/// Drives a connection until it ends, its time is up, or the shutdown has ended it.
async fn drive<C>(
    mut connection: Pin<&mut C>,
    close: impl Fn(Pin<&mut C>),
    doorway: &Doorway,
    line: Line,
) -> Result<(), Ended>
where
    C: Future<Output = hyper::Result<()>>,
{
    let Line { watch, first_head_due } = line;
    let header_max = Duration::from_millis(doorway.limits.header_ms_max);
    let mut timer = LazyTimer::default();
    timer.set(first_head_due);
    let mut seen = watch.changes();
    let mut closing = false;
    let mut shutdown = std::pin::pin!(doorway.shutdown.triggered());
    let mut enlisted = false;
    std::future::poll_fn(move |cx| {
        // Polled once to be woken by it; after that the flag is read, which is cheaper.
        if !enlisted {
            enlisted = true;
            _ = shutdown.as_mut().poll(cx).is_ready();
        }
        if !closing && doorway.shutdown.is_triggered() {
            closing = true;
            close(connection.as_mut());
        }
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(ended.map_err(Ended::Http));
            }
            let changes = watch.changes();
            if changes != seen {
                seen = changes;
                match watch.phase() {
                    Phase::Busy => timer.clear(),
                    Phase::Head => timer.set(now() + header_max),
                    Phase::Idle => timer.set(now() + IDLE_MAX),
                }
            }
            ready!(timer.poll(cx));
            match watch.phase() {
                Phase::Head => return Poll::Ready(Err(Ended::HeadOverdue)),
                Phase::Idle if closing => return Poll::Ready(Err(Ended::IdleOverdue)),
                Phase::Idle | Phase::Busy => {}
            }
            closing = true;
            close(connection.as_mut());
            timer.set(now() + CLOSING_MAX);
        }
    })
    .await
}
