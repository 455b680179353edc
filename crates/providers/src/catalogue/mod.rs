//! What is known of models: the list that is pinned in the binary, and the operator's own words
//! over it. Nothing is guessed here: who is in neither is unknown.

mod names;
mod pinned;

use std::collections::HashMap;
use std::sync::Arc;

use domain::{ModelCard, Needs, Prices};

pub(crate) use pinned::Task;

use crate::{Kind, ProviderSettings};

/// What a model may be said to serve, by the word that stands for it in a configuration.
pub const ABILITIES: [(&str, Needs); 10] = [
    ("tools", Needs::TOOLS),
    ("images", Needs::IMAGES),
    ("audio", Needs::AUDIO),
    ("documents", Needs::DOCUMENTS),
    ("video", Needs::VIDEO),
    ("json_output", Needs::JSON_OUTPUT),
    ("reasoning", Needs::REASONING),
    ("hosted_tools", Needs::HOSTED_TOOLS),
    ("logprobs", Needs::LOGPROBS),
    ("several_choices", Needs::MANY_CHOICES),
];

/// Hosts of servers that the list knows by a name of their own.
const HOSTS: [(&str, &str); 13] = [
    ("api.openai.com", "openai"),
    ("api.mistral.ai", "mistral"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.x.ai", "xai"),
    ("api.together.xyz", "together"),
    ("api.cerebras.ai", "cerebras"),
    ("api.fireworks.ai", "fireworks"),
    ("api.moonshot.ai", "moonshot"),
    ("api.z.ai", "zai"),
    ("api.deepinfra.com", "deepinfra"),
    ("api.studio.nebius.com", "nebius"),
    ("api.sambanova.ai", "sambanova"),
];

/// What is known of one provider's models.
#[derive(Debug, Clone)]
pub struct Cards {
    family: Option<&'static str>,
    own: HashMap<Box<str>, Arc<ModelCard>>,
}

impl Cards {
    /// The pinned list's part for this provider, and over it the operator's words.
    pub fn new(settings: &ProviderSettings) -> Self {
        let family = family(settings);
        let own = settings.cards.iter().map(|(model, words)| {
            let listed = family.and_then(|family| pinned::find(family, model));
            let card = match listed {
                Some(listed) => over(&listed.card, words),
                None => words.clone(),
            };
            (model.clone(), Arc::new(card))
        });
        Self { family, own: own.collect() }
    }

    /// What is known of `model`; `None` if nothing is.
    pub fn card(&self, model: &str) -> Option<Arc<ModelCard>> {
        match self.own.get(model) {
            Some(card) => Some(card.clone()),
            None => Some(pinned::find(self.family?, model)?.card.clone()),
        }
    }

    /// True if `model` is known to make vectors and nothing else.
    pub fn embeds(&self, model: &str) -> bool {
        self.task(model) == Some(Task::Embed)
    }

    /// Which kind of request `model` is listed for.
    pub(crate) fn task(&self, model: &str) -> Option<Task> {
        Some(pinned::find(self.family?, model)?.task)
    }
}

/// The list's name for the servers of this provider.
fn family(settings: &ProviderSettings) -> Option<&'static str> {
    match settings.kind {
        Kind::OpenAi => Some("openai"),
        Kind::Azure => Some("azure"),
        Kind::Anthropic => Some("anthropic"),
        Kind::Gemini => Some("gemini"),
        Kind::Perplexity => Some("perplexity"),
        Kind::Reserve => None,
        Kind::Compatible => {
            let uri: http::Uri = settings.base_url.parse().ok()?;
            let host = uri.host()?;
            HOSTS.into_iter().find(|(known, _)| *known == host).map(|(_, family)| family)
        }
    }
}

/// The list's card with everything replaced that the operator has a word for.
fn over(listed: &ModelCard, words: &ModelCard) -> ModelCard {
    ModelCard {
        context_tokens_max: words.context_tokens_max.or(listed.context_tokens_max),
        output_tokens_max: words.output_tokens_max.or(listed.output_tokens_max),
        can: listed.can.beyond(words.cannot) | words.can,
        cannot: listed.cannot.beyond(words.can) | words.cannot,
        reasons: words.reasons.or(listed.reasons),
        continues_prefill: words.continues_prefill.or(listed.continues_prefill),
        prices: prices_over(&listed.prices, &words.prices),
        as_of: listed.as_of.clone(),
    }
}

/// The list's prices of long prompts go with its own prices alone: who pays another price has
/// another contract.
fn prices_over(listed: &Prices, words: &Prices) -> Prices {
    let own = words.input.is_some() || words.output.is_some();
    Prices {
        input: words.input.or(listed.input),
        output: words.output.or(listed.output),
        cache_read: words.cache_read.or(listed.cache_read),
        cache_write: words.cache_write.or(listed.cache_write),
        cache_write_hour: words.cache_write_hour.or(listed.cache_write_hour),
        long: words.long.or(listed.long.filter(|_| !own)),
    }
}
