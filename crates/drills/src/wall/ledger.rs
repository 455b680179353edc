//! What the wall remembers: every attempt since the last reset, and how often each model was
//! asked for, on which the faults that happen once depend.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use clock::{Clock, Tick};
use serde_json::{Value, json};

/// Older attempts are forgotten beyond so many.
const ATTEMPTS_MAX: usize = 100_000;
/// Model names that are counted; beyond it a new name is refused.
const MODELS_MAX: usize = 4_096;
/// The times of so many last attempts on a model are kept with it.
const LAST_MAX: usize = 8;
/// The bodies and headers of so many last attempts are kept.
const BODIES_MAX: usize = 64;
/// And of each body so much.
const BODY_BYTES_MAX: usize = 64 << 10;

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
    /// Empty if the request could not be read.
    pub(crate) model: String,
    /// `s01` and so on, or what follows `fb-`; none for an unknown model.
    pub(crate) scene: Option<&'static str>,
    pub(crate) dialect: &'static str,
    /// Without the query, which may hold a key.
    pub(crate) path: String,
    pub(crate) stream: bool,
    pub(crate) prefill: bool,
    pub(crate) authorization_present: bool,
    /// Where the keys came.
    pub(crate) keys_in: BTreeSet<&'static str>,
    /// Tells keys apart, and nothing else of them.
    pub(crate) key_trace: u64,
}

/// What came with a request; kept for the last ones only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    body: Bytes,
    body_bytes: usize,
    headers: Vec<(String, String)>,
}

impl Kept {
    /// Headers must hold no secrets.
    pub(crate) fn new(body: &Bytes, headers: &[(String, String)]) -> Self {
        // A copy, so that a slice of a large body does not keep all of it.
        let kept = body.get(..body.len().min(BODY_BYTES_MAX)).unwrap_or_default();
        Self {
            body: Bytes::copy_from_slice(kept),
            body_bytes: body.len(),
            headers: headers.to_vec(),
        }
    }

    fn as_json(&self) -> Value {
        let headers: BTreeMap<&str, &str> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        json!({
            "body": String::from_utf8_lossy(&self.body),
            "body_bytes": self.body_bytes,
            "headers": headers,
        })
    }
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
    kept: Option<Kept>,
    at: Tick,
    ended: Option<(Tick, End)>,
    sent: Sent,
}

impl Attempt {
    fn as_json(&self, reset_at: Tick) -> Value {
        let ms = |tick: Tick| tick.since(reset_at).as_millis();
        let end = self.ended.map(|(_, end)| end);
        json!({
            "t_ms": ms(self.at),
            "ended_ms": self.ended.map(|(tick, _)| ms(tick)),
            "model": self.begun.model,
            "scene": self.begun.scene,
            "dialect": self.begun.dialect,
            "path": self.begun.path,
            "status": self.sent.status,
            "end": end.map_or("open", End::as_str),
            "hung_up": end == Some(End::HungUp),
            "stream": self.begun.stream,
            "pieces_sent": self.sent.pieces,
            "prefill": self.begun.prefill,
            "authorization_present": self.begun.authorization_present,
            "keys_in": self.begun.keys_in,
        })
    }
}

/// An attempt's place in the ledger.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    serial: u64,
    /// How often the model was asked for before, since the reset.
    pub(crate) earlier: u32,
    pub(crate) since_reset: Duration,
    /// Since it was asked for the last time.
    pub(crate) since_last: Option<Duration>,
    /// How often it was asked for within the last second, this time too.
    pub(crate) last_second: u32,
    /// Whether the key is the one of the model's first request.
    pub(crate) first_key: bool,
}

/// What is remembered of a model until the reset.
#[derive(Debug)]
struct Asked {
    count: u32,
    /// When it was asked for, the last few times.
    last: VecDeque<Tick>,
    /// A trace of the first key, from which the key cannot be told.
    key: u64,
}

impl Asked {
    /// Notes an attempt, and counts those of the last second as far as they are remembered.
    fn note(&mut self, now: Tick) -> u32 {
        if self.last.len() >= LAST_MAX {
            self.last.pop_front();
        }
        self.last.push_back(now);
        let second = Duration::from_secs(1);
        let recent = self.last.iter().filter(|at| now.since(**at) <= second).count();
        u32::try_from(recent).unwrap_or(u32::MAX)
    }
}

/// An attempt as whoever scores sees it; times since the reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) at: Duration,
    pub(crate) ended: Option<Duration>,
    pub(crate) status: Option<u16>,
    pub(crate) end: Option<End>,
}

#[derive(Debug)]
struct Pages {
    reset_at: Tick,
    /// The serial number of the first attempt that is still remembered.
    first: u64,
    forgotten: u64,
    attempts: VecDeque<Attempt>,
    asked: BTreeMap<String, Asked>,
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
    pub(crate) fn open(&self, begun: Begun, kept: Kept) -> Option<Place> {
        let now = self.clock.now();
        let mut pages = self.pages();
        let full = pages.asked.len() >= MODELS_MAX;
        let mut last_second = 1;
        let mut since_last = None;
        let mut first_key = true;
        let earlier = match (begun.scene, pages.asked.get_mut(&begun.model)) {
            (_, Some(asked)) => {
                asked.count = asked.count.saturating_add(1);
                since_last = asked.last.back().map(|last| now.since(*last));
                last_second = asked.note(now);
                first_key = asked.key == begun.key_trace;
                asked.count - 1
            }
            (None, None) => 0,
            (Some(_), None) if full => return None,
            (Some(_), None) => {
                let last = VecDeque::from([now]);
                let asked = Asked { count: 1, last, key: begun.key_trace };
                pages.asked.insert(begun.model.clone(), asked);
                0
            }
        };
        if pages.attempts.len() >= ATTEMPTS_MAX {
            pages.attempts.pop_front();
            pages.first += 1;
            pages.forgotten += 1;
        }
        let serial = pages.first + u64::try_from(pages.attempts.len()).unwrap_or(u64::MAX);
        let oldest = pages.attempts.len().checked_sub(BODIES_MAX);
        if let Some(oldest) = oldest.and_then(|index| pages.attempts.get_mut(index)) {
            oldest.kept = None;
        }
        let (kept, sent) = (Some(kept), Sent::default());
        pages.attempts.push_back(Attempt { begun, kept, at: now, ended: None, sent });
        let since_reset = now.since(pages.reset_at);
        Some(Place { serial, earlier, since_reset, since_last, last_second, first_key })
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

    /// The attempts on one model since the reset, in their order.
    pub(crate) fn attempts(&self, model: &str) -> Vec<Told> {
        let pages = self.pages();
        let told = |attempt: &Attempt| Told {
            at: attempt.at.since(pages.reset_at),
            ended: attempt.ended.map(|(tick, _)| tick.since(pages.reset_at)),
            status: attempt.sent.status,
            end: attempt.ended.map(|(_, end)| end),
        };
        let of_model = |attempt: &&Attempt| attempt.begun.model == model;
        pages.attempts.iter().filter(of_model).map(told).collect()
    }

    /// The log as `GET /control/log` gives it; times in milliseconds since the reset. With
    /// `received` it shows what came with the last requests too.
    pub(crate) fn as_json(&self, received: bool) -> Value {
        let now = self.clock.now();
        let pages = self.pages();
        let reset_at = pages.reset_at;
        let attempts: Vec<Value> = pages
            .attempts
            .iter()
            .map(|attempt| {
                let mut shown = attempt.as_json(reset_at);
                if let (true, Some(shown)) = (received, shown.as_object_mut()) {
                    let kept = attempt.kept.as_ref().map(Kept::as_json);
                    shown.insert("received".to_owned(), kept.unwrap_or_default());
                }
                shown
            })
            .collect();
        let since_reset_ms = now.since(reset_at).as_millis();
        json!({
            "since_reset_ms": since_reset_ms,
            "forgotten": pages.forgotten,
            "attempts": attempts,
        })
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
            dialect: "chat",
            path: "/v1/chat/completions".to_owned(),
            stream: true,
            prefill: false,
            authorization_present: true,
            keys_in: BTreeSet::new(),
            key_trace: 0,
        }
    }

    fn open(ledger: &Ledger, model: &str) -> Option<Place> {
        ledger.open(begun(model), Kept::default())
    }

    #[test]
    fn attempts_are_counted_by_model_until_a_reset() {
        let clock = Arc::new(ManualClock::new());
        let ledger = Ledger::new(clock.clone());
        let first = open(&ledger, "fb-s01-a").unwrap();
        clock.advance(Duration::from_millis(20));
        assert_eq!(open(&ledger, "fb-s01-a").unwrap().earlier, 1);
        assert_eq!(open(&ledger, "fb-s01-b").unwrap().earlier, 0);
        ledger.close(first, Sent { status: Some(429), pieces: 0 }, End::HungUp);
        let log = ledger.as_json(false);
        assert_eq!(log["attempts"].as_array().unwrap().len(), 3);
        assert_eq!(log["attempts"][0]["ended_ms"], 20);
        assert_eq!(log["attempts"][0]["hung_up"], true);
        assert_eq!(log["attempts"][1]["end"], "open");

        ledger.reset();
        let again = open(&ledger, "fb-s01-a").unwrap();
        assert_eq!((again.earlier, again.since_reset), (0, Duration::ZERO));
        // The end of an attempt from before the reset changes nothing after it.
        ledger.close(first, Sent::default(), End::Finished);
        assert_eq!(ledger.as_json(false)["attempts"][0]["end"], "open");
    }

    #[test]
    fn the_log_and_the_names_are_bounded() {
        let ledger = Ledger::new(Arc::new(ManualClock::new()));
        for _ in 0..ATTEMPTS_MAX + 5 {
            open(&ledger, "fb-ok").unwrap();
        }
        let pages = ledger.pages();
        assert_eq!((pages.attempts.len(), pages.forgotten), (ATTEMPTS_MAX, 5));
        drop(pages);
        for index in 1..MODELS_MAX {
            open(&ledger, &format!("fb-ok-{index}")).unwrap();
        }
        assert!(open(&ledger, "fb-one-more").is_none());
        assert!(open(&ledger, "fb-ok").is_some());
    }

    #[test]
    fn what_came_is_kept_for_the_last_requests_only() {
        let ledger = Ledger::new(Arc::new(ManualClock::new()));
        let headers = [("accept".to_owned(), "text/event-stream".to_owned())];
        for index in 0..BODIES_MAX + 2 {
            let body = Bytes::from(format!("{index}"));
            ledger.open(begun("fb-ok"), Kept::new(&body, &headers)).unwrap();
        }
        let large = Bytes::from(vec![b'x'; BODY_BYTES_MAX + 1]);
        ledger.open(begun("fb-ok"), Kept::new(&large, &headers)).unwrap();
        let log = ledger.as_json(true);
        let attempts = log["attempts"].as_array().unwrap();
        assert_eq!(attempts[2]["received"], Value::Null);
        assert_eq!(attempts[3]["received"]["body"], "3");
        assert_eq!(attempts[3]["received"]["headers"]["accept"], "text/event-stream");
        let last = &attempts.last().unwrap()["received"];
        assert_eq!(last["body"].as_str().unwrap().len(), BODY_BYTES_MAX);
        assert_eq!(last["body_bytes"], BODY_BYTES_MAX + 1);
        assert!(ledger.as_json(false)["attempts"][3].get("received").is_none());
    }
}
