//! Where a connection finds what the engine has done for its request.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::Milestone;

/// How far an answer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Tokens that are ready; the first one counts.
    pub(crate) tokens: u32,
    pub(crate) done: bool,
    /// The provider fell over.
    pub(crate) killed: bool,
}

#[derive(Debug, Default)]
struct State {
    progress: Progress,
    waker: Option<Waker>,
}

/// One request's box: written by the provider's driver, read by its connection.
#[derive(Debug, Default)]
pub(crate) struct Mail(Mutex<State>);

impl Mail {
    pub(crate) fn tell(&self, milestone: Milestone, output_tokens: u32) {
        self.change(|progress| match milestone {
            Milestone::First => progress.tokens = 1,
            Milestone::Tokens(tokens) => progress.tokens = tokens.max(1),
            Milestone::Done => {
                progress.tokens = output_tokens;
                progress.done = true;
            }
        });
    }

    pub(crate) fn kill(&self) {
        self.change(|progress| progress.killed = true);
    }

    /// Waits until there is more than `seen`.
    pub(crate) async fn beyond(&self, seen: Progress) -> Progress {
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.progress != seen {
                return Poll::Ready(state.progress);
            }
            state.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        let waker = {
            let mut state = self.lock();
            change(&mut state.progress);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
