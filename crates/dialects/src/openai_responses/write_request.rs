//! Writes a request from the internal form. What OpenAI's responses, or the one server that the
//! request is for, cannot be told is named in the losses.

use bytes::Bytes;
use domain::{
    Content, Conversation, Effort, Full, Json, Loss, Losses, Operation, OutputFormat, Role,
    ToolChoice, Turn,
};

use super::write_items::Items;
use super::write_tools::{write_choice, write_tools};
use super::{agent, agent_search};
use crate::form::{Order, Vendor, Written};
use crate::object::{ObjectText, array};
use crate::verbosity;

/// OpenAI refuses a lower limit.
const OUTPUT_TOKENS_MIN: u64 = 16;
/// Words for the tier of service that are OpenAI's; other dialects have others.
const SERVICE_TIERS: [&str; 5] = ["auto", "default", "flex", "priority", "scale"];

/// The request in this dialect.
pub(super) fn write_request(order: &Order<'_>) -> Written {
    let mut losses = Losses::default();
    let body = match order.full {
        Full::Conversation(conversation) => {
            let writer = Writer { order, conversation, losses: &mut losses };
            writer.write()
        }
        // Vectors are asked for in the dialect of chat completions only.
        Full::Embed(_) => {
            losses.dropped("input");
            "{}".to_owned()
        }
    };
    Written { body: Bytes::from(body), losses }
}

struct Writer<'a> {
    order: &'a Order<'a>,
    conversation: &'a Conversation,
    losses: &'a mut Losses,
}

impl<'a> Writer<'a> {
    fn write(mut self) -> String {
        let perplexity = self.order.vendor == Vendor::Perplexity;
        let additions = self.conversation.additions.iter().filter(|_| perplexity);
        let borne = |name: &str| agent::passes(name) || agent_search::is_filter(name);
        for name in &self.conversation.unmapped {
            if !(borne(name) && additions.clone().any(|(added, _)| added == name)) {
                self.losses.add(Loss::unmapped(name));
            }
        }
        // Perplexity's presets have no provider in front of their name, and its models have.
        let model = if perplexity && !self.order.model.contains('/') { "preset" } else { "model" };
        let mut request = ObjectText::new();
        request.text(model, self.order.model);
        for (name, value) in additions.filter(|(name, _)| agent::passes(name)) {
            request.foreign(name, value.as_str());
        }
        let (instructions, turns) = self.instructions();
        request.text_if("instructions", instructions.as_deref());
        let mut items = Items::new(self.order.vendor, self.losses);
        turns.iter().for_each(|turn| items.add(turn));
        request.raw("input", &items.end());
        let asks = |part: &Content| matches!(part, Content::ToolCall(_));
        if turns.last().is_some_and(|t| t.role == Role::Assistant && !t.content.iter().any(asks)) {
            // It will be answered, not continued.
            self.losses.approximated("messages.prefill");
        }
        self.tools(&mut request, perplexity);
        self.text(&mut request, perplexity);
        self.reasoning(&mut request, perplexity);
        if self.order.operation == Operation::CountTokens {
            return request.end();
        }
        self.sampling(&mut request, perplexity);
        self.about(&mut request, perplexity);
        if self.order.stream {
            request.flag("stream", true);
        }
        request.end()
    }

    /// A system turn of nothing but text at the front is the instructions; and the turns behind it.
    fn instructions(&mut self) -> (Option<String>, &'a [Turn]) {
        let turns = self.conversation.turns.as_slice();
        let is_text = |part: &Content| matches!(part, Content::Text(_));
        let plain = |turn: &Turn| turn.role == Role::System && turn.content.iter().all(is_text);
        let first = turns.split_first().filter(|(first, _)| plain(first));
        let (text, rest) = first.map_or((String::new(), turns), |(first, rest)| {
            let cached = |part: &Content| matches!(part, Content::Text(t) if t.cache.is_some());
            if first.content.iter().any(cached) {
                self.losses.dropped("cache_control");
            }
            (first.text(), rest)
        });
        let mut instructions = Some(text).filter(|text| !text.is_empty());
        if self.conversation.format == OutputFormat::JsonObject {
            // The mode is refused if the word stands nowhere in the request.
            let says_json = |turn: &Turn| turn.text().to_ascii_lowercase().contains("json");
            if !turns.iter().any(says_json) {
                self.losses.approximated("response_format");
                let more = "Answer with a JSON object.";
                instructions = Some(match instructions {
                    Some(before) => format!("{before}\n\n{more}"),
                    None => more.to_owned(),
                });
            }
        }
        (instructions, rest)
    }

    fn tools(&mut self, request: &mut ObjectText, perplexity: bool) {
        let tools = write_tools(self.conversation, self.order.vendor, self.losses);
        let any = tools.is_some();
        request.raw_if("tools", tools);
        if perplexity {
            match &self.conversation.tool_choice {
                None | Some(ToolChoice::Auto | ToolChoice::None) => {}
                Some(_) => self.losses.dropped("tool_choice"),
            }
            if self.conversation.parallel_calls == Some(false) {
                self.losses.dropped("parallel_tool_calls");
            }
            return;
        }
        let choice = write_choice(self.conversation, self.losses).filter(|_| any);
        request.raw_if("tool_choice", choice);
        if let (Some(wish), true) = (self.conversation.parallel_calls, any) {
            request.flag("parallel_tool_calls", wish);
        }
    }

    /// What is asked of the answer's text: its form, and how many words it is to have.
    fn text(&mut self, request: &mut ObjectText, perplexity: bool) {
        let mut text = ObjectText::new();
        match &self.conversation.format {
            OutputFormat::Text => {}
            OutputFormat::JsonObject if perplexity => self.losses.dropped("response_format"),
            OutputFormat::JsonObject => {
                text.raw("format", r#"{"type":"json_object"}"#);
            }
            OutputFormat::JsonSchema { name, description, schema, strict } => {
                let mut inner =
                    if perplexity { ObjectText::new() } else { ObjectText::of("json_schema") };
                inner
                    .text("name", name.as_deref().unwrap_or("answer"))
                    .text_if("description", description.as_deref())
                    .raw("schema", schema.as_str());
                if let Some(strict) = strict {
                    inner.flag("strict", *strict);
                }
                let inner = inner.end();
                if perplexity {
                    let format = ObjectText::of("json_schema").raw("json_schema", &inner).end();
                    request.raw("response_format", &format);
                } else {
                    text.raw("format", &inner);
                }
            }
        }
        let wish = self.conversation.verbosity;
        if perplexity {
            verbosity::lose(wish, self.losses);
        } else {
            let reasons = self.order.card.reasons;
            text.text_if("verbosity", verbosity::borne(wish, reasons, self.losses));
        }
        if !text.is_empty() {
            request.raw("text", &text.end());
        }
    }

    fn reasoning(&mut self, request: &mut ObjectText, perplexity: bool) {
        let wish = &self.conversation.reasoning;
        let budget = wish.budget_tokens.filter(|_| wish.effort.is_none());
        if wish.budget_tokens.is_some() {
            self.losses.approximated("thinking.budget_tokens");
        }
        let effort = wish.effort.or_else(|| budget.map(effort_for));
        if effort.is_none() && wish.shown.is_none() {
            return;
        }
        if self.order.card.reasons == Some(false) {
            // Refused by models that do not think; not to think is what they do anyway.
            if effort.is_some_and(|effort| effort != Effort::None) {
                self.losses.dropped("reasoning.effort");
            }
            return;
        }
        let mut reasoning = ObjectText::new();
        if effort == Some(Effort::None) && perplexity {
            self.losses.dropped("reasoning.effort");
        } else if let Some(effort) = effort {
            reasoning.text("effort", effort_word(effort));
        }
        match wish.shown {
            Some(true) if perplexity => self.losses.dropped("reasoning.summary"),
            Some(true) => {
                reasoning.text("summary", "auto");
            }
            Some(false) | None => {}
        }
        if !reasoning.is_empty() {
            request.raw("reasoning", &reasoning.end());
        }
    }

    fn sampling(&mut self, request: &mut ObjectText, perplexity: bool) {
        let sampling = &self.conversation.sampling;
        // Models that think refuse to be drawn from in another way.
        let fixed = perplexity || self.order.card.reasons == Some(true);
        for (name, number) in [("temperature", sampling.temperature), ("top_p", sampling.top_p)] {
            match number {
                Some(_) if fixed => self.losses.dropped(name),
                number => {
                    request.number_if(name, number);
                }
            }
        }
        if let Some(wish) = sampling.output_tokens_max {
            let strict = matches!(self.order.vendor, Vendor::OpenAi | Vendor::Azure);
            let least = if strict { OUTPUT_TOKENS_MIN } else { 1 };
            let limit = wish.max(least);
            if limit != wish {
                self.losses.approximated("max_output_tokens");
            }
            request.whole("max_output_tokens", limit);
        }
        match sampling.logprobs {
            Some(_) if fixed => self.losses.dropped("logprobs"),
            Some(count) => {
                if count > 0 {
                    request.whole("top_logprobs", count);
                }
                request.raw("include", &array(&["\"message.output_text.logprobs\"".to_owned()]));
            }
            None => {}
        }
        let gone = [
            ("top_k", sampling.top_k.is_some()),
            ("seed", sampling.seed.is_some()),
            ("stop", !sampling.stop.is_empty()),
            ("presence_penalty", sampling.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
            ("frequency_penalty", sampling.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
            ("n", sampling.choices.is_some_and(|choices| choices > 1)),
        ];
        for (name, wanted) in gone {
            if wanted {
                self.losses.dropped(name);
            }
        }
    }

    fn about(&mut self, request: &mut ObjectText, perplexity: bool) {
        let about = &self.conversation.about;
        // Left out, the answer would be kept by the provider, which nobody asked for.
        request.flag("store", about.store.unwrap_or(false));
        // Anthropic's word for OpenAI's.
        let usual = |tier| if tier == "standard_only" { "default" } else { tier };
        let tier = about.service_tier.as_deref().map(usual);
        let known = tier.filter(|tier| SERVICE_TIERS.contains(tier) && !perplexity);
        let members = [
            (perplexity, "user", about.user.is_some()),
            (perplexity, "metadata", about.metadata.is_some()),
            (perplexity, "prompt_cache_key", about.prompt_cache_key.is_some()),
            (true, "service_tier", known.is_none() && tier.is_some_and(|tier| tier != "auto")),
        ];
        for (lost, name, told) in members {
            if lost && told {
                self.losses.dropped(name);
            }
        }
        request.text_if("service_tier", known);
        if perplexity {
            return;
        }
        // Azure and the compatible servers know the older name only.
        let user = match self.order.vendor {
            Vendor::OpenAi => "safety_identifier",
            _ => "user",
        };
        request
            .text_if(user, about.user.as_deref())
            .text_if("prompt_cache_key", about.prompt_cache_key.as_deref());
        request.raw_if("metadata", about.metadata.as_ref().map(Json::as_str));
    }
}

fn effort_word(effort: Effort) -> &'static str {
    match effort {
        Effort::None => "none",
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Highest => "xhigh",
    }
}

/// The word for so many tokens of thinking.
fn effort_for(budget_tokens: u64) -> Effort {
    match budget_tokens {
        0 => Effort::None,
        1..=2048 => Effort::Low,
        2049..=16_384 => Effort::Medium,
        _ => Effort::High,
    }
}
