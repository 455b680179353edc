//! A deadline that is cheap to move. It is no queue of deadlines: that is the runtime's business.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep};

/// The runtime's own time, which stands still in tests and drills that pause it.
#[expect(
    clippy::disallowed_methods,
    reason = "deadlines of the runtime's timers must be told in the runtime's time"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Fires at `due`. Moving `due` later or clearing it touches no timer: the runtime's timer fires
/// at the earlier time, finds that nothing is due, and is moved then.
#[derive(Debug, Default)]
pub(super) struct LazyTimer {
    due: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl LazyTimer {
    pub(super) fn set(&mut self, due: Instant) {
        self.due = Some(due);
        if let Some(sleep) = &mut self.sleep
            && sleep.deadline() > due
        {
            sleep.as_mut().reset(due);
        }
    }

    pub(super) fn clear(&mut self) {
        self.due = None;
    }

    pub(super) fn is_set(&self) -> bool {
        self.due.is_some()
    }

    /// Ready once `due` has passed, and again whenever asked after that.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.due else {
            return Poll::Pending;
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        loop {
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= due {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
        }
    }
}
