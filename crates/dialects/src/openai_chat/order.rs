//! Writes a request of the internal form for a provider: the settings here, the turns in `turns`,
//! the tools in `offer`. What a provider does not bear is left out and named.

use bytes::Bytes;
use domain::{Conversation, Effort, Loss, Losses, Needs, OutputFormat};

use super::offer::write_tools;
use super::raw::{object, text};
use super::turns::write_turns;
use crate::form::{Order, Vendor, Written};
use crate::object::{ObjectText, push_quoted, shortest};

/// What is known of the one for whom a request is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whom<'a> {
    pub(super) vendor: Vendor,
    pub(super) model: &'a str,
    /// It is known to think before it speaks, or not to.
    pub(super) reasons: Option<bool>,
    pub(super) can: Needs,
    pub(super) continues_prefill: bool,
}

impl Whom<'_> {
    /// OpenAI's own server or Microsoft's: they know all of the form, and are strict about the
    /// rest.
    pub(super) fn is_original(self) -> bool {
        matches!(self.vendor, Vendor::OpenAi | Vendor::Azure)
    }

    /// A model of Mistral's: its template takes no ids of tool calls of any form but its own,
    /// whoever serves it. Nothing but the model's name tells.
    pub(super) fn is_of_mistral(self) -> bool {
        const FAMILY: [&str; 7] =
            ["mistral", "ministral", "mixtral", "magistral", "codestral", "devstral", "pixtral"];
        let name = self.model.to_ascii_lowercase();
        !self.is_original() && FAMILY.iter().any(|word| name.contains(word))
    }

    /// Mistral's own server, which refuses members that it does not know. Others that serve its
    /// models write an owner or a size into the name.
    pub(super) fn is_mistral(self) -> bool {
        self.is_of_mistral() && !self.model.contains(['/', ':'])
    }

    /// Google's compatible path keeps its signatures.
    pub(super) fn is_google(self) -> bool {
        self.vendor == Vendor::Gemini || self.model.to_ascii_lowercase().contains("gemini")
    }

    /// A model that thinks refuses to be told how to draw.
    fn draws_its_own_way(self) -> bool {
        self.is_original() && self.reasons == Some(true)
    }
}

/// The request's body.
pub(super) fn write_request(order: &Order<'_>, conversation: &Conversation) -> Written {
    let whom = Whom {
        vendor: order.vendor,
        model: order.model,
        reasons: order.card.reasons,
        can: order.card.can,
        continues_prefill: order.card.continues_prefill == Some(true),
    };
    let mut losses = Losses::default();
    let mut body = ObjectText::new();
    body.text("model", order.model);
    body.list("messages", &write_turns(whom, conversation, &mut losses));
    write_tools(whom, conversation, &mut body, &mut losses);
    write_limit(order, conversation, &mut body, &mut losses);
    write_sampling(whom, conversation, &mut body, &mut losses);
    write_logprobs(whom, conversation, &mut body, &mut losses);
    write_format(&conversation.format, &mut body);
    write_reasoning(whom, conversation, &mut body, &mut losses);
    write_about(whom, conversation, &mut body, &mut losses);
    if order.stream {
        body.raw("stream", "true");
        // Perplexity and Mistral tell it unasked, and Mistral refuses the question.
        if whom.vendor != Vendor::Perplexity && !whom.is_mistral() {
            body.raw("stream_options", r#"{"include_usage":true}"#);
        }
    }
    for name in &conversation.unmapped {
        losses.add(Loss::unmapped(name));
    }
    Written { body: Bytes::from(body.end()), losses }
}

fn write_limit(
    order: &Order<'_>,
    conversation: &Conversation,
    body: &mut ObjectText,
    losses: &mut Losses,
) {
    let Some(asked) = conversation.sampling.output_tokens_max else { return };
    let limit = order.card.output_tokens_max.map_or(asked, |most| most.min(asked));
    if limit < asked {
        losses.approximated("max_tokens");
    }
    let newer = matches!(order.vendor, Vendor::OpenAi | Vendor::Azure);
    body.whole(if newer { "max_completion_tokens" } else { "max_tokens" }, limit);
}

fn write_sampling(
    whom: Whom<'_>,
    conversation: &Conversation,
    body: &mut ObjectText,
    losses: &mut Losses,
) {
    let sampling = &conversation.sampling;
    // The usual value is borne by all, so that leaving it out loses nothing.
    for (name, value, usual) in [
        ("temperature", sampling.temperature, 1.0),
        ("top_p", sampling.top_p, 1.0),
        ("presence_penalty", sampling.presence_penalty, 0.0),
        ("frequency_penalty", sampling.frequency_penalty, 0.0),
    ] {
        let Some(value) = value else { continue };
        if !whom.draws_its_own_way() {
            body.raw(name, &shortest(value));
        } else if (value - usual).abs() > f64::EPSILON {
            losses.dropped(name);
        }
    }
    if let Some(seed) = sampling.seed {
        body.raw(if whom.is_mistral() { "random_seed" } else { "seed" }, &seed.to_string());
    }
    match (sampling.top_k, whom.vendor) {
        (Some(top_k), Vendor::Perplexity) => {
            body.whole("top_k", top_k);
        }
        (Some(_), _) => losses.dropped("top_k"),
        (None, _) => {}
    }
    if !sampling.stop.is_empty() {
        if whom.draws_its_own_way() {
            losses.dropped("stop");
        } else {
            write_stop(&sampling.stop, whom, body, losses);
        }
    }
    if let Some(choices) = sampling.choices.filter(|choices| *choices != 1) {
        body.whole("n", choices);
    }
}

fn write_stop(stop: &[String], whom: Whom<'_>, body: &mut ObjectText, losses: &mut Losses) {
    const ORIGINAL_STOPS_MAX: usize = 4;
    let most = if whom.is_original() { ORIGINAL_STOPS_MAX } else { stop.len() };
    if stop.len() > most {
        losses.approximated("stop");
    }
    let words: Vec<String> = stop.iter().take(most).map(|word| quoted(word)).collect();
    body.list("stop", &words);
}

fn quoted(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 2);
    push_quoted(&mut written, text);
    written
}

fn write_logprobs(
    whom: Whom<'_>,
    conversation: &Conversation,
    body: &mut ObjectText,
    losses: &mut Losses,
) {
    let Some(top) = conversation.sampling.logprobs else { return };
    if whom.draws_its_own_way() {
        return losses.dropped("logprobs");
    }
    body.raw("logprobs", "true");
    if top > 0 {
        body.whole("top_logprobs", top);
    }
}

fn write_format(format: &OutputFormat, body: &mut ObjectText) {
    match format {
        OutputFormat::Text => {}
        OutputFormat::JsonObject => {
            body.raw("response_format", r#"{"type":"json_object"}"#);
        }
        OutputFormat::JsonSchema { name, description, schema, strict } => {
            let mut inner = ObjectText::new();
            inner.text("name", name.as_deref().unwrap_or("answer"));
            inner.text_if("description", description.as_deref());
            inner.raw("schema", schema.as_str());
            if let Some(strict) = strict {
                inner.raw("strict", if *strict { "true" } else { "false" });
            }
            let mut whole = ObjectText::new();
            whole.text("type", "json_schema").raw("json_schema", &inner.end());
            body.raw("response_format", &whole.end());
        }
    }
}

fn write_reasoning(
    whom: Whom<'_>,
    conversation: &Conversation,
    body: &mut ObjectText,
    losses: &mut Losses,
) {
    let reasoning = &conversation.reasoning;
    if reasoning.shown == Some(true) && whom.is_original() {
        losses.dropped("reasoning.summary");
    }
    if reasoning.budget_tokens.is_some() {
        losses.approximated("thinking.budget_tokens");
    }
    let effort = reasoning.effort.or(reasoning.budget_tokens.map(effort_for));
    let Some(effort) = effort else { return };
    // A model that does not think refuses the question; of strangers only those are asked that
    // are known to think.
    let borne = match whom.vendor {
        Vendor::OpenAi | Vendor::Azure | Vendor::Gemini => whom.reasons != Some(false),
        Vendor::Compatible | Vendor::Perplexity | Vendor::Anthropic => whom.reasons == Some(true),
    };
    if !borne {
        if effort != Effort::None {
            losses.dropped("reasoning_effort");
        }
        return;
    }
    let word = match effort {
        Effort::None => "none",
        Effort::Minimal if whom.is_original() => "minimal",
        Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::Highest if whom.is_original() => "xhigh",
        Effort::High | Effort::Highest => "high",
    };
    if !whom.is_original() && matches!(effort, Effort::Minimal | Effort::Highest) {
        losses.approximated("reasoning_effort");
    }
    body.text("reasoning_effort", word);
}

/// The effort that comes near to a number of tokens.
fn effort_for(budget_tokens: u64) -> Effort {
    match budget_tokens {
        0 => Effort::None,
        1..=2_048 => Effort::Low,
        2_049..=8_192 => Effort::Medium,
        _ => Effort::High,
    }
}

fn write_about(
    whom: Whom<'_>,
    conversation: &Conversation,
    body: &mut ObjectText,
    losses: &mut Losses,
) {
    let about = &conversation.about;
    let original = whom.is_original();
    let mut tell = |name: &'static str, value: Option<&str>| match value {
        Some(value) if original => {
            body.text(name, value);
        }
        Some(_) => losses.dropped(name),
        None => {}
    };
    tell("user", about.user.as_deref());
    tell("prompt_cache_key", about.prompt_cache_key.as_deref());
    if let Some(tier) = about.service_tier.as_deref() {
        // Anthropic's word for what OpenAI calls the default.
        let tier = if tier == "standard_only" { "default" } else { tier };
        if original && matches!(tier, "auto" | "default" | "flex" | "priority" | "scale") {
            body.text("service_tier", tier);
        } else {
            losses.dropped("service_tier");
        }
    }
    match about.store {
        Some(store) if original => {
            body.raw("store", if store { "true" } else { "false" });
        }
        // Who stores nothing does what was asked.
        Some(true) => losses.dropped("store"),
        Some(false) | None => {}
    }
    if let Some(metadata) = &about.metadata {
        // OpenAI keeps metadata with what it stores, and texts only.
        let texts = || {
            let value: Option<&serde_json::value::RawValue> =
                serde_json::from_str(metadata.as_str()).ok();
            let pairs = value.and_then(object)?;
            pairs.iter().all(|(_, value)| text(value).is_some()).then_some(())
        };
        if original && about.store == Some(true) && texts().is_some() {
            body.raw("metadata", metadata.as_str());
        } else {
            losses.dropped("metadata");
        }
    }
}
