//! The client over HTTP/1.1: how answers end, which connections are kept, and who is to blame.

mod origin;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use clock::{Clock, ManualClock};
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use net::{
    AnswerError, Client, ClientBody, ClientLimits, ClientParts, Origin, SendError, Unreadable,
    sweep_idle,
};

use origin::{Act, Scripts, say};

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const STREAM: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
    6\r\none, t\r\n5\r\nwo, t\r\n4\r\nhree\r\n0\r\n\r\n";

struct Rig {
    client: Client,
    scripts: Scripts,
    clock: Arc<ManualClock>,
}

impl Rig {
    fn new(scripts: impl IntoIterator<Item = Vec<Act>>) -> Self {
        let scripts = Scripts::new(scripts);
        let clock = Arc::new(ManualClock::new());
        let client = Client::new(ClientParts {
            connector: Arc::new(scripts.clone()),
            clock: clock.clone(),
            tls: None,
            limits: ClientLimits { idle_per_origin_max: 2, ..ClientLimits::default() },
        });
        Self { client, scripts, clock }
    }

    async fn send(&self, body: &'static [u8]) -> Result<Response<ClientBody>, SendError> {
        let origin = Origin { host: "api.example".into(), port: 80, tls: false };
        let make = || {
            let request = Request::post("/v1/x").header("host", "api.example");
            request.body(Full::new(Bytes::from_static(body))).unwrap()
        };
        self.client.send(&origin, &make, Duration::from_secs(1)).await
    }

    /// The whole body of an answer; what was read before a fault is lost.
    async fn ask(&self) -> Result<String, AnswerError> {
        let body = self.send(b"{}").await.expect("there is a head").into_body();
        let body = body.collect().await?.to_bytes();
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}

async fn next(body: &mut ClientBody) -> Option<Result<Bytes, AnswerError>> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
    Some(frame.map(|frame| frame.into_data().unwrap()))
}

#[tokio::test(start_paused = true)]
async fn a_connection_serves_one_exchange_after_another() {
    let exchange = || [Act::Hear, say(HELLO), Act::Hear, say(STREAM)];
    let rig = Rig::new([[exchange(), exchange()].concat()]);
    for wanted in ["hello", "one, two, three", "hello", "one, two, three"] {
        assert_eq!(rig.ask().await.unwrap(), wanted);
    }
    assert_eq!(rig.scripts.connections(), 1);
    let wanted = "POST /v1/x HTTP/1.1\r\nhost: api.example\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(rig.scripts.requests(), vec![wanted; 4]);
}

#[tokio::test(start_paused = true)]
async fn every_split_of_an_answer_reads_the_same() {
    let interim = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
    for size in [1, 2, 3, 7, 50] {
        for (answer, wanted) in [(HELLO, "hello"), (STREAM, "one, two, three")] {
            let bytes = [interim, answer].concat().into_bytes();
            let act = Act::SayInPieces(bytes, size);
            let rig = Rig::new([vec![Act::Hear, act.clone(), Act::Hear, act]]);
            assert_eq!(rig.ask().await.unwrap(), wanted);
            assert_eq!(rig.ask().await.unwrap(), wanted);
            assert_eq!(rig.scripts.connections(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_chunks_of_one_read_are_one_frame() {
    let rig = Rig::new([vec![Act::Hear, say(STREAM), Act::Stay]]);
    let mut body = rig.send(b"{}").await.unwrap().into_body();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "one, two, three");
    assert!(!body.may_have_more(), "the read was short");
    assert!(body.is_end_stream(), "hyper's server asks no further after the last byte");
    assert!(next(&mut body).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_body_of_known_length_tells_it() {
    let rig = Rig::new([vec![Act::Hear, say(HELLO), Act::Stay]]);
    let mut body = rig.send(b"{}").await.unwrap().into_body();
    assert_eq!(body.size_hint().exact(), Some(5));
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "hello");
    assert!(body.is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn only_connections_in_order_are_kept() {
    for (answer, why) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello", "it says close"),
        ("HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", "an old version"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello, ", "more than was said"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n!",
            "more than the chunks",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n\
             5\r\nhello\r\n0\r\n\r\n",
            "two lengths",
        ),
    ] {
        let first = vec![Act::Hear, say(answer), Act::Stay];
        let rig = Rig::new([first, vec![Act::Hear, say(HELLO)]]);
        assert_eq!(rig.ask().await.unwrap(), "hello", "{why}");
        assert_eq!(rig.ask().await.unwrap(), "hello", "{why}");
        assert_eq!(rig.scripts.connections(), 2, "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_end_with_its_connection() {
    let rig = Rig::new([vec![Act::Hear, say("HTTP/1.1 200 OK\r\n\r\nuntil"), say(" the end")]]);
    assert_eq!(rig.ask().await.unwrap(), "until the end");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_is_never_whole() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ] {
        let rig = Rig::new([vec![Act::Hear, say(answer)]]);
        let mut body = rig.send(b"{}").await.unwrap().into_body();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "hello");
        let fault = next(&mut body).await.unwrap().unwrap_err();
        assert!(matches!(fault, AnswerError::Closed), "{fault:?}");
        assert!(next(&mut body).await.is_none());
    }
    let bad = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello!";
    let rig = Rig::new([vec![Act::Hear, say(bad), Act::Stay]]);
    let fault = rig.ask().await.unwrap_err();
    assert!(matches!(fault, AnswerError::Unreadable(Unreadable::Chunk)), "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_that_closed_is_replaced() {
    // The first closes while it is idle, the second while the request is on its way.
    let rig = Rig::new([
        vec![Act::Hear, say(HELLO)],
        vec![Act::Hear, say(HELLO), Act::HearBytes(10)],
        vec![Act::Hear, say(HELLO), Act::Stay],
    ]);
    for connections in [1, 2, 3] {
        assert_eq!(rig.ask().await.unwrap(), "hello");
        assert_eq!(rig.scripts.connections(), connections);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_spoke_while_idle_is_not_used_again() {
    let rig = Rig::new([
        vec![Act::Hear, say(HELLO), say(HELLO), Act::Stay],
        vec![Act::Hear, say(STREAM)],
    ]);
    let body = rig.send(b"{}").await.unwrap().into_body();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "hello");
    tokio::time::sleep(Duration::from_millis(10)).await;
    // Otherwise one caller would read the answer that was meant for another.
    assert_eq!(rig.ask().await.unwrap(), "one, two, three");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_connection_that_closes_is_the_providers_fault() {
    for script in [vec![], vec![Act::Hear], vec![Act::Hear, say("HTTP/1.1 200 OK\r\n")]] {
        let rig = Rig::new([script]);
        let fault = rig.send(b"{}").await.unwrap_err();
        assert!(matches!(fault, SendError::Broken { stale: false, .. }), "{fault:?}");
        assert_eq!(rig.scripts.connections(), 1);
    }
    // So is a kept one that closes in the middle of its answer's head.
    let rig = Rig::new([vec![Act::Hear, say(HELLO), Act::Hear, say("HTTP/1.1 200")]]);
    assert_eq!(rig.ask().await.unwrap(), "hello");
    let fault = rig.send(b"{}").await.unwrap_err();
    assert!(matches!(fault, SendError::Broken { stale: false, .. }), "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn heads_that_cannot_be_read_are_refused() {
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(70_000));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(17);
    for (answer, wanted) in [
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", Unreadable::Status),
        (endless.as_str(), Unreadable::TooLarge),
        (interim.as_str(), Unreadable::Status),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", Unreadable::Coding),
        ("+OK POP3 ready\r\n", Unreadable::Head(httparse::Error::Version)),
    ] {
        let rig = Rig::new([vec![Act::Hear, say(answer), Act::Stay]]);
        match rig.send(b"{}").await.unwrap_err() {
            SendError::Unreadable(why) => assert_eq!(why, wanted),
            other => panic!("{other:?}"),
        }
    }
}

static LARGE: [u8; 200_000] = [b'x'; 200_000];

#[tokio::test(start_paused = true)]
async fn a_large_body_is_sent_whole() {
    let rig = Rig::new([vec![Act::Hear, say(HELLO), Act::Hear, say(HELLO)]]);
    for _ in 0..2 {
        let answer = rig.send(&LARGE).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
    }
    assert_eq!(rig.scripts.connections(), 1);
    let requests = rig.scripts.requests();
    assert!(requests.iter().all(|text| text.ends_with(&"x".repeat(LARGE.len()))));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_begins_early_may_wait_for_the_whole_request() {
    let begun = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe";
    let rig = Rig::new([vec![
        Act::HearBytes(100),
        say(begun),
        Act::HearBytes(LARGE.len() - 100),
        say("llo"),
        Act::Stay,
    ]]);
    let body = rig.send(&LARGE).await.unwrap().into_body();
    let read = tokio::time::timeout(Duration::from_secs(5), body.collect()).await;
    assert_eq!(read.expect("the rest is sent").unwrap().to_bytes(), "hello");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_before_the_request_was_read_is_heard() {
    let refusal = "HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig";
    // One goes on without reading, the other closes.
    for after in [vec![Act::Stay], vec![]] {
        let script = [vec![Act::HearBytes(100), say(refusal)], after].concat();
        let rig = Rig::new([script, vec![Act::Hear, say(HELLO)]]);
        let answer = rig.send(&LARGE).await.unwrap();
        assert_eq!(answer.status(), 413);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "big");
        assert_eq!(rig.ask().await.unwrap(), "hello");
        assert_eq!(rig.scripts.connections(), 2, "the rest of the request was never sent");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_dropped_early_closes_its_connection() {
    let rig = Rig::new([vec![Act::Hear, say(STREAM), Act::Stay], vec![Act::Hear, say(HELLO)]]);
    drop(rig.send(b"{}").await.unwrap());
    assert_eq!(rig.ask().await.unwrap(), "hello");
    assert_eq!(rig.scripts.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn idle_connections_have_bounds_in_number_and_time() {
    let answer = || vec![Act::Hear, say(HELLO), Act::Hear, say(HELLO), Act::Stay];
    let rig = Rig::new((0..5).map(|_| answer()));
    let mut bodies = Vec::new();
    for _ in 0..3 {
        bodies.push(rig.send(b"{}").await.unwrap().into_body());
    }
    for body in bodies {
        assert_eq!(body.collect().await.unwrap().to_bytes(), "hello");
    }
    // Two of the three were kept.
    let again = [rig.send(b"{}").await.unwrap(), rig.send(b"{}").await.unwrap()];
    assert_eq!(rig.scripts.connections(), 3);
    for answer in again {
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
    }
    rig.clock.advance(Duration::from_millis(ClientLimits::default().idle_ms_max));
    sweep_idle(rig.clock.now());
    assert_eq!(rig.ask().await.unwrap(), "hello");
    assert_eq!(rig.scripts.connections(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_caller_may_give_up_before_the_head() {
    let rig = Rig::new([vec![Act::Hear, Act::Stay], vec![Act::Hear, say(HELLO)]]);
    let waited = tokio::time::timeout(Duration::from_secs(5), rig.send(b"{}")).await;
    assert!(waited.is_err());
    assert_eq!(rig.ask().await.unwrap(), "hello");
    assert_eq!(rig.scripts.connections(), 2);
}

/// The future of a request is a part of every exchange's; its size is memory of every caller.
#[test]
fn the_future_of_a_request_is_small() {
    let rig = Rig::new([]);
    let mut future = std::pin::pin!(rig.send(b"{}"));
    let bytes = size_of_val(&*future);
    assert!(bytes < 1_600, "{bytes} bytes");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _inside = runtime.enter();
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Err(SendError::Connect(_)))));
}
