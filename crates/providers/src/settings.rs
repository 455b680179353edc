//! The plain settings of one provider, filled and checked by `config`.

use std::path::PathBuf;

use domain::Secret;

/// What kind of server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// OpenAI itself.
    OpenAi,
    /// Any server that speaks OpenAI's chat completions.
    Compatible,
    /// The model on board.
    Reserve,
}

/// Whether usage is asked for in streams whose caller did not ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamUsage {
    /// Ask the provider always; hide the answer from a caller who did not ask.
    Always,
    /// Send `stream_options` on as the caller wrote them.
    AsAsked,
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
    /// Extra request headers; values may be secrets.
    pub headers: Vec<(Box<str>, Secret)>,
    /// Further root certificates, PEM.
    pub ca_file: Option<PathBuf>,
    /// Speak HTTP/2 where the server offers it.
    pub http2: bool,
    pub stream_usage: StreamUsage,
}
