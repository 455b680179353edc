//! Fifth stage: one upstream call after the other, under clocks, breakers and budgets, until one
//! answers or none is left. Nothing has reached the caller yet, so a rung is changed silently.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use clock::Tick;
use domain::{
    Dialect, Event, Fault, FaultClass, Gatherer, Losses, Needs, Operation, Piece, Reply, Target,
};
use resilience::{AfterFault, Next};
use upstream::{Body, Call, Head, Pieces, Readiness, Upstream, Whole};

use crate::plan::Planned;
use crate::receipt::Ticket;
use crate::reply::TurnedAway;
use crate::route::{Claim, Judge, Rung};
use crate::takeover::{self, GoingOn, JoinClocks};
use crate::trail::Trail;
use crate::{Gateway, Lineup};

/// A request whose answer has begun.
pub(crate) struct Answering {
    pub(crate) request: Arc<domain::Request>,
    pub(crate) ladder: resilience::Found,
    pub(crate) ticket: Ticket,
    pub(crate) trail: Trail,
    pub(crate) claim: Claim,
    pub(crate) head: Head,
    pub(crate) began: Began,
    /// What the translation of the request could not say, and that of a whole answer.
    pub(crate) losses: Losses,
    pub(crate) attempt_started: Tick,
    pub(crate) deadline: Tick,
    pub(crate) gap_max: Duration,
}

/// What is there of the answer.
pub(crate) enum Began {
    /// All of it, as the provider wrote it.
    Whole(Whole),
    /// All of it, in the internal form.
    Native(Reply),
    /// The first content and everything before it; more will follow. `dialect` is that of relayed
    /// bytes, `None` for native events.
    Streaming { dialect: Option<Dialect>, held: VecDeque<Piece>, pieces: Pieces },
}

/// Tries the rungs in their order.
pub(crate) async fn attempt(
    gateway: &Gateway,
    lineup: &Lineup,
    planned: Planned,
) -> Result<Answering, Box<TurnedAway>> {
    let Planned { request, ticket, ladder, deadline } = planned;
    let mut climb = Climb {
        gateway,
        lineup,
        request,
        ticket,
        ladder,
        deadline,
        step: 0,
        tries: 0,
        trail: Trail::default(),
        going_on: None,
    };
    match climb.run().await {
        Ok(answered) => Ok(Answering {
            gap_max: Duration::from_millis(climb.ladder.clocks.gap_ms_max),
            request: climb.request,
            ladder: climb.ladder,
            ticket: climb.ticket,
            trail: climb.trail,
            claim: answered.claim,
            head: answered.head,
            began: answered.began,
            losses: answered.losses,
            attempt_started: answered.started,
            deadline,
        }),
        Err(Exhausted) => {
            let ask = climb.request.dialect;
            Err(crate::exhausted::turn_away(ask, climb.ticket, climb.trail))
        }
    }
}

/// A request whose stream broke off and is to go on elsewhere.
pub(crate) struct Again {
    pub(crate) request: Arc<domain::Request>,
    pub(crate) ticket: Ticket,
    pub(crate) trail: Trail,
    /// The rungs that may go on.
    pub(crate) ladder: resilience::Found,
    pub(crate) deadline: Tick,
    /// Upstream calls so far.
    pub(crate) tries: u32,
    pub(crate) going_on: GoingOn,
}

/// Tries rungs again from the middle of an answer; the answer that comes of it is joined to what
/// was told.
pub(crate) async fn attempt_again(
    gateway: &Gateway,
    lineup: &Lineup,
    again: Again,
) -> (Option<Answered>, Ticket, Trail) {
    let Again { request, ticket, trail, ladder, deadline, tries, going_on } = again;
    let going_on = Some(going_on);
    let step = 0;
    let mut climb =
        Climb { gateway, lineup, request, ticket, ladder, deadline, step, tries, trail, going_on };
    let answered = climb.run().await.ok();
    (answered, climb.ticket, climb.trail)
}

/// No rung is left.
struct Exhausted;

/// An attempt that answered.
pub(crate) struct Answered {
    pub(crate) claim: Claim,
    pub(crate) head: Head,
    pub(crate) began: Began,
    pub(crate) losses: Losses,
    pub(crate) started: Tick,
}

/// The way down one ladder.
struct Climb<'a> {
    gateway: &'a Gateway,
    lineup: &'a Lineup,
    request: Arc<domain::Request>,
    ticket: Ticket,
    ladder: resilience::Found,
    deadline: Tick,
    /// The ladder's step that is being tried.
    step: usize,
    /// Upstream calls so far.
    tries: u32,
    trail: Trail,
    /// An answer is gone on with that broke off elsewhere.
    going_on: Option<GoingOn>,
}

/// Where to go after a rung gave nothing.
enum Onward {
    NextRung,
    Stop,
}

impl Climb<'_> {
    async fn run(&mut self) -> Result<Answered, Exhausted> {
        let steps = self.ladder.steps.clone();
        let last_step = steps.len().saturating_sub(1);
        for (index, step) in steps.iter().enumerate() {
            self.step = index;
            let rungs: Vec<_> = step.iter().filter_map(|target| self.rung(target)).collect();
            let order = {
                let dice = self.gateway.dice();
                let mut dice = dice.lock().unwrap_or_else(PoisonError::into_inner);
                let in_flight = |at: usize| rungs.get(at).map_or(0, |(rung, _)| rung.in_flight());
                resilience::order_equals(rungs.len(), in_flight, &mut dice)
            };
            for (place, at) in order.iter().enumerate() {
                let Some((rung, upstream)) = rungs.get(*at) else { continue };
                let another = index < last_step || place + 1 < order.len();
                match self.try_rung(rung, &**upstream, another).await {
                    Ok(answered) => return Ok(answered),
                    Err(Onward::NextRung) => {}
                    Err(Onward::Stop) => return Err(Exhausted),
                }
            }
        }
        Err(Exhausted)
    }

    fn rung(&self, target: &Target) -> Option<(Arc<Rung>, Arc<dyn Upstream>)> {
        let upstream = self.lineup.upstreams.get(&*target.provider)?;
        let breaker = self.lineup.breaker;
        let rung = self.gateway.shared.routes.rung(target, upstream.key_count(), breaker);
        Some((rung, upstream.clone()))
    }

    /// Everything that one rung is good for: its keys, and a second try where the fault allows it.
    async fn try_rung(
        &mut self,
        rung: &Arc<Rung>,
        upstream: &dyn Upstream,
        another: bool,
    ) -> Result<Answered, Onward> {
        if self.is_other_vector_space(&rung.target) {
            let reason = "vectors of another model cannot be compared";
            self.trail.skipped(&rung.target, FaultClass::Unfit, reason);
            return Err(Onward::NextRung);
        }
        if let Some(reason) = upstream.unfit(&rung.target.model, &self.request) {
            self.trail.skipped(&rung.target, FaultClass::Unfit, &reason);
            return Err(Onward::NextRung);
        }
        match upstream.readiness() {
            Readiness::Ready => {}
            Readiness::Loading => {
                self.trail.skipped(&rung.target, FaultClass::Busy, "still loading");
                return Err(Onward::NextRung);
            }
            Readiness::Unavailable(_) => {
                self.trail.skipped(&rung.target, FaultClass::Busy, "not available");
                return Err(Onward::NextRung);
            }
        }
        let mut spent_keys = Vec::new();
        let mut tries_here = 0;
        if let Some(going_on) = &mut self.going_on {
            going_on.next_rung();
        }
        loop {
            let now = self.gateway.shared.clock.now();
            let claim = match rung.claim(now, &spent_keys) {
                Ok(claim) => claim,
                Err(until) => {
                    self.passed_over(rung, until, now);
                    return Err(Onward::NextRung);
                }
            };
            if !self.pay_for_try(tries_here == 0 && !self.broke_off_at(&rung.target)) {
                self.trail.budget_is_spent();
                return Err(Onward::NextRung);
            }
            let key = claim.key;
            let fault = match self.call(claim, upstream).await {
                Ok(answered) => return Ok(answered),
                Err(fault) => fault,
            };
            tries_here += 1;
            if self.asks_otherwise(rung, upstream, &fault) {
                continue;
            }
            let fault = if self.going_on.is_some() { takeover::reclass(fault) } else { fault };
            let other_key = spent_keys.len() + 1 < rung.key_count();
            let facts = AfterFault {
                fault: &fault,
                tries_on_rung: tries_here,
                tries: self.tries,
                other_key,
                other_rung: another,
                time_left: self.deadline.since(self.gateway.shared.clock.now()),
                settings: &self.lineup.failover,
            };
            let decision = {
                let mut dice = self.gateway.dice().lock().unwrap_or_else(PoisonError::into_inner);
                resilience::after_fault(&facts, &mut dice)
            };
            self.trail.failed(&rung.target, fault, decision.why);
            match decision.next {
                Next::SameRung { pause } => tokio::time::sleep(pause).await,
                Next::NextKey => spent_keys.push(key),
                Next::NextRung => return Err(Onward::NextRung),
                Next::Stop => return Err(Onward::Stop),
            }
        }
    }

    /// A rung that refused to go on from a prefill is asked once more, in other words. Its refusal
    /// is about our way of asking, and is told to nobody.
    fn asks_otherwise(&mut self, rung: &Rung, upstream: &dyn Upstream, fault: &Fault) -> bool {
        let model = &rung.target.model;
        let Some(going_on) = &mut self.going_on else { return false };
        let asked = going_on.ask(upstream, model, &self.request).map(|asked| asked.manner);
        self.tries < self.lineup.failover.attempts_max && going_on.was_refused(asked, fault)
    }

    /// This very rung's answer is the one that broke off.
    fn broke_off_at(&self, target: &Target) -> bool {
        let attempts = &self.ticket.view().attempts;
        self.going_on.is_some() && attempts.iter().any(|attempt| attempt.target == *target)
    }

    /// A caller compares the vectors that he gets with those that he has: only the ladder's first
    /// model will do, wherever it runs.
    fn is_other_vector_space(&self, target: &Target) -> bool {
        let first = self.ladder.steps.first().and_then(|step| step.first());
        self.request.operation == Operation::Embed
            && first.is_some_and(|first| first.model != target.model)
    }

    fn passed_over(&mut self, rung: &Rung, until: Option<Tick>, now: Tick) {
        // After a failure on this very rung there is no news in its breaker being open.
        let tried_just_now =
            self.ticket.view().attempts.last().is_some_and(|last| last.target == rung.target);
        if let Some(until) = until {
            let wait = until.since(now);
            self.trail.wait(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
            if !tried_just_now {
                let seconds = wait.as_secs_f64();
                let reason = format!("breaker open for {seconds:.1} s more");
                self.trail.skipped(&rung.target, FaultClass::Overloaded, &reason);
            }
        } else if !tried_just_now {
            self.trail.skipped(&rung.target, FaultClass::KeyRejected, "no key is left to try");
        }
    }

    /// The first try of a request is free. The first on a further rung is booked and always made,
    /// since an answer is what failover is for; a repetition must be granted.
    fn pay_for_try(&mut self, first_on_rung: bool) -> bool {
        let shared = &self.gateway.shared;
        // What was told already is generated a second time.
        let cost = if self.going_on.is_some() { 2 } else { 1 };
        if self.tries > 0 {
            let now = shared.clock.now();
            let mut budget = shared.budget.lock().unwrap_or_else(PoisonError::into_inner);
            if first_on_rung {
                budget.book(now, cost);
            } else if budget.try_spend(now, cost).is_err() {
                return false;
            }
        }
        self.tries += 1;
        true
    }

    async fn call(&mut self, mut claim: Claim, upstream: &dyn Upstream) -> Result<Answered, Fault> {
        let started = self.gateway.shared.clock.now();
        let prices = upstream.card(&claim.rung.target.model).map(|card| card.prices);
        self.ticket.begin_attempt(&claim.rung.target, claim.key, prices);
        let called = self.call_under_clocks(&claim, upstream, started).await;
        let took = self.gateway.shared.clock.now().since(started);
        match called {
            Ok((head, began, losses)) => {
                self.ticket.end_attempt(took, None);
                self.ticket.first_token_of_attempt(took);
                self.ticket.served_by(claim.rung.target.clone(), self.step, upstream.is_reserve());
                Ok(Answered { claim, head, began, losses, started })
            }
            Err(fault) => {
                self.ticket.end_attempt(took, Some(&fault));
                claim.judge(&self.gateway.judge(), Some(&fault));
                Err(fault)
            }
        }
    }

    async fn call_under_clocks(
        &self,
        claim: &Claim,
        upstream: &dyn Upstream,
        started: Tick,
    ) -> Result<(Head, Began, Losses), Fault> {
        let clocks = self.ladder.clocks;
        let streams = self.request.outline.stream;
        let limits = Limits::of(&clocks, streams, upstream.is_reserve());
        let model = &claim.rung.target.model;
        let continuation =
            self.going_on.as_ref().and_then(|way| way.ask(upstream, model, &self.request));
        let call = Call {
            request: self.request.clone(),
            model: claim.rung.target.model.clone(),
            key: claim.key,
            connect_max: Duration::from_millis(clocks.connect_ms_max),
            request_id: self.ticket.view().id,
            continuation: continuation.clone(),
            as_events: self.going_on.is_some() || self.holds_calls(),
        };
        let answer = self.within(started, limits.head, upstream.call(call)).await??;
        let mut losses = answer.losses;
        let began = match answer.body {
            Body::Whole(whole) => Began::Whole(whole),
            Body::Native(reply) => Began::Native(reply),
            Body::Stream(pieces) if let Some(continuation) = &continuation => {
                let clocks = self.join_clocks(limits, started);
                let joined = takeover::until_joined(pieces, continuation, clocks);
                let all = Limit { max: None, ..limits.content };
                let (held, pieces) = self.within(started, all, joined).await??;
                Began::Streaming { dialect: None, held, pieces }
            }
            Body::Stream(pieces) if streams => {
                let first = until_content(pieces, self.lineup.caps.held_bytes_max);
                let (held, pieces) = self.within(started, limits.content, first).await??;
                Began::Streaming { dialect: answer.dialect, held, pieces }
            }
            Body::Stream(pieces) => {
                let gathered = self.within(started, limits.content, gather(pieces)).await??;
                losses.extend(gathered.1);
                Began::Native(gathered.0)
            }
        };
        Ok((answer.head, began, losses))
    }

    /// The clocks of an answer that is to be joined to another; the reserve has none of its own.
    fn join_clocks(&self, limits: Limits, started: Tick) -> JoinClocks {
        let now = self.gateway.shared.clock.now();
        let left = self.deadline.since(now);
        let gap = Duration::from_millis(self.ladder.clocks.gap_ms_max);
        match limits.content.max {
            Some(max) => JoinClocks { first: (started + max).since(now), gap },
            None => JoinClocks { first: left, gap: left },
        }
    }

    /// Tool calls are held back until they are complete, so they are wanted as events.
    fn holds_calls(&self) -> bool {
        let outline = &self.request.outline;
        self.lineup.failover.hold_tool_calls
            && outline.stream
            && outline.needs.contains(Needs::TOOLS)
    }

    /// Waits for `future` until `limit` after `started`, or until the request's deadline.
    async fn within<T>(
        &self,
        started: Tick,
        limit: Limit,
        future: impl Future<Output = T>,
    ) -> Result<T, Fault> {
        let now = self.gateway.shared.clock.now();
        let until = limit.max.map_or(self.deadline, |max| (started + max).min(self.deadline));
        match tokio::time::timeout(until.since(now), future).await {
            Ok(value) => Ok(value),
            Err(_) if until >= self.deadline => {
                Err(Fault::new(FaultClass::TotalTime, "the request's time is over"))
            }
            Err(_) => Err(Fault::new(limit.class, limit.text)),
        }
    }
}

/// One clock of an attempt: how long from its start, and what it is called when it runs out.
#[derive(Clone, Copy)]
struct Limit {
    max: Option<Duration>,
    class: FaultClass,
    text: &'static str,
}

#[derive(Clone, Copy)]
struct Limits {
    head: Limit,
    content: Limit,
}

impl Limits {
    /// An answer that is not streamed sends its head when it is done, so neither the clock of the
    /// headers nor that of the first token can be read from it. The reserve bounds its own queue
    /// and work.
    fn of(clocks: &resilience::Clocks, streams: bool, reserve: bool) -> Self {
        let limit =
            |ms: u64, class, text| Limit { max: Some(Duration::from_millis(ms)), class, text };
        if reserve {
            let open = Limit { max: None, class: FaultClass::TotalTime, text: "" };
            return Self { head: open, content: open };
        }
        if streams {
            return Self {
                head: limit(clocks.headers_ms_max, FaultClass::Silent, "no headers in time"),
                content: limit(
                    clocks.first_token_ms_max,
                    FaultClass::SlowFirstToken,
                    "no content in time",
                ),
            };
        }
        let whole = limit(clocks.unstreamed_ms_max, FaultClass::Silent, "no whole answer in time");
        Self { head: whole, content: whole }
    }
}

/// Reads up to the first content, or to an end that needs none, such as a refusal by filter.
async fn until_content(
    mut pieces: Pieces,
    held_bytes_max: usize,
) -> Result<(VecDeque<Piece>, Pieces), Fault> {
    let mut held = VecDeque::new();
    let mut held_bytes = 0;
    while let Some(piece) = poll_fn(|cx| pieces.as_mut().poll_next(cx)).await {
        let piece = piece?;
        let commits = match &piece {
            Piece::Relayed { bytes, sight } => {
                held_bytes += bytes.len();
                sight.content_deltas > 0 || sight.finish.is_some()
            }
            Piece::Native(event) => {
                held_bytes += size_of::<Event>();
                commits(event)
            }
        };
        held.push_back(piece);
        if commits {
            return Ok((held, pieces));
        }
        if held_bytes > held_bytes_max {
            let text = format!("{held_bytes} bytes came without content");
            return Err(Fault::new(FaultClass::Malformed, text));
        }
    }
    Err(Fault::new(FaultClass::Empty, "the stream ended without content"))
}

/// True for content and for the end of an answer; what only announces either can still be taken
/// back.
fn commits(event: &Event) -> bool {
    match event {
        Event::Delta { .. } => event.sight().content_deltas > 0,
        Event::Finish { .. } => true,
        Event::Start { .. } | Event::Usage(_) | Event::Ping | Event::Lost(_) => false,
    }
}

/// Native events of a caller who did not ask for a stream.
async fn gather(mut pieces: Pieces) -> Result<(Reply, Losses), Fault> {
    let mut gatherer = Gatherer::default();
    while let Some(piece) = poll_fn(|cx| pieces.as_mut().poll_next(cx)).await {
        match piece? {
            Piece::Native(event) => gatherer.take(event),
            Piece::Relayed { .. } => {
                return Err(Fault::new(FaultClass::Internal, "a stream came where none was asked"));
            }
        }
    }
    let (completion, losses) = gatherer.finish();
    if completion.choices.first().is_none_or(|choice| choice.finish.is_none()) {
        return Err(Fault::new(FaultClass::Cut, "the answer ended without a finish reason"));
    }
    Ok((Reply::Completion(completion), losses))
}

impl Gateway {
    /// What the breakers need for a judgement.
    pub(crate) fn judge(&self) -> Judge<'_> {
        Judge { clock: &*self.shared.clock, dice: self.dice(), telemetry: &self.shared.telemetry }
    }
}
