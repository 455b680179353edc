//! Probes and canaries as facts: what came of the questions that the lookout asked of its own, and
//! whether our own network stands. When to ask is its affair; what it means is judged elsewhere.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::{Clock, Dice, UnixMs};
use detection::{Capability, ComponentId, Evidence, Fact, ProbeResult, Symptom, Traffic};
use domain::{Fault, ModelCard, Request};
use lookout::probe::{
    Canaries, CanaryReading, CanarySink, ProbeOutcome, ProbeReport, ProbeSettings, ProbeSink,
    ProbeTarget, Prober,
};
use net::{BoxFuture, Connector};
use tokio::sync::{Notify, watch};
use upstream::{Answer, Call, Readiness, Upstream};

use super::facts::{part_id, probes};

/// Facts that wait for the next look, which is a second away.
const WAITING_MAX: usize = 1_024;
/// Canaries must be fresh for the court's ninety seconds.
const CANARIES_EVERY: Duration = Duration::from_secs(25);
/// While a silence may be our own line's they are asked again after so long, in milliseconds.
const CANARIES_WANTED_MS: u64 = 6_000;

/// A task without an end.
pub(super) type Asking = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What came in, and whom somebody suspects; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct ProbeDesk(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    waiting: Vec<Evidence>,
    suspected: BTreeMap<ComponentId, watch::Sender<bool>>,
    asked: Vec<Arc<Switched>>,
    canaries: Arc<Notify>,
    canaries_wanted_at: Option<UnixMs>,
}

/// Whoever is called so in the present settings: a probe outlives reloads. Whom the settings do not
/// name any more is not called.
#[derive(Debug)]
struct Switched {
    provider: Box<str>,
    present: Mutex<Option<Arc<dyn Upstream>>>,
}

impl Switched {
    fn present(&self) -> Option<Arc<dyn Upstream>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, upstreams: &[Arc<dyn Upstream>]) {
        let found = upstreams.iter().find(|one| *one.provider() == *self.provider).cloned();
        *self.present.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

impl Upstream for Switched {
    fn provider(&self) -> &str {
        &self.provider
    }

    fn key_count(&self) -> u16 {
        self.present().map_or(1, |present| present.key_count())
    }

    fn card(&self, model: &str) -> Option<Arc<ModelCard>> {
        self.present().and_then(|present| present.card(model))
    }

    fn unfit(&self, model: &str, request: &Request) -> Option<Box<str>> {
        self.present().and_then(|present| present.unfit(model, request))
    }

    fn readiness(&self) -> Readiness {
        let gone = || Readiness::Unavailable("it is not set up any more".into());
        self.present().map_or_else(gone, |present| present.readiness())
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Answer, Fault>> {
        Box::pin(async move {
            match self.present() {
                Some(present) => present.call(call).await,
                // The prober's own clock ends it, and nobody hears of what is not judged.
                None => std::future::pending().await,
            }
        })
    }
}

/// The sink of both, with the clock that dates readings.
#[derive(Debug)]
struct Sink(ProbeDesk, Arc<dyn Clock>);

impl ProbeSink for Sink {
    fn take(&self, report: ProbeReport) {
        let Some(result) = result(report.outcome) else {
            let outcome = report.outcome.as_str();
            tracing::warn!(components = ?report.components, outcome, "a probe cannot work");
            return;
        };
        for component in report.components {
            self.0.put(Evidence { at: report.at, fact: Fact::Probe { component, result } });
        }
    }
}

impl CanarySink for Sink {
    fn take(&self, reading: CanaryReading) {
        self.0.hear(reading, UnixMs::from_seconds(self.1.unix_seconds()));
    }
}

impl ProbeDesk {
    /// Who asks: one for each `provider/model` that is told, and one for the canaries if they are
    /// wanted.
    pub(super) fn askers(
        &self,
        settings: &lookout::Settings,
        upstreams: &[Arc<dyn Upstream>],
        connector: Arc<dyn Connector>,
        (clock, mut dice): (Arc<dyn Clock>, Dice),
    ) -> Vec<Asking> {
        let hosts = if settings.canaries { Canaries::usual_hosts() } else { Vec::new() };
        // Without the certificates of the web hosts are asked for a connection alone.
        let tls = net::client_tls(None, false).ok();
        let canaries = Arc::new(Canaries::new(hosts, connector, tls, Arc::clone(&clock)));
        let sink = || Arc::new(Sink(self.clone(), Arc::clone(&clock)));
        let mut all: Vec<Asking> = Vec::new();
        for (provider, model) in &settings.probes {
            let found = upstreams.iter().find(|upstream| upstream.provider() == &**provider);
            let Some(upstream) = found.cloned() else { continue };
            let switched =
                Switched { provider: provider.clone(), present: Mutex::new(Some(upstream)) };
            let upstream = Arc::new(switched);
            self.inside().asked.push(Arc::clone(&upstream));
            let component = part_id(provider, Capability::Chat);
            let components = vec![component.clone(), ComponentId::new(&**provider)];
            let target = ProbeTarget { components, upstream, model: (&**model).into() };
            let time = (Arc::clone(&clock), dice.split());
            let prober = Prober::new(target, ProbeSettings::default(), canaries.clone(), time);
            // Two models of one provider wake for the same suspicion.
            let mut inside = self.inside();
            let known = inside.suspected.entry(component);
            let suspected = known.or_insert_with(|| watch::channel(false).0).subscribe();
            all.push(Box::pin(prober.run(suspected, sink())));
        }
        if settings.canaries {
            let (dice, sink) = (dice.split(), sink());
            let wanted = Arc::clone(&self.inside().canaries);
            all.push(Box::pin(async move {
                canaries.run(CANARIES_EVERY, dice, sink, &wanted).await;
            }));
        }
        all
    }

    /// Asks these from now on.
    pub(super) fn set_upstreams(&self, upstreams: &[Arc<dyn Upstream>]) {
        self.inside().asked.iter().for_each(|one| one.set(upstreams));
    }

    /// What came in since the last look.
    pub(super) fn facts(&self) -> Vec<Evidence> {
        std::mem::take(&mut self.inside().waiting)
    }

    /// Tells who is suspected, so that it is asked more often.
    pub(super) fn suspect(&self, is_suspected: impl Fn(&ComponentId) -> bool) {
        for (component, told) in &self.inside().suspected {
            let now = is_suspected(component);
            told.send_if_modified(|known| std::mem::replace(known, now) != now);
        }
    }

    /// Has the canaries asked now: somebody is silent, and it may be our own line.
    pub(super) fn want_canaries(&self, now: UnixMs) {
        let mut inside = self.inside();
        let is_due = |at: UnixMs| now < at || now.since(at) >= CANARIES_WANTED_MS;
        if inside.canaries_wanted_at.is_none_or(is_due) {
            inside.canaries_wanted_at = Some(now);
            inside.canaries.notify_one();
        }
    }

    /// What canaries met.
    pub(super) fn hear(&self, reading: CanaryReading, at: UnixMs) {
        for (host, is_reached) in reading.hosts {
            self.put(Evidence { at, fact: Fact::Canary { host, is_reached } });
        }
    }

    /// Keeps a fact for the next look.
    pub(super) fn put(&self, evidence: Evidence) {
        let mut inside = self.inside();
        if inside.waiting.len() < WAITING_MAX {
            inside.waiting.push(evidence);
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As the court reads it; `None` if it says nothing of the provider but of our own settings.
fn result(outcome: ProbeOutcome) -> Option<ProbeResult> {
    Some(match outcome {
        ProbeOutcome::Right | ProbeOutcome::Alive => ProbeResult::Right,
        ProbeOutcome::Wrong => ProbeResult::Wrong,
        ProbeOutcome::Slow => ProbeResult::Slow,
        ProbeOutcome::OwnAccount => ProbeResult::OwnAccount,
        ProbeOutcome::OwnNetwork => ProbeResult::OwnNetwork,
        ProbeOutcome::Unusable(_) => return None,
        ProbeOutcome::Failed(class) => {
            // One table says what a class shows itself as. A 429 that a lone probe meets is our pace.
            let mut one = Traffic::default();
            one.count_fault(class, false);
            let known = probes(&one).first().copied();
            known.unwrap_or(ProbeResult::Failed(Symptom::ServerErrors))
        }
    })
}
