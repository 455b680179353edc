//! The word that everything shall end. It is said once and stays said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Asks for a shutdown, or waits for one; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    triggered: AtomicBool,
    waiting: Notify,
}

impl Shutdown {
    /// One that was not triggered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says the word. Saying it again changes nothing.
    pub fn trigger(&self) {
        self.shared.triggered.store(true, Ordering::SeqCst);
        self.shared.waiting.notify_waiters();
    }

    /// Whether the word was said.
    pub fn is_triggered(&self) -> bool {
        self.shared.triggered.load(Ordering::SeqCst)
    }

    /// Resolves once the word was said, at once if it was said before.
    pub async fn triggered(&self) {
        let mut waiting = std::pin::pin!(self.shared.waiting.notified());
        // Enlisted before the look, so that a word said between the two is not missed.
        waiting.as_mut().enable();
        if !self.is_triggered() {
            waiting.await;
        }
    }
}
