//! One call's place on a rung, from the moment it was let in: what it hears of the provider's limits,
//! how its answer felt, and the judgement at its end.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clock::{Clock, Dice, Tick};
use domain::{Allowance, Fault, FaultClass, Target, Usage};
use resilience::{Feel, State, Take, Transition, Verdict};
use telemetry::{BreakerChange, Telemetry};

use super::{Admitted, Route, Rung, lock};

/// Generated tokens of an unstreamed answer below which its time tells nothing of the pace.
const OUTPUT_TOKENS_MIN: u64 = 20;

/// A call's place on a route. Dropped without a judgement it gives a probe back.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) rung: Arc<Rung>,
    pub(crate) key: u16,
    pub(super) admitted: Admitted,
    pub(super) take: Take,
    /// Calls that were out when it went in, itself included.
    pub(super) ahead: u32,
    pub(super) judged: bool,
}

/// What a judgement needs.
pub(crate) struct Judge<'a> {
    pub(crate) clock: &'a dyn Clock,
    pub(crate) dice: &'a Mutex<Dice>,
    pub(crate) telemetry: &'a Telemetry,
}

/// How an answer that came to its end was.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ended {
    pub(crate) usage: Option<Usage>,
    /// From the first content to the last, and how many pieces came after the first.
    pub(crate) spoke: Option<(Duration, u64)>,
}

impl Claim {
    fn route(&self) -> Option<&Route> {
        self.rung.routes.get(usize::from(self.key))
    }

    /// True if it goes as the breaker's probe.
    pub(crate) fn is_probe(&self) -> bool {
        self.admitted.probe
    }

    /// The call is not made after all: what it took of the pace is there for the next one.
    pub(crate) fn unsent(self, now: Tick) {
        if let Some(route) = self.route().filter(|_| self.rung.settings.pace.enabled) {
            lock(&route.pacer).give_back(now, self.take);
            if self.admitted.ramped {
                lock(&self.rung.governor).ramp.give_back();
            }
        }
    }

    /// What the answer's head says of the provider's limits.
    pub(crate) fn told(&self, now: Tick, allowances: &[Allowance]) {
        let told = self.rung.settings.pace.enabled && !allowances.is_empty();
        if let Some(route) = self.route().filter(|_| told) {
            lock(&route.pacer).told(now, allowances);
        }
    }

    /// The first content of a stream came after so long.
    pub(crate) fn first_token(&self, now: Tick, after: Duration) {
        if !self.rung.settings.pace.enabled {
            return;
        }
        let in_flight = self.rung.in_flight_now();
        let mut governor = lock(&self.rung.governor);
        let felt = governor.pulse.first_token(after, self.take.input_tokens);
        governor.tail.add(after, self.take.input_tokens);
        governor.first_token(now, felt, (self.ahead, in_flight));
        governor.ramp.felt(now, if felt.strain > 1.0 { Feel::Slow } else { Feel::Good });
    }

    /// No content had come after so long, when another call was quicker.
    pub(crate) fn cut_off(&self, after: Duration) {
        if self.rung.settings.pace.enabled {
            lock(&self.rung.governor).tail.add_cut_off(after, self.take.input_tokens);
        }
    }

    /// The answer came to its end.
    pub(crate) fn complete(&mut self, judge: &Judge<'_>, ended: &Ended) {
        if !self.rung.settings.pace.enabled {
            return self.judge(judge, None);
        }
        let now = judge.clock.now();
        let used = ended.usage.map_or(self.take, |usage| Take {
            input_tokens: usage.input(),
            output_tokens: usage.output,
        });
        if let Some(route) = self.route() {
            lock(&route.pacer).answered(now, self.take, used);
        }
        if let Some((span, pieces)) = ended.spoke
            && let Ok(pieces) = u32::try_from(pieces)
            && u64::from(pieces) >= OUTPUT_TOKENS_MIN
        {
            let in_flight = self.rung.in_flight_now();
            let mut governor = lock(&self.rung.governor);
            let felt = governor.pulse.inter_token(span / pieces);
            governor.words(now, felt, in_flight);
        }
        self.judge(judge, None);
    }

    /// Tells the breaker and the pace how the attempt ended: `None` is a complete answer.
    pub(crate) fn judge(&mut self, judge: &Judge<'_>, fault: Option<&Fault>) {
        self.judged = true;
        let now = judge.clock.now();
        if let Some(fault) = fault.filter(|_| self.rung.settings.pace.enabled) {
            self.feel(now, fault);
        }
        let verdict = fault.map_or(Verdict::Success, resilience::verdict_of);
        let Some(route) = self.route() else { return };
        if verdict == Verdict::Success && !route.has_answered.load(Ordering::Relaxed) {
            route.has_answered.store(true, Ordering::Relaxed);
            self.rung.provider.answered(&self.rung.target.model, self.key);
        }
        let transition = {
            let mut dice = lock(judge.dice);
            lock(&route.breaker).judge(now, self.admitted.probe, verdict, &mut dice)
        };
        if let Some(Fault { class: FaultClass::SpendLimit, retry_after_ms: Some(ms), .. }) = fault {
            self.rung.provider.stop_key(now, self.key, *ms);
        }
        let Some(transition) = transition else { return };
        let (provider, model) = (&self.rung.provider, &self.rung.target.model);
        if provider.changed(model, self.key, &transition) {
            tracing::warn!(provider = %self.rung.target.provider, "most routes of it are down");
        }
        // What it knows by itself is newer than any doubt.
        route.doubts.store(provider.doubts(), Ordering::Relaxed);
        match transition.to {
            State::Closed if transition.from == State::HalfOpen => {
                lock(&self.rung.governor).returning = true;
            }
            State::Open => {
                lock(&self.rung.governor).forget(&self.rung.settings);
            }
            _ => {}
        }
        tell(judge.telemetry, &self.rung.target, self.key, transition);
    }

    /// True if this route has answered somebody lately.
    pub(crate) fn answers(&self, now: Tick) -> bool {
        self.route().is_some_and(|route| lock(&route.breaker).answers(now))
    }

    /// What a fault says of the provider's strength.
    fn feel(&self, now: Tick, fault: &Fault) {
        use FaultClass::{
            Acceleration, Connect, Crawling, Overloaded, RateLimited, Reset, ServerError, Silent,
            SlowFirstToken, Stalled,
        };
        if let (RateLimited | Acceleration, Some(route)) = (fault.class, self.route()) {
            lock(&route.pacer).refused(now, fault.retry_after_ms);
        }
        let in_flight = self.rung.in_flight_now();
        let mut governor = lock(&self.rung.governor);
        if matches!(fault.class, Overloaded | Silent | SlowFirstToken | Stalled | Crawling) {
            governor.easy.overloaded(now, in_flight);
            governor.most.overloaded(now, in_flight);
        }
        let stressed = matches!(
            fault.class,
            Overloaded
                | RateLimited
                | Acceleration
                | Crawling
                | Silent
                | SlowFirstToken
                | Stalled
                | Connect
                | Reset
                | ServerError
        );
        if stressed {
            governor.ramp.felt(now, Feel::Stressed);
        }
    }
}

/// Tells of a breaker that took another state.
pub(crate) fn tell(telemetry: &Telemetry, target: &Target, key: u16, transition: Transition) {
    let Transition { from, to, why } = transition;
    let (from, to, why) = (from.as_str(), to.as_str(), why.as_str());
    tracing::info!(%target, key, from, to, why, "breaker changed");
    telemetry.breaker_changed(BreakerChange { target: target.clone(), key, from, to, why });
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(route) = self.route() {
            route.in_flight.fetch_sub(1, Ordering::Relaxed);
            if !self.judged {
                lock(&route.breaker).release(self.admitted.probe);
            }
        }
        self.rung.rooms.a_place_is_free();
    }
}
