//! Reads the outline of a request: what routing needs, in one pass over borrowed bytes. Only what
//! routing relies on is checked; the rest is the provider's to judge.

use std::ops::Range;

use domain::{Needs, Outline};
use serde::de::{MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::sonar;
use crate::Malformed;
use crate::body::{place_in, read_object};
use crate::form::Ask;
use crate::json::{Array, Elements, Members, Object, Shape, skip};
use crate::outline::{Kind, Twice, check_array, read_model, read_stream};
use crate::raw::object;

/// Reads what routing needs; all ranges are places in the body. A model that the path names
/// (Azure's deployments) goes before the one in the body, which may then be missing.
///
/// # Errors
/// A sentence for the caller if the body is no JSON object of bearable depth and size, if `model`
/// or `messages` is missing or of a wrong type, or if a field that decides the route stands twice.
pub(super) fn read_outline(ask: &Ask<'_>) -> Result<Outline, Malformed> {
    let body = ask.body;
    let fields: Top<'_> = read_object(body)?;
    fields.twice.check()?;
    let (model, model_at) = read_model(ask, fields.model)?;
    check_array("messages", fields.messages.as_ref())?;
    let stream = read_stream(ask, fields.stream.as_ref())?;
    let (stream_options_at, usage_in_stream) = read_stream_options(body, fields.stream_options)?;
    Ok(Outline {
        model,
        model_at,
        stream,
        usage_in_stream,
        stream_options_at,
        needs: fields.needs,
        output_tokens_max: fields.completion_tokens_max.or(fields.tokens_max),
        extended: fields.extended,
    })
}

/// The members at the top of a request that routing looks at.
#[derive(Default)]
struct Top<'de> {
    model: Option<Shape<'de>>,
    messages: Option<Shape<'de>>,
    stream: Option<Shape<'de>>,
    stream_options: Option<&'de RawValue>,
    needs: Needs,
    tokens_max: Option<u64>,
    completion_tokens_max: Option<u64>,
    extended: bool,
    twice: Twice,
}

impl<'de> Members<'de> for Top<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "model" => self.twice.read("model", &mut self.model, map)?,
            "messages" => self.twice.read("messages", &mut self.messages, map)?,
            "stream" => self.twice.read("stream", &mut self.stream, map)?,
            "stream_options" => self.twice.read("stream_options", &mut self.stream_options, map)?,
            "max_tokens" => self.tokens_max = map.next_value::<Shape<'de>>()?.as_u64(),
            "max_completion_tokens" => {
                self.completion_tokens_max = map.next_value::<Shape<'de>>()?.as_u64();
            }
            name if sonar::adds_member(name) => {
                self.extended = true;
                skip(map)?;
            }
            _ => self.needs |= read_need(name, map)?,
        }
        Ok(())
    }
}

/// What a member at the top of a request asks for beyond plain text; its value is read.
fn read_need<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Needs, A::Error> {
    let (need, wanted) = match name {
        "tools" => return Ok(map.next_value::<Array<Tools>>()?.0.unwrap_or_default().needs),
        "functions" => {
            let list = map.next_value::<Shape<'de>>()?;
            (Needs::TOOLS, matches!(list, Shape::Array(1..)))
        }
        "web_search_options" => {
            (Needs::HOSTED_TOOLS, map.next_value::<Shape<'de>>()? == Shape::Object)
        }
        "reasoning_effort" => {
            let effort = map.next_value::<Shape<'de>>()?;
            (Needs::REASONING, effort.as_text().is_some_and(|effort| effort != "none"))
        }
        "response_format" => {
            let format = map.next_value::<Object<Kind<'de>>>()?.0.unwrap_or_default();
            let kind = format.kind.as_text();
            (Needs::JSON_OUTPUT, kind.is_some_and(|kind| kind != "text"))
        }
        "modalities" => {
            let Array(modalities) = map.next_value::<Array<Modalities>>()?;
            (Needs::AUDIO, modalities.is_some_and(|list| list.audio))
        }
        "audio" => (Needs::AUDIO, map.next_value::<Shape<'de>>()? == Shape::Object),
        "n" => {
            let count = map.next_value::<Shape<'de>>()?.as_u64();
            (Needs::MANY_CHOICES, count.is_some_and(|count| count > 1))
        }
        "logprobs" => (Needs::LOGPROBS, map.next_value::<Shape<'de>>()? == Shape::Bool(true)),
        _ => {
            skip(map)?;
            (Needs::default(), false)
        }
    };
    Ok(if wanted { need } else { Needs::default() })
}

/// What a list of tools needs: who runs a tool is told by its type, and a function is meant where
/// none is told.
#[derive(Default)]
struct Tools {
    needs: Needs,
}

impl<'de> Elements<'de> for Tools {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(tool)) = seq.next_element::<Object<Kind<'de>>>()? else {
            return Ok(false);
        };
        let tool = tool.unwrap_or_default();
        let ours = matches!(tool.kind.as_text(), None | Some("function" | "custom"));
        self.needs |= if ours { Needs::TOOLS } else { Needs::HOSTED_TOOLS };
        Ok(true)
    }
}

#[derive(Default)]
struct Modalities {
    audio: bool,
}

impl<'de> Elements<'de> for Modalities {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(element) = seq.next_element::<Shape<'de>>()? else {
            return Ok(false);
        };
        self.audio |= element.as_text() == Some("audio");
        Ok(true)
    }
}

/// `stream_options` as far as the gateway takes part in them.
#[derive(Default)]
struct StreamOptions {
    include_usage: bool,
}

impl<'de> Members<'de> for StreamOptions {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "include_usage" => {
                self.include_usage = map.next_value::<Shape<'de>>()? == Shape::Bool(true);
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// Where the options stand and whether they ask for usage. A null has a place too, because it
/// must give way when usage is asked for.
fn read_stream_options(
    body: &[u8],
    options: Option<&RawValue>,
) -> Result<(Option<Range<usize>>, bool), Malformed> {
    let Some(options) = options else {
        return Ok((None, false));
    };
    let place = place_in(body, options.get());
    if options.get() == "null" {
        return Ok((place, false));
    }
    match object::<StreamOptions>(options) {
        Some(read) => Ok((place, read.include_usage)),
        None => Err(Malformed::new("`stream_options` must be an object", "stream_options")),
    }
}
