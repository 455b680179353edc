//! What was promised to those who were turned away: a turn of his own for each, in the order in
//! which they came, at the pace at which they can be served. So they do not come back together, and
//! whoever comes when he was told finds that the others were told to come later. It sees no
//! request: a promise is known by its tenant and its second.

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::Tick;

use super::line::Share;

/// No client waits longer of its own accord, so nothing later is kept free. Official clients ignore
/// a longer `Retry-After`, or sleep on it.
pub(super) const HORIZON_S: u64 = 60;
/// A turn is kept for so long before and after its second: networks and rounding take their part.
const EARLY_S: u64 = 2;
const LATE_S: u64 = 5;

/// The promises of one second.
#[derive(Debug, Default)]
struct Second {
    cost: u64,
    by_tenant: BTreeMap<Arc<str>, Share>,
}

/// All promises that are not over.
#[derive(Debug, Default)]
pub(super) struct Promises {
    seconds: BTreeMap<u64, Second>,
    count: usize,
}

impl Promises {
    /// Promises that nobody has come for yet.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Seconds from now after which so much cost is served at `per_s`, where those go in between who
    /// were promised a turn before that.
    pub(super) fn served_after(&self, now: Tick, cost: f64, per_s: f64) -> f64 {
        let mut sum = cost;
        for (due_s, promised) in self.due(now) {
            if sum / per_s <= due_s {
                break;
            }
            sum += promised;
        }
        sum / per_s
    }

    /// Seconds from now at which so much cost may be promised, so that every promise can still be
    /// kept at `per_s`.
    pub(super) fn free_after(&self, now: Tick, cost: f64, per_s: f64) -> f64 {
        let mut sum = cost;
        let mut free_s = sum / per_s;
        for (due_s, promised) in self.due(now) {
            sum += promised;
            if sum / per_s > due_s {
                free_s = sum / per_s;
            }
        }
        free_s
    }

    /// When promises are due, in seconds from now, and their cost.
    fn due(&self, now: Tick) -> impl Iterator<Item = (f64, f64)> {
        let now_s = seconds_of(now);
        #[expect(clippy::cast_precision_loss, reason = "seconds of a process, and their cost")]
        self.seconds.iter().map(move |(second, slot)| (*second as f64 - now_s, slot.cost as f64))
    }

    /// Writes down that one of this tenant comes back so many seconds from now.
    pub(super) fn promise(&mut self, now: Tick, after_s: f64, tenant: &Arc<str>, cost: u64) {
        self.forget(now);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds of one process; a negative one becomes zero"
        )]
        let second = (seconds_of(now) + after_s).ceil() as u64;
        if second > now.as_millis() / 1000 + HORIZON_S {
            return;
        }
        let slot = self.seconds.entry(second).or_default();
        slot.cost = slot.cost.saturating_add(cost);
        slot.by_tenant.entry(tenant.clone()).or_default().add(cost);
        self.count += 1;
    }

    /// One of this tenant has come again. True if one was promised a turn about now, which is used
    /// up with it.
    pub(super) fn keep(&mut self, now: Tick, tenant: &Arc<str>) -> bool {
        self.forget(now);
        let last = now.as_millis() / 1000 + EARLY_S;
        for (_, slot) in self.seconds.range_mut(..=last) {
            let Some(share) = slot.by_tenant.get_mut(tenant) else { continue };
            let cost = share.cost / share.count.max(1) as u64;
            share.take(cost);
            slot.cost = slot.cost.saturating_sub(cost);
            if share.count == 0 {
                slot.by_tenant.remove(tenant);
            }
            self.count -= 1;
            return true;
        }
        false
    }

    /// Nobody came for these.
    fn forget(&mut self, now: Tick) {
        let first = (now.as_millis() / 1000).saturating_sub(LATE_S);
        while let Some(oldest) = self.seconds.first_entry() {
            if *oldest.key() >= first {
                break;
            }
            let over: usize = oldest.get().by_tenant.values().map(|share| share.count).sum();
            self.count -= over;
            oldest.remove();
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of one process")]
fn seconds_of(at: Tick) -> f64 {
    at.as_millis() as f64 / 1000.0
}
