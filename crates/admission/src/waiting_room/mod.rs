//! Who waits, in what order, and how long. The room is bounded in number and in time; within a
//! class the tenant goes next that has been served the least, by cost, so that a noisy one waits
//! behind itself; and whoever cannot make it before his own deadline is told so at once, instead
//! of being kept until it is too late. A full room makes room for whoever would be served before
//! its last. It starts nothing and wakes nobody.
//!
//! The wait that is told to those who are turned away is a turn of their own, at which four of five
//! who stand at that place are served, reckoned from the cost that was let in during the last
//! minute. Who comes back at it comes before those who are new.

mod flow;
mod line;
mod patience;
mod promises;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clock::{Dice, Tick};

use flow::{Flow, seconds};
use line::{Line, Share};
use patience::Patience;
use promises::{HORIZON_S, Promises};

/// Spread of the wait that is told, so that those who were turned away together do not come back
/// together.
const JITTER_SHARE: f64 = 0.1;
/// Standard deviations of the eightieth hundredth.
const P80: f64 = 0.8416;
/// Tenants whose share is remembered while they do not wait.
const TENANTS_MAX: usize = 4_096;
/// So long a line may last before nobody expects any more that it is over within a minute.
const LASTING: Duration = Duration::from_secs(60);
/// The wait that is told while nothing was let in yet.
const WAIT_UNKNOWN: Duration = Duration::from_secs(5);

/// What comes first. Within a class everybody is equal but for what his tenant was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// An answer that broke off in mid-sentence.
    Takeover,
    /// A further turn of a conversation that has begun.
    Continuation,
    /// Somebody who was turned away and comes again when he was told.
    Returning,
    /// A new request.
    Fresh,
    /// What nobody waits for.
    Background,
}

impl Class {
    const ALL: [Self; 5] =
        [Self::Takeover, Self::Continuation, Self::Returning, Self::Fresh, Self::Background];

    /// The word used in metrics and receipts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Takeover => "takeover",
            Self::Continuation => "continuation",
            Self::Returning => "returning",
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
    /// In milliseconds: after so long a caller who can be told is told where he stands, and then
    /// again and again; 0 tells nobody.
    pub tell_after_ms: u64,
    pub tell_every_ms: u64,
}

impl Default for RoomSettings {
    fn default() -> Self {
        Self {
            waiters_max: 1_000,
            wait_ms_max: 30_000,
            tell_after_ms: 10_000,
            tell_every_ms: 10_000,
        }
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
    /// Nobody is let in before then, as far as is known; `now` or earlier if somebody may be.
    pub opens: Tick,
    /// It says that it was turned away before. That alone is no merit: only one who was promised a
    /// turn about now is let in before the others.
    pub again: bool,
}

/// A place in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// How long it will take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eta {
    pub p50: Duration,
    pub p80: Duration,
}

/// A place that was taken, and whose it was if the room was full: he waits no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entered {
    pub ticket: Ticket,
    pub instead_of: Option<Ticket>,
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
    pub turn: Turn,
}

/// What somebody is told who was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// When it makes sense to come again.
    pub after: Duration,
    /// That is later than clients wait of their own accord, and nothing says that it may be sooner:
    /// to come again before would be in vain.
    pub is_far: bool,
}

impl fmt::Display for NoPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; come again in {:.0} s", self.why.as_str(), self.turn.after.as_secs_f64())
    }
}

impl std::error::Error for NoPlace {}

#[derive(Debug)]
struct Place {
    waiter: Waiter,
    since: Tick,
    until: Tick,
    /// It stands in its line; false once its place was given to another.
    stands: bool,
}

/// The room of one ladder.
#[derive(Debug)]
pub struct WaitingRoom {
    settings: RoomSettings,
    places: BTreeMap<Ticket, Place>,
    /// In the order of their classes.
    lines: [Line; Class::ALL.len()],
    next_ticket: u64,
    /// Cost served to each tenant, as a place in line: the least goes next.
    served: BTreeMap<Arc<str>, u64>,
    flow: Flow,
    promises: Promises,
    patience: Patience,
    /// The last wait that was told, and how many waited or were to come then: it must not grow
    /// while they do not.
    told: Option<(Duration, usize)>,
}

impl WaitingRoom {
    /// An empty room.
    pub fn new(settings: RoomSettings) -> Self {
        Self {
            settings,
            places: BTreeMap::new(),
            lines: Default::default(),
            next_ticket: 0,
            served: BTreeMap::new(),
            flow: Flow::default(),
            promises: Promises::default(),
            patience: Patience::default(),
            told: None,
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.all().count
    }

    /// True if nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn all(&self) -> Share {
        self.lines.iter().fold(Share::default(), |sum, line| sum.plus(line.all()))
    }

    /// Takes a place.
    ///
    /// # Errors
    /// [`NoPlace`] if there is none, or if waiting would be in vain.
    pub fn enter(
        &mut self,
        now: Tick,
        mut waiter: Waiter,
        dice: &mut Dice,
    ) -> Result<Entered, NoPlace> {
        if waiter.again && self.promises.keep(now, &waiter.tenant) {
            waiter.class = waiter.class.min(Class::Returning);
        }
        self.join_line(&waiter.tenant);
        let until = self.last_call(now, &waiter);
        let full = self.len() >= self.settings.waiters_max;
        let last = if full { self.last_behind(&waiter) } else { None };
        let why = if self.settings.waiters_max == 0 {
            Some(TurnedAwayWhy::Closed)
        } else if full && last.is_none() {
            Some(TurnedAwayWhy::Full)
        } else {
            let in_vain = now + self.eta_of_newcomer(now, &waiter).p50 > until;
            in_vain.then_some(TurnedAwayWhy::TooLate)
        };
        if let Some(why) = why {
            return Err(NoPlace { why, turn: self.promise(now, &waiter, dice) });
        }
        if let Some(last) = last {
            self.step_out(now, last);
        }
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let served = self.served_to(&waiter.tenant);
        if let Some(line) = self.line_of(waiter.class) {
            line.push(&waiter.tenant, served, ticket, waiter.cost);
        }
        self.places.insert(ticket, Place { waiter, since: now, until, stands: true });
        self.flow.line_stands(now);
        Ok(Entered { ticket, instead_of: last })
    }

    fn last_call(&self, now: Tick, waiter: &Waiter) -> Tick {
        let most = Duration::from_millis(self.settings.wait_ms_max);
        let borne = self.patience.in_line_max(now).unwrap_or(most);
        (now + most.min(borne)).min(waiter.deadline)
    }

    /// Whoever would be served last of all, if the newcomer would be served before him.
    fn last_behind(&self, newcomer: &Waiter) -> Option<Ticket> {
        let lines = Class::ALL.iter().zip(&self.lines).rev();
        let (class, (mark, last)) =
            lines.filter_map(|(class, line)| Some((*class, line.last()?))).next()?;
        let own = self
            .lines
            .get(class as usize)?
            .mark_of(&newcomer.tenant, self.served_to(&newcomer.tenant));
        ((newcomer.class, own) < (class, mark)).then_some(last)
    }

    /// Whose turn it is; `None` if nobody waits. It keeps its place until
    /// [`let_in`](Self::let_in) or [`leave`](Self::leave).
    pub fn next(&self) -> Option<Ticket> {
        self.lines.iter().find_map(Line::first)
    }

    /// This one goes in now; gives how long it waited.
    pub fn let_in(&mut self, now: Tick, ticket: Ticket) -> Option<Duration> {
        let waiter = &self.places.get(&ticket)?.waiter;
        let (tenant, cost) = (waiter.tenant.clone(), waiter.cost);
        // While it still stands in line, for nobody else's share is a measure for its tenant then.
        self.count(now, &tenant, cost);
        self.step_out(now, ticket);
        Some(now.since(self.places.remove(&ticket)?.since))
    }

    /// One who was let in heard his first word so long after he came, or left before it.
    pub fn first_word(&mut self, now: Tick, after: Duration, left: bool) {
        self.patience.waited(now, after, left);
    }

    /// Somebody went in without waiting; it counts for the rate, and for his tenant's share.
    pub fn passed_by(&mut self, now: Tick, tenant: &Arc<str>, cost: u64) {
        self.count(now, tenant, cost);
    }

    /// This one has left, before anybody told it to.
    pub fn leave(&mut self, now: Tick, ticket: Ticket) {
        self.step_out(now, ticket);
        if let Some(place) = self.places.remove(&ticket) {
            self.patience.waited(now, now.since(place.since), true);
        }
    }

    /// This one has waited in vain, and is told when to come again; `opens` as in [`Waiter`].
    pub fn give_up(
        &mut self,
        now: Tick,
        ticket: Ticket,
        opens: Tick,
        dice: &mut Dice,
    ) -> Option<Turn> {
        self.step_out(now, ticket);
        let place = self.places.remove(&ticket)?;
        self.patience.waited(now, now.since(place.since), false);
        Some(self.promise(now, &Waiter { opens, ..place.waiter }, dice))
    }

    /// Until when this one may wait, as far as is known at `now`; `None` if it has no place any more.
    pub fn until(&self, now: Tick, ticket: Ticket) -> Option<Tick> {
        let place = self.places.get(&ticket).filter(|place| place.stands)?;
        // What was learned since it came counts as well: who is let in now would have left before his
        // first word, and his provider would work for nobody.
        let borne = self.patience.in_line_max(now).map(|borne| place.since + borne);
        Some(borne.map_or(place.until, |borne| borne.min(place.until)))
    }

    /// How many are ahead of this one, and how long it will take; `None` for the time while
    /// nothing is known of the rate.
    pub fn position(&self, now: Tick, ticket: Ticket) -> Option<(usize, Option<Eta>)> {
        let place = self.places.get(&ticket).filter(|place| place.stands)?;
        let ahead = self.ahead_of(&place.waiter, ticket);
        let known = self.flow.per_s(now).is_some();
        Some((ahead.count, known.then(|| self.eta(now, &place.waiter, ahead))))
    }

    /// What to tell somebody who may not wait: his turn after all who wait and all who were told
    /// theirs before him, when four of five at his place are served. It does not grow while they
    /// do not become more.
    fn promise(&mut self, now: Tick, waiter: &Waiter, dice: &mut Dice) -> Turn {
        let all = self.all();
        let count = all.count + self.promises.count();
        let reckoned = match self.flow.per_s(now) {
            Some(per_s) => {
                #[expect(clippy::cast_precision_loss, reason = "tokens of a full room")]
                let cost = all.cost.saturating_add(waiter.cost) as f64;
                let closed_s = waiter.opens.since(now).as_secs_f64();
                let turn = self.promises.free_after(now, cost + closed_s * per_s, per_s);
                eta(closed_s, turn - closed_s, count + 1).p80
            }
            None => waiter.opens.since(now) + WAIT_UNKNOWN,
        };
        let told = match self.told {
            Some((told, then)) if count <= then => reckoned.min(told),
            _ => reckoned,
        };
        self.told = (count > 0).then_some((told, count));
        // Later and never sooner: before his turn others have theirs.
        let after = told.max(Duration::from_secs(1)).mul_f64(1.0 + JITTER_SHARE * dice.fraction());
        self.promises.promise(now, after.as_secs_f64(), &waiter.tenant, waiter.cost);
        let far = after > Duration::from_secs(HORIZON_S) && self.flow.line_age(now) > LASTING;
        Turn { after, is_far: far }
    }

    fn eta_of_newcomer(&self, now: Tick, waiter: &Waiter) -> Eta {
        self.eta(now, waiter, self.ahead_of(waiter, Ticket(self.next_ticket)))
    }

    /// Number and cost of those who come before this one.
    fn ahead_of(&self, waiter: &Waiter, ticket: Ticket) -> Share {
        let lines = Class::ALL.iter().zip(&self.lines);
        lines.fold(Share::default(), |sum, (class, line)| match class.cmp(&waiter.class) {
            std::cmp::Ordering::Less => sum.plus(line.all()),
            std::cmp::Ordering::Equal => {
                let served = self.served_to(&waiter.tenant);
                sum.plus(line.ahead_of(&waiter.tenant, served, ticket))
            }
            std::cmp::Ordering::Greater => sum,
        })
    }

    /// How long it takes to serve those ahead. Those who are new also wait for the ones who were
    /// promised a turn before them.
    fn eta(&self, now: Tick, waiter: &Waiter, ahead: Share) -> Eta {
        let closed_s = waiter.opens.since(now).as_secs_f64();
        let Some(per_s) = self.flow.per_s(now) else { return eta(closed_s, 0.0, 0) };
        #[expect(clippy::cast_precision_loss, reason = "tokens of a full room")]
        let cost = ahead.cost as f64;
        let mean = if waiter.class > Class::Returning {
            self.promises.served_after(now, cost + closed_s * per_s, per_s) - closed_s
        } else {
            cost / per_s
        };
        eta(closed_s, mean, ahead.count)
    }

    fn count(&mut self, now: Tick, tenant: &Arc<str>, cost: u64) {
        self.flow.add(now, cost);
        self.join_line(tenant);
        if let Some(served) = self.served.get_mut(tenant) {
            *served = served.saturating_add(cost);
            let served = *served;
            self.lines.iter_mut().for_each(|line| line.served(tenant, served));
        }
        if self.is_empty() && self.served.len() > TENANTS_MAX {
            self.served.clear();
        }
    }

    /// A tenant that comes anew starts beside the one that was served the least, so that having
    /// been away is no credit.
    fn join_line(&mut self, tenant: &Arc<str>) {
        if self.lines.iter().any(|line| line.has(tenant)) {
            return;
        }
        let least = self.lines.iter().filter_map(Line::least_served).min().unwrap_or(0);
        let served = self.served.entry(tenant.clone()).or_insert(least);
        *served = (*served).max(least);
    }

    fn served_to(&self, tenant: &Arc<str>) -> u64 {
        self.served.get(tenant).copied().unwrap_or(0)
    }

    fn line_of(&mut self, class: Class) -> Option<&mut Line> {
        self.lines.get_mut(class as usize)
    }

    /// It stands in its line no longer.
    fn step_out(&mut self, now: Tick, ticket: Ticket) {
        let Some(place) = self.places.get_mut(&ticket).filter(|place| place.stands) else { return };
        place.stands = false;
        if let Some(line) = self.lines.get_mut(place.waiter.class as usize) {
            line.remove(&place.waiter.tenant, ticket);
        }
        if self.is_empty() {
            self.flow.line_is_gone(now);
        }
    }
}

/// The time for so many, of which `mean_s` is the mean, from the moment at which somebody can be
/// served at all. Arrivals at the door are a Poisson flow, so it is a Gamma variable with this
/// spread; the normal one is near enough.
fn eta(closed_s: f64, mean_s: f64, count: usize) -> Eta {
    #[expect(clippy::cast_precision_loss, reason = "those who fit into a room")]
    let spread = if count > 0 { mean_s / (count as f64).sqrt() } else { 0.0 };
    let at = |deviations: f64| seconds(closed_s + mean_s + deviations * spread);
    Eta { p50: at(0.0), p80: at(P80) }
}
