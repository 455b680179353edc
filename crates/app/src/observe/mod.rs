//! Looks on: once a second it reads what telemetry counted, has it judged, keeps what came of it in
//! the archive, and fills the status page. It runs beside the listeners of the public and never on
//! the line; nothing of a request waits for it.

mod act;
mod deeds;
mod desk;
mod facts;
mod orders;
mod pages;
mod past;
mod post;
mod probes;
mod recorder;
mod replay;
mod reports;
mod seat;
mod shelf;
mod telling;
mod view;
mod witnesses;
mod works;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::{Clock, Dice, UnixMs};
use detection::{Certainty, ChangeKind, Component, ComponentId, Health, Incident};
use gateway::Gateway;
use lookout::notify::{PartChange, Story};
use lookout::reports::fresh_salt;
use net::{Shutdown, sweep_idle};
use providers::ProviderSettings;
use storage::{
    Archive, Change, DAY_MS, IncidentQuery, Span, Standing, Store, StoreError, Timeline,
};
use telemetry::{Gauge, Snapshot, Telemetry};
use tokio::time::MissedTickBehavior;
use upstream::Upstream;
use web::view::{DAYS_MAX, PageInfo, SourceAge, SourceState, StatusSource, Text};
use web::{ReadyCheck, ReportSink, SubscribeSink};

use crate::Doors;
use act::Hand;
use desk::{Desk, Left, Step};
use pages::PageDesk;
use post::{PostRoom, Told};
use probes::{Asking, ProbeDesk};
pub use replay::{ReplayError, Replayed, replay};
use reports::ReportRoom;
pub use seat::Seat;
use view::Around;

/// Open incidents that are taken up after a start.
const OPEN_MAX: usize = 256;
/// Pieces of planned work that are read after a start.
const WORKS_READ_MAX: usize = 10_000;
/// Rows of reports that are read for one component after a start: each kind in each quarter of a day.
const REPORTS_READ_MAX: usize = 700;
/// The name under which the store keeps what operators said of components.
const SAID: &str = "components.said";
/// While somebody is not well, what we do about it is read so often, in milliseconds.
const DEEDS_EVERY_MS: u64 = 5_000;
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who looks on; clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Observer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    desk: Mutex<Desk>,
    hand: Hand,
    telemetry: Telemetry,
    clock: Arc<dyn Clock>,
    archive: Archive,
    /// `None` if nothing is taken.
    reports: Option<ReportRoom>,
    pages: PageDesk,
    probes: ProbeDesk,
    /// `None` if nobody is to be told.
    post: Option<PostRoom>,
    lookout: lookout::Settings,
    /// What the store was last said to suffer from.
    alarm: Mutex<Option<Box<str>>>,
    /// When deeds were last read, in milliseconds since 1970.
    deeds_at_ms: AtomicU64,
}

/// All that a verdict can be: what is clear is well.
const STANDS: [(Health, Certainty); 5] = [
    (Health::Ok, Certainty::Clear),
    (Health::Degraded, Certainty::Suspected),
    (Health::Degraded, Certainty::Confirmed),
    (Health::Down, Certainty::Suspected),
    (Health::Down, Certainty::Confirmed),
];

impl Observer {
    /// One that looks at these providers, once it is run. Reports are taken if the page has a place
    /// for them.
    pub(crate) fn new(
        settings: &config::Settings,
        (telemetry, gateway): (Telemetry, Gateway),
        mut dice: Dice,
        archive: Archive,
    ) -> Self {
        let clock = Arc::clone(telemetry.clock());
        let lookout = settings.watch.lookout.clone();
        let components = facts::components(&settings.providers, lookout.feeds);
        let reports = settings.watch.status.reports.then(|| report_room(&components, &clock));
        let post = PostRoom::new(&settings.watch, &archive, &clock, dice.split());
        let desk = Desk::new(components, dice, unix(&*clock));
        let desk = Mutex::new(desk.with_together(lookout.together.clone()));
        let (reports, alarm) = (reports.flatten(), Mutex::default());
        let (pages, probes) = (PageDesk::default(), ProbeDesk::default());
        let hand = Hand::new(gateway, lookout.acts);
        let inner = Inner {
            desk,
            hand,
            telemetry,
            clock,
            archive,
            reports,
            pages,
            probes,
            post,
            lookout,
            alarm,
            deeds_at_ms: AtomicU64::new(0),
        };
        let observer = Self(Arc::new(inner));
        observer.register_gauges();
        observer
    }

    /// What operators must hear of the store, for the console.
    pub(crate) fn alarms(&self) -> impl Fn() -> Vec<String> + Send + Sync + use<> {
        let archive = self.0.archive.clone();
        move || {
            archive
                .standing()
                .alarm()
                .map(|what| format!("The store: {what}"))
                .into_iter()
                .collect()
        }
    }

    /// Where the page's reports go, if they are taken.
    pub(crate) fn report_sink(&self) -> Option<Arc<dyn ReportSink>> {
        self.0.reports.clone().map(|room| Arc::new(room) as Arc<dyn ReportSink>)
    }

    /// Where subscriptions go, if they are taken.
    pub(crate) fn subscribe_sink(&self) -> Option<Arc<dyn SubscribeSink>> {
        self.0.post.as_ref().and_then(PostRoom::sink)
    }

    /// Looks at these from now on.
    pub(crate) fn set_providers(
        &self,
        providers: &[ProviderSettings],
        upstreams: &[Arc<dyn Upstream>],
    ) {
        self.0.probes.set_upstreams(upstreams);
        let components = facts::components(providers, self.0.lookout.feeds);
        if let Some(reports) = &self.0.reports {
            reports.set_components(&parts(&components));
        }
        self.0.desk().set_components(components);
        self.register_gauges();
    }

    /// The series of the verdicts and of the store. Not to be called while the desk is held: whoever
    /// reads the series comes the other way.
    fn register_gauges(&self) {
        let components: Vec<ComponentId> = self.0.desk().pasts.keys().cloned().collect();
        let telemetry = &self.0.telemetry;
        for id in components {
            for (health, certainty) in STANDS {
                let (inner, id) = (Arc::downgrade(&self.0), id.clone());
                let labels = [id.as_str(), health.as_str(), certainty.as_str()].map(str::to_owned);
                let labels = labels.each_ref().map(String::as_str);
                telemetry.register_gauge(Gauge::Verdict, &labels, move || {
                    let stands = |inner: Arc<Inner>| inner.desk().stands_so(&id, health, certainty);
                    if inner.upgrade().is_some_and(stands) { 1.0 } else { 0.0 }
                });
            }
        }
        let archive = self.0.archive.clone();
        telemetry.register_gauge(Gauge::StoreAlarm, &[], move || {
            if archive.standing().alarm().is_some() { 1.0 } else { 0.0 }
        });
        let archive = self.0.archive.clone();
        telemetry.register_gauge(Gauge::StoreLost, &[], move || {
            let standing = archive.standing();
            (standing.lost + standing.refused) as f64
        });
    }

    /// Takes up what the archive kept, then looks once a second until `shutdown`, and closes the
    /// archive behind it.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        self.0.restore().await;
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = shutdown.triggered() => break,
                _ = look.tick() => {
                    self.0.look();
                    // Connections to pages of providers are this thread's.
                    sweep_idle(self.0.clock.now());
                }
            }
        }
        if let Err(error) = self.0.archive.close().await {
            tracing::error!(%error, "the store could not be closed");
        }
    }

    /// What looks at more than our own traffic, until `shutdown`: readers of providers' pages, probes
    /// and canaries, each in a future of its own; none where nothing is asked for. Their connections
    /// are of the thread that runs them.
    pub(crate) fn lookouts(
        &self,
        providers: &[ProviderSettings],
        upstreams: &[Arc<dyn Upstream>],
        (doors, source): (&Doors, StatusSource),
        shutdown: &Shutdown,
    ) -> Vec<Asking> {
        let Inner { lookout, pages, probes, clock, .. } = &*self.0;
        let mut dice = doors.dice.clone();
        let mut all: Vec<Asking> = Vec::new();
        if lookout.feeds {
            let time = (Arc::clone(clock), dice.split());
            let ways = (Arc::clone(&doors.connector), Arc::clone(&doors.resolver));
            let pollers = pages.pollers(providers, lookout.feeds_every_ms, ways, time);
            for (poller, sink) in pollers {
                all.push(Box::pin(poller.run(sink)));
            }
        }
        if let Some(post) = &self.0.post {
            all.extend(post.workers(source, doors));
        }
        let time = (Arc::clone(clock), dice.split());
        all.extend(probes.askers(lookout, upstreams, Arc::clone(&doors.connector), time));
        let until = |asking: Asking| {
            let shutdown = shutdown.clone();
            let until_shutdown = async move {
                tokio::select! {
                    biased;
                    () = shutdown.triggered() => {}
                    () = asking => {}
                }
            };
            Box::pin(until_shutdown) as Asking
        };
        all.into_iter().map(until).collect()
    }

    /// What the status page shows.
    pub(crate) fn source(&self, page: PageInfo, ready: ReadyCheck) -> StatusSource {
        let inner = Arc::clone(&self.0);
        Arc::new(move || {
            let (snapshot, ready) = (inner.telemetry.snapshot(), ready());
            let now = unix(&*inner.clock);
            let around = Around {
                page: page.clone(),
                snapshot: &snapshot,
                ready: &ready,
                reports: inner.reports.as_ref().map(|room| room.series(now)).unwrap_or_default(),
                sources: inner.sources(),
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
            Ok(left) => {
                if let Some(reports) = &self.reports {
                    left.usual.iter().for_each(|(id, text)| reports.learn(id, text));
                    left.reported.iter().for_each(|(id, bins)| reports.restore(now, id, bins));
                }
                self.desk().restore(left);
            }
            Err(error) => tracing::error!(%error, "what was kept before cannot be read"),
        }
    }

    /// How old what the page says is; the store is named while it has trouble.
    fn sources(&self) -> Vec<SourceAge> {
        let store = ailment(&self.archive.standing()).map(|_| SourceAge {
            name: Text::both("This page’s own records", "本页自己的记录"),
            read_at: None,
            state: SourceState::Broken,
        });
        store.into_iter().chain(self.pages.sources()).collect()
    }

    fn look(&self) {
        let calls = self.telemetry.take_calls();
        let mut desk = self.desk();
        let (now, mut deeds) = (unix(&*self.clock), Vec::new());
        if desk.is_troubled() && self.deeds_are_due(now) {
            let snapshot = self.telemetry.snapshot();
            desk.hold_back(|provider| is_held(&snapshot, provider));
            deeds = desk.note_deeds(now, &snapshot);
        }
        let mut news = self.pages.news(now);
        news.facts.extend(self.probes.facts());
        news.facts.extend(self.hand.silences(now));
        if let Some(reports) = &self.reports {
            let minute = reports.minute(now);
            news.facts.extend(minute.facts);
            for bin in minute.bins {
                drop(self.archive.put(Change::ReportBin(Box::new(bin))));
            }
            for (id, text) in reports.learnt(now) {
                let kept = Change::Setting { name: usual_name(&id), value: text.into() };
                drop(self.archive.put(kept));
            }
        }
        let mut step = desk.step(now, &calls, &news);
        // What a step told of an incident holds its deeds already.
        deeds.retain(|deed| step.changes.iter().all(|of| of.incident.id != deed.incident.id));
        step.changes.extend(deeds);
        self.probes.suspect(|component| desk.is_suspected(component));
        self.hand.act(now, &desk);
        self.hand.hasten(now, &desk);
        if desk.doubts_own_line() {
            self.probes.want_canaries(now);
        }
        drop(desk);
        self.keep(step);
    }

    /// True once in a while: what we did about an incident is drawn from a quarter of an hour of
    /// windows, which is much work for a second.
    fn deeds_are_due(&self, now: UnixMs) -> bool {
        let before = self.deeds_at_ms.load(Ordering::Relaxed);
        let is_due = now.as_millis().abs_diff(before) >= DEEDS_EVERY_MS;
        if is_due {
            self.deeds_at_ms.store(now.as_millis(), Ordering::Relaxed);
        }
        is_due
    }

    fn keep(&self, step: Step) {
        for change in &step.changes {
            tell(change);
        }
        if let Some(post) = &self.post {
            announce(post, &step, unix(&*self.clock));
        }
        let incidents = step.changes.into_iter().map(|of| Change::Incident(Box::new(of.incident)));
        let minutes = step.minutes.into_iter().map(|bin| Change::Minute(Box::new(bin)));
        let verdicts = step.turned.into_iter().map(|verdict| Change::Verdict(Box::new(verdict)));
        let evidence = step.evidence.into_iter().map(|row| Change::Evidence(Box::new(row)));
        let works = step.works.into_iter().map(|work| Change::Maintenance(Box::new(work)));
        let said = step.said.map(|value| Change::Setting { name: SAID.into(), value });
        let timelines = step.timelines.into_iter().map(|all| Change::Timeline(Box::new(all)));
        let of_incidents = incidents.chain(timelines);
        let changes =
            of_incidents.chain(minutes).chain(verdicts).chain(evidence).chain(works).chain(said);
        for change in changes {
            // What is refused is counted by the archive, whose standing is told.
            drop(self.archive.put(change));
        }
        self.tell_of_store();
    }

    /// Says once what the store suffers from, and once that it is well again.
    fn tell_of_store(&self) {
        let alarm = ailment(&self.archive.standing());
        let mut told = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        if *told == alarm {
            return;
        }
        match &alarm {
            Some(what) => tracing::error!(what, "the store has trouble"),
            None => tracing::info!("the store is well again"),
        }
        *told = alarm;
    }
}

/// What the store suffers from, now or since its opening.
fn ailment(standing: &Standing) -> Option<Box<str>> {
    standing.trouble().or(standing.notice.as_deref()).map(Box::from)
}

/// True while a breaker keeps ordinary calls of late away from a provider.
fn is_held(snapshot: &Snapshot, provider: &str) -> bool {
    let mut targets = snapshot.targets.iter().filter(|target| target.provider == provider);
    targets.any(|target| {
        // A target that nobody asks any more would be held for ever.
        let is_asked = target.quarter.attempts > 0;
        // Our own account is not the provider's health.
        let of_theirs = |why: &str| !matches!(why, "quota_exhausted" | "key_rejected");
        let mut breakers = target.breakers.iter();
        is_asked && breakers.any(|breaker| breaker.state != "closed" && of_theirs(breaker.why))
    })
}

/// Where reports are taken, or nothing if the machine has no randomness to hide people with.
fn report_room(components: &[Component], clock: &Arc<dyn Clock>) -> Option<ReportRoom> {
    match fresh_salt() {
        Ok(salt) => Some(ReportRoom::new(&salt, &parts(components), Arc::clone(clock))),
        Err(error) => {
            tracing::error!(%error, "reports of users are not taken");
            None
        }
    }
}

/// What providers are asked for, and so what can be reported on.
fn parts(components: &[Component]) -> Vec<ComponentId> {
    let parts = components.iter().filter(|component| component.capability.is_some());
    parts.map(|component| component.id.clone()).collect()
}

/// What the desk is to know of the time before.
fn left(store: &dyn Store, components: Vec<ComponentId>, now: UnixMs) -> Result<Left, StoreError> {
    let mut incidents = store.incidents(&IncidentQuery::open(OPEN_MAX))?;
    let newest = store.incidents(&IncidentQuery::newest(desk::OVER_MAX))?;
    incidents.extend(newest.into_iter().filter(|incident| incident.phase.is_over()));
    let timeline = |incident: &Incident| {
        let (incident, testimonies) = (incident.id.clone(), store.testimonies(&incident.id)?);
        Ok(Timeline { incident, testimonies })
    };
    let timelines = incidents.iter().map(timeline).collect::<Result<_, StoreError>>()?;
    let span = Span { from: now.minus_ms(DAYS_MAX as u64 * DAY_MS), until: now };
    let usual = components.iter().filter_map(|id| {
        let text = store.setting(&usual_name(id)).transpose()?;
        Some(text.map(|text| (id.clone(), text)))
    });
    let usual = usual.collect::<Result<_, StoreError>>()?;
    let day = Span { from: now.minus_ms(DAY_MS), until: now.plus_ms(1) };
    let reported = components.iter().map(|component| {
        Ok((component.clone(), store.report_bins(component, day, REPORTS_READ_MAX)?))
    });
    let reported = reported.collect::<Result<_, StoreError>>()?;
    let days = components.into_iter().map(|component| {
        let days = store.days(&component, span, DAYS_MAX + 1)?;
        Ok((component, days))
    });
    let days = days.collect::<Result<_, StoreError>>()?;
    // The newest: of older ones nobody asks.
    let works = store.maintenances(Span::all(), WORKS_READ_MAX)?;
    let said = store.setting(SAID)?.unwrap_or_default();
    Ok(Left { incidents, timelines, days, works, said, usual, reported })
}

/// The name under which the store keeps what was learnt of a component's reports.
fn usual_name(id: &ComponentId) -> Box<str> {
    format!("reports.usual/{id}").into()
}

/// Hands on what people and programs are to hear of.
fn announce(post: &PostRoom, step: &Step, now: UnixMs) {
    for change in step.changes.iter().filter(|change| change.kind != ChangeKind::Touched) {
        post.tell(Told::Story(Story::of_incident(&change.incident)));
    }
    for work in &step.works {
        post.tell(Told::Story(Story::of_maintenance(work)));
    }
    for (component, from, to) in &step.moved {
        let id = format!("{component}-{}", now.as_millis()).into();
        let (component, from, to) = (component.clone(), *from, *to);
        post.tell(Told::Moved(PartChange { id, component, from, to, at: now }));
    }
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
