//! The wire dialects and what is asked in them, by name. How they are read and written is the
//! business of `dialects`.

use std::fmt;

/// A wire dialect that a caller or a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// OpenAI's chat completions and embeddings.
    OpenAiChat,
    /// OpenAI's responses.
    OpenAiResponses,
    /// Anthropic's messages.
    Anthropic,
    /// Google's generateContent and its siblings.
    Gemini,
}

impl Dialect {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 4] =
        [Self::OpenAiChat, Self::OpenAiResponses, Self::Anthropic, Self::Gemini];

    /// The name used in logs, metrics and receipts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai-chat",
            Self::OpenAiResponses => "openai-responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// An answer of a model, whole or streamed.
    #[default]
    Generate,
    /// Vectors of texts.
    Embed,
    /// How many tokens a request has.
    CountTokens,
}

impl Operation {
    /// The name used in logs, metrics and receipts: the OpenTelemetry conventions' word where they
    /// have one.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "chat",
            Self::Embed => "embeddings",
            Self::CountTokens => "count_tokens",
        }
    }
}
