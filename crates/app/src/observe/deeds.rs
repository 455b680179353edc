//! What Seawall itself does about an outage, in sentences for its incident: breakers that keep calls
//! away, traffic that another provider takes over, streams that another one goes on with. Read from
//! telemetry while somebody is not well; it decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use clock::UnixMs;
use telemetry::Snapshot;

/// Targets that are remembered.
const TARGETS_MAX: usize = 512;
/// Answers of a minute below which a share says nothing.
const ANSWERS_MIN: u64 = 10;
/// A share is told anew once it has moved so far.
const MOVED_MIN: f64 = 0.25;
/// And from so much on.
const SHARE_MIN: f64 = 0.5;
const MINUTE_MS: u64 = 60_000;

/// A sentence, the provider whose incident it belongs to, and when it was so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deed {
    pub(super) provider: Box<str>,
    pub(super) at: UnixMs,
    pub(super) sentence: String,
}

/// What was told already.
#[derive(Debug, Default)]
pub(super) struct DeedBook {
    /// Provider and model that a breaker keeps calls from.
    shut: BTreeSet<(Box<str>, Box<str>)>,
    /// For each provider in trouble who took its traffic, and how much of all.
    moved: BTreeMap<Box<str>, (Box<str>, f64)>,
    takeovers_at: Option<UnixMs>,
}

impl DeedBook {
    /// Forgets all, once everybody is well.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What was done since the last look about these providers.
    pub(super) fn read(
        &mut self,
        now: UnixMs,
        snapshot: &Snapshot,
        troubled: &[Box<str>],
    ) -> Vec<Deed> {
        let mut deeds = self.breakers(now, snapshot);
        deeds.retain(|deed| troubled.contains(&deed.provider));
        deeds.extend(self.shares(now, snapshot, troubled));
        deeds.extend(self.takeovers(now, snapshot, troubled));
        deeds
    }

    fn breakers(&mut self, now: UnixMs, snapshot: &Snapshot) -> Vec<Deed> {
        let mut deeds = Vec::new();
        for target in &snapshot.targets {
            let of_theirs = |why: &str| !matches!(why, "quota_exhausted" | "key_rejected");
            let mut breakers = target.breakers.iter();
            let shut = breakers.find(|of| of.state != "closed" && of_theirs(of.why));
            let key = (Box::<str>::from(&*target.provider), Box::<str>::from(&*target.model));
            let (provider, model) = (&target.provider, &target.model);
            let (at, sentence) = match (shut, self.shut.contains(&key)) {
                (Some(breaker), false) if self.shut.len() < TARGETS_MAX => {
                    self.shut.insert(key);
                    let at = now.minus_ms(breaker.since_seconds.saturating_mul(1_000));
                    (at, format!("Calls of {model} are kept away from {provider}."))
                }
                (None, true) => {
                    self.shut.remove(&key);
                    (now, format!("Calls of {model} go to {provider} again."))
                }
                _ => continue,
            };
            deeds.push(Deed { provider: (&**provider).into(), at, sentence });
        }
        deeds
    }

    /// Who answers instead, once it is most of the answers.
    fn shares(&mut self, now: UnixMs, snapshot: &Snapshot, troubled: &[Box<str>]) -> Vec<Deed> {
        let answers: u64 = snapshot.minute.rungs.values().sum();
        let mut by_provider: BTreeMap<&str, f64> = BTreeMap::new();
        for target in &snapshot.targets {
            *by_provider.entry(&target.provider).or_default() += target.minute.served_share;
        }
        let most = by_provider.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((taker, share)) = most.filter(|(_, share)| *share >= SHARE_MIN) else {
            return Vec::new();
        };
        let is_well = !troubled.iter().any(|provider| **provider == *taker);
        if answers < ANSWERS_MIN || !is_well {
            return Vec::new();
        }
        let mut deeds = Vec::new();
        for provider in troubled {
            let told = self.moved.get(provider);
            let is_news = told.is_none_or(|(known, before)| {
                **known != *taker || (share - before).abs() >= MOVED_MIN
            });
            if !is_news || self.moved.len() >= TARGETS_MAX {
                continue;
            }
            self.moved.insert(provider.clone(), (taker.into(), share));
            let percent = (share * 100.0).floor();
            let sentence = format!("{percent} % of all answers now come from {taker}.");
            deeds.push(Deed { provider: provider.clone(), at: now, sentence });
        }
        deeds
    }

    /// Streams that another target went on with; told once a minute.
    fn takeovers(&mut self, now: UnixMs, snapshot: &Snapshot, troubled: &[Box<str>]) -> Vec<Deed> {
        let is_early = self.takeovers_at.is_some_and(|at| now.since(at) < MINUTE_MS);
        let count = snapshot.minute.takeovers;
        // With several in trouble nobody knows whose streams they were.
        let ([provider], false, 1..) = (troubled, is_early, count) else { return Vec::new() };
        self.takeovers_at = Some(now);
        let streams = if count == 1 { "stream" } else { "streams" };
        let sentence = format!("{count} broken {streams} went on with another answerer.");
        vec![Deed { provider: provider.clone(), at: now, sentence }]
    }
}

#[cfg(test)]
mod tests {
    use telemetry::{BreakerView, TargetView};

    use super::*;

    fn target(provider: &str, share: f64, state: &'static str) -> TargetView {
        let breaker = BreakerView { key: 0, state, why: "streak", since_seconds: 5 };
        let mut target = TargetView {
            provider: provider.into(),
            model: "x".into(),
            breakers: vec![breaker],
            ..TargetView::default()
        };
        target.minute.served_share = share;
        target
    }

    #[test]
    fn each_deed_is_told_once() {
        let (mut book, mut snapshot) = (DeedBook::default(), Snapshot::default());
        let now = UnixMs::new(100_000);
        let troubled = [Box::<str>::from("a")];
        snapshot.minute.rungs.insert("primary", 200);
        snapshot.minute.takeovers = 2;
        snapshot.targets = vec![target("a", 0.025, "open"), target("b", 0.975, "closed")];
        let told = |deeds: Vec<Deed>| -> Vec<String> {
            deeds
                .into_iter()
                .map(|deed| format!("{} {}", deed.at.as_millis(), deed.sentence))
                .collect()
        };
        assert_eq!(
            told(book.read(now, &snapshot, &troubled)),
            [
                "95000 Calls of x are kept away from a.",
                "100000 97 % of all answers now come from b.",
                "100000 2 broken streams went on with another answerer.",
            ]
        );
        assert!(book.read(now.plus_ms(1_000), &snapshot, &troubled).is_empty());
        snapshot.targets = vec![target("a", 0.5, "closed"), target("b", 0.5, "closed")];
        snapshot.minute.takeovers = 0;
        let again = told(book.read(now.plus_ms(2_000), &snapshot, &troubled));
        assert_eq!(again[0], "102000 Calls of x go to a again.");
        snapshot.minute.rungs.insert("primary", 9);
        book.clear();
        assert!(book.read(now, &snapshot, &troubled).is_empty(), "nine answers are no share");
    }
}
