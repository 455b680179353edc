//! A seat beside the observer, for whoever plays a day against the whole house: it is told what the
//! world says, and looks as the observer would, at moments of the player's own. What comes of it is
//! judged, kept and acted on as on any other day.

use std::sync::Arc;

use clock::UnixMs;
use detection::{ComponentId, Condition, Evidence, Fact, Incident, ProbeResult, Reports, Verdict};
use lookout::feeds::poll::{FeedState, FeedView, PageIncident, PageSettings};
use lookout::probe::CanaryReading;

use super::{Observer, pages, unix};
use crate::App;

/// The seat. Whoever has it looks himself; the house's own observer must not run beside it.
#[derive(Debug)]
pub struct Seat {
    observer: Observer,
    /// The known page of each provider that has one.
    pages: Vec<(Arc<str>, PageSettings)>,
}

impl App {
    /// The seat of this house. To be taken instead of running [`App::beside`].
    pub fn seat(&self) -> Seat {
        let page = |provider: &providers::ProviderSettings| {
            Some((Arc::from(&*provider.name), pages::page_of(provider)?))
        };
        let pages = self.settings.providers.iter().filter_map(page).collect();
        Seat { observer: self.observer.clone(), pages }
    }
}

impl Seat {
    /// One look, as once a second.
    pub fn look(&self) {
        self.observer.0.look();
    }

    /// Providers whose own pages are known.
    pub fn pages(&self) -> impl Iterator<Item = &Arc<str>> {
        self.pages.iter().map(|(provider, _)| provider)
    }

    /// A provider's page was read: parts that are not named are green.
    pub fn read_page(
        &self,
        provider: &str,
        told: &[(ComponentId, Condition)],
        incidents: Vec<PageIncident>,
    ) {
        let Some((name, page)) = self.pages.iter().find(|(name, _)| **name == *provider) else {
            return;
        };
        let parts = page.parts.iter().map(|rule| &rule.component);
        let condition = |part: &ComponentId| {
            let of_part = told.iter().filter(|(component, _)| component == part);
            of_part.map(|(_, condition)| *condition).max().unwrap_or(Condition::Operational)
        };
        let now = self.now();
        let view = FeedView {
            page: page.name.clone(),
            at: now,
            state: FeedState::Fresh,
            read_at: Some(now),
            engine: None,
            conditions: parts.map(|part| (part.clone(), condition(part))).collect(),
            missing: Vec::new(),
            tells_incidents: true,
            incidents,
            maintenances: Vec::new(),
            tells_green: page.tells_green,
            doubts: lookout::feeds::Doubts::default(),
            trouble: None,
        };
        self.observer.0.pages.take(name, view);
    }

    /// So much did people report of this part in the last minute, each of them once.
    pub fn reported(&self, component: &ComponentId, reports: Reports) {
        self.tell(Fact::Reports { component: component.clone(), reports });
    }

    /// A probe of this part ended.
    pub fn probe(&self, component: &ComponentId, result: ProbeResult) {
        self.tell(Fact::Probe { component: component.clone(), result });
    }

    fn tell(&self, fact: Fact) {
        self.observer.0.probes.put(Evidence { at: self.now(), fact });
    }

    /// Strangers were asked whether our own line stands.
    pub fn canaries(&self, reading: CanaryReading) {
        self.observer.0.probes.hear(reading, self.now());
    }

    /// True if it is worth asking more often how this part is.
    pub fn is_suspected(&self, component: &ComponentId) -> bool {
        self.observer.0.desk().is_suspected(component)
    }

    /// Tells of the last verdict on each part.
    pub fn each_verdict(&self, mut hear: impl FnMut(&Verdict)) {
        self.observer.0.desk().stands.values().for_each(|stand| hear(&stand.verdict));
    }

    /// Tells of the advice on each provider: the share of its ramp, and whether it is out.
    pub fn each_advice(&self, mut hear: impl FnMut(&str, f64, bool)) {
        let inner = &*self.observer.0;
        inner.hand.each(|provider, advised| hear(provider, advised.ramp_factor, advised.is_out));
    }

    /// Every incident, open or over, in the order of opening.
    pub fn incidents(&self) -> Vec<Incident> {
        let desk = self.observer.0.desk();
        let mut all: Vec<Incident> = desk.open().chain(&desk.over).cloned().collect();
        all.sort_by(|a, b| (a.opened_at, &a.id).cmp(&(b.opened_at, &b.id)));
        all
    }

    /// The present, as the house tells it.
    pub fn now(&self) -> UnixMs {
        unix(&*self.observer.0.clock)
    }
}
