//! Reads the outline of a request: what routing needs, in one pass over borrowed bytes. Only what
//! routing relies on is checked; the rest is the provider's to judge.

use domain::{HostedKind, Needs, Outline};
use serde::de::{MapAccess, SeqAccess};

use super::agent::{self, Offered};
use super::tools::hosted_kind;
use crate::Malformed;
use crate::body::read_object;
use crate::form::Ask;
use crate::json::{Array, Elements, Members, Object, Shape, skip};
use crate::outline::{Kind, Twice, read_model, read_stream};

/// Reads what routing needs; all ranges are places in the body.
///
/// # Errors
/// A sentence for the caller if the body is no JSON object of bearable depth and size, if `model`,
/// `input` or `stream` is missing or of a wrong type, or stands there twice.
pub(super) fn read_outline(ask: &Ask<'_>) -> Result<Outline, Malformed> {
    let top: Top<'_> = read_object(ask.body)?;
    top.twice.check()?;
    // To Perplexity a preset, or the first of several models, says as much as a model.
    let (model, model_at) = read_model(ask, top.model.or(top.preset).or(top.first_of_models))?;
    match top.input {
        Some(Shape::Text(_) | Shape::Array(_)) => {}
        None | Some(Shape::Null) if top.stored_input => {}
        None => return Err(Malformed::new("`input` is missing", "input")),
        Some(_) => {
            let sentence = "`input` must be a string or an array of items";
            return Err(Malformed::new(sentence, "input"));
        }
    }
    let stream = read_stream(ask, top.stream.as_ref())?;
    Ok(Outline {
        model,
        model_at,
        stream,
        // The last event of every stream tells it.
        usage_in_stream: true,
        stream_options_at: None,
        needs: top.needs,
        output_tokens_max: top.output_tokens_max,
        extended: top.extended,
    })
}

/// The members at the top of a request that routing looks at.
#[derive(Default)]
struct Top<'de> {
    model: Option<Shape<'de>>,
    preset: Option<Shape<'de>>,
    first_of_models: Option<Shape<'de>>,
    input: Option<Shape<'de>>,
    stream: Option<Shape<'de>>,
    /// A member stands there that lets a request do without input of its own.
    stored_input: bool,
    needs: Needs,
    output_tokens_max: Option<u64>,
    extended: bool,
    twice: Twice,
}

impl<'de> Members<'de> for Top<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "model" => self.twice.read("model", &mut self.model, map)?,
            "input" => self.twice.read("input", &mut self.input, map)?,
            "stream" => self.twice.read("stream", &mut self.stream, map)?,
            "previous_response_id" | "conversation" | "prompt" => {
                self.stored_input |= map.next_value::<Shape<'de>>()? != Shape::Null;
            }
            "max_output_tokens" => {
                self.output_tokens_max = map.next_value::<Shape<'de>>()?.as_u64();
            }
            "tools" => {
                if let Array(Some(tools)) = map.next_value::<Array<Tools>>()? {
                    self.needs |= tools.needs;
                    self.extended |= tools.extended;
                }
            }
            "text" => {
                let text = map.next_value::<Object<Text<'de>>>()?.0.unwrap_or_default();
                let format = text.format.kind.as_text();
                self.need(Needs::JSON_OUTPUT, format.is_some_and(|kind| kind != "text"));
            }
            "reasoning" => {
                let reasoning = map.next_value::<Object<Effort<'de>>>()?.0.unwrap_or_default();
                let effort = reasoning.effort.as_text();
                self.need(Needs::REASONING, effort.is_some_and(|effort| effort != "none"));
            }
            "top_logprobs" => {
                let count = map.next_value::<Shape<'de>>()?.as_u64();
                self.need(Needs::LOGPROBS, count.is_some_and(|count| count > 0));
            }
            "include" => {
                let Array(include) = map.next_value::<Array<Include>>()?;
                self.need(Needs::LOGPROBS, include.is_some_and(|include| include.logprobs));
            }
            "response_format" => {
                let Object(form) = map.next_value::<Object<Kind<'de>>>()?;
                self.extended |= form.is_some();
                let form = form.unwrap_or_default();
                let kind = form.kind.as_text();
                self.need(Needs::JSON_OUTPUT, kind.is_some_and(|kind| kind.starts_with("json_")));
            }
            "preset" => {
                self.twice.read("preset", &mut self.preset, map)?;
                self.preset.take_if(|preset| *preset == Shape::Null);
                self.extended |= self.preset.is_some();
            }
            "models" => {
                let Array(models) = map.next_value::<Array<Models<'de>>>()?;
                self.extended |= models.is_some();
                self.first_of_models = models.and_then(|models| models.0);
            }
            name if agent::adds_member(name) => {
                self.extended |= map.next_value::<Shape<'de>>()? != Shape::Null;
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Top<'_> {
    fn need(&mut self, need: Needs, wanted: bool) {
        if wanted {
            self.needs |= need;
        }
    }
}

/// What a tool of this type needs.
pub(super) fn need_of_tool(kind: &str) -> Needs {
    match (kind, hosted_kind(kind)) {
        ("function" | "custom" | "namespace", _) => Needs::TOOLS,
        // These are run by the caller, though their form is the provider's.
        ("local_shell" | "shell" | "apply_patch" | "tool_search", _) => Needs::TOOLS,
        (kind, HostedKind::Other) if kind.starts_with("computer") => Needs::TOOLS,
        _ => Needs::HOSTED_TOOLS,
    }
}

#[derive(Default)]
struct Tools {
    needs: Needs,
    extended: bool,
}

impl<'de> Elements<'de> for Tools {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(tool)) = seq.next_element::<Object<Offered<'de>>>()? else {
            return Ok(false);
        };
        let tool = tool.unwrap_or_default();
        if let Some(kind) = tool.kind() {
            self.needs |= need_of_tool(kind);
        }
        self.extended |= tool.is_extended();
        Ok(true)
    }
}

/// The first of a list of models.
#[derive(Default)]
struct Models<'de>(Option<Shape<'de>>);

impl<'de> Elements<'de> for Models<'de> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(name) = seq.next_element::<Shape<'de>>()? else {
            return Ok(false);
        };
        self.0.get_or_insert(name);
        Ok(true)
    }
}

#[derive(Default)]
struct Include {
    logprobs: bool,
}

impl<'de> Elements<'de> for Include {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(name) = seq.next_element::<Shape<'de>>()? else {
            return Ok(false);
        };
        self.logprobs |= name.as_text() == Some("message.output_text.logprobs");
        Ok(true)
    }
}

#[derive(Default)]
struct Text<'de> {
    format: Kind<'de>,
}

impl<'de> Members<'de> for Text<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "format" => self.format = map.next_value::<Object<_>>()?.0.unwrap_or_default(),
            _ => skip(map)?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct Effort<'de> {
    effort: Shape<'de>,
}

impl<'de> Members<'de> for Effort<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "effort" => self.effort = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}
