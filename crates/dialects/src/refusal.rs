//! What we say to a caller when we refuse, before a dialect gives it its form. Which fault leads
//! to which refusal is the gateway's business.

/// A request that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Malformed {
    /// A sentence for the caller: what is wrong and where.
    pub message: String,
    /// The field of the request that is meant, if there is one.
    pub param: Option<&'static str>,
}

impl Malformed {
    /// Puts the sentence and the field together.
    pub fn new(message: impl Into<String>, param: impl Into<Option<&'static str>>) -> Self {
        Self { message: message.into(), param: param.into() }
    }
}

/// What kind of refusal it is; each dialect has its own words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    InvalidRequest,
    ModelNotFound,
    ContextLength,
    /// The provider's policy refused the content and its own body cannot be passed on.
    ContentFilter,
    Unauthorized,
    PayloadTooLarge,
    RateLimited,
    Overloaded,
    UpstreamFailed,
    UpstreamTimeout,
    NotFound,
    MethodNotAllowed,
    Internal,
}

/// A refusal of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer, where there is still one to be sent.
    pub status: u16,
    pub kind: RefusalKind,
    /// A sentence for the caller, without upstream text.
    pub message: String,
    /// The field of the request that is meant, if there is one.
    pub param: Option<&'static str>,
    /// The honest wait in seconds, told in the body.
    pub retry_after_s: Option<u64>,
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self {
            status: 400,
            kind: RefusalKind::InvalidRequest,
            message: malformed.message,
            param: malformed.param,
            retry_after_s: None,
        }
    }
}
