//! Reads the whole of a request into the internal form: its settings here, its turns in
//! `messages`, its tools in `tools`.

use domain::{Conversation, Effort, Json, Needs, OutputFormat};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::messages::read_messages;
use super::sonar;
use super::tools::{read_choice, read_functions, read_tools, web_search};
use crate::body::read_object;
use crate::json::Members;
use crate::raw::{
    elements, get, get_object, get_text, members_of, number, says_nothing, text, truth, whole,
};
use crate::{Malformed, verbosity};

/// Reads turns, tools, settings and needs, those inside the turns as well.
///
/// # Errors
/// A sentence for the caller if the body is no JSON object of bearable depth and size, or if one
/// of its members cannot be understood.
pub(super) fn read_conversation(body: &[u8]) -> Result<Conversation, Malformed> {
    let top: Top<'_> = read_object(body)?;
    let mut read = Reader::default();
    for (name, value) in &top.0 {
        read.take(name, value)?;
    }
    let Some(messages) = top.0.iter().rev().find(|(name, _)| &**name == "messages") else {
        return Err(Malformed::new("`messages` is missing", "messages"));
    };
    let turns = read_messages(messages.1)?;
    let mut conversation = read.end();
    conversation.turns = turns.turns;
    conversation.needs |= turns.needs;
    conversation.unmapped.extend(turns.unmapped);
    let mut known = std::collections::BTreeSet::new();
    conversation.unmapped.retain(|name| known.insert(name.clone()));
    Ok(conversation)
}

/// The members at the top, as written.
#[derive(Default)]
struct Top<'de>(Vec<(Box<str>, &'de RawValue)>);

impl<'de> Members<'de> for Top<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        self.0.push((name.into(), map.next_value()?));
        Ok(())
    }
}

#[derive(Default)]
struct Reader {
    read: Conversation,
    tokens_max: Option<u64>,
    completion_tokens_max: Option<u64>,
    logprobs: Option<u64>,
    logprobs_wanted: bool,
    safety_identifier: Option<Box<str>>,
}

/// What a member must be, where it is not.
fn wrong(name: &'static str, what: &str) -> Malformed {
    Malformed::new(format!("`{name}` must be {what}"), name)
}

/// The value of a member, if there is one that is not null.
fn taken<'a, T>(
    name: &'static str,
    value: &'a RawValue,
    (read, what): (fn(&'a RawValue) -> Option<T>, &str),
) -> Result<Option<T>, Malformed> {
    if value.get() == "null" {
        return Ok(None);
    }
    read(value).map(Some).ok_or_else(|| wrong(name, what))
}

type Number<T> = (fn(&RawValue) -> Option<T>, &'static str);
const NUMBER: Number<f64> = (number, "a number");
const WHOLE: Number<u64> = (whole, "a whole number that is not negative");
const SIGNED: Number<i64> = (|value| value.get().parse().ok(), "a whole number");
const TRUTH: Number<bool> = (truth, "true or false");

fn own_text(value: &RawValue) -> Option<Box<str>> {
    text(value).map(Box::from)
}
const TEXT: Number<Box<str>> = (own_text, "a string");

impl Reader {
    fn take(&mut self, name: &str, value: &RawValue) -> Result<(), Malformed> {
        if self.take_sampling(name, value)? || self.take_about(name, value)? {
            return Ok(());
        }
        let read = &mut self.read;
        match name {
            // The outline has them, and the turns are read on their own.
            "model" | "messages" | "stream" | "stream_options" => {}
            "tools" => read_tools(value, read)?,
            "functions" => read_functions(value, read)?,
            "tool_choice" => read.tool_choice = read_choice(value)?.or(read.tool_choice.take()),
            "function_call" => {
                read.tool_choice = read_choice(value)?.or(read.tool_choice.take());
            }
            "parallel_tool_calls" => {
                read.parallel_calls = taken("parallel_tool_calls", value, TRUTH)?;
            }
            "web_search_options" => read.tools.extend(web_search(value, &mut read.needs)),
            "response_format" => self.take_format(value)?,
            "reasoning_effort" => self.take_effort(value)?,
            "reasoning" => self.take_reasoning(value)?,
            "thinking" => self.take_thinking(value),
            "verbosity" => self.take_verbosity(value)?,
            name if sonar::adds_member(name) && !says_nothing(value) => {
                read.additions.push((name.into(), Json::new(value.get())));
                self.take_stranger(name, value);
            }
            _ => self.take_stranger(name, value),
        }
        Ok(())
    }

    fn take_sampling(&mut self, name: &str, value: &RawValue) -> Result<bool, Malformed> {
        let sampling = &mut self.read.sampling;
        match name {
            "temperature" => sampling.temperature = taken("temperature", value, NUMBER)?,
            "top_p" => sampling.top_p = taken("top_p", value, NUMBER)?,
            "top_k" => sampling.top_k = taken("top_k", value, WHOLE)?,
            "seed" => sampling.seed = taken("seed", value, SIGNED)?,
            "presence_penalty" => {
                sampling.presence_penalty = taken("presence_penalty", value, NUMBER)?;
            }
            "frequency_penalty" => {
                sampling.frequency_penalty = taken("frequency_penalty", value, NUMBER)?;
            }
            "stop" => {
                let read = taken("stop", value, (read_stop, "a string or an array of strings"))?;
                sampling.stop = read.unwrap_or_default();
            }
            "n" => {
                sampling.choices = taken("n", value, WHOLE)?.filter(|count| *count != 1);
                if sampling.choices.is_some() {
                    self.read.needs |= Needs::MANY_CHOICES;
                }
            }
            "max_tokens" => self.tokens_max = taken("max_tokens", value, WHOLE)?,
            "max_completion_tokens" => {
                self.completion_tokens_max = taken("max_completion_tokens", value, WHOLE)?;
            }
            "logprobs" => match whole(value) {
                // The oldest form asks for so many alternatives.
                Some(count) => {
                    self.logprobs_wanted = true;
                    self.logprobs = self.logprobs.or(Some(count));
                }
                None => self.logprobs_wanted = taken("logprobs", value, TRUTH)? == Some(true),
            },
            "top_logprobs" => self.logprobs = taken("top_logprobs", value, WHOLE)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_about(&mut self, name: &str, value: &RawValue) -> Result<bool, Malformed> {
        let about = &mut self.read.about;
        match name {
            "user" => about.user = taken("user", value, TEXT)?,
            "safety_identifier" => {
                self.safety_identifier = taken("safety_identifier", value, TEXT)?;
            }
            "metadata" => {
                let read = |value| members_of(value).map(|_| Json::new(RawValue::get(value)));
                about.metadata = taken("metadata", value, (read, "an object"))?;
            }
            "service_tier" => about.service_tier = taken("service_tier", value, TEXT)?,
            "prompt_cache_key" => about.prompt_cache_key = taken("prompt_cache_key", value, TEXT)?,
            "store" => about.store = taken("store", value, TRUTH)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_format(&mut self, value: &RawValue) -> Result<(), Malformed> {
        const NAME: &str = "response_format";
        if value.get() == "null" {
            return Ok(());
        }
        let pairs = members_of(value).ok_or_else(|| wrong(NAME, "an object"))?;
        let read = &mut self.read;
        match get_text(&pairs, "type").as_deref() {
            Some("text") => return Ok(()),
            Some("json_object") => read.format = OutputFormat::JsonObject,
            Some("json_schema") => {
                let inner = get_object(&pairs, "json_schema");
                let Some(schema) =
                    get(&inner, "schema").filter(|schema| members_of(schema).is_some())
                else {
                    let sentence = "`response_format.json_schema.schema` must be an object";
                    return Err(Malformed::new(sentence, NAME));
                };
                read.format = OutputFormat::JsonSchema {
                    name: get_text(&inner, "name").map(Box::from),
                    description: get_text(&inner, "description").map(Box::from),
                    schema: Json::new(schema.get()),
                    strict: get(&inner, "strict").and_then(truth),
                };
            }
            Some(_) => read.unmapped.push(NAME.into()),
            None => return Err(Malformed::new("`response_format.type` must be a string", NAME)),
        }
        read.needs |= Needs::JSON_OUTPUT;
        Ok(())
    }

    fn take_effort(&mut self, value: &RawValue) -> Result<(), Malformed> {
        let Some(word) = taken("reasoning_effort", value, TEXT)? else { return Ok(()) };
        match effort_of(&word) {
            Some(effort) => self.set_effort(effort),
            None => self.read.unmapped.push("reasoning_effort".into()),
        }
        Ok(())
    }

    fn take_verbosity(&mut self, value: &RawValue) -> Result<(), Malformed> {
        let Some(word) = taken("verbosity", value, TEXT)? else { return Ok(()) };
        self.read.verbosity = verbosity::read(&word);
        if self.read.verbosity.is_none() {
            self.read.unmapped.push("verbosity".into());
        }
        Ok(())
    }

    fn set_effort(&mut self, effort: Effort) {
        self.read.reasoning.effort = Some(effort);
        if effort != Effort::None {
            self.read.needs |= Needs::REASONING;
        }
    }

    /// OpenRouter's object.
    fn take_reasoning(&mut self, value: &RawValue) -> Result<(), Malformed> {
        let read = taken("reasoning", value, (members_of, "an object"))?.unwrap_or_default();
        for (name, value) in read {
            let known = match name.as_ref() {
                "effort" => text(value).and_then(|word| effort_of(&word)).map(|effort| {
                    self.set_effort(effort);
                }),
                "max_tokens" => whole(value).map(|tokens| {
                    self.read.reasoning.budget_tokens = Some(tokens);
                    self.read.needs |= Needs::REASONING;
                }),
                "exclude" => truth(value).map(|hidden| {
                    self.read.reasoning.shown = Some(!hidden);
                }),
                "enabled" => truth(value).map(|enabled| self.switch_thinking(enabled)),
                _ => None,
            };
            if known.is_none() && value.get() != "null" {
                self.read.unmapped.push(format!("reasoning.{name}").into());
            }
        }
        Ok(())
    }

    /// Thinking that is switched on without a measure has the usual one.
    fn switch_thinking(&mut self, on: bool) {
        let measured = self.read.reasoning.budget_tokens.is_some();
        match self.read.reasoning.effort {
            _ if !on => self.set_effort(Effort::None),
            None if !measured => self.set_effort(Effort::Medium),
            Some(_) | None => {}
        }
    }

    /// The switch of DeepSeek and Zhipu, which is Anthropic's.
    fn take_thinking(&mut self, value: &RawValue) {
        let pairs = members_of(value).unwrap_or_default();
        let on = match get_text(&pairs, "type").as_deref() {
            Some("disabled") => false,
            Some("enabled") => true,
            _ => return self.take_stranger("thinking", value),
        };
        for (name, value) in &pairs {
            match name.as_ref() {
                "type" => {}
                "budget_tokens" if on => {
                    self.read.reasoning.budget_tokens = whole(value);
                    self.read.needs |= Needs::REASONING;
                }
                name => self.read.unmapped.push(format!("thinking.{name}").into()),
            }
        }
        self.switch_thinking(on);
    }

    fn take_stranger(&mut self, name: &str, value: &RawValue) {
        if says_nothing(value) {
            return;
        }
        let spoken = match name {
            "audio" => true,
            "modalities" => {
                let kinds = elements(value).unwrap_or_default();
                let mut kinds = kinds.into_iter().filter_map(text);
                if kinds.all(|kind| kind == "text") {
                    return;
                }
                elements(value)
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(text)
                    .any(|k| k == "audio")
            }
            _ => false,
        };
        if spoken {
            self.read.needs |= Needs::AUDIO;
        }
        self.read.unmapped.push(name.into());
    }

    fn end(self) -> Conversation {
        let mut read = self.read;
        read.sampling.output_tokens_max = self.completion_tokens_max.or(self.tokens_max);
        if self.logprobs_wanted {
            read.sampling.logprobs = Some(self.logprobs.unwrap_or(0));
            read.needs |= Needs::LOGPROBS;
        }
        // The newer word for the same; whoever writes both means two things by them.
        match (&read.about.user, self.safety_identifier) {
            (None, safety) => read.about.user = safety,
            (Some(user), Some(safety)) if *user != safety => {
                read.unmapped.push("safety_identifier".into());
            }
            (Some(_), _) => {}
        }
        read
    }
}

fn read_stop(stop: &RawValue) -> Option<Vec<String>> {
    if let Some(one) = text(stop) {
        return Some(vec![one.into_owned()]);
    }
    elements(stop)?.into_iter().map(|one| Some(text(one)?.into_owned())).collect()
}

/// The effort that a word stands for.
fn effort_of(word: &str) -> Option<Effort> {
    Some(match word {
        "none" => Effort::None,
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" | "default" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" | "max" => Effort::Highest,
        _ => return None,
    })
}
