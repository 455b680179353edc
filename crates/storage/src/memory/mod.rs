//! A store in memory: for tests and drills, and for houses that need no history. It is also the
//! plainest statement of what a store does; the file's answers are compared with it.

mod prune;
mod read;

use std::collections::BTreeMap;

use clock::UnixMs;
use detection::{ComponentId, Incident, IncidentId, Maintenance, Verdict};

use crate::change::check_sizes;
use crate::{
    Bin, CallerKeyRecord, Change, Counts, Durability, Evidence, FeedState, IncidentQuery, Outgoing,
    ReportBin, Settings, Span, Store, StoreError, Subscriber, SubscriberKey, Tally, Testimony,
};

pub(crate) use prune::cutoff_hours;

/// A component and a moment.
type Spot = (ComponentId, UnixMs);

/// Keeps things until the process ends.
#[derive(Debug)]
pub struct Memory {
    settings: Settings,
    incidents: BTreeMap<IncidentId, Incident>,
    timelines: BTreeMap<IncidentId, Vec<Testimony>>,
    maintenances: BTreeMap<IncidentId, Maintenance>,
    minutes: BTreeMap<Spot, Tally>,
    days: BTreeMap<Spot, Tally>,
    verdicts: BTreeMap<Spot, Verdict>,
    /// By the family's word after the spot.
    evidence: BTreeMap<(Spot, &'static str), Evidence>,
    /// By the kind's word after the spot.
    report_bins: BTreeMap<(Spot, &'static str), ReportBin>,
    subscribers: BTreeMap<Box<str>, Subscriber>,
    outgoing: BTreeMap<Box<str>, Outgoing>,
    feeds: BTreeMap<Box<str>, FeedState>,
    caller_keys: BTreeMap<Box<str>, CallerKeyRecord>,
    settings_kept: BTreeMap<Box<str>, Box<str>>,
}

impl Memory {
    /// An empty one, which keeps as much as the settings say.
    pub fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            incidents: BTreeMap::new(),
            timelines: BTreeMap::new(),
            maintenances: BTreeMap::new(),
            minutes: BTreeMap::new(),
            days: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            evidence: BTreeMap::new(),
            report_bins: BTreeMap::new(),
            subscribers: BTreeMap::new(),
            outgoing: BTreeMap::new(),
            feeds: BTreeMap::new(),
            caller_keys: BTreeMap::new(),
            settings_kept: BTreeMap::new(),
        }
    }

    fn make(&mut self, change: Change) {
        match change {
            Change::Incident(incident) => {
                self.incidents.insert(incident.id.clone(), *incident);
            }
            Change::Timeline(timeline) => {
                self.timelines.insert(timeline.incident, timeline.testimonies);
            }
            Change::RemoveIncident(id) => {
                self.incidents.remove(&id);
                self.timelines.remove(&id);
            }
            Change::Maintenance(work) => {
                self.maintenances.insert(work.id.clone(), *work);
            }
            Change::Minute(bin) => self.put_minute(&bin),
            Change::Day(bin) => {
                self.days.insert((bin.component, bin.start), bin.tally);
            }
            Change::Verdict(verdict) => {
                self.verdicts.insert((verdict.component.clone(), verdict.at), *verdict);
            }
            Change::Evidence(evidence) => {
                let spot = (evidence.component.clone(), evidence.at);
                self.evidence.insert((spot, evidence.family.as_str()), *evidence);
            }
            Change::ReportBin(bin) => {
                let spot = (bin.component.clone(), bin.start);
                self.report_bins.insert((spot, bin.kind.as_str()), *bin);
            }
            Change::Subscriber(subscriber) => {
                self.subscribers.insert(subscriber.id.clone(), *subscriber);
            }
            Change::RemoveSubscriber(id) => self.remove_subscriber(&id),
            Change::Outgoing(message) => {
                self.outgoing.insert(message.id.clone(), *message);
            }
            Change::RemoveOutgoing(id) => {
                self.outgoing.remove(&id);
            }
            Change::Feed(feed) => {
                self.feeds.insert(feed.name.clone(), *feed);
            }
            Change::CallerKey(key) => {
                self.caller_keys.insert(key.id.clone(), *key);
            }
            Change::Setting { name, value } => {
                self.settings_kept.insert(name, value);
            }
        }
    }

    fn put_minute(&mut self, bin: &Bin) {
        let before = self.minutes.insert((bin.component.clone(), bin.start), bin.tally);
        let day = self.days.entry((bin.component.clone(), bin.day_start())).or_default();
        *day = day.minus(&before.unwrap_or_default()).plus(&bin.tally);
    }

    fn remove_subscriber(&mut self, id: &str) {
        self.subscribers.remove(id);
        self.outgoing.retain(|_, message| *message.receiver != *id);
    }
}

impl Store for Memory {
    fn apply(&mut self, changes: &[Change]) -> Result<Durability, StoreError> {
        check_sizes(changes, self.settings.change_bytes_max)?;
        for change in changes {
            self.make(change.clone());
        }
        Ok(Durability::InMemory)
    }

    fn retry(&mut self) -> Result<Durability, StoreError> {
        Ok(Durability::InMemory)
    }

    fn durability(&self) -> Durability {
        Durability::InMemory
    }

    fn lost(&self) -> u64 {
        0
    }

    fn prune(&mut self, now: UnixMs) -> Result<usize, StoreError> {
        Ok(self.remove_old(now))
    }

    fn incident(&self, id: &IncidentId) -> Result<Option<Incident>, StoreError> {
        Ok(self.incidents.get(id).cloned())
    }

    fn incidents(&self, wanted: &IncidentQuery) -> Result<Vec<Incident>, StoreError> {
        Ok(self.find_incidents(wanted))
    }

    fn testimonies(&self, incident: &IncidentId) -> Result<Vec<Testimony>, StoreError> {
        Ok(self.timelines.get(incident).cloned().unwrap_or_default())
    }

    fn maintenance(&self, id: &IncidentId) -> Result<Option<Maintenance>, StoreError> {
        Ok(self.maintenances.get(id).cloned())
    }

    fn maintenances(&self, span: Span, limit: usize) -> Result<Vec<Maintenance>, StoreError> {
        Ok(self.find_maintenances(span, limit))
    }

    fn minutes(
        &self,
        component: &ComponentId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Bin>, StoreError> {
        Ok(read::bins(&self.minutes, component, span, limit))
    }

    fn days(
        &self,
        component: &ComponentId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Bin>, StoreError> {
        Ok(read::bins(&self.days, component, span, limit))
    }

    fn verdicts(
        &self,
        component: &ComponentId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Verdict>, StoreError> {
        let found = read::at_spots(&self.verdicts, component, span);
        Ok(found.map(|(_, verdict)| verdict.clone()).take(limit).collect())
    }

    fn evidence(
        &self,
        component: &ComponentId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Evidence>, StoreError> {
        let found = read::at_worded_spots(&self.evidence, component, span);
        Ok(found.take(limit).cloned().collect())
    }

    fn report_bins(
        &self,
        component: &ComponentId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<ReportBin>, StoreError> {
        let found = read::at_worded_spots(&self.report_bins, component, span);
        Ok(found.take(limit).cloned().collect())
    }

    fn subscriber(&self, key: SubscriberKey<'_>) -> Result<Option<Subscriber>, StoreError> {
        Ok(self.subscribers.values().find(|one| read::has_key(one, key)).cloned())
    }

    fn subscribers(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Subscriber>, StoreError> {
        let behind = self.subscribers.values().filter(|one| after.is_none_or(|id| *one.id > *id));
        Ok(behind.take(limit).cloned().collect())
    }

    fn outgoing(&self, id: &str) -> Result<Option<Outgoing>, StoreError> {
        Ok(self.outgoing.get(id).cloned())
    }

    fn outgoing_due(&self, now: UnixMs, limit: usize) -> Result<Vec<Outgoing>, StoreError> {
        let mut due: Vec<_> = self.outgoing.values().filter(|one| one.due_at <= now).collect();
        due.sort_by_key(|one| (one.due_at, &one.id));
        Ok(due.into_iter().take(limit).cloned().collect())
    }

    fn outgoing_of(
        &self,
        receiver: &str,
        topic: &str,
        limit: usize,
    ) -> Result<Vec<Outgoing>, StoreError> {
        let is_of = |one: &&Outgoing| *one.receiver == *receiver && *one.topic == *topic;
        let mut found: Vec<_> = self.outgoing.values().filter(is_of).collect();
        found.sort_by_key(|one| (one.created_at, &one.id));
        Ok(found.into_iter().take(limit).cloned().collect())
    }

    fn next_due(&self) -> Result<Option<UnixMs>, StoreError> {
        Ok(self.outgoing.values().map(|one| one.due_at).min())
    }

    fn feeds(&self) -> Result<Vec<FeedState>, StoreError> {
        Ok(self.feeds.values().cloned().collect())
    }

    fn caller_keys(&self) -> Result<Vec<CallerKeyRecord>, StoreError> {
        Ok(self.caller_keys.values().cloned().collect())
    }

    fn setting(&self, name: &str) -> Result<Option<Box<str>>, StoreError> {
        Ok(self.settings_kept.get(name).cloned())
    }

    fn counts(&self) -> Result<Counts, StoreError> {
        Ok(self.count())
    }
}
