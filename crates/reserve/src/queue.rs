//! The short queue in front of the engine threads. Who is told to wait, and how long, is decided
//! where the calls come in.

use clock::RequestId;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use domain::{Conversation, Fault, Piece};
use tokio::sync::{mpsc, oneshot};

/// One answer to give.
pub(crate) struct Job {
    pub(crate) conversation: Conversation,
    /// Told once: the prompt is good and the answer begins, or why not.
    pub(crate) begun: Option<oneshot::Sender<Result<(), Fault>>>,
    /// Has room for everything that one answer can say.
    pub(crate) pieces: mpsc::Sender<Result<Piece, Fault>>,
    pub(crate) request_id: RequestId,
}

impl Job {
    /// True if nobody listens any more.
    pub(crate) fn gone(&self) -> bool {
        self.pieces.is_closed()
    }
}

/// A bounded queue of jobs.
pub(crate) struct Queue {
    waiting_max: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Engine threads that wait for a job.
    idle: usize,
    closed: bool,
}

impl Queue {
    /// A queue where `waiting_max` jobs may wait, besides those that a thread takes at once.
    pub(crate) fn new(waiting_max: usize) -> Self {
        Self { waiting_max, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Puts a job at the end; gives back how many wait if there is no room.
    pub(crate) fn put(&self, job: Job) -> Result<(), usize> {
        let mut state = self.lock();
        state.jobs.retain(|job| !job.gone());
        if state.closed || state.jobs.len() >= self.waiting_max.saturating_add(state.idle) {
            return Err(state.jobs.len());
        }
        state.jobs.push_back(job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().jobs.len()
    }

    /// The next job that somebody still listens to; `None` once the queue is closed.
    pub(crate) fn take(&self) -> Option<Job> {
        let mut state = self.lock();
        state.idle += 1;
        let taken = loop {
            if state.closed {
                break None;
            }
            match state.jobs.pop_front() {
                Some(job) if job.gone() => {}
                Some(job) => break Some(job),
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        };
        state.idle -= 1;
        taken
    }

    /// Lets everyone who waits go.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.jobs.clear();
        drop(state);
        self.changed.notify_all();
    }

    pub(crate) fn closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
