//! Why a request is refused, in no provider's form. Each dialect has its own status, words and
//! headers for a cause.

/// A cause of refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    RateLimited {
        retry_after_s: Option<u32>,
    },
    /// The wait is a date in the header.
    LimitedUntil {
        seconds: u32,
    },
    /// The wait is told in the body alone.
    LimitedInBody {
        seconds: u32,
    },
    /// Requests grew too fast, whatever the quota.
    Accelerated,
    /// The account is at its end.
    Spent,
    ServerError,
    /// Nothing works; a provider is down. The wall itself never is.
    Unavailable,
    Overloaded,
    /// Overloaded, with the status that only one provider has.
    Busy,
    TooLong,
    Filtered,
    NoPrefill,
    /// Reasoning that was sealed elsewhere.
    ForeignSeal,
    BadKey,
    UnknownModel,
    /// The request is not what the dialect asks for; the sentence says what is wrong.
    Invalid(String),
    NotFound,
    WrongMethod,
    TooManyModels,
    /// It could not even be read as HTTP: a status and a sentence.
    Unreadable(u16, &'static str),
}

impl Cause {
    /// A sentence for dialects that have none of their own.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::RateLimited { .. } | Self::LimitedUntil { .. } => {
                "Too many requests; the wall says so on purpose."
            }
            // The one wait that the wall knows; dialects say it in this sentence.
            Self::LimitedInBody { .. } => {
                "Rate limit reached for requests per minute. Please try again in 2s."
            }
            Self::Accelerated => {
                "Your requests grew too fast; raise their rate gradually and keep it even."
            }
            Self::Spent => {
                "You exceeded your current quota, please check your plan and billing details."
            }
            Self::ForeignSeal => "Thought signature is not valid: it was made elsewhere or edited.",
            Self::ServerError => "The server had an error; the wall makes it on purpose.",
            Self::Unavailable => "The service is temporarily unavailable.",
            Self::Overloaded | Self::Busy => {
                "The model is overloaded; the wall says so on purpose."
            }
            Self::TooLong => {
                "This model's maximum context length is 16 tokens; the wall says so on purpose."
            }
            Self::Filtered => {
                "The request was refused by the content policy; the wall says so on purpose."
            }
            Self::NoPrefill => {
                "This model does not support a prefill: the last message must not be the \
                 assistant's."
            }
            Self::BadKey => "Incorrect API key provided.",
            Self::UnknownModel => "The wall knows no such model; see GET /v1/models.",
            Self::Invalid(why) => why,
            Self::NotFound => "The wall has no such path.",
            Self::WrongMethod => "The wall knows GET and POST only.",
            Self::TooManyModels => {
                "The wall counts 4096 model names at most; POST /control/reset forgets them."
            }
            Self::Unreadable(_, why) => why,
        }
    }

    /// The status that most providers use.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::RateLimited { .. }
            | Self::LimitedUntil { .. }
            | Self::LimitedInBody { .. }
            | Self::Accelerated
            | Self::Spent => 429,
            Self::Busy => 529,
            Self::ServerError => 500,
            Self::Overloaded | Self::Unavailable => 503,
            Self::BadKey => 401,
            Self::UnknownModel | Self::NotFound => 404,
            Self::WrongMethod => 405,
            Self::Unreadable(status, _) => *status,
            Self::TooLong
            | Self::Filtered
            | Self::NoPrefill
            | Self::ForeignSeal
            | Self::Invalid(_)
            | Self::TooManyModels => 400,
        }
    }
}
