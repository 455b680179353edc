//! All judges together: takes evidence, lets each component's judge look, lets those that stand on
//! the same ground speak for each other, names causes, and gives advice before anything falls.
//!
//! The court is a deterministic machine: the same evidence and the same moments of judgement in the
//! same order give the same verdicts, so that each verdict can be drawn again from what was stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clock::UnixMs;

use crate::advice::{Advice, Advisor};
use crate::cause::{self, Case, Fallen};
use crate::health::{Judge, Look, Ourselves, Standing, belief};
use crate::lifts::Lifts;
use crate::settings::weight;
use crate::words;
use crate::{
    Capability, Certainty, Component, ComponentId, Condition, Evidence, Fact, Family, Guard,
    Health, IncidentId, Maintenance, Reading, Settings, Symptom, Verdict,
};

/// A canary's word counts for so long, in milliseconds.
const CANARY_MS_MAX: u64 = 90_000;
const CANARIES_MAX: usize = 16;

/// What still answers after so long was not cut, in milliseconds.
const PROOF_MS: u64 = 10_000;
const MOMENTS_MS: u64 = 2_000;
const MAINTENANCES_MAX: usize = 256;

/// A fall is remembered for so long after its beginning as a possible leader, in milliseconds.
const REMEMBERED_MS: u64 = 4 * 3_600_000;

/// Judges all components.
#[derive(Debug, Clone, PartialEq)]
pub struct Court {
    settings: Settings,
    judges: BTreeMap<ComponentId, Judge>,
    lifts: Lifts,
    advisor: Advisor,
    canaries: BTreeMap<Box<str>, (UnixMs, bool)>,
    maintenances: BTreeMap<IncidentId, Maintenance>,
    is_attack: bool,
    /// The latest fall of each component, also of those that are well again.
    fallen: BTreeMap<ComponentId, Fallen>,
    /// The last verdict on each by its own evidence.
    own: BTreeMap<ComponentId, Arc<Verdict>>,
    /// Those on whole providers of which their parts say more.
    rolled: BTreeMap<ComponentId, Arc<Verdict>>,
    /// Whether our network was bad, and who was under planned work, when it last judged.
    us: Option<(bool, BTreeSet<ComponentId>)>,
}

impl Court {
    /// A court over these components. Facts about others are ignored.
    pub fn new(components: Vec<Component>, settings: Settings) -> Self {
        let judge = |component: Component| (component.id.clone(), Judge::new(component));
        Self {
            settings,
            judges: components.into_iter().map(judge).collect(),
            lifts: Lifts::default(),
            advisor: Advisor::default(),
            canaries: BTreeMap::new(),
            maintenances: BTreeMap::new(),
            is_attack: false,
            fallen: BTreeMap::new(),
            own: BTreeMap::new(),
            rolled: BTreeMap::new(),
            us: None,
        }
    }

    /// Judges these from now on. Who stays as he was keeps all that is known of him.
    pub fn set_components(&mut self, components: Vec<Component>) {
        let mut before = std::mem::take(&mut self.judges);
        for component in components {
            let id = component.id.clone();
            let known = before.remove(&id).filter(|judge| judge.component == component);
            self.judges.insert(id, known.unwrap_or_else(|| Judge::new(component)));
        }
        let judges = &self.judges;
        self.own.retain(|id, _| judges.contains_key(id));
        self.rolled.retain(|id, _| judges.contains_key(id));
        self.fallen.retain(|id, _| judges.contains_key(id));
        // Everybody is looked at with the next judgement.
        self.us = None;
    }

    /// Who falls with whom; the operator's knowledge is declared here.
    pub fn lifts_mut(&mut self) -> &mut Lifts {
        &mut self.lifts
    }

    /// Takes one fact.
    pub fn take(&mut self, evidence: &Evidence) {
        let at = evidence.at;
        match &evidence.fact {
            Fact::Canary { host, is_reached } => self.canary(at, host, *is_reached),
            Fact::Attack { is_on } => self.is_attack = *is_on,
            Fact::Maintenance(maintenance) => self.maintenance(maintenance),
            Fact::Traffic { component, .. }
            | Fact::Silence { component, .. }
            | Fact::Probe { component, .. }
            | Fact::Reports { component, .. }
            | Fact::Page { component, .. }
            | Fact::Drift { component, .. } => {
                if let Some(judge) = self.judges.get_mut(component) {
                    judge.take(at, &evidence.fact);
                }
            }
        }
    }

    /// Takes up what was learnt of a component's reports before a restart, as
    /// [`crate::HourBaseline::learnt_text`] tells it.
    pub fn learn_usual(&mut self, component: &ComponentId, text: &str) {
        if let Some(judge) = self.judges.get_mut(component) {
            judge.learn_usual(text);
        }
    }

    /// True from the passive detector's alarm on: enough for a breaker, never for an incident.
    pub fn is_alarmed(&self, component: &ComponentId) -> bool {
        self.judges.get(component).is_some_and(Judge::is_alarmed)
    }

    /// How soon shut doors of a component should be tried again while its outage is suspected and not
    /// sure, in milliseconds; `None` to leave that to the doors.
    pub fn haste_ms(&self, component: &ComponentId, now: UnixMs) -> Option<u64> {
        let every_ms = self.judges.get(component)?.haste_ms(now)?;
        let is_ours = self.is_network_bad(now) || self.maintained(now).contains(component);
        (!is_ours).then_some(every_ms)
    }

    /// When the trouble began of which a component's verdict tells, as far as the evidence reaches
    /// back: earlier than the verdict, since it took evidence to draw it.
    pub fn onset(&self, component: &ComponentId) -> Option<UnixMs> {
        self.judges.get(component).and_then(Judge::onset)
    }

    /// Judges every component, in the order of their ids. To be called once a second, and at least
    /// once a window. Who is well, and of whom nothing bad is heard, is looked at once in ten seconds;
    /// in between his last verdict stands, with its own moment.
    pub fn judge(&mut self, now: UnixMs) -> Vec<Arc<Verdict>> {
        let us = (self.is_network_bad(now), self.maintained(now));
        let is_new = self.us.as_ref() != Some(&us);
        let mut looks = BTreeMap::new();
        for (id, judge) in &mut self.judges {
            if is_new || !judge.may_rest(now) {
                let ourselves =
                    Ourselves { is_network_bad: us.0, is_maintenance: us.1.contains(id) };
                looks.insert(id.clone(), judge.look(now, &self.settings, ourselves));
            }
        }
        self.us = Some(us);
        self.draw(now, looks);
        let told = |(id, own): (&ComponentId, &Arc<Verdict>)| {
            Arc::clone(self.rolled.get(id).unwrap_or(own))
        };
        self.own.iter().map(told).collect()
    }

    /// Draws the verdicts on those who were looked at. The others are well, so that they have nothing
    /// to say of anybody's fall.
    fn draw(&mut self, now: UnixMs, mut looks: BTreeMap<ComponentId, Look>) {
        let seen = self.seen(&looks);
        for (id, look) in &mut looks {
            look.readings.push(self.shared(id, &seen, now));
            if !look.guards.contains(&Guard::OwnNetwork) && self.is_unproved(now, id, look) {
                look.guards.push(Guard::OwnNetwork);
            }
        }
        let mut standings = BTreeMap::new();
        for (id, look) in &looks {
            if let Some(judge) = self.judges.get_mut(id) {
                standings.insert(id.clone(), judge.conclude(now, &self.settings, look));
            }
        }
        self.remember(now, &looks, &standings);
        let mut wholes = BTreeSet::new();
        for (id, look) in looks {
            let Some(standing) = standings.get(&id) else { continue };
            if let Some(judge) = self.judges.get(&id) {
                wholes.insert(judge.component.parent.clone().unwrap_or_else(|| id.clone()));
            }
            let verdict = self.verdict(now, id.clone(), look, *standing);
            self.own.insert(id, Arc::new(verdict));
        }
        for whole in wholes {
            match self.rolled_up(&whole) {
                Some(verdict) => self.rolled.insert(whole, Arc::new(verdict)),
                None => self.rolled.remove(&whole),
            };
        }
        let components: Vec<&Component> =
            self.judges.values().map(|judge| &judge.component).collect();
        let told = self.own.iter().map(|(id, own)| &**self.rolled.get(id).unwrap_or(own));
        self.advisor.hear(now, &components, told);
    }

    /// What the plan should heed now.
    pub fn advice(&self, now: UnixMs) -> Vec<Advice> {
        self.advisor.advice(now)
    }

    fn canary(&mut self, at: UnixMs, host: &str, is_reached: bool) {
        if self.canaries.len() < CANARIES_MAX || self.canaries.contains_key(host) {
            self.canaries.insert(host.into(), (at, is_reached));
        }
    }

    fn maintenance(&mut self, maintenance: &Maintenance) {
        self.maintenances.insert(maintenance.id.clone(), maintenance.clone());
        if self.maintenances.len() > MAINTENANCES_MAX {
            let oldest = self.maintenances.values().min_by_key(|work| work.ends_at);
            if let Some(id) = oldest.map(|work| work.id.clone()) {
                self.maintenances.remove(&id);
            }
        }
    }

    /// True if two hosts or more that have nothing to do with each other fail, and none answers.
    fn is_network_bad(&self, now: UnixMs) -> bool {
        let fresh = self.canaries.values().filter(|(at, _)| now.since(*at) <= CANARY_MS_MAX);
        let (lost, all) =
            fresh.fold((0, 0), |sum, canary| (sum.0 + usize::from(!canary.1), sum.1 + 1));
        lost >= 2 && lost == all
    }

    /// True if a fall may be our own line's: nothing comes back, and since the last answer neither a
    /// canary nor another provider has answered. An error is an answer, and proves the line. Without
    /// canaries nobody can tell, and the rule is silent.
    fn is_unproved(&self, now: UnixMs, id: &ComponentId, look: &Look) -> bool {
        let silent = matches!(look.symptom, Some(Symptom::Connections | Symptom::Timeouts));
        let Some(own) = self.judges.get(id).filter(|_| silent && !self.canaries.is_empty()) else {
            return false;
        };
        let last = own.answered_at();
        let still = last.is_some_and(|at| now.since(at) < PROOF_MS / 2);
        if still && own.suspected_ms(now) >= PROOF_MS {
            return false;
        }
        let others = self.judges.values();
        let others = others.filter(|other| other.component.provider != own.component.provider);
        let canaries = self.canaries.values().filter(|(_, is_reached)| *is_reached);
        let answers = others.filter_map(Judge::answered_at).chain(canaries.map(|(at, _)| *at));
        // A line that is cut takes the last answers of all within moments.
        let cut = last.max(look.onset).unwrap_or(now).plus_ms(MOMENTS_MS);
        answers.max() <= Some(cut)
    }

    /// Components under planned work, with all that belongs to them.
    fn maintained(&self, now: UnixMs) -> BTreeSet<ComponentId> {
        let works = self.maintenances.values().filter(|work| work.covers(now));
        let named: BTreeSet<&ComponentId> = works.flat_map(|work| &work.components).collect();
        let covered = |judge: &&Judge| {
            let of = &judge.component;
            named.contains(&of.id)
                || of.parent.as_ref().is_some_and(|parent| named.contains(parent))
        };
        self.judges.values().filter(covered).map(|judge| judge.component.id.clone()).collect()
    }

    /// Who has fallen by its own evidence alone, so that nobody leans on himself through another.
    fn seen(&self, looks: &BTreeMap<ComponentId, Look>) -> Vec<Fallen> {
        let fallen = |(id, look): (&ComponentId, &Look)| {
            let bad = 1.0 - belief(&look.readings, &self.settings).ok;
            let is_seen =
                bad > self.settings.suspected_above && look.readings.iter().any(Reading::speaks);
            let onset = look.onset.filter(|_| is_seen && look.guards.iter().all(is_harmless))?;
            self.fallen_of(id, onset, look.symptom)
        };
        looks.iter().filter_map(fallen).collect()
    }

    fn fallen_of(
        &self,
        id: &ComponentId,
        onset: UnixMs,
        symptom: Option<Symptom>,
    ) -> Option<Fallen> {
        let component = &self.judges.get(id)?.component;
        Some(Fallen {
            component: id.clone(),
            provider: component.provider.clone(),
            capability: component.capability,
            onset,
            symptom,
            is_confirmed: false,
            is_on: true,
        })
    }

    /// What the falls of others say about this one: only if it fell with them.
    fn shared(&self, id: &ComponentId, seen: &[Fallen], now: UnixMs) -> Reading {
        let own = seen.iter().find(|fallen| fallen.component == *id);
        let with =
            own.map_or_else(Vec::new, |own| cause::companions(own, seen, (&self.lifts, now)));
        let known = with.iter().any(|other| self.lifts.is_high(id, &other.component, now));
        // Two strangers in the same two minutes are as much as one known relation.
        let nats = if known || with.len() >= 2 {
            weight(Family::SharedDependency).for_nats_max
        } else {
            0.0
        };
        let why = match with.first() {
            Some(other) => format!(
                "{} of other providers fell within two minutes, {} first",
                with.len(),
                other.component
            ),
            None => "no other fell with it".to_owned(),
        };
        Reading {
            family: Family::SharedDependency,
            degraded_nats: nats,
            down_nats: nats,
            observations: with.len() as u64,
            why: why.into(),
        }
    }

    /// Keeps who fell and when, for those who may fall after.
    fn remember(
        &mut self,
        now: UnixMs,
        looks: &BTreeMap<ComponentId, Look>,
        standings: &BTreeMap<ComponentId, Standing>,
    ) {
        self.fallen.retain(|_, fallen| now.since(fallen.onset) <= REMEMBERED_MS);
        for fallen in self.fallen.values_mut() {
            fallen.is_on = false;
        }
        for (id, standing) in standings {
            let judge = self.judges.get(id);
            let onset = judge.and_then(Judge::onset);
            let Some((onset, look)) = onset.zip(looks.get(id)) else { continue };
            let Some(mut fallen) = self.fallen_of(id, onset, look.symptom) else { continue };
            let before = self.fallen.get(id).filter(|before| before.onset == onset);
            if let Some(before) = before {
                fallen.is_confirmed = before.is_confirmed;
                fallen.symptom = look.symptom.or(before.symptom);
            }
            if standing.certainty == Certainty::Confirmed && !fallen.is_confirmed {
                fallen.is_confirmed = true;
                self.lifts.note(id, onset);
            }
            self.fallen.insert(id.clone(), fallen);
        }
    }

    fn verdict(&self, now: UnixMs, id: ComponentId, look: Look, standing: Standing) -> Verdict {
        let own = self.fallen.get(&id).filter(|_| standing.certainty > Certainty::Clear);
        let cause = match own {
            None => cause::of_guards(&look.guards)
                .or_else(|| cause::of_reports(&look.readings))
                .unwrap_or_else(cause::nothing),
            Some(fallen) => {
                let others: Vec<Fallen> = self.fallen.values().cloned().collect();
                cause::explain(&Case {
                    fallen,
                    certainty: standing.certainty,
                    readings: &look.readings,
                    guards: &look.guards,
                    is_contradicted: look.is_contradicted,
                    is_quality: look.is_quality,
                    is_attack: self.is_attack,
                    others: &others,
                    lifts: &self.lifts,
                    now,
                })
            }
        };
        Verdict {
            why: words::why(&standing, &look.readings, &look.guards),
            component: id,
            at: now,
            since: standing.since,
            health: standing.health,
            certainty: standing.certainty,
            belief: standing.belief,
            cause,
            readings: look.readings,
            guards: look.guards,
        }
    }

    /// A whole provider stands as the worst of what can be asked of it, and no worse for an app or a
    /// way to sign in that no request needs. It is down only if all of that is. `None` if its own
    /// evidence says as much.
    fn rolled_up(&self, whole: &ComponentId) -> Option<Verdict> {
        let known = self.judges.get(whole)?;
        known.component.capability.is_none().then_some(())?;
        let parts = self.judges.values().filter(|part| {
            let routed = part.component.capability.is_some_and(Capability::is_routed);
            routed && part.component.parent.as_ref() == Some(whole)
        });
        let parts: Vec<&Arc<Verdict>> =
            parts.filter_map(|part| self.own.get(&part.component.id)).collect();
        let worst = parts.iter().max_by_key(|of| (of.certainty, of.health, of.condition()))?;
        let all_down = parts.iter().all(|part| part.health == Health::Down);
        let own = self.own.get(whole);
        let milder = own.is_some_and(|own| own.certainty < worst.certainty);
        let unseen = own.is_none_or(|own| own.condition() == Condition::Unknown);
        (milder || unseen).then(|| {
            let health = if all_down { worst.health } else { worst.health.min(Health::Degraded) };
            let why = format!("{}: {}", worst.component, worst.why).into();
            Verdict { component: whole.clone(), health, why, ..Verdict::clone(worst) }
        })
    }
}

/// True for guards that do not make a component's own evidence worthless.
fn is_harmless(guard: &Guard) -> bool {
    matches!(guard, Guard::LowVolume | Guard::OwnAccount)
}
