//! The provider of the measurements: answers chat completions from bytes that are ready, at the
//! pace that the model's name says. It judges no request and spends as little as it can.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use clap::Args;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;

use super::tls;
use super::wire::{self, Framing};

/// Chunks of content in a stream; role, finish, usage and end marker come on top.
const CONTENT_CHUNKS: usize = 100;
/// Events of a whole stream.
pub(super) const EVENTS: usize = CONTENT_CHUNKS + 4;
/// Events of the same stream told by Anthropic: start, its block's start and stop, delta and stop.
pub(super) const EVENTS_TRANSLATED: usize = CONTENT_CHUNKS + 5;
/// About what OpenAI sends for a token.
const EVENT_BYTES: usize = 213;
const ANSWER_BYTES: usize = 300;
const REQUEST_BYTES_MAX: usize = 1 << 20;
/// Connections that wait to be accepted: ten thousand callers may come at once.
const BACKLOG: i32 = 16_384;

/// What the model names ask for.
pub(super) const PLAIN: &str = "bench-plain";
pub(super) const BURST: &str = "bench-burst";
pub(super) const PACED: &str = "bench-paced";
pub(super) const OPEN: &str = "bench-open";
const PACED_MS: u64 = 5;
const OPEN_MS: u64 = 1_000;

#[derive(Debug, Args)]
pub(crate) struct Wish {
    #[arg(long)]
    listen: SocketAddr,
    /// Speak TLS, with the certificate in this folder.
    #[arg(long, value_name = "FOLDER")]
    tls: Option<PathBuf>,
    /// Speak HTTP/2 over TLS.
    #[arg(long, requires = "tls")]
    h2: bool,
}

/// Serves until it is killed.
pub(crate) fn run(wish: &Wish) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(wish.listen),
            socket2::Type::STREAM,
            None,
        )?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&wish.listen.into())?;
        socket.listen(BACKLOG)?;
        let acceptor = wish.tls.as_ref().map(|folder| tls::acceptor(folder, wish.h2));
        let dress = Dress { acceptor: acceptor.transpose()?, h2: wish.h2 };
        serve(TcpListener::from_std(socket.into())?, dress).await
    })
}

/// What the mock's connections wear.
#[derive(Clone)]
struct Dress {
    acceptor: Option<TlsAcceptor>,
    h2: bool,
}

async fn serve(listener: TcpListener, dress: Dress) -> Result<bool> {
    let script: &'static Script = Box::leak(Box::new(Script::new()));
    loop {
        // Out of descriptors: the next caller may find one.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        stream.set_nodelay(true)?;
        // A connection that breaks concerns nobody else.
        let dress = dress.clone();
        tokio::spawn(async move { drop(attend(stream, dress, script).await) });
    }
}

async fn attend(stream: TcpStream, dress: Dress, script: &'static Script) -> Result<()> {
    match dress.acceptor {
        None => converse(stream, script).await,
        Some(acceptor) => {
            let stream = acceptor.accept(stream).await?;
            if dress.h2 {
                tls::converse_h2(stream, script).await
            } else {
                converse(stream, script).await
            }
        }
    }
}

/// Bytes that are ready to be sent.
#[derive(Debug)]
pub(super) struct Script {
    answer: Vec<u8>,
    stream_head: &'static [u8],
    /// Each event as a chunk; the last holds the end of the body too.
    chunks: Vec<Vec<u8>>,
    /// Head and all chunks.
    burst: Vec<u8>,
    /// The same without HTTP/1.1 around it.
    body: Bytes,
    events: Vec<Bytes>,
}

impl Script {
    fn new() -> Self {
        let stream_head: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
            cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
        let events = events();
        let mut chunks: Vec<Vec<u8>> =
            events.iter().map(|event| wire::chunk(event).into_bytes()).collect();
        if let Some(last) = chunks.last_mut() {
            last.extend_from_slice(b"0\r\n\r\n");
        }
        let burst = [stream_head, &chunks.concat()].concat();
        let body = answer();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        Self {
            answer: (head + &body).into_bytes(),
            stream_head,
            chunks,
            burst,
            body: body.into(),
            events: events.into_iter().map(Bytes::from).collect(),
        }
    }

    /// The answer in one piece.
    pub(super) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// All events in one piece.
    pub(super) fn stream(&self) -> Bytes {
        self.events.concat().into()
    }

    pub(super) fn events(&self) -> Vec<Bytes> {
        self.events.clone()
    }
}

fn answer() -> String {
    let start = r#"{"id":"chatcmpl-bench00000000000000000000","object":"chat.completion","created":1790000000,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":""#;
    let end = r#""},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":9,"total_tokens":29}}"#;
    let text = "quay ".repeat(ANSWER_BYTES.saturating_sub(start.len() + end.len()) / 5 + 1);
    format!("{start}{}{end}", text.trim_end())
}

/// The events of a stream, each about as long as a provider's.
fn events() -> Vec<String> {
    let event = |delta: &str, finish: &str| {
        let start = r#"{"id":"chatcmpl-bench00000000000000000000","object":"chat.completion.chunk","created":1790000000,"model":"bench","system_fingerprint":"fp_"#;
        let end = format!(
            r#"","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}],"usage":null}}"#
        );
        // "data: " and the empty line are eight bytes.
        let filler = EVENT_BYTES.saturating_sub(start.len() + end.len() + 8);
        format!("data: {start}{}{end}\n\n", "0".repeat(filler))
    };
    let mut events = vec![event(r#"{"role":"assistant","content":""}"#, "null")];
    events.extend((0..CONTENT_CHUNKS).map(|_| event(r#"{"content":" wave"}"#, "null")));
    events.push(event("{}", "\"stop\""));
    events.push(
        "data: {\"id\":\"chatcmpl-bench00000000000000000000\",\"object\":\"chat.completion.chunk\",\
         \"created\":1790000000,\"model\":\"bench\",\"choices\":[],\"usage\":{\"prompt_tokens\":20,\
         \"completion_tokens\":100,\"total_tokens\":120}}\n\n"
            .to_owned(),
    );
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// Answers the requests of one connection.
async fn converse<S>(mut stream: S, script: &Script) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut bytes = Vec::with_capacity(2_048);
    loop {
        let Some(length) = read_request(&mut stream, &mut bytes).await? else {
            return Ok(());
        };
        let pace = Pace::of(bytes.get(..length).unwrap_or_default());
        match pace {
            Pace::Whole => stream.write_all(&script.answer).await?,
            Pace::Burst => stream.write_all(&script.burst).await?,
            Pace::Every(gap) => play(&mut stream, script, gap).await?,
        }
        bytes.drain(..length);
    }
}

/// Reads until a whole request is there and gives its length; none if the caller left.
async fn read_request<S>(stream: &mut S, bytes: &mut Vec<u8>) -> Result<Option<usize>>
where
    S: AsyncRead + Unpin,
{
    loop {
        if let Some(head) = wire::request(bytes)? {
            let Framing::Length(length) = head.framing else {
                anyhow::bail!("the mock wants a content-length");
            };
            let whole = head.bytes + length;
            anyhow::ensure!(whole < REQUEST_BYTES_MAX, "a request is too large");
            if bytes.len() >= whole {
                return Ok(Some(whole));
            }
        }
        if stream.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
    }
}

async fn play<S>(stream: &mut S, script: &Script, gap: Duration) -> Result<()>
where
    S: AsyncWrite + Unpin,
{
    let mut ticks = tokio::time::interval(gap);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    stream.write_all(script.stream_head).await?;
    for chunk in &script.chunks {
        ticks.tick().await;
        stream.write_all(chunk).await?;
    }
    stream.flush().await.context("the caller left")
}

/// How an answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Whole,
    Burst,
    Every(Duration),
}

impl Pace {
    /// The model's name says it; it need not be looked for with care.
    pub(super) fn of(request: &[u8]) -> Self {
        let has = |name: &str| memchr::memmem::find(request, name.as_bytes()).is_some();
        if has(BURST) {
            Self::Burst
        } else if has(PACED) {
            Self::Every(Duration::from_millis(PACED_MS))
        } else if has(OPEN) {
            Self::Every(Duration::from_millis(OPEN_MS))
        } else {
            Self::Whole
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::wire::{Chunks, Speech};

    #[test]
    fn what_it_says_is_json_of_the_promised_size() {
        assert!(answer().len().abs_diff(ANSWER_BYTES) < 10, "{}", answer().len());
        serde_json::from_str::<serde_json::Value>(&answer()).unwrap();
        let events = events();
        assert_eq!(events.len(), EVENTS);
        let (last, jsons) = events.split_last().unwrap();
        assert_eq!(last, "data: [DONE]\n\n");
        for event in jsons {
            let json = event.strip_prefix("data: ").unwrap();
            serde_json::from_str::<serde_json::Value>(json).unwrap();
            assert!(event.len().abs_diff(EVENT_BYTES) < 40, "{}", event.len());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_answers_on_one_connection_at_each_pace() {
        let script = Script::new();
        let (mut caller, mock) = tokio::io::duplex(1 << 16);
        let talk = async {
            for (model, streams) in [(PLAIN, false), (BURST, true), (PACED, true)] {
                let body = format!(r#"{{"model":"{model}"}}"#);
                let length = body.len();
                let request = format!("POST / HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{body}");
                // In two parts, as a slow network would bring it.
                let (first, second) = request.split_at(30);
                caller.write_all(first.as_bytes()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(1)).await;
                caller.write_all(second.as_bytes()).await.unwrap();
                let mut bytes = Vec::new();
                let mut chunks = Chunks::new(Speech::OpenAi);
                let mut fed = None;
                loop {
                    assert_ne!(caller.read_buf(&mut bytes).await.unwrap(), 0);
                    let Some(head) = wire::answer(&bytes).unwrap() else {
                        continue;
                    };
                    if let Framing::Length(length) = head.framing {
                        assert!(!streams);
                        if bytes.len() == head.bytes + length {
                            break;
                        }
                        continue;
                    }
                    let at = fed.unwrap_or(head.bytes);
                    fed = Some(bytes.len());
                    if chunks.feed(&bytes[at..]).unwrap() {
                        assert!(chunks.is_whole() && streams);
                        assert_eq!(chunks.events(), EVENTS);
                        break;
                    }
                }
            }
            drop(caller);
        };
        let (answered, ()) = tokio::join!(converse(mock, &script), talk);
        answered.unwrap();
    }
}
