//! Sixth stage: the answer on its way to the caller, event by event, under the clocks of the gap
//! and of the whole. What was held comes first. A stream that dies after content is taken over by
//! another rung where that is right, and else ends in an error event of the caller's dialect, never
//! as if it were complete. Who may go on and how is decided in `takeover`.

mod flow;

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use clock::Tick;
use dialects::StreamWriter;
use domain::{
    Dialect, Event, Fault, FaultClass, Framing, Losses, Needs, Piece, Retry, Sight, Target,
};
use resilience::Crawl;
use telemetry::{Outcome, TakeoverEnd};
use tokio::time::Sleep;
use upstream::Pieces;

use crate::Gateway;
use crate::attempt::{Answered, Began};
use crate::recall::Recorder;
use crate::receipt::Ticket;
use crate::rung::Claim;
use crate::takeover::{self, Broken, Origin, TakenOver, Way};
use crate::told::{Story, Told};

/// How long a stream that told its finish may stay open before we end it.
const AFTER_FINISH_MAX: Duration = Duration::from_secs(2);
/// How often a caller is told that we live while another rung is asked to go on.
const PING_EVERY: Duration = Duration::from_secs(5);
/// Written events are gathered up to about so many bytes.
const RUN_BYTES_ENOUGH: usize = 8 * 1024;
/// Events of tool calls that are held back until the calls are complete.
const HELD_CALLS_MAX: usize = 16 * 1024;

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
    pub(crate) ticket: Ticket,
    pub(crate) claim: Claim,
    pub(crate) held: VecDeque<Piece>,
    pub(crate) pieces: Pieces,
    pub(crate) pen: Pen,
    pub(crate) recorder: Option<Box<Recorder>>,
    pub(crate) origin: Origin,
    pub(crate) deadline: Tick,
    pub(crate) gap_max: Duration,
    pub(crate) attempt_started: Tick,
}

/// A stream on its way.
pub(crate) struct Relay {
    gateway: Gateway,
    dialect: Dialect,
    pen: Pen,
    /// Of an answer that is to be kept if it ends well.
    recorder: Option<Box<Recorder>>,
    told: Told,
    deadline: Tick,
    gap_max: Duration,
    /// It crawls, and another rung is to go on.
    had_enough: bool,
    /// What our own writer begins with.
    start: Bytes,
    timer: Pin<Box<Sleep>>,
    state: State,
}

#[expect(clippy::large_enum_variant, reason = "nearly always the large one, and boxed as a whole")]
enum State {
    Flowing(Flow),
    /// It broke, and another rung is asked to go on.
    TakingOver(Box<Going>),
    /// The last bytes are out.
    Over,
}

/// What an attempt is to the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The answer began with it.
    First,
    /// It goes on with another attempt's text.
    Continuation,
    /// It says all again, since nothing was told that would bind it.
    Restart,
}

/// One attempt's part of the stream.
struct Flow {
    ticket: Ticket,
    claim: Claim,
    held: VecDeque<Piece>,
    pieces: Pieces,
    origin: Origin,
    attempt_started: Tick,
    last_content: Tick,
    finish_seen: bool,
    end_mark_seen: bool,
    crawl: Crawl,
    /// Nothing was there when the next piece was asked for.
    had_to_wait: bool,
    part: Part,
    /// About so many tokens were told by attempts before it.
    tokens_before: u64,
    /// Events of calls that are not complete yet; `None` if calls are not held back.
    calls: Option<Vec<Event>>,
}

/// A takeover in progress.
struct Going {
    taking_over: Pin<Box<dyn Future<Output = TakenOver> + Send>>,
    /// Why the stream broke, which is what the caller is told if nobody goes on.
    fault: Fault,
    from: Target,
    way: Way,
    story: Story,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

impl Relay {
    pub(crate) fn new(parts: RelayParts) -> Self {
        let RelayParts { gateway, ticket, claim, held, pieces, mut pen, origin, .. } = parts;
        let now = gateway.shared.clock.now();
        gateway.shared.telemetry.open_streams().fetch_add(1, Ordering::Relaxed);
        let (start, relayed) = match &mut pen {
            Pen::Writer(writer) => (writer.start(), false),
            Pen::Relay | Pen::Array(_) => (Bytes::new(), true),
        };
        let room = gateway.shared.told_bytes.clone();
        let failover = &origin.lineup.failover;
        let told = match failover.takeover {
            true => Told::new(room, origin.request.body.len(), relayed),
            false => Told::nothing(room),
        };
        let holds_calls = failover.hold_tool_calls && failover.takeover && !relayed;
        let flow = Flow {
            ticket,
            claim,
            held,
            pieces,
            attempt_started: parts.attempt_started,
            last_content: now,
            finish_seen: false,
            end_mark_seen: false,
            crawl: Crawl::new(now),
            had_to_wait: false,
            part: Part::First,
            tokens_before: 0,
            calls: holds_calls.then(Vec::new),
            origin,
        };
        Self {
            gateway,
            dialect: flow.origin.request.dialect,
            pen,
            recorder: parts.recorder,
            told,
            deadline: parts.deadline,
            gap_max: parts.gap_max,
            had_enough: false,
            start,
            timer: Box::pin(tokio::time::sleep(parts.gap_max)),
            state: State::Flowing(flow),
        }
    }

    /// The next bytes for the caller; `None` once everything was said.
    pub(crate) fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !self.start.is_empty() {
            let start = std::mem::take(&mut self.start);
            return Poll::Ready(Some(self.count(start)));
        }
        loop {
            let bytes = match &mut self.state {
                State::Over => return Poll::Ready(None),
                State::Flowing(_) if std::mem::take(&mut self.had_enough) => self.broke(crawled()),
                State::Flowing(flow) => match flow.poll_piece(cx) {
                    Poll::Ready(next) => self.take_next(next),
                    Poll::Pending => match self.poll_clocks(cx) {
                        Poll::Ready(bytes) => bytes,
                        Poll::Pending => return Poll::Pending,
                    },
                },
                State::TakingOver(going) => match going.taking_over.as_mut().poll(cx) {
                    Poll::Ready(taken) => self.go_on(taken),
                    Poll::Pending => match self.poll_ping(cx) {
                        Poll::Ready(bytes) => bytes,
                        Poll::Pending => return Poll::Pending,
                    },
                },
            };
            if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
                let bytes = self.count(bytes);
                return Poll::Ready(Some(self.gather(bytes, cx)));
            }
        }
    }

    /// Events that we write ourselves come one by one; those that are ready go out together.
    fn gather(&mut self, first: Bytes, cx: &mut Context<'_>) -> Bytes {
        let mut run = BytesMut::new();
        while run.len() < RUN_BYTES_ENOUGH && !self.had_enough {
            let (State::Flowing(flow), Pen::Writer(_)) = (&mut self.state, &self.pen) else {
                break;
            };
            let Poll::Ready(next) = flow.poll_piece(cx) else { break };
            if let Some(bytes) = self.take_next(next) {
                if run.is_empty() {
                    run.reserve(RUN_BYTES_ENOUGH);
                    run.extend_from_slice(&first);
                }
                run.extend_from_slice(&self.count(bytes));
            }
        }
        if run.is_empty() { first } else { run.freeze() }
    }

    fn take_next(&mut self, next: Option<Result<Piece, Fault>>) -> Option<Bytes> {
        match next {
            Some(Ok(piece)) => self.take(piece),
            Some(Err(fault)) => self.broke(fault),
            None => self.complete(),
        }
    }

    /// True once nothing more will come.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    fn count(&mut self, bytes: Bytes) -> Bytes {
        if let State::Flowing(flow) = &mut self.state {
            flow.ticket.add_bytes(&bytes);
        }
        bytes
    }

    fn take(&mut self, piece: Piece) -> Option<Bytes> {
        let State::Flowing(flow) = &mut self.state else { return None };
        if self.recorder.as_mut().is_some_and(|recorder| !recorder.take(&piece)) {
            self.recorder = None;
        }
        let (bytes, sight) = match (piece, &mut self.pen) {
            (Piece::Relayed { bytes, sight }, Pen::Relay) => {
                self.told.relay(&bytes);
                (bytes, sight)
            }
            (Piece::Relayed { bytes, sight }, Pen::Array(framing)) => {
                self.told.relay(&bytes);
                (framing.pass(bytes), sight)
            }
            (Piece::Native(Event::Lost(loss)), _) => {
                let mut losses = Losses::default();
                losses.add(loss);
                flow.ticket.add_losses(losses);
                return None;
            }
            (Piece::Native(event), Pen::Writer(writer)) => {
                let sight = event.sight();
                (flow.write(event, &mut **writer, &mut self.told), sight)
            }
            // The pen was chosen by what the upstream said that it sends.
            (Piece::Native(_), Pen::Relay | Pen::Array(_))
            | (Piece::Relayed { .. }, Pen::Writer(_)) => {
                let text = "the upstream changed its dialect in mid-stream";
                return self.broke(Fault::new(FaultClass::Internal, text));
            }
        };
        let now = self.gateway.shared.clock.now();
        if now >= self.deadline {
            return self.broke(over_time());
        }
        if sight.content_deltas > 0 {
            flow.last_content = now;
            if flow.crawls(now, &sight) && self.moves_on() {
                self.had_enough = true;
            }
        }
        let State::Flowing(flow) = &mut self.state else { return None };
        flow.end_mark_seen |= sight.end_mark;
        if sight.finish.is_some() && !flow.finish_seen {
            flow.finish_seen = true;
            flow.last_content = now;
            self.timer = Box::pin(tokio::time::sleep(AFTER_FINISH_MAX));
        }
        flow.ticket.see(&sight, now);
        Some(bytes)
    }

    /// True if another rung should go on with a stream that crawls.
    fn moves_on(&self) -> bool {
        let State::Flowing(flow) = &self.state else { return false };
        let from = &flow.claim.rung.target;
        let tries = flow.ticket.view().attempts.len();
        let story = self.told.story(self.dialect);
        story.is_some_and(|story| {
            let known = (from, tries);
            crate::crawling::may_move_on(&self.gateway, &flow.origin, known, &crawled(), &story)
        })
    }

    /// Nothing is ready: has a clock run out? The timer is only set anew when it fires, so that
    /// content costs no work on it.
    fn poll_clocks(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let State::Flowing(flow) = &self.state else { return Poll::Ready(None) };
            let now = self.gateway.shared.clock.now();
            let gap = if flow.finish_seen { AFTER_FINISH_MAX } else { self.gap_max };
            let until = (flow.last_content + gap).min(self.deadline);
            if now < until {
                self.timer = Box::pin(tokio::time::sleep(until.since(now)));
                continue;
            }
            if flow.finish_seen {
                // It may be whole, but nobody said so.
                self.recorder = None;
                return Poll::Ready(self.complete());
            }
            let fault = if now >= self.deadline {
                over_time()
            } else {
                Fault::new(FaultClass::Stalled, "no content within the gap allowed")
            };
            return Poll::Ready(self.broke(fault));
        }
        Poll::Pending
    }

    /// The caller hears from us while another rung is asked, where his clients bear it.
    fn poll_ping(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.timer = Box::pin(tokio::time::sleep(PING_EVERY));
        // Asked once more, so that the new timer is heard.
        let ping = b": seawall is asking another provider to go on\n\n";
        Poll::Ready(self.bears_comments().then_some(Bytes::from_static(ping)))
    }

    fn bears_comments(&self) -> bool {
        let in_array = matches!(&self.pen, Pen::Array(_));
        !in_array && dialects::of(self.dialect).bears_comments()
    }

    fn complete(&mut self) -> Option<Bytes> {
        let State::Flowing(mut flow) = std::mem::replace(&mut self.state, State::Over) else {
            return None;
        };
        flow.end_attempt(&self.gateway, None);
        if let Some(recorder) = self.recorder.take() {
            recorder.keep();
        }
        let mut last = BytesMut::new();
        if let Pen::Writer(writer) = &mut self.pen {
            last.extend_from_slice(&flow.write_calls(&mut **writer, &mut self.told));
            if flow.ticket.lacks_usage() {
                let all = self.told.story(self.dialect).map_or(0, |story| story.estimated_tokens());
                let output = all.saturating_sub(flow.tokens_before);
                let usage = flow.estimate(output);
                let sight = Sight { usage: Some(usage), ..Sight::default() };
                flow.ticket.see(&sight, self.gateway.shared.clock.now());
                let sum = Event::Usage(flow.ticket.summed(usage));
                last.extend_from_slice(&writer.event(&sum));
            }
        }
        flow.ticket.close(Outcome::Answered, None);
        let end = match &mut self.pen {
            Pen::Writer(writer) => {
                last.extend_from_slice(&writer.end());
                flow.ticket.add_losses(writer.take_losses());
                last.freeze()
            }
            Pen::Array(framing) => framing.end(),
            // Some clients wait for the mark rather than for the end.
            Pen::Relay if flow.end_mark_seen => return None,
            Pen::Relay => Bytes::from_static(dialects::of(self.dialect).end_mark()),
        };
        flow.ticket.add_bytes(&end);
        Some(end)
    }

    /// The stream broke: it is taken over, or the caller is told.
    fn broke(&mut self, fault: Fault) -> Option<Bytes> {
        self.recorder = None;
        let State::Flowing(flow) = &mut self.state else { return None };
        let many = flow.origin.request.outline.needs.contains(Needs::MANY_CHOICES);
        if flow.finish_seen && !many && fault.class == FaultClass::Cut {
            // All was said; only the end mark, or the usage, is missing.
            return self.complete();
        }
        let State::Flowing(mut flow) = std::mem::replace(&mut self.state, State::Over) else {
            return None;
        };
        flow.end_attempt(&self.gateway, Some(&fault));
        let story = self.told.story(self.dialect);
        if let Some(story) = &story {
            let output = story.estimated_tokens().saturating_sub(flow.tokens_before);
            let estimate = flow.estimate(output);
            flow.ticket.part_ended(&estimate);
        }
        if !flow.origin.lineup.failover.takeover {
            return Some(self.fail(flow.ticket, &fault));
        }
        let from = flow.claim.rung.target.clone();
        let (way, story) = match story {
            Some(story) => (takeover::judge(&flow.origin.request, &fault, &story), story),
            None => (Way::Stop("too much was told to go on with it"), Story::default()),
        };
        let way = match way {
            Way::Stop(_) => way,
            _ if self.takes_up_the_pen(&flow) => way,
            _ => Way::Stop("its last block cannot be gone on with"),
        };
        if let Way::Stop(why) = way {
            flow.origin.trail.broke_off(&from, &fault, why);
            return Some(self.give_up(&flow.origin, flow.ticket, &fault));
        }
        flow.origin.trail.broke_off(&from, &fault, "another rung is asked to go on");
        self.told.go_on_with(story.clone());
        let broken = Broken {
            gateway: self.gateway.clone(),
            origin: flow.origin,
            ticket: flow.ticket,
            story: story.clone(),
            failed: from.clone(),
            same_again: fault.class.retry() == Retry::SameAfterPause,
            deadline: self.deadline,
        };
        let taking_over = Box::pin(takeover::take_over(broken));
        self.timer = Box::pin(tokio::time::sleep(PING_EVERY));
        self.state = State::TakingOver(Box::new(Going { taking_over, fault, from, way, story }));
        None
    }

    /// From here on we write ourselves, behind what was relayed. False if that cannot be.
    fn takes_up_the_pen(&mut self, flow: &Flow) -> bool {
        if let Pen::Writer(_) = &self.pen {
            return true;
        }
        let Some(told) = self.told.relayed() else { return false };
        let (request, target) = (&flow.origin.request, &flow.claim.rung.target);
        let envelope = crate::reply::envelope(request, &flow.ticket, None, target);
        match dialects::of(self.dialect).resume(&envelope, &told) {
            Some(writer) => {
                self.pen = Pen::Writer(writer);
                true
            }
            None => false,
        }
    }

    /// The takeover is over: the new answer flows, or the caller is told why the old one broke.
    fn go_on(&mut self, taken: TakenOver) -> Option<Bytes> {
        let State::TakingOver(going) = std::mem::replace(&mut self.state, State::Over) else {
            return None;
        };
        let TakenOver { mut origin, mut ticket, answered } = taken;
        let streams = answered.map(|answered| {
            let Answered { claim, began, losses, started, .. } = answered;
            (claim, began, losses, started)
        });
        let Some((claim, Began::Streaming { held, pieces, .. }, losses, started)) = streams else {
            return Some(self.give_up(&origin, ticket, &going.fault));
        };
        let to = claim.rung.target.clone();
        let chars = going.story.text.chars().count();
        origin.trail.taken_over(&to, chars);
        ticket.set_why(origin.trail.header(Some(&to)).to_str().unwrap_or_default());
        ticket.add_losses(losses);
        let continued = going.way == Way::Continue;
        let end = if continued { TakeoverEnd::Continued } else { TakeoverEnd::Restarted };
        ticket.count_takeover(end);
        tracing::info!(from = %going.from, to = %to, after_chars = chars, how = end.as_str(), "stream taken over");
        let failover = &origin.lineup.failover;
        let mark = match self.bears_comments() && origin.request.framing == Framing::Events {
            true => Bytes::from(takeover::mark(&going.from, &to, chars)),
            false => Bytes::new(),
        };
        let flow = Flow {
            ticket,
            claim,
            held,
            pieces,
            attempt_started: started,
            last_content: self.gateway.shared.clock.now(),
            finish_seen: false,
            end_mark_seen: false,
            crawl: Crawl::new(self.gateway.shared.clock.now()),
            had_to_wait: false,
            part: if continued { Part::Continuation } else { Part::Restart },
            tokens_before: going.story.estimated_tokens(),
            calls: failover.hold_tool_calls.then(Vec::new),
            origin,
        };
        self.state = State::Flowing(flow);
        self.timer = Box::pin(tokio::time::sleep(self.gap_max));
        Some(mark)
    }

    /// Nobody goes on.
    fn give_up(&mut self, origin: &Origin, mut ticket: Ticket, fault: &Fault) -> Bytes {
        ticket.count_takeover(TakeoverEnd::Errored);
        ticket.set_why(origin.trail.header(None).to_str().unwrap_or_default());
        self.fail(ticket, fault)
    }

    /// The caller is told that the answer will not be complete.
    fn fail(&mut self, mut ticket: Ticket, fault: &Fault) -> Bytes {
        ticket.close(Outcome::Broken, Some(fault.class.as_str()));
        let refusal = crate::exhausted::broken_off(fault.class);
        let event = || dialects::of(self.dialect).write_stream_refusal(&refusal, Framing::Events);
        let last = match &mut self.pen {
            Pen::Writer(writer) => writer.break_off(&refusal),
            Pen::Relay => event(),
            Pen::Array(framing) => {
                let last = framing.pass(event());
                [last, framing.end()].concat().into()
            }
        };
        ticket.add_bytes(&last);
        last
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.gateway.shared.telemetry.open_streams().fetch_sub(1, Ordering::Relaxed);
    }
}

fn crawled() -> Fault {
    Fault::new(FaultClass::Crawling, "content came far more slowly than usual")
}

fn over_time() -> Fault {
    Fault::new(FaultClass::TotalTime, "the request's time is over")
}
