//! The one trait of everything that can answer: a provider, the reserve model, a scripted fake.
//! The ladder is a list of these, and the line knows nothing else about them. How an answer is
//! fetched, and over which wire, is the implementor's business.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clock::RequestId;
use domain::{Allowance, Dialect, Fault, Losses, ModelCard, Piece, Reply, Request, Sight};
use futures_core::Stream;

mod continuation;
mod scripted;
pub mod suite;

pub use continuation::Continuation;
pub use scripted::{Scripted, Step};

/// A boxed future, for the one trait that is used behind `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A streamed answer. The first error is the last item, and an end without an error means that
/// the answer is complete. Dropping it cancels the call upstream.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Piece, Fault>> + Send>>;

/// One attempt's order.
#[derive(Debug, Clone)]
pub struct Call {
    pub request: Arc<Request>,
    /// The model's name as the upstream knows it.
    pub model: Arc<str>,
    /// Which of the upstream's keys to use, below [`Upstream::key_count`].
    pub key: u16,
    /// Time to make a connection.
    pub connect_max: Duration,
    /// Our id of the request, for logs.
    pub request_id: RequestId,
    /// Another provider's answer broke off, and this call is to go on with it. It is answered by
    /// native events, whatever the caller speaks.
    pub continuation: Option<Arc<Continuation>>,
    /// Whose proofs of thinking the request's history may hold.
    pub proofs: Proofs,
    /// Native events are wanted, also where the caller's dialect is spoken.
    pub as_events: bool,
}

/// What is known of the proofs of thinking in a request's history. They hold good at the provider,
/// sometimes at the account alone, that wrote them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Proofs {
    /// Nothing: they may well be the upstream's own.
    #[default]
    Unknown,
    /// Another provider was asked with them first, and has failed.
    Elsewhere,
    /// The upstream has refused them.
    Refused,
}

/// What may be known of the answer before its content.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// Headers that may go through to the caller: rate limits, request ids, nothing that tells
    /// about accounts.
    pub headers: http::HeaderMap,
    /// What the provider says that is left of its limits; empty if it says nothing.
    pub allowances: Vec<Allowance>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Whole {
    /// The body as it came, in the answer's dialect.
    pub body: Bytes,
    /// The status, a success.
    pub status: u16,
    /// What the body says.
    pub sight: Sight,
}

/// An answer's content.
pub enum Body {
    /// Read to its end before it was returned; goes through as it came.
    Whole(Whole),
    /// Read to its end, in the internal form: the upstream does not speak the caller's dialect.
    Native(Reply),
    /// Piece by piece, also where no stream was asked for: the gateway gathers native events.
    Stream(Pieces),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(whole) => f.debug_tuple("Whole").field(whole).finish(),
            Self::Native(reply) => f.debug_tuple("Native").field(reply).finish(),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// A successful answer, or the start of one.
#[derive(Debug)]
pub struct Answer {
    /// The dialect of relayed bytes; `None` if the answer is in the internal form.
    pub dialect: Option<Dialect>,
    pub head: Head,
    pub body: Body,
    /// What the translations of the request and of a whole answer could not say.
    pub losses: Losses,
}

/// Whether an upstream could answer now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// It will be ready by itself.
    Loading,
    /// It needs a person; the sentence says what to do.
    Unavailable(Box<str>),
}

/// Everything that can answer.
///
/// Time limits on headers, the first token, gaps and the whole are kept by the caller of this
/// trait, by dropping the future or the stream; an implementation must stop its work then.
pub trait Upstream: Send + Sync + fmt::Debug {
    /// The provider's name in the configuration.
    fn provider(&self) -> &str;

    /// How many keys can be rotated.
    fn key_count(&self) -> u16 {
        1
    }

    /// What is known of `model` here; `None` if nothing is.
    fn card(&self, _model: &str) -> Option<Arc<ModelCard>> {
        None
    }

    /// Why `model` here cannot serve this request, in a few plain words for the caller; `None`
    /// if it can.
    fn unfit(&self, model: &str, request: &Request) -> Option<Box<str>>;

    /// Whether a call makes sense now.
    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    /// True for the model on board, whose answers are marked and never counted as a provider's.
    fn is_reserve(&self) -> bool {
        false
    }

    /// Makes one attempt. Resolves when the answer's head (for a stream) or the whole answer is
    /// there.
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Answer, Fault>>;
}
