//! The thread that owns a store: it gathers changes, writes them together once a second at most
//! unless somebody waits for them, answers questions in between, forgets what is too old, and tries
//! again what has no room.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use clock::{Clock, Tick};

use crate::answer::Reply;
use crate::archive::places;
use crate::board::{Board, unix};
use crate::{ArchiveError, Change, Durability, Settings, Store};

/// A question; it is told why if it cannot be put.
pub(crate) type Ask = Box<dyn FnOnce(Result<&dyn Store, ArchiveError>) + Send>;

/// What the clerk is asked to do.
pub(crate) enum Order {
    Put(Vec<Change>, Option<Reply<Durability>>),
    Ask(Ask),
    Close(Reply<Durability>),
}

/// Changes that were put together, and who waits for them.
struct Group {
    changes: usize,
    reply: Option<Reply<Durability>>,
}

/// Owns the store.
pub(crate) struct Clerk {
    store: Box<dyn Store>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    board: Arc<Board>,
    /// The changes of all groups, in order.
    pending: Vec<Change>,
    groups: Vec<Group>,
    /// Whether somebody waits for what is pending.
    is_awaited: bool,
    /// When what is pending is to be written.
    commit_at: Option<Tick>,
    /// When what is held is to be tried again.
    retry_at: Option<Tick>,
    prune_at: Tick,
}

impl Clerk {
    pub(crate) fn new(
        store: Box<dyn Store>,
        settings: &Settings,
        clock: Arc<dyn Clock>,
        board: Arc<Board>,
    ) -> Self {
        let prune_at = clock.now();
        Self {
            store,
            settings: settings.clone(),
            clock,
            board,
            pending: Vec::new(),
            groups: Vec::new(),
            is_awaited: false,
            commit_at: None,
            retry_at: None,
            prune_at,
        }
    }

    /// Works until it is told to close, or until nobody is left who could give an order.
    pub(crate) fn work(mut self, orders: Receiver<Order>) {
        let mut closing = None;
        while closing.is_none() {
            match orders.recv_timeout(self.patience()) {
                Ok(order) => closing = self.take(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            // Who waits is not kept waiting, but what has come meanwhile is written with his.
            while closing.is_none() && self.is_awaited && self.has_place() {
                let Ok(order) = orders.try_recv() else { break };
                closing = self.take(order);
            }
            self.attend();
        }
        // Nobody can put anything any more, but some may have just before.
        while let Ok(order) = orders.try_recv() {
            drop(self.take(order));
        }
        drop(orders);
        self.commit();
        self.retry();
        let durability = self.store.durability();
        // The file is closed before anybody is told that it is.
        drop(self.store);
        if let Some(reply) = closing {
            reply.tell(Ok(durability));
        }
    }

    /// How long there is nothing to do without an order.
    fn patience(&self) -> Duration {
        let next =
            [self.commit_at, self.retry_at].into_iter().flatten().fold(self.prune_at, Ord::min);
        next.since(self.clock.now())
    }

    fn has_place(&self) -> bool {
        self.pending.len() < self.settings.batch_changes_max
    }

    /// Takes an order; gives back who is to be told of the closing, if it was that.
    fn take(&mut self, order: Order) -> Option<Reply<Durability>> {
        match order {
            Order::Put(changes, reply) => {
                self.board.release(places(&changes));
                let wait = Duration::from_millis(self.settings.commit_ms_max);
                self.commit_at = self.commit_at.or_else(|| Some(self.clock.now() + wait));
                self.is_awaited |= reply.is_some();
                self.groups.push(Group { changes: changes.len(), reply });
                self.pending.extend(changes);
            }
            Order::Ask(ask) => {
                self.board.release(1);
                // What was put before is to be seen.
                self.commit();
                let store = &*self.store;
                if catch_unwind(AssertUnwindSafe(|| ask(Ok(store)))).is_err() {
                    tracing::error!("a question to the store broke off");
                }
            }
            Order::Close(reply) => return Some(reply),
        }
        None
    }

    /// Does what is due.
    fn attend(&mut self) {
        let now = self.clock.now();
        let is_due = |at: Option<Tick>| at.is_some_and(|at| at <= now);
        if self.is_awaited || !self.has_place() || is_due(self.commit_at) {
            self.commit();
        }
        if is_due(self.retry_at) {
            self.retry();
        }
        if self.prune_at <= now {
            self.prune(now);
        }
    }

    fn commit(&mut self) {
        self.commit_at = None;
        self.is_awaited = false;
        if self.groups.is_empty() {
            return;
        }
        let (changes, groups) =
            (std::mem::take(&mut self.pending), std::mem::take(&mut self.groups));
        match self.store.apply(&changes) {
            Ok(durability) => {
                self.board.note_success();
                self.note();
                for reply in groups.into_iter().filter_map(|group| group.reply) {
                    reply.tell(Ok(durability.clone()));
                }
            }
            Err(_) => self.commit_one_by_one(&changes, groups),
        }
    }

    /// Some group cannot be written; the others must not suffer from it.
    fn commit_one_by_one(&mut self, changes: &[Change], groups: Vec<Group>) {
        let mut left = changes;
        for Group { changes, reply } in groups {
            let Some((these, rest)) = left.split_at_checked(changes) else { return };
            left = rest;
            let made = self.store.apply(these);
            if let Err(error) = &made {
                tracing::error!(%error, changes, "changes cannot be written");
                self.board.note_fault(error, places(these));
            }
            self.note();
            if let Some(reply) = reply {
                reply.tell(made.map_err(Into::into));
            }
        }
    }

    fn retry(&mut self) {
        if matches!(self.store.durability(), Durability::Held { .. }) {
            self.retry_at = None;
            if let Err(error) = self.store.retry() {
                self.board.note_fault(&error, 0);
            }
            self.note();
        }
    }

    fn prune(&mut self, now: Tick) {
        let rows = self.store.prune(unix(&*self.clock)).unwrap_or_else(|error| {
            tracing::warn!(%error, "what is too old cannot be removed");
            self.board.note_fault(&error, 0);
            0
        });
        // What is left to remove is removed at once, but orders come in between.
        if rows == 0 {
            self.prune_at = now + Duration::from_millis(self.settings.prune_ms);
        }
    }

    /// Tells the board, and looks whether there is something to be tried again.
    fn note(&mut self) {
        self.board.note(&*self.store, unix(&*self.clock));
        let holds = matches!(self.store.durability(), Durability::Held { .. });
        if holds && self.retry_at.is_none() {
            let now = self.clock.now();
            self.retry_at = Some(now + Duration::from_millis(self.settings.retry_ms));
            // What goes makes room.
            self.prune_at = now;
        }
        if !holds {
            self.retry_at = None;
        }
    }
}
