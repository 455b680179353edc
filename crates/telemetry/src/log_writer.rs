//! The way of a log line from the book to its file: a buffer, a channel of one chunk, a thread
//! that writes. All three are bounded; what does not fit is dropped and counted, so that a full
//! disk or a pipe that nobody reads stops nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::request_log::write_line;
use crate::{LogTo, Receipt, RequestLogSettings};

/// Bytes that wait for the writer; a line is taken as long as there are fewer.
const PENDING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Lines on their way.
#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    lines: u64,
}

/// What both ends know.
#[derive(Debug, Default)]
pub(crate) struct LogState {
    dropped: AtomicU64,
    reopen: AtomicBool,
    /// Chunks that were dealt with, well or not.
    done: Mutex<u64>,
    wake: Condvar,
}

impl LogState {
    /// Lines that were dropped since the start.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Asks the writer to open its file anew before the next line.
    pub(crate) fn reopen(&self) {
        self.reopen.store(true, Ordering::Release);
    }

    fn done(&self) -> u64 {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the writer has dealt with another chunk, at most so long.
    pub(crate) fn wait(&self, wait_max: Duration) {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        // Waking early does no harm: the caller looks again.
        drop(self.wake.wait_timeout(done, wait_max));
    }
}

/// The near end: lines go in.
#[derive(Debug)]
pub(crate) struct LogQueue {
    settings: RequestLogSettings,
    pending: Chunk,
    handed: u64,
    to_writer: SyncSender<Chunk>,
    state: Arc<LogState>,
}

/// Both ends of a log; `None` if nothing is to be logged.
pub(crate) fn open(
    settings: RequestLogSettings,
    state: &Arc<LogState>,
) -> Option<(LogQueue, LogWriter)> {
    if settings.to == LogTo::Nowhere {
        return None;
    }
    let (to_writer, from_queue) = sync_channel(1);
    let writer = LogWriter { to: settings.to.clone(), from_queue, state: Arc::clone(state) };
    let pending = Chunk { bytes: Vec::new(), lines: 0 };
    let state = Arc::clone(state);
    Some((LogQueue { settings, pending, handed: 0, to_writer, state }, writer))
}

impl LogQueue {
    /// Takes a line, or drops it if too much is waiting.
    pub(crate) fn receipt(&mut self, receipt: &Receipt) {
        let start = self.pending.bytes.len();
        let taken = start < PENDING_BYTES_MAX
            && write_line(receipt, &self.settings, &mut self.pending.bytes).is_ok();
        if taken {
            self.pending.lines += 1;
        } else {
            self.pending.bytes.truncate(start);
            self.state.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Hands what waits to the writer, if it is free. True if nothing is left on the way.
    pub(crate) fn hand_over(&mut self) -> bool {
        if !self.pending.bytes.is_empty() {
            let chunk = Chunk {
                bytes: std::mem::take(&mut self.pending.bytes),
                lines: std::mem::take(&mut self.pending.lines),
            };
            match self.to_writer.try_send(chunk) {
                Ok(()) => self.handed += 1,
                Err(TrySendError::Full(chunk)) => self.pending = chunk,
                Err(TrySendError::Disconnected(chunk)) => {
                    self.state.dropped.fetch_add(chunk.lines, Ordering::Relaxed);
                }
            }
        }
        self.pending.bytes.is_empty() && self.state.done() >= self.handed
    }
}

/// The far end: a thread of its own runs it.
#[derive(Debug)]
pub(crate) struct LogWriter {
    to: LogTo,
    from_queue: Receiver<Chunk>,
    state: Arc<LogState>,
}

impl LogWriter {
    /// Opens the log, and gives what the thread is to run until the near end is gone.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(crate) fn open(self) -> io::Result<impl FnOnce() + Send + 'static> {
        let mut sink = open_sink(&self.to)?;
        Ok(move || {
            let mut failing = false;
            while let Ok(chunk) = self.from_queue.recv() {
                if self.state.reopen.swap(false, Ordering::AcqRel) {
                    self.reopen(&mut sink);
                }
                let written = sink.write_all(&chunk.bytes).and_then(|()| sink.flush());
                if let Err(error) = &written {
                    self.state.dropped.fetch_add(chunk.lines, Ordering::Relaxed);
                    if !failing {
                        tracing::warn!(%error, "request log cannot be written");
                    }
                }
                failing = written.is_err();
                *self.state.done.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                self.state.wake.notify_all();
            }
        })
    }

    fn reopen(&self, sink: &mut Box<dyn Write + Send>) {
        match open_sink(&self.to) {
            Ok(new) => *sink = new,
            Err(error) => tracing::warn!(%error, "request log cannot be opened anew"),
        }
    }
}

fn open_sink(to: &LogTo) -> io::Result<Box<dyn Write + Send>> {
    Ok(match to {
        LogTo::Nowhere => Box::new(io::sink()),
        LogTo::Stdout => Box::new(io::stdout()),
        LogTo::File(path) => Box::new(open_file(path)?),
    })
}

/// The log may hold what callers wrote, so others on the machine may not read it.
fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
