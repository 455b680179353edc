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

/// Half of what is known of a provider's 429s is forgotten after so long, in milliseconds.
const LIMITED_HALF_MS: f64 = 20_000.0;
/// From such a share on most calls are refused for their pace.
const LIMITED_SHARE: f64 = 0.5;
/// For so long it may be our pace that has yet to be learnt, in milliseconds.
const LEARNING_MS: u64 = 60_000;

/// Whether a 429 comes although the pace was kept. The line obeys what a 429 asks for and learns the
/// pace that a provider bears within seconds; where most calls are still refused after a minute of
/// that, it is not the pace.
#[derive(Debug, Default)]
pub(super) struct Pacing(BTreeMap<String, Limited>);

#[derive(Debug, Default)]
struct Limited {
    limited: f64,
    others: f64,
    noted_at: UnixMs,
    since: Option<UnixMs>,
}

impl Pacing {
    /// Notes the calls of a second; true if their 429s came although the pace was kept.
    fn note(&mut self, now: UnixMs, calls: &ProviderCalls) -> bool {
        let of = |faults: &BTreeMap<FaultClass, u64>| {
            faults.get(&FaultClass::RateLimited).copied().unwrap_or(0)
        };
        let limited = of(&calls.faults) + of(&calls.trials_failed);
        let all = calls.good + calls.trials_good;
        let all = calls.faults.values().chain(calls.trials_failed.values()).fold(all, |a, b| a + b);
        if limited == 0 && !self.0.contains_key(&calls.provider) {
            return false;
        }
        let known = self.0.entry(calls.provider.clone()).or_default();
        let left = 0.5_f64.powf(now.since(known.noted_at) as f64 / LIMITED_HALF_MS);
        known.limited = known.limited * left + limited as f64;
        known.others = known.others * left + (all - limited) as f64;
        known.noted_at = now;
        let is_most = known.limited >= LIMITED_SHARE * (known.limited + known.others);
        let is_anything = known.limited >= 0.1;
        if !is_most || !is_anything {
            known.since = None;
            if !is_anything {
                self.0.remove(&calls.provider);
            }
            return false;
        }
        now.since(*known.since.get_or_insert(now)) >= LEARNING_MS
    }
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
pub(super) fn heard(
    calls: &[ProviderCalls],
    (now, span_ms): (UnixMs, u32),
    pacing: &mut Pacing,
) -> BTreeMap<ComponentId, Heard> {
    let mut found: BTreeMap<ComponentId, Heard> = BTreeMap::new();
    for of_provider in calls {
        let was_paced = pacing.note(now, of_provider);
        let traffic = traffic(of_provider, span_ms, was_paced);
        let trials = &of_provider.trials_failed;
        let trials = counted(of_provider.trials_good, trials, (span_ms, was_paced));
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

fn traffic(calls: &ProviderCalls, span_ms: u32, was_paced: bool) -> Traffic {
    let mut traffic = counted(calls.good, &calls.faults, (span_ms, was_paced));
    traffic.refusals.refused = calls.keys_refused;
    traffic.refusals.asking = calls.keys;
    traffic.callers_failed = calls.callers_failed;
    traffic.first_words = calls.first_content_ms.map(|median_ms| FirstWords {
        answers: small(calls.first_contents),
        // From 0 on and far below four billion: a call does not last for weeks.
        median_ms: median_ms.round() as u32,
    });
    traffic
}

fn counted(
    good: u64,
    faults: &BTreeMap<FaultClass, u64>,
    (span_ms, was_paced): (u32, bool),
) -> Traffic {
    let mut traffic = Traffic { span_ms, good: small(good), ..Traffic::default() };
    for (class, count) in faults {
        traffic.count_faults(*class, was_paced, small(*count));
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
    // The callers of two operations may be the same ones.
    sum.callers_failed = sum.callers_failed.max(other.callers_failed);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(good: u64, limited: u64) -> ProviderCalls {
        ProviderCalls {
            provider: "a".into(),
            operation: Operation::Generate,
            good,
            faults: [(FaultClass::RateLimited, limited)].into(),
            trials_good: 0,
            trials_failed: BTreeMap::new(),
            first_contents: 0,
            first_content_ms: None,
            keys: 1,
            keys_refused: 0,
            callers_failed: 0,
        }
    }

    #[test]
    fn a_429_that_lasts_although_the_pace_is_kept_is_overload() {
        let mut pacing = Pacing::default();
        let mut overload = |second: u64, good, limited| {
            let now = UnixMs::new(1_000_000 + second * 1_000);
            let heard = heard(&[calls(good, limited)], (now, 1_000), &mut pacing);
            heard.get(&part_id("a", Capability::Chat)).unwrap().traffic.faults.overload
        };
        // A burst is our pace, and so is a share that stays below half.
        assert!((0..30).all(|second| overload(second, 0, 2) == 0));
        assert!((30..300).all(|second| overload(second, 3, 1) == 0));
        assert!((300..350).all(|second| overload(second, 0, 2) == 0));
        assert!((400..500).any(|second| overload(second, 0, 2) == 2));
        (500..520).for_each(|second| assert_eq!(overload(second, 9, 0), 0));
        assert_eq!(overload(521, 9, 1), 0, "it answers again");
    }
}
