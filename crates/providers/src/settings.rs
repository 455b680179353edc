//! The plain settings of one provider, filled and checked by `config`.

use std::path::PathBuf;

use domain::{ModelCard, Secret};

/// A header that the operator adds to every request.
#[derive(Debug, Clone)]
pub struct ExtraHeader {
    /// In lower case.
    pub name: Box<str>,
    pub value: Secret,
    /// The value stands elsewhere than in the settings' file and must not come back to a caller. A
    /// plain word such as `1` is none: taken out of every text, it would leave no text whole.
    pub is_secret: bool,
}

/// What kind of server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// OpenAI itself.
    OpenAi,
    /// OpenAI's models at Azure.
    Azure,
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// Perplexity's agent API.
    Perplexity,
    /// Any server that speaks OpenAI's forms.
    Compatible,
    /// The model on board.
    Reserve,
}

impl Kind {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 7] = [
        Self::OpenAi,
        Self::Azure,
        Self::Anthropic,
        Self::Gemini,
        Self::Perplexity,
        Self::Compatible,
        Self::Reserve,
    ];

    /// As in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Azure => "azure",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Perplexity => "perplexity",
            Self::Compatible => "compatible",
            Self::Reserve => "reserve",
        }
    }

    /// Where its servers are, if there is one place for all.
    pub fn base_url(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("https://api.openai.com/v1"),
            Self::Anthropic => Some("https://api.anthropic.com"),
            Self::Gemini => Some("https://generativelanguage.googleapis.com"),
            Self::Perplexity => Some("https://api.perplexity.ai"),
            Self::Azure | Self::Compatible | Self::Reserve => None,
        }
    }
}

/// Whether usage is asked for in streams whose caller did not ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamUsage {
    /// Ask the provider always; hide the answer from a caller who did not ask.
    Always,
    /// Send `stream_options` on as the caller wrote them.
    AsAsked,
}

/// Which of OpenAI's forms a compatible server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speaks {
    pub chat: bool,
    pub responses: bool,
    pub embeddings: bool,
}

impl Default for Speaks {
    /// What nearly all of them speak.
    fn default() -> Self {
        Self { chat: true, responses: false, embeddings: true }
    }
}

/// One `[providers.NAME]` table.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    pub name: Box<str>,
    pub kind: Kind,
    /// Scheme, host, port and path prefix, without a slash at its end, such as
    /// `https://api.openai.com/v1`. Empty for the reserve.
    pub base_url: Box<str>,
    /// None at all for a server that wants none.
    pub api_keys: Vec<Secret>,
    /// `OpenAI-Organization`, for kind `openai`.
    pub organization: Option<Box<str>>,
    /// `OpenAI-Project`, for kind `openai`.
    pub project: Option<Box<str>>,
    /// Azure's `api-version`, Anthropic's `anthropic-version`; `None` takes the usual one.
    pub api_version: Option<Box<str>>,
    /// For kind `azure`: the deployment of a model. A model without one is a deployment's name.
    pub deployments: Vec<(Box<str>, Box<str>)>,
    /// For kind `azure`: a file with an Entra token, which something else keeps fresh.
    pub entra_token_file: Option<PathBuf>,
    /// For kind `compatible`.
    pub speaks: Speaks,
    /// Extra request headers.
    pub headers: Vec<ExtraHeader>,
    /// Further root certificates, PEM.
    pub ca_file: Option<PathBuf>,
    /// Speak HTTP/2 where the server offers it.
    pub http2: bool,
    pub stream_usage: StreamUsage,
    /// The operator's own words about models, which win over the catalogue.
    pub cards: Vec<(Box<str>, ModelCard)>,
}

impl ProviderSettings {
    /// A provider with nothing but its name, and with what is usual for its kind.
    pub fn new(name: &str, kind: Kind) -> Self {
        // Every server at OpenAI knows `stream_options`; an unknown one may refuse what its caller
        // never sent.
        let stream_usage = match kind {
            Kind::Compatible => StreamUsage::AsAsked,
            Kind::OpenAi
            | Kind::Azure
            | Kind::Anthropic
            | Kind::Gemini
            | Kind::Perplexity
            | Kind::Reserve => StreamUsage::Always,
        };
        Self {
            name: name.into(),
            kind,
            base_url: kind.base_url().unwrap_or_default().into(),
            api_keys: Vec::new(),
            organization: None,
            project: None,
            api_version: None,
            deployments: Vec::new(),
            entra_token_file: None,
            speaks: Speaks::default(),
            headers: Vec::new(),
            ca_file: None,
            http2: false,
            stream_usage,
            cards: Vec::new(),
        }
    }
}
