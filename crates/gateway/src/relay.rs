//! Sixth stage: the answer on its way to the caller, event by event, under the clocks of the gap
//! and of the whole. What was held comes first. A stream that dies after content ends in an error
//! event of the caller's dialect, never as if it were complete.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use clock::Tick;
use dialects::{Refusal, RefusalKind, StreamWriter};
use domain::{Dialect, Event, Fault, FaultClass, Framing, Losses, Piece};
use telemetry::Outcome;
use tokio::time::Sleep;
use upstream::Pieces;

use crate::Gateway;
use crate::receipt::Ticket;
use crate::rung::{Claim, Ended};

/// How long a stream that told its finish may stay open before we end it.
const AFTER_FINISH_MAX: Duration = Duration::from_secs(2);

/// Who writes what the caller reads.
#[derive(Debug)]
pub(crate) enum Pen {
    /// The provider's bytes go through.
    Relay,
    /// The provider's events go through as elements of one JSON array.
    Array(dialects::JsonArrayFraming),
    /// Native events are written into the caller's dialect.
    Writer(Box<dyn StreamWriter>),
}

/// What a relay needs.
pub(crate) struct RelayParts {
    pub(crate) gateway: Gateway,
    pub(crate) dialect: Dialect,
    pub(crate) ticket: Ticket,
    pub(crate) claim: Claim,
    pub(crate) held: VecDeque<Piece>,
    pub(crate) pieces: Pieces,
    pub(crate) pen: Pen,
    pub(crate) deadline: Tick,
    pub(crate) gap_max: Duration,
    pub(crate) attempt_started: Tick,
}

/// A stream on its way.
pub(crate) struct Relay {
    parts: RelayParts,
    /// What our own writer begins with.
    start: Bytes,
    timer: Pin<Box<Sleep>>,
    last_content: Tick,
    finish_seen: bool,
    end_mark_seen: bool,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Flowing,
    /// The last bytes are out.
    Over,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("ticket", &self.parts.ticket).finish_non_exhaustive()
    }
}

impl Relay {
    pub(crate) fn new(mut parts: RelayParts) -> Self {
        let now = parts.gateway.shared.clock.now();
        parts.gateway.shared.telemetry.open_streams().fetch_add(1, Ordering::Relaxed);
        let timer = Box::pin(tokio::time::sleep(parts.gap_max));
        let start = match &mut parts.pen {
            Pen::Writer(writer) => writer.start(),
            Pen::Relay | Pen::Array(_) => Bytes::new(),
        };
        Self {
            parts,
            start,
            timer,
            last_content: now,
            finish_seen: false,
            end_mark_seen: false,
            state: State::Flowing,
        }
    }

    /// The next bytes for the caller; `None` once everything was said.
    pub(crate) fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !self.start.is_empty() {
            let start = std::mem::take(&mut self.start);
            self.parts.ticket.add_bytes(&start);
            return Poll::Ready(Some(start));
        }
        while self.state == State::Flowing {
            let next = match self.parts.held.pop_front() {
                Some(piece) => Poll::Ready(Some(Ok(piece))),
                None => self.parts.pieces.as_mut().poll_next(cx),
            };
            let bytes = match next {
                Poll::Ready(Some(Ok(piece))) => self.take(piece),
                Poll::Ready(Some(Err(fault))) => Some(self.break_off(&fault)),
                Poll::Ready(None) => self.complete(),
                Poll::Pending => match self.poll_clocks(cx) {
                    Poll::Ready(bytes) => bytes,
                    Poll::Pending => return Poll::Pending,
                },
            };
            if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
                self.parts.ticket.add_bytes(&bytes);
                return Poll::Ready(Some(bytes));
            }
        }
        Poll::Ready(None)
    }

    /// True once nothing more will come.
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    fn take(&mut self, piece: Piece) -> Option<Bytes> {
        let (bytes, sight) = match (piece, &mut self.parts.pen) {
            (Piece::Relayed { bytes, sight }, Pen::Relay) => (bytes, sight),
            (Piece::Relayed { bytes, sight }, Pen::Array(framing)) => (framing.pass(bytes), sight),
            (Piece::Native(Event::Lost(loss)), _) => {
                let mut losses = Losses::default();
                losses.add(loss);
                self.parts.ticket.add_losses(losses);
                return None;
            }
            (Piece::Native(event), Pen::Writer(writer)) => {
                let sight = event.sight();
                (writer.event(&event), sight)
            }
            // The pen was chosen by what the upstream said that it sends.
            (Piece::Native(_), Pen::Relay | Pen::Array(_))
            | (Piece::Relayed { .. }, Pen::Writer(_)) => {
                let text = "the upstream changed its dialect in mid-stream";
                return Some(self.break_off(&Fault::new(FaultClass::Internal, text)));
            }
        };
        let now = self.parts.gateway.shared.clock.now();
        if now >= self.parts.deadline {
            return Some(self.break_off(&over_time()));
        }
        if sight.content_deltas > 0 {
            self.last_content = now;
        }
        self.end_mark_seen |= sight.end_mark;
        if sight.finish.is_some() && !self.finish_seen {
            self.finish_seen = true;
            self.last_content = now;
            self.timer = Box::pin(tokio::time::sleep(AFTER_FINISH_MAX));
        }
        self.parts.ticket.see(&sight, now);
        Some(bytes)
    }

    /// Nothing is ready: has a clock run out? The timer is only set anew when it fires, so that
    /// content costs no work on it.
    fn poll_clocks(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = self.parts.gateway.shared.clock.now();
            let gap = if self.finish_seen { AFTER_FINISH_MAX } else { self.parts.gap_max };
            let until = (self.last_content + gap).min(self.parts.deadline);
            if now < until {
                self.timer = Box::pin(tokio::time::sleep(until.since(now)));
                continue;
            }
            if self.finish_seen {
                return Poll::Ready(self.complete());
            }
            let fault = if now >= self.parts.deadline {
                over_time()
            } else {
                Fault::new(FaultClass::Stalled, "no content within the gap allowed")
            };
            return Poll::Ready(Some(self.break_off(&fault)));
        }
        Poll::Pending
    }

    fn complete(&mut self) -> Option<Bytes> {
        self.state = State::Over;
        let parts = &mut self.parts;
        let ended = Ended { usage: parts.ticket.view().answer.usage, spoke: parts.ticket.spoke() };
        parts.claim.complete(&parts.gateway.judge(), &ended);
        let took = parts.gateway.shared.clock.now().since(parts.attempt_started);
        parts.ticket.end_attempt(took, None);
        parts.ticket.close(Outcome::Answered, None);
        match &mut parts.pen {
            Pen::Writer(writer) => {
                let end = writer.end();
                parts.ticket.add_losses(writer.take_losses());
                Some(end)
            }
            Pen::Array(framing) => Some(framing.end()),
            // Some clients wait for the mark rather than for the end.
            Pen::Relay if self.end_mark_seen => None,
            Pen::Relay => Some(Bytes::from_static(dialects::of(parts.dialect).end_mark())),
        }
    }

    fn break_off(&mut self, fault: &Fault) -> Bytes {
        self.state = State::Over;
        let parts = &mut self.parts;
        parts.claim.judge(&parts.gateway.judge(), Some(fault));
        let took = parts.gateway.shared.clock.now().since(parts.attempt_started);
        parts.ticket.end_attempt(took, Some(fault));
        parts.ticket.close(Outcome::Broken, Some(fault.class.as_str()));
        let (kind, why) = match fault.class {
            FaultClass::Stalled => (RefusalKind::UpstreamTimeout, "the provider stopped sending"),
            FaultClass::TotalTime => (RefusalKind::UpstreamTimeout, "the request's time is over"),
            FaultClass::ContentFilter => {
                (RefusalKind::InvalidRequest, "the provider's content filter ended the answer")
            }
            _ => (RefusalKind::UpstreamFailed, "the provider's stream broke off"),
        };
        let refusal = Refusal {
            status: 502,
            kind,
            message: format!("{why} ({}); what came so far is not the whole answer", fault.class),
            param: None,
            retry_after_s: None,
        };
        let event = || dialects::of(parts.dialect).write_stream_refusal(&refusal, Framing::Events);
        match &mut parts.pen {
            Pen::Writer(writer) => writer.break_off(&refusal),
            Pen::Relay => event(),
            Pen::Array(framing) => {
                let last = framing.pass(event());
                [last, framing.end()].concat().into()
            }
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.parts.gateway.shared.telemetry.open_streams().fetch_sub(1, Ordering::Relaxed);
    }
}

fn over_time() -> Fault {
    Fault::new(FaultClass::TotalTime, "the request's time is over")
}
