//! What comes back from the archive: a future that can also be waited for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::ArchiveError;

/// What comes back from the archive. It can be awaited, or waited for by a thread that may.
#[derive(Debug)]
pub struct Answer<T>(oneshot::Receiver<Result<T, ArchiveError>>);

impl<T> Answer<T> {
    /// Both ends of one.
    pub(crate) fn pending() -> (Reply<T>, Self) {
        let (reply, answer) = oneshot::channel();
        (Reply(reply), Self(answer))
    }

    /// Blocks the thread until the answer is there. Never on a runtime's thread.
    ///
    /// # Errors
    /// As the store says, or if there is no archive any more.
    pub fn wait(self) -> Result<T, ArchiveError> {
        self.0.blocking_recv().unwrap_or(Err(ArchiveError::Gone))
    }
}

impl<T> Future for Answer<T> {
    type Output = Result<T, ArchiveError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|told| told.unwrap_or(Err(ArchiveError::Gone)))
    }
}

/// The other end of an [`Answer`].
#[derive(Debug)]
pub(crate) struct Reply<T>(oneshot::Sender<Result<T, ArchiveError>>);

impl<T> Reply<T> {
    pub(crate) fn tell(self, answer: Result<T, ArchiveError>) {
        // Who asked may have gone; then nobody misses the answer.
        drop(self.0.send(answer));
    }
}
