//! What telemetry counted as facts that can be judged, and the components that they are about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clock::UnixMs;
use detection::{
    Capability, Component, ComponentId, Evidence, Fact, FirstWords, ProbeResult, Refusals, Symptom,
    Traffic,
};
use domain::{FaultClass, Operation};
use providers::ProviderSettings;
use telemetry::ProviderCalls;

/// What every provider is asked for.
const PARTS: [Capability; 2] = [Capability::Chat, Capability::Embeddings];

/// Trials of one kind that count in one step.
const TRIALS_MAX: usize = 8;

/// Each provider as a whole, and its parts: what it is asked for, and where pages are read what its
/// page tells of.
pub(super) fn components(providers: &[ProviderSettings], reads_pages: bool) -> Vec<Component> {
    providers.iter().flat_map(|provider| of_provider(provider, reads_pages)).collect()
}

fn of_provider(provider: &ProviderSettings, reads_pages: bool) -> Vec<Component> {
    let name: Arc<str> = (&*provider.name).into();
    let id = ComponentId::new(Arc::clone(&name));
    let whole = Component {
        id: id.clone(),
        name: (&*name).into(),
        provider: Arc::clone(&name),
        capability: None,
        parent: None,
    };
    let mut parts = BTreeSet::from(PARTS);
    if let Some(page) = super::pages::page_of(provider).filter(|_| reads_pages) {
        let told = Capability::ALL.into_iter().filter(|capability| {
            page.parts.iter().any(|rule| rule.component == part_id(&name, *capability))
        });
        parts.extend(told);
    }
    let part = |capability: Capability| Component {
        id: part_id(&name, capability),
        name: format!("{name} {}", capability.as_str()).into(),
        provider: Arc::clone(&name),
        capability: Some(capability),
        parent: Some(id.clone()),
    };
    [whole].into_iter().chain(parts.into_iter().map(part)).collect()
}

/// The component of one capability.
pub(super) fn part_id(provider: &str, capability: Capability) -> ComponentId {
    ComponentId::new(format!("{provider}/{}", capability.as_str()))
}

/// What was heard of one component.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Ordinary calls.
    pub(super) traffic: Traffic,
    /// Calls of which a breaker lets one through at a time, to see whether the provider is back. They
    /// are sent at its moments and not at those of callers, which makes them probes: each call is
    /// evidence of one family only.
    pub(super) trials: Traffic,
}

/// The calls of the last `span_ms` by component: each call speaks of the part that was asked for, and
/// of the provider as a whole.
pub(super) fn heard(calls: &[ProviderCalls], span_ms: u32) -> BTreeMap<ComponentId, Heard> {
    let mut found: BTreeMap<ComponentId, Heard> = BTreeMap::new();
    for of_provider in calls {
        let traffic = traffic(of_provider, span_ms);
        let trials = counted(of_provider.trials_good, &of_provider.trials_failed, span_ms);
        let part = match of_provider.operation {
            Operation::Generate => Some(Capability::Chat),
            Operation::Embed => Some(Capability::Embeddings),
            Operation::CountTokens => None,
        };
        let part = part.map(|capability| part_id(&of_provider.provider, capability));
        for id in part.into_iter().chain([ComponentId::new(&*of_provider.provider)]) {
            let heard = found.entry(id).or_default();
            add(&mut heard.traffic, &traffic);
            add(&mut heard.trials, &trials);
        }
    }
    found
}

/// As evidence of that moment.
pub(super) fn evidence(at: UnixMs, component: &ComponentId, heard: &Heard) -> Vec<Evidence> {
    let traffic = Fact::Traffic { component: component.clone(), traffic: heard.traffic };
    let probe = |result| Fact::Probe { component: component.clone(), result };
    let probes = probes(&heard.trials).into_iter().map(probe);
    [traffic].into_iter().chain(probes).map(|fact| Evidence { at, fact }).collect()
}

/// Trials as results of probes, the bad ones first; of each kind no more than a few, since a second
/// brings one or two.
pub(super) fn probes(trials: &Traffic) -> Vec<ProbeResult> {
    let faults = &trials.faults;
    let kinds = [
        (faults.overload, ProbeResult::Failed(Symptom::Overload)),
        (faults.server_errors, ProbeResult::Failed(Symptom::ServerErrors)),
        (faults.timeouts, ProbeResult::Failed(Symptom::Timeouts)),
        (faults.cuts, ProbeResult::Failed(Symptom::Cuts)),
        (faults.connections, ProbeResult::Failed(Symptom::Connections)),
        (trials.refusals.count, ProbeResult::OwnAccount),
        (trials.good, ProbeResult::Right),
    ];
    let some = kinds.into_iter().flat_map(|(count, result)| {
        std::iter::repeat_n(result, usize::try_from(count).unwrap_or(0).min(TRIALS_MAX))
    });
    some.collect()
}

fn traffic(calls: &ProviderCalls, span_ms: u32) -> Traffic {
    let mut traffic = counted(calls.good, &calls.faults, span_ms);
    traffic.refusals.refused = calls.keys_refused;
    traffic.refusals.asking = calls.keys;
    traffic.first_words = calls.first_content_ms.map(|median_ms| FirstWords {
        answers: small(calls.first_contents),
        // From 0 on and far below four billion: a call does not last for weeks.
        median_ms: median_ms.round() as u32,
    });
    traffic
}

fn counted(good: u64, faults: &BTreeMap<FaultClass, u64>, span_ms: u32) -> Traffic {
    let mut traffic = Traffic { span_ms, good: small(good), ..Traffic::default() };
    for (class, count) in faults {
        // Whether a pace was kept that a 429 asked for is not known here: it is taken for our fault.
        traffic.count_faults(*class, false, small(*count));
    }
    traffic
}

/// Both together. The first words of the larger one stand for both: two medians have no sum.
fn add(sum: &mut Traffic, other: &Traffic) {
    sum.span_ms = other.span_ms;
    let (a, b) = (&mut sum.faults, &other.faults);
    a.overload = a.overload.saturating_add(b.overload);
    a.server_errors = a.server_errors.saturating_add(b.server_errors);
    a.timeouts = a.timeouts.saturating_add(b.timeouts);
    a.cuts = a.cuts.saturating_add(b.cuts);
    a.connections = a.connections.saturating_add(b.connections);
    sum.good = sum.good.saturating_add(other.good);
    sum.caller_faults = sum.caller_faults.saturating_add(other.caller_faults);
    sum.refusals = Refusals {
        count: sum.refusals.count.saturating_add(other.refusals.count),
        // The keys of two operations are the same keys.
        refused: sum.refusals.refused.max(other.refusals.refused),
        asking: sum.refusals.asking.max(other.refusals.asking),
    };
    let answers = |words: &Option<FirstWords>| words.map_or(0, |words| words.answers);
    if answers(&other.first_words) > answers(&sum.first_words) {
        sum.first_words = other.first_words;
    }
}

fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
