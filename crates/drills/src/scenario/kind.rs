//! What kind of server a simulated provider is: whose wire form the built-in settings ask it in, and
//! where its paths begin. What it says is in `provider`.

use providers::Kind;
use serde::Deserialize;

use crate::wall::Dialect;

/// Of a simulated provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum ProviderKind {
    /// Any server that speaks OpenAI's chat form.
    #[default]
    #[serde(rename = "openai-chat")]
    OpenAiChat,
    /// Any server that speaks OpenAI's responses and nothing else.
    #[serde(rename = "openai-responses")]
    OpenAiResponses,
    /// OpenAI itself, which speaks both.
    #[serde(rename = "openai")]
    OpenAi,
    #[serde(rename = "azure")]
    Azure,
    #[serde(rename = "anthropic")]
    Anthropic,
    #[serde(rename = "gemini")]
    Gemini,
    /// Perplexity's agent.
    #[serde(rename = "perplexity")]
    Perplexity,
}

impl ProviderKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::OpenAiChat,
        Self::OpenAiResponses,
        Self::OpenAi,
        Self::Azure,
        Self::Anthropic,
        Self::Gemini,
        Self::Perplexity,
    ];

    /// As in a scenario.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai-chat",
            Self::OpenAiResponses => "openai-responses",
            Self::OpenAi => "openai",
            Self::Azure => "azure",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Perplexity => "perplexity",
        }
    }

    /// The kind in a configuration that asks such a server.
    pub(crate) fn in_settings(self) -> Kind {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses => Kind::Compatible,
            Self::OpenAi => Kind::OpenAi,
            Self::Azure => Kind::Azure,
            Self::Anthropic => Kind::Anthropic,
            Self::Gemini => Kind::Gemini,
            Self::Perplexity => Kind::Perplexity,
        }
    }

    /// What a program speaks that is made for this server alone.
    pub(crate) fn native(self) -> Dialect {
        match self {
            Self::OpenAiChat | Self::OpenAi => Dialect::Chat,
            Self::OpenAiResponses => Dialect::Responses,
            Self::Azure => Dialect::Azure,
            Self::Anthropic => Dialect::Messages,
            Self::Gemini => Dialect::Gemini,
            Self::Perplexity => Dialect::Agent,
        }
    }
}
