//! Looks on: once a second it reads what telemetry counted, has it judged, keeps what came of it in
//! the archive, and fills the status page. It runs beside the listeners of the public and never on
//! the line; nothing of a request waits for it.

mod desk;
mod facts;
mod past;
mod view;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::{Clock, Dice, UnixMs};
use detection::{ChangeKind, ComponentId};
use net::Shutdown;
use providers::ProviderSettings;
use storage::{Archive, Change, DAY_MS, IncidentQuery, Span, Store, StoreError};
use telemetry::{Snapshot, Telemetry};
use tokio::time::MissedTickBehavior;
use web::ReadyCheck;
use web::view::{DAYS_MAX, PageInfo, StatusSource};

use desk::{Desk, Left, Step};
use view::Around;

/// Open incidents that are taken up after a start.
const OPEN_MAX: usize = 256;
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who looks on; clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Observer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    desk: Mutex<Desk>,
    telemetry: Telemetry,
    clock: Arc<dyn Clock>,
    archive: Archive,
}

impl Observer {
    /// One that looks at these providers, once it is run.
    pub(crate) fn new(
        providers: &[ProviderSettings],
        telemetry: Telemetry,
        dice: Dice,
        archive: Archive,
    ) -> Self {
        let clock = Arc::clone(telemetry.clock());
        let desk = Desk::new(facts::components(providers), dice, unix(&*clock));
        Self(Arc::new(Inner { desk: Mutex::new(desk), telemetry, clock, archive }))
    }

    /// Looks at these from now on.
    pub(crate) fn set_providers(&self, providers: &[ProviderSettings]) {
        self.0.desk().set_components(facts::components(providers));
    }

    /// Takes up what the archive kept, then looks once a second until `shutdown`.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        self.0.restore().await;
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = shutdown.triggered() => return,
                _ = look.tick() => self.0.look(),
            }
        }
    }

    /// What the status page shows.
    pub(crate) fn source(&self, page: PageInfo, ready: ReadyCheck) -> StatusSource {
        let inner = Arc::clone(&self.0);
        Arc::new(move || {
            let (snapshot, ready) = (inner.telemetry.snapshot(), ready());
            let around = Around {
                page: page.clone(),
                snapshot: &snapshot,
                ready: &ready,
                reports: Vec::new(),
                sources: Vec::new(),
            };
            Arc::new(view::view(&inner.desk(), around))
        })
    }
}

impl Inner {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up what a former process left. What cannot be read is told, and done without.
    async fn restore(&self) {
        let components: Vec<ComponentId> = self.desk().pasts.keys().cloned().collect();
        let now = unix(&*self.clock);
        let left = self.archive.ask(move |store| left(store, components, now)).await;
        match left {
            Ok(left) => self.desk().restore(left),
            Err(error) => tracing::error!(%error, "what was kept before cannot be read"),
        }
    }

    fn look(&self) {
        let calls = self.telemetry.take_calls();
        let mut desk = self.desk();
        if desk.is_troubled() {
            let snapshot = self.telemetry.snapshot();
            desk.hold_back(|provider| is_held(&snapshot, provider));
        }
        let step = desk.step(unix(&*self.clock), &calls, &[]);
        drop(desk);
        self.keep(step);
    }

    fn keep(&self, step: Step) {
        for change in &step.changes {
            tell(change);
        }
        let incidents = step.changes.into_iter().map(|of| Change::Incident(Box::new(of.incident)));
        let minutes = step.minutes.into_iter().map(|bin| Change::Minute(Box::new(bin)));
        let verdicts = step.turned.into_iter().map(|verdict| Change::Verdict(Box::new(verdict)));
        for change in incidents.chain(minutes).chain(verdicts) {
            // What is refused is counted by the archive, whose standing is told.
            drop(self.archive.put(change));
        }
    }
}

/// True while a breaker keeps ordinary calls of late away from a provider.
fn is_held(snapshot: &Snapshot, provider: &str) -> bool {
    let mut targets = snapshot.targets.iter().filter(|target| target.provider == provider);
    targets.any(|target| {
        // A target that nobody asks any more would be held for ever.
        let is_asked = target.quarter.attempts > 0;
        is_asked && target.breakers.iter().any(|breaker| breaker.state != "closed")
    })
}

/// What the desk is to know of the time before.
fn left(store: &dyn Store, components: Vec<ComponentId>, now: UnixMs) -> Result<Left, StoreError> {
    let mut incidents = store.incidents(&IncidentQuery::open(OPEN_MAX))?;
    let newest = store.incidents(&IncidentQuery::newest(desk::OVER_MAX))?;
    incidents.extend(newest.into_iter().filter(|incident| incident.phase.is_over()));
    let span = Span { from: now.minus_ms(DAYS_MAX as u64 * DAY_MS), until: now };
    let days = components.into_iter().map(|component| {
        let days = store.days(&component, span, DAYS_MAX + 1)?;
        Ok((component, days))
    });
    Ok(Left { incidents, days: days.collect::<Result<_, StoreError>>()? })
}

fn tell(change: &detection::Change) {
    let incident = &change.incident;
    let (id, title) = (incident.id.as_str(), &*incident.title);
    match change.kind {
        ChangeKind::Touched => {}
        ChangeKind::Opened | ChangeKind::Reopened => {
            tracing::warn!(incident = id, title, "an incident began");
        }
        ChangeKind::Updated => {
            tracing::warn!(
                incident = id,
                title,
                phase = incident.phase.as_str(),
                "an incident goes on"
            );
        }
        ChangeKind::Resolved => tracing::info!(incident = id, title, "an incident is over"),
    }
}

fn unix(clock: &dyn Clock) -> UnixMs {
    UnixMs::from_seconds(clock.unix_seconds())
}
