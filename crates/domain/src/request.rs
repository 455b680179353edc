//! A caller's request: the bytes as they came, and the outline that routing needs.

use std::fmt;
use std::ops::{BitOr, BitOrAssign, Range};

use bytes::Bytes;

use crate::Dialect;

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

    const NAMES: [(Self, &'static str); 7] = [
        (Self::TOOLS, "tools"),
        (Self::IMAGES, "images"),
        (Self::AUDIO, "audio"),
        (Self::DOCUMENTS, "documents"),
        (Self::JSON_OUTPUT, "json output"),
        (Self::MANY_CHOICES, "several choices"),
        (Self::LOGPROBS, "logprobs"),
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
    /// The caller asked for usage in the stream (`stream_options.include_usage`).
    pub usage_in_stream: bool,
    /// Where the value of a `stream_options` object stands in the body, braces included.
    pub stream_options_at: Option<Range<usize>>,
    /// Needs that stand at the top of the request; what stands inside its turns is in
    /// [`Conversation::needs`](crate::Conversation).
    pub needs: Needs,
    /// The caller's limit of generated tokens.
    pub output_tokens_max: Option<u64>,
}

/// One request: the caller's bytes beside their outline.
#[derive(Debug, Clone)]
pub struct Request {
    pub dialect: Dialect,
    pub body: Bytes,
    pub outline: Outline,
}
