//! The part of an attempt that makes one call under its clocks, and says what comes after a failed
//! one. Whom to ask, and whether he may be asked, is settled before.

use std::future::Future;
use std::sync::PoisonError;
use std::time::Duration;

use clock::Tick;
use domain::{Fault, FaultClass, Losses, Needs};
use resilience::{AfterFault, Decision, Next};
use upstream::{Body, Call, Head, Upstream};

use super::clocks::{Limit, Limits, gather, until_content};
use super::hedge::Winner;
use super::{Answered, Began, Climb, poison};
use crate::rung::{Claim, Rung};
use crate::takeover::{self, JoinClocks};

impl Climb<'_> {
    pub(super) async fn call(
        &mut self,
        claim: Claim,
        upstream: &dyn Upstream,
    ) -> Result<Answered, Fault> {
        let started = self.gateway.shared.clock.now();
        let prices = upstream.card(&claim.rung.target.model).map(|card| card.prices);
        self.ticket.begin_attempt(&claim, prices);
        let race = self.race(&claim, upstream, started).await;
        let Winner { claim, step, is_reserve, started, called } =
            self.settle(race, claim, (upstream, started));
        let took = self.gateway.shared.clock.now().since(started);
        match called {
            Ok((head, began, losses)) => {
                self.absolve(&claim.rung.target);
                let now = self.gateway.shared.clock.now();
                claim.told(now, &head.allowances);
                if matches!(began, Began::Streaming { .. }) {
                    claim.first_token(now, took);
                }
                self.ticket.end_attempt(took, None);
                self.ticket.first_token_of_attempt(took);
                self.ticket.served_by(claim.rung.target.clone(), step, is_reserve);
                Ok(Answered { claim, head, began, losses, started })
            }
            Err(fault) => {
                self.ticket.end_attempt(took, Some(&fault));
                self.judge_failed(claim, &fault);
                Err(fault)
            }
        }
    }

    pub(super) async fn call_under_clocks(
        &self,
        claim: &Claim,
        upstream: &dyn Upstream,
        started: Tick,
    ) -> Result<(Head, Began, Losses), Fault> {
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
