//! How the store in memory forgets: by age first, then what is too much, oldest first.

use std::collections::BTreeMap;

use super::Memory;
use crate::{Bound, SubscriberState};
use clock::UnixMs;

const HOUR_MS: u64 = 60 * 60 * 1000;

impl Memory {
    /// Removes what is too old or too much, each kind up to the bound of rows at a time.
    pub(super) fn remove_old(&mut self, now: UnixMs) -> usize {
        let batch = self.settings.prune_rows_max;
        let keep = self.settings.retention.clone();
        let days = Bound { age_hours_max: u32::MAX, rows_max: keep.day_rows_max };
        let mut removed = 0;
        let by_age = |bound: Bound| Sweep { before: cutoff(now, bound), bound, batch };
        removed += by_age(keep.minutes).run(&mut self.minutes, |(_, at), _| *at);
        removed += by_age(days).run(&mut self.days, |(_, at), _| *at);
        removed += by_age(keep.verdicts).run(&mut self.verdicts, |(_, at), _| *at);
        removed += by_age(keep.evidence).run(&mut self.evidence, |((_, at), _), _| *at);
        removed += by_age(keep.report_bins).run(&mut self.report_bins, |((_, at), _), _| *at);
        removed += by_age(keep.outgoing).run(&mut self.outgoing, |_, one| one.created_at);
        removed += self.forget_incidents(keep.incidents_max, batch);
        self.timelines.retain(|id, _| self.incidents.contains_key(id));
        removed += self.forget_maintenances(keep.maintenances_max, batch);
        removed += self.forget_subscribers(now);
        removed + self.forget_keys(cutoff_hours(now, keep.revoked_keys_hours_max), batch)
    }

    fn forget_incidents(&mut self, rows_max: u64, batch: usize) -> usize {
        let excess = excess(self.incidents.len(), rows_max).min(batch);
        let over = self.incidents.values().filter(|one| one.phase.is_over());
        let mut over: Vec<_> = over.map(|one| (one.started_at, one.id.clone())).collect();
        over.sort();
        let gone = over.into_iter().take(excess);
        gone.filter(|(_, id)| self.incidents.remove(id).is_some()).count()
    }

    fn forget_maintenances(&mut self, rows_max: u64, batch: usize) -> usize {
        let excess = excess(self.maintenances.len(), rows_max).min(batch);
        let over = self.maintenances.values().filter(|one| one.phase.is_over());
        let mut over: Vec<_> = over.map(|one| (one.starts_at, one.id.clone())).collect();
        over.sort();
        let gone = over.into_iter().take(excess);
        gone.filter(|(_, id)| self.maintenances.remove(id).is_some()).count()
    }

    fn forget_subscribers(&mut self, now: UnixMs) -> usize {
        let keep = &self.settings.retention;
        let before = cutoff_hours(now, keep.unconfirmed_hours_max);
        let excess = excess(self.subscribers.len(), keep.subscribers_max);
        let waiting = self.subscribers.values();
        let waiting = waiting.filter(|one| one.state == SubscriberState::Unconfirmed);
        let mut waiting: Vec<_> = waiting.map(|one| (one.created_at, one.id.clone())).collect();
        waiting.sort();
        let old = waiting.iter().filter(|(at, _)| *at < before).count();
        let gone = old.max(excess).min(self.settings.prune_rows_max).min(waiting.len());
        for (_, id) in waiting.into_iter().take(gone) {
            self.remove_subscriber(&id);
        }
        gone
    }

    fn forget_keys(&mut self, before: UnixMs, batch: usize) -> usize {
        let old = self.caller_keys.values();
        let old = old.filter(|key| key.revoked_at.is_some_and(|at| at < before));
        let gone: Vec<_> = old.map(|key| key.id.clone()).take(batch).collect();
        gone.iter().filter(|id| self.caller_keys.remove(*id).is_some()).count()
    }
}

/// One kind's bound at one moment.
struct Sweep {
    before: UnixMs,
    bound: Bound,
    batch: usize,
}

impl Sweep {
    fn run<K: Ord + Clone, V>(
        &self,
        rows: &mut BTreeMap<K, V>,
        at: impl Fn(&K, &V) -> UnixMs,
    ) -> usize {
        let excess = excess(rows.len(), self.bound.rows_max);
        let mut by_age: Vec<_> = rows.iter().map(|(key, row)| (at(key, row), key)).collect();
        by_age.sort();
        let old = by_age.iter().filter(|(at, _)| *at < self.before).count();
        let gone = by_age.into_iter().take(old.max(excess).min(self.batch));
        let gone: Vec<_> = gone.map(|(_, key)| key.clone()).collect();
        gone.iter().filter(|key| rows.remove(*key).is_some()).count()
    }
}

fn cutoff(now: UnixMs, bound: Bound) -> UnixMs {
    cutoff_hours(now, bound.age_hours_max)
}

/// What is older is too old.
pub(crate) fn cutoff_hours(now: UnixMs, hours: u32) -> UnixMs {
    now.minus_ms(u64::from(hours).saturating_mul(HOUR_MS))
}

fn excess(rows: usize, rows_max: u64) -> usize {
    rows.saturating_sub(usize::try_from(rows_max).unwrap_or(usize::MAX))
}
