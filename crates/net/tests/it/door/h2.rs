//! HTTP/2: the same limits as HTTP/1.1, and what only its frames can do.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use net::{BoxError, ServerLimits};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;

use super::rig::{Rig, closes_after, limits, now};

type Sent = UnsyncBoxBody<Bytes, BoxError>;

struct Caller {
    sender: SendRequest<Sent>,
    connection: JoinHandle<Result<(), hyper::Error>>,
}

impl Caller {
    async fn new(rig: &Rig) -> Self {
        let io = TokioIo::new(rig.call().await);
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .handshake(io)
            .await
            .unwrap();
        Self { sender, connection: tokio::spawn(connection) }
    }

    async fn send(&mut self, path: &str, body: Sent) -> Result<Response<Incoming>, hyper::Error> {
        let uri = format!("http://a.example{path}");
        self.sender.send_request(Request::post(uri).body(body).unwrap()).await
    }

    async fn get(&mut self, path: &str) -> Response<Incoming> {
        self.send(path, empty()).await.unwrap()
    }
}

fn empty() -> Sent {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

async fn text(response: Response<Incoming>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8_lossy(&body).into_owned()
}

#[tokio::test(start_paused = true)]
async fn prior_knowledge_is_served_beside_http1() {
    let rig = Rig::new(limits());
    let mut caller = Caller::new(&rig).await;
    for _ in 0..300 {
        assert_eq!(text(caller.get("/").await).await, "hello tls=false");
    }
    let long = Full::new(Bytes::from(vec![b'x'; 300_000]));
    let long = long.map_err(|never| match never {}).boxed_unsync();
    assert_eq!(text(caller.send("/read", long).await.unwrap()).await, "300000 bytes");
    assert_eq!(rig.ask(b"GET / HTTP/1.0\r\nHost: a.example\r\n\r\n").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn heads_are_held_to_the_same_rules() {
    let rig = Rig::new(limits());
    let mut caller = Caller::new(&rig).await;
    let statuses = [
        (Request::get("http://a.example/").header("host", "a.example"), 200),
        (Request::get("http://a.example/").header("host", "A.example:80"), 200),
        (Request::get("http://a.example/").header("host", "b.example"), 400),
        (Request::get("http://u@a.example/"), 400),
        (Request::get("http://a!.example/"), 400),
        ((0..70).fold(Request::get("http://a.example/"), |r, _| r.header("x", "y")), 431),
    ];
    for (request, status) in statuses {
        let request = request.body(empty()).unwrap();
        let said = format!("{request:?}");
        let response = caller.sender.send_request(request).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_refused() {
    let rig = Rig::new(limits());
    let mut caller = Caller::new(&rig).await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Frame<Bytes>, BoxError>>(1);
    let drip = StreamBody::new(Receiving(receiver)).boxed_unsync();
    let dripping = tokio::spawn(async move {
        while sender.send(Ok(Frame::data(Bytes::from_static(b"x")))).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let started = now();
    let response = caller.send("/read", drip).await.unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!((now() - started).as_secs(), 5);
    dripping.await.unwrap();
}

struct Receiving(tokio::sync::mpsc::Receiver<Result<Frame<Bytes>, BoxError>>);

impl futures_core::Stream for Receiving {
    type Item = Result<Frame<Bytes>, BoxError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_window_stays_shut_is_dropped_and_its_neighbours_live() {
    let rig = Rig::new(limits());
    let mut caller = Caller::new(&rig).await;
    let unread = caller.get("/flood").await;
    let slow = caller.get("/trickle").await;
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(rig.seen.broken_off(), 0);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rig.seen.broken_off(), 1);
    assert_eq!(text(caller.get("/").await).await, "hello tls=false");
    assert_eq!(text(slow).await.len(), 50);
    assert!(unread.into_body().collect().await.is_err());
    assert_eq!(rig.seen.broken_off(), 1);
}

#[tokio::test(start_paused = true)]
async fn handlers_and_answers_are_dropped_when_the_caller_resets() {
    let rig = Rig::new(limits());
    let mut caller = Caller::new(&rig).await;
    let waiting = tokio::time::timeout(Duration::from_secs(1), caller.get("/never")).await;
    assert!(waiting.is_err());
    rig.settle().await;
    assert_eq!(rig.seen.broken_off(), 1);
    drop(caller.get("/trickle").await);
    rig.settle().await;
    assert_eq!(rig.seen.broken_off(), 2);
}

#[tokio::test(start_paused = true)]
async fn silent_idle_and_dead_connections_are_closed() {
    let rig = Rig::new(limits());
    let silent = Caller::new(&rig).await;
    let started = now();
    _ = silent.connection.await.unwrap();
    assert_eq!((now() - started).as_secs(), 10);

    let mut idle = Caller::new(&rig).await;
    idle.get("/").await;
    let started = now();
    _ = idle.connection.await.unwrap();
    assert_eq!((now() - started).as_secs(), 75);

    // One that answers no pings.
    let mut dead = rig.say(&raw::start()).await;
    dead.write_all(&raw::get(1)).await.unwrap();
    assert!((30.0..33.0).contains(&closes_after(&mut dead).await));
    assert_eq!(rig.counts.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_streams_end_within_its_limit() {
    let rig = Rig::new(limits());
    let mut caller = Caller::new(&rig).await;
    let streaming = caller.get("/drip").await;
    rig.shutdown.trigger();
    rig.settle().await;
    assert!(caller.send("/", empty()).await.is_err(), "a new stream after GOAWAY");
    assert_eq!(text(streaming).await.len(), 200);
    rig.server.await.unwrap().unwrap();

    let rig = Rig::new(ServerLimits { shutdown_ms_max: 5_000, ..limits() });
    let mut caller = Caller::new(&rig).await;
    let _streaming = caller.get("/drip").await;
    let waiting = tokio::spawn(async move { caller.send("/never", empty()).await });
    rig.settle().await;
    let started = now();
    rig.shutdown.trigger();
    rig.server.await.unwrap().unwrap();
    assert_eq!((now() - started).as_secs(), 5);
    assert!(waiting.await.unwrap().is_err());
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.seen.broken_off(), 2);
}

/// Frames by hand.
mod raw {
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const PING: u8 = 6;
    pub(super) const GOAWAY: u8 = 7;

    pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, flags];
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }

    pub(super) fn start() -> Vec<u8> {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frame(SETTINGS, 0, 0, &[]));
        bytes.extend(frame(SETTINGS, 1, 0, &[]));
        bytes
    }

    /// GET http://a.example/ in indexed fields and one literal.
    pub(super) fn get(stream: u32) -> Vec<u8> {
        let mut block = vec![0x82, 0x86, 0x84, 0x41, 9];
        block.extend_from_slice(b"a.example");
        frame(HEADERS, 0x5, stream, &block)
    }

    /// The frames in `bytes`: kind, flags, payload.
    pub(super) fn frames(mut bytes: &[u8]) -> Vec<(u8, u8, Vec<u8>)> {
        let mut frames = Vec::new();
        while bytes.len() >= 9 {
            let length = usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8;
            let end = 9 + length + usize::from(bytes[2]);
            let Some(payload) = bytes.get(9..end) else {
                break;
            };
            frames.push((bytes[3], bytes[4], payload.to_vec()));
            bytes = &bytes[end..];
        }
        frames
    }
}

/// Writes `unit(0)`, `unit(1)`, … reading meanwhile; gives how many were taken before the server
/// closed, and what came back.
async fn flood(
    stream: DuplexStream,
    units: u32,
    unit: impl Fn(u32) -> Vec<u8>,
) -> (u32, Vec<(u8, u8, Vec<u8>)>) {
    let (mut read, mut write) = tokio::io::split(stream);
    let reading = tokio::spawn(async move {
        let mut came = Vec::new();
        _ = tokio::time::timeout(Duration::from_secs(5), read.read_to_end(&mut came)).await;
        came
    });
    let mut taken = 0;
    while taken < units && write.write_all(&unit(taken)).await.is_ok() {
        taken += 1;
        tokio::task::yield_now().await;
    }
    (taken, raw::frames(&reading.await.unwrap()))
}

#[tokio::test(start_paused = true)]
async fn the_settings_tell_the_limits() {
    let rig = Rig::new(limits());
    let (_, frames) = flood(rig.say(&raw::start()).await, 1, |_| raw::get(1)).await;
    let (_, _, settings) =
        frames.iter().find(|(kind, flags, _)| (*kind, *flags) == (raw::SETTINGS, 0)).unwrap();
    let value = |id: u8| {
        let entry = settings.chunks(6).find(|entry| entry[1] == id)?;
        Some(u32::from_be_bytes([entry[2], entry[3], entry[4], entry[5]]))
    };
    assert_eq!(value(3), Some(100), "streams");
    assert_eq!(value(6), Some(32 * 1024), "bytes of a head");
    assert!(matches!(value(4), None | Some(65_535 | 65_536)), "window of a stream");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_control_frames_ends_the_connection() {
    let rig = Rig::new(limits());
    for (name, unit) in [
        ("ping", raw::frame(raw::PING, 0, 0, &[7; 8])),
        ("settings", raw::frame(raw::SETTINGS, 0, 0, &[])),
        ("window", raw::frame(8, 0, 0, &[0, 0, 0, 1])),
        ("unknown", raw::frame(0xfa, 0, 0, b"grease")),
    ] {
        let (taken, _) = flood(rig.say(&raw::start()).await, 20_000, |_| unit.clone()).await;
        assert!((1_000..4_000).contains(&taken), "{name}: {taken} frames");
    }
}

/// A peer that pings and acknowledges with each of its requests stays welcome.
#[tokio::test(start_paused = true)]
async fn control_frames_that_go_with_work_are_borne() {
    let rig = Rig::new(limits());
    let (taken, frames) = flood(rig.say(&raw::start()).await, 1_000, |unit| {
        let mut bytes = raw::get(unit * 2 + 1);
        for _ in 0..8 {
            bytes.extend(raw::frame(raw::PING, 0, 0, &[7; 8]));
        }
        bytes
    })
    .await;
    assert_eq!(taken, 1_000);
    assert!(!frames.iter().any(|(kind, _, _)| *kind == raw::GOAWAY), "closed early");
    let answered = frames.iter().filter(|(kind, _, _)| *kind == raw::HEADERS).count();
    assert_eq!(answered, 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_rapid_reset_ends_the_connection() {
    let rig = Rig::new(limits());
    let (taken, frames) = flood(rig.say(&raw::start()).await, 5_000, |unit| {
        let mut bytes = Vec::new();
        for stream in 0..50 {
            let stream = (unit * 50 + stream) * 2 + 1;
            bytes.extend(raw::get(stream));
            bytes.extend(raw::frame(raw::RST_STREAM, 0, stream, &[0, 0, 0, 8]));
        }
        bytes
    })
    .await;
    assert!(taken < 100, "{taken} times fifty resets were taken");
    let goaway = frames.iter().find(|(kind, _, _)| *kind == raw::GOAWAY).expect("no GOAWAY");
    assert!(String::from_utf8_lossy(&goaway.2).contains("too_many"), "{goaway:?}");
}
