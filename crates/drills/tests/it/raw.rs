//! The faults that need a real socket or another protocol: resets, broken TLS, HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use drills::wall::{Profile, Wall, WallSettings, serve_broken};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::client::{Client, End};
use crate::{CHAT, asked};

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn wall() -> Wall {
    let settings = WallSettings { profile: Profile::Fast, expect_key: None };
    Wall::new(settings, Arc::new(SystemClock::new()))
}

#[tokio::test]
async fn resets_are_resets() {
    let (listener, address) = listener().await;
    let wall = wall();
    tokio::spawn(async move { wall.serve(listener, std::future::pending()).await });
    for (model, status, words) in [("fb-s83", 0, 0), ("fb-s22", 200, 30), ("fb-s56", 200, 20)] {
        let mut client = Client::new(TcpStream::connect(address).await.unwrap());
        let reply = client.post(CHAT, &asked(model, true), "").await;
        assert_eq!((reply.status, reply.end), (status, End::Reset), "{model}");
        assert_eq!(reply.streamed_text().split_whitespace().count(), words);
    }
}

#[tokio::test]
async fn a_tls_greeting_gets_garbage() {
    let (listener, address) = listener().await;
    tokio::spawn(serve_broken(listener, std::future::pending()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A handshake record, as a client's greeting begins.
    stream.write_all(b"\x16\x03\x01\x00\x05hello").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(!answer.is_empty() && answer[0] != 0x16 && answer[0] != 0x15);
}

fn frame(kind: u8, flags: u8, id: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(id.to_be_bytes());
    frame.extend(payload);
    frame
}

/// `:method: POST`, `:scheme: http`, `:path: /`, all from the static table.
fn head(flags: u8, id: u32) -> Vec<u8> {
    frame(1, 4 | flags, id, &[0x83, 0x86, 0x84])
}

/// What answers: kind, flags, stream, payload.
type Answered = (u8, u8, u32, Vec<u8>);

/// Sends these frames on a connection of their own, and reads up to the end of this stream.
async fn converse(address: SocketAddr, request: &[u8], last: u32) -> Vec<Answered> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(4, 0, 0, &[]));
    sent.extend(request);
    stream.write_all(&sent).await.unwrap();
    let mut frames = Vec::new();
    let read = async {
        loop {
            let mut head = [0; 9];
            if stream.read_exact(&mut head).await.is_err() {
                return;
            }
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            stream.read_exact(&mut payload).await.unwrap();
            let over = head[3] == 3 || (head[4] & 1 == 1 && head[3] < 2);
            frames.push((head[3], head[4], id, payload));
            if head[3] == 7 || (over && id == last) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), read).await.unwrap();
    frames
}

/// The frames that answer one request.
async fn frames(address: SocketAddr, body: &str) -> Vec<Answered> {
    let (first, second) = body.split_at(body.len() / 2);
    let request = [head(0, 1), frame(0, 0, 1, first.as_bytes()), frame(0, 1, 1, second.as_bytes())];
    converse(address, &request.concat(), 1).await
}

fn words(frames: &[Answered]) -> usize {
    let data = frames.iter().filter(|(kind, ..)| *kind == 0);
    let text = data.filter(|(.., payload)| {
        let text = String::from_utf8_lossy(payload);
        text.contains("\"content\":\"") && !text.contains("\"content\":\"\"")
    });
    text.count()
}

async fn http2() -> SocketAddr {
    let (listener, address) = listener().await;
    let wall = wall();
    tokio::spawn(async move { wall.serve_h2(listener, std::future::pending()).await });
    address
}

#[tokio::test]
async fn http2_goes_away_resets_and_answers() {
    let address = http2().await;
    let healthy = frames(address, &asked("fb-ok", true)).await;
    assert_eq!(words(&healthy), 60);
    assert_eq!(healthy.last().unwrap().0, 0);
    assert!(healthy.iter().any(|(kind, .., payload)| *kind == 1 && payload[0] == 0x88));
    let gone = frames(address, &asked("fb-s55", true)).await;
    assert_eq!((words(&gone), gone.last().unwrap().0), (20, 7));
    // The last stream that it takes responsibility for is none.
    assert_eq!(gone.last().unwrap().3[..4], [0; 4]);
    let reset = frames(address, &asked("fb-s56", true)).await;
    assert_eq!((words(&reset), reset.last().unwrap().0), (20, 3));
    let unknown = frames(address, &asked("gpt", true)).await;
    assert_eq!(unknown.last().unwrap().3, [0x8d]);
}

#[tokio::test]
async fn a_request_of_http2_holds_nothing_of_another() {
    let address = http2().await;
    let body = asked("fb-ok", true);
    let half = &body.as_bytes()[..body.len() / 2];
    let (begun, whole) = (frame(0, 0, 1, half), frame(0, 1, 5, body.as_bytes()));
    let (reset, bare) = (frame(3, 0, 1, &8_u32.to_be_bytes()), head(1, 3));
    for between in [reset, bare] {
        let request = [head(0, 1), begun.clone(), between, head(0, 5), whole.clone()].concat();
        assert_eq!(words(&converse(address, &request, 5).await), 60);
    }
    // One that was only overtaken is still answered.
    let rest = frame(0, 1, 1, &body.as_bytes()[half.len()..]);
    let request = [head(0, 1), begun, head(0, 5), whole, rest].concat();
    assert_eq!(words(&converse(address, &request, 1).await), 120);
}

#[tokio::test]
async fn the_windows_of_http2_are_given_back() {
    let address = http2().await;
    let body = format!("{}{}", asked("fb-ok", true), " ".repeat(70_000));
    let mut request = head(0, 1);
    let mut parts = body.as_bytes().chunks(10_000).peekable();
    while let Some(part) = parts.next() {
        request.extend(frame(0, u8::from(parts.peek().is_none()), 1, part));
    }
    let answered = converse(address, &request, 1).await;
    assert_eq!(words(&answered), 60);
    let given = |id: u32| {
        let updates = answered.iter().filter(|(kind, _, of, _)| *kind == 8 && *of == id);
        let bytes =
            updates.map(|(.., payload)| u32::from_be_bytes(payload[..4].try_into().unwrap()));
        usize::try_from(bytes.sum::<u32>()).unwrap()
    };
    assert_eq!(given(0), body.len());
    // The stream's last part ends it, and needs no window.
    assert_eq!(given(1), 70_000);
}
