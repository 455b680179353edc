//! The background of telemetry: one thread that empties the queues, and one that writes the log if
//! there is one. Neither is on a runtime of the line.

use std::io;
use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::log_writer::LogWriter;
use crate::telemetry::Shared;

/// Between two looks into the queues while something comes in, in milliseconds; doubled with each look
/// that finds nothing, up to the longest. Even that leaves room in the queue for a crowd out of nowhere.
const LOOK_MS_MIN: u64 = 50;
const LOOK_MS_MAX: u64 = 400;

/// Everything that the background threads need; does nothing until it is spawned.
#[derive(Debug)]
#[must_use = "nothing is logged until the worker is spawned"]
pub struct Worker {
    shared: Weak<Shared>,
    writer: Option<LogWriter>,
}

/// The running background threads. Dropped without [`Running::stop`], they end soon after the
/// last [`Telemetry`](crate::Telemetry) is gone.
#[derive(Debug)]
pub struct Running {
    shared: Weak<Shared>,
    stopping: Arc<AtomicBool>,
    keeper: JoinHandle<()>,
    writer: Option<JoinHandle<()>>,
}

impl Worker {
    pub(crate) fn new(shared: Weak<Shared>, writer: Option<LogWriter>) -> Self {
        Self { shared, writer }
    }

    /// Opens the log and starts the threads.
    ///
    /// # Errors
    /// If the log's file cannot be opened, or a thread cannot be started.
    pub fn spawn(self) -> io::Result<Running> {
        let writer = match self.writer {
            Some(writer) => {
                let write = writer.open()?;
                Some(thread::Builder::new().name("request-log".to_owned()).spawn(write)?)
            }
            None => None,
        };
        let stopping = Arc::new(AtomicBool::new(false));
        let (shared, stop) = (Weak::clone(&self.shared), Arc::clone(&stopping));
        let keeper = thread::Builder::new()
            .name("telemetry".to_owned())
            .spawn(move || keep(&shared, &stop))?;
        Ok(Running { shared: self.shared, stopping, keeper, writer })
    }
}

fn keep(shared: &Weak<Shared>, stopping: &AtomicBool) {
    let mut look_ms = LOOK_MS_MIN;
    while !stopping.load(Ordering::Acquire) {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let is_idle = shared.is_idle();
        look_ms = if is_idle { (look_ms * 2).min(LOOK_MS_MAX) } else { LOOK_MS_MIN };
        drop(shared.drain());
        drop(shared);
        thread::park_timeout(Duration::from_millis(look_ms));
    }
}

impl Running {
    /// Enters and writes what is left, and ends the threads. Takes little more than a second even
    /// if nobody reads the log's pipe; later receipts are counted but not logged, and sampled
    /// gauges are gone.
    pub fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        self.keeper.thread().unpark();
        let ended_well = self.keeper.join().is_ok();
        let Some(shared) = self.shared.upgrade() else {
            return;
        };
        let written = shared.flush();
        shared.close_log();
        // A gauge may hold a room that holds telemetry: the circle ends here.
        shared.forget_gauges();
        // A writer that is stuck in a write cannot be ended; the process's end will do.
        let writer_ended = !written || self.writer.is_none_or(|writer| writer.join().is_ok());
        tracing::debug!(ended_well, written, writer_ended, "telemetry stopped");
    }
}
