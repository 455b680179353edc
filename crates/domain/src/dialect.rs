//! The wire dialects by name. How they are read and written is the business of `dialects`.

use std::fmt;

/// A wire dialect that a caller or a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// `POST /v1/chat/completions` after OpenAI.
    OpenAiChat,
}

impl Dialect {
    /// The name used in logs, metrics and receipts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai-chat",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
