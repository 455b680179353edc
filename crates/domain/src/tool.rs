//! Tools: what is offered, what the model asks for, what came of it.

use crate::{Content, Dialect, Json};

/// Something that the model may call.
#[derive(Debug, Clone, PartialEq)]
pub enum Tool {
    /// The caller runs it.
    Function(Function),
    /// The provider runs it.
    Hosted(HostedTool),
}

/// A function of the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Function {
    pub name: Box<str>,
    pub description: Option<Box<str>>,
    /// The JSON schema of its arguments; `None` if it takes none.
    pub parameters: Option<Json>,
    /// The arguments must keep to the schema.
    pub strict: Option<bool>,
    /// It takes free text instead of JSON (OpenAI's `custom` tools).
    pub free_text: bool,
    /// `cache_control` as Anthropic writes it.
    pub cache: Option<Json>,
}

/// What a hosted tool does, where several providers have the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostedKind {
    WebSearch,
    WebFetch,
    CodeExecution,
    /// Anything else; only its own dialect knows it.
    Other,
}

/// A tool that runs at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedTool {
    pub kind: HostedKind,
    /// The dialect in which `json` is written.
    pub dialect: Dialect,
    /// Its type's name.
    pub name: Box<str>,
    /// The whole tool as written.
    pub json: Json,
}

/// Whether a tool must be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    Auto,
    None,
    /// Some tool must be called.
    Required,
    /// This one must be called.
    Named(Box<str>),
    /// One of these may be called; if `required`, must be.
    Among {
        names: Vec<Box<str>>,
        required: bool,
    },
}

/// The model asks for a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// As its provider or the caller wrote it; empty if there is none (Gemini).
    pub id: Box<str>,
    pub name: Box<str>,
    /// JSON text as the model wrote it, which may be broken or empty; for a free-text tool the
    /// text itself.
    pub arguments: String,
    pub free_text: bool,
    /// Gemini's signature of the thinking behind the call.
    pub signature: Option<Box<str>>,
}

/// What came of a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolResult {
    /// The id of the call.
    pub id: Box<str>,
    /// The tool's name, where it is told; Gemini needs it.
    pub name: Option<Box<str>>,
    pub content: Vec<Content>,
    pub is_error: bool,
    /// `cache_control` as Anthropic writes it.
    pub cache: Option<Json>,
}
