//! Where requests wait for a place on their ladder: one waiting room for each first choice, so that
//! all who want the same thing stand in one line. Whose turn it is, and for how long somebody may
//! wait, is decided in `admission`; here the one whose turn it is gets woken.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use admission::{
    Entered, Eta, NoPlace, RoomSettings, Ticket, Turn as NextTurn, Waiter, WaitingRoom,
};
use clock::{Clock, Dice, Tick};
use tokio::sync::Notify;

/// Rooms at most; ladders are configured, so this is never met.
const ROOMS_MAX: usize = 4096;

/// All rooms.
#[derive(Debug)]
pub(crate) struct Rooms {
    clock: Arc<dyn Clock>,
    rooms: RwLock<HashMap<Box<str>, Arc<Room>>>,
    /// Waiters in all rooms: a look at it is all that a call costs while nobody waits.
    waiting: AtomicUsize,
}

/// One line of waiters.
#[derive(Debug)]
pub(crate) struct Room {
    line: Mutex<Line>,
}

#[derive(Debug)]
struct Line {
    room: WaitingRoom,
    wakers: BTreeMap<Ticket, Arc<Notify>>,
}

impl Room {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where one stands: how many are before it, and how long it will take.
    pub(crate) fn position(&self, now: Tick, ticket: Ticket) -> Option<(usize, Option<Eta>)> {
        self.line().room.position(now, ticket)
    }

    /// Wakes the one whose turn it is.
    fn wake(&self) {
        let line = self.line();
        if let Some(waker) = line.room.next().and_then(|ticket| line.wakers.get(&ticket)) {
            waker.notify_one();
        }
    }

    /// One who was let in heard his first word so long after he came, or left before it.
    pub(crate) fn first_word(&self, now: Tick, after: Duration, left: bool) {
        self.line().room.first_word(now, after, left);
    }

    /// Somebody went in without waiting.
    pub(crate) fn passed_by(&self, now: Tick, tenant: &Arc<str>, cost: u64) {
        self.line().room.passed_by(now, tenant, cost);
    }

    /// True if somebody waits.
    pub(crate) fn is_waited_in(&self) -> bool {
        !self.line().room.is_empty()
    }
}

impl Rooms {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, rooms: RwLock::default(), waiting: AtomicUsize::new(0) }
    }

    /// The room of a ladder, if anybody ever waited there.
    pub(crate) fn known(&self, ladder: &str) -> Option<Arc<Room>> {
        self.rooms.read().unwrap_or_else(PoisonError::into_inner).get(ladder).cloned()
    }

    /// Takes a place in the line of a ladder.
    pub(crate) fn enter(
        self: &Arc<Self>,
        ladder: &str,
        settings: RoomSettings,
        waiter: Waiter,
        (now, dice): (Tick, &Mutex<Dice>),
    ) -> Result<Place, NoPlace> {
        let room = self.known(ladder).unwrap_or_else(|| self.open(ladder, settings));
        let notify = Arc::new(Notify::new());
        let ticket = {
            // In this order everywhere, so that nobody waits for whom he keeps waiting.
            let mut dice = dice.lock().unwrap_or_else(PoisonError::into_inner);
            let mut line = room.line();
            let Entered { ticket, instead_of } = line.room.enter(now, waiter, &mut dice)?;
            line.wakers.insert(ticket, notify.clone());
            if let Some(waker) = instead_of.and_then(|last| line.wakers.get(&last)) {
                waker.notify_one();
            }
            ticket
        };
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Ok(Place { rooms: self.clone(), room, ticket, notify, gone: false })
    }

    fn open(&self, ladder: &str, settings: RoomSettings) -> Arc<Room> {
        let line = Line { room: WaitingRoom::new(settings), wakers: BTreeMap::new() };
        let room = Arc::new(Room { line: Mutex::new(line) });
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() >= ROOMS_MAX {
            return room;
        }
        rooms.entry(ladder.into()).or_insert(room).clone()
    }

    /// Forgets all rooms, after a reload that changed their settings. Who waits in one goes on.
    pub(crate) fn forget(&self) {
        self.rooms.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A call ended somewhere: whoever is first in a line may look.
    pub(crate) fn a_place_is_free(&self) {
        if self.waiting() == 0 {
            return;
        }
        let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
        rooms.values().for_each(|room| room.wake());
    }
}

/// What a waiter does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is first in line, and something may have changed.
    Try,
    /// It has waited as long as it may.
    Over,
}

/// Somebody's place in a line. Dropped, it is given up.
#[derive(Debug)]
pub(crate) struct Place {
    rooms: Arc<Rooms>,
    room: Arc<Room>,
    ticket: Ticket,
    notify: Arc<Notify>,
    gone: bool,
}

impl Place {
    /// Waits for its turn: until it is first and `held_until` is over, or until it is woken while
    /// it is first.
    pub(crate) async fn turn(&self, clock: &dyn Clock, held_until: Tick) -> Turn {
        let mut woken = false;
        loop {
            let now = clock.now();
            let (first, until) = {
                let line = self.room.line();
                (line.room.next() == Some(self.ticket), line.room.until(now, self.ticket))
            };
            let Some(until) = until.filter(|until| now < *until) else { return Turn::Over };
            if first && (woken || now >= held_until) {
                return Turn::Try;
            }
            let look_at = if first { held_until.min(until) } else { until };
            let wait = look_at.since(now).max(Duration::from_millis(1));
            woken = tokio::time::timeout(wait, self.notify.notified()).await.is_ok();
        }
    }

    /// It goes in; gives how long it waited, and where.
    pub(crate) fn let_in(mut self, now: Tick) -> (Duration, Arc<Room>) {
        self.gone = true;
        let room = self.room.clone();
        let mut line = room.line();
        line.wakers.remove(&self.ticket);
        let waited = line.room.let_in(now, self.ticket).unwrap_or_default();
        drop(line);
        (waited, room)
    }

    /// Waiting was in vain; gives what to tell. Nobody is let in before `opens`.
    pub(crate) fn give_up(
        mut self,
        now: Tick,
        opens: Tick,
        dice: &Mutex<Dice>,
    ) -> Option<NextTurn> {
        self.gone = true;
        let mut dice = dice.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = self.room.line();
        line.wakers.remove(&self.ticket);
        line.room.give_up(now, self.ticket, opens, &mut dice)
    }

    /// Where it stands, for whoever tells.
    pub(crate) fn whereabouts(&self) -> (Arc<Room>, Ticket) {
        (self.room.clone(), self.ticket)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.gone {
            let mut line = self.room.line();
            line.wakers.remove(&self.ticket);
            line.room.leave(self.rooms.clock.now(), self.ticket);
        }
        self.rooms.waiting.fetch_sub(1, Ordering::Relaxed);
        // There may be room for the next one too.
        self.room.wake();
    }
}
