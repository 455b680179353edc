//! Answers that were given before, for the day when nobody gives new ones: an exact-match store in
//! memory, apart for each caller. What was asked is known by a hash of its essence and is not kept.
//! Only answers that came to a clean end go in, and only of requests that may be repeated
//! ([`record`]); an answer that comes out again is an [`Upstream`](upstream::Upstream) like any other
//! ([`answer`]). When the ladder asks for one is decided in `attempt`.

mod answer;
mod question;
mod record;
mod shelf;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::Tick;
use domain::{Losses, Reply, Target};

pub use answer::RECALL;
pub(crate) use answer::Recalled;
pub(crate) use question::Question;
pub(crate) use record::Recorder;
use shelf::Shelf;

/// What is kept of answers, and when they may be given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecallSettings {
    /// Answers are kept. They are what callers were told, so that somebody has to ask for it.
    pub enabled: bool,
    /// A kept answer not older than this is given before any provider is asked; 0 asks them always.
    pub fresh_ms_max: u64,
    /// A kept answer is given when no provider of the ladder can answer.
    pub stale: bool,
    /// It must not be older than this.
    pub stale_ms_max: u64,
    /// Answers kept.
    pub entries_max: usize,
    /// Bytes of all kept answers; as many again may be answers that are still being given.
    pub bytes_max: usize,
    /// Bytes of one kept answer.
    pub answer_bytes_max: usize,
}

impl Default for RecallSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            fresh_ms_max: 0,
            stale: true,
            stale_ms_max: 86_400_000,
            entries_max: 20_000,
            bytes_max: 64 << 20,
            answer_bytes_max: 256 << 10,
        }
    }
}

/// When an answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Nobody was asked yet.
    First,
    /// No provider can answer.
    Outage,
}

impl RecallSettings {
    /// How old an answer may be; `None` if none is wanted.
    pub(crate) fn age_max(&self, when: When) -> Option<Duration> {
        let ms = match when {
            _ if !self.enabled => return None,
            When::First => self.fresh_ms_max,
            When::Outage if self.stale => self.stale_ms_max.max(self.fresh_ms_max),
            When::Outage => self.fresh_ms_max,
        };
        (ms > 0).then(|| Duration::from_millis(ms))
    }

    /// How old an answer may become before nobody wants it any more.
    fn kept_for(&self) -> Duration {
        self.age_max(When::Outage).unwrap_or_default()
    }
}

/// A finished answer.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) reply: Reply,
    /// What its translations could not say.
    pub(crate) losses: Losses,
    /// Who gave it.
    pub(crate) target: Target,
}

/// All kept answers of the process.
#[derive(Debug, Default)]
pub(crate) struct Recall {
    shelf: Mutex<Shelf>,
    /// Bytes of answers that are still being given.
    recording_bytes: AtomicUsize,
}

impl Recall {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to this question, if it is not older than `age_max`.
    pub(crate) fn find(
        &self,
        question: &Question,
        now: Tick,
        age_max: Duration,
    ) -> Option<(Arc<Finished>, Duration)> {
        self.shelf().find(question, now).filter(|(_, age)| *age <= age_max)
    }

    fn keep(&self, question: Question, answer: Finished, now: Tick, settings: &RecallSettings) {
        self.shelf().keep(question, answer, now, settings);
    }

    /// New settings; `others` if the same question may mean another ladder by now.
    pub(crate) fn settle(&self, settings: &RecallSettings, others: bool) {
        let mut shelf = self.shelf();
        if others || !settings.enabled {
            *shelf = Shelf::default();
        }
        shelf.fit(settings);
    }

    /// Answers kept, and their bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.shelf().size()
    }

    /// Takes room for an answer that is being given. False if there is none.
    fn reserve(&self, bytes: usize, bytes_max: usize) -> bool {
        let before = self.recording_bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.saturating_add(bytes) <= bytes_max;
        if !fits {
            self.recording_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }

    fn give_back(&self, bytes: usize) {
        self.recording_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
