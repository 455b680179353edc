//! The receipt of one request: what was asked, what was tried, what came of it. Written exactly
//! once for every request that reached the line, also when the caller hung up.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clock::{RequestId, Tick};
use domain::{Dialect, FaultClass, Finish, Losses, Money, Operation, Target, Usage};

/// How the request ended, seen from the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// A complete answer.
    Answered,
    /// The answer was a provider's refusal that is the caller's fault.
    CallerFault,
    /// We turned it away before any attempt: no such model, wrong key, too large, too busy.
    Refused,
    /// No rung could answer.
    Failed,
    /// The stream broke after content had reached the caller, who was told.
    Broken,
    /// The caller hung up.
    HungUp,
}

impl Outcome {
    /// The name used in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::CallerFault => "caller_fault",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Broken => "broken",
            Self::HungUp => "hung_up",
        }
    }
}

/// One attempt on one rung.
#[derive(Debug, Clone)]
pub struct AttemptRecord {
    pub target: Target,
    /// Index of the provider's key; never the key.
    pub key: u16,
    /// It went as a breaker's probe, to see whether the provider is back.
    pub trial: bool,
    /// From the decision to call until the attempt ended.
    pub took: Duration,
    /// From the call to the first content.
    pub first_token: Option<Duration>,
    /// `None` for the attempt that served.
    pub fault: Option<FaultClass>,
    /// Its failure was told when it happened, by
    /// [`Telemetry::call_failed`](crate::Telemetry::call_failed).
    pub told: bool,
    /// The request was found to bring the fault about by itself: others are answered there.
    pub by_request: bool,
    /// The provider's status, if it gave one.
    pub status: Option<u16>,
    /// A line for our log; may hold text from upstream.
    pub detail: Box<str>,
    /// What the provider says that this attempt consumed.
    pub usage: Option<Usage>,
    /// What that costs; `None` if a price or the usage is unknown.
    pub cost: Option<Money>,
}

/// A call that failed while its request goes on.
#[derive(Debug, Clone)]
pub struct FailedCall {
    pub target: Target,
    pub operation: Operation,
    /// Index of the provider's key; never the key.
    pub key: u16,
    /// It went as a breaker's probe.
    pub trial: bool,
    pub fault: FaultClass,
    /// The caller's name, if there is one.
    pub caller: Option<Arc<str>>,
}

impl AttemptRecord {
    /// The fault in the eyes of those who judge providers: one that the request brings about by itself
    /// is its caller's.
    pub fn judged_fault(&self) -> Option<FaultClass> {
        self.fault.map(|fault| if self.by_request { FaultClass::CallerFault } else { fault })
    }
}

/// Everything that is known of one request at its end.
#[derive(Debug, Clone)]
pub struct Receipt {
    pub id: RequestId,
    pub started: Tick,
    pub unix_seconds: f64,
    /// The caller's name; `None` in open mode or if the key was wrong.
    pub caller: Option<Arc<str>>,
    pub dialect: Option<Dialect>,
    pub operation: Operation,
    /// The model's name as asked; bounded in length.
    pub model_asked: Box<str>,
    pub stream: bool,
    pub attempts: Vec<AttemptRecord>,
    /// How long it stood in line, if it did.
    pub waited: Option<Duration>,
    /// Status sent to the caller; 499 if he left before one was sent.
    pub status: u16,
    pub outcome: Outcome,
    /// A short machine word for refusals, such as `model_not_found`.
    pub reason: Option<&'static str>,
    pub answer: AnswerRecord,
}

/// What came of a stream that broke off after its first words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TakeoverEnd {
    /// Another attempt went on with it.
    Continued,
    /// Another attempt began anew, for nothing was told that counts.
    Restarted,
    /// The caller was told of an error.
    Errored,
}

impl TakeoverEnd {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Continued, Self::Restarted, Self::Errored];

    /// The name used in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Continued => "continued",
            Self::Restarted => "restarted",
            Self::Errored => "errored",
        }
    }
}

/// How the breaks of one request ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Takeovers {
    pub continued: u16,
    pub restarted: u16,
    pub errored: u16,
}

impl Takeovers {
    /// One more.
    pub fn count(&mut self, end: TakeoverEnd) {
        let place = match end {
            TakeoverEnd::Continued => &mut self.continued,
            TakeoverEnd::Restarted => &mut self.restarted,
            TakeoverEnd::Errored => &mut self.errored,
        };
        *place = place.saturating_add(1);
    }

    /// How many ended so.
    pub fn of(self, end: TakeoverEnd) -> u16 {
        match end {
            TakeoverEnd::Continued => self.continued,
            TakeoverEnd::Restarted => self.restarted,
            TakeoverEnd::Errored => self.errored,
        }
    }

    /// The last word about the request, if there were any; for the log.
    pub fn last(self) -> Option<TakeoverEnd> {
        let worst_first = [TakeoverEnd::Errored, TakeoverEnd::Continued, TakeoverEnd::Restarted];
        worst_first.into_iter().find(|end| self.of(*end) > 0)
    }
}

/// What kind of rung gave an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Source {
    #[default]
    Provider,
    /// The model on board.
    Reserve,
    /// No attempt: it was given before, so long ago, and is given again.
    Recall { age: Duration },
}

impl Source {
    /// Time since it was given first, if it is given again.
    pub fn recalled_age(self) -> Option<Duration> {
        match self {
            Self::Recall { age } => Some(age),
            Self::Provider | Self::Reserve => None,
        }
    }
}

/// What the caller got.
#[derive(Debug, Clone, Default)]
pub struct AnswerRecord {
    pub served_by: Option<Target>,
    pub source: Source,
    /// Which step of the ladder served, counted from 0; `None` if nobody said. A breaker that is
    /// open on the first step leaves no attempt behind, so the attempts alone do not tell.
    pub served_step: Option<u16>,
    pub usage: Option<Usage>,
    pub finish: Option<Finish>,
    /// From the request's arrival to the first content handed to the caller.
    pub first_token: Option<Duration>,
    /// The longest gap between two pieces of content.
    pub gap_max: Duration,
    /// Content deltas relayed.
    pub content_deltas: u64,
    pub took: Duration,
    pub request_bytes: u64,
    pub answer_bytes: u64,
    /// What translations dropped or approximated.
    pub losses: Losses,
    /// The trail as sent in `seawall-why`.
    pub why: Box<str>,
    /// How often it broke off after content, and how that ended.
    pub takeovers: Takeovers,
    /// Request and answer, only if the log asks for payloads.
    pub payloads: Option<(Bytes, Bytes)>,
}
