//! Reads the full form of a request, for an upstream that does not speak the dialect. What only
//! the provider that stores earlier answers could serve is refused: an answer without the history
//! that the caller means would be a lie.

use domain::{
    Content, Conversation, Effort, Full, Json, Needs, OutputFormat, Reasoning, Role, Tool,
    ToolChoice,
};
use serde_json::value::RawValue;

use super::agent;
use super::input::Turns;
use super::outline::need_of_tool;
use super::tools::{read_choice, read_tool};
use crate::body::read_object;
use crate::json::Shape;
use crate::raw::{All, elements, is_object, is_true, object, raw_members, shape, text, word};
use crate::{Malformed, verbosity};

/// Names of members without a place that one request's list keeps.
const UNMAPPED_MAX: usize = 256;

raw_members! {
    /// The form of the answer's text.
    TextSettings { format = "format", verbosity = "verbosity" }
}

raw_members! {
    /// The form of the answer's text, as chat completions and Perplexity's clients ask for it.
    ResponseFormat { kind = "type", json_schema = "json_schema" }
}

raw_members! {
    /// What is asked of the thinking.
    Thought { effort = "effort", summary = "summary", generate_summary = "generate_summary" }
}

raw_members! {
    /// A form that the answer's text must have.
    Format {
        kind = "type",
        name = "name",
        description = "description",
        schema = "schema",
        strict = "strict",
    }
}

/// Reads everything that a request says.
///
/// # Errors
/// A sentence for the caller, with the place of what cannot be understood or served.
pub(super) fn read_full(body: &[u8]) -> Result<Full, Malformed> {
    let All(members) = read_object(body)?;
    let mut draft = Draft::default();
    for (name, value) in &members {
        draft.take(name, value)?;
    }
    draft.finish().map(Full::Conversation)
}

#[derive(Default)]
struct Draft<'de> {
    conversation: Conversation,
    instructions: Option<String>,
    input: Option<&'de RawValue>,
    top_logprobs: Option<u64>,
    wants_logprobs: bool,
    user: Option<Box<str>>,
    names_model: bool,
}

impl<'de> Draft<'de> {
    fn take(&mut self, name: &str, value: &'de RawValue) -> Result<(), Malformed> {
        match name {
            // The outline has them. Whether a stream hides its lengths is no part of the answer.
            "model" => self.names_model = true,
            "stream" | "stream_options" => {}
            "preset" => self.lose("preset"),
            "input" => self.input = Some(value),
            "instructions" => {
                let Some(text) = text(value) else {
                    let sentence = "`instructions` must be a string";
                    return Err(Malformed::new(sentence, "instructions"));
                };
                self.instructions = Some(text.into_owned());
            }
            "previous_response_id" => {
                let sentence = "`previous_response_id` names a response that is stored at OpenAI, \
                                and no other provider has it; send the whole history in `input`";
                return Err(Malformed::new(sentence, "previous_response_id"));
            }
            "conversation" => {
                let sentence = "`conversation` is stored at OpenAI, and no other provider has it; \
                                send the whole history in `input`";
                return Err(Malformed::new(sentence, "conversation"));
            }
            "prompt" => {
                let sentence = "`prompt` names a template that is stored at OpenAI, and no other \
                                provider has it; send `instructions` and `input`";
                return Err(Malformed::new(sentence, "prompt"));
            }
            "background" if is_true(value) => {
                let sentence = "`background` leaves the answer with OpenAI to be fetched later, \
                                which no other provider does; ask without it";
                return Err(Malformed::new(sentence, "background"));
            }
            "background" => {}
            "tools" => self.read_tools(value)?,
            "tool_choice" => self.read_tool_choice(value),
            "text" => self.read_text(value)?,
            "response_format" => self.read_response_format(value),
            "reasoning" => self.read_reasoning(value),
            "include" => self.read_include(value),
            _ => self.take_setting(name, value),
        }
        Ok(())
    }

    fn take_setting(&mut self, name: &str, value: &'de RawValue) {
        let shape = shape(value);
        let sampling = &mut self.conversation.sampling;
        let about = &mut self.conversation.about;
        let owned = |shape: &Shape<'_>| shape.as_text().filter(|s| !s.is_empty()).map(Box::from);
        match (name, &shape) {
            ("temperature", _) => sampling.temperature = shape.as_f64(),
            ("top_p", _) => sampling.top_p = shape.as_f64(),
            ("max_output_tokens", _) => sampling.output_tokens_max = shape.as_u64(),
            ("top_logprobs", _) => self.top_logprobs = shape.as_u64(),
            ("parallel_tool_calls", Shape::Bool(wish)) => {
                self.conversation.parallel_calls = Some(*wish);
            }
            ("store", Shape::Bool(wish)) => about.store = Some(*wish),
            ("metadata", Shape::Object) => about.metadata = Some(Json::new(value.get())),
            ("service_tier", _) => about.service_tier = owned(&shape),
            ("prompt_cache_key", _) => about.prompt_cache_key = owned(&shape),
            ("safety_identifier", _) => about.user = owned(&shape),
            ("user", _) => self.user = owned(&shape),
            // What happens anyway.
            ("truncation", Shape::Text(word)) if word == "disabled" => {}
            (other, _) => {
                if agent::passes(other) {
                    self.conversation.additions.push((other.into(), Json::new(value.get())));
                }
                self.lose(other);
            }
        }
    }

    fn lose(&mut self, name: &str) {
        let unmapped = &mut self.conversation.unmapped;
        if unmapped.len() < UNMAPPED_MAX && !unmapped.iter().any(|known| known.as_ref() == name) {
            unmapped.push(name.into());
        }
    }

    fn read_tools(&mut self, value: &RawValue) -> Result<(), Malformed> {
        let Some(tools) = elements(value) else {
            return Err(Malformed::new("`tools` must be an array", "tools"));
        };
        let mut lost = Vec::new();
        for (at, raw) in tools.into_iter().enumerate() {
            let tool = read_tool(raw, &mut lost)
                .map_err(|wrong| Malformed::new(format!("`tools[{at}]`{wrong}"), "tools"))?;
            self.conversation.needs |= match &tool {
                Tool::Function(_) => Needs::TOOLS,
                Tool::Hosted(hosted) => need_of_tool(&hosted.name),
            };
            self.conversation.tools.push(tool);
        }
        lost.iter().for_each(|name| self.lose(name));
        Ok(())
    }

    fn read_tool_choice(&mut self, value: &RawValue) {
        let choice = read_choice(value);
        if choice.is_none() {
            self.lose("tool_choice");
        }
        // A hosted tool must be called: that some tool must be is the nearest to it.
        let forced = is_object(value).then_some(ToolChoice::Required);
        self.conversation.tool_choice = choice.or(forced);
    }

    fn read_text(&mut self, value: &RawValue) -> Result<(), Malformed> {
        let Some(settings) = object::<TextSettings<'_>>(value) else {
            return Err(Malformed::new("`text` must be an object", "text"));
        };
        self.conversation.verbosity = word(settings.verbosity).and_then(|w| verbosity::read(&w));
        if settings.verbosity.is_some() && self.conversation.verbosity.is_none() {
            self.lose("text.verbosity");
        }
        settings.rest.iter().for_each(|name| self.lose(&format!("text.{name}")));
        let Some(format) = settings.format else {
            return Ok(());
        };
        let format = object::<Format<'_>>(format).unwrap_or_default();
        self.conversation.format = match word(format.kind).as_deref() {
            None | Some("text") => return Ok(()),
            Some("json_object") => OutputFormat::JsonObject,
            Some("json_schema") => {
                let Some(schema) = format.schema.filter(|schema| is_object(schema)) else {
                    let sentence = "`text.format.schema` must be an object";
                    return Err(Malformed::new(sentence, "text"));
                };
                OutputFormat::JsonSchema {
                    name: word(format.name).map(Box::from),
                    description: word(format.description).map(Box::from),
                    schema: Json::new(schema.get()),
                    strict: format.strict.map(is_true),
                }
            }
            // A grammar, and whatever comes after it.
            Some(_) => {
                self.lose("text.format");
                return Ok(());
            }
        };
        self.conversation.needs |= Needs::JSON_OUTPUT;
        Ok(())
    }

    /// Perplexity's clients ask for a form as chat completions do.
    fn read_response_format(&mut self, value: &RawValue) {
        let asked = object::<ResponseFormat<'_>>(value).unwrap_or_default();
        let format = asked.json_schema.and_then(object::<Format<'_>>).unwrap_or_default();
        let schema = format.schema.filter(|schema| is_object(schema));
        self.conversation.format = match (word(asked.kind).as_deref(), schema) {
            (Some("text"), _) => return,
            (Some("json_schema") | None, Some(schema)) => OutputFormat::JsonSchema {
                name: word(format.name).map(Box::from),
                description: word(format.description).map(Box::from),
                schema: Json::new(schema.get()),
                strict: format.strict.map(is_true),
            },
            (Some("json_object"), _) => OutputFormat::JsonObject,
            // A pattern, and whatever comes after it.
            _ => return self.lose("response_format"),
        };
        self.conversation.needs |= Needs::JSON_OUTPUT;
    }

    fn read_reasoning(&mut self, value: &RawValue) {
        let thought = object::<Thought<'_>>(value).unwrap_or_default();
        let effort = word(thought.effort).and_then(|word| effort_of(&word));
        if thought.effort.is_some() && effort.is_none() {
            self.lose("reasoning.effort");
        }
        let summary = word(thought.summary).or_else(|| word(thought.generate_summary));
        let shown = summary.map(|word| word != "none");
        thought.rest.iter().for_each(|name| self.lose(&format!("reasoning.{name}")));
        if word(thought.effort).is_some_and(|word| word != "none") {
            self.conversation.needs |= Needs::REASONING;
        }
        self.conversation.reasoning = Reasoning { effort, budget_tokens: None, shown };
    }

    fn read_include(&mut self, value: &RawValue) {
        for raw in elements(value).unwrap_or_default() {
            match text(raw).as_deref() {
                Some("message.output_text.logprobs") => self.wants_logprobs = true,
                Some(other) => self.lose(&format!("include.{other}")),
                None => self.lose("include"),
            }
        }
    }

    fn finish(mut self) -> Result<Conversation, Malformed> {
        let mut turns = Turns::default();
        if let Some(instructions) = self.instructions.take().filter(|text| !text.is_empty()) {
            turns.push(Role::System, vec![Content::text(instructions)]);
        }
        match self.input {
            Some(input) => turns.read_input(input)?,
            None => return Err(Malformed::new("`input` is missing", "input")),
        }
        std::mem::take(&mut turns.lost).iter().for_each(|name| self.lose(name));
        match (self.conversation.about.user.is_some(), self.user.take()) {
            (true, Some(_)) => self.lose("user"),
            (true, None) => {}
            (false, user) => self.conversation.about.user = user,
        }
        // Alone it is what the outline calls the model.
        if !self.names_model {
            self.conversation.unmapped.retain(|name| &**name != "preset");
        }
        let mut conversation = self.conversation;
        if self.wants_logprobs || self.top_logprobs.is_some_and(|count| count > 0) {
            conversation.sampling.logprobs = Some(self.top_logprobs.unwrap_or(0));
            conversation.needs |= Needs::LOGPROBS;
        }
        conversation.needs |= turns.needs;
        conversation.turns = turns.into_turns();
        Ok(conversation)
    }
}

/// How much may be thought, by OpenAI's word for it.
fn effort_of(word: &str) -> Option<Effort> {
    Some(match word {
        "none" => Effort::None,
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" | "max" => Effort::Highest,
        _ => return None,
    })
}
