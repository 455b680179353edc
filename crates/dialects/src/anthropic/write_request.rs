//! Writes a request from the internal form, and names everything that it drops or approximates.

use bytes::Bytes;
use domain::{Conversation, Full, Loss, Losses, Operation, OutputFormat, ToolChoice};

use super::generation::Generation;
use super::schema;
use super::thinking::{Bars, Plan, plan};
use super::tools::{write_tool_choice, write_tools};
use super::turns::{Messages, text_block};
use crate::form::{Order, Written};
use crate::json::quoted;
use crate::object::ObjectText;

/// Anthropic refuses a longer `user_id`.
const USER_CHARS_MAX: usize = 256;
const JSON_ONLY: &str = "Answer with one JSON object and nothing else.";

/// The request that the order asks for.
pub(super) fn write_request(order: &Order<'_>) -> Written {
    let mut losses = Losses::default();
    let mut object = ObjectText::new();
    object.text("model", order.model);
    let body = match order.full {
        Full::Conversation(read) => write_conversation(object, read, order, &mut losses),
        Full::Embed(_) => {
            losses.dropped("input");
            object.raw("messages", "[]").end()
        }
    };
    Written { body: Bytes::from(body), losses }
}

fn write_conversation(
    mut object: ObjectText,
    read: &Conversation,
    order: &Order<'_>,
    losses: &mut Losses,
) -> String {
    let generation = Generation::of(order.model);
    let counting = order.operation == Operation::CountTokens;
    read.unmapped.iter().for_each(|name| losses.add(Loss::unmapped(name)));
    let mut messages = Messages::write(read, generation, losses);
    let (tools, only_history) = write_tools(read, &messages.called, losses);
    let offered = !tools.is_empty() && !only_history;
    let forced = match &read.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Named(_)) => offered,
        Some(ToolChoice::Among { required, .. }) => offered && *required,
        Some(ToolChoice::Auto | ToolChoice::None) | None => false,
    };
    let bars = Bars { forced_tool: forced, headless_calls: messages.has_headless_calls() };
    let asked = read.sampling.output_tokens_max;
    let plan = plan(read.reasoning, asked, (generation, order.card), bars, losses);
    let continues = order.card.continues_prefill.unwrap_or(!generation.refuses_prefill());
    messages.end_with_user(continues && !plan.on, losses);
    let format = write_format(&read.format, &mut messages, losses);

    if !counting {
        object.whole("max_tokens", plan.tokens_max);
        if order.stream {
            object.flag("stream", true);
        }
    }
    object.list_if("system", &messages.system);
    object.raw("messages", &messages.close());
    if !tools.is_empty() {
        object.raw("tools", &tools);
    }
    let choice = write_tool_choice(read, offered, losses);
    // Tools that stand there for the history's sake alone are not to be called.
    let choice = if only_history { Some(ObjectText::of("none").end()) } else { choice };
    object.raw_if("tool_choice", choice).raw_if("thinking", plan.thinking.as_deref());
    if plan.effort.is_some() || format.is_some() {
        let mut config = ObjectText::new();
        config.text_if("effort", plan.effort).raw_if("format", format);
        object.raw("output_config", &config.end());
    }
    if !counting {
        write_sampling(&mut object, read, (generation, &plan), losses);
        write_about(&mut object, read, losses);
    }
    object.end()
}

fn write_format(
    format: &OutputFormat,
    messages: &mut Messages,
    losses: &mut Losses,
) -> Option<String> {
    match format {
        OutputFormat::Text => None,
        OutputFormat::JsonObject => {
            losses.approximated("response_format");
            messages.system.push(text_block(JSON_ONLY));
            None
        }
        OutputFormat::JsonSchema { name, description, schema, strict } => {
            if name.is_some() {
                losses.dropped("response_format.name");
            }
            if description.is_some() {
                losses.dropped("response_format.description");
            }
            // Anthropic always keeps to the schema.
            if *strict == Some(false) {
                losses.approximated("response_format.strict");
            }
            let closed = schema::closed(schema.as_str());
            if closed.is_some() {
                losses.approximated("response_format.schema");
            }
            let schema = closed.as_deref().unwrap_or(schema.as_str());
            Some(ObjectText::of("json_schema").raw("schema", schema).end())
        }
    }
}

fn write_sampling(
    object: &mut ObjectText,
    read: &Conversation,
    (generation, plan): (Generation, &Plan),
    losses: &mut Losses,
) {
    let sampling = &read.sampling;
    let refused = generation.refuses_old_settings();
    let mut temperature = sampling.temperature;
    let mut top_p = sampling.top_p;
    let mut top_k = sampling.top_k;
    if let Some(asked) = temperature {
        let bearable = asked.clamp(0.0, 1.0);
        // The usual value says nothing, so leaving it out loses nothing.
        let is_usual = (asked - 1.0).abs() < f64::EPSILON;
        if refused || plan.on {
            temperature = (is_usual && !refused).then_some(1.0);
            if !is_usual {
                losses.dropped("temperature");
            }
        } else if (bearable - asked).abs() > 0.0 {
            losses.approximated("temperature");
            temperature = Some(bearable);
        }
    }
    if let Some(asked) = top_p {
        let is_usual = (asked - 1.0).abs() < f64::EPSILON;
        let in_the_way = generation.wants_one_of_two() && temperature.is_some();
        if refused || in_the_way || (plan.on && asked < 0.95) {
            top_p = None;
            if !is_usual {
                losses.dropped("top_p");
            }
        }
    }
    if top_k.is_some() && (refused || plan.on) {
        losses.dropped("top_k");
        top_k = None;
    }
    object.number_if("temperature", temperature).number_if("top_p", top_p).whole_if("top_k", top_k);
    let (kept, blank): (Vec<&String>, Vec<&String>) =
        sampling.stop.iter().partition(|stop| !stop.trim().is_empty());
    if !blank.is_empty() {
        losses.dropped("stop");
    }
    let list: Vec<String> = kept.into_iter().map(|stop| quoted(stop)).collect();
    object.list_if("stop_sequences", &list);
    for (is_there, name) in [
        (sampling.seed.is_some(), "seed"),
        (sampling.presence_penalty.is_some_and(|value| value != 0.0), "presence_penalty"),
        (sampling.frequency_penalty.is_some_and(|value| value != 0.0), "frequency_penalty"),
        (sampling.choices.is_some_and(|count| count > 1), "n"),
        (sampling.logprobs.is_some(), "logprobs"),
    ] {
        if is_there {
            losses.dropped(name);
        }
    }
}

fn write_about(object: &mut ObjectText, read: &Conversation, losses: &mut Losses) {
    let about = &read.about;
    if let Some(user) = &about.user {
        if user.chars().count() <= USER_CHARS_MAX {
            object.raw("metadata", &ObjectText::new().text("user_id", user).end());
        } else {
            losses.dropped("user");
        }
    }
    if about.metadata.is_some() {
        losses.dropped("metadata");
    }
    match about.service_tier.as_deref() {
        None => {}
        Some("auto") => {
            object.text("service_tier", "auto");
        }
        Some("standard_only" | "default") => {
            object.text("service_tier", "standard_only");
        }
        Some(_) => losses.dropped("service_tier"),
    }
    if about.prompt_cache_key.is_some() {
        losses.dropped("prompt_cache_key");
    }
    if about.store == Some(true) {
        losses.dropped("store");
    }
}
