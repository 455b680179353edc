//! What is to be written: providers, ladders and a few settings, as an importer understood them.

/// One `[providers.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Provider {
    pub(super) name: String,
    pub(super) kind: &'static str,
    /// `env:NAME` of its key; `None` for a server that wants none.
    pub(super) key: Option<String>,
    /// The address. Where the file names a variable that holds it, a name under `.invalid` stands
    /// for it, which nobody can reach, and a note asks for the address itself.
    pub(super) base_url: Option<String>,
    pub(super) api_version: Option<String>,
    pub(super) organization: Option<String>,
}

/// One `[models.NAME]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) name: String,
    /// Steps of `provider/model`, equals together.
    pub(super) ladder: Vec<Vec<String>>,
    pub(super) total_ms_max: Option<u64>,
    pub(super) first_token_ms_max: Option<u64>,
}

/// The whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) providers: Vec<Provider>,
    pub(super) models: Vec<Model>,
    pub(super) total_ms_max: Option<u64>,
    pub(super) attempts_max: Option<u64>,
    /// Failures in a row that open the breaker.
    pub(super) streak_max: Option<u64>,
    /// How long it stays open.
    pub(super) cooldown_ms: Option<u64>,
    /// Name and hash of callers' keys.
    pub(super) callers: Vec<(String, String)>,
}
