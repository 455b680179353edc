//! Who waits, in what order, and how long. The room is bounded in number and in time; within a
//! class the tenant goes next that has been served the least, by cost, so that a noisy one waits
//! behind itself; and whoever cannot make it before his own deadline is told so at once, instead
//! of being kept until it is too late. It starts nothing and wakes nobody.
//!
//! The wait that is told is the time in which four of five who stand at that place are served,
//! reckoned from the cost that was let in during the last minute.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clock::{Dice, Tick};

/// Seconds over which the cost that was let in is counted.
const RATE_SPAN_S: usize = 60;
/// Spread of the wait that is told, so that those who were turned away together do not come back
/// together.
const JITTER_SHARE: f64 = 0.1;
/// Standard deviations of the eightieth and the ninetieth hundredth.
const P80: f64 = 0.8416;
const P90: f64 = 1.2816;
/// Tenants whose share is remembered while they do not wait.
const TENANTS_MAX: usize = 4_096;
/// The wait that is told while nothing was let in yet.
const WAIT_UNKNOWN: Duration = Duration::from_secs(5);

/// What comes first. Within a class everybody is equal but for what his tenant was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// An answer that broke off in mid-sentence.
    Takeover,
    /// A further turn of a conversation that has begun.
    Continuation,
    /// A new request.
    Fresh,
    /// What nobody waits for.
    Background,
}

impl Class {
    /// The word used in metrics and receipts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Takeover => "takeover",
            Self::Continuation => "continuation",
            Self::Fresh => "fresh",
            Self::Background => "background",
        }
    }
}

/// The room's bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomSettings {
    /// Waiters at most; 0 closes the room.
    pub waiters_max: usize,
    /// The longest wait, in milliseconds.
    pub wait_ms_max: u64,
}

impl Default for RoomSettings {
    fn default() -> Self {
        Self { waiters_max: 1_000, wait_ms_max: 30_000 }
    }
}

/// Somebody who would like to wait.
#[derive(Debug, Clone)]
pub struct Waiter {
    pub tenant: Arc<str>,
    pub class: Class,
    /// What serving it will cost, in tokens.
    pub cost: u64,
    /// When it must have been let in at the latest, by its own clocks.
    pub deadline: Tick,
}

/// A place in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// How long it will take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eta {
    pub p50: Duration,
    pub p80: Duration,
    pub p90: Duration,
}

/// Why somebody may not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnedAwayWhy {
    /// Every place is taken.
    Full,
    /// His turn would come after his deadline, or after the longest wait.
    TooLate,
    /// The room is closed by its settings.
    Closed,
}

impl TurnedAwayWhy {
    /// The word used in metrics, receipts and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "waiting_room_full",
            Self::TooLate => "wait_too_long",
            Self::Closed => "waiting_room_closed",
        }
    }
}

/// An honest no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPlace {
    pub why: TurnedAwayWhy,
    /// When it makes sense to come again.
    pub retry_after: Duration,
}

impl fmt::Display for NoPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; come again in {:.0} s", self.why.as_str(), self.retry_after.as_secs_f64())
    }
}

impl std::error::Error for NoPlace {}

#[derive(Debug)]
struct Place {
    waiter: Waiter,
    since: Tick,
    until: Tick,
}

/// The room of one ladder.
#[derive(Debug)]
pub struct WaitingRoom {
    settings: RoomSettings,
    places: BTreeMap<Ticket, Place>,
    next_ticket: u64,
    /// Cost served to each tenant, as a place in line: the least goes next.
    served: BTreeMap<Arc<str>, u64>,
    /// Cost and number let in, for each of the last seconds; the second they belong to.
    let_in: [(u64, u64, u64); RATE_SPAN_S],
    /// The last wait that was told, and how many waited then: it must not grow while they do not.
    told: Option<(Duration, usize)>,
}

impl WaitingRoom {
    /// An empty room.
    pub fn new(settings: RoomSettings) -> Self {
        Self {
            settings,
            places: BTreeMap::new(),
            next_ticket: 0,
            served: BTreeMap::new(),
            let_in: [(0, 0, 0); RATE_SPAN_S],
            told: None,
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// True if nobody waits.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Takes a place.
    ///
    /// # Errors
    /// [`NoPlace`] if there is none, or if waiting would be in vain.
    pub fn enter(&mut self, now: Tick, waiter: Waiter, dice: &mut Dice) -> Result<Ticket, NoPlace> {
        let ahead = self.ahead_of(waiter.class, None);
        let eta = self.eta(now, ahead);
        let why = if self.settings.waiters_max == 0 {
            Some(TurnedAwayWhy::Closed)
        } else if self.places.len() >= self.settings.waiters_max {
            Some(TurnedAwayWhy::Full)
        } else {
            let until = self.last_call(now, &waiter);
            eta.filter(|eta| now + eta.p50 > until).map(|_| TurnedAwayWhy::TooLate)
        };
        if let Some(why) = why {
            return Err(NoPlace { why, retry_after: self.retry_after(now, dice) });
        }
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let until = self.last_call(now, &waiter);
        self.join_line(&waiter.tenant);
        self.places.insert(ticket, Place { waiter, since: now, until });
        Ok(ticket)
    }

    fn last_call(&self, now: Tick, waiter: &Waiter) -> Tick {
        (now + Duration::from_millis(self.settings.wait_ms_max)).min(waiter.deadline)
    }

    /// Whose turn it is; `None` if nobody waits. It keeps its place until
    /// [`let_in`](Self::let_in) or [`leave`](Self::leave).
    pub fn next(&self) -> Option<Ticket> {
        let rank = |(ticket, place): &(&Ticket, &Place)| {
            let served = self.served.get(&place.waiter.tenant).copied().unwrap_or(0);
            (place.waiter.class, served, **ticket)
        };
        self.places.iter().min_by_key(rank).map(|(ticket, _)| *ticket)
    }

    /// This one goes in now; gives how long it waited.
    pub fn let_in(&mut self, now: Tick, ticket: Ticket) -> Option<Duration> {
        let place = self.places.remove(&ticket)?;
        self.count(now, &place.waiter.tenant, place.waiter.cost);
        Some(now.since(place.since))
    }

    /// Somebody went in without waiting; it counts for the rate, and for his tenant's share.
    pub fn passed_by(&mut self, now: Tick, tenant: &Arc<str>, cost: u64) {
        self.count(now, tenant, cost);
    }

    /// This one waits no longer.
    pub fn leave(&mut self, ticket: Ticket) {
        self.places.remove(&ticket);
    }

    /// Until when this one may wait.
    pub fn until(&self, ticket: Ticket) -> Option<Tick> {
        self.places.get(&ticket).map(|place| place.until)
    }

    /// How many are ahead of this one, and how long it will take; `None` for the time while
    /// nothing is known of the rate.
    pub fn position(&self, now: Tick, ticket: Ticket) -> Option<(usize, Option<Eta>)> {
        let place = self.places.get(&ticket)?;
        let ahead = self.ahead_of(place.waiter.class, Some((ticket, &place.waiter.tenant)));
        Some((ahead.0, self.eta(now, ahead)))
    }

    /// What to tell somebody who may not wait: the time after which four of five who would stand
    /// at the end of the line are served. It does not grow while the line does not.
    pub fn retry_after(&mut self, now: Tick, dice: &mut Dice) -> Duration {
        let ahead = self.ahead_of(Class::Background, None);
        let reckoned = self.eta(now, ahead).map_or(WAIT_UNKNOWN, |eta| eta.p80);
        let waiting = self.places.len();
        let told = match self.told {
            Some((told, then)) if waiting <= then => reckoned.min(told),
            _ => reckoned,
        };
        self.told = (waiting > 0).then_some((told, waiting));
        dice.jitter(told.max(Duration::from_secs(1)), JITTER_SHARE)
    }

    /// Number and cost of those who come before somebody of this class.
    fn ahead_of(&self, class: Class, own: Option<(Ticket, &Arc<str>)>) -> (usize, u64) {
        let own_served = own.and_then(|(_, tenant)| self.served.get(tenant)).copied().unwrap_or(0);
        let comes_first = |(ticket, place): &(&Ticket, &Place)| {
            let other = &place.waiter;
            if other.class != class {
                return other.class < class;
            }
            let Some((own_ticket, tenant)) = own else { return true };
            let served = self.served.get(&other.tenant).copied().unwrap_or(0);
            // A tenant that was served less passes in front; among equals the ticket decides.
            match other.tenant == *tenant {
                true => **ticket < own_ticket,
                false => (served, **ticket) < (own_served, own_ticket),
            }
        };
        let first = self.places.iter().filter(comes_first);
        first.fold((0, 0), |(count, cost), (_, place)| (count + 1, cost + place.waiter.cost))
    }

    /// How long it takes to serve so many of so much cost.
    fn eta(&self, now: Tick, (count, cost): (usize, u64)) -> Option<Eta> {
        let (rate, _) = self.rate(now)?;
        #[expect(clippy::cast_precision_loss, reason = "counts of waiters and tokens are small")]
        let (mean, count) = (cost as f64 / rate, count as f64);
        // Arrivals at the door are a Poisson flow, so the time for `count` of them is a Gamma
        // variable with this spread; the normal one is near enough.
        let spread = if count > 0.0 { mean / count.sqrt() } else { 0.0 };
        let at = |deviations: f64| {
            Duration::from_secs_f64((mean + deviations * spread).clamp(0.0, 86_400.0))
        };
        Some(Eta { p50: at(0.0), p80: at(P80), p90: at(P90) })
    }

    /// Cost and number let in a second, over the last minute.
    fn rate(&self, now: Tick) -> Option<(f64, f64)> {
        let second = now.as_millis() / 1000;
        let recent = self.let_in.iter().filter(|(at, _, _)| at + RATE_SPAN_S as u64 > second);
        let (oldest, cost, count) = recent
            .filter(|(_, _, count)| *count > 0)
            .fold((second, 0_u64, 0_u64), |(oldest, cost, count), (at, more, n)| {
                (oldest.min(*at), cost + more, count + n)
            });
        if count == 0 || cost == 0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a minute's cost is far below 2^52")]
        let (span, cost, count) = ((second - oldest + 1).max(5) as f64, cost as f64, count as f64);
        Some((cost / span, count / span))
    }

    fn count(&mut self, now: Tick, tenant: &Arc<str>, cost: u64) {
        let second = now.as_millis() / 1000;
        let at = usize::try_from(second % RATE_SPAN_S as u64).unwrap_or(0);
        if let Some(bucket) = self.let_in.get_mut(at) {
            if bucket.0 != second {
                *bucket = (second, 0, 0);
            }
            bucket.1 = bucket.1.saturating_add(cost);
            bucket.2 += 1;
        }
        self.join_line(tenant);
        if let Some(served) = self.served.get_mut(tenant) {
            *served = served.saturating_add(cost);
        }
        if self.places.is_empty() && self.served.len() > TENANTS_MAX {
            self.served.clear();
        }
    }

    /// A tenant that comes anew starts beside the one that was served the least, so that having
    /// been away is no credit.
    fn join_line(&mut self, tenant: &Arc<str>) {
        let waits =
            |name: &Arc<str>| self.places.values().any(|place| place.waiter.tenant == *name);
        if waits(tenant) {
            return;
        }
        let least = self.places.values().filter_map(|place| self.served.get(&place.waiter.tenant));
        let least = least.min().copied().unwrap_or(0);
        let served = self.served.entry(tenant.clone()).or_insert(least);
        *served = (*served).max(least);
    }
}
