//! What is said in a turn or an answer, part by part, in the form that all dialects share.

use crate::{Dialect, Json, ToolCall, ToolResult};

/// A part of what was said.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    Text(Text),
    Media(Media),
    ToolCall(ToolCall),
    ToolResult(ToolResult),
    Thinking(Thinking),
    /// The model declines, in its own words.
    Refusal(String),
    /// What a search that the provider made itself has found.
    SearchResults(Vec<SearchResult>),
    /// A part that only its own dialect knows.
    Foreign(Foreign),
}

impl Content {
    /// Plain text without anything attached.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Text { text: text.into(), ..Text::default() })
    }
}

/// Text, and what is attached to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Text {
    pub text: String,
    pub citations: Vec<Citation>,
    /// `cache_control` as Anthropic writes it: the prompt may be cached up to here.
    pub cache: Option<Json>,
}

/// Where a statement comes from. Positions count characters (not bytes) of the text that it is
/// attached to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Citation {
    pub url: Option<Box<str>>,
    pub title: Option<Box<str>>,
    /// The words of the source.
    pub quote: Option<Box<str>>,
    /// First character of the statement, and the one behind its last.
    pub span: Option<(u64, u64)>,
}

/// One finding of a provider's own search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchResult {
    pub url: Box<str>,
    pub title: Option<Box<str>>,
    pub snippet: Option<Box<str>>,
    /// The date as written.
    pub date: Option<Box<str>>,
}

/// What kind of medium it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    Image,
    Audio,
    Video,
    Document,
}

/// Where a medium's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaSource {
    Url(Box<str>),
    /// Base64 without a `data:` head.
    Base64(Box<str>),
    /// A file that was uploaded to the provider that `Dialect` belongs to; means nothing elsewhere.
    File(Dialect, Box<str>),
    /// A document's plain text.
    Text(Box<str>),
}

/// An image, a recording, a film or a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    pub kind: MediaKind,
    pub source: MediaSource,
    /// `image/png` and the like, if it is told.
    pub mime: Option<Box<str>>,
    /// The file's name or the document's title.
    pub name: Option<Box<str>>,
    /// OpenAI's `low`, `high` or `auto`.
    pub detail: Option<Box<str>>,
    /// `cache_control` as Anthropic writes it.
    pub cache: Option<Json>,
}

/// What the model thought before it spoke.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thinking {
    /// Empty where the provider shows nothing of it.
    pub text: String,
    pub proof: Option<Proof>,
}

/// What a provider wants back unchanged with the thinking, to know it for its own. It is worth
/// nothing, or an error, at any other provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pub dialect: Dialect,
    pub kind: ProofKind,
    /// The item's own id, where it has one.
    pub id: Option<Box<str>>,
    pub data: Box<str>,
}

/// What kind of proof it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofKind {
    /// A signature of the visible thinking.
    Signature,
    /// The thinking itself, unreadable to all but its provider.
    Sealed,
}

/// A part of a type that has no counterpart in other dialects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    pub dialect: Dialect,
    /// Its type's name.
    pub kind: Box<str>,
    /// The whole part as written.
    pub json: Json,
}
