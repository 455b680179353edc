//! What the wall remembers: every attempt since the last reset, and how often each model was
//! asked for, on which the faults that happen once depend.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::{Clock, Tick};
use serde_json::{Value, json};

/// Older attempts are forgotten beyond so many.
const ATTEMPTS_MAX: usize = 100_000;
/// Model names that are counted; beyond it a new name is refused.
const MODELS_MAX: usize = 4_096;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It was answered to its end, whatever the status.
    Finished,
    /// The answer was cut off.
    Cut,
    /// The answer stalled, then was cut off.
    Stalled,
    /// The connection was closed without a byte of answer.
    Silent,
    /// The connection was reset.
    Reset,
    /// The client left first.
    HungUp,
}

impl End {
    fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Cut => "cut",
            Self::Stalled => "stalled",
            Self::Silent => "silent",
            Self::Reset => "reset",
            Self::HungUp => "hung_up",
        }
    }
}

/// What is known of an attempt when it begins.
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    pub(crate) model: String,
    /// `s01` and so on, or what follows `fb-`; none for an unknown model.
    pub(crate) scene: Option<&'static str>,
    pub(crate) stream: bool,
    pub(crate) prefill: bool,
    pub(crate) authorization_present: bool,
}

/// What was sent of the answer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    pub(crate) status: Option<u16>,
    pub(crate) pieces: usize,
}

#[derive(Debug)]
struct Attempt {
    begun: Begun,
    at: Tick,
    ended: Option<(Tick, End)>,
    sent: Sent,
}

/// An attempt's place in the ledger.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    serial: u64,
    /// How often the model was asked for before, since the reset.
    pub(crate) earlier: u32,
    pub(crate) since_reset: Duration,
}

#[derive(Debug)]
struct Pages {
    reset_at: Tick,
    /// The serial number of the first attempt that is still remembered.
    first: u64,
    forgotten: u64,
    attempts: VecDeque<Attempt>,
    asked: BTreeMap<String, u32>,
}

/// The log of a wall, shared by its connections.
#[derive(Debug)]
pub(crate) struct Ledger {
    clock: Arc<dyn Clock>,
    pages: Mutex<Pages>,
}

impl Ledger {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let reset_at = clock.now();
        let pages = Pages {
            reset_at,
            first: 0,
            forgotten: 0,
            attempts: VecDeque::new(),
            asked: BTreeMap::new(),
        };
        Self { clock, pages: Mutex::new(pages) }
    }

    /// Writes down that an attempt begins; none if there is no room for another model name.
    pub(crate) fn open(&self, begun: Begun) -> Option<Place> {
        let now = self.clock.now();
        let mut pages = self.pages();
        let full = pages.asked.len() >= MODELS_MAX;
        let earlier = match (begun.scene, pages.asked.get_mut(&begun.model)) {
            (_, Some(count)) => {
                *count = count.saturating_add(1);
                *count - 1
            }
            (None, None) => 0,
            (Some(_), None) if full => return None,
            (Some(_), None) => {
                pages.asked.insert(begun.model.clone(), 1);
                0
            }
        };
        if pages.attempts.len() >= ATTEMPTS_MAX {
            pages.attempts.pop_front();
            pages.first += 1;
            pages.forgotten += 1;
        }
        let serial = pages.first + u64::try_from(pages.attempts.len()).unwrap_or(u64::MAX);
        pages.attempts.push_back(Attempt { begun, at: now, ended: None, sent: Sent::default() });
        Some(Place { serial, earlier, since_reset: now.since(pages.reset_at) })
    }

    /// Writes down how it ended; nothing if it was forgotten meanwhile.
    pub(crate) fn close(&self, place: Place, sent: Sent, end: End) {
        let now = self.clock.now();
        let mut pages = self.pages();
        let index = place.serial.checked_sub(pages.first).and_then(|at| usize::try_from(at).ok());
        if let Some(attempt) = index.and_then(|index| pages.attempts.get_mut(index)) {
            attempt.sent = sent;
            attempt.ended = Some((now, end));
        }
    }

    /// Forgets everything and starts the time anew.
    pub(crate) fn reset(&self) {
        let now = self.clock.now();
        let mut pages = self.pages();
        pages.first += u64::try_from(pages.attempts.len()).unwrap_or(u64::MAX);
        pages.attempts.clear();
        pages.asked.clear();
        pages.forgotten = 0;
        pages.reset_at = now;
    }

    pub(crate) fn since_reset(&self) -> Duration {
        self.clock.now().since(self.pages().reset_at)
    }

    /// The log as `GET /control/log` gives it; times in milliseconds since the reset.
    pub(crate) fn as_json(&self) -> Value {
        let now = self.clock.now();
        let pages = self.pages();
        let ms = |tick: Tick| tick.since(pages.reset_at).as_millis();
        let attempts: Vec<Value> = pages
            .attempts
            .iter()
            .map(|attempt| {
                let end = attempt.ended.map(|(_, end)| end);
                json!({
                    "t_ms": ms(attempt.at),
                    "ended_ms": attempt.ended.map(|(tick, _)| ms(tick)),
                    "model": attempt.begun.model,
                    "scene": attempt.begun.scene,
                    "status": attempt.sent.status,
                    "end": end.map_or("open", End::as_str),
                    "hung_up": end == Some(End::HungUp),
                    "stream": attempt.begun.stream,
                    "pieces_sent": attempt.sent.pieces,
                    "prefill": attempt.begun.prefill,
                    "authorization_present": attempt.begun.authorization_present,
                })
            })
            .collect();
        json!({ "since_reset_ms": ms(now), "forgotten": pages.forgotten, "attempts": attempts })
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        // Every change is whole before anything can panic, so a poisoned ledger is still true.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock::ManualClock;

    fn begun(model: &str) -> Begun {
        Begun {
            model: model.to_owned(),
            scene: Some("s01"),
            stream: true,
            prefill: false,
            authorization_present: true,
        }
    }

    #[test]
    fn attempts_are_counted_by_model_until_a_reset() {
        let clock = Arc::new(ManualClock::new());
        let ledger = Ledger::new(clock.clone());
        let first = ledger.open(begun("fb-s01-a")).unwrap();
        clock.advance(Duration::from_millis(20));
        assert_eq!(ledger.open(begun("fb-s01-a")).unwrap().earlier, 1);
        assert_eq!(ledger.open(begun("fb-s01-b")).unwrap().earlier, 0);
        ledger.close(first, Sent { status: Some(429), pieces: 0 }, End::HungUp);
        let log = ledger.as_json();
        assert_eq!(log["attempts"].as_array().unwrap().len(), 3);
        assert_eq!(log["attempts"][0]["ended_ms"], 20);
        assert_eq!(log["attempts"][0]["hung_up"], true);
        assert_eq!(log["attempts"][1]["end"], "open");

        ledger.reset();
        let again = ledger.open(begun("fb-s01-a")).unwrap();
        assert_eq!((again.earlier, again.since_reset), (0, Duration::ZERO));
        // The end of an attempt from before the reset changes nothing after it.
        ledger.close(first, Sent::default(), End::Finished);
        assert_eq!(ledger.as_json()["attempts"][0]["end"], "open");
    }

    #[test]
    fn the_log_and_the_names_are_bounded() {
        let ledger = Ledger::new(Arc::new(ManualClock::new()));
        for _ in 0..ATTEMPTS_MAX + 5 {
            ledger.open(begun("fb-ok")).unwrap();
        }
        let pages = ledger.pages();
        assert_eq!((pages.attempts.len(), pages.forgotten), (ATTEMPTS_MAX, 5));
        drop(pages);
        for index in 1..MODELS_MAX {
            ledger.open(begun(&format!("fb-ok-{index}"))).unwrap();
        }
        assert!(ledger.open(begun("fb-one-more")).is_none());
        assert!(ledger.open(begun("fb-ok")).is_some());
    }
}
