//! A request in Google's form, from the internal form: what stands at its top, and the settings.
//! Contents are in `write_contents`, tools in `write_tools`.

use domain::{Conversation, Effort, Full, Loss, Losses, Operation, OutputFormat, Tool};

use super::embed;
use super::fields::on_one_line;
use super::known_models::{Bears, Thought};
use super::outline::bare_name;
use super::write_contents::Contents;
use super::write_tools;
use crate::form::{Order, Written};
use crate::json::quoted;
use crate::object::{ObjectText, array, spelled};

/// Stop strings that one request may have.
const STOPS_MAX: usize = 5;
/// Alternatives of a token that may be asked for.
const LOGPROBS_MAX: u64 = 20;

/// Writes a request for the operation that is ordered.
pub(super) fn write_request(order: &Order<'_>) -> Written {
    let mut losses = Losses::default();
    let body = match order.full {
        Full::Embed(request) => embed::write_request(request, bare_name(order.model), &mut losses),
        Full::Conversation(conversation) => write_conversation(order, conversation, &mut losses),
    };
    Written { body: body.into(), losses }
}

fn write_conversation(order: &Order<'_>, said: &Conversation, losses: &mut Losses) -> String {
    let bears = Bears::of(order.model);
    for name in &said.unmapped {
        losses.add(Loss::unmapped(name));
    }
    let mut contents = Contents::new(bears, losses);
    contents.take(&said.turns);
    let (mut system, contents) = contents.finish();
    let format = write_format(said, bears, losses);
    if let Some(Format::Instruction(text)) = &format {
        system.push(format!(r#"{{"text":{}}}"#, quoted(text)));
    }
    let mut top = ObjectText::new();
    top.list("contents", &contents);
    let counts = order.operation == Operation::CountTokens;
    let plain_count = counts && system.is_empty() && said.tools.is_empty();
    if plain_count {
        return top.end();
    }
    if !system.is_empty() {
        top.raw("systemInstruction", &format!(r#"{{"parts":{}}}"#, array(&system)));
    }
    write_tools::write(said, bears, &mut top, losses);
    let config = write_config(order, said, format.as_ref(), losses);
    top.raw_if("generationConfig", config);
    write_about(said, &mut top, losses);
    if counts {
        let model = quoted(&format!("models/{}", bare_name(order.model)));
        let inner = top.end();
        // The model stands first in the request that is counted.
        let inner = inner.strip_prefix('{').unwrap_or_default();
        return format!(r#"{{"generateContentRequest":{{"model":{model},{inner}}}"#);
    }
    top.end()
}

/// How the wish for JSON is told.
enum Format {
    /// Settings of its own, with the schema if there is one.
    Settings(Option<String>),
    /// A sentence among the instructions.
    Instruction(String),
}

fn write_format(said: &Conversation, bears: Bears, losses: &mut Losses) -> Option<Format> {
    let schema = match &said.format {
        OutputFormat::Text => return None,
        OutputFormat::JsonObject => None,
        OutputFormat::JsonSchema { name, description, schema, strict } => {
            if name.is_some() {
                losses.dropped("response_format.name");
            }
            if description.is_some() {
                losses.dropped("response_format.description");
            }
            if *strict == Some(false) {
                losses.approximated("response_format.strict");
            }
            Some(on_one_line(schema.as_str()).into_owned())
        }
    };
    let calls = said.tools.iter().any(|tool| matches!(tool, Tool::Function(_)));
    if calls && bears.refuses_schema_with_functions() {
        losses.approximated("response_format");
        let sentence = match schema {
            Some(schema) => format!("Give the answer as JSON alone, after this schema: {schema}"),
            None => "Give the answer as a JSON object alone.".to_owned(),
        };
        return Some(Format::Instruction(sentence));
    }
    Some(Format::Settings(schema))
}

fn write_config(
    order: &Order<'_>,
    said: &Conversation,
    format: Option<&Format>,
    losses: &mut Losses,
) -> Option<String> {
    let sampling = &said.sampling;
    let mut config = ObjectText::new();
    config
        .raw_if("temperature", sampling.temperature.map(spelled))
        .raw_if("topP", sampling.top_p.map(spelled))
        .whole_if("topK", sampling.top_k)
        .whole_if("candidateCount", sampling.choices)
        .raw_if("seed", sampling.seed.and_then(|seed| seed_text(seed, losses)))
        .raw_if("presencePenalty", sampling.presence_penalty.map(spelled))
        .raw_if("frequencyPenalty", sampling.frequency_penalty.map(spelled));
    if let Some(wanted) = sampling.output_tokens_max {
        let borne = order.card.output_tokens_max.map_or(wanted, |most| wanted.min(most));
        if borne != wanted {
            losses.approximated("max_tokens");
        }
        config.raw("maxOutputTokens", &borne.to_string());
    }
    let stops: Vec<String> =
        sampling.stop.iter().take(STOPS_MAX).map(|stop| quoted(stop)).collect();
    if sampling.stop.len() > STOPS_MAX {
        losses.approximated("stop");
    }
    config.list_if("stopSequences", &stops);
    if let Some(count) = sampling.logprobs {
        config.raw("responseLogprobs", "true");
        if count > 0 {
            config.raw("logprobs", &count.min(LOGPROBS_MAX).to_string());
        }
        if count > LOGPROBS_MAX {
            losses.approximated("top_logprobs");
        }
    }
    if let Some(Format::Settings(schema)) = format {
        config.raw("responseMimeType", r#""application/json""#);
        if let Some(schema) = schema {
            config.raw("responseJsonSchema", schema);
        }
    }
    config.raw_if("thinkingConfig", write_thinking(order, said, losses));
    (!config.is_empty()).then(|| config.end())
}

/// Google's seeds have 32 bits.
fn seed_text(seed: i64, losses: &mut Losses) -> Option<String> {
    if i32::try_from(seed).is_err() {
        losses.dropped("seed");
        return None;
    }
    Some(seed.to_string())
}

fn write_thinking(order: &Order<'_>, said: &Conversation, losses: &mut Losses) -> Option<String> {
    let bears = Bears::of(order.model);
    let reasoning = said.reasoning;
    let mut thinking = ObjectText::new();
    let wish = match (reasoning.budget_tokens, reasoning.effort) {
        (Some(tokens), _) => {
            let wish = bears.budget(tokens, order.card);
            Some((wish, "thinking.budget_tokens"))
        }
        (None, Some(effort)) => Some((bears.effort(effort, order.card), "reasoning_effort")),
        (None, None) => None,
    };
    let can_think = match wish {
        Some((Some((thought, changed)), name)) => {
            if changed {
                losses.approximated(name);
            }
            match thought {
                Thought::Level(level) => thinking.text("thinkingLevel", level),
                Thought::Budget(tokens) => thinking.raw("thinkingBudget", &tokens.to_string()),
            };
            true
        }
        Some((None, name)) => {
            // A model that never thinks does what is asked if no thinking is.
            if reasoning.effort != Some(Effort::None) || reasoning.budget_tokens.is_some() {
                losses.dropped(name);
            }
            false
        }
        None => bears.effort(Effort::Low, order.card).is_some(),
    };
    match reasoning.shown {
        Some(shown) if can_think => {
            thinking.raw("includeThoughts", if shown { "true" } else { "false" });
        }
        Some(true) => losses.dropped("reasoning.summary"),
        Some(false) | None => {}
    }
    (!thinking.is_empty()).then(|| thinking.end())
}

/// What the caller tells about himself: of it Google takes the service tier alone.
fn write_about(said: &Conversation, top: &mut ObjectText, losses: &mut Losses) {
    let about = &said.about;
    if about.user.is_some() {
        losses.dropped("user");
    }
    if about.metadata.is_some() {
        losses.dropped("metadata");
    }
    if about.prompt_cache_key.is_some() {
        losses.dropped("prompt_cache_key");
    }
    if about.store == Some(true) {
        losses.dropped("store");
    }
    match about.service_tier.as_deref() {
        Some(tier @ ("flex" | "priority" | "standard")) => {
            top.text("serviceTier", tier);
        }
        None | Some("auto" | "default" | "") => {}
        Some(_) => losses.dropped("service_tier"),
    }
}
