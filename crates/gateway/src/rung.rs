//! One rung, a (provider, model): its keys with a breaker and a pacer each, and what keeps calls on
//! it at a pace that it can take. A call takes its place as a [`Claim`] and tells, when it ends, how
//! it went.

mod claim;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::{Dice, Tick};
use domain::{FaultClass, Target};
use http::HeaderValue;
use resilience::{
    Breaker, BreakerSettings, Brim, Ease, Expectation, Felt, FirstToken, Gate, HedgeAsk,
    HedgeSettings, LimitWhy, Limiter, Pace, PaceSettings, Paced, Pacer, Pulse, Ramp, RetryBudget,
    State, Tail, Take, Tally, Transition,
};

pub(crate) use claim::{Claim, Ended, Judge, tell};

use crate::provider::Provider;
use crate::silence::Silence;
use crate::waiting::Rooms;

/// What a rung is made with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RungSettings {
    pub(crate) breaker: BreakerSettings,
    pub(crate) pace: PaceSettings,
    /// Of the ladder that met it first: bounds what may be learned as usual.
    pub(crate) first_token_ms_max: u64,
}

/// One (provider, model) with a route per key.
#[derive(Debug)]
pub(crate) struct Rung {
    pub(crate) target: Target,
    /// The target as a header's value.
    pub(crate) served_by: HeaderValue,
    routes: Box<[Route]>,
    next_key: AtomicUsize,
    governor: Mutex<Governor>,
    rooms: Arc<Rooms>,
    provider: Arc<Provider>,
    /// Its calls that wait for a first word.
    pub(crate) silence: Silence,
    /// Its probes that wait for anything at all.
    pub(crate) trials: Silence,
    settings: RungSettings,
}

/// One key of a rung.
#[derive(Debug)]
struct Route {
    breaker: Mutex<Breaker>,
    pacer: Mutex<Pacer>,
    in_flight: AtomicUsize,
    /// Doubts about its provider that it has heard of.
    doubts: AtomicU64,
    has_answered: AtomicBool,
}

/// What all keys of a rung share.
#[derive(Debug)]
struct Governor {
    pulse: Pulse,
    /// When a first token is late.
    tail: Tail,
    /// How many calls are answered as well as is expected.
    easy: Limiter,
    /// How many are answered well enough that waiting would be worse.
    most: Brim,
    ramp: Ramp,
    /// It was down, and its calls come back along the ramp.
    returning: bool,
}

impl Governor {
    /// How many calls may be out, and why not more.
    fn limit(&self, pressed: bool) -> (u32, LimitWhy) {
        let (easy, most) = (self.easy.limit(), self.most.limit());
        if pressed && most.0 > easy.0 { most } else { easy }
    }

    /// How much it could take before it fell says nothing of how much it can take then.
    fn forget(&mut self, settings: &RungSettings) {
        self.easy = Limiter::new(settings.pace.limiter);
        self.most = brim(settings);
    }

    fn first_token(&mut self, now: Tick, felt: Felt, (ahead, in_flight): (u32, u32)) {
        self.easy.answered(now, felt.pulse, in_flight);
        self.most.first_token(now, FirstToken { strain: felt.strain, ahead, in_flight });
    }

    fn words(&mut self, now: Tick, felt: Felt, in_flight: u32) {
        self.easy.answered(now, felt.pulse, in_flight);
        self.most.words(now, felt.strain, in_flight);
    }
}

/// A call that would like a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) now: Tick,
    /// Keys that this request has spent.
    pub(crate) spent: &'a [u16],
    pub(crate) take: Take,
    pub(crate) standing: Standing,
}

/// How a call stands to the rung that it asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// It belongs to a rung before this one, or to an equal, that could not take it.
    pub(crate) spilled: bool,
    /// The ladder has another provider that may serve it.
    pub(crate) another: bool,
    /// No rung of the ladder takes it with ease.
    pub(crate) pressed: bool,
}

/// The place that a key had for a call.
#[derive(Debug, Clone, Copy, Default)]
struct Admitted {
    /// It goes as the breaker's probe.
    probe: bool,
    /// It took a place of the ramp.
    ramped: bool,
}

/// Why a call got no place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Held {
    /// All keys' breakers refuse, the earliest until then.
    Breaker { until: Tick, class: FaultClass },
    /// It would be too much, or too fast.
    Paced { until: Tick, why: &'static str, class: FaultClass },
    /// This request has spent every key.
    NoKey,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Rung {
    pub(crate) fn new(
        target: Target,
        keys: u16,
        settings: RungSettings,
        (rooms, provider): (Arc<Rooms>, Arc<Provider>),
    ) -> Self {
        let doubts = provider.doubts_over();
        let route = || Route {
            breaker: Mutex::new(Breaker::new(settings.breaker)),
            pacer: Mutex::new(Pacer::default()),
            in_flight: AtomicUsize::new(0),
            doubts: AtomicU64::new(doubts),
            has_answered: AtomicBool::new(false),
        };
        let served_by = HeaderValue::from_str(&target.to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("unprintable"));
        Self {
            target,
            served_by,
            routes: (0..keys.max(1)).map(|_| route()).collect(),
            next_key: AtomicUsize::new(0),
            governor: Mutex::new(Governor {
                pulse: Pulse::new(expectation(&settings)),
                tail: Tail::default(),
                easy: Limiter::new(settings.pace.limiter),
                most: brim(&settings),
                ramp: Ramp::default(),
                returning: false,
            }),
            rooms,
            provider,
            silence: Silence::default(),
            trials: Silence::default(),
            settings,
        }
    }

    /// True while its provider's outage is confirmed.
    pub(crate) fn is_out(&self) -> bool {
        self.provider.heed.is_out()
    }

    /// Shuts the doors of all keys that are open, as a streak of failures would: from then on one
    /// call at a time looks whether the provider is back. Tells which keys' doors were shut.
    pub(crate) fn shut(&self, now: Tick, dice: &Mutex<Dice>) -> Vec<(u16, Transition)> {
        let mut shut = Vec::new();
        for (index, route) in self.routes.iter().enumerate() {
            let mut dice = lock(dice);
            if let Some(transition) = lock(&route.breaker).shut(now, &mut dice) {
                shut.push((u16::try_from(index).unwrap_or(u16::MAX), transition));
            }
        }
        if !shut.is_empty() {
            lock(&self.governor).forget(&self.settings);
        }
        shut
    }

    /// When its provider last failed one of its keys whose door is shut for that, and which key's it
    /// was; nothing while a probe is out.
    pub(crate) fn failed_at(&self, now: Tick) -> Option<(Tick, usize)> {
        let failed = |(index, route): (usize, &Route)| {
            lock(&route.breaker).failed_at(now).map(|at| (at, index))
        };
        self.routes.iter().enumerate().filter_map(failed).max()
    }

    /// Lets the next probe of a key go as soon as that.
    pub(crate) fn hasten(&self, key: usize, now: Tick, until: Tick) {
        if let Some(route) = self.routes.get(key) {
            lock(&route.breaker).hasten(now, until);
        }
    }

    /// Calls in flight over all keys.
    pub(crate) fn in_flight(&self) -> usize {
        self.routes.iter().map(|route| route.in_flight.load(Ordering::Relaxed)).sum()
    }

    /// How many keys it has.
    pub(crate) fn key_count(&self) -> usize {
        self.routes.len()
    }

    /// The limit in force and the ramp's rate, for whoever shows them.
    pub(crate) fn pace(&self) -> (u32, Option<f64>) {
        let governor = lock(&self.governor);
        (governor.limit(true).0, governor.ramp.rate_per_s())
    }

    /// How it stands when one more call would be a favour and no need.
    pub(crate) fn ease(&self, now: Tick) -> Ease {
        let closed =
            self.routes.iter().all(|route| lock(&route.breaker).state(now) == State::Closed);
        let governor = lock(&self.governor);
        Ease {
            closed,
            ramped: governor.returning || governor.ramp.is_rising(now),
            in_flight: self.in_flight_now(),
            limit: governor.limit(false).0,
        }
    }

    /// After how long a first token is late enough for a second call.
    pub(crate) fn hedge_after(&self, settings: &HedgeSettings, ask: &HedgeAsk) -> Option<Duration> {
        if !self.settings.pace.enabled || settings.spares(ask) {
            return None;
        }
        settings.after(ask, &lock(&self.governor).tail)
    }

    /// The time that a token usually takes, where that is known and means something.
    pub(crate) fn inter_token_usual(&self) -> Option<Duration> {
        lock(&self.governor).pulse.inter_token_usual()
    }

    /// What its provider may be asked again.
    pub(crate) fn budget(&self) -> MutexGuard<'_, RetryBudget> {
        lock(&self.provider.budget)
    }

    /// How all its keys together have answered.
    pub(crate) fn tally(&self) -> Tally {
        let tallies = self.routes.iter().map(|route| lock(&route.breaker).tally());
        tallies.fold(Tally::default(), Tally::plus)
    }

    /// True if its pace is watched.
    pub(crate) fn is_paced(&self) -> bool {
        self.settings.pace.enabled
    }

    /// When the first of its keys may be asked again, if none may be now.
    pub(crate) fn refuses_until(&self, now: Tick) -> Option<Tick> {
        let until = |(key, route): (u16, &Route)| {
            self.provider.stopped(now, key).or_else(|| match lock(&route.breaker).peek(now) {
                Gate::Refuse { until, .. } => Some(until),
                Gate::Admit | Gate::Probe => None,
            })
        };
        let all: Option<Vec<Tick>> = (0..).zip(&self.routes).map(until).collect();
        all?.into_iter().min()
    }

    /// True if no key may be asked now.
    pub(crate) fn is_shut(&self, now: Tick) -> bool {
        self.refuses_until(now).is_some()
    }

    fn in_flight_now(&self) -> u32 {
        u32::try_from(self.in_flight()).unwrap_or(u32::MAX)
    }

    /// Claims a place on the next key that lets a call through.
    pub(crate) fn claim(
        self: &Arc<Self>,
        wish: &Wish<'_>,
        dice: &Mutex<Dice>,
    ) -> Result<Claim, Held> {
        if let Some(held) = self.is_full(wish) {
            return Err(held);
        }
        let mut worst = Held::NoKey;
        let count = self.routes.len();
        let start = if count > 1 { self.next_key.fetch_add(1, Ordering::Relaxed) } else { 0 };
        for offset in 0..count {
            let index = (start + offset) % count;
            let key = u16::try_from(index).unwrap_or(u16::MAX);
            let Some(route) = self.routes.get(index) else { continue };
            if wish.spent.contains(&key) {
                continue;
            }
            if let Some(until) = self.provider.stopped(wish.now, key) {
                let class = FaultClass::SpendLimit;
                worst = sooner(worst, Held::Breaker { until, class });
                continue;
            }
            match self.claim_key(route, wish, dice) {
                Ok(admitted) => {
                    route.in_flight.fetch_add(1, Ordering::Relaxed);
                    let (rung, take) = (self.clone(), wish.take);
                    let ahead = self.in_flight_now();
                    return Ok(Claim { rung, key, admitted, take, ahead, judged: false });
                }
                Err(held) => worst = sooner(worst, held),
            }
        }
        Err(worst)
    }

    fn is_full(&self, wish: &Wish<'_>) -> Option<Held> {
        if !self.settings.pace.enabled {
            return None;
        }
        let in_flight = self.in_flight_now();
        let (limit, why) = lock(&self.governor).limit(wish.standing.pressed);
        (in_flight >= limit).then(|| Held::Paced {
            // A place comes free when a call ends, which wakes whoever waits; this is only how
            // long nobody looks if none does.
            until: wish.now + Duration::from_millis(250),
            why: why.as_str(),
            class: FaultClass::Overloaded,
        })
    }

    fn claim_key(
        &self,
        route: &Route,
        wish: &Wish<'_>,
        dice: &Mutex<Dice>,
    ) -> Result<Admitted, Held> {
        let doubts = self.provider.doubts();
        if route.doubts.load(Ordering::Relaxed) != doubts {
            route.doubts.store(doubts, Ordering::Relaxed);
            lock(&route.breaker).doubt(wish.now);
        }
        let probe = match lock(&route.breaker).admit(wish.now) {
            Gate::Admit => false,
            Gate::Probe => true,
            Gate::Refuse { until, class, .. } => return Err(Held::Breaker { until, class }),
        };
        match self.pace_call(route, wish, probe, dice) {
            Ok(ramped) => Ok(Admitted { probe, ramped }),
            Err(held) => {
                lock(&route.breaker).release(probe);
                Err(held)
            }
        }
    }

    /// True if the call took a place of the ramp.
    fn pace_call(
        &self,
        route: &Route,
        wish: &Wish<'_>,
        probe: bool,
        dice: &Mutex<Dice>,
    ) -> Result<bool, Held> {
        if !self.settings.pace.enabled {
            return Ok(false);
        }
        let paced = lock(&route.pacer).ask(wish.now, wish.take, &mut lock(dice));
        if let Paced::Wait { until, why } = paced {
            return Err(Held::Paced { until, why: why.as_str(), class: FaultClass::RateLimited });
        }
        // A probe goes in any case: without it nobody would ever know.
        if probe || !self.settings.pace.ramp {
            return Ok(false);
        }
        let mut governor = lock(&self.governor);
        if governor.returning && governor.ramp.is_wide() {
            governor.returning = false;
            governor.ramp.end();
        }
        let standing = wish.standing;
        let ramped = standing.spilled || (governor.returning && standing.another);
        if !ramped {
            governor.ramp.own_call(wish.now);
            return Ok(false);
        }
        match governor.ramp.ask(wish.now, self.provider.heed.ramp_factor()) {
            Pace::Go => Ok(true),
            Pace::Wait { until } => {
                drop(governor);
                lock(&route.pacer).give_back(wish.now, wish.take);
                Err(Held::Paced { until, why: "ramp", class: FaultClass::Overloaded })
            }
        }
    }
}

impl Rung {
    /// Failures on a key turned out to be a request's own. True if they are taken back.
    pub(crate) fn withdraw(&self, key: u16, failures: u32, judge: &Judge<'_>) -> bool {
        let Some(route) = self.routes.get(usize::from(key)) else { return false };
        let now = judge.clock.now();
        let (taken_back, transition) = {
            let mut breaker = lock(&route.breaker);
            (breaker.may_withdraw(now, failures), breaker.withdraw(now, failures))
        };
        if let Some(transition) = transition {
            self.provider.changed(&self.target.model, key, &transition);
            tell(judge.telemetry, &self.target, key, transition);
        }
        taken_back
    }
}

fn brim(settings: &RungSettings) -> Brim {
    let expectation = expectation(settings);
    Brim::new(settings.pace.limiter, expectation.first_token_borne())
}

fn expectation(settings: &RungSettings) -> Expectation {
    Expectation {
        first_token_ms: settings.pace.first_token_ms,
        inter_token_ms: settings.pace.inter_token_ms,
        first_token_ms_max: settings.first_token_ms_max / 2,
    }
}

/// Of two reasons the one that is over first; being paced is told before a breaker that is open.
fn sooner(known: Held, other: Held) -> Held {
    match (known, other) {
        (Held::NoKey, other) => other,
        (Held::Breaker { until: a, .. }, Held::Breaker { until: b, .. }) => {
            if b < a {
                other
            } else {
                known
            }
        }
        (Held::Breaker { .. }, paced @ Held::Paced { .. }) => paced,
        (Held::Paced { until: a, .. }, Held::Paced { until: b, .. }) if b < a => other,
        (known, _) => known,
    }
}
