//! A web in memory: hosts that answer as their script says, and what they were asked.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clock::{Clock, Tick};
use net::{BoxFuture, BoxIo, Client, ClientLimits, ClientParts, Connector, Origin};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const PIPE_BYTES: usize = 64 * 1024;

/// The clock of tokio's paused runtime, from the fourth of June 2024.
#[derive(Debug)]
pub(crate) struct PausedClock(tokio::time::Instant);

impl PausedClock {
    #[allow(clippy::disallowed_methods, reason = "the paused runtime's time is no real one")]
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(tokio::time::Instant::now()))
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Tick {
        Tick::from_nanos(u64::try_from(self.0.elapsed().as_nanos()).unwrap())
    }

    fn unix_seconds(&self) -> f64 {
        1_717_459_200.0 + self.0.elapsed().as_secs_f64()
    }
}

/// What a host does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// A stream of events in which `SUM` is what the request asks for.
    Adds(&'static str),
    /// A body without an end.
    Endless,
    /// A body that is announced as this large, and goes on.
    Huge(u64),
    /// One byte of a body each second.
    Drip,
    /// Nothing at all.
    Silent,
    /// No connection.
    Refuse,
}

impl Act {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status: 200, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn with(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::Answer { status, mut headers, body } => {
                headers.push((name, value.to_owned()));
                Self::Answer { status, headers, body }
            }
            other => other,
        }
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) host: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct FakeWeb {
    scripts: Arc<Mutex<BTreeMap<String, VecDeque<Act>>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Bytes of bodies that were taken from us.
    pub(crate) sent: Arc<Mutex<u64>>,
}

impl FakeWeb {
    /// The acts of a host, one a request or refused connection; the last one repeats.
    pub(crate) fn host(self, host: &str, acts: impl IntoIterator<Item = Act>) -> Self {
        self.scripts.lock().unwrap().insert(host.into(), acts.into_iter().collect());
        self
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(ClientParts {
            connector: Arc::new(self.clone()),
            clock: PausedClock::new(),
            tls: None,
            limits: ClientLimits::default(),
        })
    }

    fn next(&self, host: &str, take: bool) -> Option<Act> {
        let mut scripts = self.scripts.lock().unwrap();
        let script = scripts.get_mut(host)?;
        match script.len() {
            0 | 1 => script.front().cloned(),
            _ if take => script.pop_front(),
            _ => script.front().cloned(),
        }
    }

    async fn converse(self, host: String, mut io: DuplexStream) -> io::Result<()> {
        while let Some((head, body)) = read_request(&mut io).await {
            let act = match self.next(&host, true) {
                None => return Ok(()),
                Some(Act::Adds(events)) => {
                    let events = events.replace("SUM", &asked_sum(&body).to_string());
                    Act::ok(events).with("content-type", "text/event-stream")
                }
                Some(act) => act,
            };
            self.seen.lock().unwrap().push(Seen { host: host.clone(), head, body });
            self.act(act, &mut io).await?;
        }
        Ok(())
    }

    async fn act(&self, act: Act, io: &mut DuplexStream) -> io::Result<()> {
        match act {
            Act::Answer { status, headers, body } => {
                let mut head = format!("HTTP/1.1 {status} X\r\n");
                for (name, value) in &headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
                io.write_all(head.as_bytes()).await?;
                io.write_all(&body).await
            }
            Act::Huge(bytes) => {
                let head = format!("HTTP/1.1 200 X\r\ncontent-length: {bytes}\r\n\r\n");
                io.write_all(head.as_bytes()).await?;
                self.pour(io, "").await
            }
            Act::Endless => {
                io.write_all(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                self.pour(io, "2000\r\n").await
            }
            Act::Drip => {
                io.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\n").await?;
                loop {
                    io.write_all(b"[").await?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Act::Silent | Act::Refuse | Act::Adds(_) => std::future::pending().await,
        }
    }

    async fn pour(&self, io: &mut DuplexStream, before: &str) -> io::Result<()> {
        let after = if before.is_empty() { "" } else { "\r\n" };
        let chunk = format!("{before}{}{after}", "[".repeat(0x2000));
        loop {
            io.write_all(chunk.as_bytes()).await?;
            *self.sent.lock().unwrap() += 0x2000;
        }
    }
}

impl Connector for FakeWeb {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, io::Result<BoxIo>> {
        let host = origin.host.to_string();
        Box::pin(async move {
            match self.next(&host, false) {
                None => return Err(io::Error::new(io::ErrorKind::NotFound, "no such host")),
                Some(Act::Refuse) => {
                    self.next(&host, true);
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                Some(_) => {}
            }
            let (near, far) = tokio::io::duplex(PIPE_BYTES);
            let web = self.clone();
            tokio::spawn(async move { web.converse(host, far).await });
            Ok(Box::new(near) as BoxIo)
        })
    }
}

fn asked_sum(body: &str) -> u64 {
    let (_, question) = body.split_once("What is ").expect("a question");
    let (sum, _) = question.split_once('?').unwrap();
    sum.split(" + ").map(|number| number.parse::<u64>().unwrap()).sum()
}

/// The head and the body of the next request; `None` at the end.
pub(crate) async fn read_request(io: &mut (impl AsyncReadExt + Unpin)) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if io.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    while bytes.len() < end + length {
        io.read_buf(&mut bytes).await.ok()?;
    }
    Some((head, String::from_utf8(bytes[end..].to_vec()).unwrap()))
}
