//! One step of an answer on its way to the caller.

use bytes::Bytes;

use crate::{Citation, Loss, Media, Proof, SearchResult, Usage};

/// Why the model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// The model was done.
    Stop,
    /// This stop string was met; empty if it is not told which.
    StopSequence(Box<str>),
    /// The output limit was reached.
    Length,
    /// The model asks for tools.
    ToolCalls,
    /// The provider's content filter ended the answer, for this reason of its own if it told one.
    ContentFilter(Box<str>),
    /// The model itself declines.
    Refusal,
    /// The provider paused a long turn; the caller may let it go on.
    Paused,
    /// A word that we do not know.
    Other(Box<str>),
}

impl Finish {
    /// A bounded name for metrics and receipts; unknown words are `other`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Stop | Self::StopSequence(_) => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter(_) => "content_filter",
            Self::Refusal => "refusal",
            Self::Paused => "paused",
            Self::Other(_) => "other",
        }
    }
}

/// The probability of one token and of its alternatives, as natural logarithms.
#[derive(Debug, Clone, PartialEq)]
pub struct LogProb {
    pub token: String,
    pub logprob: f64,
    pub top: Vec<(String, f64)>,
}

/// More of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// Answer text; never empty.
    Text(String),
    Refusal(String),
    Thinking(String),
    /// Belongs to the thinking that came before it; alone it stands for thinking that is not shown.
    Proof(Proof),
    /// A tool call begins; arguments of the same `index` follow.
    ToolCall {
        index: u32,
        id: Box<str>,
        name: Box<str>,
        free_text: bool,
        /// Gemini's signature of the thinking behind the call.
        signature: Option<Box<str>>,
    },
    /// More of the arguments of the call with this index.
    Arguments {
        index: u32,
        text: String,
    },
    /// Belongs to the text that came before it.
    Citation(Citation),
    SearchResults(Vec<SearchResult>),
    /// The probabilities of tokens of the text that came before it.
    LogProbs(Vec<LogProb>),
    Media(Media),
}

/// An event in the internal form, written into the caller's dialect at the door.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// What the provider tells at the start; at most once, before everything else.
    Start { id: Option<Box<str>>, model: Option<Box<str>> },
    /// More of the answer `choice`, counted from 0.
    Delta { choice: u16, delta: Delta },
    /// The answer `choice` is over for this reason.
    Finish { choice: u16, finish: Finish },
    /// What was consumed so far, in all; the last one counts.
    Usage(Usage),
    /// The provider is alive and has nothing to say yet.
    Ping,
    /// Something of the provider's stream has no place in the internal form.
    Lost(Loss),
}

impl Event {
    /// Answer text of choice 0.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Delta { choice: 0, delta: Delta::Text(text.into()) }
    }

    /// The end of choice 0.
    pub fn finish(finish: Finish) -> Self {
        Self::Finish { choice: 0, finish }
    }

    /// What a reader would see in it, so that relayed and native pieces are counted alike.
    pub fn sight(&self) -> Sight {
        let mut sight = Sight::default();
        match self {
            Self::Start { model, .. } => sight.model.clone_from(model),
            Self::Delta { choice, delta } => {
                let (content, chars) = match delta {
                    Delta::Text(text) => (!text.is_empty(), text.chars().count()),
                    Delta::Refusal(text)
                    | Delta::Thinking(text)
                    | Delta::Arguments { text, .. } => (!text.is_empty(), 0),
                    Delta::ToolCall { .. } | Delta::Media(_) => (true, 0),
                    Delta::Proof(_)
                    | Delta::Citation(_)
                    | Delta::SearchResults(_)
                    | Delta::LogProbs(_) => (false, 0),
                };
                sight.content_deltas = u32::from(content);
                if *choice == 0 {
                    sight.text_chars = u32::try_from(chars).unwrap_or(u32::MAX);
                }
            }
            Self::Finish { choice, finish } => {
                sight.finish = (*choice == 0).then(|| finish.clone());
            }
            Self::Usage(usage) => sight.usage = Some(*usage),
            Self::Ping | Self::Lost(_) => {}
        }
        sight
    }
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
    /// The stream's own end mark (`[DONE]`, `message_stop`, `response.completed`) was in this run.
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
    /// An event from an upstream that does not speak the caller's dialect.
    Native(Event),
}
