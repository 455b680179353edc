//! The tasks of HTTP/2 streams. A peer that keeps its window shut holds no bytes back from the
//! socket, so the byte stream's guard cannot see it; the stream's own task can.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::answer::Progress;
use super::timer::{LazyTimer, now};

/// Runs the streams of one connection.
#[derive(Clone)]
pub(super) struct Streams {
    stall_max: Duration,
    /// The progress of the stream that the service was called for and whose task comes next.
    next: Arc<Mutex<Option<Arc<Progress>>>>,
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("stall_max", &self.stall_max).finish_non_exhaustive()
    }
}

impl Streams {
    pub(super) fn new(stall_max: Duration) -> Self {
        Self { stall_max, next: Arc::default() }
    }

    /// Begins a stream. hyper calls the service and then at once spawns the stream's task; the
    /// two meet here.
    pub(super) fn begin(&self) -> Arc<Progress> {
        let progress = Arc::new(Progress::default());
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = Some(progress.clone());
        progress
    }
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        let progress = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        match progress {
            None => drop(tokio::spawn(future)),
            Some(progress) => drop(tokio::spawn(StreamTask {
                future,
                progress,
                stall_max: self.stall_max,
                timer: LazyTimer::default(),
                stuck: None,
            })),
        }
    }
}

pin_project! {
    /// Ends, and with it drops and resets the stream, when a piece waits too long for the peer.
    struct StreamTask<F> {
        #[pin]
        future: F,
        progress: Arc<Progress>,
        stall_max: Duration,
        timer: LazyTimer,
        stuck: Option<u32>,
    }
}

impl<F: Future> Future for StreamTask<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.future.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let stuck = this.progress.stuck_piece();
        if *this.stuck != stuck {
            *this.stuck = stuck;
            match stuck {
                Some(_) => this.timer.set(now() + *this.stall_max),
                None => this.timer.clear(),
            }
        }
        this.timer.poll(cx).map(|()| tracing::debug!("stream dropped: the peer does not read"))
    }
}
