//! One step of an answer on its way to the caller.

use bytes::Bytes;

use crate::Usage;

/// Why the model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// The model was done, or a stop string was met.
    Stop,
    /// The output limit was reached.
    Length,
    /// The model asks for tools.
    ToolCalls,
    /// The provider's content filter ended the answer.
    ContentFilter,
    /// A word that we do not know.
    Other(Box<str>),
}

impl Finish {
    /// A bounded name for metrics and receipts; unknown words are `other`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Other(_) => "other",
        }
    }
}

/// An event in the internal form, written into the caller's dialect at the door.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// More of the answer's text; never empty.
    Text(String),
    /// The answer is over for this reason.
    Finish(Finish),
    /// What it consumed.
    Usage(Usage),
}

/// What a reader saw in a run of relayed bytes. All fields describe this run only.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sight {
    /// Deltas that carry content: text, refusal, reasoning or tool-call arguments, none empty. A
    /// role-only delta, a ping and a comment are no content.
    pub content_deltas: u32,
    /// Characters of answer text in choice 0.
    pub text_chars: u32,
    /// The reason why it finished, if it was told in this run.
    pub finish: Option<Finish>,
    /// Usage, if it was told in this run.
    pub usage: Option<Usage>,
    /// The model's name as the provider wrote it, on the first event that has one.
    pub model: Option<Box<str>>,
    /// The stream's own end mark (`[DONE]`) was in this run.
    pub end_mark: bool,
    /// Events that could not be read and were left out of the relayed bytes.
    pub malformed: u32,
}

/// One step of a streamed answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Bytes in the upstream's dialect, cut at event borders, with what was read from them.
    Relayed {
        /// Whole events exactly as they came.
        bytes: Bytes,
        /// What they say.
        sight: Sight,
    },
    /// An event from an upstream that has no wire form of its own, such as the reserve.
    Native(Event),
}
