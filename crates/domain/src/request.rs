//! A caller's request: the bytes as they came, the outline that routing needs, and the full form
//! once somebody asks for it.

use std::fmt;
use std::ops::{BitOr, BitOrAssign, Range};
use std::sync::OnceLock;

use bytes::Bytes;

use crate::{Dialect, Full, Operation};

/// What a request needs beyond a plain-text answer; a small set.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs(u16);

impl Needs {
    pub const TOOLS: Self = Self(1);
    pub const IMAGES: Self = Self(1 << 1);
    pub const AUDIO: Self = Self(1 << 2);
    pub const DOCUMENTS: Self = Self(1 << 3);
    pub const JSON_OUTPUT: Self = Self(1 << 4);
    pub const MANY_CHOICES: Self = Self(1 << 5);
    pub const LOGPROBS: Self = Self(1 << 6);
    pub const VIDEO: Self = Self(1 << 7);
    pub const REASONING: Self = Self(1 << 8);
    /// A tool that runs at the provider, such as a search.
    pub const HOSTED_TOOLS: Self = Self(1 << 9);

    const NAMES: [(Self, &'static str); 10] = [
        (Self::TOOLS, "tools"),
        (Self::IMAGES, "images"),
        (Self::AUDIO, "audio"),
        (Self::DOCUMENTS, "documents"),
        (Self::JSON_OUTPUT, "json output"),
        (Self::MANY_CHOICES, "several choices"),
        (Self::LOGPROBS, "logprobs"),
        (Self::VIDEO, "video"),
        (Self::REASONING, "reasoning"),
        (Self::HOSTED_TOOLS, "hosted tools"),
    ];

    /// True if nothing beyond text is needed.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True if every need of `other` is in this set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The needs of this set that `offered` lacks.
    pub fn beyond(self, offered: Self) -> Self {
        Self(self.0 & !offered.0)
    }

    /// The names in a fixed order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(need, _)| self.contains(*need)).map(|(_, name)| name)
    }
}

impl BitOr for Needs {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Needs {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// What routing needs to know of a request, read in one pass without building a tree.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outline {
    /// The model's name as the caller asks for it.
    pub model: Box<str>,
    /// Where the name's JSON string stands in the body, quotes included. `None` if the name is
    /// not in the body or was spelled with escapes.
    pub model_at: Option<Range<usize>>,
    /// The caller wants a stream.
    pub stream: bool,
    /// The caller's stream is to tell the usage: asked for by `stream_options.include_usage`, and
    /// always so in dialects that have no such wish.
    pub usage_in_stream: bool,
    /// Where the value of a `stream_options` object stands in the body, braces included.
    pub stream_options_at: Option<Range<usize>>,
    /// Needs that stand at the top of the request; what stands inside its turns is in
    /// [`Conversation::needs`](crate::Conversation).
    pub needs: Needs,
    /// The caller's limit of generated tokens.
    pub output_tokens_max: Option<u64>,
    /// Members or tools stand in it that another server has added to the dialect. Who knows the
    /// dialect alone refuses them.
    pub extended: bool,
}

/// How a stream's events are framed for the caller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    #[default]
    Events,
    /// The elements of one JSON array, as Gemini streams without `alt=sse`.
    JsonArray,
}

/// One request: the caller's bytes beside their outline.
#[derive(Debug)]
pub struct Request {
    pub dialect: Dialect,
    pub operation: Operation,
    pub body: Bytes,
    pub outline: Outline,
    pub framing: Framing,
    /// Headers and query parts of the dialect that a provider of the same dialect must see, such
    /// as `anthropic-beta`.
    pub passed: Passed,
    /// The caller's client says that it repeats a request that it has made before.
    pub again: bool,
    full: OnceLock<Box<Full>>,
}

/// What goes along with the body to a provider of the same dialect: names and values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passed {
    pub headers: Vec<(&'static str, Box<str>)>,
    /// The query that follows the path, without its question mark and without keys.
    pub query: Option<Box<str>>,
}

impl Request {
    /// A request for an answer, whose stream is framed as events.
    pub fn new(dialect: Dialect, body: Bytes, outline: Outline) -> Self {
        Self {
            dialect,
            operation: Operation::Generate,
            body,
            outline,
            framing: Framing::Events,
            passed: Passed::default(),
            again: false,
            full: OnceLock::new(),
        }
    }

    /// The full form, read from the caller's own bytes by `read` at the first use and kept for all
    /// further attempts, so that no translation is ever made from a translation.
    ///
    /// # Errors
    /// What `read` says.
    pub fn full<E>(&self, read: impl FnOnce(&Self) -> Result<Full, E>) -> Result<&Full, E> {
        if let Some(full) = self.full.get() {
            return Ok(full);
        }
        let read = read(self)?;
        Ok(self.full.get_or_init(|| Box::new(read)))
    }

    /// The full form, if an attempt has asked for it.
    pub fn full_if_read(&self) -> Option<&Full> {
        self.full.get().map(Box::as_ref)
    }
}
