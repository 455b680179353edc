//! What a healthy answer says, in no provider's form: pieces, how it ended, what was counted. The
//! wire forms are in `dialect`, what a scene says is in `compose`.

/// The healthy answer: sixty words. A client's text is complete if it equals this one after white
/// space is made even.
pub const TEXT: &str = "Each morning the harbour wakes before the town does. Small boats leave in \
    a line, gulls argue over scraps, and the old crane swings slowly above the quay. When the \
    weather turns, a long stone wall takes the first blow of every wave, so that the boats behind \
    it lie still and the people ashore can finish their day's work.";

/// What `fb-thinking` thinks before it says the text: twelve words.
pub const THOUGHT: &str = "The question is about a harbour, so the sixty words will do.";

/// The seal on a thought or a call, where the dialect has one; it must come back as it was.
pub const SIGNATURE: &str = "d2FsbC1zaWduYXR1cmUtb2YtYS10aG91Z2h0LTAwMDE=";

/// What `fb-refusal` says, where the dialect has room for a sentence.
pub const REFUSAL: &str = "The wall will not help with that.";

/// One token of an answer, in the wall's counting; seals and citations count nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Thought(String),
    /// Seals the thought before it.
    Signature(&'static str),
    Text(String),
    Refusal(String),
    /// The start of a tool call, numbered from nought: the tool's name.
    Call {
        index: usize,
        name: String,
    },
    /// A part of that call's arguments.
    Arguments {
        index: usize,
        part: String,
        last: bool,
    },
    /// Where the text has its first sentence from.
    Citation(Citation),
}

/// A place in the text and where it is from. All of the text is ASCII, so that every dialect's
/// way of counting gives the same places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Citation {
    pub(crate) url: &'static str,
    pub(crate) title: &'static str,
    pub(crate) quote: &'static str,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    Stop,
    Tools,
    Length,
    /// A content filter cut the answer.
    Filtered,
    /// The model, or the filter before it, would not answer at all.
    Refused,
}

/// What was counted. Each dialect adds these up in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tokens {
    /// The whole prompt, the cached part of it too.
    pub(crate) input: usize,
    pub(crate) cached: usize,
    /// The whole answer, the reasoning too.
    pub(crate) output: usize,
    pub(crate) reasoning: usize,
}

impl Tokens {
    pub(crate) fn total(self) -> usize {
        self.input + self.output
    }
}

/// A healthy answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) finish: Finish,
    pub(crate) tokens: Tokens,
}

impl Answer {
    /// The citation, for dialects that send it elsewhere than after the text.
    pub(crate) fn citation(&self) -> Option<Citation> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Citation(citation) => Some(*citation),
            _ => None,
        })
    }
}
