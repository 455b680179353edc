//! HTTP in front of a simulated provider, on one connection. Its other end is trusted to speak
//! HTTP/1.1; whatever else comes ends the connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use net::BoxIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};

use super::Work;
use super::mail::Progress;
use super::plant::{Admitted, SharedPlant, TurnedAway, cell_of};
use super::speech::{self, Asked};
use crate::replay::VirtualClock;
use crate::scenario::Fault;

const HEADERS_MAX: usize = 64;
const REQUEST_BYTES_MAX: usize = 1 << 20;
/// Tokens in one event of a stream after the first: a real provider sends one each; the drill
/// saves events where nothing can be learnt from them.
const TOKENS_PER_EVENT: u32 = 40;

/// Serves one connection until its other end leaves or the provider falls.
pub(crate) async fn converse(plant: SharedPlant, clock: VirtualClock, io: BoxIo) {
    let mut line = Line { io, read: Vec::new() };
    while let Some(body) = line.next_request().await {
        let Some(asked) = speech::understand(&body) else {
            return;
        };
        if !answer(&plant, &clock, &mut line, &asked).await {
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
        step_tokens: if asked.stream { TOKENS_PER_EVENT } else { u32::MAX },
    };
    let (entered, limits, full) = plant.at(now, |plant| {
        let entered = plant.enter(now, work);
        let (requests, tokens) = plant.quota.left();
        (entered, speech::limit_headers(requests, tokens), plant.settings.refusal)
    });
    match entered {
        Err(TurnedAway::Fault(Fault::Silent)) => {
            line.gone().await;
            false
        }
        Err(turned_away) => line.write(&speech::refusal(turned_away, full, &limits)).await,
        Ok(admitted) => {
            let id = admitted.id;
            let exchange = Exchange { asked, admitted, limits };
            let end = exchange.run(line).await;
            plant.at(clock.tick(), |plant| match end {
                End::Complete => plant.was_useful(cell_of(now)),
                End::Blemished | End::Killed => {}
                End::Gone => plant.left(id),
            });
            end == End::Complete
        }
    }
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
}

impl Exchange<'_> {
    async fn run(&self, line: &mut Line) -> End {
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
            if !self.asked.stream {
                if !seen.done {
                    continue;
                }
                let written = line.write(&speech::whole(self.asked, &self.limits)).await;
                return if written { End::Complete } else { End::Gone };
            }
            let mut text = String::new();
            if sent == 0 {
                text = speech::stream_head(&self.limits);
                if self.admitted.blemish == Some(Fault::EmptyStream) {
                    text.push_str(&speech::empty_end());
                    line.write(&text).await;
                    return End::Blemished;
                }
            }
            if seen.tokens > sent {
                let model = &self.asked.model;
                text.push_str(&speech::content_chunk(model, sent == 0, seen.tokens - sent));
                sent = seen.tokens;
            }
            if let Some(end) = self.blemish(line, &mut text, seen).await {
                return end;
            }
            if seen.done {
                text.push_str(&speech::last_chunks(self.asked));
            }
            if !line.write(&text).await {
                return End::Gone;
            }
            if seen.done {
                return End::Complete;
            }
        }
    }

    /// Faults in the middle of a stream; those after its first words.
    async fn blemish(&self, line: &mut Line, text: &mut String, seen: Progress) -> Option<End> {
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
                text.push_str(&speech::malformed_chunk());
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
    async fn next_request(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = request_end(&self.read)? {
                let mut request: Vec<u8> = self.read.drain(..end.whole).collect();
                return Some(request.split_off(end.head));
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

struct RequestEnd {
    head: usize,
    whole: usize,
}

/// Where the first request in these bytes ends: `Some(None)` if it is not all there, `None` if it
/// is no request.
#[expect(clippy::option_option, reason = "unreadable, unfinished and finished are three things")]
fn request_end(read: &[u8]) -> Option<Option<RequestEnd>> {
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
    Some((read.len() >= head + length).then_some(RequestEnd { head, whole: head + length }))
}
