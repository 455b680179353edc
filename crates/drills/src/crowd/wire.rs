//! A caller's side of HTTP: one request on a kept or a fresh connection, read as it comes. Just
//! enough for answers of our own listener and of simulated providers.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use net::BoxIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::hearing::{Hearing, Told};
use super::tongue::{Question, request};
use crate::replay::Network;
use crate::wall::Dialect;

const HEADERS_MAX: usize = 64;
const ANSWER_BYTES_MAX: usize = 4 << 20;
const IDLE_MAX: usize = 512;
/// An idle connection is not used after so long: the other end may close it.
const IDLE_SPAN: Duration = Duration::from_secs(50);

/// Whom a request is sent to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Gateway,
    /// It is spoken to in its own dialect.
    Provider {
        name: String,
        dialect: Dialect,
    },
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    /// Any status but 200.
    Refused,
    /// Broken after its first word, with or without an error event.
    Cut,
    /// Broken before it, or never connected.
    Broken,
    /// The caller's patience was over before the first word.
    TooSlow,
    /// The caller left, for no fault of anybody's.
    HungUp,
}

/// What came of one exchange.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) end: End,
    pub(crate) status: u16,
    pub(crate) retry_after_s: Option<f64>,
    /// False if the answer says that trying again is of no use.
    pub(crate) may_retry: bool,
    pub(crate) served_by: Option<String>,
    pub(crate) why: Option<String>,
    pub(crate) first_word: Option<Instant>,
    pub(crate) takeovers: u32,
}

impl Reply {
    /// It stood in line before its first try, as the gateway tells. Who waited in vain is told so in
    /// other words.
    pub(crate) fn has_waited(&self) -> bool {
        let told = self.why.as_deref().and_then(|why| why.split_once("waited "));
        told.is_some_and(|(_, rest)| rest.starts_with(|first: char| first.is_ascii_digit()))
    }

    fn nothing(end: End) -> Self {
        Self {
            end,
            status: 0,
            retry_after_s: None,
            may_retry: true,
            served_by: None,
            why: None,
            first_word: None,
            takeovers: 0,
        }
    }
}

/// One request, ready to be sent.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) target: &'a Target,
    pub(crate) tenant: &'a str,
    /// Spoken to the gateway.
    pub(crate) dialect: Dialect,
    pub(crate) question: Question<'a>,
    /// Until the first word; of an answer that is not streamed, until all of it.
    pub(crate) patience_until: Instant,
    pub(crate) total_until: Instant,
    /// Leaves after the first word.
    pub(crate) hangs_up: bool,
}

/// Idle connections of the whole crowd, by target.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    network: Network,
    idle: Arc<Mutex<Idle>>,
}

/// The connections of each target, and until when they are kept; the last one was used last.
type Idle = BTreeMap<Target, Vec<(BoxedIo, Instant)>>;

/// A connection that can be shown in a log, which shows nothing of it.
struct BoxedIo(BoxIo);

impl std::fmt::Debug for BoxedIo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("connection")
    }
}

impl Lines {
    pub(crate) fn new(network: Network) -> Self {
        Self { network, idle: Arc::default() }
    }

    /// Sends a request and reads its answer, as far as patience goes.
    pub(crate) async fn send(&self, ask: &Ask<'_>, now: Instant) -> Reply {
        let idle = self.checkout(ask.target, now);
        let was_idle = idle.is_some();
        let io = match idle {
            Some(io) => Ok(io),
            None => self.dial(ask).await,
        };
        let Ok(mut io) = io else {
            return Reply::nothing(End::Broken);
        };
        let (reply, reusable) = exchange(&mut io, ask).await;
        // An idle connection that its other end has closed meanwhile is nobody's fault.
        if was_idle && reply.end == End::Broken && reply.status == 0 {
            let Ok(mut io) = self.dial(ask).await else {
                return Reply::nothing(End::Broken);
            };
            let (reply, reusable) = exchange(&mut io, ask).await;
            self.give_back(ask.target, io, reusable, now);
            return reply;
        }
        self.give_back(ask.target, io, reusable, now);
        reply
    }

    async fn dial(&self, ask: &Ask<'_>) -> io::Result<BoxIo> {
        match ask.target {
            Target::Gateway => self.network.to_gateway().await,
            Target::Provider { name, .. } => self.network.to_provider(name).await,
        }
    }

    fn checkout(&self, target: &Target, now: Instant) -> Option<BoxIo> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = idle.get_mut(target)?;
        let (io, until) = idle.pop()?;
        if until < now {
            // The others have been idle for longer still.
            idle.clear();
            return None;
        }
        Some(io.0)
    }

    fn give_back(&self, target: &Target, io: BoxIo, reusable: bool, now: Instant) {
        if !reusable {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if !idle.contains_key(target) {
            idle.insert(target.clone(), Vec::new());
        }
        if let Some(idle) = idle.get_mut(target).filter(|idle| idle.len() < IDLE_MAX) {
            idle.push((BoxedIo(io), now + IDLE_SPAN));
        }
    }
}

/// The reply, and whether the connection can be used again.
async fn exchange(io: &mut BoxIo, ask: &Ask<'_>) -> (Reply, bool) {
    let dialect = match ask.target {
        Target::Gateway => ask.dialect,
        Target::Provider { dialect, .. } => *dialect,
    };
    let request = request(dialect, &key_of(ask.tenant), &ask.question);
    if io.write_all(request.as_bytes()).await.is_err() {
        return (Reply::nothing(End::Broken), false);
    }
    let mut reading = Reading::new(dialect, ask.question.stream);
    loop {
        let waits_for_word = reading.reply.first_word.is_none();
        let until =
            if waits_for_word { ask.patience_until.min(ask.total_until) } else { ask.total_until };
        let read = match timeout_at(until, io.read_buf(&mut reading.bytes)).await {
            Err(_) => return (reading.too_slow(), false),
            Ok(Err(_) | Ok(0)) => return (reading.broken(), false),
            Ok(Ok(_)) => reading.look(),
        };
        match read {
            Look::More if reading.bytes.len() > ANSWER_BYTES_MAX => {
                return (reading.broken(), false);
            }
            Look::More => {}
            Look::Unreadable => return (reading.broken(), false),
            Look::Whole => {
                let end = reading.verdict();
                return (reading.ended(end), true);
            }
        }
        if ask.hangs_up && reading.reply.first_word.is_some() {
            return (reading.ended(End::HungUp), false);
        }
    }
}

/// The key of a drill's tenant.
pub(crate) fn key_of(tenant: &str) -> String {
    format!("drill-key-of-{tenant}")
}

enum Look {
    More,
    Whole,
    Unreadable,
}

/// An answer while it comes.
struct Reading {
    /// What has come and is not understood yet; of a stream, less than a line.
    bytes: Vec<u8>,
    reply: Reply,
    /// Where a stream is heard; of any other answer only the end counts.
    hearing: Option<Hearing>,
    has_head: bool,
    /// The head came while the request stood in line.
    came_early: bool,
    length: Option<usize>,
}

impl Reading {
    fn new(dialect: Dialect, stream: bool) -> Self {
        let reply = Reply::nothing(End::Broken);
        let hearing = stream.then(|| Hearing::new(dialect));
        Self {
            bytes: Vec::with_capacity(2_048),
            reply,
            hearing,
            has_head: false,
            came_early: false,
            length: None,
        }
    }

    fn ended(mut self, end: End) -> Reply {
        self.reply.end = end;
        self.hear_late();
        self.reply
    }

    /// A head that came before its answer: what it would have told came later, and an SDK that has
    /// handed a stream out does not ask again by itself.
    fn hear_late(&mut self) {
        let Some(late) = self.hearing.as_mut().map(|hearing| std::mem::take(&mut hearing.late))
        else {
            return;
        };
        let reply = &mut self.reply;
        if self.came_early && reply.end != End::Complete {
            reply.may_retry = false;
        }
        if let Some(status) = late.refused.filter(|_| reply.end == End::Broken) {
            (reply.end, reply.status) = (End::Refused, status);
        }
        if late.why.is_some() {
            reply.why = late.why;
            reply.served_by = late.served_by;
        }
    }

    /// A stream that has begun and does not end is as good as cut.
    fn too_slow(self) -> Reply {
        let end = if self.reply.first_word.is_some() { End::Cut } else { End::TooSlow };
        self.ended(end)
    }

    fn broken(self) -> Reply {
        let end = if self.reply.first_word.is_some() { End::Cut } else { End::Broken };
        self.ended(end)
    }

    #[expect(clippy::disallowed_methods, reason = "the paused time of the drill's runtime")]
    fn look(&mut self) -> Look {
        if !self.has_head && !self.read_head() {
            return if self.bytes.len() > 64 * 1024 { Look::Unreadable } else { Look::More };
        }
        let (has_word, is_whole) = match (self.length, &mut self.hearing) {
            (Some(length), _) => {
                let is_whole = self.bytes.len() >= length;
                (is_whole && self.hearing.is_none(), is_whole)
            }
            (None, Some(hearing)) => {
                if hearing.hear(&mut self.bytes).is_err() {
                    return Look::Unreadable;
                }
                (hearing.has_word, hearing.is_over)
            }
            (None, None) => {
                let is_whole = self.bytes.ends_with(b"\r\n0\r\n\r\n") || self.bytes == b"0\r\n\r\n";
                (is_whole, is_whole)
            }
        };
        if has_word && self.reply.status == 200 && self.reply.first_word.is_none() {
            self.reply.first_word = Some(Instant::now());
        }
        if is_whole { Look::Whole } else { Look::More }
    }

    fn read_head(&mut self) -> bool {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let Ok(httparse::Status::Complete(head)) = response.parse(&self.bytes) else {
            return false;
        };
        self.has_head = true;
        self.reply.status = response.code.unwrap_or_default();
        for header in response.headers.iter() {
            let value = || std::str::from_utf8(header.value).ok().map(str::trim);
            let name = header.name;
            if name.eq_ignore_ascii_case("content-length") {
                self.length = value().and_then(|value| value.parse().ok());
            } else if name.eq_ignore_ascii_case("retry-after") {
                self.reply.retry_after_s = value().and_then(|value| value.parse().ok());
            } else if name.eq_ignore_ascii_case("x-should-retry") {
                self.reply.may_retry = value() != Some("false");
            } else if name.eq_ignore_ascii_case("seawall-served-by") {
                self.reply.served_by = value().map(str::to_owned);
            } else if name.eq_ignore_ascii_case("seawall-why") {
                self.reply.why = value().map(str::to_owned);
                self.came_early = value() == Some("waiting in line");
            }
        }
        self.bytes.drain(..head);
        true
    }

    /// How a whole answer is to be taken.
    fn verdict(&mut self) -> End {
        if self.reply.status != 200 {
            return End::Refused;
        }
        let Some(hearing) = &self.hearing else {
            return End::Complete;
        };
        self.reply.takeovers = hearing.takeovers;
        match (hearing.told == Told::Whole, self.reply.first_word.is_some()) {
            (true, true) => End::Complete,
            (false, true) => End::Cut,
            (_, false) => End::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Asker;

    fn read(parts: &[&str]) -> Reply {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().unwrap().block_on(async {
            let (near, mut far) = tokio::io::duplex(4_096);
            for part in parts {
                far.write_all(part.as_bytes()).await.unwrap();
            }
            let later = super::super::person::now() + Duration::from_secs(5);
            let ask = Ask {
                target: &Target::Gateway,
                tenant: "t",
                dialect: Dialect::Chat,
                question: Question {
                    model: "m",
                    size: SIZE,
                    stream: true,
                    asker: Asker::default(),
                },
                patience_until: later,
                total_until: later,
                hangs_up: false,
            };
            let mut io: BoxIo = Box::new(near);
            exchange(&mut io, &ask).await.0
        })
    }

    const HEAD: &str =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nseawall-served-by: a/b\r\n\r\n";
    const SIZE: crate::crowd::Size = crate::crowd::Size { input_tokens: 1, output_tokens: 1 };
    const WORD: &str = "2f\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"w\"}}]}\n\n\r\n";
    const DONE: &str = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
    const ERROR: &str = "13\r\ndata: {\"error\":1}\n\n\r\n0\r\n\r\n";

    #[test]
    fn streams_are_judged_at_their_end() {
        let whole = read(&[HEAD, WORD, DONE]);
        assert_eq!((whole.end, whole.served_by.as_deref()), (End::Complete, Some("a/b")));
        assert_eq!(read(&[HEAD, WORD, ERROR]).end, End::Cut);
        assert_eq!(read(&[HEAD, DONE]).end, End::Broken, "not a word");
        assert_eq!(read(&[HEAD, WORD]).end, End::Cut);
        assert_eq!(read(&[HEAD]).end, End::TooSlow);
        let refused = "HTTP/1.1 503 X\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\n{}";
        let refused = read(&[refused]);
        assert_eq!((refused.end, refused.retry_after_s), (End::Refused, Some(7.0)));
    }
}
