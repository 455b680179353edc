//! The one handle that the house feeds and asks. Feeding pushes into bounded queues and returns;
//! asking empties the queues first, so that a scrape after an answer shows it.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::Clock;
use crossbeam_queue::ArrayQueue;
use domain::Target;

use crate::book::Book;
use crate::log_writer::{self, LogState};
use crate::names::gauge_labels;
use crate::worker::Worker;
use crate::{FailedCall, Gauge, ProviderCalls, Receipt, RequestLogSettings, Snapshot, prometheus};

/// The media type of [`Telemetry::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Receipts that wait for the worker.
const RECEIPTS_MAX: usize = 65_536;
/// Breaker changes that wait for the worker.
const CHANGES_MAX: usize = 4_096;
/// Calls that failed and wait for the worker; what finds no room is told with its receipt.
const FAILED_MAX: usize = 4_096;
/// Sampled gauges.
const GAUGES_MAX: usize = 4_096;
/// How long [`Telemetry::flush`] waits for the log's writer: rounds of so many milliseconds.
const FLUSH_ROUNDS_MAX: u32 = 100;
const FLUSH_ROUND_MS: u64 = 10;

/// A breaker took another state. The words come from our own code, never from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerChange {
    pub target: Target,
    /// Index of the provider's key.
    pub key: u16,
    pub from: &'static str,
    /// `closed` means that all is well; in any other state the breaker counts as open.
    pub to: &'static str,
    pub why: &'static str,
}

/// A gauge that is read when it is asked for.
struct Sampled {
    gauge: Gauge,
    values: Vec<String>,
    read: Box<dyn Fn() -> f64 + Send + Sync>,
}

/// A sampled gauge's value now.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) gauge: Gauge,
    pub(crate) values: Vec<String>,
    pub(crate) level: f64,
}

/// What all clones of the handle share.
pub(crate) struct Shared {
    // Boxed, so that the empty queue takes one mebibyte and not thirty.
    receipts: ArrayQueue<Box<Receipt>>,
    changes: ArrayQueue<BreakerChange>,
    failed: ArrayQueue<FailedCall>,
    pub(crate) receipts_dropped: AtomicU64,
    pub(crate) changes_dropped: AtomicU64,
    pub(crate) in_flight: AtomicI64,
    pub(crate) open_streams: AtomicI64,
    pub(crate) log: Arc<LogState>,
    book: Mutex<Book>,
    sampled: Mutex<Vec<Sampled>>,
    clock: Arc<dyn Clock>,
}

impl Shared {
    /// Enters all that waits into the book and leaves the book open for the caller.
    pub(crate) fn drain(&self) -> MutexGuard<'_, Book> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        // Bounded, since others go on pushing.
        for _ in 0..CHANGES_MAX {
            let Some(change) = self.changes.pop() else {
                break;
            };
            book.change(now, &change);
        }
        for _ in 0..FAILED_MAX {
            let Some(call) = self.failed.pop() else {
                break;
            };
            book.failed(&call);
        }
        for _ in 0..RECEIPTS_MAX {
            let Some(receipt) = self.receipts.pop() else {
                break;
            };
            book.receipt(now, &receipt);
        }
        if let Some(log) = &mut book.log {
            log.hand_over();
        }
        book
    }

    /// True if nothing waits to be entered.
    pub(crate) fn is_idle(&self) -> bool {
        self.receipts.is_empty() && self.changes.is_empty() && self.failed.is_empty()
    }

    fn sampled(&self) -> MutexGuard<'_, Vec<Sampled>> {
        self.sampled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads all sampled gauges.
    pub(crate) fn levels(&self) -> Vec<Level> {
        let sampled = self.sampled();
        let levels = sampled.iter().map(|sampled| Level {
            gauge: sampled.gauge,
            values: sampled.values.clone(),
            level: (sampled.read)(),
        });
        levels.collect()
    }

    /// As [`Telemetry::flush`]; true if everything was written.
    pub(crate) fn flush(&self) -> bool {
        for _ in 0..FLUSH_ROUNDS_MAX {
            let idle = self.drain().log.as_mut().is_none_or(log_writer::LogQueue::hand_over);
            if idle {
                return true;
            }
            self.log.wait(Duration::from_millis(FLUSH_ROUND_MS));
        }
        false
    }

    /// Lets go of what other rooms registered, and so of those rooms.
    pub(crate) fn forget_gauges(&self) {
        self.sampled().clear();
    }

    /// Lets go of the log; its writer ends when it has written what it holds.
    pub(crate) fn close_log(&self) {
        self.drain().log = None;
    }
}

/// Metrics, request log and snapshots behind one handle; clones share everything.
#[derive(Clone)]
pub struct Telemetry(Arc<Shared>);

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("waiting", &self.0.receipts.len()).finish_non_exhaustive()
    }
}

impl Telemetry {
    /// A handle, and the worker that empties its queues in the background. Without the worker
    /// they are emptied by [`Self::render`], [`Self::snapshot`] and [`Self::flush`] only, and no
    /// log is written.
    pub fn start(settings: RequestLogSettings, clock: Arc<dyn Clock>) -> (Self, Worker) {
        let log = Arc::new(LogState::default());
        let (queue, writer) = log_writer::open(settings, &log).unzip();
        let shared = Arc::new(Shared {
            receipts: ArrayQueue::new(RECEIPTS_MAX),
            changes: ArrayQueue::new(CHANGES_MAX),
            failed: ArrayQueue::new(FAILED_MAX),
            receipts_dropped: AtomicU64::new(0),
            changes_dropped: AtomicU64::new(0),
            in_flight: AtomicI64::new(0),
            open_streams: AtomicI64::new(0),
            log,
            book: Mutex::new(Book::new(clock.now(), queue)),
            sampled: Mutex::default(),
            clock,
        });
        let worker = Worker::new(Arc::downgrade(&shared), writer);
        (Self(shared), worker)
    }

    /// Hands in a request's receipt. Never waits: if the queue is full the receipt is dropped and
    /// counted.
    pub fn receipt(&self, receipt: impl Into<Box<Receipt>>) {
        if self.0.receipts.push(receipt.into()).is_err() {
            self.0.receipts_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells of a call that failed, before its request has ended: what another provider answers
    /// instead may take its time, and whoever judges should not wait for it. True if it was taken;
    /// [`AttemptRecord::told`](crate::AttemptRecord::told) says so in the receipt. Never waits.
    pub fn call_failed(&self, call: FailedCall) -> bool {
        self.0.failed.push(call).is_ok()
    }

    /// Tells that a breaker took another state. Never waits.
    pub fn breaker_changed(&self, change: BreakerChange) {
        if self.0.changes.push(change).is_err() {
            self.0.changes_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The clock that it was started with.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Requests that are being answered; the line counts up and down.
    pub fn in_flight(&self) -> &AtomicI64 {
        &self.0.in_flight
    }

    /// Streamed answers that are open; the line counts up and down.
    pub fn open_streams(&self) -> &AtomicI64 {
        &self.0.open_streams
    }

    /// Makes configured names known as labels: models that callers ask for and models of
    /// providers, and providers. Other names are counted as [`OTHER`](crate::OTHER), but for
    /// models under which a known provider has answered. Called again after a reload; names once
    /// known stay known.
    pub fn set_known(&self, models: &[Arc<str>], providers: &[Arc<str>]) {
        self.0.drain().labels.know(models, providers);
    }

    /// Adds a gauge that is read at each scrape, with the values of the labels that [`Gauge`]
    /// names, in that order. One with the same labels is replaced.
    pub fn register_gauge(
        &self,
        gauge: Gauge,
        values: &[&str],
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let values = values.iter().take(gauge_labels(gauge).len()).map(|v| (*v).to_owned());
        let new = Sampled { gauge, values: values.collect(), read: Box::new(read) };
        let mut sampled = self.0.sampled();
        sampled.retain(|old| (old.gauge, &old.values) != (new.gauge, &new.values));
        if sampled.len() < GAUGES_MAX {
            sampled.push(new);
        }
    }

    /// All series as OpenMetrics text, of the type [`CONTENT_TYPE`]. Everything handed in before
    /// is in it.
    pub fn render(&self) -> String {
        prometheus::render(&self.0)
    }

    /// The present, for pages. Everything handed in before is in it.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let shared = &self.0;
        let book = shared.drain();
        let mut snapshot = book.live.snapshot(shared.clock.now(), &book.labels);
        drop(book);
        snapshot.unix_seconds = shared.clock.unix_seconds();
        snapshot.requests_in_flight = shared.in_flight.load(Ordering::Relaxed);
        snapshot.open_streams = shared.open_streams.load(Ordering::Relaxed);
        snapshot.lost = shared.receipts_dropped.load(Ordering::Relaxed)
            + shared.changes_dropped.load(Ordering::Relaxed)
            + shared.log.dropped();
        Arc::new(snapshot)
    }

    /// Calls to configured providers since this was last asked, in a fixed order; a provider that
    /// was not called is missing. Whoever asks takes them away, so that only one should.
    pub fn take_calls(&self) -> Vec<ProviderCalls> {
        let mut book = self.0.drain();
        let Book { calls, labels, .. } = &mut *book;
        calls.take(labels)
    }

    /// Empties the queues and waits, a second at most, until the log is written.
    pub fn flush(&self) {
        self.0.flush();
    }

    /// Opens the log's file anew before the next line, after a rotation.
    pub fn reopen_log(&self) {
        self.0.log.reopen();
    }
}
