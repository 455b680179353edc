//! How the archive stands: written by the clerk and by those who put, read by anybody, never while
//! somebody waits for the disk.

use std::error::Error;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clock::{Clock, UnixMs};

use crate::{ArchiveError, Durability, Settings, Store, StoreError};

/// How the archive stands, for the console, metrics and alarms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub durability: Durability,
    /// Since when it has been of this kind.
    pub since: UnixMs,
    /// Changes and questions that wait for the clerk.
    pub waiting: u64,
    /// Changes and questions that were refused since the start because too many waited.
    pub refused: u64,
    /// Changes that were taken and yet lost, since the start.
    pub lost: u64,
    /// What an operator must hear of the opening, such as that a broken file was moved aside.
    pub notice: Option<Box<str>>,
    /// Why the store did not do what it was last asked to; gone once it does again.
    pub fault: Option<Box<str>>,
    /// What it suffered from a little while ago and does not any more: a disk that is nearly full can
    /// be written now and then, and who looks meanwhile must not think that all is well.
    pub late: Option<Box<str>>,
}

impl Standing {
    /// What it suffers from now.
    pub fn trouble(&self) -> Option<&str> {
        match &self.durability {
            Durability::Held { why, .. } => Some(why),
            Durability::OnDisk | Durability::InMemory => self.fault.as_deref(),
        }
    }

    /// The sentence for an alarm, if there is reason for one: trouble, trouble of late, or what is to
    /// be heard of the opening.
    pub fn alarm(&self) -> Option<&str> {
        self.trouble().or(self.late.as_deref()).or(self.notice.as_deref())
    }
}

/// What both sides of the queue know.
#[derive(Debug)]
pub(crate) struct Board {
    queue_max: u64,
    waiting: AtomicU64,
    refused: AtomicU64,
    /// Lost because the store said no, and not because it had no room.
    failed: AtomicU64,
    closed: AtomicBool,
    standing: Mutex<Standing>,
    /// When trouble was last over, and what it was. Locked after `standing`, if both are.
    over: Mutex<Option<(UnixMs, Box<str>)>>,
    clock: Arc<dyn Clock>,
    calm_ms: u64,
}

impl Board {
    pub(crate) fn new(store: &dyn Store, settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        Self {
            queue_max: u64::try_from(settings.queue_max).unwrap_or(u64::MAX),
            waiting: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            standing: Mutex::new(Standing {
                durability: store.durability(),
                since: unix(&*clock),
                waiting: 0,
                refused: 0,
                lost: store.lost(),
                notice: None,
                fault: None,
                late: None,
            }),
            over: Mutex::default(),
            clock,
            calm_ms: settings.calm_ms,
        }
    }

    /// Makes a place for so many, if there is one.
    pub(crate) fn admit(&self, count: u64) -> Result<(), ArchiveError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(ArchiveError::Gone);
        }
        let place =
            |waiting: u64| Some(waiting.saturating_add(count)).filter(|all| *all <= self.queue_max);
        let admitted = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, place);
        admitted.map(drop).map_err(|_| {
            self.refused.fetch_add(count, Ordering::Relaxed);
            ArchiveError::Busy
        })
    }

    /// Admits nobody any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Gives so many places back.
    pub(crate) fn release(&self, count: u64) {
        self.waiting.fetch_sub(count, Ordering::Relaxed);
    }

    /// How it stands now.
    pub(crate) fn read(&self) -> Standing {
        let waiting = self.waiting.load(Ordering::Relaxed);
        let refused = self.refused.load(Ordering::Relaxed);
        let failed = self.failed.load(Ordering::Relaxed);
        let standing = self.standing().clone();
        let lost = standing.lost.saturating_add(failed);
        Standing { waiting, refused, lost, late: self.late(), ..standing }
    }

    fn late(&self) -> Option<Box<str>> {
        let over = self.over();
        let (since, why) = over.as_ref()?;
        let minutes = self.calm_ms / 60_000;
        (unix(&*self.clock).since(*since) < self.calm_ms)
            .then(|| format!("{why}; over since less than {minutes} minutes").into())
    }

    fn over(&self) -> MutexGuard<'_, Option<(UnixMs, Box<str>)>> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that this trouble is over.
    fn note_over(&self, why: Box<str>) {
        *self.over() = Some((unix(&*self.clock), why));
    }

    /// Locked only while it is read or written, never while the disk is.
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how the store stands after something was asked of it.
    pub(crate) fn note(&self, store: &dyn Store, now: UnixMs) {
        let durability = store.durability();
        let mut standing = self.standing();
        if mem::discriminant(&standing.durability) != mem::discriminant(&durability) {
            standing.since = now;
        }
        let holds = matches!(durability, Durability::Held { .. });
        let before = mem::replace(&mut standing.durability, durability);
        if let (Durability::Held { why, .. }, false) = (before, holds) {
            self.note_over(why);
        }
        standing.lost = store.lost();
    }

    /// Notes that the store did not do what it was asked to, and how many changes that cost.
    pub(crate) fn note_fault(&self, fault: &StoreError, changes: u64) {
        self.failed.fetch_add(changes, Ordering::Relaxed);
        self.standing().fault = Some(sentence(fault).into());
    }

    /// Notes that the clerk broke off, which only a mistake of ours can make him do.
    pub(crate) fn note_end(&self) {
        self.standing().fault =
            Some("the store's clerk broke off; nothing is kept any more".into());
    }

    /// Notes what an operator must hear of the opening.
    pub(crate) fn note_opening(&self, notice: Option<Box<str>>) {
        self.standing().notice = notice;
    }

    /// Notes that it does again.
    pub(crate) fn note_success(&self) {
        if let Some(why) = self.standing().fault.take() {
            self.note_over(why);
        }
    }
}

/// The moment of the calendar.
pub(crate) fn unix(clock: &dyn Clock) -> UnixMs {
    UnixMs::from_seconds(clock.unix_seconds())
}

/// An error with what is behind it.
fn sentence(error: &StoreError) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
