//! What is remembered of each route, a (provider, model, key), between requests: its breaker and
//! the calls in flight. Routes outlive reloads of the settings.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use clock::{Clock, Dice, Tick};
use domain::{Fault, Target};
use http::HeaderValue;
use resilience::{Breaker, BreakerSettings, Gate, Verdict};
use telemetry::{BreakerChange, Telemetry};

/// Rungs remembered. Names that callers choose (`openai/*`) must not fill the memory; a rung
/// beyond this bound works, but is forgotten after its request.
const RUNGS_MAX: usize = 4096;

/// One (provider, model) with a route per key.
#[derive(Debug)]
pub(crate) struct Rung {
    pub(crate) target: Target,
    /// The target as a header's value.
    pub(crate) served_by: HeaderValue,
    routes: Box<[Route]>,
    next_key: AtomicUsize,
}

/// One key of a rung.
#[derive(Debug)]
struct Route {
    breaker: Mutex<Breaker>,
    in_flight: AtomicUsize,
}

impl Rung {
    fn new(target: Target, keys: u16, settings: BreakerSettings) -> Self {
        let route = || Route {
            breaker: Mutex::new(Breaker::new(settings)),
            in_flight: AtomicUsize::new(0),
        };
        let served_by = HeaderValue::from_str(&target.to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("unprintable"));
        let routes = (0..keys.max(1)).map(|_| route()).collect();
        Self { target, served_by, routes, next_key: AtomicUsize::new(0) }
    }

    /// Calls in flight over all keys.
    pub(crate) fn in_flight(&self) -> usize {
        self.routes.iter().map(|route| route.in_flight.load(Ordering::Relaxed)).sum()
    }

    /// How many keys it has.
    pub(crate) fn key_count(&self) -> usize {
        self.routes.len()
    }

    /// Claims a place on the next key whose breaker lets a call through, leaving out the keys in
    /// `spent`. Otherwise the earliest instant at which one may.
    pub(crate) fn claim(self: &Arc<Self>, now: Tick, spent: &[u16]) -> Result<Claim, Option<Tick>> {
        let mut earliest: Option<Tick> = None;
        let count = self.routes.len();
        let start = if count > 1 { self.next_key.fetch_add(1, Ordering::Relaxed) } else { 0 };
        for offset in 0..count {
            let index = (start + offset) % count;
            let key = u16::try_from(index).unwrap_or(u16::MAX);
            let Some(route) = self.routes.get(index) else { continue };
            if spent.contains(&key) {
                continue;
            }
            let gate = route.breaker.lock().unwrap_or_else(PoisonError::into_inner).admit(now);
            let probe = match gate {
                Gate::Admit => false,
                Gate::Probe => true,
                Gate::Refuse { until, .. } => {
                    earliest = Some(earliest.map_or(until, |known| known.min(until)));
                    continue;
                }
            };
            route.in_flight.fetch_add(1, Ordering::Relaxed);
            return Ok(Claim { rung: self.clone(), key, probe, judged: false });
        }
        Err(earliest)
    }
}

/// A call's place on a route. Dropped without a judgement it gives a probe back.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) rung: Arc<Rung>,
    pub(crate) key: u16,
    pub(crate) probe: bool,
    judged: bool,
}

/// What a judgement needs.
pub(crate) struct Judge<'a> {
    pub(crate) clock: &'a dyn Clock,
    pub(crate) dice: &'a Mutex<Dice>,
    pub(crate) telemetry: &'a Telemetry,
}

impl Claim {
    fn route(&self) -> Option<&Route> {
        self.rung.routes.get(usize::from(self.key))
    }

    /// Tells the breaker how the attempt ended: `None` is a complete answer.
    pub(crate) fn judge(&mut self, judge: &Judge<'_>, fault: Option<&Fault>) {
        self.judged = true;
        let verdict = fault.map_or(Verdict::Success, resilience::verdict_of);
        let now = judge.clock.now();
        let Some(route) = self.rung.routes.get(usize::from(self.key)) else { return };
        let transition = {
            let mut dice = judge.dice.lock().unwrap_or_else(PoisonError::into_inner);
            let mut breaker = route.breaker.lock().unwrap_or_else(PoisonError::into_inner);
            breaker.judge(now, self.probe, verdict, &mut dice)
        };
        if let Some(transition) = transition {
            tracing::info!(
                target = %self.rung.target,
                key = self.key,
                from = transition.from.as_str(),
                to = transition.to.as_str(),
                why = transition.why.as_str(),
                "breaker changed"
            );
            judge.telemetry.breaker_changed(BreakerChange {
                target: self.rung.target.clone(),
                key: self.key,
                from: transition.from.as_str(),
                to: transition.to.as_str(),
                why: transition.why.as_str(),
            });
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Some(route) = self.route() else { return };
        route.in_flight.fetch_sub(1, Ordering::Relaxed);
        if !self.judged {
            let mut breaker = route.breaker.lock().unwrap_or_else(PoisonError::into_inner);
            breaker.release(self.probe);
        }
    }
}

/// All rungs that were ever tried, up to a bound.
#[derive(Debug, Default)]
pub(crate) struct RouteBook {
    rungs: RwLock<HashMap<Target, Arc<Rung>>>,
}

impl RouteBook {
    /// The rung of a target, made at its first use and again when its number of keys changed.
    pub(crate) fn rung(&self, target: &Target, keys: u16, settings: BreakerSettings) -> Arc<Rung> {
        let known = self.rungs.read().unwrap_or_else(PoisonError::into_inner).get(target).cloned();
        if let Some(rung) = known
            && rung.key_count() == usize::from(keys.max(1))
        {
            return rung;
        }
        let rung = Arc::new(Rung::new(target.clone(), keys, settings));
        let mut rungs = self.rungs.write().unwrap_or_else(PoisonError::into_inner);
        if rungs.len() < RUNGS_MAX || rungs.contains_key(target) {
            rungs.insert(target.clone(), rung.clone());
        }
        rung
    }

    /// Forgets all breakers' settings and states, after a reload that changed them.
    pub(crate) fn forget(&self) {
        self.rungs.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
