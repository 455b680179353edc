//! A server in memory that answers each request with the next line of its script, and what it saw.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clock::{Dice, IdMaker, ManualClock};
use dialects::Ask;
use domain::{Dialect, Event, Fault, Gatherer, Operation, Piece, Reply, Request, Secret};
use net::{BoxFuture, BoxIo, Connector, Origin};
use providers::{ExtraHeader, Kind, ProviderSettings, Surroundings, build};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use upstream::{Answer, Body, Call, Upstream};

const PIPE_BYTES: usize = 256 * 1024;

/// One scripted answer.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Act {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_owned() }
    }

    pub(crate) fn events(body: &str) -> Self {
        let headers = vec![("content-type", "text/event-stream".to_owned())];
        Self { status: 200, headers, body: body.to_owned() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) target: String,
    pub(crate) head: String,
    pub(crate) body: serde_json::Value,
    pub(crate) text: String,
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
pub(crate) struct Server {
    script: Arc<Mutex<VecDeque<Act>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Connector for Server {
    fn connect<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, io::Result<BoxIo>> {
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        let server = self.clone();
        tokio::spawn(async move { server.converse(far).await });
        Box::pin(async move { Ok(Box::new(near) as BoxIo) })
    }
}

impl Server {
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().last().cloned().expect("a request was seen")
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn play(&self, act: Act) {
        self.script.lock().unwrap().push_back(act);
    }

    async fn converse(self, mut io: tokio::io::DuplexStream) {
        while let Some(seen) = read_request(&mut io).await {
            self.seen.lock().unwrap().push(seen);
            let act = self.script.lock().unwrap().pop_front().expect("the script has a line");
            let mut head = format!("HTTP/1.1 {} X\r\n", act.status);
            for (name, value) in &act.headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str(&format!("content-length: {}\r\n\r\n", act.body.len()));
            io.write_all(head.as_bytes()).await.unwrap();
            io.write_all(act.body.as_bytes()).await.unwrap();
        }
    }
}

async fn read_request(io: &mut tokio::io::DuplexStream) -> Option<Seen> {
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
    let text = String::from_utf8(bytes[end..].to_vec()).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let body = serde_json::from_str(&text).unwrap();
    Some(Seen { target, head, body, text })
}

/// A header whose value came from elsewhere than the settings' file.
pub(crate) fn secret_header(name: &str, value: &str) -> ExtraHeader {
    ExtraHeader { name: name.into(), value: Secret::new(value), is_secret: true }
}

/// A provider before a server.
pub(crate) struct Rig {
    pub(crate) server: Server,
    pub(crate) upstream: Arc<dyn Upstream>,
}

/// Settings with a key, at a host in memory; `change` says what the test is about.
pub(crate) fn settings(kind: Kind, change: impl FnOnce(&mut ProviderSettings)) -> ProviderSettings {
    let mut settings = ProviderSettings::new("there", kind);
    let path = if matches!(kind, Kind::OpenAi | Kind::Compatible) { "/v1" } else { "" };
    settings.base_url = format!("http://there.test{path}").into();
    settings.api_keys = vec![Secret::new("key-canary")];
    change(&mut settings);
    settings
}

pub(crate) fn rig(kind: Kind, change: impl FnOnce(&mut ProviderSettings)) -> Rig {
    let server = Server::default();
    let surroundings = Surroundings {
        connector: Arc::new(server.clone()),
        clock: Arc::new(ManualClock::new()),
        answer_bytes_max: 1 << 20,
    };
    let settings = settings(kind, change);
    let upstream = build(&settings, None, &surroundings).unwrap().expect("not the reserve");
    Rig { server, upstream }
}

/// A caller's request.
pub(crate) fn request(dialect: Dialect, operation: Operation, body: &str) -> Request {
    request_at(dialect, operation, body, (None, false))
}

/// A caller's request whose path names the model and the wish for a stream, as Gemini's does.
pub(crate) fn request_at(
    dialect: Dialect,
    operation: Operation,
    body: &str,
    (model_in_path, stream_in_path): (Option<&str>, bool),
) -> Request {
    let ask = Ask { operation, body: body.as_bytes(), model_in_path, stream_in_path };
    let outline = dialects::of(dialect).read_outline(&ask).unwrap();
    let mut request = Request::new(dialect, body.to_owned().into(), outline);
    request.operation = operation;
    request
}

pub(crate) fn chat(body: &str) -> Request {
    request(Dialect::OpenAiChat, Operation::Generate, body)
}

impl Rig {
    /// Asks for `model` with the first key.
    pub(crate) async fn ask(&self, model: &str, request: Request) -> Result<Answer, Fault> {
        self.ask_with(0, model, request).await
    }

    pub(crate) async fn ask_with(
        &self,
        key: u16,
        model: &str,
        request: Request,
    ) -> Result<Answer, Fault> {
        let call = Call {
            request: Arc::new(request),
            model: model.into(),
            key,
            connect_max: Duration::from_secs(5),
            request_id: IdMaker::new(Dice::seeded(1)).next_id(),
            continuation: None,
            proofs: upstream::Proofs::default(),
            as_events: false,
        };
        self.upstream.call(call).await
    }

    /// Asks, and is answered by `act`.
    pub(crate) async fn play(
        &self,
        act: Act,
        model: &str,
        request: Request,
    ) -> Result<Answer, Fault> {
        self.server.play(act);
        self.ask(model, request).await
    }
}

/// The text of a native or relayed answer; relayed bytes as they are.
pub(crate) async fn text_of(answer: Answer) -> String {
    match answer.body {
        Body::Whole(whole) => String::from_utf8(whole.body.to_vec()).unwrap(),
        Body::Native(Reply::Completion(completion)) => completion.text(),
        Body::Native(other) => format!("{other:?}"),
        Body::Stream(mut pieces) => {
            let (mut bytes, mut gatherer) = (Vec::new(), Gatherer::default());
            let mut finished = false;
            while let Some(piece) = std::future::poll_fn(|cx| pieces.as_mut().poll_next(cx)).await {
                match piece.unwrap() {
                    Piece::Relayed { bytes: more, .. } => bytes.extend_from_slice(&more),
                    Piece::Native(event) => {
                        finished |= matches!(event, Event::Finish { .. });
                        gatherer.take(event);
                    }
                }
            }
            if bytes.is_empty() {
                assert!(finished, "a stream says why it ended");
                return gatherer.finish().0.text();
            }
            String::from_utf8(bytes).unwrap()
        }
    }
}
