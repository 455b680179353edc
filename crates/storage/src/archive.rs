//! The rest of the house's way to a store. Changes go into a bounded queue and are forgotten by who
//! made them; questions come back as futures. Nobody here waits for a disk: that is the clerk's
//! part, who has a thread of his own. A store in memory needs no thread, and must not have one on a
//! paused clock; it is asked at once.

use std::error::Error as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

use clock::{Clock, Tick};

use crate::board::{Board, unix};
use crate::clerk::{Clerk, Order};
use crate::{
    Answer, Change, Durability, Embedded, Memory, OpenError, Opened, Place, Retention, Settings,
    Standing, Store, StoreError,
};

/// Why the archive did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Too much waits for the disk; later there may be room.
    #[error("the store is too busy")]
    Busy,
    /// The archive was closed, or a question broke it off.
    #[error("the store does not answer any more")]
    Gone,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where changes go and questions are asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Archive {
    board: Arc<Board>,
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    AtOnce(Arc<Mutex<Desk>>),
    ByClerk(SyncSender<Order>),
}

/// A store that is asked at once.
#[derive(Debug)]
struct Desk {
    store: Box<dyn Store>,
    clock: Arc<dyn Clock>,
    prune_every: Duration,
    prune_at: Tick,
}

impl Desk {
    fn apply(&mut self, board: &Board, changes: &[Change]) -> Result<Durability, ArchiveError> {
        let made = self.store.apply(changes);
        let now = self.clock.now();
        if now >= self.prune_at && self.store.prune(unix(&*self.clock))? == 0 {
            self.prune_at = now + self.prune_every;
        }
        board.note(&*self.store, unix(&*self.clock));
        Ok(made?)
    }
}

impl Archive {
    /// Opens the place that the settings name: at once in memory, by a clerk in a file. Where the
    /// disk has no room for the file, all is kept in memory until the next start, and told.
    ///
    /// # Errors
    /// As [`Embedded::open`] but for that, or if no thread can be had.
    pub fn open(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        match &settings.place {
            Place::Memory => Ok(Self::at_once(Box::new(Memory::new(settings)), settings, clock)),
            Place::File(path) => match Embedded::open(path, settings, unix(&*clock)) {
                Ok(Opened { store, notice }) => {
                    Self::with_clerk(Box::new(store), settings, clock, notice)
                        .map_err(OpenError::NoThread)
                }
                Err(error @ OpenError::NoRoom { .. }) => {
                    Ok(Self::instead_of_file(&error, settings, clock))
                }
                Err(error) => Err(error),
            },
        }
    }

    /// An archive in memory because the file cannot be had now.
    fn instead_of_file(error: &OpenError, settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        let why = error.source().map(ToString::to_string).unwrap_or_default();
        tracing::error!(%error, why, "all is kept in memory until the next start");
        let settings = Settings { retention: Retention::of_memory(), ..settings.clone() };
        let archive = Self::at_once(Box::new(Memory::new(&settings)), &settings, clock);
        let notice = format!("{error} ({why}); all is kept in memory until the next start");
        archive.board.note_opening(Some(notice.into()));
        archive
    }

    /// An archive that asks the store at once, on the caller's thread: for stores in memory. It
    /// forgets what is too old while it is written to.
    pub fn at_once(store: Box<dyn Store>, settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        let board = Arc::new(Board::new(&*store, settings, Arc::clone(&clock)));
        let prune_every = Duration::from_millis(settings.prune_ms);
        let prune_at = clock.now() + prune_every;
        let desk = Desk { store, clock, prune_every, prune_at };
        Self { board, way: Way::AtOnce(Arc::new(Mutex::new(desk))) }
    }

    /// An archive with a clerk. `notice` is what an operator must hear of the opening, if anything.
    ///
    /// # Errors
    /// If no thread can be had.
    pub fn with_clerk(
        store: Box<dyn Store>,
        settings: &Settings,
        clock: Arc<dyn Clock>,
        notice: Option<Box<str>>,
    ) -> io::Result<Self> {
        let board = Arc::new(Board::new(&*store, settings, Arc::clone(&clock)));
        board.note_opening(notice);
        // The one place more is for closing, which is never refused.
        let (to_clerk, orders) = sync_channel(settings.queue_max.saturating_add(1));
        let clerk = Clerk::new(store, settings, clock, Arc::clone(&board));
        let watched = Arc::clone(&board);
        let work = move || {
            if catch_unwind(AssertUnwindSafe(|| clerk.work(orders))).is_err() {
                watched.note_end();
            }
        };
        thread::Builder::new().name("store".to_owned()).spawn(work)?;
        Ok(Self { board, way: Way::ByClerk(to_clerk) })
    }

    /// Has a change made, soon; does not wait. A crash in the next second may lose it.
    ///
    /// # Errors
    /// [`ArchiveError::Busy`] if too much waits already, and the change is counted as refused; or
    /// if there is no archive any more.
    pub fn put(&self, change: Change) -> Result<(), ArchiveError> {
        match &self.way {
            Way::AtOnce(desk) => lock(desk).apply(&self.board, &[change]).map(drop),
            Way::ByClerk(clerk) => match self.send(clerk, 1, Order::Put(vec![change], None)) {
                Ok(()) => Ok(()),
                Err((_, error)) => Err(error),
            },
        }
    }

    /// Has changes made together, all or none, and tells once they are as durable as they can be
    /// now. For what somebody outside is promised. More than the whole queue may hold is refused.
    pub fn put_surely(&self, changes: Vec<Change>) -> Answer<Durability> {
        let (reply, answer) = Answer::pending();
        match &self.way {
            Way::AtOnce(desk) => reply.tell(lock(desk).apply(&self.board, &changes)),
            Way::ByClerk(clerk) => {
                let count = places(&changes);
                if let Err((Order::Put(_, Some(reply)), error)) =
                    self.send(clerk, count, Order::Put(changes, Some(reply)))
                {
                    reply.tell(Err(error));
                }
            }
        }
        answer
    }

    /// Asks the store. The question sees all changes that were put before it on this thread. It
    /// must not wait for the archive itself.
    pub fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<T> {
        let (reply, answer) = Answer::pending();
        match &self.way {
            Way::AtOnce(desk) => reply.tell(question(&*lock(desk).store).map_err(Into::into)),
            Way::ByClerk(clerk) => {
                let ask = move |store: Result<&dyn Store, ArchiveError>| {
                    reply.tell(store.and_then(|store| Ok(question(store)?)));
                };
                if let Err((Order::Ask(ask), error)) =
                    self.send(clerk, 1, Order::Ask(Box::new(ask)))
                {
                    ask(Err(error));
                }
            }
        }
        answer
    }

    /// Writes what waits and ends the clerk; the answer comes once the file is closed. What is put
    /// afterwards is refused.
    pub fn close(&self) -> Answer<Durability> {
        let (reply, answer) = Answer::pending();
        match &self.way {
            Way::AtOnce(desk) => reply.tell(Ok(lock(desk).store.durability())),
            Way::ByClerk(clerk) => {
                self.board.close();
                // If the clerk has gone, or is going already, the reply goes with the order, and the
                // answer is that nobody is there.
                drop(clerk.try_send(Order::Close(reply)));
            }
        }
        answer
    }

    /// How it stands. Never waits for the disk.
    pub fn standing(&self) -> Standing {
        self.board.read()
    }

    /// Sends an order that takes so many places, or gives it back with the reason.
    fn send(
        &self,
        clerk: &SyncSender<Order>,
        count: u64,
        order: Order,
    ) -> Result<(), (Order, ArchiveError)> {
        if let Err(error) = self.board.admit(count) {
            return Err((order, error));
        }
        clerk.try_send(order).map_err(|refusal| {
            self.board.release(count);
            match refusal {
                TrySendError::Full(order) => (order, ArchiveError::Busy),
                TrySendError::Disconnected(order) => (order, ArchiveError::Gone),
            }
        })
    }
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many places in the queue so many changes take.
pub(crate) fn places(changes: &[Change]) -> u64 {
    u64::try_from(changes.len()).unwrap_or(u64::MAX).max(1)
}
