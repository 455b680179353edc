//! How an attempt ended when it did not end well: the class of the fault, whose fault it is, and
//! whether trying again makes sense. The rules are those of the table of refusals: quota paces,
//! the caller's fault is never tried again, a silent route is never tried twice.

use std::fmt;

use bytes::Bytes;

use crate::Dialect;

/// Classes of faults; each attempt that fails has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultClass {
    /// No connection could be made: refused, unreachable, name not found, TLS refused.
    Connect,
    /// The connection broke before the answer's head was read.
    Reset,
    /// No answer head within the time for headers.
    Silent,
    /// Head came, but no content within the time for the first token.
    SlowFirstToken,
    /// Content came, then nothing for longer than the gap allowed.
    Stalled,
    /// Content came for long, but far more slowly than this rung's usually does.
    Crawling,
    /// The stream or body ended before it was complete.
    Cut,
    /// A success that carries nothing: an empty body, or a stream without content and finish.
    Empty,
    /// An answer that cannot be read at all.
    Malformed,
    /// 5xx that says nothing more.
    ServerError,
    /// Overloaded for everybody: 503, 529, or the same said inside a 200.
    Overloaded,
    /// 429 about our pace.
    RateLimited,
    /// 429 because our calls became more too quickly, though they are within the quota.
    Acceleration,
    /// The account of this key has no money or quota left; no wait cures it.
    QuotaExhausted,
    /// The account of this key has met the limit that its owner set for the month.
    SpendLimit,
    /// This key is refused: 401, 402, 403.
    KeyRejected,
    /// The provider does not know the model.
    ModelUnknown,
    /// The request is longer than the model's context.
    ContextLength,
    /// The provider's policy refuses the content.
    ContentFilter,
    /// Any other refusal that is the caller's fault.
    CallerFault,
    /// The time for the whole request is over.
    TotalTime,
    /// The caller hung up.
    CallerGone,
    /// The rung cannot serve this kind of request.
    Unfit,
    /// Another call for the same request was quicker, and this one was cancelled.
    Outrun,
    /// The rung refuses proofs of thinking in the history that it did not write itself.
    ForeignProofs,
    /// The rung's own queue is full, or it is not ready yet.
    Busy,
    /// Our own fault.
    Internal,
}

/// Who has to mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    Caller,
    Us,
    Upstream,
}

/// Whether trying again makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Nowhere: the answer would be the same.
    Never,
    /// On another key or rung, not on this one.
    Elsewhere,
    /// On this rung too, after a pause.
    SameAfterPause,
}

impl FaultClass {
    /// The name used in receipts, metrics and `seawall-why`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Reset => "reset",
            Self::Silent => "silent",
            Self::SlowFirstToken => "slow_first_token",
            Self::Stalled => "stalled",
            Self::Crawling => "crawling",
            Self::Cut => "cut",
            Self::Empty => "empty",
            Self::Malformed => "malformed",
            Self::ServerError => "server_error",
            Self::Overloaded => "overloaded",
            Self::RateLimited => "rate_limited",
            Self::Acceleration => "acceleration",
            Self::QuotaExhausted => "quota_exhausted",
            Self::SpendLimit => "spend_limit",
            Self::KeyRejected => "key_rejected",
            Self::ModelUnknown => "model_unknown",
            Self::ContextLength => "context_length",
            Self::ContentFilter => "content_filter",
            Self::CallerFault => "caller_fault",
            Self::TotalTime => "total_time",
            Self::CallerGone => "caller_gone",
            Self::Unfit => "unfit",
            Self::Outrun => "outrun",
            Self::ForeignProofs => "foreign_proofs",
            Self::Busy => "busy",
            Self::Internal => "internal",
        }
    }

    /// Whose fault it is.
    pub fn blame(self) -> Blame {
        match self {
            Self::ContextLength
            | Self::ContentFilter
            | Self::CallerFault
            | Self::CallerGone
            | Self::Unfit
            | Self::ForeignProofs => Blame::Caller,
            Self::Internal | Self::TotalTime | Self::Outrun | Self::Busy => Blame::Us,
            Self::Connect
            | Self::Reset
            | Self::Silent
            | Self::SlowFirstToken
            | Self::Stalled
            | Self::Crawling
            | Self::Cut
            | Self::Empty
            | Self::Malformed
            | Self::ServerError
            | Self::Overloaded
            | Self::RateLimited
            | Self::Acceleration
            | Self::QuotaExhausted
            | Self::SpendLimit
            | Self::KeyRejected
            | Self::ModelUnknown => Blame::Upstream,
        }
    }

    /// Whether another attempt makes sense before anything reached the caller.
    pub fn retry(self) -> Retry {
        match self {
            Self::Reset
            | Self::ServerError
            | Self::Overloaded
            | Self::RateLimited
            | Self::Acceleration
            | Self::Cut
            | Self::Empty
            | Self::Malformed => Retry::SameAfterPause,
            Self::Connect
            | Self::Silent
            | Self::SlowFirstToken
            | Self::Stalled
            | Self::Crawling
            | Self::QuotaExhausted
            | Self::SpendLimit
            | Self::KeyRejected
            | Self::ModelUnknown
            | Self::ContextLength
            | Self::Unfit
            | Self::Outrun
            | Self::ForeignProofs
            | Self::Busy
            | Self::Internal => Retry::Elsewhere,
            Self::ContentFilter | Self::CallerFault | Self::TotalTime | Self::CallerGone => {
                Retry::Never
            }
        }
    }
}

impl fmt::Display for FaultClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A provider's error answer that is the caller's to mend: it may go through unchanged to a caller
/// of the same dialect, and its sentence to every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayableError {
    pub dialect: Dialect,
    pub status: u16,
    /// `None` if the provider does not keep to the dialect's own form of an error.
    pub body: Option<Bytes>,
    /// The provider's sentence: one line, masked.
    pub message: Box<str>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub class: FaultClass,
    /// The provider's status, if it gave one.
    pub status: Option<u16>,
    /// The provider's `Retry-After` in all its forms, in milliseconds from the answer's arrival.
    pub retry_after_ms: Option<u64>,
    /// One line for our own log; may hold text from upstream, never a key, and never goes to a
    /// caller.
    pub detail: Box<str>,
    /// Set only if the blame is the caller's and the body is well-formed in its dialect.
    pub relayable: Option<RelayableError>,
}

impl Fault {
    /// A fault with nothing but a class and a line for the log.
    pub fn new(class: FaultClass, detail: impl Into<Box<str>>) -> Self {
        Self { class, status: None, retry_after_ms: None, detail: detail.into(), relayable: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.detail)
    }
}

impl std::error::Error for Fault {}
