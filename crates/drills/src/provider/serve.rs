//! HTTP in front of a simulated provider, on one connection. Its other end is trusted to speak
//! HTTP/1.1; whatever else comes ends the connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use ::clock::Clock;
use net::BoxIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};

use super::Work;
use super::limits::limit_headers;
use super::mail::Progress;
use super::plant::{Admitted, SharedPlant, TurnedAway, cell_of};
use super::speech::{self, Asked};
use crate::replay::VirtualClock;
use crate::scenario::Fault;
use crate::wall::{
    Cause, Dialect, Envelope, LAST_CHUNK, Received, Script, Wish, answer_head, chunk,
};

const HEADERS_MAX: usize = 64;
const REQUEST_BYTES_MAX: usize = 1 << 20;
/// Tokens in one event of a stream after the first: a real provider sends one each; the drill
/// saves events where nothing can be learnt from them.
const TOKENS_PER_EVENT: u32 = 40;

/// Serves one connection until its other end leaves or the provider falls.
pub(crate) async fn converse(plant: SharedPlant, clock: VirtualClock, io: BoxIo) {
    let mut line = Line { io, read: Vec::new() };
    while let Some(received) = line.next_request().await {
        let goes_on = match speech::understand(&received) {
            Ok(asked) => answer(&plant, &clock, &mut line, &asked).await,
            Err(refused) => line.write(&speech::whole_refusal(&refused, "")).await,
        };
        if !goes_on {
            return;
        }
    }
}

/// True if the connection can serve another request.
async fn answer(plant: &SharedPlant, clock: &VirtualClock, line: &mut Line, asked: &Asked) -> bool {
    let now = clock.tick();
    let work = Work {
        input_tokens: asked.size.input_tokens,
        output_tokens: asked.size.output_tokens,
        step_tokens: if asked.streams() { TOKENS_PER_EVENT } else { u32::MAX },
    };
    let (entered, left, refusal) = plant.at(now, |plant| {
        let entered = plant.enter(now, (work, asked.asker));
        (entered, plant.quota.left(), plant.settings.refusal)
    });
    let unix_s = clock.unix_seconds();
    let limits = limit_headers(asked.dialect, left, unix_s);
    let envelope = |serial| asked.envelope(serial, unix_s as u64);
    match entered {
        Err(TurnedAway::Fault(Fault::Silent)) => {
            line.gone().await;
            false
        }
        Err(turned_away) => {
            let refused = refuse(asked.dialect, (turned_away, refusal), &envelope(0), &limits);
            line.write(&refused).await
        }
        Ok(admitted) => {
            let id = admitted.id;
            let is_empty = asked.streams() && admitted.blemish == Some(Fault::EmptyStream);
            let (wish, said) = (Wish::Answer, asked.answer(is_empty));
            let script = asked.dialect.script(&wish, envelope(id), &said);
            let end = Exchange { asked, admitted, limits, script }.run(line).await;
            plant.at(clock.tick(), |plant| match end {
                End::Complete => plant.was_useful(cell_of(now)),
                End::Blemished | End::Killed => {}
                End::Gone => plant.left(id),
            });
            end == End::Complete
        }
    }
}

/// A refusal in the words of its family. Where an account has limits of its own, Anthropic's
/// headers tell those instead of the usual ones.
fn refuse(
    dialect: Dialect,
    (turned_away, refusal): (TurnedAway, Option<u16>),
    envelope: &Envelope,
    limits: &str,
) -> String {
    let mut cause = speech::cause_of(turned_away, refusal);
    let mut more = limits.to_owned();
    if let (Dialect::Messages, false, Cause::RateLimited { retry_after_s }) =
        (dialect, limits.is_empty(), &mut cause)
        && let Some(seconds) = retry_after_s.take()
    {
        more.push_str(&format!("retry-after: {seconds}\r\n"));
    }
    let mut refused = dialect.refuse(&cause, envelope);
    if let (TurnedAway::Full, Some(status)) = (turned_away, refusal) {
        refused.status = status;
    }
    speech::whole_refusal(&refused, &more)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    /// The fault was played; the connection is over.
    Blemished,
    Gone,
    Killed,
}

struct Exchange<'a> {
    asked: &'a Asked,
    admitted: Admitted,
    limits: String,
    script: Box<dyn Script + 'a>,
}

impl Exchange<'_> {
    async fn run(mut self, line: &mut Line) -> End {
        let mut seen = Progress::default();
        let mut sent = 0;
        loop {
            let beyond = self.admitted.mail.beyond(seen);
            seen = tokio::select! {
                biased;
                progress = beyond => progress,
                () = line.gone() => return End::Gone,
            };
            if seen.killed {
                return End::Killed;
            }
            if !self.asked.streams() {
                if !seen.done {
                    continue;
                }
                let written = line.write(&self.whole()).await;
                return if written { End::Complete } else { End::Gone };
            }
            let mut text = String::new();
            if sent == 0 {
                text = self.opening();
                if self.admitted.blemish == Some(Fault::EmptyStream) {
                    // Neither a word nor a reason for its end.
                    text.push_str(LAST_CHUNK);
                    line.write(&text).await;
                    return End::Blemished;
                }
            }
            if seen.tokens > sent {
                let events = self.script.piece(&self.asked.words(sent, seen.tokens));
                text.push_str(&chunk(&events.concat()));
                sent = seen.tokens;
            }
            if let Some(end) = self.blemish(line, &mut text, seen).await {
                return end;
            }
            if seen.done {
                text.push_str(&self.closing());
            }
            if !line.write(&text).await {
                return End::Gone;
            }
            if seen.done {
                return End::Complete;
            }
        }
    }

    fn whole(&mut self) -> String {
        let body = self.script.whole();
        let more = format!("{}{}", self.script.headers(), self.limits);
        let mut text = answer_head(200, "application/json", Some(body.len()), &more);
        text.push_str(&body);
        text
    }

    /// The head of a stream and what comes before its first words.
    fn opening(&mut self) -> String {
        let more = format!("{}{}", self.script.headers(), self.limits);
        let mut text = answer_head(200, self.script.stream_type(), None, &more);
        text.push_str(&chunk(&self.script.opening().concat()));
        text
    }

    fn closing(&mut self) -> String {
        let mut end = self.script.closing();
        end.extend(self.script.mark());
        format!("{}{LAST_CHUNK}", chunk(&end.concat()))
    }

    /// Faults in the middle of a stream; those after its first words.
    async fn blemish(&mut self, line: &mut Line, text: &mut String, seen: Progress) -> Option<End> {
        let half = seen.tokens * 2 >= self.asked.size.output_tokens;
        match self.admitted.blemish? {
            Fault::Stall if half => {
                line.write(text).await;
                line.gone().await;
                Some(End::Gone)
            }
            Fault::Cut if half => {
                line.write(text).await;
                Some(End::Blemished)
            }
            Fault::Malformed if seen.done => {
                text.push_str(&chunk(&self.script.malformed()));
                None
            }
            _ => None,
        }
    }
}

/// One connection with what was read ahead.
struct Line {
    io: BoxIo,
    read: Vec<u8>,
}

impl Line {
    async fn next_request(&mut self) -> Option<Received> {
        loop {
            if let Some(Head { mut received, head, whole }) = first_request(&self.read)? {
                let mut bytes: Vec<u8> = self.read.drain(..whole).collect();
                received.body = bytes.split_off(head).into();
                return Some(received);
            }
            if self.read.len() > REQUEST_BYTES_MAX
                || self.io.read_buf(&mut self.read).await.ok()? == 0
            {
                return None;
            }
        }
    }

    async fn write(&mut self, text: &str) -> bool {
        self.io.write_all(text.as_bytes()).await.is_ok()
    }

    /// Resolves when the other end has left.
    fn gone(&mut self) -> impl Future<Output = ()> + Send {
        Gone(self)
    }
}

struct Gone<'a>(&'a mut Line);

impl Future for Gone<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let line = &mut *self.0;
        let mut scratch = [0_u8; 512];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut line.io).poll_read(cx, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    line.read.extend_from_slice(buffer.filled());
                    if line.read.len() > REQUEST_BYTES_MAX {
                        return Poll::Ready(());
                    }
                }
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
    }
}

/// A request's head, and where it and its body end.
struct Head {
    received: Received,
    head: usize,
    whole: usize,
}

/// The first request in these bytes: `Some(None)` if it is not all there, `None` if it is no
/// request.
#[expect(clippy::option_option, reason = "unreadable, unfinished and finished are three things")]
fn first_request(read: &[u8]) -> Option<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(read).ok()? else {
        return Some(None);
    };
    let length =
        request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length: usize = match length {
        Some(header) => std::str::from_utf8(header.value).ok()?.trim().parse().ok()?,
        None => 0,
    };
    if length > REQUEST_BYTES_MAX {
        return None;
    }
    if read.len() < head + length {
        return Some(None);
    }
    let mut received =
        Received::new(request.method.unwrap_or_default(), request.path.unwrap_or_default());
    for header in request.headers.iter() {
        received.keep(header.name, std::str::from_utf8(header.value).unwrap_or_default());
    }
    Some(Some(Head { received, head, whole: head + length }))
}
