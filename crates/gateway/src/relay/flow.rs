//! What one attempt does within a stream: its part is written, its tool calls are held back, its end
//! is judged. Which attempt it is, and what follows it, is decided by the relay.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use clock::Tick;
use dialects::StreamWriter;
use domain::{Delta, Event, Fault, Full, Piece, Sight, Usage};

use super::{Flow, HELD_CALLS_MAX, Part, crawled};
use crate::Gateway;
use crate::rung::Ended;
use crate::told::Told;

impl Flow {
    pub(super) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Piece, Fault>>> {
        if let Some(piece) = self.held.pop_front() {
            return Poll::Ready(Some(Ok(piece)));
        }
        let next = self.pieces.as_mut().poll_next(cx);
        self.had_to_wait |= next.is_pending();
        next
    }

    pub(super) fn end_attempt(&mut self, gateway: &Gateway, fault: Option<&Fault>) {
        let crawled = (fault.is_none() && self.crawl.is_crawling()).then(crawled);
        let fault = fault.or(crawled.as_ref());
        match fault {
            None => {
                // The answer's own sums and times are those of all attempts.
                let usage = self.ticket.view().attempts.last().and_then(|attempt| attempt.usage);
                let spoke = if self.part == Part::First { self.ticket.spoke() } else { None };
                let ended = Ended { usage, spoke };
                self.claim.complete(&gateway.judge(), &ended);
            }
            Some(_) => self.claim.judge(&gateway.judge(), fault),
        }
        let took = gateway.shared.clock.now().since(self.attempt_started);
        self.ticket.end_attempt(took, fault);
        if fault.is_some() {
            self.ticket.tell_failed();
        }
    }

    /// True if it has crawled for longer than it may.
    pub(super) fn crawls(&mut self, now: Tick, sight: &Sight) -> bool {
        let waited = std::mem::take(&mut self.had_to_wait);
        let rung = &self.claim.rung;
        if !rung.is_paced() || self.finish_seen {
            return false;
        }
        let said = (sight.content_deltas, sight.text_chars);
        let span = self.crawl.content((now, waited), said, || rung.inter_token_usual());
        let ms_max = self.origin.ladder.clocks.crawl_ms_max;
        ms_max > 0 && span.is_some_and(|span| span >= Duration::from_millis(ms_max))
    }

    /// What this attempt consumed where the provider does not tell.
    pub(super) fn estimate(&self, output: u64) -> Usage {
        let full =
            self.origin.request.full(|request| dialects::of(request.dialect).read_full(request));
        let input_uncached = match full {
            Ok(Full::Conversation(conversation)) => conversation.estimated_tokens(),
            _ => 0,
        };
        Usage { input_uncached, output, estimated: true, ..Usage::default() }
    }

    /// Writes one event, or holds it back.
    pub(super) fn write(
        &mut self,
        event: Event,
        writer: &mut dyn StreamWriter,
        told: &mut Told,
    ) -> Bytes {
        let event = match event {
            // The text goes on in its block, and what somebody else thinks in between is not shown.
            Event::Delta { delta: Delta::Thinking(_) | Delta::Proof(_), .. }
                if self.part == Part::Continuation =>
            {
                return Bytes::new();
            }
            Event::Usage(usage) => Event::Usage(self.ticket.summed(usage)),
            event => event,
        };
        let is_call = matches!(
            &event,
            Event::Delta { delta: Delta::ToolCall { .. } | Delta::Arguments { .. }, .. }
        );
        match &mut self.calls {
            Some(calls) if is_call && calls.len() < HELD_CALLS_MAX => {
                calls.push(event);
                return Bytes::new();
            }
            Some(calls) if !calls.is_empty() && (is_call || is_said(&event)) => {
                let held = self.write_calls(writer, told);
                told.tell(&event);
                return [held, writer.event(&event)].concat().into();
            }
            _ => {}
        }
        told.tell(&event);
        writer.event(&event)
    }

    /// The calls that were held back are complete.
    pub(super) fn write_calls(&mut self, writer: &mut dyn StreamWriter, told: &mut Told) -> Bytes {
        let calls = self.calls.as_mut().map(std::mem::take).unwrap_or_default();
        let mut written = BytesMut::new();
        for event in calls {
            told.tell(&event);
            written.extend_from_slice(&writer.event(&event));
        }
        written.freeze()
    }
}

/// Something that a caller reads, behind which no call goes on.
fn is_said(event: &Event) -> bool {
    matches!(event, Event::Delta { .. } | Event::Finish { .. })
}
