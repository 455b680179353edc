//! The part of an attempt that makes one call under its clocks, and says what comes after a failed
//! one. Whom to ask, and whether he may be asked, is settled before.

use std::future::Future;
use std::sync::PoisonError;
use std::time::Duration;

use clock::Tick;
use domain::{Fault, FaultClass, Losses, Needs};
use resilience::{AfterFault, Decision, Next};
use upstream::{Body, Call, Head, Upstream};

use super::clocks::{Limit, Limits, Opening, gather};
use super::hedge::Winner;
use super::{Answered, Began, Climb, poison};
use crate::rung::{Claim, Rung};
use crate::takeover::{self, JoinClocks};

/// What a call has come to.
pub(super) enum Start {
    /// Its answer has begun.
    Began(Began),
    /// Its stream is open, and there is no content in it yet.
    Silent(Opening),
}

/// What a call brought.
pub(super) type Called = Result<(Head, Start, Losses), Fault>;

/// What came of a call.
pub(super) enum Came {
    Answer(Answered),
    /// Its first content is awaited, and meanwhile its caller is to hear from us.
    Silence(Silent),
    Fault(Fault),
}

/// A call whose stream is open and without content.
pub(super) struct Silent {
    pub(super) claim: Claim,
    step: usize,
    is_reserve: bool,
    started: Tick,
    head: Head,
    opening: Opening,
    losses: Losses,
}

impl Climb<'_> {
    pub(super) async fn call(&mut self, claim: Claim, upstream: &dyn Upstream) -> Came {
        let started = self.gateway.shared.clock.now();
        let prices = upstream.card(&claim.rung.target.model).map(|card| card.prices);
        self.ticket.begin_attempt(&claim, prices);
        let race = self.race(&claim, upstream, started).await;
        let winner = self.settle(race, claim, (upstream, started));
        self.came(winner)
    }

    /// Goes on with a call whose caller hears from us by now.
    pub(super) async fn hear_out(&mut self, silent: Silent) -> Came {
        let Silent { claim, step, is_reserve, started, head, mut opening, losses } = silent;
        let content = {
            let _waits_for_a_word = claim.rung.silence.resume(started);
            let _is_on_trial = claim.is_probe().then(|| claim.rung.trials.resume(started));
            let limits = Limits::of(&self.ladder.clocks, true, is_reserve);
            let content = opening.until_content(self.lineup.caps.held_bytes_max);
            self.within(started, limits.content, content).await
        };
        let called = content.and_then(|content| content);
        let called = called.map(|()| (head, Start::Began(opening.began()), losses));
        self.came(Winner { claim, step, is_reserve, started, called })
    }

    /// Writes down what became of a call.
    fn came(&mut self, winner: Winner) -> Came {
        let Winner { claim, step, is_reserve, started, called } = winner;
        let took = self.gateway.shared.clock.now().since(started);
        match called {
            Ok((head, Start::Silent(opening), losses)) => {
                Came::Silence(Silent { claim, step, is_reserve, started, head, opening, losses })
            }
            Ok((head, Start::Began(began), losses)) => {
                self.absolve(&claim.rung.target);
                let now = self.gateway.shared.clock.now();
                claim.told(now, &head.allowances);
                if matches!(began, Began::Streaming { .. }) {
                    claim.first_token(now, took);
                }
                self.ticket.end_attempt(took, None);
                self.ticket.first_token_of_attempt(took);
                self.ticket.served_by(claim.rung.target.clone(), step, is_reserve);
                Came::Answer(Answered { claim, head, began, losses, started })
            }
            Err(fault) => {
                self.ticket.end_attempt(took, Some(&fault));
                self.judge_failed(claim, &fault);
                self.ticket.tell_failed();
                Came::Fault(fault)
            }
        }
    }

    /// `held_max`: how long after the head of its stream a call without content is left, to be gone
    /// on with when its caller has heard of it.
    pub(super) async fn call_under_clocks(
        &self,
        claim: &Claim,
        upstream: &dyn Upstream,
        (started, held_max): (Tick, Option<Duration>),
    ) -> Called {
        let clocks = self.ladder.clocks;
        // What is not streamed says nothing until all of it is done.
        let streams = self.request.outline.stream;
        let _waits_for_a_word = streams.then(|| claim.rung.silence.begin(started));
        let _is_on_trial = claim.is_probe().then(|| claim.rung.trials.begin(started));
        let limits = Limits::of(&clocks, streams, upstream.is_reserve());
        let target = &claim.rung.target;
        let continuation =
            self.going_on.as_ref().and_then(|way| way.ask(upstream, target, &self.request));
        let call = Call {
            request: self.request.clone(),
            model: claim.rung.target.model.clone(),
            key: claim.key,
            connect_max: Duration::from_millis(clocks.connect_ms_max),
            request_id: self.ticket.view().id,
            continuation: continuation.clone(),
            proofs: self.proofs_for(target),
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
                let mut opening = Opening::new(answer.dialect, pieces);
                if !self.has_content(&mut opening, (started, limits.content), held_max).await? {
                    return Ok((answer.head, Start::Silent(opening), losses));
                }
                opening.began()
            }
            Body::Stream(pieces) => {
                let gathered = self.within(started, limits.content, gather(pieces)).await??;
                losses.extend(gathered.1);
                Began::Native(gathered.0)
            }
        };
        Ok((answer.head, Start::Began(began), losses))
    }

    /// Waits for the first content; false if it is still awaited after `held_max` from now.
    async fn has_content(
        &self,
        opening: &mut Opening,
        (started, limit): (Tick, Limit),
        held_max: Option<Duration>,
    ) -> Result<bool, Fault> {
        let content = opening.until_content(self.lineup.caps.held_bytes_max);
        let now = self.gateway.shared.clock.now();
        let until = limit.max.map_or(self.deadline, |max| (started + max).min(self.deadline));
        // One timer either way.
        match held_max.filter(|max| now + *max < until) {
            Some(max) => match tokio::time::timeout(max, content).await {
                Ok(read) => read.map(|()| true),
                Err(_) => Ok(false),
            },
            None => self.within(started, limit, content).await?.map(|()| true),
        }
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
        let failover = &self.lineup.failover;
        failover.takeover
            && failover.hold_tool_calls
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

    /// What comes after a failed call: the how-manieth on this rung, and whether another key is left.
    pub(super) fn after_fault(
        &mut self,
        rung: &Rung,
        fault: &Fault,
        (tries_on_rung, other_key): (u32, bool),
    ) -> Decision {
        let now = self.gateway.shared.clock.now();
        let facts = AfterFault {
            fault,
            tries_on_rung,
            tries: self.tries,
            other_key,
            // A second call may have been the end of it meanwhile.
            other_rung: self.has_another(&self.ladder.steps, &rung.target, |_| true),
            time_left: self.deadline.since(now),
            settings: &self.lineup.failover,
        };
        let decision = {
            let mut dice = self.gateway.dice().lock().unwrap_or_else(PoisonError::into_inner);
            resilience::after_fault(&facts, &mut dice)
        };
        let other_rung = facts.other_rung;
        // No provider tells when an account has money again; our breaker knows when it looks.
        if matches!(fault.class, FaultClass::QuotaExhausted | FaultClass::KeyRejected) {
            self.trail.accounts_out(rung.refuses_until(now).map(|until| until.since(now)));
        }
        match decision.next {
            Next::SameRung { .. } if self.trail.poisoned => poison::elsewhere(other_rung),
            _ => decision,
        }
    }
}
