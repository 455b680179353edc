//! A second call beside one whose first token is late: the first of the two to give content serves,
//! the other is cancelled and booked. Whether one is worth it, and whether a rung may be asked, is
//! decided in `resilience`; nothing is tried again from here.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, PoisonError};
use std::task::Poll;
use std::time::Duration;

use clock::Tick;
use domain::{Fault, FaultClass, Needs, Operation, Prices, Usage};
use resilience::HedgeAsk;
use upstream::Upstream;

use super::Climb;
use super::call::Called;
use crate::rung::{Claim, Rung, Standing, Wish};

/// The second call.
pub(super) struct Second {
    claim: Claim,
    upstream: Arc<dyn Upstream>,
    step: usize,
    started: Tick,
    ended: Option<Called>,
}

/// What came of one call, or of two.
pub(super) struct Race {
    first: Option<Called>,
    /// In a box, for it is seldom there.
    second: Option<Box<Second>>,
    /// After how long the second one began.
    after: Duration,
}

/// The call whose end counts.
pub(super) struct Winner {
    pub(super) claim: Claim,
    pub(super) step: usize,
    pub(super) is_reserve: bool,
    pub(super) started: Tick,
    pub(super) called: Called,
}

impl Climb<'_> {
    /// Calls, and calls another rung as well if the first content is late and that is right.
    pub(super) async fn race(&self, claim: &Claim, upstream: &dyn Upstream, started: Tick) -> Race {
        let after = self.hedge_after(claim, upstream);
        // Of two that run beside each other neither can be left and gone on with.
        let held_max = if after.is_none() { self.head_held_max() } else { None };
        let mut first = pin!(self.call_under_clocks(claim, upstream, (started, held_max)));
        let alone = |called| Race { first: Some(called), second: None, after: Duration::ZERO };
        let Some(after) = after else { return alone(first.await) };
        if let Ok(called) = tokio::time::timeout(after, first.as_mut()).await {
            return alone(called);
        }
        let Some(mut second) = self.second(claim) else { return alone(first.await) };
        let (first, ended) = {
            let clocks = (second.started, None);
            let call = self.call_under_clocks(&second.claim, &*second.upstream, clocks);
            both(first, Box::pin(call)).await
        };
        second.ended = ended;
        Race { first, second: Some(second), after }
    }

    /// After how long a second call is thought of; `None` for most requests, at the cost of a look.
    fn hedge_after(&self, claim: &Claim, upstream: &dyn Upstream) -> Option<Duration> {
        let settings = &self.lineup.failover.hedge;
        let (outline, operation) = (&self.request.outline, self.request.operation);
        let possible = settings.enabled
            && operation == Operation::Generate
            && self.going_on.is_none()
            && !claim.is_probe()
            && !upstream.is_reserve()
            && self.tries < self.lineup.failover.attempts_max;
        if !possible {
            return None;
        }
        let ask = HedgeAsk {
            streams: outline.stream,
            tools: outline.needs.contains(Needs::TOOLS),
            take: self.take,
            first_token_ms_max: self.ladder.clocks.first_token_ms_max,
        };
        claim.rung.hedge_after(settings, &ask)
    }

    /// The next rung that has room, if the late one is not late for having too much to do.
    fn second(&self, late: &Claim) -> Option<Box<Second>> {
        // Nobody is asked twice while others wait to be asked once.
        if self.others_wait() {
            return None;
        }
        let now = self.gateway.shared.clock.now();
        let late_ease = late.rung.ease(now);
        let steps = self.ladder.steps.clone();
        for (step, targets) in steps.iter().enumerate().skip(self.step) {
            for target in targets.iter().filter(|target| **target != late.rung.target) {
                let Some((rung, upstream)) = self.rung(target) else { continue };
                let possible = !self.given_up.contains(target)
                    && !upstream.is_reserve()
                    && resilience::may_hedge(late_ease, rung.ease(now))
                    && self.cannot_serve(&rung, &*upstream).is_none();
                if !possible {
                    continue;
                }
                let standing = Standing { spilled: false, another: true, pressed: false };
                let wish = Wish { now, spent: &[], take: self.take, standing };
                let Ok(claim) = rung.claim(&wish, self.gateway.dice()) else { continue };
                if claim.is_probe() || !self.pays_for_hedge(&late.rung, &rung, now) {
                    claim.unsent(now);
                    return None;
                }
                self.ticket.begin_beside(&claim);
                let started = now;
                return Some(Box::new(Second { claim, upstream, step, started, ended: None }));
            }
        }
        None
    }

    fn pays_for_hedge(&self, late: &Rung, second: &Rung, now: Tick) -> bool {
        let budget = &self.gateway.shared.budget;
        let mut budget = budget.lock().unwrap_or_else(PoisonError::into_inner);
        if budget.try_hedge(now).is_err() {
            return false;
        }
        let mut own = second.budget();
        match late.target.provider == second.target.provider {
            true => own.book(now, 1),
            false => own.request(now),
        }
        true
    }

    /// Writes down what became of the two, and says which one counts.
    pub(super) fn settle(
        &mut self,
        race: Race,
        claim: Claim,
        (upstream, started): (&dyn Upstream, Tick),
    ) -> Winner {
        let Race { first, second, after } = race;
        let step = self.step;
        let is_reserve = upstream.is_reserve();
        let winner = |claim, called| Winner { claim, step, is_reserve, started, called };
        let Some(second) = second.map(|second| *second) else {
            return winner(claim, first.unwrap_or_else(nobody_won));
        };
        self.tries += 1;
        let prices = prices_of(&second.claim, &*second.upstream);
        match (first, second.ended) {
            (first, Some(Ok(won))) => {
                let fault = match first {
                    Some(Err(fault)) => fault,
                    _ => outrun(),
                };
                self.trail.hedged(&second.claim.rung.target, after);
                self.lose(claim, fault, started);
                self.ticket.run_beside(prices);
                let Second { claim, step, started, .. } = second;
                Winner { claim, step, is_reserve: false, started, called: Ok(won) }
            }
            (first, ended) => {
                let mine = self.ticket.prices();
                self.ticket.run_beside(prices);
                let fault = match ended {
                    Some(Err(fault)) => fault,
                    _ => outrun(),
                };
                if matches!(first, Some(Ok(_))) {
                    self.trail.hedged(&claim.rung.target, after);
                }
                self.given_up.push(second.claim.rung.target.clone());
                self.lose(second.claim, fault, second.started);
                self.ticket.run_former(mine);
                winner(claim, first.unwrap_or_else(nobody_won))
            }
        }
    }

    /// The running attempt does not count: it failed, or it was cancelled. What it was asked is
    /// billed all the same.
    fn lose(&mut self, mut claim: Claim, fault: Fault, started: Tick) {
        let now = self.gateway.shared.clock.now();
        let took = now.since(started);
        if fault.class == FaultClass::Outrun {
            claim.cut_off(took);
            let read = Usage {
                input_uncached: self.take.input_tokens,
                estimated: true,
                ..Usage::default()
            };
            self.ticket.bill(&read);
        }
        self.ticket.end_attempt(took, Some(&fault));
        self.ticket.tell_failed();
        claim.judge(&self.gateway.judge(), Some(&fault));
        if fault.class != FaultClass::Outrun {
            self.trail.failed(&claim.rung.target, fault, "another was asked beside it");
        }
    }
}

fn prices_of(claim: &Claim, upstream: &dyn Upstream) -> Option<Prices> {
    upstream.card(&claim.rung.target.model).map(|card| card.prices)
}

fn outrun() -> Fault {
    Fault::new(FaultClass::Outrun, "another call was quicker")
}

/// A race ends when one has won or both have failed, so that this is never said.
fn nobody_won() -> Called {
    Err(Fault::new(FaultClass::Internal, "no call ended"))
}

/// Waits until one of them has given content, or both have failed.
async fn both<A: Future<Output = Called>, B: Future<Output = Called>>(
    mut first: Pin<&mut A>,
    mut second: Pin<Box<B>>,
) -> (Option<Called>, Option<Called>) {
    let mut ends: (Option<Called>, Option<Called>) = (None, None);
    poll_fn(|cx| {
        if ends.0.is_none()
            && let Poll::Ready(called) = first.as_mut().poll(cx)
        {
            ends.0 = Some(called);
        }
        if !matches!(ends.0, Some(Ok(_)))
            && ends.1.is_none()
            && let Poll::Ready(called) = second.as_mut().poll(cx)
        {
            ends.1 = Some(called);
        }
        let won = matches!(ends.0, Some(Ok(_))) || matches!(ends.1, Some(Ok(_)));
        if won || (ends.0.is_some() && ends.1.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    ends
}
