//! One incident as the keeper holds it, and how it moves: open, watched, over, back again.

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::{IdMaker, UnixMs};

use super::lights;
use super::{Change, ChangeKind, KeeperSettings};
use crate::words;
use crate::{
    Affected, Author, ByHand, Capability, CauseClass, Certainty, Component, ComponentId, Condition,
    Family, Health, Impact, Incident, IncidentId, IncidentUpdate, Phase, Verdict,
};

/// Updates that Seawall writes by itself into one incident; operators may write more.
const UPDATES_MAX: usize = 100;

/// Deeds that are kept with one incident.
const DEEDS_MAX: usize = 100;

/// A cause is told from this confidence on.
const CAUSE_CONFIDENCE_MIN: f64 = 0.7;

/// Texts of lights are renewed so often, in milliseconds, if nothing else changes.
const TEXTS_MS: u64 = 60_000;

/// How a component of an incident was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    condition: Condition,
    is_well: bool,
    is_confirmed: bool,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) incident: Incident,
    names: BTreeMap<ComponentId, Box<str>>,
    seen: BTreeMap<ComponentId, Seen>,
    relapses: u32,
    well_at: Option<UnixMs>,
    texts_at: UnixMs,
    is_touched: bool,
    told_cause: Option<CauseClass>,
    moved: Vec<Affected>,
}

impl Entry {
    pub(super) fn opened(
        now: UnixMs,
        id: IncidentId,
        component: &Component,
        verdict: &Verdict,
        since: UnixMs,
    ) -> Self {
        let mut entry = Self::restored(Incident {
            id,
            title: words::title(&[&component.name], verdict),
            phase: Phase::Investigating,
            impact: Impact::None,
            certainty: verdict.certainty,
            cause: verdict.cause.clone(),
            started_at: since,
            opened_at: now,
            resolved_at: None,
            components: Vec::new(),
            updates: Vec::new(),
            lights: lights::none(),
            official: None,
            deeds: Vec::new(),
            by_hand: ByHand::default(),
        });
        entry.add(component, verdict);
        entry
    }

    pub(super) fn restored(incident: Incident) -> Self {
        Self {
            incident,
            names: BTreeMap::new(),
            seen: BTreeMap::new(),
            relapses: 0,
            well_at: None,
            texts_at: UnixMs::default(),
            is_touched: false,
            told_cause: None,
            moved: Vec::new(),
        }
    }

    /// Takes another component in: a sibling that fell too, or one that came back.
    pub(super) fn join(
        &mut self,
        now: UnixMs,
        component: &Component,
        verdict: &Verdict,
        ids: &mut IdMaker,
    ) -> Change {
        self.add(component, verdict);
        if self.incident.phase.is_over() {
            self.incident.resolved_at = None;
            return self.relapse(now, ids);
        }
        self.rename(verdict);
        let body = words::joining(component, verdict);
        self.tell(now, (ChangeKind::Updated, Author::Seawall), body, ids)
    }

    /// Looks at the verdicts of its components.
    pub(super) fn see(
        &mut self,
        now: UnixMs,
        verdicts: &[Arc<Verdict>],
        components: &BTreeMap<ComponentId, Component>,
    ) {
        let is_own = |of: &&Verdict| self.incident.components.contains(&of.component);
        let own: Vec<&Verdict> = verdicts.iter().map(|of| &**of).filter(is_own).collect();
        for verdict in &own {
            if let Some(component) = components.get(&verdict.component) {
                self.names.insert(component.id.clone(), component.name.clone());
                self.weigh(component, verdict, components, &own);
            }
        }
        let worst = own.iter().max_by_key(|of| (of.certainty, of.health));
        if let Some(worst) = worst.filter(|worst| worst.certainty >= self.incident.certainty) {
            self.is_touched |= self.incident.cause.class != worst.cause.class;
            let is_surer = worst.certainty > self.incident.certainty;
            self.incident.certainty = worst.certainty;
            self.incident.cause = worst.cause.clone();
            if is_surer {
                self.rename(worst);
            }
        }
        let renew = now.since(self.texts_at) >= TEXTS_MS;
        if lights::renew(&mut self.incident, now, &own, components, renew) {
            self.is_touched = true;
        }
        if renew {
            self.texts_at = now;
        }
    }

    /// Moves on, by what was seen.
    pub(super) fn step(
        &mut self,
        now: UnixMs,
        is_back: bool,
        settings: &KeeperSettings,
        ids: &mut IdMaker,
    ) -> Option<Change> {
        let all_well = !self.seen.is_empty() && self.seen.values().all(|seen| seen.is_well);
        if self.incident.by_hand.is_taken {
            return self.touched();
        }
        match (self.incident.phase, all_well) {
            (Phase::Monitoring, false) => {
                self.well_at = None;
                // A suspicion while it is watched delays the end; only certainty is a relapse.
                let relapsed = self.seen.values().any(|seen| seen.is_confirmed);
                if relapsed { Some(self.relapse(now, ids)) } else { self.touched() }
            }
            (Phase::Monitoring, true) => {
                let hold = settings.hold_ms << self.relapses.min(8);
                let well_at = *self.well_at.get_or_insert(now);
                let held = now.since(well_at) >= hold.min(settings.hold_ms_max);
                if held && is_back { Some(self.resolve(now, ids)) } else { self.touched() }
            }
            (_, true) if self.incident.certainty == Certainty::Confirmed => {
                self.well_at = Some(now);
                self.incident.phase = Phase::Monitoring;
                let body = words::recovering(&self.name_list());
                Some(self.tell(now, (ChangeKind::Updated, Author::Seawall), body, ids))
            }
            (_, true) => Some(self.resolve(now, ids)),
            (_, false) => self.progress(now, ids),
        }
    }

    /// Writes an update and gives the change.
    pub(super) fn tell(
        &mut self,
        now: UnixMs,
        (kind, author): (ChangeKind, Author),
        body: String,
        ids: &mut IdMaker,
    ) -> Change {
        let affected = std::mem::take(&mut self.moved);
        let is_end = matches!(kind, ChangeKind::Resolved | ChangeKind::Opened);
        let by_hand = author != Author::Seawall;
        if self.incident.updates.len() < UPDATES_MAX || is_end || by_hand {
            // After a start the clock may stand before what was told by a former one.
            let last = self.incident.updates.last().map_or(now, |last| last.at.max(now));
            self.incident.updates.push(IncidentUpdate {
                id: IncidentId::new(ids.next_id().tail()),
                at: last,
                phase: self.incident.phase,
                body: body.into(),
                author,
                affected,
            });
        }
        self.is_touched = false;
        Change { kind, incident: self.incident.clone() }
    }

    pub(super) fn deed(&mut self, now: UnixMs, sentence: &str) -> Option<Change> {
        if self.incident.deeds.len() >= DEEDS_MAX {
            return None;
        }
        self.incident.deeds.push((now, sentence.into()));
        Some(self.touch())
    }

    pub(super) fn touch(&mut self) -> Change {
        self.is_touched = false;
        Change { kind: ChangeKind::Touched, incident: self.incident.clone() }
    }

    fn touched(&mut self) -> Option<Change> {
        self.is_touched.then(|| self.touch())
    }

    fn add(&mut self, component: &Component, verdict: &Verdict) {
        if !self.incident.components.contains(&component.id) {
            self.incident.components.push(component.id.clone());
        }
        self.names.insert(component.id.clone(), component.name.clone());
        self.incident.certainty = self.incident.certainty.max(verdict.certainty);
        self.note(component, verdict);
    }

    /// Notes how a component is seen, and whether that is new.
    fn note(&mut self, component: &Component, verdict: &Verdict) {
        let condition = verdict.condition();
        let is_well = verdict.certainty == Certainty::Clear && was_seen_well(component, verdict);
        let is_confirmed = verdict.certainty == Certainty::Confirmed;
        let seen = Seen { condition, is_well, is_confirmed };
        let before = self.seen.insert(component.id.clone(), seen);
        let from = before.map_or(Condition::Operational, |before| before.condition);
        if from != condition {
            self.is_touched = true;
            self.moved.push(Affected { component: component.id.clone(), from, to: condition });
        }
    }

    /// Notes how a component is, and how grave that makes the incident.
    fn weigh(
        &mut self,
        component: &Component,
        verdict: &Verdict,
        components: &BTreeMap<ComponentId, Component>,
        own: &[&Verdict],
    ) {
        self.note(component, verdict);
        let parts = components.values().filter(|of| {
            of.provider == component.provider && of.capability.is_some_and(Capability::is_routed)
        });
        let down = |of: &Component| {
            own.iter().any(|verdict| verdict.component == of.id && verdict.health == Health::Down)
        };
        let parts: Vec<&Component> = parts.collect();
        let is_all = parts.len() > 1 && parts.iter().all(|of| down(of));
        let impact = match (verdict.certainty, verdict.health) {
            (Certainty::Clear, _) | (_, Health::Ok) => Impact::None,
            (Certainty::Confirmed, Health::Down) if is_all => Impact::Critical,
            (Certainty::Confirmed, Health::Down) => Impact::Major,
            (Certainty::Suspected | Certainty::Confirmed, _) => Impact::Minor,
        };
        if impact > self.incident.impact && !self.incident.by_hand.is_taken {
            self.incident.impact = impact;
            self.is_touched = true;
            self.rename(verdict);
        }
    }

    fn rename(&mut self, verdict: &Verdict) {
        let names: Vec<&str> = self
            .incident
            .components
            .iter()
            .filter_map(|id| self.names.get(id).map(|name| &**name))
            .collect();
        if !self.incident.by_hand.is_taken && !names.is_empty() {
            self.incident.title = words::title(&names, verdict);
        }
    }

    fn relapse(&mut self, now: UnixMs, ids: &mut IdMaker) -> Change {
        let was_over = self.incident.phase.is_over();
        self.relapses += 1;
        self.well_at = None;
        self.incident.phase = Phase::Investigating;
        let body = words::relapsing(&self.name_list(), self.relapses);
        let kind = if was_over { ChangeKind::Reopened } else { ChangeKind::Updated };
        self.tell(now, (kind, Author::Seawall), body, ids)
    }

    fn resolve(&mut self, now: UnixMs, ids: &mut IdMaker) -> Change {
        let end = self.well_at.unwrap_or(now).max(self.incident.started_at);
        self.incident.phase = Phase::Resolved;
        self.incident.resolved_at = Some(end);
        let body = words::resolving(&self.incident, end);
        self.tell(now, (ChangeKind::Resolved, Author::Seawall), body, ids)
    }

    /// Tells a cause once it is known, and a suspicion that became certain.
    fn progress(&mut self, now: UnixMs, ids: &mut IdMaker) -> Option<Change> {
        let cause = self.incident.cause.clone();
        let known = cause.confidence >= CAUSE_CONFIDENCE_MIN
            && self.incident.certainty == Certainty::Confirmed
            && !matches!(cause.class, CauseClass::Inconclusive | CauseClass::ProviderOutage);
        if known && self.told_cause != Some(cause.class) {
            self.told_cause = Some(cause.class);
            self.incident.phase = Phase::Identified;
            let body = words::cause(&cause);
            return Some(self.tell(now, (ChangeKind::Updated, Author::Seawall), body, ids));
        }
        let was_suspected = self.incident.updates.len() == 1
            && self.incident.certainty == Certainty::Confirmed
            && self.incident.updates.first().is_some_and(|of| of.body.starts_with(words::PROBABLY));
        if was_suspected {
            let body = words::confirming(&self.incident);
            return Some(self.tell(now, (ChangeKind::Updated, Author::Seawall), body, ids));
        }
        self.touched()
    }

    fn name_list(&self) -> String {
        let names = self.incident.components.iter().filter_map(|id| self.names.get(id));
        words::list(&names.map(|name| &**name).collect::<Vec<_>>())
    }
}

/// After a start the judge knows nothing yet: well is only what somebody saw well. That nobody
/// reports trouble is enough only where nobody else can look.
fn was_seen_well(component: &Component, verdict: &Verdict) -> bool {
    let routed = component.capability.is_none_or(Capability::is_routed);
    let looks = |family| !routed || family != Family::Reports;
    verdict.readings.iter().any(|reading| reading.down_nats < 0.0 && looks(reading.family))
}
