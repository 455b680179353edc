//! Whose server a LiteLLM model name means, and where that server is. The names before the slash
//! are LiteLLM's; the addresses are the providers' own.

/// What is known of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Vendor {
    /// LiteLLM's name before the slash.
    pub(super) prefix: &'static str,
    /// Our kind of provider.
    pub(super) kind: &'static str,
    /// Where a `compatible` server is if the file does not say.
    pub(super) base_url: Option<&'static str>,
    /// The variable that holds its key if the file names none.
    pub(super) key: Option<&'static str>,
}

const fn vendor(
    prefix: &'static str,
    kind: &'static str,
    base_url: Option<&'static str>,
    key: Option<&'static str>,
) -> Vendor {
    Vendor { prefix, kind, base_url, key }
}

const COMPATIBLE: &str = "compatible";

#[rustfmt::skip]
const VENDORS: &[Vendor] = &[
    vendor("openai", "openai", None, Some("OPENAI_API_KEY")),
    vendor("azure", "azure", None, Some("AZURE_API_KEY")),
    vendor("azure_ai", COMPATIBLE, None, Some("AZURE_AI_API_KEY")),
    vendor("anthropic", "anthropic", None, Some("ANTHROPIC_API_KEY")),
    vendor("gemini", "gemini", None, Some("GEMINI_API_KEY")),
    vendor("perplexity", "perplexity", None, Some("PERPLEXITYAI_API_KEY")),
    vendor("mistral", COMPATIBLE, Some("https://api.mistral.ai/v1"), Some("MISTRAL_API_KEY")),
    vendor("codestral", COMPATIBLE, Some("https://codestral.mistral.ai/v1"), Some("CODESTRAL_API_KEY")),
    vendor("groq", COMPATIBLE, Some("https://api.groq.com/openai/v1"), Some("GROQ_API_KEY")),
    vendor("deepseek", COMPATIBLE, Some("https://api.deepseek.com/v1"), Some("DEEPSEEK_API_KEY")),
    vendor("openrouter", COMPATIBLE, Some("https://openrouter.ai/api/v1"), Some("OPENROUTER_API_KEY")),
    vendor("xai", COMPATIBLE, Some("https://api.x.ai/v1"), Some("XAI_API_KEY")),
    vendor("together_ai", COMPATIBLE, Some("https://api.together.xyz/v1"), Some("TOGETHERAI_API_KEY")),
    vendor("cerebras", COMPATIBLE, Some("https://api.cerebras.ai/v1"), Some("CEREBRAS_API_KEY")),
    vendor("fireworks_ai", COMPATIBLE, Some("https://api.fireworks.ai/inference/v1"), Some("FIREWORKS_AI_API_KEY")),
    vendor("nvidia_nim", COMPATIBLE, Some("https://integrate.api.nvidia.com/v1"), Some("NVIDIA_NIM_API_KEY")),
    vendor("deepinfra", COMPATIBLE, Some("https://api.deepinfra.com/v1/openai"), Some("DEEPINFRA_API_KEY")),
    vendor("sambanova", COMPATIBLE, Some("https://api.sambanova.ai/v1"), Some("SAMBANOVA_API_KEY")),
    vendor("hosted_vllm", COMPATIBLE, None, None),
    vendor("vllm", COMPATIBLE, None, None),
    vendor("lm_studio", COMPATIBLE, Some("http://127.0.0.1:1234/v1"), None),
    vendor("llamafile", COMPATIBLE, Some("http://127.0.0.1:8080/v1"), None),
    vendor("openai_like", COMPATIBLE, None, None),
    vendor("custom_openai", COMPATIBLE, None, None),
    vendor("litellm_proxy", COMPATIBLE, None, Some("LITELLM_PROXY_API_KEY")),
    vendor("ollama", COMPATIBLE, Some("http://127.0.0.1:11434/v1"), None),
    vendor("ollama_chat", COMPATIBLE, Some("http://127.0.0.1:11434/v1"), None),
];

/// The vendor of a name before the slash.
pub(super) fn by_prefix(prefix: &str) -> Option<&'static Vendor> {
    VENDORS.iter().find(|vendor| vendor.prefix == prefix)
}

/// The vendor of a model that is named without one, as LiteLLM guesses it.
pub(super) fn by_model(model: &str) -> Option<&'static Vendor> {
    let begins = |starts: &[&str]| starts.iter().any(|start| model.starts_with(start));
    if begins(&["gpt-", "chatgpt-", "o1", "o3", "o4", "text-embedding-", "ft:gpt-"]) {
        by_prefix("openai")
    } else if begins(&["claude"]) {
        by_prefix("anthropic")
    } else {
        None
    }
}

/// Ollama is named by its bare address, and its OpenAI form lives below `/v1`.
pub(super) fn address(vendor: &Vendor, base: &str) -> String {
    let base = base.trim_end_matches('/');
    let bare = vendor.prefix.starts_with("ollama") && !base.ends_with("/v1");
    if bare { format!("{base}/v1") } else { base.to_owned() }
}
