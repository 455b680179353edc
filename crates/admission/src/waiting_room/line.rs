//! The line of one class: a queue for each tenant, and the order in which the queues are served.
//! It knows no time and no bound.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Ticket;

/// Tickets are summed in blocks of so many, so that nobody's place is counted one by one.
const BLOCK: u64 = 256;

/// Number and cost of some who wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) count: usize,
    pub(super) cost: u64,
}

impl Share {
    pub(super) fn add(&mut self, cost: u64) {
        self.count += 1;
        self.cost = self.cost.saturating_add(cost);
    }

    pub(super) fn take(&mut self, cost: u64) {
        self.count = self.count.saturating_sub(1);
        self.cost = self.cost.saturating_sub(cost);
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { count: self.count + other.count, cost: self.cost.saturating_add(other.cost) }
    }
}

/// One tenant's waiters, in the order in which they came.
#[derive(Debug, Default)]
struct Queue {
    /// What the tenant was served; the least goes next.
    served: u64,
    costs: BTreeMap<Ticket, u64>,
    blocks: BTreeMap<u64, Share>,
    all: Share,
}

impl Queue {
    fn first(&self) -> Option<Ticket> {
        self.costs.first_key_value().map(|(ticket, _)| *ticket)
    }

    fn before(&self, ticket: Ticket) -> Share {
        let block = ticket.0 / BLOCK;
        let whole = self.blocks.range(..block).fold(Share::default(), |sum, (_, b)| sum.plus(*b));
        self.costs.range(Ticket(block * BLOCK)..ticket).fold(whole, |mut sum, (_, cost)| {
            sum.add(*cost);
            sum
        })
    }

    /// Those who are served before the tenant's share reaches `mark`.
    fn up_to(&self, mark: u64) -> Share {
        let span = mark.saturating_sub(self.served);
        if span >= self.all.cost {
            return self.all;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate of counts that are far below 2^52"
        )]
        let count = (self.all.count as f64 * span as f64 / self.all.cost as f64).ceil() as usize;
        let count = count.clamp(1, self.all.count);
        let each = self.all.cost / self.all.count.max(1) as u64;
        Share { count, cost: span.max(each) }
    }
}

/// All who wait in one class.
#[derive(Debug, Default)]
pub(super) struct Line {
    queues: BTreeMap<Arc<str>, Queue>,
    order: BTreeSet<(u64, Ticket, Arc<str>)>,
    all: Share,
}

impl Line {
    pub(super) fn all(&self) -> Share {
        self.all
    }

    /// Somebody takes his place behind the others of his tenant.
    pub(super) fn push(&mut self, tenant: &Arc<str>, served: u64, ticket: Ticket, cost: u64) {
        self.change(tenant, |queue| {
            queue.served = served;
            queue.costs.insert(ticket, cost);
            queue.blocks.entry(ticket.0 / BLOCK).or_default().add(cost);
            queue.all.add(cost);
        });
        self.all.add(cost);
    }

    /// Somebody goes, wherever he stands.
    pub(super) fn remove(&mut self, tenant: &Arc<str>, ticket: Ticket) {
        let mut gone = None;
        self.change(tenant, |queue| {
            let Some(cost) = queue.costs.remove(&ticket) else { return };
            let number = ticket.0 / BLOCK;
            if let Some(block) = queue.blocks.get_mut(&number) {
                block.take(cost);
                if block.count == 0 {
                    queue.blocks.remove(&number);
                }
            }
            queue.all.take(cost);
            gone = Some(cost);
        });
        if let Some(cost) = gone {
            self.all.take(cost);
        }
    }

    /// The tenant was served so much by now.
    pub(super) fn served(&mut self, tenant: &Arc<str>, served: u64) {
        if self.queues.contains_key(tenant) {
            self.change(tenant, |queue| queue.served = served);
        }
    }

    /// Every change of a queue goes through here, so that the order is that of the queues.
    fn change(&mut self, tenant: &Arc<str>, change: impl FnOnce(&mut Queue)) {
        let queue = self.queues.entry(tenant.clone()).or_default();
        if let Some(first) = queue.first() {
            self.order.remove(&(queue.served, first, tenant.clone()));
        }
        change(queue);
        match queue.first() {
            Some(first) => {
                self.order.insert((queue.served, first, tenant.clone()));
            }
            None => {
                self.queues.remove(tenant);
            }
        }
    }

    /// Whose turn it is.
    pub(super) fn first(&self) -> Option<Ticket> {
        self.order.first().map(|(_, ticket, _)| *ticket)
    }

    /// The least that a tenant of this line was served.
    pub(super) fn least_served(&self) -> Option<u64> {
        self.order.first().map(|(served, ..)| *served)
    }

    pub(super) fn has(&self, tenant: &Arc<str>) -> bool {
        self.queues.contains_key(tenant)
    }

    /// Those of this line who are served before `ticket` of a tenant that was served so much; a
    /// ticket that is not there yet stands behind all of its tenant. Among others only as much
    /// comes first as brings them to the same share.
    pub(super) fn ahead_of(&self, tenant: &Arc<str>, served: u64, ticket: Ticket) -> Share {
        let own = self.queues.get(tenant).map(|queue| queue.before(ticket)).unwrap_or_default();
        let mark = served.saturating_add(own.cost);
        let others = self.queues.iter().filter(|(name, queue)| {
            let comes_first =
                queue.first().is_some_and(|first| (queue.served, first) < (mark, ticket));
            *name != tenant && comes_first
        });
        others.fold(own, |sum, (_, queue)| sum.plus(queue.up_to(mark)))
    }

    /// Who would be served last of all, and the share at which his turn would come.
    pub(super) fn last(&self) -> Option<(u64, Ticket)> {
        let ends = self.queues.values().filter_map(|queue| {
            let (ticket, cost) = queue.costs.last_key_value()?;
            Some((queue.served.saturating_add(queue.all.cost - cost), *ticket))
        });
        ends.max()
    }

    /// The share at which a newcomer of this tenant would be served.
    pub(super) fn mark_of(&self, tenant: &Arc<str>, served: u64) -> u64 {
        let own = self.queues.get(tenant).map_or(0, |queue| queue.all.cost);
        served.saturating_add(own)
    }
}
