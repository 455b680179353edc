//! Fifth stage: one upstream call after the other, under clocks, breakers and budgets, until one
//! answers or none is left. Nothing has reached the caller yet, so a rung is changed silently.

mod call;
mod clocks;
mod hedge;
mod poison;
mod queued;
mod recalled;
mod standing;
mod tries;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use clock::Tick;
use domain::{Dialect, Fault, FaultClass, Losses, Operation, Piece, Reply, Target};
use resilience::{PaceSettings, Take};
use upstream::{Head, Pieces, Proofs, Readiness, Upstream, Whole};

pub(crate) use poison::Apart;
pub(crate) use queued::{Attempted, Queued};
pub(crate) use standing::Sign;
use standing::{Hopes, take_of};
use tries::HeldCall;

use crate::plan::Planned;
use crate::recall::When;
use crate::receipt::Ticket;
use crate::reply::TurnedAway;
use crate::rung::{Claim, Judge, Rung, RungSettings, Standing};
use crate::takeover::GoingOn;
use crate::trail::Trail;
use crate::waiting::Place;
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
    lineup: &Arc<Lineup>,
    planned: Planned,
) -> Result<Attempted, Box<TurnedAway>> {
    let Planned { request, ticket, ladder, deadline } = planned;
    let take = take_of(&request);
    let is_told = lineup.room.tell_after_ms > 0 && crate::early::bears_it(&request);
    let mut climb = Climb {
        gateway: Cow::Borrowed(gateway),
        lineup: Cow::Borrowed(lineup),
        request,
        ticket,
        ladder,
        deadline,
        step: 0,
        tries: 0,
        trail: Trail::default(),
        take,
        given_up: Vec::new(),
        hopes: Hopes::new(lineup.pace.enabled),
        place: None,
        sign: None,
        going_on: None,
    };
    if let Some(answered) = climb.recall(When::First).await {
        return climb.end(Ok(answered)).await.map(Attempted::Answers);
    }
    match climb.run(is_told).await {
        Err(NotYet::Waits(call)) => Ok(Attempted::Waits(Queued::new(climb.with_a_sign(), call))),
        answered => climb.end(answered).await.map(Attempted::Answers),
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
    lineup: &Arc<Lineup>,
    again: Again,
) -> (Option<Answered>, Ticket, Trail) {
    let Again { request, ticket, trail, ladder, deadline, tries, going_on } = again;
    let take = take_of(&request);
    let mut climb = Climb {
        gateway: Cow::Borrowed(gateway),
        lineup: Cow::Borrowed(lineup),
        request,
        ticket,
        ladder,
        deadline,
        step: 0,
        tries,
        trail,
        take,
        given_up: Vec::new(),
        hopes: Hopes::new(lineup.pace.enabled),
        place: None,
        sign: None,
        going_on: Some(going_on),
    };
    let answered = climb.run(false).await.ok();
    (answered, climb.ticket, climb.trail)
}

/// Why there is no answer.
enum NotYet {
    /// No rung is left.
    Exhausted,
    /// It has to stand in line first, or to wait for the first content of this call, and its caller
    /// can be told so.
    Waits(Option<Box<HeldCall>>),
}

/// An attempt that answered.
pub(crate) struct Answered {
    pub(crate) claim: Claim,
    pub(crate) head: Head,
    pub(crate) began: Began,
    pub(crate) losses: Losses,
    pub(crate) started: Tick,
}

/// The way down one ladder. It borrows what outlives it, until it has to stand in line.
struct Climb<'a> {
    gateway: Cow<'a, Gateway>,
    lineup: Cow<'a, Arc<Lineup>>,
    request: Arc<domain::Request>,
    ticket: Ticket,
    ladder: resilience::Found,
    deadline: Tick,
    /// The ladder's step that is being tried.
    step: usize,
    /// Upstream calls so far.
    tries: u32,
    trail: Trail,
    take: Take,
    /// Rungs that this request is done with.
    given_up: Vec<Target>,
    hopes: Hopes,
    place: Option<Place>,
    /// Where its place is shown while it stands in line, if anybody looks.
    sign: Option<Arc<Sign>>,
    /// An answer is gone on with that broke off elsewhere.
    going_on: Option<GoingOn>,
}

/// Where to go after a rung gave nothing.
enum Onward {
    NextRung,
    /// This call is gone on with when its caller has heard from us.
    Tell(Box<HeldCall>),
    Stop,
}

impl<'a> Climb<'a> {
    /// The same, with nothing borrowed and a sign of its place in line.
    fn with_a_sign(self) -> Climb<'static> {
        Climb {
            gateway: Cow::Owned(self.gateway.into_owned()),
            lineup: Cow::Owned(self.lineup.into_owned()),
            request: self.request,
            ticket: self.ticket,
            ladder: self.ladder,
            deadline: self.deadline,
            step: self.step,
            tries: self.tries,
            trail: self.trail,
            take: self.take,
            given_up: self.given_up,
            hopes: self.hopes,
            place: self.place,
            sign: Some(Arc::default()),
            going_on: self.going_on,
        }
    }

    /// How long an open stream may be without content before its caller is to hear from us; `None` if
    /// he cannot, or does by now.
    fn head_held_max(&self) -> Option<Duration> {
        let hears_already = self.sign.is_some() || self.going_on.is_some();
        let ms_max = self.ladder.clocks.head_held_ms_max;
        let held = ms_max > 0 && !hears_already && crate::early::bears_a_head(&self.request);
        held.then(|| Duration::from_millis(ms_max))
    }

    /// Gives what there is, or what the same caller was told before, or a refusal.
    async fn end(
        mut self,
        answered: Result<Answered, NotYet>,
    ) -> Result<Answering, Box<TurnedAway>> {
        let answered = match answered {
            Ok(answered) => Some(answered),
            Err(_) => self.recall(When::Outage).await,
        };
        let Some(answered) = answered else {
            // Moves are made beyond the budget too, and who finds all breakers open makes none: a
            // caller's client must not add to what is too much already.
            self.trail.no_repetition |= self.gateway.retry_budget_level() <= 0.0;
            let dialect = self.request.dialect;
            return Err(crate::exhausted::turn_away(dialect, self.ticket, self.trail));
        };
        Ok(Answering {
            gap_max: Duration::from_millis(self.ladder.clocks.gap_ms_max),
            request: self.request,
            ladder: self.ladder,
            ticket: self.ticket,
            trail: self.trail,
            claim: answered.claim,
            head: answered.head,
            began: answered.began,
            losses: answered.losses,
            attempt_started: answered.started,
            deadline: self.deadline,
        })
    }

    /// Asks the rungs, and stands in line where none takes it now; `is_told` if whoever asks would
    /// rather hear of that first.
    async fn run(&mut self, is_told: bool) -> Result<Answered, NotYet> {
        // Whoever comes while others wait stands behind them. Only the reserve is asked before
        // that, if nobody else can be for now.
        let looks = !self.others_wait() || self.is_shut(self.gateway.shared.clock.now());
        if looks && let Some(ended) = self.look().await {
            return ended;
        }
        // What was told before is better than a wait for a door that is shut.
        if self.is_shut(self.gateway.shared.clock.now())
            && let Some(answered) = self.recall(When::Outage).await
        {
            return Ok(answered);
        }
        if is_told {
            return Err(NotYet::Waits(None));
        }
        self.stand_in_line().await
    }

    async fn stand_in_line(&mut self) -> Result<Answered, NotYet> {
        loop {
            self.wait().await;
            if let Some(ended) = self.look().await {
                return ended;
            }
        }
    }

    /// Asks the rungs that take it now; `None` if there is hope of one that will.
    async fn look(&mut self) -> Option<Result<Answered, NotYet>> {
        // First whoever takes it with ease; then whoever can bear it.
        for pressed in [false, true] {
            self.hopes.none_yet();
            match self.pass(pressed).await {
                Ok(answered) => return Some(Ok(answered)),
                Err(Onward::Stop) => return Some(Err(NotYet::Exhausted)),
                Err(Onward::Tell(call)) => return Some(Err(NotYet::Waits(Some(call)))),
                Err(Onward::NextRung) => {}
            }
            if self.hopes.held_until.is_none() {
                break;
            }
        }
        (!self.hopes.any()).then_some(Err(NotYet::Exhausted))
    }

    /// Once down the ladder. What is only too fast now is passed over, but what comes after it and
    /// is no provider's is not asked while there is hope of a place.
    async fn pass(&mut self, pressed: bool) -> Result<Answered, Onward> {
        let steps = self.ladder.steps.clone();
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
                if self.given_up.contains(&rung.target) {
                    continue;
                }
                let hopes = self.hopes.may_wait || !pressed;
                if upstream.is_reserve() && self.hopes.held_until.is_some() && hopes {
                    return Err(Onward::NextRung);
                }
                if upstream.is_reserve()
                    && let Some(answered) = self.recall(When::Outage).await
                {
                    return Ok(answered);
                }
                // What goes on from another rung's stream belongs there, wherever it stands now.
                let moved_on = self.going_on.is_some() && !self.broke_off_at(&rung.target);
                let provider = |other: &dyn Upstream| !other.is_reserve();
                let standing = Standing {
                    spilled: index > 0 || place > 0 || moved_on,
                    another: self.has_another(&steps, &rung.target, provider),
                    pressed,
                };
                match self.try_rung(rung, &**upstream, standing).await {
                    Ok(answered) => return Ok(answered),
                    Err(Onward::NextRung) => {}
                    Err(onward) => return Err(onward),
                }
            }
        }
        Err(Onward::NextRung)
    }

    /// A rung beside `target` that may still serve this request. One that was passed over for its
    /// breaker or its pace is one of them: the next time down the ladder meets it again.
    fn has_another(
        &self,
        steps: &[Box<[Target]>],
        target: &Target,
        such: impl Fn(&dyn Upstream) -> bool,
    ) -> bool {
        let upstream = |of: &Target| self.lineup.upstreams.get(&*of.provider);
        let mut others = steps.iter().flatten().filter(|other| *other != target);
        others.any(|other| {
            !self.given_up.contains(other) && upstream(other).is_some_and(|other| such(&**other))
        })
    }

    fn rung(&self, target: &Target) -> Option<(Arc<Rung>, Arc<dyn Upstream>)> {
        let upstream = self.lineup.upstreams.get(&*target.provider)?;
        let settings = RungSettings {
            breaker: self.lineup.breaker,
            // The reserve has a line of its own, and nobody who must be kept from it.
            pace: PaceSettings {
                enabled: self.lineup.pace.enabled && !upstream.is_reserve(),
                ..self.lineup.pace
            },
            first_token_ms_max: self.ladder.clocks.first_token_ms_max,
        };
        let beside = (|| self.gateway.shared.clock.now(), self.gateway.dice());
        let rung = self.gateway.shared.routes.rung(target, upstream.key_count(), settings, beside);
        Some((rung, upstream.clone()))
    }

    /// Why this rung cannot serve this request at all.
    fn cannot_serve(
        &self,
        rung: &Rung,
        upstream: &dyn Upstream,
    ) -> Option<(FaultClass, Cow<'static, str>)> {
        if self.is_other_vector_space(&rung.target) {
            let reason = "vectors of another model cannot be compared";
            return Some((FaultClass::Unfit, reason.into()));
        }
        if let Some(reason) = upstream.unfit(&rung.target.model, &self.request) {
            return Some((FaultClass::Unfit, reason.into_string().into()));
        }
        match upstream.readiness() {
            Readiness::Ready => None,
            Readiness::Loading => Some((FaultClass::Busy, "still loading".into())),
            Readiness::Unavailable(_) => Some((FaultClass::Busy, "not available".into())),
        }
    }

    /// A rung that refused to go on from a prefill is asked once more, in other words. Its refusal
    /// is about our way of asking, and is told to nobody.
    fn asks_otherwise(&mut self, rung: &Rung, upstream: &dyn Upstream, fault: &Fault) -> bool {
        let target = &rung.target;
        let Some(going_on) = &mut self.going_on else { return false };
        let asked = going_on.ask(upstream, target, &self.request).map(|asked| asked.manner);
        self.tries < self.lineup.failover.attempts_max && going_on.was_refused(target, asked, fault)
    }

    /// A rung that refused the proofs of a history is asked once more without them.
    fn asks_without_proofs(&mut self, rung: &Rung, fault: &Fault) -> bool {
        let again = fault.class == FaultClass::ForeignProofs
            && self.tries < self.lineup.failover.attempts_max
            && self.refusals_of_proofs(&rung.target) == 1;
        if again {
            self.trail.asked_anew(&rung.target, fault);
        }
        again
    }

    fn refusals_of_proofs(&self, target: &Target) -> usize {
        let attempts = self.ticket.view().attempts.iter();
        let refused = attempts.filter(|attempt| attempt.fault == Some(FaultClass::ForeignProofs));
        refused.filter(|attempt| attempt.target == *target).count()
    }

    /// Whose proofs of thinking a call on this rung may bring along.
    fn proofs_for(&self, target: &Target) -> Proofs {
        let mut attempts = self.ticket.view().attempts.iter();
        if self.refusals_of_proofs(target) > 0 {
            Proofs::Refused
        } else if attempts.any(|attempt| attempt.target.provider != target.provider) {
            Proofs::Elsewhere
        } else {
            Proofs::Unknown
        }
    }

    /// This very rung's answer is the one that broke off.
    fn broke_off_at(&self, target: &Target) -> bool {
        self.going_on.is_some() && self.has_asked(target)
    }

    /// This rung was asked for this request before, however long ago.
    fn has_asked(&self, target: &Target) -> bool {
        self.ticket.view().attempts.iter().any(|attempt| attempt.target == *target)
    }

    /// A caller compares the vectors that he gets with those that he has: only the ladder's first
    /// model will do, wherever it runs.
    fn is_other_vector_space(&self, target: &Target) -> bool {
        let first = self.ladder.steps.first().and_then(|step| step.first());
        self.request.operation == Operation::Embed
            && first.is_some_and(|first| first.model != target.model)
    }

    /// The first try of a request is free. The first on a further rung is booked and always made,
    /// since an answer is what failover is for; a repetition must be granted, by the budget of all
    /// and by that of the provider, whichever of its keys and models are asked.
    fn pay_for_try(&mut self, rung: &Rung, first_on_rung: bool, now: Tick) -> bool {
        // What was told already is generated a second time.
        let cost = if self.going_on.is_some() { 2 } else { 1 };
        let provider = &*rung.target.provider;
        let mut asked = self.ticket.view().attempts.iter();
        let knows_it = asked.any(|attempt| *attempt.target.provider == *provider);
        let ratio = self.lineup.failover.retry_budget_ratio;
        let mut all = self.gateway.shared.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own = rung.budget();
        own.set_ratio(ratio);
        match (self.tries, first_on_rung) {
            (0, _) => all.request(now),
            (_, true) => all.book(now, cost),
            (_, false) if all.try_spend_both(&mut own, now, cost).is_err() => return false,
            (_, false) => {}
        }
        match (knows_it, first_on_rung) {
            // To this provider it is a new request, wherever it comes from.
            (false, _) => own.request(now),
            (true, true) => own.book(now, cost),
            (true, false) => {}
        }
        self.tries += 1;
        true
    }
}

impl Gateway {
    /// What the breakers need for a judgement.
    pub(crate) fn judge(&self) -> Judge<'_> {
        Judge { clock: &*self.shared.clock, dice: self.dice(), telemetry: &self.shared.telemetry }
    }
}
