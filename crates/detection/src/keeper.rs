//! The keeper of incidents: verdicts in, changes out. It opens an incident when trouble lasts or has
//! two witnesses, keeps siblings, relapses and late official posts in the same one, and lets it go
//! only after the verdicts were good, the traffic is back, and that has held. It judges nothing
//! itself, and stores and sends nothing.

mod entry;
mod lights;
mod orders;
mod posts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clock::{Dice, IdMaker, UnixMs};

pub use orders::{Order, OrderRefused};
pub use posts::Post;

use crate::health::is_told_by_page;
use crate::keeper::entry::Entry;
use crate::words;
use crate::{Author, CauseClass, Certainty, Component, ComponentId, Incident, IncidentId, Verdict};

/// Incidents that are kept in mind after their end, for relapses and late posts.
const OVER_MAX: usize = 256;

/// Evidence that is older than this before the first suspicion is of something else, in milliseconds.
const ONSET_MS_MAX: u64 = 6 * 3_600_000;

/// How patient the keeper is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeeperSettings {
    /// A confirmed verdict of one family opens an incident after so long; two families at once.
    pub alone_ms: u64,
    /// A suspicion of one family opens one after so long; two families at once.
    pub suspected_ms: u64,
    /// Before it is resolved it must have held for so long, and twice as long with each relapse.
    pub hold_ms: u64,
    pub hold_ms_max: u64,
    /// A relapse within so long after the end is the same incident.
    pub relapse_ms: u64,
    /// An official post so long after the end still belongs to it.
    pub late_post_ms: u64,
}

impl Default for KeeperSettings {
    fn default() -> Self {
        Self {
            alone_ms: 60_000,
            suspected_ms: 600_000,
            hold_ms: 300_000,
            hold_ms_max: 3_600_000,
            relapse_ms: 3_600_000,
            late_post_ms: 86_400_000,
        }
    }
}

/// What happened to an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    Opened,
    /// It has a new update, to be told.
    Updated,
    /// Lights, deeds or the official post changed: to be stored and shown, not to be told.
    Touched,
    /// It was over and came back.
    Reopened,
    Resolved,
}

/// An incident as it is after a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub kind: ChangeKind,
    pub incident: Incident,
}

/// Keeps all incidents that are not over, and those that ended a short while ago.
#[derive(Debug)]
pub struct Keeper {
    settings: KeeperSettings,
    components: BTreeMap<ComponentId, Component>,
    parents: BTreeSet<ComponentId>,
    ids: IdMaker,
    entries: BTreeMap<IncidentId, Entry>,
    /// Since when a component has not been well.
    bad_since: BTreeMap<ComponentId, UnixMs>,
    /// When trouble began by its evidence, before anybody suspected it.
    onsets: BTreeMap<ComponentId, UnixMs>,
    /// Components whose traffic is not back in full.
    held_back: BTreeSet<ComponentId>,
}

impl Keeper {
    /// A keeper that knows no incident yet; `dice` make the names of new ones.
    pub fn new(components: Vec<Component>, settings: KeeperSettings, dice: Dice) -> Self {
        Self {
            settings,
            parents: components.iter().filter_map(|of| of.parent.clone()).collect(),
            components: components.into_iter().map(|of| (of.id.clone(), of)).collect(),
            ids: IdMaker::new(dice),
            entries: BTreeMap::new(),
            bad_since: BTreeMap::new(),
            onsets: BTreeMap::new(),
            held_back: BTreeSet::new(),
        }
    }

    /// Takes up an incident from a store, after a start. It is not believed to be over before
    /// somebody has seen its components well.
    pub fn restore(&mut self, incident: Incident) {
        self.entries.insert(incident.id.clone(), Entry::restored(incident));
    }

    /// Incidents that are not over.
    pub fn open(&self) -> impl Iterator<Item = &Incident> {
        self.entries.values().map(|entry| &entry.incident).filter(|of| !of.phase.is_over())
    }

    /// Says whether a component's traffic is held back by a breaker or a ramp: until it is back in
    /// full, its incident is not over.
    pub fn hold_back(&mut self, component: &ComponentId, is_held: bool) {
        if is_held && self.components.contains_key(component) {
            self.held_back.insert(component.clone());
        } else {
            self.held_back.remove(component);
        }
    }

    /// Says when a component's present trouble began, as [`crate::Court::onset`] tells it. An incident
    /// that it opens starts there, and so does the lag of the official page.
    pub fn began(&mut self, component: &ComponentId, at: UnixMs) {
        if self.components.contains_key(component) {
            self.onsets.insert(component.clone(), at);
        }
    }

    /// Hears the verdicts of this moment, for every component.
    pub fn hear(&mut self, now: UnixMs, verdicts: &[Arc<Verdict>]) -> Vec<Change> {
        let mut changes = Vec::new();
        for verdict in verdicts {
            if !self.is_leaf(&verdict.component) {
                continue;
            }
            let since = self.note(now, verdict);
            if verdict.certainty > Certainty::Clear {
                changes.extend(self.bad(now, verdict, since));
            }
        }
        let keys: Vec<IncidentId> = self.entries.keys().cloned().collect();
        for id in keys {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            if entry.incident.phase.is_over() {
                continue;
            }
            entry.see(now, verdicts, &self.components);
            let is_back = entry.incident.components.iter().all(|of| !self.held_back.contains(of));
            changes.extend(entry.step(now, is_back, &self.settings, &mut self.ids));
        }
        self.forget(now);
        joined(changes)
    }

    /// Notes what Seawall did about a component, in one sentence.
    pub fn deed(&mut self, now: UnixMs, component: &ComponentId, sentence: &str) -> Vec<Change> {
        let open = self.entries.values_mut().filter(|entry| {
            !entry.incident.phase.is_over() && entry.incident.components.contains(component)
        });
        open.filter_map(|entry| entry.deed(now, sentence)).collect()
    }

    /// Does what an operator orders.
    ///
    /// # Errors
    /// If there is no such incident, or it is over and the order needs it not to be.
    pub fn order(&mut self, now: UnixMs, order: Order, by: &str) -> Result<Change, OrderRefused> {
        orders::obey(self, now, order, &Author::Operator(by.into()))
    }

    /// Hears of a post on a provider's page, new or changed.
    pub fn post(&mut self, now: UnixMs, post: &Post) -> Option<Change> {
        let late_ms = self.settings.late_post_ms;
        let candidates = self.entries.values_mut().filter(|entry| {
            self.components.values().any(|of| {
                of.provider == post.provider && entry.incident.components.contains(&of.id)
            })
        });
        let best = candidates
            .filter(|entry| posts::belongs(post, &entry.incident, now, late_ms))
            .max_by_key(|entry| entry.incident.started_at);
        best.and_then(|entry| posts::attach(entry, now, post, &mut self.ids))
    }

    /// Providers are told by their parts.
    fn is_leaf(&self, component: &ComponentId) -> bool {
        self.components.contains_key(component) && !self.parents.contains(component)
    }

    fn note(&mut self, now: UnixMs, verdict: &Verdict) -> UnixMs {
        if verdict.certainty == Certainty::Clear {
            self.bad_since.remove(&verdict.component);
            self.onsets.remove(&verdict.component);
            return now;
        }
        *self.bad_since.entry(verdict.component.clone()).or_insert(now)
    }

    fn bad(&mut self, now: UnixMs, verdict: &Verdict, since: UnixMs) -> Option<Change> {
        let known = self.entries.values().any(|entry| {
            !entry.incident.phase.is_over()
                && entry.incident.components.contains(&verdict.component)
        });
        if known || self.is_settled(verdict, since) || !self.is_worth(now, verdict, since) {
            return None;
        }
        let component = self.components.get(&verdict.component)?.clone();
        if let Some(id) = self.sibling(now, &component) {
            let entry = self.entries.get_mut(&id)?;
            return Some(entry.join(now, &component, verdict, &mut self.ids));
        }
        let id = IncidentId::new(self.ids.next_id().tail());
        let onset = self.onsets.get(&verdict.component).copied().unwrap_or(since);
        // An old post that was never closed is no beginning.
        let since = onset.min(since).max(since.minus_ms(ONSET_MS_MAX));
        let mut entry = Entry::opened(now, id.clone(), &component, verdict, since);
        let body = words::opening(&component, verdict, since);
        let change = entry.tell(now, (ChangeKind::Opened, Author::Seawall), body, &mut self.ids);
        self.entries.insert(id, entry);
        Some(change)
    }

    /// True if an operator has called this very trouble over: until it has been well once, he is right.
    fn is_settled(&self, verdict: &Verdict, since: UnixMs) -> bool {
        self.entries.values().any(|entry| {
            entry.incident.by_hand.is_taken
                && entry.incident.components.contains(&verdict.component)
                && entry.incident.resolved_at.is_some_and(|at| since <= at)
        })
    }

    /// True if trouble is worth an incident: it has two witnesses, or it has lasted.
    fn is_worth(&self, now: UnixMs, verdict: &Verdict, since: UnixMs) -> bool {
        let ours = matches!(
            verdict.cause.class,
            CauseClass::OurNetwork
                | CauseClass::OurKeyOrQuota
                | CauseClass::ClientSide
                | CauseClass::Maintenance
        );
        let witnesses = verdict.readings.iter().filter(|reading| reading.speaks()).count();
        let lasted_ms = now.since(since);
        let is_bad_now = verdict.belief.ok < 0.5;
        match verdict.certainty {
            _ if ours => false,
            Certainty::Clear => false,
            Certainty::Suspected => {
                // What a provider tells of itself needs no second witness to be told.
                let is_told = is_told_by_page(&verdict.readings);
                is_bad_now && (witnesses >= 2 || is_told || lasted_ms >= self.settings.suspected_ms)
            }
            Certainty::Confirmed => {
                is_bad_now && (witnesses >= 2 || lasted_ms >= self.settings.alone_ms)
            }
        }
    }

    /// The incident that this belongs to: one of the same provider that is open, or one that ended a
    /// short while ago and had the same component.
    fn sibling(&self, now: UnixMs, component: &Component) -> Option<IncidentId> {
        let related = |of: &ComponentId| {
            self.components.get(of).is_some_and(|known| known.provider == component.provider)
        };
        let fits = |entry: &&Entry| {
            let incident = &entry.incident;
            let ended = incident.resolved_at.map(|at| now.since(at));
            match ended {
                None => incident.components.iter().any(related),
                Some(ago) => {
                    ago <= self.settings.relapse_ms && incident.components.contains(&component.id)
                }
            }
        };
        let found = self.entries.values().filter(fits);
        found.max_by_key(|entry| entry.incident.opened_at).map(|entry| entry.incident.id.clone())
    }

    fn forget(&mut self, now: UnixMs) {
        let late_ms = self.settings.late_post_ms;
        self.entries.retain(|_, entry| {
            entry.incident.resolved_at.is_none_or(|at| now.since(at) <= late_ms)
        });
        while self.entries.len() > OVER_MAX {
            let over = self.entries.values().filter(|entry| entry.incident.phase.is_over());
            let oldest = over.min_by_key(|entry| entry.incident.resolved_at);
            let Some(id) = oldest.map(|entry| entry.incident.id.clone()) else { return };
            self.entries.remove(&id);
        }
    }
}

/// One change for each incident: the last picture, under the most telling name.
fn joined(changes: Vec<Change>) -> Vec<Change> {
    let rank = |kind: ChangeKind| match kind {
        ChangeKind::Touched => 0,
        ChangeKind::Updated => 1,
        ChangeKind::Resolved => 2,
        ChangeKind::Reopened => 3,
        ChangeKind::Opened => 4,
    };
    let mut found: Vec<Change> = Vec::new();
    for change in changes {
        match found.iter_mut().find(|known| known.incident.id == change.incident.id) {
            Some(known) => {
                let kind =
                    if rank(change.kind) > rank(known.kind) { change.kind } else { known.kind };
                *known = Change { kind, ..change };
            }
            None => found.push(change),
        }
    }
    found
}
