//! The evidence behind verdicts: what was taken of late and is not kept yet, so that it can be stored
//! beside each verdict that is not what it was, and the verdict be drawn again. A verdict is drawn from
//! all rows of the hours before it, in their order: each holds what came after the one before, and at
//! most the ten minutes before it while all is well. Nothing is judged here.

use std::collections::{BTreeMap, VecDeque};

use clock::UnixMs;
use detection::{ComponentId, Evidence, Fact, Family};

/// While all is well, evidence is kept in mind for so long, in milliseconds.
const WINDOW_MS: u64 = 600_000;
/// So long before that they are stored, should all not be well, in milliseconds.
const SPARE_MS: u64 = 60_000;
/// Facts of one component that wait; beyond it the oldest are forgotten.
const FACTS_MAX: usize = 2_400;
/// So many are stored without waiting for a verdict that turns, while all is not well.
const FACTS_FULL: usize = 600;

/// What was taken of late and is not stored yet, by component. What is about none of them is noted
/// with every one.
#[derive(Debug, Default)]
pub(super) struct Recorder(BTreeMap<ComponentId, VecDeque<Evidence>>);

impl Recorder {
    /// Notes for these from now on, and forgets others.
    pub(super) fn set_components(&mut self, components: impl Iterator<Item = ComponentId>) {
        let mut before = std::mem::take(&mut self.0);
        let kept = |id: ComponentId| {
            let facts = before.remove(&id).unwrap_or_default();
            (id, facts)
        };
        self.0 = components.map(kept).collect();
    }

    /// Notes a fact that the court takes.
    pub(super) fn note(&mut self, evidence: &Evidence) {
        match component(&evidence.fact) {
            Some(component) => {
                if let Some(facts) = self.0.get_mut(component) {
                    push(facts, evidence);
                }
            }
            None => self.0.values_mut().for_each(|facts| push(facts, evidence)),
        }
    }

    /// True if so much waits that it is to be stored, should its component not be well.
    pub(super) fn is_full(&self, component: &ComponentId, now: UnixMs) -> bool {
        let is_old = |first: &Evidence| now.since(first.at) >= WINDOW_MS - SPARE_MS;
        self.0
            .get(component)
            .is_some_and(|facts| facts.len() >= FACTS_FULL || facts.front().is_some_and(is_old))
    }

    /// What is not stored yet, one row for each family.
    pub(super) fn take_rows(
        &mut self,
        component: &ComponentId,
        at: UnixMs,
    ) -> Vec<storage::Evidence> {
        let facts = self.0.get_mut(component).map(std::mem::take).unwrap_or_default();
        let mut by_family: BTreeMap<Family, Vec<Evidence>> = BTreeMap::new();
        for evidence in facts {
            by_family.entry(family(&evidence.fact)).or_default().push(evidence);
        }
        let row = |(family, facts): (Family, Vec<Evidence>)| storage::Evidence {
            component: component.clone(),
            at,
            family,
            text: storage::write_facts(&facts),
        };
        by_family.into_iter().map(row).collect()
    }
}

fn push(facts: &mut VecDeque<Evidence>, evidence: &Evidence) {
    facts.push_back(evidence.clone());
    let is_old = |first: &Evidence| evidence.at.since(first.at) > WINDOW_MS;
    while facts.len() > FACTS_MAX || facts.front().is_some_and(is_old) {
        facts.pop_front();
    }
}

fn component(fact: &Fact) -> Option<&ComponentId> {
    match fact {
        Fact::Traffic { component, .. }
        | Fact::Silence { component, .. }
        | Fact::Probe { component, .. }
        | Fact::Reports { component, .. }
        | Fact::Page { component, .. }
        | Fact::Drift { component, .. } => Some(component),
        Fact::Canary { .. } | Fact::Attack { .. } | Fact::Maintenance(_) => None,
    }
}

fn family(fact: &Fact) -> Family {
    match fact {
        Fact::Traffic { .. } | Fact::Silence { .. } | Fact::Drift { .. } => Family::Traffic,
        Fact::Probe { .. } => Family::Probe,
        Fact::Reports { .. } => Family::Reports,
        Fact::Page { .. } => Family::OfficialPage,
        Fact::Canary { .. } | Fact::Attack { .. } | Fact::Maintenance(_) => {
            Family::SharedDependency
        }
    }
}
