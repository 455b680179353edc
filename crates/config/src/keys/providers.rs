//! The keys of providers, and of what is known of their models.

use providers::{ANTHROPIC_VERSION, AZURE_API_VERSION};

use super::{Key, Section, Shape, flag, integer, none, number, other, required};

pub(crate) static PROVIDER: Section = Section {
    name: "providers.NAME",
    sentence: "One table for each provider. Its name is the first half of `provider/model`: 1 to \
        32 of a-z, 0-9, `_` and `-`. The provider `reserve` of kind `reserve` is there without a \
        table as soon as a ladder names it.",
    keys: &[
        Key {
            name: "kind",
            shape: Shape::Word(KINDS),
            default: required,
            sentence: "What kind of server it is.",
        },
        other(
            "api_keys",
            "array of `env:NAME` or `file:PATH`",
            none,
            "Keys in rotation, 64 at most. Required but for kind `compatible`, and for kind \
             `azure` with `entra_token_file`; a literal key is refused.",
        ),
        other(
            "base_url",
            "URL",
            || {
                "`\"https://api.openai.com/v1\"`, `\"https://api.anthropic.com\"`, \
                `\"https://generativelanguage.googleapis.com\"`, `\"https://api.perplexity.ai\"` \
                by kind"
                    .into()
            },
            "Scheme, host, port and path prefix. Required for kind `compatible`, and for kind \
             `azure`, whose resource's root it is.",
        ),
        other("organization", "text", none, "The header `OpenAI-Organization`; kind `openai`."),
        other("project", "text", none, "The header `OpenAI-Project`; kind `openai`."),
        other(
            "api_version",
            "text",
            || format!("`\"{AZURE_API_VERSION}\"`, `\"{ANTHROPIC_VERSION}\"` by kind"),
            "For kind `azure` the version in the query of deployments, for kind `anthropic` that \
             of the protocol for callers who name none.",
        ),
        other(
            "deployments",
            "table of texts",
            none,
            "For kind `azure`: the deployment of a model, such as `{ \"gpt-4.1\" = \"chat-eu\" }`. \
             A model that is not named here is asked for as a deployment of its own name.",
        ),
        other(
            "entra_token_file",
            "path",
            none,
            "For kind `azure` instead of `api_keys`: a file with an Entra token, which something \
             else keeps fresh. It is looked at every 10 seconds at most.",
        ),
        other(
            "speaks",
            "array of `\"chat\"`, `\"responses\"`, `\"embeddings\"`",
            || "`[\"chat\", \"embeddings\"]`".into(),
            "For kind `compatible`: which of OpenAI's forms the server knows.",
        ),
        other(
            "headers",
            "table of texts",
            none,
            "Further request headers; a value may be `env:NAME` or `file:PATH`, and must be for \
             headers that carry credentials.",
        ),
        other("ca_file", "path", none, "Further root certificates, PEM."),
        flag("http2", || "false".into(), "Speak HTTP/2 where the server offers it."),
        Key {
            name: "stream_usage",
            shape: Shape::Word(STREAM_USAGE),
            default: || "`\"as_asked\"` for kind `compatible`, else `\"always\"`".into(),
            sentence: "Whether usage is asked for in streams whose caller did not ask; the answer \
                to it is hidden from such a caller.",
        },
    ],
    tables: &[],
};

/// Kinds of providers.
pub(crate) const KINDS: &[&str] =
    &["openai", "azure", "anthropic", "gemini", "perplexity", "compatible", "reserve"];
pub(crate) const STREAM_USAGE: &[&str] = &["always", "as_asked"];

pub(crate) static CATALOGUE: Section = Section {
    name: "catalogue",
    sentence: "Prices, limits and abilities of the big providers' models are pinned in the binary; \
        what is not known is unknown, never nothing. Own words win over it.",
    keys: &[other(
        "file",
        "path",
        none,
        "A TOML file with `[cards.\"PROVIDER/MODEL\"]` tables as below. It is watched as the \
         configuration is, and read again with it; a card in the configuration itself wins over it.",
    )],
    tables: &[],
};

/// The top of a catalogue's file.
pub(crate) static CATALOGUE_FILE: Section =
    Section { name: "", sentence: "", keys: &[], tables: &["cards"] };

/// Nobody asks more for a million tokens, in dollars.
const PRICE_MAX: f64 = 1_000_000.0;
const TOKENS_MAX: u64 = 1_000_000_000;
const ABILITY: &str = "array of `\"tools\"`, `\"images\"`, `\"audio\"`, `\"documents\"`, \
    `\"video\"`, `\"json_output\"`, `\"reasoning\"`, `\"hosted_tools\"`, `\"logprobs\"`, \
    `\"several_choices\"`";

pub(crate) static CARD: Section = Section {
    name: "cards.NAME",
    sentence: "What you know of a model, by its name in ladders: `[cards.\"openai/gpt-4.1\"]`. What \
        is not named is taken from the catalogue.",
    keys: &[
        integer("context_tokens_max", (1, TOKENS_MAX), none, "Tokens of one request's input."),
        integer("output_tokens_max", (1, TOKENS_MAX), none, "Tokens of one answer."),
        other("can", ABILITY, none, "What it serves."),
        other(
            "cannot",
            ABILITY,
            none,
            "What it does not serve; requests that need it pass over the model.",
        ),
        flag("reasons", none, "It thinks before it speaks, and refuses some settings of sampling."),
        flag("continues_prefill", none, "It continues an assistant's turn at the end."),
        number(
            "input_usd_per_million",
            (0.0, PRICE_MAX),
            none,
            "Dollars for a million tokens of input, with six decimals at most.",
        ),
        number("output_usd_per_million", (0.0, PRICE_MAX), none, "The same for output."),
        number(
            "cache_read_usd_per_million",
            (0.0, PRICE_MAX),
            none,
            "The same for input that came from the provider's cache.",
        ),
        number(
            "cache_write_usd_per_million",
            (0.0, PRICE_MAX),
            none,
            "The same for input that was written into it.",
        ),
        number(
            "cache_write_hour_usd_per_million",
            (0.0, PRICE_MAX),
            none,
            "The same for input that was written there to be kept for an hour.",
        ),
        integer(
            "long_above_tokens",
            (1, TOKENS_MAX),
            none,
            "Prompts of more tokens than this one have prices of their own, which follow. The \
             catalogue's are left out where you name a price of input or output.",
        ),
        number(
            "long_input_usd_per_million",
            (0.0, PRICE_MAX),
            none,
            "Dollars for a million tokens of input where the prompt is that long.",
        ),
        number("long_output_usd_per_million", (0.0, PRICE_MAX), none, "The same for output."),
        number(
            "long_cache_read_usd_per_million",
            (0.0, PRICE_MAX),
            none,
            "The same for input that came from the provider's cache.",
        ),
        number(
            "long_cache_write_usd_per_million",
            (0.0, PRICE_MAX),
            none,
            "The same for input that was written into it.",
        ),
    ],
    tables: &[],
};
