//! A server behind pipes in memory, a handler whose path says what it does, and raw callers.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use net::{
    BodyFault, BoxError, BoxFuture, BoxIo, ConnectionCounts, Handler, Listener, Peer, RequestBody,
    Server, ServerLimits, ServerTls, Shutdown,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep};

/// Bytes that a pipe holds in each direction.
pub(crate) const PIPE_BYTES: usize = 16 * 1024;
pub(crate) const CALLER: &str = "198.51.100.7:40000";

/// Connections come through a channel.
pub(crate) struct Pipes(pub(crate) mpsc::Receiver<io::Result<(BoxIo, SocketAddr)>>);

impl fmt::Debug for Pipes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pipes")
    }
}

impl Listener for Pipes {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxIo, SocketAddr)>> {
        Box::pin(async {
            match self.0.recv().await {
                Some(came) => came,
                None => std::future::pending().await,
            }
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([192, 0, 2, 1], 8080)))
    }
}

/// What the handler's parts tell the test.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) requests: AtomicUsize,
    /// Handler futures and bodies that were dropped before their end.
    pub(crate) broken_off: AtomicUsize,
}

impl Seen {
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn broken_off(&self) -> usize {
        self.broken_off.load(Ordering::SeqCst)
    }
}

/// Counts a drop unless it was disarmed.
struct Fuse(Option<Arc<Seen>>);

impl Drop for Fuse {
    fn drop(&mut self) {
        if let Some(seen) = self.0.take() {
            seen.broken_off.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct ByPath(pub(crate) Arc<Seen>);

impl Handler for ByPath {
    type Body = UnsyncBoxBody<Bytes, BoxError>;

    async fn handle(&self, request: Request<RequestBody>, peer: Peer) -> Response<Self::Body> {
        self.0.requests.fetch_add(1, Ordering::SeqCst);
        let mut fuse = Fuse(Some(self.0.clone()));
        let (status, body) = match request.uri().path() {
            "/read" => match request.into_body().collect().await {
                Ok(body) => (StatusCode::OK, said(format!("{} bytes", body.to_bytes().len()))),
                Err(fault @ BodyFault::TooLarge { .. }) => {
                    (StatusCode::PAYLOAD_TOO_LARGE, said(fault.to_string()))
                }
                Err(fault @ (BodyFault::TooSlow | BodyFault::Deadline)) => {
                    (StatusCode::REQUEST_TIMEOUT, said(fault.to_string()))
                }
                Err(fault) => (StatusCode::BAD_REQUEST, said(fault.to_string())),
            },
            "/never" => std::future::pending().await,
            "/flood" => (StatusCode::OK, drip(&self.0, Duration::ZERO, usize::MAX, 8 * 1024)),
            "/drip" => (StatusCode::OK, drip(&self.0, Duration::from_secs(1), 20, 10)),
            "/trickle" => (StatusCode::OK, drip(&self.0, Duration::from_secs(50), 5, 10)),
            "/panic" => panic!("asked for"),
            _ => (StatusCode::OK, said(format!("hello tls={}", peer.tls))),
        };
        fuse.0 = None;
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response
    }
}

fn said(text: String) -> UnsyncBoxBody<Bytes, BoxError> {
    Full::new(Bytes::from(text)).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// Pieces with pauses between them.
fn drip(
    seen: &Arc<Seen>,
    pause: Duration,
    pieces: usize,
    bytes: usize,
) -> UnsyncBoxBody<Bytes, BoxError> {
    let sleep = Box::pin(tokio::time::sleep(pause));
    Drip { sleep, pause, pieces, bytes, fuse: Fuse(Some(seen.clone())) }.boxed_unsync()
}

struct Drip {
    sleep: Pin<Box<Sleep>>,
    pause: Duration,
    pieces: usize,
    bytes: usize,
    fuse: Fuse,
}

impl Body for Drip {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.pieces == 0 {
            self.fuse.0 = None;
            return Poll::Ready(None);
        }
        if self.pause > Duration::ZERO {
            ready!(self.sleep.as_mut().poll(cx));
            let next = self.sleep.deadline() + self.pause;
            self.sleep.as_mut().reset(next);
        }
        self.pieces -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'x'; self.bytes])))))
    }
}

/// A server on the current runtime.
pub(crate) struct Rig {
    pub(crate) seen: Arc<Seen>,
    pub(crate) counts: Arc<ConnectionCounts>,
    pub(crate) shutdown: Shutdown,
    pub(crate) server: JoinHandle<io::Result<()>>,
    pub(crate) callers: mpsc::Sender<io::Result<(BoxIo, SocketAddr)>>,
}

impl Rig {
    pub(crate) fn new(limits: ServerLimits) -> Self {
        Self::with_tls(limits, None)
    }

    pub(crate) fn with_tls(limits: ServerLimits, tls: Option<Arc<ServerTls>>) -> Self {
        let (callers, pipes) = mpsc::channel(64);
        let handler = ByPath::default();
        let counts = ConnectionCounts::new(&limits);
        let shutdown = Shutdown::new();
        let server = Server {
            listener: Box::new(Pipes(pipes)),
            tls,
            limits: Arc::new(limits),
            counts: counts.clone(),
            handler: handler.clone(),
            shutdown: shutdown.clone(),
        };
        let server = tokio::spawn(server.run());
        Self { seen: handler.0, counts, shutdown, server, callers }
    }

    /// A connection from `addr`.
    pub(crate) async fn call_from(&self, addr: &str) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let came: (BoxIo, SocketAddr) = (Box::new(theirs), addr.parse().unwrap());
        self.callers.send(Ok(came)).await.unwrap();
        ours
    }

    pub(crate) async fn call(&self) -> DuplexStream {
        self.call_from(CALLER).await
    }

    /// A connection on which `bytes` were sent.
    pub(crate) async fn say(&self, bytes: &[u8]) -> DuplexStream {
        let mut stream = self.call().await;
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// Sends `bytes` on a new connection and gives the status and all that came until its end or
    /// until nothing came for a virtual minute.
    pub(crate) async fn ask(&self, bytes: &[u8]) -> Answer {
        Answer::read(&mut self.say(bytes).await).await
    }

    /// Lets everything run that can run without time passing.
    pub(crate) async fn settle(&self) {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }
}

/// What came back on a raw connection.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Zero if no status line came.
    pub(crate) status: u16,
    pub(crate) text: String,
    /// The server closed the connection within a virtual minute.
    pub(crate) closed: bool,
}

impl Answer {
    pub(crate) async fn read(stream: &mut DuplexStream) -> Self {
        let mut came = Vec::new();
        let reading = stream.read_to_end(&mut came);
        let read = tokio::time::timeout(Duration::from_secs(60), reading).await;
        let text = String::from_utf8_lossy(&came).into_owned();
        let status = text.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0);
        Self { status, text, closed: read.is_ok() }
    }
}

/// Seconds of virtual time until the server closes `stream`; fails after ten minutes.
pub(crate) async fn closes_after(stream: &mut DuplexStream) -> f64 {
    let started = now();
    let mut rest = Vec::new();
    let reading = stream.read_to_end(&mut rest);
    let ended = tokio::time::timeout(Duration::from_secs(600), reading).await;
    assert!(ended.is_ok(), "the server kept the connection");
    (now() - started).as_secs_f64()
}

/// Reads one answer with a `content-length` from a connection that stays open.
pub(crate) async fn read_one(stream: &mut DuplexStream) -> String {
    let mut text = String::new();
    loop {
        let mut buffer = [0_u8; 1024];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if length.and_then(|length| length.parse().ok()).is_some_and(|len: usize| body.len() >= len)
        {
            return text;
        }
    }
}

pub(crate) fn limits() -> ServerLimits {
    ServerLimits { count_loopback: true, ..ServerLimits::default() }
}

#[expect(clippy::disallowed_methods, reason = "the tests' clock is the runtime's paused one")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
