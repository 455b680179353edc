//! The books of one run: every request that somebody made, by the ten seconds it began in, and the
//! hash of all that happened.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::Tick;
use sha2::{Digest, Sha256};

use crate::provider::cell_of;

/// How a request ended for whoever made it, after all retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered,
    Refused(u16),
    Cut,
    Failed,
    GaveUp,
    /// Left for no fault of anybody's.
    HungUp,
}

/// One request from its beginning to its end.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    pub(crate) id: u64,
    pub(crate) began: Tick,
    pub(crate) ended: Tick,
    pub(crate) outcome: Outcome,
    /// From the beginning, retries and all.
    pub(crate) first_word: Option<Duration>,
    pub(crate) served_by: Option<String>,
    pub(crate) why: Option<String>,
    /// Requests that the SDK made of it.
    pub(crate) rounds: u32,
    pub(crate) takeovers: u32,
    /// It stood in line before a provider was asked, as the gateway tells with the answer.
    pub(crate) waited: bool,
    pub(crate) tenant: String,
}

/// Ten seconds of the fleet's requests, by when they began.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Row {
    pub(crate) offered: u32,
    pub(crate) answered: u32,
    pub(crate) refused: u32,
    pub(crate) gave_up: u32,
    /// Cut or broken.
    pub(crate) failed: u32,
    /// Under way at the end of the ten seconds.
    pub(crate) open: u32,
    /// Slot-seconds of all that was offered, each request once.
    pub(crate) slot_s: f64,
}

/// Everything that is written down.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    pub(crate) rows: Vec<Row>,
    pub(crate) answered_by: BTreeMap<String, u64>,
    pub(crate) by_tenant: BTreeMap<String, (u64, u64)>,
    pub(crate) first_words_ms: Vec<u32>,
    pub(crate) rounds: u64,
    pub(crate) cut: u64,
    pub(crate) hung_up: u64,
    pub(crate) takeovers: u64,
    /// Requests that stood in line before a provider was asked.
    pub(crate) waited: u64,
    /// Waits that were told and kept, and those of them that led to an answer.
    pub(crate) waits: (u64, u64),
    /// The why of decisions, by when, one for each new kind in ten seconds.
    pub(crate) whys: Vec<(Tick, String)>,
    open: u32,
    last_why: BTreeMap<String, Tick>,
    hash: Sha256,
    line: String,
}

/// Shared by all tasks of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Books(Arc<Mutex<Pages>>);

/// The same why is written down again after so long.
const WHY_AGAIN: Duration = Duration::from_secs(300);
const WHYS_MAX: usize = 2_000;

impl Books {
    /// A request begins that asks for so many slot-seconds.
    pub(crate) fn begin(&self, at: Tick, slot_s: f64) {
        let mut pages = self.lock();
        pages.open += 1;
        let row = pages.row(at);
        row.offered += 1;
        row.slot_s += slot_s;
    }

    /// It ends.
    pub(crate) fn end(&self, story: Story) {
        let mut pages = self.lock();
        pages.open -= 1;
        pages.hash(&story);
        pages.rounds += u64::from(story.rounds);
        pages.takeovers += u64::from(story.takeovers);
        pages.waited += u64::from(story.waited);
        let answered = story.outcome == Outcome::Answered;
        let row = pages.row(story.began);
        match story.outcome {
            Outcome::Answered => row.answered += 1,
            Outcome::Refused(_) => row.refused += 1,
            Outcome::GaveUp => row.gave_up += 1,
            Outcome::Cut | Outcome::Failed => row.failed += 1,
            // Whoever leaves of his own will has got what he wanted.
            Outcome::HungUp => row.answered += 1,
        }
        match story.outcome {
            Outcome::Cut => pages.cut += 1,
            Outcome::HungUp => pages.hung_up += 1,
            _ => {}
        }
        let tenant = pages.by_tenant.entry(story.tenant).or_default();
        tenant.0 += 1;
        tenant.1 += u64::from(answered);
        if answered {
            if let Some(first) = story.first_word {
                pages.first_words_ms.push(u32::try_from(first.as_millis()).unwrap_or(u32::MAX));
            }
            *pages.answered_by.entry(story.served_by.unwrap_or_default()).or_default() += 1;
        }
        // The first choice is no decision that anybody has to be told of.
        if let Some(why) = story.why.filter(|why| !why.is_empty() && why != "first choice") {
            pages.why(story.ended, why);
        }
    }

    /// A caller waited as `Retry-After` said, and was answered or not.
    pub(crate) fn waited_as_told(&self, answered: bool) {
        let mut pages = self.lock();
        pages.waits.0 += 1;
        pages.waits.1 += u64::from(answered);
    }

    /// Writes down how many requests are under way.
    pub(crate) fn note_open(&self, at: Tick) {
        let mut pages = self.lock();
        let open = pages.open;
        pages.row(at).open = open;
    }

    /// Requests that have not ended.
    pub(crate) fn open(&self) -> u32 {
        self.lock().open
    }

    /// The hash of everything so far, as hexadecimal digits.
    pub(crate) fn trace_hash(&self) -> String {
        let digest = self.lock().hash.clone().finalize();
        digest.iter().take(12).fold(String::new(), |mut text, byte| {
            // Writing into a text cannot fail.
            _ = write!(text, "{byte:02x}");
            text
        })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    /// Requests that have not ended.
    pub(crate) fn open(&self) -> u32 {
        self.open
    }

    fn row(&mut self, at: Tick) -> &mut Row {
        let index = cell_of(at);
        if self.rows.len() <= index {
            self.rows.resize(index + 1, Row::default());
        }
        self.rows.get_mut(index).expect("the books were just made long enough")
    }

    fn hash(&mut self, story: &Story) {
        self.line.clear();
        // Writing into a text cannot fail.
        _ = writeln!(
            self.line,
            "{} {} {} {:?} {:?} {:?} {}",
            story.id,
            story.began.as_nanos(),
            story.ended.as_nanos(),
            story.outcome,
            story.first_word,
            story.served_by,
            story.rounds
        );
        self.hash.update(self.line.as_bytes());
    }

    fn why(&mut self, at: Tick, why: String) {
        // Figures differ from one request to the next; the kind of decision does not.
        let kind: String = why.chars().filter(|c| !c.is_ascii_digit()).collect();
        let known = self.last_why.get(&kind).is_some_and(|last| at.since(*last) < WHY_AGAIN);
        if !known && self.whys.len() < WHYS_MAX {
            self.last_why.insert(kind, at);
            self.whys.push((at, why));
        }
    }
}
